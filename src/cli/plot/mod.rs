//! `wgrad plot`.

mod draw;
pub(super) mod film;
mod history;
mod input;
mod subject;
mod table;
mod what;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use clap::builder::TypedValueParser;
use serde_json::json;

use self::draw::{is_main, pictures, why_not};
use self::history::curves_of;
use self::input::{Input, Kept, stem};
use self::subject::Set;
pub(super) use self::subject::{Picked, Subject};
use self::table::Table;
use self::what::What;
use super::{Failure, Telling, check_table, device, is_stdout, predict};
use crate::Error;
use crate::cli::flags::{Flags, possible_names};
use crate::data::Source;
use crate::engine::EngineSpec;
use crate::model::{Model, file};
use crate::picture::{Part, Picture, Scene, arranged, page, png, scene, svg};
use crate::report::{self, Detail};
use crate::settings::{EngineChoice, Settings, Verb, data, files, listed};

/// Flags of `wgrad plot`.
#[derive(Debug, Args)]
pub(super) struct PlotArgs {
    /// What to draw: the folder of a run, a saved network, or a table of `sweep`, `bench` or `check --lockstep`; of
    /// several runs or histories the curves are drawn together
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// File to draw to, an SVG or a PNG by its ending; - for SVG on standard output [default: PATH's name and .svg, here]
    #[arg(
        long,
        value_name = "FILE.svg|FILE.png",
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    out: Option<PathBuf>,

    /// Pictures to draw, by name [default: the most telling ones; --list names all]
    #[arg(
        long,
        value_name = "NAME,...",
        value_delimiter = ',',
        value_parser = possible_names(What::NAMES).try_map(|name| name.parse::<What>())
    )]
    what: Vec<What>,

    /// List the pictures that there are of this, and draw none
    #[arg(long, conflicts_with_all = ["out", "what", "page"])]
    list: bool,

    /// Write every picture and the configuration to one HTML file that needs no other
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    page: Option<PathBuf>,

    #[command(flatten)]
    settings: Flags<{ Verb::Plot as u8 }>,

    #[command(flatten)]
    telling: Telling,

    /// Replace existing files that --out and --page name
    #[arg(long, help_heading = "Output")]
    force: bool,
}

/// How a file's ending says that it is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Svg,
    Png,
}

impl Format {
    fn of(path: &Path) -> Result<Format, Error> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            _ if is_stdout(path) => Ok(Format::Svg),
            Some("svg") => Ok(Format::Svg),
            Some("png") => Ok(Format::Png),
            _ => {
                let reason =
                    "must end in .svg or .png; for all pictures on a page use --page FILE.html";
                Err(Error::setting(format!("--out {}", path.display()), reason))
            }
        }
    }
}

pub(super) fn run(args: &PlotArgs) -> Result<(), Failure> {
    args.telling.start_log();
    let default = PathBuf::from(format!("{}.svg", stem(&args.paths[0])));
    let out = match (&args.out, &args.page) {
        _ if args.list => None,
        (None, Some(_)) => None,
        (out, _) => Some(out.as_deref().unwrap_or(&default)),
    };
    let format = out.map(Format::of).transpose()?;
    for path in [out, args.page.as_deref()].into_iter().flatten() {
        check_table(path, args.force)?;
    }
    if let (Some(out), Some(page)) = (out, &args.page)
        && out == page
    {
        let reason = "is where --page goes; give another file";
        return Err(Error::setting(format!("--out {}", out.display()), reason).into());
    }
    let inputs = args.paths.iter().map(|path| Input::read(path));
    let inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
    pollster::block_on(async {
        let drawing = Drawing::new(args, inputs).await?;
        if args.list {
            return Ok(report::print(&drawing.list(args.telling.detail()))?);
        }
        let wanted = drawing.wanted(&args.what)?;
        let mut drawn = Vec::new();
        if let (Some(path), Some(format)) = (out, format) {
            let mut scenes = Vec::new();
            for &what in &wanted {
                scenes.extend(drawing.pictures(what).await?.iter().map(scene));
            }
            if scenes.is_empty() {
                let names: Vec<&str> = wanted.iter().map(|what| what.name()).collect();
                let setting = format!("--what {}", names.join(","));
                return Err(Error::setting(setting, "has too many classes to be drawn").into());
            }
            let all = arranged(scenes);
            match (format, is_stdout(path)) {
                (Format::Svg, true) => return Ok(report::print(&svg(&all))?),
                (Format::Svg, false) => file::write_atomic(path, svg(&all).as_bytes())?,
                (Format::Png, _) => file::write_atomic(path, &png(&all))?,
            }
            drawn.push(path);
        }
        if let Some(path) = &args.page {
            let text = drawing.page().await?;
            if is_stdout(path) {
                return Ok(report::print(&text)?);
            }
            file::write_atomic(path, text.as_bytes())?;
            drawn.push(path);
        }
        let names: Vec<&str> = match out {
            Some(_) => wanted.iter().map(|what| what.name()).collect(),
            None => drawing.available().into_iter().map(What::name).collect(),
        };
        Ok(report::print(&told(args.telling.detail(), &names, &drawn))?)
    })
}

