//! The history: what the search drew and what came of it, in `history.sqlite`.
//!
//! It is for people, plots and the API; no search reads it. So a damaged one costs memories and
//! no progress.
//!
//! ```text
//! record ─► steps, draws ─ the last half million steps, and scored rows as many as may ─┐
//!              └─► archs, seen                                                     fold ▼
//!                                                             hours: for good ◄─────────┘
//! ```
//!
//! The history follows the checkpoint: rows are named by step, so a replay after a resume writes
//! the same rows again, and [`History::rewind`] first takes away those that are ahead of it. What
//! was folded or summed up by then is not counted twice: a replay gives what was there. What somebody
//! had scored beside the search ([`History::inject`]) stands among its rows and stays.

use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params_from_iter};

use crate::search::Applied;
use crate::store::history_archs::Sketch;
use crate::store::history_check::{Health, check};
use crate::store::history_children;
use crate::store::history_fold::{Clock, remove};
use crate::store::history_injected::inject;
use crate::store::history_marks::{Marks, int};
use crate::store::history_schema::{database_error, identity, open_to_write};
use crate::store::history_trials::{insert_champion, insert_trial};
use crate::store::history_writer::{Keeping, Writer, by_step, fits, fold_chunk};
use crate::store::seal::sealed;
use crate::store::{ChampionRow, EventRow, HistoryRow, StepRow, StoreError, TrialRow};

/// The table of the events.
pub(super) const EVENTS: &str = "events";

/// Events that are kept of each kind, so that none crowds out another: of a kind that comes once a
/// minute, those of a week.
const MAX_EVENTS: i64 = 10_000;

/// After so many events those that are too many are forgotten: it takes a look at all of them.
const EVENTS_A_LOOK: i64 = 256;

/// Chunks that one call of [`History::prune`] folds: some tenths of a second.
const CHUNKS_A_PRUNE: usize = 64;

/// Pages that are given back to the disk at a time.
const PAGES_A_PRUNE: i64 = 4096;

/// What came of one call of [`History::prune`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Rows that were folded.
    pub rows: u64,
    /// Whether there is nothing more to be done.
    pub is_done: bool,
    /// The size of the database.
    pub bytes: u64,
}

/// The one connection that writes the history.
#[derive(Debug)]
pub struct History {
    db: Connection,
    pub(super) path: PathBuf,
    /// Which file it is.
    identity: Option<(u64, u64)>,
    marks: Marks,
    clock: Clock,
    sketch: Sketch,
}

impl History {
    /// Opens a database of today's format at `path`, and makes it where it is missing.
    pub(super) fn open_current(path: &Path) -> Result<Self, StoreError> {
        let db = open_to_write(path)?;
        let load = |db: &Connection| Ok((Marks::load(db)?, Clock::load(db)?, Sketch::load(db)?));
        let (marks, clock, sketch) = load(&db).map_err(database_error("read", path))?;
        marks.save(&db).map_err(database_error("write to", path))?;
        Ok(Self { db, path: path.to_owned(), identity: identity(path)?, marks, clock, sketch })
    }

    /// Whether the file that is written has its name still.
    pub fn is_named(&self) -> Result<bool, StoreError> {
        Ok(self.identity.is_some() && identity(&self.path)? == self.identity)
    }

    /// Writes all of these rows or none; when this returns, they survive a power cut. Rows of
    /// the same name are replaced. Rows that are too old by then are folded.
    pub fn record(
        &mut self,
        rollouts: &[HistoryRow],
        updates: &[StepRow],
        keeping: Keeping,
    ) -> Result<(), StoreError> {
        let (mut marks, mut clock, mut sketch) =
            (self.marks.clone(), self.clock.clone(), self.sketch.clone());
        let mut write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let mut writer = Writer {
                db: &transaction,
                marks: &mut marks,
                clock: &mut clock,
                sketch: &mut sketch,
            };
            for (step, (rows, update)) in by_step(rollouts, updates) {
                writer.step(step, &rows, update, keeping)?;
            }
            marks.save(&transaction)?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write rows to", &self.path))?;
        (self.marks, self.clock, self.sketch) = (marks, clock, sketch);
        Ok(())
    }

