//! The range test (Smith 2017): one network whose rate grows from step to step, and what its loss says of
//! the rate to take.

use super::{Training, setting};
use crate::Error;
use crate::engine::{Engine, EngineSpec, Task};
use crate::optimizer::RateSchedule;

/// Which rates are tried, over how many steps.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RateRange {
    /// The first step's rate, above 0.
    pub from: f32,
    /// The last step's, above that.
    pub to: f32,
    /// Steps from the one to the other, 20 to 1,000,000; each is as many times as fast as the one before.
    pub steps: u32,
}

/// One step of a range test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RangePoint {
    /// Its rate.
    pub rate: f32,
    /// The loss of its batch, before its update.
    pub loss: f32,
    /// That loss and those before it, the older the less: their mean with weights that fall by a tenth a step.
    pub smoothed: f64,
}

/// What came of a range test.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RangeTest {
    /// Every step up to where the loss got out of hand.
    pub points: Vec<RangePoint>,
    /// Whether that was before the last rate.
    pub broke: bool,
    /// The rate at which the smoothed loss fell the fastest, per power of the rate.
    pub steepest: Option<f32>,
    /// The rate at which it was lowest.
    pub lowest: Option<f32>,
}

/// How much of the smoothed loss is that of the steps before.
const KEPT: f64 = 0.9;
/// How many times its lowest the smoothed loss may be before the test ends.
const OUT_OF_HAND: f64 = 4.0;
/// Steps over which a slope is taken, at least, and as a share of all: one step's is noise.
const SLOPE_STEPS: usize = 5;
const SLOPE_SHARE: usize = 8;
/// By how much the loss must fall in all for a slope to mean anything, as a share of the first.
const FALLEN: f64 = 0.02;

impl RateRange {
    /// From one rate to another in so many steps.
    pub fn new(from: f32, to: f32, steps: u32) -> RateRange {
        RateRange { from, to, steps }
    }

    /// Whether there is a way from the first rate to the last.
    ///
    /// # Errors
    /// [`Error::Setting`] names the field and its value.
    pub fn check(&self) -> Result<(), Error> {
        let RateRange { from, to, steps } = *self;
        if !(from.is_normal() && from > 0.0) {
            return setting(format!("`from` {from}"), "must be a positive number, as in 1e-5");
        }
        if !(to.is_finite() && to > from) {
            let reason = "must be a number above `from`, as in 10";
            return setting(format!("`to` {to}"), reason);
        }
        if !(20..=1_000_000).contains(&steps) {
            return setting(format!("`steps` {steps}"), "must be 20 to 1000000");
        }
        Ok(())
    }
}

impl Training {
    /// Tries a range of rates on the start of this training's seed. Its own rate and schedule play no part.
    ///
    /// # Errors
    /// As [`RateRange::check`] and [`Training::check`]; [`Error::Gpu`].
    pub async fn range_test(
        &self,
        spec: &EngineSpec,
        range: RateRange,
        stop: &dyn Fn() -> bool,
    ) -> Result<RangeTest, Error> {
        range.check()?;
        let by = f64::from(range.to) / f64::from(range.from);
        let schedule = RateSchedule::ramp(range.steps, by);
        let task = Task { learning_rate: range.from, schedule, ..self.task(self.seed) };
        let mut engine = Engine::new(task, spec).await?;
        let losses = engine.run(range.steps, stop).await?;
        let rates = (0..).map(|step| range.from * schedule.factor(step));
        let unit = self.data.loss_unit() as f32;
        Ok(RangeTest::new(rates.zip(losses.into_iter().map(|loss| unit * loss))))
    }
}

