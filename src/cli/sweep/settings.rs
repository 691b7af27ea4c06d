//! Every setting of a sweep, as a flag and as a key of a TOML file, and the cells they mean.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Deserializer, Serialize};

use super::super::settings::{EngineChoice, Settings, names, read_toml, size};
use super::super::{bad_setting, data};
use crate::Error;
use crate::data::{Order, Samples, Source};
use crate::gpu::DeviceChoice;
use crate::network::{Activation, Initializer, Loss};
use crate::optimizer::{Decay, Optimizer, OptimizerKind, ScheduleKind};
use crate::sweep::{self, AxisError, AxisValue, Cell, MOST_CELLS, Shard, Sweep};

/// Networks of a cell: the standard error of a rate is then below 0.8 points.
const DEFAULT_NETWORKS: u32 = 4096;
/// Epochs that XOR is given.
const DEFAULT_EPOCHS: u32 = 2000;

/// What to sweep, and where. Axes are lists; every combination of their points is a cell.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SweepSettings {
    /// Learning rates: a list, or A..B:log:N, or A..B:lin:N [default: 0.5]
    #[arg(long, value_name = "LIST", allow_negative_numbers = true, help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub lr: Option<String>,

    /// Activations of the hidden layers: relu, leaky-relu, tanh, sigmoid, identity [default: relu]
    #[arg(long, value_name = "LIST", help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,

    /// How weights start: zeros, small, xavier-uniform, xavier-normal, he-uniform, he-normal [default: he-normal for the relu kinds, else xavier-uniform]
    #[arg(long, value_name = "LIST", help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub init: Option<String>,

    /// How many times as wide as that: as --lr [default: 1]
    #[arg(long, value_name = "LIST", allow_negative_numbers = true, help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub init_scale: Option<String>,

    /// Units of every hidden layer: a list, or A..B [default: as in --layers]
    #[arg(long, value_name = "LIST", allow_negative_numbers = true, help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub width: Option<String>,

    /// Losses: mse-half-mean, mse-mean, bce, bce-with-logits, softmax-cross-entropy [default: as in train]
    #[arg(long, value_name = "LIST", help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,

    /// Optimizers: sgd, momentum, nesterov, adam, adamw [default: sgd]
    #[arg(long, value_name = "LIST", help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<String>,

    /// Momenta of momentum and nesterov: as --init-scale [default: 0.9]
    #[arg(long, value_name = "LIST", allow_negative_numbers = true, help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub momentum: Option<String>,

    /// How strongly weights decay: as --init-scale, 0 for not at all [default: as in train]
    #[arg(long, value_name = "LIST", allow_negative_numbers = true, help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<String>,

    /// Schedules: constant, step, exponential, cosine, plateau [default: constant]
    #[arg(long, value_name = "LIST", help_heading = "Axes")]
    #[serde(default, deserialize_with = "axis", skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,

    /// Networks of each cell, with seeds SEED, SEED+1, ... [default: 4096]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networks: Option<u32>,

    /// Epochs within which a network must solve its data [default: 2000]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,

    /// Seed of each cell's first network [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// xor, and, or, nand, parity-N, or a table FILE.csv: targets of 0 and 1 or classes, at most 64 rows [default: xor]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Source>,

    /// Units per layer, the input first [default: as in train]
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', value_parser = size, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,

    /// Activation of the last layer [default: what the loss needs]
    #[arg(long, value_parser = names!(Activation), hide_short_help = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_activation: Option<Activation>,

    /// Rows of a batch, 0 for all [default: all]
    #[arg(
        long,
        value_name = "ROWS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Networks"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,

    /// Order in which rows go into mini-batches [default: shuffled]
    #[arg(long, value_parser = names!(Order), hide_short_help = true, help_heading = "Networks")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,

    /// How weights decay: l2 or decoupled [default: as in train]
    #[arg(long, value_parser = names!(Decay), hide_short_help = true, help_heading = "Optimizer and schedule")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,

    /// Decay of the Adams' first moment [default: 0.9]
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,

    /// Decay of the Adams' second moment [default: 0.999]
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,

    /// What the Adams add to the root of the second moment [default: 1e-8]
    #[arg(
        long,
        value_name = "NUMBER",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,

    /// Largest norm of all gradients together
    #[arg(
        long,
        value_name = "NORM",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,

    /// Largest absolute value of a gradient
    #[arg(
        long,
        value_name = "VALUE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,

    /// Epochs over which the rate first rises from 0 [default: 0]
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u32>,

    /// What step, exponential and plateau multiply the rate by [default: as in train]
    #[arg(
        long,
        value_name = "FACTOR",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,

    /// Epochs of step at one rate, of plateau without a lower loss [default: as in train]
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer and schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_every: Option<u32>,

    /// auto, cpu, gpu, the index or part of the name of an adapter [default: auto]
    #[arg(long, value_name = "WHICH", help_heading = "Device")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceChoice>,

    /// How to run [default: auto: on an adapter resident where every cell fits, else cpu on all cores]
    #[arg(long, value_parser = names!(EngineChoice), hide_short_help = true, help_heading = "Device")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineChoice>,

    /// Fail rather than run on the CPU or on a software adapter
    #[arg(long, hide_short_help = true, help_heading = "Device")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_gpu: bool,

    /// Where to write every cell as comma-separated values
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csv: Option<PathBuf>,

    /// Compute only the K-th of N parts: a share of every cell's seeds
    #[arg(long, value_name = "K/N", value_parser = |text: &str| text.parse::<Shard>(), help_heading = "Parts")]
    #[serde(skip)]
    pub shard: Option<Shard>,

    /// Where to write the counts, for --join
    #[arg(long, value_name = "FILE", help_heading = "Parts")]
    #[serde(skip)]
    pub save: Option<PathBuf>,
}