/// What was drawn, and where it is.
fn told(detail: Detail, names: &[&str], drawn: &[&Path]) -> String {
    let paths: Vec<String> = drawn.iter().map(|path| path.display().to_string()).collect();
    let all: Vec<&str> = paths.iter().map(String::as_str).collect();
    match detail {
        Detail::Json => {
            let line = json!({"event": "result", "pictures": names, "files": paths});
            format!("{line}\n")
        }
        Detail::Quiet => all.iter().map(|path| format!("{path}\n")).collect(),
        _ => format!("{} in {}.\n", listed(names, "and"), listed(&all, "and")),
    }
}

/// What there is to draw, read and ready.
enum Drawing {
    /// A network, a run, or both; with what evaluates it, and the flags.
    Training(Box<Kept>, Option<Box<Subject>>, Box<Settings>),
    /// Several runs.
    Runs(Vec<Kept>),
    /// A table, and its name.
    Table(Table, String),
}

impl Drawing {
    async fn new(args: &PlotArgs, inputs: Vec<Input>) -> Result<Drawing, Failure> {
        let mut inputs = inputs;
        if inputs.len() > 1 {
            let mut runs = Vec::new();
            for (input, path) in inputs.into_iter().zip(&args.paths) {
                match input {
                    Input::Training(kept) if !kept.history.is_empty() => runs.push(*kept),
                    _ => {
                        let reason = "has no history of a training, and only those are drawn together; draw it alone";
                        return Err(Error::setting(path.display().to_string(), reason).into());
                    }
                }
            }
            return Ok(Drawing::Runs(runs));
        }
        let name = stem(&args.paths[0]);
        match inputs.pop() {
            Some(Input::Training(mut kept)) => {
                let of_network = |what: &What| !matches!(what, What::Curves | What::Doctor);
                let needs = args.what.is_empty() || args.what.iter().any(of_network);
                let subject = match kept.model.take() {
                    Some(model) if needs || args.page.is_some() => {
                        Some(Box::new(subject(args, &kept, model).await?))
                    }
                    _ => None,
                };
                let flags = Settings::read(&args.settings.given)?;
                Ok(Drawing::Training(kept, subject, Box::new(flags)))
            }
            Some(Input::Table(table)) => Ok(Drawing::Table(table, name)),
            None => Ok(Drawing::Runs(Vec::new())),
        }
    }

    /// The pictures that there are.
    fn available(&self) -> Vec<What> {
        match self {
            Drawing::Training(kept, subject, _) => {
                let is_there = |&&what: &&What| why_not(what, kept, subject.as_deref()).is_none();
                What::ALL.iter().filter(is_there).copied().collect()
            }
            Drawing::Runs(_) => vec![What::Curves],
            Drawing::Table(Table::Sweep(..), _) => vec![What::Sweep],
            Drawing::Table(Table::Crossover(..), _) => vec![What::Crossover],
            Drawing::Table(Table::Drift(_), _) => vec![What::Drift],
        }
    }

