use std::ops::Range;

use wgrad::kernels;
use wgrad::reference::twins::{self, Grid};

use crate::common::{SHAPES, numbers, stride};
use crate::launch::{Arg, SENTINEL, launch};

/// What is left in the output where the source holds the rows of `part`, padding and all.
fn run(rows: &[u32], source: &[f32], cols: usize, part: Range<usize>) -> Vec<u32> {
    let stride = stride(cols);
    let args = [Arg::U32(rows), Arg::F32(source), Arg::Out(rows.len() * stride)];
    launch(&kernels::gather(rows.len(), cols, part), &args).remove(0)
}

fn twin(rows: &[u32], source: &[f32], cols: usize, part: Range<usize>) -> Vec<u32> {
    let grid = Grid { rows: rows.len(), cols, stride: stride(cols) };
    let mut output = vec![f32::from_bits(SENTINEL); rows.len() * grid.stride];
    twins::gather(rows, source, &mut output, grid, part);
    output.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn copies_the_rows_of_its_twin_bit_for_bit() {
    for (data_rows, cols) in SHAPES {
        let source = numbers(data_rows * stride(cols), 12);
        let rows: Vec<u32> = (0..data_rows as u32 + 3).map(|i| i * 7 % data_rows as u32).collect();
        let all = 0..data_rows;
        let run = run(&rows, &source, cols, all.clone());
        assert_eq!(run, twin(&rows, &source, cols, all), "{data_rows}x{cols}");
    }
}

#[test]
fn parts_leave_each_other_alone_and_make_a_whole() {
    let (data_rows, cols) = (23, 5);
    let source = numbers(data_rows * stride(cols), 12);
    let rows: Vec<u32> = (0..40).map(|i| i * 11 % data_rows as u32).collect();
    let whole = run(&rows, &source, cols, 0..data_rows);
    let mut together = vec![SENTINEL; whole.len()];
    for part in [0..9, 9..22, 22..23] {
        let own = &source[part.start * stride(cols)..part.end * stride(cols)];
        let run = run(&rows, own, cols, part.clone());
        assert_eq!(run, twin(&rows, own, cols, part.clone()), "{part:?}");
        for (to, from) in together.iter_mut().zip(run).filter(|(_, from)| *from != SENTINEL) {
            assert_eq!(*to, SENTINEL, "two parts wrote one place");
            *to = from;
        }
    }
    assert_eq!(together, whole);
}

#[test]
fn by_hand() {
    let source = [1.0, 2.0, 3.0, 9.0, 4.0, 5.0, 6.0, 9.0];
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let row = |values: [f32; 3]| [bits(&values), vec![SENTINEL]].concat();
    let (first, second) = (row([1.0, 2.0, 3.0]), row([4.0, 5.0, 6.0]));
    let all = run(&[1, 0, 1], &source, 3, 0..2);
    assert_eq!(all, [second.clone(), first.clone(), second.clone()].concat());
    // The same rows as those from 6 on: row 5 comes before, row 8 after them.
    let part = run(&[5, 7, 8, 6], &source, 3, 6..8);
    assert_eq!(part, [vec![SENTINEL; 4], second, vec![SENTINEL; 4], first].concat());
}

#[test]
fn a_wrong_twin_is_found_out() {
    let source = numbers(40, 12);
    assert_ne!(run(&[3, 1, 4], &source, 4, 0..10), twin(&[3, 1, 5], &source, 4, 0..10));
    assert_ne!(run(&[3, 1, 4], &source, 4, 0..10), twin(&[3, 1, 4], &source, 4, 1..11));
}
