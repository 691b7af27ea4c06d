//! Steps of a group of networks, in vectors `V` of which `M` have one number of each. Rows go through the networks
//! a tile at a time, and their count is a constant where sums are made: those of all rows stay in registers, and a
//! weight is fetched once for all. Sums go in the order of the cpu engine's plain loops. What is done number by
//! number, as activations are, is done in vectors `W`, of several `V` where there are so many.
//!
//! All is inlined into functions that are compiled for the instructions of these vectors.

use std::ops::Range;

use super::super::vector::Vector;
use super::group::Group;
use super::shape::{
    Buffer, LayerRows, LayerShape, Pack, Scratch, Shape, TILE, lanes, packs, packs_mut, vectors,
    vectors_mut,
};
use super::update::{StepRule, update};
use crate::data::Dataset;
use crate::engine::{NetworkStatus, STOP_WITHIN};
use crate::network::{Activation, Link, Loss};

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

/// Makes these steps. Networks that stop when solved are looked at where the cpu engine looks: before each
/// step of a full batch, else where an epoch begins. One that has stopped goes on with the others of its
/// group for a while, and nobody asks any more what becomes of it.
#[inline(always)]
pub(super) fn advance<V: Vector, W: Vector, const M: usize>(
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
                look::<V, W, M>(work, group, scratch, step);
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
            forward::<V, W, M>(work.shape, group, scratch, len);
            loss::<W>(work.shape, scratch, len, scale);
            backward::<V, W, M>(work.shape, group, scratch, len, first == 0);
            first += len;
        }
        if stops_when_solved && is_full && stop_solved(group, &scratch.farthest, step) {
            return;
        }
        let rule = work.rules.get(at).unwrap_or(&work.rules[0]);
        update::<V, M>(work.shape, rule, group, &scratch.gradients);
    }
    if work.looks {
        look::<V, W, M>(work, group, scratch, steps.end);
    }
}

/// Looks over all rows which networks solve the data after so many steps; these stop.
#[inline(always)]
fn look<V: Vector, W: Vector, const M: usize>(
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
        forward::<V, W, M>(work.shape, group, scratch, len);
        loss::<W>(work.shape, scratch, len, 1.0);
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
    let mut orders = std::mem::take(&mut scratch.orders);
    for (lane, order) in orders.iter_mut().enumerate() {
        let own = group.member(lane).map_or(0, |member| seeds[member as usize]);
        let batches = shape.batches.with_seed(shape.batches.seed() + u64::from(own));
        for (at, row) in order.rows_of(batches, step, tile.clone()).enumerate() {
            put_row(scratch, data, row, (at, len), (lane..lane + 1, width));
        }
    }
    scratch.orders = orders;
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
        for (unit, &value) in values.iter().enumerate() {
            to[(unit * rows + at) * width..][lanes.clone()].fill(value);
        }
    };
    put(input, data.input(row));
    put(target, data.target(row));
    if let Some(own) = data.weights().get(row) {
        put(weight, std::slice::from_ref(own));
    }
}

/// A match on the rows of a tile whose every arm has their count as a constant.
macro_rules! with_rows {
    ($rows:expr, $name:ident => $body:expr) => {
        with_rows!(@arms $rows, $name => $body, 1 2 3)
    };
    (@arms $rows:expr, $name:ident => $body:expr, $($fewer:literal)+) => {
        match $rows {
            $( $fewer => { const $name: usize = $fewer; $body } )+
            _ => { const $name: usize = TILE; $body }
        }
    };
}

/// What a unit has of `R` rows.
type Rows<V, const M: usize, const R: usize> = [Pack<V, M>; R];

/// A list of numbers as those of units.
#[inline(always)]
fn units<V: Vector, const M: usize, const R: usize>(list: &Buffer) -> &[Rows<V, M, R>] {
    packs(list).as_chunks().0
}

/// The same, to be changed.
#[inline(always)]
fn units_mut<V: Vector, const M: usize, const R: usize>(list: &mut Buffer) -> &mut [Rows<V, M, R>] {
    packs_mut(list).as_chunks_mut().0
}

