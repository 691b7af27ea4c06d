//! One start in training, and what a page shows of it.

use js_sys::{Array, Float32Array, Int32Array, Uint8Array};
use serde_json::json;
use wasm_bindgen::prelude::*;
use wgrad::data::{Dataset, Samples, Scaling};
use wgrad::engine::{State, activations};
use wgrad::network::{Layout, Network};
use wgrad::picture::project;
use wgrad::reference::predictions;
use wgrad::settings::{Prepared, Texts, in_flags, prepare};
use wgrad::train::{Course, Evaluation, Look};

use crate::device::Device;
use crate::kept::Kept;
use crate::value::{fail, object, set, texts, with_lists};

/// Multiply-adds of a look at all rows up to which one is taken after each advance.
const LIGHT_WORK: usize = 1 << 22;
/// Advances between two looks where they take longer.
const RARELY: u32 = 32;

/// A start in training.
#[wasm_bindgen]
pub struct Run {
    course: Course,
    samples: Samples,
    texts: Texts,
    /// The parameters after a step, once they are read.
    read: Option<(u32, Vec<f32>)>,
    /// What was last seen of all rows, after which step, and advances since.
    seen: Option<(u32, Option<Look>)>,
    advances: u32,
}

#[wasm_bindgen]
impl Run {
    /// A start at its first step, over the rows of a table or of the data that is named.
    ///
    /// # Errors
    /// The library's own, with the setting at fault.
    pub async fn start(
        device: &Device,
        given: JsValue,
        table: Option<String>,
    ) -> Result<Run, JsValue> {
        let device = device.clone();
        let texts = texts(&given)?;
        let Prepared { training, samples, .. } = prepare(&texts, table.as_deref()).map_err(fail)?;
        let mut one = training.clone();
        one.restarts = 1;
        let spec = device.own.engine(&one);
        let course = Course::new(training, &spec).await.map_err(fail)?;
        Ok(Run { course, samples, texts, read: None, seen: None, advances: 0 })
    }

    /// What is trained, and where.
    pub fn info(&self) -> JsValue {
        let (training, spec) = (self.course.training(), self.course.spec());
        let (network, schema) = (&training.network, &self.samples.schema);
        let batches = training.batches(training.seed);
        let outputs = match schema.targets.len() {
            count if count == network.outputs() => schema.targets.clone(),
            _ => training.data.class_names(),
        };
        let classes = training.data.class_names();
        let mapping = spec.mapping(training.request(&batches, 1));
        object(&json!({
            "layers": network.sizes(),
            "activations": network.activations(),
            "loss": network.loss(),
            "parameters": network.parameter_count(),
            "rows": training.data.rows(),
            "validation_rows": training.held_out.validation.as_ref().map_or(0, |data| data.rows()),
            "inputs": (0..network.inputs()).map(|at| schema.input_name(at)).collect::<Vec<_>>(),
            "outputs": outputs,
            "classes": (!classes.is_empty()).then_some(classes),
            "engine": spec.kind(),
            "kernels": mapping.map(|mapping| format!("{}-{mapping}", spec.kind())),
            "adapter": spec.gpu().map_or_else(|| "CPU".to_owned(), |gpu| gpu.adapter().name.clone()),
            "steps": self.course.steps(),
            "steps_per_epoch": batches.steps_per_epoch(),
            "notes": self.samples.notes.iter().map(|note| in_flags(note)).collect::<Vec<_>>(),
        }))
    }

