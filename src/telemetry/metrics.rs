//! The metrics as the daemon sets them: one call for each thing that happens.

use std::sync::Arc;
use std::time::Duration;

use super::TelemetryError;
use super::catalog::{
    API_DURATION, API_REQUESTS, ARCHS_SAMPLED, ARCHS_UNIQUE, BASELINE, BEST_SCORE,
    CHECKPOINT_BYTES, CHECKPOINT_DURATION, CHECKPOINT_FAILURES, CHECKPOINT_LAST,
    CHECKPOINT_REJECTED, CHECKPOINT_WRITES, CYCLE, EPOCH, GRAD_NORM, LAST_PROGRESS, LEARNING_RATE,
    NON_FINITE, OP_PROBABILITY, PHASE, POLICY_ENTROPY, RESTARTS, REWARD, REWARD_ADVANTAGE,
    SAMPLES_RATE, SHARED_ACCURACY, SHARED_LOSS, STATE_FREE, STEP_DURATION, STEPS, TRAINER_WAIT,
};
use super::event::{Advantage, CheckpointWritten, ControllerStep, SharedStep};
use super::label::{
    Actor, Arm, Bound, CellLabel, CodeClass, EntropyKind, NetLabel, PhaseLabel, Split,
};
use super::registry::{Registry, seconds_since_1970};
use super::setup::Setup;

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
    /// Named routes; a place past the end is that of `other`.
    routes: Vec<String>,
}

