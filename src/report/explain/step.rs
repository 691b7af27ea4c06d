//! A step, stage by stage.

use super::blocks::{Block, Grid, MatrixBlock, Style, TableBlock, number};
use super::walk;
use crate::check::STEP;
use crate::engine::EngineSpec;
use crate::explain::{
    Change, Explanation, Mark, Matrix, Numeric, SHOWN_COLS, SHOWN_ROWS, Source, Stage, StageKind,
    Update,
};
use crate::optimizer::UpdateRule;
use crate::report::train::{describe, rule};
use crate::report::{engine_line, table};

/// A column of the table of changes.
type Column = (&'static str, fn(&Change) -> f64);

/// Rows of a batch that are named.
const NAMED_ROWS: usize = 12;

/// A step that is explained.
#[derive(Debug)]
pub struct StepReport<'a> {
    /// What there is to say of it.
    pub explanation: &'a Explanation,
    /// Where it was made.
    pub at: &'a EngineSpec,
    /// Why there, where nobody asked for it.
    pub note: Option<&'a str>,
    /// Whether the words are left out.
    pub is_terse: bool,
}

impl StepReport<'_> {
    /// The whole of it.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let Explanation { step, data, stages, walk, .. } = self.explanation;
        let mut blocks = vec![Block::Heading(1, format!("Training step {step} on {data}"))];
        blocks.push(Block::Facts(self.facts()));
        if self.at.gpu().is_none() {
            blocks.push(Block::Note(NO_DEVICE.to_owned()));
        }
        if !self.is_terse {
            blocks.push(Block::Paragraph(self.legend()));
        }
        for stage in stages {
            blocks.extend(self.stage(stage));
        }
        if let Some(walk) = walk {
            blocks.extend(walk::blocks(walk, self.explanation, self.is_terse));
        }
        blocks.push(Block::Heading(2, "Compared".to_owned()));
        blocks.push(Block::Paragraph(self.verdict()));
        blocks
    }

    /// The first lines: where it was made, and of what training.
    fn facts(&self) -> Vec<String> {
        let Explanation { network, data, data_rows, rows, optimizer, rate, loss, .. } =
            self.explanation;
        let mut facts: Vec<String> = match self.at.gpu() {
            Some(_) => engine_line(self.at, None, self.note).lines().map(str::to_owned).collect(),
            None => self.note.map(str::to_owned).into_iter().collect(),
        };
        if self.at.gpu().is_some() {
            facts[0] += ", plain kernels, one dispatch at a time";
        }
        facts.push(format!(
            "network {}, loss {}, {} parameters",
            describe(network),
            network.loss(),
            network.parameter_count()
        ));
        let shown = rows.iter().take(NAMED_ROWS).map(|row| (row + 1).to_string());
        let more = rows.len().saturating_sub(NAMED_ROWS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        facts.push(format!(
            "data {data}: {data_rows} rows; the batch of this step has m = {} of them: {}{more}",
            rows.len(),
            shown.collect::<Vec<_>>().join(", ")
        ));
        facts.push(format!(
            "{}, rate {} in this step; loss before the update {}",
            rule(optimizer),
            number(*rate),
            table::loss(*loss)
        ));
        facts
    }

    /// What the columns of numbers are called that come from where the step was made.
    fn own_title(&self) -> &'static str {
        match self.at.gpu() {
            Some(gpu) if gpu.adapter().is_software() => "device",
            Some(_) => "GPU",
            None => "CPU, f32",
        }
    }

    fn legend(&self) -> String {
        let own = match self.at.gpu() {
            Some(_) => {
                "each matrix was read back from the device's buffer after the kernel that is named beside it; what is \
                 in no buffer says so"
            }
            None => "what is computed is computed by the f32 reference",
        };
        format!(
            "Here {own}. Beside gradients stand the same numbers from the reference on the CPU in f64, and central \
             differences of its loss, (L(w + h) - L(w - h)) / 2h with h = 1/{:.0}. An error is the distance from f64; its \
             bound is derived from the accuracy that WGSL asks of f32 arithmetic. dZ1 stands for dLoss/dZ1. Matrices of up to {SHOWN_ROWS} x {SHOWN_COLS} are shown whole, of larger \
             ones the first {SHOWN_ROWS} rows and {SHOWN_COLS} columns.",
            1.0 / STEP
        )
    }

    fn stage(&self, stage: &Stage) -> Vec<Block> {
        let mut blocks = vec![Block::Heading(2, stage.title.clone())];
        if !self.is_terse {
            blocks.push(Block::Paragraph(stage.about.clone()));
        }
        if stage.kind == StageKind::Update {
            blocks.extend(self.changes());
        }
        blocks.extend(stage.matrices.iter().map(|matrix| Block::Matrix(self.matrix(matrix))));
        blocks.extend(stage.notes.iter().map(|note| Block::Note(note.clone())));
        blocks
    }

    fn matrix(&self, matrix: &Matrix) -> MatrixBlock {
        let Matrix { name, rows, cols, formula, meaning, source, .. } = matrix;
        let is_given = matrix.reference.is_none();
        let source = match source {
            Source::Reference if is_given => "as it is given".to_owned(),
            Source::Buffer => "read from its buffer".to_owned(),
            Source::Kernels(kernels) => format!("by {}", kernels.join(", ")),
            Source::Reference => "by the f32 reference".to_owned(),
            Source::NoKernel => "on the CPU in f64: in no buffer".to_owned(),
        };
        let shape =
            if (*rows, *cols) == (1, 1) { String::new() } else { format!("{rows} x {cols}, ") };
        let meaning = if meaning.is_empty() { String::new() } else { format!("; {meaning}") };
        let is_compared = matrix.differences.is_some();
        let mut grids =
            vec![(if is_compared { self.own_title() } else { "" }, &matrix.values, true)];
        if let (Some(reference), true) = (&matrix.reference, is_compared) {
            grids.push(("CPU, f64", &reference.values, false));
        }
        let shown = shown(matrix);
        let all = grids.iter().flat_map(|(_, values, _)| shown.iter().map(|&at| values[at]));
        let style = Style::of(all);
        let mut grids: Vec<Grid> = grids
            .into_iter()
            .map(|(title, values, is_own)| {
                let cell = |at: usize| style.write(values[at]);
                grid(matrix, title, is_own, cell)
            })
            .collect();
        if let Some(differences) = &matrix.differences {
            let cell = |at: usize| match differences[at] {
                Numeric::Difference { value, .. } => style.write(value),
                Numeric::AtBend => "bend".to_owned(),
                Numeric::NotTaken => "-".to_owned(),
            };
            grids.push(grid(matrix, "differences", false, cell));
        }
        MatrixBlock {
            name: name.clone(),
            formula: formula.clone(),
            about: format!("{shape}{source}{meaning}"),
            grids,
            below: below(matrix),
        }
    }

    /// What each parameter's change consists of.
    fn changes(&self) -> Vec<Block> {
        let Explanation { optimizer, updates, .. } = self.explanation;
        let changes = || updates.iter().flat_map(|update| &update.changes);
        let any = |of: fn(&Change) -> f64| changes().any(|change| of(change) != 0.0);
        let mut columns: Vec<Column> = vec![("gradient", |c| c.gradient)];
        if changes().any(|change| change.clipped != change.gradient) {
            columns.push(("clipped", |c| c.clipped));
        }
        let decays = optimizer.weight_decay != 0.0;
        let [has_first, has_second] = optimizer.has_moments();
        if decays || has_first {
            columns.push(("by gradient", |c| c.from_gradient));
        }
        if decays {
            columns.push(("by decay", |c| c.from_decay));
        }
        let is_velocity =
            matches!(optimizer.kind.row().rule, UpdateRule::Momentum | UpdateRule::Nesterov);
        if has_first && any(|c| c.from_moment) {
            let name = if is_velocity { "by momentum" } else { "by earlier ones" };
            columns.push((name, |c| c.from_moment));
        }
        columns.push(("change", |c| c.change));
        if has_first {
            columns.push(("v after", |c| c.moments[0].unwrap_or(f64::NAN)));
        }
        if has_second {
            columns.push(("s after", |c| c.moments[1].unwrap_or(f64::NAN)));
        }
        let styles: Vec<Style> =
            columns.iter().map(|(_, of)| Style::of(changes().map(*of))).collect();
        let mut lines = Vec::new();
        let mut left_out = 0;
        for update in updates {
            let shown = SHOWN_ROWS.min(update.changes.len());
            left_out += update.changes.len() - shown;
            for (at, change) in update.changes.iter().take(shown).enumerate() {
                let numbers = columns.iter().zip(&styles);
                let cells = numbers.map(|((_, of), style)| style.write(of(change)));
                lines.push(std::iter::once(place(update, at)).chain(cells).collect());
            }
        }
        let head = std::iter::once("").chain(columns.iter().map(|(name, _)| *name));
        let head = head.map(str::to_owned).collect();
        let mut blocks = vec![Block::Table(TableBlock { head, words: 1, lines })];
        if left_out > 0 {
            blocks.push(Block::Note(format!("{left_out} more parameters are not shown.")));
        }
        let mut told = Vec::new();
        if decays || has_first {
            let apart = updates.iter().map(Update::unexplained).fold(0.0, f64::max);
            told.push(format!(
                "The change is after less before{}; its parts are computed here from the gradients{} by the optimizer's \
                 formula, and add up to it within {apart:.1e}.",
                if self.at.gpu().is_some() { ", both from the buffer" } else { "" },
                if has_first { " and the moments" } else { "" },
            ));
        }
        let share = |of: fn(&Change) -> f64| -> f64 {
            let sum = |of: fn(&Change) -> f64| changes().map(|c| of(c).abs()).sum::<f64>();
            sum(of) / (sum(|c| c.from_gradient) + sum(|c| c.from_decay) + sum(|c| c.from_moment))
        };
        if decays {
            let decay = table::percent(share(|c| c.from_decay));
            told.push(format!("Weight decay makes {decay} of all parts of the changes."));
        }
        if has_first {
            let moment = table::percent(share(|c| c.from_moment));
            told.push(match any(|c| c.from_moment) {
                true => format!("Gradients of earlier steps make {moment} of them."),
                false => "There are no earlier gradients yet that add to the change.".to_owned(),
            });
        }
        if !told.is_empty() {
            blocks.push(Block::Note(told.join(" ")));
        }
        blocks
    }

    fn verdict(&self) -> String {
        let explanation = self.explanation;
        let compared = explanation.matrices().filter(|matrix| matrix.is_close().is_some());
        let with = |matrix: &&Matrix| matrix.agrees_with_differences().is_some();
        let differences = explanation.matrices().filter(with).count();
        let wrong = explanation.disagreeing();
        if !wrong.is_empty() {
            return format!(
                "Out of their bounds: {}. This should not be: please report it, with the output of `wgrad check`.",
                wrong.join(", ")
            );
        }
        format!(
            "All {} matrices that were computed are within their bounds of the f64 reference, and its gradients within \
             theirs of the differences, as far as there are any ({differences} matrices).",
            compared.count()
        )
    }
}

