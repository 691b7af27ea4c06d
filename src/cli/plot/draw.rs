//! From what a training left to its pictures.

use super::super::Failure;
use super::history::{curves_of, doctor_of};
use super::input::Kept;
use super::subject::{CELLS, MOST_POINTS, Picked, Set, Subject, result};
use super::what::What;
use crate::Error;
use crate::data::Scaling;
use crate::network::Layout;
use crate::picture::{
    self, Picture, Plane, Projection, Rows, axes_around, boundary, confusion, fit, hidden, image,
    percent, project, scatter, units,
};
use crate::reference::predictions;
use crate::settings::Settings;

/// The most units of a layer that have a map, how many stand in a row, and the points of a row of each.
const MOST_UNITS: usize = 32;
const UNITS_IN_A_ROW: usize = 6;
const UNIT_CELLS: usize = 61;
/// The most images that were misread, and how many stand in a row.
const MOST_IMAGES: usize = 24;
const IMAGES_IN_A_ROW: usize = 6;
/// The least pixels of an image.
const LEAST_PIXELS: usize = 16;
/// Points of the curve of a network of one input.
const FIT_POINTS: usize = 241;
/// The most targets that are drawn of a regression.
const MOST_TARGETS: usize = 4;

/// Why there is no such picture of this; nothing where there is.
pub(super) fn why_not(what: What, kept: &Kept, subject: Option<&Subject>) -> Option<String> {
    let has = |event: &str| kept.history.iter().any(|line| line["event"] == event);
    match (what, subject) {
        (What::Curves, _) => (!has("epoch"))
            .then(|| "needs the history of a run; give the folder of --out".to_owned()),
        (What::Doctor, _) => {
            let is_run = has("epoch") && kept.settings.is_some();
            (!is_run).then(|| "needs a run; give the folder of --out".to_owned())
        }
        (What::Sweep | What::Crossover | What::Drift, _) => {
            Some("needs the table of a sweep, a bench or a check".to_owned())
        }
        (_, None) => {
            Some("needs a network; give the folder of a run or a saved network".to_owned())
        }
        (_, Some(subject)) => why_not_of(what, subject),
    }
}

fn why_not_of(what: What, subject: &Subject) -> Option<String> {
    let inputs = subject.model.network.inputs();
    let needs = |of: usize| {
        (inputs != of).then(|| {
            let s = if of == 1 { "" } else { "s" };
            format!("needs a network of {of} input{s}, and this has {inputs}")
        })
    };
    let lacks_hidden =
        (subject.hidden_layers() == 0).then(|| "needs a network with a hidden layer".to_owned());
    let telling = subject.telling();
    let lacks_rows =
        telling.is_none().then(|| "needs rows with targets; give them with --data".to_owned());
    let is_regression = !subject.has_classes();
    let lacks_classes = || {
        let is_fine = telling.is_some_and(|set| !is_regression && set.data.is_of_one_class());
        (!is_fine).then(|| "needs rows of one class each".to_owned())
    };
    match what {
        What::Boundary => needs(2),
        What::Units => needs(2).or(lacks_hidden),
        What::Fit => needs(1),
        What::Hidden => lacks_hidden.or(lacks_rows),
        What::Confusion => lacks_rows.or_else(lacks_classes),
        What::Misread => lacks_rows.or_else(lacks_classes).or_else(|| {
            let side = side_of(inputs);
            let is_image = side * side == inputs && inputs >= LEAST_PIXELS;
            (!is_image).then(|| {
                format!(
                    "needs inputs that are a square image, as 8 x 8, and this network has {inputs}"
                )
            })
        }),
        What::Predicted => lacks_rows.or_else(|| {
            (!is_regression).then(|| "needs targets that are numbers; these are classes".to_owned())
        }),
        _ => None,
    }
}

fn side_of(pixels: usize) -> usize {
    (pixels as f64).sqrt().round() as usize
}

/// The pictures that are drawn where none is asked for by name.
pub(super) fn is_main(what: What, available: &[What]) -> bool {
    match what {
        What::Curves | What::Boundary | What::Fit | What::Hidden | What::Predicted => true,
        What::Confusion | What::Misread => !available.contains(&What::Boundary),
        _ => false,
    }
}

/// The pictures of one kind; `flags` are those that say where a run is repeated.
pub(super) async fn pictures(
    what: What,
    kept: &Kept,
    subject: Option<&Subject>,
    flags: &Settings,
) -> Result<Vec<Picture>, Failure> {
    match (what, subject) {
        (What::Curves, _) => Ok(vec![curves_of(&[kept])]),
        (What::Doctor, _) => Ok(vec![doctor_of(kept, flags).await?]),
        (_, Some(subject)) => Ok(of_network(what, subject).await?),
        _ => Ok(Vec::new()),
    }
}

