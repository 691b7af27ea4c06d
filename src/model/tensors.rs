//! The file of models and checkpoints: named tensors in PyTorch's shapes, metadata and a hash, in a
//! safetensors file with the same bytes for the same content.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, Metadata, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use super::ModelError;
use crate::data::{ClassWeights, Encoding, Scaling, Schema};
use crate::network::{Layout, Network, Tensor, TensorKind};

/// The metadata key of the version of the format.
pub(super) const VERSION: &str = "wgrad";

/// The tensors of the scaling of inputs, and of that of targets: offsets and factors, in f64.
const INPUTS: [&str; 2] = ["input.offset", "input.factor"];
const TARGETS: [&str; 2] = ["target.offset", "target.factor"];

/// One tensor in PyTorch's shape: name, shape, little-endian bytes of f32, or of f64.
pub(super) type NamedTensor = (String, Vec<usize>, Vec<u8>);

/// The tensors of a flat buffer, with `prefix` before each name.
pub(super) fn of_layers(prefix: &str, layout: &Layout, flat: &[f32]) -> Vec<NamedTensor> {
    let bytes = |indices: &mut dyn Iterator<Item = usize>| {
        indices.flat_map(|index| flat[index].to_le_bytes()).collect()
    };
    let named = |tensor: &Tensor| {
        let name = format!("{prefix}{}", tensor.name);
        match tensor.kind {
            TensorKind::Weights => {
                let mut transposed = (0..tensor.cols)
                    .flat_map(|col| (0..tensor.rows).map(move |row| tensor.index(row, col)));
                (name, vec![tensor.cols, tensor.rows], bytes(&mut transposed))
            }
            _ => (name, vec![tensor.cols], bytes(&mut tensor.indices())),
        }
    };
    in_file(prefix, layout).map(named).collect()
}

/// The tensors that a file has under a prefix: a moment is of what is learned alone.
fn in_file<'a>(prefix: &str, layout: &'a Layout) -> impl Iterator<Item = &'a Tensor> + use<'a> {
    let has_all = prefix.is_empty();
    layout.tensors().iter().filter(move |tensor| has_all || tensor.kind.is_learned())
}

/// The tensors of the scalings that there are.
pub(super) fn of_scalings(schema: &Schema) -> Vec<NamedTensor> {
    let list = |name: &str, values: &[f64]| {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        (name.to_owned(), vec![values.len()], bytes)
    };
    let all = [(INPUTS, &schema.scaling), (TARGETS, &schema.target_scaling)];
    let both = |([offset, factor], scaling): ([&str; 2], &Option<Scaling>)| {
        let of =
            |scaling: &Scaling| [list(offset, scaling.offset()), list(factor, scaling.factor())];
        scaling.as_ref().map(of)
    };
    all.into_iter().filter_map(both).flatten().collect()
}

/// A value in the metadata.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, ModelError> {
    serde_json::to_string(value).map_err(unreadable)
}

fn unreadable(error: impl std::fmt::Display) -> ModelError {
    ModelError::Format(error.to_string())
}

/// The content of a file, before it is bytes.
pub(super) struct Content {
    /// The version of its format.
    pub version: &'static str,
    /// What the hash covers besides the tensors: version and metadata.
    pub head: String,
    /// The metadata without version and hash.
    pub metadata: Vec<(&'static str, String)>,
    /// The tensors.
    pub tensors: Vec<NamedTensor>,
}

impl Content {
    /// SHA-256 over the head and each tensor's name, shape and bytes, in order.
    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(&self.head);
        for (name, shape, bytes) in &self.tensors {
            hasher.update(format!("{name} {shape:?}\n"));
            hasher.update(bytes);
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The whole file.
    ///
    /// # Errors
    /// [`ModelError::Format`] if safetensors refuses the tensors.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        self.with_hash(self.hash())
    }

    fn with_hash(&self, hash: String) -> Result<Vec<u8>, ModelError> {
        let own = [(VERSION, self.version.to_owned()), ("sha256", hash)];
        let metadata: HashMap<String, String> = own
            .into_iter()
            .chain(self.metadata.iter().cloned())
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        let mut views = Vec::with_capacity(self.tensors.len());
        for (name, shape, bytes) in &self.tensors {
            let is_wide = bytes.len() == 8 * shape.iter().product::<usize>() && !bytes.is_empty();
            let kind = if is_wide { Dtype::F64 } else { Dtype::F32 };
            let view = TensorView::new(kind, shape.clone(), bytes);
            views.push((name.as_str(), view.map_err(unreadable)?));
        }
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(unreadable)?;
        sort_header(&bytes).ok_or_else(|| unreadable("its own header cannot be parsed"))
    }

    /// Whether `file` is what would be written for this content, byte for byte.
    ///
    /// # Errors
    /// [`ModelError::Hash`], [`ModelError::Rewritten`].
    pub(super) fn check_against(&self, file: &TensorFile<'_>) -> Result<(), ModelError> {
        let hash = self.hash();
        if hash != file.get("sha256")? {
            return Err(ModelError::Hash);
        }
        // The hash does not cover how the header is written.
        if self.with_hash(hash).as_deref() != Ok(file.bytes) {
            return Err(ModelError::Rewritten);
        }
        Ok(())
    }
}

/// A safetensors file whose content is not checked yet.
pub(super) struct TensorFile<'a> {
    bytes: &'a [u8],
    tensors: SafeTensors<'a>,
    header: Metadata,
}

