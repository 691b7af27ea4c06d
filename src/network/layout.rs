//! Where each parameter lies in one flat buffer. The only code that computes such an index.
//!
//! A layer is one block: `fan_in` rows of weights, then the bias row, each row `stride` elements
//! long (`fan_out` rounded up to 4, so that a row can be read four at a time). Blocks start at
//! multiples of 64 elements, 256 bytes: a kernel can bind one layer's range. Padding is zero,
//! stays zero, and nothing counts it.

use std::ops::Range;

use super::Network;

/// Elements to which a row is rounded up.
const ROW_ALIGN: usize = 4;
/// Elements at whose multiples a block starts: 256 bytes, WebGPU's default offset alignment.
const BLOCK_ALIGN: usize = 64;

/// What a tensor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorKind {
    /// `fan_in x fan_out`: `[i][j]` goes from input `i` to unit `j`.
    Weights,
    /// `1 x fan_out`.
    Bias,
}

/// One named matrix within the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// As in saved files: `layers.0.weight`, `layers.0.bias`.
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

/// Where every tensor of a network lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    tensors: Vec<Tensor>,
    blocks: Vec<LayerBlock>,
    len: usize,
}

/// `cols` rounded up to a whole number of 16-byte groups.
pub(crate) fn row_stride(cols: usize) -> usize {
    cols.next_multiple_of(ROW_ALIGN)
}

impl Layout {
    /// The layout of `network`'s parameters; gradients and optimizer state lie alike.
    pub fn new(network: &Network) -> Layout {
        let mut tensors = Vec::new();
        let mut blocks = Vec::new();
        let mut offset = 0;
        for layer in network.layers() {
            let stride = row_stride(layer.fan_out);
            let bias_offset = layer.fan_in * stride;
            let len = bias_offset + stride;
            let tensor = |suffix: &str, kind, offset, rows| Tensor {
                name: format!("layers.{}.{suffix}", layer.index),
                layer: layer.index,
                kind,
                offset,
                rows,
                cols: layer.fan_out,
                stride,
            };
            tensors.push(tensor("weight", TensorKind::Weights, offset, layer.fan_in));
            tensors.push(tensor("bias", TensorKind::Bias, offset + bias_offset, 1));
            blocks.push(LayerBlock { offset, len, stride, bias_offset });
            offset = (offset + len).next_multiple_of(BLOCK_ALIGN);
        }
        Layout { tensors, blocks, len: offset }
    }

    /// How long the buffer of a network of `sizes` would be, or `None` where that overflows.
    pub(super) fn padded_len(sizes: &[usize]) -> Option<usize> {
        sizes.windows(2).try_fold(0usize, |len, pair| {
            let block = pair[0].checked_add(1)?.checked_mul(row_stride(pair[1]))?;
            len.checked_add(block)?.checked_next_multiple_of(BLOCK_ALIGN)
        })
    }

    /// Elements of the flat buffer, padding included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a network has at least one layer.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every tensor, in the order in which they lie.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The weights of a layer.
    pub fn weights(&self, layer: usize) -> &Tensor {
        &self.tensors[2 * layer]
    }

    /// The bias of a layer.
    pub fn bias(&self, layer: usize) -> &Tensor {
        &self.tensors[2 * layer + 1]
    }

    /// One layer's block.
    pub fn block(&self, layer: usize) -> LayerBlock {
        self.blocks[layer]
    }

    /// A flat buffer from one `[rows][cols]` list per tensor, in the order of [`Self::tensors`].
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
        let loss = Loss::MseMean;
        let net = Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Identity, loss);
        Layout::new(&net.unwrap())
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
    fn every_element_has_one_place_and_padding_has_none() {
        for sizes in [&[1, 1][..], &[2, 3, 1], &[13, 17, 11, 7], &[37, 1, 29], &[64, 33, 10]] {
            let layout = layout(sizes);
            let mut owners = vec![0; layout.len()];
            for tensor in layout.tensors() {
                assert!(tensor.kind == TensorKind::Bias || tensor.offset % 64 == 0);
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
            assert_eq!(Layout::padded_len(sizes), Some(layout.len()));
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
