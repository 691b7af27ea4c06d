//! Training: epochs up to report boundaries, restarts, and what came of it. Knows engines only by
//! their common face.

mod evaluate;
mod speed;

use std::sync::Arc;

use web_time::Instant;

pub use evaluate::{Evaluation, dead_units, evaluate};
pub use speed::{Speed, measure_speed};

use crate::Error;
use crate::data::{Batches, Dataset, Order};
use crate::engine::{Engine, Forward, Place, ResidentEngine, Task, forward};
use crate::gpu::Gpu;
use crate::network::{Initializer, Layout, Network};

/// How many points the history of a run has at most, the first epoch's not counted.
pub const HISTORY_POINTS: u32 = 200;
/// Steps between two report boundaries at least: losses are read back there, and only there.
const BOUNDARY_STEPS: u32 = 64;

/// A training, whole: what decides its numbers.
#[derive(Debug, Clone)]
pub struct Training {
    /// The network.
    pub network: Network,
    /// What it learns.
    pub data: Arc<Dataset>,
    /// How its weights start.
    pub init: Initializer,
    /// The factor on gradients.
    pub learning_rate: f32,
    /// How often all rows are seen.
    pub epochs: u32,
    /// Rows of a batch; 0 for all.
    pub batch: usize,
    /// In which order rows go into batches.
    pub order: Order,
    /// The seed of the first start; restart `r` has seed `seed + r`.
    pub seed: u64,
    /// How many starts at most.
    pub restarts: u32,
}

/// One training from one start.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Epochs done.
    pub epochs: u32,
    /// `(epoch, loss)`: the mean loss over an epoch's rows, each batch's before its update.
    pub history: Vec<(u32, f32)>,
    /// The parameters at the end, in the network's layout.
    pub parameters: Vec<f32>,
    /// What they do on the data.
    pub evaluation: Evaluation,
}

/// What came of a training.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run that was kept: the first that solved its data, else the one with the lowest loss.
    pub kept: Run,
    /// The seed of the first start.
    pub first_seed: u64,
    /// Starts that were trained.
    pub restarts: u32,
    /// How many of them solved their data.
    pub solved: u32,
    /// How many of them diverged.
    pub diverged: u32,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
    /// Seconds spent making engines.
    pub setup_seconds: f64,
    /// Seconds spent training.
    pub train_seconds: f64,
}

/// Where a training is, told at every report boundary.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Which start, from 0.
    pub restart: u32,
    /// Its seed.
    pub seed: u64,
    /// Epochs done.
    pub epoch: u32,
    /// The last epoch's loss.
    pub loss: f32,
}

impl Training {
    /// Whether the settings fit each other and the data.
    ///
    /// # Errors
    /// [`Error`] names the flag and its value.
    pub fn check(&self) -> Result<(), Error> {
        let setting = |setting: String, reason: &str| {
            Err(Error::Setting { setting, reason: reason.to_owned() })
        };
        self.data.check_fits(&self.network)?;
        let rate = self.learning_rate;
        if !(rate.is_finite() && rate > 0.0) {
            return setting(format!("--lr {rate}"), "must be a positive number, as in --lr 0.5");
        }
        if self.epochs == 0 {
            return setting("--epochs 0".to_owned(), "must be at least 1");
        }
        if self.restarts == 0 {
            return setting("--restarts 0".to_owned(), "must be at least 1");
        }
        if self.seed.checked_add(u64::from(self.restarts) - 1).is_none() {
            return setting(
                format!("--seed {}", self.seed),
                "leaves no room for --restarts; use a smaller one",
            );
        }
        let steps = self.batches(0).steps_per_epoch() as u64 * u64::from(self.epochs);
        if steps > u64::from(u32::MAX) {
            let reason = format!("{steps} steps in all; at most {} are supported", u32::MAX);
            return setting(format!("--epochs {}", self.epochs), &reason);
        }
        Ok(())
    }

    /// Whether the settings fit each other, and whether the engine and its device can hold them.
    ///
    /// # Errors
    /// As [`Training::check`], or naming the limit.
    pub fn check_on(&self, place: &Place) -> Result<(), Error> {
        self.check()?;
        let networks = self.restarts as usize;
        if matches!(place, Place::Resident(_)) {
            self.check_memory(networks)?;
        }
        Engine::check(&self.network, &self.data, &self.batches(0), networks, place)
    }

