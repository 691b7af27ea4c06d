//! Where demonstrations are run.

use std::cell::RefCell;
use std::sync::Arc;

use crate::Error;
use crate::data::{Dataset, Normalize, Preparation, Samples, Shape, Source};
use crate::engine::{Engine, EngineSpec, Kernels, State, Task};
use crate::gpu::Gpu;
use crate::network::{Activation, Layout, Loss, Network};
use crate::sweep::{Count, Sweep};
use crate::train::{Run, Training};

/// What trains the networks of demonstrations: a device, or the CPU.
pub struct Lab<'a> {
    gpu: Option<Arc<Gpu>>,
    stop: &'a dyn Fn() -> bool,
    used: RefCell<Vec<String>>,
}

impl<'a> Lab<'a> {
    /// On a device, or without one on the CPU; a true answer of `stop` ends what is running.
    pub fn new(gpu: Option<Arc<Gpu>>, stop: &'a dyn Fn() -> bool) -> Lab<'a> {
        Lab { gpu, stop, used: RefCell::default() }
    }

    /// The device.
    pub(super) fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// Whether what is running is to end.
    pub(super) fn stops(&self) -> bool {
        (self.stop)()
    }

    /// Notes what computed something.
    pub(super) fn note(&self, what: String) {
        let mut used = self.used.borrow_mut();
        if !used.contains(&what) {
            used.push(what);
        }
    }

    /// What computed something since it was last asked.
    pub(super) fn take_used(&self) -> Vec<String> {
        self.used.take()
    }

    fn note_engine(&self, spec: &EngineSpec) {
        let on = spec.gpu().map(|gpu| format!(" on {}", gpu.adapter().describe()));
        self.note(format!("{} engine{}", spec.kind(), on.unwrap_or_default()));
    }

    /// The engine that suits a training.
    fn spec(&self, training: &Training) -> EngineSpec {
        let batches = training.batches(training.seed);
        let spec = match &self.gpu {
            None => EngineSpec::Cpu,
            Some(gpu) => {
                let request = training.request(&batches, training.restarts as usize);
                EngineSpec::on(Arc::clone(gpu), request, &training.data)
            }
        };
        self.note_engine(&spec);
        spec
    }

    /// Trains to the end.
    pub(super) async fn train(&self, training: &Training) -> Result<Run, Error> {
        let spec = self.spec(training);
        Ok(training.run(&spec, &mut |_| (), &|| self.stops()).await?.kept)
    }

    /// The losses and the state after so many steps of the start of a training.
    pub(super) async fn steps(
        &self,
        training: &Training,
        steps: u32,
    ) -> Result<(Vec<f32>, State), Error> {
        let spec = self.spec(training);
        let mut engine = Engine::new(training.task(training.seed), &spec).await?;
        let losses = engine.run(steps, &|| self.stops()).await?;
        Ok((losses, engine.states().await?.pop().unwrap_or_default()))
    }

    /// The gradients of a training's first step, in the network's layout, and the activations of each layer.
    pub(super) async fn first_gradients(
        &self,
        task: Task,
    ) -> Result<(Vec<f32>, Vec<Vec<f32>>), Error> {
        let spec = match &self.gpu {
            None => EngineSpec::Cpu,
            Some(gpu) => EngineSpec::Layered(Arc::clone(gpu), Kernels::Plain),
        };
        self.note_engine(&spec);
        let mut engine = Engine::new(task, &spec).await?;
        engine.run(1, &|| self.stops()).await?;
        let gradients = engine.gradients().await?.unwrap_or_default();
        let activations = engine.trace().await?.map(|trace| trace.activations);
        Ok((gradients, activations.unwrap_or_default()))
    }

    /// What becomes of many starts of each training.
    pub(super) async fn count(&self, trainings: Vec<Training>) -> Result<Vec<Count>, Error> {
        let cells =
            trainings.into_iter().map(|training| crate::sweep::Cell::new(Vec::new(), training));
        let sweep = Sweep::new(cells.collect());
        let spec = match &self.gpu {
            Some(gpu) => EngineSpec::Resident(Arc::clone(gpu), None),
            None => EngineSpec::Cpu,
        };
        self.note_engine(&spec);
        Ok(sweep.run(&spec, &mut |_| (), &|| self.stops()).await?.cells)
    }
}

/// A data set by name.
pub(super) fn data(source: &Source) -> Result<Arc<Dataset>, Error> {
    match source.built_in() {
        Some(data) => Ok(Arc::new(data?)),
        None => Err(Error::setting("`data`", "is none that is built in")),
    }
}

/// The training rows of a shape of so many, as they are drawn.
pub(super) fn shape(shape: Shape, rows: u32) -> Result<Arc<Dataset>, Error> {
    let source = Source::Shape(shape, rows);
    let Some(built_in) = source.by_name(None, 0) else { return data(&source) };
    let (rows, test) = built_in?.split()?;
    let as_drawn = Preparation { normalize: Some(Normalize::None), ..Preparation::default() };
    Ok(Samples::new(rows, test, &as_drawn)?.train)
}

/// XOR with bce and a sigmoid output, from one start.
pub(super) fn xor(sizes: &[usize], hidden: Activation) -> Result<Training, Error> {
    let network = Network::uniform(sizes.to_vec(), hidden, Activation::Sigmoid, Loss::Bce)?;
    Ok(Training { doctor: false, ..Training::new(network, data(&Source::Xor)?) })
}

/// The Euclidean norm.
pub(super) fn norm(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// A layer's weights out of what lies in a network's layout, row by row.
pub(super) fn weights(network: &Network, layer: usize, all: &[f32]) -> Vec<f32> {
    Layout::new(network).weights(layer).indices().map(|index| all[index]).collect()
}
