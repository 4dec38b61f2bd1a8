//! Writing steps to the history, and folding those that are too old by then.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::Connection;

use crate::store::error::is_database_damage;
use crate::store::history_archs::{self, Sketch};
use crate::store::history_fold::{Clock, Folded, fold, remove};
use crate::store::history_marks::Marks;
use crate::store::history_stored::{DrawRow, StepEntry};
use crate::store::{HistoryPhase, HistoryRow, StepRow};

/// How much of the history is kept, and when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Bytes that single rows may take; older ones are folded.
    pub bytes: u64,
    /// Milliseconds since 1970.
    pub at_unix_ms: i64,
}

/// Steps whose unscored rows, those that ω was trained on, are single: at 20 steps a second
/// there are two million a day.
pub(super) const SHARED_STEPS: u64 = 500_000;

/// Steps that are folded together: some seconds of a search, so that it is seldom done.
pub(super) const CHUNK_STEPS: u64 = 1024;

/// Chunks that are folded before one step is written: what is to be kept may have become less,
/// and one transaction does not fold all of that.
pub(super) const CHUNKS_A_STEP: usize = 4;

/// What a row takes on disk, its share of everything beside it included.
const ROW_BYTES: u64 = 64;

/// What is written within one transaction.
pub(super) struct Writer<'a> {
    pub(super) db: &'a Connection,
    pub(super) marks: &'a mut Marks,
    pub(super) clock: &'a mut Clock,
    pub(super) sketch: &'a mut Sketch,
}

impl Writer<'_> {
    /// Writes a step, unless it was folded already: then it is a replay of what is counted.
    pub(super) fn step(
        &mut self,
        step: u64,
        rows: &[&HistoryRow],
        update: Option<&StepRow>,
        keeping: Keeping,
    ) -> rusqlite::Result<()> {
        let entry = StepEntry::new(step, rows, update);
        let is_shared = entry.phase == HistoryPhase::Shared;
        let kept_from = if is_shared { self.marks.shared_from } else { self.marks.scored_from };
        let is_replay = step < self.marks.next;
        if step < kept_from {
            return Ok(());
        }
        if is_replay {
            self.marks.rows = self.marks.rows.saturating_sub(remove(self.db, step, step + 1)?);
        } else {
            self.fold(step, keeping.bytes)?;
        }
        self.clock.tick(self.db, keeping.at_unix_ms, step)?;
        entry.insert(self.db)?;
        for row in rows {
            DrawRow::insert(self.db, row)?;
            if !is_replay {
                history_archs::add(self.db, row)?;
                self.sketch.add(self.db, &row.arch_id)?;
            }
        }
        self.marks.rows += 1 + rows.len() as u64;
        self.marks.next = self.marks.next.max(step + 1);
        self.marks.until = self.marks.until.max(step + 1);
        Ok(())
    }

    /// Before a step that was never written: folds what is too old by then.
    fn fold(&mut self, step: u64, bytes: u64) -> rusqlite::Result<()> {
        let mut left = CHUNKS_A_STEP;
        while 0 < left && !fits(self.marks, bytes) && fold_chunk(self.db, self.marks, self.clock)? {
            left -= 1;
        }
        let chunk = |step: u64| step / CHUNK_STEPS;
        if self.marks.next == 0 || chunk(step) == chunk(self.marks.next - 1) {
            return Ok(());
        }
        history_archs::drop_others(self.db)?;
        let until = chunk(step.saturating_sub(SHARED_STEPS)) * CHUNK_STEPS;
        if self.marks.shared_from < until {
            fold_range(
                self.db,
                self.marks,
                self.marks.shared_from..until,
                Folded::Shared,
                self.clock,
            )?;
        }
        Ok(())
    }
}

/// Whether single rows take at most so many bytes.
pub(super) fn fits(marks: &Marks, bytes: u64) -> bool {
    marks.rows <= bytes / ROW_BYTES
}

/// Folds the oldest chunk, but for the one that is being written. False where there is none.
pub(super) fn fold_chunk(
    db: &Connection,
    marks: &mut Marks,
    clock: &Clock,
) -> rusqlite::Result<bool> {
    let until = (marks.scored_from / CHUNK_STEPS + 1) * CHUNK_STEPS;
    if marks.next < until {
        return Ok(false);
    }
    fold_range(db, marks, marks.scored_from..until, Folded::All, clock)?;
    Ok(true)
}

/// Folds a range. One that cannot be read any more is given up: the history goes on.
fn fold_range(
    db: &Connection,
    marks: &mut Marks,
    range: Range<u64>,
    which: Folded,
    clock: &Clock,
) -> rusqlite::Result<()> {
    db.execute_batch("SAVEPOINT fold")?;
    let folded = fold(db, range.start, range.end, which, clock);
    let removed = match folded {
        Ok(removed) => removed,
        Err(error) if is_database_damage(&error) => {
            db.execute_batch("ROLLBACK TO fold")?;
            tracing::warn!(
                from = range.start,
                until = range.end,
                "old rows of the history are damaged and were left out of its hours: {error}"
            );
            0
        }
        Err(error) => return Err(error),
    };
    db.execute_batch("RELEASE fold")?;
    marks.rows = marks.rows.saturating_sub(removed);
    marks.shared_from = marks.shared_from.max(range.end);
    if which == Folded::All {
        marks.scored_from = range.end;
    }
    Ok(())
}

/// Rows and updates by the step to which they belong.
pub(super) type Steps<'a> = BTreeMap<u64, (Vec<&'a HistoryRow>, Option<&'a StepRow>)>;

pub(super) fn by_step<'a>(rollouts: &'a [HistoryRow], updates: &'a [StepRow]) -> Steps<'a> {
    let mut steps = Steps::new();
    for row in rollouts {
        steps.entry(row.step).or_default().0.push(row);
    }
    for update in updates {
        steps.entry(update.step).or_default().1 = Some(update);
    }
    steps
}
