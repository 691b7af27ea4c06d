//! How often XOR is solved, over widths and learning rates: 1,024 networks for each pair of them.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use wgrad::data::Source;
use wgrad::sweep::{AxisValue, Cell, Sweep};
use wgrad::{Activation, Device, Loss, Network, Training, block_on};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Arc::new(Source::Xor.built_in().ok_or("xor is built in")??);
    let mut cells = Vec::new();
    for width in [2, 4, 8] {
        for rate in [0.1, 0.5] {
            let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
            let network = Network::uniform(vec![2, width, 1], hidden, output, Loss::Bce)?;
            let mut training = Training::new(network, Arc::clone(&data));
            training.learning_rate = rate;
            training.restarts = 1024;
            training.epochs = 2000;
            let axes =
                vec![("width", AxisValue::Whole(width as u32)), ("lr", AxisValue::Number(rate))];
            cells.push(Cell::new(axes, training));
        }
    }
    let sweep = Sweep::new(cells);

    let device = block_on(Device::any())?;
    let outcome = block_on(device.sweep(&sweep))?;
    println!("width  rate  solved  95 % interval  median epochs");
    for (cell, count) in sweep.cells.iter().zip(&outcome.cells) {
        let [width, rate] = [&cell.axes[0].1, &cell.axes[1].1];
        let (low, high) = count.interval().unwrap_or_default();
        let (solved, [low, high]) = (count.rate().unwrap_or(0.0), [low, high].map(|at| 100.0 * at));
        let median = count.median_epochs().map_or("-".to_owned(), |epochs| epochs.to_string());
        println!(
            "{width:>5}  {rate:>4}  {:5.1} %  {low:4.1} - {high:4.1} %  {median:>13}",
            100.0 * solved
        );
    }
    println!("{} networks", outcome.networks());
    Ok(())
}
