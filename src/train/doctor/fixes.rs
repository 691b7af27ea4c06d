//! What may help a run: settings with values derived from it; never what it already used.

use std::fmt;

use serde::{Serialize, Serializer};

use super::case::{Case, GOOD_UPDATE};
use super::measures::gradient_norm;
use crate::data::Normalize;
use crate::network::{Activation, Initializer, Network, Norm};
use crate::optimizer::{OptimizerKind, ScheduleKind};
use crate::train::OnDivergence;

/// A common clipping norm (Pascanu et al. 2013), and the largest that is suggested.
const USUAL_CLIP: f64 = 1.0;
/// The most parameters for which 64 starts are cheap: they train in parallel.
const SMALL: usize = 10_000;
/// Enough starts to rule out bad luck.
const MANY_STARTS: u32 = 16;
/// Enough hidden units for a small problem.
const FEW_UNITS: usize = 8;
/// The largest factor by which a rate is raised at once.
const MOST_RAISE: f64 = 1e4;

/// Something to try: settings as data, of which the flags that `Display` writes are made. JSON has that text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fix {
    /// Settings by their names, with values as in files of settings.
    Set(Vec<(&'static str, String)>),
    /// A number below or above what the run had: `to` is one that may do.
    Than {
        /// The setting's name.
        setting: &'static str,
        /// Whether it should be lower; else higher.
        lower: bool,
        /// What the run had.
        from: String,
        /// What to begin with.
        to: String,
    },
    /// A constant learning rate instead of this schedule, which lowered it too far.
    ConstantRate(ScheduleKind),
    /// More epochs than these that were done of those asked for.
    MoreEpochs {
        /// Epochs done.
        done: u32,
        /// Epochs asked for.
        asked: u32,
    },
    /// A search for the learning rate.
    FindRate,
}

impl Fix {
    /// A single setting.
    pub(super) fn set(setting: &'static str, value: impl ToString) -> Fix {
        Fix::Set(vec![(setting, value.to_string())])
    }

    /// The settings that do it, by their names, with values as in files of settings; none where it takes something
    /// else.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        match self {
            Fix::Set(settings) => settings.clone(),
            Fix::Than { setting, to, .. } => vec![(*setting, to.clone())],
            Fix::ConstantRate(_) => vec![("schedule", ScheduleKind::Constant.to_string())],
            Fix::MoreEpochs { .. } | Fix::FindRate => Vec::new(),
        }
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags: Vec<String> =
            self.settings().iter().map(|(setting, value)| format!("--{setting} {value}")).collect();
        let flags = flags.join(" ");
        match self {
            Fix::Set(_) => f.write_str(&flags),
            Fix::Than { setting, lower, from, .. } => {
                let than = if *lower { "lower" } else { "higher" };
                write!(f, "a {than} --{setting} than {from} ({flags})")
            }
            Fix::ConstantRate(kind) => {
                write!(f, "{flags} (--schedule {kind} lowered the rate too far)")
            }
            Fix::MoreEpochs { done, asked } if done < asked => {
                write!(f, "the rest of its --epochs {asked}: it ended after {done}")
            }
            Fix::MoreEpochs { done, .. } => write!(f, "more --epochs than {done}"),
            Fix::FindRate => f.write_str("wgrad lr-find"),
        }
    }
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// With `digits` significant digits: 0.05, 2000000, 1.2e-9.
pub(super) fn number(value: f64, digits: usize) -> String {
    let rounded = format!("{value:.*e}", digits.saturating_sub(1));
    match rounded.parse::<f64>() {
        Ok(value) if value == 0.0 || (1e-7..1e7).contains(&value.abs()) => value.to_string(),
        _ => rounded,
    }
}

