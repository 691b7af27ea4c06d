//! Files that cannot be used, and what cannot become one.

/// A saved model, or a checkpoint, that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Not a safetensors file.
    #[error("not a readable safetensors file ({reason}); give a file that `wgrad train` wrote")]
    Format {
        /// What the reader said.
        reason: String,
    },
    /// A safetensors file of somebody else's.
    #[error("has no wgrad metadata ({missing} is missing); give a file that `wgrad train` wrote")]
    Foreign {
        /// The missing key.
        missing: &'static str,
    },
    /// Of another version.
    #[error("is of format {found}, this program reads {reads}; use the wgrad that wrote it")]
    Version {
        /// The file's version.
        found: String,
        /// The one that is read.
        reads: &'static str,
    },
    /// A trained network where a checkpoint is needed.
    #[error(
        "is a saved network and not a checkpoint; use it with `wgrad predict --model`, and give --resume a checkpoint"
    )]
    NoCheckpoint,
    /// A network in the metadata that cannot be.
    #[error("its network is not valid ({reason}); the file is damaged, train again")]
    Network {
        /// What is wrong with it.
        reason: String,
    },
    /// A step in the metadata that is none.
    #[error("its step {found:?} is not a number of steps; the file is damaged, train again")]
    Step {
        /// What stands there.
        found: String,
    },
    /// Tensors that are not those of its network.
    #[error("tensor {name}: {reason}; the file is damaged, train again")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The right content in other bytes.
    #[error("was not written by this version of wgrad as it stands; save the network again")]
    Rewritten,
    /// Bits that changed since it was written.
    #[error("its content does not match its hash; the file is damaged, train again")]
    Hash,
    /// Numbers that no training can go on from: nothing is written.
    #[error("no checkpoint at step {step}: tensor {name} holds {value}; use a lower --lr")]
    NotFinite {
        /// Steps done.
        step: u32,
        /// The tensor.
        name: String,
        /// What it holds.
        value: f32,
    },
    /// Parts that do not belong together: nothing is written.
    #[error("no checkpoint at step {step}: {reason}; please report this")]
    Unfit {
        /// Steps done.
        step: u32,
        /// What does not fit.
        reason: String,
    },
}
