//! Pages of the history: rows by step, forwards from a step or backwards from the last.

use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Transaction};

use crate::search::Arm;
use crate::store::error::is_database_damage;
use crate::store::history_fold::runs;
use crate::store::history_marks::{Marks, int};
use crate::store::history_row::first_place;
use crate::store::history_scan::{Scan, scan};
use crate::store::history_stored::{DRAW_COLUMNS, DrawRow, STEP_COLUMNS, StepEntry};
use crate::store::{HistoryPhase, HistoryRow, StepRow};

/// Steps that are read together.
const STEPS_A_READ: Range<u64> = 128..4096;

/// The most steps that one page looks through for rows that are asked for: under a second.
const MAX_STEPS: u64 = 1 << 18;

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Those of one arm.
    pub arm: Option<Arm>,
    /// Those of one phase.
    pub phase: Option<HistoryPhase>,
    /// Those with a reward.
    pub scored: bool,
}

impl HistoryFilter {
    fn takes_step(self, step: &StepEntry) -> bool {
        let scored = !self.scored || step.phase != HistoryPhase::Shared;
        self.phase.is_none_or(|phase| phase == step.phase) && scored
    }

    fn takes(self, row: &HistoryRow) -> bool {
        self.arm.is_none_or(|arm| arm == row.arm) && (!self.scored || row.reward.is_some())
    }
}

/// A part of the history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// What was drawn, in the order in which the search went.
    pub rows: Vec<HistoryRow>,
    /// What the updates of ω in these steps measured.
    pub updates: Vec<StepRow>,
    /// The step with which the next page begins.
    pub next_since: u64,
    /// Rows that are missing here: what is on disk is not what was written.
    pub damaged: u64,
}

