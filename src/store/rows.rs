//! Finished steps as rows of the history.

use crate::search::{Arm, Outcome, Phase, Row, ScheduleConfig, StepRecord};
use crate::store::score_entry::number;
use crate::store::{HistoryPhase, HistoryRow, StepRow};

/// The rows of `records`: what was drawn, and the steps of ω.
pub fn history_rows(
    records: &[StepRecord],
    schedule: &ScheduleConfig,
) -> (Vec<HistoryRow>, Vec<StepRow>) {
    let (mut rollouts, mut steps) = (Vec::new(), Vec::new());
    for record in records {
        let step = record.place.number(schedule);
        if let Outcome::Shared(report) = &record.outcome {
            steps.push(StepRow {
                step,
                loss: number(report.loss),
                accuracy: number(report.accuracy),
                learning_rate: report.learning_rate,
                grad_norm: number(report.grad_norm),
            });
        }
        let mut of_arm = [0; Arm::ALL.len()];
        for row in &record.rows {
            let idx = &mut of_arm[row.arm as usize];
            rollouts.push(history_row(record, step, *idx, row, schedule));
            *idx += 1;
        }
    }
    (rollouts, steps)
}

fn history_row(
    record: &StepRecord,
    step: u64,
    idx: u32,
    row: &Row,
    schedule: &ScheduleConfig,
) -> HistoryRow {
    HistoryRow {
        step,
        arm: row.arm,
        idx,
        phase: match record.place.phase {
            Phase::Shared { .. } => HistoryPhase::Shared,
            Phase::Controller { .. } => HistoryPhase::Controller,
            Phase::Derive => HistoryPhase::Derive,
        },
        cycle: record.place.cycle(schedule) as u32,
        cycle_epoch: (record.place.epoch % schedule.epochs_per_cycle) as u32,
        arch_id: row.arch.id(),
        reward: row.reward,
        log_prob: row.log_prob,
        entropy: row.entropy,
    }
}