/// An axis in TOML: text as on the command line, one value, or a list of them.
fn axis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Point {
        Text(String),
        Whole(i64),
        Number(f64),
    }
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an axis is text, a number, or a list of them")]
    enum Points {
        One(Point),
        Many(Vec<Point>),
    }
    let text = |point: Point| match point {
        Point::Text(text) => text,
        Point::Whole(whole) => whole.to_string(),
        Point::Number(number) => number.to_string(),
    };
    Ok(Some(match Points::deserialize(deserializer)? {
        Points::One(point) => text(point),
        Points::Many(points) => points.into_iter().map(text).collect::<Vec<_>>().join(","),
    }))
}

/// The points of an axis, or `None` as its only one where nothing is said of it.
fn points<T>(
    flag: &str,
    text: Option<&String>,
    read: impl Fn(&str) -> Result<Vec<T>, AxisError>,
) -> Result<Vec<Option<T>>, Error> {
    let Some(text) = text else { return Ok(vec![None]) };
    let points =
        read(text).map_err(|error| bad_setting(format!("--{flag} {text}"), error.to_string()))?;
    Ok(points.into_iter().map(Some).collect())
}

impl SweepSettings {
    pub(super) fn from_file(path: &Path) -> Result<SweepSettings, Error> {
        read_toml(path)
    }

