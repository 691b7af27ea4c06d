//! Ways to run training steps. Engines agree step by step; they differ in where the work is done.

pub mod cpu;
pub mod layered;
mod pace;
pub mod resident;
mod statistics;
mod task;
mod workers;

use std::sync::Arc;

pub use cpu::CpuEngine;
pub use layered::{Kernels, LayeredEngine};
pub use resident::Request;
use resident::Room;
pub use resident::{Advance, Member, Owner, Population, ResidentEngine, Start};

pub use statistics::LayerStatistics;
pub use task::{State, Task, TaskError};
pub use workers::{on_every_core, workers};

use crate::Error;
use crate::data::Dataset;
use crate::gpu::Gpu;
use crate::network::{Network, named};
use crate::reference::Trace;

named! {
    /// Which way to run.
    pub enum EngineKind ("engine") {
        /// On a GPU: many steps, and many networks, in one dispatch.
        Resident = "resident",
        /// On a GPU: each step a list of dispatches, one or more per layer.
        Layered = "layered",
        /// On the CPU, in f32.
        Cpu = "cpu",
    }
}

/// How near every prediction must be to its target for a data set to count as solved.
pub const SOLVED_WITHIN: f32 = 0.1;

/// The same where an engine judges by itself: less a margin, so that rounding elsewhere does not
/// take the verdict back. Stands in `shaders/common/output.wgsl` too.
pub const JUDGED_WITHIN: f32 = 0.0999;

/// What became of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Neither of the below, so far.
    Unsolved,
    /// Where it is judged: solved after this many steps, none of which it made more.
    Solved(u32),
    /// Left the finite numbers.
    Diverged,
}

/// Where an engine keeps a copy of where it stands, beside its own state and in the same memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The last report boundary: where a divergence goes back to.
    Good,
    /// Where the loss was lowest.
    Best,
}

/// What a forward pass gives, `[rows][outputs]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forward {
    /// The output layer's pre-activations, from which losses are computed.
    pub pre_activations: Vec<f32>,
    /// Its activations.
    pub outputs: Vec<f32>,
}

/// Where and how a training runs.
#[derive(Debug, Clone)]
pub enum Place {
    /// The cpu engine.
    Cpu,
    /// The layered engine on this GPU, of these kernels.
    Layered(Arc<Gpu>, Kernels),
    /// The resident engine on this GPU, with the owner of a network where one is asked for.
    Resident(Arc<Gpu>, Option<Owner>),
}

impl Place {
    /// The engine that suits so many networks on `gpu`: resident where they and their data fit.
    pub fn on(gpu: Arc<Gpu>, request: Request<'_>, data: &Dataset) -> Place {
        if resident::suits(request, Room::of(&gpu)) && resident::check_data(data, &gpu).is_ok() {
            Place::Resident(gpu, None)
        } else {
            Place::Layered(gpu, Kernels::Fused)
        }
    }

    /// The same engine on the same adapter, opened anew: for when its device is lost.
    ///
    /// # Errors
    /// Where the adapter does not open any more.
    pub async fn reopened(&self) -> Result<Place, Error> {
        let open = async |gpu: &Arc<Gpu>| gpu.adapter().open().await.map(Arc::new);
        Ok(match self {
            Place::Cpu => Place::Cpu,
            Place::Layered(gpu, kernels) => Place::Layered(open(gpu).await?, *kernels),
            Place::Resident(gpu, owner) => Place::Resident(open(gpu).await?, *owner),
        })
    }

    /// The engine's name.
    pub fn kind(&self) -> EngineKind {
        match self {
            Place::Cpu => EngineKind::Cpu,
            Place::Layered(..) => EngineKind::Layered,
            Place::Resident(..) => EngineKind::Resident,
        }
    }

    /// Who owns a network there, on the resident engine.
    pub fn owner(&self, request: Request<'_>) -> Option<Owner> {
        match self {
            Place::Resident(gpu, owner) => {
                resident::owner(Request { owner: *owner, ..request }, Room::of(gpu))
            }
            Place::Cpu | Place::Layered(..) => None,
        }
    }

    /// The GPU, where it is one.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        match self {
            Place::Cpu => None,
            Place::Layered(gpu, _) | Place::Resident(gpu, _) => Some(gpu),
        }
    }
}

/// One of the engines, with its network, its data and its state.
#[derive(Debug)]
pub enum Engine {
    /// On the CPU.
    Cpu(Box<CpuEngine>),
    /// On a GPU, layer by layer.
    Layered(Box<LayeredEngine>),
    /// On a GPU, in one dispatch.
    Resident(Box<ResidentEngine>),
}

/// A forward pass of any network on the CPU: for looking at it, not for training it.
pub fn forward(network: &Network, parameters: &[f32], inputs: &[f32]) -> Forward {
    cpu::forward_rows(network, parameters, inputs)
}

/// Every layer's activations, `[rows][units]`, on the CPU: for looking at a network, not for
/// training it.
pub fn activations(network: &Network, parameters: &[f32], inputs: &[f32]) -> Vec<Vec<f32>> {
    cpu::activations(network, parameters, inputs)
}

