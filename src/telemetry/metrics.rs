//! The metrics as the daemon sets them: one call for each thing that happens.

use std::sync::Arc;
use std::time::Duration;

use super::TelemetryError;
use super::catalog::{
    API_DURATION, API_REQUESTS, ARCHS_REDRAWN, ARCHS_SAMPLED, ARCHS_UNIQUE, BASELINE,
    BEST_MULTIPLY_ADDS, BEST_PARAMS, BEST_SCORE, CHAMPION_PERPLEXITY, CHAMPION_SCORE,
    CHECKPOINT_BYTES, CHECKPOINT_DURATION, CHECKPOINT_FAILURES, CHECKPOINT_LAST,
    CHECKPOINT_REJECTED, CHECKPOINT_WRITES, CHILDREN, CHILDREN_AGE, CHILDREN_REFUSED,
    CONFIG_RELOAD_LAST, CONFIG_RELOAD_SUCCESSFUL, CYCLE, EPOCH, GRAD_NORM, HISTORY_BACKLOG,
    HISTORY_BYTES, HISTORY_DAMAGED, HISTORY_LIMIT, HISTORY_MISSING, LAST_PROGRESS, LEARNING_RATE,
    LOG_LINES_DROPPED, MAILBOX_MESSAGES, NON_FINITE, OPTION_PROBABILITY, PHASE, POLICY_ENTROPY,
    POLICY_ENTROPY_LEFT, POLICY_LEARNT, PROMOTIONS, RANK_CORRELATION, RESTARTS,
    RETRAINED_ADVANTAGE, RETRAINED_ARCHS, REWARD, REWARD_ADVANTAGE, REWARD_RELIABILITY,
    SAMPLES_RATE, SHARED_ACCURACY, SHARED_LOSS, SHARED_PERPLEXITY, STATE_BYTES, STATE_FREE,
    STEP_DURATION, STEPS, TEST_SPLIT_USES, TRAINER_WAIT, TRIAL_EPOCH_DURATION, TRIAL_EPOCHS,
    TRIALS_FINISHED, TRIALS_RUNNING,
};
use super::event::{Best, CheckpointWritten, ControllerStep, IntervalNumbers, SharedStepNumbers};
use super::label::{
    Actor, Arm, Bound, ChildLabel, CodeClass, CostLabel, EntropyKind, HeldOut, NetLabel,
    PhaseLabel, RankLabel, RequestKind, RulingLabel, Split,
};
use super::registry::{Registry, seconds_since_1970};
use super::setup::{MenuLabels, MetricsSetup};
use super::vitals::{Stall, Vitals};

/// The handle through which every part of the daemon tells its numbers. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

struct Inner {
    registry: Registry,
    vitals: Vitals,
    /// What the policy chooses from; the places of its options follow one another.
    menus: Vec<MenuLabels>,
    /// Named routes; a place past the end is that of `other`.
    routes: Vec<String>,
    /// Those of them that have something done.
    commands: Vec<String>,
}

/// A message on its way, or an answer that was not taken yet.
#[derive(Debug)]
#[must_use = "the message counts as answered when this is dropped"]
pub struct Asked {
    metrics: Metrics,
    actor: Actor,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.metrics.0.vitals.answered(self.actor);
        self.metrics.0.registry.add(&MAILBOX_MESSAGES, &[self.actor.place()], -1.0);
    }
}

impl Metrics {
    /// Sets up every series, each at its value before the first measurement.
    pub fn new(setup: MetricsSetup) -> Result<Self, TelemetryError> {
        let registry = Registry::new(&setup)?;
        let MetricsSetup { menus, routes, commands, .. } = setup;
        Ok(Self(Arc::new(Inner { registry, vitals: Vitals::new(), menus, routes, commands })))
    }

    /// The scrape, of content type [`CONTENT_TYPE`](super::CONTENT_TYPE).
    pub fn render(&self) -> String {
        self.0.registry.render()
    }

    /// To be called every 5 seconds: durations pile up in memory until it runs or a scrape comes.
    pub fn run_upkeep(&self) {
        self.0.registry.run_upkeep();
    }

    /// What the search does from here on.
    pub fn phase(&self, phase: PhaseLabel) {
        for place in 0..PhaseLabel::NAMES.len() {
            let here = if place == phase.place() { 1.0 } else { 0.0 };
            self.0.registry.set(&PHASE, &[place], here);
        }
    }

