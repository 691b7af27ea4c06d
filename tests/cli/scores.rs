//! `wgrad sweep` on data that is not solved row by row: scores, and their parts.

use crate::command::{events, fail, folder, succeed, wgrad};
use serde_json::Value;

/// Networks on data that is not solved row by row are scored: mean, spread and best seed of each cell.
#[test]
fn networks_on_larger_data_are_scored_cell_by_cell() {
    let common = ["sweep", "--data", "iris", "--networks", "3", "--epochs", "60"];
    let of = |args: &[&str]| events(wgrad(&[&common[..], args, &["--json"]].concat()));
    let all = of(&["--lr", "0.01,0.1", "--engine", "cpu"]);
    let cells: Vec<&Value> = all.iter().filter(|event| event["event"] == "cell").collect();
    assert_eq!(cells.len(), 2);
    let result = all.last().unwrap();
    assert_eq!((&result["measure"], &result["rows_of"]), (&"accuracy".into(), &"test".into()));
    // Each network is what a training of its seed gives.
    let mut alone = Vec::new();
    for seed in ["0", "1", "2"] {
        let args =
            ["--data", "iris", "--epochs", "60", "--lr", "0.1", "--seed", seed, "--engine", "cpu"];
        let run = events(wgrad(&[&args[..], &["--json"]].concat())).pop().unwrap();
        alone.push((run["test_accuracy"].as_f64().unwrap(), run["test_loss"].as_f64().unwrap()));
    }
    let mean = |of: fn(&(f64, f64)) -> f64| alone.iter().map(of).sum::<f64>() / 3.0;
    let accuracy = mean(|run| run.0);
    approx::assert_relative_eq!(cells[1]["accuracy_mean"].as_f64().unwrap(), accuracy);
    let deviation = (alone.iter().map(|run| (run.0 - accuracy).powi(2)).sum::<f64>() / 2.0).sqrt();
    let told = cells[1]["accuracy_deviation"].as_f64().unwrap();
    approx::assert_relative_eq!(told, deviation, epsilon = 1e-9);
    approx::assert_relative_eq!(cells[1]["loss_mean"].as_f64().unwrap(), mean(|run| run.1));
    let best = cells[1]["best_seed"].as_u64().unwrap() as usize;
    assert!(alone.iter().all(|run| run.0 <= alone[best].0));
    // The same networks elsewhere.
    for engine in ["layered", "resident"] {
        let there = of(&["--lr", "0.1", "--engine", engine]);
        let cell = there.iter().find(|event| event["event"] == "cell").unwrap();
        let (one, other) = (cell["loss_mean"].as_f64().unwrap(), mean(|run| run.1));
        approx::assert_relative_eq!(one, other, max_relative = 1e-3);
    }
}

#[test]
fn regressions_are_scored_by_r2_and_what_cannot_be_is_refused() {
    let houses = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reported/houses.csv");
    let csv = folder("scores").join("s.csv");
    let csv = csv.to_str().unwrap();
    let common = ["sweep", "--data", houses, "--networks", "2", "--test", "0.2", "--csv", csv];
    let text = succeed(wgrad(&[&common[..], &["--lr", "1e-9,0.1", "--engine", "cpu"]].concat()));
    for part in ["on the test rows", "best R2", "of seed", "Highest mean", "at lr 0.1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let written = std::fs::read_to_string(csv).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert!(
        lines.len() == 3 && lines[0].contains("r2_mean,r2_deviation,r2_best,loss_mean"),
        "{written}"
    );
    let bad = |args: &[&str], parts: &[&str]| fail(wgrad(&[&["sweep"], args].concat()), 2, parts);
    bad(&["--test", "0.2"], &["--test 0.2", "plays no part"]);
}

