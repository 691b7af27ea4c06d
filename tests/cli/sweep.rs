//! `wgrad sweep` as a stranger types it.

use std::process::Command;

use crate::command::{events, fail, folder, stderr, succeed, wgrad, without_adapter, write};
use serde_json::Value;

fn cells(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["event"] == "cell").collect()
}

#[test]
fn a_sweep_of_nothing_is_the_odds_of_xor() {
    let args = ["sweep", "--networks", "500", "--epochs", "1000", "--device", "gpu"];
    let text = succeed(wgrad(&args));
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("resident engine on "), "{first}");
    for part in [
        "data xor: 4 rows",
        "1 cell of 500 networks, seeds 0 to 499, until solved or 1000 epochs",
        "95 % interval",
        "median epochs",
        "500 networks made",
        "To train one that solved it: wgrad train --restarts 1 --seed 2 ",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
}

#[test]
fn the_command_that_is_printed_trains_the_network_that_was_counted() {
    let many = ["--networks", "300", "--epochs", "500", "--lr", "6", "--activation", "tanh"];
    // The network taken out has the mapping of those in the sweep, at rates where it matters.
    for args in [&["--width", "2..3"][..], &["--width", "16"], &["--engine", "cpu"]] {
        let text = succeed(wgrad(&[&["sweep"], &many[..], args].concat()));
        let line = text.lines().find(|line| line.starts_with("To train one")).unwrap();
        let command: Vec<&str> = line.split("wgrad ").nth(1).unwrap().split(' ').collect();
        let result = events(wgrad(&[&command[..], &["--json"]].concat())).pop().unwrap();
        assert_eq!(result["solved"], true, "{line}: {result}");
    }
}

#[test]
fn json_has_every_cell_with_its_axes_and_a_result() {
    let args = ["sweep", "--lr", "0.25,1", "--activation", "relu,tanh", "--networks", "60"];
    let events = events(wgrad(&[&args[..], &["--epochs", "400", "--json"]].concat()));
    assert_eq!(events[0]["event"], "start");
    assert_eq!((&events[0]["cells"], &events[0]["networks"]), (&4.into(), &60.into()));
    let cells = cells(&events);
    assert_eq!(cells.len(), 4);
    for (cell, (activation, lr)) in
        cells.iter().zip([("relu", 0.25), ("relu", 1.0), ("tanh", 0.25), ("tanh", 1.0)])
    {
        assert_eq!((&cell["activation"], &cell["lr"]), (&activation.into(), &lr.into()));
        assert_eq!((&cell["networks"], &cell["diverged"]), (&60.into(), &0.into()));
        let (solved, rate) = (cell["solved"].as_f64().unwrap(), cell["rate"].as_f64().unwrap());
        assert_eq!(rate, solved / 60.0);
        assert!(cell["median_epochs"].is_u64() && cell["rate_interval"][1].as_f64() > Some(rate));
        for axis in ["loss", "init", "init-scale", "width"] {
            assert!(!cell[axis].is_null(), "{axis}");
        }
    }
    let result = events.last().unwrap();
    assert_eq!((&result["event"], &result["networks"]), (&"result".into(), &240.into()));
    for key in ["net_epochs", "seconds", "net_epochs_per_second"] {
        assert!(result[key].as_f64() > Some(0.0), "{key}");
    }
    assert_eq!(result["stopped"], false);
}

#[test]
fn two_numeric_axes_are_drawn_as_a_map() {
    let args = ["sweep", "--lr", "0.1..1:log:3", "--width", "2..4", "--networks", "50"];
    let text = succeed(wgrad(&[&args[..], &["--epochs", "300"]].concat()));
    assert!(text.contains("lr \\ width    2    3    4"), "{text}");
    assert!(text.contains("0.3162") && text.contains("median epochs to solve"), "{text}");
    assert!(text.contains("Highest: ") && !text.contains('\x1b'), "plain where no terminal is");
    let text = succeed(wgrad(&[&args[..], &["--epochs", "300", "-v"]].concat()));
    assert!(text.contains("lr      solved") || text.contains("width  lr"), "{text}");
}

