//! What is special to an engine: the list of a layered step, fused kernels against plain ones, the shapes and
//! dispatches of the resident engine; and what a device does when it is lost or too small.

use std::sync::Arc;

use crate::common::{ULP, assert_close, gpu, own_gpu, with};
use crate::tasks::{data, never, reference_losses, resident_specs, task};
use wgrad::Error;
use wgrad::check::Bound;
use wgrad::data::Order;
use wgrad::engine::{
    Engine, EngineSpec, Kernels, LayeredEngine, Mapping, Member, Start, Task, forward,
};
use wgrad::gpu::{DeviceKind, GpuError};
use wgrad::network::{Activation, Initializer, Layout, Loss};
use wgrad::optimizer::{Optimizer, OptimizerKind};
use wgrad::train::evaluate;

/// The step is the list that DESIGN describes, top to bottom.
#[test]
fn a_step_is_one_list_in_order() {
    let task = task(&[2, 3, 1], Activation::Relu, Loss::Bce, 4, 0, Order::Sequential);
    let plain = LayeredEngine::new(task.clone(), gpu(), Kernels::Plain);
    let engine = pollster::block_on(plain).unwrap();
    let forward = ["matmul", "bias_add", "activate"];
    let names = [
        &forward[..],
        &forward,
        &["loss_elementwise", "matmul", "bias_grad", "matmul"],
        &["activate_grad", "matmul", "bias_grad", "optimizer_step", "finish_step"],
    ];
    assert_eq!(engine.step_names(), names.concat());
    let names = |task: &Task| {
        let engine = LayeredEngine::new(task.clone(), gpu(), Kernels::Fused);
        pollster::block_on(engine).unwrap().step_names()
    };
    let back = ["layer_input_grad", "layer_update", "layer_update", "finish_step"];
    // What goes back through a layer comes before its update.
    assert_eq!(names(&task), [&["layer_forward", "output_loss"][..], &back].concat());
}

/// Fused kernels against plain ones: the same sums in the same order, so the same bits where nothing
/// is fused and every operation rounds correctly; and within bounds of the reference everywhere.
#[test]
fn fused_kernels_give_what_plain_ones_give() {
    const STEPS: u32 = 12;
    let cases = [
        (vec![2, 3, 1], Activation::Relu, Loss::Bce, 4, 0),
        (vec![13, 17, 11, 7], Activation::Sigmoid, Loss::BceWithLogits, 19, 8),
        (vec![37, 65, 10], Activation::Relu, Loss::SoftmaxCrossEntropy, 130, 64),
        // More outputs than one invocation holds, with each place where a loss's gradient enters.
        (vec![9, 20, 33], Activation::LeakyRelu, Loss::MseMean, 21, 10),
        (vec![9, 20, 33], Activation::Relu, Loss::SoftmaxCrossEntropy, 21, 10),
        (vec![4, 3], Activation::Relu, Loss::MseHalfMean, 9, 4),
    ];
    for (sizes, hidden, loss, rows, batch) in cases {
        let task = task(&sizes, hidden, loss, rows, batch, Order::Shuffled);
        let label = format!("{sizes:?} {loss}");
        let run = |engine: Result<LayeredEngine, Error>| {
            let mut engine = engine.unwrap();
            let losses = pollster::block_on(engine.run(STEPS, &never)).unwrap();
            let parameters = pollster::block_on(engine.parameters()).unwrap();
            (losses, parameters, pollster::block_on(engine.gradients()).unwrap())
        };
        let of = |kernels| pollster::block_on(LayeredEngine::new(task.clone(), gpu(), kernels));
        let (fused, plain) = (run(of(Kernels::Fused)), run(of(Kernels::Plain)));
        assert_eq!(fused, run(of(Kernels::Fused)), "{label}: the same again");
        let kept = run(pollster::block_on(LayeredEngine::keeping_gradients(task.clone(), gpu())));
        assert_eq!(fused.2, None);
        let longest = sizes.iter().chain([&rows]).max().unwrap();
        let bound = f64::from(STEPS) * (*longest + 8) as f64 * ULP;
        let near = Bound::Mixed { absolute: bound, relative: bound };
        let (losses, reference) = reference_losses(&task, STEPS);
        for (name, run) in [("fused", &fused), ("plain", &plain), ("kept", &kept)] {
            assert_close(&format!("{label}, {name}, losses"), &run.0, &losses, near);
            assert_close(&format!("{label}, {name}"), &run.1, &reference.parameters, near);
        }
        for run in [&plain, &kept] {
            let gradients = run.2.as_ref().unwrap();
            assert_close(&format!("{label}, gradients"), gradients, &reference.gradients, near);
        }
        let is_exact = !matches!(hidden, Activation::Sigmoid | Activation::Tanh);
        if crate::common::is_llvmpipe(&gpu()) && is_exact {
            assert_eq!(fused.1, plain.1, "{label}: by bits");
            assert_eq!(kept.1, plain.1, "{label}: by bits");
        }
    }
}