impl<'a> TensorFile<'a> {
    /// Any safetensors file.
    pub(super) fn open(bytes: &'a [u8]) -> Result<TensorFile<'a>, ModelError> {
        let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        Ok(TensorFile { bytes, tensors, header })
    }

    /// One entry of the metadata.
    pub(super) fn get(&self, key: &'static str) -> Result<&str, ModelError> {
        let value = self.header.metadata().as_ref().and_then(|map| map.get(key));
        value.map(String::as_str).ok_or(ModelError::Foreign(key))
    }

    /// Network and schema, still without the scaling.
    pub(super) fn network(&self) -> Result<(Network, Schema), ModelError> {
        let bad = |error: serde_json::Error| ModelError::Network(error.to_string());
        let network: Network = serde_json::from_str(self.get("network")?).map_err(bad)?;
        let schema: Schema = serde_json::from_str(self.get("schema")?).map_err(bad)?;
        check_schema(&schema, &network).map_err(ModelError::Network)?;
        Ok((network, schema))
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok()
    }

    /// Whether there are as many tensors as `lists` flat buffers of `network` need, with or without a
    /// scaling: checked before memory is allocated for the sizes that the file names.
    pub(super) fn check_count(&self, network: &Network, lists: usize) -> Result<(), ModelError> {
        let (layers, layout) = (network.layers().len(), Layout::new(network));
        let scaling = 2 * [INPUTS, TARGETS].iter().filter(|names| self.has(names[0])).count();
        let of_lists = layout.tensors().len() + (lists - 1) * layout.learned().count();
        if self.tensors.len() == of_lists + scaling {
            return Ok(());
        }
        let reason = format!("{} tensors for {layers} layers", self.tensors.len());
        Err(ModelError::Tensor { name: "(all)".to_owned(), reason })
    }

    /// A flat buffer from the tensors whose names begin with `prefix`.
    pub(super) fn layers(&self, prefix: &str, network: &Network) -> Result<Vec<f32>, ModelError> {
        let layout = Layout::new(network);
        let mut lists = Vec::new();
        for tensor in in_file(prefix, &layout) {
            let shape = match tensor.kind {
                TensorKind::Weights => &[tensor.cols, tensor.rows][..],
                _ => &[tensor.cols],
            };
            let name = format!("{prefix}{}", tensor.name);
            let values = self.values(&name, shape)?;
            if tensor.kind == TensorKind::RunningVariance
                && let Some(value) = values.iter().find(|&&value| value < 0.0)
            {
                let reason = format!("holds {value}, and no variance is below 0");
                return Err(ModelError::Tensor { name, reason });
            }
            lists.push(values);
        }
        Ok(layout.pack(&lists))
    }

    /// The scalings that there are, for the schema.
    pub(super) fn scale(&self, schema: &mut Schema, network: &Network) -> Result<(), ModelError> {
        let scaling = |[offset, factor]: [&str; 2], len: usize| {
            if !self.has(offset) {
                return Ok(None);
            }
            let list = |name: &str| -> Result<Vec<f64>, ModelError> {
                let (values, _) = self.bytes_of(name, Dtype::F64, &[len])?.as_chunks();
                Ok(values.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect())
            };
            let bad = || ModelError::Tensor {
                name: offset.to_owned(),
                reason: "holds a number that is not finite".to_owned(),
            };
            Scaling::new(list(offset)?, list(factor)?).map(Some).ok_or_else(bad)
        };
        schema.scaling = scaling(INPUTS, network.inputs())?;
        schema.target_scaling = scaling(TARGETS, network.outputs())?;
        Ok(())
    }

    /// The bytes of a tensor of this type and shape.
    fn bytes_of(&self, name: &str, kind: Dtype, shape: &[usize]) -> Result<&'a [u8], ModelError> {
        let bad = |reason: String| ModelError::Tensor { name: name.to_owned(), reason };
        let view = self.tensors.tensor(name).map_err(|_| bad("missing".to_owned()))?;
        if view.dtype() != kind || view.shape() != shape {
            let (dtype, found) = (view.dtype(), view.shape());
            return Err(bad(format!("is {dtype:?} {found:?}, not {kind:?} {shape:?}")));
        }
        Ok(view.data())
    }

    /// The values of a tensor, `[rows][cols]` as in [`Layout`].
    fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let bad = |reason: String| ModelError::Tensor { name: name.to_owned(), reason };
        let (values, _) = self.bytes_of(name, Dtype::F32, shape)?.as_chunks();
        let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(bad(format!("holds {value}")));
        }
        Ok(match *shape {
            [out, fan_in] => (0..fan_in)
                .flat_map(|row| (0..out).map(move |col| col * fan_in + row))
                .map(|index| values[index])
                .collect(),
            _ => values,
        })
    }
}

/// Whether names and labels fit the network's inputs and outputs.
pub(super) fn check_schema(schema: &Schema, network: &Network) -> Result<(), String> {
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let (named, columns) = (schema.inputs.len(), schema.columns(inputs));
    let labelled = schema.labels.outputs().unwrap_or(outputs);
    let encoded: usize = schema.encodings.iter().map(Encoding::width).sum();
    let is_encoded = schema.encodings.is_empty() || encoded == inputs;
    if !ClassWeights::are_sound(&schema.class_weights, outputs.max(2)) {
        return Err(format!("class weights {:?} for {outputs} outputs", schema.class_weights));
    }
    if (named == 0 || named == columns) && labelled == outputs && is_encoded {
        return Ok(());
    }
    Err(match is_encoded {
        true => format!(
            "{named} names for {columns} inputs, labels for {labelled} of {outputs} outputs"
        ),
        false => format!("columns that make {encoded} inputs of {inputs}"),
    })
}

/// The same file with sorted header keys: safetensors writes its metadata in the random order of a
/// hash map.
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