    /// Where in its schedule the search is: the cycle and the epoch under way, each counted from 1
    /// from the start of the search.
    pub fn place(&self, cycle: u64, epoch: u64) {
        self.0.registry.set(&CYCLE, &[], cycle as f64);
        self.0.registry.set(&EPOCH, &[], epoch as f64);
    }

    /// An actor finished a piece of work. Steps and checkpoints say so themselves.
    pub fn progress(&self, actor: Actor) {
        self.0.registry.set(&LAST_PROGRESS, &[actor.place()], seconds_since_1970());
    }

    /// A message is sent to this actor; keep the value until its answer is taken.
    pub fn asked(&self, actor: Actor) -> Asked {
        self.0.vitals.asked(actor);
        self.0.registry.add(&MAILBOX_MESSAGES, &[actor.place()], 1.0);
        Asked { metrics: self.clone(), actor }
    }

    /// An actor at work is alive: it finished a pass.
    pub fn sign_of_life(&self, actor: Actor) {
        self.0.vitals.sign(actor);
    }

    /// The actor that has had work and shown no sign of life for `patience`, if there is one;
    /// where nobody has work and the search does not rest, the controller.
    pub fn stalled(&self, resting: bool, patience: Duration) -> Option<Stall> {
        self.0.vitals.stalled(resting, patience)
    }

    /// ω was updated.
    pub fn shared_step(&self, step: &SharedStepNumbers) {
        let set = |metric, places: &[usize], value| self.0.registry.set(metric, places, value);
        set(&SHARED_LOSS, &[], step.loss);
        set(&SHARED_ACCURACY, &[Split::Train.place()], step.accuracy);
        set(&SHARED_PERPLEXITY, &[Split::Train.place()], step.perplexity.unwrap_or(f64::NAN));
        let span = (step.waited + step.duration).as_secs_f64();
        if 0.0 < span {
            set(&TRAINER_WAIT, &[], step.waited.as_secs_f64() / span);
            set(&SAMPLES_RATE, &[], step.images as f64 / span);
        }
        self.step(NetLabel::Shared, step.learning_rate, step.grad_norm, step.duration);
        self.0.registry.count(&STEPS, &[NetLabel::Shared.place()], 1);
        self.progress(Actor::Trainer);
    }

    /// θ was updated.
    pub fn controller_step(&self, step: &ControllerStep) {
        let set = |metric, places: &[usize], value| self.0.registry.set(metric, places, value);
        set(&REWARD, &[Arm::Controller.place()], step.reward);
        set(&REWARD, &[Arm::Random.place()], step.random_reward);
        set(&SHARED_ACCURACY, &[Split::Valid.place()], step.accuracy);
        set(&SHARED_PERPLEXITY, &[Split::Valid.place()], step.perplexity.unwrap_or(f64::NAN));
        set(&BASELINE, &[], step.baseline);
        set(&POLICY_ENTROPY, &[EntropyKind::Sum.place()], step.entropy_nats);
        let per_decision = step.entropy_nats / step.decisions.max(1) as f64;
        set(&POLICY_ENTROPY, &[EntropyKind::PerDecision.place()], per_decision);
        set(&POLICY_ENTROPY_LEFT, &[], step.entropy_left);
        self.step(NetLabel::Policy, step.learning_rate, step.grad_norm, step.duration);
        self.0.registry.count(&STEPS, &[NetLabel::Policy.place()], step.updates);
        self.progress(Actor::Controller);
    }

    fn step(&self, net: NetLabel, learning_rate: f64, grad_norm: f64, duration: Duration) {
        let Inner { registry, .. } = &*self.0;
        let net = [net.place()];
        registry.observe(&STEP_DURATION, &net, duration.as_secs_f64());
        registry.set(&LEARNING_RATE, &net, learning_rate);
        registry.set(&GRAD_NORM, &net, grad_norm);
    }

    /// A step met a loss or a gradient that is not a finite number.
    pub fn non_finite(&self, net: NetLabel) {
        self.0.registry.count(&NON_FINITE, &[net.place()], 1);
    }

    /// The policy's draws were compared with random ones, with the shared weights.
    pub fn advantage(&self, advantage: IntervalNumbers) {
        for (bound, value) in bounds(advantage) {
            self.0.registry.set(&REWARD_ADVANTAGE, &[bound.place()], value);
        }
    }

    /// The policy's draws were compared with those of the policy at its start, with the shared
    /// weights.
    pub fn learnt(&self, learnt: IntervalNumbers) {
        for (bound, value) in bounds(learnt) {
            self.0.registry.set(&POLICY_LEARNT, &[bound.place()], value);
        }
    }

