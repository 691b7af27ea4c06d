//! `wgrad::explain` against what PyTorch recorded, not against itself: every matrix of a golden trace's step, from a
//! device's buffers and from the reference; and what is marked, decomposed and followed.

use std::path::Path;
use std::sync::Arc;

use crate::common::with;
use crate::trace::{Nearness, Params, Step, Trace, flat, trace_paths};
use wgrad::check::{Bound, compare};
use wgrad::data::{Batches, Order, Source as Data};
use wgrad::engine::{State, Task};
use wgrad::explain::{
    Explanation, Mark, Matrix, Numeric, Options, Right, Source, StageKind, explain,
};
use wgrad::gpu::Gpu;
use wgrad::network::{Activation, Initializer, Loss, Mask, Network, Norm};
use wgrad::optimizer::{Optimizer, OptimizerKind};

fn explained(task: &Task, gpu: Option<&Arc<Gpu>>, step: u32) -> Explanation {
    let options = with(Options::default(), |it| (it.step, it.sample) = (step, Some(1)));
    pollster::block_on(explain(task, gpu, options, &|| false)).unwrap()
}

/// What a trace recorded of a step, by the names of the matrices, each with the drift of its kind.
fn recorded(trace: &Trace, at: usize) -> Vec<(String, Vec<f64>, f64)> {
    let step = &trace.f64.steps[at];
    let Step { loss, outputs, pre_activations, pre_activation_grads, .. } = step;
    let Step { grads, params_after, running, .. } = step;
    let drift = &trace.f32_drift.steps[at];
    let mut all = vec![
        ("loss".to_owned(), vec![*loss], drift.loss),
        ("Y".to_owned(), flat(outputs), drift.outputs),
    ];
    let network = trace.network();
    for (layer, z) in pre_activations.iter().flatten().enumerate() {
        all.push((format!("Z{}", layer + 1), flat(z), drift.outputs));
        let kind = network.layers().nth(layer).unwrap();
        if layer + 1 < network.activations().len() {
            let (activation, parameter) = kind.function();
            let params = at.checked_sub(1).map(|before| &trace.f64.steps[before].params_after);
            let n = normalized(z, &params.unwrap_or(&trace.params)[layer]);
            if kind.is_normed() {
                all.push((format!("N{}", layer + 1), n.clone(), drift.outputs));
            }
            let a = n.into_iter().map(|n| activation.value([parameter, n])).collect();
            all.push((format!("A{}", layer + 1), a, drift.outputs));
        }
    }
    for (layer, d) in pre_activation_grads.iter().flatten().enumerate() {
        all.push((format!("dZ{}", layer + 1), flat(d), drift.grads));
    }
    for (layer, (grads, after)) in grads.iter().zip(params_after).enumerate() {
        let number = layer + 1;
        all.push((format!("dW{number}"), flat(&grads.w), drift.grads));
        all.push((format!("db{number}"), grads.b.clone(), drift.grads));
        all.push((format!("W{number} after"), flat(&after.w), drift.params_after));
        all.push((format!("b{number} after"), after.b.clone(), drift.params_after));
        for (name, grads, after) in
            [("gamma", &grads.gamma, &after.gamma), ("beta", &grads.beta, &after.beta)]
        {
            let Some((grads, after)) = grads.clone().zip(after.clone()) else { continue };
            all.push((format!("d{name}{number}"), grads, drift.grads));
            all.push((format!("{name}{number} after"), after, drift.params_after));
        }
    }
    for (layer, norm) in running.iter().enumerate() {
        for (name, values) in [("mean", &norm.mean), ("variance", &norm.var)] {
            all.push((format!("running {name}{} after", layer + 1), values.clone(), drift.running));
        }
    }
    all
}

/// What a norm makes of pre-activations: column by column, as the traces' README has it. Where there is none, they
/// themselves.
fn normalized(z: &[Vec<f64>], params: &Params) -> Vec<f64> {
    let Some((gamma, beta)) = params.gamma.as_ref().zip(params.beta.as_ref()) else {
        return flat(z);
    };
    let rows = z.len() as f64;
    let mean =
        |col: usize, of: &dyn Fn(f64) -> f64| z.iter().map(|row| of(row[col])).sum::<f64>() / rows;
    let n = |row: &Vec<f64>, col: usize| {
        let m = mean(col, &|z| z);
        let v = mean(col, &|z| (z - m) * (z - m));
        gamma[col] * (row[col] - m) / (v + 1e-5).sqrt() + beta[col]
    };
    z.iter().flat_map(|row| (0..row.len()).map(move |col| n(row, col))).collect()
}

