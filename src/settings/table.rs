//! Every setting of a training, one row each. A new one is one entry here, and whatever reads it.
//!
//! A row has a help text (which documents the field too), a field with its type, and where it differs from the
//! other rows of its heading. The order of rows is that of `--help`, of printed settings, and of the axes of a
//! sweep, of which the last varies the fastest.

use super::choices::{Decimal, Delimiter, EngineChoice, Header, Stratify, TargetType, TestRows};
use super::{Family, Form, Given, Kind, Role, Setting, Value, Verb, defaults};
use crate::Error;
use crate::data::{ClassWeights, Missing, Normalize, Order, Source};
use crate::engine::Kernels;
use crate::gpu::DeviceChoice;
use crate::network::{
    Activation, DROPOUT, HUBER_DELTA, Hyperparameter, Initializer, Loss, NEGATIVE_SLOPE, Norm,
};
use crate::optimizer::{
    ALPHA, BETA1, BETA2, CLIP_NORM, CLIP_VALUE, Decay, EPS, MOMENTUM, OptimizerKind, ScheduleKind,
    WEIGHT_DECAY,
};
use crate::train::{OnDivergence, Weights};

/// What stands in no row: a setting that decides the numbers of a training, in every command that has one.
const SETTING: Setting = Setting {
    key: "",
    kind: Kind { form: Form::Text, normal: |texts| Ok(texts.to_vec()) },
    help: "",
    hyperparameter: None,
    help_in: &[],
    default: "",
    default_of: None,
    bare: "",
    value: "",
    heading: "",
    is_short: false,
    role: Role::Identity,
    is_axis: false,
    has_none: false,
    family: None,
    is_in_model: false,
    verbs: Verb::OF_TRAININGS,
    refused: &[],
};
pub(crate) const DATA_AND_NETWORK: &str = "Data and network";
const DATA: Setting = Setting { heading: DATA_AND_NETWORK, ..SETTING };
const NETWORK: Setting = Setting { is_in_model: true, ..DATA };
/// The heading of what only tables have.
pub(crate) const TABLES: &str = "Tables";
const TABLE: Setting = Setting { heading: TABLES, verbs: DATA_VERBS, ..SETTING };
const TRAINING: Setting = Setting { heading: "Training", ..SETTING };
const OPTIMIZER: Setting = Setting { heading: "Optimizer", ..SETTING };
const RATE: Setting = Setting { heading: "Learning rate", ..SETTING };
/// The heading of what ends a training.
pub(crate) const STOPPING_EARLY: &str = "Stopping";
const STOPPING: Setting = Setting { heading: STOPPING_EARLY, role: Role::Free, ..SETTING };
const OUTPUT: Setting = Setting { heading: "Output", role: Role::Output, ..SETTING };
const DEVICE: Setting = Setting { heading: "Device", role: Role::Device, ..SETTING };

/// A number that only some members of a family have, under the heading of others.
const fn of(family: Family, row: &'static Hyperparameter, heading: Setting) -> Setting {
    Setting { value: "NUMBER", hyperparameter: Some(row), family: Some(family), ..heading }
}
/// A number that only some schedules have.
const OF_SCHEDULE: Setting = Setting { value: "FACTOR", family: Some(Family::Schedule), ..RATE };

const DATA_VERBS: &[Verb] = &[
    Verb::Train,
    Verb::Sweep,
    Verb::LrFind,
    Verb::Export,
    Verb::Check,
    Verb::Explain,
    Verb::Predict,
    Verb::Plot,
];
const WITH_BENCH: &[Verb] = &[
    Verb::Train,
    Verb::Sweep,
    Verb::LrFind,
    Verb::Export,
    Verb::Check,
    Verb::Explain,
    Verb::Bench,
];
const SWEEP: &[Verb] = &[Verb::Sweep];
const TRAIN: &[Verb] = &[Verb::Train];
const NO_SWEEP: &[Verb] = &[Verb::Train, Verb::LrFind, Verb::Export, Verb::Check, Verb::Explain];