    /// This share of the variance of one reward is the architectures'.
    pub fn reward_reliability(&self, share: f64) {
        self.0.registry.set(&REWARD_RELIABILITY, &[], share);
    }

    /// An epoch of a net that is trained from scratch took so long, and was its last or not.
    pub fn trial_epoch(&self, duration: Duration, is_last: bool) {
        let Inner { registry, .. } = &*self.0;
        registry.count(&TRIAL_EPOCHS, &[], 1);
        registry.observe(&TRIAL_EPOCH_DURATION, &[], duration.as_secs_f64());
        registry.count(&TRIALS_FINISHED, &[], u64::from(is_last));
        self.progress(Actor::Trials);
    }

    /// So much came of a child that is trained from scratch.
    pub fn child_trained(&self, result: ChildLabel) {
        self.0.registry.count(&CHILDREN, &[result.place()], 1);
    }

    /// θ learnt from children that so many of its steps came after, or refused so many of them.
    pub fn children_applied(&self, age: u64, refused: u64) {
        self.0.registry.set(&CHILDREN_AGE, &[], age as f64);
        self.0.registry.count(&CHILDREN_REFUSED, &[], refused);
    }

    /// So many nets are trained from scratch.
    pub fn trials_running(&self, trials: usize) {
        self.0.registry.set(&TRIALS_RUNNING, &[], trials as f64);
    }

    /// A promotion ended.
    pub fn promoted(&self, ruling: RulingLabel) {
        self.0.registry.count(&PROMOTIONS, &[ruling.place()], 1);
    }

    /// What the champion's net has right of the validation split, and of the test split where
    /// there is one.
    pub fn champion(&self, valid: Option<f64>, test: Option<f64>) {
        for (split, score) in [(HeldOut::Valid, valid), (HeldOut::Test, test)] {
            let score = score.unwrap_or(f64::NAN);
            self.0.registry.set(&CHAMPION_SCORE, &[split.place()], score);
        }
    }

    /// The perplexities of the champion's net, of text.
    pub fn champion_perplexity(&self, valid: Option<f64>, test: Option<f64>) {
        for (split, perplexity) in [(HeldOut::Valid, valid), (HeldOut::Test, test)] {
            let perplexity = perplexity.unwrap_or(f64::NAN);
            self.0.registry.set(&CHAMPION_PERPLEXITY, &[split.place()], perplexity);
        }
    }

    /// So many candidates were ever measured on the test split.
    pub fn test_split_uses(&self, uses: u64) {
        self.0.registry.set(&TEST_SPLIT_USES, &[], uses as f64);
    }

    /// The policy's choices were compared with the best of as many random draws, all retrained.
    pub fn retrained_advantage(&self, advantage: IntervalNumbers) {
        for (bound, value) in bounds(advantage) {
            self.0.registry.set(&RETRAINED_ADVANTAGE, &[bound.place()], value);
        }
    }

    /// So many architectures were retrained.
    pub fn retrained_archs(&self, archs: u64) {
        self.0.registry.set(&RETRAINED_ARCHS, &[], archs as f64);
    }

    /// How far their scores agree with others.
    pub fn rank_correlation(&self, of: RankLabel, tau: IntervalNumbers) {
        for (bound, value) in bounds(tau) {
            self.0.registry.set(&RANK_CORRELATION, &[of.place(), bound.place()], value);
        }
    }

    /// The policy's mean probability of each option of a menu in a part, one of
    /// [`MetricsSetup::menus`], in the order of its options.
    pub fn option_probabilities(
        &self,
        part: &str,
        menu: &str,
        probabilities: impl Iterator<Item = f64>,
    ) {
        let Inner { registry, menus, .. } = &*self.0;
        let is_it = |labels: &MenuLabels| labels.part == part && labels.menu == menu;
        let first = menus.iter().take_while(|labels| !is_it(labels)).map(|l| l.options.len()).sum();
        for (place, probability) in (first..).zip(probabilities) {
            registry.set(&OPTION_PROBABILITY, &[place], probability);
        }
    }

    /// Architectures were drawn, `unique` of them for the first time in the run.
    pub fn archs_sampled(&self, sampled: u64, unique: u64) {
        self.0.registry.count(&ARCHS_SAMPLED, &[], sampled);
        self.0.registry.count(&ARCHS_UNIQUE, &[], unique);
    }

    /// So many architectures were over a limit of their cost and drawn again.
    pub fn archs_redrawn(&self, over: CostLabel, archs: u64) {
        self.0.registry.count(&ARCHS_REDRAWN, &[over.place()], archs);
    }

