//! Steps of a group of networks, in vectors `V` of which `M` have one number of each. What several sums have in
//! common is fetched once for `R` of them; they go in the order of the cpu engine's plain loops.
//!
//! All is inlined into functions that are compiled for the instructions of these vectors.

use std::ops::Range;

use super::group::Group;
use super::shape::{LayerRows, LayerShape, Scratch, Shape};
use super::update::{StepRule, update};
use super::vector::{Pack, Pair, Vector, packs, packs_mut, vectors, vectors_mut};
use crate::data::Dataset;
use crate::engine::{NetworkStatus, STOP_WITHIN};
use crate::network::{Activation, Link, Loss, Number};

/// What a run over a group needs beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work<'a> {
    pub shape: &'a Shape,
    pub data: &'a Dataset,
    /// The seed of each network's orders, counted from that of the batches.
    pub seeds: &'a [u32],
    /// How gradients become updates in each of the steps; one where that is always the same.
    pub rules: &'a [StepRule],
    /// Whether to look after the last of them which networks solve the data.
    pub looks: bool,
}

/// [`with_constant!`] of an activation.
macro_rules! with_activation {
    ($value:expr, $name:ident => $body:expr) => {
        with_constant!(
            $value,
            Activation::{Relu, LeakyRelu, Tanh, Sigmoid, Identity, Elu, Gelu, Silu},
            $name => $body
        )
    };
}

/// Makes these steps. Networks that stop when solved are looked at where the cpu engine looks: before each
/// step of a full batch, else where an epoch begins. One that has stopped goes on with the others of its
/// group for a while, and nobody asks any more what becomes of it.
#[inline(always)]
pub(super) fn advance<V: Vector, const M: usize, const R: usize>(
    work: &Work<'_>,
    group: &mut Group,
    scratch: &mut Scratch,
    steps: Range<u32>,
) {
    let Shape { batches, stops_when_solved, outputs, loss: loss_kind, .. } = *work.shape;
    let (is_full, per_epoch) = (batches.is_full(), batches.steps_per_epoch() as u32);
    let scale_of = |rows| loss_kind.gradient_scale(rows, outputs) as f32;
    let (mut rows, mut scale) = (batches.rows(), scale_of(batches.rows()));
    for (at, step) in steps.clone().enumerate() {
        if !is_full {
            if stops_when_solved && step.is_multiple_of(per_epoch) {
                look::<V, M, R>(work, group, scratch, step);
            }
            rows = batches.len_of(step);
            scale = scale_of(rows);
        }
        packs_mut::<V, M>(&mut scratch.farthest)[0] = [V::splat(0.0); M];
        let mut first = 0;
        while first < rows {
            let tile = first..rows.min(first + work.shape.tile);
            let len = tile.len();
            take_rows(work, group, scratch, (!is_full).then_some(step), tile);
            forward::<V, M, R>(work.shape, group, scratch, len);
            loss::<V, M>(work.shape, scratch, len, scale);
            backward::<V, M, R>(work.shape, group, scratch, len, first == 0);
            first += len;
        }
        if stops_when_solved && is_full && stop_solved(group, &scratch.farthest, step) {
            return;
        }
        let rule = work.rules.get(at).unwrap_or(&work.rules[0]);
        update::<V, M>(work.shape, rule, group, &scratch.gradients);
    }
    if work.looks {
        look::<V, M, R>(work, group, scratch, steps.end);
    }
}

/// Looks over all rows which networks solve the data after so many steps; these stop.
#[inline(always)]
fn look<V: Vector, const M: usize, const R: usize>(
    work: &Work<'_>,
    group: &mut Group,
    scratch: &mut Scratch,
    step: u32,
) {
    let rows = work.data.rows();
    scratch.farthest.fill(0.0);
    for first in (0..rows).step_by(work.shape.tile) {
        let tile = first..rows.min(first + work.shape.tile);
        let len = tile.len();
        take_rows(work, group, scratch, None, tile);
        forward::<V, M, R>(work.shape, group, scratch, len);
        loss::<V, M>(work.shape, scratch, len, 1.0);
    }
    stop_solved(group, &scratch.farthest, step);
}