/// The first step starts from the very numbers of the trace, so what is derived for f32 bounds it; the f64 run has the
/// rate as a double, and a step that f32 rounds is off by half a unit more. Later ones start from a state that has
/// drifted: they are held to what the trace says of that.
fn check_step(trace: &Trace, at: usize, explanation: &Explanation) -> Result<(), String> {
    for (name, expected, drift) in recorded(trace, at) {
        let matrix = explanation.matrix(&name).ok_or_else(|| format!("no {name}"))?;
        let label = format!("{}, step {}, {name}", trace.name, at + 1);
        if at > 0 {
            let near = Nearness::Single.check(&label, &matrix.values, &expected, drift);
            near.map_err(|failed| failed.message().unwrap_or("apart").to_owned())?;
            continue;
        }
        let rate = f64::from(f32::EPSILON);
        let reference = matrix.reference.as_ref().ok_or_else(|| format!("{name}: no bound"))?;
        let bounds: Vec<f64> = reference
            .bounds
            .iter()
            .zip(&expected)
            .map(|(bound, value)| bound + 1e-12 + rate * value.abs())
            .collect();
        let compared = compare(&label, &matrix.values, &expected, Bound::Each(&bounds));
        compared.map_err(|mismatch| mismatch.to_string())?;
    }
    Ok(())
}

fn traces() -> Vec<Trace> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let all = trace_paths(&folder).into_iter().map(|path| Trace::read(&path).unwrap());
    let all: Vec<Trace> = all.collect();
    assert!(all.iter().any(|trace| trace.network.norm.is_some()), "traces with a norm");
    assert!(all.len() > 30, "{} traces", all.len());
    all
}

/// A matrix is said to come from where it does: what no kernel writes is not said to be from one.
fn check_sources(explanation: &Explanation, is_on_device: bool) {
    for matrix in explanation.matrices() {
        match (&matrix.source, is_on_device) {
            (Source::Kernels(kernels), true) => {
                assert!(!kernels.is_empty() && !matrix.values.is_empty(), "{}", matrix.name);
            }
            (Source::Buffer, true) => assert!(matrix.formula.is_empty(), "{}", matrix.name),
            (Source::NoKernel, _) => assert_eq!(matrix.name, "dY"),
            (Source::Reference, false) => {}
            (source, _) => panic!("{}: {source:?}", matrix.name),
        }
    }
}

#[test]
fn every_matrix_on_the_device_is_that_of_the_golden_trace() {
    let gpu = crate::common::gpu();
    for trace in traces() {
        for at in 0..trace.f64.steps.len() {
            let explanation = explained(&trace.task(), Some(&gpu), at as u32 + 1);
            check_step(&trace, at, &explanation).unwrap();
            check_sources(&explanation, true);
            assert_eq!(explanation.disagreeing(), [""; 0], "{}", trace.name);
        }
    }
}

#[test]
fn every_matrix_of_the_reference_is_that_of_the_golden_trace() {
    for trace in traces() {
        let explanation = explained(&trace.task(), None, 1);
        check_step(&trace, 0, &explanation).unwrap();
        check_sources(&explanation, false);
        assert_eq!(explanation.disagreeing(), [""; 0], "{}", trace.name);
    }
}

#[test]
fn a_wrong_trace_is_found_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let trace = Trace::read(&folder.join("xor_relu_bce_sgd.json")).unwrap();
    let explanation = explained(&trace.task(), None, 1);
    check_step(&trace, 0, &explanation).unwrap();
    type Damage = fn(&mut Step);
    let damages: [(&str, Damage); 6] = [
        ("loss", |step| step.loss += 1e-5),
        ("Y", |step| step.outputs[1][0] += 1e-5),
        ("Z1", |step| step.pre_activations.as_mut().unwrap()[0][1][0] += 1e-5),
        ("dZ2", |step| step.pre_activation_grads.as_mut().unwrap()[1][0][0] += 1e-5),
        ("db1", |step| step.grads[0].b[1] += 1e-5),
        ("W2 after", |step| step.params_after[1].w[2][0] += 1e-5),
    ];
    for (name, damage) in damages {
        let mut wrong = trace.clone();
        damage(&mut wrong.f64.steps[0]);
        let found = check_step(&wrong, 0, &explanation).unwrap_err();
        assert!(found.contains(name), "{found} should name {name}");
    }
}

