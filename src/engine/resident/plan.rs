//! Who trains a network inside a dispatch, decided from its size and the adapter's class: the one
//! place where that is said.

use super::invocation::Invocation;
use super::workgroup::Workgroup;
use crate::data::Batches;
use crate::gpu::{DeviceKind, Gpu, Kernel, KernelRow};
use crate::kernels::TrainParams;
use crate::network::{Network, named};
use crate::optimizer::{Optimizer, RateSchedule};

named! {
    /// Who owns a network in the dispatches that train it.
    pub enum Owner ("owner") {
        /// One invocation, in its registers: the smallest networks, a hundred thousand at once.
        Invocation = "invocation",
        /// One workgroup, in the memory that it shares: one network, or some hundreds.
        Workgroup = "workgroup",
    }
}

/// What an adapter has room for, as far as this decision goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that a workgroup shares.
    pub workgroup_bytes: usize,
    /// Bytes of a uniform binding.
    pub uniform_bytes: usize,
    /// Loop rounds of an invocation in a dispatch.
    pub rounds: usize,
    /// Whether the adapter runs on the CPU, where barriers and shared memory are slow.
    pub is_software: bool,
}

impl Room {
    /// What WebGPU grants everywhere.
    pub const BASE: Room = Room {
        workgroup_bytes: 16_384,
        uniform_bytes: 65_536,
        rounds: usize::MAX,
        is_software: false,
    };

    /// What `gpu` has.
    pub fn of(gpu: &Gpu) -> Room {
        let adapter = gpu.adapter();
        Room {
            workgroup_bytes: adapter.limits.max_workgroup_bytes as usize,
            uniform_bytes: usize::try_from(adapter.limits.max_uniform_bytes).unwrap_or(usize::MAX),
            rounds: gpu.max_rounds() as usize,
            is_software: adapter.kind == DeviceKind::Software,
        }
    }
}

/// How a network is trained inside a dispatch.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub owner: Owner,
    /// The kernel as it is for this network.
    pub kernel: Kernel<TrainParams>,
    /// The lines that are appended to it.
    pub lines: String,
    /// Loop rounds of an invocation: in a step, for the losses of a step that is kept, and in a
    /// dispatch, whatever its steps.
    pub step_rounds: usize,
    pub loss_rounds: usize,
    pub dispatch_rounds: usize,
}

/// Parameters and gradients that an invocation holds in registers.
const REGISTERS: usize = 96;

/// The same on a software adapter, where registers are the stack of a CPU: 2-16-1 there takes a
/// fiftieth of what a workgroup takes for it. But it takes seconds to compile, which only
/// many networks make good.
const SOFTWARE_REGISTERS: usize = 400;
const MANY_NETWORKS: usize = 256;

/// Multiply-adds of a step, over all rows of a batch, from which on a workgroup of a software
/// adapter loses to the layered engine there. Measured on llvmpipe, one network: 1,500 are 9 times as
/// fast, 5,900 4 times, 10,800 3 times, 19,500 1.3 times; 39,000 take 1.3 times as long, 77,000 2.5
/// times.
const SOFTWARE_WORK: usize = 1 << 14;

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
    pub judged: bool,
    /// Who must own a network, where not just anyone will do.
    pub owner: Option<Owner>,
}

/// Whether the resident engine is what suits networks, where nothing else is asked for: they fit
/// an invocation, or a workgroup that is not slower than the layered engine would be.
pub fn suits(request: Request<'_>, room: Room) -> bool {
    let work = request.batches.batch().saturating_mul(request.network.parameter_count());
    owner(request, room).is_some_and(|owner| match owner {
        Owner::Invocation => true,
        Owner::Workgroup => !room.is_software || work <= SOFTWARE_WORK,
    })
}

/// Who would own a network, if the resident engine takes it at all.
pub fn owner(request: Request<'_>, room: Room) -> Option<Owner> {
    Plan::new(request, room).ok().map(|plan| plan.owner)
}

