//! Every way in which wgrad can fail, and the exit code of each.

use crate::data::DataError;
use crate::engine::TaskError;
use crate::gpu::GpuError;
use crate::model::ModelError;
use crate::network::{BadValue, NetworkError, UnknownName};

/// What went wrong: the thing, its value, and the fix, in one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A network that cannot be.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A word that names nothing.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// A number of an optimizer, or of a schedule, out of its range.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// A task that no engine can run.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A saved model that cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A GPU that is not there, too small, or gone.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Settings that contradict each other or are out of range.
    #[error("{setting}: {reason}")]
    Setting {
        /// The flag, with its value.
        setting: String,
        /// What is wrong with it, and the fix.
        reason: String,
    },
    /// A network that the host's memory does not hold.
    #[error(
        "out of memory: this needs {bytes} bytes; use smaller --layers or --batch, or fewer --restarts"
    )]
    Memory {
        /// What is needed.
        bytes: usize,
    },
    /// Somebody who computes something else than the reference.
    #[error("{what}; no speed is told of what is wrong: please report this")]
    Check {
        /// The worst difference.
        what: String,
    },
    /// Training left the finite numbers.
    #[error(
        "training diverged: {what} was seen to be no longer finite after step {step}; use a lower --lr, --clip-norm 1 or --on-divergence halve-lr{kept}"
    )]
    Diverged {
        /// The loss, or the parameter.
        what: String,
        /// Steps done when it was seen.
        step: u32,
        /// Where what it was before is kept, if it is, as the end of a sentence.
        kept: String,
    },
    /// A file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Its path.
        path: String,
        /// What the system said.
        reason: String,
        /// Whether the file is at fault (and not, say, the disk).
        bad: bool,
    },
    /// A stop that was asked for.
    #[error("stopped by signal {signal}")]
    Stopped {
        /// 2 for Ctrl-C, 15 for SIGTERM.
        signal: u8,
    },
}

impl Error {
    /// A divergence of which nothing is kept.
    pub fn diverged(what: impl Into<String>, step: u32) -> Error {
        Error::Diverged { what: what.into(), step, kept: String::new() }
    }

    /// The process exit code:
    ///
    /// | code | when |
    /// | --- | --- |
    /// | 1 | any other failure |
    /// | 2 | usage or configuration |
    /// | 3 | no such adapter |
    /// | 4 | device lost, out of memory |
    /// | 5 | diverged |
    /// | 6 | a bad file |
    /// | 7 | a check failed |
    /// | 128 + n | stopped by signal n |
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Network(_)
            | Error::Name(_)
            | Error::Value(_)
            | Error::Task(_)
            | Error::Setting { .. } => 2,
            Error::Memory { .. } => 4,
            Error::Data(error) => error.exit_code(),
            Error::Model(_) => 6,
            Error::Gpu(error) => error.exit_code(),
            Error::Check { .. } => 7,
            Error::Diverged { .. } => 5,
            Error::File { bad, .. } => {
                if *bad {
                    6
                } else {
                    1
                }
            }
            Error::Stopped { signal } => 128 + signal,
        }
    }
}
