//! As text of at most 100 columns.

use std::fmt::Write as _;

use super::blocks::{Block, EquationLine, Grid, MatrixBlock, TableBlock};
use crate::report::table;

/// Columns of the text at most.
pub(super) const WIDTH: usize = 100;
/// What matrices and tables are set in by.
const INDENT: usize = 2;
/// Between two grids that stand beside each other.
const GAP: &str = "   ";

/// Words in lines of at most [`WIDTH`] columns; all but the first set in by `indent` more than the first.
pub(super) fn wrapped(text: &str, first: usize, indent: usize) -> String {
    let (mut lines, mut line, mut width) = (String::new(), " ".repeat(first), first);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if !is_empty && width + 1 + len > WIDTH {
            let _ = writeln!(lines, "{}", line.trim_end());
            line = " ".repeat(first + indent);
            width = first + indent;
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
            width += 1;
        }
        line += word;
        width += len;
        is_empty = false;
    }
    let _ = writeln!(lines, "{}", line.trim_end());
    lines
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
                text += &wrapped(title, 0, 0);
                let width = title.chars().count().min(WIDTH);
                if let Some(under) = ["=", "-"].get(level - 1) {
                    let _ = writeln!(text, "{}", under.repeat(width));
                }
            }
            Block::Paragraph(words) => text += &wrapped(words, 0, 0),
            Block::Facts(lines) => lines.iter().for_each(|line| text += &wrapped(line, 0, 2)),
            Block::Note(words) => text += &wrapped(words, INDENT, 2),
            Block::Matrix(matrix) => write_matrix(&mut text, matrix),
            Block::Table(table) => write_table(&mut text, table),
            Block::Equations(lines) => {
                lines.iter().for_each(|line| write_equation(&mut text, line))
            }
        }
    }
    text
}

fn write_matrix(text: &mut String, matrix: &MatrixBlock) {
    let MatrixBlock { name, formula, about, grids, below } = matrix;
    let head = if formula.is_empty() { name.clone() } else { format!("{name} = {formula}") };
    let one_line = format!("{head}   {about}");
    match one_line.chars().count() <= WIDTH {
        true => {
            let _ = writeln!(text, "{one_line}");
        }
        false => {
            *text += &wrapped(&head, 0, 4);
            *text += &wrapped(about, 4, 0);
        }
    }
    let grids: Vec<Vec<String>> = grids.iter().flat_map(cut).map(|grid| lines_of(&grid)).collect();
    for line in beside(&grids) {
        let _ = writeln!(text, "{}{}", " ".repeat(INDENT), line.trim_end());
    }
    below.iter().for_each(|line| *text += &wrapped(line, INDENT, 2));
}

/// Columns that a grid takes.
fn width_of(grid: &Grid) -> usize {
    let lines = lines_of(grid);
    lines.iter().map(|line| line.chars().count()).max().unwrap_or_default()
}

/// A grid in pieces of which each has room, cut between columns.
fn cut(grid: &Grid) -> Vec<Grid> {
    let all = grid.head.len();
    let piece = |from: usize, to: usize| Grid {
        title: grid.title.clone(),
        head: grid.head[from..to].to_vec(),
        lines: grid
            .lines
            .iter()
            .map(|(of, cells)| (of.clone(), cells[from..to].to_vec()))
            .collect(),
    };
    let (mut pieces, mut from) = (Vec::new(), 0);
    while from < all {
        let fits = |to: &usize| width_of(&piece(from, *to)) + INDENT <= WIDTH;
        let to = (from + 1..=all).rev().find(fits).unwrap_or(from + 1);
        pieces.push(piece(from, to));
        from = to;
    }
    pieces
}

/// The lines of a grid, each as wide as the widest.
fn lines_of(grid: &Grid) -> Vec<String> {
    let head = [vec![grid.title.clone()], grid.head.clone()].concat();
    let rows = grid.lines.iter().map(|(of, cells)| [vec![of.clone()], cells.clone()].concat());
    let mut lines: Vec<String> =
        table::columns(1, &head, rows).lines().map(str::to_owned).collect();
    if lines[0].is_empty() {
        lines.remove(0);
    }
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    for line in &mut lines {
        *line += &" ".repeat(width - line.chars().count());
    }
    lines
}