/// The kernel that trains such networks, and the lines that specialise it: for tests of what compilers make of
/// them.
///
/// # Errors
/// Why nobody would own a network, in words.
pub fn shader(request: Request<'_>, room: Room) -> Result<(KernelRow, String), String> {
    Plan::new(request, room).map(|plan| (*plan.kernel, plan.lines))
}

impl Plan {
    /// An invocation where the network fits its registers, else a workgroup where it fits the
    /// memory of one; or what is asked for.
    ///
    /// # Errors
    /// Why neither does, in words.
    pub(super) fn new(request: Request<'_>, room: Room) -> Result<Plan, String> {
        let Request { networks, owner, .. } = request;
        let is_worth_it = networks >= MANY_NETWORKS || owner == Some(Owner::Invocation);
        let is_spilled = room.is_software && is_worth_it;
        let registers = if is_spilled { SOFTWARE_REGISTERS } else { REGISTERS };
        let invocation = || Invocation::new(request, registers)?.plan(room).within(room);
        let workgroup = || Workgroup::new(request, room)?.plan(room).within(room);
        match owner {
            Some(Owner::Invocation) => invocation(),
            Some(Owner::Workgroup) => workgroup(),
            None => invocation().or_else(|small: String| {
                workgroup().map_err(|large: String| format!("{small}; {large}"))
            }),
        }
    }

    /// Whether the rates of steps are read, and not one for all.
    pub(super) fn is_scheduled(request: Request<'_>) -> bool {
        !request.schedule.is_constant() || request.optimizer.is_corrected()
    }

    /// The lines about the update.
    pub(super) fn rule_lines(request: Request<'_>) -> String {
        let Request { optimizer, .. } = request;
        format!(
            "const OPTIMIZER: u32 = {}u; const DECAY: u32 = {}u; const STATES: u32 = {}u;\n\
             const CLIP_NORM: bool = {}; const CLIP_VALUE: bool = {}; const SCHEDULED: bool = {};\n",
            optimizer.code(),
            optimizer.decay_code(),
            1 + optimizer.moments(),
            optimizer.clip_norm.is_some(),
            optimizer.clip_value.is_some(),
            Plan::is_scheduled(request),
        )
    }

