//! Tables that wgrad writes, as what is drawn of them.

use std::path::Path;

use serde_json::Value;

use crate::Error;
use crate::picture::{Cell, Crossing, Drift, MOST_MAPS, Picture, columns, crossover, drift, sweep};

/// A table that can be drawn.
pub(super) enum Table {
    /// The cells of a sweep: its axes, what was found, and the cells.
    Sweep(Vec<String>, String, Vec<Cell>),
    /// Measurements of an adapter beside the CPU, and over what.
    Crossover(Vec<Crossing>, &'static str),
    /// A training in lockstep with its reference.
    Drift(Drift),
}

/// A table of texts under their names.
struct Columns {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    fn at(&self, name: &str) -> Option<usize> {
        self.head.iter().position(|own| own == name)
    }

    fn number(&self, row: usize, name: &str) -> Option<f64> {
        self.rows[row].get(self.at(name)?)?.parse().ok()
    }

    fn text(&self, row: usize, name: &str) -> &str {
        let at = self.at(name);
        at.and_then(|at| self.rows[row].get(at)).map_or("", String::as_str)
    }
}

/// The table that a text is, if it is one that wgrad writes.
///
/// # Errors
/// [`Error::File`] for one whose lines have no equal number of fields, or that has no rows.
pub(super) fn recognized(path: &Path, text: &str) -> Result<Option<Table>, Error> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let Ok(head) = reader.headers() else { return Ok(None) };
    let head: Vec<String> = head.iter().map(str::to_owned).collect();
    let mut table = Columns { head, rows: Vec::new() };
    let has = |name: &str| table.at(name).is_some();
    let measure = table.head.iter().find_map(|name| name.strip_suffix("_deviation"));
    let kind = match () {
        () if has("rate_low") && has("solved") => "sweep",
        () if measure.is_some() && has("best_seed") => "scores",
        () if has("ratio_to_cpu") => "crossover",
        () if has("drift") && has("reference_loss") => "drift",
        () => return Ok(None),
    };
    for row in reader.records() {
        let row = row.map_err(|error| Error::bad_file(path, format!("{error}; write it again")))?;
        table.rows.push(row.iter().map(str::to_owned).collect());
    }
    if table.rows.is_empty() {
        return Err(Error::bad_file(path, "has no rows; nothing can be drawn of it"));
    }
    Ok(Some(match kind {
        "sweep" => {
            let value = |row: usize| {
                let interval = table.number(row, "rate_low").zip(table.number(row, "rate_high"));
                (table.number(row, "rate"), interval)
            };
            cells(&table, "networks", "share solved", &value)
        }
        "scores" => {
            let name = measure.unwrap_or_default().to_owned();
            let mean = format!("{name}_mean");
            let value = |row: usize| {
                let value = table.number(row, &mean);
                let spread = table.number(row, &format!("{name}_deviation"));
                let interval = value.zip(spread).map(|(mean, by)| (mean - by, mean + by));
                (value, interval)
            };
            cells(&table, &mean, &format!("{name}, mean"), &value)
        }
        "crossover" => {
            let rows = (0..table.rows.len()).filter_map(|row| {
                let sizes = table.text(row, "sizes").split('-').map(|n| n.parse().unwrap_or(0.0));
                let ratio = table.number(row, "ratio_to_cpu")?;
                let (work, batch) = (table.text(row, "work"), table.number(row, "batch"));
                Some(Measured { work: work.to_owned(), sizes: sizes.collect(), batch, ratio })
            });
            crossings(rows.collect())
        }
        _ => {
            let column = |name: &str| {
                let row = |row: usize| Some((table.number(row, "step")?, table.number(row, name)?));
                (0..table.rows.len()).filter_map(row).collect()
            };
            Table::Drift(Drift {
                drift: column("drift"),
                bound: column("bound"),
                share: column("share_of_step_bound"),
            })
        }
    }))
}

