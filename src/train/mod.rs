//! Training: settings that fit each other, epochs up to report boundaries, restarts, and what came
//! of it. Knows engines only by their common face.
//!
//! [`Training::run`] tells of its progress, and ends in order when it is asked to:
//!
//! ```
//! use wgrad::{Activation, Device, Loss, Network, Training, block_on};
//! use wgrad::data::Source;
//!
//! let data = Source::And.built_in().expect("a truth table")?;
//! let (sigmoid, loss) = (Activation::Sigmoid, Loss::Bce);
//! let mut training = Training::new(Network::uniform(vec![2, 1], sigmoid, sigmoid, loss)?, data);
//! training.epochs = 500;
//! let engine = Device::cpu().engine(&training);
//! let mut report = |at: wgrad::train::Progress| println!("epoch {}: loss {}", at.epoch, at.loss);
//! let outcome = block_on(training.run(&engine, &mut report, &|| false))?;
//! assert_eq!(outcome.kept.evaluation.right, Some(4));
//! assert_eq!(outcome.kept.weights().len(), 64); // 2 weights and a bias, with their padding
//! # Ok::<(), wgrad::Error>(())
//! ```

mod boundaries;
mod control;
mod course;
pub mod doctor;
mod evaluate;
mod examine;
mod group;
mod outcome;
mod range;
mod run;
mod speed;
mod trainer;
mod trainer_state;

use std::sync::Arc;

pub use boundaries::CLOSE_BOUNDARIES;
pub use control::{Resume, Shown};
pub use course::{Course, Look};
pub use doctor::{Cause, Checkup, Finding, Fix, LayerCheckup};
pub use evaluate::{ClassScore, Confusion, Evaluation, TargetErrors, dead_units, evaluate};
pub(crate) use group::{Seed, judge, judge_by_engine, suits_lanes};
pub use outcome::{Event, Outcome, Progress, Run, Snapshot, StartEnd, ValidationPoint};
pub use range::{RangePoint, RangeTest, RateRange};
#[cfg(feature = "cli")]
pub(crate) use speed::seconds_of_one;
pub use speed::{Speed, measure_speed};
pub use trainer_state::{Ended, Halving, OnDivergence, Stopping, TrainerState, Waiting, Weights};

use crate::Error;
use crate::data::{Batches, Dataset, Order};
use crate::engine::{Engine, EngineSpec, Request, State, Task};
use crate::network::{Initializer, Layout, Network};
use crate::optimizer::{Optimizer, RateSchedule, Schedule, ScheduleKind};

/// How many points the history of a run has at most, the first epoch's not counted.
pub const HISTORY_POINTS: u32 = 200;

/// Rows that are evaluated and not trained on: none by default.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct HeldOut {
    /// Looked at at report boundaries; the weights that did best on them are kept (see [`Weights`]), and of several
    /// starts the best.
    pub validation: Option<Arc<Dataset>>,
    /// Looked at once, at the end.
    pub test: Option<Arc<Dataset>>,
}

impl HeldOut {
    /// What the rows are called that networks are measured on: `test`, else `validation`, else `training`.
    pub fn unseen(&self) -> &'static str {
        match (&self.test, &self.validation) {
            (Some(_), _) => "test",
            (None, Some(_)) => "validation",
            (None, None) => "training",
        }
    }
}

