//! Every setting of a training, as a flag and as a key of a TOML file: one struct for both.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::bad_setting;
use super::data::{Delimiter, Header, TableFlags, TargetType};
use crate::Error;
use crate::data::{Normalize, Order, Source, Table};
use crate::engine::{Kernels, Owner};
use crate::gpu::DeviceChoice;
use crate::model::file;
use crate::network::{Activation, Initializer, Loss, named};
use crate::optimizer::{Decay, OptimizerKind, ScheduleKind};
use crate::train::OnDivergence;

named! {
    /// Which engine to use.
    pub enum EngineChoice ("engine") {
        /// On an adapter the resident engine where the network fits it, else the layered one;
        /// without an adapter the cpu engine.
        Auto = "auto",
        /// Many steps, and many starts, in one dispatch: small networks.
        Resident = "resident",
        /// The same, each network owned by one invocation.
        ResidentInvocation = "resident-invocation",
        /// The same, each network owned by one workgroup.
        ResidentWorkgroup = "resident-workgroup",
        /// On a GPU or a software adapter.
        Layered = "layered",
        /// On the CPU.
        Cpu = "cpu",
    }
}

impl EngineChoice {
    /// For the resident engine, who is asked to own a network.
    pub(super) fn owner(self) -> Option<Owner> {
        match self {
            EngineChoice::ResidentInvocation => Some(Owner::Invocation),
            EngineChoice::ResidentWorkgroup => Some(Owner::Workgroup),
            _ => None,
        }
    }

    /// Whether it is one of those that need an adapter.
    pub(super) fn needs_adapter(self) -> bool {
        !matches!(self, EngineChoice::Auto | EngineChoice::Cpu)
    }
}

/// A parser for a `named!` enum: its names and other spellings, offered and checked by clap.
macro_rules! names {
    ($type:ty) => {{
        use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
        PossibleValuesParser::new(<$type>::NAMES.iter().map(|(name, aliases)| {
            let spellings = aliases.iter().map(|alias| (*alias).to_owned());
            PossibleValue::new(*name).aliases(spellings.chain([name.replace('-', "_")]))
        }))
        .try_map(|name| name.parse::<$type>())
    }};
}
pub(super) use names;

