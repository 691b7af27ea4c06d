//! From the settings of a sweep to its cells: every combination of the points of its axes, each with the
//! settings that a training would have.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::Error;
use crate::data::{SOLVED_ROWS, Samples};
use crate::engine::EngineSpec;
use crate::optimizer::ScheduleKind;
use crate::settings::{Given, SETTINGS, Setting, Settings, TestRows, Verb, data, files};
use crate::sweep::{AxisValue, Cell, MOST_CELLS, Part, Shard, Sweep};

/// Networks of a cell that are counted: the standard error of a rate is then below 0.8 points.
const COUNTED_NETWORKS: u32 = 4096;
/// Networks of a cell whose means and deviations are told.
const SCORED_NETWORKS: u32 = 10;
/// Epochs that XOR is given.
const DEFAULT_EPOCHS: u32 = 2000;

/// The axes that every sweep has and tells; others where they are given.
const ALWAYS: [&str; 8] =
    ["loss", "activation", "init", "init-scale", "width", "optimizer", "schedule", "lr"];

/// A sweep, and what it came from.
pub(super) struct Plan {
    pub sweep: Sweep,
    /// The settings with every default that all cells share written out.
    pub settings: Given,
    /// A hash of the settings of all cells: those that decide the numbers.
    digest: String,
    /// What is given beside the axes.
    pub shared: Settings,
    axes: Vec<Axis>,
    /// Of each cell, which point of each axis; none where the cell has no use for one.
    points: Vec<Vec<Option<usize>>>,
}

/// One axis.
struct Axis {
    /// Its place in the table.
    at: usize,
    /// Its points; none where it is not given, and each cell has its own default.
    points: Vec<AxisValue>,
}

impl Axis {
    fn row(&self) -> &'static Setting {
        &SETTINGS[self.at]
    }
}

impl Plan {
    /// The sweep that settings mean.
    ///
    /// # Errors
    /// Data that cannot be read, an axis without points, a cell that cannot be.
    pub(super) fn new(given: Given, shard: Shard) -> Result<Plan, Error> {
        let axes = axes(&given)?;
        let shared = shared(&given)?;
        let mut plan = Plan {
            sweep: Sweep { cells: Vec::new(), shard },
            settings: given,
            digest: String::new(),
            shared,
            axes,
            points: Vec::new(),
        };
        plan.combine(&mut vec![None; plan.axes.len()], 0)?;
        let samples = data::load(&plan.shared, &files::read)?;
        plan.set_counts(&samples)?;
        let mut common: Option<Given> = None;
        let mut digest = Sha256::new();
        for rows in [Some(&samples.train), samples.validation.as_ref(), samples.test.as_ref()] {
            digest.update(rows.map_or_else(String::new, |rows| data::hash(rows)));
        }
        let mut values = Vec::with_capacity(plan.points.len());
        for cell in 0..plan.points.len() {
            let settings = Settings::read(&plan.cell(cell)?)?;
            let (training, settings) = settings.resolve_over(&samples).map_err(by_our_names)?;
            let resolved = settings.given();
            values.push(plan.values(cell, &resolved, training.network.sizes()));
            digest_settings(&mut digest, &resolved);
            match &mut common {
                Some(common) => common.common(&resolved),
                None => common = Some(resolved),
            }
            plan.sweep.cells.push(Cell::new(Vec::new(), training));
        }
        let is_told = |at: usize| values.iter().all(|cell| cell[at].is_some());
        let told: Vec<usize> = (0..plan.axes.len()).filter(|&at| is_told(at)).collect();
        for (cell, values) in plan.sweep.cells.iter_mut().zip(values) {
            let value = |&at: &usize| Some((plan.axes[at].row().key, values[at].clone()?));
            cell.axes = told.iter().filter_map(value).collect();
        }
        match plan.sweep.is_counted() {
            true => plan.sweep.check()?,
            false => plan.sweep.cells.iter().try_for_each(|cell| cell.training.check())?,
        }
        plan.digest = data::hex(digest);
        if let Some(mut common) = common {
            common.retain(|row, _| row.is_in(Verb::Sweep) && row.refusal(Verb::Sweep).is_none());
            common.retain(|row, _| !row.is_axis || ALWAYS.contains(&row.key));
            plan.settings = plan.settings.or(common);
        }
        Ok(plan)
    }

