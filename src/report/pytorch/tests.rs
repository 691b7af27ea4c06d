use std::sync::Arc;

use super::*;
use crate::data::{Dataset, Order, Source};
use crate::network::Activation::{Identity, Relu, Sigmoid, Tanh};
use crate::network::{Activation, Loss, NEGATIVE_SLOPE, Network, Norm};
use crate::optimizer::{Decay, Optimizer, OptimizerKind, Schedule, ScheduleKind};

fn xor() -> Training {
    Training {
        epochs: 100,
        ..Training::new(
            Network::uniform(vec![2, 3, 1], Relu, Sigmoid, Loss::Bce).unwrap(),
            Arc::new(Source::Xor.built_in().unwrap().unwrap()),
        )
    }
}

/// The script of so many steps with arbitrary losses and parameters.
fn exported(training: &Training, steps: usize) -> String {
    let parameters = vec![0.0; Layout::new(&training.network).len()];
    script(training, "wgrad export", &vec![0.5; steps], &parameters).unwrap()
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nshould contain {part}");
    }
}

#[track_caller]
fn lacks(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(!text.contains(part), "{text}\nshould not contain {part}");
    }
}

/// The value of `NAME`, up to the next name or an empty line.
fn listed<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.split_once(&format!("\n{name} = ")).unwrap().1;
    let ends = ["\n\n", "\nTARGETS", "\nEND"];
    let end = ends.iter().filter_map(|end| start.find(end)).min().unwrap();
    &start[..end]
}

/// A call of `table`.
fn lines(lines: &[&str]) -> String {
    format!("table(\"\"\"\\\n{}\n\"\"\")", lines.join("\n"))
}

#[test]
fn a_script_says_what_it_is_and_holds_every_number() {
    let training = xor();
    let layout = Layout::new(&training.network);
    let lists =
        [vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5], vec![0.0, -1.0, 1e-9], vec![7.0; 3], vec![0.1]];
    let text =
        script(&training, "wgrad export --lr 0.5", &[0.7, 0.25], &layout.pack(&lists)).unwrap();
    let start = format!(
        "\"\"\"A training of wgrad in PyTorch: takes the same steps and compares the results.\n\nWritten by wgrad {}:\n\n    wgrad export --lr 0.5\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.starts_with(&start), "{text}");
    has(
        &text,
        &[
            "network 2 - 3 relu - 1 sigmoid, loss bce, 13 parameters",
            "data xor: 4 rows, full batch",
            "2 steps of sgd, weights he-normal, seed 0",
            "        loss = loss_of(model(inputs), targets)\n",
        ],
    );
    lacks(&text, &["BATCHES", "clip_grad", "no_grad():\n            for", "param_groups"]);
    assert_eq!(listed(&text, "INPUTS"), lines(&["0 0", "0 1", "1 0", "1 1"]));
    assert_eq!(listed(&text, "TARGETS"), lines(&["0", "1", "1", "0"]));
    assert_eq!(listed(&text, "LOSSES"), lines(&["0.7", "0.25"]));
    // [in][out] here, [out][in] there.
    let end = [
        lines(&["1 4", "2 5", "3 6.5"]),
        lines(&["0 -1 1e-9"]),
        lines(&["7 7 7"]),
        lines(&["0.1"]),
    ];
    assert_eq!(listed(&text, "END"), format!("[\n{},\n]", end.join(",\n")));
    let weights = training.task(0).start.parameters;
    let unit = format!("\n{} {}\n", weights[2], weights[6]);
    has(listed(&text, "START"), &[&unit, "\n0 0 0\n"]);
}

