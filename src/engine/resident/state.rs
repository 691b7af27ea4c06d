//! Where networks stand: set, read back, or copied on the device to go back to.

use super::engine::{Kept, ResidentEngine};
use super::outcome::IN_TRAINING;
use crate::engine::{NetworkStatus, Slot, State};
use crate::gpu::{Buffer, GpuError};

impl ResidentEngine {
    /// Where in the network's layout each parameter lies, in the order of the buffer.
    pub(super) fn indices(&self) -> Vec<usize> {
        self.layout.tensors().iter().flat_map(|tensor| tensor.indices()).collect()
    }

    /// Sets every network to a state; all of them have made as many steps.
    pub fn set_states(&mut self, states: &[State]) {
        let count = self.layout.count();
        let flat = |state: &State| -> Vec<f32> {
            let mut list = self.layout.unpack(&state.parameters).concat();
            list.extend(state.moments.iter().flat_map(|m| self.layout.unpack(m).concat()));
            list.resize((1 + self.optimizer.moments()) * count, 0.0);
            list
        };
        let lists: Vec<Vec<f32>> = states.iter().map(flat).collect();
        let columns: Vec<f32> = (0..self.numbers_of_one())
            .flat_map(|index| lists.iter().map(move |list| list[index]))
            .collect();
        self.gpu.write(&self.buffers.parameters, 0, &columns);
        self.set_step(states.first().map_or(0, |state| state.step));
    }

    /// Every network has made so many steps, and is in training.
    fn set_step(&mut self, step: u32) {
        self.step = step;
        self.statuses.fill(NetworkStatus::Unsolved);
        self.gpu.write(&self.buffers.done, 0, &vec![step; self.columns.len()]);
        self.gpu.write(&self.buffers.outcome, 0, &vec![IN_TRAINING; self.columns.len()]);
    }

    /// The parameters of every network that is still here (all of them, unless they stop when
    /// solved), each in the network's layout.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn parameters(&self) -> Result<Vec<Vec<f32>>, GpuError> {
        let flat = self.read_rows(&self.buffers.parameters, self.layout.count()).await?;
        let indices = self.indices();
        Ok((0..self.columns.len())
            .map(|network| self.packed(&flat, &indices, 0, network))
            .collect())
    }

    /// Where every network that is still here stands.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn states(&self) -> Result<Vec<State>, GpuError> {
        self.read_states(self.step, &self.buffers.parameters).await
    }

    /// Copies where all networks stand into a slot, on the device.
    ///
    /// # Errors
    /// [`GpuError`] where there is no room for the copy.
    pub async fn keep(&mut self, slot: Slot) -> Result<(), GpuError> {
        let (step, index) = (self.step, slot as usize);
        let buffer = match self.kept[index].take() {
            Some(kept) => kept.buffer,
            None => {
                let len = self.numbers_of_one() * self.members.len();
                self.gpu.buffer("a copy of states", len).await?
            }
        };
        self.gpu.copy([[self.buffers.parameters.clone(), buffer.clone()]]);
        self.kept[index] = Some(Kept { step, buffer });
        Ok(())
    }

    /// Goes back to where all networks stood when a slot was last filled, if it ever was.
    pub fn restore(&mut self, slot: Slot) {
        if let Some(Kept { step, buffer }) = &self.kept[slot as usize] {
            let step = *step;
            self.gpu.copy([[buffer.clone(), self.buffers.parameters.clone()]]);
            self.set_step(step);
        }
    }

    /// What a slot holds; nothing where it was never filled.
    ///
    /// # Errors
    /// [`GpuError`] where the device fails.
    pub async fn kept(&self, slot: Slot) -> Result<Vec<State>, GpuError> {
        match &self.kept[slot as usize] {
            Some(kept) => self.read_states(kept.step, &kept.buffer).await,
            None => Ok(Vec::new()),
        }
    }

    async fn read_states(&self, step: u32, buffer: &Buffer) -> Result<Vec<State>, GpuError> {
        let flat = self.read_rows(buffer, self.numbers_of_one()).await?;
        let indices = self.indices();
        let state = |network| State {
            step,
            parameters: self.packed(&flat, &indices, 0, network),
            moments: (1..=self.optimizer.moments())
                .map(|moment| self.packed(&flat, &indices, moment, network))
                .collect(),
        };
        Ok((0..self.columns.len()).map(state).collect())
    }

    /// The first rows of a buffer of parameters and moments.
    async fn read_rows(&self, buffer: &Buffer, rows: usize) -> Result<Vec<f32>, GpuError> {
        Ok(self.gpu.read(&[(buffer, 0..rows * self.columns.len())]).await?.remove(0))
    }

    /// A network's parameters (0), or a moment, out of `[..][columns]`, in the network's layout.
    fn packed(&self, flat: &[f32], indices: &[usize], part: usize, network: usize) -> Vec<f32> {
        let (first, width) = (part * indices.len(), self.columns.len());
        let mut list = vec![0.0; self.layout.len()];
        for (parameter, &index) in indices.iter().enumerate() {
            list[index] = flat[(first + parameter) * width + network];
        }
        list
    }
}