async fn of_network(what: What, subject: &Subject) -> Result<Vec<Picture>, Error> {
    let described = vec![subject.described()];
    let one = |title: &str, more: Vec<String>, charts: Vec<picture::Chart>| {
        let notes = [described.clone(), more].concat();
        vec![Picture { title: title.to_owned(), notes, columns: 1, charts }]
    };
    Ok(match what {
        What::Boundary => {
            let (plane, Picked { rows, note, .. }) = subject.plane(CELLS, MOST_POINTS);
            let forward = subject.forward(&subject.grid(&plane)).await?;
            let chart = boundary(&plane, &subject.answer(&forward), &rows);
            let mut notes = subject.results().await?;
            notes.extend(note);
            one(
                if subject.has_classes() { "Decision boundary" } else { "Prediction" },
                notes,
                vec![chart],
            )
        }
        What::Units => units_of(subject).await?,
        What::Fit => {
            let Picked { inputs, targets, mut rows, note } = subject.picked(MOST_POINTS);
            let own = Scaling::own_unit(subject.model.schema.scaling.as_ref(), &inputs);
            rows.points = own.into_iter().zip(targets).collect();
            // Points have the colours of no class: their height says it.
            (rows.names, rows.labels) = (Vec::new(), Vec::new());
            let (low, high) = Plane::around(Default::default(), &rows.points, 2).x;
            let at = |point: usize| low + (high - low) * point as f64 / (FIT_POINTS - 1) as f64;
            let xs: Vec<f64> = (0..FIT_POINTS).map(at).collect();
            let network = &subject.model.network;
            let forward = subject.forward(&subject.scaled(xs.iter().copied())).await?;
            let said = predictions(network.loss().link(), &forward.outputs, network.outputs());
            let said = Scaling::own_unit(subject.model.schema.target_scaling.as_ref(), &said);
            let curve = xs.into_iter().zip(said.into_iter().step_by(network.outputs())).collect();
            let names = [subject.input_name(0), subject.target_name(0)];
            let mut notes = subject.results().await?;
            notes.extend(note);
            one("Fit", notes, vec![fit(names, curve, &rows)])
        }
        What::Hidden => hidden_of(subject).await?,
        What::Weights => vec![weights_of(subject)],
        What::Confusion => {
            let Some(set) = subject.telling() else { return Ok(Vec::new()) };
            let evaluation = subject.evaluation(set).await?;
            let Some(found) = &evaluation.confusion else { return Ok(Vec::new()) };
            let chart = confusion(&found.classes, &found.counts);
            one("Confusion matrix", vec![result(set, &evaluation)], vec![chart])
        }
        What::Misread => misread(subject).await?,
        What::Predicted => {
            let Some(set) = subject.telling() else { return Ok(Vec::new()) };
            let evaluation = subject.evaluation(set).await?;
            let (len, truth) = (set.data.target_len(), set.data.own_targets());
            let chart = |at: usize| {
                let column =
                    |all: &[f64]| all.iter().skip(at).step_by(len).copied().collect::<Vec<_>>();
                let pairs = column(&truth).into_iter().zip(column(&evaluation.predictions));
                scatter(&subject.target_name(at), pairs.collect())
            };
            let charts = (0..len.min(MOST_TARGETS)).map(chart).collect();
            one("Predicted against true values", vec![result(set, &evaluation)], charts)
        }
        _ => Vec::new(),
    })
}

async fn units_of(subject: &Subject) -> Result<Vec<Picture>, Error> {
    let (plane, _) = subject.plane(UNIT_CELLS, MOST_POINTS);
    let grid = subject.grid(&plane);
    let mut all = Vec::new();
    for layer in 1..=subject.hidden_layers() {
        let values = subject.layer(layer, &grid).await?;
        let count = subject.model.network.sizes()[layer];
        let shown = count.min(MOST_UNITS);
        let of_unit = |unit: usize| values.iter().skip(unit).step_by(count).copied().collect();
        let maps: Vec<Vec<f64>> = (0..shown).map(of_unit).collect();
        let mut notes = vec![subject.described()];
        notes.push(format!("across {}, up {}", plane.names[0], plane.names[1]));
        if shown < count {
            notes.push(format!("the first {shown} of {count} units"));
        }
        all.push(Picture {
            title: format!("Hidden layer {layer}, unit by unit"),
            notes,
            columns: UNITS_IN_A_ROW,
            charts: units(&plane, layer, &maps, UNITS_IN_A_ROW),
        });
    }
    Ok(all)
}

/// Where the last hidden layer puts the rows: on its two units, or on the plane in which they differ the most.
pub(super) struct HiddenPlane {
    pub names: [String; 2],
    notes: Vec<String>,
    units: usize,
    projection: Option<Projection>,
}

