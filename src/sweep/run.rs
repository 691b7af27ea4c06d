//! Running a sweep: on the resident engine all that share a shape in the same dispatches, whatever
//! their rates and seeds; on the CPU many of them at once on every core, one in each lane of its vectors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use web_time::Instant;

use super::{Count, Sweep, SweepOutcome, SweepProgress};
use crate::Error;
use crate::engine::resident::{self, Capacity, Request};
use crate::engine::{EngineSpec, Mapping, NetworkStatus, at_once, on_every_core, workers};
use crate::gpu::{Gpu, GpuError};
use crate::network::{Network, joined};
use crate::optimizer::Optimizer;
use crate::train::{Seed, Training, judge, judge_by_engine, suits_lanes};

/// Networks in the same dispatches at most, and at least: enough to fill a device. Between them so
/// many that they take a second or a few, for a stop loses the chunk it comes in.
const GPU_CHUNK: Range<u64> = 1 << 16..1 << 20;
const SOFTWARE_CHUNK: Range<u64> = 1 << 10..1 << 16;
/// Network-epochs in that time.
const GPU_WORK: u64 = 1 << 34;
const SOFTWARE_WORK: u64 = 1 << 28;
/// Networks that a core of the CPU trains at once at most, and at least. Between them so many that they take a
/// few tenths of a second, and every core has some.
const CPU_CHUNK: Range<u64> = 1 << 6..1 << 12;
/// Rows of network-epochs times parameters in that time.
const CPU_WORK: u64 = 1 << 29;
/// Chunks that are handed to the cores at once: there may be more than memory holds.
const CPU_CHUNKS: usize = 1 << 8;
/// Chunks for each core, where there are enough networks: some take longer than others.
const CPU_SHARES: u64 = 4;

/// Networks that are trained again alone at most, to find one that solves its data there too.
const TRIED: usize = 16;

/// One network: its cell, and its index in it.
#[derive(Debug, Clone, Copy)]
struct NetworkId {
    cell: usize,
    index: u32,
}

/// What a running sweep has to tell and to ask.
struct Watch<'a> {
    report: &'a mut dyn FnMut(SweepProgress),
    stop: &'a dyn Fn() -> bool,
    /// Hears of every network's cell, place in it and status.
    note: &'a mut dyn FnMut(usize, u32, NetworkStatus),
    /// Hears what is counted, whenever that is more than before.
    keep: &'a mut dyn FnMut(&[Count]),
    done: u64,
    of: u64,
}

impl<'a> Watch<'a> {
    fn new(
        report: &'a mut dyn FnMut(SweepProgress),
        stop: &'a dyn Fn() -> bool,
        note: &'a mut dyn FnMut(usize, u32, NetworkStatus),
        keep: &'a mut dyn FnMut(&[Count]),
    ) -> Watch<'a> {
        Watch { report, stop, note, keep, done: 0, of: 0 }
    }
}

impl Sweep {
    /// Whether "solved" is defined for the data, and whether an engine and its device can hold every cell.
    ///
    /// # Errors
    /// As [`Sweep::check`]; [`Error::Gpu`] with the limit that a cell exceeds, [`Error::Memory`].
    pub fn check_on(&self, spec: &EngineSpec) -> Result<(), Error> {
        self.check()?;
        match spec {
            EngineSpec::Cpu => Ok(()),
            EngineSpec::Layered(..) => Err(Error::setting(
                "`engine` layered",
                "trains one network at a time; use `engine` resident or cpu",
            )),
            EngineSpec::Resident(gpu, mapping) => {
                for shape in self.shapes() {
                    let training = &self.cells[shape[0]].training;
                    let batches = &training.batches(training.seed);
                    let networks = self.chunk(&shape, gpu);
                    let mapping = self.mapping(&shape, gpu, *mapping);
                    let request = Request {
                        stops_when_solved: true,
                        mapping,
                        ..training.request(batches, networks)
                    };
                    let checked = resident::check_limits(request, &training.data, gpu);
                    checked.map_err(|error| too_large(error, &training.network))?;
                }
                Ok(())
            }
        }
    }

