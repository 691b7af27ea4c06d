//! Optimizers, schedules, stopping, divergence, the doctor and the search for a rate as a stranger types
//! them.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "common/command.rs"]
mod command;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use command::{events, fail, folder, run, stderr, stdout, succeed, wgrad, write};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn result(args: &[&str]) -> Value {
    events(wgrad(&[args, &["--json"]].concat())).pop().unwrap()
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
}

#[test]
fn flags_that_cannot_be_are_refused_with_their_value() {
    let folder = folder("refused");
    let run = folder.join("run");
    let out = ["--out", text(&run)];
    for (args, parts) in [
        (&["--lr", "-1"][..], &["--lr -1", "positive"][..]),
        (&["--momentum", "-1"], &["--momentum -1", "at least 0 and less than 1"]),
        (&["--momentum", "1", "--optimizer", "nesterov"], &["--momentum 1", "less than 1"]),
        (&["--optimizer", "adam", "--beta1", "1"], &["--beta1 1", "less than 1"]),
        (&["--optimizer", "adamw", "--beta2", "-0.5"], &["--beta2 -0.5", "at least 0"]),
        (&["--optimizer", "adam", "--eps", "0"], &["--eps 0", "positive"]),
        (&["--weight-decay", "-1"], &["--weight-decay -1", "0 or more"]),
        (&["--clip-norm", "0"], &["--clip-norm 0", "positive"]),
        (&["--clip-value", "-1"], &["--clip-value -1", "positive"]),
        (&["--epochs", "10", "--warmup", "10"], &["--warmup 10", "the 10 --epochs"]),
        (&["--warmup", "11", "--epochs", "10"], &["--warmup 11", "the 10 --epochs"]),
        (&["--schedule", "step", "--epochs", "10", "--lr-every", "11"], &["--lr-every 11", "10"]),
        (&["--schedule", "plateau", "--lr-every", "0"], &["--lr-every 0", "1 to 2000"]),
        (&["--schedule", "step", "--lr-factor", "0"], &["--lr-factor 0", "above 0"]),
        (&["--schedule", "exponential", "--lr-factor", "2"], &["--lr-factor 2", "at most 1"]),
        (&["--lr-factor", "0.5"], &["--lr-factor 0.5", "constant has none", "--schedule step"]),
        (&["--schedule", "cosine", "--lr-every", "5"], &["--lr-every 5", "cosine has none"]),
        (&["--schedule", "cosine", "--min-lr", "1"], &["--min-lr 1", "at most the rate, 0.5"]),
        (&["--min-lr", "0.1"], &["--min-lr 0.1", "constant", "--schedule"]),
        (&["--patience", "0"], &["--patience 0", "at least 1"]),
        (&["--min-delta", "-1"], &["--min-delta -1", "0 or more"]),
        (&["--target-loss", "nan"], &["--target-loss NaN", "a number"]),
        (&["--max-seconds", "0"], &["--max-seconds 0", "positive"]),
        (&["--on-divergence", "go-on"], &["go-on", "--on-divergence", "stop, halve-lr"]),
        (&["--momentum", "0.5", "--optimizer", "adam"], &["--momentum 0.5", "adam", "--beta1"]),
        (&["--beta1", "0.5"], &["--beta1 0.5", "sgd has none", "--optimizer adam"]),
        (&["--eps", "0.5", "--momentum", "0.9"], &["--eps 0.5", "momentum has none"]),
        (&["--decay", "l2"], &["--decay l2", "give --weight-decay"]),
        (&["--optimizer", "adamw", "--decay", "l2"], &["--decay l2", "--optimizer adam"]),
        (&["--checkpoint-every", "5"], &["--checkpoint-every 5", "needs a folder", "--out"]),
        (&["--checkpoint-every", "0", out[0], out[1]], &["--checkpoint-every 0", "at least 1"]),
        (
            &["--checkpoint-every", "5", "--restarts", "5", out[0], out[1]],
            &["--restarts 5", "checkpoints are of one start"],
        ),
        (&["--keep=name", out[0], out[1]], &["--keep", "--out"]),
    ] {
        fail(wgrad(&[&["--engine", "cpu"], args].concat()), 2, parts);
    }
    assert!(!run.exists(), "nothing is made for a run that cannot be");
    fs::remove_dir_all(&folder).unwrap();
}