/// What to train, how, and where. A key that is not given takes the default of its data.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// xor, and, or, nand, parity-N, circles, moons, spirals, digits, iris; a table FILE.csv whose last column is the target; idx:IMAGES,LABELS; - for a table on standard input [default: xor]
    #[arg(
        long,
        value_name = "NAME|FILE",
        allow_hyphen_values = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Source>,

    /// Rows to test on once, at the end [default: for shapes, digits and iris every fifth row]
    #[arg(
        long,
        value_name = "FILE",
        allow_hyphen_values = true,
        hide_short_help = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<Source>,

    /// Share of the rows that is not learned from, but looked at on the way
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<f32>,

    /// Scale of the inputs: none, unit (0 to 1), standard (mean 0, deviation 1), fitted on the rows to learn from [default: unit for digits and IDX files, standard for iris, else none]
    #[arg(long, value_parser = names!(Normalize), hide_short_help = true, help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize: Option<Normalize>,

    /// A table's columns of targets, by name or by number from 1 [default: the last]
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        hide_short_help = true,
        help_heading = "Tables"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Vec<String>>,

    /// What the column of targets holds: classes or numbers [default: classes where its first field is no number, or where several outputs share it]
    #[arg(long, value_parser = names!(TargetType), hide_short_help = true, help_heading = "Tables")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<TargetType>,

    /// Columns to leave out, by name or by number from 1
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        hide_short_help = true,
        help_heading = "Tables"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore: Option<Vec<String>>,

    /// Whether the first line names the columns: auto, yes, no [default: auto: where none of it is a number]
    #[arg(long, value_parser = names!(Header), hide_short_help = true, help_heading = "Tables")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Header>,

    /// What stands between fields: auto, comma, semicolon, tab, pipe, blank [default: auto]
    #[arg(long, value_parser = names!(Delimiter), hide_short_help = true, help_heading = "Tables")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,

    /// How far the points of circles, moons and spirals lie off their shape [default: 0.08, 0.1, 0.1]
    #[arg(
        long,
        value_name = "DEVIATION",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f32>,

    /// Seed of those points, and of which rows are for validation [default: 0]
    #[arg(
        long,
        value_name = "N",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_seed: Option<u64>,

    /// Units per layer, the input first [default: 2,3,1 for gates, 2,16,16,1 for shapes, 64,32,10 for digits, else 4 hidden units per input, at most 64]
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', value_parser = size, help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<usize>>,

    /// Activation of the hidden layers [default: relu]
    #[arg(long, value_parser = names!(Activation), help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,

    /// Activation of the last layer [default: what the loss needs]
    #[arg(long, value_parser = names!(Activation), hide_short_help = true, help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_activation: Option<Activation>,

    /// Loss [default: softmax-cross-entropy for classes, bce where every target is 0 or 1, else mse-mean]
    #[arg(long, value_parser = names!(Loss), hide_short_help = true, help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,

    /// How weights start; biases start at 0 [default: he-normal for the relu kinds, else xavier-uniform]
    #[arg(long, value_parser = names!(Initializer), hide_short_help = true, help_heading = "Data and network")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Initializer>,

    /// How many times as wide as that the weights' distribution is [default: 1]
    #[arg(
        long,
        value_name = "FACTOR",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Data and network"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init_scale: Option<f32>,

    /// Learning rate, the largest one of the schedule [default: 0.5 for gates, parity and digits, 0.3 for shapes, else 0.1; a tenth of that with momentum; 0.01 for the Adams]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f32>,

    /// How often all rows are seen [default: 2000 for gates and parity, 500 for shapes, 40 for digits, 10 for IDX files, else 200]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,

    /// Rows of a batch, 0 for all [default: all up to 64 rows, else 32]
    #[arg(long, value_name = "ROWS", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,

    /// Order in which rows go into mini-batches [default: shuffled]
    #[arg(long, value_parser = names!(Order), hide_short_help = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,

    /// Seed of the starting weights and of the order [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Starts to try, with seeds SEED, SEED+1, ...: at once on the resident engine, else in turn until one solves its data [default: 64 for xor with 2,3,1, else 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "Training")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u32>,

    /// sgd, momentum, nesterov, adam, adamw [default: sgd, or momentum with a --momentum]
    #[arg(long, value_parser = names!(OptimizerKind), help_heading = "Optimizer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerKind>,

    /// Decay of the velocity of momentum and nesterov [default: 0.9]
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,

    /// Decay of the Adams' first moment [default: 0.9]
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,

    /// Decay of the Adams' second moment [default: 0.999]
    #[arg(
        long,
        value_name = "SHARE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,

    /// What the Adams add to the root of the second moment [default: 1e-8]
    #[arg(
        long,
        value_name = "NUMBER",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,

    /// How strongly weights and biases decay [default: 0.01 for adamw, else 0]
    #[arg(
        long,
        value_name = "FACTOR",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,

    /// How they do: l2 as a part of the gradient, decoupled beside it [default: decoupled for adamw, else l2]
    #[arg(long, value_parser = names!(Decay), hide_short_help = true, help_heading = "Optimizer")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,

    /// Largest norm of all gradients together; longer ones are scaled down to it
    #[arg(
        long,
        value_name = "NORM",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,

    /// Largest absolute value of a gradient; before --clip-norm
    #[arg(
        long,
        value_name = "VALUE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Optimizer"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_value: Option<f64>,

    /// How the rate goes: constant, step, exponential, cosine, plateau [default: constant]
    #[arg(long, value_parser = names!(ScheduleKind), help_heading = "Schedule")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleKind>,

    /// Epochs over which the rate first rises from 0 [default: 0]
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<u32>,

    /// What step, exponential (each epoch) and plateau multiply the rate by [default: 0.1; exponential: what leaves a hundredth at the end]
    #[arg(
        long,
        value_name = "FACTOR",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_factor: Option<f64>,

    /// Epochs of step at one rate [default: a third of the run], of plateau without a lower loss [default: a twentieth]
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr_every: Option<u32>,

    /// Rate below which the schedule never goes [default: 0]
    #[arg(
        long,
        value_name = "RATE",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Schedule"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f32>,

    /// Stop once the loss (on validation rows, where there are any) is no higher; looked at every 64 steps or more, at report boundaries
    #[arg(
        long,
        value_name = "LOSS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Stopping"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_loss: Option<f64>,

    /// Stop once that loss has not fallen for so many epochs, at the next report boundary
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Stopping"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,

    /// By how much it must fall to have fallen, for --patience and plateau [default: 0]
    #[arg(
        long,
        value_name = "LOSS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Stopping"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_delta: Option<f64>,

    /// Stop after so many seconds, at the end of a step
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Stopping"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<f64>,

    /// Where it diverges: stop, or halve-lr: go back to the last report boundary and on at half the rate [default: stop]
    #[arg(long, value_parser = names!(OnDivergence), hide_short_help = true, help_heading = "Stopping")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_divergence: Option<OnDivergence>,

    /// Epochs between two checkpoints in the folder of --out or --keep
    #[arg(
        long,
        value_name = "EPOCHS",
        allow_negative_numbers = true,
        hide_short_help = true,
        help_heading = "Output"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<u32>,

    /// Leave out the doctor: no look at gradients, dead units and rates on the way
    #[arg(long, hide_short_help = true, help_heading = "Output")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_doctor: bool,

    /// auto, cpu, gpu, fastest (measures), the index or part of the name of an adapter [default: auto: a real GPU, else a software adapter, else the CPU]
    #[arg(long, value_name = "WHICH", help_heading = "Device")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceChoice>,

    /// How to run [default: auto: on an adapter resident where the network fits, else layered; else cpu]
    #[arg(long, value_parser = names!(EngineChoice), hide_short_help = true, help_heading = "Device")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineChoice>,

    /// What the layered engine's steps are made of: fused kernels, or plain ones of one formula each [default: fused]
    #[arg(long, value_parser = names!(Kernels), hide_short_help = true, help_heading = "Device")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Kernels>,

    /// Fail rather than run on the CPU or on a software adapter
    #[arg(long, hide_short_help = true, help_heading = "Device")]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_gpu: bool,

    /// Where to save the trained network, as safetensors
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub save: Option<PathBuf>,
}

