//! The numbers of a run, and the questions that are asked of them. The thresholds stand here, each
//! with what speaks for it.

use std::cell::OnceCell;

use super::measures::{constant_loss, gradient_norm, median};
use super::{Checkup, End, LayerCheckup};
use crate::network::{Layer, Network};
use crate::train::{Evaluation, Training};

/// A fall by less over the last quarter of the epochs is none.
const FLAT: f64 = 0.01;
/// A run whose loss changed by less from its first epoch to its last hardly moved.
const HARDLY: f64 = 0.01;
/// A loss has risen where it ends so much above its first epoch's: less could be the batches' chance.
const ROSE: f64 = 0.05;
/// A loss bounces where it rises by a tenth from one point of its history to the next ...
const BOUNCE: f64 = 0.1;
/// ... at a quarter of the points of its second half. Descent over all rows at a rate below 2 / L never
/// rises (Nesterov 2004, 1.2.3), and the chance of batches averages out over an epoch.
const BOUNCES: f64 = 0.25;
/// The points that takes.
const BOUNCE_POINTS: usize = 8;
/// An update should be about 1e-3 of the parameters (Karpathy, CS231n notes, "Neural Networks Part 3:
/// Ratio of weights:updates": higher, and the rate might be too high; lower, too low). Small networks
/// do well a decade above it, so what is called too high and too low is two decades away.
pub(super) const GOOD_UPDATE: f64 = 1e-3;
/// That decade above: below it a loss that goes nowhere may want longer steps.
const SMALL_UPDATE: f64 = 1e-2;
/// Two decades above what is good, and two below.
const HIGH_UPDATE: f64 = 1e-1;
const LOW_UPDATE: f64 = 1e-5;
/// By so much gradients of an early layer and the last are apart where they vanish or explode. A
/// sigmoid's slope is at most 1/4: five layers of them, or fewer at their ends, make a thousandth
/// (Hochreiter 1991; Glorot & Bengio 2010). Such a layer moves a thousand times slower: it is not
/// trained within the epochs that train the last one.
const APART: f64 = 1e3;
/// The share of a layer that is dead from which it is told. In a stuck network a tenth, which is one
/// unit of a small layer ...
const DEAD_STUCK: f64 = 0.1;
/// ... in another, what CS231n's notes ("Neural Networks Part 1: ReLU") give as a sign of a rate too high.
const DEAD: f64 = 0.4;
/// The share of a layer that is saturated from which it is told: then most of what goes back is lost.
const SATURATED: f64 = 0.5;
/// Rows that a batch must have to say something of its units, if it is not all rows.
const LEAST_ROWS: usize = 8;
/// Where rows are too many to ask for all of them: a loss below this share of what the best constant
/// gives is a good one ...
const LOW_LOSS: f64 = 0.1;
/// ... and one above this is a bad one. In between there may be nothing left but noise in the data.
const HIGH_LOSS: f64 = 0.5;
/// Above this share nothing has been learned but a constant.
const NOTHING_LEARNED: f64 = 0.9;
/// Inputs that are so large on the average were brought to no scale.
const LARGE_INPUT: f64 = 10.0;