impl RangeTest {
    /// From the rate and the loss of each step.
    fn new(steps: impl Iterator<Item = (f32, f32)>) -> RangeTest {
        let (mut points, mut broke): (Vec<RangePoint>, bool) = (Vec::new(), false);
        let (mut sum, mut weight, mut lowest) = (0.0, 0.0, f64::INFINITY);
        for (rate, loss) in steps {
            sum = KEPT * sum + (1.0 - KEPT) * f64::from(loss);
            weight = KEPT * weight + (1.0 - KEPT);
            let smoothed = sum / weight;
            if !smoothed.is_finite() || smoothed > OUT_OF_HAND * lowest {
                broke = true;
                break;
            }
            lowest = lowest.min(smoothed);
            points.push(RangePoint { rate, loss, smoothed });
        }
        let mut test = RangeTest { points, broke, steepest: None, lowest: None };
        let first = test.points.first().map_or(f64::INFINITY, |point| point.smoothed);
        let slope = |pair: &[RangePoint]| {
            let (a, b) = (&pair[0], &pair[pair.len() - 1]);
            (b.smoothed - a.smoothed) / f64::from(b.rate / a.rate).ln()
        };
        if first - lowest >= FALLEN * first.abs() {
            let low = (0..test.points.len())
                .min_by(|&a, &b| test.points[a].smoothed.total_cmp(&test.points[b].smoothed))
                .unwrap_or(0);
            // What falls after that has risen before.
            let steps = SLOPE_STEPS.max(low / SLOPE_SHARE);
            test.steepest = test.points[..=low]
                .windows(steps)
                .min_by(|a, b| slope(a).total_cmp(&slope(b)))
                .map(|pair| pair[steps / 2].rate);
            test.lowest = Some(test.points[low].rate);
        }
        test
    }

    /// The rate to take: where the loss fell the fastest, but no more than half of where it was lowest, for
    /// there it is about to rise. None where it fell nowhere.
    pub fn suggested(&self) -> Option<f32> {
        let (steepest, lowest) = (self.steepest?, self.lowest?);
        Some(steepest.min(lowest / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that falls the fastest, per power of the rate, at 0.1, is lowest at 1 and then breaks.
    fn curve(steps: u32) -> RangeTest {
        let rate = |step: u32| 10f32.powf(-4.0 + 6.0 * step as f32 / (steps - 1) as f32);
        let loss = |rate: f32| {
            let fallen = 1.0 / (1.0 + (-(rate / 0.1).ln() * 2.0).exp());
            1.0 - 0.9 * fallen + (rate / 3.0).powi(4)
        };
        RangeTest::new((0..steps).map(|step| (rate(step), loss(rate(step)))))
    }

    #[test]
    fn the_suggestion_is_where_the_loss_falls_the_fastest() {
        let test = curve(200);
        let suggested = test.suggested().unwrap();
        // Smoothing lags by ten steps, of 30 for a power of ten.
        assert!((0.08..0.3).contains(&suggested), "{suggested}");
        assert!(test.broke && test.points.last().unwrap().rate < 100.0);
        assert!((0.5..4.0).contains(&test.lowest.unwrap()), "{:?}", test.lowest);
    }

    #[test]
    fn a_loss_that_never_falls_suggests_nothing() {
        let flat = RangeTest::new((1..50).map(|step| (step as f32, 0.7)));
        assert_eq!((flat.suggested(), flat.broke), (None, false));
        let rising = RangeTest::new((1..50).map(|step| (step as f32, step as f32)));
        assert_eq!((rising.suggested(), rising.broke), (None, true));
        let bad = RangeTest::new([(1.0, 0.5), (2.0, f32::NAN), (3.0, 0.1)].into_iter());
        assert_eq!((bad.points.len(), bad.broke), (1, true));
    }

    #[test]
    fn a_range_that_is_none_names_the_flag() {
        let range = RateRange { from: 1e-5, to: 10.0, steps: 100 };
        assert!(range.check().is_ok());
        for (range, flag) in [
            (RateRange { from: 0.0, ..range }, "`from` 0"),
            (RateRange { to: 1e-6, ..range }, "`to` 0.000001"),
            (RateRange { to: f32::INFINITY, ..range }, "`to` inf"),
            (RateRange { steps: 3, ..range }, "`steps` 3"),
        ] {
            let error = range.check().unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(flag), "{error}");
        }
    }
}
