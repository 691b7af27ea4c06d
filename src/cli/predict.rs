//! `wgrad predict`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::TypedValueParser;
use clap::{ArgGroup, Args};

use super::device::{self, Wanted};
use super::{Failure, start_log};
use crate::Error;
use crate::cli::flags::{Flags, possible_names};
use crate::data::{
    Batches, CsvOptions, DataError, DataProblem, Dataset, Labels, Missing, Order, Scaling, Source,
    Table, read_csv,
};
use crate::engine::{Engine, Forward, State, Task};
use crate::gpu::{DeviceChoice, Environment};
use crate::model::{Model, RunFolder, file};
use crate::network::{Activation, named};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::reference::predictions;
use crate::report::{self, Form, PredictReport};
use crate::settings::data::{check_tables, csv_options};
use crate::settings::{EngineChoice, Settings, Verb, files};
use crate::train::evaluate;

named! {
    /// Which rows of data that keeps some for testing.
    pub enum Part ("part") {
        /// All of them.
        All = "all",
        /// Those that training learns from.
        Train = "train",
        /// Those that are kept for testing.
        Test = "test",
    }
}

/// Flags of `wgrad predict`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rows").required(true).args(["input", "data"])))]
pub(super) struct PredictArgs {
    /// Network to run: a file from --save, or the folder of --out, whose best weights are taken
    #[arg(long, value_name = "FILE|DIR")]
    model: PathBuf,

    /// One row of inputs, as in 0,1; may be given several times
    #[arg(long, value_name = "N,N,...", allow_hyphen_values = true)]
    input: Vec<String>,

    /// Rows of digits, iris or a shape to use
    #[arg(
        long,
        value_parser = possible_names(Part::NAMES).try_map(|name| name.parse::<Part>()),
        default_value = "all",
        help_heading = "Data"
    )]
    part: Part,

    #[command(flatten)]
    settings: Flags<{ Verb::Predict as u8 }>,

    /// Print one JSON object per line instead of text
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    json: bool,

    /// Write comma-separated values to this file, or with - to standard output
    #[arg(long, value_name = "FILE", allow_hyphen_values = true, help_heading = "Output")]
    csv: Option<PathBuf>,

    /// Replace an existing file that --csv names
    #[arg(long, help_heading = "Output")]
    force: bool,

    /// Print the log of wgpu and the driver
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,
}

