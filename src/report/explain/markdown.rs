//! As markdown that reads well on a page of a repository.

use std::fmt::Write as _;

use super::blocks::{Block, EquationLine, MatrixBlock, TableBlock};

/// Words of which no sign is taken for markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if "\\`*_|<>[]#".contains(sign) {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}

/// The whole document.
pub(super) fn write(blocks: &[Block]) -> String {
    let mut text = String::new();
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        match block {
            Block::Heading(level, title) => {
                let _ = writeln!(text, "{} {}", "#".repeat(*level), escaped(title));
            }
            Block::Paragraph(words) => {
                let _ = writeln!(text, "{}", escaped(words));
            }
            Block::Facts(lines) => {
                for line in lines {
                    let _ = writeln!(text, "- {}", escaped(line));
                }
            }
            Block::Note(words) => {
                let _ = writeln!(text, "> {}", escaped(words));
            }
            Block::Matrix(matrix) => write_matrix(&mut text, matrix),
            Block::Table(TableBlock { head, words, lines }) => {
                let lines = lines.iter().map(Vec::as_slice);
                write_table(&mut text, head, *words, lines);
            }
            Block::Equations(lines) => {
                text += "```text\n";
                for EquationLine { name, sides } in lines {
                    let indent = " ".repeat(name.chars().count());
                    let _ = writeln!(text, "{name} = {}", sides.join(&format!("\n{indent} = ")));
                }
                text += "```\n";
            }
        }
    }
    text
}

fn write_table<'a>(
    text: &mut String,
    head: &[String],
    words: usize,
    lines: impl Iterator<Item = &'a [String]>,
) {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    *text += &row(head);
    let rule = |at: usize| if at < words { "---" } else { "---:" };
    let rules: Vec<&str> = (0..head.len()).map(rule).collect();
    let _ = writeln!(text, "| {} |", rules.join(" | "));
    lines.for_each(|line| *text += &row(line));
}

fn write_matrix(text: &mut String, matrix: &MatrixBlock) {
    let MatrixBlock { name, formula, about, grids, below } = matrix;
    let head = if formula.is_empty() { name.clone() } else { format!("{name} = {formula}") };
    let _ = writeln!(text, "**`{head}`**: {}\n", escaped(about));
    // One table, its parts below each other: the same place stands in the same column.
    let mut lines: Vec<Vec<String>> = Vec::new();
    for grid in grids {
        for (of, cells) in &grid.lines {
            let words = [grid.title.as_str(), of.as_str()];
            let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            lines.push([vec![words.join(", ")], cells.clone()].concat());
        }
    }
    let head = grids.first().map(|grid| grid.head.clone()).unwrap_or_default();
    let head = [vec![String::new()], head].concat();
    write_table(text, &head, 1, lines.iter().map(Vec::as_slice));
    for line in below {
        let _ = writeln!(text, "\n{}", escaped(line));
    }
}
