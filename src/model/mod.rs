//! A trained network as bytes: safetensors, PyTorch-shaped, with a hash of what it holds.
//!
//! `layers.N.weight` is `[out, in]` and `layers.N.bias` `[out]`, so that
//! `safetensors.torch.load_file` gives what `nn.Linear` takes. The format itself has no checksum:
//! a flipped bit of a weight would load. So the metadata carries a SHA-256 of network and tensors,
//! and a file is taken only if it is, byte for byte, what would be written for what was read.

#[cfg(feature = "cli")]
pub mod file;

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::data::{Scaling, Schema};
use crate::network::{Layout, Network, TensorKind};

/// The version of the format, in the metadata under `wgrad`.
const FORMAT: &str = "2";

/// A saved model that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// Not a safetensors file.
    #[error(
        "not a readable safetensors file ({reason}); give a file that `wgrad train --save` wrote"
    )]
    Format {
        /// What the reader said.
        reason: String,
    },
    /// A safetensors file of somebody else's.
    #[error(
        "has no wgrad metadata ({missing} is missing); give a file that `wgrad train --save` wrote"
    )]
    Foreign {
        /// The missing key.
        missing: &'static str,
    },
    /// Of another version.
    #[error("is of format {found}, this program reads {FORMAT}; use the wgrad that wrote it")]
    Version {
        /// The file's version.
        found: String,
    },
    /// A network in the metadata that cannot be.
    #[error("its network is not valid ({reason}); the file is damaged, train again")]
    Network {
        /// What is wrong with it.
        reason: String,
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
}

/// A network with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The network.
    pub network: Network,
    /// Its parameters, in its [`Layout`].
    pub parameters: Vec<f32>,
    /// What rows must be before it sees them, and what its outputs mean.
    pub schema: Schema,
}

/// The tensors of a scaling, beside those of the layers.
const OFFSET: &str = "input.offset";
const FACTOR: &str = "input.factor";

/// One tensor as PyTorch has it: name, shape, little-endian bytes.
type NamedTensor = (String, Vec<usize>, Vec<u8>);

impl Model {
    fn tensors(&self) -> Vec<NamedTensor> {
        let layout = Layout::new(&self.network);
        let bytes = |values: &mut dyn Iterator<Item = usize>| {
            values.flat_map(|index| self.parameters[index].to_le_bytes()).collect()
        };
        let list = |name: &str, values: &[f32]| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name.to_owned(), vec![values.len()], bytes)
        };
        let scaling =
            self.schema.scaling.iter().flat_map(|scaling| {
                [list(OFFSET, scaling.offset()), list(FACTOR, scaling.factor())]
            });
        layout
            .tensors()
            .iter()
            .map(|tensor| match tensor.kind {
                TensorKind::Bias => {
                    (tensor.name.clone(), vec![tensor.cols], bytes(&mut tensor.indices()))
                }
                TensorKind::Weights => {
                    let mut transposed = (0..tensor.cols)
                        .flat_map(|col| (0..tensor.rows).map(move |row| tensor.index(row, col)));
                    let shape = vec![tensor.cols, tensor.rows];
                    (tensor.name.clone(), shape, bytes(&mut transposed))
                }
            })
            .chain(scaling)
            .collect()
    }

    /// The whole file. The same model gives the same bytes.
    ///
    /// # Errors
    /// [`ModelError::Format`] where safetensors refuses the tensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let format =
            |error: &dyn std::fmt::Display| ModelError::Format { reason: error.to_string() };
        let tensors = self.tensors();
        let network = serde_json::to_string(&self.network).map_err(|error| format(&error))?;
        let schema = serde_json::to_string(&self.schema).map_err(|error| format(&error))?;
        let metadata = HashMap::from([
            ("wgrad".to_owned(), FORMAT.to_owned()),
            ("sha256".to_owned(), hash(&network, &schema, &tensors)),
            ("network".to_owned(), network),
            ("schema".to_owned(), schema),
        ]);
        let mut views = Vec::with_capacity(tensors.len());
        for (name, shape, bytes) in &tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            views.push((name.as_str(), view.map_err(|error| format(&error))?));
        }
        let bytes =
            safetensors::serialize(views, Some(metadata)).map_err(|error| format(&error))?;
        sort_header(&bytes).ok_or_else(|| format(&"its own header was not understood"))
    }

    /// What [`Model::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ModelError`] for anything else: a file cut short, of another program, of another
    /// version, with one bit flipped.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, ModelError> {
        let format =
            |error: safetensors::SafeTensorError| ModelError::Format { reason: error.to_string() };
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let get = |missing: &'static str| {
            let metadata = header.metadata().as_ref();
            metadata.and_then(|map| map.get(missing)).ok_or(ModelError::Foreign { missing })
        };
        let version = get("wgrad")?;
        if version != FORMAT {
            return Err(ModelError::Version { found: version.clone() });
        }
        let network: Network = serde_json::from_str(get("network")?)
            .map_err(|error| ModelError::Network { reason: error.to_string() })?;
        let schema: Schema = serde_json::from_str(get("schema")?)
            .map_err(|error| ModelError::Network { reason: error.to_string() })?;
        check_schema(&schema, &network)?;
        let promised = get("sha256")?;
        // The sizes come from a file: they are compared with its tensors before anything is
        // allocated for them.
        let is_scaled = file.tensor(OFFSET).is_ok();
        if file.len() != 2 * network.layers().len() + 2 * usize::from(is_scaled) {
            let reason = format!("{} tensors for {} layers", file.len(), network.layers().len());
            return Err(ModelError::Tensor { name: "(all)".to_owned(), reason });
        }
        let expected = network.layers().flat_map(|layer| {
            let name = |suffix: &str| format!("layers.{}.{suffix}", layer.index);
            [
                (name("weight"), vec![layer.fan_out, layer.fan_in]),
                (name("bias"), vec![layer.fan_out]),
            ]
        });
        let mut lists = Vec::new();
        for (name, shape) in expected {
            lists.push(tensor_values(&file, &name, &shape)?);
        }
        let mut schema = schema;
        if is_scaled {
            let inputs = [network.inputs()];
            let offset = tensor_values(&file, OFFSET, &inputs)?;
            schema.scaling = Scaling::new(offset, tensor_values(&file, FACTOR, &inputs)?);
        }
        let parameters = Layout::new(&network).pack(&lists);
        let model = Model { network, parameters, schema };
        let tensors = model.tensors();
        let network = serde_json::to_string(&model.network).unwrap_or_default();
        let schema = serde_json::to_string(&model.schema).unwrap_or_default();
        if hash(&network, &schema, &tensors) != *promised {
            return Err(ModelError::Hash);
        }
        // The hash does not cover the header's own spelling: a file is what would be written.
        if model.to_bytes().as_deref() != Ok(bytes) {
            return Err(ModelError::Rewritten);
        }
        Ok(model)
    }
}

