//! Steps a second, from the numbers of steps at the times of looking.

use std::collections::VecDeque;

/// Seconds over which the rate is taken: long enough for steps of a second, short enough to show
/// a change of phase.
const WINDOW_SECONDS: f64 = 10.0;

/// Numbers of steps with the times at which they were read.
#[derive(Debug, Default)]
pub(crate) struct StepRate {
    seen: VecDeque<(f64, u64)>,
}

impl StepRate {
    /// Notes that the next step is `number` at `now`, in seconds.
    pub(crate) fn push(&mut self, now: f64, number: u64) {
        // A clock set back or a search gone back to a checkpoint begins anew.
        if self.seen.back().is_some_and(|&(at, last)| now < at || number < last) {
            self.seen.clear();
        }
        self.seen.push_back((now, number));
        while self.seen.get(1).is_some_and(|&(at, _)| at + WINDOW_SECONDS < now) {
            self.seen.pop_front();
        }
    }

    /// Steps a second; none before there were two looks.
    pub(crate) fn value(&self) -> Option<f64> {
        let (&(start, first), &(end, last)) = (self.seen.front()?, self.seen.back()?);
        (start < end).then(|| (last - first) as f64 / (end - start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_taken_over_the_window() {
        let mut rate = StepRate::default();
        rate.push(0.0, 0);
        assert_eq!(rate.value(), None);
        rate.push(1.0, 100);
        assert_eq!(rate.value(), Some(100.0));
        for second in 2..=20 {
            rate.push(f64::from(second), 100);
        }
        assert_eq!(rate.value(), Some(0.0), "a search that stands has no rate");
    }

    #[test]
    fn a_search_that_goes_back_is_measured_anew() {
        let mut rate = StepRate::default();
        rate.push(0.0, 500);
        rate.push(1.0, 600);
        rate.push(2.0, 300);
        assert_eq!(rate.value(), None);
        rate.push(4.0, 320);
        assert_eq!(rate.value(), Some(10.0));
    }
}
