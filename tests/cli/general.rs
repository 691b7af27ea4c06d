//! The command as a stranger types it: what it prints, what it writes, how it ends.

use std::process::{Command, Stdio};

use crate::command::{
    events, fail, folder, run, stderr, stdout, succeed, wgrad, without_adapter, write,
};
use serde_json::Value;

#[test]
fn plain_wgrad_solves_xor_on_an_adapter() {
    let events = events(wgrad(&["--json"]));
    assert_eq!(events[0]["event"], "start");
    assert!(events[1..events.len() - 1].iter().all(|event| event["event"] == "epoch"));
    let result = &events[events.len() - 1];
    assert_eq!(result["event"], "result");
    // A broken GPU path cannot hide behind a fallback.
    assert_eq!(result["engine"], "resident");
    assert!(result["device"]["name"].is_string() && result["device"]["type"].is_string());
    assert!(["vulkan", "metal", "dx12"].contains(&result["device"]["backend"].as_str().unwrap()));
    assert_eq!(result["network"], serde_json::json!([2, 3, 1]));
    assert_eq!((&result["solved"], &result["accuracy"]), (&true.into(), &1.0.into()));
    // All 64 at once: about 46 % of them solve it (35 to 57 % is four deviations).
    let solved = result["restarts_solved"].as_u64().unwrap();
    assert!(result["restarts"] == 64 && (14..=45).contains(&solved), "{result}");
    let outputs: Vec<f64> =
        result["outputs"].as_array().unwrap().iter().map(|row| row[0].as_f64().unwrap()).collect();
    for (output, target) in outputs.iter().zip([0.0, 1.0, 1.0, 0.0]) {
        assert!((output - target).abs() <= 0.1, "{outputs:?}");
    }
    for key in ["loss", "train_seconds", "setup_seconds", "epochs"] {
        assert!(result[key].is_number(), "{key}");
    }
}

#[test]
fn a_person_sees_device_network_curve_table_and_verdict() {
    let text = succeed(wgrad(&["--epochs", "600"]));
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("resident engine, one invocation per network, on "), "{first}");
    assert!(first.contains('('), "{first}");
    for part in [
        "2 - 3 relu - 1 sigmoid",
        "13 parameters",
        "loss, log",
        "epoch 1",
        "prediction",
        "Solved:",
        "of 64 starts solved it",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
}

#[test]
fn without_an_adapter_the_cpu_engine_trains_and_says_so() {
    let text = succeed(without_adapter(&[]));
    assert!(text.starts_with("cpu engine\nno GPU adapter found ("), "{text}");
    assert!(text.contains("Solved:"), "{text}");
    let events = events(without_adapter(&["--json"]));
    let result = events.last().unwrap();
    assert_eq!((&result["engine"], &result["device"]), (&"cpu".into(), &Value::Null));
    assert!(events[0]["note"].as_str().unwrap().contains("no GPU adapter found"));
    for args in [&["--device", "gpu"][..], &["--engine", "layered"], &["--require-gpu"]] {
        fail(without_adapter(args), 3, &["no GPU adapter found", "--device cpu"]);
    }
    fail(without_adapter(&["--device", "0"]), 3, &["no GPU adapter found"]);
    let list = succeed(without_adapter(&["devices"]));
    assert!(list.starts_with("no adapter") && list.contains("metal: "), "{list}");
}

#[test]
fn the_cpu_engine_and_the_adapter_keep_the_same_seed() {
    let seed = |args: &[&str]| {
        let events = events(wgrad(&[args, &["--json", "--epochs", "600"]].concat()));
        let result = events.last().unwrap().clone();
        assert_eq!(result["solved"], true);
        (result["seed"].clone(), result["engine"].clone())
    };
    let (on_cpu, cpu) = seed(&["--device", "cpu"]);
    let (on_gpu, gpu) = seed(&["--device", "gpu"]);
    assert_eq!((cpu, gpu), ("cpu".into(), "resident".into()));
    assert_eq!(on_cpu, on_gpu);
    assert_eq!(seed(&["--engine", "layered"]), (on_cpu, "layered".into()));
}

#[test]
fn one_honest_run_that_is_stuck_says_so() {
    let mut stuck = (0..20).map(|seed| {
        let seed = seed.to_string();
        succeed(wgrad(&["--engine", "cpu", "--restarts", "1", "--seed", &seed]))
    });
    let text = stuck.find(|text| text.contains("Not solved")).unwrap();
    for part in ["of 4 rows are correct", "To try:", "--restarts 64"] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
}

