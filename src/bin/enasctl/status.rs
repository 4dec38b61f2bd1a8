//! `enasctl status`: what the daemon does, and whether it is well.

use std::time::Duration;

use enasd::actors::{ChildrenStatus, DerivationStatus, DeviceStatus, RunState, Status, nth};
use enasd::api::ApiError;

use crate::children::children;
use crate::clock::now;
use crate::failure::Failure;
use crate::printer::{Printer, fields, or_dash, percent, thousands};
use crate::retraining::retraining;
use crate::scores::champion;
use crate::socket::Daemon;
use crate::verdicts::{advantage, advice, control, learnt, ranks, reliability, retrained};

/// Prints the status; a degraded daemon gives an exit status of its own.
pub(crate) async fn status(daemon: &Daemon, printer: &mut Printer) -> Result<(), Failure> {
    let status: Result<Status, ApiError> = daemon.questions.get("/v1/status").await;
    let status = status?;
    printer.one(&status, |status| table(status, now()))?;
    match degraded(&status) {
        Some(why) => Err(Failure::Degraded { why }),
        None => Ok(()),
    }
}

/// Why the daemon is not well, if so.
pub(crate) fn degraded(status: &Status) -> Option<String> {
    if status.state == RunState::Failed {
        let why = status.error.as_deref().unwrap_or("no reason is known");
        return Some(format!("the search failed: {why}"));
    }
    if let Some(silence) = status.disk_silence_seconds {
        return Some(format!("the disk has not answered for {}", seconds(silence)));
    }
    if let Some(why) = &status.checkpoint.last_error {
        return Some(format!("checkpoints fail: {why}"));
    }
    let why = status.finals.unwritten.as_ref()?;
    Some(format!("nothing can be certified: {why}"))
}

/// Lines for people, as of `now` in seconds since 1970.
fn table(status: &Status, now: f64) -> String {
    let (process, up) = (&status.process, (now - status.started_unix_seconds).max(0.0));
    let mut rows = vec![
        ("state", state(status)),
        ("place", place(status)),
        ("cycle", cycle(status)),
        ("shared", shared(status)),
        ("policy", policy(status)),
        ("advantage", advantage(status)),
        ("learnt", learnt(status)),
        ("reliability", reliability(status)),
        (
            "archs",
            format!(
                "{} drawn, about {} different",
                thousands(status.archs_sampled),
                thousands(status.archs_different())
            ),
        ),
        (
            "best",
            or_dash(status.best.first(), |b| {
                format!("{}, {} {}", b.id, b.score.shown(), status.scored_how())
            }),
        ),
        ("retraining", retraining(status)),
        ("champion", or_dash(status.finals.champion.as_ref(), champion)),
        ("retrained", retrained(status)),
        ("ranks", ranks(&status.finals.rank_correlation)),
        ("test split", format!("used for {} candidates", thousands(status.finals.test_uses))),
        ("checkpoint", checkpoint(status)),
        ("device", device(status)),
        ("data", data(status)),
        ("process", format!("{}, up for {}", process.pid, seconds(up))),
        ("state folder", process.state.clone()),
        ("socket", process.socket.clone()),
        ("metrics", or_dash(process.metrics.as_ref(), |at| format!("http://{at}/metrics"))),
        (
            "version",
            format!(
                "{}, {} of {}, seed {}",
                status.version, status.space, status.space_size, status.seed
            ),
        ),
    ];
    // Beside the policy, with which it is compared.
    rows.splice(5..5, control(&status.shared));
    status.children.iter().for_each(|found| tell_children(&mut rows, found));
    // First of all: it is what there is to do.
    rows.splice(1..1, advice(&status.diagnosis));
    fields(&rows)
}

fn state(status: &Status) -> String {
    let name = format!("{:?}", status.state).to_lowercase();
    match &status.error {
        Some(why) => format!("{name}: {why}"),
        None => name,
    }
}

fn place(status: &Status) -> String {
    let place = &status.place;
    format!(
        "cycle {}, epoch {}, {}; search step {}",
        place.nth_cycle(),
        place.epoch_text(),
        doing(status),
        thousands(place.search_step())
    )
}

/// The phase, and how far it is.
pub(crate) fn doing(status: &Status) -> String {
    let place = &status.place;
    match (status.derivation, &status.finals.retraining) {
        (Some(DerivationStatus { scored, of }), _) => format!("derive, {scored} of {of} scored"),
        (None, Some(retraining)) => {
            let (epochs, of) = retraining.progress();
            format!("retrain, {epochs} of {of} epochs")
        }
        (None, None) => {
            format!("{} phase, step {}/{}", place.phase, place.nth_step(), place.phase_steps)
        }
    }
}

fn cycle(status: &Status) -> String {
    let place = &status.place;
    let left = or_dash(status.cycle_seconds_left, seconds);
    let (done, of) = (thousands(place.cycle_done), thousands(place.cycle_steps));
    format!("{done} of {of} steps are done, {left} left")
}

