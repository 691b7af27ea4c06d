//! Who trains a network inside a dispatch, decided from its size and the adapter's class: the one
//! place where that is said.

use super::invocation::Invocation;
use super::request::{Capacity, Plan, Request};
use super::workgroup::Workgroup;
use crate::data::Dataset;
use crate::engine::kinds::Mapping;
use crate::gpu::{Gpu, GpuError, Launch};
use crate::kernels::Trainings;
use crate::network::Layout;

/// Vector registers with which a SIMD of AMD's RDNA2 still runs three waves of 64: with fewer waves nothing hides
/// that memory takes its time.
const MOST_REGISTERS: usize = 170;

/// Vector registers that AMD's compiler gives `train_invocation`, from the numbers that a network keeps there: each
/// parameter, its gradient and its moments. Fitted to what Mesa 25.0.7's compiler says for RDNA2:
///
/// | network, optimizer | numbers | registers |
/// | --- | --- | --- |
/// | 2-3-1, 2-8-1, 2-11-1, 2-16-1, without moments | 26, 66, 90, 130 | 56, 128, 168, 240 |
/// | 2-3-1, 2-5-1, with two (adam) | 52, 84 | 128, 256 |
///
/// The second number of 2-5-1 is all there are; with one moment, which nobody measured, it is taken to be half way.
fn vector_registers(moments: usize, numbers: usize) -> usize {
    let without = 9 + 177 * numbers / 100;
    let with_two = (4 * numbers).saturating_sub(80).max(without);
    match moments {
        0 => without,
        1 => without.midpoint(with_two),
        _ => with_two,
    }
}

/// Numbers that an invocation of a GPU holds in registers.
fn registers(moments: usize) -> usize {
    let fits = |numbers: &usize| vector_registers(moments, *numbers) <= MOST_REGISTERS;
    (0..MOST_REGISTERS).rev().find(fits).unwrap_or(0)
}

/// The same of a software adapter, for few networks.
const FEW_REGISTERS: usize = 96;

/// And for many, on a software adapter, where registers are the stack of a CPU: 2-16-1 there takes a
/// fiftieth of what a workgroup takes for it. But it takes seconds to compile, which only
/// many networks make good.
const SOFTWARE_REGISTERS: usize = 400;
const MANY_NETWORKS: usize = 256;

/// Multiply-adds of a step, over all rows of a batch, from which on a workgroup of a software
/// adapter loses to the layered engine there. Measured on llvmpipe, one network: 1,500 are 9 times as
/// fast, 5,900 4 times, 10,800 3 times, 19,500 1.3 times; 39,000 take 1.3 times as long, 77,000 2.5
/// times.
const SOFTWARE_WORK: usize = 1 << 14;

/// Whether the resident engine is what suits networks, where nothing else is asked for: they fit
/// an invocation, or a workgroup that is not slower than the layered engine would be.
pub fn suits(request: Request<'_>, capacity: Capacity) -> bool {
    let work = request.batches.batch().saturating_mul(request.network.parameter_count());
    mapping(request, capacity).is_some_and(|mapping| match mapping {
        Mapping::Invocation => true,
        Mapping::Workgroup => !capacity.is_software || work <= SOFTWARE_WORK,
    })
}

/// Starts from which on a software adapter is not slower than the cpu engine.
const SOME_STARTS: usize = 16;

/// Whether a software adapter trains networks at least as fast as the cpu engine would: many starts to the end, one in
/// each invocation. (Truth tables are not for it: the cpu engine trains one start after the other and stops at the
/// first that solves the data.) The speed on llvmpipe (Mesa 22.3.6, AVX2) over that of the cpu engine on the same two
/// cores, by steps a second of one network (`wgrad train --device fastest --restarts 1`), and by the time of a training
/// with several starts (`wgrad train --engine`):
///
/// | data, network | batch | starts | speed |
/// | --- | --- | --- | --- |
/// | xor, 2-3-1; 2-8-1; 2-3-1 with adam; 2-4-4-1 | 4 | 1 | 0.76; 0.74; 0.62; 0.35 |
/// | moons, 2-3-1 | 4; 32 | 1 | 0.12; 0.12 |
/// | and, 2-1; parity-4, 4-8-1; iris, 4-16-3 (workgroups) | 4; 16; 32 | 1 | 0.03; 0.02; 0.02 |
/// | xor, 2-3-1 | 4 | 4; 8; 64 | 0.2; 0.2; 0.1 |
/// | moons, 2-4-1 | 160 | 4; 8; 16; 64 | 0.72; 2.4; 2.5; 3.2 |
/// | circles, 2-4-1 tanh | 300 | 8; 16; 64 | 2.1; 2.5; 2.8 |
/// | circles, 2-8-1 | 16 | 8; 16; 64 | 0.72; 1.1; 1.2 |
/// | iris, 4-4-3 | 32 | 16; 64 | 1.2; 1.5 |
///
/// Layered, 784-512-10 at a batch of 256 takes 6 times as long as on the cpu engine (`wgrad bench step`).
pub fn pays_on_software(request: Request<'_>, capacity: Capacity) -> bool {
    request.networks >= SOME_STARTS && mapping(request, capacity) == Some(Mapping::Invocation)
}

