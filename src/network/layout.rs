//! Where each parameter lies in one flat buffer. The only code that computes such an index.
//!
//! A layer is one block: `fan_in` rows of weights, then the bias row, each row `stride` elements
//! long (`fan_out` rounded up to 4, so that a row can be read four at a time). Blocks start at
//! multiples of 64 elements, 256 bytes: a kernel can bind one layer's range. Padding is zero,
//! stays zero, and nothing counts it.
//!
//! A layer with a norm has two more rows, of gamma and beta, in a block of their own after its first. Its running
//! estimates, two rows too, come after the blocks of all layers: nothing learns them, so that
//! optimizers and norms of gradients end before them, at [`Layout::learned_len`].

use std::ops::Range;

use super::{Layer, Network, Norm};

/// Elements to which a row is rounded up.
const ROW_ALIGN: usize = 4;
/// Elements at whose multiples a block starts: 256 bytes, WebGPU's default offset alignment.
const BLOCK_ALIGN: usize = 64;

/// What a tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TensorKind {
    /// `fan_in x fan_out`: `[i][j]` goes from input `i` to unit `j`.
    Weights,
    /// `1 x fan_out`.
    Bias,
    /// `1 x fan_out`: the factors of a norm.
    Gamma,
    /// `1 x fan_out`: what a norm adds.
    Beta,
    /// `1 x fan_out`: the running estimate of the means of a norm. Not learned.
    RunningMean,
    /// `1 x fan_out`: the same of its variances.
    RunningVariance,
}

impl TensorKind {
    /// Whether it has gradients. What has none is not learned: steps note it.
    pub const fn is_learned(self) -> bool {
        !matches!(self, TensorKind::RunningMean | TensorKind::RunningVariance)
    }

    /// What its elements are before anything is learned; weights are drawn.
    pub const fn start(self) -> f32 {
        match self {
            TensorKind::Gamma | TensorKind::RunningVariance => 1.0,
            _ => 0.0,
        }
    }

    /// Its name in saved files within a layer: PyTorch's, of `nn.Linear` or `nn.BatchNorm1d`.
    const fn name(self) -> [&'static str; 2] {
        match self {
            TensorKind::Weights => ["layers", "weight"],
            TensorKind::Bias => ["layers", "bias"],
            TensorKind::Gamma => ["norms", "weight"],
            TensorKind::Beta => ["norms", "bias"],
            TensorKind::RunningMean => ["norms", "running_mean"],
            TensorKind::RunningVariance => ["norms", "running_var"],
        }
    }
}

/// One named matrix within the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tensor {
    /// As in saved files: `layers.0.weight`, `layers.0.bias`; `norms.0.weight`, `norms.0.running_mean`.
    pub name: String,
    /// The weight layer it belongs to.
    pub layer: usize,
    /// What it holds.
    pub kind: TensorKind,
    /// Its first element.
    pub offset: usize,
    /// Its rows.
    pub rows: usize,
    /// Its columns, padding not counted.
    pub cols: usize,
    /// Elements from one row to the next.
    pub stride: usize,
}

impl Tensor {
    /// The flat index of `[row][col]`.
    pub fn index(&self, row: usize, col: usize) -> usize {
        debug_assert!(row < self.rows && col < self.cols);
        self.offset + row * self.stride + col
    }

    /// Every flat index of this tensor, row by row, padding left out.
    pub fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rows).flat_map(move |row| (0..self.cols).map(move |col| self.index(row, col)))
    }
}

/// One layer's range of the flat buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerBlock {
    /// The block's first element; weights start here.
    pub offset: usize,
    /// The block's elements, up to the end of the bias row.
    pub len: usize,
    /// Elements from one row to the next.
    pub stride: usize,
    /// From the block's first element to the bias row's.
    pub bias_offset: usize,
}

impl LayerBlock {
    /// The block as a range of the flat buffer.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.len
    }
}

/// The ranges of a layer's norm, each of two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NormBlock {
    /// The first element of gamma; beta is the next row.
    pub offset: usize,
    /// The first element of the running means; the variances are the next row.
    pub running_offset: usize,
    /// Elements from one row to the next.
    pub stride: usize,
}

impl NormBlock {
    /// Gamma and beta as a range of the flat buffer.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + 2 * self.stride
    }

    /// The running means and variances as a range of the flat buffer.
    pub fn running(&self) -> Range<usize> {
        self.running_offset..self.running_offset + 2 * self.stride
    }
}

/// Where every tensor of a network lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    blocks: Vec<LayerBlock>,
    norms: Vec<Option<NormBlock>>,
    /// The place of each layer's weights among the tensors.
    firsts: Vec<usize>,
    learned_len: usize,
    len: usize,
}