/// The networks whose farthest prediction is near its target stop. Whether all have.
#[inline(always)]
fn stop_solved(group: &mut Group, farthest: &[f32], step: u32) -> bool {
    // A prediction that is no number is near nothing.
    let is_near = |farthest: f32| farthest <= STOP_WITHIN;
    let own = farthest.iter().zip(&group.in_training);
    let any = own.fold(0, |any, (&farthest, own)| any | if is_near(farthest) { *own } else { 0 });
    if any == 0 {
        return false;
    }
    for (lane, &farthest) in farthest.iter().enumerate() {
        if is_near(farthest) && group.member(lane).is_some() {
            group.stop(lane, NetworkStatus::Solved(step));
        }
    }
    group.len() == 0
}

/// Takes rows as they stand in the data or, of a step's batch, in each network's own order.
#[inline(always)]
fn take_rows(
    work: &Work<'_>,
    group: &Group,
    scratch: &mut Scratch,
    step: Option<u32>,
    tile: Range<usize>,
) {
    let Work { shape, data, seeds, .. } = *work;
    let (len, width) = (tile.len(), shape.width);
    let step = match step {
        Some(step) if shape.batches.shuffled() => step,
        step => {
            let before = step.map_or(0, |step| {
                step as usize % shape.batches.steps_per_epoch() * shape.batches.batch()
            });
            let rows = before + tile.start..before + tile.end;
            if scratch.holds.as_ref() != Some(&rows) {
                for (at, row) in rows.clone().enumerate() {
                    put_row(scratch, data, row, (at, len), (0..width, width));
                }
                scratch.holds = Some(rows);
            }
            return;
        }
    };
    scratch.holds = None;
    for lane in 0..width {
        let own = group.member(lane).map_or(0, |member| seeds[member as usize]);
        let batches = shape.batches.with_seed(shape.batches.seed() + u64::from(own));
        let rows = batches.rows_of(step).skip(tile.start).take(len);
        for (at, row) in rows.enumerate() {
            put_row(scratch, data, row, (at, len), (lane..lane + 1, width));
        }
    }
}

/// Puts a row of the data to a place among `rows`, for some of the lanes.
fn put_row(
    scratch: &mut Scratch,
    data: &Dataset,
    row: usize,
    (at, rows): (usize, usize),
    (lanes, width): (Range<usize>, usize),
) {
    let Scratch { input, target, weight, .. } = scratch;
    let put = |to: &mut [f32], values: &[f32]| {
        let to = to.chunks_exact_mut(width).skip(at).step_by(rows);
        to.zip(values).for_each(|(to, &value)| to[lanes.clone()].fill(value));
    };
    put(input, data.input(row));
    put(target, data.target(row));
    if let Some(own) = data.weights().get(row) {
        put(weight, std::slice::from_ref(own));
    }
}

/// Every layer's activations of these rows.
#[inline(always)]
fn forward<V: Vector, const M: usize, const R: usize>(
    shape: &Shape,
    group: &Group,
    scratch: &mut Scratch,
    rows: usize,
) {
    let parameters = packs::<V, M>(&group.parameters);
    for (index, layer) in shape.layers.iter().enumerate() {
        let (before, from) = scratch.layers.split_at_mut(index);
        let input = packs(before.last().map_or(&scratch.input, |layer| &layer.a));
        let LayerRows { z, a, .. } = &mut from[0];
        let z = if layer.keeps_z { z } else { &mut scratch.raw };
        let (len, stride) = (layer.fan_out * rows, layer.fan_in + 1);
        for unit in 0..layer.fan_out {
            let sums = part_mut(packs_mut::<V, M>(z), unit, rows);
            let own = &parameters[layer.parameters.start + unit * stride..][..stride];
            products::<V, M, R>(sums, own[layer.fan_in], (own, 1), (input, layer.fan_in));
        }
        let len = len * M / 2;
        let (z, a) = (&vectors(z)[..len], &mut vectors_mut::<Pair<V>>(a)[..len]);
        let parameter = Pair::splat(layer.parameter);
        with_activation!(layer.activation, KIND => {
            for (a, z) in a.iter_mut().zip(z) {
                *a = KIND.value([parameter, *z]);
            }
        });
    }
}

/// Part `at` of a list in parts of `len`. Not by an iterator over parts, whose division takes as long as what is
/// done with them.
#[inline(always)]
fn part<T>(list: &[T], at: usize, len: usize) -> &[T] {
    &list[at * len..][..len]
}

/// The same, to be changed.
#[inline(always)]
fn part_mut<T>(list: &mut [T], at: usize, len: usize) -> &mut [T] {
    &mut list[at * len..][..len]
}