    /// How many networks for how many epochs, where that is not given: many where those that solve their data are
    /// counted, few where each is scored. Held-out rows play no part in a count.
    fn set_counts(&mut self, samples: &Samples) -> Result<(), Error> {
        let data = &samples.train;
        let is_counted = data.is_classification() && data.rows() <= SOLVED_ROWS;
        let Settings { networks, epochs, .. } = self.shared;
        let given = self.shared.given();
        let held_out =
            given.rows().find(|(row, _)| ["validation", "test", "stratify"].contains(&row.key));
        if let (true, Some((row, texts))) = (is_counted, held_out) {
            let reason =
                "plays no part where the networks that solve all rows are counted; leave it out";
            return Err(Error::setting(row.flag(texts), reason));
        }
        let default = if is_counted { COUNTED_NETWORKS } else { SCORED_NETWORKS };
        self.shared.networks = Some(networks.unwrap_or(default));
        self.shared.restarts = self.shared.networks;
        self.shared.epochs = epochs.or(is_counted.then_some(DEFAULT_EPOCHS));
        Ok(())
    }

    /// Every combination of points from axis `from` on, the last axis the fastest. An axis that cells of the
    /// points before it have no use for gives them one cell, not one for each of its points.
    fn combine(&mut self, chosen: &mut Vec<Option<usize>>, from: usize) -> Result<(), Error> {
        let Some(axis) = self.axes.get(from) else {
            if self.points.len() == MOST_CELLS {
                let reason = format!("at most {MOST_CELLS} are supported; give axes fewer points");
                return Err(Error::setting("cells: more than that many", reason));
            }
            self.points.push(chosen.clone());
            return Ok(());
        };
        let count = axis.points.len();
        let cell = Settings::read(&self.with_points(chosen)?)?;
        if count == 0 || self.is_of_others(axis.row(), &cell) {
            return self.combine(chosen, from + 1);
        }
        for point in 0..count {
            chosen[from] = Some(point);
            self.combine(chosen, from + 1)?;
        }
        chosen[from] = None;
        Ok(())
    }

    /// Whether a setting that a cell has no use for is meant for others, since the choice that it depends on
    /// is an axis of several points.
    fn is_of_others(&self, row: &Setting, cell: &Settings) -> bool {
        let varies =
            |key: &str| self.axes.iter().any(|axis| axis.row().key == key && axis.points.len() > 1);
        // adamw has but one way.
        let is_fixed = !cell.optimizer_kind().row().may_decay_otherwise;
        let has_own = row.key == "decay" && is_fixed;
        row.family.is_some_and(|family| varies(family.key()))
            && (has_own || cell.unused(row).is_some())
    }

    /// The settings beside the axes, and the points chosen so far.
    fn with_points(&self, chosen: &[Option<usize>]) -> Result<Given, Error> {
        let mut given = self.shared.given();
        for (axis, point) in self.axes.iter().zip(chosen) {
            if let Some(point) = point {
                let text = axis.points[*point].to_string();
                let wrong = |reason| Error::setting(format!("--{} {text}", axis.row().key), reason);
                given.insert(axis.at, std::slice::from_ref(&text)).map_err(wrong)?;
            }
        }
        Ok(given)
    }

    /// The settings of a cell, as they would be given of a training.
    fn cell(&self, cell: usize) -> Result<Given, Error> {
        let mut given = self.with_points(&self.points[cell])?;
        let settings = Settings::read(&given)?;
        given.retain(|row, _| !self.is_of_others(row, &settings));
        Ok(given)
    }

    /// What a cell has on each axis, as far as it is told.
    fn values(&self, cell: usize, resolved: &Given, sizes: &[usize]) -> Vec<Option<AxisValue>> {
        let hidden = &sizes[1..sizes.len() - 1];
        let value = |(axis, point): (&Axis, &Option<usize>)| match (axis.row(), point) {
            (_, Some(point)) => Some(axis.points[*point].clone()),
            (_, None) if !axis.points.is_empty() => Some(AxisValue::Unused),
            (row, None) if row.key == "width" => {
                let first = hidden.first().filter(|first| hidden.iter().all(|len| len == *first));
                first.map(|&width| AxisValue::Whole(width as u32))
            }
            (row, None) if ALWAYS.contains(&row.key) => {
                row.kind.points(&resolved.get(axis.at)?.concat()).ok()?.pop()
            }
            _ => None,
        };
        self.axes.iter().zip(&self.points[cell]).map(value).collect()
    }

