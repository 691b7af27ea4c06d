//! What an engine is given to train, and whether it can be.

use std::sync::Arc;

use super::Request;
use crate::Error;
use crate::data::{Batches, Dataset};
use crate::network::{Initializer, Layout, Network, Tensor};
use crate::optimizer::{Coefficients, Optimizer, RateSchedule};

/// What an engine is to train: everything that decides the numbers. [`Task::new`] gives one with defaults,
/// `Training::task` that of a training's start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Task {
    /// The network.
    pub network: Network,
    /// What it learns.
    pub data: Arc<Dataset>,
    /// Which rows each step takes.
    pub batches: Batches,
    /// The largest learning rate, finite and not negative, 0.5 by default: what the schedule's factors multiply.
    pub learning_rate: f32,
    /// How gradients become updates; plain gradient descent by default.
    pub optimizer: Optimizer,
    /// How the rate goes, step by step; constant by default.
    pub schedule: RateSchedule,
    /// Where it starts: drawn parameters, or those of another engine's [`states`](crate::engine::Engine::states).
    pub start: State,
}

/// Where a network stands between two steps: with it a training goes on to the same bits.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct State {
    /// Steps done.
    pub step: u32,
    /// The parameters, `[len]` of the network's [`Layout`].
    pub parameters: Vec<f32>,
    /// The optimizer's moments, `[moments][len]`; none for all zero.
    pub moments: Vec<Vec<f32>>,
}

impl State {
    /// The start of a training from these parameters, `[len]`: no step is done, and moments are 0.
    pub fn new(parameters: Vec<f32>) -> State {
        State { step: 0, parameters, moments: Vec::new() }
    }

    /// The same numbers as another of the same network, in the memory that is there.
    pub(super) fn set(&mut self, from: &State) {
        self.step = from.step;
        self.parameters.copy_from_slice(&from.parameters);
        for (to, from) in self.moments.iter_mut().zip(&from.moments) {
            to.copy_from_slice(from);
        }
    }
}

/// More networks than an engine takes.
pub(super) fn not_alone(networks: usize) -> Error {
    let reason = "this engine trains one at a time; use the resident engine".to_owned();
    Error::Task(TaskError { field: "members", value: format!("{networks} networks"), reason })
}

/// A task that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("task.{field}: {value}; {reason}")]
#[non_exhaustive]
pub struct TaskError {
    /// The field of [`Task`].
    pub field: &'static str,
    /// What it is, in words.
    pub value: String,
    /// What it must be, and how to get there.
    pub reason: String,
}

impl Task {
    /// A network on these rows by plain gradient descent at rate 0.5, from weights that suit its first activation,
    /// drawn with the seed of the batches. Whatever is to be otherwise is set.
    pub fn new(network: Network, data: impl Into<Arc<Dataset>>, batches: Batches) -> Task {
        let init = Initializer::default_for(network.activations()[0]);
        Task {
            start: State::new(init.parameters(&network, batches.seed(), 1.0)),
            network,
            data: data.into(),
            batches,
            learning_rate: 0.5,
            optimizer: Optimizer::default(),
            schedule: RateSchedule::default(),
        }
    }

