//! Ways to run training steps. Engines agree step by step; they differ in where the work is done.

pub mod cpu;
pub mod layered;

use std::sync::Arc;

pub use cpu::CpuEngine;
pub use layered::LayeredEngine;

use crate::Error;
use crate::data::{Batches, Dataset};
use crate::gpu::Gpu;
use crate::network::{Network, named};
use crate::reference::Trace;

named! {
    /// Which way to run.
    pub enum EngineKind ("engine") {
        /// On a GPU: each step a list of dispatches, one or more per layer.
        Layered = "layered",
        /// On the CPU, in f32.
        Cpu = "cpu",
    }
}

/// What an engine is to train: everything that decides the numbers.
#[derive(Debug, Clone)]
pub struct Task {
    /// The network.
    pub network: Network,
    /// What it learns.
    pub data: Arc<Dataset>,
    /// In which portions.
    pub batches: Batches,
    /// The factor on gradients.
    pub learning_rate: f32,
    /// Where it starts, in the network's layout.
    pub parameters: Vec<f32>,
}

/// What a forward pass gives, `[rows][outputs]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Forward {
    /// The output layer's pre-activations, from which losses are computed.
    pub pre_activations: Vec<f32>,
    /// Its activations.
    pub outputs: Vec<f32>,
}

/// One of the engines, with its network, its data and its state.
#[derive(Debug)]
pub enum Engine {
    /// On the CPU.
    Cpu(Box<CpuEngine>),
    /// On a GPU, layer by layer.
    Layered(Box<LayeredEngine>),
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
    pub fn check(
        network: &Network,
        data: &Dataset,
        batches: &Batches,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<(), Error> {
        cpu::check_memory(network, batches)?;
        gpu.map_or(Ok(()), |gpu| Ok(layered::check_limits(network, data, batches, gpu)?))
    }

    /// A cpu engine, or the layered engine on `gpu`.
    ///
    /// # Errors
    /// Where the GPU is too small for the task, or fails.
    pub async fn new(task: Task, gpu: Option<&Arc<Gpu>>) -> Result<Engine, Error> {
        Ok(match gpu {
            None => Engine::Cpu(Box::new(CpuEngine::new(task))),
            Some(gpu) => {
                Engine::Layered(Box::new(LayeredEngine::new(task, Arc::clone(gpu)).await?))
            }
        })
    }

    /// Which one it is.
    pub fn kind(&self) -> EngineKind {
        match self {
            Engine::Cpu(_) => EngineKind::Cpu,
            Engine::Layered(_) => EngineKind::Layered,
        }
    }

    /// Steps done since the start.
    pub fn steps_done(&self) -> u32 {
        match self {
            Engine::Cpu(engine) => engine.steps_done(),
            Engine::Layered(engine) => engine.steps_done(),
        }
    }

    /// Does `steps` steps, or fewer where `stop` says so in between. Returns the loss of each
    /// step's batch, before its update.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn run(&mut self, steps: u32, stop: &dyn Fn() -> bool) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.run(steps, stop)),
            Engine::Layered(engine) => Ok(engine.run(steps, stop).await?),
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
        }
    }

    /// The gradients of the last step, in the network's layout.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn gradients(&self) -> Result<Vec<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.gradients().to_vec()),
            Engine::Layered(engine) => Ok(engine.gradients().await?),
        }
    }

    /// What the last step computed on its way.
    ///
    /// # Errors
    /// Where the GPU fails.
    pub async fn trace(&self) -> Result<Trace<f32>, Error> {
        match self {
            Engine::Cpu(engine) => Ok(engine.trace()),
            Engine::Layered(engine) => Ok(engine.trace().await?),
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
