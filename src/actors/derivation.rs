//! How the driver derives, in the schedule and beside it, and says how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::driver::Driver;
use crate::actors::{ActorError, DerivationStatus, Evaluate};
use crate::search::{Derived, DrawRequest, Job, Score, ValidSet, archs};

/// How often a derivation says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

impl Driver {
    /// Draws what each of `requests` asks for, scores all on one batch, and scores the best of each
    /// on the whole validation split.
    pub(super) async fn derive(
        &mut self,
        requests: Vec<DrawRequest>,
        batch: u64,
    ) -> Result<Vec<Derived>, ActorError> {
        let shared = self.shared().await?;
        let scored = Arc::new(AtomicU64::new(0));
        let task = self.search.task();
        let (objective, rerank) = (task.objective, task.config.derive.rerank);
        // A stratified sample is small, and comes last.
        let of = requests.iter().map(|r| (r.count + rerank.min(r.count)) as u64).sum();
        let mut found = Vec::new();
        for request in requests {
            let arm = request.arm;
            let drawn = self.draw(request).await?;
            let evaluate = |job| Evaluate { job, scored: scored.clone() };
            let on = ValidSet::Batch(batch);
            let message = evaluate(Job { archs: archs(&drawn), on, shared: shared.clone() });
            let scores = self.score_derived(message, of).await?;
            let drawn = objective.scored(drawn, scores);
            let short = self.search.shortlist(&drawn);
            let on = ValidSet::Whole;
            let message = evaluate(Job { archs: archs(&short), on, shared: shared.clone() });
            let scores = self.score_derived(message, of).await?;
            let shortlisted = objective.scored(short, scores);
            let sample = self.search.sample(arm, &drawn);
            let message = evaluate(Job { archs: archs(&sample), on, shared: shared.clone() });
            let scores = self.score_derived(message, of).await?;
            found.push(Derived { drawn, shortlisted, sampled: objective.scored(sample, scores) });
        }
        self.observer.derives(None);
        Ok(found)
    }

    /// Scores children of a derivation, which scores `of` in all, and publishes how far it is.
    async fn score_derived(
        &mut self,
        message: Evaluate,
        of: u64,
    ) -> Result<Vec<Score>, ActorError> {
        let counter = message.scored.clone();
        let mut scores = std::pin::pin!(self.crew.evaluate_counting(message));
        loop {
            let scored = counter.load(Ordering::Relaxed);
            self.observer.derives(Some(DerivationStatus { scored, of }));
            if let Ok(scores) = timeout(PROGRESS_EVERY, &mut scores).await {
                return scores;
            }
        }
    }
}
