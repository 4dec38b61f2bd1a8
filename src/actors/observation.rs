//! What the status is after something happened, as functions of the status and of what happened.

use crate::actors::pace::Pace;
use crate::actors::{
    AdvantageStatus, BestStatus, CheckpointStatus, PickStatus, PlaceStatus, PolicyStatus, Saved,
    ScoreView, SharedStatus, Status,
};
use crate::search::{
    AdvantageReport, BestArch, ControllerReport, EntropyRange, Objective, ScheduleConfig, Search,
    Task, TrainReport,
};
use crate::telemetry::{IntervalNumbers, Metrics, NetLabel};

/// Sums over the updates of ω in this epoch.
#[derive(Debug, Default)]
pub(super) struct EpochSums {
    loss: f64,
    accuracy: f64,
    steps: u64,
}

impl Status {
    /// What rewards and their differences are told in.
    pub fn objective(&self) -> Objective {
        Objective::of_name(&self.objective).unwrap_or_default()
    }

    /// How the search scores architectures, in words.
    pub fn scored_how(&self) -> &'static str {
        if self.children.is_some() { "trained from scratch" } else { "with the shared weights" }
    }

    /// Where `search` is, and how much it has done.
    pub(super) fn moved(&mut self, search: &Search, pace: &Pace) {
        let (place, schedule) = (search.place(), &search.task().config.schedule);
        self.place = PlaceStatus::of(place, schedule);
        self.show_retraining();
        self.shared.steps_total = place.shared_step(schedule);
        self.shared.control_steps = schedule.control_steps;
        self.policy.steps_total = search.policy_version().unwrap_or(0);
        self.archs_sampled = search.archs_sampled();
        self.cycle_seconds_left = pace.cycle_seconds_left(place, schedule);
        self.diagnose(search);
    }

    /// Follows what `search` knows of how it learns.
    pub(super) fn diagnose(&mut self, search: &Search) {
        let ranks = &self.finals.rank_correlation;
        self.diagnosis.follow(search, self.policy.entropy_left, ranks);
    }

    /// Has the place say that nets are retrained, where they are, and how far that is.
    fn show_retraining(&mut self) {
        if let Some(retraining) = &self.finals.retraining {
            "retrain".clone_into(&mut self.place.phase);
            (self.place.step, self.place.phase_steps) = retraining.progress();
        }
    }

    /// About how many of the drawn architectures are different, as people are told: the estimate may
    /// pass what was drawn.
    pub fn archs_different(&self) -> u64 {
        self.archs_unique.min(self.archs_sampled)
    }
}

impl SharedStatus {
    /// An update of ω.
    pub(super) fn observe(&mut self, report: &TrainReport, sums: &mut EpochSums, pace: &Pace) {
        if report.is_finite() {
            sums.loss += report.loss;
            sums.accuracy += report.accuracy;
            sums.steps += 1;
            self.loss = Some(sums.loss / sums.steps as f64);
            self.train_accuracy = Some(sums.accuracy / sums.steps as f64);
            self.grad_norm = Some(report.grad_norm);
        } else {
            self.non_finite_total += 1;
        }
        self.learning_rate = Some(report.learning_rate);
        self.step_seconds = pace.shared_seconds();
        self.images_per_second = self.step_seconds.map(|seconds| report.items as f64 / seconds);
        self.wait_ratio = pace.wait_ratio();
    }

    /// An update of the control arm's ω.
    pub(super) fn observe_control(&mut self, report: &TrainReport) {
        if report.is_finite() {
            self.control_loss = Some(report.loss);
        } else {
            self.non_finite_total += 1;
        }
    }
}

/// Counts and tells of an update of an ω that was not finite.
pub(super) fn tell_unless_finite(whose: &str, report: &TrainReport, metrics: &Metrics) {
    let TrainReport { loss, grad_norm, .. } = report;
    if !report.is_finite() {
        metrics.non_finite(NetLabel::Shared);
        tracing::warn!(
            loss,
            grad_norm,
            "a step of {whose} was not finite: nothing was changed; where this goes on, lower \
             `shared.learning_rate_max` or `shared.clip_norm`"
        );
    }
}

