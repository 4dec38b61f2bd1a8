//! The actors give the plain loop's history; commands come between steps; a failing servant sends
//! the search back to its last checkpoint.

#[path = "../common/mod.rs"]
mod common;
mod deleted;
mod disk;
mod retrained;
mod stage;
mod told;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix::{Actor, Context, Handler, System};
use enasd::actors::{
    ActorError, AdoptDrawer, Checkpoint, ChildWeights, Crew, Derive, Evaluate, Pause, Refusal,
    Resume, RunState, Sample, ScoreArch, Status, Stop, TrainShared, Trained, WeightsOf,
};
use enasd::engine::from_safetensors;
use enasd::search::{
    Arm, Outcome, Policy, ScheduleConfig, Score, Search, SearchConfig, SearchError, SharedDraws,
    StepRecord, StrategyKind, Task, Until, run,
};
use enasd::store::{BestFolder, HistoryPhase, HistoryRow, StepRow, history_rows};
use stage::{LIMIT, stage, stage_from};
use tokio::sync::watch;
use tokio::time::timeout;

pub(crate) fn plain(task: &Task, until: Until) -> Vec<StepRecord> {
    let mut records = Vec::new();
    let state = Search::initial_state(task).unwrap();
    run(task.clone(), &state, until, |record| records.push(record.clone())).unwrap();
    records
}

#[test]
fn actors_and_plain_loop_give_the_same_history_bit_for_bit() {
    check_same_history(common::tiny_config());
}

/// Whoever draws what ω is trained on, and whoever that is said to be in the history.
#[test]
fn draws_of_the_shared_weights_that_are_not_the_policys_are_the_same_in_both_too() {
    for (draws, arms) in [
        (SharedDraws::Fair, &["random"][..]),
        (SharedDraws::Uniform, &["random"]),
        (SharedDraws::Annealed, &["controller", "random"]),
    ] {
        let mut config = common::tiny_config();
        let schedule =
            ScheduleConfig { draws, archs_per_step: 3, annealed_epochs: 2, ..config.schedule };
        config.schedule = schedule;
        let (rows, _) = check_same_history(config);
        let shared = rows.iter().filter(|row| row.phase == HistoryPhase::Shared);
        let found: BTreeSet<&str> = shared.map(|row| row.arm.name()).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), arms, "{draws:?}");
    }
}

/// The random arm is scored with an ω of its own, whoever takes the steps.
#[test]
fn an_omega_of_the_control_arms_own_is_the_same_in_both_too() {
    let mut config = common::tiny_config();
    let (shared, _) = check_same_history(config.clone());
    config.schedule.control_steps = config.schedule.shared_steps;
    let (own, _) = check_same_history(config);
    let scored = |rows: &[HistoryRow], is_random| -> Vec<_> {
        let of_arm = rows.iter().filter(|row| (row.arm == Arm::Random) == is_random);
        of_arm.map(|row| (row.arch_id.clone(), row.reward.map(f64::to_bits))).collect()
    };
    assert_eq!(scored(&own, false), scored(&shared, false));
    assert_ne!(scored(&own, true), scored(&shared, true));
}

/// θ's bounds are let go, and it learns from a phase again at its end.
#[test]
fn levers_of_the_policy_have_the_same_history_in_both_too() {
    let mut config = common::tiny_config();
    (config.policy.bound_epochs, config.policy.phase_updates) = (2, 3);
    let (rows, _) = check_same_history(config);
    assert_ne!(rows, check_same_history(common::tiny_config()).0);
}

/// Whoever learns, and whether anybody stands beside it.
#[test]
fn every_strategy_has_the_same_history_in_both_with_a_control_arm_and_without() {
    for strategy in StrategyKind::ALL {
        let mut config = common::tiny_config();
        (config.policy.strategy, config.policy.population) = (strategy, 4);
        config.schedule.random_arm = strategy == StrategyKind::Evolution;
        let (rows, _) = check_same_history(config.clone());
        let of_step = rows.iter().filter(|row| row.phase == HistoryPhase::Controller);
        let arms: BTreeSet<&str> = of_step.map(|row| row.arm.name()).collect();
        let expected: &[&str] =
            if config.schedule.random_arm { &["controller", "random"] } else { &["controller"] };
        assert_eq!(arms.into_iter().collect::<Vec<_>>(), expected, "{strategy:?}");
    }
}

/// The history of a cycle, which is that of the plain loop.
#[track_caller]
fn check_same_history(config: SearchConfig) -> (Vec<HistoryRow>, Vec<StepRow>) {
    let task = common::task(config);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        assert_eq!(stage.status.borrow().state, RunState::Stopped);
    });
    let records = plain(&task, Until::Cycles(1));
    let found = common::history(&path);
    assert_eq!(found, history_rows(&records, &task.config.schedule));
    found
}

