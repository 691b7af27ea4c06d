//! `wgrad bench` as a stranger types it.

use crate::command::{events, fail, folder, run, succeed, wgrad, without_adapter};
use serde_json::Value;

const FEW: [&str; 10] = [
    "bench",
    "xor",
    "--epochs",
    "200",
    "--networks",
    "300",
    "--population-epochs",
    "20",
    "--rounds",
    "1",
];

#[test]
fn a_bench_times_everybody_it_compared() {
    let text = succeed(wgrad(&FEW));
    for part in [
        "adapter: ",
        "each verified against the reference",
        "one network, 200 epochs",
        "300 networks, 20 epochs each",
        "resident",
        "layered",
        "plain loop, 1 thread",
        "One network: ",
        "The population: ",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    let events = events(wgrad(&[&FEW[..], &["--json"]].concat()));
    let speeds: Vec<&Value> = events.iter().filter(|event| event["event"] == "speed").collect();
    let names: Vec<&str> =
        speeds.iter().map(|speed| speed["contestant"].as_str().unwrap()).collect();
    for name in ["resident", "layered", "cpu", "plain loop", "scalar loop"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(speeds.iter().all(|speed| speed["nanoseconds_per_net_epoch"].as_f64() > Some(0.0)));
    assert!(events.last().unwrap()["device"]["name"].is_string());
}

#[test]
fn a_bench_without_an_adapter_times_the_cpu_alone() {
    let text = succeed(without_adapter(&FEW));
    assert!(text.starts_with("without an adapter, on the CPU alone"), "{text}");
    assert!(text.contains("cpu, 1 thread") && !text.contains("resident"), "{text}");
    fail(wgrad(&["bench", "xor", "--rounds", "0"]), 2, &["--rounds 0"]);
    fail(wgrad(&["bench", "and"]), 2, &["xor"]);
    let output = run(wgrad(&["bench", "--help"]));
    assert!(output.status.success());
}

/// Each product and each step is compared first, and what is told of it is what was measured.
#[test]
fn products_and_widths_are_compared_and_timed_beside_the_cpu() {
    let folder = folder("crossover");
    let csv = folder.join("matmul.csv");
    let csv = csv.to_str().unwrap();
    let products = ["bench", "matmul", "--sizes", "64,70x33x9", "--rounds", "1"];
    let seen = events(wgrad(&[&products[..], &["--json", "--csv", csv]].concat()));
    let rows: Vec<&Value> = seen.iter().filter(|event| event["event"] == "bench").collect();
    let works: Vec<&str> = rows.iter().map(|row| row["work"].as_str().unwrap()).collect();
    let forms = ["matmul-nn", "matmul-tn", "matmul-nt"];
    assert_eq!(works, [&forms[..], &forms].concat());
    for row in &rows {
        let [m, k, n] = [0, 1, 2].map(|at| row["sizes"][at].as_f64().unwrap());
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name}: {row}"));
        let gflops = 2.0 * m * k * n / (number("median_ms") / 1e3) / 1e9;
        approx::assert_relative_eq!(number("gflops"), gflops, max_relative = 1e-9);
        let ratio = number("cpu_median_ms") / number("median_ms");
        approx::assert_relative_eq!(number("ratio_to_cpu"), ratio, max_relative = 1e-9);
        assert!(number("max_error") <= number("bound"), "{row}");
        assert!(number("cold_ms") > number("pipelines_ms"), "{row}");
        assert!(number("pipelines_ms") > 0.0 || row["sizes"] != rows[0]["sizes"], "{row}");
        assert!(row["variant"].is_string());
    }
    assert!(seen.last().unwrap()["peak_gflops"].as_f64() > Some(0.0));
    let table = std::fs::read_to_string(csv).unwrap();
    assert!(table.starts_with("work,sizes,batch,adapter,driver,variant,median_ms,"), "{table}");
    assert_eq!(table.lines().count(), 7);
    fail(wgrad(&[&products[..], &["--csv", csv]].concat()), 2, &["matmul.csv", "--force"]);

    let widths = ["bench", "width", "--widths", "4..8", "--batches", "8", "--rounds", "1"];
    let text = succeed(wgrad(&widths));
    for part in ["784-4-10", "784-8-10", "4-4-4", "8-8-8", "784-H-10, batch 8, H 4 to 8: "] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    assert!(text.lines().skip(1).all(|line| line.chars().count() <= 100), "{text}");
    let told = succeed(wgrad(&[&widths[..], &["--csv", "-"]].concat()));
    assert!(told.starts_with("work,") && told.lines().count() == 5, "{told}");
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What is tuned is compared, and kept beside what was tuned before; what is kept is taken from then on, and a file
/// that cannot be read is said.
#[cfg(target_os = "linux")]
#[test]
fn the_fastest_variants_are_kept_and_taken() {
    let folder = folder("tune");
    let with_caches = |args: &[&str]| {
        let mut command = wgrad(args);
        command.env("XDG_CACHE_HOME", &folder);
        command
    };
    // The file, and the choices that belong into it.
    let tune = |size: &str| {
        let args = ["bench", "matmul", "--tune", "--sizes", size, "--rounds", "1", "--json"];
        let seen = events(with_caches(&args));
        let rows: Vec<&Value> = seen.iter().filter(|event| event["event"] == "tuned").collect();
        assert_eq!(rows.len(), 3);
        let mut choices = serde_json::Map::new();
        for row in rows {
            let candidates = row["candidates_ms"].as_object().unwrap();
            let (variant, default) = (&row["variant"], &row["default"]);
            assert!(candidates.len() > 1, "{row}");
            assert_eq!(candidates[variant.as_str().unwrap()], row["median_ms"]);
            assert_eq!(candidates[default.as_str().unwrap()], row["default_ms"]);
            assert!(row["default_lost"].as_f64() >= Some(0.0), "{row}");
            if variant != default {
                choices
                    .insert(format!("{} {size}", row["work"].as_str().unwrap()), variant.clone());
            }
        }
        (seen.last().unwrap()["kept_in"].as_str().unwrap().to_owned(), choices)
    };
    let (kept, mut choices) = tune("33x32x9");
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap() };
    assert_eq!(read()["choices"], Value::from(choices.clone()));

    // Whatever was the fastest, another choice is taken, and stays when others are tuned.
    let mut file = read();
    choices.insert("matmul-nn 33x32x9".to_owned(), "split-4".into());
    file["choices"] = choices.clone().into();
    std::fs::write(&kept, file.to_string()).unwrap();
    let args = ["bench", "matmul", "--sizes", "33x32x9", "--rounds", "1", "--json"];
    assert_eq!(events(with_caches(&args))[0]["variant"], "split-4");
    choices.extend(tune("8x8x8").1);
    assert_eq!(read()["choices"], Value::from(choices));
    let layered = ["--engine", "layered", "--epochs", "5"];
    let text = succeed(with_caches(&layered));
    assert!(text.contains(&format!("products as in {kept}")), "{text}");
    std::fs::write(&kept, "{").unwrap();
    let text = succeed(with_caches(&layered));
    assert!(text.contains("not tuned, ") && text.contains("is damaged"), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn sizes_that_are_none_and_flags_of_other_benches_are_refused() {
    for (args, parts) in [
        (&["matmul", "--sizes", "0"][..], &["--sizes", "1000x333x77"][..]),
        (&["matmul", "--sizes", "2x3"], &["MxKxN"]),
        (&["width", "--widths", "8..4"], &["smaller one first"]),
        (&["width", "--batches", "x"], &["--batches", "whole number"]),
        (&["matmul", "--widths", "8"], &["--widths", "does not apply to bench matmul"]),
        (&["xor", "--csv", "x.csv"], &["--csv", "does not apply to bench xor"]),
        (&["step", "--tune"], &["--tune", "does not apply to bench step"]),
        (&["matmul", "--tune", "--csv", "x.csv"], &["--csv", "--tune makes none"]),
        (&["width", "--epochs", "3"], &["--epochs", "does not apply to bench width"]),
    ] {
        fail(wgrad(&[&["bench"], args].concat()), 2, parts);
    }
    fail(without_adapter(&["bench", "width"]), 2, &["compares an adapter with the CPU"]);
}

#[test]
fn steps_are_compared_and_then_timed() {
    let args = ["bench", "step", "--layers", "40,24,5", "--batch", "16", "--rounds", "1"];
    let events = events(wgrad(&[&args[..], &["--json"]].concat()));
    let names: Vec<&str> = events.iter().filter_map(|event| event["contestant"].as_str()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    for event in events.iter().filter(|event| event["event"] == "speed") {
        assert!(event["seconds_per_step"].as_f64().unwrap() > 0.0, "{event}");
    }
    // 2 x 2 x 16 x 40 x 24 and 2 x 3 x 16 x 24 x 5.
    assert_eq!(events.last().unwrap()["operations"], 61_440 + 11_520);
    let text = succeed(wgrad(&args));
    assert!(text.contains("matmul share") && text.contains(" wins: "), "{text}");
    fail(wgrad(&["bench", "step", "--batch", "0"]), 2, &["--batch 0"]);
    fail(wgrad(&["bench", "step", "--epochs", "7"]), 2, &["--epochs", "bench step"]);
    fail(wgrad(&["bench", "xor", "--batch", "7"]), 2, &["--batch", "bench xor"]);
    fail(wgrad(&["bench", "step", "--batch", "4294967295"]), 4, &["out of memory", "bytes"]);
    let one = ["bench", "step", "--layers", "2,3,1", "--batch", "4", "--rounds", "1"];
    assert!(succeed(wgrad(&one)).contains(" us "));
    fail(wgrad(&["bench", "step", "--layers", "3,0"]), 2, &["size 2 of --layers is 0"]);
}

#[test]
fn a_bench_times_report_boundaries_on_every_engine() {
    let lines = events(wgrad(&["bench", "boundary", "--rounds", "1", "--json"]));
    let of = |sizes: &[u64]| -> Vec<&str> {
        let costs = lines.iter().filter(|line| line["network"] == serde_json::json!(sizes));
        costs.map(|line| line["engine"].as_str().unwrap()).collect()
    };
    assert_eq!(of(&[784, 512, 10]), ["cpu", "layered"]);
    assert_eq!(of(&[2, 3, 1]), ["cpu", "layered", "resident"]);
    for line in &lines[..5] {
        assert!(line["seconds_per_step"].as_f64().unwrap() > 0.0, "{line}");
        assert!(line["seconds_per_boundary"].is_number(), "{line}");
    }
    let text = succeed(wgrad(&["bench", "boundary", "--rounds", "1", "--device", "cpu"]));
    assert!(text.contains("784-512-10") && text.contains("boundary"), "{text}");
    fail(wgrad(&["bench", "boundary", "--epochs", "7"]), 2, &["--epochs", "bench boundary"]);
}

#[test]
fn kernels_are_timed_by_the_adapters_clock() {
    let trace = folder("profile").join("trace.json");
    let text = trace.to_str().unwrap();
    let asked = format!("--profile={text}");
    let common = ["--data", "iris", "--epochs", "4", "--engine", "layered", "--json"];
    let result = events(wgrad(&[&common[..], &[&asked]].concat())).pop().unwrap();
    let profile = &result["profile"];
    let kernels = profile["kernels"].as_array().unwrap();
    let dispatches: u64 = kernels.iter().map(|k| k["dispatches"].as_u64().unwrap()).sum();
    assert_eq!(profile["timed_dispatches"], dispatches);
    for name in ["layer_forward", "output_loss", "layer_update"] {
        let kernel = kernels.iter().find(|kernel| kernel["kernel"] == name).unwrap();
        assert!(kernel["seconds"].as_f64().unwrap() > 0.0, "{kernel}");
    }
    let written: Value = serde_json::from_slice(&std::fs::read(&trace).unwrap()).unwrap();
    let events = written["traceEvents"].as_array().unwrap();
    assert_eq!(events.iter().filter(|event| event["ph"] == "X").count() as u64, dispatches);
    let both = ["--save", text, &asked, "--epochs", "1"];
    fail(wgrad(&both), 2, &["--profile=", "--save"]);
    let seen = succeed(wgrad(&["--profile", "--epochs", "50"]));
    assert!(seen.contains("train_invocation") && seen.contains("to record"), "{seen}");
    fail(wgrad(&["--profile", "--engine", "cpu"]), 2, &["--profile", "cpu engine"]);
    // The same numbers, timed or not.
    let plain = self::events(wgrad(&common)).pop().unwrap();
    assert_eq!((&plain["loss"], &plain["profile"]), (&result["loss"], &Value::Null));
    for cpu in [["--engine", "cpu"], ["--device", "cpu"]] {
        let args = [&["--kernels", "plain", "--print-config"], &cpu[..]].concat();
        fail(wgrad(&args), 2, &["--kernels plain", "contradicts", cpu[0]]);
    }
    let events =
        self::events(wgrad(&["--kernels", "plain", "--epochs", "3", "--restarts", "1", "--json"]));
    assert_eq!(events[0]["engine"], "layered");
}