#[test]
fn without_an_adapter_a_sweep_runs_on_every_core_and_says_so() {
    let args = ["sweep", "--networks", "200", "--epochs", "300"];
    let text = succeed(without_adapter(&args));
    assert!(text.starts_with("cpu engine\nno GPU adapter found ("), "{text}");
    let json = |command: Command| {
        let events = events(command);
        (cells(&events)[0]["solved"].as_i64().unwrap(), events[0]["engine"].clone())
    };
    let (cpu, engine) = json(without_adapter(&[&args[..], &["--json"]].concat()));
    assert_eq!(engine, "cpu");
    let (resident, engine) = json(wgrad(&[&args[..], &["--json", "--device", "gpu"]].concat()));
    assert_eq!(engine, "resident");
    assert!((cpu - resident).abs() <= 2, "{cpu} and {resident} of 200");
}

#[test]
fn parts_computed_apart_are_joined_into_the_table_of_one_run() {
    let folder = folder("parts");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let args =
        ["sweep", "--lr", "0.3,3", "--networks", "90", "--epochs", "300", "--init", "he-uniform"];
    let whole = ["--csv", &path("whole.csv"), "-q"];
    succeed(wgrad(&[&args[..], &whole].concat()));
    let mut files = Vec::new();
    for part in ["2/3", "1/3", "3/3"] {
        let file = path(&format!("{}.json", part.replace('/', "-")));
        succeed(wgrad(&[&args[..], &["--shard", part, "--save", &file, "-q"]].concat()));
        files.push(file);
    }
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    let joined = path("joined.csv");
    let join = [&["sweep", "--join"], &names[..], &["--csv", &joined]].concat();
    let text = succeed(wgrad(&join));
    assert!(text.contains("180 networks made"), "{text}");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("joined.csv"), read("whole.csv"));
    assert_eq!(read("whole.csv").lines().count(), 3);

    // What makes no whole says which file is at fault.
    let some = path("some.csv");
    let text = succeed(wgrad(&["sweep", "--join", names[0], names[1], "--csv", &some]));
    assert!(text.starts_with("2 parts, ") && text.contains("120 networks made"), "{text}");
    assert!(text.contains("Incomplete: part 3/3 is not given."), "{text}");
    let output = wgrad(&["sweep", "--join", names[0], "--csv", "-"]).output().unwrap();
    assert_eq!(stderr(&output), "wgrad: Incomplete: parts 1/3, 3/3 are not given.\n");
    let events = events(wgrad(&["sweep", "--join", names[1], "--json"]));
    let result = events.last().unwrap();
    assert_eq!((&result["stopped"], &result["networks"]), (&true.into(), &60.into()));
    fail(wgrad(&["sweep", "--join", names[0], names[0]]), 6, &["2-3.json", "leave one out"]);
    fail(wgrad(&["sweep", "--join", &path("no.json")]), 6, &["no.json", "no such file"]);
    fail(wgrad(&["sweep", "--join", &path("whole.csv")]), 6, &["whole.csv", "no part of a sweep"]);
    fail(wgrad(&["sweep", "--join", names[0], "--lr", "1"]), 2, &["--join"]);
    let other = path("other.json");
    let more = ["--clip-norm", "1", "--shard", "3/3", "--save", &other, "-q"];
    succeed(wgrad(&[&args[..], &more].concat()));
    let another = ["another sweep", "clip-norm is nothing there and 1.0 here"];
    fail(wgrad(&["sweep", "--join", names[0], names[1], &other]), 6, &another);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// An optimizer that has no momentum has one cell for all momenta.
