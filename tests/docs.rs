//! Every command of the README and of docs/ is run, in a folder of its own, and what it prints is compared.
//!
//! A fenced block says by its first line what it is:
//! `console`: lines after `$ ` are commands, the others what they print. Those must come in that order; `...` and empty
//!   lines stand for anything. A line that tells of a machine ([`tells_of_a_machine`]) is not compared, times are
//!   blanked out ([`plain`]), and where the adapter is another than the one that the pages were written on, all
//!   numbers are.
//! `sh`: every line is a command that must succeed.
//! `console long`, `sh long`: it would take too long here, so only its flags are parsed, by adding `--help`.
//! `sh elsewhere`: for programs and files that are not here.
//!
//! They are written for a Unix shell.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::unwrap_used)]

#[path = "common/command.rs"]
mod command;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use command::{folder, stderr, stdout, succeed, wgrad};

/// A fenced block: the words after its fence, its first line in the file, and its text.
struct Block {
    words: Vec<String>,
    line: usize,
    text: String,
}

impl Block {
    fn is(&self, word: &str) -> bool {
        self.words.iter().any(|own| own == word)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for (at, line) in (1..).zip(page.lines()) {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(words), None) => {
                let words = words.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { words, line: at + 1, text: String::new() });
            }
            (None, Some(mut block)) => {
                block.text += &format!("{line}\n");
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// The commands of a block, each with what it is to print: lines that end with a backslash go on.
fn commands(block: &Block) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in block.text.lines() {
        let is_sh = block.is("sh");
        let command = if goes_on || is_sh { Some(line) } else { line.strip_prefix("$ ") };
        match (command, commands.last_mut()) {
            (Some(line), Some((last, _))) if goes_on => *last += &format!("\n{line}"),
            (Some("") | None, None) => {}
            (Some(line), _) if line.is_empty() || line.starts_with('#') => {}
            (Some(line), _) => commands.push((line.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
        }
        goes_on = command.is_some_and(|line| line.ends_with('\\'));
    }
    commands
}

/// Whether a line depends on the machine that it was printed on.
fn tells_of_a_machine(line: &str) -> bool {
    ["llvmpipe", "no GPU", " engine", "/tmp/"].iter().any(|word| line.contains(word))
}

/// A line with single spaces, and times and speeds blanked out; without any number where `numbers` are not compared.
fn plain(line: &str, numbers: bool) -> String {
    const UNITS: [&str; 6] = ["ns", "us", "ms", "s", "s;", "min"];
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let unit = |word: &str| UNITS.contains(&word.trim_end_matches([',', '.', ':', ')']));
    let blank = |at: usize| {
        let after = words.get(at + 1).copied().unwrap_or_default();
        let is_speed =
            words.get(at + 1..at + 4).is_some_and(|rest| rest == ["epochs", "per", "second."]);
        let is_time = unit(after) || is_speed;
        is_number(words[at]) && (is_time || !numbers)
    };
    let is_unit_of_blank = |at: usize| at > 0 && unit(words[at]) && blank(at - 1);
    let blanked = (0..words.len()).map(|at| match (blank(at), is_unit_of_blank(at)) {
        (true, _) | (_, true) => "#",
        _ => words[at],
    });
    blanked.collect::<Vec<_>>().join(" ")
}

/// The first line of `expected` that does not follow in `actual`.
fn missing<'a>(expected: &'a str, actual: &str, numbers: bool) -> Option<&'a str> {
    let mut lines = actual.lines().map(|line| plain(line, numbers));
    expected.lines().find(|line| {
        let wanted = plain(line, numbers);
        let is_free = wanted.is_empty() || wanted == "..." || tells_of_a_machine(line);
        // Pictures of numbers are numbers.
        let is_drawn = !numbers && line.contains(['│', '┤', '└', '░', '█']);
        !(is_free || is_drawn || lines.any(|line| line == wanted))
    })
}

/// Whether the adapter is the one that the pages were written on.
fn is_as_written() -> bool {
    let devices = succeed(wgrad(&["devices", "--json"]));
    cfg!(target_arch = "x86_64") && devices.contains("llvmpipe")
}

/// A folder with the files that pages speak of.
fn files(name: &str) -> PathBuf {
    let folder = folder(&format!("docs-{name}"));
    let put = |file: &str, text: String| fs::write(folder.join(file), text).unwrap();
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let iris = read("data/iris.csv");
    let header = iris.lines().next().unwrap().to_owned();
    put("flowers.csv", iris.clone());
    // Rows to predict: without their species.
    let rows = |line: &str| line.rsplit_once(',').unwrap().0.to_owned() + "\n";
    put("new.csv", iris.lines().take(12).map(rows).collect());
    put("train.csv", iris.clone());
    let rows = (0..40).map(|row| {
        format!("{},{},{},{},{},{}\n", row, row % 7, row % 3, row % 5, row * 2, row % 2)
    });
    let rows: String = rows.collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(rows.as_bytes()).unwrap();
    fs::write(folder.join("rows.csv.gz"), packed.finish().unwrap()).unwrap();
    put("rows.csv", rows);
    fs::create_dir_all(folder.join("tests/reported")).unwrap();
    for path in ["houses.csv", "tests/reported/houses.csv"] {
        put(path, read("tests/reported/houses.csv"));
    }
    let passengers = (0..60).map(|row| {
        let (sex, age) = (
            ["male", "female"][row % 2],
            if row % 7 == 0 { String::new() } else { format!("{}", 20 + row % 40) },
        );
        format!("{row},{},Name {row},{sex},{age},T{row},C{row}\n", row % 2)
    });
    put(
        "titanic.csv",
        format!("Id,Survived,Name,Sex,Age,Ticket,Cabin\n{}", passengers.collect::<String>()),
    );
    assert!(header.contains("species"));
    folder
}

/// A command in a shell, with `wgrad` the program under test.
fn shell(command: &str, folder: &Path) -> Output {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_wgrad"));
    let own = program.parent().unwrap().display().to_string();
    let path = format!("{own}:{}", std::env::var("PATH").unwrap_or_default());
    let command =
        command.replace("cargo run --release --", "wgrad").replace("cargo run --release", "wgrad");
    let mut shell: Command = wgrad(&[]);
    // The environment of `wgrad`, and another program.
    let variables: Vec<_> = shell
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    shell = Command::new("sh");
    for (name, value) in variables {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["-c", &command]).env("PATH", path).current_dir(folder).output().unwrap()
}

/// The calls of `wgrad` in a command, without pipes, redirections and comments.
fn calls(command: &str) -> impl Iterator<Item = &str> {
    command
        .split(['|', ';', '&'])
        .map(|part| part.split(['#', '>', '<']).next().unwrap_or_default().trim())
        .filter(|part| part.starts_with("wgrad"))
}

#[track_caller]
fn check(path: &str) {
    let page = fs::read_to_string(root().join(path)).unwrap();
    let folder = files(&path.replace(['/', '.'], "-"));
    let numbers = is_as_written();
    let mut count = 0;
    for block in blocks(&page) {
        let is_run = block.is("console") || block.is("sh");
        for (command, expected) in
            if is_run && !block.is("elsewhere") { commands(&block) } else { Vec::new() }
        {
            count += 1;
            let place = format!("{path}:{}: {command}", block.line);
            if block.is("long") {
                let mut found = false;
                for call in calls(&command) {
                    found = true;
                    let output = shell(&format!("{call} --help"), &folder);
                    assert!(output.status.success(), "{place}\n{}", stderr(&output));
                }
                assert!(found, "{place}: no call of wgrad");
                continue;
            }
            let output = shell(&command, &folder);
            let told = stdout(&output) + &stderr(&output);
            let fails = expected.lines().any(|line| line.starts_with("wgrad: "));
            assert_eq!(output.status.success(), !fails, "{place}\n{told}");
            if let Some(line) = missing(&expected, &told, numbers) {
                panic!("{place}\ndoes not print\n{line}\nbut\n{told}");
            }
        }
    }
    eprintln!("{path}: {count} commands");
}

macro_rules! pages {
    ($($name:ident: $path:literal,)+) => {
        const PAGES: &[&str] = &[$($path,)+];
        $(#[test] fn $name() { check($path); })+
    };
}

pages! {
    readme: "README.md",
    bench: "docs/bench.md",
    checks: "docs/check.md",
    data: "docs/data.md",
    engines: "docs/engines.md",
    explain: "docs/explain.md",
    architecture: "docs/architecture.md",
    introduction: "docs/index.md",
    job_arrays: "docs/job-arrays.md",
    limits: "docs/limits.md",
    optimizers: "docs/optimizers.md",
    playground: "docs/playground.md",
    runs: "docs/runs.md",
    sweeps: "docs/sweeps.md",
    trust: "docs/trust.md",
    contributing: "CONTRIBUTING.md",
}

/// No page is left out, neither here nor of the book.
#[test]
fn every_page_is_tested_and_in_the_book() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "SUMMARY.md" {
            assert!(PAGES.contains(&format!("docs/{name}").as_str()), "{name} is not tested");
            assert!(summary.contains(&format!("({name})")), "{name} is not in the book");
        }
    }
}

