//! How much work goes into one submission: enough to make the wait cheap, little enough that no
//! driver takes the device for hung. Only the cuts depend on time, never the result.

use std::time::Duration;

/// What a submission should take.
const AIM: Duration = Duration::from_millis(50);
/// How far below its aim a submission of one or two must be for the next to hold another.
const SLACK: f64 = 4.0 / 3.0;
/// How much more than the last submission the next may hold.
const GROWTH: f64 = 4.0;

/// A count of whatever the work consists of: starts small and grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    count: usize,
    most: usize,
}

impl Pace {
    /// Starts with `first`, which is slow where shaders are compiled at first use, and never goes
    /// beyond `most`, however short each takes.
    pub(super) fn new(first: usize, most: usize) -> Pace {
        Pace { count: first.min(most), most }
    }

    /// How many for the next submission.
    pub(super) fn next(self) -> usize {
        self.count
    }

    /// Learns that `count` of them took `time`.
    pub(super) fn took(&mut self, count: usize, time: Duration) {
        if count < self.count && time <= AIM {
            // A last, shorter submission says nothing against longer ones.
            return;
        }
        let ratio = AIM.as_secs_f64() / time.as_secs_f64().max(1e-9);
        let next = count as f64 * ratio.min(GROWTH);
        // A submission has a cost of its own: of one or two that are cut off to whole ones the next would
        // never hold more, though it could.
        let next = if count <= 2 && ratio > SLACK { next.ceil() } else { next };
        self.count = (next as usize).clamp(1, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 32_768;

    /// Submissions of a device whose dispatches take `each`, and how long the longest took.
    fn longest(each: Duration, first: Duration) -> (Pace, Duration) {
        let mut pace = Pace::new(8, MOST);
        pace.took(8, first);
        let mut longest = Duration::ZERO;
        for _ in 0..30 {
            let time = each * pace.next() as u32;
            longest = longest.max(time);
            pace.took(pace.next(), time);
        }
        (pace, longest)
    }

    #[test]
    fn settles_near_the_aim_and_never_goes_far_beyond() {
        for micros in [3, 30, 100, 1_000, 7_000, 49_000] {
            let each = Duration::from_micros(micros);
            let (pace, longest) = longest(each, Duration::from_millis(300));
            assert!(longest <= AIM, "{micros}: {longest:?}");
            assert!(each * pace.next() as u32 >= AIM / 2, "{micros}: {pace:?}");
        }
    }

    #[test]
    fn a_slow_dispatch_goes_alone_and_fast_ones_are_bounded() {
        let slow = longest(Duration::from_secs(2), Duration::from_secs(2)).0;
        assert_eq!(slow.next(), 1);
        let fast = longest(Duration::from_nanos(10), Duration::ZERO).0;
        assert_eq!(fast.next(), MOST);
    }

    /// What each costs beside what a submission costs anyway.
    #[test]
    fn a_cost_of_its_own_keeps_no_submission_small() {
        let mut pace = Pace::new(1, MOST);
        for _ in 0..40 {
            let time = Duration::from_millis(30) + Duration::from_micros(100) * pace.next() as u32;
            assert!(time <= AIM * 3 / 2);
            pace.took(pace.next(), time);
        }
        assert!(pace.next() > 150, "{pace:?}");
    }

    #[test]
    fn slower_dispatches_shrink_the_next_submission_and_a_remainder_does_not() {
        let mut pace = Pace::new(8, MOST);
        for _ in 0..10 {
            pace.took(pace.next(), Duration::from_micros(100) * pace.next() as u32);
        }
        assert_eq!(pace.next(), 500);
        pace.took(3, Duration::from_micros(300));
        assert_eq!(pace.next(), 500);
        pace.took(500, Duration::from_millis(500));
        assert_eq!(pace.next(), 50);
    }
}
