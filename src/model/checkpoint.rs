//! A training that can be resumed, as bytes: a saved network with the optimizer's moments, the step and
//! the trainer's state.

use super::tensors::{self, Content, TensorFile};
use super::{Model, ModelError};
use crate::data::Schema;
use crate::network::{Layout, Network};

/// The version of the format, under `wgrad` in the metadata.
pub(super) const FORMAT: &str = "checkpoint 2";

/// The most moments of an optimizer.
const MAX_MOMENTS: usize = 2;

/// One training after a number of steps.
///
/// Its tensors are those of a [`Model`], and for each moment the same again, named as in
/// `moment1.layers.0.weight`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The network.
    pub network: Network,
    /// How its inputs are preprocessed, and what its outputs mean.
    pub schema: Schema,
    /// Its parameters, `[len]` of its [`Layout`].
    pub parameters: Vec<f32>,
    /// The optimizer's moments, `[moments][len]`: none, one or two.
    pub moments: Vec<Vec<f32>>,
    /// Steps done.
    pub step: u32,
    /// The run's settings as TOML. Stored and not interpreted.
    pub settings: String,
    /// SHA-256 of the training data, in hex. Stored and not interpreted.
    pub data: String,
    /// The trainer's state as JSON. Stored and not interpreted.
    pub state: String,
}

/// The prefix of the names of a moment's tensors; `moment` counts from 0.
fn prefix(moment: usize) -> String {
    format!("moment{}.", moment + 1)
}

impl Checkpoint {
    /// A network after so many steps, with the optimizer's moments `[moments][len]`; `settings`, `data` and `state` are
    /// empty.
    pub fn new(model: Model, moments: Vec<Vec<f32>>, step: u32) -> Checkpoint {
        let Model { network, parameters, schema } = model;
        let (settings, data, state) = Default::default();
        Checkpoint { network, schema, parameters, moments, step, settings, data, state }
    }

    /// The network without the state of its training.
    pub fn model(&self) -> Model {
        Model {
            network: self.network.clone(),
            parameters: self.parameters.clone(),
            schema: self.schema.clone(),
        }
    }