impl Metrics {
    /// Sets up every series, each at its value before the first measurement.
    pub fn new(setup: Setup) -> Result<Self, TelemetryError> {
        let registry = Registry::new(&setup)?;
        Ok(Self(Arc::new(Inner { registry, routes: setup.routes })))
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

    /// Where in its schedule the search is.
    pub fn place(&self, cycle: u64, epoch: u64) {
        self.0.registry.set(&CYCLE, &[], cycle as f64);
        self.0.registry.set(&EPOCH, &[], epoch as f64);
    }

    /// An actor finished a piece of work. Steps and checkpoints say so themselves.
    pub fn progress(&self, actor: Actor) {
        self.0.registry.set(&LAST_PROGRESS, &[actor.place()], seconds_since_1970());
    }

    /// ω was updated.
    pub fn shared_step(&self, step: &SharedStep) {
        let set = |metric, places: &[usize], value| self.0.registry.set(metric, places, value);
        set(&SHARED_LOSS, &[], step.loss);
        set(&SHARED_ACCURACY, &[Split::Train.place()], step.accuracy);
        let span = (step.waited + step.duration).as_secs_f64();
        if 0.0 < span {
            set(&TRAINER_WAIT, &[], step.waited.as_secs_f64() / span);
            set(&SAMPLES_RATE, &[], step.images as f64 / span);
        }
        self.step(NetLabel::Shared, step.lr, step.grad_norm, step.duration);
        self.progress(Actor::Trainer);
    }

    /// θ was updated.
    pub fn controller_step(&self, step: &ControllerStep) {
        let set = |metric, places: &[usize], value| self.0.registry.set(metric, places, value);
        set(&REWARD, &[Arm::Controller.place()], step.reward);
        set(&REWARD, &[Arm::Random.place()], step.random_reward);
        set(&SHARED_ACCURACY, &[Split::Valid.place()], step.accuracy);
        set(&BASELINE, &[], step.baseline);
        set(&POLICY_ENTROPY, &[EntropyKind::Sum.place()], step.entropy_nats);
        let per_decision = step.entropy_nats / step.decisions.max(1) as f64;
        set(&POLICY_ENTROPY, &[EntropyKind::PerDecision.place()], per_decision);
        self.step(NetLabel::Policy, step.lr, step.grad_norm, step.duration);
        self.progress(Actor::Controller);
    }

    fn step(&self, net: NetLabel, lr: f64, grad_norm: f64, duration: Duration) {
        let Inner { registry, .. } = &*self.0;
        let net = [net.place()];
        registry.count(&STEPS, &net, 1);
        registry.observe(&STEP_DURATION, &net, duration.as_secs_f64());
        registry.set(&LEARNING_RATE, &net, lr);
        registry.set(&GRAD_NORM, &net, grad_norm);
    }

    /// A step met a loss or a gradient that is not a finite number.
    pub fn non_finite(&self, net: NetLabel) {
        self.0.registry.count(&NON_FINITE, &[net.place()], 1);
    }

    /// The policy was compared with random draws.
    pub fn advantage(&self, advantage: Advantage) {
        for (bound, value) in [
            (Bound::Mean, advantage.mean),
            (Bound::Low, advantage.low),
            (Bound::High, advantage.high),
        ] {
            self.0.registry.set(&REWARD_ADVANTAGE, &[bound.place()], value);
        }
    }

    /// The policy's mean probability of each operation in a cell, in the order of [`Setup::ops`].
    pub fn op_probabilities(&self, cell: CellLabel, probabilities: &[f64]) {
        for (op, &probability) in probabilities.iter().enumerate() {
            self.0.registry.set(&OP_PROBABILITY, &[cell.place(), op], probability);
        }
    }

    /// Architectures were drawn, `unique` of them for the first time in the run.
    pub fn archs_sampled(&self, sampled: u64, unique: u64) {
        self.0.registry.count(&ARCHS_SAMPLED, &[], sampled);
        self.0.registry.count(&ARCHS_UNIQUE, &[], unique);
    }

    /// The best score of the shared search so far.
    pub fn best_shared_score(&self, score: f64) {
        self.0.registry.set(&BEST_SCORE, &[0], score);
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

    /// A step failed, and the search went back to the last checkpoint.
    pub fn recovered(&self) {
        self.0.registry.count(&RESTARTS, &[0], 1);
    }

    /// The api answered a request to `route`, one of [`Setup::routes`] or anything else.
    pub fn api_request(&self, route: &str, status: u16, duration: Duration) {
        let Inner { registry, routes } = &*self.0;
        let named = routes.iter().position(|name| name == route);
        let route = named.unwrap_or(routes.len());
        registry.count(&API_REQUESTS, &[route, CodeClass::of(status).place()], 1);
        registry.observe(&API_DURATION, &[route], duration.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that the updates make these lines of a scrape, and that no update was needed for
    /// the scrape to have as many lines.
    fn check(update: impl FnOnce(&Metrics), lines: &[&str]) {
        let setup = Setup {
            version: "0.0.0".to_owned(),
            device_wanted: "cpu".to_owned(),
            device_used: "cpu".to_owned(),
            ops: vec!["identity".to_owned(), "max_pool_3x3".to_owned()],
            routes: vec!["/v1/status".to_owned()],
        };
        let metrics = Metrics::new(setup).unwrap();
        let before = metrics.render();
        update(&metrics);
        metrics.run_upkeep();
        let after = metrics.render();
        assert_eq!(before.lines().count(), after.lines().count());
        for line in lines {
            assert!(!before.lines().any(|found| found == *line), "{line} was there before");
            assert!(after.lines().any(|found| found == *line), "{line} is not in\n{after}");
        }
    }

    #[test]
    fn a_shared_step_shows() {
        let step = SharedStep {
            loss: 1.5,
            accuracy: 0.25,
            lr: 0.05,
            grad_norm: 3.5,
            images: 32,
            duration: Duration::from_millis(300),
            waited: Duration::from_millis(100),
        };
        check(
            |metrics| metrics.shared_step(&step),
            &[
                "enas_shared_loss 1.5",
                "enas_shared_accuracy_ratio{split=\"train\"} 0.25",
                "enas_learning_rate{net=\"shared\"} 0.05",
                "enas_grad_norm{net=\"shared\"} 3.5",
                "enas_steps_total{net=\"shared\"} 1",
                "enas_step_duration_seconds_bucket{net=\"shared\",le=\"0.5\"} 1",
                "enas_step_duration_seconds_sum{net=\"shared\"} 0.3",
                "enas_trainer_wait_ratio 0.25",
                "enas_samples_per_second 80",
            ],
        );
    }

    #[test]
    fn a_controller_step_shows() {
        let step = ControllerStep {
            reward: 0.75,
            random_reward: 0.5,
            accuracy: 0.625,
            baseline: 0.7,
            entropy_nats: 12.0,
            decisions: 40,
            lr: 0.0035,
            grad_norm: 0.1,
            duration: Duration::from_secs(2),
        };
        check(
            |metrics| metrics.controller_step(&step),
            &[
                "enas_reward{arm=\"controller\"} 0.75",
                "enas_reward{arm=\"random\"} 0.5",
                "enas_shared_accuracy_ratio{split=\"valid\"} 0.625",
                "enas_baseline 0.7",
                "enas_policy_entropy_nats{kind=\"sum\"} 12",
                "enas_policy_entropy_nats{kind=\"per_decision\"} 0.3",
                "enas_learning_rate{net=\"policy\"} 0.0035",
                "enas_grad_norm{net=\"policy\"} 0.1",
                "enas_steps_total{net=\"policy\"} 1",
                "enas_step_duration_seconds_count{net=\"policy\"} 1",
            ],
        );
    }

    #[test]
    fn one_phase_is_set_at_a_time() {
        check(
            |metrics| {
                metrics.phase(PhaseLabel::Derive);
                metrics.phase(PhaseLabel::Paused);
            },
            &["enas_phase{phase=\"paused\"} 1"],
        );
        let lines = ["enas_cycle 2", "enas_epoch 7"];
        check(|metrics| metrics.place(2, 7), &lines);
    }

    #[test]
    fn what_the_policy_prefers_shows() {
        check(
            |metrics| {
                metrics.op_probabilities(CellLabel::Reduction, &[0.25, 0.75]);
                metrics.advantage(Advantage { mean: 0.02, low: -0.01, high: 0.05 });
                metrics.archs_sampled(10, 9);
                metrics.archs_sampled(10, 8);
                metrics.best_shared_score(0.8);
            },
            &[
                "enas_op_probability{cell=\"reduction\",op=\"identity\"} 0.25",
                "enas_op_probability{cell=\"reduction\",op=\"max_pool_3x3\"} 0.75",
                "enas_reward_advantage{bound=\"mean\"} 0.02",
                "enas_reward_advantage{bound=\"low\"} -0.01",
                "enas_reward_advantage{bound=\"high\"} 0.05",
                "enas_archs_sampled_total 20",
                "enas_archs_unique_total 17",
                "enas_best_score_ratio{stage=\"shared\"} 0.8",
            ],
        );
    }

    #[test]
    fn checkpoints_show() {
        let written = CheckpointWritten {
            bytes: 1_000_000,
            duration: Duration::from_millis(50),
            unix_time: Duration::from_secs(1_700_000_000),
        };
        check(
            |metrics| {
                metrics.checkpoint_written(&written);
                metrics.checkpoint_failed();
                metrics.checkpoint_rejected();
                metrics.state_free(5_000_000_000);
            },
            &[
                "enas_checkpoint_writes_total 1",
                "enas_checkpoint_failures_total 1",
                "enas_checkpoint_rejected_total 1",
                "enas_checkpoint_bytes 1000000",
                "enas_checkpoint_duration_seconds_bucket{le=\"0.05\"} 1",
                "enas_checkpoint_last_success_timestamp_seconds 1700000000",
                "enas_state_free_bytes 5000000000",
            ],
        );
        check(
            |metrics| metrics.checkpoint_found(Duration::from_secs(5)),
            &["enas_checkpoint_last_success_timestamp_seconds 5"],
        );
    }

    #[test]
    fn trouble_shows() {
        check(
            |metrics| {
                metrics.non_finite(NetLabel::Policy);
                metrics.recovered();
            },
            &["enas_non_finite_total{net=\"policy\"} 1", "enas_restarts_total{reason=\"error\"} 1"],
        );
    }

    #[test]
    fn requests_show_by_route_and_an_invented_path_makes_no_series() {
        check(
            |metrics| {
                metrics.api_request("/v1/status", 200, Duration::from_millis(5));
                metrics.api_request("/etc/passwd", 404, Duration::from_millis(50));
            },
            &[
                "enas_api_requests_total{route=\"/v1/status\",code_class=\"2xx\"} 1",
                "enas_api_requests_total{route=\"other\",code_class=\"4xx\"} 1",
                "enas_api_request_duration_seconds_bucket{route=\"/v1/status\",le=\"0.01\"} 1",
                "enas_api_request_duration_seconds_count{route=\"other\"} 1",
            ],
        );
    }

    #[test]
    fn every_actor_can_show_progress() {
        let metrics = Metrics::new(Setup {
            device_wanted: "cpu".to_owned(),
            device_used: "cpu".to_owned(),
            version: "0".to_owned(),
            ..Setup::default()
        })
        .unwrap();
        let read = |actor: &str| -> f64 {
            let start = format!("enas_last_progress_timestamp_seconds{{actor=\"{actor}\"}} ");
            let scrape = metrics.render();
            scrape.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
        };
        for actor in
            [Actor::Trainer, Actor::Evaluator, Actor::Sampler, Actor::Keeper, Actor::Controller]
        {
            let name = Actor::NAMES[actor.place()];
            metrics.0.registry.set(&LAST_PROGRESS, &[actor.place()], 1.0);
            metrics.progress(actor);
            assert!(1e9 < read(name), "{name} shows no progress");
        }
    }
}
