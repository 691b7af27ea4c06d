//! What people and programs see: results on standard output, progress on standard error.

mod bench;
mod cells;
mod check;
mod crossover;
mod explain;
mod json;
mod lockstep;
mod lr_find;
mod map;
mod predict;
mod profile;
mod pytorch;
mod scores;
mod sweep;
mod table;
mod train;
mod verdict;

use std::fmt::Write as _;
use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::{EngineSpec, Mapping};
use crate::gpu::{AdapterEntry, SkippedBackend};
use crate::picture::{Paint, Window};
use crate::settings::quoted;
use crate::train::Training;

pub use crate::settings::{WORDS, in_flags};
pub use bench::{boundary_costs, contest, step_contest};
pub use cells::CellCount;
pub use check::{CheckProgress, checked, mutants, mutants_verdict};
pub use crossover::{crossover, crossover_csv, tuning};
pub use explain::{ExplainForm, StepReport, demonstrated, demonstrations, explained};
pub use json::{halving as halving_line, progress as progress_line};
pub use lockstep::{LockstepReport, lockstep_csv};
pub use lr_find::{RateReport, range_csv, rate_map_csv};
pub use predict::{Form, PredictReport, predictions};
pub use profile::trace as profile_trace;
pub use pytorch::{check_size as check_script_size, script as pytorch_script};
pub use sweep::{SweepReport, SweepResult, Told, joined_sweep};
pub use table::loss;
pub use train::{TrainReport, losses};

/// Why standard output cannot be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputError {
    /// The reader closed it: not an error of this program.
    Closed,
    /// Anything else, such as a full disk.
    Failed(String),
}

impl From<std::io::Error> for OutputError {
    fn from(error: std::io::Error) -> OutputError {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => OutputError::Closed,
            _ => OutputError::Failed(error.to_string()),
        }
    }
}

/// Writes to standard output and flushes it.
///
/// # Errors
/// [`OutputError`].
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}

/// What drawings on standard output have room for; without a terminal it is `Window::PLAIN`. Colours are left out where
/// NO_COLOR is set (no-color.org).
pub fn window() -> Window {
    window_of(&console::Term::stdout())
}

/// The same of another stream.
pub fn window_of(terminal: &console::Term) -> Window {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match terminal.is_term() {
        true => Window {
            columns: terminal.size().1.into(),
            paint: if refused { Paint::Plain } else { Paint::Colored },
        },
        false => Window::PLAIN,
    }
}

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// JSON lines and nothing else.
    Json,
    /// The verdict.
    Quiet,
    /// The settings, the loss curve, the predictions of small data, the verdict.
    Normal,
    /// The same, and how every start ended.
    Verbose,
}

impl Detail {
    /// What is printed on the way: JSON, nothing, or text.
    fn choose(self, json: impl FnOnce() -> String, text: impl FnOnce() -> String) -> String {
        match self {
            Detail::Json => json(),
            Detail::Quiet => String::new(),
            Detail::Normal | Detail::Verbose => text(),
        }
    }
}
/// Prints what went wrong as a JSON line.
///
/// # Errors
/// [`OutputError`].
pub fn print_error(message: &str, code: u8) -> Result<(), OutputError> {
    print(&json::line(
        &serde_json::json!({"event": "error", "message": message, "exit_code": code}),
    ))
}

/// A progress bar on standard error, only where that is a terminal and text is printed.
fn progress_bar(detail: Detail, length: u64, template: &str) -> ProgressBar {
    let target = match detail {
        Detail::Json | Detail::Quiet => ProgressDrawTarget::hidden(),
        Detail::Normal | Detail::Verbose => ProgressDrawTarget::stderr(),
    };
    let style = ProgressStyle::with_template(template);
    ProgressBar::with_draw_target(Some(length), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The first lines of a report: the engine, its mapping of networks, its adapter, and a note.
fn engine_line(at: &EngineSpec, mapping: Option<Mapping>, note: Option<&str>) -> String {
    let mapping =
        mapping.map(|mapping| format!(", one {mapping} per network,")).unwrap_or_default();
    let adapter = at.gpu().map(|gpu| format!("{mapping} on {}", gpu.adapter().describe()));
    let note = note.map(|note| format!("{note}\n")).unwrap_or_default();
    format!("{} engine{}\n{note}", at.kind(), adapter.unwrap_or_default())
}

/// The line about the data and how it is split into batches.
fn batches(training: &Training) -> String {
    let batches = training.batches(training.seed);
    let batch = match batches.is_full() {
        true => "full batch".to_owned(),
        false => format!("batches of {}, {}", batches.batch(), training.order),
    };
    format!("data {}: {} rows, {batch}", training.data.name(), training.data.rows())
}

/// A driver's name and version.
fn driver(adapter: &AdapterEntry) -> String {
    format!("{} {}", adapter.driver, adapter.driver_info).trim().to_owned()
}

/// A message about work in progress, on standard error and only on a terminal.
#[derive(Debug)]
pub struct Spinner(ProgressBar);

impl Spinner {
    /// A spinner without a message yet; `hidden` never shows anything.
    pub fn start(hidden: bool) -> Spinner {
        let bar = ProgressBar::new_spinner();
        if hidden {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Spinner(bar)
    }

    /// Shows a message.
    pub fn show(&self, message: &str) {
        self.0.set_message(message.to_owned());
        self.0.tick();
    }

    /// Removes it.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// One adapter, and whether it works.
#[derive(Debug)]
pub struct AdapterReport<'a> {
    /// The adapter.
    pub adapter: &'a AdapterEntry,
    /// Whether `auto` chooses it.
    pub is_default: bool,
    /// Loop iterations it made in a dispatch that asked for more than llvmpipe makes; or why it
    /// did not open or run a kernel.
    pub iterations: Result<u32, String>,
}

/// The list of adapters.
///
/// # Errors
/// [`OutputError`].
pub fn devices(
    reports: &[AdapterReport<'_>],
    skipped: &[SkippedBackend],
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::devices(reports, skipped));
    }
    let mut text = String::new();
    for AdapterReport { adapter, is_default, iterations } in reports {
        let limits = &adapter.limits;
        let state = match iterations {
            Err(error) => format!("does not work: {error}"),
            Ok(made) if *made < crate::kernels::CANARY_ITERATIONS => format!(
                "opens and computes; stops loops after {made} iterations in a dispatch (wgrad plans for fewer)"
            ),
            Ok(_) => "opens and computes".to_owned(),
        };
        let _ = writeln!(
            text,
            "{}  {}{}\n   {}, {}; driver {}\n   \
             largest buffer {}, binding {}; {} storage buffers; workgroups of {} with {}, {} per dimension\n   \
             {state}",
            adapter.index,
            adapter.name,
            if *is_default { "  (the default)" } else { "" },
            adapter.backend,
            adapter.kind.describe(),
            driver(adapter),
            table::bytes(limits.max_buffer_bytes),
            table::bytes(limits.max_binding_bytes),
            limits.max_storage_buffers,
            limits.max_invocations,
            table::bytes(limits.max_workgroup_bytes.into()),
            limits.max_workgroups,
        );
    }
    if reports.is_empty() {
        text.push_str("no adapter: training runs on the cpu engine\n");
    }
    for SkippedBackend { backend, reason } in skipped {
        let _ = writeln!(text, "-  {backend}: {reason}");
    }
    print(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_cut_them() {
        assert_eq!(quoted("--layers=2,3,1"), "--layers=2,3,1");
        assert_eq!(quoted("my file.py"), "'my file.py'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
