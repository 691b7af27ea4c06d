//! Networks that make the same steps: one start, or many at once. Here they are advanced towards report
//! boundaries, their losses noted, and what follows from these decided.

use super::{Ended, TrainerState, Training, ValidationPoint};
use crate::Error;
use crate::data::Batches;
use crate::engine::{
    Engine, EngineSpec, LanesEngine, Member, NetworkStatus, Population, Score, Start, State,
};
use crate::optimizer::ScheduleKind;

/// A start that is to be trained: as what, and its seed.
pub(crate) type Seed<'a> = (&'a Training, u64);

/// One of the networks: what it is trained as, and how far it has come.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub training: &'a Training,
    pub trainer_state: TrainerState,
    /// The step at which it was seen to have left the finite numbers, and by what: its loss or an output,
    /// and nothing where by its parameters.
    pub diverged: Option<(u32, Option<&'static str>)>,
    /// What was last seen of it on the rows kept for validation.
    pub seen: Option<ValidationPoint>,
}

impl<'a> Candidate<'a> {
    fn new(training: &'a Training, trainer_state: TrainerState) -> Candidate<'a> {
        Candidate { training, trainer_state, diverged: None, seen: None }
    }
}

/// The networks, alike in shape, data, epochs and schedule.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Of the first of them.
    training: &'a Training,
    pub engine: Engine,
    /// None where nothing is noted of any.
    pub candidates: Vec<Candidate<'a>>,
    /// What they do on the rows kept for validation, where the engine has just looked.
    scores: Option<Vec<Score>>,
    batches: Batches,
}

impl<'a> Group<'a> {
    /// Networks at their starts. Those that stop when solved are noted only under a plateau.
    pub async fn new(
        seeds: &[Seed<'a>],
        stops_when_solved: bool,
        spec: &EngineSpec,
    ) -> Result<Group<'a>, Error> {
        let &[(training, _), ..] = seeds else { return Err(Error::diverged("every start", 0)) };
        let (base, members, starts) = members(seeds);
        let batches = training.batches(base);
        let task = training.task_from(State::default(), base, training.learning_rate);
        let engine = Engine::many(task, &members, &starts, stops_when_solved, spec).await?;
        let is_noted = !stops_when_solved || training.schedule.kind == ScheduleKind::Plateau;
        let candidates = seeds
            .iter()
            .filter(|_| is_noted)
            .map(|&(training, seed)| Candidate::new(training, TrainerState::new(training, seed)));
        let candidates = candidates.collect();
        Ok(Group { training, engine, candidates, scores: None, batches })
    }

    /// One network, from where it stood.
    pub async fn resumed(
        training: &'a Training,
        state: State,
        trainer_state: TrainerState,
        spec: &EngineSpec,
    ) -> Result<Group<'a>, Error> {
        let batches = training.batches(trainer_state.seed);
        let engine =
            Engine::new(training.task_from(state, trainer_state.seed, trainer_state.rate), spec)
                .await?;
        let candidates = vec![Candidate::new(training, trainer_state)];
        Ok(Group { training, engine, candidates, scores: None, batches })
    }

    /// Whole epochs done.
    pub fn epoch(&self) -> u32 {
        self.engine.steps_done() / self.batches.steps_per_epoch() as u32
    }

    /// Whether all steps up to the end of an epoch are made.
    pub fn has_made(&self, epoch: u32) -> bool {
        self.engine.steps_done() >= epoch * self.batches.steps_per_epoch() as u32
    }

    /// Makes steps towards the end of an epoch, as the engine likes: all of them, fewer where `stop` says
    /// so, or what suits one submission. Notes their losses; after the last of them `looks` at the rows kept for
    /// validation.
    pub async fn advance(
        &mut self,
        until: u32,
        looks: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let per_epoch = self.batches.steps_per_epoch() as u32;
        let before = self.engine.steps_done();
        let (end, every) = match self.candidates.is_empty() {
            true => (until, 0),
            false => self.training.losses_towards(self.epoch(), until),
        };
        let (steps, looks) = (end * per_epoch - before, looks && end == until);
        let made = self.engine.advance(steps, every, looks, stop).await?;
        self.scores = made.scores;
        let steps = before..before + made.steps;
        let width = made.columns.len();
        for (column, &network) in made.columns.iter().enumerate() {
            let Some(candidate) = self.candidates.get_mut(network as usize) else { continue };
            let unit = candidate.training.data.loss_unit() as f32;
            let losses = made.losses.iter().skip(column).step_by(width).map(|loss| unit * loss);
            let (trainer_state, training) = (&mut candidate.trainer_state, candidate.training);
            let bad =
                trainer_state.note(training, &self.batches, steps.clone(), made.every, losses);
            let bad = bad.map(|step| (step, Some("the loss")));
            candidate.diverged = candidate.diverged.or(bad);
        }
        Ok(())
    }

    /// What the engine saw of the rows kept for validation after the last step, if it looked: a loss and how
    /// many rows are right, of each network.
    pub fn take_scores(&mut self) -> Option<Vec<Score>> {
        self.scores.take()
    }

    /// Notes which networks have left the finite numbers.
    pub fn note_divergence(&mut self) {
        let step = self.engine.steps_done();
        for (candidate, status) in self.candidates.iter_mut().zip(self.engine.statuses()) {
            if status == NetworkStatus::Diverged {
                let (step, _) = candidate.diverged.unwrap_or((step, None));
                candidate.diverged = Some((step, None));
            }
        }
    }

    /// Decides at a report boundary, from the loss on the rows kept for validation where they were just looked
    /// at, else from that of the last epoch. Returns, of the first network, whether its training ends here and
    /// whether its loss is the lowest.
    pub fn decide(&mut self) -> (Option<Ended>, bool) {
        let (mut first, mut is_changed) = (None, false);
        for Candidate { training, trainer_state, diverged, seen } in &mut self.candidates {
            let now = seen.filter(|seen| seen.epoch == trainer_state.epoch);
            if training.is_history_point(trainer_state.epoch) {
                trainer_state.validation_history.extend(now);
            }
            // Of a network that has stopped no loss is known.
            let loss = now.map(|now| now.loss).or(trainer_state.latest.map(f64::from));
            if let (Some(loss), None) = (loss, *diverged) {
                let before = trainer_state.rate;
                let decided = trainer_state.decide(training, loss);
                first = first.or(Some(decided));
                is_changed |= trainer_state.rate != before;
            }
        }
        if is_changed {
            let rates: Vec<f32> =
                self.candidates.iter().map(|one| one.trainer_state.rate).collect();
            self.engine.set_rates(&rates);
        }
        first.unwrap_or((None, false))
    }
}