fn xor(hidden: Activation, loss: Loss, parameters: Option<Vec<f32>>) -> Task {
    let network = Network::uniform(vec![2, 3, 1], hidden, Activation::Sigmoid, loss).unwrap();
    let data = Data::Xor.built_in().unwrap().unwrap();
    let task = Task::new(network, data, Batches::new(4, 0, Order::Sequential, 0));
    with(task, |it| it.start = parameters.map_or(it.start.clone(), State::new))
}

fn matrix<'a>(explanation: &'a Explanation, name: &str) -> &'a Matrix {
    explanation.matrix(name).unwrap_or_else(|| panic!("no {name}"))
}

/// Everything in the order in which the chain rule needs it, and both ways to make a step give the same.
#[test]
fn matrices_come_in_the_order_in_which_they_are_computed() {
    let task = xor(Activation::Relu, Loss::MseHalfMean, None);
    let on_device = explained(&task, Some(&crate::common::gpu()), 3);
    let names: Vec<&str> = on_device.matrices().map(|matrix| matrix.name.as_str()).collect();
    let order = "X,T,W1,b1,Z1,A1,W2,b2,Z2,Y,row losses,loss,dY,dZ2,dW2,db2,dA1,dZ1,dW1,db1,\
                 W1 after,b1 after,W2 after,b2 after";
    assert_eq!(names, order.split(',').collect::<Vec<_>>());
    // Of mean squared error a kernel writes dY.
    assert_eq!(matrix(&on_device, "dY").source, Source::Kernels(vec!["loss_elementwise"]));
    let on_reference = explained(&task, None, 3);
    for (one, other) in on_device.matrices().zip(on_reference.matrices()) {
        assert_eq!((&one.name, one.rows, one.cols), (&other.name, other.rows, other.cols));
        let bounds = one.reference.as_ref().map_or(vec![1e-6; one.values.len()], |reference| {
            // Each from its own state, two steps after the same start.
            reference.bounds.iter().map(|bound| 2.0 * bound + 1e-6).collect()
        });
        crate::common::assert_close(&one.name, &one.values, &other.values, Bound::Each(&bounds));
    }
}

#[test]
fn dead_units_and_zero_slopes_are_marked_where_they_arise() {
    // Unit 1 is below 0 on every row, unit 2 above, unit 3 on some.
    let network = Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce);
    let network = network.unwrap();
    let parameters = wgrad::network::Layout::new(&network).pack(&[
        vec![-1.0f32, 1.0, 1.0, -1.0, 1.0, -1.0],
        vec![-1.0, 1.0, 0.25],
        vec![0.5, -0.5, 0.25],
        vec![0.0],
    ]);
    let task = xor(Activation::Relu, Loss::Bce, Some(parameters));
    let explanation = explained(&task, Some(&crate::common::gpu()), 1);
    assert_eq!(matrix(&explanation, "A1").marks, [Mark::Dead { unit: 0 }]);
    let flat = &matrix(&explanation, "dZ1").marks;
    let of_unit = |wanted: usize| {
        let is_it = |mark: &&Mark| matches!(mark, Mark::ZeroSlope { unit, .. } if *unit == wanted);
        flat.iter().filter(is_it).count()
    };
    assert_eq!([of_unit(0), of_unit(1), of_unit(2)], [4, 0, 1]);
    assert_eq!(matrix(&explanation, "dW1").marks, [Mark::NoGradient { unit: 0 }]);
    assert!(matrix(&explanation, "dW2").marks.is_empty());
    let notes: Vec<&String> = explanation.stages.iter().flat_map(|stage| &stage.notes).collect();
    for part in
        ["Dead: unit 1 of A1, 0 on all 4 rows", "at 5 of the 12 places", "leaves its weights"]
    {
        assert!(notes.iter().any(|note| note.contains(part)), "{notes:?} should contain {part:?}");
    }
    // And its weights do not move.
    let update = &explanation.updates[0];
    assert!(update.changes.iter().step_by(3).all(|change| change.change == 0.0));
    let hot = xor(Activation::Sigmoid, Loss::Bce, None);
    let mut start = hot.start.parameters.clone();
    start.iter_mut().for_each(|p| *p *= 1000.0);
    let blocks = wgrad::network::Layout::new(&hot.network);
    let bias = blocks.block(0).offset + blocks.block(0).bias_offset;
    start[bias] = 500.0;
    let saturated = explained(&with(hot, |it| it.start = State::new(start)), None, 1);
    assert!(matrix(&saturated, "A1").marks.contains(&Mark::Saturated { unit: 0 }));
}

