//! Whether the policy's draws score higher with the shared weights than random ones, as a paired
//! comparison. It says nothing of what they are worth once they are trained alone.
//!
//! In every θ step both arms are scored on the same validation batch with the same ω, or each with its
//! own where the control arm has one, so the difference of their mean rewards
//!
//! ```text
//! d_t = mean R(controller's rollouts) − mean R(random rollouts)
//! ```
//!
//! is free of how hard the batch was. The step is the unit that is resampled, not the rollout:
//! rollouts of a step share what makes them vary. The window slides over the last θ phases; its
//! mean comes with the 95 % percentile-bootstrap interval (Efron, 1979). The interval treats the
//! steps as exchangeable, so it says nothing of the drift of θ within the window, and with few
//! steps it is somewhat too narrow: below [`MIN_STEPS`] there is no verdict.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::search::{Interval, SearchError, Verdict};

/// Fewer steps than this are not judged: the bootstrap of a handful is far too sure.
pub const MIN_STEPS: usize = 10;

/// Resamples: enough that the ends of the interval are not the whim of a few of them.
const RESAMPLES: usize = 1000;

/// Resamples below the interval, and above it: 2.5 % each.
const TAIL: usize = RESAMPLES / 40;

/// The differences of the last θ steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Advantage {
    /// Steps that are looked back on.
    window: usize,
    /// Invariant: finite, at most `window`, the oldest first.
    differences: VecDeque<f64>,
}

/// The advantage of the policy over the random arm, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdvantageReport {
    /// Steps in the window.
    pub n_steps: usize,
    /// The mean difference and its interval; `None` before [`MIN_STEPS`].
    pub interval: Option<Interval>,
}

impl Advantage {
    /// Looks back on the last `window` of `differences`, the oldest first.
    pub fn new(window: usize, differences: Vec<f64>) -> Result<Self, SearchError> {
        if let Some((position, &reward)) =
            differences.iter().enumerate().find(|(_, difference)| !difference.is_finite())
        {
            return Err(SearchError::NonFiniteReward { position, reward });
        }
        let mut advantage = Self { window, differences: differences.into() };
        advantage.forget();
        Ok(advantage)
    }

    /// The differences, the oldest first: all the state there is.
    pub fn differences(&self) -> Vec<f64> {
        self.differences.iter().copied().collect()
    }

    /// Adds a θ step, given the rewards of both arms on its batch.
    pub fn push(&mut self, controller: &[f64], random: &[f64]) -> Result<(), SearchError> {
        self.differences.push_back(mean(controller)? - mean(random)?);
        self.forget();
        Ok(())
    }

    /// The mean difference with its interval; `rng` draws the resamples.
    pub fn report(&self, rng: &mut ChaCha8Rng) -> AdvantageReport {
        let n_steps = self.differences.len();
        let interval = (MIN_STEPS <= n_steps).then(|| self.interval(rng));
        AdvantageReport { n_steps, interval }
    }

    fn interval(&self, rng: &mut ChaCha8Rng) -> Interval {
        let n = self.differences.len();
        let mut resample = || {
            let sum: f64 = (0..n).map(|_| self.differences[rng.random_range(0..n)]).sum();
            sum / n as f64
        };
        let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
        means.sort_by(f64::total_cmp);
        let mean = self.differences.iter().sum::<f64>() / n as f64;
        Interval { mean, low: means[TAIL], high: means[RESAMPLES - 1 - TAIL] }
    }

    fn forget(&mut self) {
        let excess = self.differences.len().saturating_sub(self.window);
        self.differences.drain(..excess);
    }
}

impl AdvantageReport {
    /// What the interval says.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.interval)
    }
}

