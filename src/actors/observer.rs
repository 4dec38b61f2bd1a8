//! The observer: has the status and the metrics follow what happens, publishes the status, and
//! notes what is worth an event.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::actors::comparison::{retrained_comparison, shared_comparison};
use crate::actors::note::DiskWatch;
use crate::actors::observation::{EpochSums, tell_unless_finite};
use crate::actors::pace::Pace;
use crate::actors::{
    AdvantageStatus, BestStatus, DerivationStatus, Note, PlaceStatus, Recorded, RetrainingStatus,
    RunState, Saved, Status, Trained, TrialStatus, nth,
};
use crate::net::Cost;
use crate::search::{
    Conclusion, ControlReport, ControllerReport, Outcome, Phase, Promotion, Search, StepRecord,
    TrainReport, TrialReport,
};
use crate::store::{StoreError, Verdicts};
use crate::telemetry::{
    Actor, Best, CheckpointWritten, ControllerStep, Metrics, PhaseLabel, SharedStepNumbers,
    unix_time,
};

/// Publishes the status; the only one that writes metrics of the search.
#[derive(Debug)]
pub struct Observer {
    pub(super) status: Status,
    publish: watch::Sender<Arc<Status>>,
    pub(super) metrics: Metrics,
    pace: Pace,
    epoch_sums: EpochSums,
    disk: DiskWatch,
    /// Checkpoints in a row that could not be written.
    failures: u64,
    /// What is worth an event and was not written down yet.
    notes: Vec<Note>,
}

impl Observer {
    /// An observer that goes on from `status`, which says what does not change.
    pub fn new(status: Status, publish: watch::Sender<Arc<Status>>, metrics: Metrics) -> Self {
        Self {
            status,
            publish,
            metrics,
            pace: Pace::default(),
            epoch_sums: EpochSums::default(),
            disk: DiskWatch::default(),
            failures: 0,
            notes: Vec::new(),
        }
    }

    /// Publishes what a resumed search knows before its first step.
    pub(super) fn begin(&mut self, search: &Search) {
        self.know_best(search);
        self.status.advantage =
            AdvantageStatus::of(&search.advantage(), &search.task().config.schedule);
        self.status.advantage.show(&self.metrics);
        self.know_finals(search);
        self.publish(search, RunState::Starting);
    }

    /// Notes how long an update of ω took, and what that of the control arm's measured.
    pub(super) fn trained(&mut self, trained: &Trained) {
        self.pace.trained(trained);
        if let Some(ControlReport { train, .. }) = &trained.report.control {
            self.status.shared.observe_control(train);
            tell_unless_finite("the control arm's ω", train, &self.metrics);
        }
    }

    /// Notes how long an update of θ took.
    pub(super) fn learned(&mut self, duration: Duration) {
        self.pace.learned(duration);
        self.metrics.progress(Actor::Evaluator);
        self.metrics.progress(Actor::Sampler);
    }

    /// Takes note of a finished step.
    pub(super) fn observe(&mut self, record: &StepRecord, search: &Search) {
        match &record.outcome {
            Outcome::Shared(report) => self.observe_shared(record, report),
            Outcome::Controller(report) => {
                self.observe_controller(record.place.epoch, report, search);
            }
            Outcome::Derive(_) => {
                self.best(search);
                self.status.diagnose(search);
                let place = PlaceStatus::of(record.place, &search.task().config.schedule);
                self.notes.push(Note::cycle(&place, &self.status));
            }
        }
        let drawn = record.rows.iter().filter(|row| row.is_drawn()).count();
        self.metrics.archs_sampled(drawn as u64, 0);
    }