/// Asks everything that can be asked while the search runs, and shows that nothing of it leaves a
/// trace in what the search wrote; a score stands beside that.
#[test]
fn commands_come_between_steps_and_leave_the_history_as_it_is() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (at, id, reward) = System::new().block_on(async {
        let mut stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        let c = stage.controller.clone();

        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        let again = timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap();
        assert!(matches!(again, Err(Refusal::State { .. })), "{again:?}");
        let paused = |status: &Arc<Status>| status.state == RunState::Paused;
        timeout(LIMIT, stage.status.wait_for(paused)).await.unwrap().unwrap();
        let at = stage.status.borrow().place.number;

        let sample = Sample { count: 3, seed: 5, arm: Arm::Controller };
        let drawn = timeout(LIMIT, c.send(sample)).await.unwrap().unwrap().unwrap();
        let same = timeout(LIMIT, c.send(sample)).await.unwrap().unwrap().unwrap();
        assert_eq!((drawn.len(), &drawn), (3, &same));
        let none = Sample { count: 0, ..sample };
        let none = timeout(LIMIT, c.send(none)).await.unwrap().unwrap();
        assert!(matches!(none, Err(Refusal::Request { .. })), "{none:?}");

        let arch = drawn[0].arch.clone();
        let (id, form) = (arch.id(), "native");
        let score = ScoreArch { arch: arch.clone(), form };
        let score = timeout(LIMIT, c.send(score)).await.unwrap().unwrap().unwrap();
        let weights = ChildWeights { arch: arch.clone(), of: WeightsOf::Present };
        let weights = timeout(LIMIT, c.send(weights)).await.unwrap().unwrap().unwrap();
        assert_eq!(weights.step, at);
        let weights = from_safetensors(&weights.bytes, candle_core::DType::F32).unwrap();
        let (found, told) = (common::whole_score(&task, weights, arch), score.score);
        assert_eq!((found.correct, found.items), (told.correct, told.items));
        let foreign = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0".parse().unwrap();
        let foreign = ScoreArch { arch: foreign, form };
        let foreign = timeout(LIMIT, c.send(foreign)).await.unwrap().unwrap();
        assert!(matches!(foreign, Err(Refusal::Request { .. })), "{foreign:?}");

        let best = timeout(LIMIT, c.send(Derive)).await.unwrap().unwrap().unwrap();
        assert_eq!(best.len(), 2, "config/tiny.toml ranks two again");
        assert_eq!(BestFolder::open(&path.join("best")).unwrap().list().unwrap().len(), 2);
        let step = timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().unwrap();
        assert_eq!((step, stage.status.borrow().place.number), (at, at));

        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        (at, id, score.reward)
    });
    let records = plain(&task, Until::Cycles(1));
    let (rows, steps) = common::history(&path);
    let (asked, drawn): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.arm == Arm::Injected);
    assert_eq!((drawn, steps), history_rows(&records, &task.config.schedule));
    let asked: Vec<_> =
        asked.into_iter().map(|row| (row.step, row.idx, row.arch_id, row.reward)).collect();
    assert_eq!(asked, [(at, 0, id, Some(reward))]);
}

