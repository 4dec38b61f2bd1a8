//! How the driver derives, in the schedule and beside it, and says how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::driver::Driver;
use crate::actors::{ActorError, DerivationStatus, Evaluate};
use crate::search::{DrawRequest, Job, Score, Scored, ValidSet, archs};

/// How often a derivation says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// What was drawn with its scores on one batch, and the shortlist with those on the whole split.
type Derived = (Vec<Scored>, Vec<Scored>);

impl Driver {
    /// Draws, scores on one batch, and scores the best on the whole validation split.
    pub(super) async fn derive(
        &mut self,
        sample: DrawRequest,
        batch: u64,
    ) -> Result<Derived, ActorError> {
        let shared = self.shared().await?;
        let drawn = self.draw(sample).await?;
        let scored = Arc::new(AtomicU64::new(0));
        let task = self.search.task();
        let objective = task.objective;
        let of = (drawn.len() + task.config.derive.rerank.min(drawn.len())) as u64;
        let evaluate = |job| Evaluate { job, scored: scored.clone() };
        let on = ValidSet::Batch(batch);
        let message = evaluate(Job { archs: archs(&drawn), on, shared: shared.clone() });
        let scores = self.score_derived(message, of).await?;
        let drawn = objective.scored(drawn, scores);
        let short = self.search.shortlist(&drawn);
        let message = evaluate(Job { archs: archs(&short), on: ValidSet::Whole, shared });
        let scores = self.score_derived(message, of).await?;
        self.observer.derives(None);
        Ok((drawn, objective.scored(short, scores)))
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
