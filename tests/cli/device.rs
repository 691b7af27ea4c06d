//! Which devices there are, which one is taken, and how that is said; also where the only adapter computes on the CPU.

use crate::command::{events, fail, run, stdout, succeed, wgrad, without_adapter, write};
use serde_json::Value;

/// Whether the best adapter of this machine is a software adapter; only there is something to choose.
fn is_software() -> bool {
    let text = succeed(wgrad(&["devices", "--json"]));
    let listed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds = listed.iter().filter(|event| event["event"] == "adapter");
    let kinds: Vec<&Value> = kinds.map(|event| &event["type"]).collect();
    assert!(!kinds.is_empty(), "these tests need an adapter: {text}");
    kinds.iter().all(|kind| *kind == "cpu")
}

fn engine(args: &[&str]) -> (Value, String) {
    let start = events(wgrad(&[&["train", "--epochs", "2", "--json"], args].concat())).remove(0);
    (start["engine"].clone(), start["note"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn auto_takes_a_software_adapter_where_it_is_not_slower_and_for_the_first_example() {
    if !is_software() {
        // On a GPU there is no such choice.
        let (engine, note) = engine(&["--data", "iris"]);
        assert!(engine != "cpu" && note.is_empty(), "{engine} {note}");
        return;
    }
    // The first example shows that kernels run, and says what is faster.
    let (resident, note) = engine(&[]);
    assert_eq!(resident, "resident");
    assert!(note.contains("no GPU") && note.contains("--device cpu"), "{note}");
    let larger = &["--layers", "2,4,1", "--restarts", "64"][..];
    for slow in [&["--data", "iris"][..], &["--data", "parity-4"], &["--data", "circles"], larger] {
        let (engine, note) = engine(slow);
        assert_eq!(engine, "cpu", "{slow:?}");
        assert!(note.contains("--device software") && note.contains("faster"), "{note}");
    }
    // Several starts at once make good what one takes longer for.
    let several = |starts| ["--data", "circles", "--layers", "2,8,1", "--restarts", starts];
    assert_eq!(engine(&several("15")).0, "cpu");
    let (resident, note) = engine(&several("16"));
    assert_eq!(resident, "resident");
    assert!(note.contains("not slower than --device cpu"), "{note}");
    // Whoever asks for an adapter gets it, and is told nothing more.
    for asked in [&["--device", "software"][..], &["--device", "gpu"], &["--engine", "layered"]] {
        let (engine, note) = engine(&[&["--data", "iris"], asked].concat());
        assert!(engine != "cpu" && note.is_empty(), "{asked:?}: {engine} {note}");
    }
    // In the first line of a report too.
    let text = succeed(wgrad(&["--data", "iris", "--epochs", "2"]));
    assert!(text.starts_with("cpu engine\nno GPU; faster here than "), "{text}");
}

/// The CPU trains a network in each lane of its vectors, and the adapter would share its cores.
#[test]
fn a_sweep_goes_to_the_lanes_of_the_cpu_where_there_is_no_gpu() {
    let start = |args: &[&str]| {
        let args = [&["sweep", "--networks", "20", "--epochs", "20", "--json"], args].concat();
        let start = events(wgrad(&args)).remove(0);
        (start["engine"].clone(), start["note"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(start(&["--device", "gpu"]).0, "resident");
    let (engine, note) = start(&[]);
    match is_software() {
        true => assert!(engine == "cpu" && note.contains("--device software"), "{engine} {note}"),
        false => assert!(engine == "resident" && note.is_empty(), "{engine} {note}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_hides_every_adapter_is_said() {
    let output = run(without_adapter(&["--epochs", "5", "--restarts", "1"]));
    let text = stdout(&output);
    assert!(text.starts_with("cpu engine\nno GPU adapter found"), "{text}");
    assert!(text.lines().nth(1).unwrap().contains("VK_DRIVER_FILES is set"), "{text}");
    fail(without_adapter(&["--device", "software"]), 3, &["VK_DRIVER_FILES is set"]);
}

#[test]
fn devices_lists_what_there_is_and_tries_it() {
    let events = events(wgrad(&["devices", "--json"]));
    let adapters: Vec<&Value> = events.iter().filter(|event| event["event"] == "adapter").collect();
    assert!(!adapters.is_empty(), "these tests need an adapter");
    assert_eq!(adapters.iter().filter(|adapter| adapter["default"] == true).count(), 1);
    for (index, adapter) in adapters.iter().enumerate() {
        assert_eq!(
            (&adapter["index"], &adapter["opens"]),
            (&index.into(), &true.into()),
            "{adapter}"
        );
        assert!(adapter["limits"]["max_binding_bytes"].as_u64().unwrap() >= 1 << 27);
        assert!(adapter["loop_rounds"].as_u64().unwrap() >= 32_768);
        assert!(adapter["driver"].is_string());
    }
    assert!(events.iter().any(|event| event["event"] == "skipped" && event["reason"].is_string()));
    let text = succeed(wgrad(&["devices"]));
    assert!(text.contains("(the default)") && text.contains("opens and computes"), "{text}");
}

#[test]
fn an_adapter_is_chosen_by_index_by_name_and_by_the_environment() {
    let listed = events(wgrad(&["devices", "--json"]));
    let name = listed[0]["name"].as_str().unwrap().to_owned();
    let is_default = |event: &&Value| event["default"] == true;
    let default = listed.iter().find(is_default).unwrap()["name"].as_str().unwrap().to_owned();
    let part = name[..4].to_uppercase();
    let quick = ["--restarts", "1", "--epochs", "5", "--json"];
    let mut devices = vec!["0".to_owned(), part.clone(), "gpu".to_owned(), "auto".to_owned()];
    // A number that is no index may be part of a name, as in "4090".
    devices
        .extend(name.split(|c: char| !c.is_ascii_digit()).find(|n| n.len() > 1).map(str::to_owned));
    for device in &devices {
        let events = events(wgrad(&[&["--device", device.as_str()], &quick[..]].concat()));
        let expected = if device == "gpu" || device == "auto" { &default } else { &name };
        assert_eq!(events[0]["device"]["name"], **expected, "--device {device}");
    }
    let mut by_variable = wgrad(&quick);
    by_variable.env("WGPU_ADAPTER_NAME", &part);
    assert!(
        events(by_variable)[0]["device"]["name"].as_str().unwrap().to_uppercase().contains(&part)
    );
    let mut wrong = wgrad(&quick);
    wrong.env("WGPU_ADAPTER_NAME", "no such thing");
    fail(wrong, 3, &["WGPU_ADAPTER_NAME=no such thing", &name]);
    let mut wrong = wgrad(&quick);
    wrong.env("WGPU_BACKEND", "vulcan");
    fail(wrong, 2, &["WGPU_BACKEND", "vulcan", "vulkan, metal, dx12"]);
}

#[test]
fn a_choice_that_cannot_be_is_refused_with_the_fix() {
    fail(wgrad(&["--device", "no such thing"]), 3, &["--device no such thing", "wgrad devices"]);
    fail(wgrad(&["--device", "99"]), 3, &["--device 99", "0 "]);
    for args in [
        &["--device", "cpu", "--engine", "layered"][..],
        &["--device", "cpu", "--engine", "resident"],
        &["--device", "cpu", "--require-gpu"],
        &["--engine", "cpu", "--require-gpu"],
        &["--engine", "cpu", "--device", "gpu"],
    ] {
        fail(wgrad(args), 2, &["contradicts"]);
    }
    let listed = events(wgrad(&["devices", "--json"]));
    if listed[0]["type"] == "cpu" {
        fail(wgrad(&["--require-gpu"]), 3, &["--require-gpu", "software adapter"]);
    }
}

/// What `auto` takes it can also run: where one step would be more loop iterations than a software
/// adapter makes in a dispatch, it leaves the resident engine.
#[test]
fn auto_trains_large_data_sets_whatever_the_engine() {
    let rows: String =
        (0..9000).map(|row| format!("{},{},{}\n", row % 7, row % 3, row % 2)).collect();
    let path = write("large", "rows.csv", &rows);
    for args in [&["--batch", "0"][..], &["--batch", "512"], &["--batch", "3000"]] {
        let args = [&["--data", &path, "--epochs", "1", "--json"], args].concat();
        let result = events(wgrad(&args)).pop().unwrap();
        assert_eq!((&result["event"], &result["epochs"]), (&"result".into(), &1.into()));
    }
}

#[test]
fn fastest_measures_and_says_what() {
    let text = succeed(wgrad(&["--device", "fastest", "--epochs", "200"]));
    assert!(
        text.contains("measured: ") && text.contains("cpu engine") && text.contains("steps/s"),
        "{text}"
    );
}
