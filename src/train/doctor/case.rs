//! The numbers of a run and the conditions that findings depend on, with the thresholds and the reasons for
//! them.

use std::cell::OnceCell;

use super::measures::{constant_loss, gradient_norm, median};
use super::{Checkup, End, LayerCheckup};
use crate::network::{Layer, Network};
use crate::train::Training;

/// A loss that falls by less over the last quarter of the epochs is flat.
const FLAT: f64 = 0.01;
/// A run whose loss changed by less from its first epoch to its last hardly moved.
const HARDLY: f64 = 0.01;
/// A loss has risen if it ends this much above that of the first epoch: less could be batch noise.
const ROSE: f64 = 0.05;
/// A loss bounces if it rises by a tenth from one point of its history to the next ...
const BOUNCE: f64 = 0.1;
/// ... at a quarter of the points of its second half. Full-batch gradient descent at a rate below 2 / L
/// never increases the loss (Nesterov 2004, 1.2.3), and batch noise averages out over an epoch.
const BOUNCES: f64 = 0.25;
/// The fewest points to judge that by.
const BOUNCE_POINTS: usize = 8;
/// An update should be about 1e-3 of the parameters (Karpathy, CS231n notes, "Neural Networks Part 3:
/// Ratio of weights:updates": if higher, the rate might be too high; if lower, too low). Small networks
/// do well a decade above it, so the limits for too high and too low are two decades away.
pub(super) const GOOD_UPDATE: f64 = 1e-3;
/// That decade above: below it, larger steps may help a loss that is stuck.
const SMALL_UPDATE: f64 = 1e-2;
/// Two decades above a good update, and two below.
const HIGH_UPDATE: f64 = 1e-1;
const LOW_UPDATE: f64 = 1e-5;
/// The ratio between the gradients of an early layer and the last from which they vanish or explode. A
/// sigmoid's slope is at most 1/4: five layers of them, or fewer saturated ones, make a thousandth
/// (Hochreiter 1991; Glorot & Bengio 2010). Such a layer learns a thousand times slower: it is not
/// trained within the epochs that train the last one.
const APART: f64 = 1e3;
/// The share of dead units in a layer from which they are reported. In a stuck network a tenth, which
/// is one unit of a small layer ...
const DEAD_STUCK: f64 = 0.1;
/// ... in others, what CS231n's notes ("Neural Networks Part 1: ReLU") give as a sign of too high a rate.
const DEAD: f64 = 0.4;
/// The share of saturated units in a layer from which they are reported: then most of the gradient is lost.
const SATURATED: f64 = 0.5;
/// The fewest rows of a batch to judge units by, unless it has all rows.
const LEAST_ROWS: usize = 8;
/// With too many rows to demand that each is correct: a loss below this share of the best constant
/// prediction's is good ...
const LOW_LOSS: f64 = 0.1;
/// ... and one above this is bad. In between, the rest may be noise in the data.
const HIGH_LOSS: f64 = 0.5;
/// Above this share the network has learned nothing but a constant.
const NOTHING_LEARNED: f64 = 0.9;
/// Weights below this share of their first norm have decayed.
const DECAYED: f64 = 0.5;
/// Inputs of this root mean square were not normalized.
const LARGE_INPUT: f64 = 10.0;