impl Engine {
    /// Whether an engine can be made for this, asked before anything is drawn or uploaded.
    ///
    /// # Errors
    /// What the GPU's limits, or the host's memory, do not hold.
    pub fn check(request: Request<'_>, data: &Dataset, place: &Place) -> Result<(), Error> {
        let Request { network, batches, optimizer, .. } = request;
        cpu::check_memory(network, batches, optimizer.moments())?;
        match place {
            Place::Cpu => Ok(()),
            Place::Layered(gpu, kernels) => {
                Ok(layered::check_limits(network, data, batches, gpu, *kernels)?)
            }
            Place::Resident(gpu, owner) => {
                resident::check_limits(Request { owner: *owner, ..request }, data, gpu)?;
                Ok(())
            }
        }
    }

    /// An engine with everything allocated and every pipeline made.
    ///
    /// # Errors
    /// As [`Task::check`], or where the GPU is too small for the task, or fails.
    pub async fn new(task: Task, place: &Place) -> Result<Engine, Error> {
        Ok(match place {
            Place::Cpu => Engine::Cpu(Box::new(CpuEngine::new(task)?)),
            Place::Layered(gpu, kernels) => {
                let gpu = Arc::clone(gpu);
                Engine::Layered(Box::new(LayeredEngine::new(task, gpu, *kernels).await?))
            }
            Place::Resident(gpu, owner) => {
                task.check()?;
                let population = Population {
                    network: &task.network,
                    optimizer: task.optimizer,
                    schedule: task.schedule,
                    data: &task.data,
                    batches: task.batches,
                    members: &[Member::new(&task.optimizer, task.learning_rate, 0)],
                    judged: false,
                    owner: *owner,
                };
                let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await?;
                engine.set_states(std::slice::from_ref(&task.start));
                Engine::Resident(Box::new(engine))
            }
        })
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
    /// Returns the loss of each step's batch, before its update.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, Error> {
        let steps = steps.min(u32::MAX - self.steps_done());
        match self {
            Engine::Cpu(engine) => Ok(engine.run(steps, stop)),
            Engine::Layered(engine) => Ok(engine.run(steps, stop).await?),
            Engine::Resident(engine) => Ok(engine.run(steps, stop).await?),
        }
    }

    /// Whether its parameters were finite when the last run ended, by their bits: a diverged network can show
    /// a finite loss.
    pub fn fate(&self) -> Fate {
        match self {
            Engine::Cpu(engine) => engine.fate(),
            Engine::Layered(engine) => engine.fate(),
            Engine::Resident(engine) => engine.fates().first().copied().unwrap_or(Fate::Unsolved),
        }
    }

    /// The parameters as they are now, in the network's layout.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn parameters(&self) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.parameters().to_vec()),
            Engine::Layered(engine) => Ok(engine.parameters().await?),
            Engine::Resident(engine) => Ok(engine.parameters().await?.concat()),
        }
    }

    /// Where it stands: with it, a new engine goes on to the same bits.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn state(&self) -> Result<State, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.state().clone()),
            Engine::Layered(engine) => Ok(engine.state().await?),
            Engine::Resident(engine) => Ok(engine.states().await?.swap_remove(0)),
        }
    }

    /// Copies where it stands into a slot. Nothing is read back.
    ///
    /// # Errors
    /// Where the GPU has no room for the copy.
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

    /// What a slot holds, read back; `None` where it was never filled.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn kept(&self, slot: Slot) -> Result<Option<State>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.kept(slot).cloned()),
            Engine::Layered(engine) => Ok(engine.kept(slot).await?),
            Engine::Resident(engine) => Ok(engine.kept(slot).await?.into_iter().next()),
        }
    }

    /// What the last step shows of the network's health; `None` from an engine that keeps nothing of it:
    /// the resident one, and plain kernels.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn statistics(&self) -> Result<Option<Vec<LayerStatistics>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.statistics()),
            Engine::Layered(engine) => Ok(engine.statistics().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// From the next step on, another largest rate.
    pub fn set_learning_rate(&mut self, rate: f32) {
        match self {
            Engine::Cpu(engine) => engine.set_learning_rate(rate),
            Engine::Layered(engine) => engine.set_learning_rate(rate),
            Engine::Resident(engine) => engine.set_rates(&[rate]),
        }
    }

    /// The gradients of the last step, in the network's layout; `None` where they stay in registers:
    /// on the resident engine, and with fused kernels.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn gradients(&self) -> Result<Option<Vec<f32>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(Some(engine.gradients().to_vec())),
            Engine::Layered(engine) => Ok(engine.gradients().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// What the last step computed on its way; `None` where it stays in registers, as above.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn trace(&self) -> Result<Option<Trace<f32>>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(Some(engine.trace())),
            Engine::Layered(engine) => Ok(engine.trace().await?),
            Engine::Resident(_) => Ok(None),
        }
    }

    /// A forward pass over `inputs` `[rows][inputs]` with the parameters as they are now.
    ///
    /// # Errors
    /// Where the GPU fails.
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

/// `[rows][stride]` from `[rows][cols]`, padded with zeros.
fn pad_rows(values: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    let mut padded = vec![0.0; values.len() / cols * stride];
    for (to, from) in padded.chunks_exact_mut(stride).zip(values.chunks_exact(cols)) {
        to[..cols].copy_from_slice(from);
    }
    padded
}

/// `[rows][cols]` from `[rows][stride]`.
fn unpad_rows(padded: &[f32], cols: usize, stride: usize) -> Vec<f32> {
    padded.chunks_exact(stride).flat_map(|row| &row[..cols]).copied().collect()
}
