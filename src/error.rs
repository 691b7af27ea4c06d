//! All errors of wgrad, and their exit codes.

use crate::data::DataError;
use crate::engine::TaskError;
use crate::gpu::GpuError;
use crate::model::ModelError;
use crate::network::{BadValue, NetworkError, UnknownName};

/// An error: the thing, its value, and the fix, in one line. Arguments and fields are named as they are in Rust, in
/// backticks; the command writes its flags in their place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An invalid network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// An unknown name.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// A hyperparameter out of its range.
    #[error(transparent)]
    Value(#[from] BadValue),
    /// A task that no engine can run.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Data that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A saved model or a checkpoint that cannot be read or written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An error of an adapter or a device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Settings that contradict each other or are out of range.
    #[error("{setting}: {reason}")]
    Setting {
        /// The argument or the field, in backticks, with its value.
        setting: String,
        /// What is wrong with it, and the fix.
        reason: String,
    },
    /// Not enough memory on the host.
    #[error(
        "out of memory: this needs {bytes} bytes; use smaller `sizes` or `batch`, or fewer `restarts`"
    )]
    Memory {
        /// The bytes needed.
        bytes: usize,
    },
    /// A result that differs from the reference.
    #[error("{what}; verification failed, so no timing is reported: please report this")]
    Check {
        /// The worst difference.
        what: String,
    },
    /// A check of a device that did not pass: what failed, or could not be checked.
    #[error("{0}")]
    CheckFailed(String),
    /// A training that falls short of what is required of it.
    #[error("{0}")]
    Required(String),
    /// Training diverged.
    #[error(
        "training diverged: {what} was not finite any more after step {step}; use a lower `learning_rate`, `clip_norm` 1 or `on_divergence` halve-lr{kept}"
    )]
    Diverged {
        /// The loss, or the parameter.
        what: String,
        /// Steps done when it was detected.
        step: u32,
        /// Where the last good checkpoint is, if there is one, as the end of the sentence.
        kept: String,
    },
    /// A file that cannot be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Its path.
        path: String,
        /// The system's message.
        reason: String,
        /// Whether the file is at fault, and not, for example, the disk.
        bad: bool,
    },
    /// A stop by the user.
    #[error("stopped by signal {signal}")]
    Stopped {
        /// 2 for Ctrl-C, 15 for SIGTERM.
        signal: u8,
    },
}

impl Error {
    /// A setting that cannot be, with its value, why, and the fix.
    pub fn setting(setting: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Setting { setting: setting.into(), reason: reason.into() }
    }

    /// A file that cannot be read as what it should be.
    pub fn bad_file(path: impl AsRef<std::path::Path>, reason: impl ToString) -> Error {
        let path = path.as_ref().display().to_string();
        Error::File { path, reason: reason.to_string(), bad: true }
    }

    /// A divergence without a checkpoint.
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
            Error::Check { .. } | Error::CheckFailed(_) | Error::Required(_) => 7,
            Error::Diverged { .. } => 5,
            Error::File { bad: true, .. } => 6,
            Error::File { .. } => 1,
            Error::Stopped { signal } => 128 + signal,
        }
    }
}
