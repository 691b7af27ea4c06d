//! What is asked of the resident engine, what an adapter has, and what is made of both: how networks are
//! trained inside a dispatch.

use crate::data::Batches;
use crate::engine::kinds::Mapping;
use crate::gpu::{AdapterEntry, DeviceKind, Kernel, Launch};
use crate::kernels::{self, TrainParams, Trainings};
use crate::network::{Network, dropout_scale, dropout_threshold};
use crate::optimizer::{Optimizer, RateSchedule};

/// What an adapter has room for, as far as this decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Bytes that a workgroup shares.
    pub workgroup_bytes: usize,
    /// Bytes of a uniform binding.
    pub uniform_bytes: usize,
    /// Loop iterations of an invocation in a dispatch.
    pub iterations: usize,
    /// Whether the adapter runs on the CPU, where barriers and shared memory are slow.
    pub is_software: bool,
}

impl Capacity {
    /// What WebGPU grants everywhere.
    pub const BASE: Capacity = Capacity {
        workgroup_bytes: 16_384,
        uniform_bytes: 65_536,
        iterations: usize::MAX,
        is_software: false,
    };

    /// What an adapter has.
    pub fn of(adapter: &AdapterEntry) -> Capacity {
        Capacity {
            workgroup_bytes: adapter.limits.max_workgroup_bytes as usize,
            uniform_bytes: usize::try_from(adapter.limits.max_uniform_bytes).unwrap_or(usize::MAX),
            iterations: adapter.max_iterations() as usize,
            is_software: adapter.kind == DeviceKind::Software,
        }
    }
}

/// Networks that are to be trained alike.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What they all are.
    pub network: &'a Network,
    /// How gradients become updates.
    pub optimizer: Optimizer,
    /// How the rate goes.
    pub schedule: RateSchedule,
    /// In which portions they see their data.
    pub batches: &'a Batches,
    /// How many there are.
    pub networks: usize,
    /// Whether a training ends as soon as its data is solved.
    pub stops_when_solved: bool,
    /// Whether the rows of the data have weights in the loss.
    pub is_weighted: bool,
    /// The mapping, where one is asked for.
    pub mapping: Option<Mapping>,
}

impl Request<'_> {
    /// Whether the rates of steps are read, and not one for all.
    pub(super) fn is_scheduled(&self) -> bool {
        !self.schedule.is_constant() || self.optimizer.is_corrected()
    }

    /// The lines about the update, and about what is dropped.
    pub(super) fn rule_lines(&self) -> String {
        let Request { network, optimizer, .. } = self;
        let dropout = network.dropout();
        format!(
            "const OPTIMIZER: u32 = {}u; const DECAY: u32 = {}u; const STATES: u32 = {}u;\n\
             const CLIP_NORM: bool = {}; const CLIP_VALUE: bool = {}; const SCHEDULED: bool = {};\n\
             const DROPOUT: bool = {}; const DROPOUT_BELOW: u32 = {}u; const DROPOUT_SCALE: f32 = {:?}f;\n",
            optimizer.code(),
            optimizer.decay_code(),
            1 + optimizer.moments(),
            optimizer.clip_norm.is_some(),
            optimizer.clip_value.is_some(),
            self.is_scheduled(),
            dropout > 0.0,
            dropout_threshold(dropout),
            dropout_scale(dropout) as f32,
        )
    }
}

/// How a network is trained inside a dispatch.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub mapping: Mapping,
    /// The kernel as it is for this network.
    pub kernel: Kernel<TrainParams>,
    /// The lines that are appended to it.
    pub lines: String,
    /// Loop iterations of an invocation: in a step, for the losses of a step that is kept, and in a
    /// dispatch, whatever its steps.
    pub step_iterations: usize,
    pub loss_iterations: usize,
    pub dispatch_iterations: usize,
}

impl Plan {
    /// A dispatch of the kernel, without its loop iterations.
    pub(super) fn launch(&self, what: &Trainings<'_>) -> Launch {
        kernels::train(&self.kernel, what).with_lines(self.lines.clone())
    }

    /// The plan, if one step of it fits a dispatch.
    pub(super) fn within(self, capacity: Capacity) -> Result<Plan, String> {
        let iterations = self.dispatch_iterations + self.step_iterations + self.loss_iterations;
        if iterations <= capacity.iterations {
            return Ok(self);
        }
        Err(format!(
            "one step takes {iterations} loop iterations of {} {}, {} are planned for in a dispatch",
            if self.mapping == Mapping::Invocation { "an" } else { "a" },
            self.mapping,
            capacity.iterations
        ))
    }
}
