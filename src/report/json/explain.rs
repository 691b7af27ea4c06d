//! The lines of `wgrad explain`.

use serde_json::{Value, json};

use super::{adapter_of, line, optimizer, result_on, rows, start_at, with};
use crate::engine::EngineSpec;
use crate::explain::demos::{Cell, Demo, Demonstration};
use crate::explain::{
    Change, Equation, Explanation, Mark, Matrix, Numeric, Right, Source, Stage, StageKind, Update,
    Walk,
};
use crate::report::StepReport;

fn source(source: &Source) -> Value {
    match source {
        Source::Buffer => json!({"from": "buffer"}),
        Source::Kernels(kernels) => json!({"from": "kernels", "kernels": kernels}),
        Source::Reference => json!({"from": "reference"}),
        Source::NoKernel => json!({"from": "cpu"}),
    }
}

/// Units, rows and columns count from 0, as the numbers of a matrix do.
fn mark(mark: &Mark) -> Value {
    match *mark {
        Mark::Dead { unit } => json!({"mark": "dead", "unit": unit}),
        Mark::Saturated { unit } => json!({"mark": "saturated", "unit": unit}),
        Mark::ZeroSlope { row, unit } => json!({"mark": "zero-slope", "row": row, "unit": unit}),
        Mark::NoGradient { unit } => json!({"mark": "no-gradient", "unit": unit}),
    }
}

fn matrix(matrix: &Matrix) -> Value {
    let cols = matrix.cols;
    let mut object = json!({
        "name": matrix.name,
        "rows": matrix.rows,
        "cols": cols,
        "formula": matrix.formula,
        "meaning": matrix.meaning,
        "source": source(&matrix.source),
        "values": rows(&matrix.values, cols),
        "marks": matrix.marks.iter().map(mark).collect::<Vec<_>>(),
    });
    if let Some(reference) = &matrix.reference {
        let more = json!({
            "reference": rows(&reference.values, cols),
            "bounds": rows(&reference.bounds, cols),
            "within_bounds": matrix.is_close(),
        });
        object = with(object, more);
    }
    if let Some(differences) = &matrix.differences {
        let values: Vec<Value> = differences
            .iter()
            .map(|numeric| match *numeric {
                Numeric::Difference { value, .. } => json!(value),
                Numeric::AtBend => json!("bend"),
                Numeric::NotTaken => Value::Null,
            })
            .collect();
        let more = json!({
            "differences": rows(&values, cols),
            "differences_within_bounds": matrix.agrees_with_differences(),
        });
        object = with(object, more);
    }
    object
}

fn change(change: &Change) -> Value {
    json!({
        "before": change.before,
        "gradient": change.gradient,
        "clipped": change.clipped,
        "from_gradient": change.from_gradient,
        "from_decay": change.from_decay,
        "from_moment": change.from_moment,
        "change": change.change,
        "after": change.after,
        "moments": change.moments.iter().flatten().collect::<Vec<_>>(),
    })
}

fn updates(updates: &[Update]) -> Value {
    let of = |update: &Update| {
        json!({
            "name": update.name,
            "rows": update.rows,
            "cols": update.cols,
            "changes": update.changes.iter().map(change).collect::<Vec<_>>(),
        })
    };
    updates.iter().map(of).collect()
}

fn stage(stage: &Stage, is_terse: bool) -> Value {
    let (kind, layer) = match stage.kind {
        StageKind::Batch => ("batch", None),
        StageKind::Forward(layer) => ("forward", Some(layer)),
        StageKind::Loss => ("loss", None),
        StageKind::Backward(layer) => ("backward", Some(layer)),
        StageKind::Clipping => ("clipping", None),
        StageKind::Update => ("update", None),
    };
    json!({
        "event": "stage",
        "stage": kind,
        "layer": layer,
        "title": stage.title,
        "about": (!is_terse).then_some(&stage.about),
        "matrices": stage.matrices.iter().map(matrix).collect::<Vec<_>>(),
        "notes": stage.notes,
    })
}

