//! A network with the rows that it is drawn with, and the engine that evaluates it: a grid of inputs, or all rows, in
//! one batch, by the kernels that predictions are made with.

use std::sync::Arc;

use super::super::predict;
use crate::Error;
use crate::data::{Dataset, Labels, Samples, Scaling};
use crate::engine::{Engine, EngineSpec, Forward, activations};
use crate::model::Model;
use crate::network::{Activation, Layout, Link, Loss, Network, Norm, joined};
use crate::picture::{Answer, Axis, Plane, Rows, short};
use crate::reference::{predictions, twins};
use crate::train::{Evaluation, Training, evaluate};

/// Points of a row of the grid over the plane of two inputs.
pub(super) const CELLS: usize = 121;
/// The most rows that are drawn as points: picked evenly.
pub(super) const MOST_POINTS: usize = 2000;
/// Rows up to which each is labelled with its inputs.
const MOST_LABELLED: usize = 8;

/// Some rows of data.
#[derive(Clone)]
pub(in crate::cli) struct Set {
    /// What they are called.
    pub name: &'static str,
    /// Whether the network was not trained on them.
    pub unseen: bool,
    /// The rows.
    pub data: Arc<Dataset>,
}

/// Rows that are drawn.
pub(in crate::cli) struct Picked {
    /// Their inputs on the network's scale.
    pub inputs: Vec<f32>,
    /// The first target of each in its own unit.
    pub targets: Vec<f64>,
    /// What is known of them.
    pub rows: Rows,
    /// Of how many they are, where that is more.
    pub note: Option<String>,
}

/// A network, rows, and where it is evaluated.
#[derive(Clone)]
pub(in crate::cli) struct Subject {
    pub model: Model,
    pub sets: Vec<Set>,
    pub spec: EngineSpec,
}

/// The first layers of a network as one by itself: its outputs are what these layers make of inputs.
fn cut(model: &Model, layers: usize) -> Result<Model, Error> {
    let network = &model.network;
    let sizes = network.sizes()[..=layers].to_vec();
    let mut first = Network::new(sizes, network.activations()[..layers].to_vec(), Loss::MseMean)?;
    for (row, value) in network.hyperparameters() {
        if first.hyperparameters().any(|(own, _)| own.name == row.name) {
            first = first.with_hyperparameter(row, value)?;
        }
    }
    let parameters = model.parameters[..Layout::new(&first).len()].to_vec();
    Ok(Model { network: first, parameters, schema: model.schema.clone() })
}

impl Subject {
    /// The network of a training with these parameters, and the rows that it is trained on.
    pub(in crate::cli) fn of_training(
        training: &Training,
        samples: &Samples,
        parameters: Vec<f32>,
        spec: EngineSpec,
    ) -> Subject {
        let (network, schema) = (training.network.clone(), samples.schema.clone());
        let set = Set { name: "training rows", unseen: false, data: Arc::clone(&training.data) };
        Subject { model: Model { network, parameters, schema }, sets: vec![set], spec }
    }

    /// What the network makes of inputs on its scale, `[rows][inputs]`.
    pub(in crate::cli) async fn forward(&self, inputs: &[f32]) -> Result<Forward, Error> {
        let engine = Engine::new(predict::task(&self.model, inputs)?, &self.spec).await?;
        engine.forward(inputs).await
    }

    /// What several networks of one shape make of the same inputs, in one go.
    pub(super) async fn forward_together(
        subjects: &[Subject],
        inputs: &[f32],
    ) -> Result<Vec<Forward>, Error> {
        let mut engines = Vec::new();
        for Subject { model, spec, .. } in subjects {
            engines.push(Engine::new(predict::task(model, inputs)?, spec).await?);
        }
        Engine::forward_together(&engines, inputs).await
    }