const NO_DEVICE: &str = "Nothing here comes from a GPU. The step is made on the CPU, by the reference in f32: the \
                         same formulas as those of the kernels, in plain loops. Earlier steps are made by the cpu \
                         engine.";

/// The places of what is shown of a matrix.
fn shown(matrix: &Matrix) -> Vec<usize> {
    let (rows, cols) = (matrix.rows.min(SHOWN_ROWS), matrix.cols.min(SHOWN_COLS));
    let place = |row: usize| (0..cols).map(move |col| row * matrix.cols + col);
    (0..rows).flat_map(place).collect()
}

/// `W1[2][3]`, `b1[3]`.
fn place(update: &Update, at: usize) -> String {
    let (row, col) = (at / update.cols + 1, at % update.cols + 1);
    match update.rows {
        1 if update.name.starts_with('b') => format!("{}[{col}]", update.name),
        _ => format!("{}[{row}][{col}]", update.name),
    }
}

/// The corner of a matrix that is shown, with what is marked in it where these are its own numbers.
fn grid(matrix: &Matrix, title: &str, is_own: bool, cell: impl Fn(usize) -> String) -> Grid {
    let (rows, cols) = (matrix.rows.min(SHOWN_ROWS), matrix.cols.min(SHOWN_COLS));
    let [row_axis, col_axis] = matrix.axes;
    let label = |axis: &str, at: usize| match axis {
        "" => String::new(),
        axis => format!("{axis} {}", at + 1),
    };
    let head = (0..cols).map(|col| {
        let state = matrix.marks.iter().find_map(|mark| match *mark {
            Mark::Dead { unit } if unit == col => Some("dead"),
            Mark::Saturated { unit } if unit == col => Some("saturated"),
            Mark::NoGradient { unit } if unit == col => Some("no gradient"),
            _ => None,
        });
        match state.filter(|_| is_own) {
            Some(state) => format!("{} ({state})", label(col_axis, col)),
            None => label(col_axis, col),
        }
    });
    let is_flat = |row: usize, unit: usize| matrix.marks.contains(&Mark::ZeroSlope { row, unit });
    let has_flat = matrix.marks.iter().any(|mark| matches!(mark, Mark::ZeroSlope { .. }));
    let lines = (0..rows).map(|row| {
        let cells = (0..cols).map(|col| {
            let sign = match (is_own && has_flat, is_flat(row, col)) {
                (true, true) => "*",
                (true, false) => " ",
                (false, _) => "",
            };
            format!("{}{sign}", cell(row * matrix.cols + col))
        });
        (label(row_axis, row), cells.collect())
    });
    Grid { title: title.to_owned(), head: head.collect(), lines: lines.collect() }
}

