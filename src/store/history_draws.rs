//! All that the single rows say of one architecture: when it was drawn first, and by whom and with
//! what rewards ever since.
//!
//! The draws have no index on architectures, for it would take more room than the rows: all are
//! looked through, a second or two for a gigabyte.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::search::Arm;
use crate::store::arch_code::pack;
use crate::store::error::is_database_damage;
use crate::store::history_marks::Marks;
use crate::store::history_stored::{DRAW_COLUMNS, DrawRow, StepEntry};
use crate::store::{HistoryPhase, HistoryRow};

/// What single rows say of one architecture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArchDraws {
    /// The first row.
    pub first: Option<HistoryRow>,
    /// The rows by who drew them and in which phase, in the order in which these came first.
    pub by_arm: Vec<ArmDraws>,
    /// The cycles in whose derivation it was drawn, counted from 0.
    pub derived: BTreeSet<u32>,
    /// The first step whose scored rows are single: those before are folded, and say nothing of
    /// single architectures.
    pub scored_from: u64,
    /// The same for rows that were not scored: those that ω was trained on.
    pub shared_from: u64,
    /// Rows that are left out, for what is on disk is not what was written.
    pub damaged: u64,
}

/// The rows of one arm in one phase.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmDraws {
    /// Who drew it.
    pub arm: Arm,
    /// What the search was doing.
    pub phase: HistoryPhase,
    /// How often it was drawn.
    pub draws: u64,
    /// How often it was scored.
    pub rewards: u64,
    /// The sum of its rewards.
    pub total: f64,
    /// The first reward, the highest and the last; none where it was not scored.
    pub ends: Option<[RewardAt; 3]>,
}

/// A reward with the step in which it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RewardAt {
    /// The step of the whole search.
    pub step: u64,
    /// R(m, ω).
    pub reward: f64,
}

impl ArchDraws {
    /// How often it was scored.
    pub fn rewards(&self) -> u64 {
        self.by_arm.iter().map(|of_arm| of_arm.rewards).sum()
    }

    fn add(&mut self, row: HistoryRow) {
        let HistoryRow { arm, phase, .. } = row;
        let known = self.by_arm.iter_mut().find(|known| (known.arm, known.phase) == (arm, phase));
        if let Some(known) = known {
            known.add(&row);
        } else {
            let mut fresh = ArmDraws { arm, phase, draws: 0, rewards: 0, total: 0.0, ends: None };
            fresh.add(&row);
            self.by_arm.push(fresh);
        }
        if phase == HistoryPhase::Derive {
            self.derived.insert(row.cycle);
        }
        self.first.get_or_insert(row);
    }
}

impl ArmDraws {
    /// The mean of the rewards.
    pub fn mean(&self) -> Option<f64> {
        (0 < self.rewards).then(|| self.total / self.rewards as f64)
    }

    fn add(&mut self, row: &HistoryRow) {
        self.draws += 1;
        let Some(reward) = row.reward else { return };
        self.rewards += 1;
        self.total += reward;
        let at = RewardAt { step: row.step, reward };
        let [first, best, _] = self.ends.unwrap_or([at; 3]);
        self.ends = Some([first, if best.reward < reward { at } else { best }, at]);
    }
}

