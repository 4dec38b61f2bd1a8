//! The history: what the search drew and what came of it, in `history.sqlite`.
//!
//! It is for people, plots and the API; no search reads it. So a damaged one costs memories and
//! no progress.
//!
//! The history follows the checkpoint: rows are named by step, so a replay after a resume writes
//! the same rows again, and [`History::rewind`] first takes away those that are ahead of it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::store::history_row::to_sql_int;
use crate::store::history_schema::{database_error, open_to_write};
use crate::store::{HistoryRow, StepRow, StoreError};

/// Events that are kept: at one a minute, two months.
const MAX_EVENTS: i64 = 100_000;

/// The one connection that writes the history.
#[derive(Debug)]
pub struct History {
    db: Connection,
    path: PathBuf,
    /// The architectures in the rows, each as eight bytes of the hash of its id: counting them
    /// in the database would take ever longer.
    archs: HashSet<[u8; 8]>,
}

/// Steps whose unscored rows, those that ω was trained on, are kept: at 20 steps a second there
/// are two million a day, of some 400 bytes each. Scored rows are kept for good.
const KEPT_UNSCORED_STEPS: u64 = 500_000;

/// Takes away the unscored rows of as many old steps as there are new ones. By number and not by
/// age, so that a history that was resumed equals one that was not.
fn forget_unscored(transaction: &Transaction<'_>, rows: &[HistoryRow]) -> rusqlite::Result<()> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
    let Some(until) = last.step.checked_sub(KEPT_UNSCORED_STEPS) else { return Ok(()) };
    let from = first.step.saturating_sub(KEPT_UNSCORED_STEPS);
    transaction.execute(
        "DELETE FROM rollouts WHERE step BETWEEN ?1 AND ?2 AND phase = 'shared'",
        [to_sql_int(from)?, to_sql_int(until)?],
    )?;
    Ok(())
}

fn short_hash(id: &str) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..8]);
    short
}

impl History {
    /// Opens the database at `path`, and makes it where it is missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut history =
            Self { db: open_to_write(path)?, path: path.to_owned(), archs: HashSet::new() };
        history.count_archs()?;
        Ok(history)
    }

    /// Writes all of these rows or none; when this returns, they survive a power cut. Rows of
    /// the same name are replaced. Unscored rows of half a million steps
    /// before are forgotten.
    pub fn record(&mut self, rollouts: &[HistoryRow], steps: &[StepRow]) -> Result<(), StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            insert_rollouts(&transaction, rollouts)?;
            insert_steps(&transaction, steps)?;
            forget_unscored(&transaction, rollouts)?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write rows to", &self.path))?;
        self.archs.extend(rollouts.iter().map(|row| short_hash(&row.arch_id)));
        Ok(())
    }

    /// How many different architectures were drawn, less those forgotten before the start.
    pub fn unique_archs(&self) -> u64 {
        self.archs.len() as u64
    }

    /// Takes away all rows of `step` and of later steps, and says how many those were. Called with
    /// the step at which a checkpoint resumes, it keeps the history from showing what the search
    /// has yet to do. Events stay: they did happen.
    pub fn rewind(&mut self, step: u64) -> Result<usize, StoreError> {
        let delete = |db: &mut Connection| {
            let step = to_sql_int(step)?;
            let transaction = db.transaction()?;
            let rollouts = transaction.execute("DELETE FROM rollouts WHERE ?1 <= step", [step])?;
            let steps = transaction.execute("DELETE FROM steps WHERE ?1 <= step", [step])?;
            transaction.commit()?;
            Ok(rollouts + steps)
        };
        let deleted = delete(&mut self.db).map_err(database_error("rewind", &self.path))?;
        self.count_archs()?;
        Ok(deleted)
    }

    /// The number after that of the last step with a row.
    pub fn end(&self) -> Result<u64, StoreError> {
        let last = "SELECT max(step) FROM (SELECT max(step) AS step FROM rollouts
                    UNION ALL SELECT max(step) FROM steps)";
        let last = self.db.query_row(last, [], |row| row.get::<_, Option<i64>>(0));
        let last = last.map_err(database_error("read", &self.path))?;
        Ok(last.map_or(0, |step| step.cast_unsigned() + 1))
    }

    /// The kind and the message of the last event of one of these `kinds`.
    pub fn last_event(&self, kinds: [&str; 2]) -> Result<Option<(String, String)>, StoreError> {
        let select = "SELECT kind, message FROM events WHERE kind IN (?1, ?2)
                      ORDER BY seq DESC LIMIT 1";
        let found = self.db.query_row(select, kinds, |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional().map_err(database_error("read", &self.path))
    }

    fn count_archs(&mut self) -> Result<(), StoreError> {
        let select = |db: &Connection| {
            let mut statement = db.prepare("SELECT DISTINCT arch_id FROM rollouts")?;
            let ids = statement.query_map([], |row| row.get::<_, String>(0))?;
            ids.map(|id| Ok(short_hash(&id?))).collect::<rusqlite::Result<HashSet<_>>>()
        };
        self.archs = select(&self.db).map_err(database_error("read", &self.path))?;
        Ok(())
    }

    /// Writes an event, forgets those that are more than a hundred thousand ago, and returns its
    /// number.
    pub fn event(&mut self, at_unix_ms: i64, kind: &str, message: &str) -> Result<u64, StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            transaction.execute(
                "INSERT INTO events (at_unix_ms, kind, message) VALUES (?1, ?2, ?3)",
                params![at_unix_ms, kind, message],
            )?;
            let seq = transaction.last_insert_rowid();
            transaction.execute("DELETE FROM events WHERE seq <= ?1", [seq - MAX_EVENTS])?;
            transaction.commit()?;
            Ok(seq.cast_unsigned())
        };
        write(&mut self.db).map_err(database_error("write an event to", &self.path))
    }
}

