//! The weights of a trained network: each tensor by name, one weight by its place, and a file that PyTorch reads.
#![allow(clippy::print_stdout)]

use wgrad::data::Source;
use wgrad::engine::forward;
use wgrad::model::Model;
use wgrad::network::Layout;
use wgrad::{Activation, Device, Loss, Network, Training, block_on};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Source::Xor.built_in().ok_or("xor is built in")??;
    let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
    let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::Bce)?;
    let mut training = Training::new(network.clone(), data);
    training.restarts = 64;
    let device = block_on(Device::any())?;
    let outcome = block_on(device.train(&training))?;

    // All parameters lie in one buffer; the layout says where.
    let (parameters, layout) = (outcome.kept.weights().to_vec(), Layout::new(&network));
    for tensor in layout.tensors() {
        let values: Vec<f32> = tensor.indices().map(|at| parameters[at]).collect();
        println!("{:15} [{}][{}] {values:.3?}", tensor.name, tensor.rows, tensor.cols);
    }
    // From input 1 (of 0 and 1) to hidden unit 2.
    println!("one weight: {:.3}", parameters[layout.weights(0).index(1, 2)]);

    // As a file: safetensors, in the shapes of nn.Linear, with a hash.
    let model = Model::new(network, parameters);
    let bytes = model.to_bytes()?;
    let read = Model::from_bytes(&bytes)?;
    assert_eq!(read, model);
    println!("{} bytes of safetensors", bytes.len());

    // A prediction needs no device.
    let prediction = forward(&read.network, &read.parameters, &[0.0, 1.0]).outputs[0];
    println!("0 1 -> {prediction:.2}");
    Ok(())
}