    /// The pictures that are asked for, or the most telling ones.
    fn wanted(&self, asked: &[What]) -> Result<Vec<What>, Error> {
        let available = self.available();
        for &what in asked {
            if available.contains(&what) {
                continue;
            }
            let reason = match self {
                Drawing::Training(kept, subject, _) => why_not(what, kept, subject.as_deref()),
                _ => None,
            };
            let names: Vec<&str> = available.iter().map(|what| what.name()).collect();
            let reason = reason.unwrap_or_else(|| "is no picture of this".to_owned());
            let reason = match &names[..] {
                [] => reason,
                names => format!("{reason}; this has {}", listed(names, "and")),
            };
            return Err(Error::setting(format!("--what {what}"), reason));
        }
        if !asked.is_empty() {
            return Ok(asked.to_vec());
        }
        let is_wanted = |what: &&What| match self {
            Drawing::Training(..) => is_main(**what, &available),
            _ => true,
        };
        let wanted: Vec<What> = available.iter().filter(is_wanted).copied().collect();
        // Of a network alone, without rows, its weights.
        Ok(if wanted.is_empty() { available } else { wanted })
    }

    async fn pictures(&self, what: What) -> Result<Vec<Picture>, Failure> {
        match self {
            Drawing::Training(kept, subject, flags) => {
                pictures(what, kept, subject.as_deref(), flags).await
            }
            Drawing::Runs(runs) => Ok(vec![curves_of(&runs.iter().collect::<Vec<_>>())]),
            Drawing::Table(table, name) => Ok(vec![table.picture(name)]),
        }
    }

    fn list(&self, detail: Detail) -> String {
        let mut text = String::new();
        for what in self.available() {
            let _ = match detail {
                Detail::Json => {
                    let line =
                        json!({"event": "picture", "name": what.name(), "about": what.about()});
                    writeln!(text, "{line}")
                }
                Detail::Quiet => writeln!(text, "{what}"),
                _ => writeln!(text, "{:<10} {}", what.name(), what.about()),
            };
        }
        text
    }

    /// All pictures, and the configuration, on a page.
    async fn page(&self) -> Result<String, Failure> {
        let mut parts = Vec::new();
        for what in self.available() {
            let all: Vec<Scene> = self.pictures(what).await?.iter().map(scene).collect();
            parts.extend(all.into_iter().map(Part::Picture));
        }
        let name = match self {
            Drawing::Training(kept, subject, _) => {
                let text = match (&kept.settings, subject) {
                    (Some(settings), _) => settings.given().toml(),
                    (None, Some(subject)) => subject.described(),
                    (None, None) => String::new(),
                };
                if !text.is_empty() {
                    parts.push(Part::Text("Configuration".to_owned(), text));
                }
                kept.name.clone()
            }
            Drawing::Runs(runs) => {
                let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
                listed(&names, "and")
            }
            Drawing::Table(_, name) => name.clone(),
        };
        Ok(page(&name, &parts))
    }
}

/// A network with its rows and an engine.
async fn subject(args: &PlotArgs, kept: &Kept, model: Model) -> Result<Subject, Failure> {
    let flags = Settings::read(&args.settings.given)?;
    let mut sets: Vec<Set> = match (&flags.data, &kept.settings) {
        (Some(source), _) => predict::sets(&flags, source, &model)?
            .into_iter()
            .map(|(name, data)| Set { name, unseen: name == "test", data: Arc::new(data) })
            .collect(),
        // They are gone.
        (None, Some(Settings { data: Some(Source::Stdin), .. })) => Vec::new(),
        (None, Some(settings)) => {
            let samples = data::load(settings, &files::read)?;
            let all = [
                ("training", Some(samples.train)),
                ("validation", samples.validation),
                ("test", samples.test),
            ];
            let set = |(name, data): (&'static str, Option<Arc<_>>)| {
                data.map(|data| Set { name, unseen: name != "training", data })
            };
            all.into_iter().filter_map(set).collect()
        }
        (None, None) => Vec::new(),
    };
    if let [only] = &mut sets[..] {
        only.name = "all rows";
    }
    for Set { data, .. } in &sets {
        data.check_fits(&model.network)?;
    }
    let wanted = flags.wanted()?;
    if wanted.engine.needs_adapter() && wanted.engine != EngineChoice::Layered {
        let reason = "trains, and does not evaluate rows; use --engine layered or cpu";
        return Err(Error::setting(format!("--engine {}", wanted.engine), reason).into());
    }
    // A software adapter is not faster than the CPU at this.
    let spec: EngineSpec = device::choose(&wanted, None, &|_| false).await?.spec;
    Ok(Subject { model, sets, spec })
}