/// A training, whole: what decides its numbers. [`Training::new`] gives the defaults; whatever is to be otherwise is set:
///
/// ```
/// use wgrad::optimizer::{Optimizer, OptimizerKind, Schedule, ScheduleKind};
/// use wgrad::{Activation, Dataset, Loss, Network, Training};
///
/// let data = Dataset::new("line", vec![0.0, 0.5, 1.0], 1, vec![1.0, 2.0, 3.0], 1)?;
/// let identity = Activation::Identity;
/// let mut training =
///     Training::new(Network::uniform(vec![1, 1], identity, identity, Loss::MseMean)?, data);
/// training.optimizer = Optimizer::new(OptimizerKind::Adam);
/// training.learning_rate = 0.01;
/// training.epochs = 3000;
/// training.schedule = Schedule::new(ScheduleKind::Cosine, training.epochs);
/// training.stopping.target_loss = Some(1e-6);
/// assert!(training.check().is_ok());
/// # Ok::<(), wgrad::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Training {
    /// The network.
    pub network: Network,
    /// The rows that it learns.
    pub data: Arc<Dataset>,
    /// Rows for validation and for testing.
    pub held_out: HeldOut,
    /// How its weights start: by default as suits its first activation.
    pub init: Initializer,
    /// How many times as wide as that they are drawn: above 0, 1 by default.
    pub init_scale: f32,
    /// The parameters to start from, `[len]` of the network's [`Layout`], where they are not drawn: of one start alone.
    /// `None` by default.
    pub initial: Option<Arc<Vec<f32>>>,
    /// The largest learning rate, above 0: what the schedule's factors multiply. 0.5 by default.
    pub learning_rate: f32,
    /// How gradients become updates: by default plain gradient descent.
    pub optimizer: Optimizer,
    /// How the rate goes: by default it is constant.
    pub schedule: Schedule,
    /// When a training ends before its last epoch: by default never.
    pub stopping: Stopping,
    /// What happens where it diverges: by default it ends, with [`Error::Diverged`].
    pub on_divergence: OnDivergence,
    /// Which weights are kept where there are rows for validation: by default the best.
    pub weights: Weights,
    /// Whether the doctor looks at it, which costs a few numbers per report boundary: by default it does.
    pub doctor: bool,
    /// Epochs between two checkpoints, at least 1; `None`, the default, for none but those of the end.
    pub checkpoint_every: Option<u32>,
    /// How often all rows are seen: at least 1, 1,000 by default.
    pub epochs: u32,
    /// Rows of a batch; 0, the default, for all.
    pub batch: usize,
    /// In which order rows go into batches: by default shuffled in each epoch.
    pub order: Order,
    /// The seed of the first start, 0 by default; restart `r` has seed `seed + r`.
    pub seed: u64,
    /// How many starts at most: at least 1, the default. The first that solves its data ends the training.
    pub restarts: u32,
}

impl Training {
    /// A training of `network` on `data` by plain gradient descent at rate 0.5: one start, all rows in a
    /// batch, 1,000 epochs, weights as suit its first activation. Whatever is to be otherwise is set.
    pub fn new(network: Network, data: impl Into<Arc<Dataset>>) -> Training {
        Training {
            init: Initializer::default_for(network.activations()[0]),
            init_scale: 1.0,
            initial: None,
            network,
            data: data.into(),
            held_out: HeldOut::default(),
            learning_rate: 0.5,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            stopping: Stopping::default(),
            on_divergence: OnDivergence::Stop,
            weights: Weights::Best,
            doctor: true,
            checkpoint_every: None,
            epochs: 1000,
            batch: 0,
            order: Order::Shuffled,
            seed: 0,
            restarts: 1,
        }
    }

