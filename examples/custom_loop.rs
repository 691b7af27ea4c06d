//! A training loop of your own over an engine: steps, losses and parameters as you ask for them, and the learning
//! rate in your hands. The trainer behind `Device::train` is built on the same calls.
#![allow(clippy::print_stdout)]

use wgrad::data::Source;
use wgrad::engine::Engine;
use wgrad::train::evaluate;
use wgrad::{Activation, Device, Loss, Network, Training, block_on};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Source::Xor.built_in().ok_or("xor is built in")??;
    let (hidden, output) = (Activation::Tanh, Activation::Sigmoid);
    let network = Network::uniform(vec![2, 8, 1], hidden, output, Loss::Bce)?;
    let training = Training::new(network, data);
    block_on(async {
        let device = Device::any().await?;
        let engine = device.engine(&training);
        println!("{engine}");
        // Of the start with seed 0: its weights, its batches, and the rate to begin with.
        let mut engine = Engine::new(training.task(0), &engine).await?;
        let mut rate = training.learning_rate;
        for round in 1..=10 {
            // The loss of each step's batch, before its update. The closure could end it earlier.
            let losses = engine.run(100, &|| false).await?;
            let loss = losses[losses.len() - 1];
            println!("step {:4}  rate {rate:.3}  loss {loss:.5}", engine.steps_done());
            if round % 3 == 0 {
                rate *= 0.8;
                engine.set_rates(&[rate]);
            }
        }
        let forward = engine.forward(training.data.inputs()).await?;
        let seen = evaluate(&training.network, &training.data, &forward);
        println!("predictions {:.2?}", seen.predictions);
        let parameters = engine.parameters().await?;
        println!("{} parameters with their padding", parameters.len());
        Ok(())
    })
}
