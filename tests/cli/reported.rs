//! Inputs that went wrong with tools of this kind, in `tests/reported`, and what is right for each. Their
//! numbers are made up.

use crate::command::{events, fail, folder, succeed, wgrad};
use serde_json::Value;

/// One of the files.
fn file(name: &str) -> String {
    format!("{}/tests/reported/{name}.csv", env!("CARGO_MANIFEST_DIR"))
}

/// The first and the last event of a training.
#[track_caller]
fn train(name: &str, args: &[&str]) -> (Value, Value) {
    let mut events = events(wgrad(&[&["--data", &file(name), "--json"], args].concat()));
    (events.remove(0), events.pop().unwrap())
}

/// As the numbers stand in the file.
const RAW: [&str; 4] = ["--normalize", "none", "--normalize-targets", "none"];
const ENGINES: [&str; 3] = ["cpu", "layered", "resident-workgroup"];

#[test]
fn gradients_beyond_the_squares_of_f32_are_clipped_to_an_update() {
    for engine in ENGINES {
        let clipped = ["--clip-norm", "1", "--engine", engine];
        let own = ["--layers", "1,1", "--restarts", "1", "--epochs", "500", "--lr", "0.1"];
        let (_, result) = train("clip-overflow", &[&clipped[..], &own, &RAW].concat());
        // By numpy in f64.
        approx::assert_relative_eq!(
            result["loss"].as_f64().unwrap(),
            1.809e24,
            max_relative = 1e-3
        );
        let own = ["--lr", "1000", "--epochs", "300"];
        let (_, result) = train("gdp", &[&clipped[..], &own, &RAW].concat());
        approx::assert_relative_eq!(
            result["loss"].as_f64().unwrap(),
            8.958e25,
            max_relative = 1e-3
        );
    }
    // On a scale of their own such numbers are like any others.
    let (_, result) = train("clip-overflow", &["--engine", "cpu"]);
    assert!(result["r2"].as_f64().unwrap() > 0.99, "{result}");
}

#[test]
fn the_weights_with_the_lowest_validation_loss_are_kept() {
    let folder = folder("reported-noisy");
    let (out, save) = (folder.join("run"), folder.join("es.safetensors"));
    let (out, save) = (out.to_str().unwrap(), save.to_str().unwrap());
    let test = file("noisytest");
    for engine in ENGINES {
        let args = [
            "--validation",
            "0.3",
            "--layers",
            "4,32,1",
            "--optimizer",
            "adam",
            "--epochs",
            "400",
            "--patience",
            "30",
            "--test",
            &test,
            "--out",
            out,
            "--save",
            save,
            "--force",
            "--engine",
            engine,
        ];
        let (_, result) = train("noisy", &args);
        // It only rises from the first epochs on.
        let best = result["best_epoch"].as_u64().unwrap();
        assert!(best <= 5 && result["weights_epoch"] == best, "{engine}: {result}");
        let loss = result["best_loss"].as_f64().unwrap();
        assert!((0.5..0.6).contains(&loss), "{engine}: {loss}");
        assert_eq!(result["validation_loss"], result["best_loss"]);
        for model in [save, out] {
            let told = events(wgrad(&["predict", "--model", model, "--data", &test, "--json"]));
            let predicted = told.last().unwrap()["loss"].as_f64().unwrap();
            let tested = result["test_loss"].as_f64().unwrap();
            approx::assert_relative_eq!(predicted, tested, max_relative = 1e-5);
        }
        let (_, last) = train("noisy", &[&args[..], &["--weights", "last"]].concat());
        assert_eq!(last["weights_epoch"], best + 30, "{engine}: {last}");
        assert!(last["validation_loss"].as_f64().unwrap() > loss, "{engine}: {last}");
    }
    let text =
        succeed(wgrad(&["--data", &file("noisy"), "--validation", "0.3", "--epochs", "300", "-q"]));
    assert!(text.contains("its weights are kept (--weights last"), "{text}");
}

