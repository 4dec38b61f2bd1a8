//! Bringing a history of an older format to today's: one of the second or third gets what it lacks,
//! in one transaction; one of the first is copied.
//!
//! ```text
//! history.sqlite (1) ─ rows ─► history.sqlite.new ─ sync ─┬─ rename over history.sqlite
//!        └── a second name, history-1.sqlite, first ──────┘  the second name goes with the
//!                                                            first checkpoint after
//! ```
//!
//! Killed at any moment, `history.sqlite` is the old one whole or the new one whole; a part of a
//! new one is begun again. Ids and numbers stay as they are; the texts that ids spell go. At
//! which hour old rows were written is not known: what they are folded into has no hour.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row, Rows};

use crate::search::Arm;
use crate::store::atomic::{is_there, sync_folder};
use crate::store::error::io_error;
use crate::store::history_row::from_sql_int;
use crate::store::history_schema::{database_error, open_older, upgrade};
use crate::store::{EventRow, History, HistoryPhase, HistoryRow, Keeping, StepRow, StoreError};

/// Old rows that are read and written together.
const ROWS_A_PART: usize = 50_000;

/// The old history under its second name.
const OLD: &str = "history-1.sqlite";

impl History {
    /// Opens the database at `path`, and makes it where it is missing; one of an older format is
    /// brought to today's, and of its rows as many stay single as fit `bytes`.
    pub fn open(path: &Path, bytes: u64) -> Result<Self, StoreError> {
        migrate(path, bytes)?;
        Self::open_current(path)
    }

    /// Removes the history of the older format that this one was made from: called once a
    /// checkpoint is on disk that goes with this one.
    pub fn forget_older(&self) -> Result<(), StoreError> {
        remove(&beside(&self.path, OLD))
    }
}

/// Brings the history at `path` to today's format, if it is of an older one.
fn migrate(path: &Path, bytes: u64) -> Result<(), StoreError> {
    match open_older(path)? {
        None => Ok(()),
        Some((1, old)) => migrate_first(old, path, bytes),
        Some((_, mut db)) => {
            upgrade(&mut db).map_err(database_error("migrate", path))?;
            db.close().map_err(|(_, source)| database_error("close", path)(source))
        }
    }
}

fn migrate_first(old: Connection, path: &Path, bytes: u64) -> Result<(), StoreError> {
    tracing::warn!(
        path = %path.display(),
        "the history is of an earlier format and is brought to today's; the old one is kept \
         as {OLD} until the next checkpoint"
    );
    // Alone in its file: a log beside it would be taken for the new one's.
    old.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(database_error("migrate", path))?;
    let new = beside(path, "history.sqlite.new");
    remove(&new)?;
    // What is left of a copy that failed is of no use.
    copy(&old, path, &new, bytes).inspect_err(|_| drop(remove(&new)))?;
    old.close().map_err(|(_, source)| database_error("close", path)(source))?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(io_error("sync", &new))?;
    let kept = beside(path, OLD);
    remove(&kept)?;
    fs::hard_link(path, &kept)
        // A filesystem without second names.
        .or_else(|_| fs::copy(path, &kept).and_then(|_| File::open(&kept)?.sync_all()))
        .map_err(io_error("keep", &kept))?;
    sync_folder(kept.parent().unwrap_or(Path::new(".")))?;
    fs::rename(&new, path).map_err(io_error("replace", path))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn beside(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(name)
}

fn remove(path: &Path) -> Result<(), StoreError> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let path = Path::new(&name);
        if is_there(path)? {
            fs::remove_file(path).map_err(io_error("remove", path))?;
        }
    }
    Ok(())
}

