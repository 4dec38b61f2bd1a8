//! Folding: single rows that are too old become a row for each hour, phase and arm in `hours`,
//! which stays for good.
//!
//! What is folded follows from the number of the step alone, so a history that was resumed equals
//! one that was not. The clock is not known to rows: `clock` says with which step each hour began,
//! and so to which hour a step belongs.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use crate::search::Arm;
use crate::store::history_marks::int;
use crate::store::history_row::{arm_code, first_place, from_sql_int};
use crate::store::history_stored::{DrawRow, StepEntry};
use crate::store::seal::{is_whole, real, sealed};
use crate::store::{HistoryPhase, history_children};

/// The table of the folded rows.
pub(super) const HOURS: &str = "hours";

/// The columns of a folded row, in the order in which they are summed.
pub(super) const HOUR_COLUMNS: &str = "hour, phase, arm, first_step, last_step, draws, rewards,
    reward_sum, reward_squares, reward_min, reward_max, best, losses, loss_sum, sum";

/// Which rows of a range of steps are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folded {
    /// All.
    All,
    /// Those that ω was trained on.
    Shared,
}

/// The rows of one hour, phase and arm.
#[derive(Clone, Debug)]
pub(super) struct Hour {
    pub(super) first_step: u64,
    pub(super) last_step: u64,
    draws: u64,
    pub(super) rewards: u64,
    pub(super) reward_sum: f64,
    pub(super) reward_squares: f64,
    reward_min: Option<f64>,
    pub(super) reward_max: Option<f64>,
    best: Value,
    pub(super) losses: u64,
    pub(super) loss_sum: f64,
}

/// Hour, phase and arm.
type Key = (i64, i64, i64);

impl Hour {
    fn new(step: u64) -> Self {
        Self {
            first_step: step,
            last_step: step,
            draws: 0,
            rewards: 0,
            reward_sum: 0.0,
            reward_squares: 0.0,
            reward_min: None,
            reward_max: None,
            best: Value::Null,
            losses: 0,
            loss_sum: 0.0,
        }
    }

    fn add(&mut self, draw: &DrawRow) {
        self.reach(draw.step);
        self.draws += 1;
        let Some(reward) = draw.reward else { return };
        self.rewards += 1;
        self.reward_sum += reward;
        self.reward_squares += reward * reward;
        self.reward_min = Some(self.reward_min.map_or(reward, |min| min.min(reward)));
        if self.reward_max.is_none_or(|max| max < reward) {
            self.reward_max = Some(reward);
            self.best = draw.arch.clone();
        }
    }

    fn add_update(&mut self, step: &StepEntry) {
        self.reach(step.step);
        if let Some(loss) = step.loss {
            self.losses += 1;
            self.loss_sum += loss;
        }
    }

    fn reach(&mut self, step: u64) {
        self.first_step = self.first_step.min(step);
        self.last_step = self.last_step.max(step);
    }

    /// Reads a row with [`HOUR_COLUMNS`], if it is what was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        if !is_whole(HOURS, row)? {
            return Ok(None);
        }
        Ok(Some(Self {
            first_step: from_sql_int(row, 3)?,
            last_step: from_sql_int(row, 4)?,
            draws: from_sql_int(row, 5)?,
            rewards: from_sql_int(row, 6)?,
            reward_sum: row.get(7)?,
            reward_squares: row.get(8)?,
            reward_min: row.get(9)?,
            reward_max: row.get(10)?,
            best: row.get(11)?,
            losses: from_sql_int(row, 12)?,
            loss_sum: row.get(13)?,
        }))
    }

    fn save(self, db: &Connection, (hour, phase, arm): Key) -> rusqlite::Result<()> {
        let values = vec![
            hour.into(),
            phase.into(),
            arm.into(),
            int(self.first_step).into(),
            int(self.last_step).into(),
            int(self.draws).into(),
            int(self.rewards).into(),
            real(Some(self.reward_sum)),
            real(Some(self.reward_squares)),
            real(self.reward_min),
            real(self.reward_max),
            self.best,
            int(self.losses).into(),
            real(Some(self.loss_sum)),
        ];
        let sql = "INSERT OR REPLACE INTO hours VALUES
                   (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        db.prepare_cached(sql)?.execute(params_from_iter(sealed(HOURS, values))).map(drop)
    }
}

/// Folds rows of the steps from `from` to before `until`, and says how many those were. Rows that
/// are damaged go without being counted.
pub(super) fn fold(
    db: &Connection,
    from: u64,
    until: u64,
    which: Folded,
    clock: &Clock,
) -> rusqlite::Result<u64> {
    let steps = StepEntry::range(db, from, until)?;
    let mut hours: BTreeMap<Key, Hour> = BTreeMap::new();
    let folds = |step: u64| {
        let shared = |step: &StepEntry| step.phase == HistoryPhase::Shared;
        steps.get(&step).filter(|&step| which == Folded::All || shared(step))
    };
    let hour_of =
        |step: &StepEntry, arm: Arm| (clock.hour_of(step.step), step.phase.code(), arm_code(arm));
    for step in steps.keys().filter_map(|&step| folds(step)) {
        if step.loss.is_some() {
            let key = hour_of(step, Arm::Controller);
            entry(db, &mut hours, key, step.step)?.add_update(step);
        }
    }
    for draw in DrawRow::range(db, from, until)? {
        if let Some(step) = folds(draw.step) {
            let key = hour_of(step, draw.arm);
            entry(db, &mut hours, key, draw.step)?.add(&draw);
        }
    }
    for (key, hour) in hours {
        hour.save(db, key)?;
    }
    match which {
        Folded::All => clear(db, from, until),
        Folded::Shared => {
            let shared = steps.keys().filter(|&&step| folds(step).is_some());
            runs(shared.copied()).try_fold(0, |n, (from, until)| Ok(n + clear(db, from, until)?))
        }
    }
}