/// A run that goes on from a checkpoint still knows the weights that were best before it.
#[test]
fn a_resumed_run_keeps_the_best_weights_of_before() {
    let folder = folder("reported-resumed");
    let out = folder.join("run");
    let out = out.to_str().unwrap();
    let args =
        ["--validation", "0.3", "--layers", "4,32,1", "--optimizer", "adam", "--engine", "cpu"];
    let (_, first) = train("noisy", &[&args[..], &["--epochs", "40", "--out", out]].concat());
    let mut told = events(wgrad(&["--resume", out, "--epochs", "60", "--json"]));
    let second = told.pop().unwrap();
    for key in ["weights_epoch", "best_loss", "loss", "validation_loss"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    assert!(second["weights_epoch"].as_u64().unwrap() < 10, "{second}");
}

#[test]
fn large_times_that_differ_little_are_told_apart() {
    let args = ["--epochs", "500", "--lr", "0.5", "--engine", "cpu"];
    let (start, result) = train("timestamps", &args);
    assert_eq!((&start["normalize"], &result["accuracy"]), (&"standard".into(), &1.0.into()));
    let loss = result["loss"].as_f64().unwrap();
    assert!(loss < 0.025, "{loss}");
    let raw = ["--normalize", "none", "--epochs", "1", "--engine", "cpu"];
    let text = succeed(wgrad(&[&["--data", &file("timestamps")], &raw[..]].concat()));
    assert!(text.contains("64 different values of time are 1 in f32"), "{text}");
}

#[test]
fn prices_of_houses_are_learned_by_default_and_with_other_choices() {
    // Their noise has a deviation of about 15,000.
    for (args, most) in [
        (&[][..], 16_000.0),
        (&["--normalize", "standard"], 16_000.0),
        (&["--optimizer", "adam"], 16_000.0),
        (&["--engine", "cpu"], 16_000.0),
        (&["--engine", "layered"], 16_000.0),
        (&["--clip-norm", "1"], 20_000.0),
        (&["--lr", "0.001"], 40_000.0),
    ] {
        let (start, result) = train("houses", args);
        assert_eq!(start["normalize_targets"], "standard");
        let rmse = result["rmse"].as_f64().unwrap();
        assert!(rmse < most, "{args:?}: {rmse}");
        // Losses are in the unit of the targets too.
        approx::assert_relative_eq!(
            result["loss"].as_f64().unwrap(),
            rmse * rmse,
            max_relative = 1e-4
        );
    }
    let text =
        succeed(wgrad(&[&["--data", &file("houses"), "--lr", "1e-12", "-q"], &RAW[..]].concat()));
    assert!(text.contains("no better than predicting the mean"), "{text}");
    let text = succeed(wgrad(&["--data", &file("houses"), "--engine", "cpu"]));
    for part in ["RMSE", "MAE", "R2 0.9", "inputs scaled to mean 0", "targets scaled to mean 0"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// A model gives numbers in the unit of its targets for rows as people have them.
#[test]
fn predictions_are_in_the_unit_of_the_targets() {
    let model = folder("reported-houses").join("m.safetensors");
    let model = model.to_str().unwrap();
    let (_, trained) = train("houses", &["--engine", "cpu", "--save", model]);
    let told = events(wgrad(&["predict", "--model", model, "--data", &file("houses"), "--json"]));
    let result = told.last().unwrap();
    for key in ["loss", "rmse", "mae", "r2"] {
        let (one, other) = (trained[key].as_f64().unwrap(), result[key].as_f64().unwrap());
        approx::assert_relative_eq!(one, other, max_relative = 1e-5);
    }
    let output = told[0]["output"][0].as_f64().unwrap();
    let target = told[0]["target"][0].as_f64().unwrap();
    assert!((output - target).abs() < 60_000.0 && target > 10_000.0, "{}", told[0]);
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let fails = |name: &str, args: &[&str], parts: &[&str]| {
        fail(wgrad(&[&["--data", &file(name)], args].concat()), 6, parts);
    };
    fails("duplicate-names", &["--target", "y"], &["columns 2 and 3 are both named \"y\""]);
    fails("quoted-newline", &["--ignore", "id,title"], &["no column is left for inputs"]);
    let told = |name: &str, args: &[&str]| {
        succeed(wgrad(&[&["--data", &file(name), "--engine", "cpu"], args].concat()))
    };
    let text = told("constant-target", &[]);
    assert!(text.contains("Every row has the target 0: there is nothing to learn"), "{text}");
    assert!(!text.contains("Solved"), "{text}");
    let text = told("labels-1-2", &["--epochs", "1"]);
    assert!(
        text.contains("2 whole numbers: if they are classes, use --target-type classes"),
        "{text}"
    );
    let (start, _) = train("integer-header", &["--engine", "cpu"]);
    assert_eq!(start["rows"], 20);
    let (start, _) = train("quoted-newline", &["--ignore", "title", "--engine", "cpu"]);
    assert_eq!((&start["rows"], &start["inputs"][0]), (&3.into(), &"id".into()));
}

#[test]
fn a_range_test_on_a_table_names_a_rate_or_what_is_wrong() {
    for (name, ends) in [("noisy", 0.01..0.2), ("houses", 0.002..0.2), ("labels-1-2", 0.01..1.0)] {
        let result = events(wgrad(&["lr-find", "--data", &file(name), "--json"])).pop().unwrap();
        let rate = result["suggested"].as_f64().unwrap();
        assert!(ends.contains(&rate), "{name}: {rate}");
        assert!(result["map"].is_null() && result["no_map"].is_string(), "{result}");
    }
    let text = succeed(wgrad(&["lr-find", "--data", &file("constant-target")]));
    assert!(text.contains("there is nothing to learn, at any rate"), "{text}");
}