/// Links between files lead somewhere.
#[test]
fn links_lead_somewhere() {
    for page in PAGES.iter().chain(&["docs/SUMMARY.md", "CHANGELOG.md"]) {
        let path = root().join(page);
        for link in fs::read_to_string(&path).unwrap().split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            let is_file = !link.is_empty() && !link.contains("://");
            assert!(!is_file || path.with_file_name(link).exists(), "{page} links to {link}");
        }
    }
}

/// Files and folders that pages and comments name in backticks are there. A path with `NAME` stands for many, and
/// `web/dist` is built; the package has no `web`.
#[test]
fn paths_that_are_named_are_there() {
    const FOLDERS: [&str; 8] =
        ["src", "shaders", "tests", "docs", "web", "examples", "benches", "data"];
    let is_text = |path: &Path| {
        let ending = path.extension().and_then(|it| it.to_str());
        ending.is_some_and(|it| ["rs", "wgsl", "md", "js", "mjs", "toml"].contains(&it))
    };
    let mut paths: Vec<PathBuf> =
        FOLDERS.iter().map(|folder| root().join(folder)).filter(|path| path.exists()).collect();
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Cargo.toml", "build.rs"];
    paths.extend(pages.map(|page| root().join(page)));
    let mut named = 0;
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let is_source = !path.ends_with("node_modules") && !path.ends_with("web/dist");
            let inside = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            paths.extend(inside.filter(|_| is_source));
        } else if is_text(&path) {
            let text = fs::read_to_string(&path).unwrap();
            for word in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)) {
                let word = word.split_whitespace().next().unwrap_or_default();
                let Some((folder, rest)) = word.split_once('/') else { continue };
                let is_one = FOLDERS.contains(&folder) && root().join(folder).exists();
                if is_one && !rest.contains("NAME") && word != "web/dist" {
                    assert!(root().join(word).exists(), "{} names {word}", path.display());
                    named += 1;
                }
            }
        }
    }
    assert!(named > 50, "{named} paths");
}

