//! The rows of the history, as plain data, and the numbers that stand for their names on disk.

use serde::{Deserialize, Serialize};

use crate::search::{Arm, Cause};

/// What the search was doing when it drew an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryPhase {
    /// ω was trained on it.
    Shared,
    /// θ learned from its reward.
    Controller,
    /// The best of many was looked for.
    Derive,
}

impl HistoryPhase {
    /// Every phase.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Controller, Self::Derive];

    /// The name in the database and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Controller => "controller",
            Self::Derive => "derive",
        }
    }

    /// The number in the database.
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Controller => 0,
            Self::Derive => 2,
            Self::Shared => 3,
        }
    }

    pub(super) fn of_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.code() == code)
    }

    /// The phase called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// The number of an arm in the database.
pub(super) const fn arm_code(arm: Arm) -> i64 {
    match arm {
        Arm::Controller => 0,
        Arm::Random => 1,
        Arm::Derive => 2,
        // 3 is a phase: arms and phases share their numbers.
        Arm::Injected => 4,
    }
}

/// The arm of this number.
pub(super) fn arm_of_code(code: i64) -> Option<Arm> {
    Arm::ALL.into_iter().find(|&arm| arm_code(arm) == code)
}

/// One architecture that was drawn. Step, arm and index name it: a replay after a resume draws
/// it again and writes the same row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The step of the whole search, over all phases and cycles.
    pub step: u64,
    /// Who drew it.
    pub arm: Arm,
    /// Its place among those that the arm drew in this step.
    pub idx: u32,
    /// What the search was doing.
    pub phase: HistoryPhase,
    /// The cycle, counted from 0.
    pub cycle: u32,
    /// The place of its epoch in the cycle, counted from 0. What is shown counts epochs from the
    /// start of the search: [`HistoryRow::epoch`].
    pub cycle_epoch: u32,
    /// Its canonical id, which spells it.
    pub arch_id: String,
    /// R(m, ω); none in the shared phase, where nothing is scored.
    pub reward: Option<f64>,
    /// log π(m; θ) in nats, by the θ that drew it, if a policy did.
    pub log_prob: Option<f64>,
    /// The entropy of the choices in nats, if a policy drew it.
    pub entropy: Option<f64>,
}

impl HistoryRow {
    /// The epoch, counted from 0 from the start of a search with so many epochs in a cycle.
    pub fn epoch(&self, epochs_per_cycle: u64) -> u64 {
        let before = u64::from(self.cycle).saturating_mul(epochs_per_cycle);
        before.saturating_add(self.cycle_epoch.into())
    }
}

/// One step of ω.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The step of the whole search.
    pub step: u64,
    /// Cross-entropy on the training batch, in nats; none if it was not finite.
    pub loss: Option<f64>,
    /// Share of the training batch that was classified right.
    pub accuracy: Option<f64>,
    /// The learning rate.
    pub learning_rate: f64,
    /// The norm of the gradient before clipping; none if it was not finite.
    pub grad_norm: Option<f64>,
}

/// Something that happened to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its number; every later event has a greater one.
    pub seq: u64,
    /// When, in milliseconds since 1970, as its writer's clock had it.
    pub at_unix_ms: i64,
    /// What kind: a word, or several with `-`.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
}

/// A net that was trained from scratch. The key, which is what its bits depend on, names it: the
/// same net that is trained again has one row, of the last time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// The key of its trial.
    pub key: String,
    /// The canonical id of the architecture.
    pub arch_id: String,
    /// Who drew that.
    pub arm: Arm,
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// The step of the whole search that derived it, or before which somebody asked.
    pub step: u64,
    /// Which of the architecture's nets, counted from 0.
    pub seed: u32,
    /// Passes over the training split.
    pub epochs: u64,
    /// Cross-entropy on the training batches of the last epoch, in nats; none if it was not finite.
    pub loss: Option<f64>,
    /// Items of the validation split that the net has right.
    pub correct: u64,
    /// Items of the validation split.
    pub items: u64,
    /// Cross-entropy on the validation split in nats, summed; none if it was not finite.
    pub nll: Option<f64>,
    /// The reward of the architecture with the shared weights; none where it was not scored.
    pub shared_reward: Option<f64>,
    /// Trainable parameters, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// Why it was trained.
    pub cause: Cause,
    /// When it was finished, in milliseconds since 1970, as its writer's clock had it.
    pub at_unix_ms: i64,
}

