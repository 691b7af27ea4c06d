//! Where networks start from.

use std::ops::Range;

use super::ResidentEngine;
use crate::engine::on_every_core;
use crate::gpu::{GpuError, Slice};
use crate::kernels::{INIT_UNIFORM, InitUniformParams};
use crate::network::{Draw, Initializer};
use crate::random::{Purpose, seed_key, stream_id};

/// Networks that a core draws at once.
const DRAWN_AT_ONCE: usize = 1024;

impl ResidentEngine {
    /// Sets every network's parameters, each list in the network's layout.
    pub fn set_parameters(&mut self, lists: &[Vec<f32>]) {
        let lists: Vec<Vec<f32>> =
            lists.iter().map(|flat| self.layout.unpack(flat).concat()).collect();
        let columns: Vec<f32> = (0..self.network.parameter_count())
            .flat_map(|index| lists.iter().map(move |list| list[index]))
            .collect();
        self.gpu.write(&self.buffers.parameters, 0, &columns);
    }

    /// Draws the starting weights of networks `range`, the first of which has seed `seed`: on the
    /// GPU where the distribution is uniform, the same bits as on the host, and on the host where
    /// it is normal, since its logarithm and cosine differ from one GPU to another.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn draw(
        &mut self,
        range: Range<usize>,
        init: Initializer,
        scale: f32,
        seed: u64,
    ) -> Result<(), GpuError> {
        let is_uniform = |draw: Draw| matches!(draw, Draw::Uniform { .. });
        let layers: Vec<_> = self.network.layers().collect();
        if layers.iter().any(|l| !is_uniform(init.draw(l.fan_in, l.fan_out, scale))) {
            self.draw_on_host(range, init, scale, seed);
            return Ok(());
        }
        let pipeline = self.gpu.pipeline(&INIT_UNIFORM, &[]).await?;
        let [seed_low, seed_high] = seed_key(seed);
        let (mut first_parameter, mut dispatches) = (0, Vec::new());
        for layer in layers {
            let len = layer.fan_in * layer.fan_out;
            if let Draw::Uniform { limit } = init.draw(layer.fan_in, layer.fan_out, scale) {
                let params = InitUniformParams {
                    networks: range.len() as u32,
                    pairs: len.div_ceil(2) as u32,
                    len: len as u32,
                    stride: self.members.len() as u32,
                    first_parameter: first_parameter as u32,
                    first_network: range.start as u32,
                    seed_low,
                    seed_high,
                    stream: stream_id(Purpose::Weights, layer.index as u32),
                    limit,
                };
                let bound = [Slice::all(&self.buffers.parameters)];
                let invocations = range.len() * len.div_ceil(2);
                dispatches
                    .push(self.gpu.dispatch(&pipeline, &params, &bound, invocations, 0).await?);
            }
            first_parameter += len + layer.fan_out;
        }
        self.gpu.submit(&dispatches);
        Ok(())
    }

    fn draw_on_host(&self, range: Range<usize>, init: Initializer, scale: f32, seed: u64) {
        let count = self.network.parameter_count();
        let indices = self.indices();
        let mut columns = vec![0.0; count * range.len()];
        let starts: Vec<usize> = (0..range.len()).step_by(DRAWN_AT_ONCE).collect();
        let draw = |&first: &usize| -> Vec<Vec<f32>> {
            let networks = first..(first + DRAWN_AT_ONCE).min(range.len());
            let seeds = networks.map(|network| seed + network as u64);
            seeds.map(|seed| init.parameters(&self.network, seed, scale)).collect()
        };
        on_every_core(&starts, draw, |&first, drawn| {
            for (network, flat) in (first..).zip(drawn) {
                for (parameter, &index) in indices.iter().enumerate() {
                    columns[parameter * range.len() + network] = flat[index];
                }
            }
            false
        });
        for (parameter, column) in columns.chunks_exact(range.len()).enumerate() {
            let at = parameter * self.members.len() + range.start;
            self.gpu.write(&self.buffers.parameters, at, column);
        }
    }

    /// Where in the network's layout each parameter lies, in the order of the buffer.
    pub(super) fn indices(&self) -> Vec<usize> {
        self.layout.tensors().iter().flat_map(|tensor| tensor.indices()).collect()
    }
}
