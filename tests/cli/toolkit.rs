//! Optimizers, schedules and stopping as a stranger types them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::command::{
    ENGINES, assert_has, events, fail, folder, result, succeed, text, wgrad, write,
};
use serde_json::Value;

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