#[test]
fn what_decay_and_momentum_add_is_told_in_numbers() {
    let gpu = crate::common::gpu();
    for kind in OptimizerKind::ALL.iter().copied() {
        let optimizer =
            with(Optimizer::new(kind), |it| (it.weight_decay, it.clip_norm) = (0.1, Some(0.002)));
        let task = with(xor(Activation::Tanh, Loss::Bce, None), |it| it.optimizer = optimizer);
        for gpu in [Some(&gpu), None] {
            let explanation = explained(&task, gpu, 4);
            assert_eq!(explanation.disagreeing(), [""; 0], "{kind}");
            let scale = matrix(&explanation, "scale").at(0, 0);
            assert!(scale < 1.0, "{kind}");
            for update in &explanation.updates {
                // What is left of a parameter of 1 or so where f32 adds to it, and of a quotient by a root.
                assert!(
                    update.unexplained() < 1e-5,
                    "{kind} {}: {}",
                    update.name,
                    update.unexplained()
                );
                for change in &update.changes {
                    assert!((change.clipped - scale * change.gradient).abs() < 1e-12, "{kind}");
                    let has_first = optimizer.has_moments()[0];
                    assert_eq!(change.moments[0].is_some(), has_first, "{kind}");
                    assert_eq!(change.from_moment != 0.0, has_first, "{kind}");
                    assert!(change.from_decay != 0.0 || change.before == 0.0, "{kind}");
                }
            }
            assert!(explanation.stages.iter().any(|stage| stage.kind == StageKind::Clipping));
        }
    }
}