/// The cells of a sweep: its axes are the columns before one of its results.
fn cells(
    table: &Columns,
    before: &str,
    what: &str,
    value: &dyn Fn(usize) -> (Option<f64>, Option<(f64, f64)>),
) -> Table {
    let axes = table.at(before).unwrap_or(0);
    let value_at = |row: usize, axis: usize| table.rows[row][axis].as_str();
    let rows = 0..table.rows.len();
    let varies = |axis: usize| rows.clone().any(|row| value_at(row, axis) != value_at(0, axis));
    // An axis that follows from another, as an initializer does from an activation, is not one of its own.
    let follows = |axis: usize, from: usize| {
        rows.clone().all(|row| {
            rows.clone().all(|other| {
                value_at(row, from) != value_at(other, from)
                    || value_at(row, axis) == value_at(other, axis)
            })
        })
    };
    let mut kept: Vec<usize> = Vec::new();
    let varying: Vec<usize> = (0..axes).filter(|&axis| varies(axis)).collect();
    for &axis in &varying {
        let others = varying.iter().filter(|&&from| from != axis);
        let is_own = others
            .clone()
            .all(|&from| !follows(axis, from) || (from > axis && follows(from, axis)));
        if is_own {
            kept.push(axis);
        }
    }
    if kept.is_empty() {
        kept.extend(table.at("lr").filter(|&lr| lr < axes));
    }
    let cell = |row: usize| {
        let (value, interval) = value(row);
        let at = kept.iter().map(|&axis| value_at(row, axis).to_owned()).collect();
        Cell { at, value, interval }
    };
    let names = kept.iter().map(|&axis| table.head[axis].clone()).collect();
    Table::Sweep(names, what.to_owned(), rows.clone().map(cell).collect())
}

/// One measurement of an adapter beside the CPU.
struct Measured {
    work: String,
    sizes: Vec<f64>,
    batch: Option<f64>,
    ratio: f64,
}

/// Measurements of one shape and one batch, or of one product, as a curve over their size.
fn crossings(rows: Vec<Measured>) -> Table {
    let is_width = rows.iter().any(|row| row.batch.is_some());
    let mut all: Vec<Crossing> = Vec::new();
    for Measured { work, sizes, batch, ratio } in rows {
        let middle = sizes.get(1).copied().unwrap_or(0.0);
        let (name, size) = match (batch, &sizes[..]) {
            (Some(batch), [first, ..]) => {
                let last = sizes.last().copied().unwrap_or(0.0);
                let shape = match *first == middle {
                    true => "H-H-H".to_owned(),
                    false => format!("{first}-H-{last}"),
                };
                (format!("{shape}, batch {batch}"), middle)
            }
            (_, sizes) => {
                let volume: f64 = sizes.iter().product();
                (work, volume.powf(1.0 / sizes.len().max(1) as f64))
            }
        };
        match all.iter_mut().find(|one| one.name == name) {
            Some(own) => own.points.push((size, ratio)),
            None => all.push(Crossing { name, points: vec![(size, ratio)] }),
        }
    }
    for one in &mut all {
        one.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let size = if is_width { "hidden units H" } else { "size n of an n x n x n product" };
    Table::Crossover(all, size)
}

impl Table {
    /// The measurements of a bench as JSON lines.
    ///
    /// # Errors
    /// [`Error::File`] where there are none of an adapter beside the CPU.
    pub(super) fn of_json(path: &Path, lines: &[Value]) -> Result<Table, Error> {
        let measured = |line: &Value| {
            let sizes = line["sizes"].as_array()?.iter().filter_map(Value::as_f64);
            Some(Measured {
                work: line["work"].as_str()?.to_owned(),
                sizes: sizes.collect(),
                batch: line["batch"].as_f64(),
                ratio: line["ratio_to_cpu"].as_f64()?,
            })
        };
        let rows: Vec<Measured> = lines.iter().filter_map(measured).collect();
        if rows.is_empty() {
            let reason = "has no measurements of an adapter beside the CPU, and no epochs of a training; \
                          give the lines of `wgrad bench width --json`, `bench matmul --json` or `wgrad train --json`";
            return Err(Error::bad_file(path, reason));
        }
        Ok(crossings(rows))
    }

    /// Its picture.
    pub(super) fn picture(&self, name: &str) -> Picture {
        let mut notes = vec![name.to_owned()];
        let (title, charts, columns) = match self {
            Table::Sweep(axes, what, cells) => {
                let charts = sweep(axes, what, cells);
                let columns = columns(charts.len());
                if axes.len() > 1 && what.starts_with("share") {
                    notes.push("in percent".to_owned());
                }
                if charts.len() == MOST_MAPS {
                    notes.push(format!("the first {MOST_MAPS} combinations of the other axes"));
                }
                ("Sweep", charts, columns)
            }
            Table::Crossover(all, size) => {
                ("An adapter beside the CPU", vec![crossover(size, all)], 1)
            }
            Table::Drift(seen) => ("Drift from the reference", drift(seen), 1),
        };
        Picture { title: title.to_owned(), notes, columns, charts }
    }
}
