//! What somebody asks of one architecture: its score with the shared weights, and to be trained from
//! scratch.

use std::sync::Arc;

use crate::actors::command::{answer, failed, saved};
use crate::actors::commands::Answer;
use crate::actors::driver::Driver;
use crate::actors::outbox::Receipt;
use crate::actors::{
    Crew, Inject, Note, Refusal, RetrainArch, RetrainReply, RunState, ScoreArch, ScoreReply,
    ScoreView,
};
use crate::search::{Job, Score, SharedState, TrialPlan, Unqueued, ValidSet};
use crate::space::Arch;

impl Driver {
    /// Scores an architecture on the whole validation split, which joins the history.
    pub(super) async fn score(&mut self, message: ScoreArch, to: Answer<ScoreReply>) {
        let ScoreArch { arch, form } = message;
        let task = self.search.task().clone();
        if let Err(refusal) = self.with_shared_weights() {
            return answer(to, Err(refusal));
        }
        if let Err(error) = task.family.shared(&arch) {
            return answer(to, Err(Refusal::Request { why: error.to_string() }));
        }
        let shared = match self.shared().await {
            Ok(shared) => shared,
            Err(error) => return answer(to, Err(failed(error))),
        };
        let (crew, outbox, step) = (self.crew.clone(), self.outbox().clone(), self.search.number());
        // The whole split takes seconds, for which ω need not wait.
        actix::spawn(async move {
            let score = match whole_score(&crew, arch.clone(), shared).await {
                Ok(score) => score,
                Err(refusal) => return answer(to, Err(refusal)),
            };
            let reward = match task.reward(&arch, score) {
                Ok(reward) => reward,
                Err(error) => return answer(to, Err(failed(error))),
            };
            let reply = ScoreReply { score: ScoreView::of(score, task.objective), reward, step };
            outbox.forward(Note::scored(&arch.id(), form, &reply));
            let injected = crew.inject(Inject { step, arch_id: arch.id(), reward });
            answer(to, Ok(reply));
            if let Ok(Err(error)) = injected.await {
                tracing::warn!("a score could not be written to the history: {error}");
            }
        });
    }

    /// Has an architecture wait to be trained from scratch, and answers once that is on disk.
    pub(super) async fn retrain(&mut self, message: RetrainArch, to: Answer<RetrainReply>) {
        match self.ask_to_retrain(message).await {
            // Failed or not: it is tried again, and the architecture waits.
            Ok((reply, receipt)) => drop(actix::spawn(async move {
                drop(saved(receipt).await);
                answer(to, Ok(reply));
            })),
            Err(refusal) => answer(to, Err(refusal)),
        }
    }

    async fn ask_to_retrain(
        &mut self,
        RetrainArch { arch, form }: RetrainArch,
    ) -> Result<(RetrainReply, Receipt), Refusal> {
        self.with_shared_weights()?;
        let refused = |why: String| Refusal::Request { why };
        let task = self.search.task().clone();
        let recipe = task.config.finals;
        task.family.shared(&arch).map_err(|error| refused(error.to_string()))?;
        let trials = self.retraining.task();
        trials.check(task.space, &recipe).map_err(|error| refused(error.to_string()))?;
        let plan = TrialPlan { arch: arch.clone(), seed: 0, recipe };
        let cost = trials.cost(&plan).map_err(|error| refused(error.to_string()))?;
        // Before it is scored: that takes seconds.
        self.search.finals().may_ask(&arch).map_err(unqueued)?;
        let shared = self.shared().await.map_err(failed)?;
        let score = whole_score(&self.crew, arch.clone(), shared).await?;
        let (id, step) = (arch.id(), self.search.number());
        let place = self.search.ask_to_retrain(arch, score).map_err(unqueued)? as u64;
        let message = format!(
            "{id}, given as {form}, was asked for: number {place} of those that are retrained"
        );
        self.note(Note::new("retrain", message));
        let receipt = self.save_soon().await.map_err(failed)?;
        self.publish_promotion(if self.paused { RunState::Paused } else { RunState::Running });
        let reply = RetrainReply {
            place,
            score: ScoreView::of(score, task.objective),
            params: cost.params,
            multiply_adds: cost.multiply_adds,
            epochs: recipe.epochs,
            seeds: recipe.seeds as u64,
            step,
        };
        Ok((reply, receipt))
    }

    /// Refuses what takes shared weights where there are none.
    pub(super) fn with_shared_weights(&self) -> Result<(), Refusal> {
        if self.search.task().is_stand_alone() {
            let why = "the children of this search share no weights: each is trained from scratch, and \
                       has its score in the history (`score.estimator`)";
            return Err(Refusal::State { why: why.to_owned() });
        }
        Ok(())
    }
}

fn unqueued(error: Unqueued) -> Refusal {
    Refusal::State { why: error.to_string() }
}

async fn whole_score(crew: &Crew, arch: Arch, shared: Arc<SharedState>) -> Result<Score, Refusal> {
    let job = Job { archs: vec![arch], on: ValidSet::Whole, shared };
    let scores = crew.evaluate(job).await.map_err(failed)?;
    let none = || Refusal::Failed { why: "the evaluator answered with no score".to_owned() };
    scores.first().copied().ok_or_else(none)
}
