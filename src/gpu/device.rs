//! An open device: buffers, submissions, read-back, and the one wait.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use web_time::Instant;

use super::adapter::AdapterEntry;
use super::error::{Faults, GpuError};
use super::pipeline::{Dispatch, Pipeline, PipelineKey};
use super::profile::Profiler;

/// The longest time of a submission before the device counts as hung.
const WAIT_LIMIT: Duration = Duration::from_secs(300);

/// A buffer on the GPU; two are equal where they are the same one.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    pub(super) raw: wgpu::Buffer,
}

impl Buffer {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.raw.size()
    }
}

/// Submitted work that may not be finished.
#[derive(Debug, Clone)]
pub struct Submission(wgpu::SubmissionIndex);

/// An open device.
#[derive(Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: AdapterEntry,
    pub(super) faults: Arc<Faults>,
    pub(super) pipelines: Mutex<HashMap<PipelineKey, Pipeline>>,
    /// Microseconds that it took to create them.
    pub(super) pipelines_us: AtomicU64,
    profiler: Mutex<Option<Profiler>>,
    /// Copies from a buffer to another that go with the next submission.
    copies: Mutex<Vec<[Buffer; 2]>>,
    tuned: OnceLock<BTreeMap<String, String>>,
}

impl Gpu {
    pub(super) async fn open(entry: &AdapterEntry) -> Result<Gpu, GpuError> {
        let (required_limits, required_features) = entry.wanted();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("wgrad"),
            required_limits,
            required_features,
            ..wgpu::DeviceDescriptor::default()
        };
        let opened = entry.adapter.request_device(&descriptor).await;
        let (device, queue) = opened.map_err(|error| GpuError::Open {
            name: entry.name.clone(),
            reason: error.to_string(),
        })?;
        // At once: until both are set, an error panics or is lost.
        let faults = Arc::new(Faults::default());
        let uncaptured = Arc::clone(&faults);
        device.on_uncaptured_error(Arc::new(move |error| {
            uncaptured.report(fault("a command", error))
        }));
        let lost = Arc::clone(&faults);
        device.set_device_lost_callback(move |reason, message| {
            lost.report(GpuError::Lost(format!("{reason:?}: {message}")));
        });
        let (pipelines, pipelines_us) = (Mutex::default(), AtomicU64::new(0));
        let (adapter, profiler, copies) = (entry.clone(), Mutex::default(), Mutex::default());
        let tuned = OnceLock::new();
        Ok(Gpu { device, queue, adapter, faults, pipelines, pipelines_us, profiler, copies, tuned })
    }

    /// Sets what was measured to be the fastest on this adapter, as `wgrad bench --tune` does: the name of a variant for
    /// the name of each product. Once, before anything is computed: false if it was set before.
    pub fn set_tuned(&self, choices: BTreeMap<String, String>) -> bool {
        self.tuned.set(choices).is_ok()
    }

    /// The choice that was measured to be the fastest for a work, if that is known.
    pub fn tuned(&self, work: &str) -> Option<&str> {
        self.tuned.get()?.get(work).map(String::as_str)
    }

    /// Its adapter.
    pub fn adapter(&self) -> &AdapterEntry {
        &self.adapter
    }

    /// Seconds that creating pipelines has taken so far. Some drivers compile only when a pipeline is first used, which
    /// is not counted here.
    pub fn pipeline_seconds(&self) -> f64 {
        self.pipelines_us.load(Ordering::Relaxed) as f64 / 1e6
    }

    /// The largest number of loop iterations per invocation and dispatch.
    pub fn max_iterations(&self) -> u32 {
        self.adapter.max_iterations()
    }

    /// A storage buffer of `len` 4-byte elements, all zero, that can be written and read back.
    ///
    /// # Errors
    /// [`GpuError::Limit`] beyond the adapter's largest buffer, [`GpuError::OutOfMemory`].
    pub async fn buffer(&self, what: &str, len: usize) -> Result<Buffer, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        self.allocate(what, (len.max(1) * 4) as u64, usage).await
    }

    /// A storage buffer that holds `values`.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub async fn buffer_of<T: bytemuck::Pod>(
        &self,
        what: &str,
        values: &[T],
    ) -> Result<Buffer, GpuError> {
        let buffer = self.buffer(what, size_of_val(values).div_ceil(4)).await?;
        self.write(&buffer, 0, values);
        Ok(buffer)
    }

    /// A uniform buffer that holds `values`.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub async fn uniform_of<T: bytemuck::Pod>(
        &self,
        what: &str,
        values: &[T],
    ) -> Result<Buffer, GpuError> {
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let buffer = self.allocate(what, size_of_val(values) as u64, usage).await?;
        self.write(&buffer, 0, values);
        Ok(buffer)
    }

    async fn allocate(
        &self,
        what: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<Buffer, GpuError> {
        let allowed = self.adapter.limits.max_buffer_bytes;
        if bytes > allowed {
            return Err(GpuError::Limit {
                what: what.to_owned(),
                wanted: bytes,
                unit: "bytes",
                limit: "largest buffer",
                allowed,
                fix: "use smaller `sizes` or `batch`, or `EngineSpec::Cpu`",
            });
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let descriptor = wgpu::BufferDescriptor {
            label: Some(what),
            size: bytes,
            usage,
            mapped_at_creation: false,
        };
        let raw = self.device.create_buffer(&descriptor);
        if scope.pop().await.is_some() {
            return Err(GpuError::OutOfMemory(format!("{what} ({bytes} bytes)")));
        }
        self.faults.check()?;
        Ok(Buffer { raw })
    }

    /// Writes `values` from element `offset` on, before the next submission.
    pub fn write<T: bytemuck::Pod>(&self, buffer: &Buffer, offset: usize, values: &[T]) {
        if !values.is_empty() {
            // Writes come before the commands of the next submission, and copies must not see this one.
            let is_copied = |pair: &[Buffer; 2]| pair.contains(buffer);
            if self.copies().iter().any(is_copied) {
                self.submit([]);
            }
            let at = (offset * size_of::<T>()) as u64;
            self.queue.write_buffer(&buffer.raw, at, bytemuck::cast_slice(values));
        }
    }

    /// Records `dispatches` in order in one pass, and submits them.
    pub fn submit<'a>(&self, dispatches: impl IntoIterator<Item = &'a Dispatch>) -> Submission {
        self.submit_with(dispatches, |_| ())
    }

    /// The same with `more` commands behind them.
    fn submit_with<'a>(
        &self,
        dispatches: impl IntoIterator<Item = &'a Dispatch>,
        more: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Submission {
        let started = Instant::now();
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        // Copies that another thread asked for go with this submission, too: until that is made, the other must
        // submit nothing that they should have come before.
        let mut waiting = Some(self.copies()).filter(|copies| !copies.is_empty());
        for [from, to] in waiting.iter_mut().flat_map(|copies| copies.drain(..)) {
            encoder.copy_buffer_to_buffer(&from.raw, 0, &to.raw, 0, from.bytes());
        }
        let one_pass = |encoder: &mut wgpu::CommandEncoder,
                        dispatches: &mut dyn Iterator<Item = &'a Dispatch>| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for dispatch in dispatches {
                dispatch.record(&mut pass);
            }
        };
        match &mut *self.profiler() {
            None => one_pass(&mut encoder, &mut dispatches.into_iter()),
            Some(profiler) => {
                let all: Vec<&Dispatch> = dispatches.into_iter().collect();
                let rest = profiler.record(&self.device, &mut encoder, &all);
                one_pass(&mut encoder, &mut rest.iter().copied());
            }
        }
        more(&mut encoder);
        let commands = encoder.finish();
        let recorded = Instant::now();
        let submission = Submission(self.queue.submit([commands]));
        drop(waiting);
        self.note_host(started, recorded);
        submission
    }

    /// Copies whole buffers, each into one of the same size, with the next submission and before its
    /// dispatches: a copy alone would cost as much as a short one.
    pub fn copy(&self, pairs: impl IntoIterator<Item = [Buffer; 2]>) {
        self.copies().extend(pairs);
    }

    /// Waits until `submission` is done: natively by polling, in a browser for its callback.
    ///
    /// # Errors
    /// [`GpuError::Lost`], [`GpuError::Timeout`], or an error that the device reported meanwhile.
    pub async fn wait(&self, submission: Submission) -> Result<(), GpuError> {
        if cfg!(target_family = "wasm") {
            let (sender, receiver) = oneshot::channel();
            self.queue.on_submitted_work_done(move || {
                // The receiver is gone only if the wait was cancelled.
                let _ = sender.send(());
            });
            let _ = receiver.await;
            return self.faults.check();
        }
        let poll = self.device.poll(wgpu::PollType::Wait {
            submission_index: Some(submission.0),
            timeout: Some(WAIT_LIMIT),
        });
        self.faults.check()?;
        match poll {
            Ok(_) => Ok(()),
            Err(wgpu::PollError::Timeout) => Err(GpuError::Timeout(WAIT_LIMIT.as_secs())),
            Err(error) => Err(GpuError::Validation {
                what: "waiting for a submission".to_owned(),
                message: error.to_string(),
            }),
        }
    }

    /// Copies ranges of elements back, in one submission and one wait.
    ///
    /// # Errors
    /// As [`Gpu::buffer`] and [`Gpu::wait`].
    pub async fn read<T: bytemuck::Pod>(
        &self,
        ranges: &[(&Buffer, Range<usize>)],
    ) -> Result<Vec<Vec<T>>, GpuError> {
        if ranges.iter().all(|(_, range)| range.is_empty()) {
            return Ok(ranges.iter().map(|_| Vec::new()).collect());
        }
        self.run_and_read([], ranges).await
    }

    /// Runs `dispatches` and reads `ranges`, not all of which are empty: one submission and one wait
    /// for both.
    ///
    /// # Errors
    /// As [`Gpu::buffer`] and [`Gpu::wait`].
    pub async fn run_and_read<'a, T: bytemuck::Pod>(
        &self,
        dispatches: impl IntoIterator<Item = &'a Dispatch>,
        ranges: &[(&Buffer, Range<usize>)],
    ) -> Result<Vec<Vec<T>>, GpuError> {
        let bytes = |range: &Range<usize>| (range.len() * size_of::<T>()) as u64;
        let total = ranges.iter().map(|(_, range)| bytes(range)).sum();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.allocate("reading back", total, usage).await?;
        let submission = self.submit_with(dispatches, |encoder| {
            let mut at = 0;
            for (buffer, range) in ranges {
                let from = (range.start * size_of::<T>()) as u64;
                encoder.copy_buffer_to_buffer(&buffer.raw, from, &staging.raw, at, bytes(range));
                at += bytes(range);
            }
        });
        let (sender, receiver) = oneshot::channel();
        staging.raw.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver is gone only if the read was cancelled.
            let _ = sender.send(result.is_ok());
        });
        self.wait(submission).await?;
        // The callback has run, or runs now: in a browser once this returns to it, natively on the
        // thread whose wait came first.
        let mapped = receiver.await.unwrap_or(false);
        self.faults.check()?;
        let view = staging.raw.get_mapped_range(..).ok().filter(|_| mapped);
        let Some(view) = view else {
            return Err(GpuError::Lost("a buffer could not be read back".to_owned()));
        };
        let mut lists = Vec::with_capacity(ranges.len());
        let mut rest = &view[..];
        for (_, range) in ranges {
            let (list, after) = rest.split_at(bytes(range) as usize);
            lists.push(bytemuck::pod_collect_to_vec(list));
            rest = after;
        }
        Ok(lists)
    }

    /// Destroys the device: submitted work is lost, and everything after fails with
    /// [`GpuError::Lost`]. For tests of that path.
    pub fn destroy(&self) {
        self.device.destroy();
        self.faults.report(GpuError::Lost("destroyed".to_owned()));
    }

    /// Comes to [`GpuError::Lost`] once the device is lost, and to nothing as long as it is not.
    pub fn lost(&self) -> impl Future<Output = GpuError> + use<> {
        self.faults.lost()
    }

    pub(super) fn profiler(&self) -> std::sync::MutexGuard<'_, Option<Profiler>> {
        self.profiler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn copies(&self) -> std::sync::MutexGuard<'_, Vec<[Buffer; 2]>> {
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pipelines created so far.
    pub(super) fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<PipelineKey, Pipeline>> {
        self.pipelines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a wgpu error.
pub(super) fn fault(what: &str, error: wgpu::Error) -> GpuError {
    match error {
        wgpu::Error::OutOfMemory { .. } => GpuError::OutOfMemory(what.to_owned()),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            GpuError::Validation { what: what.to_owned(), message: one_line(&description) }
        }
    }
}

/// A message without its line breaks.
fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
