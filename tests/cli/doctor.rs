//! Runs that diverge or are stuck, and what the doctor says of them.

use std::fs;

use crate::command::{
    ENGINES, assert_has, events, folder, result, run, stderr, stdout, succeed, text, wgrad,
};
use serde_json::Value;

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