/// One flag each: on every engine, in what is printed and kept, as an axis, and refused where it has no effect.
#[test]
fn numbers_of_activations_losses_and_optimizers_are_settings() {
    let folder = folder("numbers");
    for (family, member, flag, default, value) in [
        ("--activation", "leaky-relu", "--negative-slope", "0.01", "0.2"),
        ("--loss", "huber", "--huber-delta", "1.0", "0.3"),
        ("--optimizer", "rmsprop", "--alpha", "0.99", "0.5"),
    ] {
        let own = [family, member, flag, value];
        let key = &flag[2..];
        let printed =
            |args: &[&str]| toml_of(&succeed(wgrad(&[args, &["--print-config"]].concat())));
        assert_eq!(printed(&own)[key].to_string(), value);
        assert_eq!(printed(&own[..2])[key].to_string(), default);
        assert!(!printed(&[]).contains_key(key));
        fail(wgrad(&own[2..]), 2, &[flag, value, "has none", family, member]);
        fail(wgrad(&[family, member, flag, "-1"]), 2, &[flag, "-1", "must be"]);

        let run = ["--restarts", "1", "--epochs", "40", "--seed", "3", "--engine"];
        let loss = |own: &[&str], engine: &str| {
            result(&[own, &run, &[engine]].concat())["loss"].as_f64().unwrap()
        };
        let on_cpu = loss(&own, "cpu");
        assert_ne!(on_cpu, loss(&own[..2], "cpu"), "{flag}");
        for engine in ENGINES {
            let here = loss(&own, engine);
            assert!((here - on_cpu).abs() <= 1e-3 * on_cpu, "{flag}, {engine}: {here} {on_cpu}");
        }

        let kept = folder.join(key);
        let out = ["--engine", "cpu", "--restarts", "1", "--epochs", "20", "--out", text(&kept)];
        succeed(wgrad(&[&own[..], &out].concat()));
        let resume = ["--resume", text(&kept), "--epochs", "30"];
        let other = [&resume[..], &[flag, "0.7"]].concat();
        fail(wgrad(&other), 2, &[&format!("{key} is {value} there and 0.7 here")]);
        succeed(wgrad(&resume));

        let list = format!("{value},0.7");
        let few = ["--networks", "30", "--epochs", "900", "--engine", "cpu"];
        let axis = ["sweep", family, member, flag, &list, "--json"];
        let cells = events(wgrad(&[&axis[..], &few].concat()));
        let points: Vec<String> = cells
            .iter()
            .filter(|cell| cell["event"] == "cell")
            .map(|cell| cell[key].to_string())
            .collect();
        assert_eq!(points, [value, "0.7"]);
        let said = succeed(wgrad(&[&["sweep", family, member, flag, value], &few[..]].concat()));
        if let Some(line) = said.lines().find(|line| line.starts_with("To train one")) {
            assert_has(line, &[&format!(" {flag} {value} ")]);
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_low_enough_loss_ends_a_run_and_always_at_the_same_epoch() {
    for engine in ["cpu", "layered", "resident"] {
        let args = ["--engine", engine, "--restarts", "1", "--seed", "2", "--target-loss", "0.05"];
        let first = result(&args);
        assert_eq!((&first["end"], &first["solved"]), (&"target-loss".into(), &true.into()));
        let epochs = first["epochs"].as_u64().unwrap();
        assert!(epochs < 2000 && first["best_loss"].as_f64().unwrap() <= 0.05, "{first}");
        assert_eq!((&first["best_epoch"], &first["stopped"]), (&epochs.into(), &false.into()));
        assert_eq!(result(&args)["epochs"], epochs, "{engine}");
        let said = succeed(wgrad(&args));
        let end = format!("Stopped after epoch {epochs}: the loss has reached 0.05.");
        assert_has(&said, &[&end]);
    }
    let end = &result(&["--engine", "cpu", "--restarts", "1", "--epochs", "30"])["end"];
    assert_eq!(end, "epochs");
}

#[test]
fn a_loss_that_does_not_fall_ends_a_run_and_always_at_the_same_epoch() {
    for engine in ["cpu", "layered", "resident"] {
        // A start that gets stuck.
        let start = ["--engine", engine, "--restarts", "1", "--seed", "0"];
        let args = [&start[..], &["--patience", "150", "--min-delta", "0.001"]].concat();
        let first = result(&args);
        assert_eq!((&first["end"], &first["solved"]), (&"patience".into(), &false.into()));
        let epochs = first["epochs"].as_u64().unwrap();
        assert!((150..2000).contains(&epochs), "{first}");
        assert_eq!(result(&args)["epochs"], epochs, "{engine}");
        let end = format!(
            "Stopped after epoch {epochs}: the loss has not improved by 0.001 since epoch "
        );
        assert_has(&succeed(wgrad(&args)), &[&end]);
    }
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    for engine in ["cpu", "layered", "resident"] {
        let start = ["--engine", engine, "--restarts", "1", "--epochs", "400000000"];
        let args = [&start[..], &["--max-seconds", "0.25"]].concat();
        let result = result(&args);
        assert_eq!((&result["end"], &result["stopped"]), (&"max-seconds".into(), &false.into()));
        let epochs = result["epochs"].as_u64().unwrap();
        assert!(epochs < 400_000_000 && result["train_seconds"].as_f64().unwrap() > 0.0);
        let said = succeed(wgrad(&args));
        assert_has(
            &said,
            &["Stopped in epoch ", " of 400000000: the limit of 0.25 seconds is reached."],
        );
    }
}

/// A linear network whose rate rises until its steps leap ever further.
const WILD: [&str; 16] = [
    "--layers",
    "2,4,1",
    "--activation",
    "identity",
    "--output-activation",
    "identity",
    "--loss",
    "mse-mean",
    "--lr",
    "2",
    "--warmup",
    "500",
    "--epochs",
    "1000",
    "--restarts",
    "1",
];
const ENGINES: [&str; 4] = ["cpu", "layered", "resident-invocation", "resident-workgroup"];

#[test]
fn a_run_that_diverges_says_where_and_keeps_what_was_good() {
    let folder = folder("diverged");
    for engine in ENGINES {
        let kept = folder.join(engine);
        let args = [&WILD[..], &["--engine", engine, "--out", text(&kept)]].concat();
        let output = run(wgrad(&[&args[..], &["--json"]].concat()));
        assert_eq!(output.status.code(), Some(5), "{engine}: {}", stderr(&output));
        let told: Vec<Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [.., end, error] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&end["event"], &error["exit_code"]), (&"diverged".into(), &5.into()), "{end}");
        assert!(end["step"].as_u64().unwrap() > 0, "{end}");
        let found = told.iter().find(|line| line["event"] == "findings").unwrap();
        let found = &found["findings"][0];
        assert_eq!((&found["cause"], &found["layer"]), (&"not-finite".into(), &0.into()));
        let is_clip = |fix: &Value| fix.as_str().unwrap().starts_with("--clip-norm ");
        assert!(found["fixes"].as_array().unwrap().iter().any(is_clip), "{found}");
        // The last epoch that was told of is the last that was sound.
        let good = told.iter().rfind(|line| line["event"] == "epoch").unwrap()["epoch"].clone();
        let message = stderr(&output);
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        let last = kept.join("last.safetensors");
        let place = format!("the last good checkpoint, of epoch {good}, is {}", last.display());
        let wanted =
            ["wgrad: training diverged: layer 0 (layers.0.weight)", " step ", "--lr", &place];
        assert_has(&message, &wanted);
        let predicted = result(&["predict", "--model", text(&last), "--data", "xor"]);
        assert!(predicted["loss"].as_f64().unwrap().is_finite(), "{predicted}");
        let history = fs::read_to_string(kept.join("history.jsonl")).unwrap();
        assert_has(history.lines().last().unwrap(), &["\"findings\"", "not-finite"]);
        // From there it can go on, at a lower rate where it diverges again.
        let resume = ["--resume", text(&kept), "--on-divergence", "halve-lr"];
        let resumed = result(&resume);
        assert_eq!((&resumed["end"], &resumed["epochs"]), (&"epochs".into(), &1000.into()));
        assert!(!resumed["halvings"].as_array().unwrap().is_empty(), "{resumed}");
    }
    let output = run(wgrad(&[&WILD[..], &["--engine", "cpu"]].concat()));
    assert_eq!(output.status.code(), Some(5));
    assert_has(&stdout(&output), &["Not finite: ", "layers.0", "To try: ", "halve-lr"]);
    assert!(!stderr(&output).contains("checkpoint"), "none was kept");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_run_that_may_halves_its_rate_where_it_diverges() {
    for engine in ENGINES {
        let args = [&WILD[..], &["--engine", engine, "--on-divergence", "halve-lr"]].concat();
        let mut told = events(wgrad(&[&args[..], &["--json"]].concat()));
        let result = told.pop().unwrap();
        assert_eq!((&result["end"], &result["epochs"]), (&"epochs".into(), &1000.into()));
        told.retain(|event| event["event"] == "halved");
        assert!(!told.is_empty(), "{engine}");
        assert_eq!(result["halvings"].as_array().unwrap().len(), told.len());
        for (event, rate) in told.iter().zip([1.0, 0.5, 0.25, 0.125]) {
            assert_eq!(event["learning_rate"], rate, "{engine}: {event}");
            assert!(event["step"].as_u64() > event["epoch"].as_u64(), "{event}");
        }
        assert_eq!(result["learning_rate"], told.last().unwrap()["learning_rate"]);
        let said = succeed(wgrad(&args));
        let lines = said.lines().filter(|line| line.starts_with("Diverged at step ")).count();
        assert_eq!(lines, told.len(), "{said}");
        let rate = result["learning_rate"].as_f64().unwrap();
        assert_has(&said, &[&format!("the rate was halved from 2 to {rate}.")]);
    }
}

#[test]
fn the_doctor_says_what_is_wrong_unless_it_is_left_out() {
    for engine in ["cpu", "layered", "resident"] {
        let stuck = ["--engine", engine, "--restarts", "1", "--seed", "0"];
        let said = succeed(wgrad(&stuck));
        let parts =
            ["Not solved", "Dead ReLU: 1 of 3 hidden units is dead", "  To try: ", "--restarts 64"];
        assert_has(&said, &parts);
        let findings = &result(&stuck)["findings"];
        assert_eq!(
            (&findings[0]["cause"], &findings[0]["layer"]),
            (&"dead-relu".into(), &0.into())
        );
        assert!(!findings[0]["fixes"].as_array().unwrap().is_empty(), "{findings}");
        let alone = [&stuck[..], &["--no-doctor"]].concat();
        let said = succeed(wgrad(&alone));
        assert!(said.contains("Not solved") && !said.contains("To try"), "{said}");
        assert_eq!(result(&alone)["findings"], serde_json::json!([]), "{engine}");
    }
    let solved = result(&["--engine", "cpu", "--restarts", "1", "--seed", "2"]);
    assert_eq!((&solved["solved"], &solved["findings"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn a_rate_is_found_and_every_number_behind_it_is_told() {
    let folder = folder("lr-find");
    let (curve, map) = (folder.join("curve.csv"), folder.join("map.csv"));
    let common = ["lr-find", "--rates", "12", "--seeds", "10", "--steps", "60", "--epochs", "300"];
    let files = ["--csv", text(&curve), "--map-csv", text(&map)];
    for engine in ["cpu", "layered", "resident"] {
        let args = [&common[..], &files, &["--force", "--engine", engine]].concat();
        let told = events(wgrad(&[&args[..], &["--json"]].concat()));
        assert_eq!(told[0]["event"], "start");
        let of = |event: &str| -> Vec<&Value> {
            told.iter().filter(|line| line["event"] == event).collect()
        };
        let (steps, rates, result) = (of("step"), of("rate"), told.last().unwrap());
        assert_eq!(
            (&result["event"], steps.len() + rates.len() + 2),
            (&"result".into(), told.len())
        );
        let number = |value: &Value| value.as_f64().unwrap();
        let grows = |a: &&Value, b: &&Value| number(&a["rate"]) < number(&b["rate"]);
        assert!(steps.is_sorted_by(grows) && rates.is_sorted_by(grows), "{engine}");
        assert_eq!((number(&steps[0]["rate"]), number(&rates[0]["rate"])), (1e-5, 1e-5));
        // A sigmoid's loss does not get out of hand.
        assert_eq!((&result["broke"], steps.len()), (&false.into(), 60));
        assert_eq!((rates.len(), number(&rates[11]["rate"])), (12, 10.0));
        // One at which networks solved it.
        let at = rates.iter().find(|rate| rate["rate"] == result["suggested"]).unwrap();
        assert!(number(&at["solved"]) > 0.0, "{at}");
        assert!(number(&result["curve_suggested"]).is_finite(), "{result}");

        let lines = fs::read_to_string(&curve).unwrap();
        assert!(lines.starts_with("step,rate,loss,smoothed_loss\n0,0.00001,"), "{lines}");
        assert_eq!(lines.lines().count(), 1 + steps.len());
        let lines = fs::read_to_string(&map).unwrap();
        assert!(lines.starts_with("rate,seed,status,epochs\n0.00001,0,"), "{lines}");
        assert_eq!(lines.lines().count(), 1 + 12 * 10);
        let mut solved = BTreeMap::new();
        for line in lines.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let is_solved = fields[2] == "solved";
            assert_eq!(is_solved, fields[3].parse::<u32>().is_ok(), "{line}");
            *solved.entry(fields[0].to_owned()).or_insert(0) += u32::from(is_solved);
        }
        for rate in &rates {
            let rate_text = (number(&rate["rate"]) as f32).to_string();
            assert_eq!(rate["solved"], solved[&rate_text], "{rate}");
        }

        let said = succeed(wgrad(&args));
        assert_has(&said, &["The loss fell fastest at a rate of ", "120 networks in "]);
        let line = said.lines().last().unwrap();
        let rate: f64 = line.strip_prefix("Suggested: --lr ").unwrap().parse().unwrap();
        let exact = number(&result["suggested"]);
        assert!((rate - exact).abs() <= 0.05 * exact, "{line}: {exact} to two digits");
    }
    let kept = fs::read(&curve).unwrap();
    fail(wgrad(&[&common[..], &files].concat()), 2, &["curve.csv", "exists", "--force"]);
    assert_eq!(fs::read(&curve).unwrap(), kept);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn where_nothing_can_be_solved_the_curve_alone_is_judged() {
    let iris = ["lr-find", "--data", "iris", "--engine", "cpu"];
    let said = succeed(wgrad(&iris));
    assert_has(&said, &["No map of rates against seeds: of iris", "Suggested: --lr "]);
    let told = events(wgrad(&[&iris[..], &["--json"]].concat()));
    let found = told.last().unwrap();
    assert!(told.iter().all(|event| event["event"] != "rate") && found["map"].is_null());
    assert_has(found["no_map"].as_str().unwrap(), &["iris"]);
    assert_eq!(found["suggested"], found["curve_suggested"]);
    let rate = found["suggested"].as_f64().unwrap();
    assert!(rate > 1e-5 && rate < 10.0, "{rate}");
    let none = result(&["lr-find", "--no-map", "--engine", "cpu"]);
    assert!(none["map"].is_null() && none["no_map"].is_null(), "{none}");
    for (args, parts) in [
        (&["--lr", "0.1"][..], &["--lr 0.1", "is what is looked for", "--from"][..]),
        (&["--save", "x.safetensors"], &["--save x.safetensors", "leave it out"]),
        (&["--restarts", "7"], &["--restarts", "plays no part"]),
        (&["--target-loss", "0.1"], &["--target-loss", "plays no part"]),
        (&["--min-lr", "0.1"], &["--min-lr 0.1", "many are tried"]),
        (&["--from", "0"], &["--from 0", "positive"]),
        (&["--from", "1", "--to", "0.5"], &["--to 0.5", "above --from"]),
        (&["--steps", "3"], &["--steps 3", "20 to 1000000"]),
        (&["--seeds", "0"], &["--seeds 0"]),
        (&["--rates", "1"], &["--rates 1", "2 to 10000"]),
        (&["--no-map", "--map-csv", "x.csv"], &["--no-map", "--map-csv"]),
    ] {
        fail(wgrad(&[&["lr-find", "--engine", "cpu"], args].concat()), 2, parts);
    }
}

#[test]
fn optimizers_and_schedules_are_axes_of_a_sweep() {
    let args = [
        "sweep",
        "--optimizer",
        "momentum,nesterov",
        "--momentum",
        "0.5,0.9",
        "--weight-decay",
        "0,0.001",
        "--schedule",
        "constant,cosine,plateau",
        "--networks",
        "20",
        "--epochs",
        "100",
        "--json",
    ];
    for engine in ["cpu", "resident"] {
        let mut told = events(wgrad(&[&args[..], &["--engine", engine]].concat()));
        assert_eq!(told[0]["cells"], 24);
        told.retain(|event| event["event"] == "cell");
        let axes = ["optimizer", "momentum", "weight-decay", "schedule"];
        let points: BTreeSet<String> =
            told.iter().map(|cell| axes.map(|axis| cell[axis].to_string()).join(" ")).collect();
        assert_eq!((told.len(), points.len()), (24, 24), "{points:?}");
        assert!(points.contains("\"nesterov\" 0.9 0.001 \"cosine\""), "{points:?}");
        assert!(told.iter().all(|cell| cell["networks"] == 20), "{engine}");
    }
}

/// Also where the best cell has no use for a flag that is for others, and where 0 is not the default.
#[test]
fn the_command_that_a_sweep_prints_solves_it_whatever_the_optimizer_and_the_schedule() {
    for (args, part, not) in [
        (&["--optimizer", "adam", "--lr", "0.05"][..], "--optimizer adam", "--momentum"),
        (
            &["--optimizer", "adamw", "--lr", "0.05", "--weight-decay", "0"],
            "--optimizer adamw --weight-decay 0 ",
            "--decay",
        ),
        (
            &["--optimizer", "sgd,adam", "--lr", "0.1", "--momentum", "0.9", "--eps", "1e-6"],
            "--eps 0.000001",
            "--momentum",
        ),
        (
            &["--schedule", "plateau", "--lr-factor", "0.5", "--lr-every", "100"],
            "--schedule plateau --lr 0.5 --lr-factor 0.5 --lr-every 100",
            "--epochs 100 ",
        ),
        // Of cells that are alike the first is taken.
        (
            &["--schedule", "constant,plateau", "--lr-factor", "0.5", "--lr-every", "100"],
            "--schedule constant",
            "--lr-",
        ),
        (
            &["--optimizer", "nesterov", "--schedule", "cosine", "--warmup", "10"],
            "--schedule cosine --lr 0.05 --warmup 10",
            "--lr-",
        ),
    ] {
        for engine in ["cpu", "resident"] {
            let many = ["--networks", "40", "--epochs", "500", "--engine", engine];
            let said = succeed(wgrad(&[&["sweep"], args, &many].concat()));
            let line = said.lines().find(|line| line.starts_with("To train one")).unwrap();
            let command = line.split("it: wgrad ").nth(1).unwrap();
            assert!(command.contains(part) && !command.contains(not), "{command}");
            let said = succeed(wgrad(&command.split(' ').collect::<Vec<_>>()));
            assert_has(&said, &["Solved: every prediction"]);
        }
    }
}

/// Tables whose gradients have squares beyond f32: each engine clips their norm as the cpu engine does, in f64.
#[test]
fn a_norm_beyond_f32_is_clipped_on_every_engine() {
    const CLIP_OVERFLOW: &str = "1e10,1e12\n2e10,2e12\n3e10,3e12\n4e10,4e12\n";
    const GDP: &str = "population,gdp\n331000000,21000000000000\n1400000000,14700000000000\n\
        126000000,5000000000000\n83000000,3800000000000\n67000000,2700000000000\n\
        1380000000,2700000000000\n60000000,1900000000000\n213000000,1400000000000\n";
    for (name, table, flags, loss) in [
        (
            "clip-overflow",
            CLIP_OVERFLOW,
            "--layers 1,1 --restarts 1 --epochs 500 --lr 0.1 --clip-norm 1 --normalize none --normalize-targets none",
            Some(1.809e24),
        ),
        (
            "gdp",
            GDP,
            "--clip-norm 1 --lr 1000 --epochs 300 --normalize none --normalize-targets none",
            None,
        ),
    ] {
        let data = write(name, "table.csv", table);
        let loss_on = |engine: &str| {
            let flags = flags.split(' ').chain(engine.split(' '));
            let all: Vec<&str> = ["--data", &data].into_iter().chain(flags).collect();
            result(&all)["loss"].as_f64().unwrap()
        };
        let cpu = loss_on("--engine cpu");
        let expected = loss.unwrap_or(cpu);
        // As many digits as the number was told with.
        assert!((cpu / expected - 1.0).abs() < 5e-4, "{name}: {cpu:e}");
        for engine in [
            "--engine layered",
            "--engine layered --kernels plain",
            "--engine resident-workgroup",
            "--engine resident-invocation",
        ] {
            // An invocation takes networks with hidden units alone.
            if name == "clip-overflow" && engine.ends_with("invocation") {
                continue;
            }
            let seen = loss_on(engine);
            assert!((seen / cpu - 1.0).abs() < 1e-5, "{name} {engine}: {seen:e}, not {cpu:e}");
        }
    }
}

#[test]
fn settings_with_every_flag_of_the_toolkit_read_back_to_themselves() {
    let folder = folder("toolkit-settings");
    let (path, out) = (folder.join("settings.toml"), folder.join("run"));
    let of_all = "--weight-decay 0.001 --decay decoupled --clip-norm 1.5 --clip-value 0.5 --warmup 7 \
        --min-lr 0.001 --target-loss 0.01 --patience 300 --min-delta 0.0001 --max-seconds 60.5 \
        --on-divergence halve-lr --checkpoint-every 50 --no-doctor";
    for own in [
        "--optimizer nesterov --momentum 0.8 --schedule plateau --lr-factor 0.5 --lr-every 20",
        "--optimizer adam --beta1 0.85 --beta2 0.99 --eps 1e-7 --schedule exponential --lr-factor 0.99",
        "--optimizer momentum --momentum 0.95 --schedule step --lr-factor 0.25 --lr-every 30",
    ] {
        let flags: Vec<&str> = own.split_whitespace().chain(of_all.split_whitespace()).collect();
        let print = ["--out", text(&out), "--print-config"];
        let printed = succeed(wgrad(&[&flags[..], &print].concat()));
        let table: BTreeMap<String, Value> = toml_of(&printed);
        let mut flags = flags.into_iter().peekable();
        while let Some(flag) = flags.next() {
            let said = match flags.peek() {
                Some(value) if !value.starts_with("--") => flags.next().unwrap(),
                _ => "true",
            };
            let value = &table[flag.trim_start_matches("--")];
            let is_same = match (value.as_f64(), said.parse::<f64>()) {
                (Some(value), Ok(said)) => value == said,
                _ => value.to_string().trim_matches('"') == said,
            };
            assert!(is_same, "{flag} {said} is {value} in\n{printed}");
        }
        fs::write(&path, &printed).unwrap();
        let again = succeed(wgrad(&[&["--config", text(&path)], &print[..]].concat()));
        assert_eq!(again, printed);
        assert!(!out.exists(), "nothing is run");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// The keys of settings as they are printed, and their values, none of which is a table.
fn toml_of(text: &str) -> BTreeMap<String, Value> {
    let line = |line: &str| {
        let (key, value) = line.split_once(" = ").unwrap();
        (key.to_owned(), serde_json::from_str(value).unwrap())
    };
    text.lines().map(line).collect()
}

/// What the doctor recommends for a run helps it.
#[test]
fn what_is_recommended_helps_where_it_is_recommended() {
    let houses = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reported/houses.csv");
    let times = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reported/timestamps.csv");
    let slow = ["--restarts", "1", "--activation", "tanh"];
    for (args, cause) in [
        ([&slow[..], &["--weight-decay", "0.1"]].concat(), "weight-decay"),
        ([&slow[..], &["--lr", "0.001"]].concat(), "rate-too-low"),
        (vec!["--data", times, "--normalize", "none", "--epochs", "500"], "unscaled"),
        (
            vec![
                "--data",
                houses,
                "--normalize",
                "none",
                "--normalize-targets",
                "none",
                "--lr",
                "1e-9",
            ],
            "unscaled",
        ),
    ] {
        let args = [&args[..], &["--engine", "cpu"]].concat();
        let before = result(&args);
        let finding = &before["findings"][0];
        assert_eq!(finding["cause"], cause, "{before}");
        // Each fix is a flag, or stands in brackets behind some words; later flags win.
        let flags: Vec<&str> = finding["fixes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fix| fix.as_str().unwrap())
            .filter(|fix| cause == "unscaled" || fix.contains('('))
            .flat_map(|fix| fix.rsplit('(').next().unwrap().trim_end_matches(')').split(' '))
            .collect();
        let kept = |at: usize| {
            let key = args[at - at % 2];
            let is_rate = cause == "unscaled" && key == "--lr";
            !(flags.contains(&key) || is_rate)
        };
        let rest = (0..args.len()).filter(|&at| kept(at)).map(|at| args[at]);
        let after = result(&rest.chain(flags.iter().copied()).collect::<Vec<_>>());
        let loss = |result: &Value| result["loss"].as_f64().unwrap();
        assert!(loss(&after) < 0.98 * loss(&before), "{cause}: {} {}", loss(&before), loss(&after));
    }
}