/// Grids beside each other where there is room for all, else below each other.
fn beside(grids: &[Vec<String>]) -> Vec<String> {
    let width = |lines: &Vec<String>| lines.first().map_or(0, |line| line.chars().count());
    let all = grids.iter().map(width).sum::<usize>() + GAP.len() * grids.len().saturating_sub(1);
    let height = grids.first().map_or(0, Vec::len);
    if INDENT + all > WIDTH || grids.iter().any(|grid| grid.len() != height) {
        return grids.concat();
    }
    let line = |at: usize| grids.iter().map(|grid| grid[at].as_str()).collect::<Vec<_>>().join(GAP);
    (0..height).map(line).collect()
}

/// A table, its last columns left to lines of their own where there is no room for all.
fn write_table(text: &mut String, block: &TableBlock) {
    let TableBlock { head, words, lines } = block;
    let printed = table::columns(*words, head, lines.iter().cloned());
    let width = printed.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    if width + INDENT > WIDTH && head.len() > words + 1 {
        // Cut in two, each with the words before it.
        let middle = words + (head.len() - words).div_ceil(2);
        for range in [*words..middle, middle..head.len()] {
            let of = |line: &Vec<String>| [&line[..*words], &line[range.clone()]].concat();
            let lines = lines.iter().map(of).collect();
            write_table(text, &TableBlock { head: of(head), words: *words, lines });
        }
        return;
    }
    for line in printed.lines() {
        *text += &wrapped_row(line);
    }
}

/// A line of a table, which is cut only where it has words too long for any line.
fn wrapped_row(line: &str) -> String {
    match INDENT + line.chars().count() <= WIDTH {
        true => format!("{}{line}\n", " ".repeat(INDENT)),
        false => wrapped(line, INDENT, 4),
    }
}

fn write_equation(text: &mut String, EquationLine { name, sides }: &EquationLine) {
    let one_line = format!("{name} = {}", sides.join(" = "));
    if INDENT + one_line.chars().count() <= WIDTH {
        let _ = writeln!(text, "{}{one_line}", " ".repeat(INDENT));
        return;
    }
    let indent = name.chars().count() + 1;
    for (at, side) in sides.iter().enumerate() {
        let line = if at == 0 { format!("{name} = {side}") } else { format!("= {side}") };
        *text += &wrapped(&line, if at == 0 { INDENT } else { INDENT + indent }, 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_the_window() {
        let wide = |cols: usize| Grid {
            title: "GPU".to_owned(),
            head: (0..cols).map(|col| format!("unit {col} (dead)")).collect(),
            lines: vec![("row 1".to_owned(), vec!["-1.23457e-12*".to_owned(); cols]); 3],
        };
        let matrix = MatrixBlock {
            name: "Z1".to_owned(),
            formula: "X · W1 + b1".repeat(9),
            about: "3 x 8, ".repeat(20),
            grids: vec![wide(8), wide(3), wide(3)],
            below: vec!["far away ".repeat(20)],
        };
        let equation = EquationLine {
            name: "z1[1]".to_owned(),
            sides: vec!["x[1] w1[1][1] + ".repeat(12), "0.5 · 0.25 + ".repeat(12), "1".to_owned()],
        };
        let cells = vec!["-1.23457e-12".to_owned(); 12];
        let table = TableBlock { head: cells.clone(), words: 1, lines: vec![cells] };
        let text = write(&[
            Block::Heading(1, "words ".repeat(30)),
            Block::Matrix(matrix),
            Block::Equations(vec![equation]),
            Block::Table(table),
            Block::Note("words ".repeat(30)),
        ]);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert_eq!(text.matches("-1.23457e-12*").count(), 3 * 14);
    }
}
