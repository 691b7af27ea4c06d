//! An explanation as JSON: objects with an `event`, one for each stage.

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Change, Equation, Explanation, Mark, Matrix, Numeric, Right, Source, Stage, StageKind, Update,
    Walk,
};

/// `[rows][cols]`.
fn rows<T: Serialize>(values: &[T], cols: usize) -> Value {
    json!(values.chunks_exact(cols).collect::<Vec<_>>())
}

/// An object with the fields of another added.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

impl Explanation {
    /// What the step is of.
    pub fn start_json(&self) -> Value {
        let Explanation { network, data, rows, step, rate, .. } = self;
        json!({
            "event": "start",
            "computed_by": if self.adapter.is_some() { "device" } else { "reference" },
            "layers": network.sizes(),
            "activations": network.activations(),
            "loss": network.loss(),
            "data": data,
            "batch_rows": rows,
            "step": step,
            "learning_rate": rate,
            "optimizer": self.optimizer.to_json(),
        })
    }

    /// Its stages in order, without the paragraph on each where that is to be terse, and the row that is followed.
    pub fn parts_json(&self, is_terse: bool) -> Vec<Value> {
        let of_stage = |one: &Stage| match one.kind {
            StageKind::Update => {
                with(stage(one, is_terse), json!({"updates": updates(&self.updates)}))
            }
            _ => stage(one, is_terse),
        };
        let row = |own: &Walk| walk(own, self.rows.get(own.row));
        self.stages.iter().map(of_stage).chain(self.walk.as_ref().map(row)).collect()
    }

    /// Its loss, and whether all numbers agree.
    pub fn result_json(&self) -> Value {
        let disagreeing = self.disagreeing();
        json!({
            "event": "result",
            "batch_loss": self.loss,
            "pass": disagreeing.is_empty(),
            "disagreeing": disagreeing,
        })
    }
}

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
