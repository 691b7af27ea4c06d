//! XOR on whatever device there is: 64 networks at once on a GPU, of which one that solves it is kept.
#![allow(clippy::print_stdout)]

use wgrad::{Activation, Dataset, Device, Error, Loss, Network, Training, block_on};

fn main() -> Result<(), Error> {
    let inputs = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let data = Dataset::new("xor", inputs, 2, vec![0.0, 1.0, 1.0, 0.0], 1)?;
    let (relu, sigmoid) = (Activation::Relu, Activation::Sigmoid);
    let network = Network::uniform(vec![2, 3, 1], relu, sigmoid, Loss::Bce)?;
    let mut training = Training::new(network, data);
    training.restarts = 64;

    let device = block_on(Device::any())?;
    let outcome = block_on(device.train(&training))?;
    println!("on {device}");
    println!("{} of {} starts solved it", outcome.solved, outcome.restarts);
    println!("predictions {:.2?}", outcome.kept.evaluation.predictions);
    Ok(())
}
