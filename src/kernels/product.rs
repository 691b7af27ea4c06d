//! How a layer's products are computed: which variant, by the shape and the adapter, with its grid and its
//! buffers. The variants are WGSL that is appended to the kernels that hold a product (see
//! `shaders/common/tile.wgsl`).

use std::fmt::Write as _;

use super::LayerShape;
use crate::gpu::{AdapterClass, Gpu, Kernel, Launch, Params};
use crate::network::row_stride;

/// Rows and columns of the tile that one invocation computes, and whose units are counted together.
pub(super) const TILE: usize = 8;
/// Columns of a staged tile.
const STAGED_COLS: usize = 64;
/// Invocations of a workgroup that stages nothing.
const LANES: usize = 64;
/// Compute units of a GPU that is worth filling: WebGPU does not tell how many there are, and large ones have about
/// so many (an H200 132, an RX 7900 XTX 96).
pub const UNITS: usize = 128;
/// Tiles from which a software adapter gets larger ones: enough for its threads to share evenly.
const FEW_TILES: usize = 8;
/// Elements of a product from which it gets tiles at all: half of the smallest.
const FEW_ELEMENTS: usize = 512;

/// One of the three products of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Forward: input times weights.
    Nn,
    /// The gradients of weights: input, transposed, times the gradients of outputs.
    Tn,
    /// The gradients of inputs: those of outputs times the weights, transposed.
    Nt,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Nn, Form::Tn, Form::Nt];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Form::Nn => "matmul-nn",
            Form::Tn => "matmul-tn",
            Form::Nt => "matmul-nt",
        }
    }
}

/// A product: a matrix of `rows` x `cols`, each element a sum of `terms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Product {
    /// Which of a layer's.
    pub form: Form,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Terms of each sum.
    pub terms: usize,
}

impl LayerShape {
    /// The product of a forward pass.
    pub fn forward(self) -> Product {
        Product { form: Form::Nn, rows: self.rows, cols: self.fan_out, terms: self.fan_in }
    }

    /// That of the gradients of its inputs.
    pub fn input_grad(self) -> Product {
        Product { form: Form::Nt, rows: self.rows, cols: self.fan_in, terms: self.fan_out }
    }

    /// That of the gradients of its weights.
    pub fn weights_grad(self) -> Product {
        Product { form: Form::Tn, rows: self.fan_in, cols: self.fan_out, terms: self.rows }
    }
}

impl Product {
    /// Floating-point operations: a product and a sum for each term.
    pub fn operations(self) -> u64 {
        2 * (self.rows * self.terms * self.cols) as u64
    }

    /// The layer that it is of.
    pub fn layer(self) -> LayerShape {
        let Product { form, rows, cols, terms } = self;
        match form {
            Form::Nn => LayerShape { rows, fan_in: terms, fan_out: cols },
            Form::Tn => LayerShape { rows: terms, fan_in: rows, fan_out: cols },
            Form::Nt => LayerShape { rows, fan_in: cols, fan_out: terms },
        }
    }
}

impl std::fmt::Display for Product {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}x{}x{}", self.form.name(), self.rows, self.terms, self.cols)
    }
}

/// A way to compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Each invocation computes 8 x 8 elements by itself.
    Direct,
    /// So many invocations share 8 x 8 elements and add up what each has of the terms: for few tiles of long sums.
    Split(usize),
    /// A workgroup brings the terms of so many rows and 64 columns into its memory, 16 at a time: for GPUs.
    Staged(usize),
    /// A subgroup computes a tile, and its invocations hand each other what each has read: for software adapters,
    /// where reading is slow and workgroup memory slower.
    Broadcast {
        /// Invocations of a subgroup.
        lanes: usize,
        /// Whether it reads matrices as pairs of numbers, 64 bits at a time.
        pairs: bool,
        /// Times four rows that an invocation reads.
        row_blocks: usize,
        /// Times four columns that an invocation owns.
        col_blocks: usize,
    },
}