pub(super) fn run(args: &PredictArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let path = RunFolder::weights_path(&args.model);
    let model =
        Model::from_bytes(&file::read(&path)?).map_err(|error| Error::bad_file(&path, error))?;
    let to_file = args.csv.as_ref().filter(|path| path.as_os_str() != "-");
    if let Some(path) = to_file {
        file::check_free(path, args.force)?;
    }
    let settings = Settings::read(&args.settings.given)?;
    let table = match &settings.data {
        Some(source) => table(args.part, &settings, source, &model)?,
        None => typed_rows(args, &model)?,
    };
    let (name, rows) = (table.name().to_owned(), table.rows());
    let inputs = model.schema.encode(&table)?;
    let wanted = settings.wanted()?;
    if wanted.engine.needs_adapter() && wanted.engine != EngineChoice::Layered {
        let reason = "trains, and does not predict; use --engine layered or cpu";
        return Err(Error::setting(format!("--engine {}", wanted.engine), reason).into());
    }
    pollster::block_on(async {
        // One pass over a few rows is done on the CPU before a GPU is open: auto means the CPU.
        let named = Environment { drivers: None, ..Environment::of_process()? };
        let is_free = named == Environment::default() && !wanted.require_gpu;
        let engine = match (wanted.engine, &wanted.device) {
            (EngineChoice::Auto, DeviceChoice::Auto) if is_free => EngineChoice::Cpu,
            (engine, _) => engine,
        };
        let chosen = device::choose(&Wanted { engine, ..wanted }, None, &|_| true).await?;
        let engine = Engine::new(task(&model, &inputs)?, &chosen.spec).await?;
        let forward = engine.forward(&inputs).await?;
        let outputs = model.network.outputs();
        if let Some(at) = forward.outputs.iter().position(|output| !output.is_finite()) {
            return Err(DataProblem::Prediction(at / outputs + 1).of(name).into());
        }
        let targets = table.own_targets(&model.schema.labels)?;
        let rows_with = table.with_target();
        let evaluation = match targets {
            Some(_) if !rows_with.is_empty() => {
                let data = model.schema.dataset(&table.pick(&rows_with))?;
                data.check_fits(&model.network)?;
                let of = |values: &[f32]| {
                    let row = |&row: &usize| values[row * outputs..][..outputs].iter().copied();
                    rows_with.iter().flat_map(row).collect::<Vec<f32>>()
                };
                let known = Forward {
                    outputs: of(&forward.outputs),
                    pre_activations: of(&forward.pre_activations),
                };
                let evaluation = evaluate(&model.network, &data, &known);
                Some(if is_regression(&model) { evaluation.of_numbers(&data) } else { evaluation })
            }
            _ => None,
        };
        let predictions = predictions(model.network.loss().link(), &forward.outputs, outputs);
        let predictions = match &model.schema.target_scaling {
            Some(scaling) => Scaling::own_unit(Some(scaling), &predictions),
            // The shortest decimals that are the same f32.
            None => predictions
                .iter()
                .map(|value| value.to_string().parse().unwrap_or(f64::NAN))
                .collect(),
        };
        let report = PredictReport {
            network: &model.network,
            schema: &model.schema,
            at: &chosen.spec,
            table: &table,
            targets: targets.as_deref(),
            predictions: &predictions,
            evaluation: evaluation.as_ref(),
        };
        let form = match (&args.csv, args.json) {
            (Some(_), _) => Form::Csv,
            (None, true) => Form::Json,
            (None, false) => Form::Text,
        };
        let text = report::predictions(&report, form);
        match to_file {
            Some(path) => {
                file::write_atomic(path, text.as_bytes())?;
                let right = evaluation.as_ref().and_then(|evaluation| evaluation.right);
                let right = right.map(|right| format!("; {right} of {} correct", rows_with.len()));
                let told = format!(
                    "{rows} predictions written to {}{}.\n",
                    path.display(),
                    right.unwrap_or_default()
                );
                Ok(report::print(&told)?)
            }
            None => Ok(report::print(&text)?),
        }
    })
}

/// Whether a network gives numbers, which may happen to be compared with zeros and ones.
fn is_regression(model: &Model) -> bool {
    let network = &model.network;
    let output = network.activations().last();
    model.schema.labels == Labels::Numbers
        && !network.loss().predicts_probabilities()
        && output == Some(&Activation::Identity)
}

/// The rows of `--input`, as a table without targets.
fn typed_rows(args: &PredictArgs, model: &Model) -> Result<Table, Error> {
    let columns = model.schema.columns(model.network.inputs());
    let options = CsvOptions {
        delimiter: Some(b','),
        header: Some(false),
        comment: None,
        decimal_comma: Some(false),
        missing: Missing::Mean,
        inputs: Some(columns),
        outputs: Some(1),
        targets_optional: true,
        known_texts: model.schema.texts(columns),
        ..CsvOptions::default()
    };
    for text in &args.input {
        let wrong = |reason: String| Error::setting(format!("--input {text:?}"), reason);
        let given = text.split(',').count();
        if given != columns {
            return Err(wrong(format!(
                "{given} field{} for a network of {columns} inputs",
                if given == 1 { "" } else { "s" }
            )));
        }
        let read = read_csv("row", text.as_bytes(), &options);
        read.and_then(|row| model.schema.encode(&row))
            .map_err(|error| wrong(error.problem.to_string()))?;
    }
    Ok(read_csv("--input", args.input.join("\n").as_bytes(), &options)?)
}