const NO_PART_IN_SWEEP: (Verb, &str) = (
    Verb::Sweep,
    "plays no part in a sweep, which counts the networks that solve their data; leave it out",
);
const NO_PART_IN_SEARCH: (Verb, &str) =
    (Verb::LrFind, "plays no part in a search for a rate; leave it out");
const NO_PART_IN_EXPORT: (Verb, &str) =
    (Verb::Export, "plays no part in an export, which has the steps of one start; leave it out");
const NO_PART_IN_CHECK: (Verb, &str) =
    (Verb::Check, "plays no part in a check, which makes a few steps of one start; leave it out");
const NO_PART_IN_EXPLAIN: (Verb, &str) =
    (Verb::Explain, "plays no part here: explain shows one step of one start; leave it out");
const PLAIN_IN_EXPLAIN: (Verb, &str) = (
    Verb::Explain,
    "plays no part here: explain runs the layered engine's plain kernels, or on --device cpu the reference; leave it out",
);
const NO_PART: &[(Verb, &str)] =
    &[NO_PART_IN_SWEEP, NO_PART_IN_SEARCH, NO_PART_IN_EXPORT, NO_PART_IN_CHECK, NO_PART_IN_EXPLAIN];

/// A field's name with `-` for `_`.
const fn kebab<const LEN: usize>(field: &str) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let mut at = 0;
    while at < LEN {
        let byte = field.as_bytes()[at];
        bytes[at] = if byte == b'_' { b'-' } else { byte };
        at += 1;
    }
    bytes
}

