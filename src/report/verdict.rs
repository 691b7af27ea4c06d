//! What came of a training, in words: not dressed up, with what to try.

use std::fmt::Write as _;

use super::table;
use crate::train::{Confusion, Ended, Finding, HeldOut, Outcome, Run, Training};

/// The last lines of a report.
pub(super) fn verdict(training: &Training, outcome: &Outcome) -> String {
    let run = &outcome.kept;
    let evaluation = &run.evaluation;
    let rows = training.data.rows();
    let loss = format!("loss {} after {} epochs", table::loss(evaluation.loss), run.epochs);
    let mut text = match (evaluation.solved, evaluation.right) {
        (Some(true), _) => {
            format!("Solved: every prediction is within 0.1 of its target; {loss}.\n")
        }
        (Some(false), Some(right)) => {
            format!("Not solved: {right} of {rows} rows are right; {loss}.\n")
        }
        (_, Some(right)) => {
            let share = 100.0 * right as f64 / rows as f64;
            format!("{right} of {rows} rows are right ({share:.1} %); {loss}.\n")
        }
        (_, None) => format!("Done: {loss}.\n"),
    };
    text += &held_out(training, run);
    if outcome.restarts > 1 || evaluation.solved == Some(true) {
        let _ = writeln!(text, "{}", starts(outcome));
    }
    text += &findings(&outcome.findings(training));
    text += &ended(training, outcome);
    let _ = writeln!(
        text,
        "{} of training, {} of setup.",
        table::seconds(outcome.train_seconds),
        table::seconds(outcome.setup_seconds)
    );
    text
}

/// Why the training ended before its last epoch, and what became of its rate.
fn ended(training: &Training, outcome: &Outcome) -> String {
    let run = &outcome.kept;
    let (stopping, epochs) = (&training.stopping, run.epochs);
    let mut text = match run.ended {
        Ended::Epochs => String::new(),
        Ended::Asked => {
            "Stopped before the end, as asked; these are the numbers reached.\n".to_owned()
        }
        Ended::MaxSeconds => {
            let most = stopping.max_seconds.unwrap_or_default();
            format!(
                "Stopped in epoch {} of {}: {most} seconds are over.\n",
                epochs, training.epochs
            )
        }
        Ended::TargetLoss => {
            let target = stopping.target_loss.unwrap_or_default();
            format!("Stopped after epoch {epochs}: the loss is no higher than {target}.\n")
        }
        Ended::Patience => {
            let since = run.course.patience.since;
            let by = match stopping.min_delta {
                0.0 => String::new(),
                delta => format!(" by {delta}"),
            };
            format!(
                "Stopped after epoch {epochs}: the loss has not fallen{by} since epoch {since}, where it was {}.\n",
                table::loss(run.course.patience.lowest.unwrap_or_default())
            )
        }
    };
    let count = run.course.halvings.len();
    if count > 0 {
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let _ = writeln!(
            text,
            "It diverged {times} on the way; the rate was halved from {} to {}.",
            training.learning_rate, run.course.rate
        );
    } else if run.course.rate != training.learning_rate {
        let _ = writeln!(text, "The plateau left a rate of {}.", run.course.rate);
    }
    text
}

/// What the network does on rows that it did not learn from, beside those it did.
fn held_out(training: &Training, run: &Run) -> String {
    let HeldOut { validation, test } = &training.held_out;
    let mut lines = vec![["", "rows", "loss", "right"].map(str::to_owned).to_vec()];
    for (what, data, look) in [
        ("learned from", Some(&training.data), Some(&run.evaluation)),
        ("validation", validation.as_ref(), run.validation.as_ref()),
        ("test", test.as_ref(), run.test.as_ref()),
    ] {
        if let (Some(data), Some(look)) = (data, look) {
            let right = look.accuracy(data.rows());
            let right = right.map_or("-".to_owned(), |share| format!("{:.1} %", 100.0 * share));
            let (rows, loss) = (data.rows().to_string(), table::loss(look.loss));
            lines.push(vec![what.to_owned(), rows, loss, right]);
        }
    }
    if lines.len() < 3 {
        return String::new();
    }
    let mut text = table::columns(&lines, 1);
    let lowest = run.validation_history.iter().min_by(|a, b| a.loss.total_cmp(&b.loss));
    if let Some(lowest) = lowest.filter(|lowest| lowest.epoch < run.epochs) {
        let (loss, epoch) = (table::loss(lowest.loss), lowest.epoch);
        let _ =
            writeln!(text, "The loss on the validation rows was lowest, {loss}, at epoch {epoch}.");
    }
    text
}

/// Classes that fit a table.
const MOST_SHOWN: usize = 20;

