//! The job files of `examples/job-arrays`: GNU parallel's is run where parallel is here; those of Slurm and Kubernetes
//! with a `wgrad` that prints what it is called with, which the real one must be able to parse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command::{folder, run, succeed, wgrad};

fn job(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/job-arrays").join(name)
}

/// A program of this name that runs a line of shell.
fn stub(folder: &Path, name: &str, line: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{line}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn path_with(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// A folder with a `wgrad` that prints its arguments, and an `srun` that runs what it is given.
fn stubs(name: &str) -> PathBuf {
    let folder = folder(name);
    stub(&folder, "wgrad", "printf '%s\\n' \"$@\"");
    stub(&folder, "srun", "exec \"$@\"");
    folder
}

/// What such a call was given; the real program must know all of it.
#[track_caller]
fn told(command: &mut Command) -> Vec<String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let arguments: Vec<String> = text.lines().map(str::to_owned).collect();
    let known: Vec<&str> = arguments.iter().map(String::as_str).chain(["--help"]).collect();
    succeed(wgrad(&known));
    arguments
}

#[track_caller]
fn assert_part(arguments: &[String], shard: &str, save: &str) {
    let after = |flag: &str| &arguments[arguments.iter().position(|it| it == flag).unwrap() + 1];
    assert_eq!((after("--shard").as_str(), after("--save").as_str()), (shard, save));
    assert!(arguments[0] == "sweep" && arguments.contains(&"--require-gpu".to_owned()));
}

#[test]
fn gnu_parallel_makes_the_table_of_one_run() {
    let is_here = Command::new("parallel").arg("--version").output();
    if !is_here.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains("GNU parallel")) {
        eprintln!("NOT run with GNU parallel, which is not here");
        return;
    }
    let folder = folder("parallel");
    let settings = ["--lr", "0.1,0.5", "--networks", "300", "--epochs", "300", "--engine", "cpu"];
    let program = PathBuf::from(env!("CARGO_BIN_EXE_wgrad"));
    let path = path_with(program.parent().unwrap());
    let call = || {
        let mut call = Command::new(job("parallel.sh"));
        call.arg("3").args(settings).current_dir(&folder).env("PATH", &path).env("HOME", &folder);
        let output = run(call);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(folder.join("sweep.csv")).unwrap()
    };
    let joined = call();
    let whole = succeed(wgrad(&[&["sweep"], &settings[..], &["--csv", "-"]].concat()));
    assert_eq!(joined, whole);
    // A part that is lost is made again, and no other.
    fs::remove_file(folder.join("parts/2.json")).unwrap();
    assert_eq!(call(), whole);
}

#[test]
fn a_task_of_slurm_makes_its_part() {
    let (folder, script) = (stubs("slurm"), job("slurm.sbatch"));
    // An array that starts at 5 has a fifth task as its first.
    for (id, min, part) in [(1, 1, 1), (8, 1, 8), (7, 5, 3)] {
        let mut task = Command::new("bash");
        task.arg(&script).args(["--lr", "0.1,0.5"]).current_dir(&folder);
        task.env("PATH", path_with(&folder));
        task.env("SLURM_ARRAY_TASK_ID", format!("{id}")).env("SLURM_ARRAY_TASK_COUNT", "8");
        task.env("SLURM_ARRAY_TASK_MIN", format!("{min}"));
        let arguments = told(&mut task);
        assert_part(&arguments, &format!("{part}/8"), &format!("parts/{part}.json"));
        assert_eq!(arguments[1..3], ["--lr", "0.1,0.5"]);
    }
    let text = fs::read_to_string(script).unwrap();
    let options = text.lines().filter_map(|line| line.strip_prefix("#SBATCH "));
    assert!(options.clone().count() > 4 && options.clone().all(|it| it.starts_with("--")));
    // Slurm refuses GPUs per task where no number of tasks is given, and a log in a folder that is not there yet ends
    // the task before it begins.
    assert!(options.clone().any(|it| it == "--ntasks=1"));
    let mut logs = options.filter(|it| it.starts_with("--output="));
    assert!(logs.next().is_some_and(|it| !it.contains('/')) && logs.next().is_none());
}

#[test]
fn a_pod_of_kubernetes_makes_its_part() {
    let text = fs::read_to_string(job("kubernetes.yaml")).unwrap();
    // Folded: its lines are one.
    let folded = text.split("- >-\n").nth(1).unwrap();
    let lines = folded.lines().take_while(|line| !line.trim().ends_with("resources:"));
    let script = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    let folder = stubs("kubernetes");
    for index in [0, 7] {
        let mut pod = Command::new("/bin/sh");
        pod.args(["-c", &script]).env("PATH", path_with(&folder));
        pod.env("JOB_COMPLETION_INDEX", format!("{index}"));
        assert_part(&told(&mut pod), &format!("{}/8", index + 1), &format!("/parts/{index}.json"));
    }
    for line in ["kind: Job", "completionMode: Indexed", "completions: 8"] {
        assert!(text.contains(line), "{line}");
    }
}

/// `kubectl set --local` reads a job with the types of its own API, without a cluster, and drops what they lack.
#[test]
fn kubectl_knows_every_field_of_the_job() {
    let (path, image) = (job("kubernetes.yaml"), "wgrad=example.com/wgrad:1");
    let mut call = Command::new("kubectl");
    call.args(["set", "image", "--local", "-o", "yaml", image, "-f"]).arg(&path);
    let Ok(output) = call.output() else {
        eprintln!("NOT checked with kubectl, which is not here");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let decoded = String::from_utf8(output.stdout).unwrap();
    let key = |line: &str| {
        let line = line.trim_start_matches([' ', '-']);
        line.split_once(':').filter(|_| !line.starts_with('#')).map(|(key, _)| key.to_owned())
    };
    let known: Vec<String> = decoded.lines().filter_map(key).collect();
    let text = fs::read_to_string(path).unwrap();
    let written: Vec<String> = text.lines().filter_map(key).collect();
    assert!(written.len() > 20, "{written:?}");
    for key in written {
        assert!(known.contains(&key), "{key} is not in\n{decoded}");
    }
}

/// What the shells' own tools say, where they are here.
#[test]
fn scripts_are_sound() {
    for (name, shell) in [("parallel.sh", "sh"), ("slurm.sbatch", "bash")] {
        let path = job(name);
        let parsed = Command::new(shell).arg("-n").arg(&path).status().unwrap();
        assert!(parsed.success(), "{name}");
        match Command::new("shellcheck").args(["-s", shell]).arg(&path).output() {
            Ok(found) => {
                assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stdout))
            }
            Err(_) => eprintln!("{name} was NOT checked with shellcheck, which is not here"),
        }
    }
}
