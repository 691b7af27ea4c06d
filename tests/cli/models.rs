//! Files in, models out, and what a saved model predicts.

use std::process::Stdio;

use crate::command::{events, fail, folder, succeed, wgrad, write};
use serde_json::Value;

#[test]
fn a_file_of_xor_trains_to_the_same_bits_as_the_built_in_one() {
    let path = write("xor", "xor.csv", "a,b,xor\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n");
    let common = ["--engine", "cpu", "--lr", "0.5", "--epochs", "300", "--restarts", "3", "--json"];
    let result = |data: &str| {
        let events = events(wgrad(&[&["--data", data], &common[..]].concat()));
        let last = events.last().unwrap().clone();
        (last["loss"].clone(), last["outputs"].clone(), last["seed"].clone())
    };
    assert_eq!(result(&path), result("xor"));
}

#[test]
fn a_saved_network_predicts_what_training_reported() {
    let folder = folder("save");
    let path = folder.join("xor.safetensors");
    let path = path.to_str().unwrap();
    let trained = events(wgrad(&["--engine", "cpu", "--save", path, "--json"]));
    let outputs = &trained.last().unwrap()["outputs"];
    for engine in ["cpu", "layered"] {
        let predicted = events(wgrad(&[
            "predict", "--model", path, "--data", "xor", "--engine", engine, "--json",
        ]));
        for (row, expected) in outputs.as_array().unwrap().iter().enumerate() {
            let (actual, expected) = (predicted[row]["output"][0].as_f64(), expected[0].as_f64());
            assert!(
                (actual.unwrap() - expected.unwrap()).abs() < 1e-6,
                "{engine}: {}",
                predicted[row]
            );
        }
        let result = predicted.last().unwrap();
        assert_eq!((&result["accuracy"], &result["engine"]), (&1.0.into(), &engine.into()));
    }
    let text = succeed(wgrad(&["predict", "--model", path, "--input", "0,1", "--input", "1,1"]));
    assert!(text.starts_with("cpu engine\n") && text.lines().count() == 4, "{text}");
    let csv = write("predict", "rows.csv", "0,1\n1,1\n-1,2\n");
    let predicted = events(wgrad(&["predict", "--model", path, "--data", &csv, "--json"]));
    assert_eq!(predicted.len(), 4);
    assert_eq!(predicted[3]["accuracy"], Value::Null);
    // Nothing is left beside the file.
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_model_that_cannot_be_used_is_refused() {
    let folder = folder("model");
    let path = folder.join("xor.safetensors");
    let text = path.to_str().unwrap();
    succeed(wgrad(&["--engine", "cpu", "--save", text, "-q"]));
    let predict = |extra: &[&str]| wgrad(&[&["predict", "--model", text], extra].concat());
    fail(predict(&["--input", "0"]), 2, &["--input", "2 inputs"]);
    fail(predict(&["--input", "0,nan"]), 2, &["--input", "missing values in 2"]);
    fail(predict(&["--input", "a,b", "--input", "0,1"]), 2, &["a,b", "not a number"]);
    fail(predict(&["--input", ""]), 2, &["--input", "2 inputs"]);
    fail(predict(&["--input", "0,1\n1,1"]), 2, &["--input", "3 fields"]);
    fail(predict(&["--input", ",1"]), 2, &["--input", "missing values in 1"]);
    fail(predict(&["--data", "parity-3"]), 2, &["parity-3"]);
    fail(predict(&["--data", "no/such.csv"]), 6, &["no/such.csv"]);
    let three = write("four-columns", "four.csv", "1,2,3,4\n");
    fail(predict(&["--data", &three]), 6, &["4 columns"]);
    fail(
        wgrad(&["predict", "--model", "no/such.safetensors", "--input", "0,1"]),
        6,
        &["no/such.safetensors"],
    );
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    fail(predict(&["--input", "0,1"]), 6, &["xor.safetensors", "hash"]);
    std::fs::write(&path, &bytes[..100]).unwrap();
    fail(predict(&["--input", "0,1"]), 6, &["xor.safetensors", "safetensors file"]);
    fail(wgrad(&["--save", "no/such/folder/x.safetensors"]), 6, &["no/such/folder"]);
    fail(wgrad(&["--save", folder.to_str().unwrap()]), 6, &["folder"]);
    fail(wgrad(&["--save", "new/"]), 6, &["new/", "is a folder"]);
}

/// One-of-n targets, several outputs, mini-batches: files in, classes out, on both engines.
#[test]
fn classes_train_and_predict() {
    let rows: String = (0..90)
        .map(|i| {
            let (class, x) = (i % 3, f64::from(i / 3) / 60.0);
            let one = |k| u8::from(class == k);
            format!("{},{x},{},{},{}\n", f64::from(class) - 1.0, one(0), one(1), one(2))
        })
        .collect();
    let data = write("classes", "classes.csv", &rows);
    let model = folder("classes-model").join("classes.safetensors");
    let model = model.to_str().unwrap();
    for engine in ["cpu", "layered"] {
        let args = [
            "--data",
            &data,
            "--layers",
            "2,8,3",
            "--loss",
            "softmax-cross-entropy",
            "--batch",
            "20",
            "--epochs",
            "40",
            "--lr",
            "0.5",
            "--engine",
            engine,
            "--save",
            model,
            "--force",
            "--json",
        ];
        let trained = events(wgrad(&args));
        let result = trained.last().unwrap();
        assert_eq!(
            (&result["accuracy"], &result["solved"]),
            (&1.0.into(), &Value::Null),
            "{engine}"
        );
        let predicted = events(wgrad(&["predict", "--model", model, "--data", &data, "--json"]));
        assert_eq!(predicted.last().unwrap()["accuracy"], 1.0);
        let output = predicted[0]["output"].as_array().unwrap();
        let sum: f64 = output.iter().map(|p| p.as_f64().unwrap()).sum();
        assert!(output.len() == 3 && (sum - 1.0).abs() < 1e-6, "{output:?}");
    }
}

/// A reader that goes away does not turn a good model into half of one.
#[test]
fn a_closed_pipe_does_not_spoil_what_is_saved() {
    let path = folder("pipe").join("xor.safetensors");
    let text = path.to_str().unwrap();
    let args =
        ["--engine", "cpu", "--json", "--epochs", "300000", "--restarts", "3", "--save", text];
    let mut child = wgrad(&args).stdout(Stdio::piped()).spawn().unwrap();
    // The start line, and then nobody is there any more.
    let mut reader = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut String::new()).unwrap();
    drop(reader);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let predicted = events(wgrad(&["predict", "--model", text, "--data", "xor", "--json"]));
    assert_eq!(predicted.last().unwrap()["solved"], true);
}