#[test]
fn cells_are_not_trained_twice_for_a_number_that_they_do_not_have() {
    let folder = folder("sweep-alike");
    let csv = folder.join("cells.csv");
    let args = ["sweep", "--optimizer", "sgd,momentum", "--momentum", "0.5,0.9", "--lr", "0.1,0.5"];
    let few = ["--networks", "20", "--epochs", "50", "--engine", "cpu"];
    let out = ["--csv", csv.to_str().unwrap(), "--force"];
    let events = events(wgrad(&[&args[..], &few, &out, &["--json"]].concat()));
    let cells = cells(&events);
    let of = |optimizer: &str| {
        let own = cells.iter().filter(|cell| cell["optimizer"] == optimizer);
        own.map(|cell| cell["momentum"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(of("sgd"), [Value::Null, Value::Null]);
    assert_eq!(of("momentum"), [0.5, 0.5, 0.9, 0.9]);
    let text = std::fs::read_to_string(&csv).unwrap();
    assert!(text.contains(",sgd,,constant,0.1,20,"), "{text}");
    let text = succeed(wgrad(&[&args[..], &few, &out].concat()));
    assert!(text.contains("sgd        -         0.1") && !text.contains('\\'), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_swept_is_refused_before_any_work() {
    for (args, parts) in [
        (&["--lr", ""][..], &["--lr", "no points"][..]),
        (&["--lr", "0.1..1"], &["--lr 0.1..1", "0.1..1:log:25"]),
        (&["--width", "3..2"], &["--width 3..2", "upwards"]),
        (&["--activation", "relu,rellu"], &["--activation relu,rellu", "leaky-relu"]),
        (&["--init", "hee"], &["--init hee", "he-normal"]),
        (&["--networks", "0"], &["--networks 0"]),
        (&["--epochs", "0"], &["--epochs 0"]),
        (&["--shard", "3/2"], &["--shard", "2/8"]),
        (&["--engine", "layered"], &["--engine layered", "--engine resident"]),
        (
            &["--engine", "resident", "--width", "3,9000"],
            &["--layers 2,9000,1", "bytes of workgroup memory", "use --engine cpu"],
        ),
        (&["--config", "no/such.toml"], &["no/such.toml"]),
        (&["--device", "fastest"], &["--device fastest"]),
    ] {
        fail(wgrad(&[&["sweep"], args].concat()), 2, parts);
    }
    let folder = folder("sweep-out");
    let nowhere = folder.join("no/such/folder.csv");
    fail(wgrad(&["sweep", "--csv", nowhere.to_str().unwrap()]), 6, &["folder.csv"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn settings_of_a_sweep_can_be_printed_and_read_again() {
    let args = ["sweep", "--lr", "0.1..1:log:3", "--networks", "30", "--epochs", "200"];
    let printed = succeed(wgrad(&[&args[..], &["--print-config"]].concat()));
    assert!(printed.contains("lr = \"0.1..1:log:3\"") && printed.contains("networks = 30"));
    let path = write("sweep-config", "sweep.toml", &printed);
    let again = succeed(wgrad(&["sweep", "--config", &path, "--print-config"]));
    assert_eq!(again, printed);
    let lists = write("sweep-lists", "sweep.toml", "lr = [0.1, 1]\nwidth = 4\nnetworks = 30\n");
    let events = events(wgrad(&["sweep", "--config", &lists, "--epochs", "100", "--json"]));
    assert_eq!(cells(&events).len(), 2);
    assert_eq!(cells(&events)[0]["width"], 4);
}

/// Ctrl-C ends a sweep with what is done, as the table and in its files.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_sweep_with_what_is_done() {
    let folder = folder("sweep-signal");
    let file = folder.join("part.json");
    let saved = ["--save", file.to_str().unwrap()];
    let args = ["sweep", "--engine", "cpu", "--networks", "30000000", "--json"];
    let mut before = 0;
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let result =
            crate::command::interrupted(wgrad(&[&args[..], &saved].concat()), signal, code);
        assert_eq!((&result["event"], &result["stopped"]), (&"result".into(), &true.into()));
        let networks = result["networks"].as_u64().unwrap();
        assert!(networks > before && networks < 30_000_000, "{networks} after {before}");
        assert!(result["incomplete"].as_str().unwrap().contains("The same command trains"));
        before = networks;
        fail(wgrad(&["sweep", "--join", saved[1]]), 6, &["part.json", "stopped before its end"]);
    }
    // What is there is replaced only by its own sweep, or by force.
    let other = ["another sweep: ", "epochs is 2000 there and 100 here", "--force"];
    fail(wgrad(&[&args[..], &["--epochs", "100"], &saved].concat()), 2, &other);
    std::fs::write(&file, "{}").unwrap();
    fail(wgrad(&[&args[..], &saved].concat()), 2, &["part.json", "no part of a sweep", "--force"]);
    let few = ["sweep", "--engine", "cpu", "--networks", "300", "--epochs", "200", "--json"];
    succeed(wgrad(&[&few[..], &saved, &["--force"]].concat()));
    fail(wgrad(&[&few[..], &saved, &["--shard", "1/2"]].concat()), 2, &["parts there and 2 here"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The command that was interrupted, given again, makes the table of one that was not.
#[test]
fn an_interrupted_sweep_goes_on_with_the_same_command() {
    let folder = folder("sweep-again");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (file, whole) = (path("part.json"), path("whole.json"));
    let args = ["sweep", "--lr", "0.3,3", "--networks", "90", "--epochs", "300", "--shard", "2/3"];
    let args = [&args[..], &["--device", "gpu"]].concat();
    succeed(wgrad(&[&args[..], &["--save", &whole, "-q"]].concat()));
    let read = |path: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    // As a stop leaves it that comes before any network of the second cell is counted.
    let mut part = read(&whole);
    let cells = part["cells"].clone();
    part["stopped"] = true.into();
    part["seconds"] = 1000.0.into();
    part["computed_on"] = "elsewhere".into();
    let mut none = cells[1].clone();
    for key in ["networks", "solved", "diverged", "net_epochs"] {
        none[1][key] = 0.into();
    }
    none[1]["epochs"] = serde_json::json!({});
    none[1]["first_solved"] = Value::Null;
    none[1]["first_unsolved"] = Value::Null;
    part["cells"][1] = none;
    std::fs::write(&file, part.to_string()).unwrap();
    // The interrupted command has left a table, which is replaced as well.
    let csv = path("cells.csv");
    std::fs::write(&csv, "of the networks so far").unwrap();
    let again = [&args[..], &["--save", &file, "--csv", &csv]].concat();
    let text = succeed(wgrad(&again));
    assert!(text.contains("part.json: 30 of 60 networks are done"), "{text}");
    assert!(text.contains("60 networks made"), "{text}");
    let done = read(&file);
    assert_eq!((&done["cells"], &done["stopped"]), (&cells, &false.into()));
    assert!(done["seconds"].as_f64() > Some(1000.0));
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 3);
    assert!(done["computed_on"].as_str().unwrap().starts_with("elsewhere; resident engine on "));
    // Once more there is nothing left to train.
    let text = succeed(wgrad(&again));
    assert!(text.contains("part.json: 60 of 60 networks are done"), "{text}");
    let again = read(&file);
    assert_eq!((&again["cells"], &again["computed_on"]), (&done["cells"], &done["computed_on"]));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A dash stands for standard output, and nothing else is printed there.
#[test]
fn tables_go_to_standard_output() {
    let counted = ["sweep", "--networks", "20", "--epochs", "20", "--csv", "-", "--engine", "cpu"];
    let scored = ["sweep", "--data", "iris", "--networks", "1", "--epochs", "2", "--csv", "-"];
    let curve = ["lr-find", "--csv", "-", "--no-map", "--engine", "cpu"];
    for (args, head, lines) in [
        (&counted[..], "loss,activation,", 2),
        (&scored[..], "loss,activation,", 2),
        (&curve[..], "", 201),
    ] {
        let text = succeed(wgrad(args));
        assert!(text.starts_with(head), "{text}");
        assert!(text.lines().all(|line| line.contains(',')), "{text}");
        assert_eq!(text.lines().count(), lines, "{text}");
    }
    assert!(!std::path::Path::new("-").exists());
}