    fn observe_shared(&mut self, record: &StepRecord, report: &TrainReport) {
        if record.place.phase == (Phase::Shared { step: 0 }) {
            self.epoch_sums = EpochSums::default();
        }
        self.status.shared.observe(report, &mut self.epoch_sums, &self.pace);
        tell_unless_finite("ω", report, &self.metrics);
        let (duration, waited) = self.pace.last_shared();
        self.metrics.shared_step(&SharedStepNumbers {
            loss: report.loss,
            accuracy: report.accuracy,
            perplexity: self.status.objective().is_of_words().then(|| report.loss.exp()),
            learning_rate: report.learning_rate,
            grad_norm: report.grad_norm,
            images: report.items as u64,
            duration,
            waited,
        });
    }

    fn observe_controller(&mut self, epoch: u64, report: &ControllerReport, search: &Search) {
        let (learn, task) = (&report.learn, search.task());
        self.status.shared.valid_accuracy = Some(report.accuracy);
        self.status.shared.valid_perplexity = report.perplexity;
        self.status.policy.observe(report, (task, epoch), &self.pace);
        let policy = &self.status.policy;
        self.metrics.controller_step(&ControllerStep {
            updates: learn.updates,
            reward: learn.mean_reward,
            random_reward: report.random_reward.unwrap_or(f64::NAN),
            accuracy: report.accuracy,
            perplexity: report.perplexity,
            baseline: policy.baseline.unwrap_or(f64::NAN),
            entropy_nats: learn.mean_entropy,
            decisions: report.space.script().options().count(),
            entropy_left: policy.entropy_left.unwrap_or(f64::NAN),
            learning_rate: task.config.policy.learning_rate,
            grad_norm: policy.grad_norm.unwrap_or(f64::NAN),
            duration: self.pace.last_policy(),
        });
        policy.probabilities.iter().for_each(|pick| pick.show(&self.metrics));
        if let Some(applied) = &report.applied {
            self.status.children.get_or_insert_default().applied(applied, &self.metrics);
        }
        if let Some(advantage) = &report.advantage {
            let found = AdvantageStatus::of(advantage, &task.config.schedule);
            let before = std::mem::replace(&mut self.status.advantage, found);
            self.status.advantage.show(&self.metrics);
            self.log_verdict();
            if before.verdict != self.status.advantage.verdict {
                self.notes.push(Note::verdict(&self.status, &before.verdict));
            }
        }
    }

    /// Says which arm's draws score higher with the shared weights.
    fn log_verdict(&self) {
        let AdvantageStatus { mean, low, high, sentence, .. } = &self.status.advantage;
        let policy = &self.status.policy;
        tracing::info!(
            reward = policy.reward,
            random_reward = policy.random_reward,
            baseline = policy.baseline,
            entropy_nats = policy.entropy_nats,
            advantage = mean,
            low,
            high,
            "{sentence}"
        );
    }

    /// Takes note of the best architectures after a derivation.
    pub(super) fn best(&mut self, search: &Search) {
        let before = self.status.best.first().cloned();
        self.know_best(search);
        let Some(best) = self.status.best.first() else { return };
        if before.as_ref() != Some(best) {
            self.notes.push(Note::best(best, before.as_ref(), self.status.scored_how()));
        }
    }

    /// Publishes the best architectures, which are no news.
    fn know_best(&mut self, search: &Search) {
        let objective = search.task().objective;
        let best = search.best().archs().iter().map(|best| BestStatus::of(best, objective));
        self.status.best = best.collect();
        let Some(best) = search.best().archs().first() else { return };
        // What was scored can be built.
        if let Ok(net) = search.task().child(&best.arch) {
            let Cost { params, multiply_adds, .. } = net.cost();
            let score = best.score.accuracy();
            self.metrics.best(&Best { score, params, multiply_adds });
        }
        let (arch, reward) = (best.arch.id(), best.reward);
        tracing::info!(arch, reward, "the best architecture so far in the search");
    }