/// What a step notes beside its results, against the reference.
#[test]
fn fused_kernels_note_norms_and_idle_units() {
    let task =
        task(&[7, 21, 5, 3], Activation::Relu, Loss::SoftmaxCrossEntropy, 40, 17, Order::Shuffled);
    let plain =
        pollster::block_on(LayeredEngine::new(task.clone(), gpu(), Kernels::Plain)).unwrap();
    assert_eq!(pollster::block_on(plain.statistics()).unwrap(), None);
    let mut engine =
        pollster::block_on(LayeredEngine::new(task.clone(), gpu(), Kernels::Fused)).unwrap();
    // The third step is the short one of an epoch.
    for steps in [1, 2, 3] {
        pollster::block_on(engine.run(1, &never)).unwrap();
        let (_, before) = reference_losses(&task, steps - 1);
        let (_, reference) = reference_losses(&task, steps);
        let seen = pollster::block_on(engine.statistics()).unwrap().unwrap();
        let layout = Layout::new(&task.network);
        for (layer, seen) in task.network.layers().zip(&seen) {
            let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
            let range = layout.block(layer.index).range();
            let gradient = norm(&reference.gradients[range.clone()]);
            let parameter = norm(&before.parameters[range]);
            let actual = [seen.gradient_norm, seen.parameter_norm, seen.update_norm];
            let near = Bound::Mixed { absolute: 0.0, relative: 1e-5 };
            assert_close("norms", &actual, &[gradient, parameter, 0.125 * gradient], near);
            assert_eq!(seen.not_finite, 0);
            let a = &reference.trace.activations[layer.index];
            let is_zero =
                |unit: &usize| a.iter().skip(*unit).step_by(layer.fan_out).all(|a| *a == 0.0);
            let expected = match layer.index {
                2 => 0,
                _ => (0..layer.fan_out).filter(is_zero).count(),
            };
            assert_eq!(seen.zero_units, expected, "layer {} after {steps} steps", layer.index);
            assert_eq!(seen.saturated_units, 0);
        }
    }
}

/// Rows that do not fit one portion: what networks make of them comes from all of them.
#[test]
fn looks_over_several_portions_are_those_of_the_cpu() {
    let init = Initializer::XavierNormal;
    for (sizes, networks, rows, spec) in [
        // On a software adapter a loop over so many outputs allows few rows at a time.
        (vec![3, 800], 1, 1500, EngineSpec::Layered(gpu(), Kernels::Fused)),
        (vec![3, 5, 2], 4096, 1500, EngineSpec::Resident(gpu(), None)),
    ] {
        let all = (Activation::Tanh, Loss::SoftmaxCrossEntropy, 8, 8, Order::Sequential);
        let task = task(&sizes, all.0, all.1, all.2, all.3, all.4);
        let watched = data(rows, sizes[0], *sizes.last().unwrap());
        let member = |seed| Member::new(&task.optimizer, 0.125, seed);
        let members: Vec<Member> = (0..networks as u32).map(member).collect();
        let start = Start { networks: 0..networks, init, scale: 1.0, seed: 3 };
        let (seen, parameters) = pollster::block_on(async {
            let mut engine =
                Engine::many(task.clone(), &members, &[start], false, &spec).await.unwrap();
            engine.watch(&watched).await.unwrap();
            let seen = engine.advance(1, 0, true, &never).await.unwrap().scores.unwrap();
            (seen, engine.parameters().await.unwrap())
        });
        assert_eq!(seen.len(), networks);
        let len = Layout::new(&task.network).len();
        for network in (0..networks).step_by(networks.div_ceil(3)) {
            let own = &parameters[network * len..][..len];
            let there = forward(&task.network, own, watched.inputs());
            let there = evaluate(&task.network, &watched, &there);
            let label = format!("{sizes:?}, network {network}");
            let near = Bound::Mixed { absolute: 1e-5, relative: 1e-5 };
            assert_close(&label, &[seen[network].loss], &[there.loss], near);
            // A few rows may have two outputs as good as equal.
            let right = there.right.unwrap() as i64;
            assert!((i64::from(seen[network].right) - right).abs() <= 2, "{label}: {right}");
        }
    }
}

