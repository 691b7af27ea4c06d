//! Puts the stages of a step together, in order, each with its matrices.

use super::explanation::Stage;
use super::gradients::Slopes;
use super::kinds::{StageKind, activated_name, activations_name, input_name, tensor_name};
use super::matrix::{Comparison, Mark, Matrix, Numeric, Source};
use super::record::{Item, Record, gradient_of};
use super::update::{Update, updates};
use super::words;
use crate::check::Inexact;
use crate::engine::Task;
use crate::network::{Activation, GradientAt, Layer, Layout, Loss, NORM_EPS, Tensor, TensorKind};
use crate::reference::Reference;

const UNITS: [&str; 2] = ["row", "unit"];
const OUTPUTS: [&str; 2] = ["row", "output"];

/// What rows and columns of a tensor are.
fn axes_of(tensor: &Tensor) -> [&'static str; 2] {
    match tensor.kind {
        TensorKind::Weights => ["input", "unit"],
        _ => ["", "unit"],
    }
}

/// What dropout makes of a matrix.
fn masked(name: &str, layer: &Layer) -> String {
    format!("{name} / (1 - {}) where the mask keeps it, else 0", layer.dropout)
}

/// Puts the stages together.
pub(super) struct Builder<'a> {
    pub(super) task: &'a Task,
    pub(super) record: &'a Record,
    /// The same step in f64, with what f32 may be off by.
    pub(super) reference: &'a Reference<Inexact>,
    pub(super) slopes: Slopes<'a>,
    pub(super) rows: usize,
}

