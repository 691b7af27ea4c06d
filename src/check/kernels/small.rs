//! Cases of the kernels around a step: its rows, its clock, its loss, its start; and of `canary`.

use crate::check::{
    Arg, Case, SENTINEL, SHAPES, Scope, ULP, floats, numbers, padded, stride, wide,
};
use crate::data::{Batches, Order};
use crate::kernels;
use crate::reference::{fused, twins};

/// Rows of an epoch in its order, bit for bit.
pub(super) fn batch_rows(scope: &Scope) -> Vec<Case> {
    const SIZES: [(usize, usize); 8] =
        [(2, 1), (65, 64), (60_000, 70), (5, 4), (3, 2), (4, 3), (150, 32), (1797, 100)];
    let mut all = Vec::new();
    for &(rows, batch) in scope.some(&SIZES, 4) {
        // The halves of a seed differ, so that they cannot be swapped.
        for (seed, order) in [
            (0x1234_5678_9abc_def0, Order::Shuffled),
            (7, Order::Sequential),
            (u64::MAX, Order::Shuffled),
        ] {
            let batches = Batches::new(rows, batch, order, seed);
            let per_epoch = batches.steps_per_epoch() as u32;
            for step in [0, per_epoch - 1, per_epoch, 3 * per_epoch + per_epoch / 2] {
                let len = batches.len_of(step);
                let launch = kernels::batch_rows(&batches, len);
                let label = format!("{batch} of {rows} rows, {order}, seed {seed}, step {step}");
                let args = [Arg::of(&[step]), Arg::Out(len)];
                all.push(Case::new(label, launch, args, move |written, findings| {
                    let mut expected: Vec<u32> =
                        batches.rows_of(step).map(|row| row as u32).collect();
                    findings.equal("rows, as the cpu engine takes them", &written[0], &expected);
                    if batches.shuffled() {
                        let first = step % per_epoch * batch as u32;
                        let epoch = step / per_epoch;
                        twins::batch_rows(&mut expected, rows as u32, first, seed, epoch);
                        findings.equal("rows", &written[0], &expected);
                    }
                }));
            }
        }
    }
    all
}

/// Rows of inputs and targets, bit for bit, from a whole data set and from a part of it.
pub(super) fn gather_batch(_: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for ((data_rows, inputs), outputs) in SHAPES.into_iter().zip([1, 2, 3, 10, 4, 5, 17]) {
        for part in [0..data_rows, data_rows / 3..data_rows.div_ceil(2)] {
            let strides = [stride(inputs), stride(outputs)];
            let x = padded(part.len(), inputs, 12);
            let t = padded(part.len(), outputs, 13);
            let rows: Vec<u32> =
                (0..data_rows as u32 + 3).map(|i| i * 7 % data_rows as u32).collect();
            let args = [
                Arg::of(&rows),
                Arg::of(&x),
                Arg::of(&t),
                Arg::Out(rows.len() * strides[0]),
                Arg::Out(rows.len() * strides[1]),
            ];
            let label = format!("{inputs} and {outputs} columns, rows {part:?} of {data_rows}");
            if part.is_empty() {
                continue;
            }
            // A matrix as wide as its stride has that stride.
            let launch = kernels::gather_batch(rows.len(), strides[0], strides[1], part.clone());
            all.push(Case::new(label, launch, args, move |written, findings| {
                let untouched = |stride| vec![f32::from_bits(SENTINEL); rows.len() * stride];
                let mut outputs = strides.map(untouched);
                let [input, target] = &mut outputs;
                fused::gather_batch(&rows, [&x, &t], [input, target], strides, part.clone());
                for ((name, seen), expected) in
                    ["input", "target_rows"].into_iter().zip(written).zip(&outputs)
                {
                    let bits: Vec<u32> = expected.iter().map(|value| value.to_bits()).collect();
                    findings.equal(name, seen, &bits);
                }
            }));
        }
    }
    all
}