impl PolicyStatus {
    /// An update of θ in `epoch`, which searches as `task` says.
    pub(super) fn observe(
        &mut self,
        report: &ControllerReport,
        (task, epoch): (&Task, u64),
        pace: &Pace,
    ) {
        let (learn, update) = (&report.learn, report.learn.update);
        let script = report.space.script();
        let decisions = script.options().count();
        let range = EntropyRange::of(&task.config.policy, &script, epoch);
        self.reward = Some(learn.mean_reward);
        self.random_reward = report.random_reward;
        self.baseline = update.map(|update| update.baseline);
        self.entropy_nats = Some(learn.mean_entropy);
        self.entropy_per_decision_nats = Some(learn.mean_entropy / decisions as f64);
        // Where every draw is uniform, nothing can settle.
        self.entropy_left = update.and_then(|_| range.left(learn.mean_entropy));
        self.grad_norm = update.map(|update| update.grad_norm);
        self.step_seconds = pace.policy_seconds();
        self.probabilities = PickStatus::all(report.space, &report.probabilities);
    }
}

impl AdvantageStatus {
    /// The published form of the comparison `of` the arms.
    pub(super) fn of(report: &AdvantageReport, schedule: &ScheduleConfig) -> Self {
        let (verdict, of) = (report.verdict(), schedule.comparison());
        let sentence = verdict.sentence(of);
        Self {
            mean: report.interval.map(|interval| interval.mean),
            low: report.interval.map(|interval| interval.low),
            high: report.interval.map(|interval| interval.high),
            steps: report.n_steps as u64,
            verdict: verdict.name(of).to_owned(),
            sentence: if schedule.random_arm {
                sentence.to_owned()
            } else {
                format!("{sentence}: there is no random arm, `schedule.random_arm` is false")
            },
        }
    }

    /// Shows it in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        if let (Some(mean), Some(low), Some(high)) = (self.mean, self.low, self.high) {
            metrics.advantage(IntervalNumbers { mean, low, high });
        }
    }
}

impl BestStatus {
    /// The published form of one of the best.
    pub(super) fn of(best: &BestArch, objective: Objective) -> Self {
        Self {
            id: best.arch.id(),
            arch: best.arch.to_string(),
            score: ScoreView::of(best.score, objective),
            cycle: best.cycle,
        }
    }
}

impl CheckpointStatus {
    /// A checkpoint was written.
    pub(super) fn saved(&mut self, saved: &Saved) {
        self.step = Some(saved.step);
        self.unix_seconds = Some(saved.unix_time.as_secs_f64());
        self.bytes = Some(saved.bytes);
        self.seconds = Some(saved.duration.as_secs_f64());
        self.writes_total += 1;
        self.last_error = None;
    }

    /// One could not be written.
    pub(super) fn failed(&mut self, why: String) {
        self.failures_total += 1;
        self.last_error = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::RetrainingStatus;

    #[test]
    fn people_are_told_of_no_more_different_ones_than_were_drawn() {
        let status = Status { archs_sampled: 100, archs_unique: 101, ..Status::default() };
        assert_eq!(status.archs_different(), 100);
        assert_eq!(Status { archs_unique: 99, ..status }.archs_different(), 99);
    }

    #[test]
    fn while_nets_are_retrained_that_is_the_phase() {
        let place = PlaceStatus { phase: "shared".into(), step: 3, ..PlaceStatus::default() };
        let mut status = Status { place: place.clone(), ..Status::default() };
        status.show_retraining();
        assert_eq!(status.place, place);
        let retraining =
            RetrainingStatus { epochs_done: 5, epochs_of: 20, ..RetrainingStatus::default() };
        status.finals.retraining = Some(retraining);
        status.show_retraining();
        let PlaceStatus { phase, step, phase_steps, .. } = &status.place;
        assert_eq!((phase.as_str(), *step, *phase_steps), ("retrain", 5, 20));
    }

    #[test]
    fn a_loss_is_the_mean_of_an_epoch_and_a_step_that_is_no_number_is_counted_apart() {
        let report = |loss| TrainReport {
            loss,
            accuracy: 0.5,
            learning_rate: 0.1,
            grad_norm: 2.0,
            items: 8,
        };
        let (mut status, mut sums) = (SharedStatus::default(), EpochSums::default());
        for loss in [1.0, f64::NAN, 2.0] {
            status.observe(&report(loss), &mut sums, &Pace::default());
        }
        assert_eq!((status.loss, status.non_finite_total), (Some(1.5), 1));
        assert_eq!((status.train_accuracy, status.step_seconds), (Some(0.5), None));
        for loss in [2.5, f64::INFINITY] {
            status.observe_control(&report(loss));
        }
        assert_eq!((status.control_loss, status.non_finite_total), (Some(2.5), 2));
    }
}