    /// The rows in their own units and in the order of their table: those to train on, and those for validation.
    pub fn data(&self) -> JsValue {
        let (mut inputs, mut targets, mut training, mut labels) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (data, row, trains) in self.rows() {
            let (scaling, unit) = (self.samples.schema.scaling.as_ref(), data.target_scaling());
            inputs.extend(narrow(&Scaling::own_unit(scaling, data.input(row))));
            targets.extend(narrow(&Scaling::own_unit(unit, data.target(row))));
            training.push(u8::from(trains));
            labels.push(label(data, row));
        }
        let columns = self.course.training().data.input_len();
        let value = json!({"rows": training.len(), "columns": columns});
        let told = with_lists(&value, &[("inputs", &inputs), ("targets", &targets)]);
        set(&told, "training", &Uint8Array::from(&training[..]));
        let labels: Option<Vec<i32>> = labels.into_iter().collect();
        let labels = labels.map_or(JsValue::NULL, |labels| Int32Array::from(&labels[..]).into());
        set(&told, "labels", &labels);
        told
    }

    /// Makes steps, as many as are asked for and left.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn advance(&mut self, steps: u32) -> Result<JsValue, JsValue> {
        let losses = self.course.advance(steps).await.map_err(fail)?;
        let (course, step) = (&self.course, self.course.steps_done());
        let training = course.training();
        let rows = training.data.rows()
            + training.held_out.validation.as_ref().map_or(0, |data| data.rows());
        let is_light = rows.saturating_mul(training.network.parameter_count()) <= LIGHT_WORK;
        self.advances += 1;
        let is_done = step >= course.steps();
        let is_due = is_light || is_done || self.advances.is_multiple_of(RARELY);
        if is_due && self.seen.as_ref().is_none_or(|seen| seen.0 != step) || self.seen.is_none() {
            self.seen = Some((step, course.look().await.map_err(fail)?));
        }
        let look = self.seen.as_ref().and_then(|seen| seen.1.as_ref());
        let validation = look.and_then(|look| look.validation.as_ref());
        let validation = validation.zip(training.held_out.validation.as_ref());
        let accuracy = |seen: &Evaluation, data: &Dataset| seen.accuracy(data.rows());
        let value = json!({
            "step": step,
            "epoch": course.trainer_state().epoch,
            "loss": look.map(|look| look.evaluation.loss),
            "accuracy": look.and_then(|look| accuracy(&look.evaluation, &training.data)),
            "validation_loss": validation.map(|(seen, _)| seen.loss),
            "validation_accuracy": validation.and_then(|(seen, data)| accuracy(seen, data)),
            "solved": look.is_some_and(|look| look.evaluation.solved == Some(true)),
            "diverged": course.diverged().is_some() || look.is_none(),
            "rate": course.trainer_state().rate,
            "done": is_done,
        });
        Ok(with_lists(&value, &[("losses", &losses)]))
    }

    /// Weights and biases, `[rows][columns]` each.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn parameters(&mut self) -> Result<JsValue, JsValue> {
        let parameters = self.now().await?;
        let network = &self.course.training().network;
        let layout = Layout::new(network);
        let layers = Array::new();
        for layer in network.layers() {
            let [weights, biases] = [layout.weights(layer.index), layout.bias(layer.index)]
                .map(|tensor| tensor.indices().map(|at| parameters[at]).collect::<Vec<f32>>());
            let value = json!({"rows": layer.fan_in, "columns": layer.fan_out});
            layers.push(&with_lists(&value, &[("weights", &weights), ("biases", &biases)]));
        }
        let told = object(&json!({}));
        set(&told, "layers", &layers);
        Ok(told)
    }

    /// What a network of two inputs says at the middles of the cells of a grid, and each hidden unit: rows from the
    /// lowest y on.
    ///
    /// # Errors
    /// Where the network has not two inputs, or the device fails.
    pub async fn grid(
        &mut self,
        width: usize,
        height: usize,
        ends: Vec<f64>,
    ) -> Result<JsValue, JsValue> {
        let parameters = self.now().await?;
        let training = self.course.training();
        let &[left, right, low, high] = &ends[..] else { return Err("give x and y".into()) };
        if training.network.inputs() != 2 {
            return Err(js_sys::Error::new("only a network of two inputs has a plane").into());
        }
        let scaling = self.samples.schema.scaling.as_ref();
        let place = |at: usize, from: f64, to: f64, cell: usize, cells: usize| {
            let own = from + (cell as f64 + 0.5) / cells as f64 * (to - from);
            let scaled = |by: &Scaling| (own - by.offset()[at]) * by.factor()[at];
            scaling.map_or(own, scaled) as f32
        };
        let mut inputs = Vec::with_capacity(2 * width * height);
        for row in 0..height {
            for col in 0..width {
                inputs.push(place(0, left, right, col, width));
                inputs.push(place(1, low, high, row, height));
            }
        }
        let (outputs, hidden) = seen(&training.network, &parameters, &inputs);
        let outputs = narrow(&Scaling::own_unit(training.data.target_scaling(), &outputs));
        let told = with_lists(&json!({}), &[("outputs", &outputs)]);
        set(&told, "layers", &lists(&hidden));
        Ok(told)
    }

    /// Where the rows of [`Run::data`] lie in the space of the last hidden layer: as its two units say, or in the plane
    /// in which they differ the most.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn hidden(&mut self) -> Result<JsValue, JsValue> {
        let parameters = self.now().await?;
        let network = &self.course.training().network;
        let rows = self.rows();
        let inputs: Vec<f32> =
            rows.iter().flat_map(|(data, row, _)| data.input(*row)).copied().collect();
        let (_, mut hidden) = seen(network, &parameters, &inputs);
        let layer = hidden.len();
        let (units, how) = match hidden.pop() {
            Some(units) => (units, "hidden layer"),
            None => (inputs, "the inputs: there is no hidden layer"),
        };
        let width = if layer == 0 { network.inputs() } else { network.sizes()[layer] };
        let (x, y, how): (Vec<f32>, Vec<f32>, String) = match width {
            1 => (units.clone(), vec![0.0; units.len()], "the one unit".to_owned()),
            2 => {
                let of = |at: usize| units.iter().skip(at).step_by(2).copied().collect();
                let how = if layer == 0 { how } else { "the two units" };
                (of(0), of(1), how.to_owned())
            }
            _ => {
                let wide: Vec<f64> = units.iter().map(|&value| value.into()).collect();
                let plane = project(&wide, width);
                let places = wide.chunks_exact(width).map(|point| plane.place(point));
                let (x, y) = places.map(|(x, y)| (x as f32, y as f32)).unzip();
                let share = 100.0 * (plane.shares[0] + plane.shares[1]);
                (x, y, format!("PCA, {share:.0} % of the variance"))
            }
        };
        Ok(with_lists(&json!({"how": how, "layer": layer}), &[("x", &x), ("y", &y)]))
    }

    /// What the doctor finds.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn findings(&mut self) -> Result<JsValue, JsValue> {
        let mut found = self.course.findings().await.map_err(fail)?;
        let is_done = self.course.steps_done() >= self.course.steps();
        // Of a training under way that is no finding.
        found.retain(|finding| is_done || finding.cause != wgrad::train::Cause::TooShort);
        let told = found.iter().map(|finding| {
            let fixes = finding.fixes.iter().map(|fix| {
                let settings = fix.settings().into_iter();
                let settings: Vec<_> =
                    settings.map(|(name, value)| json!({"name": name, "value": value})).collect();
                json!({"text": fix, "settings": settings})
            });
            json!({
                "kind": finding.cause,
                "title": finding.cause.title(),
                "text": finding.what,
                "advice": finding.why,
                "fixes": fixes.collect::<Vec<_>>(),
                "layer": finding.layer,
            })
        });
        Ok(object(&told.collect()))
    }

    /// Everything to go on from; nothing of a run that has left the finite numbers.
    ///
    /// # Errors
    /// Where the device fails.
    pub async fn state(&mut self) -> Result<Vec<u8>, JsValue> {
        let State { step, parameters, moments, .. } = self.course.state().await.map_err(fail)?;
        if !parameters.iter().all(|value| value.is_finite()) {
            return Ok(Vec::new());
        }
        let (network, trainer_state) =
            (&self.course.training().network, self.course.trainer_state());
        let layers = network.sizes().to_vec();
        let trainer = trainer_state.clone();
        Ok(Kept { layers, step, parameters, moments, trainer }.to_bytes())
    }

    /// Goes back, or on, to where [`Run::state`] was told.
    ///
    /// # Errors
    /// What is no such state, or that of another network.
    pub async fn restore(&mut self, bytes: Vec<u8>) -> Result<(), JsValue> {
        let training = self.course.training();
        let Some(kept) = Kept::from_bytes(&bytes, &training.network) else {
            return Err(js_sys::Error::new("that is no state of this network").into());
        };
        let (training, spec) = (training.clone(), self.course.spec().clone());
        let Kept { step, parameters, moments, trainer: trainer_state, .. } = kept;
        let mut state = State::new(parameters);
        (state.step, state.moments) = (step, moments);
        self.course = Course::from(training, &spec, state, trainer_state).await.map_err(fail)?;
        self.forget();
        Ok(())
    }

    /// Goes on over the rows of a table of the same columns.
    ///
    /// # Errors
    /// Where the network does not fit them.
    pub async fn replace_rows(&mut self, table: Option<String>) -> Result<(), JsValue> {
        let mut texts = self.texts.clone();
        let network = &self.course.training().network;
        let sizes = network.sizes().iter().map(usize::to_string).collect::<Vec<_>>();
        // They are what they are, whatever these rows would make of them.
        texts.insert("layers".to_owned(), sizes.join(","));
        texts.insert("loss".to_owned(), network.loss().to_string());
        let Prepared { training, samples, .. } = prepare(&texts, table.as_deref()).map_err(fail)?;
        if training.network != *network {
            return Err(js_sys::Error::new("these rows are for another network").into());
        }
        self.course.change(training).await.map_err(fail)?;
        self.samples = samples;
        self.forget();
        Ok(())
    }
}