/// `cols` rounded up to a whole number of 16-byte groups.
pub(crate) fn row_stride(cols: usize) -> usize {
    cols.next_multiple_of(ROW_ALIGN)
}

impl Layout {
    /// The layout of `network`'s parameters; gradients and optimizer state lie alike.
    pub fn new(network: &Network) -> Layout {
        let mut layout = Layout {
            tensors: Vec::new(),
            blocks: Vec::new(),
            norms: Vec::new(),
            firsts: Vec::new(),
            learned_len: 0,
            len: 0,
        };
        for layer in network.layers() {
            let (stride, rows) = (row_stride(layer.fan_out), layer.fan_in);
            let bias_offset = rows * stride;
            let len = bias_offset + stride;
            layout.firsts.push(layout.tensors.len());
            let both = [(TensorKind::Weights, rows), (TensorKind::Bias, 1)];
            let offset = layout.push(layer.index, layer.fan_out, &both);
            layout.blocks.push(LayerBlock { offset, len, stride, bias_offset });
            let both = [(TensorKind::Gamma, 1), (TensorKind::Beta, 1)];
            let norm = layer.is_normed().then(|| layout.push(layer.index, layer.fan_out, &both));
            let norm = norm.map(|offset| NormBlock { offset, running_offset: 0, stride });
            layout.norms.push(norm);
        }
        layout.learned_len = layout.len;
        for layer in network.layers().filter(Layer::is_normed) {
            let both = [(TensorKind::RunningMean, 1), (TensorKind::RunningVariance, 1)];
            let running_offset = layout.push(layer.index, layer.fan_out, &both);
            if let Some(norm) = &mut layout.norms[layer.index] {
                norm.running_offset = running_offset;
            }
        }
        layout
    }

    /// Another block, of tensors one below the other; returns its first element.
    fn push(&mut self, layer: usize, cols: usize, kinds: &[(TensorKind, usize)]) -> usize {
        let (start, stride) = (self.len, row_stride(cols));
        let mut offset = start;
        for &(kind, rows) in kinds {
            let [of, what] = kind.name();
            let name = format!("{of}.{layer}.{what}");
            self.tensors.push(Tensor { name, layer, kind, offset, rows, cols, stride });
            offset += rows * stride;
        }
        self.len = offset.next_multiple_of(BLOCK_ALIGN);
        start
    }

    /// How long the buffer of a network of `sizes` would be, or `None` where that overflows.
    pub(super) fn padded_len(sizes: &[usize], norm: Norm) -> Option<usize> {
        sizes.windows(2).enumerate().try_fold(0usize, |len, (index, pair)| {
            let stride = row_stride(pair[1]);
            let block = pair[0].checked_add(1)?.checked_mul(stride)?;
            let len = len.checked_add(block)?.checked_next_multiple_of(BLOCK_ALIGN)?;
            if norm == Norm::None || index + 2 == sizes.len() {
                return Some(len);
            }
            len.checked_add(2 * (2 * stride).next_multiple_of(BLOCK_ALIGN))
        })
    }

    /// Elements of the flat buffer, padding included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Elements up to the end of what is learned; what comes after them no optimizer touches.
    pub fn learned_len(&self) -> usize {
        self.learned_len
    }

    /// Never: a network has at least one layer.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every tensor, in the order in which they lie.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Numbers that a network is: all tensors, padding not counted.
    pub fn count(&self) -> usize {
        self.tensors.iter().map(|tensor| tensor.rows * tensor.cols).sum()
    }

    /// Every tensor that is learned.
    pub fn learned(&self) -> impl Iterator<Item = &Tensor> {
        self.tensors.iter().filter(|tensor| tensor.kind.is_learned())
    }

    /// The weights of a layer.
    pub fn weights(&self, layer: usize) -> &Tensor {
        &self.tensors[self.firsts[layer]]
    }

    /// The bias of a layer.
    pub fn bias(&self, layer: usize) -> &Tensor {
        &self.tensors[self.firsts[layer] + 1]
    }

    /// Where a layer's norm lies, if it has one.
    pub fn norm(&self, layer: usize) -> Option<NormBlock> {
        self.norms[layer]
    }

    /// One layer's block.
    pub fn block(&self, layer: usize) -> LayerBlock {
        self.blocks[layer]
    }

    /// A flat buffer from one `[rows][cols]` list per tensor, in the order of [`Self::tensors`]; zeros where the
    /// lists end before, as those do that are only of what is learned.
    ///
    /// # Panics
    /// Where a list is shorter than its tensor: the caller's shapes are checked before.
    pub fn pack<T: Copy + Default>(&self, lists: &[Vec<T>]) -> Vec<T> {
        let mut flat = vec![T::default(); self.len];
        for (tensor, list) in self.tensors.iter().zip(lists) {
            assert_eq!(list.len(), tensor.rows * tensor.cols, "{}", tensor.name);
            for (index, &value) in tensor.indices().zip(list) {
                flat[index] = value;
            }
        }
        flat
    }

