//! The verdict on a training: what it reached, what is wrong, and what to try.

use std::fmt::Write as _;
use std::sync::Arc;

use super::table;
use crate::data::{Dataset, SOLVED_ROWS};
use crate::train::{
    Confusion, Ended, Evaluation, Finding, HeldOut, Outcome, Run, TargetErrors, Training,
};

/// The last lines of a report.
pub(super) fn verdict(training: &Training, outcome: &Outcome, targets: &[String]) -> String {
    let run = &outcome.kept;
    let evaluation = &run.evaluation;
    let rows = training.data.rows();
    let epochs = match run.weights_epoch() {
        epoch if epoch == run.epochs => {
            format!("after {}", table::counted(epoch.into(), "epoch"))
        }
        epoch => format!("with the weights of epoch {epoch} of {}", run.epochs),
    };
    let loss = format!("loss {} {epochs}", table::loss(evaluation.loss));
    let mut text = match (evaluation.solved, evaluation.right) {
        (Some(true), _) => {
            format!("Solved: every prediction is within 0.1 of its target; {loss}.\n")
        }
        (Some(false), Some(right)) => {
            format!("Not solved: {right} of {rows} rows are correct; {loss}.\n")
        }
        (_, Some(right)) => {
            let share = table::percent(right as f64 / rows as f64);
            format!("{right} of {rows} rows are correct ({share}); {loss}.\n")
        }
        (_, None) => format!("Done: {loss}.\n"),
    };
    text += &errors(evaluation, targets);
    text += &held_out(training, run);
    for (of, seen) in [("validation", &run.validation), ("test", &run.test)] {
        if let Some(seen) = seen.as_ref().filter(|seen| seen.errors.len() > 1) {
            let _ = write!(text, "{of} rows:\n{}", errors(seen, targets));
        }
    }
    text += &baseline(training, run);
    if outcome.restarts > 1 || evaluation.solved == Some(true) {
        let _ = writeln!(text, "{}", starts(outcome));
    }
    text += &findings(&outcome.findings(training));
    text += &ended(training, run);
    let _ = writeln!(
        text,
        "{} of training, {} of setup.",
        table::seconds(outcome.train_seconds, 0),
        table::seconds(outcome.setup_seconds, 0)
    );
    text
}

/// Why the training ended before its last epoch, and how its learning rate changed.
fn ended(training: &Training, run: &Run) -> String {
    let (stopping, epochs, trainer_state) = (&training.stopping, run.epochs, &run.trainer_state);
    let mut text = match run.ended {
        Ended::Epochs => String::new(),
        Ended::Asked => "Interrupted; these are the results so far.\n".to_owned(),
        Ended::MaxSeconds => format!(
            "Stopped in epoch {epochs} of {}: the limit of {} seconds is reached.\n",
            training.epochs,
            stopping.max_seconds.unwrap_or_default()
        ),
        Ended::TargetLoss => {
            let target = stopping.target_loss.unwrap_or_default();
            format!("Stopped after epoch {epochs}: the loss has reached {target}.\n")
        }
        Ended::Patience => {
            let by = match stopping.min_delta {
                0.0 => String::new(),
                delta => format!(" by {delta}"),
            };
            format!(
                "Stopped after epoch {epochs}: the loss has not improved{by} since epoch {}, when it was {}.\n",
                trainer_state.patience.since,
                table::loss(trainer_state.patience.lowest.unwrap_or_default())
            )
        }
    };
    let count = trainer_state.halvings.len();
    if count > 0 {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let _ = writeln!(
            text,
            "It diverged {times}; the rate was halved from {} to {}.",
            training.learning_rate, trainer_state.rate
        );
    } else if trainer_state.rate != training.learning_rate {
        let _ = writeln!(text, "The plateau schedule lowered the rate to {}.", trainer_state.rate);
    }
    text
}

/// Loss and accuracy on held-out rows, compared with the training rows.
fn held_out(training: &Training, run: &Run) -> String {
    let HeldOut { validation, test } = &training.held_out;
    if validation.is_none() && test.is_none() {
        return String::new();
    }
    let lines = [
        ("training", Some(&training.data), Some(&run.evaluation)),
        ("validation", validation.as_ref(), run.validation.as_ref()),
        ("test", test.as_ref(), run.test.as_ref()),
    ];
    type Line<'a> = (&'a str, Option<&'a Arc<Dataset>>, Option<&'a Evaluation>);
    let line = |(name, data, evaluation): Line<'_>| {
        let (rows, evaluation) = (data?.rows(), evaluation?);
        let mut line = vec![name.to_owned(), rows.to_string(), table::loss(evaluation.loss)];
        match evaluation.errors[..] {
            [of] => line.extend([
                table::short(of.rmse),
                table::short(of.mae),
                table::or_dash(of.r2.map(|r2| format!("{r2:.4}"))),
            ]),
            _ => line.push(table::or_dash(evaluation.accuracy(rows).map(table::percent))),
        }
        Some(line)
    };
    let head: &[&str] = match run.evaluation.errors[..] {
        [_] => &["", "rows", "loss", "RMSE", "MAE", "R2"],
        _ => &["", "rows", "loss", "accuracy"],
    };
    let mut text = table::columns(1, head, lines.into_iter().filter_map(line));
    let best = run.trainer_state.best.filter(|best| validation.is_some() && best.0 < run.epochs);
    if let Some((epoch, loss)) = best {
        let loss = table::loss(loss);
        let kept = match run.best {
            Some(_) => ": its weights are kept (--weights last keeps those of the end)",
            None => "",
        };
        let _ = writeln!(text, "The validation loss was lowest, {loss}, at epoch {epoch}{kept}.");
    }
    text
}

