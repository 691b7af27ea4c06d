//! A trained network as bytes: safetensors in PyTorch's shapes, with a hash of the content. And the
//! same for a training to resume: a [`Checkpoint`].
//!
//! `layers.N.weight` is `[out, in]` and `layers.N.bias` `[out]`, so that
//! `safetensors.torch.load_file` gives what `nn.Linear` takes; where hidden layers have a norm, `norms.N.weight`,
//! `bias`, `running_mean` and `running_var` are what `nn.BatchNorm1d` takes. The format itself has no checksum:
//! a flipped bit of a weight would load. So the metadata has a SHA-256 of network and tensors, and a
//! file is accepted only if it is, byte for byte, what would be written for its content.

mod checkpoint;
mod error;
#[cfg(feature = "cli")]
pub(crate) mod file;
#[cfg(feature = "cli")]
mod history;
#[cfg(feature = "cli")]
mod run_folder;
#[cfg(feature = "cli")]
mod run_name;
mod tensors;

pub use checkpoint::Checkpoint;
pub use error::ModelError;
#[cfg(feature = "cli")]
pub(crate) use {history::History, run_folder::BEST};
// For the tests of this package.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use run_folder::RunFolder;

use crate::data::Schema;
use crate::network::{Layout, Network};
use tensors::{Content, TensorFile};

/// The version of the format, under `wgrad` in the metadata.
const FORMAT: &str = "3";

/// A network with its parameters.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Model {
    /// The network.
    pub network: Network,
    /// Its parameters, `[len]` of its [`Layout`].
    pub parameters: Vec<f32>,
    /// How its inputs are preprocessed, and what its outputs mean.
    pub schema: Schema,
}

/// The parameters of a network out of any safetensors file with tensors `layers.N.weight` `[out, in]` and
/// `layers.N.bias` `[out]` in f32, and `norms.N` where it has a norm, whoever wrote it: in the network's layout.
///
/// # Errors
/// [`ModelError::Tensor`] names the tensor that is missing, has another shape or type, or holds a number that is
/// not finite.
pub fn parameters_of(bytes: &[u8], network: &Network) -> Result<Vec<f32>, ModelError> {
    TensorFile::open(bytes)?.layers("", network)
}

impl Model {
    /// A network with its parameters, `[len]` of its [`Layout`], and nothing known of the data.
    pub fn new(network: Network, parameters: Vec<f32>) -> Model {
        Model { network, parameters, schema: Schema::default() }
    }

    fn content(&self) -> Result<Content, ModelError> {
        let network = tensors::json(&self.network)?;
        let schema = tensors::json(&self.schema)?;
        let layout = Layout::new(&self.network);
        let mut tensors = tensors::of_layers("", &layout, &self.parameters);
        tensors.extend(tensors::of_scalings(&self.schema));
        Ok(Content {
            version: FORMAT,
            head: format!("wgrad {FORMAT}\n{network}\n{schema}\n"),
            metadata: vec![("network", network), ("schema", schema)],
            tensors,
        })
    }

