//! The lines of `wgrad explain`.

use serde_json::{Value, json};

use super::{adapter_of, line, result_on, start_at, with};
use crate::engine::EngineSpec;
use crate::explain::demos::{Cell, Demo, Demonstration};
use crate::report::StepReport;

pub(in crate::report) fn explained(report: &StepReport<'_>) -> String {
    let StepReport { explanation, at, note, is_terse } = report;
    let start = with(start_at(at), json!({"note": note}));
    let mut text = line(&with(start, explanation.start_json()));
    text.extend(explanation.parts_json(*is_terse).iter().map(line));
    text + &result_on(adapter_of(at), explanation.result_json())
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
