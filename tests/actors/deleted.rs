//! What somebody deletes from the state folder while the search runs or is paused is made again, and
//! told.

use std::path::Path;
use std::sync::Arc;

use actix::System;
use enasd::actors::{Checkpoint, Derive, Note, Pause, Resume, Status};
use enasd::search::Until;
use enasd::store::history_rows;
use tokio::time::timeout;

use crate::disk::{check_whole, told};
use crate::stage::{LIMIT, stage, until};
use crate::{common, plain};

#[test]
fn what_is_deleted_from_the_state_folder_is_made_again() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        let c = stage.controller.clone();
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        let ids = timeout(LIMIT, c.send(Derive)).await.unwrap().unwrap().unwrap();
        let files = || ids.iter().map(|id| common::files_of(&path.join("best").join(id)));
        let before: Vec<_> = files().collect();
        for part in ["best", "checkpoints", "corrupt"] {
            std::fs::remove_dir_all(path.join(part)).unwrap();
        }
        std::fs::remove_file(path.join("LOCK")).unwrap();
        timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().unwrap();
        assert!(files().eq(before), "other files");
        // One file of them, at the next checkpoint.
        let weights = path.join("best").join(&ids[0]).join("weights.safetensors");
        std::fs::remove_file(&weights).unwrap();
        timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().unwrap();
        assert!(weights.is_file());
        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    for part in ["LOCK", "checkpoints", "best", "corrupt"] {
        let is_told = |message: &String| message.starts_with(&format!("{part} was gone"));
        assert!(told(&path, "disk").iter().any(is_told), "{part}");
    }
    let records = plain(&task, Until::Cycles(1));
    assert_eq!(common::history(&path), history_rows(&records, &task.config.schedule));
}

#[test]
fn what_is_deleted_while_the_search_is_paused_is_made_again_without_a_command() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    System::new().block_on(async {
        let stage = stage(&task, &path, Until::Cycles(1), |crew| crew);
        let c = stage.controller.clone();
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        let ids = timeout(LIMIT, c.send(Derive)).await.unwrap().unwrap().unwrap();
        // The daemon writes and renames them meanwhile.
        let files_in = |folder: &Path| common::files_now(folder).unwrap_or_default();
        let best = || ids.iter().map(|id| files_in(&path.join("best").join(id)));
        let before: Vec<_> = best().collect();
        let checkpoint = common::newest_checkpoint(&path);
        for part in ["best", "checkpoints", "corrupt", "cache"] {
            std::fs::remove_dir_all(path.join(part)).unwrap();
        }
        std::fs::remove_file(path.join("LOCK")).unwrap();
        until("best", || best().eq(before.iter().cloned())).await;
        let is_there = |part: &str| path.join(part).try_exists().unwrap();
        until("parts", || ["LOCK", "corrupt", "cache"].iter().all(|part| is_there(part))).await;
        let newest = || {
            let mut folders = std::fs::read_dir(path.join("checkpoints")).ok()?;
            Some(files_in(&folders.next()?.ok()?.path()))
        };
        // The manifest names the checkpoint before.
        let content = |files: &[(String, Vec<u8>)]| -> Vec<_> {
            files.iter().filter(|(name, _)| name != "MANIFEST.json").cloned().collect()
        };
        until("a checkpoint", || {
            newest().is_some_and(|files| content(&files) == content(&checkpoint))
        })
        .await;
        std::fs::remove_dir_all(path.join("best").join(&ids[0])).unwrap();
        until("an architecture", || best().eq(before.iter().cloned())).await;
        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
    });
    for part in ["LOCK", "checkpoints", "best", "corrupt", "cache"] {
        let is_told = |message: &String| message.starts_with(&format!("{part} was gone"));
        assert!(told(&path, "disk").iter().any(is_told), "{part}");
    }
    check_whole(&path, &task, Until::Cycles(1));
}

#[test]
fn a_history_that_loses_its_file_is_begun_anew_and_the_gap_is_told() {
    let task = common::task(common::tiny_config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let database = path.join("history.sqlite");
    let number = System::new().block_on(async {
        let mut stage = stage(&task, &path, Until::Cycles(2), |crew| crew);
        let c = stage.controller.clone();
        let is_later = |status: &Arc<Status>| 0 < status.place.cycle;
        timeout(LIMIT, stage.status.wait_for(is_later)).await.unwrap().unwrap();
        timeout(LIMIT, c.send(Pause)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, c.send(Checkpoint)).await.unwrap().unwrap().unwrap();
        let number = stage.status.borrow().place.number;
        std::fs::remove_file(&database).unwrap();
        timeout(LIMIT, c.send(Note::new("test", "of a new one".to_owned())))
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        until("a new one", || database.is_file()).await;
        // That lacks all steps and has none.
        std::fs::remove_file(&database).unwrap();
        timeout(LIMIT, c.send(Resume)).await.unwrap().unwrap().unwrap();
        timeout(LIMIT, stage.end).await.unwrap().unwrap().unwrap();
        number
    });
    let records = plain(&task, Until::Cycles(2));
    let (mut rollouts, mut steps) = history_rows(&records, &task.config.schedule);
    rollouts.retain(|row| number <= row.step);
    steps.retain(|row| number <= row.step);
    assert!(0 < number && !rollouts.is_empty());
    assert_eq!(common::history_from(&path, number), (rollouts, steps));
    // The first is told of in the second, where it was gone before that was written.
    let gone = told(&path, "history-damaged");
    let lacked = format!("without {number} steps: there is no ");
    assert!(!gone.is_empty() && gone.iter().all(|what| what.contains(&lacked)), "{gone:?}");
    assert!(path.join("corrupt/history/WHY.txt").is_file());
    assert!(path.join("corrupt/history-1/WHY.txt").is_file());
}