/// The parts of a sweep make the table of the whole, and those that are missing are named.
#[test]
fn parts_of_scores_make_the_whole() {
    let folder = folder("score-parts");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let common =
        ["sweep", "--data", "iris", "--networks", "5", "--epochs", "20", "--lr", "0.01,0.1"];
    for engine in ["cpu", "resident"] {
        let args = [&common[..], &["--engine", engine, "--force"]].concat();
        let whole = succeed(wgrad(&[&args[..], &["--csv", "-"]].concat()));
        let files: Vec<String> = (1..=2).map(|part| path(&format!("{part}.json"))).collect();
        for (file, shard) in files.iter().zip(["1/2", "2/2"]) {
            succeed(wgrad(&[&args[..], &["--save", file, "--shard", shard, "-q"]].concat()));
        }
        let joined = ["sweep", "--join", &files[1], &files[0]];
        assert_eq!(succeed(wgrad(&[&joined[..], &["--csv", "-"]].concat())), whole, "{engine}");
        let text = succeed(wgrad(&joined));
        assert!(
            text.contains("2 parts, computed on: ") && text.contains("10 networks in"),
            "{text}"
        );
        assert!(text.contains("on the test rows") && text.contains("Highest mean"), "{text}");
        let told = succeed(wgrad(&["sweep", "--join", &files[1]]));
        assert!(told.contains("Incomplete: part 1/2 is not given."), "{told}");
        let told = events(wgrad(&["sweep", "--join", &files[1], "--json"])).pop().unwrap();
        assert_eq!((&told["networks"], &told["stopped"]), (&6.into(), &true.into()));
    }
    // Of another sweep, by its test rows; and of another kind.
    let other = path("other.json");
    let args = [&common[..], &["--save", &other, "--shard", "2/2", "--test", "0.3", "-q"]].concat();
    succeed(wgrad(&args));
    let parts = ["another sweep", "test is nothing there"];
    fail(wgrad(&["sweep", "--join", &path("1.json"), &other]), 6, &parts);
    let counts = path("counts.json");
    let few = ["sweep", "--networks", "10", "--epochs", "10", "--shard", "2/2", "--save", &counts];
    succeed(wgrad(&few));
    fail(
        wgrad(&["sweep", "--join", &path("1.json"), &counts]),
        6,
        &["sweep part 4", "scored sweep"],
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

/// The command that was interrupted, given again, makes the table of one that was not.
#[test]
fn interrupted_scores_go_on_with_the_same_command() {
    let folder = folder("scores-again");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (file, whole) = (path("part.json"), path("whole.json"));
    let common =
        ["sweep", "--data", "iris", "--networks", "6", "--lr", "0.01,0.1", "--epochs", "20"];
    let read = |path: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    for engine in ["cpu", "resident"] {
        let args = [&common[..], &["--engine", engine]].concat();
        succeed(wgrad(&[&args[..], &["--save", &whole, "--force", "-q"]].concat()));
        // Networks end in any order on many cores.
        let mut part = read(&whole);
        part["stopped"] = true.into();
        part["seconds"] = 1000.0.into();
        let of_cell = |part: &mut Value, at: usize, left: &[usize]| {
            let scores = part["cells"][at][1]["scores"].as_array().unwrap().clone();
            let kept: Vec<Value> = left.iter().map(|&at| scores[at].clone()).collect();
            part["cells"][at][1]["scores"] = kept.into();
        };
        of_cell(&mut part, 0, &[0, 2, 5]);
        of_cell(&mut part, 1, &[]);
        std::fs::write(&file, part.to_string()).unwrap();
        let again = [&args[..], &["--save", &file]].concat();
        let text = succeed(wgrad(&again));
        assert!(text.contains("part.json: 3 of 12 networks are done"), "{text}");
        let done = read(&file);
        assert_eq!(done["cells"], read(&whole)["cells"], "{engine}");
        assert!(done["seconds"].as_f64() > Some(1000.0));
        // Once more there is nothing left to train.
        let text = succeed(wgrad(&again));
        assert!(text.contains("part.json: 12 of 12 networks are done"), "{text}");
        assert_eq!(read(&file)["cells"], done["cells"]);
    }
    // A seed that stands there twice is no result of a run.
    let mut part = read(&file);
    let first = part["cells"][0][1]["scores"][0].clone();
    part["cells"][0][1]["scores"][1] = first;
    std::fs::write(&file, part.to_string()).unwrap();
    fail(wgrad(&["sweep", "--join", &file]), 6, &["part.json", "damaged"]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[cfg(unix)]
#[test]
fn a_signal_keeps_the_scores_so_far() {
    let folder = folder("scores-signal");
    let file = folder.join("part.json");
    let args = ["sweep", "--data", "digits", "--engine", "cpu", "--networks", "4000", "--json"];
    let saved = ["--epochs", "2", "--save", file.to_str().unwrap()];
    let result = crate::command::interrupted(wgrad(&[&args[..], &saved].concat()), "-INT", 130);
    assert_eq!(result["stopped"], true);
    assert!(result["incomplete"].as_str().unwrap().contains("The same command trains"));
    let networks = result["networks"].as_u64().unwrap();
    assert!(networks > 0 && networks < 4000, "{networks}");
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let scores = saved["cells"][0][1]["scores"].as_array().unwrap();
    assert_eq!(scores.len() as u64, networks);
    std::fs::remove_dir_all(&folder).unwrap();
}
