//! Each finding: its condition and its text.

use super::case::Case;
use super::checkup::duplicates;
use super::fixes::{Fix, number};
use super::separable::{Separable, separable};
use super::{Cause, Finding};
use crate::data::Normalize;
use crate::network::{Activation, Initializer, Layout, Link};

/// By what a rate is multiplied that is far too high, and one that may be too high.
const TENTH: f64 = 0.1;
const HALF: f64 = 0.5;
/// By what a weight decay is multiplied that outweighs the gradients.
const LESS_DECAY: f64 = 0.01;

/// A number with three significant digits.
fn short(value: f64) -> String {
    number(value, 3)
}

/// `12 of 64 hidden units are`, or for one, `is`.
fn units(count: usize, of: usize) -> String {
    format!("{count} of {of} hidden units {}", if count == 1 { "is" } else { "are" })
}

fn finding<const N: usize>(
    cause: Cause,
    layer: Option<usize>,
    (what, why): (String, impl Into<String>),
    fixes: [Option<Fix>; N],
) -> Finding {
    let fixes = fixes.into_iter().flatten().collect();
    Finding { cause, layer, what, why: why.into(), fixes }
}

impl Case<'_> {
    pub(super) fn not_finite(&self) -> Option<Finding> {
        let (step, layer) = match self.end.diverged {
            Some(at) => (at.step, at.layer),
            None => {
                let last = self.checkups.last()?;
                (last.step, Some(last.layers.iter().find(|layer| layer.not_finite > 0)?.layer))
            }
        };
        let first = layer.map_or(String::new(), |layer| format!(", first in layers.{layer}"));
        let what = format!("Non-finite numbers after step {step}{first}.");
        let why = "An update was so large that f32 overflowed: the learning rate is too high for \
                   these gradients, or the inputs are too large.";
        let fixes = [
            self.scaled_inputs(),
            self.narrower_init(),
            self.lower_rate(TENTH),
            self.clip(),
            self.halve_on_divergence(),
        ];
        Some(finding(Cause::NotFinite, layer, (what, why), fixes))
    }

    /// Data far from the scale that initial weights and usual rates are made for.
    pub(super) fn unscaled(&self) -> Option<Finding> {
        if self.end.diverged.is_none() && !self.is_bad() && !self.rose() {
            return None;
        }
        let (inputs, targets) = (self.large_inputs(), self.large_targets());
        let named = |what: &str, size: Option<f64>| {
            size.map(|size| format!("{what} have a root mean square of {}", short(size)))
        };
        let both = [named("inputs", inputs), named("targets", targets)];
        let both: Vec<String> = both.into_iter().flatten().collect();
        let mut what = both.join(", and the ") + ".";
        if both.is_empty() {
            return None;
        }
        what.insert_str(0, "The ");
        let why = "Initial weights and usual learning rates are made for numbers of about 1: these make \
                   gradients as much larger.";
        let fixes = [
            inputs.map(|_| Fix::set("normalize", Normalize::Standard)),
            targets.map(|_| Fix::set("normalize-targets", Normalize::Standard)),
        ];
        Some(finding(Cause::Unscaled, None, (what, why), fixes))
    }

    pub(super) fn weight_decay(&self) -> Option<Finding> {
        let share = self.decayed()?;
        let decay = self.training.optimizer.weight_decay;
        let what = format!(
            "The weights decayed to {} of their first norm, and the loss stayed at {}.",
            short(share),
            short(self.loss())
        );
        let why = format!(
            "A weight decay of {decay} pulls them to 0 more strongly than the gradients pull them elsewhere."
        );
        let to = number(decay * LESS_DECAY, 2);
        let from = decay.to_string();
        let fix = Fix::Than { setting: "weight-decay", lower: true, from, to };
        Some(finding(Cause::WeightDecay, None, (what, why), [Some(fix)]))
    }

    /// Steps that are too large: because gradients explode, or because the rate is too high.
    pub(super) fn too_high(&self) -> Finding {
        let exploding = if let Some((layer, times)) = self.gradients_grow_back() {
            let times = short(times);
            Some((
                Some(layer),
                format!(
                    "The gradients of layers.{layer} are {times} times those of the last layer."
                ),
                "Backpropagation multiplies gradients by the weights of each layer, and these are \
                 too large.",
            ))
        } else if let Some(times) = self.far_start() {
            let (first, times) = (short(self.first_loss()), short(times));
            Some((
                None,
                format!(
                    "The loss began at {first}, {times} times that of the best constant prediction."
                ),
                "The initial weights or the inputs are so large that activations and gradients \
                 grow from layer to layer.",
            ))
        } else {
            self.gradient_growth().map(|(first, largest)| {
                let (first, largest) = (short(first), short(largest));
                (
                    None,
                    format!("The gradient norm grew from {first} to {largest}."),
                    "Each step led to a steeper region than the one before: steps are too large.",
                )
            })
        };
        if let Some((layer, what, why)) = exploding {
            let has_overshot = self.overshoots() || self.end.diverged.is_some();
            let fixes = [
                self.scaled_inputs(),
                self.narrower_init(),
                self.lower_rate(TENTH).filter(|_| has_overshot),
                self.clip(),
                self.warmup(),
            ];
            return finding(Cause::Exploding, layer, (what, why), fixes);
        }
        let (jumps, of) = self.jumps();
        let (factor, what) = if self.rose() {
            let (first, loss) = (short(self.first_loss()), short(self.loss()));
            (TENTH, format!("The loss rose from {first} to {loss}."))
        } else if self.is_bouncing() {
            let half = "in the second half of the epochs";
            (HALF, format!("The loss bounces: it jumped up at {jumps} of {of} points {half}."))
        } else {
            let update = short(self.usual_update().unwrap_or(f64::NAN));
            (
                TENTH,
                format!("A step changes a layer by {update} of its norm, and the loss is flat."),
            )
        };
        let fixes = [
            self.scaled_inputs(),
            self.lower_rate(factor),
            self.falling_rate().filter(|_| factor == HALF),
            self.clip(),
            self.find_rate(),
        ];
        finding(Cause::RateTooHigh, None, (what, "Steps overshoot the minimum."), fixes)
    }

    pub(super) fn too_low(&self) -> Finding {
        let (first, loss) = (short(self.first_loss()), short(self.loss()));
        let moved = if self.hardly_moved() { "hardly moved" } else { "falls slowly" };
        let what = format!("The loss {moved}, from {first} to {loss}.");
        let update = self.usual_update().map_or(String::new(), |update| {
            format!(" A step changes a layer by {} of its norm.", short(update))
        });
        let why = format!("Steps are too small for this number of them.{update}");
        let fixes = [self.higher_rate(), self.adam(), self.find_rate()];
        finding(Cause::RateTooLow, None, (what, why), fixes)
    }

    /// Duplicate units at the end that were duplicates at the start: others may have converged.
    pub(super) fn symmetry(&self) -> Option<Finding> {
        let network = self.network();
        if self.end.parameters.len() != Layout::new(network).len() {
            return None;
        }
        let at_end = duplicates(network, self.end.parameters);
        let (layer, count) = network.layers().zip(at_end).find(|(_, count)| *count >= 2)?;
        let first = self.checkups.first().and_then(|first| first.layers.get(layer.index));
        if first.is_some_and(|first| first.duplicates < 2) {
            return None;
        }
        let (of, index) = (layer.fan_out, layer.index);
        let what =
            format!("{count} of {of} hidden units of layers.{index} are duplicates of another.");
        let start = match self.training.init {
            Initializer::Zeros => "Hidden units that start at zero stay identical",
            _ => "Units that start identical stay identical",
        };
        let why = format!("{start}: they get the same gradient at every step and act as one unit.");
        Some(finding(Cause::Symmetry, Some(index), (what, why), [self.suited_init()]))
    }

    /// Data that a single layer provably cannot fit, or seems not to: the loss is flat and bad. Hidden
    /// identity layers count as part of a single layer.
    pub(super) fn single_layer(&self) -> Option<Finding> {
        let hidden = self.network().layers().len() - 1;
        if self.network().activations()[..hidden].iter().any(|&kind| kind != Activation::Identity) {
            return None;
        }
        let data = &self.training.data;
        let is_stuck = self.is_flat() && self.is_bad();
        let proof = if self.is_unsolved() { separable(data) } else { Separable::Unknown };
        let right = self.end.evaluation.and_then(|seen| seen.right);
        let limit = match self.network().loss().link() {
            Link::Softmax => "a single layer draws one line between any two classes",
            _ if right.is_none() => "a single layer is a linear function of its inputs",
            _ => "a single layer draws one line",
        };
        let why = match proof {
            Separable::No => format!("No line separates these rows, and {limit}."),
            Separable::Unknown if is_stuck => {
                format!("At most, {limit}; that these rows need more is likely, but not proved.")
            }
            Separable::Yes | Separable::Unknown => return None,
        };
        let (layers, fix) = match hidden {
            0 => ("There is no hidden layer", self.hidden_layer()),
            _ => ("Hidden identity layers collapse into a single linear layer", self.nonlinear()),
        };
        let what = match right {
            Some(right) => format!("{layers}, and {right} of {} rows are correct.", data.rows()),
            None => format!("{layers}, and the loss stays at {}.", short(self.loss())),
        };
        Some(finding(Cause::SingleLayer, None, (what, why), [fix]))
    }

    /// `rate_is_cause` where the learning rate explains a bad loss.
    pub(super) fn dead(&self, rate_is_cause: bool) -> Option<Finding> {
        let layers: Vec<_> = self.layers_that_can_die().zip(&self.end.dead).collect();
        let share = |&(_, &(dead, of)): &(_, &(usize, usize))| dead as f64 / of as f64;
        let worst =
            layers.iter().copied().reduce(|a, b| if share(&b) > share(&a) { b } else { a })?;
        let (layer, &(worst_dead, worst_of)) = worst;
        if worst_dead == 0 || share(&worst) < self.least_dead(rate_is_cause) {
            return None;
        }
        let (dead, of) = layers.iter().fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1));
        let (they_are, get, them, they) = match dead {
            1 => ("it is", "gets", "it", "it"),
            _ => ("they are", "get", "them", "they"),
        };
        let worst_layer = match layers.len() {
            1 => String::new(),
            _ => format!(", {worst_dead} of {worst_of} in layers.{}", layer.index),
        };
        let what = format!(
            "{} dead: {they_are} 0 on every row and {get} no gradient{worst_layer}.",
            units(dead, of)
        );
        // A unit that is alive on one batch is alive.
        let first = self.checkups.first();
        let alive_at = first
            .filter(|first| first.layers.get(layer.index).is_some_and(|seen| seen.dead == 0))
            .map(|first| first.epoch);
        let by = match alive_at {
            Some(epoch) => format!("At epoch {epoch} all were alive: an update"),
            None => "The initialization or an update".to_owned(),
        };
        let why = format!(
            "{by} pushed {them} below 0 on every row, and without a gradient {they} cannot recover."
        );
        // A whole layer hardly ever starts dead.
        let was_pushed = alive_at.is_some() || worst_dead == worst_of;
        let fixes = [
            self.lower_rate(HALF).filter(|_| !rate_is_cause && was_pushed),
            self.restarts(),
            self.leaky(),
            self.suited_init(),
            self.wider(),
        ];
        Some(finding(Cause::DeadUnits, Some(layer.index), (what, why), fixes))
    }

    pub(super) fn saturated(&self) -> Option<Finding> {
        let (layer, saturated) = self.most_saturated()?;
        let first = self.checkups.first().and_then(|first| first.layers.get(layer.index));
        let from_start = first.is_some_and(|first| 2 * first.saturated >= layer.fan_out);
        let what = format!(
            "{} saturated in layers.{}: within 0.01 of a limit of {} on nearly every row.",
            units(saturated, layer.fan_out),
            layer.index,
            layer.activation
        );
        let why = "There the slope is close to 0, and so are the gradients that pass through; inputs, \
                   weights or steps are too large.";
        let fixes = [
            self.scaled_inputs(),
            self.narrower_init().filter(|_| from_start),
            self.lower_rate(TENTH).filter(|_| !from_start),
            self.rectifier(),
            self.norm(),
        ];
        Some(finding(Cause::Saturated, Some(layer.index), (what, why), fixes))
    }

    pub(super) fn vanishing(&self) -> Option<Finding> {
        let (layer, times) = self.gradients_shrink_back()?;
        let size = match times > 0.0 {
            true => format!("{} times those of the last layer", short(times)),
            false => "too small for f32".to_owned(),
        };
        let what = format!("The gradients of layers.{layer} are {size}.");
        let why = "Backpropagation multiplies gradients by the slopes and weights of each layer, and \
                   these are small: early layers hardly learn.";
        let fixes =
            [self.suited_init(), self.rectifier(), self.norm(), self.shallower(), self.adam()];
        Some(finding(Cause::Vanishing, Some(layer), (what, why), fixes))
    }

    pub(super) fn plateau(&self) -> Option<Finding> {
        if !(self.is_flat() && self.is_bad()) {
            return None;
        }
        let share = self.share().filter(|_| !self.is_unsolved()).map_or(String::new(), |share| {
            format!(", {} of what the best constant prediction gives", short(share))
        });
        let what = format!(
            "The loss stayed at {} over the last quarter of {} epochs{share}.",
            short(self.loss()),
            self.end.epochs
        );
        let why = match self.is_unsolved() {
            true => "It is stuck in a flat region, or the network is too small.",
            false => {
                "It is stuck in a flat region, the network is too small, or the rest is noise in the data."
            }
        };
        let fixes = [
            self.constant_rate(),
            self.higher_rate().filter(|_| self.may_need_larger_steps()),
            self.restarts(),
            self.leaky().or_else(|| self.centered()),
            self.wider().filter(|_| self.network().layers().len() > 1),
            self.adam(),
        ];
        Some(finding(Cause::Plateau, None, (what, why), fixes))
    }

    pub(super) fn too_short(&self) -> Finding {
        let (epochs, loss) = (self.end.epochs, short(self.loss()));
        let (what, why) = match self.is_flat() {
            true => (
                format!("After {epochs} epochs every row is correct, at a loss of {loss}."),
                "Not every prediction is near its target yet.",
            ),
            false => (
                format!("After {epochs} epochs the loss is {loss} and still falling."),
                "The run looks healthy; it ended too early.",
            ),
        };
        finding(Cause::TooShort, None, (what, why), [self.more_epochs()])
    }
}
