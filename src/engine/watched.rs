//! Rows that are evaluated and not trained on, on the GPU: uploaded once, with the dispatches that look at them
//! made once. What comes back is a few numbers, however many rows there are.

use std::ops::Range;

use super::parts;
use crate::data::Dataset;
use crate::gpu::{Buffer, Dispatch, Gpu, GpuError, Slice};
use crate::kernels;
use crate::network::{Activation, Link, Network, row_stride};

/// Bytes that the widest layer's activations of all networks may take: more rows go in several portions.
const WIDEST_BYTES: usize = 32 << 20;
/// Multiply-adds of a portion at most: each is a submission, which must not last.
const MOST_WORK: usize = 1 << 31;
/// Rows of a portion are a multiple of this, so that each begins where a binding may.
const ROWS: usize = 16;

/// What a network does on rows that are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// The loss over all of them; no finite number where an output is none.
    pub loss: f32,
    /// How many are right, where they are of classes.
    pub right: u32,
}

/// Elements of a row of the widest layer.
fn widest(network: &Network) -> usize {
    network.sizes()[1..].iter().map(|&units| row_stride(units)).max().unwrap_or(4)
}

/// Rows of all portions but the last.
pub(super) fn rows_of_a_portion(
    gpu: &Gpu,
    network: &Network,
    networks: usize,
    data: &Dataset,
) -> usize {
    let work = network.parameter_count().saturating_mul(networks).max(1);
    let most = (WIDEST_BYTES / 4 / widest(network).saturating_mul(networks))
        .min(MOST_WORK / work)
        .min(kernels::rows_at_once(network.outputs(), gpu.max_iterations() as usize));
    (most / ROWS * ROWS).max(ROWS).min(data.rows())
}

/// Rows that are looked at on the way.
#[derive(Debug)]
pub(super) struct Watched {
    portions: Vec<Vec<Dispatch>>,
    /// `[networks]`, two words each.
    scores: Buffer,
    networks: usize,
}

/// Some of these rows, and where what the networks make of them goes.
pub(super) struct Portion<'a> {
    /// How many rows.
    pub rows: usize,
    /// The first of them among the rows of `inputs`.
    pub first: usize,
    /// All inputs of a part, `[rows][stride]`.
    pub inputs: &'a Buffer,
    /// Two for activations to go to and fro, `[rows][stride][networks]` of the widest layer.
    pub activations: [&'a Buffer; 2],
}

impl Portion<'_> {
    /// Its own inputs.
    pub(super) fn own_inputs(&self, stride: usize) -> Slice<'_> {
        Slice::range(self.inputs, self.first * stride, self.rows * stride)
    }
}

impl Watched {
    /// Uploads `data`, for so many networks like `network`. `forward` makes the dispatches of a portion: each
    /// layer's output goes to one of the activations, the first to the first, the next to the other; of the
    /// last layer they are pre-activations.
    pub(super) async fn new(
        gpu: &Gpu,
        network: &Network,
        networks: usize,
        data: &Dataset,
        mut forward: impl AsyncFnMut(&Portion<'_>) -> Result<Vec<Dispatch>, GpuError>,
    ) -> Result<Watched, GpuError> {
        let (outputs, layers) = (network.outputs(), network.layers().len());
        let most = rows_of_a_portion(gpu, network, networks, data);
        let len = most * widest(network) * networks;
        let activations =
            [gpu.buffer("activations", len).await?, gpu.buffer("activations", len).await?];
        let scores = gpu.buffer("scores of rows", 2 * networks).await?;
        let scale = network.loss().value_scale(data.rows(), outputs) as f32;
        let takes_largest =
            outputs > 1 && (data.is_of_one_class() || network.loss().link() == Link::Softmax);
        let output = network.layers().next_back().map(|layer| layer.function());
        let ends = (network.loss_function(), output.unwrap_or((Activation::Identity, 0.0)));
        let mut portions = Vec::new();
        for part in &parts::upload(gpu, data).await? {
            for first in (0..part.rows).step_by(most) {
                let [to, fro] = &activations;
                let rows = most.min(part.rows - first);
                let (inputs, activations) = (&part.inputs, [to, fro]);
                let mut list = forward(&Portion { rows, first, inputs, activations }).await?;
                let z = activations[(layers - 1) % 2];
                let rows = (first..first + rows, !portions.is_empty());
                let launch = kernels::evaluate_rows(
                    ends,
                    rows,
                    outputs,
                    networks,
                    takes_largest,
                    scale,
                    data.is_weighted(),
                );
                let bound = [Slice::all(z), Slice::all(&part.targets), Slice::all(&scores)];
                list.push(gpu.dispatch(&launch, &bound).await?);
                portions.push(list);
            }
        }
        Ok(Watched { portions, scores, networks })
    }

    /// What is to be run before the scores are read, after `before`: all but the last portion are handed over
    /// now, each in a submission of its own, which must not last.
    pub(super) fn after<'a>(
        &'a self,
        gpu: &Gpu,
        before: impl IntoIterator<Item = &'a Dispatch>,
    ) -> Vec<&'a Dispatch> {
        let mut due: Vec<&Dispatch> = before.into_iter().collect();
        for (index, portion) in self.portions.iter().enumerate() {
            if index > 0 {
                gpu.submit(due.drain(..));
            }
            due.extend(portion);
        }
        due
    }

    /// Where the scores are.
    pub(super) fn range(&self) -> (&Buffer, Range<usize>) {
        (&self.scores, 0..2 * self.networks)
    }
}

impl Score {
    /// From the words that were read.
    pub(super) fn list(words: &[u32]) -> Vec<Score> {
        let score = |words: &[u32]| Score { loss: f32::from_bits(words[0]), right: words[1] };
        words.chunks_exact(2).map(score).collect()
    }
}
