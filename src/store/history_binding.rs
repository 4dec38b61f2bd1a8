//! A history belongs to one state folder: the name that it got when it was made is also in
//! `history.id` beside it. One with another name is another run's, and is set aside; so is one
//! that cannot be read. Nothing of either is deleted.

use std::path::PathBuf;

use crate::store::atomic::write_atomically;
use crate::store::quarantine::quarantine_history;
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
    /// What was moved out of its place.
    pub rejected: Option<RejectedHistory>,
}

/// A history that was moved to `corrupt/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedHistory {
    /// The folder that has its files.
    pub moved_to: PathBuf,
    /// What is wrong with it.
    pub why: String,
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
        let mut rejected = None;
        if !name.is_empty() && name != history.run() {
            if !history.is_empty() {
                history.close()?;
                rejected = Some(set_aside(folder, "it is another run's".to_owned())?);
                history = History::open(&path, bytes)?;
            }
            history.belong_to(&name)?;
        }
        if name.is_empty() {
            let line = format!("{}\n", history.run());
            write_atomically(&folder.path().join(NAME), line.as_bytes())?;
        }
        Ok(Self { history, rejected })
    }

    /// Sets aside what stands in the history's place, and begins a new one.
    pub fn begin(folder: &StateFolder, bytes: u64, why: &StoreError) -> Result<Self, StoreError> {
        let why = match why {
            StoreError::Corrupt { why, .. } => why.to_string(),
            StoreError::Database { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        let rejected = Some(set_aside(folder, why)?);
        Ok(Self { rejected, ..Self::open(folder, bytes)? })
    }
}

fn set_aside(folder: &StateFolder, why: String) -> Result<RejectedHistory, StoreError> {
    let moved_to = quarantine_history(&folder.history(), &folder.corrupt(), &why)?;
    Ok(RejectedHistory { moved_to, why })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::search::Arm;
    use crate::store::{Defect, HistoryFilter, HistoryPhase, HistoryReader, HistoryRow, Keeping};

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
            arm: Arm::Controller,
            idx: 0,
            phase: HistoryPhase::Shared,
            cycle: 0,
            cycle_epoch: 0,
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
        assert_eq!(own.rejected, None);
        let name = own.history.run().to_owned();
        own.history.close().unwrap();

        fs::copy(two.history(), one.history()).unwrap();
        let own = OwnHistory::open(&one, ALL).unwrap();
        let RejectedHistory { moved_to, why } = own.rejected.unwrap();
        assert_eq!(fs::read_to_string(moved_to.join("WHY.txt")).unwrap(), format!("{why}\n"));
        let aside = moved_to.join("history.sqlite");
        assert_eq!(HistoryReader::look(&aside).unwrap().steps(0, 9).unwrap().len(), 0);
        assert_eq!(own.history.run(), name);
        assert_eq!(own.history.check(2).unwrap().ranges, [(0, 1)]);
        own.history.close().unwrap();

        fs::write(one.history(), "").unwrap();
        let own = OwnHistory::open(&one, ALL).unwrap();
        assert_eq!((own.rejected, own.history.run()), (None, name.as_str()));
        assert_eq!(own.history.check(2).unwrap().missing, 2);
    }
    #[test]
    fn a_damaged_history_is_set_aside_whole_and_a_new_one_takes_its_name() {
        let rig = Rig { root: tempfile::tempdir().unwrap() };
        let folder = rig.folder("state");
        let mut own = OwnHistory::open(&folder, ALL).unwrap();
        record(&mut own, 3);
        let name = own.history.run().to_owned();
        // Its writer goes on: what lies under its name belongs to others from now on.
        let OwnHistory { history: old, .. } = own;
        let log = folder.path().join("history.sqlite-wal");
        let logged = fs::read(&log).unwrap();
        assert!(!logged.is_empty());
        let why = StoreError::Corrupt {
            path: folder.history(),
            why: Defect::Database { why: "a page".to_owned() },
        };
        for number in 0..2 {
            let own = OwnHistory::begin(&folder, ALL, &why).unwrap();
            let ending = if number == 0 { "" } else { "-1" };
            let moved_to = folder.corrupt().join(format!("history{ending}"));
            let why = "SQLite's check finds: a page".to_owned();
            assert_eq!(own.rejected, Some(RejectedHistory { moved_to, why }));
            assert_eq!((own.history.run(), own.history.end()), (name.as_str(), 0));
        }
        assert!(!old.is_named().unwrap());
        drop(old);
        let aside = folder.corrupt().join("history");
        assert_eq!(fs::read(aside.join("history.sqlite-wal")).unwrap(), logged);
        let rows = HistoryReader::open(&aside.join("history.sqlite")).unwrap();
        assert_eq!(rows.page(0, 9, HistoryFilter::default()).unwrap().rows[0].step, 3);
    }
}
