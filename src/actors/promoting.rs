//! How the driver carries out promotions: between two steps of the schedule, a trial's epoch at a
//! time, so that commands wait for none of them.
//!
//! ```text
//! Train ──── workers take epochs; commands come between ─► trial files, then scores
//! Certify ── ledger on disk: open ─► a worker looks ─► ledger on disk: close
//! Conclude ─ champion, pairs ─► checkpoint, champions/ID
//! ```
//!
//! No checkpoint is needed on the way: finished nets are files of their own, found again by their
//! keys, and what was seen of the test split is in the ledger before anybody hears of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::actors::commands::Command;
use crate::actors::driver::Driver;
use crate::actors::retraining::Finished;
use crate::actors::{
    ActorError, Certified, Certify, Note, OpenTest, RecordPromotion, RunState, SaveTrial,
};
use crate::data::{Certificate, Opening};
use crate::search::{
    Conclusion, Finals, Promotion, PromotionWork, Score, TrialPlan, TrialReport, TrialState,
};
use crate::store::{ChampionRow, TrialRow};
use crate::telemetry::unix_millis;

/// The pause between two attempts to write what cannot be written.
const TRY_AGAIN: Duration = Duration::from_secs(2);

impl Driver {
    /// Goes on with a promotion: until a command, the end of an epoch, or the end of a stage.
    pub(super) async fn promote(
        &mut self,
        work: PromotionWork,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), ActorError> {
        self.take_note().await?;
        match work {
            PromotionWork::Train(plans) => self.train_trials(&plans, commands).await,
            PromotionWork::Certify(place) => self.certify(place).await,
            PromotionWork::Conclude => self.conclude().await,
        }
    }

    async fn train_trials(
        &mut self,
        plans: &[TrialPlan],
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), ActorError> {
        let every = self.saver.every();
        self.retraining.submit(plans)?;
        while let Some(lease) = self.retraining.lease()? {
            let state = self.load_trial(&lease.ticket.plan).await?;
            self.retraining.start(lease, state, every);
        }
        self.retraining.go_on_all(every);
        self.publish_promotion(RunState::Running);
        tokio::select! {
            command = commands.recv() => match command {
                Some(command) => self.carry_out(command).await,
                None => self.stopping = true,
            },
            finished = self.retraining.next() => {
                if let Some(finished) = finished? {
                    self.epoch_over(finished, |finals| finals.under_way.as_mut())?;
                    // A promotion goes by the nets.
                    self.retraining.result()?;
                }
            },
            told = self.saver.news(&mut self.observer) => told?,
        }
        self.write_notes();
        Ok(())
    }

    /// Takes note of an epoch of the promotion that `of` finds, and has the net written where it
    /// was brought along.
    pub(super) fn epoch_over(
        &mut self,
        finished: Finished,
        of: impl FnOnce(&mut Finals) -> Option<&mut Promotion>,
    ) -> Result<(), ActorError> {
        let Finished { plan, key, epoch, .. } = finished;
        if let Some(report) = &epoch.report {
            self.observer.trial_epoch(report, epoch.duration);
        }
        let Some(state) = epoch.state else { return Ok(()) };
        let save = SaveTrial { key: key.clone(), plan: plan.clone(), state: state.clone() };
        self.save_trial(save);
        if let Some(score) = state.valid
            && let Some(promotion) = of(self.search.finals_mut())
        {
            promotion.trained(&plan, score);
            let promotion = promotion.clone();
            self.record_trial(&promotion, &plan, key, (score, epoch.report))?;
            tracing::info!(
                arch = plan.arch.id(),
                seed = plan.seed,
                valid_accuracy = score.accuracy(),
                valid_perplexity = self.search.task().objective.perplexity(score),
                "a net is trained from scratch"
            );
        }
        Ok(())
    }

    /// Has a finished net written down in the history.
    fn record_trial(
        &self,
        promotion: &Promotion,
        plan: &TrialPlan,
        key: String,
        (score, report): (Score, Option<TrialReport>),
    ) -> Result<(), ActorError> {
        let cost = self.retraining.task().cost(plan)?;
        let number = |value: f64| value.is_finite().then_some(value);
        let candidates = promotion.candidates.iter().filter(|c| c.arch == plan.arch);
        let row = candidates.take(1).map(|candidate| TrialRow {
            key: key.clone(),
            arch_id: plan.arch.id(),
            arm: candidate.arm,
            cycle: promotion.cycle,
            step: promotion.step,
            seed: plan.seed,
            epochs: plan.recipe.epochs,
            loss: report.and_then(|report| number(report.loss)),
            correct: score.correct,
            items: score.items,
            nll: number(score.nll),
            shared_reward: number(self.search.task().objective.reward(candidate.shared)),
            params: cost.params,
            multiply_adds: cost.multiply_adds,
            cause: promotion.cause,
            at_unix_ms: unix_millis(),
        });
        self.record_rows(RecordPromotion { trials: row.collect(), ..RecordPromotion::default() });
        Ok(())
    }

    /// Has rows written. Nobody waits for them: those that cannot be written are tried again.
    fn record_rows(&self, rows: RecordPromotion) {
        let recorded = self.crew.record_promotion(rows);
        actix::spawn(async move {
            if let Ok(Err(error)) = recorded.await {
                tracing::warn!("what a promotion led to waits for the history: {error}");
            }
        });
    }

    /// Has a net written. Nobody waits for it: one that is lost is trained again.
    pub(super) fn save_trial(&self, save: SaveTrial) {
        let saved = self.crew.save_trial(save);
        actix::spawn(async move {
            if let Ok(Err(error)) = saved.await {
                tracing::warn!("the files of a trial could not be written: {error}");
            }
        });
    }