/// The errors of predictions of numbers, a line for each target.
pub(super) fn errors(evaluation: &Evaluation, names: &[String]) -> String {
    let line = |(at, of): (usize, &TargetErrors)| {
        let name = match evaluation.errors.len() {
            1 => String::new(),
            _ => names.get(at).cloned().unwrap_or(format!("target {}", at + 1)) + ": ",
        };
        let r2 = of.r2.map(|r2| format!(", R2 {r2:.4}")).unwrap_or_default();
        format!("{name}RMSE {}, MAE {}{r2}\n", table::short(of.rmse), table::short(of.mae))
    };
    evaluation.errors.iter().enumerate().map(line).collect()
}

/// The share of the variance below which a prediction is no better than the mean.
const NO_BETTER: f64 = 0.01;

/// What is said of a network that is no better than a guess that needs no inputs: on test rows where there are
/// any, else on those kept for validation, else on those of the training. Where classes have weights, each
/// right row counts as its class does.
fn baseline(training: &Training, run: &Run) -> String {
    let (_, data, seen) = run.unseen(training);
    if training.data.is_constant() {
        let targets = table::joined(&training.data.own_targets()[..training.data.target_len()]);
        return format!(
            "Every row has the target {targets}: there is nothing to learn from them.\n"
        );
    }
    let is_mean = |of: &TargetErrors| of.r2.is_some_and(|r2| r2 < NO_BETTER);
    if !seen.errors.is_empty() && seen.errors.iter().all(is_mean) {
        return "It is no better than predicting the mean of the targets.\n".to_owned();
    }
    let (Some(right), Some(confusion)) = (seen.right, &seen.confusion) else {
        return String::new();
    };
    // Of the few rows of a truth table half may be right by chance.
    if data.rows() <= SOLVED_ROWS && std::ptr::eq(data, &*training.data) {
        return String::new();
    }
    let classes = confusion.classes.len();
    let of_class =
        |class: usize| confusion.counts[class * classes..][..classes].iter().sum::<usize>();
    match (0..classes).max_by_key(|&class| of_class(class)) {
        // A share that does not ask how rare a class is would call what weights are for a failure.
        Some(_) if data.is_weighted() => match confusion.balanced_accuracy() * classes as f64 {
            times if times <= 1.0 => {
                "It is no better than always predicting one class.\n".to_owned()
            }
            _ => String::new(),
        },
        Some(class) if right <= of_class(class) => format!(
            "It is no better than always predicting {}, the most frequent class ({}).\n",
            confusion.classes[class],
            table::percent(of_class(class) as f64 / data.rows() as f64)
        ),
        _ => String::new(),
    }
}

/// The most classes of a confusion matrix that is printed.
const MOST_SHOWN: usize = 20;

/// The confusion matrix of these rows: a line per true class, a column per predicted one. Empty where
/// every row is correct.
pub(super) fn confusion(of: &str, confusion: &Confusion) -> String {
    let Confusion { classes, counts } = confusion;
    let count = classes.len();
    let is_diagonal = (0..count * count).all(|at| at / count == at % count || counts[at] == 0);
    if count > MOST_SHOWN || is_diagonal {
        return String::new();
    }
    let cell = |&rows: &usize| if rows == 0 { ".".to_owned() } else { rows.to_string() };
    let lines = classes
        .iter()
        .zip(counts.chunks_exact(count))
        .map(|(class, row)| [class.clone()].into_iter().chain(row.iter().map(cell)).collect());
    let head = [&["class".to_owned()], &classes[..]].concat();
    let scores = classes.iter().zip(confusion.scores()).map(|(class, score)| {
        let share = |share: Option<f64>| table::or_dash(share.map(|share| format!("{share:.3}")));
        let shares = [score.precision, score.recall, score.f1].map(share);
        [class.clone(), score.rows.to_string()].into_iter().chain(shares).collect()
    });
    format!(
        "\nConfusion matrix of the {of} rows, predicted classes across:\n{}\n{}balanced accuracy {}\n",
        table::columns(1, &head, lines),
        table::columns(1, &["class", "rows", "precision", "recall", "F1"], scores),
        table::percent(confusion.balanced_accuracy())
    )
}