    /// The sizes of the first network that the resident engine takes on `gpu`, if at all, but is not
    /// fast with.
    pub(crate) fn unsuited(&self, gpu: &Gpu) -> Option<&[usize]> {
        let is_software = gpu.adapter().is_software();
        self.shapes().into_iter().find_map(|shape| {
            let suits = match self.mapping(&shape, gpu, None) {
                Some(Mapping::Invocation) => true,
                Some(Mapping::Workgroup) => !is_software,
                None => false,
            };
            (!suits).then(|| self.cells[shape[0]].training.network.sizes())
        })
    }

    /// Who owns the networks of a shape: the same however the sweep is cut into parts and chunks,
    /// since another mapping rounds otherwise.
    fn mapping(&self, shape: &[usize], gpu: &Gpu, asked: Option<Mapping>) -> Option<Mapping> {
        let training = &self.cells[shape[0]].training;
        let batches = &training.batches(training.seed);
        let all = shape.iter().map(|&cell| self.cells[cell].training.restarts as usize);
        let networks = all.fold(0, usize::saturating_add);
        let request = Request {
            stops_when_solved: true,
            mapping: asked,
            ..training.request(batches, networks)
        };
        resident::mapping(request, Capacity::of(gpu.adapter()))
    }

    /// The value of `--engine` that trains a cell's networks one by one: resident to the same bits, on the CPU,
    /// where a sweep trains them in the lanes of its vectors, but for rounding.
    pub fn engine_of(&self, cell: usize, spec: &EngineSpec) -> String {
        let EngineSpec::Resident(gpu, mapping) = spec else { return spec.kind().to_string() };
        let shapes = self.shapes();
        let shape = shapes.iter().find(|shape| shape.contains(&cell));
        match shape.and_then(|shape| self.mapping(shape, gpu, *mapping)) {
            Some(mapping) => format!("resident-{mapping}"),
            None => "resident".to_owned(),
        }
    }

    /// Trains every network of this part. `report` hears now and then where it is; a true answer of
    /// `stop` ends the sweep with the networks that are done.
    ///
    /// # Errors
    /// As [`Sweep::check_on`]; [`Error::Gpu`] where the device fails.
    pub async fn run(
        &self,
        spec: &EngineSpec,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
    ) -> Result<SweepOutcome, Error> {
        self.run_noting(spec, report, stop, &mut |_, _, _| ()).await
    }

