//! What becomes of networks: whether they made their steps, are still finite, and, where they are judged,
//! solved.

use super::ResidentEngine;
use super::rates::rules;
use crate::engine::Fate;
use crate::gpu::GpuError;

/// `IN_TRAINING` and `DIVERGED` of `shaders/common/network.wgsl`.
pub(super) const IN_TRAINING: u32 = u32::MAX;
const DIVERGED: u32 = u32::MAX - 1;

/// An outcome as the kernels write it.
fn fate(outcome: u32) -> Fate {
    match outcome {
        IN_TRAINING => Fate::Unsolved,
        DIVERGED => Fate::Diverged,
        steps => Fate::Solved(steps),
    }
}

/// Columns that are not worth moving together.
const FEW_COLUMNS: usize = 64;

impl ResidentEngine {
    /// The proof that every network made the steps that were submitted, but for those that were
    /// judged and ended before.
    pub(super) fn check_done(&self, done: &[u32], outcomes: &[u32]) -> Result<(), GpuError> {
        let missing = done.iter().zip(outcomes).find(|&(&done, &outcome)| match outcome {
            IN_TRAINING => done != self.step,
            // One that is not judged goes on all the same.
            DIVERGED if !self.judged => done != self.step,
            DIVERGED => done > self.step,
            steps => done != steps,
        });
        match missing {
            Some((&done, _)) => {
                Err(GpuError::WorkMissing { what: "steps", expected: self.step, done })
            }
            None => Ok(()),
        }
    }

    /// Notes what became of the networks still here.
    pub(super) fn note_fates(&mut self, outcomes: &[u32]) {
        for (&column, &outcome) in self.columns.iter().zip(outcomes) {
            self.fates[column as usize] = fate(outcome);
        }
    }

    /// Once half of the networks still here are decided, they are dropped: a lane whose network is done
    /// would go on doing nothing.
    pub(super) async fn drop_decided(&mut self, outcomes: &[u32]) -> Result<(), GpuError> {
        let kept: Vec<usize> =
            (0..outcomes.len()).filter(|&column| outcomes[column] == IN_TRAINING).collect();
        if kept.is_empty() || 2 * kept.len() <= outcomes.len() && outcomes.len() > FEW_COLUMNS {
            self.keep_columns(&kept).await?;
        }
        Ok(())
    }

    /// Drops every column but these.
    async fn keep_columns(&mut self, kept: &[usize]) -> Result<(), GpuError> {
        let width = self.columns.len();
        let count = self.numbers_of_one();
        let parameters = &self.buffers.parameters;
        let flat = self.gpu.read::<f32>(&[(parameters, 0..count * width)]).await?.remove(0);
        let packed: Vec<f32> = flat
            .chunks_exact(width)
            .flat_map(|row| kept.iter().map(|&column| row[column]))
            .collect();
        self.columns = kept.iter().map(|&column| self.columns[column]).collect();
        let members = || self.columns.iter().map(|&column| self.members[column as usize]);
        self.gpu.write(parameters, 0, &packed);
        self.gpu.write(&self.buffers.rules, 0, &rules(members()));
        let seeds: Vec<u32> = members().map(|member| member.seed).collect();
        self.gpu.write(&self.buffers.seeds, 0, &seeds);
        self.gpu.write(&self.buffers.done, 0, &vec![self.step; kept.len()]);
        self.gpu.write(&self.buffers.outcome, 0, &vec![IN_TRAINING; kept.len()]);
        self.dispatch = None;
        Ok(())
    }
}
