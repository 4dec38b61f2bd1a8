//! Looking at every row: which steps have none, and which rows are not what was written.

use std::collections::BTreeMap;
use std::fmt;

use rusqlite::Connection;

use crate::search::Arm;
use crate::store::history_fold::runs;
use crate::store::history_marks::int;
use crate::store::history_row::first_place;
use crate::store::history_scan::{Scan, scan};
use crate::store::history_stored::{DRAW_COLUMNS, DrawRow, STEP_COLUMNS, StepEntry};

/// Steps that are looked at together.
const STEPS_A_LOOK: u64 = 8192;

/// Ranges of missing steps that are told one by one.
const MAX_RANGES: usize = 10;

/// How the single rows of a history are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Architectures that were drawn and whose rows are whole.
    pub draws: u64,
    /// Rows that are not what was written.
    pub damaged: u64,
    /// Steps that have no rows.
    pub missing: u64,
    /// Which those are, from and to, both included; the first ten ranges.
    pub ranges: Vec<(u64, u64)>,
}

impl Health {
    /// The missing search steps in words, counted from 1 as people do.
    pub fn missing_text(&self) -> String {
        let ranges = self.ranges.iter().map(|&(from, to)| match (from + 1, to + 1) {
            (from, to) if from == to => from.to_string(),
            (from, to) => format!("{from}–{to}"),
        });
        let more = if self.ranges.len() == MAX_RANGES { ", …" } else { "" };
        format!("{}{more}", ranges.collect::<Vec<_>>().join(", "))
    }

    fn miss(&mut self, from: u64, until: u64) {
        self.missing += until - from;
        let is_room = self.ranges.len() < MAX_RANGES;
        match self.ranges.last_mut() {
            Some((_, to)) if *to + 1 == from => *to = until - 1,
            _ if is_room => self.ranges.push((from, until - 1)),
            _ => {}
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.missing {
            0 => write!(f, "no step is missing")?,
            1 => write!(f, "1 step has no rows: {}", self.missing_text())?,
            n => write!(f, "{n} steps have no rows: {}", self.missing_text())?,
        }
        match self.damaged {
            0 => Ok(()),
            1 => write!(f, "; 1 row is damaged"),
            n => write!(f, "; {n} rows are damaged"),
        }
    }
}

/// Looks at the rows of the steps from `from` to before `until`, each of which should have some.
pub(super) fn check(db: &Connection, from: u64, until: u64) -> rusqlite::Result<Health> {
    let mut health = Health::default();
    let mut start = from;
    while start < until {
        let end = until.min(start + STEPS_A_LOOK);
        look(db, start, end, &mut health)?;
        start = end;
    }
    Ok(health)
}

/// Looks at the rows of all steps from `from` to before `until`; those that have none are not
/// missed, since they may be folded.
pub(super) fn check_folded(
    db: &Connection,
    from: u64,
    until: u64,
    health: &mut Health,
) -> rusqlite::Result<()> {
    let mut start = from;
    while start < until {
        let end = until.min(start + STEPS_A_LOOK);
        let mut seen = Health::default();
        look(db, start, end, &mut seen)?;
        health.draws += seen.draws;
        health.damaged += seen.damaged;
        start = end;
    }
    Ok(())
}

fn look(db: &Connection, from: u64, until: u64, health: &mut Health) -> rusqlite::Result<()> {
    let mut steps: BTreeMap<u64, u64> = BTreeMap::new();
    let range = Scan { table: "steps", columns: STEP_COLUMNS, key: "step", jump: 1 };
    let damaged_steps = scan(db, &range, int(from)..int(until), StepEntry::read, |step| {
        steps.insert(step.step, step.draws);
        true
    })?;
    let place = |step| first_place(step).unwrap_or(i64::MAX);
    let range = Scan { table: "draws", columns: DRAW_COLUMNS, key: "place", jump: place(1) };
    let mut found: BTreeMap<u64, u64> = BTreeMap::new();
    let mut draws = 0;
    scan(db, &range, place(from)..place(until), DrawRow::read, |draw| {
        // What somebody asked for is none of its step's draws.
        *found.entry(draw.step).or_default() += u64::from(draw.arm != Arm::Injected);
        draws += 1;
        true
    })?;
    health.draws += draws;
    for (step, expected) in &steps {
        let there = found.get(step).copied().unwrap_or(0);
        health.damaged += expected.saturating_sub(there);
    }
    health.damaged += damaged_steps;
    let absent = (from..until).filter(|step| !steps.contains_key(step));
    for (first, end) in runs(absent) {
        health.miss(first, end);
    }
    Ok(())
}
