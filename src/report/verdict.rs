//! What came of a training, in words: not dressed up, with what to try.

use std::fmt::Write as _;

use super::table;
use crate::network::{Activation, Initializer};
use crate::train::{Outcome, Training, dead_units};

/// The last lines of a report.
pub(super) fn verdict(training: &Training, outcome: &Outcome) -> String {
    let run = &outcome.kept;
    let evaluation = &run.evaluation;
    let rows = training.data.rows();
    let loss = format!("loss {:.6} after {} epochs", evaluation.loss, run.epochs);
    let mut text = match (evaluation.solved, evaluation.right) {
        (Some(true), _) => {
            format!(
                "Solved: every prediction is within 0.1 of its target; {loss}.\n{}\n",
                starts(outcome)
            )
        }
        (Some(false), Some(right)) => {
            let mut text = format!("Not solved: {right} of {rows} rows are right; {loss}.\n");
            if outcome.restarts > 1 {
                let _ = writeln!(text, "{}", starts(outcome));
            }
            text.push_str(&what_to_try(training, outcome, right == rows));
            text
        }
        (_, Some(right)) => {
            let share = 100.0 * right as f64 / rows as f64;
            format!("{right} of {rows} rows are right ({share:.1} %); {loss}.\n")
        }
        (_, None) => format!("Done: {loss}.\n"),
    };
    if outcome.stopped {
        text.push_str("Stopped before the end, as asked; these are the numbers reached.\n");
    }
    let _ = writeln!(
        text,
        "{} of training, {} of setup.",
        table::seconds(outcome.train_seconds),
        table::seconds(outcome.setup_seconds)
    );
    text
}

/// How many starts it took.
fn starts(outcome: &Outcome) -> String {
    let seed = outcome.kept.seed;
    match (outcome.restarts, outcome.solved) {
        (1, _) => format!("It took 1 start: seed {seed}."),
        (tried, 0) => format!(
            "None of {tried} starts solved it; seed {seed} has the lowest loss and was kept."
        ),
        (tried, _) => format!(
            "It took {tried} starts: seed {seed} was kept, the {} before it got stuck.",
            tried - 1
        ),
    }
}

/// Why it is stuck, as far as the numbers tell, and what helps.
fn what_to_try(training: &Training, outcome: &Outcome, all_right: bool) -> String {
    let network = &training.network;
    let mut text = String::new();
    let (dead, units) = dead_units(network, &outcome.kept.parameters, &training.data)
        .into_iter()
        .fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1));
    if dead > 0 {
        let (be, it) = if dead == 1 { ("is", "its") } else { ("are", "their") };
        let _ = writeln!(
            text,
            "{dead} of {units} hidden units {be} dead (0 on every row): {it} gradients are 0 too, more epochs cannot help."
        );
    }
    let mut cures = Vec::new();
    if network.layers().len() == 1 {
        cures.push(
            "a hidden layer (a single layer draws one line), as in --layers 2,3,1".to_owned(),
        );
    } else if training.init == Initializer::Zeros {
        cures
            .push("--init he or --init xavier (from zeros all hidden units stay alike)".to_owned());
    } else if all_right && dead == 0 {
        cures.push(format!("more --epochs (so far {}) or a higher --lr", outcome.kept.epochs));
    } else {
        if outcome.restarts == 1 {
            cures.push("other starts (--restarts 64)".to_owned());
        }
        if network.activations()[0] == Activation::Relu {
            cures.push("--activation leaky-relu or tanh".to_owned());
        }
        let mut wider = network.sizes().to_vec();
        let last = wider.len() - 1;
        wider[1..last].iter_mut().for_each(|units| *units = (*units * 2).max(8));
        let wider: Vec<String> = wider.iter().map(usize::to_string).collect();
        cures.push(format!("a wider hidden layer (--layers {})", wider.join(",")));
    }
    let _ = writeln!(text, "To try: {}.", cures.join("; "));
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::{Order, Source};
    use crate::network::{Loss, Network};

    fn told(layers: &[usize], init: Initializer, seed: u64, restarts: u32) -> String {
        let training = Training {
            network: Network::uniform(
                layers.to_vec(),
                Activation::Relu,
                Activation::Sigmoid,
                Loss::Bce,
            )
            .unwrap(),
            data: Arc::new(Source::Xor.built_in().unwrap().unwrap()),
            init,
            learning_rate: 0.5,
            epochs: 1000,
            batch: 0,
            order: Order::Shuffled,
            seed,
            restarts,
        };
        let outcome = pollster::block_on(training.run(None, &mut |_| (), &|| false)).unwrap();
        verdict(&training, &outcome)
    }

    #[test]
    fn a_solved_run_says_how_many_starts_it_took() {
        let text = told(&[2, 3, 1], Initializer::HeNormal, 0, 64);
        assert!(text.starts_with("Solved:") && text.contains("It took"), "{text}");
        assert!(!text.contains("To try"), "{text}");
    }

    #[test]
    fn a_stuck_run_says_so_with_what_is_dead_and_what_to_try() {
        let mut stuck = (0..20).map(|seed| told(&[2, 3, 1], Initializer::HeNormal, seed, 1));
        let text = stuck.find(|text| text.contains("dead")).unwrap();
        assert!(
            text.starts_with("Not solved: 3 of 4") || text.starts_with("Not solved: 2 of 4"),
            "{text}"
        );
        for part in ["of 3 hidden units", "--restarts 64", "leaky-relu", "--layers 2,8,1"] {
            assert!(text.contains(part), "{text:?} should contain {part:?}");
        }
    }

    #[test]
    fn the_cure_fits_the_cause() {
        assert!(
            told(&[2, 1], Initializer::HeNormal, 0, 1).contains("a single layer draws one line")
        );
        assert!(told(&[2, 3, 1], Initializer::Zeros, 0, 1).contains("--init he"));
        let text = told(&[2, 1], Initializer::HeNormal, 0, 3);
        assert!(text.contains("None of 3 starts solved it"), "{text}");
    }
}