    /// These settings, and those of `other` where these say nothing.
    pub(super) fn or(self, other: SweepSettings) -> SweepSettings {
        SweepSettings {
            lr: self.lr.or(other.lr),
            activation: self.activation.or(other.activation),
            init: self.init.or(other.init),
            init_scale: self.init_scale.or(other.init_scale),
            width: self.width.or(other.width),
            loss: self.loss.or(other.loss),
            optimizer: self.optimizer.or(other.optimizer),
            momentum: self.momentum.or(other.momentum),
            weight_decay: self.weight_decay.or(other.weight_decay),
            schedule: self.schedule.or(other.schedule),
            decay: self.decay.or(other.decay),
            beta1: self.beta1.or(other.beta1),
            beta2: self.beta2.or(other.beta2),
            eps: self.eps.or(other.eps),
            clip_norm: self.clip_norm.or(other.clip_norm),
            clip_value: self.clip_value.or(other.clip_value),
            warmup: self.warmup.or(other.warmup),
            lr_factor: self.lr_factor.or(other.lr_factor),
            lr_every: self.lr_every.or(other.lr_every),
            networks: self.networks.or(other.networks),
            epochs: self.epochs.or(other.epochs),
            seed: self.seed.or(other.seed),
            data: self.data.or(other.data),
            layers: self.layers.or(other.layers),
            output_activation: self.output_activation.or(other.output_activation),
            batch: self.batch.or(other.batch),
            order: self.order.or(other.order),
            device: self.device.or(other.device),
            engine: self.engine.or(other.engine),
            require_gpu: self.require_gpu || other.require_gpu,
            csv: self.csv.or(other.csv),
            shard: self.shard.or(other.shard),
            save: self.save.or(other.save),
        }
    }

    /// The sweep these settings mean, and the settings with every default written out.
    ///
    /// # Errors
    /// Data that cannot be read, an axis without points, a cell that cannot be.
    pub(super) fn resolve(self) -> Result<(Sweep, SweepSettings), Error> {
        let source = self.data.clone().unwrap_or(Source::Xor);
        let (wanted, layers) = (Some(source.clone()), self.layers.clone());
        let samples = data::load(&Settings { data: wanted, layers, ..Settings::default() })?;
        let losses = points("loss", self.loss.as_ref(), sweep::names::<Loss>)?;
        let activations =
            points("activation", self.activation.as_ref(), sweep::names::<Activation>)?;
        let inits = points("init", self.init.as_ref(), sweep::names::<Initializer>)?;
        let scales = points("init-scale", self.init_scale.as_ref(), sweep::numbers)?;
        let widths = points("width", self.width.as_ref(), sweep::wholes)?;
        let rates = points("lr", self.lr.as_ref(), sweep::numbers)?;
        let optimizers =
            points("optimizer", self.optimizer.as_ref(), sweep::names::<OptimizerKind>)?;
        let momenta = points("momentum", self.momentum.as_ref(), sweep::numbers)?;
        let decays = points("weight-decay", self.weight_decay.as_ref(), sweep::numbers)?;
        let schedules = points("schedule", self.schedule.as_ref(), sweep::names::<ScheduleKind>)?;
        let lens = [
            losses.len(),
            activations.len(),
            inits.len(),
            scales.len(),
            widths.len(),
            optimizers.len(),
            momenta.len(),
            decays.len(),
            schedules.len(),
        ];
        let count = lens.iter().try_fold(rates.len(), |count, &len| count.checked_mul(len));
        if count.is_none_or(|count| count > MOST_CELLS) {
            let reason = format!("at most {MOST_CELLS} are supported; give axes fewer points");
            return Err(bad_setting("cells: more than that many", reason));
        }
        // The first axis is the slowest, the rate the fastest.
        let mut all = vec![Point::default()];
        fn each<T: Copy>(all: &[Point], values: &[T], set: fn(&mut Point, T)) -> Vec<Point> {
            let with = |point: &Point, value: T| {
                let mut point = *point;
                set(&mut point, value);
                point
            };
            all.iter().flat_map(|point| values.iter().map(move |&v| with(point, v))).collect()
        }
        all = each(&all, &losses, |point, loss| point.loss = loss);
        all = each(&all, &activations, |point, activation| point.activation = activation);
        all = each(&all, &inits, |point, init| point.init = init);
        all = each(&all, &scales, |point, scale| point.init_scale = scale);
        all = each(&all, &widths, |point, width| point.width = width);
        all = each(&all, &optimizers, |point, optimizer| point.optimizer = optimizer);
        all = each(&all, &momenta, |point, momentum| point.momentum = momentum);
        all = each(&all, &decays, |point, decay| point.weight_decay = decay);
        all = each(&all, &schedules, |point, schedule| point.schedule = schedule);
        all = each(&all, &rates, |point, lr| point.lr = lr);
        let mut cells = Vec::new();
        let mut resolved = None;
        for point in all {
            let (cell, settings) = self.cell(&source, &samples, point)?;
            resolved.get_or_insert(settings);
            cells.push(cell);
        }
        let sweep = Sweep { cells, shard: self.shard.unwrap_or(Shard::WHOLE) };
        sweep.check()?;
        let one = resolved.unwrap_or_default();
        let text = |given: Option<String>, default: Option<String>| given.or(default);
        let settings = SweepSettings {
            // Follows each cell's optimizer where several are compared.
            lr: match (&self.lr, optimizers.len()) {
                (None, 2..) => None,
                _ => text(self.lr, one.lr.map(|lr| lr.to_string())),
            },
            optimizer: text(self.optimizer, one.optimizer.map(|name| name.to_string())),
            schedule: text(self.schedule, one.schedule.map(|name| name.to_string())),
            activation: text(self.activation, one.activation.map(|name| name.to_string())),
            // Follows each cell's activation where nothing is said of it.
            init: self.init,
            init_scale: text(self.init_scale, one.init_scale.map(|scale| scale.to_string())),
            width: self.width,
            loss: text(self.loss, one.loss.map(|name| name.to_string())),
            networks: one.restarts,
            epochs: one.epochs,
            seed: one.seed,
            data: Some(source),
            layers: one.layers,
            output_activation: self.output_activation,
            batch: one.batch,
            order: one.order,
            device: Some(self.device.unwrap_or_default()),
            engine: Some(self.engine.unwrap_or(EngineChoice::Auto)),
            ..self
        };
        Ok((sweep, settings))
    }