impl Case<'_> {
    /// The rate of the run times a factor.
    fn rate(&self, factor: f64) -> String {
        number(f64::from(self.training.learning_rate) * factor, 2)
    }

    pub(super) fn lower_rate(&self, factor: f64) -> Option<Fix> {
        let from = self.training.learning_rate.to_string();
        Some(Fix::Than { setting: "lr", lower: true, from, to: self.rate(factor) })
    }

    /// Raised so that updates have a good size, or tenfold.
    pub(super) fn higher_rate(&self) -> Option<Fix> {
        let update = self.usual_update().filter(|&update| update > 0.0);
        let factor = update.map_or(10.0, |update| (GOOD_UPDATE / update).clamp(2.0, MOST_RAISE));
        // One digit: the estimate is rough.
        let to = number(f64::from(self.training.learning_rate) * factor, 1);
        let from = self.training.learning_rate.to_string();
        Some(Fix::Than { setting: "lr", lower: false, from, to })
    }

    pub(super) fn find_rate(&self) -> Option<Fix> {
        Some(Fix::FindRate)
    }

    /// At the lower quartile of this run's gradient norms: what was usual before they grew.
    pub(super) fn clip(&self) -> Option<Fix> {
        let optimizer = &self.training.optimizer;
        if optimizer.clip_norm.is_some() || optimizer.clip_value.is_some() {
            return None;
        }
        let norms = self.checkups.iter().map(gradient_norm);
        let mut norms: Vec<f64> = norms.filter(|norm| norm.is_finite() && *norm > 0.0).collect();
        norms.sort_by(f64::total_cmp);
        let norm = norms.get(norms.len() / 4).map_or(USUAL_CLIP, |norm| norm.min(USUAL_CLIP));
        Some(Fix::set("clip-norm", number(norm, 1)))
    }

    pub(super) fn halve_on_divergence(&self) -> Option<Fix> {
        let stops = self.training.on_divergence == OnDivergence::Stop;
        stops.then(|| Fix::set("on-divergence", OnDivergence::HalveLr))
    }

    /// Over a twentieth of the epochs.
    pub(super) fn warmup(&self) -> Option<Fix> {
        let epochs = self.training.epochs;
        let warmup = (epochs / 20).max(1);
        (self.training.schedule.warmup == 0 && warmup < epochs).then(|| Fix::set("warmup", warmup))
    }

    pub(super) fn falling_rate(&self) -> Option<Fix> {
        let is_constant = self.training.schedule.kind == ScheduleKind::Constant;
        is_constant.then(|| Fix::set("schedule", ScheduleKind::Cosine))
    }

    /// For a loss that may be flat only because the schedule lowered the rate.
    pub(super) fn constant_rate(&self) -> Option<Fix> {
        let kind = self.training.schedule.kind;
        let falls = !matches!(kind, ScheduleKind::Constant | ScheduleKind::Plateau);
        falls.then_some(Fix::ConstantRate(kind))
    }

    /// Adam, which compensates for gradients of different sizes.
    pub(super) fn adam(&self) -> Option<Fix> {
        // Any optimizer with a second moment does so.
        let has = self.training.optimizer.kind.row().second.is_some();
        // Adam needs a rate of its own: 0.001 is from its paper (Kingma & Ba 2015).
        let settings =
            || vec![("optimizer", OptimizerKind::Adam.to_string()), ("lr", "0.001".to_owned())];
        (!has).then(|| Fix::Set(settings()))
    }

    pub(super) fn scaled_inputs(&self) -> Option<Fix> {
        self.has_large_inputs().then(|| Fix::set("normalize", Normalize::Standard))
    }

    /// The initializer that suits the hidden activation, unscaled.
    pub(super) fn suited_init(&self) -> Option<Fix> {
        let suited = Initializer::default_for(self.hidden());
        let given = self.training.init;
        // Uniform and normal draws of one variance do the same.
        let family = |init| match init {
            Initializer::HeUniform => Initializer::HeNormal,
            Initializer::XavierUniform => Initializer::XavierNormal,
            init => init,
        };
        if family(suited) != family(given) {
            return Some(Fix::set("init", suited));
        }
        (self.training.init_scale != 1.0).then(|| Fix::set("init-scale", 1))
    }

    /// For initial weights that were scaled up.
    pub(super) fn narrower_init(&self) -> Option<Fix> {
        (self.training.init_scale > 1.0).then(|| Fix::set("init-scale", 1))
    }

    /// The activation of the first hidden layer, or of the output if there is none.
    fn hidden(&self) -> Activation {
        self.network().activations()[0]
    }

    pub(super) fn leaky(&self) -> Option<Fix> {
        self.hidden().row().can_die.then(|| activation(Activation::LeakyRelu))
    }

    /// For activations that saturate.
    pub(super) fn rectifier(&self) -> Option<Fix> {
        let has_ends = !self.hidden().row().saturates_at.is_empty();
        has_ends.then(|| activation(Activation::LeakyRelu))
    }

    /// A norm, for activations that saturate: it keeps what they take around 0, whatever weights do (Ioffe and
    /// Szegedy 2015, section 3).
    pub(super) fn norm(&self) -> Option<Fix> {
        let (batches, norm) = (self.training.batches(0), Norm::Batch);
        let fits = norm.refusal(batches.rows(), batches.batch()).is_none()
            && self.network().layers().len() > 1
            && self.network().norm() == Norm::None;
        let has_ends = !self.hidden().row().saturates_at.is_empty();
        (fits && has_ends).then(|| Fix::set("norm", norm))
    }

    /// Tanh instead of a saturating activation that is not centered, such as sigmoid: its slope at 0 is four
    /// times as large (LeCun et al. 1998, 4.4).
    pub(super) fn centered(&self) -> Option<Fix> {
        let row = self.hidden().row();
        (!row.is_centered && !row.saturates_at.is_empty()).then(|| activation(Activation::Tanh))
    }

    pub(super) fn nonlinear(&self) -> Option<Fix> {
        Some(activation(Activation::Relu))
    }

    /// For small networks, of which many starts cost little.
    pub(super) fn restarts(&self) -> Option<Fix> {
        let few = self.training.restarts < MANY_STARTS;
        let small = self.is_unsolved() && self.network().parameter_count() <= SMALL;
        (few && small).then(|| Fix::set("restarts", 64))
    }

    /// The same network with twice the hidden units.
    pub(super) fn wider(&self) -> Option<Fix> {
        let mut sizes = self.network().sizes().to_vec();
        let last = sizes.len() - 1;
        let widen = |units: &mut usize| *units = (*units * 2).max(FEW_UNITS);
        sizes[1..last].iter_mut().for_each(widen);
        let activations = self.network().activations().to_vec();
        let loss = self.network().loss();
        Network::new(sizes.clone(), activations, loss).ok()?;
        Some(layers(&sizes))
    }

    /// The same network with only its first two hidden layers.
    pub(super) fn shallower(&self) -> Option<Fix> {
        match self.network().sizes() {
            [inputs, first, second, _, .., outputs] => {
                Some(layers(&[*inputs, *first, *second, *outputs]))
            }
            _ => None,
        }
    }

    /// The same network with a hidden layer.
    pub(super) fn hidden_layer(&self) -> Option<Fix> {
        Some(layers(&[self.network().inputs(), FEW_UNITS, self.network().outputs()]))
    }

    /// More epochs, or those that were not run.
    pub(super) fn more_epochs(&self) -> Option<Fix> {
        Some(Fix::MoreEpochs { done: self.end.epochs, asked: self.training.epochs })
    }
}

fn layers(sizes: &[usize]) -> Fix {
    Fix::set("layers", crate::network::joined(sizes, ","))
}

fn activation(hidden: Activation) -> Fix {
    Fix::set("activation", hidden)
}