/// Looks through all draws for those of one architecture.
pub(super) fn draws_of(db: &Connection, arch_id: &str) -> rusqlite::Result<ArchDraws> {
    // One state of the history for all of it.
    let db = db.unchecked_transaction()?;
    let mut found = ArchDraws::default();
    let mut search = || -> rusqlite::Result<()> {
        let marks = Marks::load(&db)?;
        (found.scored_from, found.shared_from) = (marks.scored_from, marks.shared_from);
        let sql = format!("SELECT {DRAW_COLUMNS} FROM draws WHERE arch = ?1 ORDER BY place");
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query([pack(arch_id)])?;
        let mut last: Option<StepEntry> = None;
        while let Some(row) = rows.next()? {
            let draw = DrawRow::read(row).unwrap_or(None);
            if let Some(draw) = &draw
                && last.as_ref().is_none_or(|step| step.step != draw.step)
            {
                last = StepEntry::range(&db, draw.step, draw.step + 1)?.remove(&draw.step);
            }
            let step = |number| last.as_ref().filter(|step: &&StepEntry| step.step == number);
            match draw.and_then(|draw| step(draw.step).and_then(|step| draw.of_step(step))) {
                Some(row) => found.add(row),
                None => found.damaged += 1,
            }
        }
        Ok(())
    };
    match search() {
        // What can be read ends here.
        Err(error) if is_database_damage(&error) => found.damaged += 1,
        done => done?,
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{History, HistoryReader, Keeping};

    const KEEPING: Keeping = Keeping { bytes: u64::MAX, at_unix_ms: 0 };

    fn row(step: u64, (arm, phase): (Arm, HistoryPhase), reward: Option<f64>) -> HistoryRow {
        HistoryRow {
            step,
            arm,
            idx: 0,
            phase,
            cycle: step as u32 / 4,
            cycle_epoch: 0,
            arch_id: "m5-1".to_owned(),
            reward,
            log_prob: Some(-0.5),
            entropy: Some(2.0),
        }
    }

    #[test]
    fn draws_are_told_by_arm_and_phase_and_those_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let mut history = History::open(&path, u64::MAX).unwrap();
        let shared = (Arm::Controller, HistoryPhase::Shared);
        let scored = (Arm::Controller, HistoryPhase::Controller);
        let derived = (Arm::Random, HistoryPhase::Derive);
        let other = HistoryRow { arch_id: "m5-2".to_owned(), ..row(3, scored, Some(0.9)) };
        let rows = [
            row(0, shared, None),
            row(1, scored, Some(0.5)),
            row(2, scored, Some(0.7)),
            other,
            row(4, scored, Some(0.6)),
            row(5, derived, Some(0.4)),
        ];
        history.record(&rows, &[], KEEPING).unwrap();
        let found = HistoryReader::open(&path).unwrap().draws("m5-1").unwrap();
        assert_eq!(found.first.as_ref(), Some(&rows[0]));
        let counts: Vec<_> =
            found.by_arm.iter().map(|one| ((one.arm, one.phase), one.draws, one.rewards)).collect();
        assert_eq!(counts, [(shared, 1, 0), (scored, 3, 3), (derived, 1, 1)]);
        let at = |step, reward| RewardAt { step, reward };
        assert_eq!(found.by_arm[0].ends, None);
        assert_eq!(found.by_arm[1].ends, Some([at(1, 0.5), at(2, 0.7), at(4, 0.6)]));
        assert!((found.by_arm[1].mean().unwrap() - 0.6).abs() < 1e-12);
        assert_eq!((found.rewards(), found.damaged), (4, 0));
        assert_eq!(found.derived, BTreeSet::from([1]));
        let none = HistoryReader::open(&path).unwrap().draws("m5-3").unwrap();
        assert_eq!((none.first, none.by_arm.len()), (None, 0));
    }

    #[test]
    fn a_damaged_row_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let mut history = History::open(&path, u64::MAX).unwrap();
        let scored = (Arm::Controller, HistoryPhase::Controller);
        let rows = [row(0, scored, Some(0.5)), row(1, scored, Some(0.25))];
        history.record(&rows, &[], KEEPING).unwrap();
        let sql = "UPDATE draws SET reward = 0.75 WHERE reward = 0.5";
        assert_eq!(Connection::open(&path).unwrap().execute(sql, []).unwrap(), 1);
        let found = HistoryReader::open(&path).unwrap().draws("m5-1").unwrap();
        assert_eq!((found.first.as_ref(), found.damaged), (Some(&rows[1]), 1));
    }
}
