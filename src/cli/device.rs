//! From the flags about devices to an open GPU, or to the CPU.

use std::sync::Arc;

use super::Failure;
use crate::Error;
use crate::device::{is_first_example, pays_on, suits};
use crate::engine::{EngineSpec, Kernels};
use crate::gpu::{AdapterEntry, Adapters, DeviceChoice, Environment, Gpu};
use crate::settings::{EngineChoice, Settings};
use crate::train::{Speed, Training, measure_speed};

/// Where a command runs, and what there is to say about the choice.
pub(super) struct Chosen {
    /// The engine, with its open GPU if it has one.
    pub spec: EngineSpec,
    /// Why it is the CPU where nobody asked for it, or what was measured.
    pub note: Option<String>,
}

impl Chosen {
    fn cpu() -> Chosen {
        Chosen { spec: EngineSpec::Cpu, note: None }
    }
}

/// What the settings say.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub device: DeviceChoice,
    pub engine: EngineChoice,
    /// Those of the layered engine.
    pub kernels: Kernels,
    pub require_gpu: bool,
}

impl Settings {
    /// The device and the engine asked for: an engine that has kernels to choose from, where some are
    /// asked for.
    ///
    /// # Errors
    /// [`Error::Setting`] where another engine is asked for.
    pub(super) fn wanted(&self) -> Result<Wanted, Error> {
        let device = self.device.clone().unwrap_or_default();
        let engine = match (self.kernels, self.engine.unwrap_or(EngineChoice::Auto)) {
            (None, engine) => engine,
            (Some(_), EngineChoice::Auto | EngineChoice::Layered)
                if device != DeviceChoice::Cpu =>
            {
                EngineChoice::Layered
            }
            (Some(kernels), engine) => {
                let other = match device {
                    DeviceChoice::Cpu => "--device cpu".to_owned(),
                    _ => format!("--engine {engine}"),
                };
                let reason =
                    format!("is for the layered engine and contradicts {other}; leave one out");
                return Err(Error::setting(format!("--kernels {kernels}"), reason));
            }
        };
        Ok(Wanted {
            device,
            engine,
            kernels: self.kernels.unwrap_or(Kernels::Fused),
            require_gpu: self.require_gpu.unwrap_or(false),
        })
    }
}

impl Wanted {
    /// Whether nobody asks for an adapter, so that a software adapter has to suit.
    fn is_free(&self, environment: &Environment) -> bool {
        let is_auto = self.device == DeviceChoice::Auto && self.engine == EngineChoice::Auto;
        is_auto && !self.require_gpu && environment.adapter_name.is_none()
    }
}

/// What is said where the CPU is taken in place of a software adapter.
fn faster_than(adapter: &AdapterEntry) -> String {
    format!(
        "no GPU; faster here than the software adapter {}, which --device software takes",
        adapter.name
    )
}

/// Opens what `wanted` means for a training.
pub(super) async fn choose_for(wanted: &Wanted, training: &Training) -> Result<Chosen, Failure> {
    choose(wanted, Some(training), &|adapter| suits(adapter, training)).await
}

/// The same where nobody looks at which kernels run.
pub(super) async fn choose_fast(wanted: &Wanted, training: &Training) -> Result<Chosen, Failure> {
    choose(wanted, Some(training), &|adapter| pays_on(adapter, training)).await
}

