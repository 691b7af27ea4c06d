use wgrad::kernels::{GATHER, GatherParams};
use wgrad::reference::twins::{self, Grid};

use crate::common::{SHAPES, numbers, stride};
use crate::launch::{Arg, floats, launch, unpadded};

fn run(rows: &[u32], source: &[f32], cols: usize) -> Vec<f32> {
    let stride = stride(cols);
    let params = GatherParams { len: rows.len() as u32, cols: cols as u32, stride: stride as u32 };
    let args = [Arg::U32(rows), Arg::F32(source), Arg::Out(rows.len() * stride)];
    let written = launch(&GATHER, &[], &params, &args, rows.len() * cols);
    unpadded(floats(&written[0]), cols, stride)
}

fn twin(rows: &[u32], source: &[f32], cols: usize) -> Vec<f32> {
    let grid = Grid { rows: rows.len(), cols, stride: stride(cols) };
    let mut output = vec![0.0; rows.len() * grid.stride];
    twins::gather(rows, source, &mut output, grid);
    output.chunks_exact(grid.stride).flat_map(|row| &row[..cols]).copied().collect()
}

#[test]
fn copies_the_rows_of_its_twin_bit_for_bit() {
    for (data_rows, cols) in SHAPES {
        let source = numbers(data_rows * stride(cols), 12);
        let rows: Vec<u32> = (0..data_rows as u32 + 3).map(|i| i * 7 % data_rows as u32).collect();
        assert_eq!(run(&rows, &source, cols), twin(&rows, &source, cols), "{data_rows}x{cols}");
    }
}

#[test]
fn by_hand() {
    let source = [1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0, 9.0];
    assert_eq!(run(&[1, 0, 1], &source, 3), [4.0, 5.0, 6.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn a_wrong_twin_is_found_out() {
    let source = numbers(40, 12);
    assert_ne!(run(&[3, 1, 4], &source, 4), twin(&[3, 1, 5], &source, 4));
}