    /// Whether the host can hold what it keeps of this many networks at once: parameters twice,
    /// their histories, and the losses between two boundaries.
    fn check_memory(&self, networks: usize) -> Result<(), Error> {
        let history = HISTORY_POINTS as usize * size_of::<(u32, f32)>();
        let steps = self.report_every() as usize * self.batches(0).steps_per_epoch();
        let losses = 2 * steps * size_of::<f32>();
        let parameters = 2 * Layout::new(&self.network).len() * size_of::<f32>();
        let bytes = networks.saturating_mul(history + losses + parameters);
        // Given back at once: it only has to be there.
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| Error::Memory { bytes })
    }

    /// The batches of the start of `seed`.
    pub fn batches(&self, seed: u64) -> Batches {
        Batches::new(self.data.rows(), self.batch, self.order, seed)
    }

    /// Epochs between two points of the history.
    fn history_every(&self) -> u32 {
        self.epochs.div_ceil(HISTORY_POINTS)
    }

    /// Epochs between two report boundaries: fixed by the configuration, never by time.
    pub fn report_every(&self) -> u32 {
        let steps = self.batches(0).steps_per_epoch() as u32 * self.history_every();
        self.history_every() * BOUNDARY_STEPS.div_ceil(steps)
    }

    /// What an engine needs for the start of `seed`.
    pub fn task(&self, seed: u64) -> Task {
        Task {
            network: self.network.clone(),
            data: Arc::clone(&self.data),
            batches: self.batches(seed),
            learning_rate: self.learning_rate,
            parameters: self.init.parameters(&self.network, seed),
        }
    }

    /// Trains starts until one solves its data: one after the other, or, on the resident engine,
    /// all at once. Either way the lowest seed that solves it is kept, else the lowest loss.
    /// `report` hears of every report boundary; a true answer of `stop` ends the training in
    /// order, with what was reached.
    ///
    /// # Errors
    /// Where the settings do not fit, the GPU fails, or every start diverged.
    pub async fn run(
        &self,
        place: &Place,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Outcome, Error> {
        self.check_on(place)?;
        let mut tally = Tally::default();
        match place {
            Place::Resident(gpu) if self.restarts > 1 => {
                self.run_together(gpu, &mut tally, report, stop).await?;
            }
            _ => self.run_in_turn(place, &mut tally, report, stop).await?,
        }
        let Some(kept) = tally.kept else {
            // A stop came while all that ran before it diverged.
            let step = tally.last_diverged;
            return Err(Error::Diverged { what: "every start".to_owned(), step });
        };
        Ok(Outcome {
            kept,
            first_seed: self.seed,
            restarts: tally.restarts,
            solved: tally.solved,
            diverged: tally.diverged,
            stopped: stop(),
            setup_seconds: tally.setup_seconds,
            train_seconds: tally.train_seconds,
        })
    }

    async fn run_in_turn(
        &self,
        place: &Place,
        tally: &mut Tally,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        while tally.restarts < self.restarts && tally.solved == 0 {
            if tally.restarts > 0 && stop() {
                break;
            }
            let seed = self.seed + u64::from(tally.restarts);
            let started = Instant::now();
            let mut engine = Engine::new(self.task(seed), place).await?;
            tally.setup_seconds += started.elapsed().as_secs_f64();
            let started = Instant::now();
            let run = self.run_once(&mut engine, tally.restarts, seed, report, stop).await;
            tally.train_seconds += started.elapsed().as_secs_f64();
            tally.add(run, self.restarts)?;
        }
        Ok(())
    }

    /// Every start in the same dispatches.
    async fn run_together(
        &self,
        gpu: &Arc<Gpu>,
        tally: &mut Tally,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let networks = self.restarts as usize;
        let started = Instant::now();
        let seeds = (0..u64::from(self.restarts)).map(|restart| self.seed + restart);
        let starts: Vec<Vec<f32>> =
            seeds.clone().map(|seed| self.init.parameters(&self.network, seed)).collect();
        let task = self.task(self.seed);
        let mut engine = ResidentEngine::new(&task, &starts, Arc::clone(gpu)).await?;
        tally.setup_seconds += started.elapsed().as_secs_f64();

        let started = Instant::now();
        let per_epoch = task.batches.steps_per_epoch() as u32;
        let mut records = vec![Record::default(); networks];
        let mut epoch = 0;
        while epoch < self.epochs {
            let epochs = self.report_every().min(self.epochs - epoch);
            let losses = engine.run(epochs * per_epoch, stop).await?;
            let steps = (losses.len() / networks) as u32;
            let stopped = steps < epochs * per_epoch;
            for (network, record) in records.iter_mut().enumerate() {
                let own: Vec<f32> =
                    losses.iter().skip(network).step_by(networks).copied().collect();
                record.note(self, &task.batches, epoch, &own, stopped);
            }
            epoch += steps / per_epoch;
            let best = records.iter().filter_map(|record| Some(record.history.last()?.1));
            if let Some(loss) = best.filter(|loss| is_finite(*loss)).reduce(f32::min)
                && steps >= per_epoch
            {
                report(Progress { restart: 0, seed: self.seed, epoch, loss });
            }
            if stopped || stop() {
                break;
            }
        }
        let parameters = engine.parameters().await?;
        tally.train_seconds += started.elapsed().as_secs_f64();
        for ((seed, record), parameters) in seeds.zip(records).zip(parameters) {
            let run = self.judge(seed, epoch, record, parameters, engine.steps_done());
            tally.add(run, self.restarts)?;
        }
        Ok(())
    }

    /// One of many runs, from its losses and its last parameters.
    fn judge(
        &self,
        seed: u64,
        epochs: u32,
        record: Record,
        parameters: Vec<f32>,
        steps: u32,
    ) -> Result<Run, Error> {
        if let Some(step) = record.diverged {
            return Err(Error::Diverged { what: "the loss".to_owned(), step });
        }
        self.check_parameters(&parameters, steps)?;
        let forward = forward(&self.network, &parameters, self.data.inputs());
        let evaluation = self.evaluate(&forward, steps)?;
        Ok(Run { seed, epochs, history: record.history, parameters, evaluation })
    }

    async fn run_once(
        &self,
        engine: &mut Engine,
        restart: u32,
        seed: u64,
        report: &mut dyn FnMut(Progress),
        stop: &dyn Fn() -> bool,
    ) -> Result<Run, Error> {
        let batches = self.batches(seed);
        let per_epoch = batches.steps_per_epoch() as u32;
        let (mut epoch, mut record) = (0, Record::default());
        let mut parameters = Vec::new();
        while epoch < self.epochs {
            let epochs = self.report_every().min(self.epochs - epoch);
            let losses = engine.run(epochs * per_epoch, stop).await?;
            // The old copy goes before the new one comes.
            drop(std::mem::take(&mut parameters));
            parameters = engine.parameters().await?;
            let stopped = losses.len() < (epochs * per_epoch) as usize;
            record.note(self, &batches, epoch, &losses, stopped);
            if let Some(step) = record.diverged {
                return Err(Error::Diverged { what: "the loss".to_owned(), step });
            }
            self.check_parameters(&parameters, engine.steps_done())?;
            let whole = losses.len() as u32 / per_epoch;
            epoch += whole;
            if let Some(&(_, loss)) = record.history.last()
                && whole > 0
            {
                report(Progress { restart, seed, epoch, loss });
            }
            if stopped || stop() {
                break;
            }
        }
        let forward = engine.forward(self.data.inputs()).await?;
        let evaluation = self.evaluate(&forward, engine.steps_done())?;
        Ok(Run { seed, epochs: epoch, history: record.history, parameters, evaluation })
    }

    /// What a network does at the end, if that is still anything: the last update has no loss
    /// after it that would show it.
    fn evaluate(&self, forward: &Forward, step: u32) -> Result<Evaluation, Error> {
        let evaluation = evaluate(&self.network, &self.data, forward);
        let outputs = forward.outputs.iter().chain(&forward.pre_activations);
        if outputs.copied().all(is_finite) && evaluation.loss.is_finite() {
            Ok(evaluation)
        } else {
            Err(Error::Diverged { what: "an output".to_owned(), step })
        }
    }

    /// Whether a network is still one, by the bits of its parameters: a diverged network can show
    /// a finite loss.
    fn check_parameters(&self, parameters: &[f32], steps: u32) -> Result<(), Error> {
        let Some(at) = parameters.iter().position(|value| !is_finite(*value)) else {
            return Ok(());
        };
        let layout = Layout::new(&self.network);
        let what = layout.locate(at).map_or("a parameter", |(tensor, _, _)| &tensor.name);
        Err(Error::Diverged { what: what.to_owned(), step: steps })
    }
}