/// A run as the doctor sees it.
pub(super) struct Case<'a> {
    pub(super) training: &'a Training,
    pub(super) history: &'a [(u32, f32)],
    pub(super) checkups: &'a [Checkup],
    pub(super) end: &'a End<'a>,
    // Both need a pass over all rows and are computed once.
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

    /// Whether the data is small enough to demand that every row is predicted, and some are not.
    pub(super) fn is_unsolved(&self) -> bool {
        self.end.evaluation.is_some_and(|seen| seen.solved == Some(false))
    }

    /// Whether every row is correct, if perhaps only just.
    pub(super) fn all_correct(&self) -> bool {
        self.end.evaluation.is_some_and(|seen| seen.right == Some(self.training.data.rows()))
    }

    /// Whether there is nothing to diagnose.
    pub(super) fn is_healthy(&self) -> bool {
        let Some(seen) = self.end.evaluation else { return false };
        match seen.solved {
            Some(solved) => solved,
            None => self.all_correct() || self.share().is_some_and(|share| share < LOW_LOSS),
        }
    }

    /// Whether the result is bad: some rows of small data are not predicted, or the loss on larger data is high.
    pub(super) fn is_bad(&self) -> bool {
        self.is_unsolved() || self.share().is_some_and(|share| share >= HIGH_LOSS)
    }

    /// The loss at the end, or the last finite one.
    pub(super) fn loss(&self) -> f64 {
        let finite = || self.history.iter().rev().find(|point| point.1.is_finite());
        let last = || finite().map_or(f64::NAN, |last| last.1.into());
        self.end.evaluation.map_or_else(last, |seen| seen.loss)
    }

    /// The loss of the first epoch.
    pub(super) fn first_loss(&self) -> f64 {
        self.history.first().map_or(f64::NAN, |first| first.1.into())
    }

    /// The loss as a share of the best constant prediction's; `None` if that is 0.
    pub(super) fn share(&self) -> Option<f64> {
        Some(self.loss() / self.constant()?)
    }

    fn constant(&self) -> Option<f64> {
        let constant = *self.constant.get_or_init(|| constant_loss(self.training));
        (constant > 0.0).then_some(constant)
    }

    /// How many times the best constant prediction's loss the first one was, if far larger. With several
    /// steps per epoch the first loss is not known.
    pub(super) fn far_start(&self) -> Option<f64> {
        if self.training.batches(0).steps_per_epoch() > 1 {
            return None;
        }
        let times = self.first_loss() / self.constant()?;
        (times.is_finite() && times >= APART).then_some(times)
    }

    /// Whether next to nothing was learned, with rather small steps.
    pub(super) fn may_need_larger_steps(&self) -> bool {
        let is_short = self.usual_update().is_some_and(|update| update < SMALL_UPDATE);
        is_short && self.share().is_some_and(|share| share > NOTHING_LEARNED)
    }

    /// The mean of the history's points around one: over more of them in a long history, which batch
    /// noise scatters.
    fn smooth(&self, at: usize) -> f64 {
        let half = self.history.len() / 32;
        let near = &self.history[at.saturating_sub(half)..self.history.len().min(at + half + 1)];
        near.iter().map(|point| f64::from(point.1)).sum::<f64>() / near.len().max(1) as f64
    }

    /// Whether the loss has nearly stopped falling over the last quarter of the epochs.
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

    /// At how many points of the history's second half the loss jumped up, and of how many.
    pub(super) fn jumps(&self) -> (usize, usize) {
        let half = &self.history[self.history.len() / 2..];
        let jumps =
            |pair: &&[(u32, f32)]| f64::from(pair[1].1) > (1.0 + BOUNCE) * f64::from(pair[0].1);
        (half.windows(2).filter(jumps).count(), half.len().saturating_sub(1))
    }

    pub(super) fn is_bouncing(&self) -> bool {
        let (jumps, of) = self.jumps();
        of >= BOUNCE_POINTS && jumps as f64 >= BOUNCES * of as f64
    }

    /// The largest relative update of each of these checkups.
    fn update_ratios(checkups: &[Checkup]) -> Vec<f64> {
        let largest = |checkup: &Checkup| {
            checkup.layers.iter().filter_map(|layer| layer.update_ratio).reduce(f64::max)
        };
        checkups.iter().filter_map(largest).collect()
    }

    /// The median of these, without the very first step if there are others: it says nothing about why the
    /// loss is flat at the end.
    pub(super) fn usual_update(&self) -> Option<f64> {
        let first =
            self.checkups.first().filter(|first| first.step == 0 && self.checkups.len() > 1);
        median(Case::update_ratios(&self.checkups[usize::from(first.is_some())..]))
    }

    /// The largest of all.
    pub(super) fn largest_update(&self) -> Option<f64> {
        Case::update_ratios(self.checkups).into_iter().reduce(f64::max)
    }

    /// Whether steps were too large, judged by their effect: large updates are fine while the loss falls.
    pub(super) fn overshoots(&self) -> bool {
        let is_stuck = self.end.diverged.is_some() || self.is_flat();
        let has_high_updates = self.usual_update().is_some_and(|ratio| ratio >= HIGH_UPDATE);
        self.rose() || self.is_bouncing() || is_stuck && has_high_updates
    }

    /// Whether steps or initial weights are too large.
    pub(super) fn is_too_high(&self) -> bool {
        let is_off = self.end.diverged.is_some() || self.is_bad();
        self.overshoots() || is_off && self.far_start().is_some()
    }

    /// Whether steps are too small. A loss that fell at first and then stopped is stuck, not slow; so is
    /// one that stays while the parameters move.
    pub(super) fn is_too_low(&self) -> bool {
        let largest = self.largest_update();
        if largest.is_some_and(|ratio| ratio < LOW_UPDATE) {
            return self.hardly_moved() || !self.is_flat();
        }
        let quarter = self.smooth(self.history.len().saturating_sub(1) / 4);
        let (first, fall) = (self.first_loss(), self.first_loss() - self.loss());
        // The shape of a fall within rounding says nothing.
        let is_even = fall < 1e-4 * first || first - quarter < 0.5 * fall;
        let is_small = self.usual_update().is_some_and(|update| update < GOOD_UPDATE);
        if is_small && self.may_need_larger_steps() && self.still_falls() {
            return true;
        }
        let may_be = largest.is_none_or(|ratio| ratio < GOOD_UPDATE);
        let blocked = self.end.dead.iter().any(|&(dead, units)| dead == units);
        may_be && self.hardly_moved() && is_even && !blocked
    }

    /// The gradient norm at the first checkup and at its largest, if it grew far.
    pub(super) fn gradient_growth(&self) -> Option<(f64, f64)> {
        let first = gradient_norm(self.checkups.first()?);
        // In a single layer there is nothing for gradients to grow through.
        let is_deep = self.network().layers().len() > 1;
        let largest = self.checkups.iter().map(gradient_norm).reduce(f64::max)?;
        (is_deep && first > 0.0 && largest >= APART * first).then_some((first, largest))
    }

    /// The layer whose gradients are largest relative to the last one's, and how many times, if they
    /// explode.
    pub(super) fn gradients_grow_back(&self) -> Option<(usize, f64)> {
        let (layer, times) = self.early_layer(|a, b| a > b)?;
        (times >= APART).then_some((layer, times))
    }

    /// The same for the smallest, if they vanish.
    pub(super) fn gradients_shrink_back(&self) -> Option<(usize, f64)> {
        let (layer, times) = self.early_layer(|a, b| a < b)?;
        (times <= 1.0 / APART).then_some((layer, times))
    }

    /// The early layer with the most extreme gradients, and their median ratio to the last one's. Those of
    /// the first layer scale with its inputs, and are divided by their size.
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

    /// The root mean square of the inputs.
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

    /// The root mean square of targets that are numbers, where it is large and they could be normalized.
    pub(super) fn large_targets(&self) -> Option<f64> {
        let (data, loss) = (&self.training.data, self.network().loss());
        if data.is_classification() || loss.predicts_probabilities() {
            return None;
        }
        let squares: f64 = data.targets().iter().map(|&t| f64::from(t) * f64::from(t)).sum();
        let size = (squares / data.targets().len() as f64).sqrt();
        (size > LARGE_INPUT).then_some(size)
    }

    /// The root mean square of inputs, where it is large.
    pub(super) fn large_inputs(&self) -> Option<f64> {
        self.has_large_inputs().then(|| self.input_size())
    }

    /// The share of their first norm that is left of the weights, where weight decay is at least half as strong as
    /// the gradients and the loss is bad and flat.
    pub(super) fn decayed(&self) -> Option<f64> {
        let decay = self.training.optimizer.weight_decay;
        if decay == 0.0 || !(self.is_flat() && self.is_bad()) {
            return None;
        }
        let (first, last) = (self.checkups.first()?, self.checkups.last()?);
        let norm = |checkup: &Checkup| {
            let squares = checkup.layers.iter().map(|layer| layer.parameter_norm.powi(2));
            squares.sum::<f64>().sqrt()
        };
        let share = norm(last) / norm(first);
        let is_stronger = decay * norm(last) >= 0.5 * gradient_norm(last);
        (is_stronger && share < DECAYED).then_some(share)
    }

    /// Whether the loss goes on falling at the pace at which it fell, however slowly.
    fn still_falls(&self) -> bool {
        let Some(last) = self.history.len().checked_sub(1) else { return false };
        let [half, quarter, end] = [last / 2, last * 3 / 4, last].map(|at| self.smooth(at));
        quarter - end > 1e-4 * end && quarter - end >= 0.3 * (half - quarter)
    }

    /// The hidden layers whose units can die, in the order of [`End::dead`].
    pub(super) fn layers_that_can_die(&self) -> impl Iterator<Item = Layer> + 'a {
        let network = self.network();
        let hidden = network.layers().take(network.layers().len() - 1);
        hidden.filter(|layer| layer.activation.row().can_die)
    }

    /// Whether to look for dead units on all rows: always if they are few, else unless the batches have
    /// shown that too few units can be dead.
    pub(super) fn may_have_dead_units(&self) -> bool {
        if self.is_healthy() || self.layers_that_can_die().next().is_none() {
            return false;
        }
        let is_suspect = |layer: Layer| {
            self.fewest(layer.index, |seen| seen.dead)
                .is_some_and(|dead| dead as f64 >= DEAD_STUCK * layer.fan_out as f64)
        };
        self.is_unsolved() || self.layers_that_can_die().any(is_suspect)
    }

    /// The share of a layer that must be dead to be reported.
    pub(super) fn least_dead(&self, rate_is_cause: bool) -> f64 {
        if self.is_flat() && self.is_bad() && !rate_is_cause { DEAD_STUCK } else { DEAD }
    }

    /// The layer with the largest share of saturated units, and their number.
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

    /// The lowest count of a layer in the second half of the checkups: a batch never shows fewer units than
    /// all rows would. `None` if batches were too small to tell.
    fn fewest(&self, layer: usize, of: fn(&LayerCheckup) -> usize) -> Option<usize> {
        let half = &self.checkups[self.checkups.len() / 2..];
        let tells = |checkup: &&Checkup| {
            checkup.rows >= LEAST_ROWS || checkup.rows >= self.training.data.rows()
        };
        let of_layer = |checkup: &Checkup| checkup.layers.get(layer).map(of);
        half.iter().filter(tells).filter_map(of_layer).min()
    }
}
