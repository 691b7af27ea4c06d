//! The gradients of somebody's own network, tensor by tensor: on a device against the f64 reference, and of the
//! reference against central differences.

use std::sync::Arc;

use rand::RngExt;
use web_time::Instant;

use super::compare::Bound;
use super::differences::{Differences, GradientCheck, STEP};
use super::drawn::{Sampled, described, sampled};
use super::findings::Findings;
use super::inexact::{Inexact, apart};
use super::networks::{
    batch, carried, carried_step, close_tensor, close_to_differences, gradients, unless_failed,
};
use super::numbers::wide;
use super::run::{Progress, Report, Watch};
use crate::engine::{Kernels, Task};
use crate::gpu::Gpu;
use crate::network::{Layout, Network, TensorKind};
use crate::random::{Purpose, Threefry};
use crate::reference::Reference;

/// Parameters of which differences are taken at most, each of four forward passes.
pub const MOST_DIFFERENCES: usize = 2000;
/// Products in all of these passes at most, so that they take seconds: beyond, they go over fewer rows.
const MOST_PRODUCTS: usize = 1 << 31;
/// Differences between two looks at whether to go on.
const AT_ONCE: usize = 50;

/// Checks the gradients of a task's first step: a row of the report for each tensor on the device, and one for
/// each by differences. The report's notes say over how many parameters and rows these were taken.
pub async fn check_network(
    gpu: &Arc<Gpu>,
    task: &Task,
    seed: u64,
    watch: &mut Watch<'_>,
) -> Report {
    let started = Instant::now();
    let mut report = Report::begun(gpu, format!("gradients of {}", described(task)));
    on_device(gpu, task, &mut report, watch).await;
    if !report.stopped {
        by_differences(task, seed, &mut report, watch);
    }
    report.seconds = started.elapsed().as_secs_f64();
    report
}

/// Tells what is checked next; false where the run is to end.
fn goes_on(watch: &mut Watch<'_>, what: &str, case: &str, done: usize, of: usize) -> bool {
    (watch.tell)(Progress { what, case, done, of, last: None });
    !(watch.stop)()
}

async fn on_device(gpu: &Arc<Gpu>, task: &Task, report: &mut Report, watch: &mut Watch<'_>) {
    let what = "gradients on the device";
    let of = Kernels::ALL.len() + 1;
    report.stopped = !goes_on(watch, what, "the reference", 0, of);
    if report.stopped {
        return;
    }
    let mut reference: Reference<Inexact> = carried(task);
    let (loss, bound) = apart(&[carried_step(task, &mut reference)]);
    let layout = Layout::new(&task.network);
    let names = std::iter::once("loss").chain(layout.learned().map(|tensor| tensor.name.as_str()));
    let mut rows: Vec<Findings> = names.map(|name| Findings::new(name, false)).collect();
    for (done, &kernels) in (1..).zip(Kernels::ALL) {
        report.stopped = !goes_on(watch, what, &format!("{kernels} kernels"), done, of);
        if report.stopped {
            break;
        }
        let began = Instant::now();
        let result = gradients(task, gpu, kernels).await;
        let found = unless_failed(result, &mut rows[0]);
        let seconds = began.elapsed().as_secs_f64() / rows.len() as f64;
        for (at, row) in rows.iter_mut().enumerate() {
            row.seconds += seconds;
            let Some((losses, gradients)) = &found else {
                row.leave_out(format!("{kernels} kernels gave no gradients"), 1);
                continue;
            };
            row.begin(format!("{kernels} kernels"));
            match at.checked_sub(1) {
                None => row.close("loss", losses, &loss, Bound::Each(&bound)),
                Some(at) => {
                    let Some(tensor) = layout.learned().nth(at) else { continue };
                    close_tensor(tensor, "gradient", gradients, &reference.gradients, row);
                }
            }
        }
    }
    report.rows.extend(rows);
}

