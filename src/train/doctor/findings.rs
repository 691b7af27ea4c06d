//! Each finding: when there is one, and its words.

use super::case::Case;
use super::checkup::twins;
use super::fixes::{listed, number};
use super::separable::{Separable, separable};
use super::{Cause, Finding};
use crate::network::{Activation, Initializer, Layout, Link};

/// Digits of a number that is told.
const DIGITS: usize = 3;
/// What a rate is lowered to where it is far too high, and where it may be too high.
const TENTH: f64 = 0.1;
const HALF: f64 = 0.5;

fn told(value: f64) -> String {
    number(value, DIGITS)
}

/// `12 of 64 hidden units are`, or of one, `is`.
fn units(count: usize, of: usize) -> String {
    format!("{count} of {of} hidden units {}", if count == 1 { "is" } else { "are" })
}

impl Case<'_> {
    fn finding(&self, cause: Cause, what: String, why: &str) -> Finding {
        let why = why.to_owned();
        Finding { cause, layer: None, what, why, fixes: Vec::new() }
    }

    pub(super) fn not_finite(&self) -> Option<Finding> {
        let layers = || self.checkups.last().into_iter().flat_map(|last| &last.layers);
        let (step, layer) = match self.end.diverged {
            Some(at) => (at.step, at.layer),
            None => {
                let layer = layers().find(|layer| layer.not_finite > 0)?.layer;
                (self.checkups.last()?.step, Some(layer))
            }
        };
        let place = layer.map_or(String::new(), |layer| format!(", first in layers.{layer}"));
        let what = format!("Numbers were seen to be no longer finite after step {step}{place}.");
        let why = "An update so large that what comes of it is beyond f32: the rate is too high for \
                   these gradients, or the inputs are too large.";
        Some(Finding {
            layer,
            fixes: listed([
                self.scaled_inputs(),
                self.narrower_init(),
                self.lower_rate(TENTH),
                self.clip(),
                self.halve_on_divergence(),
            ]),
            ..self.finding(Cause::NotFinite, what, why)
        })
    }

    /// That the rate is too high, or why it is: gradients that explode.
    pub(super) fn too_high(&self) -> Finding {
        let fixes = |factor| {
            listed([
                self.scaled_inputs(),
                self.narrower_init(),
                self.lower_rate(factor).filter(|_| self.leaps() || self.end.diverged.is_some()),
                self.clip(),
                self.warmup(),
            ])
        };
        if let Some((layer, times)) = self.gradients_grow_back() {
            let what = format!(
                "The gradients of layers.{layer} are {} times those of the last layer.",
                told(times)
            );
            let why = "Each layer on the way back multiplies them by its weights, which are too \
                       large.";
            let finding = self.finding(Cause::Exploding, what, why);
            return Finding { layer: Some(layer), fixes: fixes(TENTH), ..finding };
        }
        if let Some(times) = self.far_start() {
            let first = told(self.first_loss());
            let what = format!(
                "The loss began at {first}, {} times that of the best constant.",
                told(times)
            );
            let why = "The start, or the inputs, are so large that signals and gradients grow from \
                       layer to layer.";
            return Finding { fixes: fixes(TENTH), ..self.finding(Cause::Exploding, what, why) };
        }
        if let Some((first, largest)) = self.gradient_growth() {
            let what = format!(
                "The norm of the gradients grew from {} to {}.",
                told(first),
                told(largest)
            );
            let why = "Each step led to a steeper place than the one before: steps leap further \
                       than the gradient holds.";
            return Finding { fixes: fixes(TENTH), ..self.finding(Cause::Exploding, what, why) };
        }
        let (first, loss) = (told(self.first_loss()), told(self.loss()));
        let (leaps, of) = self.bounces();
        let (factor, what) = if self.rose() {
            (TENTH, format!("The loss rose, from {first} to {loss}."))
        } else if self.is_bouncing() {
            let half = "over the last half of the epochs";
            (HALF, format!("The loss bounces: {leaps} of {of} times {half} it leapt up."))
        } else {
            let update = told(self.usual_update().unwrap_or(f64::NAN));
            let what =
                format!("A step changes a layer by {update} of its size, and the loss is flat.");
            (TENTH, what)
        };
        let why = "Steps leap over the valley instead of going down into it.";
        Finding {
            fixes: listed([
                self.scaled_inputs(),
                self.lower_rate(factor),
                self.falling_rate().filter(|_| factor == HALF),
                self.clip(),
                self.find_rate(),
            ]),
            ..self.finding(Cause::RateTooHigh, what, why)
        }
    }

    pub(super) fn too_low(&self) -> Finding {
        let (first, loss) = (told(self.first_loss()), told(self.loss()));
        let update = self.usual_update().map_or(String::new(), |update| {
            format!(" A step changes a layer by {} of its size.", told(update))
        });
        let moved =
            if self.hardly_moved() { "the loss hardly moved" } else { "the loss falls slowly" };
        Finding {
            fixes: listed([self.higher_rate(), self.adam(), self.find_rate()]),
            ..self.finding(
                Cause::RateTooLow,
                format!("From {first} to {loss}: {moved}."),
                &format!("Steps are too short to get anywhere in so many of them.{update}"),
            )
        }
    }

    /// Twins at the end. What was told of the first checkup has to agree: units could have become alike.
    pub(super) fn symmetry(&self) -> Option<Finding> {
        let network = self.network();
        let layout = Layout::new(network);
        if self.end.parameters.len() != layout.len() {
            return None;
        }
        let at_end = twins(network, self.end.parameters);
        let (layer, twins) = network.layers().zip(at_end).find(|(_, twins)| *twins >= 2)?;
        let first = self.checkups.first().and_then(|first| first.layers.get(layer.index));
        if first.is_some_and(|first| first.twins < 2) {
            return None;
        }
        let what = format!(
            "{twins} of {} hidden units of layers.{} have a twin with the same weights.",
            layer.fan_out, layer.index
        );
        let start = match self.training.init {
            Initializer::Zeros => "From zeros all hidden units stay alike",
            _ => "Units that start alike stay alike",
        };
        let why =
            format!("{start}: they get the same gradient at every step, and do the work of one.");
        Some(Finding {
            layer: Some(layer.index),
            fixes: listed([self.suited_init()]),
            ..self.finding(Cause::Symmetry, what, &why)
        })
    }

    /// What is proved to be beyond a single layer, or seems to be: its loss is flat, and bad. Hidden
    /// layers that do nothing to their sums are no more than one layer together.
    pub(super) fn single_layer(&self) -> Option<Finding> {
        let hidden = self.network().layers().len() - 1;
        if self.network().activations()[..hidden].iter().any(|&kind| kind != Activation::Identity) {
            return None;
        }
        let data = &self.training.data;
        let is_stuck = self.is_flat() && self.is_bad();
        let proof = if self.is_judged() { separable(data) } else { Separable::Unknown };
        let right = self.end.evaluation.and_then(|seen| seen.right);
        let line = match self.network().loss().link() {
            Link::Softmax => "a single layer draws one line between any two classes",
            _ if right.is_none() => "a single layer is a linear function of its inputs",
            _ => "a single layer draws one line",
        };
        let why = match proof {
            Separable::No => format!("No line tells these rows apart, and {line}."),
            Separable::Unknown if is_stuck => {
                format!("At the most, {line}; whether that is what these rows lack is not proved.")
            }
            Separable::Yes | Separable::Unknown => return None,
        };
        let layers = match hidden {
            0 => "There is no hidden layer",
            _ => "Hidden layers of identity units are one layer with the next",
        };
        let what = match right {
            Some(right) => format!("{layers}, and {right} of {} rows are right.", data.rows()),
            None => format!("{layers}, and the loss stays at {}.", told(self.loss())),
        };
        let fix = if hidden == 0 { self.hidden_layer() } else { self.nonlinear() };
        let fixes = listed([fix]);
        Some(Finding { fixes, ..self.finding(Cause::SingleLayer, what, &why) })
    }

    /// `is_moving` where the rate explains a bad loss.
    pub(super) fn dead(&self, is_moving: bool) -> Option<Finding> {
        let layers: Vec<_> = self.mortal_layers().zip(&self.end.dead).collect();
        let share = |&(_, &(dead, of)): &(_, &(usize, usize))| dead as f64 / of as f64;
        let worst =
            layers.iter().copied().reduce(|a, b| if share(&b) > share(&a) { b } else { a })?;
        let (layer, &(worst_dead, worst_of)) = worst;
        if worst_dead == 0 || share(&worst) < self.least_dead(is_moving) {
            return None;
        }
        let (dead, of) = layers.iter().fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1));
        let place = match layers.len() {
            1 => String::new(),
            _ => format!(", {worst_dead} of {worst_of} in layers.{}", layer.index),
        };
        let gone = match dead {
            1 => "dead: it is 0 on every row and gets no gradient",
            _ => "dead: they are 0 on every row and get no gradient",
        };
        // Whoever is alive on one batch is alive.
        let first = self
            .checkups
            .first()
            .and_then(|first| Some((first.epoch, first.layers.get(layer.index)?.dead)));
        let died = first.filter(|&(_, dead)| dead == 0).map(|(epoch, _)| epoch);
        // A whole layer hardly ever starts dead.
        let is_cut = worst_dead == worst_of;
        let them = if dead == 1 { "it" } else { "them" };
        let why = match died {
            Some(epoch) => format!(
                "At epoch {epoch} all were alive: an update pushed {them} below 0 on every row, and \
                 nothing brings {them} back."
            ),
            None => format!(
                "The start, or an update, put {them} below 0 on every row, and nothing brings \
                 {them} back."
            ),
        };
        Some(Finding {
            layer: Some(layer.index),
            fixes: listed([
                self.lower_rate(HALF).filter(|_| !is_moving && (died.is_some() || is_cut)),
                self.restarts(),
                self.leaky(),
                self.suited_init(),
                self.wider(),
            ]),
            ..self.finding(Cause::DeadUnits, format!("{} {gone}{place}.", units(dead, of)), &why)
        })
    }

    pub(super) fn saturated(&self) -> Option<Finding> {
        let (layer, saturated) = self.most_saturated()?;
        let first = self.checkups.first().and_then(|first| first.layers.get(layer.index));
        let at_once = first.is_some_and(|first| 2 * first.saturated >= layer.fan_out);
        let what = format!(
            "{} saturated in layers.{}: within 0.01 of an end of their {} on nearly every row.",
            units(saturated, layer.fan_out),
            layer.index,
            layer.activation
        );
        let why = "There its slope is next to 0, and so is what goes back through them; inputs, weights \
                   or steps are too large.";
        Some(Finding {
            layer: Some(layer.index),
            fixes: listed([
                self.scaled_inputs(),
                self.narrower_init().filter(|_| at_once),
                self.lower_rate(TENTH).filter(|_| !at_once),
                self.rectifier(),
            ]),
            ..self.finding(Cause::Saturated, what, why)
        })
    }

    pub(super) fn vanishing(&self) -> Option<Finding> {
        let (layer, times) = self.gradients_shrink_back()?;
        let size = match times > 0.0 {
            true => format!("{} of those", told(times)),
            false => "too small for f32 beside those".to_owned(),
        };
        let what = format!("The gradients of layers.{layer} are {size} of the last layer.");
        let why = "Each layer on the way back multiplies them by its slopes and weights, and these are \
                   small: the early layers hardly learn.";
        Some(Finding {
            layer: Some(layer),
            fixes: listed([self.suited_init(), self.rectifier(), self.shallower(), self.adam()]),
            ..self.finding(Cause::Vanishing, what, why)
        })
    }

    pub(super) fn plateau(&self) -> Option<Finding> {
        if !(self.is_flat() && self.is_bad()) {
            return None;
        }
        let share = match self.share().filter(|_| !self.is_judged()) {
            Some(share) => format!(", {} of what the best constant gives", told(share)),
            None => String::new(),
        };
        let what = format!(
            "The loss has stopped falling at {} over the last quarter of {} epochs{share}.",
            told(self.loss()),
            self.end.epochs
        );
        let why = match self.is_judged() {
            true => "It sits in a flat place that it does not leave, or the network is too small.",
            false => {
                "It sits in a flat place, the network is too small, or the rest is noise in the data."
            }
        };
        Some(Finding {
            fixes: listed([
                self.constant_rate(),
                self.higher_rate().filter(|_| self.may_want_longer_steps()),
                self.restarts(),
                self.leaky().or_else(|| self.centred()),
                self.wider().filter(|_| self.network().layers().len() > 1),
                self.adam(),
            ]),
            ..self.finding(Cause::Plateau, what, why)
        })
    }

    pub(super) fn too_short(&self) -> Finding {
        let loss = told(self.loss());
        let (what, why) = match self.is_flat() {
            true => ("every row is right", "Not every prediction is near its target yet."),
            false => ("the loss is still falling", "Nothing speaks against this run but its end."),
        };
        let what = format!("At {loss} after {} epochs {what}.", self.end.epochs);
        Finding { fixes: listed([self.more_epochs()]), ..self.finding(Cause::TooShort, what, why) }
    }
}