/// Every layer's activations of these rows.
#[inline(always)]
fn forward<V: Vector, W: Vector, const M: usize>(
    shape: &Shape,
    group: &Group,
    scratch: &mut Scratch,
    rows: usize,
) {
    let parameters = packs::<V, M>(&group.parameters);
    for (index, layer) in shape.layers.iter().enumerate() {
        let (before, from) = scratch.layers.split_at_mut(index);
        let input = before.last().map_or(&scratch.input, |layer| &layer.a);
        let LayerRows { z, a, .. } = &mut from[0];
        let z = if layer.keeps_z { z } else { &mut scratch.raw };
        let (own, stride) = (&parameters[layer.parameters.clone()], layer.fan_in + 1);
        with_rows!(rows, R => {
            let input = units::<V, M, R>(input);
            for (unit, z) in units_mut(z)[..layer.fan_out].iter_mut().enumerate() {
                let own = part(own, unit, stride);
                products(z, Some(&own[layer.fan_in]), own[..layer.fan_in].iter().zip(input));
            }
        });
        let len = layer.fan_out * rows * shape.width / lanes::<W>();
        let (z, a) = (&vectors::<W>(z)[..len], &mut vectors_mut::<W>(a)[..len]);
        let parameter = W::splat(layer.parameter);
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

/// `to[row] = first + sum of weight list[row]`; from the first product on where there is nothing before it.
#[inline(always)]
fn products<'a, V: Vector, const M: usize, const R: usize>(
    to: &mut Rows<V, M, R>,
    first: Option<&Pack<V, M>>,
    terms: impl Iterator<Item = (&'a Pack<V, M>, &'a Rows<V, M, R>)> + Clone,
) {
    for m in 0..M {
        let (mut sums, mut terms) = ([V::splat(0.0); R], terms.clone());
        if let Some(first) = first {
            sums = [first[m]; R];
        } else if let Some((weight, list)) = terms.next() {
            for r in 0..R {
                sums[r] = list[r][m] * weight[m];
            }
        }
        for (weight, list) in terms {
            for r in 0..R {
                sums[r] = sums[r] + list[r][m] * weight[m];
            }
        }
        for r in 0..R {
            to[r][m] = sums[r];
        }
    }
}

/// The gradients of the outputs' pre-activations and, where networks stop when solved, of each how far a prediction is
/// from its target at most.
#[inline(always)]
fn loss<W: Vector>(shape: &Shape, scratch: &mut Scratch, rows: usize, scale: f32) {
    let Scratch { layers, raw, target, weight, farthest, .. } = scratch;
    let Some((layer, last)) = shape.layers.last().zip(layers.last_mut()) else { return };
    // What a row has of one output.
    let own = shape.width / lanes::<W>();
    let (row, len) = (rows * own, shape.outputs * rows * own);
    let LayerRows { z, a, d } = last;
    let (z, a, d) = (vectors(z), &vectors(a)[..len], &mut vectors_mut::<W>(d)[..len]);
    let (raw, target) = (&mut vectors_mut(raw)[..len], &vectors(target)[..len]);
    let predictions = match shape.loss.link() {
        Link::Identity => a,
        Link::Sigmoid => {
            for (p, z) in raw.iter_mut().zip(a) {
                *p = Activation::Sigmoid.value([W::splat(0.0), *z]);
            }
            &*raw
        }
        Link::Softmax => {
            for at in 0..row {
                softmax(&a[at..], &mut raw[at..], row);
            }
            &*raw
        }
    };
    if shape.stops_when_solved {
        let mut at = 0;
        while at < len {
            for (m, farthest) in vectors_mut::<W>(farthest).iter_mut().enumerate() {
                let error = predictions[at + m] - target[at + m];
                *farthest = farthest.larger(error.abs());
            }
            at += own;
        }
    }
    let (parameter, scale) = (W::splat(shape.loss_parameter), W::splat(scale));
    with_constant!(
        shape.loss,
        Loss::{MseHalfMean, MseMean, Bce, BceWithLogits, SoftmaxCrossEntropy, Huber},
        KIND => for ((d, p), t) in d.iter_mut().zip(predictions).zip(target) {
            *d = KIND.slope([parameter, *p, *t]) * scale;
        }
    );
    if shape.is_weighted {
        for output in 0..shape.outputs {
            let d = part_mut(d, output, row).iter_mut();
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
fn backward<V: Vector, W: Vector, const M: usize>(
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
        let input = before.last().map_or(&scratch.input, |layer| &layer.a);
        let (own, stride) = (layer.parameters.clone(), layer.fan_in + 1);
        let (gradients, weights) = (&mut gradients[own.clone()], &parameters[own]);
        with_rows!(rows, R => {
            let (d, input) = (&units(&from[0].d)[..layer.fan_out], units::<V, M, R>(input));
            for (unit, d) in d.iter().enumerate() {
                unit_gradients(part_mut(gradients, unit, stride), d, input, is_first);
            }
            // The lowest layer has none to hand a gradient on to.
            let below = if index == 0 { 0 } else { layer.fan_in };
            for (unit, raw) in units_mut(&mut scratch.raw)[..below].iter_mut().enumerate() {
                let terms = d.iter().enumerate().map(|(at, d)| (&weights[at * stride + unit], d));
                products(raw, None, terms);
            }
        });
        let (Some(previous), Some(below)) = (before.last_mut(), index.checked_sub(1)) else {
            return;
        };
        let len = layer.fan_in * rows * shape.width / lanes::<W>();
        let LayerRows { z, a, d } = previous;
        let (z, a, d) = (vectors(z), &vectors(a)[..len], &mut vectors_mut::<W>(d)[..len]);
        apply_slope(&shape.layers[below], &vectors(&scratch.raw)[..len], (z, a), d);
    }
}

/// The gradients of a unit's weights and bias.
#[inline(always)]
fn unit_gradients<V: Vector, const M: usize, const R: usize>(
    gradients: &mut [Pack<V, M>],
    d: &Rows<V, M, R>,
    input: &[Rows<V, M, R>],
    is_first: bool,
) {
    let Some((bias, weights)) = gradients.split_last_mut() else { return };
    for m in 0..M {
        let mut own = [V::splat(0.0); R];
        for r in 0..R {
            own[r] = d[r][m];
        }
        let mut sum = if is_first { own[0] } else { bias[m] + own[0] };
        for own in &own[1..] {
            sum = sum + *own;
        }
        bias[m] = sum;
        for (weight, input) in weights.iter_mut().zip(input) {
            let first = input[0][m] * own[0];
            let mut sum = if is_first { first } else { weight[m] + first };
            for r in 1..R {
                sum = sum + input[r][m] * own[r];
            }
            weight[m] = sum;
        }
    }
}