/// `sums[row] = first + sum over k of weights[k step] lists[k][row]`, of `count` lists.
#[inline(always)]
fn products<V: Vector, const M: usize, const R: usize>(
    sums: &mut [Pack<V, M>],
    first: Pack<V, M>,
    weights: (&[Pack<V, M>], usize),
    lists: (&[Pack<V, M>], usize),
) {
    let rows = sums.len();
    let (some, rest) = sums.as_chunks_mut::<R>();
    let mut row = 0;
    for some in some {
        row_products(some, &first, weights, lists, (row, rows));
        row += R;
    }
    for one in rest {
        row_products(std::array::from_mut(one), &first, weights, lists, (row, rows));
        row += 1;
    }
}

/// The same of `R` rows.
#[inline(always)]
fn row_products<V: Vector, const M: usize, const R: usize>(
    to: &mut [Pack<V, M>; R],
    first: &Pack<V, M>,
    (weights, step): (&[Pack<V, M>], usize),
    (lists, count): (&[Pack<V, M>], usize),
    (row, rows): (usize, usize),
) {
    let mut sums = [*first; R];
    for k in 0..count {
        let (w, x) = (&weights[k * step], &lists[k * rows + row..][..R]);
        for r in 0..R {
            add_product(&mut sums[r], &x[r], w);
        }
    }
    *to = sums;
}

#[inline(always)]
fn add_product<V: Vector, const M: usize>(
    sum: &mut Pack<V, M>,
    left: &Pack<V, M>,
    right: &Pack<V, M>,
) {
    for m in 0..M {
        sum[m] = sum[m] + left[m] * right[m];
    }
}

/// The gradients of the outputs' pre-activations, and of each network how far a prediction is from its target at
/// most.
#[inline(always)]
fn loss<V: Vector, const M: usize>(shape: &Shape, scratch: &mut Scratch, rows: usize, scale: f32) {
    let Scratch { layers, raw, target, weight, farthest, .. } = scratch;
    let Some((layer, last)) = shape.layers.last().zip(layers.last_mut()) else { return };
    let len = shape.outputs * rows * M / 2;
    let LayerRows { z, a, d } = last;
    let (z, a, d) = (vectors(z), &vectors(a)[..len], &mut vectors_mut::<Pair<V>>(d)[..len]);
    let (raw, target) = (&mut vectors_mut(raw)[..len], &vectors(target)[..len]);
    let predictions = match shape.loss.link() {
        Link::Identity => a,
        Link::Sigmoid => {
            for (p, z) in raw.iter_mut().zip(a) {
                *p = Activation::Sigmoid.value([Pair::splat(0.0), *z]);
            }
            &*raw
        }
        Link::Softmax => {
            let row = rows * M / 2;
            for at in 0..row {
                softmax(&a[at..], &mut raw[at..], row);
            }
            &*raw
        }
    };
    let farthest = &mut vectors_mut::<Pair<V>>(farthest)[..M / 2];
    let mut at = 0;
    while at < len {
        for (m, farthest) in farthest.iter_mut().enumerate() {
            let error: Pair<V> = predictions[at + m] - target[at + m];
            *farthest = farthest.larger(error.abs());
        }
        at += M / 2;
    }
    let (parameter, scale) = (Pair::splat(shape.loss_parameter), Pair::splat(scale));
    with_constant!(
        shape.loss,
        Loss::{MseHalfMean, MseMean, Bce, BceWithLogits, SoftmaxCrossEntropy, Huber},
        KIND => for ((d, p), t) in d.iter_mut().zip(predictions).zip(target) {
            *d = KIND.slope([parameter, *p, *t]) * scale;
        }
    );
    if shape.is_weighted {
        for output in 0..shape.outputs {
            let d = part_mut(d, output, rows * M / 2).iter_mut();
            for (d, weight) in d.zip(vectors(weight)) {
                *d = *d * *weight;
            }
        }
    }
    if shape.has_output_slope() {
        raw.copy_from_slice(d);
        apply_slope(layer, raw, (z, a), d);
    }
}