    /// The best architecture of the shared search so far.
    pub fn best(&self, best: &Best) {
        let Inner { registry, .. } = &*self.0;
        registry.set(&BEST_SCORE, &[0], best.score);
        registry.set(&BEST_PARAMS, &[], best.params as f64);
        registry.set(&BEST_MULTIPLY_ADDS, &[], best.multiply_adds as f64);
    }

    /// A checkpoint is on the disk.
    pub fn checkpoint_written(&self, written: &CheckpointWritten) {
        let Inner { registry, .. } = &*self.0;
        registry.count(&CHECKPOINT_WRITES, &[], 1);
        registry.observe(&CHECKPOINT_DURATION, &[], written.duration.as_secs_f64());
        registry.set(&CHECKPOINT_BYTES, &[], written.bytes as f64);
        self.checkpoint_found(written.unix_time);
        self.progress(Actor::Keeper);
    }

    /// A start found a valid checkpoint, written at this time since 1970-01-01 UTC.
    pub fn checkpoint_found(&self, unix_time: Duration) {
        self.0.registry.set(&CHECKPOINT_LAST, &[], unix_time.as_secs_f64());
    }

    /// A checkpoint could not be written.
    pub fn checkpoint_failed(&self) {
        self.0.registry.count(&CHECKPOINT_FAILURES, &[], 1);
    }

    /// A start found a damaged checkpoint.
    pub fn checkpoint_rejected(&self) {
        self.0.registry.count(&CHECKPOINT_REJECTED, &[], 1);
    }

    /// Free space where the state folder is.
    pub fn state_free(&self, bytes: u64) {
        self.0.registry.set(&STATE_FREE, &[], bytes as f64);
    }

    /// Size of the state folder.
    pub fn state_size(&self, bytes: u64) {
        self.0.registry.set(&STATE_BYTES, &[], bytes as f64);
    }

    /// The history was written, but for so many steps.
    pub fn history_backlog(&self, steps: usize) {
        self.0.registry.set(&HISTORY_BACKLOG, &[], steps as f64);
    }

    /// The size of the history, and the most that its single rows may take.
    pub fn history_size(&self, bytes: u64, limit_bytes: u64) {
        self.0.registry.set(&HISTORY_BYTES, &[], bytes as f64);
        self.0.registry.set(&HISTORY_LIMIT, &[], limit_bytes as f64);
    }

    /// The history was found without the rows of so many steps.
    pub fn history_missing(&self, steps: u64) {
        self.0.registry.set(&HISTORY_MISSING, &[], steps as f64);
    }

    /// So many rows of the history were found damaged.
    pub fn history_damaged(&self, rows: u64) {
        self.0.registry.set(&HISTORY_DAMAGED, &[], rows as f64);
    }

    /// A step failed, and the search went back to the last checkpoint.
    pub fn recovered(&self) {
        self.0.registry.count(&RESTARTS, &[0], 1);
    }

    /// A configuration was read and is in force.
    pub fn config_accepted(&self) {
        self.0.registry.set(&CONFIG_RELOAD_SUCCESSFUL, &[], 1.0);
        self.0.registry.set(&CONFIG_RELOAD_LAST, &[], seconds_since_1970());
    }

    /// A configuration was read and refused: the one before stays in force.
    pub fn config_refused(&self) {
        self.0.registry.set(&CONFIG_RELOAD_SUCCESSFUL, &[], 0.0);
    }

    /// So many lines of the log were dropped since the start of the process.
    pub fn log_lines_dropped(&self, total: u64) {
        self.0.registry.count_to(&LOG_LINES_DROPPED, &[], total);
    }

    /// The api answered a request to `route`, one of [`MetricsSetup::routes`] or anything else.
    pub fn api_request(&self, route: &str, status: u16, duration: Duration) {
        let Inner { registry, routes, commands, .. } = &*self.0;
        let kind = if commands.iter().any(|name| name == route) {
            RequestKind::Command
        } else {
            RequestKind::Question
        };
        let named = routes.iter().position(|name| name == route);
        let route = named.unwrap_or(routes.len());
        registry.count(&API_REQUESTS, &[route, CodeClass::of(status).place()], 1);
        registry.observe(&API_DURATION, &[kind.place()], duration.as_secs_f64());
    }
}

/// The numbers of an interval, each with its name.
fn bounds(numbers: IntervalNumbers) -> [(Bound, f64); 3] {
    let IntervalNumbers { mean, low, high } = numbers;
    [(Bound::Mean, mean), (Bound::Low, low), (Bound::High, high)]
}

#[cfg(test)]
mod tests;
