//! A score as it is published.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::data::share_interval;
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

impl ScoreView {
    /// The lower and the upper end of the 95 % interval of the share (Wilson, 1927): such as other
    /// items of the same kind may give.
    pub fn interval(&self) -> [f64; 2] {
        share_interval(self.correct, self.items)
    }

    /// How `objective` tells `score`.
    pub(super) fn of(score: Score, objective: Objective) -> Self {
        let Score { correct, items, .. } = score;
        Self { accuracy: objective.measure(score), correct, items }
    }
}
