//! `wgrad predict`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgGroup, Args};

use super::device::{self, Wanted, environment};
use super::settings::{EngineChoice, names};
use super::{Failure, bad_setting, start_log};
use crate::Error;
use crate::data::{Batches, DataError, Dataset, Order, Source, parse_csv, parse_row};
use crate::engine::{Engine, Task};
use crate::gpu::{DeviceChoice, Environment};
use crate::model::{Model, file};
use crate::reference::predictions;
use crate::report::{self, PredictReport};
use crate::train::evaluate;

/// Flags of `wgrad predict`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("rows").required(true).args(["input", "data"])))]
pub(super) struct PredictArgs {
    /// A network that `wgrad train --save` wrote
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// One row of inputs, as in 0,1; may be given several times
    #[arg(long, value_name = "N,N,...", allow_hyphen_values = true)]
    input: Vec<String>,

    /// Rows by name or from a CSV file, with targets or without
    #[arg(long, value_name = "NAME|FILE.csv")]
    data: Option<Source>,

    /// auto (here the CPU, unless WGPU_* variables say otherwise), cpu, gpu, the index or part of the name of an adapter
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    device: DeviceChoice,

    /// How to run [default: layered where --device names an adapter, else cpu]
    #[arg(long, value_parser = names!(EngineChoice), default_value = "auto", hide_default_value = true)]
    engine: EngineChoice,

    /// Fail rather than run on the CPU or on a software adapter
    #[arg(long)]
    require_gpu: bool,

    /// One JSON object a line
    #[arg(long)]
    json: bool,

    /// Let through what wgpu and the driver log
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: &PredictArgs) -> Result<(), Failure> {
    start_log(args.verbose);
    let path = args.model.display().to_string();
    let model = Model::from_bytes(&file::read(&args.model)?).map_err(|error| Error::File {
        path,
        reason: error.to_string(),
        bad: true,
    })?;
    let Rows { name, inputs, targets } = rows(args, &model)?;
    let rows = inputs.len() / model.network.inputs();
    if args.engine.needs_adapter() && args.engine != EngineChoice::Layered {
        let reason = "trains, and does not predict; use --engine layered or cpu";
        return Err(bad_setting(format!("--engine {}", args.engine), reason).into());
    }
    pollster::block_on(async {
        // One pass over a few rows is done on the CPU before a GPU is open: auto means the CPU.
        let unsaid = environment()? == Environment::default() && !args.require_gpu;
        let engine = match (args.engine, &args.device) {
            (EngineChoice::Auto, DeviceChoice::Auto) if unsaid => EngineChoice::Cpu,
            (engine, _) => engine,
        };
        let wanted = Wanted { device: &args.device, engine, require_gpu: args.require_gpu };
        let chosen = device::choose(wanted, None).await?;
        let engine = Engine::new(task(&model, &inputs)?, &chosen.place).await?;
        let forward = engine.forward(&inputs).await?;
        let outputs = model.network.outputs();
        if let Some(at) = forward.outputs.iter().position(|output| !output.is_finite()) {
            return Err(DataError::Prediction { name, row: at / outputs + 1 }.into());
        }
        let evaluation = match &targets {
            Some(targets) => {
                let data = Dataset::new(
                    &name,
                    inputs.clone(),
                    model.network.inputs(),
                    targets.clone(),
                    outputs,
                )?;
                data.check_fits(&model.network)?;
                Some(evaluate(&model.network, &data, &forward))
            }
            None => None,
        };
        let report = PredictReport {
            network: &model.network,
            engine: chosen.place.kind(),
            adapter: chosen.place.gpu().map(|gpu| gpu.adapter()),
            rows,
            inputs: &inputs,
            targets: targets.as_deref(),
            predictions: &predictions(model.network.loss().link(), &forward.outputs, outputs),
            evaluation: evaluation.as_ref(),
        };
        Ok(report::predictions(&report, args.json)?)
    })
}

/// Rows to run, with what they are called.
struct Rows {
    name: String,
    inputs: Vec<f32>,
    targets: Option<Vec<f32>>,
}

fn rows(args: &PredictArgs, model: &Model) -> Result<Rows, Error> {
    let network = &model.network;
    let Some(source) = &args.data else {
        let wanted = network.inputs();
        let mut inputs = Vec::with_capacity(args.input.len() * wanted);
        for text in &args.input {
            let wrong = |reason: String| bad_setting(format!("--input {text:?}"), reason);
            let row = parse_row("row", text).map_err(|error| wrong(error.to_string()))?;
            if row.len() != wanted {
                let given = row.len();
                return Err(wrong(format!("{given} numbers for a network of {wanted} inputs")));
            }
            inputs.extend(row);
        }
        return Ok(Rows { name: "--input".to_owned(), inputs, targets: None });
    };
    match (source.built_in(), source) {
        (Some(data), _) => {
            let data = data?;
            let fits = data.check_fits(network);
            fits.map_err(|error| bad_setting(format!("--data {source}"), error.to_string()))?;
            let (inputs, targets) = (data.inputs().to_vec(), Some(data.targets().to_vec()));
            Ok(Rows { name: source.to_string(), inputs, targets })
        }
        (None, _) => {
            let path = source.to_string();
            let table = parse_csv(&path, &file::read(Path::new(&path))?)?;
            let (wanted, outputs) = (network.inputs(), network.outputs());
            let (inputs, targets) = table.split(wanted, outputs).map_err(|_| Error::File {
                path: path.clone(),
                reason: format!(
                    "its {} columns do not fit the model; give {wanted} columns of inputs, with or without {outputs} of targets, or another --model",
                    table.columns()
                ),
                bad: true,
            })?;
            Ok(Rows { name: path, inputs, targets })
        }
    }
}

/// A task that is never stepped: an engine is made of one.
fn task(model: &Model, inputs: &[f32]) -> Result<Task, Error> {
    let network = &model.network;
    let first = inputs[..network.inputs()].to_vec();
    let data = Dataset::new(
        "first row",
        first,
        network.inputs(),
        vec![0.0; network.outputs()],
        network.outputs(),
    )?;
    Ok(Task {
        network: network.clone(),
        data: Arc::new(data),
        batches: Batches::new(1, 0, Order::Sequential, 0),
        learning_rate: 0.0,
        parameters: model.parameters.clone(),
    })
}
