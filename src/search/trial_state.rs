//! How far a trial has come.

use crate::engine::Snapshot;
use crate::search::{Averaging, FinalConfig, Score};

/// What a resumed trial needs.
#[derive(Clone, Debug, Default)]
pub struct TrialState {
    /// Epochs that are finished.
    pub epoch: u64,
    /// The parameters.
    pub params: Snapshot,
    /// The optimizer's momenta; empty once the last epoch is finished of a net that will not go on.
    pub momenta: Snapshot,
    /// Running moments of the batch normalizations; of a net of words, the averages of its weights,
    /// once they are averaged.
    pub running: Snapshot,
    /// How far that has come.
    pub averaging: Averaging,
    /// What was measured on the validation split, once the last epoch is finished; the best so far,
    /// where more than one epoch counts.
    pub valid: Option<Score>,
}

impl TrialState {
    /// The weights that are measured and shipped: averages where there are such.
    pub fn weights(&self) -> &Snapshot {
        if self.averaging.steps.is_some_and(|steps| 0 < steps) {
            &self.running
        } else {
            &self.params
        }
    }

    /// Whether the last epoch of `recipe` is finished and measured.
    pub fn is_finished(&self, recipe: &FinalConfig) -> bool {
        self.valid.is_some() && self.epoch == recipe.epochs
    }

    /// Whether a longer training can go on from this finished one.
    pub fn goes_on(&self) -> bool {
        self.valid.is_some() && !self.momenta.is_empty()
    }
}
