//! The scorer: accuracy of children on validation data with a fixed copy of ω.
//!
//! Departure from the authors' code: no dropout when scoring (theirs leaves it on, so that
//! rewards are noisier than they need be). Batch normalization uses the statistics of the batch
//! at hand, as in the authors' micro search: a score depends on the size of the batch.

use crate::data::Batch;
use crate::engine::{Images, Snapshot};
use crate::net::Net;
use crate::search::{SearchError, Task};
use crate::space::Arch;

/// What children are scored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidSet {
    /// The validation batch with this number.
    Batch(u64),
    /// The whole validation split, in batches of the configured size.
    Whole,
}

/// How many images a child classified rightly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Images classified rightly.
    pub correct: u64,
    /// Images.
    pub total: u64,
}

impl Score {
    /// Accuracy, 0 to 1: the reward.
    pub fn accuracy(self) -> f64 {
        self.correct as f64 / self.total as f64
    }
}

/// Scores children on validation data.
#[derive(Clone, Debug)]
pub struct Scorer {
    task: Task,
}

impl Scorer {
    /// A scorer for the task's data and nets.
    pub fn new(task: Task) -> Self {
        Self { task }
    }

    /// Scores every architecture with the shared parameters `shared`, all on the same images.
    /// A child whose logits are not numbers has nothing right.
    pub fn score(
        &self,
        shared: &Snapshot,
        archs: &[Arch],
        on: ValidSet,
    ) -> Result<Vec<Score>, SearchError> {
        let size = self.task.config.schedule.valid_batch_size;
        match on {
            ValidSet::Batch(index) => {
                let batch = self.task.dataset.valid_batch(size, index, self.task.config.seed)?;
                archs.iter().map(|arch| self.on_batches(shared, arch, [batch.clone()])).collect()
            }
            ValidSet::Whole => archs
                .iter()
                .map(|arch| self.on_batches(shared, arch, self.task.dataset.valid_batches(size)))
                .collect(),
        }
    }

    fn on_batches(
        &self,
        shared: &Snapshot,
        arch: &Arch,
        batches: impl IntoIterator<Item = Batch>,
    ) -> Result<Score, SearchError> {
        let net: Net = self.task.family.shared(arch)?;
        let mut score = Score { correct: 0, total: 0 };
        for batch in batches {
            let images = Images { values: &batch.images, labels: &batch.labels };
            score.correct += self.task.exec.count_correct(&net, shared, images, None)? as u64;
            score.total += batch.labels.len() as u64;
        }
        Ok(score)
    }
}
