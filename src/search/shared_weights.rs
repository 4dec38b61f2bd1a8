//! Shared weights: children are measured on validation data with their parts of a fixed ω.
//!
//! Departure from the authors' code: no dropout when scoring (theirs leaves it on, so that
//! rewards are noisier than they need be). Batch normalization uses the statistics of the batch
//! at hand, as in the authors' micro search: a score depends on the size of the batch. With
//! `score.calibration`, a score on the whole split does not: each child's norms have the statistics
//! that it has itself on a fixed set of training images (Bender et al., 2018, and others since:
//! running averages over ever other children fit none of them).
//!
//! Children are scored side by side where the executor likes it. Each is computed as if it were
//! alone, so scores do not depend on the number of threads.

use std::borrow::Borrow;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::data::{Batch, DataError};
use crate::engine::{Images, Snapshot};
use crate::net::{Net, Norm};
use crate::search::{Estimator, Job, Score, ScoreConfig, SearchError, Task, ValidSet};
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
        let (dataset, config) = (&self.task.dataset, &self.task.config);
        let (size, seed) = (config.schedule.valid_batch_size, config.seed);
        let ScoreConfig { images, calibration, .. } = config.score;
        match *on {
            ValidSet::Batch(index) => {
                let batch = dataset.valid_batch(size, images, (seed, index))?;
                self.side_by_side(archs, |arch| {
                    count(self.on_batches(&self.child(arch)?, shared, None, [Ok(&batch)]))
                })
            }
            ValidSet::Whole if calibration == 0 => {
                let size = dataset.valid_batch_size(size);
                self.side_by_side(archs, |arch| {
                    let batches = dataset.valid_batches_by(images, size, seed);
                    count(self.on_batches(&self.child(arch)?, shared, None, batches))
                })
            }
            ValidSet::Whole => {
                let batch = dataset.calibration_batch(calibration, seed)?;
                self.side_by_side(archs, |arch| count(self.calibrated(arch, shared, &batch)))
            }
        }
    }
}

/// Images that are measured at once where a score does not depend on it.
const MEASURED_AT_ONCE: usize = 256;

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

    /// The net of a child.
    fn child(&self, arch: &Arch) -> Result<Net, SearchError> {
        Ok(self.task.family.shared(arch)?)
    }

    /// The score of a child on the whole split, with the statistics that it has on `batch`.
    fn calibrated(
        &self,
        arch: &Arch,
        shared: &Snapshot,
        batch: &Batch,
    ) -> Result<Score, SearchError> {
        let net = self.child(arch)?.normed(Norm::Running);
        let images = Images { values: &batch.images, labels: &batch.labels };
        let moments = self.task.exec.moments(&net, shared, images)?;
        let batches = self.task.dataset.valid_batches(MEASURED_AT_ONCE);
        self.on_batches(&net, shared, Some(&moments), batches)
    }

    fn on_batches(
        &self,
        net: &Net,
        shared: &Snapshot,
        running: Option<&Snapshot>,
        batches: impl IntoIterator<Item = Result<impl Borrow<Batch>, DataError>>,
    ) -> Result<Score, SearchError> {
        let mut score = Score::default();
        for batch in batches {
            let batch = batch?;
            let Batch { images, labels, .. } = batch.borrow();
            let images = Images { values: images, labels };
            score += self.task.exec.measure(net, shared, images.into(), running)?;
        }
        Ok(score)
    }
}

#[cfg(test)]
mod tests;
