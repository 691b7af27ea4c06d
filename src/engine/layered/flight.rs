//! Submissions that are handed over before the first of them is waited for: the host records the next
//! ones while the device is busy with the last.

use std::collections::VecDeque;

use web_time::Instant;

use crate::engine::pace::Pace;
use crate::gpu::{Gpu, GpuError, Submission};

/// How many at most.
const MOST: usize = 3;

/// One of them.
#[derive(Debug)]
struct InFlight {
    submission: Submission,
    /// Its dispatches.
    len: usize,
    submitted: Instant,
}

/// Those that were not waited for yet, the oldest first.
#[derive(Debug)]
pub(super) struct Flight {
    waiting: VecDeque<InFlight>,
    last_done: Instant,
}

impl Flight {
    /// None yet; room for all that there may be.
    pub(super) fn new() -> Flight {
        Flight { waiting: VecDeque::with_capacity(MOST), last_done: Instant::now() }
    }

    /// Whether one has to be done before the next is handed over.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() == MOST
    }

    /// Whether all are done.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Notes one of `len` dispatches that was just handed over.
    pub(super) fn push(&mut self, submission: Submission, len: usize) {
        self.waiting.push_back(InFlight { submission, len, submitted: Instant::now() });
    }

    /// Waits for the oldest, and tells `pace` what it took.
    pub(super) async fn wait(&mut self, gpu: &Gpu, pace: &mut Pace) -> Result<(), GpuError> {
        let Some(InFlight { submission, len, submitted }) = self.waiting.pop_front() else {
            return Ok(());
        };
        gpu.wait(submission).await?;
        // Until the one before was done the device had not begun.
        pace.took(len, submitted.max(self.last_done).elapsed());
        self.last_done = Instant::now();
        Ok(())
    }
}
