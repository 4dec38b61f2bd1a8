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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::store::{Health, History, HistoryFilter, HistoryReader, Keeping};

    /// Everything stays.
    const KEEPING: Keeping = Keeping { bytes: u64::MAX, at_unix_ms: 0 };

    /// What the policy drew in a step.
    fn row(step: u64) -> HistoryRow {
        HistoryRow {
            step,
            arm: Arm::Controller,
            idx: 0,
            phase: HistoryPhase::Controller,
            cycle: 0,
            cycle_epoch: 0,
            arch_id: "m5-0".to_owned(),
            reward: Some(0.5),
            log_prob: Some(-1.5),
            entropy: Some(1.5),
        }
    }

    struct Rig {
        folder: tempfile::TempDir,
        history: History,
    }

    impl Rig {
        /// A history of so many steps.
        fn new(steps: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let history = History::open(&Self::path(&folder), u64::MAX).unwrap();
            let mut rig = Self { folder, history };
            rig.record(0, steps);
            rig
        }

        fn path(folder: &tempfile::TempDir) -> PathBuf {
            folder.path().join("history.sqlite")
        }

        fn record(&mut self, from: u64, until: u64) {
            let rows: Vec<HistoryRow> = (from..until).map(row).collect();
            self.history.record(&rows, &[], KEEPING).unwrap();
        }

        /// What stands in the history of an arm: step, place, reward and phase.
        fn told(&self, arm: Option<Arm>) -> Vec<(u64, u32, f64, &'static str)> {
            let reader = HistoryReader::open(&Self::path(&self.folder)).unwrap();
            let page = reader.page(0, 10_000, HistoryFilter { arm, ..HistoryFilter::default() });
            let page = page.unwrap();
            assert_eq!(page.damaged, 0);
            let told = page.rows.into_iter();
            told.map(|row| (row.step, row.idx, row.reward.unwrap(), row.phase.name())).collect()
        }
    }

    #[test]
    fn what_somebody_had_scored_stays_whatever_the_search_takes_again() {
        let mut rig = Rig::new(2);
        for (arch, reward) in [("m5-x", 0.7), ("m5-y", 0.8)] {
            rig.history.inject(2, arch, reward).unwrap();
        }
        assert_eq!(rig.told(Some(Arm::Injected)), [], "its step is not there yet");
        rig.record(2, 3);
        let both = [(2, 0, 0.7, "controller"), (2, 1, 0.8, "controller")];
        assert_eq!(rig.told(Some(Arm::Injected)), both);
        assert_eq!(rig.history.rewind(1).unwrap(), 4, "two steps with a row each");
        rig.history.inject(2, "m5-z", 0.9).unwrap();
        rig.record(1, 3);
        let all = [both[0], both[1], (2, 2, 0.9, "controller")];
        assert_eq!(rig.told(Some(Arm::Injected)), all);
        // A replay of a step that is there takes none away, and brings none twice.
        rig.record(2, 3);
        assert_eq!(rig.told(None).len(), 3 + 3);
        let health = rig.history.check(3).unwrap();
        assert_eq!(health, Health { draws: 6, ..Health::default() });
    }

    #[test]
    fn it_is_known_as_what_was_scored_and_not_as_what_was_drawn() {
        let mut rig = Rig::new(1);
        rig.history.inject(1, "m5-z", 0.9).unwrap();
        assert_eq!(rig.history.unique_archs(), 1);
        let reader = HistoryReader::open(&Rig::path(&rig.folder)).unwrap();
        let known = reader.arch("m5-z").unwrap().unwrap();
        assert_eq!((known.times, known.best_reward.to_bits()), (1, 0.9_f64.to_bits()));
        assert_eq!(reader.percentile(0.6).unwrap(), Some(100.0), "no share of its own");
    }

    #[test]
    fn it_is_folded_with_its_step() {
        let mut rig = Rig::new(3);
        rig.history.inject(2, "m5-x", 0.75).unwrap();
        rig.record(3, 2048);
        while !rig.history.prune(0).unwrap().is_done {}
        assert_eq!(rig.told(None), []);
        let db = Connection::open(Rig::path(&rig.folder)).unwrap();
        let folded = "SELECT draws, best_arch_id FROM hourly WHERE arm = 'injected'";
        let found: (i64, String) =
            db.query_row(folded, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, (1, "m5-x".to_owned()));
    }
}