/// What is kept of a run's losses.
#[derive(Debug, Clone, Default)]
struct Record {
    /// As [`Run::history`].
    history: Vec<(u32, f32)>,
    /// The first step whose loss was not finite, from 1.
    diverged: Option<u32>,
}

impl Record {
    /// Notes the losses of the steps after `epoch` epochs; `stopped` where they are the last.
    fn note(
        &mut self,
        training: &Training,
        batches: &Batches,
        epoch: u32,
        losses: &[f32],
        stopped: bool,
    ) {
        let per_epoch = batches.steps_per_epoch() as u32;
        if let Some(at) = losses.iter().position(|loss| !is_finite(*loss)) {
            self.diverged = self.diverged.or(Some(epoch * per_epoch + at as u32 + 1));
        }
        let whole = losses.len() as u32 / per_epoch;
        for (at, losses) in (epoch + 1..).zip(losses.chunks_exact(per_epoch as usize)) {
            let is_last = at == training.epochs || stopped && at == epoch + whole;
            if at == 1 || at % training.history_every() == 0 || is_last {
                self.history.push((at, epoch_loss(batches, losses)));
            }
        }
    }
}

/// The count of starts, and the best of them.
#[derive(Debug, Default)]
struct Tally {
    kept: Option<Run>,
    restarts: u32,
    solved: u32,
    diverged: u32,
    /// The step at which the last of those did.
    last_diverged: u32,
    setup_seconds: f64,
    train_seconds: f64,
}

