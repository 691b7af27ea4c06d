//! Flags to try, with values that come from the run. Each is one that there is, and none is what the
//! run already had.

use super::case::{Case, GOOD_UPDATE};
use super::measures::gradient_norm;
use crate::network::{Activation, Initializer, Network};
use crate::optimizer::ScheduleKind;
use crate::train::OnDivergence;

/// The largest norm of the gradients that is commonly let pass (Pascanu et al. 2013), where the run
/// does not say what is usual.
const USUAL_CLIP: f64 = 1.0;
/// Parameters up to which 64 starts are cheap: they train at once.
const SMALL: usize = 10_000;
/// Starts that are enough for chance to have had its say.
const MANY_STARTS: u32 = 16;
/// Hidden units that a small problem does well with.
const FEW_UNITS: usize = 8;
/// The most that a rate is raised by at once.
const MOST_RAISE: f64 = 1e4;

/// A list of fixes of which some are not to be had.
pub(super) fn listed<const N: usize>(fixes: [Option<String>; N]) -> Vec<String> {
    fixes.into_iter().flatten().collect()
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
    /// The rate of the run by a factor.
    fn rate(&self, factor: f64) -> String {
        number(f64::from(self.training.learning_rate) * factor, 2)
    }

    pub(super) fn lower_rate(&self, factor: f64) -> Option<String> {
        let rate = self.training.learning_rate;
        Some(format!("a lower --lr than {rate} (--lr {})", self.rate(factor)))
    }

    /// So much higher that updates become what they should be, or tenfold.
    pub(super) fn higher_rate(&self) -> Option<String> {
        let update = self.usual_update().filter(|&update| update > 0.0);
        let factor = update.map_or(10.0, |update| (GOOD_UPDATE / update).clamp(2.0, MOST_RAISE));
        // One digit: no more is known.
        let to = number(f64::from(self.training.learning_rate) * factor, 1);
        Some(format!("a higher --lr than {} (--lr {to})", self.training.learning_rate))
    }

    pub(super) fn find_rate(&self) -> Option<String> {
        Some("wgrad lr-find".to_owned())
    }

    /// At what is usual for this run before it got large: a quarter of its checkups had no more.
    pub(super) fn clip(&self) -> Option<String> {
        let optimizer = &self.training.optimizer;
        if optimizer.clip_norm.is_some() || optimizer.clip_value.is_some() {
            return None;
        }
        let norms = self.checkups.iter().map(gradient_norm);
        let mut norms: Vec<f64> = norms.filter(|norm| norm.is_finite() && *norm > 0.0).collect();
        norms.sort_by(f64::total_cmp);
        let norm = norms.get(norms.len() / 4).map_or(USUAL_CLIP, |norm| norm.min(USUAL_CLIP));
        Some(format!("--clip-norm {}", number(norm, 1)))
    }

    pub(super) fn halve_on_divergence(&self) -> Option<String> {
        let stops = self.training.on_divergence == OnDivergence::Stop;
        stops.then(|| "--on-divergence halve-lr".to_owned())
    }

    /// Over a twentieth of the epochs.
    pub(super) fn warmup(&self) -> Option<String> {
        let epochs = self.training.epochs;
        let warmup = (epochs / 20).max(1);
        (self.training.schedule.warmup == 0 && warmup < epochs)
            .then(|| format!("--warmup {warmup}"))
    }

    pub(super) fn falling_rate(&self) -> Option<String> {
        let is_constant = self.training.schedule.kind == ScheduleKind::Constant;
        is_constant.then(|| "--schedule cosine".to_owned())
    }

    /// For a loss that may be flat only because the rate has gone.
    pub(super) fn constant_rate(&self) -> Option<String> {
        let kind = self.training.schedule.kind;
        let falls = !matches!(kind, ScheduleKind::Constant | ScheduleKind::Plateau);
        falls.then(|| format!("--schedule constant (--schedule {kind} took the rate away)"))
    }

    /// Adam, which makes up for gradients of different sizes.
    pub(super) fn adam(&self) -> Option<String> {
        // Any optimizer that divides by the size of gradients does.
        let has = self.training.optimizer.kind.row().second.is_some();
        // A rate for plain gradients is none for Adam: 0.001 is its authors' (Kingma & Ba 2015).
        (!has).then(|| "--optimizer adam --lr 0.001".to_owned())
    }

    pub(super) fn scaled_inputs(&self) -> Option<String> {
        self.has_large_inputs().then(|| "--normalize standard".to_owned())
    }

    /// The initializer that suits the hidden units, at its own width.
    pub(super) fn suited_init(&self) -> Option<String> {
        let suited = Initializer::default_for(self.hidden());
        let given = self.training.init;
        let is_he = |init| matches!(init, Initializer::HeNormal | Initializer::HeUniform);
        let is_xavier =
            |init| matches!(init, Initializer::XavierUniform | Initializer::XavierNormal);
        if suited == given || is_he(suited) && is_he(given) || is_xavier(suited) && is_xavier(given)
        {
            return (self.training.init_scale != 1.0).then(|| "--init-scale 1".to_owned());
        }
        Some(format!("--init {suited}"))
    }

    /// For a start that was made wider than its initializer's.
    pub(super) fn narrower_init(&self) -> Option<String> {
        (self.training.init_scale > 1.0).then(|| "--init-scale 1".to_owned())
    }

    /// What the first hidden layer does; of a network without one, its output.
    fn hidden(&self) -> Activation {
        self.network().activations()[0]
    }

    pub(super) fn leaky(&self) -> Option<String> {
        self.hidden().row().can_die.then(|| "--activation leaky-relu".to_owned())
    }

    /// For units with two ends.
    pub(super) fn rectifier(&self) -> Option<String> {
        let has_ends = !self.hidden().row().saturates_at.is_empty();
        has_ends.then(|| "--activation leaky-relu".to_owned())
    }

    /// Tanh for what is not around 0, as sigmoid: it is, where its slope is four times as large (LeCun et al. 1998, 4.4).
    pub(super) fn centred(&self) -> Option<String> {
        (!self.hidden().row().is_centered && !self.hidden().row().saturates_at.is_empty())
            .then(|| "--activation tanh".to_owned())
    }

    pub(super) fn nonlinear(&self) -> Option<String> {
        Some(format!("--activation {}", Activation::Relu))
    }

    /// Where one start says little and many cost little.
    pub(super) fn restarts(&self) -> Option<String> {
        let few = self.training.restarts < MANY_STARTS;
        let small = self.is_judged() && self.network().parameter_count() <= SMALL;
        (few && small).then(|| "--restarts 64".to_owned())
    }

    /// The same network with twice the hidden units.
    pub(super) fn wider(&self) -> Option<String> {
        let mut sizes = self.network().sizes().to_vec();
        let last = sizes.len() - 1;
        let widen = |units: &mut usize| *units = (*units * 2).max(FEW_UNITS);
        sizes[1..last].iter_mut().for_each(widen);
        let activations = self.network().activations().to_vec();
        let loss = self.network().loss();
        Network::new(sizes.clone(), activations, loss).ok()?;
        Some(layers(&sizes))
    }

    /// The same with its first two hidden layers alone.
    pub(super) fn shallower(&self) -> Option<String> {
        match self.network().sizes() {
            [inputs, first, second, _, .., outputs] => {
                Some(layers(&[*inputs, *first, *second, *outputs]))
            }
            _ => None,
        }
    }

    /// With a hidden layer.
    pub(super) fn hidden_layer(&self) -> Option<String> {
        Some(layers(&[self.network().inputs(), FEW_UNITS, self.network().outputs()]))
    }

    /// More of them, or those that were not run.
    pub(super) fn more_epochs(&self) -> Option<String> {
        let (done, asked) = (self.end.epochs, self.training.epochs);
        Some(if done < asked {
            format!("the rest of its --epochs {asked}: it ended after {done}")
        } else {
            format!("more --epochs than {done}")
        })
    }
}

fn layers(sizes: &[usize]) -> String {
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    format!("--layers {}", sizes.join(","))
}
