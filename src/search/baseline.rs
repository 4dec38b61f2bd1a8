//! The baseline: a moving average of rewards that REINFORCE subtracts to reduce variance.
//!
//! ```text
//! advantage = R − b,   then   b ← b + (1 − λ)·(R − b)
//! ```
//!
//! The advantage uses `b` before it moves, so `b` is independent of the rollout it judges and the
//! gradient stays unbiased. Several rollouts of one update are taken one after the other, each
//! moving `b`, as if each had been scored alone.
//!
//! Departures from the authors' code: theirs starts at `b = 0`, so that the first hundreds of
//! updates push every architecture up; here the first reward is its own baseline. Theirs reads `b`
//! while it is being moved, so that either value may be used.

/// An exponential moving average of past rewards, `b`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Invariant: in [0, 1).
    decay: f64,
    /// `None` before the first reward.
    mean: Option<f64>,
}

impl Baseline {
    /// A baseline of decay λ, at the average `mean` where it has seen rewards before.
    pub fn new(decay: f64, mean: Option<f64>) -> Self {
        assert!((0.0..1.0).contains(&decay), "decay {decay} is not in [0, 1)");
        Self { decay, mean }
    }

    /// Returns the advantage `R − b`, then moves `b` towards `R`. The first reward has none.
    pub fn advantage(&mut self, reward: f64) -> f64 {
        let baseline = self.mean.unwrap_or(reward);
        let advantage = reward - baseline;
        // This form leaves `b` exactly where it is when `R = b`.
        self.mean = Some(baseline + (1.0 - self.decay) * advantage);
        advantage
    }

    /// The average; `None` before the first reward.
    pub fn mean(&self) -> Option<f64> {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reward_has_no_advantage_and_later_ones_are_judged_before_the_average_moves() {
        let mut baseline = Baseline::new(0.75, None);
        let advantages = [0.5, 0.7, 0.1].map(|reward| baseline.advantage(reward));
        let expected = [0.0, 0.2, 0.1 - 0.55];
        for (found, expected) in advantages.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{advantages:?}");
        }
        assert!((baseline.mean().unwrap() - (0.55 - 0.25 * 0.45)).abs() < 1e-15);
    }

    #[test]
    fn a_constant_reward_leaves_the_average_exactly_where_it_is() {
        let mut baseline = Baseline::new(0.99, Some(0.1));
        for _ in 0..1000 {
            assert_eq!(baseline.advantage(0.1).to_bits(), 0.0_f64.to_bits());
        }
        assert_eq!(baseline.mean(), Some(0.1));
    }

    #[test]
    #[should_panic(expected = "decay 1 is not in [0, 1)")]
    fn an_average_that_never_moves_is_refused() {
        Baseline::new(1.0, None);
    }
}
