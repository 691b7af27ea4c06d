//! Where a network stands: read back, or copied on the device to go back to.

use super::{Kernels, LayeredEngine};
use crate::engine::{Slot, State, unpad_rows};
use crate::gpu::{Buffer, GpuError};
use crate::network::row_stride;
use crate::reference::Trace;

/// A copy of where a network stood.
#[derive(Debug)]
pub(super) struct Kept {
    step: u32,
    /// Of the parameters and each moment.
    buffers: Vec<Buffer>,
}

impl LayeredEngine {
    /// The parameters, in the network's layout.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn parameters(&self) -> Result<Vec<f32>, GpuError> {
        self.read_all(&self.buffers.parameters).await
    }

    /// Where it stands.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn state(&self) -> Result<State, GpuError> {
        self.read_state(self.step, self.state_buffers().into_iter()).await
    }

    /// The gradients of the last step, before any clipping, in the network's layout; `None` where they became updates
    /// without being kept.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn gradients(&self) -> Result<Option<Vec<f32>>, GpuError> {
        if !self.keeps_gradients {
            return Ok(None);
        }
        Ok(Some(self.read_all(&self.buffers.gradients).await?))
    }

    /// Copies where it stands into a slot, on the device.
    ///
    /// # Errors
    /// [`GpuError`] where there is no room for the copy.
    pub async fn keep(&mut self, slot: Slot) -> Result<(), GpuError> {
        let (step, index) = (self.step, slot as usize);
        let kept = match self.kept[index].take() {
            Some(kept) => Kept { step, ..kept },
            None => {
                let mut buffers = Vec::new();
                for _ in self.state_buffers() {
                    buffers.push(self.gpu.buffer("a copy of a state", self.layout.len()).await?);
                }
                Kept { step, buffers }
            }
        };
        let pairs = self.state_buffers().into_iter().zip(&kept.buffers);
        self.gpu.copy(pairs.map(|(own, kept)| [own.clone(), kept.clone()]));
        self.kept[index] = Some(kept);
        Ok(())
    }

    /// Goes back to where it stood when a slot was last filled, if it ever was.
    pub fn restore(&mut self, slot: Slot) {
        let Some(kept) = &self.kept[slot as usize] else { return };
        let pairs = kept.buffers.iter().zip(self.state_buffers());
        self.gpu.copy(pairs.map(|(kept, own)| [kept.clone(), own.clone()]));
        (self.step, self.rates_until, self.diverged) = (kept.step, kept.step, false);
        self.gpu.write(&self.buffers.clock, 0, &[self.step, 0]);
    }

    /// What a slot holds.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn kept(&self, slot: Slot) -> Result<Option<State>, GpuError> {
        match &self.kept[slot as usize] {
            Some(kept) => Ok(Some(self.read_state(kept.step, kept.buffers.iter()).await?)),
            None => Ok(None),
        }
    }

    /// What a state is made of: the parameters, and the moments that the optimizer has.
    fn state_buffers(&self) -> Vec<&Buffer> {
        let moments = self.buffers.moments.iter().zip(self.task.optimizer.has_moments());
        let moments = moments.filter_map(|(moment, is_kept)| is_kept.then_some(moment));
        std::iter::once(&self.buffers.parameters).chain(moments).collect()
    }

    async fn read_state(
        &self,
        step: u32,
        buffers: impl Iterator<Item = &Buffer>,
    ) -> Result<State, GpuError> {
        let wanted: Vec<_> = buffers.map(|buffer| (buffer, 0..self.layout.len())).collect();
        let mut lists = self.gpu.read(&wanted).await?.into_iter();
        let parameters = lists.next().unwrap_or_default();
        Ok(State { step, parameters, moments: lists.collect() })
    }

    async fn read_all(&self, buffer: &Buffer) -> Result<Vec<f32>, GpuError> {
        let mut lists = self.gpu.read(&[(buffer, 0..self.layout.len())]).await?;
        Ok(lists.pop().unwrap_or_default())
    }

    /// What the last step computed on its way; `None` from fused kernels, which keep it in
    /// registers.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn trace(&self) -> Result<Option<Trace<f32>>, GpuError> {
        if self.kernels == Kernels::Fused {
            return Ok(None);
        }
        let rows = self.task.batches.len_of(self.step.saturating_sub(1));
        let mut trace = Trace::default();
        for (layer, buffers) in self.layers.iter().zip(&self.buffers.layers) {
            let stride = row_stride(layer.fan_out);
            let range = 0..rows * stride;
            let wanted = [&buffers.z, &buffers.a, &buffers.d_z].map(|b| (b, range.clone()));
            let lists = self.gpu.read::<f32>(&wanted).await?;
            let mut lists = lists.iter().map(|list| unpad_rows(list, layer.fan_out, stride));
            trace.pre_activations.extend(lists.next());
            trace.activations.extend(lists.next());
            trace.d_pre_activations.extend(lists.next());
        }
        Ok(Some(trace))
    }
}