    /// What the first layers of each make of inputs, `[rows][units]`, in one go.
    pub(super) async fn layers_together(
        subjects: &[Subject],
        layers: usize,
        inputs: &[f32],
    ) -> Result<Vec<Vec<f64>>, Error> {
        let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
        if subjects.iter().any(|subject| subject.model.network.norm() != Norm::None) {
            // They are no network by themselves: the last layer of one has no norm.
            let of = |Subject { model: Model { network, parameters, .. }, .. }: &Subject| {
                wide(activations(network, parameters, inputs).swap_remove(layers - 1))
            };
            return Ok(subjects.iter().map(of).collect());
        }
        let first = |subject: &Subject| {
            Ok(Subject { model: cut(&subject.model, layers)?, ..subject.clone() })
        };
        let firsts = subjects.iter().map(first).collect::<Result<Vec<_>, Error>>()?;
        let all = Subject::forward_together(&firsts, inputs).await?;
        Ok(all.into_iter().map(|forward| wide(forward.outputs)).collect())
    }

    /// What its first layers make of inputs, `[rows][units]`.
    pub(super) async fn layer(&self, layers: usize, inputs: &[f32]) -> Result<Vec<f64>, Error> {
        let all = Subject::layers_together(std::slice::from_ref(self), layers, inputs).await?;
        Ok(all.into_iter().flatten().collect())
    }

    /// The evaluation of some rows.
    pub(super) async fn evaluation(&self, set: &Set) -> Result<Evaluation, Error> {
        Ok(self.evaluated(set, &self.forward(set.data.inputs()).await?))
    }

    /// The same from what the network made of them.
    pub(super) fn evaluated(&self, set: &Set, forward: &Forward) -> Evaluation {
        let evaluation = evaluate(&self.model.network, &set.data, forward);
        if self.has_classes() { evaluation } else { evaluation.of_numbers(&set.data) }
    }

    /// The rows that tell how well it does: those for testing, else those for validation, else all.
    pub(super) fn telling(&self) -> Option<&Set> {
        self.sets.iter().rev().find(|set| set.unseen).or(self.sets.first())
    }

    /// Whether its outputs stand for classes, as far as it and its rows tell.
    pub(super) fn has_classes(&self) -> bool {
        let Model { network, schema, .. } = &self.model;
        let is_free = network.activations().last() == Some(&Activation::Identity);
        schema.labels != Labels::Numbers
            || network.loss().predicts_probabilities()
            || match self.sets.first() {
                Some(set) => set.data.is_classification(),
                None => !is_free,
            }
    }

    /// Its hidden layers.
    pub(super) fn hidden_layers(&self) -> usize {
        self.model.network.layers().len() - 1
    }

    /// Of what it is a picture.
    pub(super) fn described(&self) -> String {
        let network = &self.model.network;
        let activations: Vec<&str> = network.activations().iter().map(|kind| kind.name()).collect();
        let data = self.sets.first().map(|set| format!("data {}, ", short_name(set.data.name())));
        format!(
            "{}network {}, {}, {}",
            data.unwrap_or_default(),
            joined(network.sizes(), "-"),
            activations.join(", "),
            network.loss()
        )
    }