fn copy(old: &Connection, path: &Path, new: &Path, bytes: u64) -> Result<(), StoreError> {
    let failed = |source| database_error("read", path)(source);
    let mut history = History::open_current(new)?;
    let keeping = Keeping { bytes, at_unix_ms: 0 };
    let mut rows = old
        .prepare(
            "SELECT step, arm, idx, phase, cycle, epoch, arch_id, reward, log_prob, entropy
             FROM rollouts ORDER BY step, arm, idx",
        )
        .map_err(failed)?;
    let mut steps = old
        .prepare("SELECT step, loss, accuracy, lr, grad_norm FROM steps ORDER BY step")
        .map_err(failed)?;
    let mut rows = Ahead::new(rows.query([]).map_err(failed)?, history_row).map_err(failed)?;
    let mut steps = Ahead::new(steps.query([]).map_err(failed)?, step_row).map_err(failed)?;
    loop {
        let mut rollouts: Vec<HistoryRow> = Vec::new();
        while let Some(row) = &rows.next {
            let is_full = ROWS_A_PART <= rollouts.len();
            if is_full && rollouts.last().is_some_and(|last| last.step != row.step) {
                break;
            }
            rollouts.extend(rows.take().map_err(failed)?);
        }
        let mut updates: Vec<StepRow> = Vec::new();
        let until = rows.next.as_ref().map_or(u64::MAX, |row| row.step);
        while steps.next.as_ref().is_some_and(|step| step.step < until)
            && updates.len() < ROWS_A_PART
        {
            updates.extend(steps.take().map_err(failed)?);
        }
        if rollouts.is_empty() && updates.is_empty() {
            break;
        }
        history.record(&rollouts, &updates, keeping)?;
    }
    copy_events(old, &mut history).map_err(failed)??;
    history.close()
}

fn copy_events(
    old: &Connection,
    history: &mut History,
) -> rusqlite::Result<Result<(), StoreError>> {
    let mut events =
        old.prepare("SELECT seq, at_unix_ms, kind, message FROM events ORDER BY seq")?;
    let events = events.query_map([], |row| {
        let (at_unix_ms, kind, message) = (row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(EventRow { seq: from_sql_int(row, 0)?, at_unix_ms, kind, message })
    })?;
    let events = events.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(history.restore_events(&events))
}

/// Rows of which the next is known.
struct Ahead<'a, T> {
    rows: Rows<'a>,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    next: Option<T>,
}

impl<'a, T> Ahead<'a, T> {
    fn new(rows: Rows<'a>, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Self> {
        let mut ahead = Self { rows, read, next: None };
        ahead.take()?;
        Ok(ahead)
    }

