//! The search over time, for a report: what is folded by the hour, then single rows by the epoch.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::api::Problem;
use crate::api::routes::State;
use crate::api::turns::Turn;
use crate::export::{CurvePoint, Curves, Moments};
use crate::search::Arm;
use crate::store::{
    HistoryFilter, HistoryPhase, HistoryReader, HistoryRow, HourRow, Page, StoreError,
};

/// Rows that are read at a time: the disk answers for these well within its limit.
const PAGE_ROWS: u32 = 10_000;

/// Reads the whole history, a page at a time; also how many rows are damaged. Some minutes for
/// one of gigabytes.
pub(super) async fn curves(state: &State, turn: &Turn) -> Result<(Curves, u64), Problem> {
    let path = state.config.history.clone();
    let hours = state.read_in(turn, move || Ok(HistoryReader::open(&path)?.hours()?)).await?;
    let mut reading = Reading::default();
    reading.add_hours(&hours);
    // The search goes on meanwhile: what it adds from here on is not waited for.
    let end = state.status().place.number;
    loop {
        let (path, since) = (state.config.history.clone(), reading.next_since);
        let page = state.read_in(turn, move || Ok(page(path, since)?)).await?;
        let is_full = PAGE_ROWS as usize <= page.rows.len();
        if !reading.add(&page) || !is_full && end <= reading.next_since {
            return Ok(reading.end());
        }
    }
}

fn page(path: PathBuf, since: u64) -> Result<Page, StoreError> {
    HistoryReader::open(&path)?.page(since, PAGE_ROWS, HistoryFilter::default())
}

/// What is read so far.
#[derive(Default)]
struct Reading {
    curves: Curves,
    /// What is folded and stands behind the last point. Rows of ω fold long before scored ones, so
    /// hours lie among epochs.
    hours: VecDeque<CurvePoint>,
    /// The epoch that rows are added to, with its cycle and its place in that.
    epoch: Option<((u32, u32), CurvePoint)>,
    next_since: u64,
    damaged: u64,
}

impl Reading {
    /// Adds what is folded: a point for each hour.
    fn add_hours(&mut self, hours: &[HourRow]) {
        // The rows of an hour begin with about the same step, those of two hours never.
        let mut point: Option<CurvePoint> = None;
        for hour in hours {
            self.hours.extend(point.take_if(|point| point.last_step < hour.first_step));
            let point = point.get_or_insert_with(|| CurvePoint {
                first_step: hour.first_step,
                ..CurvePoint::default()
            });
            add_hour(point, hour);
        }
        self.hours.extend(point);
    }

    /// Adds an epoch, behind the hours before it.
    fn add_epoch(&mut self, epoch: &CurvePoint) {
        while let Some(hour) = self.hours.pop_front_if(|hour| hour.step() < epoch.step()) {
            self.curves.add(&hour);
        }
        self.curves.add(epoch);
    }

    /// Adds single rows; whether there may be more.
    fn add(&mut self, page: &Page) -> bool {
        let mut updates = page.updates.iter().peekable();
        for row in &page.rows {
            let point = self.point(row);
            while let Some(update) = updates.next_if(|update| update.step <= row.step) {
                update.loss.into_iter().for_each(|loss| point.loss.add(loss));
            }
            add_row(point, row);
        }
        self.damaged += page.damaged;
        let goes_on = self.next_since < page.next_since;
        self.next_since = page.next_since;
        goes_on
    }

    /// The point of the epoch of a row.
    fn point(&mut self, row: &HistoryRow) -> &mut CurvePoint {
        let epoch = (row.cycle, row.cycle_epoch);
        if let Some((_, done)) = self.epoch.take_if(|(known, _)| *known != epoch) {
            self.add_epoch(&done);
        }
        let fresh = || CurvePoint { first_step: row.step, ..CurvePoint::default() };
        let (_, point) = self.epoch.get_or_insert_with(|| (epoch, fresh()));
        point.last_step = point.last_step.max(row.step);
        point
    }

    fn end(mut self) -> (Curves, u64) {
        if let Some((_, point)) = self.epoch.take() {
            self.add_epoch(&point);
        }
        self.hours.iter().for_each(|hour| self.curves.add(hour));
        (self.curves, self.damaged)
    }
}