/// How many starts were trained, and how they ended.
fn starts(outcome: &Outcome) -> String {
    let Outcome { restarts: tried, solved, diverged: failed, .. } = *outcome;
    let seed = outcome.kept.seed;
    let diverged = match failed {
        0 => String::new(),
        count => format!("; {count} diverged"),
    };
    match (tried, solved) {
        (_, 0) => {
            let none = match outcome.kept.evaluation.solved {
                Some(_) => "none solved it, ",
                None => "",
            };
            format!("{tried} starts: {none}seed {seed} has the lowest loss and was kept{diverged}.")
        }
        (1, _) => format!("It took 1 start: seed {seed}."),
        (_, 1) if seed + 1 == outcome.first_seed + u64::from(tried) => format!(
            "It took {tried} starts: seed {seed} was kept; {} before it did not solve it{diverged}.",
            tried - 1 - failed
        ),
        _ => format!(
            "{solved} of {tried} starts solved it; seed {seed}, the first of them, was kept{diverged}."
        ),
    }
}

/// What is wrong, why, and what to try.
pub(super) fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { cause, what, why, fixes, .. } in findings {
        let _ = writeln!(text, "{}: {what} {why}", cause.title());
        if !fixes.is_empty() {
            let fixes: Vec<String> = fixes.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "  To try: {}.", fixes.join("; "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::engine::EngineSpec;
    use crate::network::{Activation, Initializer, Loss, Network};

    /// The XOR preset, but for what `change` does to it.
    fn report(change: impl FnOnce(&mut Training)) -> String {
        let mut training =
            Training::new(network(&[2, 3, 1]), Arc::new(Source::Xor.built_in().unwrap().unwrap()));
        change(&mut training);
        let outcome =
            pollster::block_on(training.run(&EngineSpec::Cpu, &mut |_| (), &|| false)).unwrap();
        verdict(&training, &outcome, &[])
    }

    fn network(sizes: &[usize]) -> Network {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        Network::uniform(sizes.to_vec(), hidden, output, Loss::Bce).unwrap()
    }

    #[test]
    fn a_solved_run_says_how_many_starts_it_took() {
        let text = report(|t| t.restarts = 64);
        assert!(text.starts_with("Solved:") && text.contains("It took"), "{text}");
        assert!(!text.contains("To try"), "{text}");
    }

    #[test]
    fn a_stuck_run_says_so_with_what_is_dead_and_what_to_try() {
        let mut stuck = (0..20).map(|seed| report(|t| t.seed = seed));
        let text = stuck.find(|text| text.contains("units is dead: it is 0")).unwrap();
        assert!(
            text.starts_with("Not solved: 3 of 4") || text.starts_with("Not solved: 2 of 4"),
            "{text}"
        );
        for part in ["of 3 hidden units", "--restarts 64", "leaky-relu", "--layers 2,8,1"] {
            assert!(text.contains(part), "{text:?} should contain {part:?}");
        }
    }

    #[test]
    fn a_run_that_was_only_too_short_says_so() {
        // Seed 2 solves XOR within 2,000 epochs; after 60 its loss is falling, a unit dead or not.
        for epochs in [3, 60] {
            let text = report(|t| (t.seed, t.epochs) = (2, epochs));
            let more = format!("more --epochs than {epochs}");
            assert!(text.contains(&more) && !text.contains("--restarts"), "{text}");
        }
        let and = |t: &mut Training| {
            (t.data, t.epochs) = (Arc::new(Source::And.built_in().unwrap().unwrap()), 50);
            t.network = network(&[2, 1]);
        };
        let text = report(and);
        assert!(
            text.contains("4 of 4")
                && text.contains("more --epochs")
                && !text.contains("hidden layer"),
            "{text}"
        );
    }

    #[test]
    fn the_fix_fits_the_cause() {
        assert!(report(|t| t.network = network(&[2, 1])).contains("a single layer draws one line"));
        assert!(report(|t| t.init = Initializer::Zeros).contains("--init he"));
        let text = report(|t| t.learning_rate = 1e6);
        assert!(text.contains("a lower --lr than 1000000"), "{text}");
        let text = report(|t| t.learning_rate = 1e-7);
        assert!(text.contains("a higher --lr than 0.0000001"), "{text}");
        let text = report(|t| (t.network, t.restarts) = (network(&[2, 1]), 3));
        assert!(text.contains("3 starts: none solved it"), "{text}");
    }
}