/// One tensor's values, `[rows][cols]` as [`Layout`] has them.
fn tensor_values(
    file: &SafeTensors<'_>,
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>, ModelError> {
    let bad = |reason: String| ModelError::Tensor { name: name.to_owned(), reason };
    let view = file.tensor(name).map_err(|_| bad("missing".to_owned()))?;
    if view.dtype() != Dtype::F32 || view.shape() != shape {
        return Err(bad(format!("is {:?} {:?}, not F32 {shape:?}", view.dtype(), view.shape())));
    }
    let mut values = Vec::with_capacity(view.data().len() / 4);
    for bytes in view.data().chunks_exact(4) {
        let value = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        if !value.is_finite() {
            return Err(bad(format!("holds {value}")));
        }
        values.push(value);
    }
    Ok(match *shape {
        [out, fan_in] => (0..fan_in)
            .flat_map(|row| (0..out).map(move |col| col * fan_in + row))
            .map(|index| values[index])
            .collect(),
        _ => values,
    })
}

/// Whether names and labels are as many as the network has inputs and outputs.
fn check_schema(schema: &Schema, network: &Network) -> Result<(), ModelError> {
    let named = schema.inputs.len();
    let labelled = schema.labels.outputs().unwrap_or(network.outputs());
    if (named == 0 || named == network.inputs()) && labelled == network.outputs() {
        return Ok(());
    }
    let (inputs, outputs) = (network.inputs(), network.outputs());
    Err(ModelError::Network {
        reason: format!(
            "{named} names for {inputs} inputs, labels for {labelled} of {outputs} outputs"
        ),
    })
}

/// SHA-256 over the JSON of network and schema and each tensor's name, shape and bytes, in order.
fn hash(network: &str, schema: &str, tensors: &[NamedTensor]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("wgrad {FORMAT}\n{network}\n{schema}\n"));
    for (name, shape, bytes) in tensors {
        hasher.update(format!("{name} {shape:?}\n"));
        hasher.update(bytes);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same file with the keys of its header in alphabetical order: safetensors writes its
/// metadata in the order of a hash map, another one each time.
fn sort_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let (len, rest) = bytes.split_first_chunk::<8>()?;
    let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
    let (header, data) = rest.split_at_checked(len)?;
    let mut keys: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).ok()?;
    for value in keys.values_mut() {
        value.sort_all_objects();
    }
    let mut header = serde_json::to_vec(&keys).ok()?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let len = (header.len() as u64).to_le_bytes();
    Some([&len[..], &header, data].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Labels;
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
            scaling: Scaling::new(vec![0.5, -2.0], vec![1.0, 0.1]),
        };
        Model { network, parameters, schema }
    }

    #[test]
    fn a_model_of_plain_numbers_comes_back_too() {
        let plain = Model { schema: Schema::default(), ..model() };
        assert_eq!(Model::from_bytes(&plain.to_bytes().unwrap()).unwrap(), plain);
        let labels = Labels::Classes(vec!["a".to_owned(), "b".to_owned()]);
        let odd = Model { schema: Schema { labels, ..Schema::default() }, ..model() };
        let error = Model::from_bytes(&odd.to_bytes().unwrap()).unwrap_err().to_string();
        assert!(error.contains("labels for 2 of 1 outputs"), "{error}");
    }

    #[test]
    fn a_model_comes_back_as_it_was_and_always_as_the_same_bytes() {
        let bytes = model().to_bytes().unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model());
        for _ in 0..20 {
            assert_eq!(model().to_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn tensors_are_shaped_as_pytorch_has_them() {
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
    fn every_cut_and_every_tail_is_refused() {
        let bytes = model().to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(Model::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert!(Model::from_bytes(&[&bytes[..], b"\0"].concat()).is_err());
    }

    #[test]
    fn somebody_elses_file_is_named_as_such() {
        let data = 1.0f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
        let foreign = safetensors::serialize([("x", view)], None).unwrap();
        assert_eq!(Model::from_bytes(&foreign), Err(ModelError::Foreign { missing: "wgrad" }));
    }

    #[test]
    fn what_is_not_finite_is_not_loaded() {
        let mut bad = model();
        bad.parameters[0] = f32::NAN;
        let error = Model::from_bytes(&bad.to_bytes().unwrap()).unwrap_err();
        assert!(error.to_string().contains("layers.0.weight: holds NaN"), "{error}");
    }
}
