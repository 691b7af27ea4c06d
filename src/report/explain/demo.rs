//! Demonstrations, and the list of them.

use super::blocks::{Block, Style, TableBlock, number};
use crate::explain::Demonstration;
use crate::explain::demos::{Cell, Demo, Inequality, Section};
use crate::report::table;

/// Each demonstration as it is to be read.
pub(super) fn blocks(all: &[Demonstration], is_terse: bool) -> Vec<Block> {
    let mut blocks = Vec::new();
    for one in all {
        blocks.push(Block::Heading(1, format!("{}: {}", one.name, one.claim)));
        blocks.push(Block::Facts(vec![format!("computed by: {}", one.computed_by.join("; "))]));
        for section in &one.sections {
            if !is_terse {
                blocks.push(Block::Paragraph(section.about.clone()));
            }
            blocks.push(Block::Table(numbers(section)));
        }
        let lines = one.inequalities.iter().map(inequality);
        let verdict = if one.holds() { "So it is" } else { "Not so in these numbers" };
        blocks.push(Block::Heading(2, verdict.to_owned()));
        blocks.push(Block::Facts(lines.collect()));
    }
    blocks
}

/// A claim in numbers.
fn inequality(inequality: &Inequality) -> String {
    let Inequality { what, left, relation, right, than } = inequality;
    let than = if than.is_empty() { String::new() } else { format!(" ({than})") };
    let holds = if inequality.holds() { "" } else { ": DOES NOT HOLD" };
    format!("{what}: {} {} {}{than}{holds}", number(*left), relation.sign(), number(*right))
}

/// A table, the numbers of each column written alike.
fn numbers(section: &Section) -> TableBlock {
    let rows = &section.table.rows;
    let value = |cell: &Cell| match cell {
        Cell::Number(value) => Some(*value),
        _ => None,
    };
    let style = |column: usize| {
        let values = || rows.iter().filter_map(move |row| value(&row[column]));
        // Numbers that are of interest for how small they are.
        match values().any(|value| value != 0.0 && value.abs() < 1e-4) {
            true => Style::Exponent,
            false => Style::of(values()),
        }
    };
    let write = |(column, cell): (usize, &Cell)| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Count(count) => count.to_string(),
        Cell::Number(value) => style(column).write(*value),
        Cell::Nothing => "-".to_owned(),
    };
    let line = |row: &Vec<Cell>| row.iter().enumerate().map(write).collect();
    let is_words = |column: usize| rows.iter().all(|row| matches!(row[column], Cell::Text(_)));
    let words = (0..section.table.head.len()).take_while(|&column| is_words(column)).count();
    let lines = rows.iter().map(line).collect();
    TableBlock { head: section.table.head.clone(), words: words.max(1), lines }
}

/// The demonstrations there are, and what each is to show.
pub(super) fn list() -> Vec<Block> {
    let line = |demo: &Demo| vec![demo.name().to_owned(), demo.claim().to_owned()];
    let lines: Vec<Vec<String>> = Demo::ALL.iter().map(line).collect();
    let counted = table::counted(lines.len() as u64, "demonstration");
    let head = vec!["name".to_owned(), "what it measures".to_owned()];
    vec![
        Block::Facts(vec![format!("{counted}: wgrad explain --demo NAME, or --demo all")]),
        Block::Table(TableBlock { head, words: 2, lines }),
    ]
}
