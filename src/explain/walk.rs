//! One row of a step by scalar arithmetic, forward and backward, with each product written out.

use super::kinds::{StageKind, activated_name, activations_name, input_name};
use super::matrix::{SHOWN_COLS, SHOWN_ROWS};
use super::record::{Item, Record};
use super::words;
use crate::engine::Task;
use crate::network::{GradientAt, Layer, Layout, Loss, Mask, NORM_EPS, Network};
use crate::reference::predictions;

/// Terms of a sum that are named one by one.
const NAMED_TERMS: usize = 4;

/// What a number is computed as.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Right {
    /// A sum of products.
    Sum(Vec<Vec<f64>>),
    /// A function of numbers.
    Call {
        /// The function's name.
        function: String,
        /// What it is taken of.
        arguments: Vec<f64>,
    },
}

/// One number, as a formula and in numbers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Equation {
    /// What it is: `z1[2]`; units and inputs count from 1.
    pub name: String,
    /// The formula.
    pub symbols: String,
    /// The same in numbers.
    pub right: Right,
    /// What comes out.
    pub value: f64,
    /// Whether that is a number of the step's own; else it is computed here, from such numbers.
    pub is_of_step: bool,
}

/// Some numbers of a row, of one stage.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct WalkPart {
    /// The stage.
    pub title: String,
    /// Its numbers.
    pub equations: Vec<Equation>,
    /// How many more there are that are not written out.
    pub left_out: usize,
}

/// One row, forward and backward.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Walk {
    /// Its place in the batch, from 0.
    pub row: usize,
    /// In order.
    pub parts: Vec<WalkPart>,
}

/// The scalar of a matrix: `A1` as `a1`.
fn scalar(matrix: &str) -> String {
    matrix.to_ascii_lowercase()
}

/// Equations of a unit between its sum and what feeds the next layer, beside its activation's.
fn between(layer: &Layer) -> usize {
    usize::from(layer.is_normed()) + usize::from(layer.dropout > 0.0)
}

/// What the activation of a layer takes.
fn activated(layer: &Layer) -> Item {
    if layer.is_normed() { Item::N(layer.index) } else { Item::Z(layer.index) }
}

/// The numbers of a unit's norm, and those of one row.
struct NormOf {
    gamma: f64,
    beta: f64,
    mean: f64,
    /// One over the root of variance and eps.
    inverse: f64,
    n: f64,
    d_n: f64,
    d_z: f64,
    d_gamma: f64,
    d_beta: f64,
}

impl NormOf {
    fn forward(&self, number: usize, at: usize, z: f64) -> Equation {
        let Self { gamma, beta, mean, inverse, n, .. } = *self;
        Equation {
            name: format!("n{number}[{at}]"),
            symbols: format!(
                "gamma{number}[{at}] (z{number}[{at}] - mean{number}[{at}]) / deviation{number}[{at}] + beta{number}[{at}]"
            ),
            right: Right::Sum(vec![vec![gamma, z - mean, inverse], vec![beta]]),
            value: n,
            is_of_step: true,
        }
    }

    fn backward(&self, number: usize, at: usize, (z, rows): (f64, usize)) -> Equation {
        let Self { gamma, mean, inverse, d_n, d_z, d_gamma, d_beta, .. } = *self;
        let (factor, share, h) = (gamma * inverse, -1.0 / rows as f64, (z - mean) * inverse);
        Equation {
            name: format!("dz{number}[{at}]"),
            symbols: format!(
                "gamma{number}[{at}] / deviation{number}[{at}] (dn{number}[{at}] - dbeta{number}[{at}]/m - h dgamma{number}[{at}]/m)"
            ),
            right: Right::Sum(vec![
                vec![factor, d_n],
                vec![factor, share, d_beta],
                vec![factor, share, h, d_gamma],
            ]),
            value: d_z,
            is_of_step: true,
        }
    }
}

struct Walker<'a> {
    task: &'a Task,
    record: &'a Record,
    layout: Layout,
    /// Rows of the batch.
    rows: usize,
    /// The one that is followed.
    row: usize,
}

