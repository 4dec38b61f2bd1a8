//! How the driver derives, in the schedule and beside it, and says how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::driver::Driver;
use crate::actors::{ActorError, DerivationStatus, Evaluate};
use crate::search::{Arm, Derived, DrawRequest, Job, Score, Scored, SharedState, ValidSet, archs};

/// How often a derivation says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

impl Driver {
    /// Draws what each of `requests` asks for, scores all on one batch, scores the best of each on
    /// the whole validation split, and some again on another batch, where there is one.
    pub(super) async fn derive(
        &mut self,
        requests: Vec<DrawRequest>,
        (batch, again): (u64, Option<u64>),
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
            let sampled = objective.scored(sample, scores);
            let scored_again = match again {
                Some(batch) => self.score_again(arm, &drawn, (batch, &shared)).await?,
                None => Vec::new(),
            };
            found.push(Derived { drawn, shortlisted, again: scored_again, sampled });
        }
        self.observer.derives(None);
        Ok(found)
    }

    /// Scores some of what `arm` drew on another batch.
    async fn score_again(
        &self,
        arm: Arm,
        drawn: &[Scored],
        (batch, shared): (u64, &Arc<SharedState>),
    ) -> Result<Vec<Scored>, ActorError> {
        let again = self.search.again(arm, drawn);
        let on = ValidSet::Batch(batch);
        let job = Job { archs: archs(&again), on, shared: shared.clone() };
        let scores = self.crew.evaluate(job).await?;
        Ok(self.search.task().objective.scored(again, scores))
    }

    /// Draws as the policy drew at its start, and scores that on the same batch.
    pub(super) async fn at_start(
        &mut self,
        request: Option<DrawRequest>,
        batch: u64,
    ) -> Result<Vec<Scored>, ActorError> {
        let Some(request) = request else { return Ok(Vec::new()) };
        let shared = self.shared().await?;
        let drawn = self.draw(request).await?;
        let on = ValidSet::Batch(batch);
        let job = Job { archs: archs(&drawn), on, shared };
        let scores = self.crew.evaluate(job).await?;
        Ok(self.search.task().objective.scored(drawn, scores))
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