/// Shapes at the edges of what an invocation takes, and a workgroup: a rest in the last vector, one
/// and two hidden layers and more, none, several outputs, mini-batches with a short last one, every
/// activation and every loss; data in a uniform and beyond it.
#[test]
fn the_resident_engine_takes_every_small_shape() {
    let cases = [
        (vec![1, 1, 1], Activation::Tanh, Loss::MseMean, 3, 0),
        (vec![3, 5, 2], Activation::Sigmoid, Loss::Bce, 7, 3),
        (vec![2, 5, 2], Activation::LeakyRelu, Loss::SoftmaxCrossEntropy, 9, 4),
        (vec![4, 2, 4], Activation::Identity, Loss::MseHalfMean, 40, 16),
        (vec![2, 9, 1], Activation::Relu, Loss::BceWithLogits, 4, 0),
        (vec![3, 4, 3, 2], Activation::Tanh, Loss::SoftmaxCrossEntropy, 9, 4),
        (vec![2, 5, 3, 1], Activation::Relu, Loss::Bce, 4, 0),
        (vec![1, 2, 7, 1], Activation::Sigmoid, Loss::MseHalfMean, 6, 1),
        (vec![2, 3, 2, 3, 1], Activation::Tanh, Loss::MseMean, 5, 2),
        (vec![3, 2], Activation::Relu, Loss::BceWithLogits, 7, 0),
        (vec![2, 64, 1], Activation::Relu, Loss::Bce, 4, 0),
        (vec![2, 16, 16, 1], Activation::LeakyRelu, Loss::Bce, 4, 0),
        (vec![1, 2, 1], Activation::Tanh, Loss::MseMean, 5000, 7),
    ];
    let mut mappings = Vec::new();
    for (sizes, hidden, loss, rows, batch) in cases {
        let task = task(&sizes, hidden, loss, rows, batch, Order::Shuffled);
        let (losses, reference) = reference_losses(&task, 25);
        let longest = sizes.iter().max().unwrap();
        let bound = 25.0 * (longest + 40) as f64 * ULP;
        let near = Bound::Mixed { absolute: bound, relative: bound };
        for spec in resident_specs(&task) {
            let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
            let actual = pollster::block_on(engine.run(25, &never)).unwrap();
            let label = format!("{sizes:?} {loss} on {spec:?}");
            assert_close(&format!("{label}, losses"), &actual, &losses, near);
            let parameters = pollster::block_on(engine.parameters()).unwrap();
            let expected = &reference.parameters;
            assert_close(&format!("{label}, parameters"), &parameters, expected, near);
            mappings.push(spec.mapping(task.request()));
        }
    }
    let mapped_to = |by| mappings.iter().filter(|mapping| **mapping == Some(by)).count();
    assert!(
        mapped_to(Mapping::Invocation) >= 9 && mapped_to(Mapping::Workgroup) == 13,
        "{mappings:?}"
    );
}