fn insert_rollouts(db: &Connection, rows: &[HistoryRow]) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO rollouts
         (step, arm, idx, phase, cycle, epoch, arch, arch_id, reward, log_prob, entropy)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for row in rows {
        insert.execute(params![
            to_sql_int(row.step)?,
            row.arm,
            row.idx,
            row.phase,
            row.cycle,
            row.epoch,
            row.arch,
            row.arch_id,
            row.reward,
            row.log_prob,
            row.entropy,
        ])?;
    }
    Ok(())
}

fn insert_steps(db: &Connection, rows: &[StepRow]) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached(
        "INSERT OR REPLACE INTO steps (step, loss, accuracy, lr, grad_norm)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for row in rows {
        let step = to_sql_int(row.step)?;
        insert.execute(params![step, row.loss, row.accuracy, row.lr, row.grad_norm])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Defect, HistoryArm, HistoryPhase};
    use std::fs;

    fn row(step: u64, idx: u32, reward: Option<f64>) -> HistoryRow {
        HistoryRow {
            step,
            arm: HistoryArm::Controller,
            idx,
            phase: if reward.is_some() { HistoryPhase::Controller } else { HistoryPhase::Shared },
            cycle: 0,
            epoch: 0,
            arch: format!("arch {idx}"),
            arch_id: format!("m5-{idx}"),
            reward,
            log_prob: Some(-1.5),
            entropy: None,
        }
    }

    fn step_row(step: u64) -> StepRow {
        StepRow { step, loss: Some(f64::NAN), accuracy: Some(0.5), lr: 0.05, grad_norm: None }
    }

    /// The view, a line a row.
    fn dump(history: &History) -> Vec<String> {
        let columns = "concat_ws(' ', cycle, epoch, phase, step, idx, arm, arch, arch_id,
                       ifnull(reward, 'none'))";
        let mut select = history.db.prepare(&format!("SELECT {columns} FROM history")).unwrap();
        let lines = select.query_map([], |row| row.get(0)).unwrap();
        lines.collect::<Result<_, _>>().unwrap()
    }

    fn count(history: &History, table: &str) -> i64 {
        let select = format!("SELECT count(*) FROM {table}");
        history.db.query_row(&select, [], |row| row.get(0)).unwrap()
    }

    struct Rig {
        folder: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("history.sqlite")
        }

        fn open(&self) -> Result<History, StoreError> {
            History::open(&self.path())
        }
    }

    #[test]
    fn a_replay_writes_the_same_rows() {
        let rig = Rig::new();
        let mut history = rig.open().unwrap();
        let rows = [row(2, 1, Some(0.25)), row(2, 0, Some(0.5)), row(1, 0, None)];
        history.record(&rows, &[step_row(1)]).unwrap();
        let first = dump(&history);
        let expected = [
            "0 0 shared 1 0 controller arch 0 m5-0 none",
            "0 0 controller 2 0 controller arch 0 m5-0 0.5",
            "0 0 controller 2 1 controller arch 1 m5-1 0.25",
        ];
        assert_eq!(first, expected);

        drop(history);
        let mut history = rig.open().unwrap();
        history.record(&rows, &[step_row(1)]).unwrap();
        assert_eq!(dump(&history), first);
        assert_eq!(count(&history, "steps"), 1);
    }

    #[test]
    fn rewinding_takes_away_what_is_ahead() {
        let rig = Rig::new();
        let mut history = rig.open().unwrap();
        let rows = [row(1, 0, None), row(2, 0, Some(0.5)), row(3, 0, Some(0.6))];
        history.record(&rows[..2], &[step_row(1)]).unwrap();
        let at_two = dump(&history);
        history.event(7, "started", "").unwrap();
        history.record(&rows[2..], &[step_row(3)]).unwrap();
        assert_eq!(history.end().unwrap(), 4);
        assert_eq!(history.rewind(3).unwrap(), 2);
        assert_eq!(history.end().unwrap(), 3);
        assert_eq!(dump(&history), at_two);
        assert_eq!((count(&history, "steps"), count(&history, "events")), (1, 1));
        assert_eq!(history.rewind(3).unwrap(), 0);
    }

    #[test]
    fn rows_are_written_all_or_none() {
        let rig = Rig::new();
        let mut history = rig.open().unwrap();
        // The shared phase scores nothing.
        let bad = HistoryRow { phase: HistoryPhase::Shared, ..row(2, 0, Some(0.5)) };
        assert!(history.record(&[row(1, 0, None), bad], &[step_row(1)]).is_err());
        assert!(history.record(&[row(1, 0, None)], &[step_row(u64::MAX)]).is_err());
        assert_eq!((count(&history, "rollouts"), count(&history, "steps")), (0, 0));
    }

    #[test]
    fn the_last_event_of_some_kinds_is_found() {
        let rig = Rig::new();
        let mut history = rig.open().unwrap();
        assert_eq!(
            (history.end().unwrap(), history.last_event(["start", "stop"]).unwrap()),
            (0, None)
        );
        for (kind, message) in [("start", "a"), ("stop", "b"), ("best", "c")] {
            history.event(7, kind, message).unwrap();
        }
        let last = history.last_event(["start", "stop"]).unwrap();
        assert_eq!(last, Some(("stop".to_owned(), "b".to_owned())));
    }

    #[test]
    fn commits_are_synced() {
        let rig = Rig::new();
        let history = rig.open().unwrap();
        let db = &history.db;
        let mode = db.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
        assert_eq!(mode.unwrap(), "wal");
        let full = db.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(full.unwrap(), 2);
    }

    #[test]
    fn a_later_schema_is_refused_and_left_as_it_is() {
        let rig = Rig::new();
        rig.open().unwrap().db.pragma_update(None, "user_version", 9).unwrap();
        let before = fs::read(rig.path()).unwrap();
        let err = rig.open().unwrap_err();
        assert!(matches!(err, StoreError::Format { found: 9, expected: 1, .. }), "{err}");
        assert_eq!(fs::read(rig.path()).unwrap(), before);
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let rig = Rig::new();
        Connection::open(rig.path()).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
        let err = rig.open().unwrap_err();
        let foreign = matches!(err, StoreError::Corrupt { why: Defect::ForeignDatabase, .. });
        assert!(foreign, "{err}");
    }

    #[test]
    fn old_rows_without_a_score_are_forgotten_and_scored_ones_are_not() {
        let rig = Rig::new();
        let mut history = rig.open().unwrap();
        let old = [row(0, 0, None), row(1, 0, Some(0.5)), row(2, 0, None), row(3, 0, None)];
        history.record(&old, &[]).unwrap();
        let at = |step: u64, reward| row(KEPT_UNSCORED_STEPS + step, 0, reward);
        history.record(&[at(0, None), at(1, None)], &[]).unwrap();
        history.record(&[at(2, Some(0.1))], &[]).unwrap();
        let left = history
            .db
            .prepare("SELECT step FROM rollouts ORDER BY step")
            .unwrap()
            .query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        let kept = KEPT_UNSCORED_STEPS;
        assert_eq!(left, [1, 3, kept, kept + 1, kept + 2]);
    }

    #[test]
    fn a_damaged_database_is_an_error_with_a_remedy() {
        let rig = Rig::new();
        rig.open().unwrap().record(&vec![row(1, 0, None); 1], &[step_row(1)]).unwrap();
        let whole = fs::read(rig.path()).unwrap();
        let remedy = |bytes: &[u8]| {
            fs::write(rig.path(), bytes).unwrap();
            rig.open().unwrap_err().to_string()
        };
        let text = remedy(b"this is no database, it only has its name");
        assert!(
            text.contains("history.sqlite: ") && text.contains("move it away together"),
            "{text}"
        );

        let mut zeroed = whole.clone();
        zeroed[4096..8192].fill(0);
        let text = remedy(&zeroed);
        assert!(text.contains("is damaged: SQLite's check finds"), "{text}");
        let text = remedy(&whole[..whole.len() - 4096]);
        assert!(text.contains("move it away"), "{text}");
    }
}