#[test]
fn every_gate_and_every_loss_trains() {
    for data in ["and", "or", "nand", "parity-2"] {
        let events =
            events(wgrad(&["--data", data, "--engine", "cpu", "--restarts", "20", "--json"]));
        assert_eq!(events.last().unwrap()["solved"], true, "{data}");
    }
    for loss in ["mse-half-mean", "mse_mean", "bce", "bce-with-logits"] {
        let args =
            ["--loss", loss, "--engine", "cpu", "--layers", "2,8,1", "--restarts", "20", "--json"];
        assert_eq!(events(wgrad(&args)).last().unwrap()["solved"], true, "{loss}");
    }
    let parity = ["--data", "parity-7", "--engine", "cpu", "--epochs", "3", "--json"];
    let events = events(wgrad(&parity));
    let result = events.last().unwrap();
    assert_eq!((&result["solved"], result.get("outputs")), (&Value::Null, None), "128 rows");
}

#[test]
fn settings_out_of_range_are_refused_with_the_flag() {
    for (args, parts) in [
        (&["--layers", "2,100000000,1"][..], &["100000000", "--layers", "1048576"][..]),
        (&["--layers", "2,0,1"], &["size 2 of --layers is 0"]),
        (&["--layers", "2"], &["--layers 2,3,1"]),
        (&["--layers", "2,1000000,1000000,1"], &["parameters", "--layers"]),
        (&["--layers", "3,3,1"], &["--layers", "2 inputs and 1 targets", "--layers 2,...,1"]),
        (&["--lr", "-1"], &["--lr -1"]),
        (&["--lr", "nan"], &["--lr NaN"]),
        (&["--epochs", "0"], &["--epochs 0"]),
        (&["--restarts", "0"], &["--restarts 0"]),
        (&["--loss", "bce", "--output-activation", "identity"], &["--output-activation sigmoid"]),
        (&["--loss", "softmax-cross-entropy", "--layers", "2,3,1"], &["bce-with-logits"]),
        (&["--config", "no/such.toml"], &["--config no/such.toml", "no such file"]),
        (&["--layers", "3,0", "--data", "no/such.csv"], &["size 2 of --layers is 0"]),
        (
            &["--engine", "resident", "--layers", "2,20000,1"],
            &["resident", "bytes of workgroup memory", "--engine layered"],
        ),
        (
            &["--engine", "resident-invocation", "--layers", "2,64,1"],
            &["registers, an invocation has", "--engine layered"],
        ),
        (&["--engine", "resident", "--restarts", "4000000000"], &["--restarts"]),
        (&["--device", ""], &["--device"]),
    ] {
        let code = match args {
            ["--device", ..] => 3,
            // Refused by the adapter's limits, or by the host's memory before.
            [.., "4000000000"] => 4,
            _ => 2,
        };
        fail(wgrad(args), code, parts);
    }
    // Flags that cannot be read, with the nearest that can.
    for (args, parts) in [
        (&["--los", "bce"][..], &["'--los'", "'--loss'"][..]),
        (&["--loss", "bec"], &["'bec'", "--loss", "mse-half-mean", "bce,"]),
        (&["--layers", "2,x,1"], &["'x'", "--layers 2,3,1"]),
        (&["--engine", "gpu"], &["--engine", "layered"]),
        (&["--seed", "-1"], &["'-1'", "--seed"]),
        (&["tarin"], &["'tarin'", "'train'"]),
        (&["predict"], &["--model", "--input"]),
        (&["--data", "xnor"], &["xnor", "xor, and, or, nand"]),
    ] {
        fail(wgrad(args), 2, &[parts, &["see `wgrad", "--help`"]].concat());
    }
}

