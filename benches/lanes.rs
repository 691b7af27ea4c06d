//! Populations of several shapes on the lanes of one core, beside the cpu engine with one network after the
//! other and, by the size of the network, beside the loop written by hand for 2-3-1 in AVX2.
//!
//! `cargo bench --bench lanes`; a filter that is not in its name leaves it out.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use std::sync::Arc;
use std::time::Instant;

use wgrad::bench::{Contestant, Sizes, contest};
use wgrad::data::{Batches, Dataset, Order, Source};
use wgrad::engine::{CpuEngine, LanesEngine, Member, Population, Start, State, Task};
use wgrad::network::{Activation, Initializer, Loss, Network};
use wgrad::optimizer::{Optimizer, RateSchedule};

const NETWORKS: usize = 1024;
const RATE: f32 = 0.5;
const CHECKED_EPOCHS: u32 = 50;
/// Of network-epochs, rows and parameters, in a measurement.
const WORK: usize = 1 << 32;
const ROUNDS: usize = 3;

/// XOR by networks of a shape.
struct Work {
    network: Network,
    data: Arc<Dataset>,
    batches: Batches,
}

impl Work {
    fn start(&self, seed: u64) -> Vec<f32> {
        Initializer::HeNormal.parameters(&self.network, seed, 1.0)
    }

    fn alone(&self, seed: u64) -> CpuEngine {
        let mut task = Task::new(self.network.clone(), Arc::clone(&self.data), self.batches);
        (task.learning_rate, task.start) = (RATE, State::new(self.start(seed)));
        CpuEngine::new(task).unwrap()
    }

    fn lanes<'a>(&'a self, members: &'a [Member]) -> LanesEngine<'a> {
        let population = Population {
            network: &self.network,
            optimizer: Optimizer::default(),
            schedule: RateSchedule::default(),
            data: &self.data,
            batches: self.batches,
            members,
            stops_when_solved: false,
            mapping: None,
        };
        let (init, networks) = (Initializer::HeNormal, 0..members.len());
        LanesEngine::new(&population, &[Start { networks, init, scale: 1.0, seed: 0 }])
    }
}

/// Network-epochs a second at best.
fn rate(epochs: u32, networks: usize, mut run: impl FnMut() -> f64) -> f64 {
    let seconds = (0..ROUNDS).map(|_| run()).fold(f64::INFINITY, f64::min);
    f64::from(epochs) * networks as f64 / seconds
}

fn main() {
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if !filters.is_empty() && !filters.iter().any(|filter| "lanes".contains(filter.as_str())) {
        return;
    }
    let sizes = Sizes { epochs: 1000, networks: 16_384, population_epochs: 1000, rounds: 5 };
    let measured = pollster::block_on(contest(None, sizes, &mut |_| (), &|| false)).unwrap();
    let by_hand = measured.many.iter().find(|speed| {
        matches!(speed.contestant, Contestant::Loop(_)) && speed.contestant.name() == "avx2 loop"
    });
    // Rows times parameters a second, on one core: 2-3-1 has 13.
    let by_hand =
        by_hand.map(|speed| 4.0 * 13.0 / speed.times.median() / speed.threads.max(1) as f64);
    let data = Arc::new(Source::Xor.built_in().unwrap().unwrap());
    println!(
        "XOR, full batch, relu, bce, sgd; {NETWORKS} networks on one core, the best of {ROUNDS}"
    );
    println!(
        "shape        net-epochs/s  of the cpu engine's  of the avx2 loop's rows x parameters"
    );
    for sizes in [&[2, 3, 1][..], &[2, 8, 1], &[2, 32, 1], &[2, 8, 8, 1], &[2, 16, 16, 1]] {
        let network =
            Network::uniform(sizes.to_vec(), Activation::Relu, Activation::Sigmoid, Loss::Bce);
        let batches = Batches::new(4, 0, Order::Sequential, 0);
        let work = Work { network: network.unwrap(), data: Arc::clone(&data), batches };
        let member = |seed| Member::new(&Optimizer::default(), RATE, seed);
        let members: Vec<Member> = (0..NETWORKS as u32).map(member).collect();

        let mut checked = work.lanes(&members);
        checked.run(CHECKED_EPOCHS, &|| false);
        for (seed, parameters) in checked.parameters().step_by(97) {
            let mut alone = work.alone(seed as u64);
            alone.run(CHECKED_EPOCHS, &|| false);
            for (here, there) in parameters.iter().zip(alone.parameters()) {
                let near = CHECKED_EPOCHS as f32 * 32.0 * f32::EPSILON * (1.0 + there.abs());
                assert!((here - there).abs() <= near, "{sizes:?}, seed {seed}: {here}, {there}");
            }
        }

        let one = 4 * work.network.parameter_count();
        let epochs = (WORK / one / NETWORKS) as u32;
        let lanes = rate(epochs, NETWORKS, || {
            let mut engine = work.lanes(&members);
            let started = Instant::now();
            engine.run(epochs, &|| false);
            started.elapsed().as_secs_f64()
        });
        let epochs = (WORK / 64 / one) as u32;
        let alone = rate(epochs, 1, || {
            let mut engine = work.alone(0);
            let started = Instant::now();
            engine.run(epochs, &|| false);
            started.elapsed().as_secs_f64()
        });
        let share = by_hand.map_or("no AVX2 here".to_owned(), |by_hand| {
            format!("{:.2}", lanes * one as f64 / by_hand)
        });
        let shape = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        println!("{shape:<12} {lanes:>12.3e}  {:>19.1}  {share:>36}", lanes / alone);
    }
}