    /// Takes note of a checkpoint.
    pub(super) fn saved(&mut self, saved: &Saved) {
        self.status.checkpoint.saved(saved);
        if 0 < self.failures {
            self.notes.push(Note::checkpoint_saved(saved.step, self.failures));
            self.failures = 0;
        }
        if let Some(bytes) = saved.state_bytes {
            self.metrics.state_size(bytes);
        }
        self.metrics.checkpoint_written(&CheckpointWritten {
            bytes: saved.bytes,
            duration: saved.duration,
            unix_time: saved.unix_time,
        });
        tracing::debug!(search_step = nth(saved.step), bytes = saved.bytes, "checkpoint");
    }

    /// Takes note of a checkpoint that failed.
    pub(super) fn save_failed(&mut self, error: &StoreError) {
        tracing::error!("the checkpoint could not be written; the search goes on: {error}");
        if self.failures == 0 {
            self.notes.push(Note::checkpoint_failed(error));
        }
        self.failures += 1;
        self.status.checkpoint.failed(error.to_string());
        self.metrics.checkpoint_failed();
    }

    /// Why the newest checkpoint could not be written, where it could not.
    pub(super) fn checkpoint_error(&self) -> Option<String> {
        self.status.checkpoint.last_error.clone()
    }

    /// Takes note of for how long the disk has been silent, where it is, and how many finished
    /// steps are not in the history then.
    pub(super) fn disk_silence(&mut self, silence: Option<Duration>, steps: usize) {
        self.status.disk_silence_seconds = silence.map(|silence| silence.as_secs_f64());
        if silence.is_some() {
            self.metrics.history_backlog(steps);
        }
    }

    /// Takes note of how the history stands.
    pub(super) fn recorded(&mut self, recorded: &Recorded) {
        let fresh = recorded.archs_unique.saturating_sub(self.status.archs_unique);
        self.metrics.archs_sampled(0, fresh);
        self.status.archs_unique = recorded.archs_unique;
        self.metrics.history_backlog(recorded.backlog);
        if let Some(bytes) = recorded.history_bytes {
            self.metrics.history_size(bytes, recorded.history_limit_bytes);
        }
        if let Some(steps) = recorded.missing {
            self.metrics.history_missing(steps);
        }
        self.status.state_free_bytes = recorded.free_bytes;
        if let Some(bytes) = recorded.free_bytes {
            self.metrics.state_free(bytes);
            let checkpoint = self.status.checkpoint.bytes;
            self.notes.extend(checkpoint.and_then(|checkpoint| self.disk.look(bytes, checkpoint)));
        }
        if let Some(error) = &recorded.error {
            tracing::error!(
                backlog = recorded.backlog,
                "the history could not be written: {error}"
            );
        }
    }

    /// Takes note that the search went back to a checkpoint.
    pub(super) fn recovered(&mut self, search: &Search) {
        self.status.recoveries_total += 1;
        self.metrics.recovered();
        self.know_best(search);
        self.know_finals(search);
        self.publish(search, RunState::Running);
    }

    /// Hands out what is worth an event.
    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Publishes how far a derivation is; none where none is under way. No step ends with it.
    pub(super) fn derives(&mut self, derivation: Option<DerivationStatus>) {
        self.status.derivation = derivation;
        self.publish.send_replace(Arc::new(self.status.clone()));
    }

    /// Publishes how retraining stands, with the trials under way.
    pub(super) fn promotes(&mut self, search: &Search, running: &[TrialStatus], test_uses: u64) {
        self.status.finals.follow(search, running, test_uses);
        self.status.finals.show(&self.metrics);
        self.status.moved(search, &self.pace);
        self.metrics.phase(phase(self.status.state, search));
        self.publish.send_replace(Arc::new(self.status.clone()));
    }

    /// Takes note of an epoch of a trial, which took so long.
    pub(super) fn trial_epoch(&mut self, report: &TrialReport, duration: Duration) {
        if 0 < report.non_finite {
            tracing::warn!(steps = report.non_finite, "steps of a trial were not finite");
        }
        let epochs = self.status.finals.retraining.as_ref().map(|retraining| retraining.epochs);
        self.metrics.trial_epoch(duration, epochs == Some(report.epoch));
        self.status.updated_unix_seconds = unix_time().as_secs_f64();
    }

