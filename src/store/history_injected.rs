//! What somebody had scored beside the search, as rows of the history.

use rusqlite::Connection;

use crate::search::Arm;
use crate::store::history_archs;
use crate::store::history_row::{of_place, place};
use crate::store::history_stored::DrawRow;
use crate::store::{HistoryPhase, HistoryRow};

/// Adds a row to those that were asked for before `step`.
pub(super) fn inject(
    db: &Connection,
    step: u64,
    arch_id: &str,
    reward: f64,
) -> rusqlite::Result<()> {
    let too_large = || rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX);
    let [first, last] = [0, u16::MAX.into()].map(|idx| place(step, Arm::Injected, idx));
    let of_step = [first.ok_or_else(too_large)?, last.ok_or_else(too_large)?];
    let newest = "SELECT max(place) FROM draws WHERE place BETWEEN ?1 AND ?2";
    let newest: Option<i64> = db.query_row(newest, of_step, |row| row.get(0))?;
    let row = HistoryRow {
        step,
        arm: Arm::Injected,
        idx: newest.and_then(of_place).map_or(0, |(_, _, idx)| idx + 1),
        // Phase and place in the schedule are those of the step, and stand with it.
        phase: HistoryPhase::Shared,
        cycle: 0,
        cycle_epoch: 0,
        arch_id: arch_id.to_owned(),
        reward: Some(reward),
        log_prob: None,
        entropy: None,
    };
    DrawRow::insert(db, &row)?;
    history_archs::add(db, &row)
}
