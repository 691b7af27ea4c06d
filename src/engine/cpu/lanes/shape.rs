//! What the networks of a population have in common, worked out once, and the memory of their steps.

use std::ops::{Deref, DerefMut, Range};

use super::super::vector::Vector;
use crate::data::{Batches, RowOrder};
use crate::engine::{Population, Request};
use crate::network::{Activation, GradientAt, Layout, Loss};
use crate::optimizer::Optimizer;

/// Bytes that a step of a group of small networks may have in use: about what the first level of a cache holds.
const CACHE_BYTES: usize = 48 << 10;
/// Rows that go through a network at once: with two registers of each, sums over them fill half of the sixteen.
pub(super) const TILE: usize = 4;
/// Numbers of a network, with its gradients and its moments, beyond which a group leaves the second level of a cache,
/// and products of matrices are faster.
const MOST_NUMBERS: usize = 16 << 10;

/// One layer. Its parameters are, unit by unit, the weights of what feeds it and the bias.
#[derive(Debug, Clone)]
pub(super) struct LayerShape {
    pub activation: Activation,
    pub parameter: f32,
    pub fan_in: usize,
    pub fan_out: usize,
    /// Its parameters among all.
    pub parameters: Range<usize>,
    /// Whether its slope is computed from pre-activations, which are then kept beside the activations.
    pub keeps_z: bool,
}

/// What the networks have in common.
#[derive(Debug)]
pub(super) struct Shape {
    pub layers: Vec<LayerShape>,
    pub inputs: usize,
    pub outputs: usize,
    /// Parameters of a network.
    pub count: usize,
    pub loss: Loss,
    pub loss_parameter: f32,
    pub optimizer: Optimizer,
    pub batches: Batches,
    pub is_weighted: bool,
    pub stops_when_solved: bool,
    /// Networks of a group.
    pub width: usize,
    /// Rows that go through the network at once, at most.
    pub tile: usize,
    /// Where each parameter stands in the network's layout, and this.
    pub places: Vec<usize>,
    pub layout: Layout,
}

/// Numbers that a network has for each parameter in a step.
fn states(optimizer: &Optimizer) -> usize {
    2 + optimizer.moments()
}

/// Whether networks like this are faster one in each lane than one after the other. They are not where the
/// loss is asked for on the way, which here is never computed: to lower the rate when it stands still; nor
/// where a network is so large that those of a group leave the cache. Norms are not taken: they need all rows of a
/// batch at once, which come here tile by tile.
pub(super) fn suits(request: Request<'_>) -> bool {
    let numbers = request.network.parameter_count() * states(&request.optimizer);
    let is_plain = !request.network.differs_in_training();
    !request.schedule.is_plateau() && is_plain && numbers <= MOST_NUMBERS
}

impl Shape {
    /// In groups of so many small networks, or so many others.
    pub(super) fn new(population: &Population<'_>, [many, few]: [usize; 2]) -> Shape {
        let &Population { network, optimizer, batches, data, .. } = population;
        let layout = Layout::new(network);
        let (mut layers, mut places) = (Vec::new(), Vec::new());
        for layer in network.layers() {
            let (weights, bias) = (layout.weights(layer.index), layout.bias(layer.index));
            let first = places.len();
            for unit in 0..layer.fan_out {
                places.extend((0..layer.fan_in).map(|input| weights.index(input, unit)));
                places.push(bias.index(0, unit));
            }
            layers.push(LayerShape {
                activation: layer.activation,
                parameter: layer.parameter as f32,
                fan_in: layer.fan_in,
                fan_out: layer.fan_out,
                parameters: first..places.len(),
                keeps_z: layer.activation.needs_pre_activation(),
            });
        }
        let units = |layer: &LayerShape| layer.fan_out * (2 + usize::from(layer.keeps_z));
        let row = network.inputs() + network.outputs() + layers.iter().map(units).sum::<usize>();
        let row = row * size_of::<f32>();
        let numbers = places.len() * states(&optimizer) * size_of::<f32>();
        let rows = batches.batch().max(1);
        let is_small = many * (numbers + row * rows.min(TILE)) <= CACHE_BYTES;
        let width = if is_small { many } else { few };
        let most = if population.stops_when_solved { data.rows().max(1) } else { rows };
        Shape {
            layers,
            inputs: network.inputs(),
            outputs: network.outputs(),
            count: places.len(),
            loss: network.loss(),
            loss_parameter: network.loss_parameter() as f32,
            optimizer,
            batches,
            is_weighted: data.is_weighted(),
            stops_when_solved: population.stops_when_solved,
            width,
            tile: TILE.min(most),
            places,
            layout,
        }
    }