    /// Writes from whose children θ learnt in these steps; when this returns, that survives a power
    /// cut.
    pub fn record_applied<'a>(
        &mut self,
        applied: impl Iterator<Item = &'a Applied>,
    ) -> Result<(), StoreError> {
        let mut applied = applied.peekable();
        if applied.peek().is_none() {
            return Ok(());
        }
        let mut write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            applied.try_for_each(|one| history_children::insert(&transaction, one))?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write children to", &self.path))
    }

    /// From whose children θ learnt in `step` and later, as far as that is known.
    pub fn applied(&self, step: u64) -> Result<Vec<Applied>, StoreError> {
        history_children::from(&self.db, step, None).map_err(database_error("read", &self.path))
    }

    /// Writes what somebody had scored before step `step`. It is named by the step that it came
    /// before and is none of what that did: neither a rewind nor a replay takes it away, for it did
    /// happen, and would not happen again.
    pub fn inject(&mut self, step: u64, arch_id: &str, reward: f64) -> Result<(), StoreError> {
        let mut marks = self.marks.clone();
        let mut write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            inject(&transaction, step, arch_id, reward)?;
            marks.rows += 1;
            marks.save(&transaction)?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write a score to", &self.path))?;
        self.marks = marks;
        Ok(())
    }

    /// Writes all of these trials or none; when this returns, they survive a power cut. Those of
    /// the same key are replaced.
    pub fn record_trials(&mut self, trials: &[TrialRow]) -> Result<(), StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            trials.iter().try_for_each(|row| insert_trial(&transaction, row))?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write trials to", &self.path))
    }

    /// Writes what the best of a promotion came to; when this returns, it survives a power cut.
    /// The same architecture of the same cycle is replaced.
    pub fn record_champion(&mut self, champion: &ChampionRow) -> Result<(), StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            insert_champion(&transaction, champion)?;
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write a champion to", &self.path))
    }

    /// About how many different architectures were ever drawn.
    pub fn unique_archs(&self) -> u64 {
        self.sketch.count()
    }

    /// Whose history it is: the name that it got when it was made.
    pub fn run(&self) -> &str {
        &self.marks.run
    }

    /// Whether no step was ever written.
    pub(super) fn is_empty(&self) -> bool {
        self.marks.next == 0
    }

    /// Gives the history a name.
    pub(super) fn belong_to(&mut self, run: &str) -> Result<(), StoreError> {
        run.clone_into(&mut self.marks.run);
        self.marks.save(&self.db).map_err(database_error("write to", &self.path))
    }

    /// The size of the database in bytes.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        bytes(&self.db).map_err(database_error("measure", &self.path))
    }

    /// Takes away all that the search did in `step` and in later steps, and says how many rows those
    /// were. Called with the step at which a checkpoint resumes, it keeps the history from showing
    /// what the search has yet to do. What somebody had scored stays, and so do events, trials and
    /// champions: they did happen; and so does from whose children θ learnt, which it goes by.
    pub fn rewind(&mut self, step: u64) -> Result<u64, StoreError> {
        let (mut marks, mut clock) = (self.marks.clone(), self.clock.clone());
        let mut delete = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let removed = remove(&transaction, step, u64::MAX)?;
            clock.rewind(&transaction, step)?;
            marks.rows = marks.rows.saturating_sub(removed);
            marks.until = marks.until.min(step);
            marks.save(&transaction)?;
            transaction.commit()?;
            Ok(removed)
        };
        let removed = delete(&mut self.db).map_err(database_error("rewind", &self.path))?;
        (self.marks, self.clock) = (marks, clock);
        Ok(removed)
    }

    /// The number after that of the last step with a row.
    pub fn end(&self) -> u64 {
        self.marks.until
    }

    /// The kind and the message of the last event of one of these `kinds`.
    pub fn last_event(&self, kinds: [&str; 2]) -> Result<Option<(String, String)>, StoreError> {
        let select = "SELECT kind, message FROM events WHERE kind IN (?1, ?2)
                      ORDER BY seq DESC LIMIT 1";
        let found = self.db.query_row(select, kinds, |row| Ok((row.get(0)?, row.get(1)?)));
        found.optional().map_err(database_error("read", &self.path))
    }

    /// Folds rows until single ones take at most `bytes`, and gives what they took back to the
    /// disk. Does a part at a time: call it until it is done.
    pub fn prune(&mut self, bytes: u64) -> Result<Pruned, StoreError> {
        let (mut marks, before) = (self.marks.clone(), self.marks.rows);
        let (clock, mut left) = (&self.clock, CHUNKS_A_PRUNE);
        let mut work = |db: &mut Connection| {
            let transaction = db.transaction()?;
            while 0 < left && !fits(&marks, bytes) && fold_chunk(&transaction, &mut marks, clock)? {
                left -= 1;
            }
            marks.save(&transaction)?;
            transaction.commit()?;
            // A statement that is stepped through frees as many pages as it is asked for.
            let mut vacuum = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES_A_PRUNE})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
            db.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0))
        };
        let free = work(&mut self.db).map_err(database_error("prune", &self.path))?;
        self.marks = marks;
        let is_done = 0 < left && free == 0;
        if is_done {
            truncate_log(&self.db).map_err(database_error("prune", &self.path))?;
        }
        Ok(Pruned { rows: before - self.marks.rows, is_done, bytes: self.bytes()? })
    }

    /// Holds the single rows against a search that stands at `step`: are those of every step
    /// before it there, and are they what was written?
    pub fn check(&self, step: u64) -> Result<Health, StoreError> {
        check(&self.db, self.marks.shared_from, step).map_err(database_error("check", &self.path))
    }

    /// Writes events with the numbers that they have.
    pub(super) fn restore_events(&mut self, events: &[EventRow]) -> Result<(), StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            for EventRow { seq, at_unix_ms, kind, message } in events {
                insert_event(&transaction, int(*seq), *at_unix_ms, kind, message)?;
            }
            transaction.commit()
        };
        write(&mut self.db).map_err(database_error("write events to", &self.path))
    }

    /// Writes an event, and returns its number. Now and then, those are forgotten that ten thousand
    /// of their kind came after.
    pub fn event(&mut self, at_unix_ms: i64, kind: &str, message: &str) -> Result<u64, StoreError> {
        let write = |db: &mut Connection| {
            let transaction = db.transaction()?;
            let last = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'";
            let seq = 1 + transaction.query_row(last, [], |row| row.get::<_, i64>(0))?;
            insert_event(&transaction, seq, at_unix_ms, kind, message)?;
            if seq % EVENTS_A_LOOK == 0 {
                forget_events(&transaction, MAX_EVENTS)?;
            }
            transaction.commit()?;
            Ok(seq.cast_unsigned())
        };
        write(&mut self.db).map_err(database_error("write an event to", &self.path))
    }

    /// Leaves one file, without a log beside it, until the next row is written.
    pub fn rest(&self) -> Result<(), StoreError> {
        truncate_log(&self.db).map_err(database_error("close", &self.path))?;
        // The way back to the older journal removes the log, which is empty where somebody who
        // still reads keeps it.
        let _ = self.db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()));
        Ok(())
    }

    /// Ends the use of the database, and leaves one file.
    pub fn close(self) -> Result<(), StoreError> {
        self.rest()?;
        self.db.close().map_err(|(_, source)| database_error("close", &self.path)(source))
    }
}

fn insert_event(
    db: &Connection,
    seq: i64,
    at_unix_ms: i64,
    kind: &str,
    message: &str,
) -> rusqlite::Result<()> {
    let texts = [kind, message].map(|text| Value::Text(text.to_owned()));
    let values = [vec![seq.into(), at_unix_ms.into()], texts.to_vec()].concat();
    let sql = "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5)";
    db.prepare_cached(sql)?.execute(params_from_iter(sealed(EVENTS, values))).map(drop)
}

/// Keeps the last `most` events of each kind.
fn forget_events(db: &Connection, most: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM events WHERE seq IN (SELECT seq FROM
                   (SELECT seq, row_number() OVER (PARTITION BY kind ORDER BY seq DESC) AS nth
                    FROM events) WHERE ?1 < nth)";
    db.execute(sql, [most]).map(drop)
}

pub(super) fn bytes(db: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, u32>(0));
    Ok(u64::from(number("page_count")?) * u64::from(number("page_size")?))
}

/// Moves what the log has into the database, and empties the log.
pub(super) fn truncate_log(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

#[cfg(test)]
mod tests;
