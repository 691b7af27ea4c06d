//! XOR by 2-3-1: one network for many epochs, and very many networks for some.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rivals::{self, Level};
use super::{Times, verified};
use crate::Error;
use crate::check::Bound;
use crate::data::{Batches, Dataset, Order, Source};
use crate::engine::{
    Engine, EngineKind, EngineSpec, Kernels, LanesEngine, Member, Population, Start, State, Task,
    workers,
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

/// An engine or a loop that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    /// One of the engines; the cpu engine with one network on one core, and with a population as a sweep
    /// trains it, one network in each lane.
    Engine(EngineKind),
    /// A loop written by hand for this one network.
    Loop(Level),
}

impl Contestant {
    /// Whether this is the resident or the layered engine.
    pub fn needs_gpu(self) -> bool {
        !matches!(self, Contestant::Engine(EngineKind::Cpu) | Contestant::Loop(_))
    }

    /// The name in reports.
    pub fn name(self) -> String {
        match self {
            Contestant::Engine(kind) => kind.to_string(),
            Contestant::Loop(level) => format!("{} loop", level.name()),
        }
    }
}

/// How fast one contestant was.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Of which.
    pub contestant: Contestant,
    /// CPU threads it was given; 0 for one that has a GPU.
    pub threads: usize,
    /// One epoch of one network in each measurement.
    pub times: Times,
    /// Epochs that one network made in a measurement: fewer than asked for where it was too slow.
    pub epochs: u32,
}

/// The speeds of all contestants.
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

/// Compares every contestant with the reference, then times them in turn. `report` is told which is next; a
/// true answer of `stop` ends it with what was measured.
///
/// # Errors
/// [`Error::Check`] where one computes something else; where the GPU fails.
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
    let engines = EngineKind::ALL.iter().copied().map(Contestant::Engine);
    let resident = Contestant::Engine(EngineKind::Resident);
    let speeds = |list: Vec<Contestant>, threads: usize| -> Vec<Speed> {
        let speed = |contestant: Contestant| Speed {
            contestant,
            threads: if contestant.needs_gpu() { 0 } else { threads },
            times: Times::default(),
            epochs: 0,
        };
        list.into_iter().filter(has_gpu).map(speed).collect()
    };
    let mut one = speeds(engines.chain(loops()).collect(), 1);
    let cpu = Contestant::Engine(EngineKind::Cpu);
    let mut many = speeds([resident, cpu].into_iter().chain(loops()).collect(), workers());

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
        // None always follows the same one, whose heat and caches it would inherit.
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
            speed.times.extend(Some(seconds / f64::from(runs)).filter(|_| counts));
        }
        for speed in &mut many {
            report(&format!("{} networks on {}", sizes.networks, speed.contestant.name()));
            let epochs = sizes.population_epochs;
            let many = work.train_many(speed.contestant, gpu, sizes.networks, epochs, stop).await?;
            if stop() {
                stopped = true;
                break 'rounds;
            }
            speed.times.extend(Some(many.seconds).filter(|_| counts));
            speed.epochs = epochs;
        }
    }
    Ok(Contest { sizes, one, many, stopped })
}