    /// What is known of each of its sets of rows.
    pub(super) async fn results(&self) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        for set in &self.sets {
            all.push(result(set, &self.evaluation(set).await?));
        }
        Ok(if all.is_empty() { all } else { vec![all.join("; ")] })
    }

    /// The name of an input.
    pub(super) fn input_name(&self, at: usize) -> String {
        let schema = &self.model.schema;
        match schema.encodings.is_empty() || schema.encodings.len() == self.model.network.inputs() {
            true => schema.input_name(at),
            false => format!("input {}", at + 1),
        }
    }

    /// The name of a target.
    pub(super) fn target_name(&self, at: usize) -> String {
        let name = self.model.schema.targets.get(at).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| format!("target {}", at + 1))
    }

    /// Inputs on the network's scale from their own units.
    pub(super) fn scaled(&self, values: impl Iterator<Item = f64>) -> Vec<f32> {
        let inputs = self.model.network.inputs();
        match &self.model.schema.scaling {
            None => values.map(|value| value as f32).collect(),
            Some(scaling) => {
                let of = |(at, value): (usize, f64)| {
                    ((value - scaling.offset()[at % inputs]) * scaling.factor()[at % inputs]) as f32
                };
                values.enumerate().map(of).collect()
            }
        }
    }

    /// All inputs of some rows in their own units.
    pub(super) fn own_inputs(&self, data: &Dataset) -> Vec<f64> {
        Scaling::own_unit(self.model.schema.scaling.as_ref(), data.inputs())
    }

    /// So many rows of all sets at most, picked evenly.
    pub(super) fn picked(&self, most: usize) -> Picked {
        let all: usize = self.sets.iter().map(|set| set.data.rows()).sum();
        let every = all.div_ceil(most).max(1);
        let (mut inputs, mut targets, mut rows) = (Vec::new(), Vec::new(), Rows::default());
        let is_of_classes = self.has_classes();
        for set in &self.sets {
            let data = &set.data;
            let (own, own_targets) = (self.own_inputs(data), data.own_targets());
            let has_class = is_of_classes && data.is_of_one_class();
            if has_class && rows.names.is_empty() {
                rows.names = data.class_names();
            }
            for row in (0..data.rows()).step_by(every) {
                inputs.extend_from_slice(data.input(row));
                targets.push(own_targets[row * data.target_len()]);
                rows.unseen.push(set.unseen);
                rows.classes.push(if has_class { data.class_of(row) } else { 0 });
                if all <= MOST_LABELLED {
                    let own = &own[row * data.input_len()..][..data.input_len()];
                    let texts: Vec<String> = own.iter().map(|&value| short(value)).collect();
                    rows.labels.push(texts.join(" "));
                }
            }
        }
        let shown = rows.unseen.len();
        let note = (shown < all).then(|| format!("{shown} of {all} rows shown"));
        Picked { inputs, targets, rows, note }
    }

    /// The plane of its two inputs, and rows on it.
    pub(in crate::cli) fn plane(&self, cells: usize, most: usize) -> (Plane, Picked) {
        let mut picked = self.picked(most);
        let own = Scaling::own_unit(self.model.schema.scaling.as_ref(), &picked.inputs);
        picked.rows.points = own.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let mut corners = picked.rows.points.clone();
        if corners.is_empty() {
            // Where most rows were that it was trained on: within two deviations, if it has a scale.
            let usual = [-2.0f32, -2.0, 2.0, 2.0];
            let usual = Scaling::own_unit(self.model.schema.scaling.as_ref(), &usual);
            corners = match self.model.schema.scaling {
                Some(_) => usual.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(),
                None => vec![(0.0, 0.0), (1.0, 1.0)],
            };
        }
        let names = [0, 1].map(|at| self.input_name(at));
        (Plane::around(names, &corners, cells), picked)
    }

    /// The points of a plane as inputs on the network's scale.
    pub(in crate::cli) fn grid(&self, plane: &Plane) -> Vec<f32> {
        self.scaled(plane.places().into_iter().flat_map(|(x, y)| [x, y]))
    }

    /// What outputs say.
    pub(in crate::cli) fn answer(&self, forward: &Forward) -> Answer {
        let (network, outputs) = (&self.model.network, self.model.network.outputs());
        let said = predictions(network.loss().link(), &forward.outputs, outputs);
        let column =
            |at: usize| said.iter().skip(at).step_by(outputs).map(|&p| f64::from(p)).collect();
        match (self.has_classes(), outputs) {
            (true, 1) => Answer::Probability(column(0)),
            (true, _) => Answer::Classes((0..outputs).map(column).collect()),
            (false, _) => {
                let own = Scaling::own_unit(self.model.schema.target_scaling.as_ref(), &said);
                let own: Vec<f64> = own.into_iter().step_by(outputs).collect();
                let name = format!("predicted {}", self.target_name(0));
                let axis = Axis::around(name, own.iter().copied());
                Answer::Number(own, axis)
            }
        }
    }

    /// Where two classes part in the space of the last hidden layer: weights and bias of a sum that is 0 there.
    pub(super) fn parting(&self) -> Option<(Vec<f64>, f64)> {
        let network = &self.model.network;
        let layout = Layout::new(network);
        let last = self.hidden_layers();
        let (weights, bias) = (layout.weights(last), layout.bias(last));
        let parameter = |at: usize| f64::from(self.model.parameters[at]);
        let of = |output: usize| -> Vec<f64> {
            (0..weights.rows).map(|unit| parameter(weights.index(unit, output))).collect()
        };
        match (self.has_classes(), network.outputs()) {
            (true, 1) => {
                let at = parameter(bias.index(0, 0)) - half(network)?;
                Some((of(0), at))
            }
            (true, 2) if network.loss().link() == Link::Softmax => {
                let apart = of(1).iter().zip(&of(0)).map(|(one, other)| one - other).collect();
                Some((apart, parameter(bias.index(0, 1)) - parameter(bias.index(0, 0))))
            }
            _ => None,
        }
    }
}

