//! Disks that are slow or hang, by a keeper that is: nothing is lost, and the search goes on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use actix::{Actor, Context, Handler, ResponseFuture, System};
use enasd::actors::{
    Checkpoint, ChildWeights, Crew, Note, Pause, Record, Recorded, Refusal, Resume, Save,
    SaveReply, Status, Stop, TrainShared, Trained, WeightsOf,
};
use enasd::engine::from_safetensors;
use enasd::search::{Search, SearchError, Task, Until, run};
use enasd::store::{BestFolder, HistoryReader, StoreError, history_rows};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::common;
use crate::plain;
use crate::stage::{LIMIT, on_own_thread, stage, stage_from, until};

/// Sees that a run lost neither a step nor the files of one of the best architectures.
#[track_caller]
pub(crate) fn check_whole(path: &Path, task: &Task, until: Until) {
    let records = plain(task, until);
    assert_eq!(common::history(path), history_rows(&records, &task.config.schedule));
    let search =
        common::newest_checkpoint(path).into_iter().find(|(name, _)| name == "search.json");
    let search: serde_json::Value = serde_json::from_slice(&search.unwrap().1).unwrap();
    let archs =
        search["best"].as_array().unwrap().iter().map(|best| best["arch"].as_str().unwrap());
    let ids: BTreeSet<String> =
        archs.map(|text| text.parse::<enasd::space::Arch>().unwrap().id()).collect();
    let best = BestFolder::open(&path.join("best")).unwrap();
    assert_eq!(best.list().unwrap().into_iter().collect::<BTreeSet<_>>(), ids);
    assert!(!ids.is_empty());
}

/// A keeper whose thread is busy with something else when it is asked, as on a loaded machine.
struct Busy {
    inner: Crew,
}

impl Actor for Busy {
    type Context = Context<Self>;
}

impl Handler<Note> for Busy {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, _: Note, _: &mut Context<Self>) -> Self::Result {
        sleep(Duration::from_millis(50));
        Ok(())
    }
}

impl Handler<Record> for Busy {
    type Result = ResponseFuture<Recorded>;

    fn handle(&mut self, message: Record, _: &mut Context<Self>) -> Self::Result {
        let record = self.inner.record.send(message);
        Box::pin(async { record.await.unwrap() })
    }
}

impl Handler<Save> for Busy {
    type Result = ResponseFuture<SaveReply>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        let save = self.inner.save.send(message);
        Box::pin(async { save.await.unwrap() })
    }
}

/// A trainer whose steps take long.
struct Slow {
    inner: Crew,
    pause: Duration,
}

impl Actor for Slow {
    type Context = Context<Self>;
}

impl Handler<TrainShared> for Slow {
    type Result = ResponseFuture<Result<Trained, SearchError>>;

    fn handle(&mut self, message: TrainShared, _: &mut Context<Self>) -> Self::Result {
        let (train, pause) = (self.inner.train.clone(), self.pause);
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            train.send(message).await.unwrap()
        })
    }
}

#[test]
fn checkpoints_that_fall_due_beside_steps_lose_none() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Epochs(1), |crew| {
            let busy = on_own_thread(Busy { inner: crew.clone() });
            let notes = busy.clone();
            actix::spawn(async move {
                loop {
                    notes.send(Note::new("noise", String::new())).await.unwrap().unwrap();
                }
            });
            // Longer than a finished step waits for its message to the keeper.
            let slow = Slow { inner: crew.clone(), pause: Duration::from_millis(1100) }.start();
            let (record, save) = (busy.clone().recipient(), busy.recipient());
            Crew { record, save, train: slow.recipient(), ..crew }
        });
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let records = plain(&task, Until::Epochs(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
}

/// A keeper whose checkpoints take long: one is under way whenever a derivation ends.
struct Late {
    inner: Crew,
}

impl Actor for Late {
    type Context = Context<Self>;
}

impl Handler<Save> for Late {
    type Result = ResponseFuture<SaveReply>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        sleep(Duration::from_secs(1));
        let save = self.inner.save.send(message);
        Box::pin(async { save.await.unwrap() })
    }
}

#[test]
fn a_checkpoint_of_before_a_derivation_does_not_stand_for_its_architectures() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(3), |crew| {
            let late = on_own_thread(Late { inner: crew.clone() });
            // A cycle lasts until a checkpoint falls due, and not until it is written.
            let slow = Slow { inner: crew.clone(), pause: Duration::from_millis(50) }.start();
            Crew { save: late.recipient(), train: slow.recipient(), ..crew }
        });
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    check_whole(&path, &task, Until::Cycles(3));
}

/// A keeper whose disk hangs from the second checkpoint on, until it is let go.
struct Hanging {
    inner: Crew,
    saves: Arc<AtomicU64>,
    hangs: watch::Receiver<bool>,
}

impl Actor for Hanging {
    type Context = Context<Self>;
}

impl Handler<Save> for Hanging {
    type Result = ResponseFuture<SaveReply>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        let first = self.saves.fetch_add(1, Ordering::Relaxed) == 0;
        let (save, mut hangs) = (self.inner.save.clone(), self.hangs.clone());
        Box::pin(async move {
            if !first {
                hangs.wait_for(|&hangs| !hangs).await.unwrap();
            }
            save.send(message).await.unwrap()
        })
    }
}