fn add_hour(point: &mut CurvePoint, hour: &HourRow) {
    point.last_step = point.last_step.max(hour.last_step);
    let rewards =
        Moments { count: hour.rewards, sum: hour.reward_sum, squares: hour.reward_squares };
    match (hour.phase, hour.arm) {
        (HistoryPhase::Controller, Arm::Controller) => point.policy.merge(rewards),
        (HistoryPhase::Controller, Arm::Random) => point.random.merge(rewards),
        _ => {}
    }
    // Only means of losses are shown: their squares are not kept.
    point.loss.merge(Moments { count: hour.losses, sum: hour.loss_sum, squares: 0.0 });
    hour.reward_max.into_iter().for_each(|reward| point.raise(reward));
}

fn add_row(point: &mut CurvePoint, row: &HistoryRow) {
    let Some(reward) = row.reward else { return };
    point.raise(reward);
    match (row.phase, row.arm) {
        (HistoryPhase::Controller, Arm::Controller) => {
            point.policy.add(reward);
            row.entropy.into_iter().for_each(|entropy| point.entropy.add(entropy));
        }
        (HistoryPhase::Controller, Arm::Random) => point.random.add(reward),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StepRow;

    fn row(step: u64, epoch: u32, arm: Arm, reward: Option<f64>) -> HistoryRow {
        HistoryRow {
            step,
            arm,
            idx: 0,
            phase: if reward.is_some() { HistoryPhase::Controller } else { HistoryPhase::Shared },
            cycle: 3,
            cycle_epoch: epoch,
            arch_id: "m5-1".to_owned(),
            reward,
            log_prob: None,
            entropy: Some(2.0),
        }
    }

    fn update(step: u64, loss: f64) -> StepRow {
        StepRow { step, loss: Some(loss), accuracy: None, learning_rate: 0.1, grad_norm: None }
    }

    fn hour(first_step: u64, arm: Arm, reward: f64) -> HourRow {
        HourRow {
            phase: HistoryPhase::Controller,
            arm,
            first_step,
            last_step: first_step + 9,
            rewards: 2,
            reward_sum: 2.0 * reward,
            reward_squares: 2.0 * reward * reward,
            reward_max: Some(reward),
            losses: 1,
            loss_sum: 1.5,
        }
    }

    #[test]
    fn hours_and_epochs_are_points_in_the_order_of_the_search() {
        let mut reading = Reading::default();
        reading.add_hours(&[
            hour(0, Arm::Controller, 0.3),
            hour(1, Arm::Random, 0.2),
            hour(20, Arm::Controller, 0.4),
            HourRow { rewards: 0, ..hour(50, Arm::Controller, 0.0) },
        ]);
        let page = Page {
            rows: vec![
                row(40, 0, Arm::Controller, None),
                row(41, 0, Arm::Controller, Some(0.5)),
                row(41, 0, Arm::Random, Some(0.7)),
            ],
            updates: vec![update(40, 1.25)],
            next_since: 42,
            damaged: 1,
        };
        assert!(reading.add(&page));
        // The epoch goes on in the next page.
        let rows = vec![row(42, 0, Arm::Controller, Some(0.7)), row(43, 1, Arm::Derive, Some(0.9))];
        assert!(reading.add(&Page { rows, updates: Vec::new(), next_since: 44, damaged: 0 }));
        assert!(!reading.add(&Page { next_since: 44, ..Page::default() }));
        let (curves, damaged) = reading.end();
        let points = curves.points();
        let spans: Vec<_> =
            points.iter().map(|point| (point.first_step, point.last_step)).collect();
        assert_eq!(spans, [(0, 10), (20, 29), (40, 42), (43, 43), (50, 59)]);
        let means: Vec<_> =
            points.iter().map(|point| (point.policy.mean(), point.random.mean())).collect();
        let expected = [
            (Some(0.3), Some(0.2)),
            (Some(0.4), None),
            (Some(0.6), Some(0.7)),
            (None, None),
            (None, None),
        ];
        assert_eq!(means, expected);
        assert_eq!((points[0].loss.mean(), points[2].loss.mean()), (Some(1.5), Some(1.25)));
        assert_eq!((points[2].entropy.count, points[2].best), (2, Some(0.7)));
        assert_eq!((points[3].best, damaged), (Some(0.9), 1));
    }
}
