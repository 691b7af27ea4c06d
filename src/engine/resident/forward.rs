//! Forward passes of all networks at once, over rows that are evaluated and not trained on.

use super::engine::ResidentEngine;
use crate::data::Dataset;
use crate::engine::watched::{Portion, Watched};
use crate::gpu::{GpuError, Slice};
use crate::kernels::{self, LayerShape};
use crate::network::Activation;

impl ResidentEngine {
    /// From now on, looks at these rows when it is asked to; networks that stop when solved do not.
    ///
    /// # Errors
    /// [`GpuError`] where there is no room for them.
    pub async fn watch(&mut self, data: &Dataset) -> Result<(), GpuError> {
        let networks = self.members.len();
        let engine = &*self;
        let last = engine.network.layers().len() - 1;
        let forward = async |portion: &Portion<'_>| {
            let (mut list, mut first_parameter) = (Vec::new(), 0);
            let mut running_at = engine.network.parameter_count();
            for layer in engine.network.layers() {
                let [to, fro] = portion.activations;
                let (output, before) = if layer.index % 2 == 0 { (to, fro) } else { (fro, to) };
                let (input, from_data) = match layer.index {
                    0 => (portion.inputs, Some(portion.first)),
                    _ => (before, None),
                };
                let identity = (Activation::Identity, 0.0);
                let kind = if layer.index == last { identity } else { layer.function() };
                let shape = LayerShape::of(&layer, portion.rows);
                let at = (first_parameter, layer.is_normed().then_some(running_at));
                let launch = kernels::population_forward(kind, shape, networks, at, from_data);
                let bound = [input, &engine.buffers.parameters, output].map(Slice::all);
                list.push(engine.gpu.dispatch(&launch, &bound).await?);
                let of_norm = if layer.is_normed() { 2 * layer.fan_out } else { 0 };
                first_parameter += (layer.fan_in + 1) * layer.fan_out + of_norm;
                running_at += of_norm;
            }
            Ok(list)
        };
        let watched = Watched::new(&engine.gpu, &engine.network, networks, data, forward).await?;
        self.watched = Some(watched);
        Ok(())
    }
}