/// What is left out of a matrix, and how far its numbers are from the others.
fn below(matrix: &Matrix) -> Vec<String> {
    let mut lines = Vec::new();
    if matrix.rows > SHOWN_ROWS || matrix.cols > SHOWN_COLS {
        let of = |shown: usize, all: usize| format!("{} of {all}", shown.min(all));
        let (rows, cols) = (of(SHOWN_ROWS, matrix.rows), of(SHOWN_COLS, matrix.cols));
        lines.push(format!("Shown are rows 1 to {rows}, columns 1 to {cols}."));
    }
    let mut told = Vec::new();
    let out = |is_fine: Option<bool>| if is_fine == Some(false) { ", OUT OF IT" } else { "" };
    let reference = matrix.reference.as_ref();
    if let Some((apart, bound)) = reference.and_then(|reference| reference.worst(&matrix.values)) {
        told.push(format!(
            "largest error {apart:.1e} (bound {bound:.1e}{})",
            out(matrix.is_close())
        ));
    }
    if let Some((apart, bound)) = matrix.worst_difference() {
        let out = out(matrix.agrees_with_differences());
        told.push(format!("f64 to differences {apart:.1e} (bound {bound:.1e}{out})"));
    }
    if !told.is_empty() {
        lines.push(told.join("; "));
    }
    lines
}
