//! The last values of something, and their median.

use std::collections::VecDeque;
use std::time::Duration;

/// Steps over which medians and the trainer's waiting share are taken.
const RECENT_STEPS: usize = 50;

/// The last values of something.
#[derive(Debug)]
pub(super) struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::with_capacity(RECENT_STEPS))
    }
}

impl<T: Copy> Recent<T> {
    pub(super) fn push(&mut self, value: T) {
        if self.0.len() == RECENT_STEPS {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    pub(super) fn last(&self) -> Option<T> {
        self.0.back().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// The median in seconds.
    pub(super) fn median(&self, duration: impl Fn(&T) -> Duration) -> Option<f64> {
        let mut durations: Vec<Duration> = self.0.iter().map(duration).collect();
        durations.sort_unstable();
        durations.get(durations.len() / 2).map(Duration::as_secs_f64)
    }
}
