//! `wgrad check` of one's own network: its gradients, or its training in lockstep with the reference.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use web_time::Instant;

use crate::Error;
use crate::check::{Lockstep, Options, Watch, check_network, lockstep};
use crate::cli::device::Wanted;
use crate::cli::own::{DRAWN_BATCH, resolved, saved};
use crate::cli::stop::Stop;
use crate::cli::{Failure, check_table, is_stdout, write_table};
use crate::data::{Batches, Order};
use crate::engine::{Engine, EngineSpec, Mapping, State, Task};
use crate::gpu::Gpu;
use crate::optimizer::{Optimizer, RateSchedule};
use crate::report::{self, CheckProgress, Detail, LockstepReport, Spinner};
use crate::settings::{EngineChoice, Given, Settings};

/// Steps of a lockstep by default, of a run that has more.
const DEFAULT_STEPS: u32 = 100;

/// Flags of `wgrad check` about one's own network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Your own network")]
pub(super) struct OwnArgs {
    /// Check the gradients of this network: a file from --save, or the folder of --out. Without it, of the one that
    /// the settings of a training below describe
    #[arg(long, value_name = "FILE|DIR")]
    model: Option<PathBuf>,

    /// Train on the device and on the f64 reference side by side, and compare after every kernel
    #[arg(long, conflicts_with = "model")]
    lockstep: bool,

    /// Of --lockstep: number of steps [default: those of the whole run, at most 100]
    #[arg(long, value_name = "N", requires = "lockstep", allow_negative_numbers = true)]
    steps: Option<u32>,

    /// Of --lockstep: write how far the two are apart after each step to this file, as comma-separated values, - for
    /// standard output
    #[arg(long, value_name = "FILE", requires = "lockstep")]
    csv: Option<PathBuf>,

    /// Replace an existing file that --csv names
    #[arg(long, requires = "csv")]
    force: bool,
}

impl OwnArgs {
    /// Whether a network is to be checked: a setting is given that decides what is trained.
    pub(super) fn is_wanted(&self, given: &Given) -> bool {
        let decides = given.rows().any(|(row, _)| row.role.decides_results() && row.key != "seed");
        self.model.is_some() || self.lockstep || decides
    }

    /// The gradients of the network, or its lockstep.
    pub(super) async fn run(
        &self,
        gpu: &Arc<Gpu>,
        settings: Settings,
        detail: Detail,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let wanted = settings.wanted()?;
        let of_engine = match (settings.kernels, settings.engine) {
            (Some(kernels), _) => Some(format!("--kernels {kernels}")),
            (None, engine) => engine.map(|engine| format!("--engine {engine}")),
        };
        if let (false, Some(flag)) = (self.lockstep, of_engine) {
            let reason = "is for --lockstep: gradients are checked with both kinds of kernels";
            return Err(Error::setting(flag, reason).into());
        }
        let seed = settings.seed.unwrap_or(0);
        let (task, all_steps) = match &self.model {
            Some(path) => (of_model(path, &settings)?, 1),
            None => {
                let training = resolved(settings)?.training;
                let task = training.task(training.seed);
                let per_epoch = task.batches.steps_per_epoch() as u32;
                (task, training.epochs.saturating_mul(per_epoch))
            }
        };
        if self.lockstep {
            return self.lockstep(gpu, &task, &wanted, all_steps, detail, stop).await;
        }
        let progress = CheckProgress::start(detail);
        let stopping = || stop.signal().is_some();
        let mut tell = |now: crate::check::Progress<'_>| progress.show(&now);
        let mut watch = Watch::new(&mut tell, stopping);
        let checked = check_network(gpu, &task, seed, &mut watch).await;
        progress.end();
        let options = Options { seed, ..Options::default() };
        report::checked(&checked, &options, gpu.adapter(), detail)?;
        super::end(checked.is_pass(), &checked.verdict(), stop)
    }

    async fn lockstep(
        &self,
        gpu: &Arc<Gpu>,
        task: &Task,
        wanted: &Wanted,
        all_steps: u32,
        detail: Detail,
        stop: &Stop,
    ) -> Result<(), Failure> {
        let steps = match self.steps {
            None => all_steps.min(DEFAULT_STEPS),
            Some(steps) if (1..=all_steps).contains(&steps) => steps,
            Some(steps) => {
                let reason = format!(
                    "must be 1 to {all_steps}, the steps of the run; more --epochs make more"
                );
                return Err(Error::setting(format!("--steps {steps}"), reason).into());
            }
        };
        if let Some(path) = &self.csv {
            check_table(path, self.force)?;
        }
        let resident = |mapping| EngineSpec::Resident(Arc::clone(gpu), mapping);
        let spec = match wanted.engine {
            EngineChoice::Auto | EngineChoice::Layered => {
                EngineSpec::Layered(Arc::clone(gpu), wanted.kernels)
            }
            EngineChoice::Resident => resident(None),
            EngineChoice::ResidentInvocation => resident(Some(Mapping::Invocation)),
            EngineChoice::ResidentWorkgroup => resident(Some(Mapping::Workgroup)),
            EngineChoice::Cpu => {
                let reason = "there is nothing to check: check compares an adapter with the CPU";
                return Err(Error::setting("--engine cpu", reason).into());
            }
        };
        Engine::check(task.request(), &task.data, &spec)?;
        let to_stdout = self.csv.as_deref().is_some_and(is_stdout);
        let is_silent = matches!(detail, Detail::Json | Detail::Quiet) || to_stdout;
        let spinner = Spinner::start(is_silent);
        let began = Instant::now();
        let mut tell = |step: u32| spinner.show(&format!("lockstep: step {step} of {steps}"));
        let stopping = || stop.signal().is_some();
        let found = lockstep(task, &spec, steps, &mut tell, &stopping).await;
        spinner.end();
        let found: Lockstep = found?;
        let seconds = began.elapsed().as_secs_f64();
        if let Some(path) = &self.csv {
            write_table(path, &report::lockstep_csv(&found))?;
        }
        let report = LockstepReport { task, at: &spec, steps, found: &found, seconds };
        if !to_stdout {
            report.print(detail)?;
        }
        super::end(report.is_pass(), &report.verdict(), stop)
    }
}

/// The first step of a saved network over rows of `--data`, or over made-up ones.
fn of_model(path: &std::path::Path, settings: &Settings) -> Result<Task, Error> {
    let (model, data) = saved(path, settings)?;
    let (seed, batch) = (settings.seed.unwrap_or(0), settings.batch.unwrap_or(DRAWN_BATCH));
    Ok(Task {
        batches: Batches::new(data.rows(), batch, settings.order.unwrap_or(Order::Shuffled), seed),
        network: model.network,
        data: Arc::new(data),
        learning_rate: 0.0,
        optimizer: Optimizer::default(),
        schedule: RateSchedule::default(),
        start: State::new(model.parameters),
    })
}
