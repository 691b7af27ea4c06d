//! `wgrad export --pytorch`, but for PyTorch itself: `tests/pytorch_twin.py` runs the scripts.

use crate::command::{fail, folder, succeed, wgrad, write};

#[test]
fn a_training_is_written_as_a_script_that_says_how_it_came_to_be() {
    let path = folder("export").join("xor twin.py");
    let path = path.to_str().unwrap();
    let text = succeed(wgrad(&["export", "--pytorch", path]));
    assert_eq!(text, format!("1000 steps written to {path}; run `python '{path}'`\n"));
    let script = std::fs::read_to_string(path).unwrap();
    assert!(script.contains(&format!("\n    wgrad export --pytorch '{path}'\n")), "{script}");
    assert!(script.contains("\n1000 steps of sgd, weights he-normal, seed 0\n"), "{script}");
    assert!(script.ends_with("if __name__ == \"__main__\":\n    sys.exit(main())\n"), "{script}");
    // The first loss of XOR's start, as a training tells it.
    let told = succeed(wgrad(&["--engine", "cpu", "--restarts", "1", "--json", "--epochs", "1"]));
    let epoch: serde_json::Value =
        serde_json::from_str(told.lines().find(|line| line.contains("\"epoch\":1")).unwrap())
            .unwrap();
    let first =
        script.split_once("LOSSES = table(\"\"\"\\\n").unwrap().1.split_once('\n').unwrap().0;
    let told = epoch["loss"].as_f64().unwrap();
    assert!((first.parse::<f64>().unwrap() - told).abs() < 1e-6, "{first} {told}");
}

#[test]
fn a_file_that_is_there_stays_unless_force_says_otherwise() {
    let path = write("export-there", "twin.py", "mine");
    let short = ["export", "--pytorch", &path, "--steps", "3"];
    fail(wgrad(&short), 2, &["twin.py", "exists", "--force"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    succeed(wgrad(&[&short[..], &["--force"]].concat()));
    assert!(std::fs::read_to_string(&path).unwrap().contains("\n3 steps of sgd"));
}

#[test]
fn what_cannot_be_exported_is_refused_and_nothing_is_written() {
    let folder = folder("export-refused");
    let path = folder.join("twin.py");
    let path = path.to_str().unwrap();
    for (args, parts) in [
        (&["--steps", "0"][..], &["--steps 0", "1 to 2000"][..]),
        (&["--steps", "2001"], &["--steps 2001", "1 to 2000", "--epochs"]),
        (&["--engine", "resident"], &["--engine resident", "cpu engine"]),
        (&["--device", "gpu"], &["--device gpu", "cpu engine"]),
        (&["--kernels", "plain"], &["--kernels", "leave it out"]),
        (&["--require-gpu"], &["--require-gpu"]),
        (&["--save", "x.safetensors"], &["--save", "train"]),
        (&["--layers", "2,500000,1", "--steps", "2"], &["--steps 2", "49 MB", "smaller --layers"]),
    ] {
        fail(wgrad(&[&["export", "--pytorch", path], args].concat()), 2, parts);
    }
    let wild = ["--lr", "1e30", "--loss", "mse-mean", "--output-activation", "identity"];
    fail(wgrad(&[&["export", "--pytorch", path], &wild[..]].concat()), 5, &["diverged", "--lr"]);
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn the_settings_of_a_training_come_from_its_file() {
    let config = write("export-config", "run.toml", "engine = 'resident'\nseed = 7\nepochs = 5\n");
    let path = folder("export-config-out").join("twin.py");
    let path = path.to_str().unwrap();
    let text = succeed(wgrad(&["export", "--pytorch", path, "--config", &config]));
    assert!(text.starts_with("5 steps written"), "{text}");
    assert!(std::fs::read_to_string(path).unwrap().contains("weights he-normal, seed 7\n"));
}
