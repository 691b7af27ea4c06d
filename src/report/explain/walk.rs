//! One row of a step, with each product written out.

use super::blocks::{Block, EquationLine, number};
use crate::explain::{Equation, Explanation, Right, Walk};

/// Terms of a sum that are written out in numbers.
const WRITTEN_TERMS: usize = 8;

/// A row by itself, part by part.
pub(super) fn blocks(walk: &Walk, explanation: &Explanation, is_terse: bool) -> Vec<Block> {
    let row = explanation.rows.get(walk.row).map_or(0, |row| row + 1);
    let title = format!("Row {} by itself", walk.row + 1);
    let mut blocks = vec![Block::Heading(2, title)];
    if !is_terse {
        blocks.push(Block::Paragraph(format!(
            "Row {row} of the data, with each product written out: forward, then backward. Inputs, units and \
             outputs count from 1; w1[2][3] goes from input 2 to unit 3 of layer 1."
        )));
    }
    for part in &walk.parts {
        let is_of_step = part.equations.iter().any(|equation| equation.is_of_step);
        let title = match is_of_step {
            true => part.title.clone(),
            false => format!("{} (computed here, from the numbers above)", part.title),
        };
        blocks.push(Block::Heading(3, title));
        let lines = part.equations.iter().map(|own| equation(own, is_of_step));
        blocks.push(Block::Equations(lines.collect()));
        if part.left_out > 0 {
            blocks.push(Block::Note(format!("{} more are not shown.", part.left_out)));
        }
    }
    blocks
}

/// A factor, in brackets where it has a sign.
fn factor(value: f64) -> String {
    let text = number(value);
    if text.starts_with('-') { format!("({text})") } else { text }
}

fn product(factors: &[f64]) -> String {
    match factors {
        [one] => number(*one),
        factors => factors.iter().map(|&value| factor(value)).collect::<Vec<_>>().join(" · "),
    }
}

/// Terms with their signs between them.
fn sum(terms: &[String]) -> String {
    let mut text = String::new();
    for (at, term) in terms.iter().enumerate() {
        // A first factor in brackets gives its sign to the term.
        let unsigned = term.strip_prefix("(-").map(|rest| rest.replacen(')', "", 1));
        let unsigned = unsigned.or(term.strip_prefix('-').map(str::to_owned));
        match (at, unsigned) {
            (0, _) => text += term,
            (_, Some(unsigned)) => text += &format!(" - {unsigned}"),
            (_, None) => text += &format!(" + {term}"),
        }
    }
    text
}

/// An equation; where those beside it are of the step's own numbers, one that is not says so.
fn equation(equation: &Equation, most_are: bool) -> EquationLine {
    let Equation { name, symbols, right, value, is_of_step } = equation;
    let numbers = match right {
        Right::Sum(terms) => {
            let mut written: Vec<String> =
                terms.iter().take(WRITTEN_TERMS).map(|term| product(term)).collect();
            let rest = &terms[written.len()..];
            if !rest.is_empty() {
                let own: f64 = rest.iter().map(|term| term.iter().product::<f64>()).sum();
                written.push(format!("{} (the other {} terms)", number(own), rest.len()));
            }
            sum(&written)
        }
        Right::Call { function, arguments } => {
            let arguments: Vec<String> = arguments.iter().map(|&value| number(value)).collect();
            format!("{function}({})", arguments.join(", "))
        }
    };
    let value = number(*value);
    let mut sides = vec![symbols.clone()];
    sides.extend([numbers, value].into_iter().filter(|side| *side != *symbols));
    sides.dedup();
    if let (true, false, Some(last)) = (most_are, is_of_step, sides.last_mut()) {
        *last += " (computed here)";
    }
    EquationLine { name: name.clone(), sides }
}