/// A row's probabilities, from its logits less their largest: each `step` vectors from the next.
#[inline(always)]
fn softmax<V: Vector>(z: &[V], p: &mut [V], step: usize) {
    let (mut largest, mut total) = (V::splat(f32::NEG_INFINITY), V::splat(0.0));
    for z in z.iter().step_by(step) {
        largest = z.above(largest, *z, largest);
    }
    for (p, z) in p.iter_mut().step_by(step).zip(z.iter().step_by(step)) {
        *p = (*z - largest).exp();
        total = total + *p;
    }
    for p in p.iter_mut().step_by(step) {
        *p = *p / total;
    }
}

/// `d = raw * slope`.
#[inline(always)]
fn apply_slope<V: Vector>(layer: &LayerShape, raw: &[V], (z, a): (&[V], &[V]), d: &mut [V]) {
    let parameter = V::splat(layer.parameter);
    let z = if layer.keeps_z { z } else { a };
    with_activation!(layer.activation, KIND => {
        for (((d, raw), z), a) in d.iter_mut().zip(raw).zip(z).zip(a) {
            *d = *raw * KIND.slope([parameter, *z, *a]);
        }
    });
}

/// The gradients of all parameters, from those of the outputs' pre-activations: of a batch's first rows, or
/// added to those of the rows before.
#[inline(always)]
fn backward<V: Vector, const M: usize, const R: usize>(
    shape: &Shape,
    group: &Group,
    scratch: &mut Scratch,
    rows: usize,
    is_first: bool,
) {
    let parameters = packs::<V, M>(&group.parameters);
    let gradients = packs_mut::<V, M>(&mut scratch.gradients);
    for (index, layer) in shape.layers.iter().enumerate().rev() {
        let (before, from) = scratch.layers.split_at_mut(index);
        let d = &packs(&from[0].d)[..layer.fan_out * rows];
        let input = packs(before.last().map_or(&scratch.input, |layer| &layer.a));
        let (own, stride) = (layer.parameters.clone(), layer.fan_in + 1);
        for unit in 0..layer.fan_out {
            let gradients = part_mut(&mut gradients[own.clone()], unit, stride);
            unit_gradients::<V, M, R>(gradients, part(d, unit, rows), input, is_first);
        }
        let (Some(previous), Some(below)) = (before.last_mut(), index.checked_sub(1)) else {
            return;
        };
        for unit in 0..layer.fan_in {
            let raw = part_mut(packs_mut::<V, M>(&mut scratch.raw), unit, rows);
            let (zero, weights) = ([V::splat(0.0); M], &parameters[own.start + unit..own.end]);
            products::<V, M, R>(raw, zero, (weights, stride), (d, layer.fan_out));
        }
        let len = layer.fan_in * rows;
        let LayerRows { z, a, d } = previous;
        let len = len * M / 2;
        let (z, a, d) = (vectors(z), &vectors(a)[..len], &mut vectors_mut::<Pair<V>>(d)[..len]);
        apply_slope(&shape.layers[below], &vectors(&scratch.raw)[..len], (z, a), d);
    }
}

/// The gradients of a unit's weights and bias.
#[inline(always)]
fn unit_gradients<V: Vector, const M: usize, const R: usize>(
    gradients: &mut [Pack<V, M>],
    d: &[Pack<V, M>],
    input: &[Pack<V, M>],
    is_first: bool,
) {
    let Some((bias, weights)) = gradients.split_last_mut() else { return };
    let mut sum = if is_first { [V::splat(0.0); M] } else { *bias };
    for d in d {
        for m in 0..M {
            sum[m] = sum[m] + d[m];
        }
    }
    *bias = sum;
    let (some, rest) = weights.as_chunks_mut::<R>();
    let mut at = 0;
    for weights in some {
        weight_gradients(weights, d, &input[at * d.len()..], is_first);
        at += R;
    }
    for weight in rest {
        weight_gradients(std::array::from_mut(weight), d, &input[at * d.len()..], is_first);
        at += 1;
    }
}

/// The gradients of `R` weights.
#[inline(always)]
fn weight_gradients<V: Vector, const M: usize, const R: usize>(
    weights: &mut [Pack<V, M>; R],
    d: &[Pack<V, M>],
    input: &[Pack<V, M>],
    is_first: bool,
) {
    let (mut sums, rows) = (if is_first { [[V::splat(0.0); M]; R] } else { *weights }, d.len());
    let input = &input[..R * rows];
    for (row, d) in d.iter().enumerate() {
        for r in 0..R {
            add_product(&mut sums[r], &input[r * rows + row], d);
        }
    }
    *weights = sums;
}
