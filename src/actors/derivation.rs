//! How the driver derives, in the schedule and beside it, and says how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::actors::driver::Driver;
use crate::actors::{ActorError, DerivationStatus, Evaluate};
use crate::search::{
    Arm, Derived, DrawRequest, Forecast, Job, SCORED_AGAIN, Sampled, Scored, ValidSet,
};

/// How often a derivation says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

impl Driver {
    /// Derives as the schedule has it: what the policy draws, what uniform draws give, and what the
    /// policy drew at its start, where these are wanted; some of the first are scored on the batch
    /// `again` too.
    pub(super) async fn derive_all(
        &mut self,
        (sample, uniform, at_start): (DrawRequest, Option<DrawRequest>, Option<DrawRequest>),
        (batch, again): (u64, u64),
    ) -> Result<(Derived, Option<Derived>, Vec<Scored>), ActorError> {
        let requests = [Some(sample), uniform, at_start];
        let all = requests.iter().flatten().map(|request| request.count).sum::<usize>();
        let config = &self.search.task().config;
        let forecast = self.search.forecast();
        let short =
            |request: &DrawRequest| self.search.shortlist_len(request.count, forecast.as_ref());
        let short = requests[..2].iter().flatten().map(short).sum::<usize>();
        // About as many: an architecture that was drawn twice is taken once.
        let strata = uniform.filter(|_| self.search.finals().sample.is_none());
        let strata = strata.map_or(0, |request| config.finals.sample.min(request.count));
        let of = all + short + strata + SCORED_AGAIN.min(sample.count);
        let progress = Progress { scored: Arc::default(), of: of as u64 };
        let by = (forecast.as_ref(), &progress);
        let mut policy = self.derive_one(sample, batch, by).await?;
        let first = self.search.again(sample.arm, &policy.drawn);
        let on = ValidSet::Batch(again);
        policy.again = self.score_derived(sample.arm, first, on, &progress).await?;
        let uniform = match uniform {
            Some(request) => Some(self.derive_one(request, batch, by).await?),
            None => None,
        };
        let at_start = match at_start {
            Some(request) => {
                let drawn = self.draw(request).await?;
                self.score_derived(request.arm, drawn, ValidSet::Batch(batch), &progress).await?
            }
            None => Vec::new(),
        };
        self.observer.derives(None);
        Ok((policy, uniform, at_start))
    }

    /// Derives from what `request` asks for alone.
    pub(super) async fn derive(
        &mut self,
        request: DrawRequest,
        batch: u64,
    ) -> Result<Derived, ActorError> {
        let forecast = self.search.forecast();
        let short = self.search.shortlist_len(request.count, forecast.as_ref());
        let progress = Progress { scored: Arc::default(), of: (request.count + short) as u64 };
        let derived = self.derive_one(request, batch, (forecast.as_ref(), &progress)).await?;
        self.observer.derives(None);
        Ok(derived)
    }

    /// Draws what `request` asks for, scores all on one batch, and the best on the whole validation
    /// split.
    async fn derive_one(
        &mut self,
        request: DrawRequest,
        batch: u64,
        (forecast, progress): (Option<&Forecast>, &Progress),
    ) -> Result<Derived, ActorError> {
        let (arm, drawn) = (request.arm, self.draw(request).await?);
        let drawn = self.score_derived(arm, drawn, ValidSet::Batch(batch), progress).await?;
        let short = self.search.shortlist(&drawn, forecast);
        let shortlisted = self.score_derived(arm, short, ValidSet::Whole, progress).await?;
        let sample = self.search.sample(arm, &drawn);
        let sampled = self.score_derived(arm, sample, ValidSet::Whole, progress).await?;
        Ok(Derived { drawn, shortlisted, again: Vec::new(), sampled })
    }

    /// Scores what `arm` drew for a derivation, and publishes how far that is.
    async fn score_derived(
        &mut self,
        arm: Arm,
        drawn: Vec<Sampled>,
        on: ValidSet,
        progress: &Progress,
    ) -> Result<Vec<Scored>, ActorError> {
        let shared = self.shared().await?;
        let Progress { scored, of } = progress;
        let job = Job::new(arm, &drawn, on, &shared);
        let message = Evaluate { job, scored: scored.clone() };
        let mut scores = std::pin::pin!(self.crew.evaluate_counting(message));
        let scores = loop {
            let scored = scored.load(Ordering::Relaxed);
            self.observer.derives(Some(DerivationStatus { scored, of: *of }));
            if let Ok(scores) = timeout(PROGRESS_EVERY, &mut scores).await {
                break scores?;
            }
        };
        Ok(self.search.task().objective.scored(drawn, scores))
    }
}

/// How far a derivation is.
struct Progress {
    /// Architectures that are scored.
    scored: Arc<AtomicU64>,
    /// How many will be.
    of: u64,
}