    /// Whether the slope of the outputs' activation is still to be applied to the loss's gradient.
    pub(super) fn has_output_slope(&self) -> bool {
        self.loss.gradient_at() == GradientAt::Output
    }
}

/// A line of the cache.
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(super) struct Line([f32; 16]);

/// Numbers that begin where a line of the cache does, so that no register is filled from two.
#[derive(Debug)]
pub(super) struct Buffer(Vec<Line>);

impl Buffer {
    /// Zeros: as many as asked for, or what fills the last line.
    pub(super) fn new(len: usize) -> Buffer {
        Buffer(vec![Line([0.0; 16]); (len * size_of::<f32>()).div_ceil(size_of::<Line>())])
    }

    // A call from a loop of vectors would have all of them put away.
    #[inline(always)]
    pub(super) fn lines(&self) -> &[Line] {
        &self.0
    }

    #[inline(always)]
    pub(super) fn lines_mut(&mut self) -> &mut [Line] {
        &mut self.0
    }
}

impl Deref for Buffer {
    type Target = [f32];
    #[inline(always)]
    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Buffer {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

/// `M` vectors: one number of each network of a group.
pub(super) type Pack<V, const M: usize> = [V; M];

/// Networks of a vector.
pub(super) const fn lanes<V: Vector>() -> usize {
    size_of::<V>() / size_of::<f32>()
}

/// A list of numbers as vectors.
#[inline(always)]
pub(super) fn vectors<V: Vector>(list: &Buffer) -> &[V] {
    bytemuck::cast_slice(list.lines())
}

/// The same, to be changed.
#[inline(always)]
pub(super) fn vectors_mut<V: Vector>(list: &mut Buffer) -> &mut [V] {
    bytemuck::cast_slice_mut(list.lines_mut())
}

/// A list of numbers as packs.
#[inline(always)]
pub(super) fn packs<V: Vector, const M: usize>(list: &Buffer) -> &[Pack<V, M>] {
    vectors(list).as_chunks().0
}

/// The same, to be changed.
#[inline(always)]
pub(super) fn packs_mut<V: Vector, const M: usize>(list: &mut Buffer) -> &mut [Pack<V, M>] {
    vectors_mut(list).as_chunks_mut().0
}

/// What a layer computes of some rows, `[units][rows][width]`.
#[derive(Debug)]
pub(super) struct LayerRows {
    pub z: Buffer,
    pub a: Buffer,
    pub d: Buffer,
}

/// The memory of a step: that of all groups in turn.
#[derive(Debug)]
pub(super) struct Scratch {
    /// `[inputs][rows][width]`, `[outputs][rows][width]` and, where rows have weights, `[rows][width]`.
    pub input: Buffer,
    pub target: Buffer,
    pub weight: Buffer,
    pub layers: Vec<LayerRows>,
    /// A layer's numbers before its activation, or the slope of it, is applied; predictions.
    pub raw: Buffer,
    /// `[width]`: how far a prediction is from its target at most.
    pub farthest: Buffer,
    /// `[count][width]`.
    pub gradients: Buffer,
    /// The order of rows of each network of the group that is trained.
    pub orders: Vec<RowOrder>,
    /// The rows that the buffers hold, of all networks alike, where it is known.
    pub holds: Option<Range<usize>>,
}

impl Scratch {
    pub(super) fn new(shape: &Shape) -> Scratch {
        let rows = |units: usize| Buffer::new(shape.tile * units * shape.width);
        let layer = |layer: &LayerShape| LayerRows {
            z: rows(if layer.keeps_z { layer.fan_out } else { 0 }),
            a: rows(layer.fan_out),
            d: rows(layer.fan_out),
        };
        let widest = shape.layers.iter().map(|layer| layer.fan_out).max().unwrap_or(0);
        Scratch {
            raw: rows(widest),
            farthest: Buffer::new(shape.width),
            input: rows(shape.inputs),
            target: rows(shape.outputs),
            weight: rows(usize::from(shape.is_weighted)),
            layers: shape.layers.iter().map(layer).collect(),
            gradients: Buffer::new(shape.count * shape.width),
            orders: vec![RowOrder::default(); shape.width],
            holds: None,
        }
    }
}