impl Builder<'_> {
    /// Every stage, in order.
    pub(super) fn stages(mut self) -> Vec<Stage> {
        let layers: Vec<Layer> = self.task.network.layers().collect();
        let mut stages = vec![self.batch()];
        stages.extend(layers.iter().map(|layer| self.forward(layer)));
        stages.push(self.loss());
        for layer in layers.iter().rev() {
            let stage = self.backward(layer);
            stages.push(stage);
        }
        if self.task.optimizer.clip_norm.is_some() {
            stages.push(self.clipping());
        }
        stages.push(self.update());
        stages
    }

    fn stage(&self, kind: StageKind, matrices: Vec<Matrix>, mut notes: Vec<String>) -> Stage {
        let Task { network, optimizer, .. } = self.task;
        let layer = match kind {
            StageKind::Forward(layer) | StageKind::Backward(layer) => Some(layer),
            _ => None,
        };
        if let Some(layer) = layer {
            let activation = network.activations()[layer];
            let of = |matrix: &Matrix| words::notes(matrix, activation, optimizer);
            let marked = matrices.iter().flat_map(of);
            notes.extend(marked);
        }
        let is_bent = |matrix: &&Matrix| {
            matrix.differences.iter().flatten().any(|numeric| *numeric == Numeric::AtBend)
        };
        let bent = matrices.iter().filter(is_bent).map(|matrix| matrix.name.as_str());
        let bent: Vec<&str> = bent.collect();
        if !bent.is_empty() {
            notes.push(words::bends(&bent));
        }
        Stage {
            kind,
            title: words::title(kind, network),
            about: words::about(kind, network, optimizer, self.rows),
            matrices,
            notes,
        }
    }

    /// What a step computed, beside the same from the reference.
    fn computed(
        &self,
        name: impl Into<String>,
        (axes, cols): ([&'static str; 2], usize),
        formula: impl Into<String>,
        item: Item,
        reference: &[Inexact],
    ) -> Matrix {
        Matrix {
            formula: formula.into(),
            reference: Some(Comparison::new(reference)),
            ..self.taken(name, (axes, cols), item)
        }
    }

    /// What a step holds, with where it comes from.
    fn taken(
        &self,
        name: impl Into<String>,
        (axes, cols): ([&'static str; 2], usize),
        item: Item,
    ) -> Matrix {
        let values = self.record.values(item).unwrap_or_default().to_vec();
        Matrix { source: self.record.source(item), ..Matrix::given(name, axes, cols, values) }
    }

    fn batch(&self) -> Stage {
        let data = &self.task.data;
        let inputs = self.taken("X", (["row", "input"], data.input_len()), Item::Inputs);
        let inputs = Matrix { meaning: "the inputs".to_owned(), ..inputs };
        let (width, outputs) = (data.target_width(), data.target_len());
        let all = self.taken("T", (OUTPUTS, width), Item::Targets);
        let of = |name: &str, meaning: &str, cols: std::ops::Range<usize>| {
            let rows = all.values.chunks(width);
            let values = rows.flat_map(|row| row[cols.clone()].to_vec()).collect();
            Matrix {
                source: all.source.clone(),
                meaning: meaning.to_owned(),
                ..Matrix::given(name, OUTPUTS, cols.len(), values)
            }
        };
        let mut matrices = vec![inputs, of("T", "the targets", 0..outputs)];
        if width > outputs {
            let weights = of("weights of rows", "how much each row counts", outputs..width);
            matrices.push(Matrix { axes: ["row", ""], ..weights });
        }
        self.stage(StageKind::Batch, matrices, Vec::new())
    }

    fn parameters(&self, tensor: &Tensor) -> Matrix {
        let of = |index: usize| f64::from(self.record.before.parameters[index]);
        let source = match self.record.is_on_device() {
            true => Source::Buffer,
            false => Source::Reference,
        };
        let meaning = match tensor.kind {
            TensorKind::Weights => "the weights",
            TensorKind::Bias => "the biases",
            TensorKind::Gamma => "the factors of the norm",
            _ => "what the norm adds",
        };
        let values = tensor.indices().map(of).collect();
        Matrix {
            source,
            meaning: meaning.to_owned(),
            ..Matrix::given(tensor_name(tensor), axes_of(tensor), tensor.cols, values)
        }
    }

    fn forward(&self, layer: &Layer) -> Stage {
        let (network, index) = (&self.task.network, layer.index);
        let layout = Layout::new(network);
        let tensors = layout.learned().filter(|tensor| tensor.layer == index);
        let mut matrices: Vec<Matrix> = tensors.map(|tensor| self.parameters(tensor)).collect();
        let (number, input) = (index + 1, input_name(network, index));
        let trace = &self.reference.trace;
        matrices.push(self.computed(
            format!("Z{number}"),
            (UNITS, layer.fan_out),
            format!("{input} · W{number} + b{number}"),
            Item::Z(index),
            &trace.pre_activations[index],
        ));
        if layer.is_normed() {
            matrices.extend(self.normalized(layer));
        }
        let name = activations_name(network, index);
        let kind = layer.activation;
        let formula = format!("{kind}({})", activated_name(layer));
        let reference = &trace.activations[index];
        let mut a = self.computed(name, (UNITS, layer.fan_out), formula, Item::A(index), reference);
        a.meaning = format!("{kind}(z) = {}", words::activation(kind));
        a.marks = unit_marks(layer.activation, &a);
        matrices.push(a);
        if layer.dropout > 0.0 {
            let (formula, item) = (masked(&format!("A{number}"), layer), Item::D(index));
            let (name, reference) = (format!("D{number}"), &self.reference.between.dropped[index]);
            matrices.push(self.computed(name, (UNITS, layer.fan_out), formula, item, reference));
        }
        self.stage(StageKind::Forward(index), matrices, Vec::new())
    }

    /// The means and variances that a layer's norm takes, and what it gives.
    fn normalized(&self, layer: &Layer) -> [Matrix; 3] {
        let (index, number, units) = (layer.index, layer.index + 1, layer.fan_out);
        let between = &self.reference.between;
        let both = self.taken("", (["", "unit"], units), Item::Statistics(index));
        let row = |at: usize, name: &str, formula: String| {
            let of = at * units..(at + 1) * units;
            let values = both.values.get(of.clone()).unwrap_or_default().to_vec();
            Matrix {
                formula,
                source: both.source.clone(),
                reference: Some(Comparison::new(&between.statistics[index][of])),
                ..Matrix::given(format!("{name}{number}"), both.axes, units, values)
            }
        };
        let mean = row(0, "mean", format!("column means of Z{number}"));
        let variance = row(1, "variance", format!("column means of (Z{number} - mean{number})^2"));
        let formula = format!(
            "gamma{number} (Z{number} - mean{number}) / sqrt(variance{number} + {NORM_EPS}) + beta{number}"
        );
        let (name, item) = (format!("N{number}"), Item::N(index));
        let reference = &between.normalized[index];
        [mean, variance, self.computed(name, (UNITS, units), formula, item, reference)]
    }

    fn loss(&self) -> Stage {
        let network = &self.task.network;
        let (loss, outputs) = (network.loss(), network.outputs());
        let between = &self.reference.between;
        let mut of_rows =
            self.computed("row losses", (["row", ""], 1), "", Item::RowLosses, &between.row_loss);
        of_rows.meaning = format!("{}, of each row", words::row_loss(loss));
        let formula = words::loss(loss, outputs);
        let mut whole = self.computed("loss", (["", ""], 1), formula, Item::Loss, &[between.loss]);
        whole.meaning = loss.name().to_owned();
        let mut notes = Vec::new();
        if self.task.data.is_weighted() {
            let how = "Each row's loss, and its gradient, is multiplied by the weight of the row.";
            notes.push(how.to_owned());
        }
        self.stage(StageKind::Loss, vec![of_rows, whole], notes)
    }

    /// dLoss/dY and dLoss/dZ of the output layer, and what is to be said of the first where no kernel writes it.
    fn output_gradients(&mut self, layer: &Layer) -> (Vec<Matrix>, Vec<String>) {
        let network = &self.task.network;
        let (loss, outputs, number) = (network.loss(), network.outputs(), layer.index + 1);
        let formula = words::loss_gradient(loss, outputs);
        if loss.gradient_at() == GradientAt::Output {
            let d_y = &self.reference.between.d_activations[layer.index];
            let item = Item::DA(layer.index);
            let mut d_y = self.computed("dY", (OUTPUTS, outputs), formula, item, d_y);
            d_y.differences = Some(self.slopes.of_activations(layer.index));
            return (vec![d_y, self.through_slope(layer, "dY")], Vec::new());
        }
        let kernel = match self.record.source(Item::DZ(layer.index)) {
            Source::Kernels(kernels) => format!("the kernel {}", kernels.join(" and ")),
            _ => "the reference".to_owned(),
        };
        let d_z = &self.reference.trace.d_pre_activations[layer.index];
        let item = Item::DZ(layer.index);
        let mut matrix =
            self.computed(format!("dZ{number}"), (OUTPUTS, outputs), formula, item, d_z);
        matrix.differences = Some(self.slopes.of_pre_activations(layer.index));
        if loss != Loss::Bce {
            let same = format!(
                "The output activation is identity, so Y = Z{number} and dY = dZ{number}: {kernel} writes it once."
            );
            return (vec![matrix], vec![same]);
        }
        // From z: where y rounds to 0 or 1, a quotient by it would be none.
        let z = self.reference.trace.pre_activations[layer.index].iter().map(|z| z.value());
        let data = &self.task.data;
        let scale = loss.gradient_scale(self.rows, outputs);
        let all = self.record.values(Item::Targets).unwrap_or_default();
        let rows = all.chunks(data.target_width());
        let targets = rows.flat_map(|row| {
            let weight = row.get(outputs).copied().unwrap_or(1.0);
            row[..outputs].iter().map(move |&t| (t, weight))
        });
        let values = z.zip(targets).map(|(z, (t, weight))| {
            scale * weight * ((1.0 - t) * (1.0 + z.exp()) - t * (1.0 + (-z).exp()))
        });
        let d_y = Matrix {
            formula: format!(
                "(Y - T) / (Y (1 - Y)) / {}",
                if outputs == 1 { "m" } else { "(m n)" }
            ),
            source: Source::NoKernel,
            ..Matrix::given("dY", OUTPUTS, outputs, values.collect())
        };
        let why = format!(
            "dY is in no buffer: {kernel} takes bce and sigmoid together, so that dY times the slope Y (1 - Y) is \
             Y - T without a division. dY here is computed on the CPU in f64, to show the chain rule."
        );
        (vec![d_y, matrix], vec![why])
    }

    /// The gradient with respect to what the activation takes, from dLoss/da and the activation's slope.
    fn through_slope(&mut self, layer: &Layer, d_a: &str) -> Matrix {
        let (index, activated) = (layer.index, activated_name(layer));
        let formula = format!("{d_a} * {}'({activated})", layer.activation);
        let [item, from] = match layer.is_normed() {
            true => [Item::DN(index), Item::N(index)],
            false => [Item::DZ(index), Item::Z(index)],
        };
        let d = match layer.is_normed() {
            true => &self.reference.between.d_normalized[index],
            false => &self.reference.trace.d_pre_activations[index],
        };
        let mut matrix =
            self.computed(format!("d{activated}"), (UNITS, layer.fan_out), formula, item, d);
        matrix.meaning = format!("{}' = {}", layer.activation, words::slope(layer.activation));
        if !layer.is_normed() {
            matrix.differences = Some(self.slopes.of_pre_activations(index));
        }
        let of = |item| self.record.values(item).unwrap_or_default();
        let pairs = of(from).iter().zip(of(Item::A(layer.index)));
        let (kind, parameter) = layer.function();
        let is_flat = |(&z, &a): (&f64, &f64)| {
            // As the kernel takes it, in f32.
            kind.slope([parameter as f32, z as f32, a as f32]) == 0.0
        };
        let flat = pairs.enumerate().filter(|(_, pair)| is_flat(*pair));
        let place = |at: usize| (at / layer.fan_out, at % layer.fan_out);
        matrix.marks = flat
            .map(|(at, _)| place(at))
            .map(|(row, unit)| Mark::ZeroSlope { row, unit })
            .collect();
        matrix
    }

    /// dLoss/dZ from the gradient of what a norm made of it.
    fn through_norm(&mut self, layer: &Layer) -> Matrix {
        let (index, number) = (layer.index, layer.index + 1);
        let formula = format!(
            "gamma{number} / sqrt(variance{number} + {NORM_EPS}) (dN{number} - dbeta{number}/m - H dgamma{number}/m)"
        );
        let d_z = &self.reference.trace.d_pre_activations[index];
        let (name, item) = (format!("dZ{number}"), Item::DZ(index));
        let mut matrix = self.computed(name, (UNITS, layer.fan_out), formula, item, d_z);
        matrix.meaning =
            format!("H = (Z{number} - mean{number}) / sqrt(variance{number} + {NORM_EPS})");
        matrix.differences = Some(self.slopes.of_pre_activations(index));
        matrix
    }

    fn backward(&mut self, layer: &Layer) -> Stage {
        let network = &self.task.network;
        let (index, number) = (layer.index, layer.index + 1);
        let is_last = number == network.activations().len();
        let (mut matrices, notes) = match is_last {
            true => self.output_gradients(layer),
            false => {
                let (mut all, shape) = (Vec::new(), (UNITS, layer.fan_out));
                let mut formula = format!("dZ{0} · W{0}^T", number + 1);
                if layer.dropout > 0.0 {
                    let name = format!("dD{number}");
                    let dropped = masked(&name, layer);
                    let reference = &self.reference.between.d_dropped[index];
                    let item = Item::DD(index);
                    all.push(self.computed(name, shape, formula, item, reference));
                    formula = dropped;
                }
                let name = format!("dA{number}");
                let reference = &self.reference.between.d_activations[index];
                let item = Item::DA(index);
                let mut d_a = self.computed(name.clone(), shape, formula, item, reference);
                d_a.differences = Some(self.slopes.of_activations(index));
                all.extend([d_a, self.through_slope(layer, &name)]);
                let mut notes = Vec::new();
                if layer.is_normed() {
                    all.push(self.through_norm(layer));
                    notes.push(words::no_bias_gradient(number));
                }
                (all, notes)
            }
        };
        let still = still_units(&matrices[matrices.len() - 1]);
        let layout = Layout::new(&self.task.network);
        for tensor in layout.learned().filter(|tensor| tensor.layer == index) {
            let formula = match tensor.kind {
                TensorKind::Gamma => format!("column sums of dN{number} * H"),
                TensorKind::Beta => format!("column sums of dN{number}"),
                TensorKind::Weights => {
                    format!("{}^T · dZ{number}", input_name(&self.task.network, index))
                }
                _ => format!("column sums of dZ{number}"),
            };
            let item = gradient_of(tensor.kind);
            let of_tensor = |all: &[Inexact]| -> Vec<Inexact> {
                tensor.indices().map(|index| all[index]).collect()
            };
            let reference = of_tensor(&self.reference.gradients);
            let name = format!("d{}", tensor_name(tensor));
            let mut matrix =
                self.computed(name, (axes_of(tensor), tensor.cols), formula, item, &reference);
            matrix.values = self.record.tensor(item, tensor);
            matrix.rows = tensor.rows;
            matrix.differences = Some(self.slopes.of_tensor(tensor));
            matrix.marks = still.iter().map(|&unit| Mark::NoGradient { unit }).collect();
            matrices.push(matrix);
        }
        self.stage(StageKind::Backward(index), matrices, notes)
    }

    fn clipping(&self) -> Stage {
        let between = &self.reference.between;
        let most = self.task.optimizer.clip_norm.unwrap_or(f64::INFINITY);
        let one = (["", ""], 1);
        let item = Item::Squares;
        let mut squares = self.computed("sum of squares", one, "", item, &[between.squares]);
        squares.meaning = "of the gradients of every weight and bias".to_owned();
        let formula = format!("min(1, {most} / (norm + 1e-6))");
        let item = Item::ClipScale;
        let mut scale = self.computed("scale", one, formula, item, &[between.clip_scale]);
        scale.meaning = "norm = sqrt(sum of squares)".to_owned();
        let norm = squares.at(0, 0).sqrt();
        let told = match scale.at(0, 0) < 1.0 {
            true => format!(
                "The norm is {norm:.6}, above {most}: every gradient is multiplied by {:.6}.",
                scale.at(0, 0)
            ),
            false => {
                format!("The norm is {norm:.6}, at most {most}: nothing is clipped in this step.")
            }
        };
        self.stage(StageKind::Clipping, vec![squares, scale], vec![told])
    }

    fn update(&self) -> Stage {
        let layout = Layout::new(&self.task.network);
        let formula = words::update(&self.task.optimizer);
        let of_tensor = |tensor: &Tensor| {
            let reference: Vec<Inexact> =
                tensor.indices().map(|index| self.reference.parameters[index]).collect();
            let name = format!("{} after", tensor_name(tensor));
            let own = match tensor.kind.is_learned() {
                true => words::of_parameter(&formula, &tensor_name(tensor)),
                false => words::running(tensor),
            };
            let mut matrix = self.computed(
                name,
                (axes_of(tensor), tensor.cols),
                own,
                Item::Parameters,
                &reference,
            );
            matrix.values = self.record.tensor(Item::Parameters, tensor);
            matrix.rows = tensor.rows;
            matrix
        };
        let matrices = layout.tensors().iter().map(of_tensor).collect();
        let mut notes = Vec::new();
        if let Some(most) = self.task.optimizer.clip_value {
            notes.push(format!("Each gradient is first cut to between -{most} and {most}."));
        }
        self.stage(StageKind::Update, matrices, notes)
    }

    /// What becomes of each parameter.
    pub(super) fn updates(task: &Task, record: &Record) -> Vec<Update> {
        updates(task, record, tensor_name)
    }
}

/// Units that are dead or saturated over a batch.
fn unit_marks(kind: Activation, a: &Matrix) -> Vec<Mark> {
    let all = |unit: usize, is_so: &dyn Fn(f64) -> bool| {
        a.rows > 0 && (0..a.rows).all(|row| is_so(a.at(row, unit)))
    };
    let mut marks = Vec::new();
    for unit in 0..a.cols {
        if kind.row().can_die && all(unit, &|a| a == 0.0) {
            marks.push(Mark::Dead { unit });
        }
        if all(unit, &|a| kind.is_saturated(a)) {
            marks.push(Mark::Saturated { unit });
        }
    }
    marks
}

/// Units whose dLoss/dz is 0 on every row.
fn still_units(d_z: &Matrix) -> Vec<usize> {
    let is_still = |unit: &usize| (0..d_z.rows).all(|row| d_z.at(row, *unit) == 0.0);
    (0..d_z.cols).filter(is_still).collect()
}