    /// Takes note of a promotion that begins.
    pub(super) fn promotion_began(&mut self, promotion: &Promotion) {
        let objective = self.status.objective();
        self.status.finals.retraining = Some(RetrainingStatus::of(promotion, objective, &[]));
        self.notes.push(Note::promotion(promotion));
    }

    /// What the search says of itself: two sentences that never mix.
    pub(super) fn verdicts(&self) -> Verdicts {
        Verdicts {
            shared: shared_comparison(&self.status),
            retrained: retrained_comparison(&self.status),
        }
    }

    /// Takes note of whether something can be certified: not where what is seen cannot be written
    /// down, and why.
    pub(super) fn certifies(&mut self, unwritten: Option<String>) {
        if let (Some(why), None) = (&unwritten, &self.status.finals.unwritten) {
            tracing::error!("nothing is certified until it can be written down: {why}");
            self.notes.push(Note::certification_waits(why));
        }
        self.status.finals.unwritten = unwritten;
    }

    /// Takes note of a promotion that is over.
    pub(super) fn concluded(&mut self, conclusion: &Conclusion, search: &Search) {
        self.notes.push(Note::conclusion(conclusion, search.task().objective));
        self.metrics.promoted((&conclusion.ruling).into());
        let before = self.status.finals.comparison.verdict.clone();
        self.know_finals(search);
        let found = &self.status.finals.comparison;
        tracing::info!(
            advantage = found.mean,
            low = found.low,
            high = found.high,
            "{}",
            found.sentence
        );
        if found.verdict != before {
            self.notes.push(Note::retrained_verdict(&self.status, &before));
        }
    }

    /// Knows what came of retraining, and how far it agrees with the shared weights.
    pub(super) fn know_finals(&mut self, search: &Search) {
        self.status.finals.correlate(search);
        self.follow_finals(search);
    }

    /// Follows how retraining stands; trials under way and uses of the test split are told by
    /// whoever carries it out.
    pub(super) fn follow_finals(&mut self, search: &Search) {
        let uses = self.status.finals.test_uses;
        self.status.finals.follow(search, &[], uses);
        self.status.finals.show(&self.metrics);
    }

    /// Publishes the status as of now.
    pub(super) fn publish(&mut self, search: &Search, state: RunState) {
        if search.finals().under_way.is_some() != self.status.finals.retraining.is_some() {
            self.follow_finals(search);
        }
        self.status.moved(search, &self.pace);
        self.status.diagnosis.show(&self.metrics);
        self.metrics.place(self.status.place.nth_cycle(), self.status.place.nth_epoch());
        self.metrics.phase(phase(state, search));
        self.send(state);
    }

    /// Publishes how the run ended.
    pub(super) fn ended(&mut self, state: RunState, error: Option<String>) {
        self.status.error = error;
        self.metrics.phase(PhaseLabel::Stopped);
        self.send(state);
    }

    fn send(&mut self, state: RunState) {
        self.status.state = state;
        self.status.updated_unix_seconds = unix_time().as_secs_f64();
        self.publish.send_replace(Arc::new(self.status.clone()));
    }
}

/// What `search` is doing in that state.
fn phase(state: RunState, search: &Search) -> PhaseLabel {
    match (state, search.place().phase) {
        (RunState::Paused, _) => PhaseLabel::Paused,
        (RunState::Stopped | RunState::Stopping | RunState::Failed, _) => PhaseLabel::Stopped,
        _ if search.finals().under_way.is_some() => PhaseLabel::Retrain,
        (_, Phase::Shared { .. }) => PhaseLabel::Shared,
        (_, Phase::Controller { .. }) => PhaseLabel::Controller,
        (_, Phase::Derive) => PhaseLabel::Derive,
    }
}
