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
pub struct Speed {
    /// Steps of the training's batch size in a second.
    pub steps_per_second: f64,
}

/// Times steps of `training` at a place: runs of growing length, after a first that
/// lets shaders compile, until one is long enough to tell.
///
/// # Errors
/// Where the GPU is too small for the training, or fails.
pub async fn measure_speed(training: &Training, spec: &EngineSpec) -> Result<Speed, Error> {
    let mut engine = Engine::new(training.task(training.seed), spec).await?;
    let never = || false;
    engine.run(2, &never).await?;
    let mut steps = 1;
    loop {
        let started = Instant::now();
        engine.run(steps, &never).await?;
        let time = started.elapsed();
        if time >= MEASURED || steps > u32::MAX / 8 {
            return Ok(Speed { steps_per_second: f64::from(steps) / time.as_secs_f64().max(1e-9) });
        }
        steps *= 2;
    }
}