/// One number of `--layers`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "give whole numbers, as in --layers 2,3,1".to_owned())
}

impl Settings {
    /// What a TOML file says.
    ///
    /// # Errors
    /// [`Error::Setting`] with line and key of what is wrong.
    pub fn from_file(path: &Path) -> Result<Settings, Error> {
        read_toml(path)
    }

    /// These settings, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Settings) -> Settings {
        Settings {
            data: self.data.or(other.data),
            test: self.test.or(other.test),
            validation: self.validation.or(other.validation),
            normalize: self.normalize.or(other.normalize),
            target: self.target.or(other.target),
            target_type: self.target_type.or(other.target_type),
            ignore: self.ignore.or(other.ignore),
            header: self.header.or(other.header),
            delimiter: self.delimiter.or(other.delimiter),
            noise: self.noise.or(other.noise),
            data_seed: self.data_seed.or(other.data_seed),
            layers: self.layers.or(other.layers),
            activation: self.activation.or(other.activation),
            output_activation: self.output_activation.or(other.output_activation),
            loss: self.loss.or(other.loss),
            init: self.init.or(other.init),
            init_scale: self.init_scale.or(other.init_scale),
            lr: self.lr.or(other.lr),
            epochs: self.epochs.or(other.epochs),
            batch: self.batch.or(other.batch),
            order: self.order.or(other.order),
            seed: self.seed.or(other.seed),
            restarts: self.restarts.or(other.restarts),
            optimizer: self.optimizer.or(other.optimizer),
            momentum: self.momentum.or(other.momentum),
            beta1: self.beta1.or(other.beta1),
            beta2: self.beta2.or(other.beta2),
            eps: self.eps.or(other.eps),
            weight_decay: self.weight_decay.or(other.weight_decay),
            decay: self.decay.or(other.decay),
            clip_norm: self.clip_norm.or(other.clip_norm),
            clip_value: self.clip_value.or(other.clip_value),
            schedule: self.schedule.or(other.schedule),
            warmup: self.warmup.or(other.warmup),
            lr_factor: self.lr_factor.or(other.lr_factor),
            lr_every: self.lr_every.or(other.lr_every),
            min_lr: self.min_lr.or(other.min_lr),
            target_loss: self.target_loss.or(other.target_loss),
            patience: self.patience.or(other.patience),
            min_delta: self.min_delta.or(other.min_delta),
            max_seconds: self.max_seconds.or(other.max_seconds),
            on_divergence: self.on_divergence.or(other.on_divergence),
            checkpoint_every: self.checkpoint_every.or(other.checkpoint_every),
            no_doctor: self.no_doctor || other.no_doctor,
            device: self.device.or(other.device),
            engine: self.engine.or(other.engine),
            kernels: self.kernels.or(other.kernels),
            require_gpu: self.require_gpu || other.require_gpu,
            save: self.save.or(other.save),
        }
    }

    /// The engine asked for: one that has kernels to choose from, where some are asked for.
    ///
    /// # Errors
    /// [`Error::Setting`] where another engine is asked for.
    pub(super) fn engine(&self) -> Result<EngineChoice, Error> {
        let engine = self.engine.unwrap_or(EngineChoice::Auto);
        match (self.kernels, engine) {
            (None, engine) => Ok(engine),
            (Some(kernels), _) if self.device == Some(DeviceChoice::Cpu) => Err(bad_setting(
                format!("--kernels {kernels}"),
                "is for the layered engine and contradicts --device cpu; leave one out",
            )),
            (Some(_), EngineChoice::Auto | EngineChoice::Layered) => Ok(EngineChoice::Layered),
            (Some(kernels), engine) => Err(bad_setting(
                format!("--kernels {kernels}"),
                format!(
                    "is for the layered engine and contradicts --engine {engine}; leave one out"
                ),
            )),
        }
    }

    /// How tables are to be read.
    pub(super) fn table_flags(&self) -> TableFlags<'_> {
        TableFlags {
            target: self.target.as_deref(),
            ignore: self.ignore.as_deref(),
            header: self.header,
            delimiter: self.delimiter,
        }
    }

    /// Whether a column of targets holds classes, where that follows from what is said.
    pub(super) fn classes(&self) -> Option<bool> {
        match (self.target_type, self.loss, &self.layers) {
            (Some(target_type), _, _) => Some(target_type == TargetType::Classes),
            // As many targets as outputs may be one-of-n rows.
            (None, Some(Loss::SoftmaxCrossEntropy), None) => Some(true),
            _ => None,
        }
    }

    /// Outputs that the network is to have, where that follows from what is said.
    pub(super) fn wanted_outputs(&self, table: &Table) -> Option<usize> {
        let by_layers = self.layers.as_ref().and_then(|layers| layers.last().copied());
        let one =
            matches!(self.loss, Some(Loss::Bce | Loss::BceWithLogits)) && table.class_count() == 2;
        by_layers.or(one.then_some(1))
    }
}

/// Settings from a TOML file.
pub(super) fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = file::read(path).map_err(|error| match error {
        Error::File { reason, .. } => not_toml(path, &reason),
        other => other,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| not_toml(path, "not UTF-8 text"))?;
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        not_toml(path, &format!("{place}{}", error.message()))
    })
}

fn not_toml(path: &Path, reason: &str) -> Error {
    bad_setting(format!("--config {}", path.display()), reason)
}