/// A counter.
pub(super) fn advance(_: &Scope) -> Vec<Case> {
    let case = |(clock, steps): (u32, u32)| {
        let label = format!("{clock} and {steps} steps");
        Case::new(label, kernels::advance(steps), [Arg::of(&[clock])], move |written, findings| {
            let mut expected = [clock];
            twins::advance(&mut expected, steps);
            findings.equal("clock", &written[0], &expected);
        })
    };
    [(0, 1), (41, 1), (5, 10), (u32::MAX, 1)].into_iter().map(case).collect()
}

/// The mean of a batch's losses, in the ring.
pub(super) fn finish_step(scope: &Scope) -> Vec<Case> {
    const RING: usize = 5;
    const ROWS: [usize; 8] = [1, 257, 1000, 4, 2, 255, 256, 5000];
    let mut all = Vec::new();
    for &rows in scope.some(&ROWS, 4) {
        for step in [7, u32::MAX] {
            let (row_loss, scale) = (numbers(rows, 9), 1.0 / rows as f32);
            let args = [Arg::of(&row_loss), Arg::of(&[step]), Arg::Out(RING)];
            let launch = kernels::finish_step(rows, RING as u32, scale);
            let label = format!("{rows} rows, step {step}");
            all.push(Case::new(label, launch, args, move |written, findings| {
                let untouched = f32::from_bits(SENTINEL);
                let (mut clock, mut exact) = (step, [untouched; RING]);
                fused::finish_step(&row_loss, &mut clock, &mut exact, scale);
                let (mut wide_clock, mut truth) = (step, [0.0; RING]);
                fused::finish_step(&wide(&row_loss), &mut wide_clock, &mut truth, scale.into());
                findings.equal("clock", &written[0], &[clock]);
                let place = step as usize % RING;
                let others = |words: &[u32]| [&words[..place], &words[place + 1..]].concat();
                findings.equal("other places", &others(&written[1]), &[SENTINEL; RING - 1]);
                // Every lane's own terms, eight halvings and the factor.
                let size: f64 = row_loss.iter().map(|loss| f64::from(loss.abs())).sum();
                let roundings = (rows.div_ceil(256) + 9) as f64;
                let bound = roundings * ULP * size * f64::from(scale);
                let seen = &floats(&written[1])[place..=place];
                let exact = &exact[place..=place];
                findings.hold("loss", seen, Some(exact), &truth[place..=place], &[bound]);
            }));
        }
    }
    all
}

/// Every loop iteration that is planned for is made: what the planner's limit stands on.
pub(super) fn canary(_: &Scope) -> Vec<Case> {
    let case = |asked: u32| {
        let label = format!("{asked} loop iterations");
        Case::new(label, kernels::canary(asked), [Arg::Out(1)], move |written, findings| {
            let mut expected = [0];
            twins::canary(&mut expected, asked);
            findings.equal("iterations", &written[0], &expected);
        })
    };
    [0, 1, 2, 1001, 32_767, 32_768].into_iter().map(case).collect()
}

/// The generator, bit for bit, and nothing beside what is drawn.
pub(super) fn init_uniform(scope: &Scope) -> Vec<Case> {
    let mut all = Vec::new();
    for &(networks, len) in scope.some(&[(1, 1), (5, 6), (66, 7), (1000, 30)], 3) {
        for (seed, layer) in [
            (0, 0),
            (u64::from(u32::MAX) - 2, 1),
            (u64::MAX - 2000, 63),
            (0x1234_5678_9abc_def0, 2),
        ] {
            // Among three more networks, the first of which is not drawn, behind two other parameters.
            let stride = networks + 3;
            let of_layer = (layer as usize, len);
            let launch = kernels::init_uniform(1..1 + networks, stride, 2, of_layer, (seed, 0.75));
            let args = [Arg::Out((len + 4) * stride)];
            let label = format!("{networks} networks of {len} weights, seed {seed}, layer {layer}");
            all.push(Case::new(label, launch, args, move |written, findings| {
                let mut expected = vec![SENTINEL; (len + 4) * stride];
                for network in 0..networks {
                    let mut column = vec![0.0; len];
                    twins::init_uniform(&mut column, layer, seed + network as u64, 0.75);
                    for (i, value) in column.iter().enumerate() {
                        expected[(2 + i) * stride + 1 + network] = value.to_bits();
                    }
                }
                findings.equal("parameters", &written[0], &expected);
            }));
        }
    }
    all
}
