//! A score as it is published.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::{Objective, Score};

/// What was measured of an architecture on the whole validation split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreView {
    /// The share of items that it has right, 0 to 1.
    pub accuracy: f64,
    /// Items that it has right.
    pub correct: u64,
    /// Items of the split: images.
    pub items: u64,
}

/// The standard normal quantile that leaves 2.5 % on each side.
const NORMAL_95: f64 = 1.959_964;

impl ScoreView {
    /// The lower and the upper end of the 95 % interval of the share (Wilson, 1927): such as other
    /// items of the same kind may give.
    ///
    /// ```text
    /// (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
    /// ```
    pub fn interval(&self) -> [f64; 2] {
        if self.items == 0 {
            return [0.0, 1.0];
        }
        let (n, z) = (self.items as f64, NORMAL_95);
        let p = self.correct as f64 / n;
        let (center, scale) = (p + z * z / (2.0 * n), 1.0 + z * z / n);
        let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        [(center - half) / scale, (center + half) / scale].map(|end| end.clamp(0.0, 1.0))
    }

    /// How `objective` tells `score`.
    pub(super) fn of(score: Score, objective: Objective) -> Self {
        let Score { correct, items, .. } = score;
        Self { accuracy: objective.measure(score), correct, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends as mpmath has them with 30 digits.
    #[test]
    fn intervals_are_those_of_wilson() {
        for (correct, items, expected) in [
            (450, 600, [0.713_835_8, 0.782_983_4]),
            (0, 10, [0.0, 0.277_532_8]),
            (10, 10, [0.722_467_2, 1.0]),
        ] {
            let found = ScoreView { accuracy: 0.0, correct, items }.interval();
            let off = found.iter().zip(expected).map(|(found, end)| (found - end).abs());
            assert!(off.fold(0.0, f64::max) < 1e-6, "{correct} of {items}: {found:?}");
        }
        assert_eq!(ScoreView::default().interval().map(f64::to_bits), [0.0, 1.0].map(f64::to_bits));
    }
}