/// A run, as the doctor looks at it.
pub(super) struct Case<'a> {
    pub(super) training: &'a Training,
    pub(super) history: &'a [(u32, f32)],
    pub(super) checkups: &'a [Checkup],
    pub(super) end: &'a End<'a>,
    /// Both ask for all rows, once.
    constant: OnceCell<f64>,
    input_size: OnceCell<f64>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        training: &'a Training,
        history: &'a [(u32, f32)],
        checkups: &'a [Checkup],
        end: &'a End<'a>,
    ) -> Case<'a> {
        let (constant, input_size) = (OnceCell::new(), OnceCell::new());
        Case { training, history, checkups, end, constant, input_size }
    }

    pub(super) fn network(&self) -> &'a Network {
        &self.training.network
    }

    fn evaluation(&self) -> Option<&'a Evaluation> {
        self.end.evaluation
    }

    /// Whether every row was asked for, and some are off.
    pub(super) fn is_judged(&self) -> bool {
        self.evaluation().is_some_and(|seen| seen.solved == Some(false))
    }

    /// Whether every row is right, if perhaps not by much.
    pub(super) fn is_all_right(&self) -> bool {
        self.evaluation().is_some_and(|seen| seen.right == Some(self.training.data.rows()))
    }

    /// Whether there is nothing to look for.
    pub(super) fn is_well(&self) -> bool {
        let Some(seen) = self.evaluation() else { return false };
        match seen.solved {
            Some(solved) => solved,
            None => self.is_all_right() || self.share().is_some_and(|share| share < LOW_LOSS),
        }
    }

    /// Whether rows that are too many to ask for all of them are badly learned.
    pub(super) fn is_bad(&self) -> bool {
        self.is_judged() || self.share().is_some_and(|share| share >= HIGH_LOSS)
    }

    /// The loss at the end; where that is no number, the last that was.
    pub(super) fn loss(&self) -> f64 {
        let finite = || self.history.iter().rev().find(|point| point.1.is_finite());
        let last = || finite().map_or(f64::NAN, |last| last.1.into());
        self.evaluation().map_or_else(last, |seen| seen.loss)
    }

    /// That of the first epoch.
    pub(super) fn first_loss(&self) -> f64 {
        self.history.first().map_or(f64::NAN, |first| first.1.into())
    }

    /// The loss beside that of the best constant outputs; `None` where these leave none.
    pub(super) fn share(&self) -> Option<f64> {
        Some(self.loss() / self.constant()?)
    }

    fn constant(&self) -> Option<f64> {
        let constant = *self.constant.get_or_init(|| constant_loss(self.training));
        (constant > 0.0).then_some(constant)
    }

    /// How many times the best constant's loss the first epoch's was, where the start was far off. Of
    /// several steps an epoch, the first one's loss is not known.
    pub(super) fn far_start(&self) -> Option<f64> {
        if self.training.batches(0).steps_per_epoch() > 1 {
            return None;
        }
        let times = self.first_loss() / self.constant()?;
        (times.is_finite() && times >= APART).then_some(times)
    }

    /// Whether next to nothing was learned, by steps that are on the short side.
    pub(super) fn may_want_longer_steps(&self) -> bool {
        let is_short = self.usual_update().is_some_and(|update| update < SMALL_UPDATE);
        is_short && self.share().is_some_and(|share| share > NOTHING_LEARNED)
    }

    /// The mean of the history's points about one: of more where there are many, as batches make
    /// them scatter.
    fn smooth(&self, at: usize) -> f64 {
        let half = self.history.len() / 32;
        let near = &self.history[at.saturating_sub(half)..self.history.len().min(at + half + 1)];
        near.iter().map(|point| f64::from(point.1)).sum::<f64>() / near.len().max(1) as f64
    }

    /// Whether the loss has all but stopped falling over the last quarter of the epochs.
    pub(super) fn is_flat(&self) -> bool {
        let Some(last) = self.history.len().checked_sub(1) else { return false };
        let (before, after) = (self.smooth(last * 3 / 4), self.smooth(last));
        last > 0 && before - after < FLAT * before
    }

    pub(super) fn hardly_moved(&self) -> bool {
        (self.first_loss() - self.loss()).abs() < HARDLY * self.first_loss()
    }

    pub(super) fn rose(&self) -> bool {
        self.loss() > (1.0 + ROSE) * self.first_loss()
    }

    /// How many points of the history's second half, of how many, are a leap above the one before.
    pub(super) fn bounces(&self) -> (usize, usize) {
        let half = &self.history[self.history.len() / 2..];
        let leaps =
            |pair: &&[(u32, f32)]| f64::from(pair[1].1) > (1.0 + BOUNCE) * f64::from(pair[0].1);
        (half.windows(2).filter(leaps).count(), half.len().saturating_sub(1))
    }

    pub(super) fn is_bouncing(&self) -> bool {
        let (leaps, of) = self.bounces();
        of >= BOUNCE_POINTS && leaps as f64 >= BOUNCES * of as f64
    }

    /// The largest update of each of these checkups beside its parameters.
    fn update_ratios(checkups: &[Checkup]) -> Vec<f64> {
        let largest = |checkup: &Checkup| {
            checkup.layers.iter().filter_map(|layer| layer.update_ratio).reduce(f64::max)
        };
        checkups.iter().filter_map(largest).collect()
    }

    /// The median of these, that of the very first step left out where there are others: it says nothing
    /// of why the loss is flat at the end.
    pub(super) fn usual_update(&self) -> Option<f64> {
        let first =
            self.checkups.first().filter(|first| first.step == 0 && self.checkups.len() > 1);
        median(Case::update_ratios(&self.checkups[usize::from(first.is_some())..]))
    }

    /// The largest of all.
    pub(super) fn largest_update(&self) -> Option<f64> {
        Case::update_ratios(self.checkups).into_iter().reduce(f64::max)
    }

    pub(super) fn has_high_updates(&self) -> bool {
        self.usual_update().is_some_and(|ratio| ratio >= HIGH_UPDATE)
    }

    /// Whether steps were too large, to be seen by what they did: large updates alone are no fault
    /// while the loss falls.
    pub(super) fn leaps(&self) -> bool {
        let is_stuck = self.end.diverged.is_some() || self.is_flat();
        self.rose() || self.is_bouncing() || is_stuck && self.has_high_updates()
    }

    /// Whether steps, or what they start from, are too large.
    pub(super) fn is_too_high(&self) -> bool {
        let is_off = self.end.diverged.is_some() || self.is_bad();
        self.leaps() || is_off && self.far_start().is_some()
    }

    /// A loss that fell at first and then stopped is stuck, not slow; nor is one that goes nowhere
    /// while the parameters move.
    pub(super) fn is_too_low(&self) -> bool {
        let largest = self.largest_update();
        if largest.is_some_and(|ratio| ratio < LOW_UPDATE) {
            return self.hardly_moved() || !self.is_flat();
        }
        let quarter = self.smooth(self.history.len().saturating_sub(1) / 4);
        let (first, fall) = (self.first_loss(), self.first_loss() - self.loss());
        // What rounding leaves of a fall is no shape.
        let is_even = fall < 1e-4 * first || first - quarter < 0.5 * fall;
        let may_be = largest.is_none_or(|ratio| ratio < GOOD_UPDATE);
        let blocked = self.end.dead.iter().any(|&(dead, units)| dead == units);
        may_be && self.hardly_moved() && is_even && !blocked
    }

    /// The norm of all gradients together, first at the first checkup, then at its largest.
    pub(super) fn gradient_growth(&self) -> Option<(f64, f64)> {
        let first = gradient_norm(self.checkups.first()?);
        // Of a single layer there is nothing for gradients to grow through.
        let is_deep = self.network().layers().len() > 1;
        let largest = self.checkups.iter().map(gradient_norm).reduce(f64::max)?;
        (is_deep && first > 0.0 && largest >= APART * first).then_some((first, largest))
    }

    /// By how much gradients grow from the last layer to the one where they are largest, and which that
    /// is.
    pub(super) fn gradients_grow_back(&self) -> Option<(usize, f64)> {
        let (layer, times) = self.early_layer(|a, b| a > b)?;
        (times >= APART).then_some((layer, times))
    }

    /// By how much they shrink.
    pub(super) fn gradients_shrink_back(&self) -> Option<(usize, f64)> {
        let (layer, times) = self.early_layer(|a, b| a < b)?;
        (times <= 1.0 / APART).then_some((layer, times))
    }

    /// The early layer whose gradients are most apart from the last one's, and their usual size beside
    /// these. A first layer's go with its inputs, and are taken as of inputs of size 1.
    fn early_layer(&self, is_worse: fn(f64, f64) -> bool) -> Option<(usize, f64)> {
        let hidden = self.network().layers().len() - 1;
        let usual = |layer: usize| {
            let ratio = |checkup: &Checkup| {
                let last = checkup.layers.last()?.gradient_rms();
                let ratio = checkup.layers.get(layer)?.gradient_rms() / last;
                (last > 0.0 && ratio.is_finite()).then_some(ratio)
            };
            let size = if layer == 0 { self.input_size() } else { 1.0 };
            let size = if size > 0.0 { size } else { 1.0 };
            Some((layer, median(self.checkups.iter().filter_map(ratio).collect())? / size))
        };
        (0..hidden).filter_map(usual).reduce(|a, b| if is_worse(b.1, a.1) { b } else { a })
    }

    /// The root of the inputs' mean square.
    fn input_size(&self) -> f64 {
        *self.input_size.get_or_init(|| {
            let inputs = self.training.data.inputs();
            let squares: f64 = inputs.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            (squares / inputs.len() as f64).sqrt()
        })
    }

    pub(super) fn has_large_inputs(&self) -> bool {
        self.input_size() > LARGE_INPUT
    }

    /// The hidden layers whose units can die: those that [`End::dead`] speaks of.
    pub(super) fn mortal_layers(&self) -> impl Iterator<Item = Layer> + 'a {
        let network = self.network();
        let hidden = network.layers().take(network.layers().len() - 1);
        hidden.filter(|layer| layer.activation.row().can_die)
    }

    /// Whether it is worth a look at all rows: always where they are few, else where the batches have
    /// not shown that too few units can be dead.
    pub(super) fn may_have_dead_units(&self) -> bool {
        if self.is_well() || self.mortal_layers().next().is_none() {
            return false;
        }
        let is_suspect = |layer: Layer| {
            self.fewest(layer.index, |seen| seen.dead)
                .is_some_and(|dead| dead as f64 >= DEAD_STUCK * layer.fan_out as f64)
        };
        self.is_judged() || self.mortal_layers().any(is_suspect)
    }

    /// The share of a layer that must be dead to be told of.
    pub(super) fn least_dead(&self, is_moving: bool) -> f64 {
        if self.is_flat() && self.is_bad() && !is_moving { DEAD_STUCK } else { DEAD }
    }

    /// The layer with the largest share of saturated units, and how many these are.
    pub(super) fn most_saturated(&self) -> Option<(Layer, usize)> {
        let network = self.network();
        let hidden = network.layers().take(network.layers().len() - 1);
        let counted = |layer: Layer| {
            let units = self.fewest(layer.index, |seen| seen.saturated)?;
            (units as f64 >= SATURATED * layer.fan_out as f64).then_some((layer, units))
        };
        let share = |(layer, units): &(Layer, usize)| *units as f64 / layer.fan_out as f64;
        hidden.filter_map(counted).reduce(|a, b| if share(&b) > share(&a) { b } else { a })
    }

    /// The least that the second half of the checkups counted of a layer: a batch shows no fewer units
    /// than all rows would. `None` where batches were too small to tell.
    fn fewest(&self, layer: usize, of: fn(&LayerCheckup) -> usize) -> Option<usize> {
        let half = &self.checkups[self.checkups.len() / 2..];
        let tells = |checkup: &&Checkup| {
            checkup.rows >= LEAST_ROWS || checkup.rows >= self.training.data.rows()
        };
        let of_layer = |checkup: &Checkup| checkup.layers.get(layer).map(of);
        half.iter().filter(tells).filter_map(of_layer).min()
    }
}