    /// What of the settings decides the numbers beside the axes, to tell what differs, and a hash of all of
    /// it. The parts of one sweep have the same, wherever their data lay and however their axes were written.
    pub(super) fn identity(&self) -> (BTreeMap<String, String>, String) {
        let is_shared = |row: &Setting| row.role.decides_results() && !row.is_axis;
        let mut settings = self.settings.values(is_shared);
        let first = self.sweep.cells.first().map(|cell| &cell.training);
        let rows = first.map(|training| data::hash(&training.data));
        settings.insert("data".to_owned(), rows.unwrap_or_default());
        let test = first.and_then(|training| training.held_out.test.as_ref());
        if let (Some(rows), Some(TestRows::Of(_))) = (test, &self.shared.test) {
            settings.insert("test".to_owned(), data::hash(rows));
        }
        (settings, self.digest.clone())
    }

    /// How to train alone one of the networks that solved their data, of the cell with the most.
    pub(super) fn example(&self, part: &Part, spec: &EngineSpec) -> Result<Option<String>, Error> {
        let cells = part.cells.iter().enumerate().rev();
        let Some((cell, (_, count))) = cells.max_by_key(|(_, (_, count))| count.solved) else {
            return Ok(None);
        };
        let found = match (count.first_solved, spec) {
            (Some((seed, _)), EngineSpec::Cpu) => self.sweep.solved_alone(cell, seed),
            (found, _) => found,
        };
        let Some((seed, epochs)) = found else { return Ok(None) };
        let Cell { axes, training } = &self.sweep.cells[cell];
        // A rate that changes over the epochs changes otherwise over fewer of them.
        let epochs = match training.rate_schedule().is_constant() {
            true if training.schedule.kind != ScheduleKind::Plateau => epochs.max(1),
            _ => training.epochs,
        };
        let mut given = self.cell(cell)?;
        for axis in &self.axes {
            let (row, value) = (axis.row(), axes.iter().find(|(key, _)| *key == axis.row().key));
            if let Some((_, value)) = value.filter(|(_, value)| *value != AxisValue::Unused) {
                let wrong = |reason| Error::setting(format!("--{} {value}", row.key), reason);
                given.insert(axis.at, &[value.to_string()]).map_err(wrong)?;
            }
        }
        let layers =
            Settings { layers: Some(training.network.sizes().to_vec()), ..Settings::default() };
        let mut given = layers.given().or(given);
        given.retain(|row, _| row.is_in(Verb::Train) && row.role.decides_results());
        let apart = ["restarts", "seed", "epochs"];
        given.retain(|row, _| !apart.contains(&row.key));
        Ok(Some(format!(
            "wgrad train --restarts 1 --seed {seed} --epochs {epochs}{} --engine {}",
            given.flags(),
            self.sweep.engine_of(cell, spec)
        )))
    }
}

/// The axes in the order of the table.
fn axes(given: &Given) -> Result<Vec<Axis>, Error> {
    let rows = SETTINGS.iter().enumerate().filter(|(_, row)| row.is_axis);
    rows.map(|(at, row)| {
        let points = match given.get(at) {
            None => Vec::new(),
            Some(texts) => row
                .kind
                .points(&texts.concat())
                .map_err(|error| Error::setting(row.flag(texts), error.to_string()))?,
        };
        Ok(Axis { at, points })
    })
    .collect()
}

/// What a training of any cell has beside the axes.
fn shared(given: &Given) -> Result<Settings, Error> {
    let mut given = given.clone();
    given.retain(|row, _| !row.is_axis);
    Settings::read(&given)
}

/// Everything that decides the numbers of a cell but the names of its rows, into a hash.
fn digest_settings(digest: &mut Sha256, resolved: &Given) {
    for (row, texts) in resolved.rows() {
        if row.role.decides_results() && !["data", "test"].contains(&row.key) {
            digest.update(format!("{} {texts:?}\n", row.key));
        }
    }
    digest.update("\n");
}

/// An error about a training, as one about a sweep: what restarts are there is networks here.
pub(super) fn by_our_names(error: Error) -> Error {
    match error {
        Error::Setting { setting, reason } => Error::setting(
            setting.replace("`restarts`", "`networks`"),
            reason.replace("`restarts`", "`networks`"),
        ),
        other => other,
    }
}