/// How a network would be mapped, if the resident engine can train it at all.
pub fn mapping(request: Request<'_>, capacity: Capacity) -> Option<Mapping> {
    plan(request, capacity).ok().map(|plan| plan.mapping)
}

/// An invocation where the network fits its registers, else a workgroup where it fits the
/// memory of one; or what is asked for.
///
/// # Errors
/// Why neither does, in words.
pub(super) fn plan(request: Request<'_>, capacity: Capacity) -> Result<Plan, String> {
    let Request { networks, mapping, .. } = request;
    let is_worth_it = networks >= MANY_NETWORKS || mapping == Some(Mapping::Invocation);
    let registers = match (capacity.is_software, is_worth_it) {
        (false, _) => registers(request.optimizer.moments()),
        (true, false) => FEW_REGISTERS,
        (true, true) => SOFTWARE_REGISTERS,
    };
    let invocation = || Invocation::new(request, registers)?.plan(capacity).within(capacity);
    let workgroup = || Workgroup::new(request, capacity)?.plan(capacity).within(capacity);
    match mapping {
        Some(Mapping::Invocation) => invocation(),
        Some(Mapping::Workgroup) => workgroup(),
        None => invocation().or_else(|small: String| {
            workgroup().map_err(|large: String| format!("{small}; {large}"))
        }),
    }
}

/// The dispatch that trains networks as planned, with its loop iterations: for checks and benches of the kernels
/// alone.
///
/// # Errors
/// Why no mapping fits a network, in words.
pub fn launch(
    request: Request<'_>,
    capacity: Capacity,
    what: &Trainings<'_>,
) -> Result<Launch, String> {
    let plan = plan(request, capacity)?;
    let each = plan.step_iterations + plan.loss_iterations;
    let iterations = plan.dispatch_iterations + what.steps as usize * each;
    Ok(plan.launch(what).with_iterations(iterations))
}

/// Whether `gpu` can take this: the network one mapping, the data set and the parameters of all
/// networks one binding each.
///
/// # Errors
/// [`GpuError`] naming the limit, or why the network does not fit.
pub fn check_limits(request: Request<'_>, data: &Dataset, gpu: &Gpu) -> Result<Mapping, GpuError> {
    let plan = plan_on(request, gpu)?;
    let Request { network, networks, optimizer, .. } = request;
    let one = (1 + optimizer.moments()) * Layout::new(network).count();
    let parameters = networks.saturating_mul(one);
    let what = format!("parameters and moments of {networks} networks at once");
    gpu.check_binding(&what, parameters).map_err(|error| match error {
        GpuError::Limit { what, wanted, unit, limit, allowed, .. } => {
            let fix = "use fewer `restarts`, smaller `sizes`, or `EngineSpec::Cpu`";
            GpuError::Limit { what, wanted, unit, limit, allowed, fix }
        }
        other => other,
    })?;
    check_data(data, gpu)?;
    Ok(plan.mapping)
}

/// Whether the data set fits one binding.
///
/// # Errors
/// [`GpuError`] naming the limit.
pub fn check_data(data: &Dataset, gpu: &Gpu) -> Result<(), GpuError> {
    let len = data.rows() * (data.input_len() + data.target_width()).next_multiple_of(4);
    gpu.check_binding(&format!("data set {} ({} rows)", data.name(), data.rows()), len)
}

