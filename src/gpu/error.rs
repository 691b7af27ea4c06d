//! What can go wrong between us and a GPU, and the place where its callbacks leave it.

use std::sync::{Mutex, PoisonError};

/// What went wrong with an adapter, a device, or what was asked of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// Nothing to open.
    #[error("no GPU adapter found ({reasons}); {fix}, or use --device cpu")]
    NoAdapter {
        /// Why each backend was skipped.
        reasons: String,
        /// What to do.
        fix: &'static str,
    },
    /// A choice that names no adapter.
    #[error(
        "no adapter matches {asked} (there are: {available}); see `wgrad devices`, or use --device cpu"
    )]
    NoSuchAdapter {
        /// The flag or variable with its value.
        asked: String,
        /// What there is.
        available: String,
    },
    /// A software adapter where a GPU was demanded.
    #[error(
        "--require-gpu: {name} is a software adapter that runs on the CPU; leave the flag out to use it, or choose another with --device"
    )]
    SoftwareAdapter {
        /// The adapter.
        name: String,
    },
    /// An environment variable with a value that means nothing.
    #[error(
        "environment variable {variable}={value:?} is not understood; set it to {choices}, or unset it"
    )]
    BadVariable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        choices: &'static str,
    },
    /// An adapter that does not open.
    #[error(
        "adapter {name} failed to open: {reason}; update its driver, or choose another with --device"
    )]
    Open {
        /// The adapter.
        name: String,
        /// What it said.
        reason: String,
    },
    /// Something larger than the adapter takes.
    #[error("{what} needs {wanted} {unit}; the {limit} is {allowed} on this adapter; {fix}")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size.
        wanted: u64,
        /// In what it is counted.
        unit: &'static str,
        /// The name of the limit.
        limit: &'static str,
        /// Its value.
        allowed: u64,
        /// What to do.
        fix: &'static str,
    },
    /// An allocation that failed.
    #[error("out of GPU memory for {what}; use smaller --layers or --batch, or --engine cpu")]
    OutOfMemory {
        /// What was to be allocated, with its size where that is known.
        what: String,
    },
    /// The device is gone.
    #[error(
        "device lost ({reason}); the driver reset or removed it: run again, or use --engine cpu"
    )]
    Lost {
        /// What the driver said.
        reason: String,
    },
    /// The device does not answer.
    #[error(
        "the GPU did not finish a submission in {seconds} s; use a smaller --batch, or --engine cpu"
    )]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// Work that was reported as done and is not.
    #[error(
        "the GPU did {done} {what} where {expected} were submitted: its driver dropped work without an error; update it, or use --engine cpu"
    )]
    WorkMissing {
        /// What is counted.
        what: &'static str,
        /// How many should have been done.
        expected: u32,
        /// How many were.
        done: u32,
    },
    /// An adapter without a clock.
    #[error("adapter {name} offers no timestamps, by which --profile times kernels; leave it out")]
    NoTimestamps {
        /// The adapter.
        name: String,
    },
    /// A network that one invocation cannot train.
    #[error(
        "the resident engine does not take this network: {reason}; use --engine layered or cpu"
    )]
    NotResident {
        /// Why.
        reason: String,
    },
    /// A mistake of ours that the GPU's validation found.
    #[error(
        "GPU validation failed in {what}: {message}; please report this with the output of `wgrad devices`"
    )]
    Validation {
        /// What was being made or run.
        what: String,
        /// What validation said.
        message: String,
    },
}

impl GpuError {
    /// The process exit code of this error (the table stands in `wgrad --help`).
    pub fn exit_code(&self) -> u8 {
        match self {
            GpuError::BadVariable { .. }
            | GpuError::Limit { .. }
            | GpuError::NoTimestamps { .. }
            | GpuError::NotResident { .. } => 2,
            GpuError::NoAdapter { .. }
            | GpuError::NoSuchAdapter { .. }
            | GpuError::SoftwareAdapter { .. }
            | GpuError::Open { .. } => 3,
            GpuError::OutOfMemory { .. }
            | GpuError::Lost { .. }
            | GpuError::Timeout { .. }
            | GpuError::WorkMissing { .. } => 4,
            GpuError::Validation { .. } => 1,
        }
    }
}

/// Where the device's callbacks, on whatever thread they come, leave what they were told.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Option<GpuError>>);

impl Faults {
    /// Keeps the first fault, but lets the loss of the device replace what it brought about.
    pub(super) fn report(&self, error: GpuError) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() || matches!(error, GpuError::Lost { .. }) {
            *kept = Some(error);
        }
    }

    /// An error if anything was reported. A lost device stays lost; the rest is told once.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(lost @ GpuError::Lost { .. }) => Err(lost.clone()),
            _ => kept.take().map_or(Ok(()), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_device_stays_lost_and_other_faults_are_told_once() {
        let faults = Faults::default();
        assert!(faults.check().is_ok());
        let other = GpuError::Validation { what: "x".into(), message: "y".into() };
        let lost = GpuError::Lost { reason: "reset".into() };
        faults.report(other.clone());
        assert_eq!(faults.check(), Err(other.clone()));
        assert!(faults.check().is_ok());
        faults.report(other.clone());
        faults.report(lost.clone());
        faults.report(other);
        assert_eq!(faults.check(), Err(lost.clone()));
        assert_eq!(faults.check(), Err(lost));
    }
}
