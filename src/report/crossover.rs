//! The report of `wgrad bench matmul` and `wgrad bench width`: an adapter beside the cpu engine, and from where on
//! it pays.

use std::fmt::Write as _;
use std::path::Path;

use super::{OutputError, json, print, table};
use crate::bench::{BenchRow, Crossover, Tuning};
use crate::gpu::AdapterEntry;
use crate::kernels::Product;
use crate::network::joined;

/// Heights of a bar, the lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Every measurement, and from which width on the adapter is faster.
///
/// # Errors
/// [`OutputError`].
pub fn crossover(
    measured: &Crossover,
    adapter: &AdapterEntry,
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::crossover(measured, adapter));
    }
    let Crossover { rows, peak, rounds, stopped } = measured;
    let is_width = rows.first().is_some_and(|row| row.batch.is_some());
    let (work, formula) = match is_width {
        true => ("a training step", "4 B in out of the first layer and 6 of others"),
        false => ("a product of m x k and k x n", "2 m k n"),
    };
    let mut text = format!(
        "adapter: {}\n{work}, each compared with the CPU first, then timed; median of {rounds} measurements\n\
         in turn; GFLOP/s by {formula};\n\
         peak: the share of the adapter's {peak:.1} GFLOP/s in multiply-adds alone; cold: to the first result;\n\
         ratio: speed over that of the cpu engine; error: the largest, as a share of its bound\n\n",
        adapter.describe()
    );
    let lines = rows.iter().map(|row| {
        let first = match (row.batch, &row.sizes[..]) {
            (Some(batch), sizes) => [joined(sizes, "-"), batch.to_string()],
            (None, &[m, k, n]) if m == k && k == n => [short_name(row), format!("{m}^3")],
            (None, sizes) => [short_name(row), joined(sizes, "x")],
        };
        let rest = [
            row.variant.clone(),
            table::seconds(row.adapter.median(), 2),
            format!("{:.0} %", 100.0 * row.adapter.spread()),
            format!("{:.1}", row.gflops()),
            format!("{:.0} %", 100.0 * row.gflops() / peak),
            table::seconds(row.cpu.median(), 2),
            format!("{:.3}", row.ratio()),
            table::seconds(row.cold, 0),
            format!("{:.0e}", row.max_error / row.bound),
        ];
        first.into_iter().chain(rest).collect()
    });
    let names = if is_width { ["network", "batch"] } else { ["product", "m x k x n"] };
    let rest = ["variant", "time", "+-", "GFLOP/s", "peak", "cpu", "ratio", "cold", "error"];
    let names: Vec<&str> = names.into_iter().chain(rest).collect();
    match rows.is_empty() {
        true => text.push_str("nothing was measured\n"),
        false => text += &table::columns(3, &names, lines),
    }
    let sum = |of: fn(&BenchRow) -> f64| table::seconds(rows.iter().map(of).sum(), 0);
    let _ = writeln!(
        text,
        "\ncold starts: {} in all, of that {} to create pipelines",
        sum(|row| row.cold),
        sum(|row| row.pipelines)
    );
    if is_width {
        text.push('\n');
        text += &crossings(rows);
    }
    if *stopped {
        text.push_str("Interrupted; these are the measurements made so far.\n");
    }
    print(&text)
}

/// `nn` of `matmul-nn`.
fn short_name(row: &BenchRow) -> String {
    row.work.rsplit('-').next().unwrap_or(row.work).to_owned()
}

/// The rows of one shape and one batch.
fn series(rows: &[BenchRow]) -> Vec<Vec<&BenchRow>> {
    let mut all: Vec<Vec<&BenchRow>> = Vec::new();
    let is_square = |row: &BenchRow| row.sizes[0] == row.sizes[1] && row.sizes[1] == row.sizes[2];
    for row in rows {
        let is_alike = |other: &&mut Vec<&BenchRow>| {
            other[0].batch == row.batch && is_square(other[0]) == is_square(row)
        };
        match all.iter_mut().find(is_alike) {
            Some(own) => own.push(row),
            None => all.push(vec![row]),
        }
    }
    all
}