    /// What decides the numbers of a sweep beside its axes, as text: the parts of one have the
    /// same, wherever its data lay and however its axes were written.
    pub(super) fn identity(&self, sweep: &Sweep) -> Result<String, Error> {
        let settings = SweepSettings {
            networks: self.networks,
            epochs: self.epochs,
            seed: self.seed,
            layers: self.layers.clone(),
            output_activation: self.output_activation,
            batch: self.batch,
            order: self.order,
            decay: self.decay,
            beta1: self.beta1,
            beta2: self.beta2,
            eps: self.eps,
            clip_norm: self.clip_norm,
            clip_value: self.clip_value,
            warmup: self.warmup,
            lr_factor: self.lr_factor,
            lr_every: self.lr_every,
            ..SweepSettings::default()
        };
        let text =
            toml::to_string(&settings).map_err(|error| bad_setting("--save", error.to_string()))?;
        let digits = sweep.cells.first().map(|cell| data::hash(&cell.training.data));
        let digits = digits.unwrap_or_default();
        Ok(format!("{text}# data {digits}\n"))
    }

    /// One cell, with the settings that `train` would have for it.
    fn cell(
        &self,
        source: &Source,
        samples: &Samples,
        point: Point,
    ) -> Result<(Cell, Settings), Error> {
        let one_only = self.momentum.is_some() && self.optimizer.is_none();
        let kind = point.optimizer.unwrap_or(match one_only {
            true => OptimizerKind::Momentum,
            false => OptimizerKind::Sgd,
        });
        // With several on the axis, a number that one of them has no use for is left out of its cells;
        // with one alone it is an error, as in a training.
        let several = |axis: &Option<String>| axis.as_ref().is_some_and(|text| text.contains(','));
        let mixed = several(&self.optimizer);
        let has_momentum =
            !mixed || matches!(kind, OptimizerKind::Momentum | OptimizerKind::Nesterov);
        let is_adam = !mixed || Optimizer::new(kind).is_corrected();
        let decays = point.weight_decay.is_some() || !mixed;
        let schedule = point.schedule.unwrap_or(ScheduleKind::Constant);
        let mixed = several(&self.schedule);
        let has_every = !mixed || matches!(schedule, ScheduleKind::Step | ScheduleKind::Plateau);
        let has_factor = has_every || schedule == ScheduleKind::Exponential;
        let mut settings = Settings {
            data: Some(source.clone()),
            layers: self.layers.clone(),
            activation: point.activation,
            output_activation: self.output_activation,
            loss: point.loss,
            init: point.init,
            init_scale: point.init_scale,
            lr: point.lr,
            optimizer: point.optimizer,
            // Of the optimizers that have none, a momentum that is asked for is no part.
            momentum: point.momentum.map(decimal).filter(|_| has_momentum),
            weight_decay: point.weight_decay.map(decimal),
            decay: self.decay.filter(|_| decays && kind != OptimizerKind::AdamW),
            beta1: self.beta1.filter(|_| is_adam),
            beta2: self.beta2.filter(|_| is_adam),
            eps: self.eps.filter(|_| is_adam),
            clip_norm: self.clip_norm,
            clip_value: self.clip_value,
            schedule: point.schedule,
            warmup: self.warmup,
            lr_factor: self.lr_factor.filter(|_| has_factor),
            lr_every: self.lr_every.filter(|_| has_every),
            epochs: Some(self.epochs.unwrap_or(DEFAULT_EPOCHS)),
            batch: Some(self.batch.unwrap_or(0)),
            order: self.order,
            seed: self.seed,
            restarts: Some(self.networks.unwrap_or(DEFAULT_NETWORKS)),
            ..Settings::default()
        };
        let (_, narrow) = settings.clone().resolve_over(samples).map_err(by_our_names)?;
        if let Some(width) = point.width {
            let mut layers = narrow.layers.clone().unwrap_or_default();
            let last = layers.len().saturating_sub(1);
            if last < 2 {
                let reason = "has no hidden layer to widen; give --layers with one";
                return Err(bad_setting(format!("--width {width}"), reason));
            }
            layers[1..last].fill(width);
            settings.layers = Some(layers);
        }
        let (training, _) = settings.resolve_over(samples).map_err(by_our_names)?;
        let sizes = training.network.sizes();
        let hidden = &sizes[1..sizes.len() - 1];
        let name = |name: &str| AxisValue::Name(name.to_owned());
        let mut axes = vec![
            ("loss", name(training.network.loss().name())),
            ("activation", name(training.network.activations()[0].name())),
            ("init", name(training.init.name())),
            ("init-scale", AxisValue::Number(training.init_scale)),
        ];
        if let Some(&width) = hidden.first().filter(|&first| hidden.iter().all(|h| h == first)) {
            axes.push(("width", AxisValue::Whole(width as u32)));
        }
        axes.push(("optimizer", name(training.optimizer.kind.name())));
        // Numbers that only some optimizers have are axes where they are asked for.
        for (axis, value) in [("momentum", point.momentum), ("weight-decay", point.weight_decay)] {
            axes.extend(value.map(|value| (axis, AxisValue::Number(value))));
        }
        axes.push(("schedule", name(training.schedule.kind.name())));
        axes.push(("lr", AxisValue::Number(training.learning_rate)));
        Ok((Cell { axes, training }, narrow))
    }
}