    /// The plan, if one step of it fits a dispatch.
    fn within(self, room: Room) -> Result<Plan, String> {
        let rounds = self.dispatch_rounds + self.step_rounds + self.loss_rounds;
        if rounds <= room.rounds {
            return Ok(self);
        }
        Err(format!(
            "one step takes {rounds} loop rounds of {} {}, {} are planned for in a dispatch",
            if self.owner == Owner::Invocation { "an" } else { "a" },
            self.owner,
            room.rounds
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Order;
    use crate::network::{Activation, Loss};

    const SOFTWARE: Room = Room { is_software: true, workgroup_bytes: 65_536, ..Room::BASE };

    fn network(sizes: &[usize]) -> Network {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        Network::uniform(sizes.to_vec(), hidden, output, Loss::Bce).unwrap()
    }

    fn request<'a>(
        network: &'a Network,
        batches: &'a Batches,
        networks: usize,
        owner: Option<Owner>,
    ) -> Request<'a> {
        let (optimizer, schedule) = (Optimizer::default(), RateSchedule::default());
        Request { network, optimizer, schedule, batches, networks, judged: false, owner }
    }

    #[test]
    fn moments_take_registers_too() {
        let batches = &Batches::new(4, 0, Order::Shuffled, 0);
        let owner = |sizes: &[usize], kind| {
            let network = &network(sizes);
            let optimizer = Optimizer::new(kind);
            super::owner(Request { optimizer, ..request(network, batches, 1, None) }, Room::BASE)
        };
        use crate::optimizer::OptimizerKind::{Adam, Momentum, Sgd};
        assert_eq!(owner(&[2, 11, 1], Sgd), Some(Owner::Invocation));
        assert_eq!(owner(&[2, 11, 1], Momentum), Some(Owner::Workgroup));
        assert_eq!(owner(&[2, 5, 1], Adam), Some(Owner::Invocation));
        assert_eq!(owner(&[2, 6, 1], Adam), Some(Owner::Workgroup));
    }

    fn plan(
        sizes: &[usize],
        rows: usize,
        batch: usize,
        owner: Option<Owner>,
    ) -> Result<Plan, String> {
        let batches = &Batches::new(rows, batch, Order::Shuffled, 0);
        let network = &network(sizes);
        Plan::new(request(network, batches, 1, owner), Room::BASE)
    }

    #[test]
    fn an_invocation_takes_what_its_registers_hold_and_a_workgroup_the_rest() {
        let owner = |sizes: &[usize]| plan(sizes, 4, 0, None).map(|plan| plan.owner);
        for sizes in [&[2, 3, 1][..], &[2, 1, 1], &[2, 11, 1], &[4, 4, 3], &[2, 3, 3, 1]] {
            assert_eq!(owner(sizes), Ok(Owner::Invocation), "{sizes:?}");
        }
        for sizes in [
            &[2, 64, 1][..],
            &[2, 16, 16, 1],
            &[2, 1],
            &[2, 12, 1],
            &[40, 1, 1],
            &[2, 5, 5, 1],
            &[2, 3, 3, 3, 1],
        ] {
            assert_eq!(owner(sizes), Ok(Owner::Workgroup), "{sizes:?}");
            assert!(plan(sizes, 4, 0, Some(Owner::Invocation)).is_err(), "{sizes:?}");
        }
        for sizes in [&[2, 2000, 1][..], &[64, 64, 10], &[2, 33]] {
            let refused = owner(sizes).unwrap_err();
            assert!(refused.contains("invocation") && refused.contains("workgroup"), "{refused}");
        }
    }

    #[test]
    fn a_workgroup_must_hold_the_activations_of_a_batch_too() {
        let owner = |batch| plan(&[2, 64, 1], 100, batch, None).map(|plan| plan.owner);
        assert_eq!(owner(16), Ok(Owner::Workgroup));
        let refused = owner(64).unwrap_err();
        assert!(refused.contains("a batch of 64") && refused.contains("16384"), "{refused}");
    }

    #[test]
    fn a_software_adapter_leaves_large_batches_to_the_layered_engine() {
        let suits = |batch, room| {
            let batches = &Batches::new(100, batch, Order::Shuffled, 0);
            let network = &network(&[2, 64, 1]);
            super::suits(request(network, batches, 1, None), room)
        };
        assert!(suits(4, SOFTWARE) && !suits(64, SOFTWARE));
        assert!(suits(64, Room { is_software: false, ..SOFTWARE }));
    }

    #[test]
    fn many_networks_of_a_software_adapter_go_to_invocations() {
        let owner = |networks, room| {
            let batches = &Batches::new(4, 0, Order::Shuffled, 0);
            let network = &network(&[2, 16, 1]);
            super::owner(request(network, batches, networks, None), room)
        };
        assert_eq!(owner(1, SOFTWARE), Some(Owner::Workgroup));
        assert_eq!(owner(256, SOFTWARE), Some(Owner::Invocation));
        assert_eq!(owner(256, Room::BASE), Some(Owner::Workgroup));
    }

    #[test]
    fn rows_are_kept_only_where_every_step_takes_them_all() {
        let kept = |rows, batch| {
            let lines = plan(&[2, 3, 1], rows, batch, None).unwrap().lines;
            let at = lines.find("KEPT: u32 = ").unwrap() + 12;
            lines[at..].split('u').next().unwrap().parse::<usize>().unwrap()
        };
        assert_eq!([kept(4, 0), kept(4, 3), kept(100, 0)], [4, 0, 0]);
    }

    #[test]
    fn a_small_data_set_is_a_uniform_and_a_large_one_is_not() {
        let access = |rows| plan(&[2, 3, 1], rows, 8, None).unwrap().kernel.bindings[0].access;
        assert_eq!(access(4096), crate::gpu::Access::Uniform);
        assert_eq!(access(4097), crate::gpu::Access::Read);
    }
}
