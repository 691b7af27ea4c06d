//! One of the engines: what all have in common, each in its own way.

use std::cell::Cell;
use std::sync::Arc;

use super::task::not_alone;
use super::turn::{Turn, pause};
use super::{
    Advance, CpuEngine, EngineKind, EngineSpec, Forward, LayerStatistics, LayeredEngine, Mapping,
    Member, NetworkStatus, Population, Request, ResidentEngine, Slot, Start, State, Task, cpu,
    forward, layered, resident,
};
use crate::Error;
use crate::data::Dataset;
use crate::reference::Trace;

/// One of the engines, with its network, its data and its state.
///
/// `[len]` below is that of the network's [`Layout`](crate::network::Layout), padding included. Whatever is asked of a
/// GPU fails with [`Error::Gpu`] where it is lost, has no memory left, or does not answer; on the CPU nothing does.
#[derive(Debug)]
#[non_exhaustive]
pub enum Engine {
    /// On the CPU.
    #[doc(hidden)]
    Cpu(Box<CpuEngine>),
    /// On a GPU, layer by layer.
    #[doc(hidden)]
    Layered(Box<LayeredEngine>),
    /// On a GPU, in one dispatch.
    #[doc(hidden)]
    Resident(Box<ResidentEngine>),
}

impl Engine {
    /// Whether an engine can be made for this, asked before anything is drawn or uploaded.
    ///
    /// # Errors
    /// [`Error::Gpu`] with the limit that is exceeded, [`Error::Memory`] where the host has too little.
    #[doc(hidden)]
    pub fn check(request: Request<'_>, data: &Dataset, spec: &EngineSpec) -> Result<(), Error> {
        let Request { network, batches, optimizer, .. } = request;
        cpu::check_memory(network, batches, optimizer.moments())?;
        match spec {
            EngineSpec::Cpu => Ok(()),
            EngineSpec::Layered(gpu, kernels) => {
                Ok(layered::check_limits(network, data, batches, gpu, *kernels)?)
            }
            EngineSpec::Resident(gpu, mapping) => {
                resident::check_limits(Request { mapping: *mapping, ..request }, data, gpu)?;
                Ok(())
            }
        }
    }

    /// An engine with everything allocated and every pipeline made.
    ///
    /// # Errors
    /// As [`Task::check`]; [`Error::Gpu`] with the limit that the task exceeds, or where the GPU fails.
    pub async fn new(task: Task, spec: &EngineSpec) -> Result<Engine, Error> {
        Ok(match spec {
            EngineSpec::Cpu => Engine::Cpu(Box::new(CpuEngine::new(task)?)),
            EngineSpec::Layered(gpu, kernels) => {
                let gpu = Arc::clone(gpu);
                Engine::Layered(Box::new(LayeredEngine::new(task, gpu, *kernels).await?))
            }
            EngineSpec::Resident(gpu, mapping) => {
                task.check()?;
                let members = [Member::new(&task.optimizer, task.learning_rate, 0)];
                let population = population(&task, &members, false, *mapping);
                let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await?;
                engine.set_states(std::slice::from_ref(&task.start));
                Engine::Resident(Box::new(engine))
            }
        })
    }