    /// The whole file. The same checkpoint gives the same bytes.
    ///
    /// # Errors
    /// [`ModelError::NotFinite`] and [`ModelError::Unfit`] for what could not be read back;
    /// [`ModelError::Format`] if safetensors refuses the tensors.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        self.check()?;
        self.content()?.to_bytes()
    }

    /// Reads what [`Checkpoint::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ModelError`] for anything else: a truncated file, one of another program or version, or with
    /// a flipped bit; [`ModelError::NoCheckpoint`] for a saved network.
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, ModelError> {
        let file = TensorFile::open(bytes)?;
        match file.get(tensors::VERSION)? {
            FORMAT => Checkpoint::from_file(&file),
            super::FORMAT => Err(ModelError::NoCheckpoint),
            other => Err(ModelError::Version { found: other.to_owned(), reads: FORMAT }),
        }
    }

    /// The same for a file of this format.
    pub(super) fn from_file(file: &TensorFile<'_>) -> Result<Checkpoint, ModelError> {
        let (network, mut schema) = file.network()?;
        let first = |moment: usize| format!("{}layers.0.weight", prefix(moment));
        let count = (0..=MAX_MOMENTS).take_while(|&moment| file.has(&first(moment))).count();
        if count > MAX_MOMENTS {
            let reason = format!("no optimizer has more than {MAX_MOMENTS} moments");
            return Err(ModelError::Tensor { name: first(MAX_MOMENTS), reason });
        }
        file.check_count(&network, 1 + count)?;
        let parameters = file.layers("", &network)?;
        let moments: Result<Vec<_>, ModelError> =
            (0..count).map(|moment| file.layers(&prefix(moment), &network)).collect();
        file.scale(&mut schema, &network)?;
        let step = file.get("step")?;
        let checkpoint = Checkpoint {
            network,
            schema,
            parameters,
            moments: moments?,
            step: step.parse().map_err(|_| ModelError::Step(step.to_owned()))?,
            settings: file.get("settings")?.to_owned(),
            data: file.get("data")?.to_owned(),
            state: file.get("state")?.to_owned(),
        };
        checkpoint.content()?.check_against(file)?;
        Ok(checkpoint)
    }

    /// Parameters and moments, each with the prefix of its tensors' names.
    fn lists(&self) -> impl Iterator<Item = (String, &Vec<f32>)> {
        let moments = self.moments.iter().enumerate();
        let moments = moments.map(|(moment, list)| (prefix(moment), list));
        [(String::new(), &self.parameters)].into_iter().chain(moments)
    }

    fn content(&self) -> Result<Content, ModelError> {
        let metadata = vec![
            ("network", tensors::json(&self.network)?),
            ("schema", tensors::json(&self.schema)?),
            ("step", self.step.to_string()),
            ("settings", self.settings.clone()),
            ("data", self.data.clone()),
            ("state", self.state.clone()),
        ];
        // Each with its length, so that no two lists of texts give the same head.
        let entries =
            metadata.iter().map(|(key, value)| format!("{key} {}\n{value}\n", value.len()));
        let head = [format!("wgrad {FORMAT}\n")].into_iter().chain(entries).collect();
        let layout = Layout::new(&self.network);
        let mut tensors: Vec<_> = self
            .lists()
            .flat_map(|(prefix, list)| tensors::of_layers(&prefix, &layout, list))
            .collect();
        tensors.extend(tensors::of_scalings(&self.schema));
        Ok(Content { version: FORMAT, head, metadata, tensors })
    }

    /// Whether it could be read back: checked before it replaces an older one.
    fn check(&self) -> Result<(), ModelError> {
        let step = self.step;
        let unfit = |reason: String| Err(ModelError::Unfit { step, reason });
        if self.moments.len() > MAX_MOMENTS {
            return unfit(format!("{} moments, at most {MAX_MOMENTS}", self.moments.len()));
        }
        if let Err(reason) = tensors::check_schema(&self.schema, &self.network) {
            return unfit(reason);
        }
        let inputs = self.network.inputs();
        if let Some(scaling) = &self.schema.scaling
            && scaling.offset().len() != inputs
        {
            return unfit(format!("a scaling of {} for {inputs} inputs", scaling.offset().len()));
        }
        let layout = Layout::new(&self.network);
        for (prefix, list) in self.lists() {
            if list.len() != layout.len() {
                let (found, expected) = (list.len(), layout.len());
                return unfit(format!("{prefix}layers: {found} numbers, not {expected}"));
            }
            for tensor in layout.tensors() {
                let bad = tensor.indices().map(|index| list[index]).find(|x| !x.is_finite());
                if let Some(value) = bad {
                    let name = format!("{prefix}{}", tensor.name);
                    return Err(ModelError::NotFinite { step, name, value });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use safetensors::tensor::{Dtype, SafeTensors, TensorView};

    use super::*;
    use crate::data::{Labels, Scaling};
    use crate::network::{Activation, Initializer, Loss};

    fn checkpoint(moments: usize) -> Checkpoint {
        let network =
            Network::uniform(vec![2, 3, 1], Activation::Relu, Activation::Sigmoid, Loss::Bce)
                .unwrap();
        let list = |seed| Initializer::HeNormal.parameters(&network, seed, 1.0);
        let schema = Schema {
            inputs: vec!["a".to_owned(), "b \"c\"".to_owned()],
            targets: vec!["kind".to_owned()],
            target_places: vec![0],
            labels: Labels::Pair(["no".to_owned(), "yes".to_owned()]),
            class_weights: vec![1.0, 5.5],
            encodings: Vec::new(),
            target_scaling: None,
            scaling: Scaling::new(vec![0.5, -2.0], vec![1.0, 0.1]),
        };
        Checkpoint {
            parameters: list(5),
            moments: (0..moments).map(|moment| list(6 + moment as u64)).collect(),
            network,
            schema,
            step: 1234,
            settings: "lr = 0.5\nname = \"é\\n\"\n".to_owned(),
            data: "00ff".repeat(16),
            state: "{\"best\":0.25,\"seed\":18446744073709551615}".to_owned(),
        }
    }

    fn read(bytes: &[u8]) -> Result<Checkpoint, ModelError> {
        Checkpoint::from_bytes(bytes)
    }

    /// The same bytes with one text in the place of another of the same length.
    fn with(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        let mut bytes = bytes.to_vec();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    }

    #[test]
    fn a_checkpoint_reads_back_and_always_writes_the_same_bytes() {
        for moments in 0..=2 {
            let bytes = checkpoint(moments).to_bytes().unwrap();
            assert_eq!(read(&bytes).unwrap(), checkpoint(moments));
            for _ in 0..20 {
                assert_eq!(checkpoint(moments).to_bytes().unwrap(), bytes);
            }
        }
        let empty = String::new();
        let plain = Checkpoint {
            schema: Schema::default(),
            step: u32::MAX,
            settings: empty.clone(),
            data: empty.clone(),
            state: empty,
            ..checkpoint(1)
        };
        assert_eq!(read(&plain.to_bytes().unwrap()).unwrap(), plain);
    }

    #[test]
    fn its_network_is_read_as_a_model() {
        let bytes = checkpoint(2).to_bytes().unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), checkpoint(2).model());
        let model = checkpoint(2).model().to_bytes().unwrap();
        let (file, model) =
            (SafeTensors::deserialize(&bytes).unwrap(), SafeTensors::deserialize(&model).unwrap());
        for (name, tensor) in model.tensors() {
            assert_eq!(file.tensor(&name).unwrap(), tensor, "{name}");
        }
        assert_eq!(file.tensor("moment2.layers.0.weight").unwrap().shape(), [3, 2]);
        assert_eq!(file.len(), model.len() + 8);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = checkpoint(2).to_bytes().unwrap();
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[index] ^= 1 << bit;
                assert!(read(&bad).is_err(), "byte {index}, bit {bit}");
                assert!(Model::from_bytes(&bad).is_err(), "byte {index}, bit {bit}");
            }
        }
    }

    #[test]
    fn truncated_and_extended_files_are_refused() {
        let bytes = checkpoint(2).to_bytes().unwrap();
        for len in 0..bytes.len() {
            assert!(read(&bytes[..len]).is_err(), "cut to {len}");
        }
        assert!(read(&[&bytes[..], b"\0"].concat()).is_err());
        assert!(read(&[&bytes[..], &bytes].concat()).is_err());
    }

    #[test]
    fn another_version_another_program_and_a_saved_network_are_named() {
        let bytes = checkpoint(2).to_bytes().unwrap();
        let newer = with(&bytes, FORMAT, "checkpoint 3");
        for error in [read(&newer).unwrap_err(), Model::from_bytes(&newer).unwrap_err()] {
            assert_eq!(
                error.to_string(),
                "is of format checkpoint 3, this program reads checkpoint 2; \
                 use the wgrad that wrote it"
            );
        }
        let model = checkpoint(0).model().to_bytes().unwrap();
        assert_eq!(read(&model), Err(ModelError::NoCheckpoint));
        let data = 1.0f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
        let foreign = safetensors::serialize([("x", view)], None).unwrap();
        assert_eq!(read(&foreign), Err(ModelError::Foreign("wgrad")));
        assert!(matches!(read(b"lr = 0.5\n"), Err(ModelError::Format { .. })));
    }

    #[test]
    fn manual_changes_are_named() {
        let bytes = checkpoint(2).to_bytes().unwrap();
        let name = |error: ModelError| error.to_string();
        let error = name(read(&with(&bytes, "\"1234\"", "\"12e4\"")).unwrap_err());
        assert!(error.contains("its step \"12e4\""), "{error}");
        let error = read(&with(&bytes, "\"1234\"", "\"1235\"")).unwrap_err();
        assert_eq!(error, ModelError::Hash);
        // A second moment without a first.
        let odd = with(&bytes, "moment1.layers.0.weight", "moment3.layers.0.weight");
        let error = name(read(&odd).unwrap_err());
        assert!(error.contains("14 tensors for 2 layers"), "{error}");
        // A tensor under an unknown name.
        let odd = with(&bytes, "moment2.layers.1.bias", "moment2.layers.1.bing");
        let error = name(read(&odd).unwrap_err());
        assert!(error.contains("moment2.layers.1.bias: missing"), "{error}");
        // The last four bytes are of the second moment's last layer.
        let mut odd = bytes;
        let at = odd.len() - 4;
        odd[at..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        let error = name(read(&odd).unwrap_err());
        assert!(error.contains("moment2.layers.1.weight: holds inf"), "{error}");
    }

    #[test]
    fn three_moments_are_refused_by_reader_and_writer() {
        let three = checkpoint(3);
        let error = three.to_bytes().unwrap_err().to_string();
        assert!(error.contains("step 1234: 3 moments, at most 2"), "{error}");
        let error = read(&three.content().unwrap().to_bytes().unwrap()).unwrap_err().to_string();
        assert!(error.contains("moment3.layers.0.weight: no optimizer has more"), "{error}");
    }

    #[test]
    fn a_checkpoint_that_could_not_be_read_back_is_not_written() {
        let mut bad = checkpoint(2);
        bad.moments[1][0] = f32::NAN;
        let error = bad.to_bytes().unwrap_err().to_string();
        assert!(error.contains("moment2.layers.0.weight holds NaN"), "{error}");
        let mut bad = checkpoint(2);
        bad.moments[0].pop();
        let error = bad.to_bytes().unwrap_err().to_string();
        assert!(error.contains("moment1.layers: 127 numbers, not 128"), "{error}");
        let mut bad = checkpoint(0);
        bad.schema.scaling = Scaling::new(vec![0.0], vec![1.0]);
        assert!(matches!(bad.to_bytes(), Err(ModelError::Unfit { .. })));
        let mut bad = checkpoint(0);
        bad.schema.inputs.pop();
        assert!(matches!(bad.to_bytes(), Err(ModelError::Unfit { .. })));
    }
}