#[test]
fn bad_data_is_refused_with_its_place() {
    for (name, text, parts) in [
        ("nan", "0,0,0\n0,NaN,1\n", &["missing values in 2 (1 of 2 rows)", "--missing mean"][..]),
        ("ragged", "0,0,0\n0,1\n", &["line 2", "2 fields"]),
        ("text", "a,b,t\n0,x,1\n", &["b has 1 different ones", "--ignore b"]),
        ("typo", "a,b,t\n0,1,1\n0,x,1\n0,2,0\n", &["line 3, column 2", "\"x\""]),
        ("empty", "", &["no rows"]),
        ("huge", "0,0,0\n0,1e39,1\n", &["1e39", "f32"]),
    ] {
        let path = write(name, "bad.csv", text);
        let more = [&["bad.csv"], parts].concat();
        fail(wgrad(&["--data", &path]), 6, &more);
    }
    fail(wgrad(&["--data", "no/such.csv"]), 6, &["no/such.csv", "no such file"]);
    let path = write("untaught", "two.csv", "1,2\n3,4\n");
    fail(
        wgrad(&["--data", &path, "--layers", "4,8,3"]),
        6,
        &["2 columns", "4 inputs", "3 outputs"],
    );
    fail(wgrad(&["--data", &path, "--layers", "2,8,1"]), 6, &["no targets"]);
    let path = write("targets", "targets.csv", "0,0,2\n0,1,3\n");
    fail(wgrad(&["--data", &path, "--loss", "bce"]), 6, &["row 1", "target 2", "between 0 and 1"]);
}

#[test]
fn divergence_ends_with_its_own_code() {
    let path = write("diverge", "line.csv", "1,2\n2,4\n3,6\n");
    let saved = folder("diverge-save").join("model.safetensors");
    let saved = saved.to_str().unwrap();
    for engine in ["cpu", "layered", "resident"] {
        // Over many steps, and in the only update there is.
        for (rate, epochs) in [("1e20", "200"), ("1e38", "1")] {
            let args = [
                "--data",
                path.as_str(),
                "--layers",
                "1,2,1",
                "--activation",
                "identity",
                "--lr",
                rate,
                "--epochs",
                epochs,
                "--engine",
                engine,
                "--json",
                "--save",
                saved,
            ];
            let output = run(wgrad(&args));
            assert_eq!(output.status.code(), Some(5), "{engine} {rate}: {}", stderr(&output));
            assert!(stderr(&output).contains("--lr"), "{}", stderr(&output));
            assert!(!stdout(&output).contains("result"), "{}", stdout(&output));
            assert!(!std::path::Path::new(saved).exists(), "nothing is saved");
        }
    }
}

/// Where the host's memory ends, an error does: not an abort.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_not_there_is_an_error() {
    let folder = folder("memory");
    for kilobytes in [700_000, 1_000_000, 1_500_000] {
        let command = format!(
            "ulimit -v {kilobytes}; exec \"$0\" --engine cpu --layers 2,7500,7500,1 --epochs 1 --restarts 1 --save \"$1\""
        );
        let mut limited = Command::new("sh");
        limited.args(["-c", &command, env!("CARGO_BIN_EXE_wgrad")]).arg(folder.join("model"));
        fail(limited, 4, &["out of memory", "--layers"]);
    }
}

#[test]
fn a_run_is_repeatable_from_its_printed_settings() {
    let flags = [
        "--activation",
        "tanh",
        "--lr",
        "0.3",
        "--seed",
        "5",
        "--epochs",
        "200",
        "--engine",
        "cpu",
        "--restarts",
        "1",
    ];
    let printed = succeed(wgrad(&[&flags[..], &["--print-config"]].concat()));
    assert!(printed.contains("lr = 0.3\n") && printed.contains("loss = \"bce\""), "{printed}");
    let path = write("config", "run.toml", &printed);
    let loss = |args: &[&str]| events(wgrad(args)).last().unwrap()["loss"].clone();
    let by_flags = loss(&[&flags[..], &["--json"]].concat());
    assert_eq!(loss(&["--config", &path, "--json"]), by_flags);
    assert_ne!(loss(&["--config", &path, "--json", "--seed", "6"]), by_flags, "a flag wins");
    let bad = write("bad-config", "bad.toml", "lr = 0.1\nlearning = 2\n");
    fail(wgrad(&["--config", &bad]), 2, &["bad.toml", "line 2", "learning"]);
}