macro_rules! settings {
    ($( $(#[doc = $help:literal])* $field:ident: $type:ty => $row:expr, )+) => {
        /// The settings of one training, as far as they are given.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct Settings { $( $(#[doc = $help])* pub $field: Option<$type>, )+ }

        /// Every setting.
        pub(crate) const SETTINGS: &[Setting] = &[$(
            Setting {
                key: {
                    const BYTES: [u8; stringify!($field).len()] = kebab(stringify!($field));
                    match str::from_utf8(&BYTES) {
                        Ok(key) => key,
                        Err(_) => stringify!($field),
                    }
                },
                help: concat!($($help),*).trim_ascii(),
                kind: <$type as Value>::KIND,
                ..$row
            },
        )+];

        impl Settings {
            /// What was given, as values.
            ///
            /// # Errors
            /// [`Error::Setting`] for the point of an axis that is no value.
            pub(crate) fn read(given: &Given) -> Result<Settings, Error> {
                let mut places = 0..;
                let mut place = || places.next().unwrap_or_default();
                Ok(Settings { $( $field: given.typed(place())?, )+ })
            }

            /// The values as what is given of a training.
            pub(crate) fn given(&self) -> Given {
                let mut given = Given::new(Verb::Train);
                let mut places = 0..;
                $( given.set(
                    places.next().unwrap_or_default(),
                    self.$field.as_ref().map(Value::write),
                ); )+
                given
            }
        }
    };
}

settings! {
    /// Data set: xor, and, or, nand, parity-N, circles, moons, spirals, digits, iris; a table FILE.csv whose
    /// last column is the target; idx:IMAGES,LABELS; or - for a table on standard input
    data: Source => Setting {
        value: "NAME|FILE", default: "xor", is_short: true, verbs: DATA_VERBS,
        help_in: &[
            (Verb::Sweep, "Data set. Of at most 64 rows with targets of 0 and 1 the networks that solve them are counted; of others accuracy or R2 is told [default: xor]"),
            (Verb::Predict, "Rows with or without targets: a data set by name, a table FILE.csv, idx:IMAGES or idx:IMAGES,LABELS, or - for a table on standard input"),
            (Verb::Plot, "Rows to draw a network with: a data set by name, a table FILE.csv, idx:IMAGES,LABELS, or - for a table on standard input [default: those of the run]"),
        ],
        ..DATA
    },
    /// Rows to test on once, after training: data, or a fraction of the rows that is not trained on
    test: TestRows => Setting {
        value: "NAME|FILE|FRACTION", default: "for shapes, digits and iris every fifth row",
        role: Role::Free, ..DATA
    },
    /// Whether the rows for validation and for testing have the shares of classes that all rows have
    stratify: Stratify => Setting {
        default: "yes for classes", bare: "yes", ..DATA
    },
    /// How much a row of each class counts in the loss: balanced (every class alike, however many rows it has),
    /// none (every row alike), or a weight for each class in the order of the classes
    class_weights: ClassWeights => Setting {
        value: "balanced|none|W,W,...", default: "none", ..DATA
    },
    /// Fraction of the rows that is held out for validation: evaluated during training, never trained on
    validation: f32 => Setting { value: "FRACTION", has_none: true, ..DATA },
    /// Scaling of the inputs: none, unit (to 0 to 1) or standard (to mean 0 and deviation 1), fitted to the
    /// training rows
    normalize: Normalize => Setting {
        default: "unit for digits and IDX files, none for zeros and ones and for shapes, else standard", ..DATA
    },
    /// Scaling of targets that are numbers, fitted to the training rows and undone in predictions and losses
    normalize_targets: Normalize => Setting {
        default: "standard for a regression with an identity output, else none",
        refused: &[NO_PART_IN_SWEEP], ..DATA
    },
    /// Standard deviation of the noise in circles, moons and spirals
    noise: f32 => Setting { value: "DEVIATION", default: "0.08, 0.1, 0.1", verbs: DATA_VERBS, ..DATA },
    /// Seed of generated data and of the validation split
    data_seed: u64 => Setting { value: "N", default: "0", verbs: DATA_VERBS, ..DATA },
    /// Units per layer, from the inputs to the outputs
    layers: Vec<usize> => Setting {
        value: "N,N,...",
        default: "2,3,1 for gates, 2,16,16,1 for shapes, 64,32,10 for digits, else 4 hidden units per input, at most 64",
        is_short: true, verbs: WITH_BENCH,
        help_in: &[(Verb::Bench, "Of `step`: units per layer, from the inputs to the outputs [default: 784,512,10]")],
        ..NETWORK
    },
    /// Loss function
    loss: Loss => Setting {
        default: "softmax-cross-entropy for classes, bce where every target is 0 or 1, else mse-mean",
        is_axis: true, ..NETWORK
    },
    huber_delta: f64 => Setting { is_axis: true, ..of(Family::Loss, &HUBER_DELTA, NETWORK) },
    /// Activation function of the hidden layers
    activation: Activation => Setting { default: "relu", is_short: true, is_axis: true, ..NETWORK },
    negative_slope: f64 => Setting { is_axis: true, ..of(Family::Activation, &NEGATIVE_SLOPE, NETWORK) },
    /// Activation function of the output layer
    output_activation: Activation => Setting { default: "what the loss needs", ..NETWORK },
    /// Norm of the hidden layers, between their sums and the activation: batch normalization with the conventions
    /// of PyTorch's BatchNorm1d, or none
    norm: Norm => Setting { default: "none", is_axis: true, ..NETWORK },
    dropout: f64 => Setting {
        value: "P", hyperparameter: Some(&DROPOUT), is_axis: true, ..NETWORK
    },
    /// Initial weights; biases start at 0
    init: Initializer => Setting { default_of: Some(defaults::initializer), is_axis: true, ..NETWORK },
    /// Factor on the initial weights
    init_scale: f32 => Setting { value: "FACTOR", default: "1", is_axis: true, ..NETWORK },
    /// Parameters to start from, not drawn: a network from --save, the folder of a run, or any safetensors file with
    /// layers.N.weight [out, in] and layers.N.bias [out]
    init_from: String => Setting {
        value: "FILE|DIR", verbs: NO_SWEEP, ..NETWORK
    },
    /// Units of every hidden layer, instead of those in --layers
    width: usize => Setting { is_axis: true, is_short: true, verbs: SWEEP, ..DATA },

    /// Columns of a table that are targets, by name or by number from 1
    target: Vec<String> => Setting {
        value: "COLUMN,...", default: "the last",
        help_in: &[
            (Verb::Predict, "Columns of a table that are targets, by name or by number from 1 [default: those of the training by name, else the last]"),
            (Verb::Plot, "Columns of a table that are targets, by name or by number from 1 [default: those of the training by name, else the last]"),
        ],
        ..TABLE
    },
    /// What the target column holds
    target_type: TargetType => Setting {
        default: "classes where its first field is not a number, or where several outputs share it",
        verbs: Verb::OF_TRAININGS, ..TABLE
    },
    /// Columns of a table to ignore, by name or by number from 1
    ignore: Vec<String> => Setting { value: "COLUMN,...", ..TABLE },
    /// Columns of a table that are categories, whatever is in them: an input for each of their values
    categorical: Vec<String> => Setting {
        value: "COLUMN,...", default: "texts of few values", verbs: Verb::OF_TRAININGS, ..TABLE
    },
    /// What to do about missing values (empty fields, NA, N/A, NaN, ?, null): report them as an error, drop their
    /// rows, or fill in the mean of a column of numbers and the most frequent value of one of texts
    missing: Missing => Setting { default: "error", verbs: Verb::OF_TRAININGS, ..TABLE },
    /// Whether the first line of a table names the columns
    header: Header => Setting {
        default: "auto: where none of its fields is a number, or texts stand above numbers", ..TABLE
    },
    /// What separates the fields of a table
    delimiter: Delimiter => Setting { default: "auto", ..TABLE },
    /// What stands before the decimals of numbers in a table
    decimal: Decimal => Setting {
        default: "auto: a comma where all numbers agree and the delimiter is none, else a point", ..TABLE
    },
    /// Number of lines before a table
    skip_lines: usize => Setting { value: "N", default: "0", ..TABLE },
    /// Character that a comment in a table begins with, or none
    comment: String => Setting { value: "CHAR", default: "#", ..TABLE },

    /// Number of passes over the data (epochs)
    epochs: u32 => Setting {
        value: "N", default: "2000 for gates and parity, 500 for shapes, 40 for digits, 10 for IDX files, else 200",
        is_short: true, role: Role::Free,
        help_in: &[(Verb::Sweep, "Number of passes over the data (epochs) within which a network must solve it [default: 2000, and that of a training where networks are scored]")],
        ..TRAINING
    },
    /// Batch size in rows, 0 for all rows
    batch: usize => Setting {
        value: "ROWS", default: "all up to 64 rows, else 32", is_short: true, verbs: WITH_BENCH,
        help_in: &[(Verb::Bench, "Of `step`: batch size in rows [default: 256]")], ..TRAINING
    },
    /// Order in which rows are put into batches
    order: Order => Setting { default: "shuffled", ..TRAINING },
    /// Seed of the initial weights and of the order of rows
    seed: u64 => Setting {
        value: "N", default: "0", is_short: true,
        help_in: &[(Verb::Check, "Seed of the initial weights and of the order of rows, and of what is drawn for a check [default: 0]")],
        ..TRAINING
    },
    /// Number of starts to try, with seeds SEED, SEED+1, ...: at once on the resident engine, else one after
    /// the other until one solves its data
    restarts: u32 => Setting {
        value: "N", default: "64 for xor with 2,3,1, else 1", is_short: true, role: Role::Free,
        refused: &[
            (Verb::Sweep, "is --networks in a sweep; use that"),
            NO_PART_IN_SEARCH,
            NO_PART_IN_EXPORT,
            NO_PART_IN_CHECK,
            NO_PART_IN_EXPLAIN,
        ],
        ..TRAINING
    },
    /// Number of networks in each cell, with seeds SEED, SEED+1, ...
    networks: u32 => Setting { value: "N", default: "4096 where they are counted, else 10", is_short: true, verbs: SWEEP, ..TRAINING },

    /// Optimizer
    optimizer: OptimizerKind => Setting {
        default: "sgd, or momentum where --momentum is given", is_short: true, is_axis: true, ..OPTIMIZER
    },
    momentum: f64 => Setting { is_axis: true, ..of(Family::Optimizer, &MOMENTUM, OPTIMIZER) },
    alpha: f64 => Setting { is_axis: true, ..of(Family::Optimizer, &ALPHA, OPTIMIZER) },
    beta1: f64 => of(Family::Optimizer, &BETA1, OPTIMIZER),
    beta2: f64 => of(Family::Optimizer, &BETA2, OPTIMIZER),
    eps: f64 => of(Family::Optimizer, &EPS, OPTIMIZER),
    weight_decay: f64 => Setting {
        value: "FACTOR", hyperparameter: Some(&WEIGHT_DECAY), default_of: Some(defaults::weight_decay),
        is_axis: true, ..OPTIMIZER
    },
    /// Kind of weight decay: l2, added to the gradient, or decoupled from it
    decay: Decay => Setting { default_of: Some(defaults::decay), family: Some(Family::Optimizer), ..OPTIMIZER },
    clip_norm: f64 => Setting { value: "NORM", hyperparameter: Some(&CLIP_NORM), has_none: true, ..OPTIMIZER },
    clip_value: f64 => Setting { value: "VALUE", hyperparameter: Some(&CLIP_VALUE), has_none: true, ..OPTIMIZER },

    /// Learning-rate schedule
    schedule: ScheduleKind => Setting { default: "constant", is_short: true, is_axis: true, ..RATE },
    /// Learning rate, the largest of the schedule
    lr: f32 => Setting {
        value: "RATE", default_of: Some(defaults::rate), is_short: true, is_axis: true,
        refused: &[(Verb::LrFind, "is what is looked for; give the range with --from and --to")], ..RATE
    },
    /// Number of epochs over which the rate first rises from 0
    warmup: u32 => Setting { value: "EPOCHS", default: "0", ..RATE },
    /// Factor on the rate, of step and plateau each time, of exponential each epoch
    lr_factor: f64 => Setting {
        default: "0.1; exponential: a hundredth of the rate is left at the end", ..OF_SCHEDULE
    },
    /// Number of epochs at one rate, of step; without a lower loss, of plateau
    lr_every: u32 => Setting {
        value: "EPOCHS", default: "a third of the run; plateau: a twentieth", ..OF_SCHEDULE
    },
    /// Lowest learning rate of the schedule
    min_lr: f32 => Setting {
        value: "RATE", default: "0",
        refused: &[
            (Verb::Sweep, "is a share of one rate, and many are tried here; leave it out"),
            (Verb::LrFind, "is a share of one rate, and many are tried here; leave it out"),
        ],
        ..OF_SCHEDULE
    },

    /// Stop once the loss (on the validation rows, where there are any) is at most this
    target_loss: f64 => Setting { value: "LOSS", has_none: true, refused: NO_PART, ..STOPPING },
    /// Stop once that loss has not improved for this number of epochs
    patience: u32 => Setting { value: "EPOCHS", has_none: true, refused: NO_PART, ..STOPPING },
    /// Minimum decrease that counts as an improvement, for --patience and --schedule plateau
    min_delta: f64 => Setting { value: "LOSS", default: "0", refused: &[NO_PART_IN_SWEEP], ..STOPPING },
    /// Stop after this time, at the end of a step
    max_seconds: f64 => Setting { value: "SECONDS", has_none: true, refused: NO_PART, ..STOPPING },
    /// Which weights are kept of a training with rows for validation: those with the lowest loss on them, or those of
    /// the end
    weights: Weights => Setting {
        default: "best",
        refused: &[NO_PART_IN_SEARCH, NO_PART_IN_EXPORT, NO_PART_IN_CHECK, NO_PART_IN_EXPLAIN],
        ..STOPPING
    },
    /// When the training diverges: stop, or halve-lr to return to the last report boundary and go on with
    /// half the rate
    on_divergence: OnDivergence => Setting { default: "stop", refused: NO_PART, ..STOPPING },

    /// Device: auto, cpu, gpu, software, fastest (which is measured), or the index or a part of the name of an adapter
    device: DeviceChoice => Setting {
        value: "WHICH", default: "auto: a real GPU, else a software adapter where it is not slower than the CPU (and for XOR by 2-3-1), else the CPU", is_short: true,
        verbs: &Verb::ALL,
        help_in: &[
            (Verb::Predict, "Device: auto (the CPU, unless a WGPU_* variable chooses an adapter), cpu, gpu, software, or the index or a part of the name of an adapter"),
            (Verb::Plot, "Device that evaluates the network: auto (a real GPU, else the CPU), cpu, gpu, software, or the index or a part of the name of an adapter"),
            (Verb::Bench, "Device: auto, cpu (the CPU alone), gpu, software, or the index or a part of the name of an adapter"),
            (Verb::Explain, "Device: auto (a real GPU, else a software adapter, else the CPU), cpu, gpu, software, or the index or a part of the name of an adapter"),
            (Verb::Check, "Device: auto or gpu (a real GPU, else a software adapter), software, or the index or a part of the name of an adapter"),
        ],
        ..DEVICE
    },
    /// Engine
    engine: EngineChoice => Setting {
        default: "auto: on an adapter resident where the network fits, else layered; without one cpu",
        verbs: DATA_VERBS,
        help_in: &[
            (Verb::Sweep, "Engine [default: auto: on an adapter resident where every cell fits, else cpu on all cores]"),
            (Verb::Predict, "Engine [default: layered where --device names an adapter, else cpu]"),
            (Verb::Plot, "Engine that evaluates the network [default: layered on an adapter, else cpu]"),
        ],
        refused: &[PLAIN_IN_EXPLAIN],
        ..DEVICE
    },
    /// Kernels of the layered engine: fused, or plain ones of one formula each
    kernels: Kernels => Setting {
        default: "fused",
        refused: &[
            (Verb::Sweep, "is of the layered engine, which trains one network at a time; leave it out"),
            (Verb::Export, "is for a GPU, and an export needs none; leave it out"),
            PLAIN_IN_EXPLAIN,
        ],
        ..DEVICE
    },
    /// Fail rather than run on the CPU or on a software adapter
    require_gpu: bool => Setting {
        verbs: &Verb::ALL, refused: &[(Verb::Export, "contradicts an export, which needs no GPU; leave it out")],
        ..DEVICE
    },

    /// Fail with exit code 7 unless the training solves its data
    require_solved: bool => Setting { verbs: TRAIN, ..OUTPUT },
    /// Fail with exit code 7 unless the share of correct rows is at least this, on the test rows where there are any,
    /// else on those for validation, else on those of the training
    require_accuracy: f64 => Setting { value: "SHARE", verbs: TRAIN, ..OUTPUT },
    /// Fail with exit code 7 unless the loss is at most this, on the same rows
    require_loss: f64 => Setting { value: "LOSS", verbs: TRAIN, ..OUTPUT },
    /// Do not diagnose the training: no checks of gradients, dead units and rates
    no_doctor: bool => Setting { refused: &[NO_PART_IN_SWEEP, NO_PART_IN_CHECK, NO_PART_IN_EXPLAIN], ..OUTPUT },
    /// Number of epochs between checkpoints in the folder of --out or --keep
    checkpoint_every: u32 => Setting { value: "EPOCHS", has_none: true, refused: NO_PART, ..OUTPUT },
    /// Save the trained network to this file, as safetensors
    save: String => Setting {
        value: "FILE", is_short: true, verbs: &[Verb::Train, Verb::LrFind, Verb::Export],
        refused: &[
            (Verb::LrFind, "keeps a network, and none is trained to the end here; leave it out"),
            (Verb::Export, "is for train, which writes networks; leave it out"),
        ],
        ..OUTPUT
    },
    /// Write every cell to this file, as comma-separated values; - is standard output
    csv: String => Setting { value: "FILE", is_short: true, verbs: SWEEP, ..OUTPUT },
}