#[test]
fn a_hanging_disk_stops_no_derivation_and_at_most_one_more_checkpoint_waits() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (hang, hangs) = watch::channel(true);
    let saves = Arc::new(AtomicU64::new(0));
    System::new().block_on(async {
        let mut stage = stage(&task, &path, Until::Cycles(4), |crew| {
            let hanging = Hanging { inner: crew.clone(), saves: saves.clone(), hangs };
            Crew { save: hanging.start().recipient(), ..crew }
        });
        let derived = |status: &Arc<Status>| 3 <= status.place.cycle;
        timeout(LIMIT, stage.status.wait_for(derived)).await.unwrap().unwrap();
        assert_eq!(saves.load(Ordering::Relaxed), 2);
        let is_told = |status: &Arc<Status>| status.disk_silence_seconds.is_some();
        timeout(LIMIT, stage.status.wait_for(is_told)).await.unwrap().unwrap();
        hang.send_replace(false);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        assert_eq!(stage.status.borrow().disk_silence_seconds, None);
    });
    assert!(told(&path, "disk")[0].ends_with("s to write a checkpoint"));
    check_whole(&path, &task, Until::Cycles(4));
}

/// A keeper whose disk refuses the second and the third checkpoint.
struct Refusing {
    inner: Crew,
    saves: u64,
}

impl Actor for Refusing {
    type Context = Context<Self>;
}

impl Handler<Save> for Refusing {
    type Result = ResponseFuture<SaveReply>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        self.saves += 1;
        let (save, refused) = (self.inner.save.clone(), [2, 3].contains(&self.saves));
        Box::pin(async move {
            if refused {
                let full = StoreError::DiskFull {
                    path: "checkpoints".into(),
                    needed_bytes: 2,
                    free_bytes: 1,
                };
                return SaveReply { recorded: Recorded::default(), saved: Err(full) };
            }
            save.send(message).await.unwrap()
        })
    }
}

/// The messages of all events of one kind.
pub(crate) fn told(path: &Path, kind: &str) -> Vec<String> {
    let reader = HistoryReader::open(&path.join("history.sqlite")).unwrap();
    let events = reader.events(0, 1000).unwrap().into_iter();
    events.filter(|event| event.kind == kind).map(|event| event.message).collect()
}

#[test]
fn an_outage_of_checkpoints_is_two_events() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(4), |crew| {
            let refusing = Refusing { inner: crew.clone(), saves: 0 }.start();
            Crew { save: refusing.recipient(), ..crew }
        });
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let [failed] = &told(&path, "checkpoint-failed")[..] else { panic!() };
    assert!(failed.contains("free some space"), "{failed}");
    let [saved] = &told(&path, "checkpoint-saved")[..] else { panic!() };
    assert!(saved.ends_with("after it failed 2 times"), "{saved}");
    check_whole(&path, &task, Until::Cycles(4));
}

#[test]
fn an_outage_while_the_search_is_paused_is_told_and_ends_by_itself() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| {
            let refusing = Refusing { inner: crew.clone(), saves: 0 }.start();
            Crew { save: refusing.recipient(), ..crew }
        });
        let c = stage.controller.clone();
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        // It may have saved more than once before.
        while timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().is_ok() {}
        until("it is told", || !told(&path, "checkpoint-failed").is_empty()).await;
        until("it is saved", || !told(&path, "checkpoint-saved").is_empty()).await;
        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    check_whole(&path, &task, Until::Cycles(1));
}

#[test]
fn missing_files_are_written_again_from_the_weights_that_scored_the_architecture() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let state = Search::initial_state(&task).unwrap();
    let state = run(task.clone(), &state, Until::Cycles(1), |_| ()).unwrap();
    System::new().block_on(async {
        let stage = stage_from(&task, &state, &path, Until::Cycles(1), |crew| crew);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    assert_eq!(told(&path, "best-lost"), Vec::<String>::new());
    let best = BestFolder::open(&path.join("best")).unwrap();
    for best_arch in state.best.archs() {
        let weights = best.read(&best_arch.arch.id(), "weights.safetensors").unwrap();
        let weights = from_safetensors(&weights, candle_core::DType::F32).unwrap();
        let score = common::whole_score(&task, weights, best_arch.arch.clone());
        assert_eq!(score, best_arch.score);
    }
}

#[test]
fn weights_that_are_gone_are_told_once_and_no_others_stand_in_for_them() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    // An epoch after the derivation, ω is another.
    let state = Search::initial_state(&task).unwrap();
    let state = run(task.clone(), &state, Until::Epochs(3), |_| ()).unwrap();
    System::new().block_on(async {
        let stage = stage_from(&task, &state, &path, Until::Forever, |crew| crew);
        let c = stage.controller.clone();
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().unwrap();
        let arch = state.best.archs()[0].arch.clone();
        let weights = ChildWeights { arch, of: WeightsOf::Either };
        let found = timeout(LIMIT, c.send(weights.clone())).await.unwrap().unwrap();
        assert!(matches!(found, Err(Refusal::Lost { .. })), "{found:?}");
        let present = ChildWeights { of: WeightsOf::Present, ..weights };
        timeout(LIMIT, c.send(present)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, c.send(Stop)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    let [lost] = &told(&path, "best-lost")[..] else { panic!() };
    assert!(lost.starts_with("the weights that 2 of the best"), "{lost}");
    assert_eq!(BestFolder::open(&path.join("best")).unwrap().list().unwrap(), Vec::<String>::new());
}
