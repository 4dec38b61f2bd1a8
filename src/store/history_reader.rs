//! Questions to the history, on connections of their own: an answer never waits for the search.
//! What is damaged is passed over and counted, never taken for what was written.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use crate::search::{Applied, Arm, Failure};
use crate::store::error::is_database_damage;
use crate::store::history::EVENTS;
use crate::store::history_archs::{ARCH_COLUMNS, ARCHS, ArchRow};
use crate::store::history_check::{Health, check, check_folded};
use crate::store::history_children;
use crate::store::history_draws::add_draws;
use crate::store::history_fold::{HOUR_COLUMNS, HOURS};
use crate::store::history_hours::hours;
use crate::store::history_marks::{Marks, int};
use crate::store::history_pages::{HistoryFilter, Page, Pages};
use crate::store::history_row::from_sql_int;
use crate::store::history_scan::{Scan, scan};
use crate::store::history_schema::{
    check_whole, database_error, identity, open_to_look, open_to_read,
};
use crate::store::history_stored::{STEP_COLUMNS, StepEntry};
use crate::store::history_trials::{
    CHAMPION_COLUMNS, CHAMPIONS, TRIAL_COLUMNS, TRIALS, last_champions, last_trials,
};
use crate::store::seal::is_whole;
use crate::store::{
    ArchDraws, ChampionRow, EventRow, HistoryRow, HourRow, StepRow, StoreError, TrialRow,
};

/// The most rows that one answer has, whatever is asked for.
const MAX_ROWS: u32 = 10_000;

/// Rewards among which a percentile is taken: the latest, since ω moves on.
const N_RECENT_REWARDS: u32 = 10_000;

/// Which architectures come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchOrder {
    /// Those with the highest reward.
    Best,
    /// Those scored last.
    Latest,
}

/// What the history knows of one architecture that was scored: one of the five thousand with the
/// best rewards, or of the last five thousand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchSummary {
    /// Its canonical id, which spells it.
    pub arch_id: String,
    /// How often it was scored since it came among them.
    pub times: u64,
    /// Its highest reward.
    pub best_reward: f64,
    /// The mean of its rewards.
    pub mean_reward: f64,
    /// The step of the last one.
    pub last_step: u64,
}

impl From<ArchRow> for ArchSummary {
    fn from(row: ArchRow) -> Self {
        Self {
            arch_id: row.arch_id,
            times: row.times,
            best_reward: row.best,
            mean_reward: row.total / row.times as f64,
            last_step: row.last_step,
        }
    }
}

/// A connection that reads the history and cannot write it.
#[derive(Debug)]
pub struct HistoryReader {
    db: Connection,
    path: PathBuf,
    /// Which file it is.
    identity: Option<(u64, u64)>,
}