/// The variant for a product on a class of adapters. Nothing else decides it, so that a run gives the same bits
/// whenever it is repeated there.
///
/// On GPUs the largest tiles that leave no compute unit without a workgroup: of 64 or 32 rows staged; else tiles of
/// 8 x 8, shared among as many invocations as it takes, or as there are blocks of four terms to share.
pub fn choose(product: Product, class: AdapterClass) -> Variant {
    match class {
        AdapterClass::Gpu => {
            let fills = |variant: &Variant| variant.groups(product) >= UNITS;
            let all = candidates(product, class);
            all.iter().copied().find(fills).unwrap_or(all[all.len() - 1])
        }
        AdapterClass::Software { .. } => {
            let tiles = broadcasts(class);
            let is_worth_tiles = product.rows * product.cols >= FEW_ELEMENTS;
            let largest = tiles
                .iter()
                .find(|tile| tile.groups(product) >= FEW_TILES && tile.is_filled(product));
            let tile = largest.or(tiles.last()).filter(|_| is_worth_tiles);
            tile.copied().unwrap_or(Variant::Direct)
        }
    }
}

/// Every variant that may be the fastest for a product on a class of adapters, on GPUs in the order in which
/// [`choose`] prefers them.
pub fn candidates(product: Product, class: AdapterClass) -> Vec<Variant> {
    let most = (product.terms.div_ceil(4) / 2).max(1);
    let splits = (1..=LANES.ilog2()).map(|bits| 1 << bits).filter(|split| *split <= most);
    let splits = splits.map(Variant::Split);
    match class {
        AdapterClass::Gpu => {
            let unsplit = [Variant::Staged(64), Variant::Staged(32), Variant::Direct];
            unsplit.into_iter().chain(splits).collect()
        }
        AdapterClass::Software { .. } => {
            // A driver compiles a large tile for seconds, for nothing where it is mostly empty.
            let tiles = broadcasts(class);
            let smallest = tiles.last().copied();
            let pays = |tile: &Variant| tile.is_filled(product) || Some(*tile) == smallest;
            tiles.into_iter().filter(pays).chain([Variant::Direct]).chain(splits).collect()
        }
    }
}

/// The tiles that subgroups of a software adapter take, the largest first. The larger, the fewer numbers are read for
/// each product, which is most of the time; and the longer a driver compiles: for the 1,024 vectors of sums of 128 x 64
/// by 8 lanes 3 to 4 seconds (llvmpipe of Mesa 22.3.6, LLVM 15), for twice as many 25, for half of them 1.3. Mesa keeps
/// what it compiled on disk.
pub fn broadcasts(class: AdapterClass) -> Vec<Variant> {
    let AdapterClass::Software { subgroup: Some(lanes), pairs } = class else { return Vec::new() };
    let blocks: &[(usize, usize)] = match lanes {
        4 => &[(4, 4), (2, 2)],
        8 => &[(4, 2), (2, 2), (1, 1)],
        _ => &[(1, 1)],
    };
    let lanes = lanes as usize;
    let tile =
        |&(row_blocks, col_blocks)| Variant::Broadcast { lanes, pairs, row_blocks, col_blocks };
    blocks.iter().map(tile).collect()
}

/// The variant for a product on a device: the one that was measured to be the fastest there, if its
/// [`tuned`](Gpu::tuned) choices have it, or that of [`choose`].
pub fn variant(gpu: &Gpu, product: Product) -> Variant {
    let class = gpu.adapter().class();
    let measured = gpu.tuned(&product.to_string()).and_then(|name| {
        candidates(product, class).into_iter().find(|variant| variant.to_string() == name)
    });
    measured.unwrap_or_else(|| choose(product, class))
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self, self.tile()) {
            (Variant::Staged(_), Some([rows, cols])) => write!(f, "staged-{rows}x{cols}"),
            (Variant::Broadcast { .. }, Some([rows, cols])) => {
                write!(f, "broadcast-{rows}x{cols}")
            }
            (Variant::Split(lanes), _) => write!(f, "split-{lanes}"),
            _ => f.write_str("direct"),
        }
    }
}

impl Variant {
    /// Rows and columns that a workgroup computes, where that is one tile.
    fn tile(self) -> Option<[usize; 2]> {
        match self {
            Variant::Staged(rows) => Some([rows, STAGED_COLS]),
            Variant::Broadcast { lanes, row_blocks, col_blocks, .. } => {
                Some([4 * lanes * row_blocks, 4 * lanes * col_blocks])
            }
            Variant::Direct | Variant::Split(_) => None,
        }
    }