    /// The whole file. The same model gives the same bytes.
    ///
    /// # Errors
    /// [`ModelError::Format`] if safetensors refuses the tensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        self.content()?.to_bytes()
    }

    /// Reads what [`Model::to_bytes`] wrote, or the network of what [`Checkpoint::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ModelError`] for anything else: a truncated file, one of another program or version, or with
    /// a flipped bit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, ModelError> {
        let file = TensorFile::open(bytes)?;
        let reads = match file.get(tensors::VERSION)? {
            FORMAT => return Model::from_file(&file),
            checkpoint::FORMAT => return Checkpoint::from_file(&file).map(|found| found.model()),
            other if other.starts_with("checkpoint") => checkpoint::FORMAT,
            _ => FORMAT,
        };
        let found = file.get(tensors::VERSION)?.to_owned();
        Err(ModelError::Version { found, reads })
    }

    fn from_file(file: &TensorFile<'_>) -> Result<Model, ModelError> {
        let (network, mut schema) = file.network()?;
        file.check_count(&network, 1)?;
        let parameters = file.layers("", &network)?;
        file.scale(&mut schema, &network)?;
        let model = Model { network, parameters, schema };
        model.content()?.check_against(file)?;
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, SafeTensors, TensorView};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::data::{Labels, Scaling};
    use crate::network::{Activation, Initializer, Loss};

    fn model() -> Model {
        let network =
            Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce)
                .unwrap();
        let parameters = Initializer::HeNormal.parameters(&network, 5, 1.0);
        let schema = Schema {
            inputs: vec!["a".to_owned(), "b \"c\"".to_owned()],
            targets: vec!["kind".to_owned()],
            target_places: vec![0],
            labels: Labels::Pair(["no".to_owned(), "yes".to_owned()]),
            class_weights: Vec::new(),
            encodings: Vec::new(),
            target_scaling: None,
            scaling: Scaling::new(vec![0.5, -2.0], vec![1.0, 0.1]),
        };
        Model { network, parameters, schema }
    }

    #[test]
    fn a_model_without_labels_reads_back_and_one_with_class_weights() {
        let plain = Model { schema: Schema::default(), ..model() };
        assert_eq!(Model::from_bytes(&plain.to_bytes().unwrap()).unwrap(), plain);
        let labels = Labels::Classes(vec!["a".to_owned(), "b".to_owned()]);
        let odd = Model { schema: Schema { labels, ..Schema::default() }, ..model() };
        let error = Model::from_bytes(&odd.to_bytes().unwrap()).unwrap_err().to_string();
        assert!(error.contains("labels for 2 of 1 outputs"), "{error}");
        let weighted = |class_weights| Model {
            schema: Schema { class_weights, ..Schema::default() },
            ..model()
        };
        let sound = weighted(vec![1.0, 5.5]);
        assert_eq!(Model::from_bytes(&sound.to_bytes().unwrap()).unwrap(), sound);
        for weights in [vec![1.0], vec![1.0, -1.0], vec![1.0, 1.0, 1.0]] {
            let error = Model::from_bytes(&weighted(weights).to_bytes().unwrap()).unwrap_err();
            assert!(error.to_string().contains("class weights ["), "{error}");
        }
    }

    #[test]
    fn a_model_reads_back_and_always_writes_the_same_bytes() {
        let bytes = model().to_bytes().unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model());
        for _ in 0..20 {
            assert_eq!(model().to_bytes().unwrap(), bytes);
        }
    }

    /// Existing files must stay readable: the hash of one, so that no change of the format goes
    /// unnoticed.
    #[test]
    fn the_bytes_of_a_file_never_change() {
        let digest = Sha256::digest(model().to_bytes().unwrap());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, MODEL_BYTES);
    }
    const MODEL_BYTES: &str = "bb9b66fa53a6a5c9c0bfe579a6dead2920058800e9be1911203227815c1e528b";

    #[test]
    fn tensors_have_the_shapes_of_pytorch() {
        let bytes = model().to_bytes().unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("layers.0.weight").unwrap().shape(), [3, 2]);
        assert_eq!(file.tensor("layers.0.bias").unwrap().shape(), [3]);
        assert_eq!(file.tensor("layers.1.weight").unwrap().shape(), [1, 3]);
        let layout = Layout::new(&model().network);
        let stored = &file.tensor("layers.0.weight").unwrap().data()[4..8];
        let index = layout.weights(0).index(1, 0);
        assert_eq!(stored, model().parameters[index].to_le_bytes());
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = model().to_bytes().unwrap();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[index] ^= 1 << bit;
                assert!(Model::from_bytes(&bad).is_err(), "byte {index}, bit {bit}");
            }
        }
    }

    #[test]
    fn truncated_and_extended_files_are_refused() {
        let bytes = model().to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(Model::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert!(Model::from_bytes(&[&bytes[..], b"\0"].concat()).is_err());
    }

    #[test]
    fn a_file_of_another_program_is_named_as_such() {
        let data = 1.0f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
        let foreign = safetensors::serialize([("x", view)], None).unwrap();
        assert_eq!(Model::from_bytes(&foreign), Err(ModelError::Foreign("wgrad")));
    }

    #[test]
    fn values_that_are_not_finite_are_not_loaded() {
        let mut bad = model();
        bad.parameters[0] = f32::NAN;
        let error = Model::from_bytes(&bad.to_bytes().unwrap()).unwrap_err();
        assert!(error.to_string().contains("layers.0.weight: holds NaN"), "{error}");
    }
}