impl HistoryReader {
    /// Opens the database at `path`, which a [`History`](crate::store::History) has made.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open_to_read(path)?, path: path.to_owned(), identity: identity(path)? })
    }

    /// Goes on with the history that has the name now, and says whether that is another.
    pub fn renew(&mut self) -> Result<bool, StoreError> {
        let named = identity(&self.path)?;
        let is_other = named.is_some() && named != self.identity;
        if is_other {
            *self = Self::open(&self.path)?;
        }
        Ok(is_other)
    }

    /// Opens the database at `path` without making a file, unless its last writer was killed.
    /// What a daemon that starts meanwhile writes may then be missed.
    pub fn look(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { db: open_to_look(path)?, path: path.to_owned(), identity: identity(path)? })
    }

    /// Looks at every page and at every row, and holds them against a search that stands at
    /// `step`. Takes half a minute for a gigabyte.
    pub fn check(&self, step: u64) -> Result<Health, StoreError> {
        check_whole(&self.db, &self.path, u64::MAX)?;
        let look = || -> rusqlite::Result<Health> {
            let marks = Marks::load(&self.db)?;
            let until = step.max(marks.next);
            // What is ahead of the checkpoint is written again.
            let mut health = check(&self.db, marks.shared_from, step)?;
            check_folded(&self.db, marks.scored_from, marks.shared_from, &mut health)?;
            check_folded(&self.db, step.max(marks.shared_from), until, &mut health)?;
            for (table, columns) in [
                (ARCHS, ARCH_COLUMNS),
                (HOURS, HOUR_COLUMNS),
                ("clock", "hour, step, sum"),
                (EVENTS, EVENT_COLUMNS),
                (TRIALS, TRIAL_COLUMNS),
                (CHAMPIONS, CHAMPION_COLUMNS),
            ] {
                health.damaged += self.damaged_rows(table, columns)?;
            }
            Ok(health)
        };
        look().map_err(database_error("check", &self.path))
    }

    fn damaged_rows(&self, table: &'static str, columns: &str) -> rusqlite::Result<u64> {
        let mut select = self.db.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let mut rows = select.query([])?;
        let mut damaged = 0;
        while let Some(row) = rows.next()? {
            damaged += u64::from(!is_whole(table, row)?);
        }
        Ok(damaged)
    }

    /// Architectures that were scored.
    pub fn archs(&self, order: ArchOrder, limit: u32) -> Result<Vec<ArchSummary>, StoreError> {
        let mut archs = Vec::new();
        let mut select = || -> rusqlite::Result<()> {
            let sql = format!("SELECT {ARCH_COLUMNS} FROM archs");
            let mut select = self.db.prepare_cached(&sql)?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                archs.extend(ArchRow::read(row).unwrap_or(None).map(ArchSummary::from));
            }
            Ok(())
        };
        undamaged(select()).map_err(database_error("read", &self.path))?;
        archs.sort_by(|a: &ArchSummary, b| {
            let by_reward = b.best_reward.total_cmp(&a.best_reward);
            let by_step = b.last_step.cmp(&a.last_step);
            let order = match order {
                ArchOrder::Best => by_reward.then(by_step),
                ArchOrder::Latest => by_step.then(by_reward),
            };
            order.then_with(|| a.arch_id.cmp(&b.arch_id))
        });
        archs.truncate(limit.min(MAX_ROWS) as usize);
        Ok(archs)
    }

    /// One architecture, if it is among those that are kept.
    pub fn arch(&self, arch_id: &str) -> Result<Option<ArchSummary>, StoreError> {
        let sql = format!("SELECT {ARCH_COLUMNS} FROM archs WHERE arch = ?1");
        let arch = crate::store::arch_code::pack(arch_id);
        let found = self.db.query_row(&sql, [arch], |row| Ok(ArchRow::read(row).unwrap_or(None)));
        let found = undamaged(found.optional()).map_err(database_error("read", &self.path))?;
        Ok(found.flatten().flatten().map(ArchSummary::from))
    }

    /// What was drawn from `since_step` on, in the order in which the search went: about `limit`
    /// rows, but the last step is given whole, so the next page goes on at the step after it.
    pub fn page(
        &self,
        since_step: u64,
        limit: u32,
        filter: HistoryFilter,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_ROWS) as usize;
        let page = Pages::new(&self.db).and_then(|pages| pages.forwards(since_step, limit, filter));
        page.map_err(database_error("read", &self.path))
    }

    /// The last `limit` rows, in the order in which the search went.
    pub fn tail(&self, limit: u32, filter: HistoryFilter) -> Result<Page, StoreError> {
        let limit = limit.min(MAX_ROWS) as usize;
        let page = Pages::new(&self.db).and_then(|pages| pages.backwards(limit, filter));
        page.map_err(database_error("read", &self.path))
    }

    /// The steps of ω from `since_step` on.
    pub fn steps(&self, since_step: u64, limit: u32) -> Result<Vec<StepRow>, StoreError> {
        let steps = Scan { table: "steps", columns: STEP_COLUMNS, key: "step", jump: 1 };
        let (mut updates, limit) = (Vec::new(), limit.min(MAX_ROWS) as usize);
        scan(&self.db, &steps, int(since_step)..i64::MAX, StepEntry::read, |step| {
            updates.extend(step.update());
            updates.len() < limit
        })
        .map_err(database_error("read", &self.path))?;
        updates.truncate(limit);
        Ok(updates)
    }

    /// Events after the one numbered `since_seq`; 0 for all that are kept.
    pub fn events(&self, since_seq: u64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let scanned = Scan { table: EVENTS, columns: EVENT_COLUMNS, key: "seq", jump: 1 };
        let (mut events, limit) = (Vec::new(), limit.min(MAX_ROWS) as usize);
        if limit == 0 {
            return Ok(events);
        }
        let keys = int(since_seq).saturating_add(1)..i64::MAX;
        scan(&self.db, &scanned, keys, event_row, |event| {
            events.push(event);
            events.len() < limit
        })
        .map_err(database_error("read", &self.path))?;
        Ok(events)
    }

    /// From whose children θ learnt in `step` and later, as far as that is known.
    pub fn applied(&self, step: u64) -> Result<Vec<Applied>, StoreError> {
        history_children::from(&self.db, step, None).map_err(database_error("read", &self.path))
    }

    /// How often children of this architecture failed, and why.
    pub fn failures(&self, arch_id: &str) -> Result<Vec<(Failure, u64)>, StoreError> {
        history_children::failures(&self.db, arch_id).map_err(database_error("read", &self.path))
    }

    /// The last `limit` nets that were trained from scratch, of one architecture or of all, in the
    /// order in which they were written.
    pub fn trials(&self, arch_id: Option<&str>, limit: u32) -> Result<Vec<TrialRow>, StoreError> {
        last_trials(&self.db, arch_id, limit.min(MAX_ROWS) as usize)
            .map_err(database_error("read", &self.path))
    }

    /// What the best of each promotion came to, in the order in which they were written: the last
    /// ten thousand.
    pub fn champions(&self) -> Result<Vec<ChampionRow>, StoreError> {
        last_champions(&self.db, MAX_ROWS as usize).map_err(database_error("read", &self.path))
    }

    /// Adds to `found` what single rows of some steps from `since` on say of one architecture.
    /// Returns the step to go on from; none at the end.
    pub fn add_draws(
        &self,
        arch_id: &str,
        since: u64,
        found: &mut ArchDraws,
    ) -> Result<Option<u64>, StoreError> {
        add_draws(&self.db, arch_id, since, found).map_err(database_error("read", &self.path))
    }

    /// What is left of rows that are folded, in the order in which the search went.
    pub fn hours(&self) -> Result<Vec<HourRow>, StoreError> {
        hours(&self.db).map_err(database_error("read", &self.path))
    }

    /// The number of the last event, kept or not, where it can be read.
    pub fn last_event(&self) -> Result<Option<u64>, StoreError> {
        let last = "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'";
        let last = self.db.query_row(last, [], |row| from_sql_int(row, 0));
        undamaged(last).map_err(database_error("read", &self.path))
    }

    /// The last events, oldest first.
    pub fn last_events(&self, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        let before = "SELECT ifnull(max(seq), 0) FROM (SELECT seq FROM events ORDER BY seq DESC
                      LIMIT -1 OFFSET ?1)";
        let before = self.db.query_row(before, [limit.min(MAX_ROWS)], |row| from_sql_int(row, 0));
        self.events(before.map_err(database_error("read", &self.path))?, limit)
    }

    /// The percentage of recent rewards, of the policy and of the control arm, that `reward`
    /// exceeds; those equal to it count half. None if nothing was scored, or `reward` is no
    /// number.
    pub fn percentile(&self, reward: f64) -> Result<Option<f64>, StoreError> {
        let filter = HistoryFilter { scored: true, ..HistoryFilter::default() };
        let rows = self.tail(N_RECENT_REWARDS, filter)?.rows;
        let of_arms = |row: &&HistoryRow| matches!(row.arm, Arm::Controller | Arm::Random);
        let rewards = rows.iter().filter(of_arms).filter_map(|row| row.reward);
        let (mut count, mut below) = (0.0, 0.0);
        for known in rewards {
            count += 1.0;
            below += match known.partial_cmp(&reward) {
                Some(std::cmp::Ordering::Less) => 1.0,
                Some(std::cmp::Ordering::Equal) => 0.5,
                Some(std::cmp::Ordering::Greater) => 0.0,
                None => return Ok(None),
            };
        }
        Ok((0.0 < count).then(|| 100.0 * below / count))
    }

    /// Whose history it is: the name that it got when it was made.
    pub fn run(&self) -> Result<String, StoreError> {
        let marks = Marks::load(&self.db).map_err(database_error("read", &self.path))?;
        Ok(marks.run)
    }
}

/// The columns of an event, in the order in which they are summed.
const EVENT_COLUMNS: &str = "seq, at_unix_ms, kind, message, sum";

fn event_row(row: &Row<'_>) -> rusqlite::Result<Option<EventRow>> {
    if !is_whole(EVENTS, row)? {
        return Ok(None);
    }
    Ok(Some(EventRow {
        seq: from_sql_int(row, 0)?,
        at_unix_ms: row.get(1)?,
        kind: row.get(2)?,
        message: row.get(3)?,
    }))
}

/// What was found where nothing was damaged; damage ends a reading and is no error of it.
fn undamaged<T>(found: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_database_damage(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
