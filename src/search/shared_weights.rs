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

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::data::{Corpus, DataError, Dataset, ImageBatch, ImageData};
use crate::engine::{Images, Snapshot};
use crate::net::{Net, Norm};
use crate::search::carried::Carried;
use crate::search::reading::measure_windows;
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
        match (job.on, &self.task.dataset) {
            (ValidSet::Batch(index), _) => self.on_batch(index, job, scored),
            (ValidSet::Whole, Dataset::Images(data)) => self.on_images(data, job, scored),
            (ValidSet::Whole, Dataset::Words(corpus)) => self.on_text(corpus, job, scored),
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

    /// On one batch; a window of text begins with states of zero.
    fn on_batch(
        &self,
        index: u64,
        job: &Job,
        scored: &AtomicU64,
    ) -> Result<Vec<Score>, SearchError> {
        let batch = self.task.valid_batch(index)?;
        self.side_by_side(&job.archs, scored, |arch| {
            let (child, mut carried) = (self.child(arch)?, Carried::default());
            let read = carried.batch(0, &batch);
            Ok(self.task.exec.measure(&child, &job.shared.params, read, None)?)
        })
    }

    /// On all images of the split.
    fn on_images(
        &self,
        data: &ImageData,
        job: &Job,
        scored: &AtomicU64,
    ) -> Result<Vec<Score>, SearchError> {
        let (shared, config) = (&job.shared.params, &self.task.config);
        let ScoreConfig { images, calibration, .. } = config.score;
        if calibration == 0 {
            let size = data.valid_batch_size(config.schedule.valid_batch_size);
            return self.side_by_side(&job.archs, scored, |arch| {
                let batches = data.valid_batches_by(images, size, config.seed);
                self.on_batches(&self.child(arch)?, shared, None, batches)
            });
        }
        let batch = data.calibration_batch(calibration, config.seed)?;
        self.side_by_side(&job.archs, scored, |arch| {
            let net = self.child(arch)?.normed(Norm::Running);
            let images = Images { values: &batch.images, labels: &batch.labels };
            let moments = self.task.exec.moments(&net, shared, images)?;
            let batches = data.valid_batches(MEASURED_AT_ONCE);
            self.on_batches(&net, shared, Some(&moments), batches)
        })
    }

    /// On all text of the split, in rows, each with the states that the child itself carries from
    /// window to window.
    fn on_text(
        &self,
        corpus: &Corpus,
        job: &Job,
        scored: &AtomicU64,
    ) -> Result<Vec<Score>, SearchError> {
        let schedule = &self.task.config.schedule;
        let layout = corpus.valid_layout(schedule.valid_batch_size, schedule.bptt);
        self.side_by_side(&job.archs, scored, |arch| {
            let child = (&self.child(arch)?, &job.shared.params);
            measure_windows(&*self.task.exec, child, corpus.valid().windows(layout)?)
        })
    }

    /// Scores the children in the order of `archs`, as many at once as the executor likes and as
    /// there are threads: so many are in memory.
    fn side_by_side(
        &self,
        archs: &[Arch],
        scored: &AtomicU64,
        score: impl Fn(&Arch) -> Result<Score, SearchError> + Sync,
    ) -> Result<Vec<Score>, SearchError> {
        let score = |arch: &Arch| {
            let score = score(arch);
            scored.fetch_add(1, Ordering::Relaxed);
            score
        };
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

    fn on_batches(
        &self,
        net: &Net,
        shared: &Snapshot,
        running: Option<&Snapshot>,
        batches: impl IntoIterator<Item = Result<ImageBatch, DataError>>,
    ) -> Result<Score, SearchError> {
        let mut score = Score::default();
        for batch in batches {
            let ImageBatch { images, labels, .. } = batch?;
            let images = Images { values: &images, labels: &labels };
            score += self.task.exec.measure(net, shared, images.into(), running)?;
        }
        Ok(score)
    }
}

#[cfg(test)]
mod tests;
