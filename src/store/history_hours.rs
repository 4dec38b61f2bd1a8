//! What is left of old rows: a row for each hour, phase and arm.

use rusqlite::{Connection, Row};

use crate::search::Arm;
use crate::store::HistoryPhase;
use crate::store::error::is_database_damage;
use crate::store::history_fold::{HOUR_COLUMNS, Hour};
use crate::store::history_row::arm_of_code;

/// The folded rows of one hour, phase and arm.
#[derive(Clone, Debug, PartialEq)]
pub struct HourRow {
    /// What the search was doing.
    pub phase: HistoryPhase,
    /// Who drew.
    pub arm: Arm,
    /// The first of their steps.
    pub first_step: u64,
    /// The last of their steps.
    pub last_step: u64,
    /// Rewards among them.
    pub rewards: u64,
    /// The sum of the rewards.
    pub reward_sum: f64,
    /// The sum of their squares.
    pub reward_squares: f64,
    /// The highest reward.
    pub reward_max: Option<f64>,
    /// Losses of ω's steps among them, in nats.
    pub losses: u64,
    /// The sum of these losses.
    pub loss_sum: f64,
}

/// All folded rows, in the order of their first steps; those that are not what was written are
/// left out.
pub(super) fn hours(db: &Connection) -> rusqlite::Result<Vec<HourRow>> {
    let mut found = Vec::new();
    let mut look = || -> rusqlite::Result<()> {
        let sql = format!("SELECT {HOUR_COLUMNS} FROM hours ORDER BY first_step, phase, arm");
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            found.extend(read(row).unwrap_or(None));
        }
        Ok(())
    };
    match look() {
        // What can be read ends here.
        Err(error) if is_database_damage(&error) => {}
        done => done?,
    }
    Ok(found)
}

/// Reads a row with [`HOUR_COLUMNS`], if it is what was written.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<HourRow>> {
    let Some(hour) = Hour::read(row)? else { return Ok(None) };
    let (phase, arm) = (HistoryPhase::of_code(row.get(1)?), arm_of_code(row.get(2)?));
    Ok(phase.zip(arm).map(|(phase, arm)| HourRow {
        phase,
        arm,
        first_step: hour.first_step,
        last_step: hour.last_step,
        rewards: hour.rewards,
        reward_sum: hour.reward_sum,
        reward_squares: hour.reward_squares,
        reward_max: hour.reward_max,
        losses: hour.losses,
        loss_sum: hour.loss_sum,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{History, HistoryReader, HistoryRow, Keeping};

    #[test]
    fn what_is_folded_is_read_back_by_phase_and_arm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let mut history = History::open(&path, u64::MAX).unwrap();
        let row = |step: u64, arm, reward| HistoryRow {
            step,
            arm,
            idx: 0,
            phase: HistoryPhase::Controller,
            cycle: 0,
            cycle_epoch: 0,
            arch_id: format!("m5-{step}"),
            reward: Some(reward),
            log_prob: None,
            entropy: None,
        };
        let rows: Vec<HistoryRow> = (0..20_000_u32)
            .flat_map(|n| {
                let step = u64::from(n);
                [row(step, Arm::Controller, 0.75), row(step, Arm::Random, 0.5)]
            })
            .collect();
        history.record(&rows, &[], Keeping { bytes: u64::MAX, at_unix_ms: 0 }).unwrap();
        assert_eq!(HistoryReader::open(&path).unwrap().hours().unwrap(), []);
        while !history.prune(0).unwrap().is_done {}
        let hours = HistoryReader::open(&path).unwrap().hours().unwrap();
        let of = |arm| -> Vec<_> { hours.iter().filter(|hour| hour.arm == arm).collect() };
        for (arm, reward) in [(Arm::Controller, 0.75), (Arm::Random, 0.5)] {
            let [hour] = of(arm)[..] else { panic!("{hours:?}") };
            assert_eq!((hour.first_step, hour.phase), (0, HistoryPhase::Controller));
            assert!(0 < hour.rewards && hour.last_step + 1 == hour.rewards, "{hour:?}");
            assert!((hour.reward_sum - reward * hour.rewards as f64).abs() < 1e-6, "{hour:?}");
            assert_eq!((hour.reward_max, hour.losses), (Some(reward), 0));
        }
    }
}
