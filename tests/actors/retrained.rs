//! What is retrained, and what came of it: as in the plain loop, on workers beside each other, and
//! with a history of the search as if there were none.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient, ResponseFuture, System};
use enasd::actors::{
    Crew, Pause, Refusal, Resume, RetrainArch, Stop, TrainTrial, TrialEpoch, TrialStart,
    TrialWorker,
};
use enasd::engine::ExecutorChoice;
use enasd::search::{
    FinalConfig, Objective, Search, SearchError, Task, TrialPlan, TrialTask, Until, run,
};
use enasd::store::{Binding, HistoryReader, history_rows, state_files};
use tokio::time::timeout;

use crate::stage::{LIMIT, stage, until};
use crate::{common, plain};

/// The outcome of a promotion, too: on workers beside each other, in any order.
#[test]
fn actors_and_plain_loop_have_the_same_champion() {
    let mut config = common::tiny_config();
    config.finals =
        FinalConfig { candidates: 1, seeds: 2, epochs: 1, channels: 2, ..config.finals };
    check_same_champion(&common::task(config));
}

/// With nets that go on from rung to rung, where the plain loop begins each anew.
#[test]
fn actors_and_plain_loop_have_the_same_champion_after_halving() {
    let mut config = common::tiny_config();
    config.score.reward = Objective::NegLogNll;
    config.derive.rerank = 4;
    config.derive.samples = 6;
    config.finals = FinalConfig {
        candidates: 1,
        first: 4,
        seeds: 2,
        epochs: 3,
        learning_rate_period: 1,
        learning_rate_period_factor: 1,
        channels: 2,
        batch_size: 32,
        ..config.finals
    };
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    check_same_champion(&Task::new(config, common::made_images(true), exec).unwrap());
}

#[track_caller]
fn check_same_champion(task: &Task) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(task, &path, Until::Cycles(1), |crew| crew);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        let finals = &stage.status.borrow().finals;
        assert_eq!((finals.test_uses, finals.comparison.pairs), (2, 1));
    });
    let state = Search::initial_state(task).unwrap();
    let expected = run(task.clone(), &state, Until::Cycles(1), |_| ()).unwrap();
    let binding =
        Binding { config: String::new(), data: String::new(), computed_by: String::new() };
    let promotion = |files: Vec<(String, Vec<u8>)>| {
        let (_, bytes) = files.into_iter().find(|(name, _)| name == "promotion.json").unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let expected = state_files(&expected, &binding).unwrap();
    let expected = expected.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
    assert_eq!(promotion(common::newest_checkpoint(&path)), promotion(expected));
}

/// What is asked for while the search is paused waits, is on disk at once, and is trained when its
/// turn comes; the history of the search is as if nobody had asked.
#[test]
fn what_is_asked_for_is_retrained_and_no_champion() {
    let mut config = common::tiny_config();
    config.finals =
        FinalConfig { candidates: 0, seeds: 2, epochs: 1, channels: 2, ..config.finals };
    let task = common::task(config);
    let arch = task.space.arch(&vec![0; task.space.script().options().count()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        let c = stage.controller.clone();
        let ask = async |text: &str| {
            let retrain = RetrainArch { arch: text.parse().unwrap(), form: "numbers" };
            timeout(LIMIT, c.send(retrain)).await.unwrap().unwrap()
        };
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        let reply = ask(&arch.to_flat()).await.unwrap();
        assert_eq!((reply.place, reply.epochs, reply.seeds), (1, 1, 2));
        let plan = TrialPlan { arch: arch.clone(), seed: 0, recipe: task.config.finals };
        let cost = TrialTask::new(&task, "").cost(&plan).unwrap();
        assert_eq!((reply.params, reply.multiply_adds), (cost.params, cost.multiply_adds));
        let checkpoint = common::newest_checkpoint(&path);
        let waits = |(_, bytes): &(String, Vec<u8>)| {
            String::from_utf8_lossy(bytes).contains(&arch.to_string())
        };
        assert!(checkpoint.iter().any(waits), "it is on disk");
        let again = ask(&arch.to_flat()).await.unwrap_err();
        assert!(matches!(&again, Refusal::State { why } if why.contains("asked for already")));
        let foreign = ask("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0").await;
        assert!(matches!(foreign, Err(Refusal::Request { .. })), "{foreign:?}");
        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        let finals = &stage.status.borrow().finals;
        assert_eq!((finals.waiting, finals.test_uses, finals.champion.is_none()), (0, 0, true));
    });
    let records = plain(&task, Until::Cycles(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
    let checkpoint = common::newest_checkpoint(&path);
    let (_, promotions) = checkpoint.iter().find(|(name, _)| name == "promotion.json").unwrap();
    let promotions: serde_json::Value = serde_json::from_slice(promotions).unwrap();
    let told = &promotions["retrained"];
    assert_eq!(told.as_array().unwrap().len(), 1, "{promotions}");
    let who = (told[0]["id"].as_str(), told[0]["arm"].as_str());
    assert_eq!(who, (Some(&arch.id()[..]), Some("injected")));
    assert_eq!(told[0]["rewards"].as_array().unwrap().len(), 2);
}

/// A search that retrains a sample and nothing else, on few images: it takes all that it can of the
/// machine.
fn sampling() -> Task {
    let mut config = common::tiny_config();
    config.finals =
        FinalConfig { candidates: 0, sample: 2, seeds: 2, epochs: 1, channels: 2, ..config.finals };
    config.finals.batch_size = 32;
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    Task::new(config, common::made_images(false), exec).unwrap()
}

/// The stratified sample is retrained beside the search, which takes its steps as if there were none.
#[test]
fn a_sample_is_retrained_beside_the_search() {
    let task = sampling();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Forever, |crew| crew);
        let status = stage.status.clone();
        let archs = || status.borrow().finals.rank_correlation.archs;
        until("all of the first sample are retrained", || 2 <= archs()).await;
        timeout(LIMIT, stage.controller.send(Stop)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        let finals = &status.borrow().finals;
        assert_eq!((finals.test_uses, finals.champion.is_none()), (0, true));
    });
    let (rows, steps) = common::history(&path);
    let records = plain(&task, Until::Cycles(1));
    let (expected_rows, expected_steps) = history_rows(&records, &task.config.schedule);
    assert_eq!(rows[..expected_rows.len()], expected_rows);
    assert_eq!(steps[..expected_steps.len()], expected_steps);
    // The same nets as those of the plain loop.
    let state = Search::initial_state(&task).unwrap();
    let state = run(task.clone(), &state, Until::Cycles(1), |_| ()).unwrap();
    let checkpoint = common::newest_checkpoint(&path);
    let (_, finals) = checkpoint.iter().find(|(name, _)| name == "promotion.json").unwrap();
    let finals: serde_json::Value = serde_json::from_slice(finals).unwrap();
    assert_eq!(state.finals.retrained.len(), 2);
    for (found, expected) in
        finals["retrained"].as_array().unwrap().iter().zip(&state.finals.retrained)
    {
        assert_eq!(found["id"], expected.id);
        assert_eq!(found["rewards"], serde_json::json!(expected.rewards));
    }
}

