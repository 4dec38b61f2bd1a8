//! Shared weights: children are measured on validation data with their parts of a fixed ω.
//!
//! Departure from the authors' code: no dropout when scoring (theirs leaves it on, so that
//! rewards are noisier than they need be). Batch normalization uses the statistics of the batch
//! at hand, as in the authors' micro search: a score depends on the size of the batch.
//!
//! Children are scored side by side where the executor likes it. Each is computed as if it were
//! alone, so scores do not depend on the number of threads.

use std::borrow::Borrow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::data::{Batch, DataError};
use crate::engine::{Images, Snapshot};
use crate::net::Net;
use crate::search::{Estimator, Job, Score, SearchError, Task, ValidSet};
use crate::space::Arch;

/// Scores children with their parts of ω.
#[derive(Clone, Debug)]
pub struct SharedWeights {
    task: Task,
}

impl Estimator for SharedWeights {
    /// A child whose logits are not numbers has nothing right.
    fn estimate(&mut self, job: &Job, scored: &AtomicU64) -> Result<Vec<Score>, SearchError> {
        let Job { archs, on, shared } = job;
        let shared = &shared.params;
        let count = |score: Result<Score, SearchError>| {
            scored.fetch_add(1, Ordering::Relaxed);
            score
        };
        let size = self.task.config.schedule.valid_batch_size;
        match *on {
            ValidSet::Batch(index) => {
                let batch = self.task.dataset.valid_batch(size, index, self.task.config.seed)?;
                self.side_by_side(archs, |arch| count(self.on_batches(shared, arch, [Ok(&batch)])))
            }
            ValidSet::Whole => self.side_by_side(archs, |arch| {
                count(self.on_batches(shared, arch, self.task.dataset.valid_batches(size)))
            }),
        }
    }
}

impl SharedWeights {
    /// An estimator for the task's data and nets.
    pub fn new(task: Task) -> Self {
        Self { task }
    }

    /// Scores the children in the order of `archs`, as many at once as the executor likes and as
    /// there are threads: so many are in memory.
    fn side_by_side(
        &self,
        archs: &[Arch],
        score: impl Fn(&Arch) -> Result<Score, SearchError> + Sync,
    ) -> Result<Vec<Score>, SearchError> {
        let at_once = self.task.exec.children_at_once().min(rayon::current_num_threads());
        if at_once <= 1 {
            return archs.iter().map(score).collect();
        }
        // Whoever is free takes the next one: children differ in size.
        let next = AtomicUsize::new(0);
        let take = || {
            let place = next.fetch_add(1, Ordering::Relaxed);
            archs.get(place).map(|arch| (place, score(arch)))
        };
        let workers = (0..at_once.min(archs.len())).into_par_iter().with_max_len(1);
        let mut scored: Vec<_> = workers.flat_map_iter(|_| std::iter::from_fn(take)).collect();
        scored.sort_by_key(|(place, _)| *place);
        scored.into_iter().map(|(_, score)| score).collect()
    }

    fn on_batches(
        &self,
        shared: &Snapshot,
        arch: &Arch,
        batches: impl IntoIterator<Item = Result<impl Borrow<Batch>, DataError>>,
    ) -> Result<Score, SearchError> {
        let net: Net = self.task.family.shared(arch)?;
        let mut score = Score::default();
        for batch in batches {
            let batch = batch?;
            let Batch { images, labels, .. } = batch.borrow();
            let images = Images { values: images, labels };
            score += self.task.exec.measure(&net, shared, images, None)?;
        }
        Ok(score)
    }
}

#[cfg(test)]
mod tests;