    /// Whether a product has as many rows and columns as its tile, but for a rest that no smaller one would fit better.
    fn is_filled(self, product: Product) -> bool {
        let (Some([rows, cols]), lanes) = (self.tile(), self.lanes()) else { return true };
        rows <= product.rows.next_multiple_of(4 * lanes)
            && cols <= product.cols.next_multiple_of(4 * lanes)
    }

    /// Workgroups of a product.
    pub fn groups(self, product: Product) -> usize {
        let cols = row_stride(product.cols);
        let shared = if let Variant::Split(lanes) = self { lanes } else { 1 };
        match self.tile() {
            Some([high, across]) => product.rows.div_ceil(high) * cols.div_ceil(across),
            None => (product.rows.div_ceil(TILE) * cols.div_ceil(TILE) * shared).div_ceil(LANES),
        }
    }

    /// Invocations of a workgroup.
    pub fn lanes(self) -> usize {
        match self {
            Variant::Direct | Variant::Split(_) => LANES,
            Variant::Staged(rows) => rows,
            Variant::Broadcast { lanes, .. } => lanes,
        }
    }

    /// Bytes of workgroup memory.
    pub fn workgroup_bytes(self) -> usize {
        match self {
            Variant::Direct | Variant::Broadcast { .. } => 0,
            // Half a tile of each invocation.
            Variant::Split(_) => 8 * LANES * 16,
            // 16 terms of both.
            Variant::Staged(rows) => 16 * 4 * (rows + STAGED_COLS),
        }
    }

    /// Loop iterations of an invocation.
    fn iterations(self, product: Product) -> usize {
        let blocks = product.terms.div_ceil(4);
        match self {
            Variant::Direct => blocks,
            // The rows of a tile again for each block of columns.
            Variant::Broadcast { col_blocks, .. } => {
                blocks + self.tile().map_or(0, |[rows, _]| rows * col_blocks)
            }
            // Three sums over the invocations that share a tile, each of eight vectors.
            Variant::Split(lanes) => blocks.div_ceil(lanes) + 3 * 9 * (1 + lanes.ilog2() as usize),
            Variant::Staged(_) => blocks.div_ceil(4) * 17,
        }
    }

    /// A launch of a kernel that holds a product, and has so many bytes of workgroup memory for each invocation
    /// beside that.
    pub(super) fn launch<P: Params>(
        self,
        (kernel, own_bytes): (&Kernel<P>, usize),
        params: P,
        product: Product,
    ) -> Launch {
        let lanes = self.lanes();
        let bytes = own_bytes * lanes + self.workgroup_bytes();
        kernel
            .with_lanes(lanes as u32, bytes as u32)
            .launch(params, self.groups(product) * lanes)
            .with_lines(self.lines())
            .with_iterations(self.iterations(product))
    }

    /// The lines that are appended to a kernel.
    fn lines(self) -> String {
        let lanes = self.lanes();
        let stored = match self {
            Variant::Broadcast { pairs: true, .. } => {
                include_str!("../../shaders/common/stored_pairs.wgsl")
            }
            _ => include_str!("../../shaders/common/stored.wgsl"),
        };
        let head = format!("const LANES: u32 = {lanes}u;\n{stored}");
        match self {
            Variant::Direct => head + include_str!("../../shaders/common/direct.wgsl"),
            Variant::Split(split) => {
                let split = format!("const SPLIT: u32 = {split}u;\n");
                head + &split + include_str!("../../shaders/common/split.wgsl")
            }
            Variant::Staged(_) => head + include_str!("../../shaders/common/staged.wgsl"),
            Variant::Broadcast { row_blocks, col_blocks, .. } => {
                head + &broadcast(lanes, row_blocks, col_blocks)
            }
        }
    }
}