/// Which class was taken for which: a line a class, a column for each it was taken for.
pub(super) fn confusion(of: &str, confusion: &Confusion) -> String {
    let Confusion { classes, counts } = confusion;
    let count = classes.len();
    let is_diagonal = (0..count * count).all(|at| at / count == at % count || counts[at] == 0);
    if count > MOST_SHOWN || is_diagonal {
        return String::new();
    }
    let mut lines = vec![[vec!["class".to_owned()], classes.clone()].concat()];
    for (class, row) in classes.iter().zip(counts.chunks_exact(count)) {
        let cell = |&rows: &usize| if rows == 0 { ".".to_owned() } else { rows.to_string() };
        lines.push([vec![class.clone()], row.iter().map(cell).collect()].concat());
    }
    format!("\nOf each class, the {of} rows that were taken for:\n{}", table::columns(&lines, 1))
}

/// How many starts it took, and what became of them.
fn starts(outcome: &Outcome) -> String {
    let seed = outcome.kept.seed;
    let tried = outcome.restarts;
    let diverged = match outcome.diverged {
        0 => String::new(),
        count => format!("; {count} diverged"),
    };
    if outcome.solved == 0 {
        let what = if outcome.kept.evaluation.solved.is_some() { "none solved it, " } else { "" };
        return format!(
            "{tried} starts: {what}seed {seed} has the lowest loss and was kept{diverged}."
        );
    }
    match (tried, outcome.solved) {
        (1, _) => format!("It took 1 start: seed {seed}."),
        (_, 1) if seed + 1 == outcome.first_seed + u64::from(tried) => format!(
            "It took {tried} starts: seed {seed} was kept; {} before it got stuck{diverged}.",
            tried - 1 - outcome.diverged
        ),
        (_, solved) => format!(
            "{solved} of {tried} starts solved it, trained at once; seed {seed}, the first of them, was kept{diverged}."
        ),
    }
}

/// What is wrong, why, and what helps.
pub(super) fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { cause, what, why, fixes, .. } in findings {
        let _ = writeln!(text, "{}: {what} {why}", cause.title());
        if !fixes.is_empty() {
            let _ = writeln!(text, "  To try: {}.", fixes.join("; "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Source;
    use crate::engine::Place;
    use crate::network::{Activation, Initializer, Loss, Network};

    /// The XOR preset, but for what `change` does to it.
    fn told(change: impl FnOnce(&mut Training)) -> String {
        let mut training =
            Training::new(network(&[2, 3, 1]), Arc::new(Source::Xor.built_in().unwrap().unwrap()));
        change(&mut training);
        let outcome =
            pollster::block_on(training.run(&Place::Cpu, &mut |_| (), &|| false)).unwrap();
        verdict(&training, &outcome)
    }

    fn network(sizes: &[usize]) -> Network {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        Network::uniform(sizes.to_vec(), hidden, output, Loss::Bce).unwrap()
    }

    #[test]
    fn a_solved_run_says_how_many_starts_it_took() {
        let text = told(|t| t.restarts = 64);
        assert!(text.starts_with("Solved:") && text.contains("It took"), "{text}");
        assert!(!text.contains("To try"), "{text}");
    }

    #[test]
    fn a_stuck_run_says_so_with_what_is_dead_and_what_to_try() {
        let mut stuck = (0..20).map(|seed| told(|t| t.seed = seed));
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
    fn a_run_that_was_only_too_short_is_told_so() {
        // Seed 2 solves XOR within 2,000 epochs; after 60 its loss is falling, a unit dead or not.
        for epochs in [3, 60] {
            let text = told(|t| (t.seed, t.epochs) = (2, epochs));
            let more = format!("more --epochs than {epochs}");
            assert!(text.contains(&more) && !text.contains("--restarts"), "{text}");
        }
        let and = |t: &mut Training| {
            (t.data, t.epochs) = (Arc::new(Source::And.built_in().unwrap().unwrap()), 50);
            t.network = network(&[2, 1]);
        };
        let text = told(and);
        assert!(
            text.contains("4 of 4")
                && text.contains("more --epochs")
                && !text.contains("hidden layer"),
            "{text}"
        );
    }

    #[test]
    fn the_cure_fits_the_cause() {
        assert!(told(|t| t.network = network(&[2, 1])).contains("a single layer draws one line"));
        assert!(told(|t| t.init = Initializer::Zeros).contains("--init he"));
        let text = told(|t| t.learning_rate = 1e6);
        assert!(text.contains("a lower --lr than 1000000"), "{text}");
        let text = told(|t| t.learning_rate = 1e-7);
        assert!(text.contains("a higher --lr than 0.0000001"), "{text}");
        let text = told(|t| (t.network, t.restarts) = (network(&[2, 1]), 3));
        assert!(text.contains("3 starts: none solved it"), "{text}");
    }
}