/// The lowest seed, what each network has of its own, and where they start.
fn members(seeds: &[Seed<'_>]) -> (u64, Vec<Member>, Vec<Start>) {
    let base = seeds.iter().map(|(_, seed)| *seed).min().unwrap_or(0);
    let member = |&(training, seed): &Seed<'_>| {
        Member::new(&training.optimizer, training.learning_rate, (seed - base) as u32)
    };
    let is_next = |(one, seed): &Seed<'_>, (other, next): &Seed<'_>| {
        std::ptr::eq(*one, *other) && seed.checked_add(1) == Some(*next)
    };
    let (mut starts, mut at) = (Vec::new(), 0);
    for own in seeds.chunk_by(is_next) {
        let (&Training { init, init_scale: scale, .. }, seed) = own[0];
        starts.push(Start { networks: at..at + own.len(), init, scale, seed });
        at += own.len();
    }
    (base, seeds.iter().map(member).collect(), starts)
}

/// Trains each of these networks until it solves its data, leaves the finite numbers or has made its epochs,
/// and says which. `tell` hears how many epochs are done. Nothing where `stop` came first: without all their
/// epochs, those that had not solved their data yet would be counted as if they never did.
pub(crate) async fn judge(
    seeds: &[Seed<'_>],
    spec: &EngineSpec,
    tell: &mut dyn FnMut(u32),
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<NetworkStatus>>, Error> {
    if let (EngineSpec::Cpu, &[(training, _), ..]) = (spec, seeds)
        && suits_lanes(training)
    {
        return Ok(judge_in_lanes(training, seeds, stop));
    }
    judge_by_engine(seeds, spec, tell, stop).await
}

/// The same by the engine itself, also on the CPU: to the bits of a training.
pub(crate) async fn judge_by_engine(
    seeds: &[Seed<'_>],
    spec: &EngineSpec,
    tell: &mut dyn FnMut(u32),
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<NetworkStatus>>, Error> {
    let mut group = Group::new(seeds, true, spec).await?;
    let training = group.training;
    loop {
        let boundary = match group.candidates.is_empty() {
            true => training.epochs,
            false => training.next_boundary(group.epoch()),
        };
        group.advance(boundary, false, stop).await?;
        tell(group.epoch());
        if group.engine.is_decided() || group.has_made(training.epochs) {
            return Ok(Some(group.engine.statuses()));
        }
        if stop() {
            return Ok(None);
        }
        if group.has_made(boundary) {
            group.note_divergence();
            group.decide();
        }
    }
}

/// Whether networks like this are trained in the lanes of a CPU's vectors, many at once; else there, one after
/// the other. In a browser none is: it downloads what it runs, and lanes are a tenth of it.
pub(crate) fn suits_lanes(training: &Training) -> bool {
    !cfg!(target_family = "wasm") && LanesEngine::suits(training.request(&training.batches(0), 1))
}

/// [`judge`] in lanes.
fn judge_in_lanes(
    training: &Training,
    seeds: &[Seed<'_>],
    stop: &dyn Fn() -> bool,
) -> Option<Vec<NetworkStatus>> {
    let (base, members, starts) = members(seeds);
    let population = Population {
        network: &training.network,
        optimizer: training.optimizer,
        schedule: training.rate_schedule(),
        data: &training.data,
        batches: training.batches(base),
        members: &members,
        stops_when_solved: true,
        mapping: None,
    };
    let steps = training.epochs * population.batches.steps_per_epoch() as u32;
    let mut engine = LanesEngine::new(&population, &starts);
    engine.run(steps, stop);
    let is_over = engine.is_decided() || engine.steps_done() == steps;
    is_over.then(|| engine.statuses().to_vec())
}