    /// Goes on where a stopped run of the same sweep had counted `counts`, one for each cell: of every
    /// cell the networks of its first seeds. `keep` hears the counts as they grow, to be saved in case
    /// that this run ends early too.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn resume(
        &self,
        spec: &EngineSpec,
        counts: Vec<Count>,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        keep: &mut dyn FnMut(&[Count]),
    ) -> Result<SweepOutcome, Error> {
        self.run_from(spec, counts, &mut Watch::new(report, stop, &mut |_, _, _| (), keep)).await
    }

    /// The same; `note` hears of every network's cell, place in it and status.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub async fn run_noting(
        &self,
        spec: &EngineSpec,
        report: &mut dyn FnMut(SweepProgress),
        stop: &dyn Fn() -> bool,
        note: &mut dyn FnMut(usize, u32, NetworkStatus),
    ) -> Result<SweepOutcome, Error> {
        let none = SweepOutcome::none(self).cells;
        self.run_from(spec, none, &mut Watch::new(report, stop, note, &mut |_| ())).await
    }

    async fn run_from(
        &self,
        spec: &EngineSpec,
        mut cells: Vec<Count>,
        watch: &mut Watch<'_>,
    ) -> Result<SweepOutcome, Error> {
        self.check_on(spec)?;
        let started = Instant::now();
        for (cell, count) in self.cells.iter().zip(&cells) {
            let epochs = u64::from(cell.training.epochs);
            watch.of += self.share(cell).len() as u64 * epochs;
            watch.done += count.networks * epochs;
        }
        let stopped = match spec {
            EngineSpec::Resident(gpu, mapping) => {
                self.run_resident(gpu, *mapping, &mut cells, watch).await?
            }
            EngineSpec::Cpu | EngineSpec::Layered(..) => self.run_cpu(&mut cells, watch).await?,
        };
        Ok(SweepOutcome { cells, seconds: started.elapsed().as_secs_f64(), stopped })
    }

    /// Cells by what must be alike for networks to be in the same dispatches.
    fn shapes(&self) -> Vec<Vec<usize>> {
        let mut shapes: Vec<Vec<usize>> = Vec::new();
        for (index, cell) in self.cells.iter().enumerate() {
            let alike = |shape: &&mut Vec<usize>| {
                let (first, own) = (&self.cells[shape[0]].training, &cell.training);
                first.network == own.network
                    && first.schedule == own.schedule
                    && is_one_rule(&first.optimizer, &own.optimizer)
            };
            match shapes.iter_mut().find(alike) {
                Some(shape) => shape.push(index),
                None => shapes.push(vec![index]),
            }
        }
        shapes
    }

    /// Networks of a shape in the same dispatches at most: no more than have their parameters and moments in
    /// one binding.
    fn chunk(&self, shape: &[usize], gpu: &Gpu) -> usize {
        let all: usize = shape.iter().map(|&cell| self.share(&self.cells[cell]).len()).sum();
        let Training { network, optimizer, .. } = &self.cells[shape[0]].training;
        let numbers = network.parameter_count() * (1 + optimizer.moments());
        let bound = gpu.adapter().limits.max_binding_bytes / 4 / numbers as u64;
        let (range, work) = match gpu.adapter().is_software() {
            true => (SOFTWARE_CHUNK, SOFTWARE_WORK),
            false => (GPU_CHUNK, GPU_WORK),
        };
        let epochs = u64::from(self.cells[shape[0]].training.epochs);
        let suits = (work / epochs.max(1)).clamp(range.start, range.end);
        all.min(usize::try_from(suits.min(bound)).unwrap_or(usize::MAX)).max(1)
    }

    /// Every network of these cells that is not counted yet, cell by cell. What is counted of a cell are
    /// always its first networks, since they are counted in this order.
    fn ids(&self, cells: &[usize], counts: &[Count]) -> impl Iterator<Item = NetworkId> + use<> {
        let left = |&cell: &usize| {
            let (share, counted) = (self.share(&self.cells[cell]), counts[cell].networks);
            let counted = u32::try_from(counted).unwrap_or(u32::MAX);
            (cell, share.start.saturating_add(counted)..share.end)
        };
        let left: Vec<(usize, Range<u32>)> = cells.iter().map(left).collect();
        left.into_iter().flat_map(|(cell, range)| range.map(move |index| NetworkId { cell, index }))
    }

    async fn run_resident(
        &self,
        gpu: &Arc<Gpu>,
        asked: Option<Mapping>,
        counts: &mut [Count],
        watch: &mut Watch<'_>,
    ) -> Result<bool, Error> {
        for shape in self.shapes() {
            let chunk = self.chunk(&shape, gpu);
            let mapping = self.mapping(&shape, gpu, asked);
            let mut ids = self.ids(&shape, counts);
            loop {
                let chunk: Vec<NetworkId> = ids.by_ref().take(chunk).collect();
                if chunk.is_empty() {
                    break;
                }
                let all = chunk.len() as u64;
                let spec = EngineSpec::Resident(Arc::clone(gpu), mapping);
                let Watch { report, stop, note, keep, done, of } = &mut *watch;
                let mut tell = |epochs: u32| {
                    let net_epochs = *done + all * u64::from(epochs);
                    report(SweepProgress { net_epochs, of: *of });
                };
                let stops_when_solved = judge(&self.seeds(&chunk), &spec, &mut tell, *stop).await?;
                let Some(statuses) = stops_when_solved else { return Ok(true) };
                for (&id, status) in chunk.iter().zip(statuses) {
                    note(id.cell, id.index, status);
                    self.count(counts, id, status);
                }
                keep(counts);
                *done += all * u64::from(self.cells[chunk[0].cell].training.epochs);
                report(SweepProgress { net_epochs: *done, of: *of });
                if stop() {
                    return Ok(*done < *of);
                }
            }
        }
        Ok(false)
    }

    /// The networks of these ids, as the trainer takes them.
    fn seeds(&self, ids: &[NetworkId]) -> Vec<Seed<'_>> {
        let seed = |id: &NetworkId| {
            let training = &self.cells[id.cell].training;
            (training, training.seed + u64::from(id.index))
        };
        ids.iter().map(seed).collect()
    }

    fn count(&self, counts: &mut [Count], id: NetworkId, status: NetworkStatus) {
        let training = &self.cells[id.cell].training;
        let per_epoch = training.batches(0).steps_per_epoch() as u32;
        let seed = training.seed + u64::from(id.index);
        counts[id.cell].add(seed, status, per_epoch, training.epochs);
    }

    /// Whether the CPU trains all of its networks in the lanes of its vectors. That is faster than a software adapter,
    /// which shares its cores. Epochs a second of whole sweeps, whose networks stop when they solve XOR, on two cores with
    /// AVX2 and llvmpipe of Mesa 22.3.6, pipelines in its cache (`wgrad sweep --engine cpu`, `--engine resident`):
    ///
    /// | network, networks | lanes | llvmpipe |
    /// | --- | --- | --- |
    /// | 2-3-1, 65,536 | 1.2e8 | 5.0e7 |
    /// | 2-8-1, 4,096 | 2.5e7 | 1.3e6 |
    /// | 2-16-16-1, 4,096 | 2.2e6 | 3.5e3 (of 256) |
    pub(crate) fn suits_lanes(&self) -> bool {
        self.cells.iter().all(|cell| suits_lanes(&cell.training))
    }

    /// Networks of a shape that a core of the CPU trains at once.
    fn cpu_chunk(&self, shape: &[usize]) -> usize {
        let training = &self.cells[shape[0]].training;
        if !suits_lanes(training) {
            return 1;
        }
        let all: u64 = shape.iter().map(|&cell| self.share(&self.cells[cell]).len() as u64).sum();
        let share = all.div_ceil(CPU_SHARES * workers() as u64);
        let row = training.network.parameter_count() as u64 * u64::from(training.epochs);
        let suits = CPU_WORK / row.saturating_mul(training.data.rows() as u64).max(1);
        suits.min(share.next_multiple_of(CPU_CHUNK.start)).clamp(CPU_CHUNK.start, CPU_CHUNK.end)
            as usize
    }

    /// On every core of the CPU. True where a stop came before the end.
    async fn run_cpu(&self, counts: &mut [Count], watch: &mut Watch<'_>) -> Result<bool, Error> {
        let of_shape = |shape: Vec<usize>| {
            let (size, mut ids) = (self.cpu_chunk(&shape), self.ids(&shape, counts));
            std::iter::from_fn(move || {
                let chunk: Vec<NetworkId> = ids.by_ref().take(size).collect();
                (!chunk.is_empty()).then_some(chunk)
            })
        };
        let all: Vec<_> = self.shapes().into_iter().map(of_shape).collect();
        let mut chunks = all.into_iter().flatten();
        loop {
            let some: Vec<(usize, Vec<NetworkId>)> =
                chunks.by_ref().take(CPU_CHUNKS).enumerate().collect();
            if some.is_empty() {
                return Ok(watch.done < watch.of);
            }
            let (mut behind, stopped) = (watch.done, std::cell::Cell::new(false));
            let mut failed = None;
            let Watch { report, stop, note, keep, of, .. } = &mut *watch;
            let (stop, of) = (*stop, *of);
            // Counted in order, so that a stop leaves no gap: those that are done before one that is
            // not wait for it, and where it never ends they are trained again.
            let (mut waiting, mut next) = (BTreeMap::new(), 0);
            on_every_core(
                &some,
                async |(_, ids), stop| self.train_on_cpu(ids, stop).await,
                |(at, _), statuses| match statuses {
                    Ok(Some(statuses)) => {
                        waiting.insert(*at, statuses);
                        while let Some(statuses) = waiting.remove(&next) {
                            for (&id, status) in some[next].1.iter().zip(statuses) {
                                note(id.cell, id.index, status);
                                self.count(counts, id, status);
                                behind += u64::from(self.cells[id.cell].training.epochs);
                            }
                            next += 1;
                        }
                        keep(counts);
                        report(SweepProgress { net_epochs: behind, of });
                    }
                    Ok(None) => {}
                    Err(error) => {
                        stopped.set(true);
                        failed = Some(error);
                    }
                },
                &|| {
                    stopped.set(stopped.get() || stop());
                    stopped.get()
                },
            )
            .await;
            if let Some(error) = failed {
                return Err(error);
            }
            watch.done = behind;
            if stopped.get() {
                return Ok(watch.done < watch.of);
            }
        }
    }

    /// The first network of a cell, from a seed on, that a training by itself solves too, and after how many
    /// epochs: on the CPU a sweep rounds otherwise, so that a network at the threshold may differ. A few are tried.
    pub fn solved_alone(&self, cell: usize, from: u64) -> Option<(u64, u32)> {
        let training = &self.cells[cell].training;
        let per_epoch = training.batches(0).steps_per_epoch() as u32;
        let last = training.seed + u64::from(training.restarts);
        for seed in (from..last).take(TRIED) {
            let (seeds, mut tell) = ([(training, seed)], |_| ());
            let judged = judge_by_engine(&seeds, &EngineSpec::Cpu, &mut tell, &|| false);
            if let Some(Ok(Some(statuses))) = at_once(judged)
                && let Some(NetworkStatus::Solved(steps)) = statuses.first()
            {
                return Some((seed, steps / per_epoch));
            }
        }
        None
    }

    /// Some networks on one core, unless a stop comes first.
    async fn train_on_cpu(
        &self,
        ids: &[NetworkId],
        stop: &AtomicBool,
    ) -> Result<Option<Vec<NetworkStatus>>, Error> {
        let (seeds, mut tell) = (self.seeds(ids), |_| ());
        let stop = || stop.load(Ordering::Relaxed);
        judge(&seeds, &EngineSpec::Cpu, &mut tell, &stop).await
    }
}

/// Whether two optimizers differ in nothing but what each network has of its own: the decay of the first
/// moment, and how strongly weights decay, if they do.
fn is_one_rule(one: &Optimizer, other: &Optimizer) -> bool {
    // Of a mean the share of the gradient follows from its decay, and all networks have that in common.
    let has_velocity = one.kind.row().first.as_ref().is_some_and(|first| !first.is_mean);
    let momentum = if has_velocity { one.momentum } else { other.momentum };
    let with = |rule: &Optimizer| Optimizer { momentum, ..*rule };
    let decays = (one.weight_decay != 0.0) == (other.weight_decay != 0.0);
    decays && Optimizer { weight_decay: one.weight_decay, ..with(other) } == with(one)
}

/// Why a network cannot be swept on a GPU, by its sizes.
fn too_large(error: GpuError, network: &Network) -> Error {
    match error {
        GpuError::NotResident { reason } => Error::setting(
            format!("`sizes` {}", joined(network.sizes(), ",")),
            format!("does not fit the resident engine: {reason}; use `EngineSpec::Cpu`"),
        ),
        other => other.into(),
    }
}