    fn take(&mut self) -> rusqlite::Result<Option<T>> {
        let next = self.rows.next()?.map(self.read).transpose()?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

fn history_row(row: &Row<'_>) -> rusqlite::Result<HistoryRow> {
    let name = |column| row.get::<_, String>(column);
    let unknown = |column| rusqlite::Error::InvalidColumnName(column);
    let (arm, phase) = (name(1)?, name(3)?);
    Ok(HistoryRow {
        step: from_sql_int(row, 0)?,
        arm: Arm::of_name(&arm).ok_or_else(|| unknown(arm))?,
        idx: row.get(2)?,
        phase: HistoryPhase::of_name(&phase).ok_or_else(|| unknown(phase))?,
        cycle: row.get(4)?,
        cycle_epoch: row.get(5)?,
        arch_id: row.get(6)?,
        reward: row.get(7)?,
        log_prob: row.get(8)?,
        entropy: row.get(9)?,
    })
}

fn step_row(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        step: from_sql_int(row, 0)?,
        loss: row.get(1)?,
        accuracy: row.get(2)?,
        learning_rate: row.get(3)?,
        grad_norm: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Cause;
    use crate::store::{HistoryFilter, HistoryReader, TrialRow};

    /// The tables of the first format.
    const FIRST: &str = "
        CREATE TABLE rollouts (step INTEGER NOT NULL, arm TEXT NOT NULL, idx INTEGER NOT NULL,
            phase TEXT NOT NULL, cycle INTEGER NOT NULL, epoch INTEGER NOT NULL,
            arch TEXT NOT NULL, arch_id TEXT NOT NULL, reward REAL, log_prob REAL, entropy REAL,
            PRIMARY KEY (step, arm, idx)) STRICT, WITHOUT ROWID;
        CREATE TABLE steps (step INTEGER PRIMARY KEY, loss REAL, accuracy REAL, lr REAL NOT NULL,
            grad_norm REAL) STRICT;
        CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, at_unix_ms INTEGER NOT NULL,
            kind TEXT NOT NULL, message TEXT NOT NULL) STRICT;
        INSERT INTO rollouts VALUES
            (7, 'controller', 0, 'shared', 1, 2, 'a text', 'm5-0', NULL, -1.5, 2.5),
            (8, 'controller', 0, 'controller', 1, 2, 'a text', 'm5-0', 0.25, -1.5, 2.5),
            (8, 'random', 0, 'controller', 1, 2, 'a text', 'm5-1', 0.5, -1.5, 2.5);
        INSERT INTO steps VALUES (3, 1.0, 0.5, 0.1, NULL), (7, NULL, 0.5, 0.1, 3.0);
        INSERT INTO events VALUES (41, 1000, 'start', 'goes on at step 0');
        PRAGMA application_id = 0x454e4153;
        PRAGMA user_version = 1;";

    struct Rig {
        folder: tempfile::TempDir,
    }

    impl Rig {
        /// A history of the first format whose writer was killed: its rows are in the log.
        fn new() -> Self {
            let rig = Self { folder: tempfile::tempdir().unwrap() };
            let db = Connection::open(rig.path()).unwrap();
            db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
            db.execute_batch(FIRST).unwrap();
            for ending in ["", "-wal"] {
                let name = |path: PathBuf| format!("{}{ending}", path.display());
                fs::copy(name(rig.path()), name(rig.folder.path().join("kept"))).unwrap();
            }
            drop(db);
            for ending in ["", "-wal"] {
                let name = |path: PathBuf| format!("{}{ending}", path.display());
                fs::rename(name(rig.folder.path().join("kept")), name(rig.path())).unwrap();
            }
            rig
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("history.sqlite")
        }

        fn check(&self) {
            let reader = HistoryReader::open(&self.path()).unwrap();
            let page = reader.page(0, 100, HistoryFilter::default()).unwrap();
            let found =
                page.rows.iter().map(|row| (row.step, row.arm, row.arch_id.as_str(), row.reward));
            let (controller, random) = (Arm::Controller, Arm::Random);
            let expected = [
                (7, controller, "m5-0", None),
                (8, controller, "m5-0", Some(0.25)),
                (8, random, "m5-1", Some(0.5)),
            ];
            assert_eq!(found.collect::<Vec<_>>(), expected);
            assert_eq!(reader.events(0, 9).unwrap()[0].seq, 41);
            let steps: Vec<u64> = reader.steps(0, 9).unwrap().iter().map(|row| row.step).collect();
            assert_eq!(steps, [3, 7]);
        }
    }

    #[test]
    fn an_old_history_is_read_by_nobody_and_migrated_whole_and_kept_until_a_checkpoint() {
        let rig = Rig::new();
        let err = HistoryReader::open(&rig.path()).unwrap_err();
        assert!(matches!(err, StoreError::OlderFormat { found: 1, expected: 4, .. }), "{err}");
        let history = History::open(&rig.path(), u64::MAX).unwrap();
        rig.check();
        let (found, _) = open_older(&rig.folder.path().join(OLD)).unwrap().unwrap();
        assert_eq!(found, 1);
        history.forget_older().unwrap();
        history.close().unwrap();
        let left = fs::read_dir(rig.folder.path()).unwrap();
        let left: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(left, ["history.sqlite"]);
    }

    /// Killed between two calls of the system, each leaves what the next start goes on from.
    #[test]
    fn a_migration_that_was_killed_is_begun_again() {
        let rig = Rig::new();
        let beside = |name| rig.folder.path().join(name);
        // A part of a new one, with its log.
        drop(History::open_current(&beside("history.sqlite.new")).unwrap());
        fs::write(beside("history.sqlite.new-wal"), "a part").unwrap();
        // The second name was given, and the new one not.
        fs::hard_link(rig.path(), beside(OLD)).unwrap();
        History::open(&rig.path(), u64::MAX).unwrap().close().unwrap();
        rig.check();
        assert!(!beside("history.sqlite.new-wal").try_exists().unwrap());
        // The new one is in its place, and the old one not yet forgotten.
        History::open(&rig.path(), u64::MAX).unwrap().close().unwrap();
        rig.check();
    }

    /// Takes from a history of today what the second format does not have.
    const TO_SECOND: &str = "
        DROP TABLE trials;
        DROP TABLE champions;
        DELETE FROM names WHERE code = 4;
        PRAGMA user_version = 2;";

    fn trial() -> TrialRow {
        TrialRow {
            key: "k".into(),
            arch_id: "m5-0".into(),
            arm: Arm::Injected,
            cycle: 0,
            step: 9,
            seed: 0,
            epochs: 15,
            loss: None,
            correct: 1,
            items: 2,
            nll: None,
            shared_reward: None,
            params: 3,
            multiply_adds: 4,
            cause: Cause::Request,
            at_unix_ms: 5,
        }
    }

    #[test]
    fn a_history_of_the_second_format_gets_what_it_lacks_and_keeps_the_rest() {
        let rig = Rig::new();
        History::open(&rig.path(), u64::MAX).unwrap().close().unwrap();
        Connection::open(rig.path()).unwrap().execute_batch(TO_SECOND).unwrap();
        let err = HistoryReader::look(&rig.path()).unwrap_err();
        assert!(matches!(err, StoreError::OlderFormat { found: 2, expected: 4, .. }), "{err}");
        // Killed in the middle of it, with the log that this leaves.
        let killed = rig.folder.path().join("killed");
        {
            let db = Connection::open(rig.path()).unwrap();
            db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
            db.execute_batch("BEGIN IMMEDIATE; CREATE TABLE trials (key TEXT);").unwrap();
            fs::create_dir(&killed).unwrap();
            for ending in ["", "-wal"] {
                let name = format!("history.sqlite{ending}");
                fs::copy(rig.folder.path().join(&name), killed.join(&name)).unwrap();
            }
        }
        for path in [rig.path(), killed.join("history.sqlite")] {
            let mut history = History::open(&path, u64::MAX).unwrap();
            history.record_trials(&[trial()]).unwrap();
            rig.check();
            let reader = HistoryReader::open(&path).unwrap();
            assert_eq!(reader.trials(None, 9).unwrap(), [trial()]);
            let name = "SELECT name FROM names WHERE code = 4";
            let db = Connection::open(&path).unwrap();
            let name: String = db.query_row(name, [], |row| row.get(0)).unwrap();
            assert_eq!(name, Arm::Injected.name());
        }
    }

    /// A flipped bit makes of the format of today an older one.
    #[test]
    fn a_history_of_today_is_not_taken_apart_as_an_older_one() {
        let rig = Rig::new();
        let mut history = History::open(&rig.path(), u64::MAX).unwrap();
        history.record_trials(&[trial()]).unwrap();
        history.close().unwrap();
        let flip = |format| {
            let db = Connection::open(rig.path()).unwrap();
            db.pragma_update(None, "user_version", format).unwrap();
        };
        flip(1);
        let err = History::open(&rig.path(), u64::MAX).unwrap_err();
        assert!(err.is_history_damage() && err.to_string().contains("in its header"), "{err}");
        for older in [2, 3] {
            flip(older);
            History::open(&rig.path(), u64::MAX).unwrap().close().unwrap();
            rig.check();
        }
        let reader = HistoryReader::open(&rig.path()).unwrap();
        assert_eq!(reader.trials(None, 9).unwrap(), [trial()]);
    }
}
