//! The pictures there are, by name.

use crate::network::named;

named! {
    /// A picture.
    pub enum What ("picture") {
        /// Loss, accuracy and learning rate over the epochs.
        Curves = "curves",
        /// What a network of two inputs says over the plane of its inputs.
        Boundary = "boundary",
        /// What a network of one input says over it.
        Fit = "fit",
        /// What each hidden unit does over the plane of the inputs.
        Units = "units",
        /// The rows where the last hidden layer puts them.
        Hidden = "hidden",
        /// The weights of each layer.
        Weights = "weights",
        /// Gradients, updates and idle units of each layer over the epochs.
        Doctor = "doctor",
        /// Which class was taken for which.
        Confusion = "confusion",
        /// Images of which the class was taken for another.
        Misread = "misread",
        /// Predicted against true values.
        Predicted = "predicted",
        /// What a sweep found, over its axes.
        Sweep = "sweep",
        /// How many times as fast an adapter is as the CPU, over sizes.
        Crossover = "crossover",
        /// How far a training drifts from its reference.
        Drift = "drift",
    }
}

impl What {
    /// What it shows, in a line.
    pub fn about(self) -> &'static str {
        match self {
            What::Curves => "loss, accuracy and learning rate over the epochs",
            What::Boundary => {
                "what the network says over the plane of its two inputs, with the data"
            }
            What::Fit => "what the network says over its one input, with the data",
            What::Units => "what each hidden unit does over the plane of the inputs",
            What::Hidden => "the rows where the last hidden layer puts them",
            What::Weights => "the weights of each layer",
            What::Doctor => {
                "gradients, updates and idle units over the epochs (makes the steps of the run once more)"
            }
            What::Confusion => "which class was taken for which",
            What::Misread => "images of which the class was taken for another",
            What::Predicted => "predicted against true values",
            What::Sweep => "what the sweep found, over its axes",
            What::Crossover => "how many times as fast the adapter is as the CPU, over sizes",
            What::Drift => "how far the training drifts from its reference",
        }
    }
}