/// Norm and dropout between sums and the next layer: every matrix within its bound, in order, the masks those of the
/// step, and a row through all of it.
#[test]
fn norms_and_dropout_have_their_matrices_and_equations() {
    let plain = xor(Activation::Tanh, Loss::Bce, None);
    let network = plain.network.clone().with_norm(Norm::Batch).unwrap().with_dropout(0.5).unwrap();
    let start = State::new(Initializer::XavierNormal.parameters(&network, 5, 1.0));
    let task = with(plain, |it| (it.network, it.start) = (network, start));
    let options = with(Options::default(), |it| (it.step, it.sample) = (3, Some(2)));
    let gpu = crate::common::gpu();
    for gpu in [Some(&gpu), None] {
        let explanation = pollster::block_on(explain(&task, gpu, options, &|| false)).unwrap();
        assert_eq!(explanation.disagreeing(), [""; 0]);
        check_sources(&explanation, gpu.is_some());
        let of_stage = |kind| {
            let stage = explanation.stages.iter().find(|stage| stage.kind == kind).unwrap();
            stage.matrices.iter().map(|matrix| matrix.name.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            of_stage(StageKind::Forward(0)),
            "W1 b1 gamma1 beta1 Z1 mean1 variance1 N1 A1 D1"
        );
        assert_eq!(of_stage(StageKind::Forward(1)), "W2 b2 Z2 Y");
        assert_eq!(of_stage(StageKind::Backward(0)), "dD1 dA1 dN1 dZ1 dW1 db1 dgamma1 dbeta1");
        assert!(
            of_stage(StageKind::Update).ends_with("running mean1 after running variance1 after")
        );
        assert_eq!(matrix(&explanation, "Z2").formula, "D1 · W2 + b2");
        let hidden = task.network.layers().next().unwrap();
        let mask = Mask::new(&hidden, task.batches.seed(), 2).unwrap();
        let left = matrix(&explanation, "D1");
        for (at, value) in left.values.iter().enumerate() {
            assert_eq!(*value != 0.0, mask.keeps(at / left.cols, at % left.cols));
        }
        // Gradients that central differences say something about, through masks and statistics.
        for name in ["dZ1", "dA1", "dW1", "dgamma1", "dbeta1"] {
            assert_eq!(matrix(&explanation, name).agrees_with_differences(), Some(true), "{name}");
        }
        let walk = explanation.walk.as_ref().unwrap();
        let equations: Vec<_> = walk.parts.iter().flat_map(|part| &part.equations).collect();
        for name in ["n1[1]", "a1[1]", "d1[1]", "dd1[1]", "da1[1]", "dn1[1]", "dz1[1]"] {
            assert!(equations.iter().any(|equation| equation.name == name), "{name}");
        }
        for equation in equations {
            let Right::Sum(terms) = &equation.right else { continue };
            let sum: f64 = terms.iter().map(|term| term.iter().product::<f64>()).sum();
            let error = (sum - equation.value).abs();
            assert!(error < 1e-5, "{} = {sum}, and not {}", equation.name, equation.value);
        }
    }
}

#[test]
fn a_row_is_followed_by_products_that_add_up() {
    let task = xor(Activation::LeakyRelu, Loss::MseMean, None);
    let options = with(Options::default(), |it| (it.step, it.sample) = (2, Some(2)));
    let gpu = crate::common::gpu();
    for gpu in [Some(&gpu), None] {
        let explanation = pollster::block_on(explain(&task, gpu, options, &|| false)).unwrap();
        let walk = explanation.walk.as_ref().unwrap();
        assert_eq!(walk.row, 1);
        let equations: Vec<_> = walk.parts.iter().flat_map(|part| &part.equations).collect();
        for equation in &equations {
            let Right::Sum(terms) = &equation.right else { continue };
            let sum: f64 = terms.iter().map(|term| term.iter().product::<f64>()).sum();
            let error = (sum - equation.value).abs();
            assert!(error < 1e-6, "{} = {sum}, and not {}", equation.name, equation.value);
        }
        let value = |name: &str| {
            equations
                .iter()
                .find(|equation| equation.name == name)
                .unwrap_or_else(|| panic!("{name}"))
        };
        assert_eq!(value("z1[3]").symbols, "x[1] w1[1][3] + x[2] w1[2][3] + b1[3]");
        assert_eq!(value("y[1]").value, matrix(&explanation, "Y").at(1, 0));
        assert_eq!(value("dz1[2]").value, matrix(&explanation, "dZ1").at(1, 1));
        assert!(value("dy[1]").is_of_step && !value("to dw1[2][1]").is_of_step);
        // The shares of all rows make the gradient.
        let shares: f64 = (1..=4)
            .map(|row| {
                let options = with(options, |it| it.sample = Some(row));
                let one = pollster::block_on(explain(&task, gpu, options, &|| false)).unwrap();
                let parts = &one.walk.unwrap().parts;
                let mut all = parts.iter().flat_map(|part| &part.equations);
                all.find(|equation| equation.name == "to dw1[2][1]").unwrap().value
            })
            .sum();
        assert!((shares - matrix(&explanation, "dW1").at(1, 0)).abs() < 1e-6);
    }
}

/// Differences are taken of what is shown, on any layer, and say where there is none.
#[test]
fn differences_stand_beside_every_gradient() {
    let task = xor(Activation::Relu, Loss::MseHalfMean, None);
    let first = explained(&task, None, 1);
    // Biases start at 0, so the row 0 0 lies at relu's bend.
    let at_bend = |matrix: &Matrix| {
        matrix.differences.iter().flatten().filter(|d| **d == Numeric::AtBend).count()
    };
    assert_eq!(at_bend(matrix(&first, "db1")), 3);
    assert_eq!(at_bend(matrix(&first, "dW1")), 0);
    let later = explained(&task, None, 2);
    for name in ["dY", "dZ2", "dW2", "db2", "dA1", "dZ1", "dW1", "db1"] {
        let matrix = matrix(&later, name);
        assert_eq!(at_bend(matrix), 0, "{name}");
        assert_eq!(matrix.agrees_with_differences(), Some(true), "{name}");
        assert!(matrix.worst_difference().unwrap().1 < 1e-6, "{name}: a bound that says nothing");
    }
}

#[test]
fn what_is_not_there_is_refused() {
    let task = xor(Activation::Relu, Loss::Bce, None);
    let refused =
        |options| pollster::block_on(explain(&task, None, options, &|| false)).unwrap_err();
    for (options, part) in [
        (with(Options::default(), |it| (it.step, it.sample) = (0, None)), "`step` 0"),
        (with(Options::default(), |it| (it.step, it.sample) = (1, Some(0))), "`sample` 0"),
        (with(Options::default(), |it| (it.step, it.sample) = (1, Some(5))), "1 to 4"),
    ] {
        let error = refused(options);
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
    }
    let mut wild = task.clone();
    wild.learning_rate = 1e30;
    wild.network =
        Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Identity, Loss::MseMean)
            .unwrap();
    let options = with(Options::default(), |it| (it.step, it.sample) = (20, None));
    let error = pollster::block_on(explain(&wild, None, options, &|| false)).unwrap_err();
    assert_eq!(error.exit_code(), 5, "{error}");
}