/// Dispatches as long as the planner makes them: llvmpipe silently stops loops after 65,535 iterations, and an
/// engine that finds steps missing fails.
#[test]
fn dispatches_as_long_as_planned_make_every_step() {
    let cases = [
        (vec![2, 2, 8], Activation::Silu, Loss::SoftmaxCrossEntropy, 12, 5),
        (vec![1, 2, 2, 6], Activation::Gelu, Loss::SoftmaxCrossEntropy, 9, 0),
        (vec![31, 1, 1], Activation::Gelu, Loss::MseMean, 12, 5),
        (vec![4, 8, 10], Activation::Elu, Loss::SoftmaxCrossEntropy, 70, 67),
        (vec![2, 4, 4, 1], Activation::Relu, Loss::Bce, 4, 0),
    ];
    for (sizes, hidden, loss, rows, batch) in cases {
        let plain = task(&sizes, hidden, loss, rows, batch, Order::Shuffled);
        let adam = with(Optimizer::new(OptimizerKind::Adam), |it| it.clip_norm = Some(1.0));
        for optimizer in [plain.optimizer, adam] {
            let task =
                with(plain.clone(), |it| (it.optimizer, it.learning_rate) = (optimizer, 0.01));
            for spec in resident_specs(&task) {
                let is_workgroup = spec.mapping(task.request()) == Some(Mapping::Workgroup);
                let steps = if is_workgroup { 2_000 } else { 20_000 };
                let mut engine = pollster::block_on(Engine::new(task.clone(), &spec)).unwrap();
                let losses = pollster::block_on(engine.run(steps, &never)).unwrap();
                assert_eq!((losses.len(), engine.steps_done()), (steps as usize, steps));
                assert!(losses.iter().all(|loss| loss.is_finite()), "{sizes:?} on {spec:?}");
            }
        }
    }
}

/// Wherever the device goes away, the next call says so, and nothing hangs or panics.
#[test]
fn a_lost_device_is_an_error_wherever_it_is_lost() {
    for when in 0..5 {
        let gpu = own_gpu();
        let task = task(&[5, 7, 3], Activation::Tanh, Loss::Bce, 12, 5, Order::Shuffled);
        let result = pollster::block_on(async {
            if when == 0 {
                gpu.destroy();
            }
            let mut engine =
                Engine::new(task, &EngineSpec::Layered(Arc::clone(&gpu), Kernels::Fused)).await?;
            if when == 1 {
                gpu.destroy();
            }
            engine.run(3, &never).await?;
            if when == 2 {
                gpu.destroy();
            }
            engine.run(3, &never).await?;
            if when == 3 {
                gpu.destroy();
            }
            engine.parameters().await?;
            if when == 4 {
                gpu.destroy();
            }
            engine.forward(&[0.0; 5]).await.map(|_| ())
        });
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Gpu(GpuError::Lost { .. })), "{when}: {error}");
        assert_eq!(error.exit_code(), 4);
    }
}

/// What a device cannot do is refused with the limit's name before anything runs.
#[test]
fn a_network_beyond_the_device_is_refused_with_the_limit() {
    let gpu = gpu();
    let limits = gpu.adapter().limits;
    let refused_with = |kernels, task: Task| {
        let spec = EngineSpec::Layered(Arc::clone(&gpu), kernels);
        let checked = Engine::check(task.request(), &task.data, &spec);
        assert_eq!(checked.unwrap_err().exit_code(), 2);
        let Err(error) = pollster::block_on(Engine::new(task, &spec)) else { panic!("taken") };
        assert_eq!(error.exit_code(), 2, "{error}");
        error.to_string()
    };
    let refused = |task| refused_with(Kernels::Fused, task);
    // A binding of four more bytes than allowed: one layer's weights.
    let units = (limits.max_binding_bytes / 4) as usize / 1024 + 1;
    if units <= wgrad::network::MAX_UNITS && units * 1024 <= wgrad::network::MAX_PARAMETERS {
        let text = refused(task(
            &[1023, units.next_multiple_of(4), 1],
            Activation::Relu,
            Loss::MseMean,
            1,
            0,
            Order::Sequential,
        ));
        assert!(text.contains("largest binding") || text.contains("largest buffer"), "{text}");
    }
    if gpu.adapter().kind == DeviceKind::Software {
        // Fused kernels add four terms per iteration.
        for (kernels, units, rounds) in
            [(Kernels::Plain, 40_000, "40000"), (Kernels::Fused, 160_000, "40000")]
        {
            let sizes = [2, units, 1];
            let (relu, loss) = (Activation::Relu, Loss::MseMean);
            let text = refused_with(kernels, task(&sizes, relu, loss, 1, 0, Order::Sequential));
            let rounds = format!("{rounds} loop iterations");
            assert!(text.contains(&rounds) && text.contains("32768"), "{text}");
            assert!(text.contains("`EngineSpec::Cpu`"), "{text}");
        }
    }
}