/// The rows of `--data`, of as many inputs as the network has.
fn table(part: Part, settings: &Settings, source: &Source, model: &Model) -> Result<Table, Error> {
    check_tables(settings, [Some(source), None])?;
    let (network, schema) = (&model.network, &model.schema);
    let (wanted, outputs) = (schema.columns(network.inputs()), network.outputs());
    let has_classes = schema.labels.outputs().is_some();
    if settings.noise.is_some() && !matches!(source, Source::Shape(..)) {
        let reason = "is for --data circles, moons and spirals; leave it out";
        return Err(Error::setting("--noise", reason));
    }
    let built_in = source.by_name(settings.noise, settings.data_seed.unwrap_or(0)).transpose()?;
    if part != Part::All && !built_in.as_ref().is_some_and(|rows| rows.has_test) {
        let reason = format!("is for data that keeps rows for testing, which {source} does not");
        return Err(Error::setting(format!("--part {part}"), reason));
    }
    let table = match (built_in, part) {
        (Some(rows), Part::All) => rows.rows,
        (Some(rows), part) => {
            let (train, test) = rows.split()?;
            if part == Part::Train { train } else { test.unwrap_or(train) }
        }
        (None, _) => {
            let options = CsvOptions {
                classes: Some(has_classes),
                inputs: Some(wanted),
                outputs: Some(if has_classes { 1 } else { outputs }),
                targets_optional: true,
                known_inputs: schema.inputs.clone(),
                known_targets: schema.targets.clone(),
                known_places: schema.target_places.clone(),
                known_texts: schema.texts(wanted),
                missing: Missing::Mean,
                ..csv_options(settings)?
            };
            files::read(source, &options).map_err(|error| match error {
                Error::Data(DataError {
                    name,
                    problem: DataProblem::Columns { columns, .. },
                    ..
                }) => Error::bad_file(name, misfit(columns, wanted, options.outputs.unwrap_or(1))),
                other => other,
            })?
        }
    };
    if table.input_len() == wanted {
        return Ok(if has_classes { table.with_classes() } else { table });
    }
    let reason =
        format!("rows of {} inputs do not fit the model, which has {wanted}", table.input_len());
    Err(match source.is_file() {
        true => Error::bad_file(table.name(), reason),
        false => Error::setting(format!("--data {source}"), reason),
    })
}

/// The rows of `--data` that have targets, as a model takes them.
pub(super) fn dataset(
    settings: &Settings,
    source: &Source,
    model: &Model,
) -> Result<Dataset, Error> {
    let table = table(Part::All, settings, source, model)?;
    let data = model.schema.dataset(&table.pick(&table.with_target()))?;
    data.check_fits(&model.network)?;
    Ok(data)
}

/// The same in parts: those to train on and those to test on of data that keeps some, or all of them.
pub(super) fn sets(
    settings: &Settings,
    source: &Source,
    model: &Model,
) -> Result<Vec<(&'static str, Dataset)>, Error> {
    let built_in = source.by_name(settings.noise, settings.data_seed.unwrap_or(0)).transpose()?;
    let parts: &[_] = match built_in.is_some_and(|rows| rows.has_test) {
        true => &[("training", Part::Train), ("test", Part::Test)],
        false => &[("data", Part::All)],
    };
    let set = |&(name, part): &(&'static str, Part)| {
        let table = table(part, settings, source, model)?;
        Ok((name, model.schema.dataset(&table.pick(&table.with_target()))?))
    };
    parts.iter().map(set).collect()
}

fn misfit(columns: usize, inputs: usize, outputs: usize) -> String {
    format!(
        "its {columns} columns do not fit the model; give {inputs} columns of inputs, with or without {outputs} of targets, or another --model"
    )
}

/// A task that is never stepped: an engine is made of one.
pub(super) fn task(model: &Model, inputs: &[f32]) -> Result<Task, Error> {
    let network = &model.network;
    // Twice the same: a norm takes no batch of one row.
    let first = inputs[..network.inputs()].repeat(2);
    // One of n: every loss takes that.
    let target = (0..network.outputs()).map(|output| if output == 0 { 1.0 } else { 0.0 });
    let target = target.collect::<Vec<f32>>().repeat(2);
    let data = Dataset::new("first row", first, network.inputs(), target, network.outputs())?;
    Ok(Task {
        network: network.clone(),
        data: Arc::new(data),
        batches: Batches::new(2, 0, Order::Sequential, 0),
        learning_rate: 0.0,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        start: State::new(model.parameters.clone()),
    })
}