#[test]
fn every_loss_has_its_formula_and_its_own_outputs() {
    let net = |loss, output| Network::uniform(vec![2, 3, 2], Tanh, output, loss).unwrap();
    for (loss, output, value, ends_with) in [
        (
            Loss::MseHalfMean,
            Tanh,
            "0.5 * (outputs - targets).square().sum() / len(outputs)",
            "nn.Linear(3, 2),\n        nn.Tanh(),\n    )\n",
        ),
        (
            Loss::MseMean,
            Sigmoid,
            "functional.mse_loss(outputs, targets)",
            "nn.Linear(3, 2),\n        nn.Sigmoid(),\n    )\n",
        ),
        (
            Loss::Bce,
            Sigmoid,
            "functional.binary_cross_entropy_with_logits(outputs, targets)",
            "nn.Linear(3, 2),\n    )\n",
        ),
        (
            Loss::BceWithLogits,
            Identity,
            "functional.binary_cross_entropy_with_logits(outputs, targets)",
            "nn.Linear(3, 2),\n    )\n",
        ),
        (
            Loss::Huber,
            Identity,
            "functional.huber_loss(outputs, targets, delta=1)",
            "nn.Linear(3, 2),\n    )\n",
        ),
        (
            Loss::SoftmaxCrossEntropy,
            Identity,
            "functional.cross_entropy(outputs, targets)",
            "nn.Linear(3, 2),\n    )\n",
        ),
    ] {
        has(
            &parts::loss(&net(loss, output), false),
            &[&format!("\"\"\"{loss}: "), &format!("    return {value}\n")],
        );
        let text = parts::network(&net(loss, output));
        assert!(text.ends_with(ends_with), "{text}");
        assert_eq!(text.contains("without its output activation"), loss == Loss::Bce);
    }
}

#[test]
fn every_activation_has_its_module() {
    let sizes = (1..=Activation::ALL.len() + 1).collect();
    let network = Network::new(sizes, Activation::ALL.to_vec(), Loss::MseMean).unwrap();
    let network = network.with_hyperparameter(&NEGATIVE_SLOPE, 0.25).unwrap();
    let expected = "\
def network():
    \"\"\"The network.\"\"\"
    return nn.Sequential(
        nn.Linear(1, 2),
        nn.ReLU(),
        nn.Linear(2, 3),
        nn.LeakyReLU(0.25),
        nn.Linear(3, 4),
        nn.Tanh(),
        nn.Linear(4, 5),
        nn.Sigmoid(),
        nn.Linear(5, 6),
        nn.Linear(6, 7),
        nn.ELU(),
        nn.Linear(7, 8),
        nn.GELU(approximate='tanh'),
        nn.Linear(8, 9),
        nn.SiLU(),
    )
";
    assert_eq!(parts::network(&network), expected);
}

#[test]
fn every_optimizer_is_pytorchs_with_every_number_given() {
    let of = Optimizer::new;
    let decaying = |kind, decay| Optimizer { weight_decay: 0.01, decay, ..of(kind) };
    let adam = "        betas=(0.9, 0.999),\n        eps=1e-8,\n";
    for (optimizer, class, arguments, apart) in [
        (of(OptimizerKind::Sgd), "SGD", String::new(), false),
        (of(OptimizerKind::Momentum), "SGD", "        momentum=0.9,\n".to_owned(), false),
        (
            of(OptimizerKind::RmsProp),
            "RMSprop",
            "        alpha=0.99,\n        eps=1e-8,\n".to_owned(),
            false,
        ),
        (
            of(OptimizerKind::Nesterov),
            "SGD",
            "        momentum=0.9,\n        nesterov=True,\n".to_owned(),
            false,
        ),
        // PyTorch refuses Nesterov without momentum.
        (
            Optimizer { momentum: 0.0, ..of(OptimizerKind::Nesterov) },
            "SGD",
            "        momentum=0,\n".to_owned(),
            false,
        ),
        (of(OptimizerKind::Adam), "Adam", adam.to_owned(), false),
        (of(OptimizerKind::AdamW), "AdamW", format!("{adam}        weight_decay=0.01,\n"), false),
        (
            Optimizer { weight_decay: 0.0, ..of(OptimizerKind::AdamW) },
            "AdamW",
            format!("{adam}        weight_decay=0,\n"),
            false,
        ),
        (
            decaying(OptimizerKind::Sgd, Decay::L2),
            "SGD",
            "        weight_decay=0.01,\n".to_owned(),
            false,
        ),
        (
            decaying(OptimizerKind::Adam, Decay::L2),
            "Adam",
            format!("{adam}        weight_decay=0.01,\n"),
            false,
        ),
        (decaying(OptimizerKind::Sgd, Decay::Decoupled), "SGD", String::new(), true),
        (
            decaying(OptimizerKind::Momentum, Decay::Decoupled),
            "SGD",
            "        momentum=0.9,\n".to_owned(),
            true,
        ),
        (
            decaying(OptimizerKind::Adam, Decay::Decoupled),
            "AdamW",
            format!("{adam}        weight_decay=0.01,\n"),
            false,
        ),
        (
            decaying(OptimizerKind::AdamW, Decay::Decoupled),
            "AdamW",
            format!("{adam}        weight_decay=0.01,\n"),
            false,
        ),
    ] {
        let expected = format!(
            "    return torch.optim.{class}(\n        model.parameters(),\n        lr=rate_of(0),\n{arguments}    )\n"
        );
        let text = parts::optimizer(&optimizer);
        assert!(text.ends_with(&expected), "{text}\nshould end with\n{expected}");
        let text = parts::train(&Training { optimizer, ..xor() }, false);
        assert_eq!(text.contains("parameter.mul_(1 - rate_of(step) * 0.01)"), apart, "{text}");
    }
}