/// The sum of the one output unit at which it says 1/2; nothing where it never does.
fn half(network: &Network) -> Option<f64> {
    let layer = network.layers().last()?;
    let (kind, parameter) = layer.function();
    let said = |z: f64| {
        let output = twins::activation(kind, parameter, z);
        predictions(network.loss().link(), &[output], 1)[0] - 0.5
    };
    let (mut low, mut high) = (-1.0, 30.0);
    if said(low) > 0.0 || said(high) < 0.0 {
        return None;
    }
    // To the last bit of f64 and back: more than enough.
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if said(middle) > 0.0 { high = middle } else { low = middle }
    }
    Some((low + high) / 2.0)
}

/// A data set's name without its folders.
fn short_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    last.to_owned()
}

/// How well some rows are predicted, in words.
pub(super) fn result(set: &Set, evaluation: &Evaluation) -> String {
    let rows = set.data.rows();
    match (evaluation.right, evaluation.errors.first()) {
        (Some(right), _) => format!("{}: {right} of {rows} correct", set.name),
        (None, Some(errors)) => {
            let r2 = errors.r2.map_or(String::new(), |r2| format!(", R2 {r2:.4}"));
            format!("{}: RMSE {}{r2}", set.name, short(errors.rmse))
        }
        (None, None) => format!("{}: loss {}", set.name, short(evaluation.loss)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::activations;
    use crate::network::{Initializer, NEGATIVE_SLOPE};

    fn subject(output: Activation, loss: Loss) -> Subject {
        let network = Network::uniform(vec![2, 5, 3, 1], Activation::LeakyRelu, output, loss);
        let network = network.unwrap().with_hyperparameter(&NEGATIVE_SLOPE, 0.2).unwrap();
        let mut parameters = Initializer::HeNormal.parameters(&network, 3, 1.0);
        let layout = Layout::new(&network);
        for layer in 0..3 {
            layout.bias(layer).indices().for_each(|at| parameters[at] = 0.25 + at as f32 / 512.0);
        }
        let model = Model::new(network, parameters);
        Subject { model, sets: Vec::new(), spec: EngineSpec::Cpu }
    }

    #[test]
    fn the_first_layers_alone_make_the_same_of_inputs() {
        let subject = subject(Activation::Sigmoid, Loss::Bce);
        let inputs: Vec<f32> = (0..40).map(|at| (at as f32 - 20.0) / 7.0).collect();
        let all = activations(&subject.model.network, &subject.model.parameters, &inputs);
        for layer in 1..=2 {
            let seen = pollster::block_on(subject.layer(layer, &inputs)).unwrap();
            let expected: Vec<f64> = all[layer - 1].iter().map(|&a| f64::from(a)).collect();
            assert_eq!(seen, expected, "layer {layer}");
        }
    }

    /// On the line that parts two classes the output says 1/2, whatever its activation.
    #[test]
    fn the_parting_line_is_where_the_output_says_one_half() {
        for (output, loss) in [
            (Activation::Sigmoid, Loss::Bce),
            (Activation::Identity, Loss::BceWithLogits),
            (Activation::Tanh, Loss::MseMean),
        ] {
            let subject = subject(output, loss);
            let (weights, bias) = subject.parting().unwrap();
            // The foot of the line: the hidden activations nearest to 0 on it.
            let long: f64 = weights.iter().map(|weight| weight * weight).sum();
            let foot = weights.iter().map(|weight| -bias * weight / long);
            let layout = Layout::new(&subject.model.network);
            let own = f64::from(subject.model.parameters[layout.bias(2).index(0, 0)]);
            let z = own + weights.iter().zip(foot).map(|(weight, h)| weight * h).sum::<f64>();
            let said = twins::activation(output, 0.0, z);
            let said = predictions(loss.link(), &[said], 1)[0];
            approx::assert_relative_eq!(said, 0.5, epsilon = 1e-9);
        }
        assert!(half(&subject(Activation::Relu, Loss::MseMean).model.network).is_some());
    }
}