impl Run {
    /// The rows to train on and those for validation, in the order of their table: each in its data set, and whether
    /// it is one to train on.
    fn rows(&self) -> Vec<(&Dataset, usize, bool)> {
        let Samples { train, validation, places, .. } = &self.samples;
        let sets = [Some(train), validation.as_ref()].into_iter().zip(places);
        let rows = sets.enumerate().flat_map(|(set, (data, places))| {
            let rows =
                data.into_iter().flat_map(|data| (0..data.rows()).map(move |row| (data, row)));
            rows.zip(places).map(move |((data, row), &place)| (place, (&**data, row, set == 0)))
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| row.0);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn forget(&mut self) {
        (self.read, self.seen) = (None, None);
    }

    /// The parameters, read once after each advance.
    async fn now(&mut self) -> Result<Vec<f32>, JsValue> {
        let step = self.course.steps_done();
        match &self.read {
            Some((at, parameters)) if *at == step => Ok(parameters.clone()),
            _ => {
                let parameters = self.course.parameters().await.map_err(fail)?;
                self.read = Some((step, parameters.clone()));
                Ok(parameters)
            }
        }
    }
}

/// The class of a row, if it has one.
fn label(data: &Dataset, row: usize) -> Option<i32> {
    data.is_classification().then(|| data.class_of(row) as i32)
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

/// What a network says of rows, and each of its hidden layers, `[rows][units]`.
fn seen(network: &Network, parameters: &[f32], inputs: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>) {
    let mut layers = activations(network, parameters, inputs);
    let outputs = layers.pop().unwrap_or_default();
    (predictions(network.loss().link(), &outputs, network.outputs()), layers)
}

fn lists(layers: &[Vec<f32>]) -> Array {
    layers.iter().map(|layer| JsValue::from(Float32Array::from(&layer[..]))).collect()
}
