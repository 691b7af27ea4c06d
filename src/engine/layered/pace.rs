//! How many steps go into one submission: enough to make the wait cheap, few enough that no
//! driver takes the device for hung. Only the cuts depend on time, never the result.

use std::time::Duration;

/// What a submission should take.
const AIM: Duration = Duration::from_millis(50);
/// How much more than the last submission the next may hold.
const GROWTH: f64 = 4.0;
/// However short the steps: what is recorded at once stays bounded.
const MOST_STEPS: u32 = 2048;

/// Starts with one step, which is slow where shaders are compiled at first use, and grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    steps: u32,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { steps: 1 }
    }
}

impl Pace {
    /// Steps for the next submission.
    pub(super) fn steps(self) -> u32 {
        self.steps
    }

    /// Learns that `steps` steps took `time`.
    pub(super) fn took(&mut self, steps: u32, time: Duration) {
        let ratio = AIM.as_secs_f64() / time.as_secs_f64().max(1e-9);
        let next = f64::from(steps) * ratio.min(GROWTH);
        self.steps = (next as u32).clamp(1, MOST_STEPS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Submissions of a device whose steps take `step`, and how long the longest took.
    fn longest(step: Duration, first: Duration) -> (Pace, Duration) {
        let mut pace = Pace::default();
        pace.took(1, first);
        let mut longest = Duration::ZERO;
        for _ in 0..30 {
            let time = step * pace.steps();
            longest = longest.max(time);
            pace.took(pace.steps(), time);
        }
        (pace, longest)
    }

    #[test]
    fn settles_near_the_aim_and_never_goes_far_beyond() {
        for micros in [30, 100, 1_000, 7_000, 49_000] {
            let step = Duration::from_micros(micros);
            let (pace, longest) = longest(step, Duration::from_millis(300));
            assert!(longest <= AIM, "{micros}: {longest:?}");
            assert!(step * pace.steps() >= AIM / 2, "{micros}: {pace:?}");
        }
    }

    #[test]
    fn a_slow_step_goes_alone_and_a_fast_one_is_bounded() {
        assert_eq!(longest(Duration::from_secs(2), Duration::from_secs(2)).0.steps(), 1);
        let fast = longest(Duration::from_nanos(10), Duration::ZERO).0;
        assert_eq!(fast.steps(), MOST_STEPS);
    }

    #[test]
    fn steps_that_grow_slow_shrink_the_next_submission() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.took(pace.steps(), Duration::from_micros(100) * pace.steps());
        }
        assert_eq!(pace.steps(), 500);
        pace.took(500, Duration::from_millis(500));
        assert_eq!(pace.steps(), 50);
    }
}
