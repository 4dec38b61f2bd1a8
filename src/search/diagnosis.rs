//! What a derivation tells of the search itself: what the policy has learnt since its start, and how
//! much of what differs between two rewards is the architectures'.
//!
//! ```text
//! learnt        mean reward of what π draws − of what it drew at its start    same ω, same batch
//! reliability   of one reward: some of π's draws on two batches (`variance.rs`)
//! ```
//!
//! A policy begins with preferences of its own (`prior.rs`), so that one that never learns differs
//! from uniform draws, too: only its own start says what it has learnt.

use crate::numbers::{deviation, mean};
use crate::search::pair::t_quantile;
use crate::search::{Interval, Scored, Variance, Verdict};

/// Draws that are scored on a second batch.
pub const SCORED_AGAIN: usize = 30;

/// What a derivation tells of the search.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Diagnosis {
    /// The mean reward of the policy's draws less that of its draws at its start; none before the
    /// first derivation, and where no policy draws.
    pub learnt: Option<Interval>,
    /// The share of the variance of one reward, among what the policy draws, that is the
    /// architectures' and not that of the images of the batch.
    pub reliability: Option<f64>,
}

impl Diagnosis {
    /// Of what the policy drew and what it drew at its start, on one batch, and of the rewards that
    /// the first of the former had on another.
    pub(super) fn of(drawn: &[Scored], at_start: &[Scored], again: &[Scored]) -> Self {
        let rewards = |scored: &[Scored]| -> Vec<f64> { scored.iter().map(|s| s.reward).collect() };
        let pairs =
            drawn.iter().zip(again).map(|(first, second)| vec![first.reward, second.reward]);
        let variance = Variance::of(&pairs.collect::<Vec<_>>());
        Self {
            learnt: mean_difference(&rewards(drawn), &rewards(at_start)),
            reliability: variance.map(|found| found.reliability),
        }
    }

    /// What the policy has learnt, in a word.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.learnt)
    }
}

/// The difference of the means of two samples with its 95 % interval (Welch); none below two of each.
pub fn mean_difference(a: &[f64], b: &[f64]) -> Option<Interval> {
    let error = |values: &[f64]| {
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let n = values.len() as f64;
        (2 <= values.len()).then(|| squares / (n - 1.0) / n)
    };
    let (of_a, of_b) = (error(a)?, error(b)?);
    let sum = of_a + of_b;
    let least = of_a.powi(2) / (a.len() - 1) as f64 + of_b.powi(2) / (b.len() - 1) as f64;
    let freedom = if 0.0 < least { (sum.powi(2) / least).floor() as usize } else { usize::MAX };
    let width = sum.sqrt() * t_quantile(freedom);
    let mean = mean(a) - mean(b);
    Some(Interval { mean, low: mean - width, high: mean + width })
}

/// The mean of differences of pairs with its 95 % interval; none below two pairs.
pub fn paired_difference(differences: &[f64]) -> Option<Interval> {
    let (n, mean) = (differences.len(), mean(differences));
    let width = deviation(differences)? / (n as f64).sqrt() * t_quantile(n - 1);
    Some(Interval { mean, low: mean - width, high: mean + width })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_of_two_means_is_welchs() {
        // scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval()
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [2.0, 2.5, 3.0, 3.5];
        let found = mean_difference(&a, &b).unwrap();
        // Variances 3.5/6 and 0.41667/4, 7.0 degrees of freedom.
        assert!((found.mean - 0.75).abs() < 1e-12);
        let error = (3.5_f64 / 6.0 + 0.416_666_7 / 4.0).sqrt();
        assert!(((found.high - found.low) / 2.0 / error - 2.4).abs() < 0.1, "{found:?}");
        assert_eq!(mean_difference(&a, &[1.0]), None);
        let equal = mean_difference(&[1.0; 4], &[1.0; 4]).unwrap();
        assert_eq!((equal.mean, equal.low, equal.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn pairs_have_students_interval() {
        let found = paired_difference(&[0.1, 0.3, 0.2, 0.4]).unwrap();
        // Deviation 0.129099, of the mean 0.064550, times 3.182.
        assert!((found.mean - 0.25).abs() < 1e-12);
        assert!((found.high - 0.25 - 0.205_4).abs() < 3e-3, "{found:?}");
        assert_eq!(paired_difference(&[0.1]), None);
    }
}
