//! A history belongs to one state folder: the name that it got when it was made is also in
//! `history.id` beside it. One with another name is another run's, and is set aside unread.

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::atomic::{sync_folder, write_atomically};
use crate::store::error::io_error;
use crate::store::quarantine::free_name;
use crate::store::read::{Length, read_file};
use crate::store::{History, StateFolder, StoreError};

/// The file with the name of the history that belongs to the folder.
const NAME: &str = "history.id";

/// The longest name that is read.
const MAX_NAME_BYTES: u64 = 64;

/// The history of a state folder.
#[derive(Debug)]
pub struct OwnHistory {
    /// The history.
    pub history: History,
    /// Where another run's went that stood in its place.
    pub set_aside: Option<PathBuf>,
}

impl OwnHistory {
    /// Opens the history of `folder`, and makes it where it is missing; single rows of one of an
    /// older format stay as many as fit `bytes`.
    pub fn open(folder: &StateFolder, bytes: u64) -> Result<Self, StoreError> {
        let path = folder.history();
        let mut history = History::open(&path, bytes)?;
        let name = match read_file(folder.path(), NAME, Length::AtMost(MAX_NAME_BYTES)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
            Err(_) => String::new(),
        };
        let mut set_aside = None;
        if !name.is_empty() && name != history.run() {
            if !history.is_empty() {
                history.close()?;
                set_aside = Some(put_away(&path, &folder.corrupt())?);
                history = History::open(&path, bytes)?;
            }
            history.belong_to(&name)?;
        }
        if name.is_empty() {
            let line = format!("{}\n", history.run());
            write_atomically(&folder.path().join(NAME), line.as_bytes())?;
        }
        Ok(Self { history, set_aside })
    }
}

fn put_away(path: &Path, corrupt: &Path) -> Result<PathBuf, StoreError> {
    let moved_to = free_name(corrupt, "history.sqlite")?;
    fs::rename(path, &moved_to).map_err(io_error("move to `corrupt`", path))?;
    sync_folder(corrupt)?;
    sync_folder(path.parent().unwrap_or(corrupt))?;
    Ok(moved_to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{HistoryArm, HistoryPhase, HistoryReader, HistoryRow, Keeping};

    const ALL: u64 = u64::MAX;

    struct Rig {
        root: tempfile::TempDir,
    }

    impl Rig {
        fn folder(&self, name: &str) -> StateFolder {
            StateFolder::open(&self.root.path().join(name)).unwrap()
        }
    }

    fn record(own: &mut OwnHistory, step: u64) {
        let row = HistoryRow {
            step,
            arm: HistoryArm::Controller,
            idx: 0,
            phase: HistoryPhase::Shared,
            cycle: 0,
            epoch: 0,
            arch_id: "m5-1".into(),
            reward: None,
            log_prob: None,
            entropy: None,
        };
        let keeping = Keeping { bytes: ALL, at_unix_ms: 0 };
        own.history.record(&[row], &[], keeping).unwrap();
    }

    #[test]
    fn another_runs_history_is_set_aside_and_an_emptied_one_is_told_by_its_gap() {
        let rig = Rig { root: tempfile::tempdir().unwrap() };
        let (one, two) = (rig.folder("one"), rig.folder("two"));
        for (folder, step) in [(&one, 1), (&two, 7)] {
            let mut own = OwnHistory::open(folder, ALL).unwrap();
            record(&mut own, step);
            own.history.close().unwrap();
        }
        let own = OwnHistory::open(&one, ALL).unwrap();
        assert_eq!(own.set_aside, None);
        let name = own.history.run().to_owned();
        own.history.close().unwrap();

        fs::copy(two.history(), one.history()).unwrap();
        let own = OwnHistory::open(&one, ALL).unwrap();
        let aside = own.set_aside.unwrap();
        assert_eq!(HistoryReader::look(&aside).unwrap().steps(0, 9).unwrap().len(), 0);
        assert_eq!(own.history.run(), name);
        assert_eq!(own.history.check(2).unwrap().ranges, [(0, 1)]);
        own.history.close().unwrap();

        fs::write(one.history(), "").unwrap();
        let own = OwnHistory::open(&one, ALL).unwrap();
        assert_eq!((own.set_aside, own.history.run()), (None, name.as_str()));
        assert_eq!(own.history.check(2).unwrap().missing, 2);
    }
}
