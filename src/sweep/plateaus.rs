//! Plateaus in a sweep: each network's rate is lowered when its own loss has not fallen, at the report
//! boundaries at which it would be if it were trained alone.

use crate::Error;
use crate::engine::{Fate, ResidentEngine};
use crate::optimizer::ScheduleKind;
use crate::train::{Training, Waiting, epoch_loss, plateau};

/// What the rates of networks in the same dispatches wait for.
pub(super) struct Plateaus<'a> {
    /// Each network's cell.
    trainings: Vec<&'a Training>,
    waiting: Vec<Waiting>,
    rates: Vec<f32>,
    /// Of each network, the losses of the last epoch before a boundary.
    losses: Vec<Vec<f32>>,
}

impl<'a> Plateaus<'a> {
    /// Nothing where the schedule is another.
    pub(super) fn new(trainings: impl Iterator<Item = &'a Training>) -> Option<Plateaus<'a>> {
        let trainings: Vec<&Training> = trainings.collect();
        let is_plateau = trainings.first()?.schedule.kind == ScheduleKind::Plateau;
        is_plateau.then(|| Plateaus {
            waiting: vec![Waiting::default(); trainings.len()],
            rates: trainings.iter().map(|training| training.learning_rate).collect(),
            losses: vec![Vec::new(); trainings.len()],
            trainings,
        })
    }

    /// Makes steps up to the next report boundary at most, and decides there.
    pub(super) async fn advance(
        &mut self,
        engine: &mut ResidentEngine,
        end: u32,
    ) -> Result<(), Error> {
        let first = self.trainings[0];
        let batches = first.batches(first.seed);
        let per_epoch = batches.steps_per_epoch() as u32;
        let every = first.report_every();
        let boundary = (engine.steps_done() / per_epoch / every + 1).saturating_mul(every);
        let until = boundary.saturating_mul(per_epoch).min(end);
        let made = engine.advance(until - engine.steps_done(), every).await?;
        for row in made.losses.chunks_exact(made.columns.len().max(1)) {
            for (&column, &loss) in made.columns.iter().zip(row) {
                self.losses[column as usize].push(loss);
            }
        }
        let step = engine.steps_done();
        if step < until || !(step / per_epoch).is_multiple_of(every) {
            return Ok(());
        }
        let before = self.rates.clone();
        for (network, fate) in engine.fates().iter().enumerate() {
            let losses = std::mem::take(&mut self.losses[network]);
            if *fate == Fate::Unsolved && losses.len() == per_epoch as usize {
                let (training, loss) = (self.trainings[network], epoch_loss(&batches, &losses));
                let waiting = &mut self.waiting[network];
                let rate = self.rates[network];
                let epoch = step / per_epoch;
                self.rates[network] = plateau(training, waiting, epoch, loss.into(), rate);
            }
        }
        if self.rates != before {
            engine.set_rates(&self.rates);
        }
        Ok(())
    }
}
