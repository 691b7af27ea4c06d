//! The search for a learning rate.

use std::collections::BTreeMap;
use std::fs;

use crate::command::{assert_has, events, fail, folder, result, succeed, text, wgrad};
use serde_json::Value;

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