/// How many rows differences go over, so that all forward passes from the layers of these parameters on make at
/// most so many products; one at least.
fn rows_for(network: &Network, places: &[Sampled]) -> usize {
    let of_layer = |layer: usize| {
        let after = network.layers().skip(layer + 1).map(|layer| layer.fan_in * layer.fan_out);
        after.sum::<usize>() + network.sizes()[layer + 1..].iter().sum::<usize>()
    };
    let each =
        places.iter().map(|sampled| 4 * sampled.places.len() * of_layer(sampled.tensor.layer));
    (MOST_PRODUCTS / each.sum::<usize>().max(1)).max(1)
}

fn by_differences(task: &Task, seed: u64, report: &mut Report, watch: &mut Watch<'_>) {
    let network = &task.network;
    let places = sampled(network, MOST_DIFFERENCES, seed);
    let [mut inputs, mut targets] = batch::<f64>(task, 0);
    let all_rows = inputs.len() / network.inputs();
    let rows = rows_for(network, &places).min(all_rows);
    inputs.truncate(rows * network.inputs());
    targets.truncate(rows * task.data.target_width());
    let parameters = wide(&task.start.parameters);
    let masks = (task.batches.seed(), 0);
    let mut differences = Differences::new(network, &parameters, &inputs, &targets, masks);
    // Where every unit of a layer starts at a bend, as at 0 of relu, differences are taken beside it.
    let beside = moved_biases(network, &parameters, seed);
    let mut moved: Option<Differences<'_>> = None;
    let (mut taken, mut bent, mut are_moved) = (0, 0, Vec::new());
    for (done, Sampled { tensor, places }) in places.iter().enumerate() {
        let mut row = Findings::new(format!("{}, differences", tensor.name), false);
        let began = Instant::now();
        let mut checks: Vec<GradientCheck> = Vec::new();
        for some in places.chunks(AT_ONCE) {
            let case = format!("{}, {} of {}", tensor.name, checks.len(), places.len());
            let of = 2 * network.activations().len();
            report.stopped = !goes_on(watch, "differences", &case, done, of);
            if report.stopped {
                break;
            }
            let some = some.iter().map(|&(row, col)| differences.check(tensor, row, col, STEP));
            checks.extend(some);
        }
        taken += checks.len();
        bent += checks.iter().filter(|check| check.numeric.is_none()).count();
        if !report.stopped && checks.iter().all(|check| check.numeric.is_none()) {
            let moved = moved.get_or_insert_with(|| {
                Differences::new(network, &beside, &inputs, &targets, masks)
            });
            let all = places.iter().map(|&(row, col)| moved.check(tensor, row, col, STEP));
            checks = all.collect();
            are_moved.push(tensor.name.as_str());
        }
        row.begin("");
        close_to_differences("gradient", &checks, &mut row);
        if row.compared == 0 && !report.stopped {
            row.leave_out("at all of these parameters the loss bends", 1);
        }
        row.seconds = began.elapsed().as_secs_f64();
        report.rows.push(row);
        if report.stopped {
            break;
        }
    }
    let all = network.parameter_count();
    let which = match all == taken {
        true => format!("differences of all {all} parameters"),
        false => format!("differences of {taken} of {all} parameters, drawn with seed {seed}"),
    };
    let over = match rows == all_rows {
        true => String::new(),
        false => format!(", over {rows} of the {all_rows} rows"),
    };
    report.notes.push(format!("{which}{over}"));
    if bent > 0 {
        let why = "a unit or a residual crosses a bend there, where no difference is a derivative";
        report.notes.push(format!("{bent} of these were left out: {why}"));
    }
    if !are_moved.is_empty() {
        let why = "all of it lies at bends, so these differences are of biases moved by up to 1/16";
        report.notes.push(format!("{}: {why}", are_moved.join(", ")));
    }
}

/// The same parameters with every bias moved a little.
fn moved_biases(network: &Network, parameters: &[f64], seed: u64) -> Vec<f64> {
    let mut moved = parameters.to_vec();
    let layout = Layout::new(network);
    let mut random = Threefry::new(seed, Purpose::Rows, 0);
    for bias in layout.tensors().iter().filter(|tensor| tensor.kind == TensorKind::Bias) {
        bias.indices().for_each(|index| moved[index] += random.random_range(-0.0625..0.0625));
    }
    moved
}