/// The plan on this GPU.
///
/// # Errors
/// [`GpuError::NotResident`] where there is none.
pub(super) fn plan_on(request: Request<'_>, gpu: &Gpu) -> Result<Plan, GpuError> {
    plan(request, Capacity::of(gpu.adapter())).map_err(|reason| GpuError::NotResident { reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Batches, Order};
    use crate::network::{Activation, Loss, Network};
    use crate::optimizer::{Optimizer, RateSchedule};

    const SOFTWARE: Capacity =
        Capacity { is_software: true, workgroup_bytes: 65_536, ..Capacity::BASE };

    fn network(sizes: &[usize]) -> Network {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        Network::uniform(sizes.to_vec(), hidden, output, Loss::Bce).unwrap()
    }

    fn request<'a>(
        network: &'a Network,
        batches: &'a Batches,
        networks: usize,
        mapping: Option<Mapping>,
    ) -> Request<'a> {
        let (optimizer, schedule) = (Optimizer::default(), RateSchedule::default());
        Request {
            network,
            optimizer,
            schedule,
            batches,
            networks,
            stops_when_solved: false,
            is_weighted: false,
            mapping,
        }
    }

    #[test]
    fn moments_take_registers_too() {
        let batches = &Batches::new(4, 0, Order::Shuffled, 0);
        let mapping_on = |capacity, sizes: &[usize], kind| {
            let network = &network(sizes);
            let optimizer = Optimizer::new(kind);
            super::mapping(Request { optimizer, ..request(network, batches, 1, None) }, capacity)
        };
        let mapping = |sizes: &[usize], kind| mapping_on(Capacity::BASE, sizes, kind);
        use crate::optimizer::OptimizerKind::{Adam, Momentum, Sgd};
        assert_eq!(mapping(&[2, 11, 1], Sgd), Some(Mapping::Invocation));
        assert_eq!(mapping(&[2, 11, 1], Momentum), Some(Mapping::Workgroup));
        assert_eq!(mapping(&[2, 5, 1], Momentum), Some(Mapping::Invocation));
        // 84 numbers take all 256 registers of an AMD chip.
        assert_eq!(mapping(&[2, 3, 1], Adam), Some(Mapping::Invocation));
        assert_eq!(mapping(&[2, 5, 1], Adam), Some(Mapping::Workgroup));
        assert_eq!(mapping_on(SOFTWARE, &[2, 5, 1], Adam), Some(Mapping::Invocation));
        assert_eq!(mapping_on(SOFTWARE, &[2, 6, 1], Adam), Some(Mapping::Workgroup));
    }

    /// Measured with Mesa's compiler for RDNA2, within a few registers.
    #[test]
    fn registers_are_those_that_were_measured() {
        for (moments, numbers, measured) in
            [(0, 26, 56), (0, 66, 128), (0, 90, 168), (0, 130, 240), (2, 52, 128), (2, 84, 256)]
        {
            let fitted = vector_registers(moments, numbers);
            assert!(fitted.abs_diff(measured) <= 4, "{numbers} numbers: {fitted}, {measured}");
        }
        assert_eq!([0, 1, 2].map(registers), [91, 71, 62]);
    }

    fn plan(
        sizes: &[usize],
        rows: usize,
        batch: usize,
        mapping: Option<Mapping>,
    ) -> Result<Plan, String> {
        let batches = &Batches::new(rows, batch, Order::Shuffled, 0);
        let network = &network(sizes);
        super::plan(request(network, batches, 1, mapping), Capacity::BASE)
    }

    #[test]
    fn an_invocation_takes_what_its_registers_hold_and_a_workgroup_the_rest() {
        let mapping = |sizes: &[usize]| plan(sizes, 4, 0, None).map(|plan| plan.mapping);
        for sizes in [&[2, 3, 1][..], &[2, 1, 1], &[2, 11, 1], &[4, 4, 3], &[2, 3, 3, 1]] {
            assert_eq!(mapping(sizes), Ok(Mapping::Invocation), "{sizes:?}");
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
            assert_eq!(mapping(sizes), Ok(Mapping::Workgroup), "{sizes:?}");
            assert!(plan(sizes, 4, 0, Some(Mapping::Invocation)).is_err(), "{sizes:?}");
        }
        for sizes in [&[2, 2000, 1][..], &[64, 64, 10], &[2, 33]] {
            let refused = mapping(sizes).unwrap_err();
            assert!(refused.contains("invocation") && refused.contains("workgroup"), "{refused}");
        }
    }

    #[test]
    fn a_workgroup_must_hold_the_activations_of_a_batch_too() {
        let mapping = |batch| plan(&[2, 64, 1], 100, batch, None).map(|plan| plan.mapping);
        assert_eq!(mapping(16), Ok(Mapping::Workgroup));
        let refused = mapping(64).unwrap_err();
        assert!(refused.contains("a batch of 64") && refused.contains("16384"), "{refused}");
    }

    #[test]
    fn a_software_adapter_leaves_large_batches_to_the_layered_engine() {
        let suits = |batch, capacity| {
            let batches = &Batches::new(100, batch, Order::Shuffled, 0);
            let network = &network(&[2, 64, 1]);
            super::suits(request(network, batches, 1, None), capacity)
        };
        assert!(suits(4, SOFTWARE) && !suits(64, SOFTWARE));
        assert!(suits(64, Capacity { is_software: false, ..SOFTWARE }));
    }

    #[test]
    fn many_networks_of_a_software_adapter_go_to_invocations() {
        let mapping = |networks, capacity| {
            let batches = &Batches::new(4, 0, Order::Shuffled, 0);
            let network = &network(&[2, 16, 1]);
            super::mapping(request(network, batches, networks, None), capacity)
        };
        assert_eq!(mapping(1, SOFTWARE), Some(Mapping::Workgroup));
        assert_eq!(mapping(256, SOFTWARE), Some(Mapping::Invocation));
        assert_eq!(mapping(256, Capacity::BASE), Some(Mapping::Workgroup));
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