#[test]
fn gradients_are_clipped_by_value_then_by_norm_before_anything_decays() {
    let optimizer = Optimizer {
        clip_value: Some(0.5),
        clip_norm: Some(2.0),
        weight_decay: 0.25,
        decay: Decay::Decoupled,
        ..Optimizer::default()
    };
    let expected = "\
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        nn.utils.clip_grad_norm_(model.parameters(), 2)
        # Decoupled decay, which PyTorch has only for AdamW.
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 - rate_of(step) * 0.25)
        optimizer.step()
";
    has(&exported(&Training { optimizer, ..xor() }, 1), &[expected]);
}

#[test]
fn every_schedule_has_its_formula() {
    // Two steps in an epoch.
    let rate = |schedule| {
        let text = parts::rate(&Training { schedule, batch: 2, ..xor() });
        text.split_once("\"\"\"\n").unwrap().1.to_owned()
    };
    let of = |kind| Schedule::new(kind, 100);
    assert_eq!(rate(of(ScheduleKind::Constant)), "    return 0.5\n");
    let warm = |kind| Schedule { warmup: 10, floor: 0.25, ..of(kind) };
    assert_eq!(
        rate(warm(ScheduleKind::Constant)),
        "    if step < 20:\n        return 0.5 * (step + 1) / 20\n    return 0.5\n"
    );
    assert_eq!(rate(of(ScheduleKind::Step)), "    return 0.5 * max(0.1 ** (step // 2 // 34), 0)\n");
    let halves = Schedule { factor: 0.5, ..warm(ScheduleKind::Exponential) };
    assert_eq!(
        rate(halves),
        "    if step < 20:\n        return 0.5 * (step + 1) / 20\n    step -= 20\n    return 0.5 * max(0.5 ** (step // 2), 0.25)\n"
    );
    has(
        &rate(warm(ScheduleKind::Cosine)),
        &[
            "    step -= 20\n    progress = min(step, 180) / 180\n",
            "    return 0.5 * (0.25 + (1 - 0.25) * 0.5 * (1 + math.cos(math.pi * progress)))\n",
        ],
    );
    has(&rate(of(ScheduleKind::Plateau)), &["# `wgrad train` lowers it", "    return 0.5\n"]);
    let falling = Training { schedule: of(ScheduleKind::Cosine), ..xor() };
    has(&exported(&falling, 1), &["optimizer.param_groups[0][\"lr\"] = rate_of(step)"]);
}

#[test]
fn batches_are_listed_and_unused_rows_left_out() {
    let training = Training { batch: 3, order: Order::Sequential, ..xor() };
    let text = exported(&training, 3);
    let batches =
        |rows: &[&str]| lines(rows).replace("table(", "").replace("\"\"\")", "\"\"\".splitlines()");
    has(
        &text,
        &[
            "data xor: 4 rows, batches of 3",
            "        rows = [int(row) for row in BATCHES[step].split()]\n        loss = loss_of(model(inputs[rows]), targets[rows])\n",
        ],
    );
    assert_eq!(listed(&text, "BATCHES"), batches(&["0 1 2", "3", "0 1 2"]));
    // Of two single rows in an order of their own, these two.
    let training = Training { batch: 1, ..xor() };
    let taken: Vec<usize> =
        (0..2).flat_map(|step| training.batches(0).rows_of(step).collect::<Vec<_>>()).collect();
    let text = exported(&training, 2);
    has(&text, &["data xor: the 2 of 4 rows that are used, batches of 1"]);
    let mut sorted = taken.clone();
    sorted.sort_unstable();
    let [first, second] = [0, 1].map(|step| sorted.iter().position(|row| *row == taken[step]));
    let [first, second] = [first, second].map(|place| place.unwrap().to_string());
    assert_eq!(listed(&text, "BATCHES"), batches(&[&first, &second]));
    let row = |at: usize| joined(training.data.input(sorted[at]), " ");
    assert_eq!(listed(&text, "INPUTS"), lines(&[&row(0), &row(1)]));
}

