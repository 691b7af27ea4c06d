//! What a person or a program sees: results on standard output, progress on standard error.

mod bench;
mod cells;
mod curve;
mod json;
mod lr_find;
mod map;
mod predict;
mod profile;
mod pytorch;
mod sweep;
mod table;
mod train;
mod verdict;

use std::fmt::Write as _;
use std::io::Write as _;

use crate::engine::{EngineKind, Owner};
use crate::gpu::{AdapterEntry, SkippedBackend};

pub use bench::{contest, step_contest};
pub use cells::CellCount;
pub use json::{epoch_value as progress_line, halving_value as halving_line};
pub use lr_find::{RateReport, range_csv, rate_map_csv};
pub use predict::{Form, PredictReport, predictions};
pub use profile::trace as profile_trace;
pub use pytorch::{check_size as check_script_size, script as pytorch_script};
pub use sweep::{SweepReport, SweepResult, joined_sweep, sweep_csv};
pub use train::{Detail, TrainReport};

/// Standard output that takes no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputError {
    /// Whoever read it has gone: nothing is wrong.
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

/// Writes to standard output, all of it at once.
///
/// # Errors
/// [`OutputError`].
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=+%@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The first line of a report: the engine, who owns a network there, and the adapter it runs on.
fn place(engine: EngineKind, owner: Option<Owner>, adapter: Option<&AdapterEntry>) -> String {
    let owner = owner.map(|owner| format!(", one {owner} a network,")).unwrap_or_default();
    match adapter {
        Some(adapter) => format!("{engine} engine{owner} on {}\n", adapter.describe()),
        None => format!("{engine} engine\n"),
    }
}

/// What is under way, on standard error and only on a terminal.
#[derive(Debug)]
pub struct Spinner(indicatif::ProgressBar);

impl Spinner {
    /// Nothing to tell yet; nothing ever where it is `hidden`.
    pub fn start(hidden: bool) -> Spinner {
        let bar = indicatif::ProgressBar::new_spinner();
        if hidden {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        Spinner(bar)
    }

    /// Tells what is under way.
    pub fn tell(&self, what: &str) {
        self.0.set_message(what.to_owned());
        self.0.tick();
    }

    /// Takes it away.
    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// One adapter, and what came of trying it.
#[derive(Debug)]
pub struct AdapterReport<'a> {
    /// The adapter.
    pub adapter: &'a AdapterEntry,
    /// Whether `auto` takes it.
    pub is_default: bool,
    /// Whether it opened and ran a kernel.
    pub opens: bool,
    /// Loop rounds it made when it was asked for more than llvmpipe makes.
    pub loop_rounds: Option<u32>,
    /// Why it did not.
    pub error: Option<String>,
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
    for report in reports {
        let adapter = report.adapter;
        let limits = &adapter.limits;
        let default = if report.is_default { "  (the default)" } else { "" };
        let _ = writeln!(text, "{}  {}{default}", adapter.index, adapter.name);
        let driver = format!("{} {}", adapter.driver, adapter.driver_info);
        let _ = writeln!(
            text,
            "   {}, {}; driver {}",
            adapter.backend,
            adapter.kind.describe(),
            driver.trim()
        );
        let _ = writeln!(
            text,
            "   largest buffer {}, binding {}; {} storage buffers; workgroups of {} with {}, {} per dimension",
            table::bytes(limits.max_buffer_bytes),
            table::bytes(limits.max_binding_bytes),
            limits.max_storage_buffers,
            limits.max_invocations,
            table::bytes(limits.max_workgroup_bytes.into()),
            limits.max_workgroups,
        );
        let _ = match (&report.error, report.loop_rounds) {
            (Some(error), _) => writeln!(text, "   does not work: {error}"),
            (None, Some(rounds)) if rounds < crate::kernels::CANARY_ROUNDS => writeln!(
                text,
                "   opens and computes; leaves loops after {rounds} rounds in a dispatch (wgrad plans for fewer)"
            ),
            (None, _) => writeln!(text, "   opens and computes"),
        };
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
