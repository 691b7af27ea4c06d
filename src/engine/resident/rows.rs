//! The data set and its batches as lines of WGSL: what `shaders/common/rows.wgsl` needs.

use super::request::{Capacity, Request};
use crate::data::Dataset;
use crate::gpu::{Access, Binding};
use crate::kernels::{TRAIN_BINDINGS, TRAIN_STORAGE_BINDINGS};

/// Numbers of the data set that are held in registers too, where every step takes all rows.
const MOST_KEPT: usize = 64;

/// Loops over a row's outputs in a step at most: targets, pre-activations, the softmax's three, predictions,
/// gradients, the comparison with targets, what is stored, and the loss's three.
pub(super) const OUTPUT_LOOPS: usize = 12;

/// How the rows of a network's data lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    /// Rows in all, of a batch, of the short batch at the end of an epoch, and in registers.
    pub all: usize,
    pub batch: usize,
    pub short: usize,
    pub kept: usize,
    pub full: bool,
    /// Whether a step's own forward pass shows whether the data is solved.
    pub shows_solved: bool,
    pub shuffled: bool,
    pub stops_when_solved: bool,
    is_weighted: bool,
    /// Vectors of four numbers that hold a row.
    vectors: usize,
}

impl Rows {
    /// `in_registers` where an invocation has all of a row to itself.
    pub(super) fn new(request: Request<'_>, in_registers: bool) -> Rows {
        let Request { network, batches, stops_when_solved, is_weighted, .. } = request;
        let (batch, full) = (batches.batch(), batches.is_full());
        let numbers = network.inputs() + network.outputs() + usize::from(is_weighted);
        let vectors = numbers.div_ceil(4);
        let keeps = in_registers && full && 4 * batch * vectors <= MOST_KEPT;
        Rows {
            all: batches.rows(),
            batch,
            short: batches.rows() % batch,
            kept: if keeps { batch } else { 0 },
            full,
            shows_solved: full && !network.differs_in_training(),
            shuffled: batches.shuffled(),
            stops_when_solved,
            is_weighted,
            vectors,
        }
    }

    /// Whether the data set fits a uniform binding.
    fn is_uniform(&self, capacity: Capacity) -> bool {
        16 * self.all * self.vectors <= capacity.uniform_bytes
    }

    /// The bindings of a kernel over them.
    pub(super) fn bindings(&self, capacity: Capacity) -> &'static [Binding] {
        if self.is_uniform(capacity) { TRAIN_BINDINGS } else { TRAIN_STORAGE_BINDINGS }
    }

    /// The lines.
    pub(super) fn lines(&self, capacity: Capacity) -> String {
        let Rows { all, batch, short, kept, full, shuffled, vectors, .. } = self;
        let Rows { stops_when_solved, shows_solved, is_weighted, .. } = self;
        let data = if self.is_uniform(capacity) {
            format!("var<uniform> data: array<vec4<f32>, {}>", all * vectors)
        } else {
            "var<storage, read> data: array<vec4<f32>>".to_owned()
        };
        format!(
            "@group(0) @binding(1) {data};\n\
             const ROW_VECTORS: u32 = {vectors}u; const ROWS: u32 = {batch}u; const KEPT: u32 = {kept}u;\n\
             const SHORT_ROWS: u32 = {short}u; const FULL: bool = {full}; const SHUFFLED: bool = {shuffled};\n\
             const STOPS_WHEN_SOLVED: bool = {stops_when_solved}; const SHOWS_SOLVED: bool = {shows_solved}; const WEIGHTED: bool = {is_weighted};\n"
        )
    }

    /// Loop iterations that a step takes for looking whether a network is solved, where one row takes
    /// `row_iterations`: none where its own forward pass sees every row.
    pub(super) fn judging_iterations(&self, row_iterations: usize) -> usize {
        if self.stops_when_solved && !self.shows_solved {
            (self.all + 1) * row_iterations
        } else {
            0
        }
    }

    /// Loop iterations of the look at every row that ends a dispatch of networks that stop when solved.
    pub(super) fn last_look_iterations(&self, row_iterations: usize) -> usize {
        if self.stops_when_solved { (self.all + 1) * row_iterations } else { 0 }
    }

    /// Loop iterations of the walk to a shuffled row, two on average at most, with as many to spare.
    pub(super) fn walk_iterations(&self) -> usize {
        if self.shuffled { 4 } else { 0 }
    }

    /// Inputs, targets and weight of each row: `[rows][vectors][4]`, padded with zeros.
    pub(super) fn data(data: &Dataset) -> Vec<f32> {
        let len = data.input_len() + data.target_width();
        let padding = len.next_multiple_of(4) - len;
        let mut flat = Vec::with_capacity(data.rows() * (len + padding));
        let target_rows = data.target_rows();
        for (row, target) in target_rows.chunks_exact(data.target_width()).enumerate() {
            flat.extend_from_slice(data.input(row));
            flat.extend_from_slice(target);
            flat.extend(std::iter::repeat_n(0.0, padding));
        }
        flat
    }
}

/// Whether a binding is the data's, and uniform.
pub(super) fn is_uniform(bindings: &[Binding]) -> bool {
    bindings.first().is_some_and(|binding| binding.access == Access::Uniform)
}
