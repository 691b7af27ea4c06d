//! A table of your own: its columns become inputs and classes, some rows are held out, and the network that does
//! best on them is kept.
//!
//! `cargo run --example own_data [FILE.csv]`; without a file it reads a few rows that stand here.
#![allow(clippy::print_stdout)]

use std::error::Error;

use wgrad::data::{CsvOptions, Preparation, Samples, read_csv};
use wgrad::optimizer::{Optimizer, OptimizerKind};
use wgrad::{Activation, Device, Loss, Network, Training, block_on};

/// Which mushrooms to leave alone: a number and a text of each, and what they are.
const MUSHROOMS: &str = "\
height,cap,kind
9.1,red,poisonous
8.2,red,poisonous
3.0,brown,edible
7.7,brown,edible
10.4,red,poisonous
4.9,white,poisonous
5.6,white,poisonous
2.8,red,edible
3.3,red,edible
6.0,brown,edible
";

fn main() -> Result<(), Box<dyn Error>> {
    let bytes = match std::env::args().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => MUSHROOMS.into(),
    };
    // The last column is the target unless `CsvOptions` says otherwise.
    let table = read_csv("mushrooms", &bytes, &CsvOptions::default())?;
    let mut preparation = Preparation::default();
    preparation.validation = Some(0.2);
    preparation.is_stratified = true;
    let samples = Samples::new(table, None, &preparation)?;
    let (inputs, outputs) = (samples.train.input_len(), samples.train.target_len());
    println!("inputs {inputs}, classes {:?}", samples.train.class_names());

    // Two classes are one output, its probability of the second; more have one output each.
    let (output, loss) = match outputs {
        1 => (Activation::Sigmoid, Loss::Bce),
        _ => (Activation::Identity, Loss::SoftmaxCrossEntropy),
    };
    let network = Network::uniform(vec![inputs, 8, outputs], Activation::Tanh, output, loss)?;
    let mut training = Training::new(network, samples.train);
    training.held_out.validation = samples.validation;
    training.optimizer = Optimizer::new(OptimizerKind::Adam);
    training.learning_rate = 0.02;
    training.epochs = 200;

    let device = block_on(Device::any())?;
    let run = block_on(device.train(&training))?.kept;
    let (of, rows, seen) = run.unseen(&training);
    println!("best after epoch {} of {}", run.weights_epoch(), run.epochs);
    println!("right: {} of {} {of} rows", seen.right.unwrap_or(0), rows.rows());
    Ok(())
}
