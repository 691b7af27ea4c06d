//! Errors of reading and writing saved models and checkpoints.

/// A saved model or a checkpoint that cannot be read or written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// Not a safetensors file: the reader's message.
    #[error("not a readable safetensors file ({0}); use a file that `wgrad train` wrote")]
    Format(String),
    /// A safetensors file of another program, without this key.
    #[error("has no wgrad metadata ({0} is missing); use a file that `wgrad train` wrote")]
    Foreign(&'static str),
    /// Another version of the format.
    #[error("is of format {found}, this program reads {reads}; use the wgrad that wrote it")]
    Version {
        /// The file's version.
        found: String,
        /// The one that is read.
        reads: &'static str,
    },
    /// A trained network where a checkpoint is needed.
    #[error(
        "is a saved network and not a checkpoint; read it with `Model::from_bytes`, and give `resume` a checkpoint"
    )]
    NoCheckpoint,
    /// An invalid network in the metadata.
    #[error("its network is not valid ({0}); the file is damaged, train again")]
    Network(String),
    /// An invalid step in the metadata.
    #[error("its step {0:?} is not a number of steps; the file is damaged, train again")]
    Step(String),
    /// Tensors that do not fit the network.
    #[error("tensor {name}: {reason}; the file is damaged, train again")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The right content in other bytes.
    #[error(
        "was changed after wgrad wrote it, or written by another version; save the network again"
    )]
    Rewritten,
    /// Content that changed since it was written.
    #[error("its content does not match its hash; the file is damaged, train again")]
    Hash,
    /// A value that is not finite: nothing is written.
    #[error(
        "no checkpoint at step {step}: tensor {name} holds {value}; use a lower `learning_rate`"
    )]
    NotFinite {
        /// Steps done.
        step: u32,
        /// The tensor.
        name: String,
        /// The value.
        value: f32,
    },
    /// Parts that do not fit each other: nothing is written.
    #[error("no checkpoint at step {step}: {reason}; please report this")]
    Unfit {
        /// Steps done.
        step: u32,
        /// What does not fit.
        reason: String,
    },
}