/// Tells of children where there are no shared weights to tell of.
fn tell_children(rows: &mut Vec<(&str, String)>, found: &ChildrenStatus) {
    rows.retain(|(name, _)| !OF_SHARED.contains(name));
    rows.insert(3, ("children", children(found)));
}

/// What there is to say of shared weights alone.
const OF_SHARED: [&str; 4] = ["shared", "learnt", "reliability", "ranks"];

fn shared(status: &Status) -> String {
    let shared = &status.shared;
    let loss = or_dash(shared.loss, |loss| format!("{loss:.4}"));
    let rate = or_dash(shared.images_per_second, |rate| format!("{rate:.0}"));
    if status.objective().is_of_words() {
        let [train, valid] = [shared.loss.map(f64::exp), shared.valid_perplexity]
            .map(|found| or_dash(found, |found| format!("{found:.2}")));
        return format!(
            "loss {loss}, training perplexity {train}, validation perplexity {valid}, {rate} words/s"
        );
    }
    format!(
        "loss {loss}, training accuracy {}, validation accuracy {}, {rate} images/s",
        or_dash(shared.train_accuracy, percent),
        or_dash(shared.valid_accuracy, percent),
    )
}

fn policy(status: &Status) -> String {
    let policy = &status.policy;
    let objective = status.objective();
    let shown = |reward: Option<f64>| or_dash(reward, |reward| objective.show(reward));
    format!(
        "reward {}, random arm {}, baseline {}, entropy {}{}",
        shown(policy.reward),
        shown(policy.random_reward),
        shown(policy.baseline),
        or_dash(policy.entropy_nats, |nats| format!("{nats:.2} nats")),
        policy.entropy_left.map_or_else(String::new, |left| {
            format!(", {:.0} % of its range left", 100.0 * left)
        })
    )
}

fn checkpoint(status: &Status) -> String {
    let checkpoint = &status.checkpoint;
    let newest =
        or_dash(checkpoint.step, |step| format!("resumes at search step {}", thousands(nth(step))));
    let bytes = or_dash(checkpoint.bytes, |bytes| format!("{} bytes", thousands(bytes)));
    let failed = match &checkpoint.last_error {
        Some(why) => format!("; the last attempt failed: {why}"),
        None => String::new(),
    };
    format!("{newest}, {bytes}{failed}")
}

fn device(status: &Status) -> String {
    let device = &status.device;
    let DeviceStatus { wanted, used, reason, executor, threads } = device;
    format!("{used} ({wanted} wanted: {reason}), executor {executor}, {threads} threads")
}

fn data(status: &Status) -> String {
    let data = &status.data;
    let [channels, rows, columns] = data.image;
    let counts = format!(
        "{}: {} training, {} validation, {} test",
        data.source, data.train, data.valid, data.test
    );
    if status.objective().is_of_words() {
        return format!("{counts} words, a vocabulary of {}", data.classes);
    }
    format!("{counts} images of {channels}×{rows}×{columns}, {} classes", data.classes)
}