/// Whether the host can hold the population: every network's start in its layout, packed, and in
/// columns.
fn check_memory(sizes: Sizes) -> Result<(), Error> {
    let bytes = sizes.networks.saturating_mul((128 + 3 * 13) * size_of::<f32>());
    let reason = format!("takes {bytes} bytes of memory, which are not there; use fewer");
    let too_many = |_| Error::setting(format!("`networks` {}", sizes.networks), reason);
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

/// What is trained, the same for every contestant.
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
            verified(&format!("{label}, seed {seed}"), parameters, &expected, near)?;
        }
        Ok(())
    }

    /// The network of seed `SEED`; where there is a `limit` an engine that is slow is given up on
    /// after a while, and any of them once it says so.
    async fn train_one(
        &self,
        contestant: Contestant,
        gpu: Option<&Arc<Gpu>>,
        epochs: u32,
        limit: Option<&dyn Fn() -> bool>,
    ) -> Result<Trained, Error> {
        let never = || false;
        let stop = limit.unwrap_or(&never);
        let (made, parameters, time) = match contestant {
            Contestant::Engine(kind) => {
                let mut engine = Engine::new(self.task(), &spec(kind, gpu)).await?;
                // Uploads, and what an earlier engine left to clean up, are not part of the training.
                engine.parameters().await?;
                let started = Instant::now();
                let is_slow = || limit.is_some() && started.elapsed() > SLOW;
                let every = (epochs / POINTS).max(1);
                let most = if kind == EngineKind::Layered { 100 } else { epochs };
                while engine.steps_done() < epochs && !(engine.steps_done() > 0 && stop()) {
                    let steps = most.min(epochs - engine.steps_done());
                    engine.advance(steps, every, false, stop).await?;
                    if kind == EngineKind::Layered && is_slow() {
                        break;
                    }
                }
                let parameters = self.packed(&engine.parameters().await?);
                (engine.steps_done(), parameters, started.elapsed())
            }
            Contestant::Loop(level) => {
                let mut network = [0.0; 13];
                network.copy_from_slice(&self.packed(&self.start(SEED)));
                let rows = std::hint::black_box(self.rows);
                let (mut made, started) = (0, Instant::now());
                while made < epochs && !(made > 0 && stop()) {
                    let some = UNINTERRUPTED.min(epochs - made);
                    rivals::train_one(&mut network, &rows, RATE, some, level);
                    made += some;
                }
                let time = started.elapsed();
                (made, network.to_vec(), time)
            }
        };
        let made = made.max(1);
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
        let (parameters, time) = match contestant {
            Contestant::Loop(level) => {
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
                (columns, started.elapsed())
            }
            Contestant::Engine(EngineKind::Cpu) => {
                let mut engines = Vec::new();
                let members = members(networks);
                let task = self.task();
                for own in members.chunks(networks.div_ceil(workers()).max(1)) {
                    let population = Population {
                        network: &self.network,
                        optimizer: task.optimizer,
                        schedule: task.schedule,
                        data: &self.data,
                        batches: task.batches,
                        members: own,
                        stops_when_solved: false,
                        mapping: None,
                    };
                    let seed = own.first().map_or(0, |member| member.seed.into());
                    let starts = [Start { networks: 0..own.len(), seed, ..start(networks) }];
                    engines.push(LanesEngine::new(&population, &starts));
                }
                let started = Instant::now();
                let slice = (16 * UNINTERRUPTED as usize / networks.max(1)).max(1) as u32;
                let mut made = 0;
                while made < epochs && !(made > 0 && stop()) {
                    let some = slice.min(epochs - made);
                    std::thread::scope(|scope| {
                        for engine in &mut engines {
                            scope.spawn(move || engine.run(some, &|| false));
                        }
                    });
                    made += some;
                }
                let time = started.elapsed();
                let each = engines.iter().flat_map(LanesEngine::parameters);
                (self.columns(each.map(|(_, parameters)| parameters)), time)
            }
            Contestant::Engine(kind) => {
                let (members, start) = (members(networks), start(networks));
                let spec = spec(kind, gpu);
                let mut engine =
                    Engine::many(self.task(), &members, &[start], false, &spec).await?;
                engine.parameters().await?;
                let started = Instant::now();
                while engine.steps_done() < epochs && !(engine.steps_done() > 0 && stop()) {
                    engine.advance(epochs - engine.steps_done(), 0, false, stop).await?;
                }
                let time = started.elapsed();
                let parameters = engine.parameters().await?;
                let each = parameters.chunks_exact(self.layout.len()).map(<[f32]>::to_vec);
                (self.columns(each), time)
            }
        };
        let net_epochs = f64::from(epochs) * networks as f64;
        Ok(Trained { parameters, seconds: time.as_secs_f64() / net_epochs, epochs })
    }

    /// `[13][networks]` from networks in their layout.
    fn columns(&self, networks: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
        let packed: Vec<Vec<f32>> = networks.map(|flat| self.packed(&flat)).collect();
        let count = self.network.parameter_count();
        (0..count).flat_map(|at| packed.iter().map(move |network| network[at])).collect()
    }
}

/// A population of the first seeds.
fn members(networks: usize) -> Vec<Member> {
    (0..networks as u32).map(|seed| Member::new(&Optimizer::default(), RATE, seed)).collect()
}

/// Where it starts.
fn start(networks: usize) -> Start {
    Start { networks: 0..networks, init: Initializer::HeNormal, scale: 1.0, seed: 0 }
}

/// Where an engine of a kind runs; on the CPU where there is no GPU.
fn spec(kind: EngineKind, gpu: Option<&Arc<Gpu>>) -> EngineSpec {
    match (kind, gpu) {
        (EngineKind::Resident, Some(gpu)) => EngineSpec::Resident(Arc::clone(gpu), None),
        (EngineKind::Layered, Some(gpu)) => EngineSpec::Layered(Arc::clone(gpu), Kernels::Fused),
        (EngineKind::Cpu, _) | (_, None) => EngineSpec::Cpu,
    }
}
