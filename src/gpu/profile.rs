//! When each dispatch ran, by the device's timestamps.

use std::time::Duration;

use web_time::Instant;

use super::device::{Buffer, Gpu};
use super::error::GpuError;
use super::pipeline::Dispatch;

/// The most dispatches that are timed; later ones run without timestamps.
pub const MOST_SPANS: usize = 1 << 16;
/// Dispatches per query set: wgpu allows 4,096 queries.
const SET_LEN: usize = 2048;

/// One dispatch as the device ran it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Span {
    /// The kernel.
    pub name: &'static str,
    /// Its start, in nanoseconds after the first.
    pub start_ns: f64,
    /// Its duration in nanoseconds.
    pub duration_ns: f64,
}

/// The timings of a run.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Profile {
    /// The first dispatches, in order of submission.
    pub spans: Vec<Span>,
    /// Dispatches in all.
    pub dispatches: usize,
    /// Submissions in all.
    pub submissions: usize,
    /// The time that the host took to record them.
    pub recording: Duration,
    /// The time that it took to submit them: on a software adapter that includes running them.
    pub submitting: Duration,
}

/// A profile in the making.
#[derive(Debug, Default)]
pub(super) struct Profiler {
    /// Ticks, two per name.
    pending: Vec<(Buffer, Vec<&'static str>)>,
    timed: usize,
    dispatches: usize,
    submissions: usize,
    recording: Duration,
    submitting: Duration,
}

impl Gpu {
    /// Times every dispatch from now on, each in its own pass, which makes them slower.
    ///
    /// # Errors
    /// [`GpuError::NoTimestamps`] if the adapter has none.
    pub fn start_profile(&self) -> Result<(), GpuError> {
        if !self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Err(GpuError::NoTimestamps(self.adapter().name.clone()));
        }
        *self.profiler() = Some(Profiler::default());
        Ok(())
    }

    /// Ends the profile; `None` without one.
    ///
    /// # Errors
    /// [`GpuError`] if the device fails.
    pub async fn take_profile(&self) -> Result<Option<Profile>, GpuError> {
        let Some(profiler) = self.profiler().take() else { return Ok(None) };
        let Profiler { pending, dispatches, submissions, recording, submitting, .. } = profiler;
        let period = f64::from(self.queue.get_timestamp_period());
        let (mut spans, mut first) = (Vec::new(), None);
        for (ticks, names) in pending {
            let ticks = self.read::<u64>(&[(&ticks, 0..2 * names.len())]).await?.remove(0);
            for (name, pair) in names.into_iter().zip(ticks.chunks_exact(2)) {
                let first = *first.get_or_insert(pair[0]);
                spans.push(Span {
                    name,
                    start_ns: pair[0].saturating_sub(first) as f64 * period,
                    duration_ns: pair[1].saturating_sub(pair[0]) as f64 * period,
                });
            }
        }
        Ok(Some(Profile { spans, dispatches, submissions, recording, submitting }))
    }

    /// Adds the host's time for one submission: from `started` to `recorded`, and since.
    pub(super) fn note_host(&self, started: Instant, recorded: Instant) {
        if let Some(profiler) = &mut *self.profiler() {
            profiler.recording += recorded - started;
            profiler.submitting += recorded.elapsed();
            profiler.submissions += 1;
        }
    }
}

impl Profiler {
    /// Records with timestamps as many of `dispatches` as there is room for, and returns the others.
    pub(super) fn record<'a, 'd>(
        &mut self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        dispatches: &'a [&'d Dispatch],
    ) -> &'a [&'d Dispatch] {
        self.dispatches += dispatches.len();
        let room = (MOST_SPANS - self.timed).min(dispatches.len());
        let (timed, rest) = dispatches.split_at(room);
        self.timed += room;
        for timed in timed.chunks(SET_LEN) {
            let count = 2 * timed.len() as u32;
            let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("profile"),
                ty: wgpu::QueryType::Timestamp,
                count,
            });
            for (at, dispatch) in (0..).step_by(2).zip(timed) {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(dispatch.name()),
                    timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                        query_set: &queries,
                        beginning_of_pass_write_index: Some(at),
                        end_of_pass_write_index: Some(at + 1),
                    }),
                });
                dispatch.record(&mut pass);
            }
            let raw = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("profile"),
                size: u64::from(count) * 8,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            });
            encoder.resolve_query_set(&queries, 0..count, &raw, 0);
            self.pending.push((Buffer { raw }, timed.iter().map(|d| d.name()).collect()));
        }
        rest
    }
}