#[test]
fn help_is_short_and_quiet_is_quiet() {
    let help = succeed(wgrad(&["-h"]));
    let flags = help.lines().filter(|line| line.trim_start().starts_with('-')).count();
    // Those for help and version not counted.
    assert!(flags <= 2 + 15, "{flags} flags in -h");
    assert!(succeed(wgrad(&["--help"])).contains("--print-config"));
    let quiet = succeed(wgrad(&["-q", "--engine", "cpu"]));
    assert!(quiet.starts_with("Solved:") && quiet.lines().count() == 3, "{quiet}");
    let verbose = succeed(wgrad(&["-v", "--engine", "cpu"]));
    assert!(verbose.contains("seed 0: loss"), "{verbose}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = wgrad(&["--engine", "cpu", "--json", "--epochs", "2000000", "--restarts", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_in_order_with_what_was_reached() {
    use std::io::{BufRead, BufReader};
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        for engine in ["cpu", "layered", "resident"] {
            let path = folder(&format!("signal{code}{engine}")).join("xor.safetensors");
            let args = [
                "--engine",
                engine,
                "--json",
                "--epochs",
                "400000000",
                "--restarts",
                "1",
                "--save",
            ];
            let mut child = wgrad(&args)
                .arg(&path)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // The start line: the run is under way.
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert!(lines.next().unwrap().unwrap().contains("\"start\""));
            std::thread::sleep(std::time::Duration::from_millis(200));
            let kill =
                Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            assert!(kill.success());
            let result: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
            assert_eq!((&result["event"], &result["stopped"]), (&"result".into(), &true.into()));
            assert_eq!(child.wait().unwrap().code(), Some(code), "{engine}");
            assert!(path.exists(), "what was reached is saved");
        }
    }
}

/// A training that is reported, and then fails.
#[track_caller]
fn falls_short(mut command: std::process::Command, parts: &[&str]) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(!output.stdout.is_empty());
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// What scripts need: requirements with an exit code of their own, and errors as JSON.
#[test]
fn a_training_that_falls_short_of_what_is_required_fails_with_7() {
    let common = ["--engine", "cpu", "-q"];
    let of = |args: &[&str]| wgrad(&[&common[..], args].concat());
    succeed(of(&["--require-solved", "--require-accuracy", "1", "--require-loss", "0.1"]));
    let short = ["--restarts", "1", "--epochs", "3"];
    for (args, parts) in [
        (&["--require-solved"][..], &["--require-solved", "did not solve"][..]),
        (&["--require-accuracy", "0.99"], &["--require-accuracy 0.99", "on the training rows"]),
        (&["--require-loss", "1e-3"], &["--require-loss 0.001", "on the training rows"]),
    ] {
        falls_short(of(&[&short[..], args].concat()), parts);
    }
    let circles = ["--data", "circles", "--epochs", "1e0", "--require-accuracy", "1"];
    falls_short(of(&circles), &["--require-accuracy 1", "on the test rows"]);
    fail(of(&["--require-accuracy", "high"]), 2, &["--require-accuracy"]);
    fail(of(&["--require-accuracy", "95"]), 2, &["--require-accuracy 95", "from 0 to 1"]);
    fail(of(&["--require-loss", "nan"]), 2, &["--require-loss NaN"]);
    let output = wgrad(&["--epochs", "0", "--json"]).output().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["event"], &line["exit_code"]), (&"error".into(), &2.into()));
    assert!(line["message"].as_str().unwrap().contains("--epochs 0"), "{line}");
}

/// What is typed in nearly the right way is read, or the right way is told.
#[test]
fn near_misses_are_read_or_answered_with_what_was_meant() {
    let config = succeed(wgrad(&[
        "--activation",
        "ReLU",
        "--loss",
        "MSE_MEAN",
        "--epochs",
        "1e3",
        "--print-config",
    ]));
    for part in ["activation = \"relu\"", "loss = \"mse-mean\"", "epochs = 1000"] {
        assert!(config.contains(part), "{part}: {config}");
    }
    fail(wgrad(&["train", "xor"]), 2, &["--data xor", "`wgrad train --help`"]);
    fail(wgrad(&["xor"]), 2, &["'xor'; for a data set give --data xor; see `wgrad --help`"]);
    fail(wgrad(&["flowers.csv"]), 2, &["--data flowers.csv"]);
    fail(wgrad(&["--loss", "mse"]), 2, &["mse-mean"]);
    fail(wgrad(&["predict", "--model"]), 2, &["`wgrad predict --help`"]);
    fail(wgrad(&["--epochs", "1.5"]), 2, &["\"1.5\" is not a whole number"]);
}