fn entry<'a>(
    db: &Connection,
    hours: &'a mut BTreeMap<Key, Hour>,
    key: Key,
    step: u64,
) -> rusqlite::Result<&'a mut Hour> {
    use std::collections::btree_map::Entry;
    match hours.entry(key) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(vacant) => {
            let sql = format!(
                "SELECT {HOUR_COLUMNS} FROM hours WHERE hour = ?1 AND phase = ?2 AND arm = ?3"
            );
            let stored = db.prepare_cached(&sql)?.query_row(key, Hour::read).optional()?.flatten();
            Ok(vacant.insert(stored.unwrap_or_else(|| Hour::new(step))))
        }
    }
}

/// Removes what the search did in the steps from `from` to before `until`, and says how many rows
/// those were. What somebody asked for meanwhile stays: no replay brings it back.
pub(super) fn remove(db: &Connection, from: u64, until: u64) -> rusqlite::Result<u64> {
    remove_but(db, from, until, Some(Arm::Injected))
}

/// Removes all rows of the steps from `from` to before `until`, and says how many those were.
fn clear(db: &Connection, from: u64, until: u64) -> rusqlite::Result<u64> {
    history_children::remove(db, from, until)?;
    remove_but(db, from, until, None)
}

/// Removes the rows of a range of steps, but for those of one arm.
fn remove_but(
    db: &Connection,
    from: u64,
    until: u64,
    spared: Option<Arm>,
) -> rusqlite::Result<u64> {
    let place = |step| first_place(step).unwrap_or(i64::MAX);
    let draws = "DELETE FROM draws WHERE ?1 <= place AND place < ?2 AND (place >> 16 & 15) <> ?3";
    let spared = spared.map_or(-1, arm_code);
    let draws = db.prepare_cached(draws)?.execute([place(from), place(until), spared])?;
    let steps = "DELETE FROM steps WHERE ?1 <= step AND step < ?2";
    Ok((draws + db.prepare_cached(steps)?.execute([int(from), int(until)])?) as u64)
}

/// Ascending numbers as ranges, the ends not included.
pub(super) fn runs(numbers: impl Iterator<Item = u64>) -> impl Iterator<Item = (u64, u64)> {
    let mut numbers = numbers.peekable();
    std::iter::from_fn(move || {
        let from = numbers.next()?;
        let mut until = from + 1;
        while numbers.next_if_eq(&until).is_some() {
            until += 1;
        }
        Some((from, until))
    })
}

/// The step with which each hour of the clock began.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock(Vec<(u64, i64)>);

impl Clock {
    const TABLE: &'static str = "clock";

    /// The clock in the database.
    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut select = db.prepare("SELECT hour, step, sum FROM clock ORDER BY hour")?;
        let read = |row: &Row<'_>| {
            let whole = is_whole(Self::TABLE, row)?;
            Ok(if whole { Some((from_sql_int(row, 1)?, row.get(0)?)) } else { None })
        };
        let rows = select.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self(rows.into_iter().flatten().collect()))
    }

    /// Notes that `step` is written at `at_unix_ms`. Hours never go back, whatever the clock does.
    pub(super) fn tick(
        &mut self,
        db: &Connection,
        at_unix_ms: i64,
        step: u64,
    ) -> rusqlite::Result<()> {
        let hour = at_unix_ms.max(0) / 3_600_000;
        if self.0.last().is_some_and(|&(last, known)| hour <= known || step <= last) {
            return Ok(());
        }
        let values = sealed(Self::TABLE, vec![hour.into(), int(step).into()]);
        let sql = "INSERT OR REPLACE INTO clock VALUES (?1, ?2, ?3)";
        db.prepare_cached(sql)?.execute(params_from_iter(values))?;
        self.0.push((step, hour));
        Ok(())
    }

    /// Forgets the hours that begin at `step` or later.
    pub(super) fn rewind(&mut self, db: &Connection, step: u64) -> rusqlite::Result<()> {
        self.0.retain(|&(first, _)| first < step);
        db.execute("DELETE FROM clock WHERE ?1 <= step", [int(step)]).map(drop)
    }

    /// The hour since 1970 to which a step belongs; 0 where it was not noted.
    fn hour_of(&self, step: u64) -> i64 {
        let later = self.0.partition_point(|&(first, _)| first <= step);
        later.checked_sub(1).map_or(0, |idx| self.0[idx].1)
    }
}
