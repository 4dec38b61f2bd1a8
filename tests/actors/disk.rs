//! Disks that are slow or hang, by a keeper that is: nothing is lost, and the search goes on.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use actix::{Actor, Context, Handler, ResponseFuture, System};
use enasd::actors::{Crew, Note, Record, Recorded, Save, SaveReply, Status, TrainShared, Trained};
use enasd::search::{SearchError, Task, Until};
use enasd::store::{BestFolder, StoreError, history_rows};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::common;
use crate::plain;
use crate::stage::{LIMIT, on_own_thread, stage};

/// Sees that a run lost neither a step nor the files of a best cell.
#[track_caller]
fn check_whole(path: &Path, task: &Task, until: Until) {
    let records = plain(task, until);
    assert_eq!(common::history(path), history_rows(&records, &task.config.schedule));
    let search =
        common::newest_checkpoint(path).into_iter().find(|(name, _)| name == "search.json");
    let search: serde_json::Value = serde_json::from_slice(&search.unwrap().1).unwrap();
    let archs =
        search["best"].as_array().unwrap().iter().map(|cell| cell["arch"].as_str().unwrap());
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
fn a_checkpoint_of_before_a_derivation_does_not_stand_for_its_cells() {
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
        hang.send_replace(false);
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    check_whole(&path, &task, Until::Cycles(4));
}