/// What an epoch of minutes came to is not lost with the next: the first one is brought along, too.
#[test]
fn a_net_is_brought_along_as_soon_as_it_is_due() {
    let task = sampling();
    let arch = task.space.arch(&vec![0; task.space.script().options().count()]).unwrap();
    let recipe = FinalConfig { epochs: 4, ..task.config.finals };
    let plan = TrialPlan { arch, seed: 0, recipe };
    let (at_once, never) = (Duration::ZERO, Duration::MAX);
    System::new().block_on(async {
        let worker = TrialWorker::new(TrialTask::new(&task, ""), Arc::default()).start();
        let from = [TrialStart::Scratch, TrialStart::Here, TrialStart::Here, TrialStart::Here];
        let epochs = [at_once, never, at_once, never].into_iter().zip(from);
        let mut brought = Vec::new();
        for (every, from) in epochs {
            let message = TrainTrial { plan: plan.clone(), from, every, limit: None };
            let epoch = worker.send(message).await.unwrap().unwrap();
            brought.push(epoch.state.map(|state| state.epoch));
        }
        // A finished net is brought along whatever is due.
        assert_eq!(brought, [Some(1), None, Some(3), Some(4)]);
        // One that takes longer than it may is broken off in the middle of an epoch.
        let limit = Some(Duration::ZERO);
        let message = TrainTrial { plan, from: TrialStart::Scratch, every: at_once, limit };
        let epoch = worker.send(message).await.unwrap().unwrap();
        assert!(epoch.report.is_none() && epoch.state.is_none(), "{epoch:?}");
    });
}

/// A worker whose first epoch fails.
struct FailsOnce {
    inner: Recipient<TrainTrial>,
    has_failed: bool,
}

impl Actor for FailsOnce {
    type Context = Context<Self>;
}

impl Handler<TrainTrial> for FailsOnce {
    type Result = ResponseFuture<Result<TrialEpoch, SearchError>>;

    fn handle(&mut self, message: TrainTrial, _: &mut Context<Self>) -> Self::Result {
        if !std::mem::replace(&mut self.has_failed, true) {
            let error = SearchError::BatchOrder { asked: 1, expected: 0 };
            return Box::pin(async { Err(error) });
        }
        let trained = self.inner.send(message);
        Box::pin(async { trained.await.unwrap() })
    }
}

#[test]
fn a_sample_that_fails_sends_the_search_back_and_ends_nothing() {
    let task = sampling();
    let folder = tempfile::tempdir().unwrap();
    System::new().block_on(async {
        let stage = stage(&task, &folder.path().join("state"), Until::Forever, |crew| {
            let inner = crew.idle_trial.clone().unwrap();
            let failing = FailsOnce { inner, has_failed: false }.start();
            Crew { idle_trial: Some(failing.recipient()), ..crew }
        });
        let status = stage.status.clone();
        until("it is retrained all the same", || {
            2 <= status.borrow().finals.rank_correlation.archs
        })
        .await;
        timeout(LIMIT, stage.controller.send(Stop)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let events = HistoryReader::open(&folder.path().join("state/history.sqlite")).unwrap();
    let events = events.events(0, u32::MAX).unwrap();
    assert!(events.iter().any(|event| event.kind == "recovery"), "{events:?}");
}