    /// Whether the settings fit each other and the data.
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::Value`] with the field and its value, [`Error::Data`] for rows that do not fit the
    /// network or its loss.
    pub fn check(&self) -> Result<(), Error> {
        let HeldOut { validation, test } = &self.held_out;
        for data in [Some(&self.data), validation.as_ref(), test.as_ref()].into_iter().flatten() {
            data.check_fits(&self.network)?;
        }
        let rate = self.learning_rate;
        if !(rate.is_finite() && rate > 0.0) {
            return setting(
                format!("`learning_rate` {rate}"),
                "must be a positive number, as in `learning_rate` 0.5",
            );
        }
        let scale = self.init_scale;
        if !(scale.is_finite() && scale > 0.0) {
            let reason = "must be a positive number, as in `init_scale` 0.5";
            return setting(format!("`init_scale` {scale}"), reason);
        }
        if self.epochs == 0 {
            return setting("`epochs` 0", "must be at least 1");
        }
        if self.restarts == 0 {
            return setting("`restarts` 0", "must be at least 1");
        }
        if self.initial.is_some() && self.restarts > 1 {
            let reason = "would be as many times the same with `initial`; leave it out";
            return setting(format!("`restarts` {}", self.restarts), reason);
        }
        if self.seed.checked_add(u64::from(self.restarts) - 1).is_none() {
            return setting(
                format!("`seed` {}", self.seed),
                "leaves no room for `restarts`; use a smaller one",
            );
        }
        self.stopping.check()?;
        if self.checkpoint_every == Some(0) {
            return setting("`checkpoint_every` 0", "must be at least 1 epoch");
        }
        if self.checkpoint_every.is_some() && self.restarts > 1 {
            let reason = "checkpoints are of one start; leave it out, or use `restarts` 1";
            return setting(format!("`restarts` {}", self.restarts), reason);
        }
        self.optimizer.check()?;
        let (batches, norm) = (self.batches(0), self.network.norm());
        if let Some(reason) = norm.refusal(batches.rows(), batches.batch()) {
            return setting(format!("`norm` {norm}"), reason);
        }
        self.schedule.check(self.epochs)?;
        let steps = self.batches(0).steps_per_epoch() as u64 * u64::from(self.epochs);
        if steps > u64::from(u32::MAX) {
            let reason = format!("{steps} steps in all; at most {} are supported", u32::MAX);
            return setting(format!("`epochs` {}", self.epochs), reason);
        }
        Ok(())
    }

    /// Whether something is decided on the way, so that each start stops at report boundaries.
    fn decides(&self) -> bool {
        self.schedule.kind == ScheduleKind::Plateau
            || self.stopping.target_loss.is_some()
            || self.stopping.patience.is_some()
            || self.on_divergence == OnDivergence::HalveLr
            || self.checkpoint_every.is_some()
            || self.keeps_best()
    }

    /// Whether the weights that are kept are those with the lowest loss on the rows for validation.
    fn keeps_best(&self) -> bool {
        self.weights == Weights::Best && self.held_out.validation.is_some()
    }

    /// Whether the settings fit each other, and whether the engine and its device can hold them.
    ///
    /// # Errors
    /// As [`Training::check`]; [`Error::Gpu`] with the limit that is exceeded, [`Error::Memory`].
    pub fn check_on(&self, spec: &EngineSpec) -> Result<(), Error> {
        self.check()?;
        let networks = self.restarts as usize;
        if matches!(spec, EngineSpec::Resident(..)) {
            self.check_memory(networks)?;
        }
        Engine::check(self.request(&self.batches(0), networks), &self.data, spec)
    }

    /// Whether the host can hold what it keeps of this many networks at once: parameters twice,
    /// their histories, and the losses of an epoch.
    fn check_memory(&self, networks: usize) -> Result<(), Error> {
        let history = HISTORY_POINTS as usize * size_of::<(u32, f32)>();
        let losses = 2 * self.batches(0).steps_per_epoch() * size_of::<f32>();
        let parameters = 2 * Layout::new(&self.network).len() * size_of::<f32>();
        let bytes = networks.saturating_mul(history + losses + parameters);
        // Given back at once: it only has to be there.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })
    }

    /// Which rows each step of the start with `seed` takes.
    pub fn batches(&self, seed: u64) -> Batches {
        Batches::new(self.data.rows(), self.batch, self.order, seed)
    }

    /// What so many networks of it ask of an engine.
    #[doc(hidden)]
    pub fn request<'a>(&'a self, batches: &'a Batches, networks: usize) -> Request<'a> {
        let (network, optimizer, schedule) = (&self.network, self.optimizer, self.rate_schedule());
        Request {
            network,
            optimizer,
            schedule,
            batches,
            networks,
            stops_when_solved: false,
            is_weighted: self.data.is_weighted(),
            mapping: None,
        }
    }

    /// How the rate goes, in steps of this training's batches.
    pub fn rate_schedule(&self) -> RateSchedule {
        self.schedule.in_steps(self.epochs, self.batches(0).steps_per_epoch() as u32)
    }

    /// What an engine needs for the start with `seed`: its weights are drawn, or are `initial`.
    pub fn task(&self, seed: u64) -> Task {
        let parameters = match &self.initial {
            Some(parameters) => parameters.to_vec(),
            None => self.init.parameters(&self.network, seed, self.init_scale),
        };
        let moments = vec![vec![0.0; parameters.len()]; self.optimizer.moments()];
        self.task_from(State { step: 0, parameters, moments }, seed, self.learning_rate)
    }

    /// The same, from elsewhere and at another rate.
    fn task_from(&self, start: State, seed: u64, learning_rate: f32) -> Task {
        Task {
            network: self.network.clone(),
            data: Arc::clone(&self.data),
            batches: self.batches(seed),
            learning_rate,
            optimizer: self.optimizer,
            schedule: self.rate_schedule(),
            start,
        }
    }
}

fn setting(setting: impl Into<String>, reason: impl Into<String>) -> Result<(), Error> {
    Err(Error::setting(setting, reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::network::{Activation, Loss};

    pub(super) fn xor() -> Training {
        Training {
            restarts: 64,
            ..Training::new(
                Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce)
                    .unwrap(),
                Arc::new(Source::Xor.built_in().unwrap().unwrap()),
            )
        }
    }

    fn run(training: &Training) -> Result<Outcome, Error> {
        pollster::block_on(training.run(&EngineSpec::Cpu, &mut |_| (), &|| false))
    }

    #[test]
    fn restarts_end_with_the_first_solved_seed_which_alone_gives_the_same() {
        let outcome = run(&xor()).unwrap();
        assert_eq!((outcome.solved, outcome.kept.evaluation.solved), (1, Some(true)));
        assert_eq!(outcome.kept.seed, u64::from(outcome.restarts) - 1);
        let alone = run(&Training { seed: outcome.kept.seed, restarts: 1, ..xor() }).unwrap();
        assert_eq!(alone.kept.parameters, outcome.kept.parameters);
        assert_eq!(alone.kept.history, outcome.kept.history);
    }

    #[test]
    fn a_diverged_run_says_so_and_is_never_kept() {
        let wild = Training { learning_rate: 1e30, restarts: 3, ..xor() };
        let network =
            Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Identity, Loss::MseMean);
        let error = run(&Training { network: network.unwrap(), ..wild }).unwrap_err();
        assert!(matches!(error, Error::Diverged { .. }), "{error}");
        assert_eq!(error.exit_code(), 5);
    }

    #[test]
    fn a_stop_keeps_what_was_reached() {
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 5;
        let outcome = pollster::block_on(xor().run(&EngineSpec::Cpu, &mut |_| (), &stop)).unwrap();
        assert!(outcome.stopped && outcome.restarts == 1);
        let run = outcome.kept;
        assert!(run.epochs > 0 && run.epochs < 1000);
        assert_eq!(run.history.last().unwrap().0, run.epochs);
    }

    /// What is told of an epoch is that epoch's loss, wherever the boundaries fall.
    #[test]
    fn progress_tells_each_epoch_its_own_loss() {
        let training = Training { epochs: 950, restarts: 1, ..xor() };
        let mut told = Vec::new();
        let mut report = |progress: Progress| told.push((progress.epoch, progress.loss));
        let outcome =
            pollster::block_on(training.run(&EngineSpec::Cpu, &mut report, &|| false)).unwrap();
        assert!(told.len() > 5 && told.iter().all(|point| outcome.kept.history.contains(point)));
        assert_eq!(told.last().unwrap().0, 950);
    }

    /// Parameters that overflow behind a dead ReLU leave the loss finite: they are found anyway,
    /// and at the next report boundary.
    #[test]
    fn divergence_behind_a_finite_loss_is_found_at_the_next_boundary() {
        let data = Dataset::new("d", vec![1000.0, 3000.0, 0.0], 1, vec![2000.0, 1000.0, 1.0], 1);
        let network =
            Network::uniform(vec![1, 3, 1], Activation::Relu, Activation::Relu, Loss::MseMean);
        let training = Training {
            network: network.unwrap(),
            data: Arc::new(data.unwrap()),
            learning_rate: 3e38,
            epochs: 20_000,
            restarts: 1,
            ..xor()
        };
        let Err(Error::Diverged { step, .. }) = run(&training) else { panic!("not found") };
        assert!(step <= training.report_every(), "{step}");
    }

    #[test]
    fn settings_out_of_range_name_the_flag() {
        for (training, flag) in [
            (Training { learning_rate: -1.0, ..xor() }, "`learning_rate` -1"),
            (Training { learning_rate: f32::NAN, ..xor() }, "`learning_rate` NaN"),
            (Training { epochs: 0, ..xor() }, "`epochs` 0"),
            (Training { restarts: 0, ..xor() }, "`restarts` 0"),
            (Training { seed: u64::MAX - 5, ..xor() }, "`seed` 18446744073709551610"),
            (Training { epochs: u32::MAX, batch: 1, ..xor() }, "`epochs` 4294967295"),
        ] {
            let error = run(&training).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn history_is_bounded_and_ends_with_the_last_epoch() {
        let outcome = run(&Training { epochs: 997, restarts: 1, ..xor() }).unwrap();
        let epochs: Vec<u32> = outcome.kept.history.iter().map(|point| point.0).collect();
        assert!(epochs.len() > 150 && epochs.len() <= HISTORY_POINTS as usize + 1);
        assert_eq!((epochs[0], epochs[epochs.len() - 1]), (1, 997));
    }
}
