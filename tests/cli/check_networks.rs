//! `wgrad check` of one's own network as a stranger types it: its gradients, and its training in lockstep.

use crate::command::{events, fail, folder, succeed, wgrad};

#[test]
fn gradients_of_a_network_are_told_tensor_by_tensor() {
    let text = succeed(wgrad(&["check", "--layers", "30,80,4", "--activation", "gelu"]));
    for part in [
        "gradients of 30-80-4 gelu,identity softmax-cross-entropy",
        "layers.0.weight ",
        "layers.1.bias, differences",
        "differences of 2000 of 2804 parameters, drawn with seed 0",
        "passed: 9 checks",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    // XOR, whose biases start at the bend of relu.
    let events = events(wgrad(&["check", "--data", "xor", "--loss", "huber", "--json"]));
    let (result, rows) = events.split_last().unwrap();
    assert_eq!(rows.len(), 9);
    assert!(rows.iter().all(|row| row["pass"] == true && row["numbers"].as_u64() > Some(0)));
    assert_eq!(result["pass"], true);
    let notes = result["notes"].as_array().unwrap();
    assert_eq!(notes[0], "differences of all 13 parameters");
    assert!(result["about"].as_str().unwrap().contains("2-3-1 relu,sigmoid huber"), "{result}");
}

#[test]
fn gradients_of_a_saved_network_over_its_own_rows_or_others() {
    let folder = folder("cli_check_networks_model");
    let model = folder.join("iris.safetensors");
    let model = model.to_str().unwrap();
    succeed(wgrad(&[
        "train", "--data", "iris", "--epochs", "2", "--device", "cpu", "--save", model,
    ]));
    for more in [&["--data", "iris"][..], &[]] {
        let text = succeed(wgrad(&[&["check", "--model", model], more].concat()));
        for part in ["4-16-3", "layers.1.weight, differences", "differences of all 131", "passed"] {
            assert!(text.contains(part), "{text}\nshould contain {part:?}");
        }
    }
    let check = |more: &[&str]| wgrad(&[&["check", "--model", model], more].concat());
    fail(check(&["--activation", "tanh"]), 2, &["--activation tanh", "--model"]);
    fail(check(&["--data", "xor"]), 2, &["--data xor", "4"]);
    fail(wgrad(&["check", "--model", "no/such.safetensors"]), 6, &["no/such.safetensors"]);
}

#[test]
fn a_lockstep_draws_its_drift_and_writes_it() {
    let folder = folder("cli_check_networks_lockstep");
    let csv = folder.join("drift.csv");
    let args = ["check", "--lockstep", "--data", "moons", "--steps", "12", "--optimizer", "adam"];
    let written = [&args[..], &["--csv", csv.to_str().unwrap()]].concat();
    let text = succeed(wgrad(&written));
    for part in
        ["layered engine on ", "drift, log", "step 1", "the bound carried", "passed: 12 steps, "]
    {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    let table = std::fs::read_to_string(&csv).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "step,loss,reference_loss,drift,bound,share_of_step_bound");
    assert_eq!(lines.len(), 13);
    fail(wgrad(&written), 2, &["drift.csv", "--force"]);
    for engine in [&["--kernels", "plain"][..], &["--engine", "resident"]] {
        let events = events(wgrad(&[&args[..], engine, &["--json"]].concat()));
        let (result, steps) = events.split_last().unwrap();
        assert_eq!((steps.len(), &result["pass"]), (12, &true.into()));
        assert!(steps.iter().all(|step| step["share_of_step_bound"].as_f64() < Some(1.0)));
        assert!(result["outputs"].as_u64() > Some(40) && result["apart"].is_null(), "{result}");
    }
    let text = succeed(wgrad(&[
        "check",
        "--lockstep",
        "--lr",
        "1e9",
        "--loss",
        "mse-mean",
        "--output-activation",
        "identity",
    ]));
    assert!(text.contains("left the numbers of f32"), "{text}");
}

#[test]
fn what_does_not_go_together_is_refused_with_the_fix() {
    for (args, parts) in [
        (&["--layers", "3,4,2", "--quick"][..], &["--quick", "of a network"][..]),
        (&["--lockstep", "--filter", "matmul"], &["--filter", "of a network"]),
        (&["--lockstep", "--steps", "0"], &["--steps 0", "must be 1 to"]),
        (&["--lockstep", "--engine", "cpu"], &["--engine cpu", "nothing to check"]),
        (&["--lockstep", "--device", "cpu"], &["--device cpu", "nothing to check"]),
        (&["--lockstep", "--model", "x"], &["--model"]),
        (&["--csv", "x.csv"], &["--lockstep"]),
        (&["--layers", "3,4,2", "--kernels", "plain"], &["--kernels plain", "--lockstep"]),
        (&["--layers", "3,4,2", "--normalize", "unit"], &["--normalize unit", "--data"]),
        (&["--layers", "3,4,2", "--restarts", "3"], &["--restarts 3"]),
        (&["--layers", "3,4,1", "--loss", "softmax-cross-entropy"], &["softmax"]),
    ] {
        fail(wgrad(&[&["check"], args].concat()), 2, parts);
    }
}