    /// What is on disk of a trial.
    pub(super) async fn load_trial(
        &self,
        plan: &TrialPlan,
    ) -> Result<Option<Arc<TrialState>>, ActorError> {
        if let Some(net) = self.retraining.net(plan) {
            return Ok(Some(net));
        }
        let task = self.retraining.task();
        if let Some(state) = self.read_trial(task.key(plan)).await? {
            return Ok(Some(state));
        }
        // One that is trained for longer goes on where the rung before left it.
        let Some(beginning) = plan.beginning() else { return Ok(None) };
        let found = match self.retraining.net(&beginning) {
            Some(net) => Some(net),
            None => self.read_trial(task.key(&beginning)).await?,
        };
        Ok(found.filter(|net| net.goes_on()))
    }

    pub(super) async fn read_trial(
        &self,
        key: String,
    ) -> Result<Option<Arc<TrialState>>, ActorError> {
        match self.crew.load_trial(key).await {
            // A disk that fails does not stop the search: training again gives the same bits.
            Err(ActorError::Store(error)) => {
                tracing::warn!("a net is trained again, for its files cannot be read: {error}");
                Ok(None)
            }
            found => found,
        }
    }

    /// Certifies the candidate of this place. A disk that refuses is waited for: nobody looks at
    /// the test split before that is written down.
    async fn certify(&mut self, place: usize) -> Result<(), ActorError> {
        let Some(promotion) = &self.search.finals().under_way else { return Ok(()) };
        let candidate = promotion.candidate_key(self.retraining.task(), place);
        let plans: Vec<TrialPlan> = promotion.plans(place).collect();
        let mut nets = Vec::new();
        for plan in plans {
            let net = self.load_trial(&plan).await?;
            let net = net.filter(|net| net.is_finished(&plan.recipe));
            let Some(net) = net else {
                if let Some(promotion) = &mut self.search.finals_mut().under_way {
                    promotion.retrain(&plan);
                }
                return Ok(());
            };
            self.retraining.found(&plan, net.clone());
            nets.push((plan, net));
        }
        let certificate = match self.look(candidate, nets).await? {
            Ok(certificate) => certificate,
            Err(why) => {
                self.observer.certifies(Some(why));
                self.publish_promotion(RunState::Running);
                self.write_notes();
                tokio::time::sleep(TRY_AGAIN).await;
                return Ok(());
            }
        };
        self.observer.certifies(None);
        self.test_uses = self.test_uses.max(certificate.number);
        if let Some(promotion) = &mut self.search.finals_mut().under_way {
            promotion.certified(place, &certificate);
            let id = promotion.candidates[place].arch.id();
            self.note(Note::certified(&id, &certificate));
        }
        self.publish_promotion(RunState::Running);
        Ok(())
    }

    /// Looks at the test split, unless that was done before. The error is why it cannot be written
    /// down.
    async fn look(
        &self,
        candidate: String,
        nets: Vec<(TrialPlan, Arc<TrialState>)>,
    ) -> Result<Result<Certificate, String>, ActorError> {
        let receipt = match self.crew.open_test(OpenTest { candidate }).await? {
            Ok(Opening::Known(certificate)) => return Ok(Ok(certificate)),
            Ok(Opening::Open(receipt)) => receipt,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let Certified { receipt, nets } = self.crew.certify(Certify { nets, receipt }).await?;
        let closed = self.crew.close_test(receipt, nets?).await?;
        Ok(closed.map_err(|error| error.to_string()))
    }

    async fn conclude(&mut self) -> Result<(), ActorError> {
        let objective = self.search.task().objective;
        let Some(conclusion) = self.search.finals_mut().conclude(objective) else {
            return Ok(());
        };
        self.observer.concluded(&conclusion, &self.search);
        self.record_conclusion(&conclusion);
        self.publish_promotion(RunState::Running);
        self.write_notes();
        self.retraining.forget();
        self.told = None;
        self.save_soon().await?;
        Ok(())
    }

    /// Tells of a promotion once.
    pub(super) fn tell_promotion(&mut self) {
        let Some(promotion) = &self.search.finals().under_way else { return };
        let which = Some((promotion.cause, promotion.step));
        if self.told != which {
            self.observer.promotion_began(promotion);
            self.told = which;
        }
    }

    fn record_conclusion(&self, conclusion: &Conclusion) {
        let objective = self.search.task().objective;
        let Some(best) = conclusion.best else { return };
        let candidate = &conclusion.promotion.candidates[best];
        let seed = candidate.best_seed(objective);
        let test = seed.and_then(|seed| candidate.nets().get(seed));
        let row = ChampionRow {
            arch_id: candidate.arch.id(),
            arm: candidate.arm,
            cycle: conclusion.promotion.cycle,
            certificate: candidate.certificate.as_ref().map_or(0, |found| found.number),
            valid_mean: candidate.mean_reward(objective).filter(|mean| mean.is_finite()),
            test_correct: test.map_or(0, |net| net.correct),
            test_items: test.map_or(0, |net| net.items),
            test_nll: test.and_then(|net| net.nll),
            ruling: Note::conclusion(conclusion, objective).message,
            at_unix_ms: unix_millis(),
        };
        self.record_rows(RecordPromotion { champions: vec![row], ..RecordPromotion::default() });
    }

    /// Publishes how retraining stands.
    pub(super) fn publish_promotion(&mut self, state: RunState) {
        let running = self.retraining.running();
        self.observer.promotes(&self.search, &running, self.test_uses);
        self.observer.publish(&self.search, state);
    }
}
