//! `wgrad explain` as a stranger types it: its formats, its width, what it refuses, and what it says of where its
//! numbers come from.

use crate::command::{events, fail, folder, succeed, wgrad, without_adapter};
use serde_json::Value;

const WIDTH: usize = 100;

fn explain(more: &[&str]) -> String {
    succeed(wgrad(&[&["explain"], more].concat()))
}

#[track_caller]
fn check_width(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
    }
}

/// Whether two texts are the same, numbers to two units of their sixth decimal: their last digit may be rounded
/// otherwise on another device.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (one, other) = (words(one), words(other));
    let is_close = |(one, other): (&String, &String)| {
        let number = |word: &str| word.trim_end_matches(['*', ',', ';']).parse::<f64>();
        match (number(one), number(other)) {
            (Ok(a), Ok(b)) => (a - b).abs() <= 2e-6,
            _ => one == other,
        }
    };
    one.len() == other.len() && one.iter().zip(&other).all(is_close)
}

/// What is printed for seed 0, but for the lines about the adapter and those about errors, which are its own.
#[test]
fn the_first_step_of_xor_is_explained_word_by_word() {
    let text = explain(&[]);
    check_width(&text);
    let pinned = include_str!("explain.txt");
    let own = |line: &&str| !line.contains("largest error");
    let from = |text: &str| {
        let at = text.find("network 2 - 3 relu").unwrap();
        text[at..].lines().filter(own).collect::<Vec<_>>().join("\n").replace("GPU ", "device ")
    };
    let (actual, expected) = (from(&text), from(pinned));
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert!(is_same(actual, expected), "{actual}\nwhere this was pinned:\n{expected}");
    }
    assert_eq!(actual.lines().count(), expected.lines().count());
}

#[test]
fn a_machine_without_an_adapter_gets_an_answer_that_says_so() {
    for command in [without_adapter(&["explain"]), wgrad(&["explain", "--device", "cpu"])] {
        let text = succeed(command);
        check_width(&text);
        for part in ["Nothing here comes from a GPU", "by the f32 reference", "CPU, f32"] {
            assert!(text.contains(part), "{text}\nshould contain {part:?}");
        }
        for part in ["by matmul", "read from its buffer"] {
            assert!(!text.contains(part), "{text}\nshould not contain {part:?}");
        }
    }
    fail(without_adapter(&["explain", "--device", "gpu"]), 3, &["adapter"]);
    fail(without_adapter(&["explain", "--require-gpu"]), 3, &["adapter"]);
}

#[test]
fn every_format_has_the_same_numbers() {
    let more = ["--step", "3", "--optimizer", "adam", "--weight-decay", "0.1", "--sample", "2"];
    let of = |format| explain(&[&more[..], &["--format", format]].concat());
    let (text, markdown, html) = (of("text"), of("markdown"), of("html"));
    check_width(&text);
    let lines = events(wgrad(&[&["explain"], &more[..], &["--format", "json"]].concat()));
    let stages: Vec<&Value> = lines.iter().filter(|line| line["event"] == "stage").collect();
    let matrix = |name: &str| -> &Value {
        let all = stages.iter().flat_map(|stage| stage["matrices"].as_array().unwrap());
        all.into_iter().find(|matrix| matrix["name"] == name).unwrap()
    };
    let z1 = matrix("Z1");
    assert_eq!(z1["source"]["kernels"], serde_json::json!(["matmul", "bias_add"]));
    for value in z1["values"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()) {
        let written = format!("{:.6}", value.as_f64().unwrap());
        for (format, text) in [("text", &text), ("markdown", &markdown), ("html", &html)] {
            assert!(text.contains(&written), "{format}: no {written}");
        }
    }
    for part in ["by decay", "by earlier ones", "dz1[2]", "Row 2 by itself"] {
        for (format, text) in [("text", &text), ("html", &html)] {
            assert!(text.contains(part), "{format}: no {part}");
        }
    }
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((&first["event"], &first["step"]), (&"start".into(), &3.into()));
    assert_eq!((&last["event"], &last["pass"]), (&"result".into(), &true.into()));
    let update = stages.iter().find(|stage| stage["stage"] == "update").unwrap();
    let change = &update["updates"][0]["changes"][0];
    let of = |part: &str| change[part].as_f64().unwrap();
    let sum = of("from_gradient") + of("from_decay") + of("from_moment");
    assert!((sum - of("change")).abs() < 1e-6, "{change}");
    assert!(lines.iter().any(|line| line["event"] == "sample" && line["data_row"].is_u64()));
    // One file that needs nothing else, well formed as far as tags go.
    for part in ["http", "<script", "src=", "@import"] {
        assert!(!html.contains(part), "html: {part}");
    }
    for tag in ["table", "section", "h2", "p", "ul", "pre", "style", "html", "tbody", "thead"] {
        let count = |text: &str| html.matches(text).count();
        let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
        assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
    }
    // Tables of one width each, and no line of them is broken by what stands in it.
    let mut width = 0;
    for line in markdown.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        assert!(bars == 0 || width == 0 || bars == width, "{line}");
        width = bars;
    }
}

