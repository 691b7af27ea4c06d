//! XOR by 2-3-1: one network for many epochs, and very many networks for some.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rivals::{self, Level};
use crate::Error;
use crate::check::{Bound, compare};
use crate::data::{Batches, Dataset, Order, Source};
use crate::engine::State;
use crate::engine::{
    CpuEngine, Kernels, LayeredEngine, Member, Population, ResidentEngine, Start, Task, workers,
};
use crate::gpu::Gpu;
use crate::network::{Activation, Initializer, Layout, Loss, Network};
use crate::optimizer::{Optimizer, RateSchedule};
use crate::reference::Reference;

/// The learning rate of every contestant.
const RATE: f32 = 0.5;
/// The seed of the one network: it solves XOR.
const SEED: u64 = 2;
/// Points of the loss that the resident engine keeps on its way, as `train` has it do.
const POINTS: u32 = 200;
/// Epochs after which contestants are compared with the reference.
const CHECKED_EPOCHS: u32 = 50;
/// How far f32 may be from f64 then: every epoch rounds each of a few dozen operations once, on
/// numbers of the order of 1.
const NEAR: f64 = 50.0 * 32.0 / 8_388_608.0;
/// Networks of a population that are compared.
const CHECKED_NETWORKS: usize = 64;
/// A measurement repeats a short training until this long has passed: one of a few milliseconds
/// would tell more of how soon a sleeping core wakes.
const LONG_ENOUGH: Duration = Duration::from_millis(50);
/// Epochs of one network that a loop makes before it is asked whether to go on.
const UNINTERRUPTED: u32 = 1 << 24;
/// A measurement of an engine that is too slow for all its epochs ends after this long.
const SLOW: Duration = Duration::from_millis(500);

/// How much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Epochs of the one network.
    pub epochs: u32,
    /// Networks of the population.
    pub networks: usize,
    /// Their epochs.
    pub population_epochs: u32,
    /// Measurements of each contestant, in turn with the others.
    pub rounds: u32,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes { epochs: 30_000, networks: 65_536, population_epochs: 2000, rounds: 5 }
    }
}

/// Who trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    /// The resident engine, on a GPU.
    Resident,
    /// The layered engine, on a GPU.
    Layered,
    /// The cpu engine, on one core.
    Cpu,
    /// A loop written by hand for this one network.
    Loop(Level),
}

impl Contestant {
    /// Whether this is the resident or the layered engine.
    pub fn needs_gpu(self) -> bool {
        matches!(self, Contestant::Resident | Contestant::Layered)
    }

    /// The name in reports.
    pub fn name(self) -> String {
        match self {
            Contestant::Resident => "resident".to_owned(),
            Contestant::Layered => "layered".to_owned(),
            Contestant::Cpu => "cpu".to_owned(),
            Contestant::Loop(level) => format!("{} loop", level.name()),
        }
    }
}

/// How fast one contestant was.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Who.
    pub contestant: Contestant,
    /// CPU threads it was given; 0 for one that has a GPU.
    pub threads: usize,
    /// Seconds of one epoch of one network in each measurement, the fastest first.
    pub seconds: Vec<f64>,
    /// Epochs that one network made in a measurement: fewer than asked for where it was too slow.
    pub epochs: u32,
}