impl Tally {
    /// Counts a start, in the order of seeds: the first that is solved is kept, else the lowest
    /// loss. One that diverged never is, and is an error only where it is the last of `most` and
    /// nothing else is left.
    fn add(&mut self, run: Result<Run, Error>, most: u32) -> Result<(), Error> {
        self.restarts += 1;
        match run {
            Ok(run) => {
                let is_solved = run.evaluation.solved == Some(true);
                let better = match &self.kept {
                    None => true,
                    Some(kept) if self.solved == 0 => {
                        is_solved || run.evaluation.loss < kept.evaluation.loss
                    }
                    Some(_) => false,
                };
                self.solved += u32::from(is_solved);
                if better {
                    self.kept = Some(run);
                }
                Ok(())
            }
            Err(Error::Diverged { step, .. }) if self.restarts < most || self.kept.is_some() => {
                self.diverged += 1;
                self.last_diverged = step;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether a number that came from a GPU is one: by its bits, as WGSL may take no notice of NaN.
fn is_finite(value: f32) -> bool {
    value.to_bits() & 0x7f80_0000 != 0x7f80_0000
}

/// The mean over an epoch's rows from the means over its batches.
fn epoch_loss(batches: &Batches, losses: &[f32]) -> f32 {
    let sum: f64 =
        (0..).zip(losses).map(|(step, &loss)| f64::from(loss) * batches.len_of(step) as f64).sum();
    (sum / batches.rows() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::network::{Activation, Loss};

    fn xor() -> Training {
        Training {
            network: Network::uniform(
                vec![2, 3, 1],
                Activation::Relu,
                Activation::Sigmoid,
                Loss::Bce,
            )
            .unwrap(),
            data: Arc::new(Source::Xor.built_in().unwrap().unwrap()),
            init: Initializer::HeNormal,
            learning_rate: 0.5,
            epochs: 1000,
            batch: 0,
            order: Order::Shuffled,
            seed: 0,
            restarts: 64,
        }
    }

    fn run(training: &Training) -> Result<Outcome, Error> {
        pollster::block_on(training.run(&Place::Cpu, &mut |_| (), &|| false))
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
        let outcome = pollster::block_on(xor().run(&Place::Cpu, &mut |_| (), &stop)).unwrap();
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
            pollster::block_on(training.run(&Place::Cpu, &mut report, &|| false)).unwrap();
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
            (Training { learning_rate: -1.0, ..xor() }, "--lr -1"),
            (Training { learning_rate: f32::NAN, ..xor() }, "--lr NaN"),
            (Training { epochs: 0, ..xor() }, "--epochs 0"),
            (Training { restarts: 0, ..xor() }, "--restarts 0"),
            (Training { seed: u64::MAX - 5, ..xor() }, "--seed 18446744073709551610"),
            (Training { epochs: u32::MAX, batch: 1, ..xor() }, "--epochs 4294967295"),
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