/// What is over a limit is drawn again, alike whoever draws, and nothing of it is in the history.
#[test]
fn within_limits_the_history_is_that_of_the_plain_loop_too() {
    let free = common::task(common::tiny_config());
    let params = |task: &Task, records: &[StepRecord]| -> Vec<u64> {
        let rows = records.iter().flat_map(|record| &record.rows);
        rows.map(|row| task.budget.cost(&row.arch).unwrap().params).collect()
    };
    let mut costs = params(&free, &plain(&free, Until::Cycles(1)));
    costs.sort_unstable();
    let mut config = common::tiny_config();
    config.limits.params = costs[costs.len() / 2];
    let task = common::task(config);
    let limit = task.config.limits.params;
    assert!(limit < *costs.last().unwrap(), "nothing is over it: {costs:?}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let records = plain(&task, Until::Cycles(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
    assert!(params(&task, &records).iter().all(|&params| params <= limit));
}

/// A restart knows the best and the verdict at once, not only after the next derivation.
#[test]
fn a_resumed_search_publishes_what_it_knows() {
    let task = common::task(common::tiny_config());
    let state = Search::initial_state(&task).unwrap();
    let state = run(task.clone(), &state, Until::Cycles(2), |_| ()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    System::new().block_on(async {
        let mut stage =
            stage_from(&task, &state, &folder.path().join("state"), Until::Cycles(2), |crew| crew);
        let first = timeout(LIMIT, stage.status.wait_for(|s| !s.best.is_empty())).await;
        let status = first.unwrap().unwrap().clone();
        assert_eq!(status.best[0].id, state.best.archs()[0].arch.id());
        assert_eq!(status.advantage.steps, 12);
        assert_ne!(status.advantage.verdict, "not measured yet");
        assert!(status.advantage.sentence.contains("with the shared weights"));
        let retrained = &status.finals.comparison.sentence;
        assert!(retrained.ends_with("nothing is retrained, for `final.candidates` is 0"));
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
}

#[test]
fn stop_finishes_the_step_and_saves() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Forever, |crew| crew);
        timeout(LIMIT, stage.controller.send(Stop)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        let status = stage.status.borrow().clone();
        assert_eq!(status.checkpoint.step, Some(status.place.number));
        assert_eq!(status.state, RunState::Stopped);
    });
}

/// Hands every other score, which is the random arm's, on only after the sampler has the next θ.
struct Late {
    inner: Crew,
    /// Calls to the evaluator.
    calls: u64,
    /// The newest θ that the sampler has.
    version: watch::Sender<u64>,
}

impl Actor for Late {
    type Context = Context<Self>;
}

impl Handler<Evaluate> for Late {
    type Result = actix::ResponseFuture<Result<Vec<Score>, SearchError>>;

    fn handle(&mut self, message: Evaluate, _: &mut Context<Self>) -> Self::Result {
        self.calls += 1;
        let (wanted, is_random) = (self.calls / 2, self.calls.is_multiple_of(2));
        let (evaluate, mut version) = (self.inner.evaluate.clone(), self.version.subscribe());
        Box::pin(async move {
            let scores = evaluate.send(message).await.unwrap();
            if is_random {
                version.wait_for(|version| wanted <= *version).await.unwrap();
            }
            scores
        })
    }
}

impl Handler<AdoptDrawer> for Late {
    type Result = actix::ResponseFuture<()>;

    fn handle(&mut self, message: AdoptDrawer, _: &mut Context<Self>) -> Self::Result {
        let version = message.drawer.policy().map_or(0, Policy::version);
        self.version.send_replace(version);
        let adopt = self.inner.adopt.clone();
        Box::pin(async move { adopt.send(message).await.unwrap() })
    }
}

#[test]
fn theta_learns_while_the_random_arm_is_scored() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Epochs(1), |crew| {
            let late = Late { inner: crew.clone(), calls: 0, version: watch::Sender::new(0) };
            let late = late.start();
            Crew { evaluate: late.clone().recipient(), adopt: late.recipient(), ..crew }
        });
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let records = plain(&task, Until::Epochs(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
}

#[test]
fn the_arms_are_compared_where_a_phase_of_theta_ends() {
    let records = plain(&common::task(common::tiny_config()), Until::Cycles(1));
    let compared: Vec<_> = records
        .iter()
        .filter_map(|record| match &record.outcome {
            Outcome::Controller(report) => Some(report.advantage.map(|found| found.n_steps)),
            Outcome::Shared(_) | Outcome::Derive(_) => None,
        })
        .collect();
    assert_eq!(compared, [None, None, Some(3), None, None, Some(6)]);
}

/// A trainer that fails some of its steps, and passes the others on.
struct Failing {
    inner: Crew,
    /// Which calls fail, counted from 0.
    fails: fn(u32) -> bool,
    calls: Arc<AtomicU32>,
}

impl Actor for Failing {
    type Context = Context<Self>;
}

impl Handler<TrainShared> for Failing {
    type Result = actix::ResponseFuture<Result<Trained, SearchError>>;

    fn handle(&mut self, message: TrainShared, _: &mut Context<Self>) -> Self::Result {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let fails = (self.fails)(call);
        let train = self.inner.train.clone();
        Box::pin(async move {
            if fails {
                return Err(SearchError::BatchOrder { asked: u64::from(call), expected: 0 });
            }
            train.send(message).await.unwrap()
        })
    }
}

fn with_failures(fails: fn(u32) -> bool) -> (Result<(), ActorError>, Status, tempfile::TempDir) {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| {
            let calls = Arc::new(AtomicU32::new(0));
            let failing = Failing { inner: crew.clone(), fails, calls }.start();
            Crew { train: failing.recipient(), ..crew }
        });
        let end = timeout(LIMIT, stage.end).await.unwrap().unwrap();
        let status = Status::clone(&stage.status.borrow());
        (end, status, folder)
    })
}

#[test]
fn a_failed_step_goes_back_to_the_checkpoint_and_the_history_is_the_same() {
    let (end, status, folder) = with_failures(|call| [3, 4, 9].contains(&call));
    end.unwrap();
    assert_eq!(status.recoveries_total, 3);
    let task = common::task(common::tiny_config());
    let records = plain(&task, Until::Cycles(1));
    let rows = history_rows(&records, &task.config.schedule);
    assert_eq!(common::history(&folder.path().join("state")), rows);
}

#[test]
fn failures_are_in_a_row_where_the_search_comes_no_further() {
    let (end, status, _folder) = with_failures(|call| [0, 3, 6, 9].contains(&call));
    end.unwrap();
    assert_eq!(status.recoveries_total, 4);
}

#[test]
fn a_step_that_always_fails_ends_the_run() {
    let (end, status, _folder) = with_failures(|_| true);
    assert!(matches!(end, Err(ActorError::Search(SearchError::BatchOrder { .. }))), "{end:?}");
    assert_eq!(status.recoveries_total, 3);
    assert_eq!(status.state, RunState::Failed);
    assert!(status.error.unwrap().contains("training data stands at"));
}