fn mean(rewards: &[f64]) -> Result<f64, SearchError> {
    if rewards.is_empty() {
        return Err(SearchError::NoRollouts);
    }
    match rewards.iter().enumerate().find(|(_, reward)| !reward.is_finite()) {
        Some((position, &reward)) => Err(SearchError::NonFiniteReward { position, reward }),
        None => Ok(rewards.iter().sum::<f64>() / rewards.len() as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};

    /// The report on `differences`, all of them in the window.
    fn report(differences: &[f64]) -> AdvantageReport {
        let advantage = Advantage::new(differences.len(), differences.to_vec()).unwrap();
        advantage.report(&mut generator(1, Owner::Bootstrap, 0))
    }

    /// `n` draws from a normal distribution.
    fn normal(n: usize, mean: f64, deviation: f64, index: u64) -> Vec<f64> {
        let mut rng = generator(2, Owner::Bootstrap, index);
        let mut uniform = || rng.random::<f64>();
        let mut draw = || {
            let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
            mean + deviation * radius * (std::f64::consts::TAU * uniform()).cos()
        };
        (0..n).map(|_| draw()).collect()
    }

    #[track_caller]
    fn check(differences: &[f64], expected: Verdict) {
        let report = report(differences);
        assert_eq!(report.verdict(), expected, "{report:?}");
    }

    #[test]
    fn the_verdict_is_what_the_interval_says() {
        check(&normal(100, 0.05, 0.1, 0), Verdict::Better);
        check(&normal(100, -0.05, 0.1, 1), Verdict::Worse);
        check(&[0.1, -0.1].repeat(20), Verdict::NotYetBetter);
        check(&[0.0; 50], Verdict::NotYetBetter);
    }

    #[test]
    fn nine_steps_are_not_judged_and_ten_are() {
        check(&[0.3; MIN_STEPS - 1], Verdict::NotMeasured);
        check(&[0.3; MIN_STEPS], Verdict::Better);
    }

    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        let (n, deviation) = (400, 0.1);
        let Interval { mean, low, high } = report(&normal(n, 0.0, deviation, 3)).interval.unwrap();
        let half_width = 1.96 * deviation / (n as f64).sqrt();
        for found in [high - mean, mean - low] {
            assert!((found / half_width - 1.0).abs() < 0.15, "{found} against {half_width}");
        }
    }

    #[test]
    fn about_one_interval_in_twenty_misses_the_truth() {
        let misses = (0..400).filter(|&index| {
            let Interval { low, high, .. } =
                report(&normal(40, 0.2, 0.1, 10 + index)).interval.unwrap();
            !(low..=high).contains(&0.2)
        });
        // 20 expected and a little more for the percentile method; 4.4 is the deviation.
        let misses = misses.count();
        assert!((8..=40).contains(&misses), "{misses} of 400");
    }

    #[test]
    fn a_step_counts_once_however_many_rollouts_it_has() {
        let mut advantage = Advantage::new(3, Vec::new()).unwrap();
        advantage.push(&[0.5, 0.7], &[0.1, 0.2, 0.3]).unwrap();
        advantage.push(&[0.5], &[0.75]).unwrap();
        let differences = advantage.differences();
        assert!((differences[0] - 0.4).abs() < 1e-15, "{differences:?}");
        assert_eq!(differences[1..], [-0.25]);
    }

    #[test]
    fn the_window_forgets_the_oldest_and_a_shorter_one_more_of_them() {
        let mut advantage = Advantage::new(2, vec![1.0, 2.0]).unwrap();
        advantage.push(&[3.0], &[0.0]).unwrap();
        assert_eq!(advantage.differences(), [2.0, 3.0]);
        assert_eq!(Advantage::new(1, advantage.differences()).unwrap().differences(), [3.0]);
    }

    #[test]
    fn the_same_generator_gives_the_same_interval() {
        let differences = normal(30, 0.0, 1.0, 5);
        assert_eq!(report(&differences), report(&differences));
    }

    #[test]
    fn what_is_not_a_number_is_refused_and_changes_nothing() {
        let mut advantage = Advantage::new(3, vec![1.0]).unwrap();
        let err = advantage.push(&[0.5, f64::NAN], &[0.5]).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
        assert!(matches!(advantage.push(&[0.5], &[]), Err(SearchError::NoRollouts)));
        assert_eq!(advantage.differences(), [1.0]);
        assert!(Advantage::new(3, vec![0.0, f64::INFINITY]).is_err());
    }
}
