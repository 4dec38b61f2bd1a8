//! What architectures cost, beside what they score.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::ArchCost;

/// What an architecture costs as a net that stands alone with the sizes of `[net]`: what `[limits]`
/// go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CostView {
    /// Trainable values, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image, without the auxiliary head.
    pub multiply_adds: u64,
    /// Milliseconds of one image's forward pass, by the layers that were measured when the search
    /// began; none where there is no limit of time.
    pub milliseconds: Option<f64>,
}

impl From<ArchCost> for CostView {
    fn from(cost: ArchCost) -> Self {
        let ArchCost { params, multiply_adds, milliseconds } = cost;
        Self { params, multiply_adds, milliseconds }
    }
}

/// What a score was measured on. Scores of one kind are compared with each other alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScoreKind {
    /// Validation batches, or the whole split where somebody asked for that, with the shared weights
    /// of the steps in which they came.
    Batches,
    /// The whole validation split, with the shared weights of the derivation.
    Split,
    /// The whole validation split, with weights of its own, trained from scratch.
    Retrained,
}

/// An architecture that none beats in its score and in all of its costs at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ParetoArch {
    /// Its id.
    pub id: String,
    /// Its native text form.
    pub arch: String,
    /// What its score was measured on; it is compared with others of this kind.
    pub on: ScoreKind,
    /// Its accuracy, the mean where there are several; none where the objective is another and its
    /// rewards alone are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The mean of its rewards without what its cost takes of them, where there is no accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<f64>,
    /// What it costs.
    pub cost: CostView,
}

/// A known architecture that is like another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NearArch {
    /// Its id.
    pub id: String,
    /// Choices that differ between the spellings that the two ids stand for.
    pub differs: u64,
    /// Choices of an architecture.
    pub of: u64,
    /// The mean of its rewards, in units of the objective.
    pub reward: f64,
}