    /// One `[rows][cols]` list per tensor from a flat buffer: what [`Self::pack`] undoes.
    pub fn unpack<T: Copy>(&self, flat: &[T]) -> Vec<Vec<T>> {
        self.tensors
            .iter()
            .map(|tensor| tensor.indices().map(|index| flat[index]).collect())
            .collect()
    }

    /// The tensor and the `[row][col]` that a flat index belongs to, or `None` for padding.
    pub fn locate(&self, index: usize) -> Option<(&Tensor, usize, usize)> {
        self.tensors.iter().find_map(|tensor| {
            let within = index.checked_sub(tensor.offset)?;
            let (row, col) = (within / tensor.stride, within % tensor.stride);
            (row < tensor.rows && col < tensor.cols).then_some((tensor, row, col))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Loss};

    fn layout(sizes: &[usize]) -> Layout {
        with(sizes, Norm::None)
    }

    fn with(sizes: &[usize], norm: Norm) -> Layout {
        let loss = Loss::MseMean;
        let net = Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Identity, loss);
        Layout::new(&net.unwrap().with_norm(norm).unwrap())
    }

    #[test]
    fn xor_lies_where_the_plan_says() {
        let layout = layout(&[2, 3, 1]);
        assert_eq!(layout.weights(0).index(1, 2), 6);
        assert_eq!(layout.bias(0).index(0, 0), 8);
        assert_eq!(layout.weights(1).index(2, 0), 64 + 8);
        assert_eq!(layout.bias(1).index(0, 0), 64 + 12);
        assert_eq!(layout.len(), 128);
        assert_eq!(layout.block(1), LayerBlock { offset: 64, len: 16, stride: 4, bias_offset: 12 });
    }

    #[test]
    fn what_is_not_learned_lies_behind_what_is() {
        let layout = with(&[2, 3, 5, 1], Norm::Batch);
        let norm = layout.norm(0).unwrap();
        assert_eq!((norm.range(), norm.running()), (64..72, 5 * 64..5 * 64 + 8));
        let norm = layout.norm(1).unwrap();
        assert_eq!((norm.range(), norm.running()), (3 * 64..3 * 64 + 16, 6 * 64..6 * 64 + 16));
        assert_eq!((layout.norm(2), layout.learned_len(), layout.len()), (None, 5 * 64, 7 * 64));
        let names: Vec<&str> = layout.tensors().iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(
            names[..4],
            ["layers.0.weight", "layers.0.bias", "norms.0.weight", "norms.0.bias"]
        );
        assert_eq!(names[10..12], ["norms.0.running_mean", "norms.0.running_var"]);
        assert!(layout.learned().all(|tensor| tensor.offset < layout.learned_len()));
        assert_eq!(layout.learned().count() + 4, layout.tensors().len());
        assert_eq!(layout.weights(2).name, "layers.2.weight");
    }

    #[test]
    fn every_element_has_one_place_and_padding_has_none() {
        let sizes = [&[1, 1][..], &[2, 3, 1], &[13, 17, 11, 7], &[37, 1, 29], &[64, 33, 10]];
        let norms = |sizes: &&[usize]| if sizes.len() > 2 { Norm::ALL } else { &[Norm::None] };
        for (sizes, norm) in sizes.iter().flat_map(|s| norms(s).iter().map(move |&n| (*s, n))) {
            let layout = with(sizes, norm);
            let mut owners = vec![0; layout.len()];
            for tensor in layout.tensors() {
                let is_second = matches!(
                    tensor.kind,
                    TensorKind::Bias | TensorKind::Beta | TensorKind::RunningVariance
                );
                assert!(is_second || tensor.offset % 64 == 0);
                assert_eq!(tensor.stride % 4, 0);
                for index in tensor.indices() {
                    owners[index] += 1;
                    assert_eq!(layout.locate(index).unwrap().0.name, tensor.name);
                }
            }
            assert!(owners.iter().all(|&count| count <= 1));
            for (index, &count) in owners.iter().enumerate() {
                assert_eq!(count == 0, layout.locate(index).is_none(), "index {index}");
            }
            assert_eq!(Layout::padded_len(sizes, norm), Some(layout.len()));
        }
    }

    #[test]
    fn pack_and_unpack_undo_each_other() {
        let layout = layout(&[3, 5, 2]);
        let flat: Vec<f32> = (0..layout.len())
            .map(|index| if layout.locate(index).is_some() { index as f32 + 1.0 } else { 0.0 })
            .collect();
        assert_eq!(layout.pack(&layout.unpack(&flat)), flat);
    }
}