/// The comparison can fail, and does not where only times differ.
#[test]
fn outputs_are_told_apart() {
    let printed = "data xor: 4 rows\nsolved 45.4 % of 4096\n16 networks in 361 ms.\n";
    let fine = "...\nsolved   45.4 %  of 4096\n16 networks in 7 s.\non llvmpipe\n";
    assert_eq!(missing(fine, printed, true), None);
    assert_eq!(missing("solved 45.5 % of 4096", printed, true), Some("solved 45.5 % of 4096"));
    assert_eq!(missing("solved 45.5 % of 4096", printed, false), None);
    assert_eq!(missing("solved all", printed, false), Some("solved all"));
    // Not in this order.
    assert!(missing("16 networks in 1 s.\ndata xor: 4 rows", printed, true).is_some());
    let page = "```console\n$ wgrad a \\\n  b\nout\n$ wgrad c\n```\n```sh long\nwgrad d | wgrad e # f\n```\n";
    let [console, sh] = &blocks(page)[..] else { panic!("two blocks") };
    let told = commands(console);
    assert_eq!(told[0], ("wgrad a \\\n  b".to_owned(), "out\n".to_owned()));
    assert_eq!(told[1].0, "wgrad c");
    assert!(sh.is("long") && calls(&commands(sh)[0].0).eq(["wgrad d", "wgrad e"]));
}