    /// What it asks of an engine.
    #[doc(hidden)]
    pub fn request(&self) -> Request<'_> {
        let Task { network, batches, optimizer, schedule, .. } = self;
        let (optimizer, schedule) = (*optimizer, *schedule);
        Request {
            network,
            optimizer,
            schedule,
            batches,
            networks: 1,
            stops_when_solved: false,
            is_weighted: self.data.is_weighted(),
            mapping: None,
        }
    }

    /// Whether an engine can run it: its data and its start fit the network, and every setting is valid.
    /// Engines check this when they are made.
    ///
    /// # Errors
    /// [`Error::Task`], [`Error::Data`] or [`Error::Value`], naming the field, its value and the fix.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, value: String, reason: String| {
            Err(Error::Task(TaskError { field, value, reason }))
        };
        self.data.check_fits(&self.network)?;
        self.optimizer.check()?;
        let (rows, batched) = (self.data.rows(), self.batches.rows());
        if rows != batched {
            let reason = format!("the data has {rows}; make them with Batches::new({rows}, ..)");
            return refuse("batches", format!("{batched} rows"), reason);
        }
        if let Some(reason) = self.network.norm().refusal(rows, self.batches.batch()) {
            return refuse("network", format!("{} norm", self.network.norm()), reason);
        }
        let rate = self.learning_rate;
        if !(rate.is_finite() && rate >= 0.0) {
            let reason = "it must be a finite number that is not negative, as in 0.5".to_owned();
            return refuse("learning_rate", rate.to_string(), reason);
        }
        let layout = Layout::new(&self.network);
        let State { parameters, moments, .. } = &self.start;
        let asked_for = self.optimizer.moments();
        if !moments.is_empty() && moments.len() != asked_for {
            let reason = format!("{} has {asked_for}; give as many, or none", self.optimizer.kind);
            return refuse("start.moments", format!("{} lists", moments.len()), reason);
        }
        let lists = std::iter::once(("start.parameters", parameters))
            .chain(moments.iter().map(|moment| ("start.moments", moment)));
        for (field, list) in lists {
            if list.len() != layout.len() {
                let reason = format!(
                    "the network's layout has {}; make them with Layout::pack or Initializer::parameters",
                    layout.len()
                );
                return refuse(field, format!("{} numbers", list.len()), reason);
            }
            let is_used = |value: &f32| *value != 0.0;
            let within = layout.tensors().iter().flat_map(Tensor::indices);
            let used = within.filter(|&index| is_used(&list[index])).count();
            if list.iter().filter(|value| is_used(value)).count() != used {
                let reason = "engines rely on zeros there; make them with Layout::pack".to_owned();
                return refuse(field, "padding that is not 0".to_owned(), reason);
            }
        }
        Ok(())
    }

    /// The coefficients of the update after `step` others, at `learning_rate` times the schedule's factor.
    pub(super) fn coefficients(&self, learning_rate: f32, step: u32) -> Coefficients<f64> {
        let rate = learning_rate * self.schedule.factor(step);
        self.optimizer.coefficients(f64::from(rate), step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Order, Source};
    use crate::engine::{CpuEngine, Engine, EngineSpec};
    use crate::network::{Activation, Loss};
    use crate::optimizer::OptimizerKind;

    fn xor() -> Task {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::Bce).unwrap();
        let data = Source::Xor.built_in().unwrap().unwrap();
        Task::new(network, data, Batches::new(4, 0, Order::Sequential, 0))
    }

    fn start(edit: impl FnOnce(&mut State)) -> Task {
        let mut task = xor();
        edit(&mut task.start);
        task
    }

    #[test]
    fn what_cannot_be_trained_is_refused_with_field_value_and_fix() {
        let batches = |rows, batch| Batches::new(rows, batch, Order::Shuffled, 0);
        let wide =
            Network::uniform(vec![5, 3, 2], Activation::Relu, Activation::Sigmoid, Loss::Bce);
        let numbers = Arc::new(Dataset::new("n", vec![0.0; 2], 2, vec![7.0], 1).unwrap());
        let adam = Optimizer::new(OptimizerKind::Adam);
        let bad_eps = Optimizer { eps: f64::NAN, ..adam };
        for (task, parts) in [
            (Task { network: wide.unwrap(), ..xor() }, &["2 inputs", "5"][..]),
            (Task { data: numbers, batches: batches(1, 0), ..xor() }, &["7", "bce"]),
            (Task { batches: batches(0, 0), ..xor() }, &["batches", "0 rows", "Batches::new(4"]),
            (Task { batches: batches(3, 2), ..xor() }, &["batches", "3 rows", "Batches::new(4"]),
            (Task { learning_rate: f32::NAN, ..xor() }, &["learning_rate", "NaN", "finite"]),
            (Task { learning_rate: f32::INFINITY, ..xor() }, &["learning_rate", "inf"]),
            (Task { learning_rate: -0.5, ..xor() }, &["learning_rate", "-0.5", "negative"]),
            (Task { optimizer: bad_eps, ..xor() }, &["eps", "NaN"]),
            (start(|s| s.parameters.clear()), &["start.parameters", "0 numbers", "128"]),
            (start(|s| s.parameters.push(0.0)), &["129 numbers", "128", "Layout::pack"]),
            (start(|s| s.parameters[3] = 1.0), &["start.parameters", "padding", "Layout::pack"]),
            (
                start(|s| s.moments = vec![vec![0.0; 128]]),
                &["start.moments", "1 lists", "sgd has 0"],
            ),
            (
                Task { optimizer: adam, ..start(|s| s.moments = vec![vec![0.0; 128]; 1]) },
                &["start.moments", "1 lists", "adam has 2"],
            ),
            (
                Task { optimizer: adam, ..start(|s| s.moments = vec![vec![0.0; 7]; 2]) },
                &["start.moments", "7 numbers", "128"],
            ),
        ] {
            let error = CpuEngine::new(task.clone()).unwrap_err();
            for part in parts {
                assert!(error.to_string().contains(part), "{error} should contain {part}");
            }
            assert!([2, 6].contains(&error.exit_code()), "{error}");
            assert!(pollster::block_on(Engine::new(task, &EngineSpec::Cpu)).is_err());
        }
    }

    #[test]
    fn what_can_be_trained_is_taken() {
        let adam = Optimizer::new(OptimizerKind::Adam);
        for task in [
            xor(),
            Task { learning_rate: 0.0, ..xor() },
            Task { batches: Batches::new(4, 3, Order::Shuffled, 1), ..xor() },
            Task { optimizer: adam, ..xor() },
            Task { optimizer: adam, ..start(|s| s.moments = vec![vec![0.0; 128]; 2]) },
            start(|s| s.parameters[0] = f32::NAN),
            start(|s| s.step = u32::MAX),
        ] {
            let mut engine = pollster::block_on(Engine::new(task, &EngineSpec::Cpu)).unwrap();
            pollster::block_on(engine.run(3, &|| false)).unwrap();
        }
    }
}