#[test]
fn terse_leaves_the_words_out_and_no_number() {
    let (long, terse) = (explain(&["--seed", "5"]), explain(&["--seed", "5", "--terse"]));
    assert!(terse.lines().count() < long.lines().count());
    assert!(!terse.contains("The chain rule") && long.contains("The chain rule"));
    let matrices = |text: &str| text.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(matrices(&long), matrices(&terse));
}

#[test]
fn large_networks_are_shown_by_a_corner_that_says_so() {
    let text = explain(&["--data", "digits", "--layers", "64,20,10", "--batch", "40"]);
    check_width(&text);
    for part in [
        "W1   64 x 20",
        "Shown are rows 1 to 12 of 64, columns 1 to 8 of 20.",
        "m = 40",
        "more parameters are not shown",
        "within their bounds of the f64 reference",
    ] {
        assert!(text.contains(part), "{text}\nshould contain {part:?}");
    }
    let made_up = explain(&["--layers", "5,4,3", "--activation", "gelu", "--sample", "1"]);
    check_width(&made_up);
    assert!(made_up.contains("softmax(Y) - T"), "{made_up}");
}

#[test]
fn a_saved_network_is_explained_with_its_own_weights() {
    let folder = folder("cli_explain");
    let model = folder.join("xor.safetensors");
    let model = model.to_str().unwrap();
    succeed(wgrad(&["train", "--device", "cpu", "--save", model]));
    let args = ["explain", "--model", model, "--data", "xor", "--terse", "--sample", "4"];
    let text = succeed(wgrad(&args));
    check_width(&text);
    assert!(text.contains("loss before the update 0.00"), "{text}");
    let page = folder.join("page.html");
    let page = page.to_str().unwrap();
    let to_file = [&args[..], &["--format", "html", "--out", page]].concat();
    assert_eq!(succeed(wgrad(&to_file)), "");
    assert!(std::fs::read_to_string(page).unwrap().starts_with("<!doctype html>"));
    fail(wgrad(&to_file), 2, &["page.html", "--force"]);
    succeed(wgrad(&[&to_file[..], &["--force"]].concat()));
    fail(wgrad(&["explain", "--model", model, "--layers", "2,3,1"]), 2, &["--layers", "--model"]);
    fail(wgrad(&["explain", "--model", "no/such"]), 6, &["no/such"]);
}

#[test]
fn what_does_not_go_together_is_refused_with_the_fix() {
    for (args, code, parts) in [
        (&["--step", "0"][..], 2, &["--step 0", "1 to 2000"][..]),
        (&["--step", "2001"], 2, &["--step 2001", "--epochs"]),
        (&["--sample", "5"], 2, &["--sample 5", "1 to 4"]),
        (&["--format", "pdf"], 2, &["pdf", "markdown"]),
        (&["--engine", "cpu"], 2, &["--engine cpu", "--device cpu"]),
        (&["--kernels", "fused"], 2, &["--kernels fused"]),
        (&["--restarts", "3"], 2, &["--restarts 3"]),
        (&["--schedule", "plateau"], 2, &["--schedule plateau", "--lr"]),
        (&["--data", "no.csv"], 6, &["no.csv"]),
        (&["--device", "cpu", "--require-gpu"], 2, &["--require-gpu"]),
        (
            &[
                "--lr",
                "1e30",
                "--loss",
                "mse-mean",
                "--output-activation",
                "identity",
                "--step",
                "30",
            ],
            5,
            &["--lr"],
        ),
    ] {
        fail(wgrad(&[&["explain"], args].concat()), code, parts);
    }
}
