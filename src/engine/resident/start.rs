//! Where networks start from.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use super::engine::ResidentEngine;
use crate::engine::on_every_core;
use crate::gpu::{GpuError, Slice};
use crate::kernels::init_uniform;
use crate::network::{Draw, Initializer};

/// Networks that a core draws at once.
const DRAWN_AT_ONCE: usize = 1024;

/// Networks that are too few for a dispatch of their own.
const FEW_DRAWN: usize = 256;

/// Networks that are drawn from one distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Which of the population.
    pub networks: Range<usize>,
    /// The distribution.
    pub init: Initializer,
    /// How many times as wide.
    pub scale: f32,
    /// The seed of the first of them; the others' count on.
    pub seed: u64,
}

impl ResidentEngine {
    /// Draws starting weights: on the GPU where a distribution is uniform, the same bits as on the
    /// host; and on the host where it is normal, since its logarithm and cosine differ from one GPU
    /// to another, or where there are too few networks for a dispatch.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn draw(&mut self, starts: &[Start]) -> Result<(), GpuError> {
        let is_uniform = |start: &&Start| {
            self.network.layers().all(|layer| {
                if layer.is_normed() {
                    // Its factors and variances do not start at 0.
                    return false;
                }
                let draw = start.init.draw(layer.fan_in, layer.fan_out, start.scale);
                matches!(draw, Draw::Uniform { .. })
            })
        };
        let on_gpu = |start: &&Start| start.networks.len() >= FEW_DRAWN && is_uniform(start);
        let (here, there): (Vec<&Start>, Vec<&Start>) = starts.iter().partition(on_gpu);
        if !there.is_empty() {
            self.draw_on_host(&there).await;
        }
        for start in here {
            self.draw_on_gpu(start).await?;
        }
        Ok(())
    }

    async fn draw_on_gpu(&self, start: &Start) -> Result<(), GpuError> {
        let Start { networks, init, scale, seed } = start;
        let (mut first_parameter, mut dispatches) = (0, Vec::new());
        for layer in self.network.layers() {
            let len = layer.fan_in * layer.fan_out;
            if let Draw::Uniform { limit } = init.draw(layer.fan_in, layer.fan_out, *scale) {
                let launch = init_uniform(
                    networks.clone(),
                    self.members.len(),
                    first_parameter,
                    (layer.index, len),
                    (*seed, limit),
                );
                let bound = [Slice::all(&self.buffers.parameters)];
                dispatches.push(self.gpu.dispatch(&launch, &bound).await?);
            }
            first_parameter += len + layer.fan_out;
        }
        self.gpu.submit(&dispatches);
        Ok(())
    }

    /// All of the buffer at once; networks that are drawn elsewhere are zero for now.
    async fn draw_on_host(&self, starts: &[&Start]) {
        let (count, all) = (self.layout.count(), self.members.len());
        let indices = self.indices();
        let mut columns = vec![0.0; count * all];
        let pieces: Vec<(&Start, Range<usize>)> = starts
            .iter()
            .flat_map(|start| {
                let firsts = (0..start.networks.len()).step_by(DRAWN_AT_ONCE);
                firsts
                    .map(|first| (*start, first..(first + DRAWN_AT_ONCE).min(start.networks.len())))
            })
            .collect();
        // Not the engine: in a browser its device belongs to one thread.
        let network = &self.network;
        let draw = async |(start, networks): &(&Start, Range<usize>), _: &AtomicBool| {
            let seeds = networks.clone().map(|network| start.seed + network as u64);
            let drawn = seeds.map(|seed| start.init.parameters(network, seed, start.scale));
            drawn.collect::<Vec<Vec<f32>>>()
        };
        let note = |(start, networks): &(&Start, Range<usize>), drawn: Vec<Vec<f32>>| {
            for (network, flat) in (start.networks.start + networks.start..).zip(drawn) {
                for (parameter, &index) in indices.iter().enumerate() {
                    columns[parameter * all + network] = flat[index];
                }
            }
        };
        on_every_core(&pieces, draw, note, &|| false).await;
        self.gpu.write(&self.buffers.parameters, 0, &columns);
    }
}