    /// An engine of one network for each of `members`, drawn as `starts` say, each trained as `task` says but
    /// for what a member has of its own; `task.start` plays no part. Networks that stop when solved make no step
    /// with parameters that solve their data. The cpu and the layered engine take one network, and the layered
    /// one judges none.
    ///
    /// # Errors
    /// As [`Engine::new`], or [`Error::Task`] where the engine does not take so many networks.
    #[doc(hidden)]
    pub async fn many(
        task: Task,
        members: &[Member],
        starts: &[Start],
        stops_when_solved: bool,
        spec: &EngineSpec,
    ) -> Result<Engine, Error> {
        if let EngineSpec::Resident(gpu, mapping) = spec {
            let population = population(&task, members, stops_when_solved, *mapping);
            let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await?;
            engine.draw(starts).await?;
            return Ok(Engine::Resident(Box::new(engine)));
        }
        let ([member], [start]) = (members, starts) else {
            return Err(not_alone(members.len()));
        };
        let parameters = start.init.parameters(&task.network, start.seed, start.scale);
        let task = Task {
            batches: task.batches.with_seed(task.batches.seed() + u64::from(member.seed)),
            learning_rate: member.rate,
            start: State::new(parameters),
            ..task
        };
        match Engine::new(task, spec).await? {
            Engine::Cpu(engine) if stops_when_solved => {
                Ok(Engine::Cpu(Box::new(engine.stops_when_solved())))
            }
            engine => Ok(engine),
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> EngineKind {
        match self {
            Engine::Cpu(_) => EngineKind::Cpu,
            Engine::Layered(_) => EngineKind::Layered,
            Engine::Resident(_) => EngineKind::Resident,
        }
    }

    /// Steps done since the start.
    pub fn steps_done(&self) -> u32 {
        match self {
            Engine::Cpu(engine) => engine.steps_done(),
            Engine::Layered(engine) => engine.steps_done(),
            Engine::Resident(engine) => engine.steps_done(),
        }
    }

    /// Does `steps` steps, or fewer where `stop` says so in between, and none after the 2^32-1st.
    /// Returns the loss of each step's batch, before its update: `[steps]`, of several networks
    /// `[steps][networks]`.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, Error> {
        let steps = steps.min(u32::MAX - self.steps_done());
        match self {
            Engine::Cpu(engine) => Ok(in_turns(engine, steps, 1, stop).await.0),
            Engine::Layered(engine) => Ok(engine.run(steps, stop).await?),
            Engine::Resident(engine) => Ok(engine.run(steps, stop).await?),
        }
    }

    /// From now on, looks at these rows when it is asked to: on a GPU they are uploaded once. The cpu engine
    /// never does: there, nothing is gained by it.
    ///
    /// # Errors
    /// [`Error::Gpu`] where it has no room for them.
    #[doc(hidden)]
    pub async fn watch(&mut self, data: &Dataset) -> Result<(), Error> {
        match self {
            Engine::Cpu(_) => {}
            Engine::Layered(engine) => engine.watch(data).await?,
            Engine::Resident(engine) => engine.watch(data).await?,
        }
        Ok(())
    }

    /// Makes up to `steps` steps: on the resident engine as many as suit one submission, elsewhere all of
    /// them unless `stop` says so in between. Of `loss_every` epochs the last one's losses are wanted, none
    /// where it is 0; where they cost nothing, all are given. After the last of these steps the rows it watches
    /// are looked at, where that is wanted.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    #[doc(hidden)]
    pub async fn advance(
        &mut self,
        steps: u32,
        loss_every: u32,
        looks: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<Advance, Error> {
        let before = self.steps_done();
        let (losses, every, score) = match self {
            Engine::Cpu(engine) => {
                let (losses, every) = in_turns(engine, steps, loss_every, stop).await;
                (losses, every, None)
            }
            Engine::Layered(engine) => {
                let (losses, score) = engine.run_and_look(steps, looks, stop).await?;
                (losses, 1, score)
            }
            Engine::Resident(engine) => {
                return Ok(engine.advance_and_look(steps, loss_every, looks).await?);
            }
        };
        let (steps, scores) = (self.steps_done() - before, score.map(|score| vec![score]));
        Ok(Advance { steps, losses, every, columns: vec![0], scores })
    }

    /// What became of each network by the end of the last run, `[networks]`: whether its parameters are finite, by their
    /// bits, for a diverged network can show a finite loss; and, where it stops when solved, whether it is solved.
    pub fn statuses(&self) -> Vec<NetworkStatus> {
        match self {
            Engine::Cpu(engine) => vec![engine.status()],
            Engine::Layered(engine) => vec![engine.status()],
            Engine::Resident(engine) => engine.statuses().to_vec(),
        }
    }

    /// Whether every network has stopped, so that no step would do anything more.
    pub fn is_decided(&self) -> bool {
        match self {
            Engine::Cpu(engine) => engine.is_decided(),
            Engine::Layered(_) => false,
            Engine::Resident(engine) => engine.is_decided(),
        }
    }

    /// The parameters as they are now, `[len]`, of several networks `[networks][len]`.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn parameters(&self) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.parameters().to_vec()),
            Engine::Layered(engine) => Ok(engine.parameters().await?),
            Engine::Resident(engine) => Ok(engine.parameters().await?.concat()),
        }
    }