#[test]
fn a_script_that_would_be_too_large_is_refused_before_it_is_computed() {
    assert!(check_size(&xor(), 1_000_000).is_ok());
    let network = Network::uniform(vec![2, 300_000, 1], Relu, Sigmoid, Loss::Bce).unwrap();
    let data = Dataset::new("d", vec![0.5; 2_000_000], 2, vec![1.0; 1_000_000], 1).unwrap();
    let many = Training { data: Arc::new(data), ..xor() };
    for (training, steps, size) in [
        (xor(), 2_000_000, "25 MB"),
        (Training { network, ..xor() }, 1, "29 MB"),
        (many.clone(), 1, "37 MB"),
        (Training { batch: 100_000, ..many.clone() }, 1000, "637 MB"),
    ] {
        let error = check_size(&training, steps).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        for part in [&format!("--steps {steps}: "), size, "fewer --steps, smaller --layers"] {
            assert!(error.to_string().contains(part), "{error} should contain {part}");
        }
    }
    // Few steps of small batches take few of the rows.
    assert!(check_size(&Training { batch: 32, ..many }, 1000).is_ok());
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let parameters = vec![0.0; Layout::new(&xor().network).len()];
    let error = script(&xor(), "", &[0.5, f32::NAN], &parameters).unwrap_err();
    assert!(matches!(error, Error::Diverged { step: 2, .. }), "{error}");
    let error = script(&xor(), "", &[0.5], &[f32::INFINITY]).unwrap_err();
    assert!(error.to_string().contains("a parameter"), "{error}");
}

#[test]
fn numbers_read_back_to_the_same_bits_and_no_name_ends_the_docstring() {
    assert_eq!(
        [0.0, 1.0, -0.5, 0.001, 1e-9, 1e30, 16_777_216.0].map(number::<f32>),
        ["0", "1", "-0.5", "0.001", "1e-9", "1e30", "16777216"]
    );
    for value in [0.1f32, 1.0 / 3.0, f32::MIN_POSITIVE, f32::MAX, 1.000_000_1] {
        assert_eq!(number(value).parse(), Ok(value));
    }
    assert_eq!(in_quotes("a \"\"\" b\\\nc"), "a \\\"\\\"\\\" b\\\\ c");
}

/// The masks come from wgrad's generator: PyTorch's own would be others.
#[test]
fn dropout_has_the_masks_of_the_steps() {
    let network = xor().network.with_dropout(0.25).unwrap();
    let text = exported(&Training { network, seed: (1 << 32) + 7, ..xor() }, 1);
    has(
        &text,
        &["\nSEED = (7, 1)\nP = 0.25\n", "nn.ReLU(),\n        Dropout(0),\n        nn.Linear"],
    );
    has(&text, &["    for step in range(len(LOSSES)):\n        Dropout.step = step\n"]);
    assert!(!exported(&xor(), 1).contains("Dropout"));
}

#[test]
fn a_norm_is_a_module_and_biases_that_it_takes_off_are_not_counted_where_updates_are_divided() {
    let network = xor().network.with_norm(Norm::Batch).unwrap();
    let training = Training { network, ..xor() };
    let text = exported(&training, 1);
    has(&text, &["nn.Linear(2, 3),\n        nn.BatchNorm1d(3),\n        nn.ReLU(),"]);
    has(&text, &["\nNAMES = [\"layers.0.weight\", \"layers.0.bias\", \"norms.0.weight\","]);
    has(&text, &["\nNOT_COUNTED = []\n"]);
    let optimizer = Optimizer::new(OptimizerKind::Adam);
    let text = exported(&Training { optimizer, ..training }, 1);
    has(&text, &["\nNOT_COUNTED = [\"layers.0.bias\", \"norms.0.running_mean\"]\n"]);
}