/// A product by a subgroup. Rows are read four at a time, each invocation other ones, and each of their numbers is
/// handed to all; every invocation owns columns. Written out, since registers cannot be counted through.
fn broadcast(lanes: usize, row_blocks: usize, col_blocks: usize) -> String {
    let rows = 4 * lanes * row_blocks;
    let (high, wide) = (lanes * row_blocks, lanes * col_blocks);
    let mut text = format!(
        "fn product(group: u32, lane: u32, first: u32) {{\n\
         let shape = product_shape();\n\
         let across = (shape.y + {wide}u - 1u) / {wide}u;\n\
         let row = group / across * {high}u;\n\
         let col = group % across * {wide}u + lane;\n"
    );
    let each = || (0..rows).flat_map(|row| (0..col_blocks).map(move |block| (row, block)));
    for (row, block) in each() {
        let _ = writeln!(text, "var sum{row}_{block} = vec4<f32>();");
    }
    for block in 0..col_blocks {
        let _ = writeln!(text, "var columns{block} = vec4<f32>();");
    }
    text.push_str("for (var term = first; term < shape.z; term++) {\n");
    for block in 0..row_blocks {
        let _ =
            writeln!(text, "let left{block} = left_block(row + {}u + lane, term);", block * lanes);
    }
    for block in 0..col_blocks {
        let at = block * lanes;
        let _ = writeln!(text, "let right{block} = right_block(col + {at}u, term);");
        let _ = writeln!(text, "columns{block} = add_columns(columns{block}, right{block});");
    }
    for row in 0..rows {
        let (block, from, place) = (row / 4 / lanes, row / 4 % lanes, row % 4);
        for term in 0..4 {
            let _ = writeln!(
                text,
                "let x{row}_{term} = subgroupBroadcast(left{block}[{term}][{place}], {from}u);"
            );
        }
        for block in 0..col_blocks {
            let terms: String =
                (0..4).map(|term| format!(" + x{row}_{term} * right{block}[{term}]")).collect();
            let _ = writeln!(text, "sum{row}_{block} = sum{row}_{block}{terms};");
        }
    }
    text.push_str("}\n");
    for block in 0..col_blocks {
        for row in (0..rows).step_by(TILE) {
            let sums: Vec<String> =
                (row..row + TILE).map(|row| format!("sum{row}_{block}")).collect();
            let _ = writeln!(
                text,
                "finish_rows(4u * row + {row}u, col + {}u, first, {});",
                block * lanes,
                sums.join(", ")
            );
        }
    }
    for block in 0..col_blocks {
        let at = block * lanes;
        let _ = writeln!(text, "finish_columns(row, col + {at}u, columns{block});");
    }
    text + "}\n" + include_str!("../../shaders/common/broadcast.wgsl")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBGROUPS: AdapterClass = AdapterClass::Software { subgroup: Some(8), pairs: true };

    fn product(rows: usize, cols: usize, terms: usize) -> Product {
        Product { form: Form::Nn, rows, cols, terms }
    }

    fn products(inputs: usize, hidden: usize, outputs: usize, batch: usize) -> Vec<Product> {
        let of = |fan_in, fan_out| {
            let shape = LayerShape { rows: batch, fan_in, fan_out };
            [shape.forward(), shape.input_grad(), shape.weights_grad()]
        };
        [of(inputs, hidden), of(hidden, outputs)].concat()
    }

    /// A GPU of 128 units has a workgroup for each wherever the work allows it: wherever tiles of 8 x 8, each shared
    /// among all 64 invocations, or among as many as have two blocks of terms, come to so many.
    #[test]
    fn every_unit_of_a_gpu_has_work_where_there_is_enough() {
        for hidden in [64, 100, 128, 256, 512, 1000, 1024, 2048, 4096] {
            for batch in [32, 50, 64, 128, 256, 512, 1024, 2048, 4096] {
                for product in products(784, hidden, 10, batch) {
                    let variant = choose(product, AdapterClass::Gpu);
                    let tiles = product.rows.div_ceil(8) * row_stride(product.cols).div_ceil(8);
                    let most = (product.terms.div_ceil(4) / 2).clamp(1, 64);
                    let sharing = 1 << most.ilog2();
                    let allowed = (tiles * sharing).div_ceil(64);
                    let groups = variant.groups(product);
                    assert!(groups >= allowed.min(UNITS), "{product:?}: {variant:?}, {groups}");
                }
            }
        }
    }

    /// A tile of subgroups of eight.
    fn tile(row_blocks: usize, col_blocks: usize) -> Variant {
        Variant::Broadcast { lanes: 8, pairs: true, row_blocks, col_blocks }
    }

    #[test]
    fn large_products_are_staged_and_small_ones_split() {
        let variant = |rows, cols, terms, class| choose(product(rows, cols, terms), class);
        let gpu = AdapterClass::Gpu;
        assert_eq!(variant(4096, 4096, 4096, gpu), Variant::Staged(64));
        assert_eq!(variant(512, 512, 784, gpu), Variant::Staged(32));
        // 784-128-10 at batch 32: one workgroup of 64 tiles, if each were one invocation's.
        let forward = variant(32, 128, 784, gpu);
        assert_eq!(forward, Variant::Split(64));
        assert_eq!(forward.groups(product(32, 128, 784)), 64);
        assert_eq!(variant(784, 128, 32, gpu), Variant::Split(4));
        assert_eq!(variant(8, 8, 3, gpu), Variant::Direct);
        assert_eq!(variant(256, 512, 784, SUBGROUPS), tile(4, 2));
        assert_eq!(variant(256, 128, 784, SUBGROUPS), tile(2, 2));
        // No tile has more rows than there are.
        assert_eq!(variant(64, 512, 784, SUBGROUPS), tile(2, 2));
        assert_eq!(variant(16, 512, 784, SUBGROUPS), tile(1, 1));
        assert_eq!(variant(1024, 10, 784, SUBGROUPS), tile(1, 1));
        assert_eq!(variant(128, 64, 64, SUBGROUPS), tile(1, 1));
        assert_eq!(variant(4, 3, 2, SUBGROUPS), Variant::Direct);
        let none = AdapterClass::Software { subgroup: None, pairs: false };
        assert_eq!(variant(4096, 4096, 4096, none), Variant::Direct);
    }

    #[test]
    fn what_is_chosen_is_a_candidate_and_names_tell_them_apart() {
        let classes = [1, 4, 8, 16, 32]
            .map(|lanes| AdapterClass::Software { subgroup: Some(lanes), pairs: false });
        let none = AdapterClass::Software { subgroup: None, pairs: true };
        for class in classes.into_iter().chain([AdapterClass::Gpu, none]) {
            for product in products(784, 128, 10, 32).into_iter().chain(products(64, 512, 512, 256))
            {
                let all = candidates(product, class);
                assert!(all.contains(&choose(product, class)), "{product} on {class:?}");
                let names: std::collections::BTreeSet<String> =
                    all.iter().map(Variant::to_string).collect();
                assert_eq!(names.len(), all.len(), "{product} on {class:?}");
                assert_eq!(
                    [product],
                    [product.layer()].map(|layer| match product.form {
                        Form::Nn => layer.forward(),
                        Form::Tn => layer.weights_grad(),
                        Form::Nt => layer.input_grad(),
                    })
                );
            }
        }
    }

    #[test]
    fn tiles_that_are_mostly_empty_are_no_candidates() {
        let tiles = |rows, cols| {
            let all = candidates(product(rows, cols, 8), SUBGROUPS).into_iter();
            all.filter(|variant| variant.tile().is_some()).collect::<Vec<_>>()
        };
        assert_eq!(tiles(8, 8), [tile(1, 1)]);
        assert_eq!(tiles(33, 9), [tile(1, 1)]);
        assert_eq!(tiles(64, 33), [tile(2, 2), tile(1, 1)]);
        assert_eq!(tiles(100, 64), [tile(4, 2), tile(2, 2), tile(1, 1)]);
    }

    #[test]
    fn grids_cover_every_element() {
        let all = [
            Variant::Direct,
            Variant::Split(16),
            Variant::Staged(64),
            Variant::Staged(32),
            Variant::Broadcast { lanes: 8, pairs: false, row_blocks: 4, col_blocks: 2 },
        ];
        for variant in all {
            assert!(variant.workgroup_bytes() + 16 * variant.lanes() <= 16_384, "{variant:?}");
            for (rows, cols) in [(1, 1), (63, 65), (64, 64), (129, 7), (784, 512)] {
                let groups = variant.groups(product(rows, cols, 5));
                let elements = match variant.tile() {
                    Some([high, wide]) => high * wide,
                    None => variant.lanes() * 64,
                };
                let shared = if let Variant::Split(lanes) = variant { lanes } else { 1 };
                assert!(groups * elements / shared >= rows * cols, "{variant:?} of {rows}x{cols}");
            }
        }
    }
}
