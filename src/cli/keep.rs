//! Keeping a run in a folder, and resuming it: settings, history, checkpoints.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Error;
use crate::data::{Schema, Source};
use crate::engine::{EngineSpec, Mapping, State};
use crate::gpu::DeviceChoice;
use crate::model::{BEST, Checkpoint, History, ModelError, RunFolder, file};
use crate::network::Network;
use crate::optimizer::ScheduleKind;
use crate::report;
use crate::settings::{
    EngineChoice, Given, Resolved, Role, Setting, Settings, TestRows, Verb, data, files,
};
use crate::sweep;
use crate::train::{Event, Outcome, Resume, Snapshot, TrainerState, Training};

/// Where the folders of `--keep` are.
const RUNS: &str = "runs";

/// The folder that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// None.
    Nothing,
    /// This one, new.
    Out(&'a Path, bool),
    /// The next of this name.
    Next(&'a str),
    /// That of the run that is resumed.
    Same(&'a Path),
}

/// A run that is kept.
pub(super) struct Keeper {
    folder: RunFolder,
    history: History,
    network: Network,
    schema: Schema,
    settings: String,
    data: String,
    restarts: u32,
    /// The epoch of the last checkpoint.
    kept: Option<u32>,
}

impl Keeper {
    /// Makes the folder, and puts the settings there: those that repeat the run, with the engine and the
    /// adapter that were chosen. `from` is where a resumed run continues.
    pub(super) fn start(
        wanted: Wanted<'_>,
        resolved: &Resolved,
        spec: &EngineSpec,
        from: Option<&Resume>,
    ) -> Result<Option<Keeper>, Error> {
        let folder = match wanted {
            Wanted::Nothing => return Ok(None),
            Wanted::Out(path, force) => RunFolder::create(path, force)?,
            Wanted::Next(name) => RunFolder::next(Path::new(RUNS), name)?,
            Wanted::Same(path) => RunFolder::open(path)?,
        };
        let settings = repeatable(resolved, spec).given().toml();
        folder.write_config(&settings)?;
        // What an interrupted run wrote after its checkpoint is done again.
        let until = from.map_or(0, |from| from.trainer_state.epoch);
        let history = folder.history(&|line| {
            line["epoch"].as_u64().is_some_and(|epoch| epoch <= u64::from(until))
                && line["event"] != "result"
        })?;
        Ok(Some(Keeper {
            folder,
            history,
            network: resolved.training.network.clone(),
            schema: resolved.samples.schema.clone(),
            settings,
            data: data::hash(&resolved.training.data),
            restarts: resolved.training.restarts,
            kept: None,
        }))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes down what happened.
    pub(super) fn note(&mut self, event: Event<'_>) -> Result<(), Error> {
        match event {
            // Of several starts, what there is to tell of the one that is kept is told at the end.
            Event::Progress(_) | Event::Halved(_) if self.restarts > 1 => Ok(()),
            Event::Progress(progress) => self.history.append(&report::progress_line(progress)),
            Event::Halved(halving) => self.history.append(&report::halving_line(halving)),
            Event::StartEnded(_) | Event::Steps(_) | Event::Shown(..) => Ok(()),
            Event::Reopened(epoch) => {
                self.history.append(&json!({"event": "reopened", "epoch": epoch}))
            }
            Event::Findings(findings) => {
                self.history.append(&json!({"event": "findings", "findings": findings}))
            }
            Event::Checkpoint(now, best) => {
                self.history.sync()?;
                if let Some(best) = best {
                    self.folder.write_best(&self.bytes(best)?)?;
                }
                self.folder.write_last(&self.bytes(now)?)?;
                self.kept = Some(now.trainer_state.epoch);
                Ok(())
            }
        }
    }

    /// Writes down what came of it.
    pub(super) fn end(&mut self, training: &Training, outcome: &Outcome) -> Result<(), Error> {
        let run = &outcome.kept;
        if self.restarts > 1 {
            let mut halvings = run.trainer_state.halvings.iter().peekable();
            for progress in run.progress(training) {
                while let Some(&halving) = halvings.next_if(|one| one.epoch < progress.epoch) {
                    self.history.append(&report::halving_line(halving))?;
                }
                self.history.append(&report::progress_line(progress))?;
            }
        }
        self.history.append(&json!({
            "event": "result",
            "epoch": run.epochs,
            "seed": run.seed,
            "loss": run.evaluation.loss,
            "accuracy": run.evaluation.accuracy(training.data.rows()),
            "solved": run.evaluation.solved,
            "end": run.ended,
        }))?;
        self.history.sync()
    }

    /// An error with where the last good checkpoint is, where one was kept.
    pub(super) fn and_kept(&self, error: Error) -> Error {
        match (error, self.kept) {
            (Error::Diverged { what, step, kept: said }, Some(epoch)) => {
                let path = self.folder.last();
                let path = path.display();
                let kept = format!("{said}; the last good checkpoint, of epoch {epoch}, is {path}");
                Error::Diverged { what, step, kept }
            }
            (error, _) => error,
        }
    }

    fn bytes(&self, at: Snapshot<'_>) -> Result<Vec<u8>, Error> {
        let Snapshot { state, trainer_state } = at;
        let text = serde_json::to_string(trainer_state)
            .map_err(|error| Error::setting("--out", error.to_string()))?;
        let checkpoint = Checkpoint {
            network: self.network.clone(),
            schema: self.schema.clone(),
            parameters: state.parameters.clone(),
            moments: state.moments.clone(),
            step: state.step,
            settings: self.settings.clone(),
            data: self.data.clone(),
            state: text,
        };
        checkpoint.to_bytes().map_err(|error| match error {
            // Moments can leave the finite numbers before parameters do.
            ModelError::NotFinite { step, name, .. } => Error::diverged(name, step),
            other => other.into(),
        })
    }
}

/// The settings that repeat a run, wherever another engine or adapter would be chosen.
fn repeatable(resolved: &Resolved, spec: &EngineSpec) -> Settings {
    let Resolved { training, settings, .. } = resolved;
    let batches = training.batches(training.seed);
    let mapping = spec.mapping(training.request(&batches, training.restarts as usize));
    let engine = match (spec, mapping) {
        (EngineSpec::Cpu, _) => EngineChoice::Cpu,
        (EngineSpec::Layered(..), _) => EngineChoice::Layered,
        (EngineSpec::Resident(..), None) => EngineChoice::Resident,
        (EngineSpec::Resident(..), Some(Mapping::Invocation)) => EngineChoice::ResidentInvocation,
        (EngineSpec::Resident(..), Some(Mapping::Workgroup)) => EngineChoice::ResidentWorkgroup,
    };
    let kernels = match spec {
        EngineSpec::Layered(_, kernels) => Some(*kernels),
        EngineSpec::Cpu | EngineSpec::Resident(..) => None,
    };
    let device = match spec.gpu() {
        Some(gpu) => DeviceChoice::Name(gpu.adapter().name.clone()),
        None => DeviceChoice::Auto,
    };
    Settings {
        engine: Some(engine),
        kernels,
        device: Some(device),
        save: None,
        init_from: settings.init_from.as_deref().map(files::absolute_path),
        // The run may be repeated or resumed in another folder.
        data: settings.data.clone().map(files::absolute),
        test: settings.test.clone().map(|test| match test {
            TestRows::Of(source) => TestRows::Of(files::absolute(source)),
            share => share,
        }),
        ..settings.clone()
    }
}

/// A checkpoint from which a run is resumed.
pub(super) struct Found {
    path: PathBuf,
    checkpoint: Checkpoint,
    given: Given,
    pub resume: Resume,
}

/// Every setting that a resumed run keeps in which what is given now differs from what it had.
pub(super) fn differences(given: &Given, kept: &Given) -> Result<Vec<String>, Error> {
    let (here, there) = (Settings::read(given)?, Settings::read(kept)?);
    let is_file = |source: &Option<Source>| source.as_ref().is_some_and(Source::is_file);
    // A file may lie elsewhere by now: its rows are compared, not its path.
    let is_moved = is_file(&here.data) && is_file(&there.data);
    let is_fixed = |row: &Setting| {
        row.role == Role::Identity && given.has(row) && !(is_moved && row.key == "data")
    };
    Ok(sweep::differences(&kept.values(is_fixed), &given.values(is_fixed)))
}

/// What a checkpoint holds of an engine.
fn state_of(checkpoint: &Checkpoint) -> State {
    let Checkpoint { step, parameters, moments, .. } = checkpoint.clone();
    State { step, parameters, moments }
}

/// The state with the lowest loss so far, where its checkpoint lies beside the last one.
fn best_beside(path: &Path, last: &Checkpoint, state: &TrainerState) -> Option<State> {
    let best = Checkpoint::from_bytes(&file::read(&path.with_file_name(BEST)).ok()?).ok()?;
    let there: TrainerState = serde_json::from_str(&best.state).ok()?;
    let is_it = state.best.is_some_and(|(epoch, _)| epoch == there.epoch);
    (is_it && best.network == last.network && best.data == last.data).then(|| state_of(&best))
}

impl Found {
    /// Reads the checkpoint that `--resume` names: a file, or the last one of a folder.
    pub(super) fn read(path: &Path) -> Result<Found, Error> {
        let path = RunFolder::checkpoint_path(path);
        let bad = |reason: String| Error::bad_file(&path, reason);
        let bytes = file::read(&path)?;
        let checkpoint = Checkpoint::from_bytes(&bytes).map_err(|error| bad(error.to_string()))?;
        let given = Given::read(Verb::Train, &checkpoint.settings)
            .map_err(|error| bad(format!("its settings are not this program's: {error}")))?;
        let trainer_state = serde_json::from_str(&checkpoint.state)
            .map_err(|error| bad(format!("its state is not this program's: {error}")))?;
        let state = state_of(&checkpoint);
        let best = best_beside(&path, &checkpoint, &trainer_state);
        Ok(Found { path, checkpoint, given, resume: Resume { state, trainer_state, best } })
    }

    /// Its settings, with those that may change as they are given now.
    ///
    /// # Errors
    /// [`Error::Setting`] with every field in which what is given is of another training.
    pub(super) fn settings(&self, given: Given) -> Result<Settings, Error> {
        let (here, there) = (Settings::read(&given)?, Settings::read(&self.given)?);
        let differences = differences(&given, &self.given)?;
        if !differences.is_empty() {
            let reason = format!(
                "is of another training: {}; leave these out, or start a new run",
                differences.join(", ")
            );
            return Err(Error::setting(format!("--resume {}", self.path.display()), reason));
        }
        if let Some(restarts) = here.restarts.filter(|&restarts| restarts != 1) {
            let reason = "a checkpoint is of one start; leave it out";
            return Err(Error::setting(format!("--restarts {restarts}"), reason));
        }
        if let (Some(epochs), Some(ScheduleKind::Cosine)) = (here.epochs, there.schedule)
            && Some(epochs) != there.epochs
        {
            let reason =
                "would change the cosine --schedule, which spans the whole run; start a new run";
            return Err(Error::setting(format!("--epochs {epochs}"), reason));
        }
        // The time was the last run's.
        let kept = Settings { max_seconds: None, ..there }.given();
        let mut merged = given.clone().or(kept);
        let all = Settings::read(&merged)?;
        // What is now taken back leaves no use for what was kept beside it.
        merged.retain(|row, _| given.has(row) || all.unused(row).is_none());
        let seed = Some(self.resume.trainer_state.seed);
        // It goes on from where it stood, wherever it began.
        Ok(Settings { restarts: Some(1), seed, init_from: None, ..Settings::read(&merged)? })
    }

    /// Whether the checkpoint is of this training.
    ///
    /// # Errors
    /// [`Error::Setting`] with every fact that differs; or where no epoch is left.
    pub(super) fn check(&self, training: &Training) -> Result<(), Error> {
        let setting = format!("--resume {}", self.path.display());
        let facts = |network: &Network, moments: usize, data: &str| {
            let facts = [
                ("network", json!(network).to_string()),
                ("moments", moments.to_string()),
                ("data", data.to_owned()),
            ];
            facts.map(|(name, value)| (name.to_owned(), value)).into()
        };
        let Checkpoint { network, moments, data, .. } = &self.checkpoint;
        let here = (training.optimizer.moments(), data::hash(&training.data));
        let there = facts(network, moments.len(), data);
        let differences = sweep::differences(&there, &facts(&training.network, here.0, &here.1));
        if !differences.is_empty() {
            let reason = format!("is of another training: {}", differences.join(", "));
            return Err(Error::setting(setting, reason));
        }
        let (done, epochs) = (self.resume.trainer_state.epoch, training.epochs);
        if done >= epochs {
            let reason = format!("has done its {done} epochs; give more with --epochs");
            return Err(Error::setting(setting, reason));
        }
        Ok(())
    }
}
