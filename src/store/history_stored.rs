//! The rows of `steps` and `draws` as they are stored, each with its checksum.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::search::Arm;
use crate::store::arch_code::{pack, unpack};
use crate::store::history_marks::int;
use crate::store::history_row::{first_place, from_sql_int, of_place, place};
use crate::store::seal::{is_whole, real, sealed};
use crate::store::{HistoryPhase, HistoryRow, StepRow};

const STEPS: &str = "steps";
const DRAWS: &str = "draws";

/// The columns of a step, in the order in which they are summed.
pub(super) const STEP_COLUMNS: &str =
    "step, phase, cycle, epoch, draws, loss, accuracy, lr, grad_norm, sum";

/// The columns of a draw, in the order in which they are summed.
pub(super) const DRAW_COLUMNS: &str = "place, arch, reward, log_prob, entropy, sum";

/// A step of the search.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StepEntry {
    pub(super) step: u64,
    pub(super) phase: HistoryPhase,
    pub(super) cycle: u32,
    /// In the column `epoch`.
    pub(super) cycle_epoch: u32,
    /// Architectures that were drawn in it; what somebody asked for is none of them.
    pub(super) draws: u64,
    pub(super) loss: Option<f64>,
    pub(super) accuracy: Option<f64>,
    /// Where ω was updated.
    pub(super) learning_rate: Option<f64>,
    pub(super) grad_norm: Option<f64>,
}

impl StepEntry {
    /// A step by what it drew, and by what its update of ω measured.
    pub(super) fn new(step: u64, rows: &[&HistoryRow], update: Option<&StepRow>) -> Self {
        let first = rows.first();
        Self {
            step,
            phase: first.map_or(HistoryPhase::Shared, |row| row.phase),
            cycle: first.map_or(0, |row| row.cycle),
            cycle_epoch: first.map_or(0, |row| row.cycle_epoch),
            draws: rows.iter().filter(|row| row.arm != Arm::Injected).count() as u64,
            loss: update.and_then(|update| update.loss),
            accuracy: update.and_then(|update| update.accuracy),
            learning_rate: update.map(|update| update.learning_rate),
            grad_norm: update.and_then(|update| update.grad_norm),
        }
    }

    /// Reads a row with [`STEP_COLUMNS`], if it is what was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        if !is_whole(STEPS, row)? {
            return Ok(None);
        }
        let Some(phase) = HistoryPhase::of_code(row.get(1)?) else { return Ok(None) };
        Ok(Some(Self {
            step: from_sql_int(row, 0)?,
            phase,
            cycle: row.get(2)?,
            cycle_epoch: row.get(3)?,
            draws: from_sql_int(row, 4)?,
            loss: row.get(5)?,
            accuracy: row.get(6)?,
            learning_rate: row.get(7)?,
            grad_norm: row.get(8)?,
        }))
    }

    /// The steps from `from` to before `until` that are what was written.
    pub(super) fn range(
        db: &Connection,
        from: u64,
        until: u64,
    ) -> rusqlite::Result<BTreeMap<u64, Self>> {
        let sql = format!("SELECT {STEP_COLUMNS} FROM steps WHERE ?1 <= step AND step < ?2");
        let mut select = db.prepare_cached(&sql)?;
        let mut rows = select.query([int(from), int(until)])?;
        let mut steps = BTreeMap::new();
        while let Some(row) = rows.next()? {
            steps.extend(Self::read(row)?.map(|step| (step.step, step)));
        }
        Ok(steps)
    }

    pub(super) fn insert(&self, db: &Connection) -> rusqlite::Result<()> {
        let values = vec![
            int(self.step).into(),
            self.phase.code().into(),
            self.cycle.into(),
            self.cycle_epoch.into(),
            int(self.draws).into(),
            real(self.loss),
            real(self.accuracy),
            real(self.learning_rate),
            real(self.grad_norm),
        ];
        let sql = "INSERT INTO steps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        db.prepare_cached(sql)?.execute(params_from_iter(sealed(STEPS, values))).map(drop)
    }

    /// What the update of ω measured, where there was one.
    pub(super) fn update(&self) -> Option<StepRow> {
        let &Self { step, loss, accuracy, grad_norm, .. } = self;
        Some(StepRow { step, loss, accuracy, learning_rate: self.learning_rate?, grad_norm })
    }
}

/// An architecture that was drawn.
#[derive(Clone, Debug)]
pub(super) struct DrawRow {
    pub(super) step: u64,
    pub(super) arm: Arm,
    pub(super) idx: u32,
    /// Its id as it is stored.
    pub(super) arch: Value,
    pub(super) reward: Option<f64>,
    log_prob: Option<f64>,
    entropy: Option<f64>,
}

impl DrawRow {
    /// Reads a row with [`DRAW_COLUMNS`], if it is what was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        if !is_whole(DRAWS, row)? {
            return Ok(None);
        }
        let Some((step, arm, idx)) = of_place(row.get(0)?) else { return Ok(None) };
        Ok(Some(Self {
            step,
            arm,
            idx,
            arch: row.get(1)?,
            reward: row.get(2)?,
            log_prob: row.get(3)?,
            entropy: row.get(4)?,
        }))
    }

    /// The draws of the steps from `from` to before `until` that are what was written.
    pub(super) fn range(db: &Connection, from: u64, until: u64) -> rusqlite::Result<Vec<Self>> {
        let sql = format!("SELECT {DRAW_COLUMNS} FROM draws WHERE ?1 <= place AND place < ?2");
        let mut select = db.prepare_cached(&sql)?;
        let place = |step| first_place(step).unwrap_or(i64::MAX);
        let mut rows = select.query([place(from), place(until)])?;
        let mut draws = Vec::new();
        while let Some(row) = rows.next()? {
            draws.extend(Self::read(row)?);
        }
        Ok(draws)
    }

    pub(super) fn insert(db: &Connection, row: &HistoryRow) -> rusqlite::Result<()> {
        let too_large = || rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX);
        let values = vec![
            place(row.step, row.arm, row.idx).ok_or_else(too_large)?.into(),
            pack(&row.arch_id),
            real(row.reward),
            real(row.log_prob),
            real(row.entropy),
        ];
        let sql = "INSERT INTO draws VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        db.prepare_cached(sql)?.execute(params_from_iter(sealed(DRAWS, values))).map(drop)
    }

    /// The row as it was recorded in `step`; none where what is stored names no architecture.
    pub(super) fn of_step(self, step: &StepEntry) -> Option<HistoryRow> {
        Some(HistoryRow {
            step: self.step,
            arm: self.arm,
            idx: self.idx,
            phase: step.phase,
            cycle: step.cycle,
            cycle_epoch: step.cycle_epoch,
            arch_id: unpack((&self.arch).into())?,
            reward: self.reward,
            log_prob: self.log_prob,
            entropy: self.entropy,
        })
    }
}