/// What the best of a promotion came to. The cycle and the architecture name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChampionRow {
    /// The canonical id of the architecture.
    pub arch_id: String,
    /// Who drew it.
    pub arm: Arm,
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// Its place among all that were ever measured on the test split, counted from 1; 0 where it
    /// was not.
    pub certificate: u64,
    /// The mean over seeds of the rewards of its nets on the validation split; none if that is no
    /// number.
    pub valid_mean: Option<f64>,
    /// Items of the test split that the net that is handed out has right.
    pub test_correct: u64,
    /// Items of the test split; 0 where it was not measured there.
    pub test_items: u64,
    /// Its cross-entropy on the test split in nats, summed; none if it was not finite, or was not
    /// kept yet when this was ruled.
    pub test_nll: Option<f64>,
    /// What was ruled, and why, for people.
    pub ruling: String,
    /// When, in milliseconds since 1970, as its writer's clock had it.
    pub at_unix_ms: i64,
}

/// Bits of a place that number the architectures of one arm in one step.
const IDX_BITS: u32 = 16;

/// Bits of a place below the step.
const STEP_SHIFT: u32 = 20;

/// Where a row stands: the step, the arm and the index as one number, in the order of the search.
pub(super) fn place(step: u64, arm: Arm, idx: u32) -> Option<i64> {
    if idx >> IDX_BITS != 0 {
        return None;
    }
    Some(first_place(step)? | arm_code(arm) << IDX_BITS | i64::from(idx))
}

/// The first place of a step.
pub(super) fn first_place(step: u64) -> Option<i64> {
    i64::try_from(step).ok()?.checked_mul(1 << STEP_SHIFT)
}

/// The step, the arm and the index of a place.
pub(super) fn of_place(place: i64) -> Option<(u64, Arm, u32)> {
    let step = u64::try_from(place >> STEP_SHIFT).ok()?;
    let arm = arm_of_code(place >> IDX_BITS & 0xf)?;
    Some((step, arm, (place & 0xffff).cast_unsigned() as u32))
}

/// A count that SQLite stored; the schema has no negative ones.
pub(super) fn from_sql_int(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let found: i64 = row.get(column)?;
    u64::try_from(found).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_of_arms_phases_and_causes_are_one_each() {
        for phase in HistoryPhase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
            assert_eq!(HistoryPhase::of_name(phase.name()), Some(phase));
            assert_eq!(HistoryPhase::of_code(phase.code()), Some(phase));
        }
        for arm in Arm::ALL {
            assert_eq!(serde_json::to_value(arm).unwrap(), arm.name());
            assert_eq!(Arm::of_name(arm.name()), Some(arm));
            assert_eq!(arm_of_code(arm_code(arm)), Some(arm));
        }
        assert_eq!(arm_of_code(HistoryPhase::Shared.code()), None);
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
            assert_eq!(Cause::of_name(cause.name()), Some(cause));
        }
    }

    #[test]
    fn a_place_says_where_its_row_stands() {
        for arm in Arm::ALL {
            let found = place(7, arm, 65_535).unwrap();
            assert_eq!(of_place(found), Some((7, arm, 65_535)));
            assert!(found < first_place(8).unwrap());
        }
        assert_eq!(place(7, Arm::Random, 65_536), None);
        assert_eq!(place(1 << 43, Arm::Controller, 0), None);
    }
}
