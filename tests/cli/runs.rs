//! Runs that are kept in a folder, and going on with them: repeated to the bit, resumed as if they had
//! never stopped, and refused where they are of another training.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::command::{events, fail, folder, stdout, succeed, text, wgrad};
use serde_json::Value;

/// The names of what lies in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// What of a safetensors file comes after its header: every number, and nothing else.
#[track_caller]
fn tensors(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert!(bytes.len() > 8 + header, "{} holds numbers", path.display());
    bytes[8 + header..].to_vec()
}

/// The lines of a kept run's history, every one of them whole.
#[track_caller]
fn history(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("history.jsonl")).unwrap();
    assert!(text.ends_with('\n'), "{text:?}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The epochs that a history tells of, its result left out.
fn told(history: &[Value]) -> Vec<u64> {
    let epochs = history.iter().filter(|line| line["event"] == "epoch");
    epochs.map(|line| line["epoch"].as_u64().unwrap()).collect()
}

const LAST: &str = "last.safetensors";

const BEST: &str = "best.safetensors";

#[test]
fn a_kept_run_is_repeated_from_its_settings_to_the_bit() {
    let folder = folder("repeated");
    let common = ["--data", "parity-3", "--batch", "3", "--optimizer", "adam", "--epochs", "90"];
    for engine in [&["--engine", "cpu"][..], &["--kernels", "plain"], &["--engine", "layered"], &[]]
    {
        let name = engine.join("");
        let (first, second) = (folder.join(format!("a{name}")), folder.join(format!("b{name}")));
        let out = ["--out", text(&first)];
        let said = succeed(wgrad(&[&common, engine, &out].concat()));
        assert!(said.contains(&format!("Kept in {}.", first.display())), "{said}");
        let files = ["config.toml", "history.jsonl", LAST, BEST].map(str::to_owned);
        assert_eq!(names(&first), files.into());
        let lines = history(&first);
        let (result, epochs) = (lines.last().unwrap(), told(&lines));
        assert_eq!((&result["event"], &result["end"]), (&"result".into(), &"epochs".into()));
        assert!(epochs.is_sorted_by(|a, b| a < b) && epochs.last() == Some(&90), "{epochs:?}");
        let config = first.join("config.toml");
        let again = succeed(wgrad(&["--config", text(&config), "--out", text(&second)]));
        // The engine that was chosen, not the choice: elsewhere it may be another one.
        assert_eq!(said.lines().next(), again.lines().next());
        assert_eq!(fs::read(&config).unwrap(), fs::read(second.join("config.toml")).unwrap());
        for file in [LAST, BEST] {
            assert!(tensors(&first.join(file)) == tensors(&second.join(file)), "{name}: {file}");
            let model = second.join(file);
            let args = ["predict", "--model", text(&model), "--data", "parity-3", "--json"];
            assert_eq!(events(wgrad(&args)).last().unwrap()["rows"], 8, "{name}: {file}");
        }
        assert_eq!(lines, history(&second));
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nothing_that_is_there_is_replaced_without_force() {
    let folder = folder("force");
    let kept = folder.join("run");
    let short = ["--engine", "cpu", "--restarts", "1"];
    let out = |epochs| [&short[..], &["--epochs", epochs, "--out", text(&kept)]].concat();
    succeed(wgrad(&out("30")));
    fs::write(kept.join("notes.txt"), "mine").unwrap();
    let before = fs::read(kept.join(LAST)).unwrap();
    fail(wgrad(&out("40")), 2, &["--out", "run", "is not empty", "--force"]);
    assert!(fs::read(kept.join(LAST)).unwrap() == before, "left as it was");
    assert_eq!(history(&kept).last().unwrap()["epoch"], 30);
    succeed(wgrad(&[&out("40")[..], &["--force"]].concat()));
    assert_eq!(told(&history(&kept)), [40]);
    assert_eq!(history(&kept).last().unwrap()["epoch"], 40);
    assert_eq!(fs::read_to_string(kept.join("notes.txt")).unwrap(), "mine");

    let model = folder.join("model.safetensors");
    let save = |seed| [&short[..], &["--seed", seed, "--save", text(&model)]].concat();
    succeed(wgrad(&save("1")));
    let before = fs::read(&model).unwrap();
    fail(wgrad(&save("2")), 2, &["model.safetensors", "exists", "--force"]);
    assert!(fs::read(&model).unwrap() == before, "left as it was");
    succeed(wgrad(&[&save("2")[..], &["--force"]].concat()));
    assert!(fs::read(&model).unwrap() != before);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn runs_of_one_name_are_numbered() {
    let folder = folder("numbered");
    let kept = |keep: &str| {
        let mut command =
            wgrad(&["--engine", "cpu", "--restarts", "1", "--epochs", "20", keep, "--json"]);
        command.current_dir(&folder);
        let result = events(command).pop().unwrap();
        result["kept_in"].as_str().unwrap().replace('\\', "/")
    };
    assert_eq!(kept("--keep=first try"), "runs/first-try-001");
    assert_eq!(kept("--keep=first try"), "runs/first-try-002");
    assert_eq!(kept("--keep"), "runs/xor-001");
    assert_eq!(names(&folder.join("runs")).len(), 3);
    assert!(names(&folder.join("runs/first-try-002")).contains(LAST));
    fs::remove_dir_all(&folder).unwrap();
}

/// A run that has done its epochs goes on for more, also the one of many starts that was kept; what a
/// crash tore of its history is cut.
#[test]
fn a_run_goes_on_for_more_epochs_than_it_was_given() {
    let folder = folder("longer");
    for engine in ["cpu", "resident"] {
        let (kept, whole) = (folder.join(engine), folder.join(format!("{engine}-whole")));
        let args = ["--engine", engine, "--epochs", "200", "--restarts", "8"];
        let out = ["--out", text(&kept), "--json"];
        let result = events(wgrad(&[&args[..], &out].concat())).pop().unwrap();
        let seed = result["seed"].to_string();
        fail(wgrad(&["--resume", text(&kept)]), 2, &["has done its 200 epochs", "--epochs"]);
        let path = kept.join("history.jsonl");
        let torn = fs::read_to_string(&path).unwrap() + "{\"event\":\"epoch\",\"epo";
        fs::write(&path, torn).unwrap();
        let more = ["--resume", text(&kept), "--epochs", "500", "--json"];
        let resumed = events(wgrad(&more)).pop().unwrap();
        assert_eq!((resumed["seed"].to_string(), &resumed["epochs"]), (seed.clone(), &500.into()));
        let lines = history(&kept);
        let results: Vec<usize> =
            (0..lines.len()).filter(|&at| lines[at]["event"] == "result").collect();
        assert_eq!(
            (results, &lines[lines.len() - 1]["epoch"]),
            (vec![lines.len() - 1], &500.into())
        );
        let own: Vec<Value> =
            lines.into_iter().filter(|line| line["seed"] == result["seed"]).collect();
        assert!(told(&own).is_sorted_by(|a, b| a < b), "{own:?}");
        let args = ["--engine", engine, "--epochs", "500", "--restarts", "1", "--seed", &seed];
        succeed(wgrad(&[&args[..], &["--out", text(&whole)]].concat()));
        assert!(tensors(&kept.join(LAST)) == tensors(&whole.join(LAST)), "{engine}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

/// While a run is being written to a folder no other run gets in; once it is killed, one does, and goes on
/// from its last checkpoint with one history.
#[test]
fn one_run_at_a_time_is_written_to_a_folder() {
    let folder = folder("locked");
    let kept = folder.join("run");
    let path = text(&kept);
    let endless = ["--engine", "cpu", "--restarts", "1", "--epochs", "4000000000"];
    let often = ["--checkpoint-every", "1000", "--out", path, "-q"];
    let mut first = wgrad(&[&endless[..], &often].concat()).spawn().unwrap();
    while !kept.join(LAST).exists() {
        assert!(first.try_wait().unwrap().is_none(), "it cannot have ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let refused = &[path, "another wgrad is writing its run there", "wait until it ends"];
    fail(wgrad(&["--resume", path]), 1, refused);
    fail(wgrad(&["--epochs", "9", "--out", path, "--force"]), 1, refused);
    assert!(first.try_wait().unwrap().is_none(), "it goes on");
    first.kill().unwrap();
    first.wait().unwrap();
    // At the first report boundary the loss is below that.
    succeed(wgrad(&["--resume", path, "--target-loss", "1000"]));
    let lines = history(&kept);
    let results = lines.iter().filter(|line| line["event"] == "result").count();
    assert_eq!((results, &lines[lines.len() - 1]["event"]), (1, &"result".into()));
    assert!(told(&lines).is_sorted_by(|a, b| a < b), "{lines:?}");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_checkpoint_of_another_training_is_refused_with_both_values() {
    let folder = folder("another");
    let kept = folder.join("run");
    let table = folder.join("rows.csv");
    fs::write(&table, "0,0,0\n0,1,1\n1,0,1\n1,1,0\n").unwrap();
    let data = ["--data", text(&table), "--engine", "cpu", "--restarts", "1", "--epochs", "50"];
    succeed(wgrad(&[&data[..], &["--optimizer", "momentum", "--out", text(&kept)]].concat()));
    let last = kept.join(LAST);
    let before = (fs::read(&last).unwrap(), history(&kept));
    let resume =
        |args: &[&str]| wgrad(&[&["--resume", text(&kept), "--epochs", "99"], args].concat());
    for (args, parts) in [
        (&["--layers", "2,4,1"][..], &["layers is [2, 3, 1] there and [2, 4, 1] here"][..]),
        (&["--lr", "0.25"], &["lr is 0.05 there and 0.25 here"]),
        (&["--activation", "tanh"], &["activation is \"relu\" there and \"tanh\" here"]),
        (&["--optimizer", "adam"], &["optimizer is \"momentum\" there and \"adam\" here"]),
        (&["--clip-norm", "1"], &["clip-norm is nothing there and 1.0 here"]),
        (&["--data", "and"], &["data is ", "rows.csv", "there and \"and\" here"]),
        (
            &["--loss", "mse-mean", "--batch", "2", "--seed", "4"],
            &[
                "loss is \"bce\" there and \"mse-mean\" here",
                "batch is 0 there and 2 here",
                "seed is 0 there and 4 here",
            ],
        ),
    ] {
        fail(resume(args), 2, &[&["is of another training", LAST], parts].concat());
    }
    fail(wgrad(&["--resume", text(&kept)]), 2, &["has done its 50 epochs", "--epochs"]);
    fail(wgrad(&["--resume", text(&last)]), 2, &["has done its 50 epochs", "--epochs"]);
    // The same settings over rows that are others now.
    fs::write(&table, "0,0,0\n0,1,1\n1,0,1\n1,1,1\n").unwrap();
    fail(resume(&[]), 2, &["is of another training", "data is ", " there and ", " here"]);
    assert!(before == (fs::read(&last).unwrap(), history(&kept)), "left as it was");
    fs::remove_dir_all(&folder).unwrap();
}

/// Paths are kept so that they mean the same in every folder; rows that were moved are known again.
#[test]
fn a_run_is_resumed_and_repeated_from_another_folder_and_with_its_rows_elsewhere() {
    let folder = folder("elsewhere");
    let (here, there) = (folder.join("here"), folder.join("there"));
    fs::create_dir_all(&here).unwrap();
    fs::create_dir_all(&there).unwrap();
    fs::write(here.join("rows.csv"), "0,0,0\n0,1,1\n1,0,1\n1,1,0\n").unwrap();
    let wgrad_in = |at: &Path, args: &[&str]| {
        let mut command = wgrad(args);
        command.current_dir(at);
        command
    };
    let start = ["--data", "rows.csv", "--test", "rows.csv", "--engine", "cpu", "--restarts", "1"];
    let kept = ["--epochs", "50", "--out", "run"];
    succeed(wgrad_in(&here, &[&start[..], &kept].concat()));
    let (run, config) = (here.join("run"), here.join("run/config.toml"));
    let resume = ["--resume", text(&run), "--json", "--epochs"];
    let result = |at: &Path, args: &[&str]| events(wgrad_in(at, args)).pop().unwrap();
    assert_eq!(result(&there, &[&resume[..], &["60"]].concat())["epochs"], 60);
    assert_eq!(result(&there, &["--config", text(&config), "--json"])["epochs"], 60);
    // By the path that was typed, and by another once the rows are elsewhere.
    let typed = [&resume[..], &["70", "--data", "rows.csv"]].concat();
    assert_eq!(result(&here, &typed)["epochs"], 70);
    fs::rename(here.join("rows.csv"), there.join("moved.csv")).unwrap();
    let again = [&resume[..], &["80"]].concat();
    fail(wgrad_in(&there, &again), 6, &["rows.csv", "no such file"]);
    let moved = [&again[..], &["--data", "moved.csv", "--test", "moved.csv"]].concat();
    assert_eq!(result(&there, &moved)["epochs"], 80);
    fs::write(there.join("moved.csv"), "0,0,0\n0,1,1\n1,0,1\n1,1,1\n").unwrap();
    let other = [&resume[..], &["90", "--data", "moved.csv", "--test", "moved.csv"]].concat();
    fail(wgrad_in(&there, &other), 2, &["is of another training", "data is "]);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_ended_a_run_early_is_taken_back_when_it_is_resumed() {
    let folder = folder("taken-back");
    let start = ["--engine", "cpu", "--restarts", "1", "--seed", "2", "--epochs", "2000"];
    for (name, early, none) in [
        ("target", &["--target-loss", "0.05"][..], &["--target-loss", "none"][..]),
        (
            "patience",
            &["--patience", "70", "--min-delta", "0.1", "--clip-norm", "9"],
            &["--patience", "none"],
        ),
    ] {
        let (kept, whole) = (folder.join(name), folder.join(format!("{name}-whole")));
        let result = |args: &[&str]| events(wgrad(&[args, &["--json"]].concat())).pop().unwrap();
        let out = ["--out", text(&kept)];
        let first = result(&[&start[..], early, &out].concat());
        assert!(first["epochs"].as_u64().unwrap() < 2000, "{first}");
        let resumed = result(&[&["--resume", text(&kept)], none].concat());
        assert_eq!((&resumed["epochs"], &resumed["end"]), (&2000.into(), &"epochs".into()));
        let config = fs::read_to_string(kept.join("config.toml")).unwrap();
        assert!(!config.contains(&early[0][2..]) && !config.contains("min-delta"), "{config}");
        let clip = early.iter().position(|word| *word == "--clip-norm").map(|at| &early[at..]);
        let out = ["--out", text(&whole)];
        succeed(wgrad(&[&start[..], clip.unwrap_or_default(), &out].concat()));
        assert!(tensors(&kept.join(LAST)) == tensors(&whole.join(LAST)), "{name}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_no_checkpoint_is_refused_as_what_it_is() {
    let folder = folder("damaged");
    let (kept, model) = (folder.join("run"), folder.join("model.safetensors"));
    let args = ["--engine", "cpu", "--restarts", "1", "--epochs", "50"];
    let where_to = ["--out", text(&kept), "--save", text(&model)];
    succeed(wgrad(&[&args[..], &where_to].concat()));
    let resume = |path: &Path| wgrad(&["--resume", text(path), "--epochs", "99"]);
    fail(resume(&model), 6, &["model.safetensors", "is a saved network and not a checkpoint"]);
    let bytes = fs::read(kept.join(LAST)).unwrap();
    let path = folder.join("odd.safetensors");
    for (odd, part) in [
        (bytes[..bytes.len() - 1].to_vec(), "safetensors file"),
        (bytes[..50].to_vec(), "safetensors file"),
        (Vec::new(), "safetensors file"),
        (b"lr = 0.5\n".to_vec(), "safetensors file"),
        (flipped(&bytes, bytes.len() - 1), "damaged"),
        (flipped(&bytes, bytes.len() - 40), "hash"),
    ] {
        fs::write(&path, odd).unwrap();
        fail(resume(&path), 6, &["odd.safetensors", part]);
    }
    fail(resume(&folder.join("none.safetensors")), 6, &["none.safetensors"]);
    fail(resume(&folder), 6, &[LAST]);
    fs::remove_dir_all(&folder).unwrap();
}

/// The same bytes with one bit of one of them turned over.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

/// Starts a run that is kept in `folder`, asks it to stop by Ctrl-C once it has told of three more epochs,
/// and says whether that came before its end.
#[cfg(unix)]
#[track_caller]
fn interrupted(args: &[&str], folder: &Path) -> bool {
    use std::process::{Command, Stdio};
    let path = folder.join("history.jsonl");
    let lines = || fs::read(&path).map_or(0, |text| text.split(|&byte| byte == b'\n').count());
    let before = lines();
    let mut command = wgrad(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() {
        if lines() > before + 3 {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let output = child.wait_with_output().unwrap();
    let is_asked = history(folder).last().unwrap()["end"] == "asked";
    let code = output.status.code();
    assert!(
        code == Some(130) || !is_asked && code == Some(0),
        "{}",
        crate::command::stderr(&output)
    );
    if is_asked {
        let hint = format!("to resume: wgrad --resume {}", folder.display());
        assert!(stdout(&output).contains(&hint), "{}", stdout(&output));
    }
    is_asked
}

/// Whether a run that is stopped twice on its way and gone on with ends in the very files of one that was
/// not. However fast the machine, the run is made long enough to be stopped. Returns what the whole one said.
#[cfg(unix)]
#[track_caller]
fn assert_resumes_to_the_bit(name: &str, args: &[&str], epochs: u32) -> String {
    let folder = folder(name);
    let (stopped, whole) = (folder.join("stopped"), folder.join("whole"));
    let mut epochs = epochs;
    let long = loop {
        let long = epochs.to_string();
        let to = ["--epochs", &long, "--out", text(&stopped), "--force"];
        if interrupted(&[args, &to].concat(), &stopped) {
            break long;
        }
        assert!(epochs < 100_000_000, "{name}: cannot be stopped");
        epochs *= 4;
    };
    let resume = ["--resume", text(&stopped)];
    if interrupted(&resume, &stopped) {
        succeed(wgrad(&resume));
    }
    let said = succeed(wgrad(&[args, &["--epochs", &long, "--out", text(&whole)]].concat()));
    for file in [LAST, BEST] {
        let same = fs::read(stopped.join(file)).unwrap() == fs::read(whole.join(file)).unwrap();
        assert!(same, "{name}, {long} epochs: {file} of the resumed run is another");
    }
    let (stopped, whole) = (history(&stopped), history(&whole));
    assert!(told(&stopped).is_sorted_by(|a, b| a < b), "{name}: {stopped:?}");
    for line in &whole {
        assert!(stopped.contains(line), "{name}: {line} is told of by the whole run alone");
    }
    assert_eq!(stopped.last(), whole.last(), "{name}");
    fs::remove_dir_all(&folder).unwrap();
    said
}

/// With batches of which the last is short, every optimizer with something of its own.
#[cfg(unix)]
#[track_caller]
fn every_optimizer_resumes(engine: &[&str], epochs: u32, every: &str) {
    let data = ["--data", "parity-4", "--layers", "4,4,1", "--batch", "5"];
    let schedule = ["--schedule", "cosine", "--warmup", "7", "--checkpoint-every", every];
    for optimizer in [
        &["sgd", "--weight-decay", "0.001"][..],
        &["momentum", "--clip-norm", "0.5"],
        &["nesterov", "--clip-value", "0.1", "--lr", "0.03"],
        &["adam", "--min-lr", "0.001"],
        &["adamw"],
    ] {
        let name = format!("resume-{}-{}", engine[1], optimizer[0]);
        let args = [&data[..], &schedule, engine, &["--optimizer"], optimizer].concat();
        let said = assert_resumes_to_the_bit(&name, &args, epochs);
        assert!(said.contains("Kept in ") && !said.contains("to resume"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_bit_on_the_cpu() {
    every_optimizer_resumes(&["--engine", "cpu"], 30_000, "3001");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_bit_with_fused_kernels() {
    every_optimizer_resumes(&["--kernels", "fused"], 150, "41");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_bit_with_plain_kernels() {
    every_optimizer_resumes(&["--kernels", "plain"], 120, "41");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_bit_with_one_invocation_per_network() {
    every_optimizer_resumes(&["--engine", "resident-invocation"], 2000, "301");
}

#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_the_bit_with_one_workgroup_per_network() {
    every_optimizer_resumes(&["--engine", "resident-workgroup"], 1000, "301");
}

/// What a plateau and patience have waited for is part of where a run stands.
#[cfg(unix)]
#[test]
fn a_stopped_run_goes_on_to_wait_for_what_it_waited_for() {
    let data = ["--data", "moons-2000", "--noise", "0.3", "--validation", "0.2", "--batch", "50"];
    let plateau = ["--schedule", "plateau", "--warmup", "5", "--lr-every", "60", "--lr", "1"];
    let patience = ["--lr-factor", "0.5", "--patience", "300", "--engine", "cpu"];
    let args = [data, plateau].concat();
    let said = assert_resumes_to_the_bit("resume-plateau", &[&args[..], &patience].concat(), 4000);
    for part in
        ["The plateau schedule lowered the rate to ", "the loss has not improved since epoch "]
    {
        assert!(said.contains(part), "{said}");
    }
}

/// A training that begins where another ended, or where any program's weights say.
#[test]
fn a_training_starts_from_saved_parameters() {
    let folder = folder("init-from");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (saved, out, foreign) = (at("m.safetensors"), at("run"), at("foreign.safetensors"));
    let common = ["--seed", "2", "--restarts", "1", "--engine", "cpu"];
    let first = events(wgrad(
        &[&common[..], &["--epochs", "300", "--save", &saved, "--out", &out, "--json"]].concat(),
    ));
    let loss = first.last().unwrap()["loss"].as_f64().unwrap();
    // The same tensors as another program writes them, without metadata, under the documented names.
    let bytes = std::fs::read(&saved).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let views: Vec<_> = tensors
        .names()
        .into_iter()
        .map(|name| (name.to_owned(), tensors.tensor(name).unwrap()))
        .collect();
    std::fs::write(&foreign, safetensors::serialize(views, None).unwrap()).unwrap();
    for engine in ["cpu", "layered", "resident"] {
        for start in [&saved, &out, &foreign] {
            let args = [
                "--init-from",
                start,
                "--epochs",
                "1",
                "--lr",
                "0.1",
                "--optimizer",
                "adam",
                "--engine",
                engine,
                "--json",
            ];
            let told = events(wgrad(&args));
            let began = told.iter().find(|event| event["event"] == "epoch").unwrap();
            let began = began["loss"].as_f64().unwrap();
            assert!((began - loss).abs() < 1e-6, "{engine}, {start}: {began} {loss}");
        }
    }
    for (args, parts) in [
        (&["--layers", "2,4,1"][..], &["layers.0.weight", "[4, 2]"][..]),
        (&["--layers", "2,3,3,1"], &["layers.1.weight", "--layers 2,3,3,1"]),
    ] {
        fail(wgrad(&[&["--init-from", &foreign], args].concat()), 6, parts);
    }
    fail(wgrad(&["--init-from", &foreign, "--restarts", "3"]), 2, &["--restarts 3", "--init-from"]);
    fail(wgrad(&["--init-from", "no/such.safetensors"]), 6, &["no/such.safetensors"]);
    // A run goes on without the file that it began with.
    let (started, go_on) = (at("started"), ["--epochs", "5", "--engine", "cpu"]);
    succeed(wgrad(&[&["--init-from", foreign.as_str(), "--out", &started], &go_on[..]].concat()));
    std::fs::remove_file(&foreign).unwrap();
    succeed(wgrad(&["--resume", &started, "--epochs", "9"]));
}

/// Weights of other columns or classes are refused, and not taken for those of the same.
#[test]
fn weights_of_other_columns_are_refused() {
    let folder = folder("init-other");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let rows = |head: &str, classes: [&str; 2]| -> String {
        let line = |i: usize| format!("{},{},{}\n", i, i * 3 % 7, classes[i % 2]);
        head.to_owned() + "\n" + &(0..20).map(line).collect::<String>()
    };
    for (name, head, classes) in [
        ("one.csv", "a,b,k", ["neg", "pos"]),
        ("swapped.csv", "b,a,k", ["neg", "pos"]),
        ("renamed.csv", "a,b,k", ["neg", "abc"]),
    ] {
        std::fs::write(at(name), rows(head, classes)).unwrap();
    }
    let common = ["--engine", "cpu", "--epochs", "2"];
    let (one, saved) = (at("one.csv"), at("m.safetensors"));
    succeed(wgrad(&[&["--data", one.as_str(), "--save", &saved], &common[..]].concat()));
    let start = |data: &str| {
        wgrad(&[&["--data", data, "--init-from", saved.as_str()], &common[..]].concat())
    };
    succeed(start(&one));
    fail(start(&at("swapped.csv")), 6, &["its inputs are a, b, those of this data are b, a"]);
    fail(
        start(&at("renamed.csv")),
        6,
        &["its classes are neg, pos, those of this data are abc, neg"],
    );
}
