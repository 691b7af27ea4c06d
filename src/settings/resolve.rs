//! From the settings that are given to a training: the defaults that follow from the data.

use std::sync::Arc;

use super::Settings;
use super::choices::EngineChoice;
use super::toolkit::{DEFAULT_ACTIVATION, default_rate};
use crate::Error;
use crate::data::{Dataset, Order, Samples, Source};
use crate::network::{Activation, DROPOUT, Initializer, Loss, Network, Norm, joined};
use crate::optimizer::{HYPERPARAMETERS, Optimizer, Schedule};
use crate::train::{HeldOut, OnDivergence, Training, Weights};

/// Rows up to which a batch is all of them by default.
const FULL_BATCH_ROWS: usize = 64;
/// Rows of a batch beyond that.
const DEFAULT_BATCH: usize = 32;
/// Starts of the XOR preset: 54 % fail, so that all of 64 fail in one of 10^17 trainings.
const PRESET_RESTARTS: u32 = 64;

/// What settings come to.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// The training.
    pub training: Training,
    /// The settings with every default written out.
    pub settings: Settings,
    /// What a prediction must know of the data.
    pub samples: Samples,
}

/// Defaults that depend on the data.
struct Defaults {
    layers: Vec<usize>,
    learning_rate: f32,
    epochs: u32,
}

impl Defaults {
    fn of(source: &Source, data: &Dataset) -> Defaults {
        let (inputs, outputs) = (data.input_len(), data.target_len());
        let sizes = |hidden: &[usize]| [&[inputs], hidden, &[outputs]].concat();
        let some = (4 * inputs).min(64);
        let (layers, learning_rate, epochs) = match source {
            Source::Shape(..) => (sizes(&[16, 16]), 0.3, 500),
            Source::Digits => (sizes(&[32]), 0.5, 40),
            Source::Iris => (sizes(&[16]), 0.1, 200),
            Source::Idx(..) => (sizes(&[128]), 0.1, 10),
            // A table of zeros and ones is a gate, whatever it is called.
            Source::Csv(_) | Source::Stdin if !data.is_truth_table() => {
                (sizes(&[if inputs == 2 { 3 } else { some }]), 0.1, 200)
            }
            _ => (sizes(&[if inputs == 2 { 3 } else { some }]), 0.5, 2000),
        };
        Defaults { layers, learning_rate, epochs }
    }
}

impl Settings {
    /// The training and the settings with every default written out, over rows that are there.
    ///
    /// # Errors
    /// As [`Settings::resolve`].
    pub(crate) fn resolve_over(self, samples: &Samples) -> Result<(Training, Settings), Error> {
        let source = self.data.clone().unwrap_or(Source::Xor);
        let data = Arc::clone(&samples.train);
        let defaults = Defaults::of(&source, &data);
        let mut layers = self.layers.clone().unwrap_or(defaults.layers);
        if let Some(width) = self.width {
            let last = layers.len().saturating_sub(1);
            if last < 2 {
                let reason = "has no hidden layer to widen; give --layers with one";
                return Err(Error::setting(format!("--width {width}"), reason));
            }
            layers[1..last].fill(width);
        }
        let is_preset = data.is_xor() && layers == [2, 3, 1];
        let activation = self.activation.unwrap_or(DEFAULT_ACTIVATION);
        let (loss, output) = loss_and_output(self.loss, self.output_activation, &data);
        let network = Network::uniform(layers.clone(), activation, output, loss)?;
        let network = self.with_numbers(network)?.with_norm(self.norm.unwrap_or_default())?;
        let network = network.with_dropout(self.dropout.unwrap_or(DROPOUT.default))?;
        let optimizer = self.rule()?;
        let learning_rate = self.lr.unwrap_or(default_rate(&optimizer, defaults.learning_rate));
        let epochs = self.epochs.unwrap_or(defaults.epochs);
        let schedule = self.rate_schedule(epochs, learning_rate)?;
        let training = Training {
            init: self.init.unwrap_or(Initializer::default_for(activation)),
            init_scale: self.init_scale.unwrap_or(1.0),
            learning_rate,
            optimizer,
            schedule,
            stopping: self.stopping(),
            on_divergence: self.on_divergence.unwrap_or(OnDivergence::Stop),
            weights: self.weights.unwrap_or(Weights::Best),
            doctor: !self.no_doctor.unwrap_or(false),
            checkpoint_every: self.checkpoint_every,
            epochs,
            batch: self.batch.unwrap_or(if data.rows() <= FULL_BATCH_ROWS {
                0
            } else {
                DEFAULT_BATCH
            }),
            order: self.order.unwrap_or(Order::Shuffled),
            seed: self.seed.unwrap_or(0),
            initial: None,
            restarts: self.restarts.unwrap_or(match self.checkpoint_every {
                None if is_preset && self.init_from.is_none() => PRESET_RESTARTS,
                _ => 1,
            }),
            network,
            data,
            held_out: HeldOut {
                validation: samples.validation.clone(),
                test: samples.test.clone(),
            },
        };
        training.check().map_err(|error| match error {
            // Rows known by name cannot be at fault: the network asked for them is.
            Error::Data(reason) if !source.is_file() => {
                Error::setting(format!("--layers {}", joined(&layers, ",")), reason.to_string())
            }
            other => other,
        })?;
        self.check_use()?;
        let settings = self.written_out(source, layers, &training, samples)?;
        Ok((training, settings))
    }

