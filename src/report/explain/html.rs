//! As one HTML file that needs nothing else.

use std::fmt::Write as _;

use super::blocks::{Block, EquationLine, MatrixBlock, TableBlock};

const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --accent: #0072b2; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
code, pre, td, th { font: 0.85rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--soft); padding: .6rem .8rem; overflow-x: auto; }
section { margin: 1.1rem 0; } section > p { margin: .2rem 0; }
.grids { display: flex; flex-wrap: wrap; gap: .6rem 1.6rem; overflow-x: auto; }
table { border-collapse: collapse; } caption { text-align: left; font-size: .85rem; }
td, th { padding: .05rem .6rem; text-align: right; font-weight: normal; white-space: nowrap; }
thead th { border-bottom: 1px solid var(--line); }
th.word, td.word { text-align: left; }
td.flat, th.flat { background: #e69f0033; }
.about, .below { font-size: .85rem; opacity: .8; }
.note { border-left: 3px solid var(--accent); padding-left: .7rem; }
ul { padding-left: 1.2rem; }
";

/// Text of which no sign is taken for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The whole document.
pub(super) fn write(blocks: &[Block]) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Heading(1, title) => Some(escaped(title)),
        _ => None,
    });
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n",
        title.unwrap_or_default()
    );
    for block in blocks {
        match block {
            Block::Heading(level, title) => {
                let _ = writeln!(text, "<h{level}>{}</h{level}>", escaped(title));
            }
            Block::Paragraph(words) => {
                let _ = writeln!(text, "<p>{}</p>", escaped(words));
            }
            Block::Facts(lines) => {
                let item = |line: &String| format!("<li>{}</li>\n", escaped(line));
                let _ = write!(text, "<ul>\n{}</ul>\n", lines.iter().map(item).collect::<String>());
            }
            Block::Note(words) => {
                let _ = writeln!(text, "<p class=\"note\">{}</p>", escaped(words));
            }
            Block::Matrix(matrix) => write_matrix(&mut text, matrix),
            Block::Table(TableBlock { head, words, lines }) => {
                write_table(&mut text, "", head, *words, lines.iter().map(Vec::as_slice));
            }
            Block::Equations(lines) => {
                let line = |EquationLine { name, sides }: &EquationLine| {
                    let indent = " ".repeat(name.chars().count());
                    escaped(&format!("{name} = {}\n", sides.join(&format!("\n{indent} = "))))
                };
                let _ = writeln!(text, "<pre>{}</pre>", lines.iter().map(line).collect::<String>());
            }
        }
    }
    text + "</html>\n"
}

fn write_table<'a>(
    text: &mut String,
    caption: &str,
    head: &[String],
    words: usize,
    lines: impl Iterator<Item = &'a [String]>,
) {
    let cell = |tag: &str, at: usize, cell: &String| {
        let is_marked = cell.ends_with('*') || cell.ends_with(')');
        let class = match (at < words, is_marked) {
            (true, _) => " class=\"word\"",
            (false, true) => " class=\"flat\"",
            (false, false) => "",
        };
        format!("<{tag}{class}>{}</{tag}>", escaped(cell))
    };
    let row = |tag: &str, cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(at, text)| cell(tag, at, text));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    *text += "<table>\n";
    if !caption.is_empty() {
        let _ = writeln!(text, "<caption>{}</caption>", escaped(caption));
    }
    let _ = writeln!(text, "<thead>{}</thead>\n<tbody>", row("th", head));
    for line in lines {
        let _ = writeln!(text, "{}", row("td", line));
    }
    *text += "</tbody>\n</table>\n";
}

fn write_matrix(text: &mut String, matrix: &MatrixBlock) {
    let MatrixBlock { name, formula, about, grids, below } = matrix;
    let head = if formula.is_empty() { name.clone() } else { format!("{name} = {formula}") };
    let _ = writeln!(
        text,
        "<section>\n<p><code>{}</code> <span class=\"about\">{}</span></p>\n<div class=\"grids\">",
        escaped(&head),
        escaped(about)
    );
    for grid in grids {
        let head = [vec![String::new()], grid.head.clone()].concat();
        let row = |(of, cells): &(String, Vec<String>)| [vec![of.clone()], cells.clone()].concat();
        let lines: Vec<Vec<String>> = grid.lines.iter().map(row).collect();
        write_table(text, &grid.title, &head, 1, lines.iter().map(Vec::as_slice));
    }
    *text += "</div>\n";
    for line in below {
        let _ = writeln!(text, "<p class=\"below\">{}</p>", escaped(line));
    }
    *text += "</section>\n";
}