/// Follows a row of a step's batch, counted from 0.
pub(super) fn walk(task: &Task, record: &Record, rows: usize, row: usize) -> Walk {
    let walker = Walker { task, record, layout: Layout::new(&task.network), rows, row };
    let layers: Vec<Layer> = task.network.layers().collect();
    let mut parts: Vec<WalkPart> = Vec::new();
    parts.extend(layers.iter().map(|layer| walker.forward(layer)));
    parts.push(walker.loss());
    for layer in layers.iter().rev() {
        parts.push(walker.backward(layer));
        parts.push(walker.shares(layer));
    }
    Walk { row, parts }
}

/// As many of all as are written out.
fn part(title: String, all: usize, equations: Vec<Equation>) -> WalkPart {
    WalkPart { title, left_out: all - equations.len().min(all), equations }
}

impl Walker<'_> {
    fn network(&self) -> &Network {
        &self.task.network
    }

    /// This row of a matrix of so many columns.
    fn row_of(&self, item: Item, cols: usize) -> &[f64] {
        let all = self.record.values(item).unwrap_or_default();
        all.get(self.row * cols..(self.row + 1) * cols).unwrap_or_default()
    }

    /// What feeds a layer in this row.
    fn input(&self, layer: &Layer) -> &[f64] {
        match layer.index.checked_sub(1) {
            Some(before) if self.network().dropout() > 0.0 => {
                self.row_of(Item::D(before), layer.fan_in)
            }
            Some(before) => self.row_of(Item::A(before), layer.fan_in),
            None => self.row_of(Item::Inputs, layer.fan_in),
        }
    }

    fn parameter(&self, index: usize) -> f64 {
        f64::from(self.record.before.parameters[index])
    }

    fn weight(&self, layer: usize, input: usize, unit: usize) -> f64 {
        let tensor = self.layout.tensors().iter().find(|tensor| tensor.layer == layer);
        tensor.map_or(f64::NAN, |tensor| self.parameter(tensor.index(input, unit)))
    }

    fn bias(&self, layer: usize, unit: usize) -> f64 {
        let block = self.layout.block(layer);
        self.parameter(block.offset + block.bias_offset + unit)
    }

    fn forward(&self, layer: &Layer) -> WalkPart {
        let (index, number) = (layer.index, layer.index + 1);
        let input = scalar(&input_name(self.network(), index));
        let output = scalar(&activations_name(self.network(), index));
        let (z, a) = (self.row_of(Item::Z(index), layer.fan_out), Item::A(index));
        let a = self.row_of(a, layer.fan_out);
        let mut equations = Vec::new();
        for unit in 0..layer.fan_out.min(SHOWN_COLS) {
            let of_input = self.input(layer).iter().enumerate();
            let mut terms: Vec<Vec<f64>> =
                of_input.map(|(i, &x)| vec![x, self.weight(index, i, unit)]).collect();
            terms.push(vec![self.bias(index, unit)]);
            let at = unit + 1;
            let named = |i: usize| format!("{input}[{i}] w{number}[{i}][{at}]");
            equations.push(Equation {
                name: format!("z{number}[{at}]"),
                symbols: format!("{} + b{number}[{at}]", sum(layer.fan_in, named)),
                right: Right::Sum(terms),
                value: z[unit],
                is_of_step: true,
            });
            if let Some(norm) = self.norm(layer, unit) {
                equations.push(norm.forward(number, at, z[unit]));
            }
            let activated = self.row_of(activated(layer), layer.fan_out)[unit];
            equations.push(Equation {
                name: format!("{output}[{at}]"),
                symbols: format!("{}({}[{at}])", layer.activation, scalar(&activated_name(layer))),
                right: Right::Call {
                    function: layer.activation.name().to_owned(),
                    arguments: vec![activated],
                },
                value: a[unit],
                is_of_step: true,
            });
            equations.extend(self.dropped(layer, unit, &output, a[unit], ("d", Item::D(index))));
        }
        let title = words::title(StageKind::Forward(index), self.network());
        part(title, (2 + between(layer)) * layer.fan_out, equations)
    }

    /// The targets of the row, and how much it counts.
    fn targets(&self) -> (&[f64], f64) {
        let (outputs, width) = (self.network().outputs(), self.task.data.target_width());
        let all = self.row_of(Item::Targets, width);
        (&all[..outputs], all.get(outputs).copied().unwrap_or(1.0))
    }

    fn loss(&self) -> WalkPart {
        let (network, outputs) = (self.network(), self.network().outputs());
        let loss = network.loss();
        let (targets, _) = self.targets();
        let y = self.row_of(Item::A(network.activations().len() - 1), outputs);
        let own = self.row_of(Item::RowLosses, 1)[0];
        let scale = loss.value_scale(self.rows, outputs);
        let equations = vec![
            Equation {
                name: "row loss".to_owned(),
                symbols: words::row_loss(loss).to_owned(),
                right: Right::Call {
                    function: loss.name().to_owned(),
                    arguments: y.iter().chain(targets).copied().collect(),
                },
                value: own,
                is_of_step: true,
            },
            Equation {
                name: "its share of the loss".to_owned(),
                symbols: "scale of the mean times row loss".to_owned(),
                right: Right::Sum(vec![vec![scale, own]]),
                value: scale * own,
                is_of_step: false,
            },
        ];
        part(words::title(StageKind::Loss, network), 2, equations)
    }

    /// dLoss/dz of one unit from dLoss/da: times the slope.
    fn through_slope(&self, layer: &Layer, unit: usize, d_a: f64, name: &str) -> Equation {
        let (index, number, at) = (layer.index, layer.index + 1, unit + 1);
        let of = |item| self.row_of(item, layer.fan_out)[unit];
        let (kind, parameter) = layer.function();
        let slope = kind.slope([parameter, of(activated(layer)), of(Item::A(index))]);
        let letter = if layer.is_normed() { "n" } else { "z" };
        let to = if layer.is_normed() { Item::DN(index) } else { Item::DZ(index) };
        Equation {
            name: format!("d{letter}{number}[{at}]"),
            symbols: format!("{name}[{at}] {kind}'({letter}{number}[{at}])"),
            right: Right::Sum(vec![vec![d_a, slope]]),
            value: of(to),
            is_of_step: true,
        }
    }

    /// What dropout makes of a number of a unit.
    fn dropped(
        &self,
        layer: &Layer,
        unit: usize,
        from: &str,
        value: f64,
        (letter, item): (&str, Item),
    ) -> Option<Equation> {
        let mask = Mask::new(layer, self.task.batches.seed(), self.record.before.step)?;
        let (number, at, p) = (layer.index + 1, unit + 1, layer.dropout);
        let (symbols, factor) = match mask.keeps(self.row, unit) {
            true => (format!("{from}[{at}] / (1 - {p}): kept"), 1.0 / (1.0 - p)),
            false => (format!("0 {from}[{at}]: dropped"), 0.0),
        };
        Some(Equation {
            name: format!("{letter}{number}[{at}]"),
            symbols,
            right: Right::Sum(vec![vec![value, factor]]),
            value: self.row_of(item, layer.fan_out)[unit],
            is_of_step: true,
        })
    }

    /// The norm of a unit, where its layer has one.
    fn norm(&self, layer: &Layer, unit: usize) -> Option<NormOf> {
        let (index, units) = (layer.index, layer.fan_out);
        let block = self.layout.norm(index)?;
        let statistics = self.record.values(Item::Statistics(index))?;
        let gradients = self.record.values(Item::GradientOfNorms)?;
        let (gamma, beta) = (block.offset + unit, block.offset + block.stride + unit);
        let of = |item| self.row_of(item, units)[unit];
        Some(NormOf {
            gamma: self.parameter(gamma),
            beta: self.parameter(beta),
            mean: statistics[unit],
            inverse: 1.0 / (statistics[units + unit] + NORM_EPS).sqrt(),
            n: of(Item::N(index)),
            d_n: of(Item::DN(index)),
            d_z: of(Item::DZ(index)),
            d_gamma: gradients[gamma],
            d_beta: gradients[beta],
        })
    }

    /// How the loss changes with an output, or with what is before its activation.
    fn loss_gradient(&self, unit: usize, of: Item, name: String) -> Equation {
        let (network, outputs) = (self.network(), self.network().outputs());
        let loss = network.loss();
        let (targets, weight) = self.targets();
        let y = self.row_of(Item::A(network.activations().len() - 1), outputs);
        let p = predictions(loss.link(), y, outputs)[unit];
        let (scale, t) = (weight * loss.gradient_scale(self.rows, outputs), targets[unit]);
        let terms = match loss {
            Loss::Huber => vec![vec![scale, loss.slope([network.loss_parameter(), p, t])]],
            _ => vec![vec![scale, p], vec![-scale, t]],
        };
        Equation {
            name,
            symbols: scalar(&words::loss_gradient(loss, outputs)),
            right: Right::Sum(terms),
            value: self.row_of(of, outputs)[unit],
            is_of_step: true,
        }
    }

    fn backward(&self, layer: &Layer) -> WalkPart {
        let (index, number) = (layer.index, layer.index + 1);
        let next = self.network().layers().nth(number);
        let mut equations = Vec::new();
        let shown = layer.fan_out.min(SHOWN_COLS);
        let mut each = 2;
        for unit in 0..shown {
            let at = unit + 1;
            let Some(next) = &next else {
                let at_output = self.network().loss().gradient_at() == GradientAt::Output;
                if at_output {
                    let d_y = self.loss_gradient(unit, Item::DA(index), format!("dy[{at}]"));
                    let value = d_y.value;
                    equations.extend([d_y, self.through_slope(layer, unit, value, "dy")]);
                } else {
                    each = 1;
                    let name = format!("dz{number}[{at}]");
                    equations.push(self.loss_gradient(unit, Item::DZ(index), name));
                }
                continue;
            };
            let d_z = self.row_of(Item::DZ(number), next.fan_out);
            let after = number + 1;
            let terms: Vec<Vec<f64>> = d_z
                .iter()
                .enumerate()
                .map(|(k, &d)| vec![d, self.weight(number, unit, k)])
                .collect();
            let named = |k: usize| format!("dz{after}[{k}] w{after}[{at}][{k}]");
            let (letter, to) = match layer.dropout > 0.0 {
                true => ("dd", Item::DD(index)),
                false => ("da", Item::DA(index)),
            };
            let came = self.row_of(to, layer.fan_out)[unit];
            equations.push(Equation {
                name: format!("{letter}{number}[{at}]"),
                symbols: sum(next.fan_out, named),
                right: Right::Sum(terms),
                value: came,
                is_of_step: true,
            });
            let to = ("da", Item::DA(index));
            equations.extend(self.dropped(layer, unit, &format!("dd{number}"), came, to));
            let value = self.row_of(Item::DA(index), layer.fan_out)[unit];
            equations.push(self.through_slope(layer, unit, value, &format!("da{number}")));
            let z = self.row_of(Item::Z(index), layer.fan_out)[unit];
            let norm = self.norm(layer, unit);
            equations.extend(norm.map(|norm| norm.backward(number, at, (z, self.rows))));
            each = 2 + between(layer);
        }
        let title = words::title(StageKind::Backward(index), self.network());
        part(title, each * layer.fan_out, equations)
    }

    /// What the row adds to the gradients of a layer.
    fn shares(&self, layer: &Layer) -> WalkPart {
        let (index, number) = (layer.index, layer.index + 1);
        let input = scalar(&input_name(self.network(), index));
        let d_z = self.row_of(Item::DZ(index), layer.fan_out);
        let mut equations = Vec::new();
        let share = |name, symbols, product: Vec<f64>| Equation {
            name,
            symbols,
            value: product.iter().product(),
            right: Right::Sum(vec![product]),
            is_of_step: false,
        };
        for (unit, &d) in d_z.iter().enumerate().take(SHOWN_COLS) {
            let at = unit + 1;
            for (i, &x) in self.input(layer).iter().enumerate().take(SHOWN_ROWS) {
                let i = i + 1;
                equations.push(share(
                    format!("to dw{number}[{i}][{at}]"),
                    format!("{input}[{i}] dz{number}[{at}]"),
                    vec![x, d],
                ));
            }
            equations.push(share(
                format!("to db{number}[{at}]"),
                format!("dz{number}[{at}]"),
                vec![d],
            ));
        }
        let title = format!("What this row adds to dW{number} and db{number}");
        part(title, (layer.fan_in + 1) * layer.fan_out, equations)
    }
}

/// A sum of named terms, or of many of them by a rule; terms count from 1.
fn sum(terms: usize, named: impl Fn(usize) -> String) -> String {
    if terms <= NAMED_TERMS {
        return (1..=terms).map(named).collect::<Vec<_>>().join(" + ");
    }
    format!("{} + ... + {}", named(1), named(terms))
}
