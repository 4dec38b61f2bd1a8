//! All that the single rows say of one architecture: when it was drawn first, and by whom and with
//! what rewards ever since.
//!
//! The draws have no index on architectures, for it would take more room than the rows: all are
//! looked through, a second or two for a gigabyte. That is done some steps at a time, so that no
//! reading keeps the log beside the database from being emptied.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

use crate::search::Arm;
use crate::store::arch_code::pack;
use crate::store::error::is_database_damage;
use crate::store::history_marks::Marks;
use crate::store::history_row::{first_place, of_place};
use crate::store::history_stored::{DRAW_COLUMNS, DrawRow, StepEntry};
use crate::store::{HistoryPhase, HistoryRow};

/// Steps that are looked through at a time: a fraction of a second.
const STEPS_A_LOOK: u64 = 1 << 16;

/// What single rows say of one architecture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArchDraws {
    /// The first row.
    pub first: Option<HistoryRow>,
    /// The rows by who drew them and in which phase, in the order in which these came first.
    pub by_arm: Vec<ArmDraws>,
    /// The cycles in whose derivation it was drawn, counted from 0.
    pub derived: BTreeSet<u32>,
    /// The first step of θ or of a derivation whose rows are single: those before are folded, and
    /// say nothing of single architectures.
    pub scored_from: u64,
    /// The same of steps that trained ω, whose rows are folded with what somebody had scored before
    /// them. Never smaller.
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

/// Looks through the draws of some steps from `since` on for those of one architecture, and adds them
/// to `found`. Returns the step to go on from; none at the end.
pub(super) fn add_draws(
    db: &Connection,
    arch_id: &str,
    since: u64,
    found: &mut ArchDraws,
) -> rusqlite::Result<Option<u64>> {
    // One state of the history for these steps.
    let db = db.unchecked_transaction()?;
    let until = since.saturating_add(STEPS_A_LOOK);
    let mut search = || -> rusqlite::Result<()> {
        let marks = Marks::load(&db)?;
        (found.scored_from, found.shared_from) = (marks.scored_from, marks.shared_from);
        let sql = format!(
            "SELECT {DRAW_COLUMNS} FROM draws WHERE arch = ?1 AND ?2 <= place AND place < ?3
             ORDER BY place"
        );
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query((pack(arch_id), place(since), place(until)))?;
        let mut step: Option<StepEntry> = None;
        while let Some(row) = rows.next()? {
            let Some(draw) = DrawRow::read(row).unwrap_or(None) else {
                found.damaged += 1;
                continue;
            };
            if step.as_ref().is_none_or(|step| step.step != draw.step) {
                step = StepEntry::range(&db, draw.step, draw.step + 1)?.remove(&draw.step);
            }
            match (&step, draw.arm) {
                // It stands with a step that the search has yet to take, or to take again.
                (None, Arm::Injected) => {}
                (None, _) => found.damaged += 1,
                (Some(step), _) => match draw.of_step(step) {
                    Some(row) => found.add(row),
                    None => found.damaged += 1,
                },
            }
        }
        Ok(())
    };
    match search() {
        // What can be read of these steps ends here.
        Err(error) if is_database_damage(&error) => found.damaged += 1,
        done => done?,
    }
    match first_step(&db, until) {
        Err(error) if is_database_damage(&error) => {
            found.damaged += 1;
            Ok(None)
        }
        next => next,
    }
}

/// The first step from `from` on that has a draw.
fn first_step(db: &Connection, from: u64) -> rusqlite::Result<Option<u64>> {
    let sql = "SELECT place FROM draws WHERE ?1 <= place ORDER BY place LIMIT 1";
    let first = db.prepare_cached(sql)?.query_row([place(from)], |row| row.get(0)).optional()?;
    // In a damaged tree, places may stand where they do not belong.
    Ok(first.map(|place| of_place(place).map_or(from, |(step, ..)| step.max(from))))
}

/// The first place of a step, or one that none has.
fn place(step: u64) -> i64 {
    first_place(step).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{History, HistoryReader, Keeping};
    use std::path::Path;

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

    /// All that the history at `path` has of an architecture.
    fn draws(path: &Path, arch_id: &str) -> ArchDraws {
        let reader = HistoryReader::open(path).unwrap();
        let (mut found, mut since) = (ArchDraws::default(), Some(0));
        while let Some(from) = since {
            since = reader.add_draws(arch_id, from, &mut found).unwrap();
        }
        found
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
        let found = draws(&path, "m5-1");
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
        let none = draws(&path, "m5-3");
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
        let found = draws(&path, "m5-1");
        assert_eq!((found.first.as_ref(), found.damaged), (Some(&rows[1]), 1));
    }

    #[test]
    fn steps_are_looked_through_some_at_a_time_and_those_without_draws_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let mut history = History::open(&path, u64::MAX).unwrap();
        let scored = (Arm::Controller, HistoryPhase::Controller);
        let steps = [0, STEPS_A_LOOK - 1, STEPS_A_LOOK, 9 * STEPS_A_LOOK + 5];
        let rows = steps.map(|step| row(step, scored, Some(0.5)));
        history.record(&rows, &[], KEEPING).unwrap();
        let reader = HistoryReader::open(&path).unwrap();
        let (mut found, mut since, mut looks) = (ArchDraws::default(), Some(0), Vec::new());
        while let Some(from) = since {
            since = reader.add_draws("m5-1", from, &mut found).unwrap();
            looks.push((from, found.rewards()));
        }
        assert_eq!(looks, [(0, 2), (STEPS_A_LOOK, 3), (steps[3], 4)]);
        assert_eq!(found.damaged, 0);
    }

    #[test]
    fn what_somebody_had_scored_before_a_step_that_is_to_be_taken_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.sqlite");
        let mut history = History::open(&path, u64::MAX).unwrap();
        let scored = (Arm::Controller, HistoryPhase::Controller);
        history.record(&[row(0, scored, Some(0.5))], &[], KEEPING).unwrap();
        history.inject(1, "m5-1", 0.75).unwrap();
        let found = draws(&path, "m5-1");
        assert_eq!((found.rewards(), found.damaged), (1, 0));
        history.record(&[row(1, scored, Some(0.25))], &[], KEEPING).unwrap();
        let found = draws(&path, "m5-1");
        assert_eq!((found.rewards(), found.damaged), (3, 0));
    }
}