impl Speed {
    /// Seconds of one epoch of one network: the middle measurement.
    pub fn median(&self) -> f64 {
        self.seconds.get(self.seconds.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Everybody's speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// The work that was asked for.
    pub sizes: Sizes,
    /// With one network.
    pub one: Vec<Speed>,
    /// With a population.
    pub many: Vec<Speed>,
    /// Whether a stop was asked for before the end.
    pub stopped: bool,
}

/// Compares everybody with the reference, and then times them, each in turn with the others.
/// `report` hears who is next; a true answer of `stop` ends it with what was measured.
///
/// # Errors
/// [`Error::Check`] where somebody computes something else; where the GPU fails.
pub async fn contest(
    gpu: Option<&Arc<Gpu>>,
    sizes: Sizes,
    report: &mut dyn FnMut(&str),
    stop: &dyn Fn() -> bool,
) -> Result<Contest, Error> {
    let work = Work::new()?;
    check_memory(sizes)?;
    let loops = || Level::all_here().into_iter().map(Contestant::Loop);
    let has_gpu = |contestant: &Contestant| gpu.is_some() || !contestant.needs_gpu();
    let engines = [Contestant::Resident, Contestant::Layered, Contestant::Cpu];
    let speeds = |list: Vec<Contestant>, threads: usize| -> Vec<Speed> {
        let speed = |contestant: Contestant| Speed {
            contestant,
            threads: if contestant.needs_gpu() { 0 } else { threads },
            seconds: Vec::new(),
            epochs: 0,
        };
        list.into_iter().filter(has_gpu).map(speed).collect()
    };
    let mut one = speeds(engines.into_iter().chain(loops()).collect(), 1);
    let mut many =
        speeds(std::iter::once(Contestant::Resident).chain(loops()).collect(), workers());

    for Speed { contestant, .. } in &one {
        let trained = work.train_one(*contestant, gpu, CHECKED_EPOCHS, None).await?;
        work.check(&format!("{}, one network", contestant.name()), &[trained.parameters])?;
    }
    for Speed { contestant, .. } in &many {
        let trained =
            work.train_many(*contestant, gpu, CHECKED_NETWORKS, CHECKED_EPOCHS, stop).await?;
        let each = (0..CHECKED_NETWORKS).map(|network| {
            let column = trained.parameters.iter().skip(network).step_by(CHECKED_NETWORKS);
            column.copied().collect()
        });
        let each: Vec<Vec<f32>> = each.collect();
        work.check(&format!("{}, {CHECKED_NETWORKS} networks", contestant.name()), &each)?;
    }
    let mut stopped = false;
    'rounds: for round in 0..=sizes.rounds {
        // The first round of all only warms up: shaders are compiled at their first use.
        let counts = round > 0;
        // Nobody always follows the same neighbour, whose heat and caches it would inherit.
        one.rotate_left(1);
        many.rotate_left(1);
        for speed in &mut one {
            report(&format!("one network on {}", speed.contestant.name()));
            let (mut runs, mut seconds, started) = (0, 0.0, Instant::now());
            while runs == 0 || started.elapsed() < LONG_ENOUGH {
                let one = work.train_one(speed.contestant, gpu, sizes.epochs, Some(stop)).await?;
                (runs, seconds) = (runs + 1, seconds + one.seconds);
                speed.epochs = one.epochs;
            }
            if stop() {
                stopped = true;
                break 'rounds;
            }
            speed.seconds.extend(Some(seconds / f64::from(runs)).filter(|_| counts));
        }
        for speed in &mut many {
            report(&format!("{} networks on {}", sizes.networks, speed.contestant.name()));
            let epochs = sizes.population_epochs;
            let many = work.train_many(speed.contestant, gpu, sizes.networks, epochs, stop).await?;
            if stop() {
                stopped = true;
                break 'rounds;
            }
            speed.seconds.extend(Some(many.seconds).filter(|_| counts));
            speed.epochs = epochs;
        }
    }
    for speed in one.iter_mut().chain(&mut many) {
        speed.seconds.sort_by(f64::total_cmp);
    }
    Ok(Contest { sizes, one, many, stopped })
}

/// Whether the host can hold the population: every network's start in its layout, packed, and in
/// columns.
fn check_memory(sizes: Sizes) -> Result<(), Error> {
    let bytes = sizes.networks.saturating_mul((128 + 3 * 13) * size_of::<f32>());
    let too_many = |_| Error::Setting {
        setting: format!("--networks {}", sizes.networks),
        reason: format!("takes {bytes} bytes of memory, which are not there; use fewer"),
    };
    // Given back at once: it only has to be there.
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(too_many)
}

/// What a contestant gave.
struct Trained {
    /// Without padding; of a population `[13][networks]`.
    parameters: Vec<f32>,
    /// Seconds of one epoch of one network.
    seconds: f64,
    /// Epochs it made.
    epochs: u32,
}

/// What is trained, as everybody gets it.
struct Work {
    network: Network,
    layout: Layout,
    data: Arc<Dataset>,
    rows: [[f32; 3]; 4],
}

impl Work {
    fn new() -> Result<Work, Error> {
        let (hidden, output) = (Activation::Relu, Activation::Sigmoid);
        let network = Network::uniform(vec![2, 3, 1], hidden, output, Loss::Bce)?;
        let rows = [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
        let inputs = rows.iter().flat_map(|row| [row[0], row[1]]).collect();
        let targets = rows.iter().map(|row| row[2]).collect();
        let data = Arc::new(Dataset::new(&Source::Xor.to_string(), inputs, 2, targets, 1)?);
        Ok(Work { layout: Layout::new(&network), network, data, rows })
    }

    fn start(&self, seed: u64) -> Vec<f32> {
        Initializer::HeNormal.parameters(&self.network, seed, 1.0)
    }

    fn packed(&self, flat: &[f32]) -> Vec<f32> {
        self.layout.unpack(flat).concat()
    }

    fn batches(&self) -> Batches {
        Batches::new(self.rows.len(), 0, Order::Sequential, 0)
    }

    fn task(&self) -> Task {
        Task {
            network: self.network.clone(),
            data: Arc::clone(&self.data),
            batches: self.batches(),
            learning_rate: RATE,
            optimizer: Optimizer::default(),
            schedule: RateSchedule::default(),
            start: State::new(self.start(SEED)),
        }
    }

    /// Holds networks, one of seed `SEED` or those of the first seeds, to the reference.
    fn check(&self, label: &str, networks: &[Vec<f32>]) -> Result<(), Error> {
        let wide = |list: &[f32]| list.iter().map(|&value| value.into()).collect::<Vec<f64>>();
        let first = if networks.len() == 1 { SEED } else { 0 };
        for (seed, parameters) in (first..).zip(networks) {
            let mut reference = Reference::new(&self.network, wide(&self.start(seed)));
            for _ in 0..CHECKED_EPOCHS {
                reference.step(&wide(self.data.inputs()), &wide(self.data.targets()), RATE.into());
            }
            let expected = self.layout.unpack(&reference.parameters).concat();
            let near = Bound::Mixed { absolute: NEAR, relative: NEAR };
            compare(&format!("{label}, seed {seed}"), parameters, &expected, near)
                .map_err(|mismatch| Error::Check { what: mismatch.to_string() })?;
        }
        Ok(())
    }

    /// The network of seed `SEED`; where there is a `limit` an engine that is slow is given up on
    /// after a while, and everybody once it says so.
    async fn train_one(
        &self,
        contestant: Contestant,
        gpu: Option<&Arc<Gpu>>,
        epochs: u32,
        limit: Option<&dyn Fn() -> bool>,
    ) -> Result<Trained, Error> {
        let never = || false;
        let stop = limit.unwrap_or(&never);
        let (mut made, parameters, time);
        match (contestant, gpu) {
            (Contestant::Resident, Some(gpu)) => {
                let mut engine = self.population(1, SEED, gpu).await?;
                let started = Instant::now();
                let every = (epochs / POINTS).max(1);
                while engine.steps_done() < epochs && !(engine.steps_done() > 0 && stop()) {
                    engine.advance(epochs - engine.steps_done(), every).await?;
                }
                parameters = self.packed(&engine.parameters().await?[0]);
                (time, made) = (started.elapsed(), engine.steps_done());
            }
            (Contestant::Layered, Some(gpu)) => {
                let mut engine =
                    LayeredEngine::new(self.task(), Arc::clone(gpu), Kernels::Fused).await?;
                let started = Instant::now();
                let is_long = |started: Instant| limit.is_some() && started.elapsed() > SLOW;
                while engine.steps_done() < epochs && !is_long(started) && !stop() {
                    let steps = 100.min(epochs - engine.steps_done());
                    engine.run(steps, &never).await?;
                }
                made = engine.steps_done();
                parameters = self.packed(&engine.parameters().await?);
                time = started.elapsed();
            }
            (Contestant::Loop(level), _) => {
                let mut network = [0.0; 13];
                network.copy_from_slice(&self.packed(&self.start(SEED)));
                let rows = std::hint::black_box(self.rows);
                let started = Instant::now();
                made = 0;
                while made < epochs && !(made > 0 && stop()) {
                    let some = UNINTERRUPTED.min(epochs - made);
                    rivals::train_one(&mut network, &rows, RATE, some, level);
                    made += some;
                }
                time = started.elapsed();
                parameters = network.to_vec();
            }
            (Contestant::Cpu | Contestant::Resident | Contestant::Layered, _) => {
                let mut engine = CpuEngine::new(self.task())?;
                let started = Instant::now();
                engine.run(epochs, stop);
                (time, made) = (started.elapsed(), engine.steps_done());
                parameters = self.packed(engine.parameters());
            }
        }
        made = made.max(1);
        Ok(Trained { parameters, seconds: time.as_secs_f64() / f64::from(made), epochs: made })
    }

    /// The networks of the first seeds.
    async fn train_many(
        &self,
        contestant: Contestant,
        gpu: Option<&Arc<Gpu>>,
        networks: usize,
        epochs: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<Trained, Error> {
        let (parameters, time);
        match (contestant, gpu) {
            (Contestant::Loop(level), _) => {
                let mut columns = self.columns((0..networks as u64).map(|seed| self.start(seed)));
                let rows = std::hint::black_box(self.rows);
                let started = Instant::now();
                let (mut made, threads) = (0, workers());
                let slice = (16 * UNINTERRUPTED as usize / networks.max(1)).max(1) as u32;
                while made < epochs && !(made > 0 && stop()) {
                    let some = slice.min(epochs - made);
                    rivals::train_many(&mut columns, networks, &rows, RATE, some, level, threads);
                    made += some;
                }
                (time, parameters) = (started.elapsed(), columns);
            }
            (_, Some(gpu)) => {
                let mut engine = self.population(networks, 0, gpu).await?;
                let started = Instant::now();
                while engine.steps_done() < epochs && !(engine.steps_done() > 0 && stop()) {
                    engine.advance(epochs - engine.steps_done(), 0).await?;
                }
                time = started.elapsed();
                parameters = self.columns(engine.parameters().await?.into_iter());
            }
            (_, None) => {
                return Ok(Trained { parameters: Vec::new(), seconds: f64::NAN, epochs: 0 });
            }
        }
        let net_epochs = f64::from(epochs) * networks as f64;
        Ok(Trained { parameters, seconds: time.as_secs_f64() / net_epochs, epochs })
    }

    /// `[13][networks]` from networks in their layout.
    fn columns(&self, networks: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
        let packed: Vec<Vec<f32>> = networks.map(|flat| self.packed(&flat)).collect();
        let count = self.network.parameter_count();
        (0..count).flat_map(|at| packed.iter().map(move |network| network[at])).collect()
    }

    async fn population(
        &self,
        networks: usize,
        seed: u64,
        gpu: &Arc<Gpu>,
    ) -> Result<ResidentEngine, Error> {
        let optimizer = Optimizer::default();
        let members: Vec<Member> =
            (0..networks as u32).map(|seed| Member::new(&optimizer, RATE, seed)).collect();
        let population = Population {
            optimizer,
            schedule: RateSchedule::default(),
            network: &self.network,
            data: &self.data,
            batches: self.batches(),
            members: &members,
            stops_when_solved: false,
            mapping: None,
        };
        let mut engine = ResidentEngine::new(&population, Arc::clone(gpu)).await?;
        let init = Initializer::HeNormal;
        engine.draw(&[Start { networks: 0..networks, init, scale: 1.0, seed }]).await?;
        // Uploads, and what an earlier engine left to clean up, are not part of the training.
        engine.parameters().await?;
        Ok(engine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_on_the_cpu_computes_what_the_reference_does() {
        let sizes = Sizes { epochs: 60, networks: 100, population_epochs: 3, rounds: 1 };
        let mut told = Vec::new();
        let mut tell = |who: &str| told.push(who.to_owned());
        let contest = contest(None, sizes, &mut tell, &|| false);
        let contest = pollster::block_on(contest).unwrap();
        let names = |speeds: &[Speed]| -> Vec<String> {
            speeds.iter().map(|speed| speed.contestant.name()).collect()
        };
        for name in ["cpu", "plain loop", "scalar loop"] {
            assert!(names(&contest.one).iter().any(|other| other == name), "{name}");
        }
        assert!(names(&contest.many).iter().any(|name| name == "scalar loop"));
        assert!(!names(&contest.one).iter().any(|name| name == "resident"));
        assert!(contest.one.iter().chain(&contest.many).all(|speed| speed.median() > 0.0));
        assert!(told.iter().any(|who| who == "100 networks on scalar loop"), "{told:?}");
    }

    #[test]
    fn somebody_who_computes_something_else_is_found_out() {
        let work = Work::new().unwrap();
        let lazy = work.packed(&work.start(SEED));
        let error = work.check("lazy", &[lazy]).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        assert!(error.to_string().contains("lazy, seed 2"), "{error}");
    }
}
