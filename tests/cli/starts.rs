//! Several starts as the command tells of them: every loss with the seed whose it is, on every engine alike.

use std::fs;
use std::path::Path;

use crate::command::{events, folder, succeed, wgrad};
use serde_json::Value;

const ENGINES: [&str; 3] = ["cpu", "layered", "resident"];

/// What is said of a training in JSON.
fn told(args: &[&str]) -> Vec<Value> {
    events(wgrad(&[args, &["--json"]].concat()))
}

/// `(epoch, loss)` of every epoch that was told of one seed.
fn losses(told: &[Value], seed: u64) -> Vec<(u64, f64)> {
    let own = told.iter().filter(|line| line["event"] == "epoch" && line["seed"] == seed);
    own.map(|line| (line["epoch"].as_u64().unwrap(), line["loss"].as_f64().unwrap())).collect()
}

/// While starts run at once, an epoch is told with the lowest loss so far and the seed that has it.
#[test]
fn every_loss_is_that_of_the_seed_beside_it() {
    for engine in ENGINES {
        let common = ["--engine", engine, "--epochs", "400"];
        let alone: Vec<Vec<(u64, f64)>> = (0..5)
            .map(|seed| {
                let own = ["--restarts", "1", "--seed", &seed.to_string()];
                losses(&told(&[&common[..], &own].concat()), seed)
            })
            .collect();
        let together = told(&[&common[..], &["--restarts", "5"]].concat());
        let lines = together.iter().filter(|line| line["event"] == "epoch");
        let mut count = 0;
        for line in lines {
            let seed = line["seed"].as_u64().unwrap();
            let point = (line["epoch"].as_u64().unwrap(), line["loss"].as_f64().unwrap());
            assert!(alone[seed as usize].contains(&point), "{engine}: {line}");
            if engine == "resident" {
                let at = |losses: &Vec<(u64, f64)>| {
                    losses.iter().find(|own| own.0 == point.0).unwrap().1
                };
                assert!(alone.iter().map(at).all(|loss| point.1 <= loss), "not the lowest: {line}");
            }
            count += 1;
        }
        assert!(count > 3, "{engine}: {count} epochs");
        let seed = together.last().unwrap()["seed"].as_u64().unwrap();
        assert!(seed > 0, "the first start is not the one that is kept: nothing was tested");
    }
}

fn history(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("history.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Of several starts the history is that of the one that is kept, as if it had run alone.
#[test]
fn the_history_of_several_starts_is_that_of_the_one_that_is_kept() {
    let folder = folder("starts-history");
    let wild = ["--data", "iris", "--validation", "0.2", "--epochs", "40", "--lr", "0.3"];
    let linear = ["--activation", "identity", "--output-activation", "identity", "--lr", "2"];
    let halves = ["--loss", "mse-mean", "--warmup", "300", "--on-divergence", "halve-lr"];
    let halves = [&linear[..], &halves, &["--epochs", "600"]].concat();
    for engine in ENGINES {
        for (at, common) in [&["--epochs", "400"][..], &wild, &halves].into_iter().enumerate() {
            let common = [&["--engine", engine], common].concat();
            let run = |name: &str, args: &[&str]| {
                let out = folder.join(format!("{engine}-{at}-{name}"));
                let to = ["--out", out.to_str().unwrap()];
                let result = told(&[&common[..], args, &to].concat()).pop().unwrap();
                (result["seed"].to_string(), history(&out))
            };
            let (seed, several) = run("several", &["--restarts", "5"]);
            let (_, alone) = run("alone", &["--restarts", "1", "--seed", &seed]);
            assert!(alone.len() > 3, "{engine}: {alone:?}");
            let is_halving = |line: &String| line.contains("\"halved\"");
            assert_eq!(alone.iter().any(is_halving), common.contains(&"halve-lr"), "{alone:?}");
            assert_eq!(several, alone, "{engine} {common:?}");
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// The end of every start, each with the loss that it has alone.
#[test]
fn verbose_tells_how_every_start_ended() {
    for engine in ENGINES {
        let common = ["--engine", engine, "--epochs", "300"];
        let said = succeed(wgrad(&[&common[..], &["-v", "--restarts", "3"]].concat()));
        let ends: Vec<&str> = said.lines().filter(|line| line.starts_with("seed ")).collect();
        let trained = told(&[&common[..], &["--restarts", "3"]].concat()).pop().unwrap();
        let trained = trained["restarts"].as_u64().unwrap();
        assert_eq!(ends.len() as u64, trained, "{engine}: {said}");
        for (seed, end) in ends.iter().enumerate() {
            let own = ["--restarts", "1", "--seed", &seed.to_string(), "-q"];
            let alone = succeed(wgrad(&[&common[..], &own].concat()));
            let loss = end.strip_prefix(&format!("seed {seed}: ")).expect("in the order of seeds");
            let (loss, solved) = match loss.strip_suffix(", solved") {
                Some(loss) => (loss, true),
                None => (loss, false),
            };
            assert!(alone.contains(&format!("; {loss}.")), "{engine}: {end}\n{alone}");
            assert_eq!(solved, alone.starts_with("Solved:"), "{engine}: {end}\n{alone}");
        }
    }
    let wild = ["--layers", "2,4,1", "--activation", "identity", "--loss", "mse-mean"];
    let wild = [&wild[..], &["--output-activation", "identity", "--lr", "1e30", "-v"]].concat();
    for engine in ["cpu", "resident"] {
        let run = crate::command::run(wgrad(&[&wild[..], &["--engine", engine]].concat()));
        assert!(crate::command::stdout(&run).contains("seed 0: diverged at step "), "{engine}");
    }
}

/// At which epoch the loss was lowest is the same wherever a run is made, and whether alone or not.
#[test]
fn the_best_epoch_is_the_same_on_every_engine() {
    let held_out = ["--data", "iris", "--validation", "0.3", "--epochs", "120", "--lr", "0.1"];
    for common in [&["--epochs", "700"][..], &held_out] {
        let best = |engine: &str, starts: &[&str]| {
            let args = [&["--engine", engine], common, starts].concat();
            let result = told(&args).pop().unwrap();
            let best = result["best_epoch"].as_u64().expect("told of on every engine");
            (result["seed"].to_string(), best, result["best_loss"].as_f64().unwrap())
        };
        let (seed, epoch, loss) = best("cpu", &["--restarts", "4"]);
        for engine in ENGINES {
            for starts in [&["--restarts", "4"][..], &["--restarts", "1", "--seed", &seed]] {
                let here = best(engine, starts);
                assert_eq!((&here.0, here.1), (&seed, epoch), "{engine} {starts:?}");
                assert!((here.2 - loss).abs() <= 1e-4 * loss, "{engine}: {} and {loss}", here.2);
            }
        }
    }
}
