//! Errors of adapters and devices, and where the device's callbacks record them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

/// An error of an adapter, a device, or a request to it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// There is no adapter.
    #[error("no GPU adapter found ({reasons}); {fix}; where the CPU will do, use `Device::cpu()`")]
    NoAdapter {
        /// Why each backend has none.
        reasons: String,
        /// How to fix it.
        fix: &'static str,
    },
    /// A choice that matches no adapter.
    #[error(
        "no adapter matches {asked} (available: {available}); see `wgrad devices`, or use `Device::cpu()`"
    )]
    NoSuchAdapter {
        /// The flag or variable with its value.
        asked: String,
        /// The adapters found.
        available: String,
    },
    /// A software adapter, of this name, although a GPU is required.
    #[error(
        "`require_gpu`: {0} is a software adapter that runs on the CPU; leave it out to use it, or choose another with `device`"
    )]
    SoftwareAdapter(String),
    /// An environment variable with an unknown value.
    #[error(
        "environment variable {variable}={value:?} is not a known value; set it to {choices}, or unset it"
    )]
    BadVariable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// The known values.
        choices: &'static str,
    },
    /// An adapter that fails to open.
    #[error(
        "adapter {name} failed to open: {reason}; update its driver, or choose another with `device`"
    )]
    Open {
        /// The adapter.
        name: String,
        /// The driver's message.
        reason: String,
    },
    /// A size beyond a limit of the adapter.
    #[error("{what} needs {wanted} {unit}; the {limit} is {allowed} on this adapter; {fix}")]
    Limit {
        /// What is too large.
        what: String,
        /// Its size.
        wanted: u64,
        /// Its unit.
        unit: &'static str,
        /// The name of the limit.
        limit: &'static str,
        /// Its value.
        allowed: u64,
        /// How to fix it.
        fix: &'static str,
    },
    /// A failed allocation: what it was for, with its size if that is known.
    #[error("out of GPU memory for {0}; use smaller `sizes` or `batch`, or `EngineSpec::Cpu`")]
    OutOfMemory(String),
    /// The device is lost: the driver's message.
    #[error(
        "device lost ({0}); the driver reset or removed it: run again, or use `EngineSpec::Cpu`"
    )]
    Lost(String),
    /// A submission did not finish in so many seconds.
    #[error(
        "the GPU did not finish a submission in {0} s; use a smaller `batch`, or `EngineSpec::Cpu`"
    )]
    Timeout(u64),
    /// Work that was reported as done and was not done.
    #[error(
        "the GPU did {done} {what} where {expected} were submitted: its driver dropped work without an error; update it, or use `EngineSpec::Cpu`"
    )]
    WorkMissing {
        /// The unit of work.
        what: &'static str,
        /// How many were submitted.
        expected: u32,
        /// How many were done.
        done: u32,
    },
    /// An adapter, of this name, without timestamp queries.
    #[error("adapter {0} has no timestamp queries, which `profile` needs; leave it out")]
    NoTimestamps(String),
    /// A network that the resident engine cannot train.
    #[error("the resident engine cannot train this network: {reason}; use `engine` layered or cpu")]
    NotResident {
        /// Why.
        reason: String,
    },
    /// A bug of wgrad that GPU validation found.
    #[error(
        "GPU validation failed in {what}: {message}; please report this with the output of `wgrad devices`"
    )]
    Validation {
        /// What was being created or run.
        what: String,
        /// The validation message.
        message: String,
    },
}

impl GpuError {
    /// The process exit code of this error (the table is in `wgrad --help`).
    pub fn exit_code(&self) -> u8 {
        match self {
            GpuError::BadVariable { .. }
            | GpuError::Limit { .. }
            | GpuError::NoTimestamps(_)
            | GpuError::NotResident { .. } => 2,
            GpuError::NoAdapter { .. }
            | GpuError::NoSuchAdapter { .. }
            | GpuError::SoftwareAdapter(_)
            | GpuError::Open { .. } => 3,
            GpuError::OutOfMemory(_)
            | GpuError::Lost(_)
            | GpuError::Timeout(_)
            | GpuError::WorkMissing { .. } => 4,
            GpuError::Validation { .. } => 1,
        }
    }
}

/// The error that the device's callbacks report, from any thread.
#[derive(Debug, Default)]
pub(super) struct Faults {
    first: Mutex<Option<GpuError>>,
    /// Whoever waits for the loss of the device.
    waiting: Mutex<Vec<oneshot::Sender<GpuError>>>,
}

impl Faults {
    /// Keeps the first error, but the loss of the device replaces its consequences.
    pub(super) fn report(&self, error: GpuError) {
        let is_lost = matches!(error, GpuError::Lost(_));
        if is_lost {
            for waiting in self.waiting().drain(..) {
                // Whoever has ceased to wait need not hear.
                let _ = waiting.send(error.clone());
            }
        }
        let mut kept = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() || is_lost {
            *kept = Some(error);
        }
    }

    /// Comes to the loss of the device, and to nothing as long as there is none.
    pub(super) fn lost(&self) -> impl Future<Output = GpuError> + use<> {
        let (sender, receiver) = oneshot::channel();
        match self.check_lost() {
            // It has happened; the receiver is here.
            Some(lost) => drop(sender.send(lost)),
            None => self.waiting().push(sender),
        }
        async {
            match receiver.await {
                Ok(lost) => lost,
                // The device was closed.
                Err(_) => std::future::pending().await,
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<oneshot::Sender<GpuError>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_lost(&self) -> Option<GpuError> {
        let kept = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clone().filter(|error| matches!(error, GpuError::Lost(_)))
    }

    /// The reported error. A lost device stays lost; any other error is returned once.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        let mut kept = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(lost @ GpuError::Lost(_)) => Err(lost.clone()),
            _ => kept.take().map_or(Ok(()), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::at_once;

    #[test]
    fn a_lost_device_stays_lost_and_other_errors_are_returned_once() {
        let faults = Faults::default();
        assert!(faults.check().is_ok());
        let other = GpuError::Validation { what: "x".into(), message: "y".into() };
        let lost = GpuError::Lost("reset".into());
        faults.report(other.clone());
        assert_eq!(faults.check(), Err(other.clone()));
        assert!(faults.check().is_ok());
        faults.report(other.clone());
        faults.report(lost.clone());
        faults.report(other);
        assert_eq!(faults.check(), Err(lost.clone()));
        assert_eq!(faults.check(), Err(lost));
    }

    #[test]
    fn the_loss_of_a_device_is_heard_by_all_who_wait_and_nothing_else_is() {
        let faults = Faults::default();
        let waiting = [faults.lost(), faults.lost()];
        faults.report(GpuError::Validation { what: "x".into(), message: "y".into() });
        assert_eq!(at_once(faults.lost()), None);
        let lost = GpuError::Lost("reset".into());
        faults.report(lost.clone());
        for heard in waiting.into_iter().map(at_once).chain([at_once(faults.lost())]) {
            assert_eq!(heard, Some(lost.clone()));
        }
    }
}