    /// Where each network stands, `[networks]`: a new engine whose task has it as its start goes on to the same bits.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn states(&self) -> Result<Vec<State>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(vec![engine.state().clone()]),
            Engine::Layered(engine) => Ok(vec![engine.state().await?]),
            Engine::Resident(engine) => Ok(engine.states().await?),
        }
    }

    /// Copies where it stands into a slot. Nothing is read back.
    ///
    /// # Errors
    /// [`Error::Gpu`] where it has no room for the copy.
    pub async fn keep(&mut self, slot: Slot) -> Result<(), Error> {
        match self {
            Engine::Cpu(engine) => engine.keep(slot),
            Engine::Layered(engine) => engine.keep(slot).await?,
            Engine::Resident(engine) => engine.keep(slot).await?,
        }
        Ok(())
    }

    /// Goes back to where it stood when a slot was last filled; the rate stays what it is.
    pub fn restore(&mut self, slot: Slot) {
        match self {
            Engine::Cpu(engine) => engine.restore(slot),
            Engine::Layered(engine) => engine.restore(slot),
            Engine::Resident(engine) => engine.restore(slot),
        }
    }

    /// What a slot holds of each network, `[networks]`, read back; nothing where it was never filled.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn kept(&self, slot: Slot) -> Result<Vec<State>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.kept(slot).cloned().into_iter().collect()),
            Engine::Layered(engine) => Ok(engine.kept(slot).await?.into_iter().collect()),
            Engine::Resident(engine) => Ok(engine.kept(slot).await?),
        }
    }

    /// What the last step shows of the network's health, one for each layer; `None` from an engine that keeps
    /// nothing of it: the resident one, and plain kernels.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn statistics(&self) -> Result<Option<Vec<LayerStatistics>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.statistics()),
            Engine::Layered(engine) => Ok(engine.statistics().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// From the next step on, another largest learning rate for each network, `[networks]`: what the schedule's
    /// factors multiply.
    pub fn set_rates(&mut self, rates: &[f32]) {
        match (self, rates) {
            (Engine::Cpu(engine), [rate, ..]) => engine.set_learning_rate(*rate),
            (Engine::Layered(engine), [rate, ..]) => engine.set_learning_rate(*rate),
            (Engine::Resident(engine), rates) => engine.set_rates(rates),
            _ => {}
        }
    }

    /// The gradients of the last step, `[len]`; `None` where they stay in registers: on the resident engine, and with
    /// fused kernels.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn gradients(&self) -> Result<Option<Vec<f32>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(Some(engine.gradients().to_vec())),
            Engine::Layered(engine) => Ok(engine.gradients().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// What the last step computed on its way, layer by layer; `None` where it stays in registers, as above.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn trace(&self) -> Result<Option<Trace<f32>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(Some(engine.trace())),
            Engine::Layered(engine) => Ok(engine.trace().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// A forward pass of a network that stands so, over `inputs` `[rows][inputs]`: on the CPU, or where the
    /// engine takes long networks, on it.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub(crate) async fn forward_from(
        &self,
        state: &State,
        inputs: &[f32],
    ) -> Result<Forward, Error> {
        match self {
            Engine::Layered(engine) => Ok(engine.forward(inputs).await?),
            Engine::Cpu(engine) => Ok(engine.forward(inputs)),
            // It is over before a dispatch would have begun.
            Engine::Resident(engine) => Ok(forward(engine.network(), &state.parameters, inputs)),
        }
    }

    /// Forward passes of engines that were made of one specification, of networks of one shape, over the same
    /// `inputs` `[rows][inputs]`: on a GPU in one submission, as far as there is room.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn forward_together(
        engines: &[Engine],
        inputs: &[f32],
    ) -> Result<Vec<Forward>, Error> {
        let layered = engines.iter().map(|engine| match engine {
            Engine::Layered(engine) => Some(&**engine),
            _ => None,
        });
        if let Some(layered) = layered.collect::<Option<Vec<_>>>() {
            return Ok(LayeredEngine::forward_together(&layered, inputs).await?);
        }
        let mut all = Vec::new();
        for engine in engines {
            all.push(engine.forward(inputs).await?);
        }
        Ok(all)
    }

    /// A forward pass over `inputs` `[rows][inputs]` with the parameters of the first network as they are now.
    ///
    /// # Errors
    /// [`Error::Gpu`].
    pub async fn forward(&self, inputs: &[f32]) -> Result<Forward, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.forward(inputs)),
            Engine::Layered(engine) => Ok(engine.forward(inputs).await?),
            // It is over before a dispatch would have begun.
            Engine::Resident(engine) => {
                let parameters = engine.parameters().await?;
                Ok(forward(engine.network(), &parameters[0], inputs))
            }
        }
    }
}

/// Networks that are trained as a task says, but for what each has of its own.
fn population<'a>(
    task: &'a Task,
    members: &'a [Member],
    stops_when_solved: bool,
    mapping: Option<Mapping>,
) -> Population<'a> {
    let &Task { ref network, ref data, optimizer, schedule, batches, .. } = task;
    Population { network, optimizer, schedule, data, batches, members, stops_when_solved, mapping }
}

/// Steps of the cpu engine, as [`CpuEngine::advance`] makes them, in turns.
async fn in_turns(
    engine: &mut CpuEngine,
    steps: u32,
    loss_every: u32,
    stop: &dyn Fn() -> bool,
) -> (Vec<f32>, u32) {
    let (until, stopped) = (engine.steps_done() + steps, Cell::new(false));
    let mut losses = Vec::new();
    loop {
        let turn = Turn::begin();
        let pauses = || {
            stopped.set(stop());
            stopped.get() || turn.is_over()
        };
        let (some, every) = engine.advance(until - engine.steps_done(), loss_every, &pauses);
        if losses.is_empty() {
            losses = some;
        } else {
            losses.extend(some);
        }
        let made = engine.steps_done();
        if stopped.get() || made == until || engine.is_decided() {
            return (losses, every);
        }
        // Of the step at which a turn ends no loss is wanted.
        if every > 1 && !made.is_multiple_of(every) {
            losses.pop();
        }
        pause().await;
    }
}