/// A time in its two largest units.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or_default().as_secs();
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use enasd::actors::{
        AdvantageStatus, ChampionStatus, DiagnosisStatus, LearntStatus, RetrainingStatus,
        ScoreView, TrialStatus,
    };

    #[test]
    fn failed_runs_and_failing_checkpoints_are_degraded() {
        let mut status = Status { state: RunState::Running, ..Status::default() };
        assert_eq!(degraded(&status), None);
        status.finals.unwritten = Some("a folder is in the way".to_owned());
        let why = degraded(&status);
        assert_eq!(why.as_deref(), Some("nothing can be certified: a folder is in the way"));
        status.checkpoint.last_error = Some("disk full".to_owned());
        assert_eq!(degraded(&status).as_deref(), Some("checkpoints fail: disk full"));
        status.disk_silence_seconds = Some(65.0);
        let why = degraded(&status);
        assert_eq!(why.as_deref(), Some("the disk has not answered for 1 min 5 s"));
        status.state = RunState::Failed;
        status.error = Some("three errors in a row".to_owned());
        let why = degraded(&status);
        assert_eq!(why.as_deref(), Some("the search failed: three errors in a row"));
    }

    #[track_caller]
    fn check_says(status: &Status, name: &str, expected: &str) {
        let table = table(status, 0.0);
        let line = table.lines().find_map(|line| line.strip_prefix(&format!("{name:12}  ")));
        assert_eq!(line, Some(expected), "{table}");
    }

    #[test]
    fn an_omega_of_the_control_arms_own_is_told_where_there_is_one() {
        let mut status = Status::default();
        assert!(!table(&status, 0.0).contains("control "));
        (status.shared.control_steps, status.shared.control_loss) = (1200, Some(1.5));
        let expected = "scored with an ω of its own, 1,200 steps an epoch, loss 1.5000";
        check_says(&status, "control", expected);
    }

    #[test]
    fn what_scores_higher_and_what_is_better_once_retrained_are_told_apart() {
        let mut status = Status::default();
        check_says(&status, "champion", "-");
        check_says(&status, "retraining", "-");
        status.advantage = AdvantageStatus {
            mean: Some(0.126),
            low: Some(0.117),
            high: Some(0.134),
            steps: 150,
            sentence: "the policy's draws score higher".to_owned(),
            ..AdvantageStatus::default()
        };
        let expected = "the policy's draws score higher: +12.60 points, 95 % within +11.70 to \
                        +13.40, over 150 steps";
        check_says(&status, "advantage", expected);
        let sentence = "whether it is better once retrained is not measured yet: no promotion";
        status.finals.comparison.sentence = sentence.to_owned();
        check_says(&status, "retrained", sentence);
        let score = |accuracy| ScoreView { accuracy, ..ScoreView::default() };
        let champion = ChampionStatus {
            id: "m5-a".to_owned(),
            arm: "derive".to_owned(),
            cycle: 1,
            valid: vec![score(0.90), score(0.91)],
            test: vec![score(0.89), score(0.905)],
            seed: 1,
            ..ChampionStatus::default()
        };
        status.finals.champion = Some(champion);
        let expected = "m5-a by the policy in cycle 2, 91.00 % of the validation images, 90.50 % \
                        of the test images";
        check_says(&status, "champion", expected);
    }

    #[test]
    fn rewards_are_told_in_the_units_of_the_objective_and_accuracies_as_shares() {
        let mut status = Status { objective: "neg-log-nll".to_owned(), ..Status::default() };
        status.policy.reward = Some(0.4321);
        status.policy.random_reward = Some(-0.25);
        status.shared.train_accuracy = Some(0.5);
        let interval = [0.1, 0.0875, 0.1125].map(Some);
        [status.advantage.mean, status.advantage.low, status.advantage.high] = interval;
        let compared = &mut status.finals.comparison;
        [compared.mean, compared.low, compared.high] = interval;
        let expected = "reward 0.4321, random arm -0.2500, baseline -, entropy -";
        check_says(&status, "policy", expected);
        let expected = ": +0.1000, 95 % within +0.0875 to +0.1125, over 0 steps";
        check_says(&status, "advantage", expected);
        let expected = ": +10.00 points, 95 % within +8.75 to +11.25, over 0 pairs";
        check_says(&status, "retrained", expected);
        status.objective.clear();
        let expected = "reward 43.21 %, random arm -25.00 %, baseline -, entropy -";
        check_says(&status, "policy", expected);
    }

    #[test]
    fn what_the_policy_has_learnt_is_told_against_its_start() {
        let mut status = Status::default();
        check_says(&status, "reliability", "not measured yet");
        status.diagnosis = DiagnosisStatus {
            learnt: LearntStatus {
                mean: Some(0.05),
                low: Some(0.01),
                high: Some(0.08),
                sentence: "they score higher than the untrained policy's".to_owned(),
                ..LearntStatus::default()
            },
            reward_reliability: Some(0.214),
            ..DiagnosisStatus::default()
        };
        let expected = "they score higher than the untrained policy's: +5.00 points, 95 % within \
                        +1.00 to +8.00, over the draws of the last derivation";
        check_says(&status, "learnt", expected);
        let expected = "21 % of the variance of one reward is the architectures', the rest is the \
                        images' of its batch";
        check_says(&status, "reliability", expected);
        (status.policy.entropy_nats, status.policy.entropy_left) = (Some(12.3), Some(0.0449));
        let expected =
            "reward -, random arm -, baseline -, entropy 12.30 nats, 4 % of its range left";
        check_says(&status, "policy", expected);
    }

    #[test]
    fn each_advice_has_a_line_while_there_is_one() {
        let mut status = Status::default();
        assert!(!table(&status, 0.0).contains("advice"));
        status.diagnosis.advice = vec!["raise this".to_owned(), "lower that".to_owned()];
        let table = table(&status, 0.0);
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("state "), "{table}");
        let expected = ["raise this", "lower that"].map(|told| format!("{:12}  {told}", "advice"));
        assert_eq!(lines[1..3], expected);
    }

    #[test]
    fn what_is_retrained_is_told_net_by_net() {
        let mut status = Status::default();
        let trial = TrialStatus {
            id: "m5-b".to_owned(),
            seed: 1,
            epoch: 7,
            epochs: 15,
            ..TrialStatus::default()
        };
        status.finals.retraining = Some(RetrainingStatus {
            cause: "cycle".to_owned(),
            cycle: 2,
            trials: 3,
            of: 8,
            epochs_done: 45,
            epochs_of: 120,
            rung: 1,
            rungs: 3,
            running: vec![trial],
            ..RetrainingStatus::default()
        });
        assert_eq!(doing(&status), "retrain, 52 of 120 epochs");
        status.finals.waiting = 1;
        let expected = "after cycle 3, rung 2 of 3, 3 of 8 nets are trained; net 2 of m5-b: epoch 7/15; 1 more \
                        wait";
        check_says(&status, "retraining", expected);
    }

    #[test]
    fn times_are_told_in_two_units() {
        for (found, text) in [(0.4, "0 s"), (61.0, "1 min 1 s"), (7260.0, "2 h 1 min")] {
            assert_eq!(seconds(found), text);
        }
    }
}