/// Opens what `wanted` means; `training` is what `--device fastest` measures. Where nobody asks for an adapter, and
/// there is none but a software adapter, that is opened if it `suits`.
pub(super) async fn choose(
    wanted: &Wanted,
    training: Option<&Training>,
    suits: &dyn Fn(&AdapterEntry) -> bool,
) -> Result<Chosen, Failure> {
    let &Wanted { ref device, engine, kernels, require_gpu } = wanted;
    let contradiction = |one: &str, other: &str, fix: &str| -> Result<Chosen, Failure> {
        Err(Error::setting(one, format!("contradicts {other}; {fix}")).into())
    };
    if engine == EngineChoice::Cpu {
        return match device {
            _ if require_gpu => contradiction("--engine cpu", "--require-gpu", "leave one out"),
            DeviceChoice::Auto | DeviceChoice::Cpu => Ok(Chosen::cpu()),
            other => contradiction("--engine cpu", &format!("--device {other}"), "leave one out"),
        };
    }
    if *device == DeviceChoice::Cpu {
        return match engine {
            _ if require_gpu => contradiction("--device cpu", "--require-gpu", "leave one out"),
            engine if engine.needs_adapter() => contradiction(
                "--device cpu",
                &format!("--engine {engine}"),
                "use --engine cpu, or another --device",
            ),
            _ => Ok(Chosen::cpu()),
        };
    }
    let environment = Environment::of_process()?;
    let adapters = Adapters::enumerate(&environment).await;
    if *device == DeviceChoice::Fastest {
        return match training {
            Some(training) => {
                let candidates = adapters.candidates(&environment)?;
                fastest(training, candidates, wanted).await
            }
            None => contradiction("--device fastest", "this command", "use it with train"),
        };
    }
    let is_free = wanted.is_free(&environment);
    // An engine that needs an adapter makes `auto` mean the best there is.
    let device = match device {
        DeviceChoice::Auto if engine.needs_adapter() => &DeviceChoice::Gpu,
        device => device,
    };
    match adapters.choose(device, &environment, require_gpu)? {
        Some(adapter) => {
            let may_be_slower = is_free && adapter.is_software();
            if may_be_slower && !suits(adapter) {
                return Ok(Chosen { spec: EngineSpec::Cpu, note: Some(faster_than(adapter)) });
            }
            let note = training
                .filter(|_| may_be_slower)
                .map(|training| match is_first_example(training) {
                    true => "no GPU; --device cpu is faster, but this shows that kernels run here",
                    false => "no GPU, and not slower than --device cpu here",
                })
                .map(str::to_owned);
            let (gpu, tuned) = opened(adapter).await?;
            let spec = place_on(gpu, engine, kernels, training);
            let notes: Vec<String> =
                note.into_iter().chain(tuned.filter(|_| computes_products(&spec))).collect();
            Ok(Chosen { spec, note: (!notes.is_empty()).then(|| notes.join("; ")) })
        }
        None => Ok(Chosen {
            spec: EngineSpec::Cpu,
            note: Some(format!(
                "{}: this runs on the cpu engine; `wgrad devices` tells more",
                adapters.why_none()
            )),
        }),
    }
}

/// An open adapter, set to compute as it was found to be the fastest, and what to say of that.
async fn opened(adapter: &AdapterEntry) -> Result<(Arc<Gpu>, Option<String>), Failure> {
    let gpu = adapter.open().await?;
    let tuned = super::tuned::apply(&gpu);
    Ok((Arc::new(gpu), tuned))
}

/// Whether an engine's results depend on how products are computed.
fn computes_products(spec: &EngineSpec) -> bool {
    matches!(spec, EngineSpec::Layered(_, Kernels::Fused))
}

/// The engine on an open GPU.
fn place_on(
    gpu: Arc<Gpu>,
    engine: EngineChoice,
    kernels: Kernels,
    training: Option<&Training>,
) -> EngineSpec {
    match (engine, training) {
        (EngineChoice::Auto, Some(training)) => {
            let batches = training.batches(training.seed);
            let request = training.request(&batches, training.restarts as usize);
            EngineSpec::on(gpu, request, &training.data)
        }
        (EngineChoice::Auto | EngineChoice::Cpu | EngineChoice::Layered, _) => {
            EngineSpec::Layered(gpu, kernels)
        }
        (engine, _) => EngineSpec::Resident(gpu, engine.mapping()),
    }
}

/// Times the training's own steps on every adapter and on the CPU, and takes the fastest. What
/// cannot hold the training does not take part.
async fn fastest(
    training: &Training,
    adapters: Adapters,
    wanted: &Wanted,
) -> Result<Chosen, Failure> {
    let &Wanted { engine, kernels, require_gpu, .. } = wanted;
    let mut candidates = Vec::new();
    if engine == EngineChoice::Auto && !require_gpu {
        candidates.push((EngineSpec::Cpu, "cpu engine".to_owned()));
    }
    for adapter in &adapters.entries {
        if !(require_gpu && adapter.is_software()) {
            let (gpu, _) = opened(adapter).await?;
            let spec = place_on(gpu, engine, kernels, Some(training));
            let name = format!("{} engine on {}", spec.kind(), adapter.name);
            candidates.push((spec, name));
        }
    }
    let (mut measured, mut refused) = (Vec::new(), None);
    for (spec, name) in candidates {
        if let Err(error) = training.check_on(&spec) {
            refused = Some(error);
            continue;
        }
        let Speed { steps_per_second } = measure_speed(training, &spec).await?;
        measured.push((steps_per_second, name, spec));
    }
    measured.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list = measured.iter().map(|(speed, name, _)| format!("{name} {speed:.0} steps/s"));
    let note = format!("measured: {}", list.collect::<Vec<_>>().join(", "));
    match measured.into_iter().next() {
        Some((_, _, spec)) => Ok(Chosen { spec, note: Some(note) }),
        None => Err(refused.map_or_else(|| adapters.none().into(), Failure::from)),
    }
}