impl HiddenPlane {
    /// From the activations of all rows, `[rows][units]`.
    pub(super) fn of(subject: &Subject, values: &[f64]) -> HiddenPlane {
        let last = subject.hidden_layers();
        let units = subject.model.network.sizes()[last];
        if let 1 | 2 = units {
            let second = if units == 2 { format!("layer {last}, unit 2") } else { String::new() };
            return HiddenPlane {
                names: [format!("layer {last}, unit 1"), second],
                notes: vec![format!("the activations of layer {last} as they are")],
                units,
                projection: None,
            };
        }
        let found = project(values, units);
        let share = |at: usize| percent(found.shares[at]);
        let mut notes =
            vec![format!("layer {last}: its {units} units on their two main components (PCA)")];
        if subject.parting().is_some() {
            notes.push("the line is where the boundary cuts that plane".to_owned());
        }
        HiddenPlane {
            names: [0, 1].map(|at| format!("component {}, {} of the variance", at + 1, share(at))),
            notes,
            units,
            projection: Some(found),
        }
    }

    /// Where rows are, from their activations.
    pub(super) fn points(&self, values: &[f64]) -> Vec<(f64, f64)> {
        let place = |point: &[f64]| match &self.projection {
            Some(projection) => projection.place(point),
            None => (point[0], point.get(1).copied().unwrap_or(0.0)),
        };
        values.chunks_exact(self.units).map(place).collect()
    }

    /// Where a network parts two classes.
    pub(super) fn parting(&self, subject: &Subject) -> Option<[f64; 3]> {
        let (weights, bias) = subject.parting()?;
        Some(match &self.projection {
            Some(projection) => projection.cut(&weights, bias),
            None => [weights[0], weights.get(1).copied().unwrap_or(0.0), bias],
        })
    }
}

async fn hidden_of(subject: &Subject) -> Result<Vec<Picture>, Error> {
    let Picked { inputs, rows, note, .. } = subject.picked(MOST_POINTS);
    let values = subject.layer(subject.hidden_layers(), &inputs).await?;
    let plane = HiddenPlane::of(subject, &values);
    let rows = Rows { points: plane.points(&values), ..rows };
    let axes = axes_around(&plane.names, &rows.points);
    let chart = hidden(axes, &rows, plane.parting(subject));
    let notes = [vec![subject.described()], plane.notes, note.into_iter().collect()].concat();
    Ok(vec![Picture { title: "Hidden space".to_owned(), notes, columns: 1, charts: vec![chart] }])
}

fn weights_of(subject: &Subject) -> Picture {
    let network = &subject.model.network;
    let layout = Layout::new(network);
    let inputs: Vec<String> = (0..network.inputs()).map(|at| subject.input_name(at)).collect();
    let charts = network.layers().map(|layer| {
        let both = [layout.weights(layer.index), layout.bias(layer.index)];
        let places = both.iter().flat_map(|tensor| tensor.indices());
        let values: Vec<f64> = places.map(|at| f64::from(subject.model.parameters[at])).collect();
        let names = match layer.index {
            0 => inputs.clone(),
            _ => (1..=layer.fan_in).map(|unit| format!("unit {unit}")).collect(),
        };
        picture::weights(layer.index + 1, layer.fan_out, &values, &names)
    });
    Picture {
        title: "Weights".to_owned(),
        notes: vec![subject.described()],
        columns: network.layers().len().min(3),
        charts: charts.collect(),
    }
}

async fn misread(subject: &Subject) -> Result<Vec<Picture>, Error> {
    let Some(set) = subject.telling() else { return Ok(Vec::new()) };
    let Set { data, .. } = set;
    let evaluation = subject.evaluation(set).await?;
    let (outputs, names) = (data.target_len(), data.class_names());
    // Of one output the share of the second class.
    let of_row = |row: usize| &evaluation.predictions[row * outputs..][..outputs];
    let read = |row: usize| match of_row(row) {
        [one] => (usize::from(*one > 0.5), one.max(1.0 - one)),
        all => {
            let class = crate::data::class_of(all);
            (class, all[class])
        }
    };
    let wrong = (0..data.rows()).filter(|&row| read(row).0 != data.class_of(row));
    let mut wrong: Vec<usize> = wrong.collect();
    // The surest mistakes first.
    wrong.sort_by(|&a, &b| read(b).1.total_cmp(&read(a).1));
    let own = subject.own_inputs(data);
    let side = side_of(data.input_len());
    let chart = |&row: &usize| {
        let (class, _) = read(row);
        let title = format!("read {}, is {}", names[class], names[data.class_of(row)]);
        image(title, side, &own[row * data.input_len()..][..data.input_len()])
    };
    let shown = wrong.len().min(MOST_IMAGES);
    let mut notes = vec![subject.described(), result(set, &evaluation)];
    if shown < wrong.len() {
        notes.push(format!("the {shown} surest of {} mistakes", wrong.len()));
    }
    let charts = wrong.iter().take(shown).map(chart).collect();
    Ok(vec![Picture {
        title: "Misread images".to_owned(),
        notes,
        columns: IMAGES_IN_A_ROW,
        charts,
    }])
}
