//! How fast a training's own steps go on a device.

use std::time::Duration;

use web_time::Instant;

use super::Training;
use crate::Error;
use crate::engine::{Engine, EngineSpec};

/// What one measurement takes, warm-up not counted.
const MEASURED: Duration = Duration::from_millis(150);

/// A measured speed.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Speed {
    /// Steps of the training's batch size in a second.
    pub steps_per_second: f64,
}

/// Times steps of `training` at a place.
///
/// # Errors
/// [`Error::Gpu`] where the GPU is too small for the training, or fails.
pub async fn measure_speed(training: &Training, spec: &EngineSpec) -> Result<Speed, Error> {
    let mut engine = Engine::new(training.task(training.seed), spec).await?;
    let never = || false;
    // Shaders may compile at their first use.
    engine.run(2, &never).await?;
    let run = async |steps| engine.run(steps, &never).await.map(drop);
    Ok(Speed { steps_per_second: 1.0 / seconds_of_one(MEASURED, &never, run).await? })
}

/// Seconds of one of what `run` does as many of as it is told: over more and more of them, until they take
/// at least so long, or `stop` says so.
///
/// # Errors
/// What `run` fails with.
pub async fn seconds_of_one(
    least: Duration,
    stop: &dyn Fn() -> bool,
    mut run: impl AsyncFnMut(u32) -> Result<(), Error>,
) -> Result<f64, Error> {
    let mut count = 1;
    loop {
        let started = Instant::now();
        run(count).await?;
        let time = started.elapsed();
        let seconds = time.as_secs_f64().max(1e-9);
        if time >= least || count > u32::MAX / 128 || stop() {
            return Ok(seconds / f64::from(count));
        }
        let times = least.as_secs_f64() / seconds;
        count = (f64::from(count) * times.clamp(1.1, 100.0) * 1.1).ceil() as u32;
    }
}
