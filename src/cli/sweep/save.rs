//! What a sweep computes, in a file: saved as it grows, gone on from, and joined.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use web_time::Instant;

use super::super::{Failure, check_table, is_stdout, write_table};
use crate::Error;
use crate::model::file;
use crate::report::{self, Detail, SweepResult, Told};
use crate::sweep::{self, CellScore, Count, Joined, Part, SweepOutcome, Tally};

/// How often what is there so far is saved, in case that the process ends by force.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// A part of a sweep that is being computed, and the file that holds it, where there is one.
pub(super) struct Saving<'a, T: Tally> {
    pub part: Part<T>,
    path: Option<&'a Path>,
    /// Whether the file held some of it already.
    is_continued: bool,
    /// Seconds of the runs before this one.
    before: f64,
    started: Instant,
    saved_at: Instant,
}

impl<'a, T: Tally> Saving<'a, T> {
    /// Goes on from what the file holds of the same sweep.
    ///
    /// # Errors
    /// [`Error::Setting`] where the file exists and holds anything else.
    pub(super) fn open(
        mut part: Part<T>,
        path: Option<&'a Path>,
        force: bool,
    ) -> Result<Saving<'a, T>, Error> {
        let mut is_continued = false;
        if let Some(path) = path {
            if !force && let Some(saved) = saved(path, &part)? {
                (part, is_continued) = (saved, true);
            }
            file::check_free(path, force || is_continued)?;
        }
        let (before, now) = (part.seconds, Instant::now());
        Ok(Saving { part, path, is_continued, before, started: now, saved_at: now })
    }

    /// How much the file held.
    pub(super) fn continued(&self) -> Option<String> {
        let path = self.path.filter(|_| self.is_continued)?;
        let part = &self.part;
        let all = part.shard.range(part.networks).len() * part.cells.len();
        Some(format!("{}: {} of {all} networks are done", path.display(), part.done()))
    }

    /// Notes where the rest is computed.
    pub(super) fn is_computed_on(&mut self, place: &str) {
        self.part.computed_on = sweep::places([self.part.computed_on.as_str(), place]);
    }

    /// Takes what there is so far, and saves it now and then.
    pub(super) fn keep(&mut self, cells: &[T]) {
        let Some(path) = self.path.filter(|_| self.saved_at.elapsed() >= SAVE_EVERY) else {
            return;
        };
        let seconds = self.before + self.started.elapsed().as_secs_f64();
        self.part.set(&SweepOutcome { cells: cells.to_vec(), seconds, stopped: true });
        // Where this fails the next one may not; the last one at the end is told.
        let _ = file::write_atomic(path, self.part.to_json().as_bytes());
        self.saved_at = Instant::now();
    }

    /// Takes what came of this run.
    pub(super) fn set(&mut self, outcome: SweepOutcome<T>) {
        let seconds = self.before + outcome.seconds;
        self.part.set(&SweepOutcome { seconds, ..outcome });
    }

    /// Saves all of it.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub(super) fn write(&self) -> Result<(), Error> {
        match self.path {
            Some(path) => Ok(file::write_atomic(path, self.part.to_json().as_bytes())?),
            None => Ok(()),
        }
    }
}

/// The part of `own`'s sweep that a file holds, if the file exists.
fn saved<T: Tally>(path: &Path, own: &Part<T>) -> Result<Option<Part<T>>, Error> {
    if !path.is_file() {
        return Ok(None);
    }
    let other = |reason: String| {
        let reason = format!("{reason}; use another file, or --force to replace it");
        Err(Error::setting(format!("--save {}", path.display()), reason))
    };
    let text = String::from_utf8_lossy(&file::read(path)?).into_owned();
    let saved = match Part::<T>::from_json(&text) {
        Ok(saved) => saved,
        Err(_) => return other("exists, and holds no part of a sweep".to_owned()),
    };
    let mut differences = saved.differences(own);
    if differences.is_empty() && saved.shard != own.shard {
        differences.push(format!("it is part {} there and {} here", saved.shard, own.shard));
    }
    match &differences[..] {
        [] => Ok(Some(saved)),
        _ => other(format!("exists, and holds another sweep: {}", differences.join(", "))),
    }
}

/// Reads parts and reports the whole.
pub(super) fn join(
    paths: &[PathBuf],
    csv: Option<&Path>,
    force: bool,
    detail: Detail,
) -> Result<(), Failure> {
    if let Some(path) = csv {
        check_table(path, force)?;
    }
    let mut texts = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = String::from_utf8(file::read(path)?).map_err(|_| {
            Error::bad_file(&name, "is not text; give what --save wrote".to_owned())
        })?;
        texts.push((name, text));
    }
    // All are read as what the first of them is.
    let format = texts.first().and_then(|(_, text)| sweep::format_of(text));
    match format.as_deref() {
        Some(CellScore::FORMAT) => join_texts::<CellScore>(texts, csv, detail),
        _ => join_texts::<Count>(texts, csv, detail),
    }
}

fn join_texts<T: Told>(
    texts: Vec<(String, String)>,
    csv: Option<&Path>,
    detail: Detail,
) -> Result<(), Failure> {
    let mut parts = Vec::new();
    for (name, text) in texts {
        let part = Part::<T>::from_json(&text).map_err(|reason| Error::bad_file(&name, reason))?;
        parts.push((name, part));
    }
    let Joined { whole, parts, missing } =
        sweep::join(&parts).map_err(|(name, reason)| Error::bad_file(&name, reason))?;
    let incomplete = whole.stopped.then(|| format!("Incomplete: {}.", missing.join(", ")));
    if let Some(path) = csv {
        write_table(path, &T::csv(&whole.cells, &whole.about))?;
        if is_stdout(path) {
            if let Some(text) = incomplete {
                let _ = writeln!(std::io::stderr(), "wgrad: {text}");
            }
            return Ok(());
        }
    }
    let result = SweepResult {
        cells: &whole.cells,
        about: &whole.about,
        seconds: whole.seconds,
        incomplete,
    };
    Ok(report::joined_sweep(&result, parts, &whole.computed_on, detail)?)
}