    /// These settings with all that the training makes of those that are not given.
    fn written_out(
        self,
        source: Source,
        layers: Vec<usize>,
        training: &Training,
        samples: &Samples,
    ) -> Result<Settings, Error> {
        let Training { network, optimizer, schedule, .. } = training;
        let Optimizer { kind, weight_decay, decay, .. } = *optimizer;
        let Schedule { kind: schedule, warmup, every, factor, .. } = *schedule;
        let all = Settings {
            data_seed: Some(self.data_seed.unwrap_or(0)),
            normalize: Some(samples.normalize),
            normalize_targets: Some(samples.normalize_targets),
            data: Some(source),
            layers: Some(layers),
            width: None,
            activation: Some(self.activation.unwrap_or(DEFAULT_ACTIVATION)),
            output_activation: network.activations().last().copied(),
            loss: Some(network.loss()),
            norm: Some(network.norm()).filter(|&norm| norm != Norm::None),
            dropout: Some(network.dropout()).filter(|&dropout| dropout != 0.0),
            init: Some(training.init),
            init_scale: Some(training.init_scale),
            lr: Some(training.learning_rate),
            epochs: Some(training.epochs),
            batch: Some(training.batch),
            order: Some(training.order),
            seed: Some(training.seed),
            restarts: Some(training.restarts),
            optimizer: Some(kind),
            weight_decay: self.weight_decay.or((weight_decay != 0.0).then_some(weight_decay)),
            decay: Some(decay),
            schedule: Some(schedule),
            warmup: Some(warmup),
            lr_factor: Some(factor),
            lr_every: Some(every),
            on_divergence: Some(training.on_divergence),
            weights: Some(training.weights),
            device: Some(self.device.unwrap_or_default()),
            engine: Some(self.engine.unwrap_or(EngineChoice::Auto)),
            ..self
        };
        let mut given = all.given();
        for row in HYPERPARAMETERS {
            given.set_number(row, optimizer.value(row));
        }
        for (row, value) in network.hyperparameters() {
            given.set_number(row, value);
        }
        given.retain(|row, _| all.unused(row).is_none());
        Settings::read(&given)
    }
}

/// Loss and output activation, each from the other and from the data where it is not given.
fn loss_and_output(
    loss: Option<Loss>,
    output: Option<Activation>,
    data: &Dataset,
) -> (Loss, Activation) {
    let classes = data.is_classification();
    let loss = loss.unwrap_or(match output {
        None | Some(Activation::Identity) if data.is_one_of_n() => Loss::SoftmaxCrossEntropy,
        Some(Activation::Identity) if classes => Loss::BceWithLogits,
        None | Some(Activation::Sigmoid) if classes => Loss::Bce,
        _ => Loss::MseMean,
    });
    let free = if classes { Activation::Sigmoid } else { Activation::Identity };
    (loss, output.unwrap_or(loss.required_output().unwrap_or(free)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Given, Verb};

    fn resolve(text: &str) -> Result<(Training, Settings), Error> {
        let resolved = Settings::read(&Given::read(Verb::Train, text).unwrap())?.resolve()?;
        Ok((resolved.training, resolved.settings))
    }

    #[test]
    fn nothing_said_is_the_xor_preset() {
        let (training, settings) = resolve("").unwrap();
        assert_eq!(training.network.sizes(), [2, 3, 1]);
        assert_eq!(training.network.activations(), [Activation::Relu, Activation::Sigmoid]);
        assert_eq!((training.network.loss(), training.restarts), (Loss::Bce, 64));
        assert_eq!(settings.init, Some(Initializer::HeNormal));
        assert_eq!(resolve("layers = [2, 4, 1]").unwrap().0.restarts, 1);
    }

    #[test]
    fn resolved_settings_resolve_to_themselves() {
        for text in
            ["", "data = 'parity-3'", "loss = 'mse-half-mean'\nactivation = 'tanh'\nlr = 0.1"]
        {
            let (_, settings) = resolve(text).unwrap();
            let printed = settings.given().toml();
            let (_, again) = resolve(&printed).unwrap();
            assert_eq!(again.given().toml(), printed);
        }
    }

    #[test]
    fn loss_and_output_follow_from_each_other() {
        for (text, loss, output) in [
            ("loss = 'mse-mean'", Loss::MseMean, Activation::Sigmoid),
            ("loss = 'bce_with_logits'", Loss::BceWithLogits, Activation::Identity),
            ("output-activation = 'identity'", Loss::BceWithLogits, Activation::Identity),
            ("output-activation = 'tanh'", Loss::MseMean, Activation::Tanh),
        ] {
            let network = resolve(text).unwrap().0.network;
            assert_eq!((network.loss(), network.activations()[1]), (loss, output), "{text}");
        }
        assert!(resolve("loss = 'bce'\noutput-activation = 'identity'").is_err());
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let flags = Given::read(Verb::Train, "lr = 0.25\nlayers = [2, 5, 1]").unwrap();
        let file = Given::read(Verb::Train, "lr = 0.75\nseed = 9").unwrap();
        let both = Settings::read(&flags.or(file)).unwrap();
        assert_eq!((both.lr, both.seed, both.layers), (Some(0.25), Some(9), Some(vec![2, 5, 1])));
    }

    #[test]
    fn a_network_that_does_not_fit_named_rows_is_a_matter_of_configuration() {
        let error = resolve("layers = [3, 2, 1]").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("--layers"), "{error}");
    }
}