/// One point of every axis; `None` is the default that follows from the others.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    loss: Option<Loss>,
    activation: Option<Activation>,
    init: Option<Initializer>,
    init_scale: Option<f32>,
    width: Option<usize>,
    optimizer: Option<OptimizerKind>,
    momentum: Option<f32>,
    weight_decay: Option<f32>,
    schedule: Option<ScheduleKind>,
    lr: Option<f32>,
}

/// 0.1 as 0.1, not as the f64 that is nearest to the f32.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

/// An error about a training, as one about a sweep: what restarts are there is networks here.
fn by_our_names(error: Error) -> Error {
    match error {
        Error::Setting { setting, reason } => Error::Setting {
            setting: setting.replace("--restarts", "--networks"),
            reason: reason.replace("--restarts", "--networks"),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<(Sweep, SweepSettings), Error> {
        toml::from_str::<SweepSettings>(text).unwrap().resolve()
    }

    #[test]
    fn nothing_said_is_one_cell_of_xor() {
        let (sweep, settings) = resolve("").unwrap();
        let [cell] = &sweep.cells[..] else { panic!("{} cells", sweep.cells.len()) };
        assert_eq!(cell.training.network.sizes(), [2, 3, 1]);
        assert_eq!((cell.training.restarts, cell.training.epochs), (4096, 2000));
        assert_eq!((cell.training.init, cell.training.init_scale), (Initializer::HeNormal, 1.0));
        assert_eq!(settings.lr.as_deref(), Some("0.5"));
    }

    #[test]
    fn cells_are_the_product_of_the_axes_the_rate_the_fastest() {
        let text = "lr = '0.1..10:log:3'\nactivation = ['relu', 'tanh']\nwidth = '2..3'";
        let (sweep, _) = resolve(text).unwrap();
        assert_eq!(sweep.cells.len(), 12);
        let of = |at: usize| {
            let training = &sweep.cells[at].training;
            (training.network.sizes()[1], training.learning_rate, training.init)
        };
        assert_eq!(of(0), (2, 0.1, Initializer::HeNormal));
        assert_eq!(of(1), (2, 1.0, Initializer::HeNormal));
        assert_eq!(of(3), (3, 0.1, Initializer::HeNormal));
        assert_eq!(of(6), (2, 0.1, Initializer::XavierUniform));
        let axes: Vec<&str> = sweep.cells[0].axes.iter().map(|axis| axis.0).collect();
        assert_eq!(
            axes,
            ["loss", "activation", "init", "init-scale", "width", "optimizer", "schedule", "lr"]
        );
    }

    #[test]
    fn resolved_settings_resolve_to_themselves() {
        for text in ["", "lr = [0.25, 1]\nnetworks = 7", "width = 4\nlayers = [2, 9, 9, 1]"] {
            let (sweep, settings) = resolve(text).unwrap();
            let printed = toml::to_string(&settings).unwrap();
            let (again, settings) = resolve(&printed).unwrap();
            assert_eq!(toml::to_string(&settings).unwrap(), printed);
            let axes = |sweep: &Sweep| -> Vec<_> {
                sweep.cells.iter().map(|cell| cell.axes.clone()).collect()
            };
            assert_eq!(axes(&again), axes(&sweep));
        }
    }

    #[test]
    fn what_makes_no_sweep_is_refused_with_the_flag() {
        for (text, part) in [
            ("lr = ''", "--lr : has no points"),
            ("lr = 'fast'", "--lr fast"),
            ("lr = -1", "--lr -1"),
            ("activation = 'relu,rellu'", "--activation relu,rellu"),
            ("width = '0..3'", "size 2 of --layers is 0"),
            ("width = 3\nlayers = [2, 1]", "no hidden layer to widen"),
            ("networks = 0", "--networks 0"),
            ("epochs = 0", "--epochs 0"),
            ("init-scale = 0", "--init-scale 0"),
            ("seed = 18446744073709551615", "--networks"),
            ("data = 'parity-7'", "at most 64 rows"),
            ("lr = '1e-4..1e4:log:1000'\ninit-scale = '1e-4..1e4:log:1000'", "100000"),
        ] {
            // Beyond what TOML's own integers hold, as a flag would give it.
            let result = match text.strip_prefix("seed = ") {
                Some(seed) => {
                    SweepSettings { seed: seed.parse().ok(), ..SweepSettings::default() }.resolve()
                }
                None => resolve(text),
            };
            let error = result.unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.to_string().contains(part), "{text:?}: {error}");
        }
    }
}