fn equation(equation: &Equation) -> Value {
    let right = match &equation.right {
        Right::Sum(terms) => json!({"sum_of_products": terms}),
        Right::Call { function, arguments } => {
            json!({"function": function, "arguments": arguments})
        }
    };
    json!({
        "name": equation.name,
        "formula": equation.symbols,
        "numbers": right,
        "value": equation.value,
        "of_step": equation.is_of_step,
    })
}

fn walk(walk: &Walk, row: Option<&usize>) -> Value {
    let parts: Vec<Value> = walk
        .parts
        .iter()
        .map(|part| {
            json!({
                "title": part.title,
                "equations": part.equations.iter().map(equation).collect::<Vec<_>>(),
                "left_out": part.left_out,
            })
        })
        .collect();
    json!({"event": "sample", "row": walk.row, "data_row": row, "parts": parts})
}

pub(in crate::report) fn explained(report: &StepReport<'_>) -> String {
    let StepReport { explanation, at, note, is_terse } = report;
    let Explanation { network, data, rows, step, rate, loss, .. } = explanation;
    let start = json!({
        "computed_by": if at.gpu().is_some() { "device" } else { "reference" },
        "note": note,
        "layers": network.sizes(),
        "activations": network.activations(),
        "loss": network.loss(),
        "data": data,
        "batch_rows": rows,
        "step": step,
        "learning_rate": rate,
        "optimizer": optimizer(&explanation.optimizer),
    });
    let mut text = line(&with(start_at(at), start));
    for one in &explanation.stages {
        let mut object = stage(one, *is_terse);
        if one.kind == StageKind::Update {
            object = with(object, json!({"updates": updates(&explanation.updates)}));
        }
        text += &line(&object);
    }
    if let Some(own) = &explanation.walk {
        text += &line(&walk(own, rows.get(own.row)));
    }
    let disagreeing = explanation.disagreeing();
    let result = json!({
        "batch_loss": loss,
        "pass": disagreeing.is_empty(),
        "disagreeing": disagreeing,
    });
    text + &result_on(adapter_of(at), result)
}

fn cell(cell: &Cell) -> Value {
    match cell {
        Cell::Text(text) => json!(text),
        Cell::Count(count) => json!(count),
        Cell::Number(value) => json!(value),
        Cell::Nothing => Value::Null,
    }
}

fn demonstration(demonstration: &Demonstration) -> Value {
    let sections = demonstration.sections.iter().map(|section| {
        let row = |row: &Vec<Cell>| row.iter().map(cell).collect::<Vec<_>>();
        json!({
            "about": section.about,
            "columns": section.table.head,
            "rows": section.table.rows.iter().map(row).collect::<Vec<_>>(),
        })
    });
    let inequalities = demonstration.inequalities.iter().map(|one| {
        json!({
            "what": one.what,
            "value": one.left,
            "relation": one.relation.sign(),
            "than": one.right,
            "than_what": (!one.than.is_empty()).then_some(&one.than),
            "holds": one.holds(),
        })
    });
    json!({
        "event": "demonstration",
        "name": demonstration.name,
        "claim": demonstration.claim,
        "computed_by": demonstration.computed_by,
        "sections": sections.collect::<Vec<_>>(),
        "inequalities": inequalities.collect::<Vec<_>>(),
        "holds": demonstration.holds(),
    })
}

pub(in crate::report) fn demonstrated(all: &[Demonstration], at: &EngineSpec) -> String {
    let mut text: String = all.iter().map(|one| line(&demonstration(one))).collect();
    let failing = all.iter().filter(|one| !one.holds()).map(|one| one.name);
    let failing: Vec<&str> = failing.collect();
    text += &result_on(adapter_of(at), json!({"holds": failing.is_empty(), "failing": failing}));
    text
}

pub(in crate::report) fn demonstrations() -> String {
    let one = |demo: &Demo| {
        line(&json!({"event": "demonstration", "name": demo.name(), "claim": demo.claim()}))
    };
    Demo::ALL.iter().map(one).collect()
}