/// For each shape and batch, a bar for each width, and the width from which on the adapter is faster.
fn crossings(rows: &[BenchRow]) -> String {
    let mut text = String::new();
    for own in series(rows) {
        let width = |row: &BenchRow| row.sizes[1];
        let (first, last) = (own[0], own[own.len() - 1]);
        let shape =
            if first.sizes[0] == 784 && first.sizes[2] == 10 { "784-H-10" } else { "H-H-H" };
        // An eighth of the CPU's speed and less is the lowest, eight times it and more the highest.
        let bar = |row: &&BenchRow| {
            let height = (row.ratio().log2() + 3.0) / 6.0 * 7.0;
            BARS[height.round().clamp(0.0, 7.0) as usize]
        };
        let bars: String = own.iter().map(bar).collect();
        // From the smallest width on at which it wins there and at all larger ones.
        let losing = own.iter().rposition(|row| row.ratio() < 1.0 || row.ratio().is_nan());
        let from = losing.map_or(0, |at| at + 1);
        let verdict = match own.get(from) {
            Some(row) => format!("the adapter is faster from H = {} on", width(row)),
            None => "the CPU is faster at every H measured".to_owned(),
        };
        let batch = first.batch.unwrap_or(0);
        let _ = writeln!(
            text,
            "{shape}, batch {batch}, H {} to {}: {bars}  {verdict}",
            width(first),
            width(last)
        );
    }
    text.push_str("(bars: the adapter's speed over the CPU's, from 1/8 to 8)\n");
    text
}

/// Every product with the variant that is the fastest, and what the default loses; `kept` is the file that has them.
///
/// # Errors
/// [`OutputError`].
pub fn tuning(
    measured: &Tuning,
    adapter: &AdapterEntry,
    kept: &Path,
    as_json: bool,
) -> Result<(), OutputError> {
    if as_json {
        return print(&json::tuning(measured, adapter, kept));
    }
    let Tuning { products, rounds, stopped } = measured;
    let mut text = format!(
        "adapter: {}\n\
         products of m x k and k x n in every variant, each compared first; median of {rounds} measurements in turn;\n\
         the default is kept where no other is faster by more than 5 %\n\n",
        adapter.describe()
    );
    let lines = products.iter().map(|tuned| {
        let Product { form, rows, cols, terms } = tuned.product;
        vec![
            form.name().rsplit('-').next().unwrap_or_default().to_owned(),
            format!("{rows}x{terms}x{cols}"),
            tuned.default.to_string(),
            table::seconds(tuned.default_seconds(), 2),
            tuned.winner().to_string(),
            table::seconds(tuned.seconds(), 2),
            format!("{:.0} %", 100.0 * tuned.lost()),
        ]
    });
    let names = ["product", "m x k x n", "default", "time", "taken", "time", "default lost"];
    match products.is_empty() {
        true => text.push_str("nothing was measured\n"),
        false => text += &table::columns(3, &names, lines),
    }
    let others = measured.choices().len();
    let _ = writeln!(
        text,
        "\n{others} of {} products are computed otherwise than by default from now on.\n\
         Kept in {}; without that file the defaults apply again.",
        products.len(),
        kept.display()
    );
    if *stopped {
        text.push_str("Interrupted; these are the products measured so far.\n");
    }
    print(&text)
}

/// Every measurement as a line of comma-separated values.
pub fn crossover_csv(measured: &Crossover, adapter: &AdapterEntry) -> String {
    let head = [
        "work",
        "sizes",
        "batch",
        "adapter",
        "driver",
        "variant",
        "median_ms",
        "spread",
        "gflops",
        "share_of_peak",
        "cpu_median_ms",
        "ratio_to_cpu",
        "cold_ms",
        "pipelines_ms",
        "max_error",
        "bound",
    ];
    let lines = measured.rows.iter().map(|row| {
        vec![
            row.work.to_owned(),
            joined(&row.sizes, "-"),
            table::or_empty(row.batch),
            adapter.name.replace(',', " "),
            format!("{} {}", adapter.driver, adapter.driver_info).replace(',', " "),
            row.variant.clone(),
            (1e3 * row.adapter.median()).to_string(),
            row.adapter.spread().to_string(),
            row.gflops().to_string(),
            (row.gflops() / measured.peak).to_string(),
            (1e3 * row.cpu.median()).to_string(),
            row.ratio().to_string(),
            (1e3 * row.cold).to_string(),
            (1e3 * row.pipelines).to_string(),
            row.max_error.to_string(),
            row.bound.to_string(),
        ]
    });
    table::csv(&head, lines)
}