/// Reads pages.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    /// One state of the history for the whole page.
    db: Transaction<'a>,
    /// From this step to before that one, each has its rows.
    whole_from: u64,
    whole_until: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(db: &'a Connection) -> rusqlite::Result<Self> {
        let db = db.unchecked_transaction()?;
        let marks = match Marks::read(&db) {
            Err(error) if is_database_damage(&error) => None,
            marks => marks?,
        };
        let (from, until) = marks.map_or((u64::MAX, 0), |marks| (marks.shared_from, marks.until));
        Ok(Self { db, whole_from: from, whole_until: until })
    }

    /// About `limit` rows from the step `since` on; the last step is whole.
    pub(super) fn forwards(
        &self,
        since: u64,
        limit: usize,
        filter: HistoryFilter,
    ) -> rusqlite::Result<Page> {
        let mut page = Page { next_since: since, ..Page::default() };
        let stop = since.saturating_add(MAX_STEPS);
        while page.rows.len() < limit && page.next_since < stop {
            let expected = page.next_since.max(self.whole_from);
            let first = match self.nearest(">=", page.next_since)? {
                Some(first) => first,
                None if expected < self.whole_until => expected,
                None => break,
            };
            let from = first.min(expected);
            let until = from.saturating_add(steps_for(limit - page.rows.len()));
            let until = if first < until { until } else { first + 1 };
            self.read(from..until, filter, &mut page, Some(limit))?;
        }
        Ok(page)
    }

    /// The last `limit` rows.
    pub(super) fn backwards(&self, limit: usize, filter: HistoryFilter) -> rusqlite::Result<Page> {
        let last = self.nearest("<=", u64::MAX)?.map_or(0, |last| last + 1);
        let end = last.max(self.whole_until);
        let mut page = Page { next_since: end, ..Page::default() };
        let (mut until, stop) = (end, end.saturating_sub(MAX_STEPS));
        while page.rows.len() < limit && stop < until {
            let from = until.saturating_sub(steps_for(limit - page.rows.len()));
            let mut earlier = Page::default();
            self.read(from..until, filter, &mut earlier, None)?;
            earlier.rows.append(&mut page.rows);
            earlier.updates.append(&mut page.updates);
            page = Page { damaged: page.damaged + earlier.damaged, next_since: end, ..earlier };
            match self.nearest("<=", from.saturating_sub(1))? {
                Some(before) if 0 < from => until = before + 1,
                _ => break,
            }
        }
        page.rows.drain(..page.rows.len().saturating_sub(limit));
        let first = page.rows.first().map_or(page.next_since, |row| row.step);
        page.updates.retain(|update| first <= update.step);
        Ok(page)
    }

    /// Adds the rows of a range of steps to a page; with a limit, steps until it has so many.
    fn read(
        &self,
        range: Range<u64>,
        filter: HistoryFilter,
        page: &mut Page,
        limit: Option<usize>,
    ) -> rusqlite::Result<()> {
        let scanned = Scan { table: "steps", columns: STEP_COLUMNS, key: "step", jump: 1 };
        let mut steps: BTreeMap<u64, StepEntry> = BTreeMap::new();
        let keys = int(range.start)..int(range.end);
        let broken = scan(&self.db, &scanned, keys, StepEntry::read, |step| {
            steps.insert(step.step, step);
            true
        })?;
        let mut draws = self.draws(steps.values().filter(|step| filter.takes_step(step)))?;
        let last = steps.last_key_value().map_or(range.start, |(&last, _)| last);
        // Where even the steps cannot be read, the next page begins behind them.
        let behind = if broken == 0 { last + 1 } else { range.end };
        let whole_until = range.end.min(self.whole_until);
        page.next_since = behind.max(whole_until);
        let mut next = range.start.max(self.whole_from);
        for (number, step) in &steps {
            page.damaged += number.saturating_sub(next);
            next = next.max(number + 1);
            if !filter.takes_step(step) {
                continue;
            }
            let rows = draws.remove(number).unwrap_or_default();
            let drawn = rows.iter().filter(|row| row.arm != Arm::Injected).count() as u64;
            page.damaged += step.draws.saturating_sub(drawn);
            let before = page.rows.len();
            page.rows.extend(
                rows.into_iter()
                    .filter_map(|row| row.of_step(step))
                    .filter(|row| filter.takes(row)),
            );
            if before < page.rows.len() {
                page.updates.extend(step.update());
            }
            if limit.is_some_and(|limit| limit <= page.rows.len()) {
                page.next_since = number + 1;
                return Ok(());
            }
        }
        page.damaged += if range.start < self.whole_from { broken } else { 0 };
        page.damaged += whole_until.saturating_sub(next);
        Ok(())
    }

    /// The rows of these steps, by step.
    fn draws<'s>(
        &self,
        steps: impl Iterator<Item = &'s StepEntry>,
    ) -> rusqlite::Result<BTreeMap<u64, Vec<DrawRow>>> {
        let place = |step| first_place(step).unwrap_or(i64::MAX);
        let scanned = Scan { table: "draws", columns: DRAW_COLUMNS, key: "place", jump: place(1) };
        let mut draws: BTreeMap<u64, Vec<DrawRow>> = BTreeMap::new();
        for (from, until) in runs(steps.map(|step| step.step)) {
            scan(&self.db, &scanned, place(from)..place(until), DrawRow::read, |draw| {
                draws.entry(draw.step).or_default().push(draw);
                true
            })?;
        }
        Ok(draws)
    }

    /// The nearest step that has a row, where the tree can be read; else the step itself.
    fn nearest(&self, order: &'static str, step: u64) -> rusqlite::Result<Option<u64>> {
        let way = if order == "<=" { "DESC" } else { "ASC" };
        let sql =
            format!("SELECT step FROM steps WHERE step {order} ?1 ORDER BY step {way} LIMIT 1");
        let found = self
            .db
            .prepare_cached(&sql)?
            .query_row([int(step)], |row| row.get::<_, i64>(0))
            .optional();
        match found.map(|found| found.and_then(|step| u64::try_from(step).ok())) {
            Err(error) if is_database_damage(&error) => {
                // Only the last step stands for all: there is nothing to begin with.
                Ok((step != u64::MAX).then_some(step))
            }
            found => found,
        }
    }
}

fn steps_for(rows: usize) -> u64 {
    (rows as u64).clamp(STEPS_A_READ.start, STEPS_A_READ.end)
}
