//! The rewards of both arms over θ steps, as the history tells them.

use std::collections::VecDeque;

use enasd::api::wire::HistoryItem;
use enasd::search::Arm;

/// θ steps that are kept: far more than any screen has columns.
const MAX_STEPS: usize = 4000;

/// Points of a line: number of the θ step among those kept, mean reward.
pub(crate) type Points = Vec<(f64, f64)>;

/// The rewards of both arms, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Curve {
    steps: VecDeque<ThetaStep>,
}

/// The rewards of one θ step.
#[derive(Debug)]
struct ThetaStep {
    number: u64,
    policy: Mean,
    random: Mean,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn push(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn value(self) -> Option<f64> {
        (0 < self.count).then(|| self.sum / f64::from(self.count))
    }
}

impl Curve {
    /// Adds rows of the history that follow those added before.
    pub(crate) fn push(&mut self, rows: &[HistoryItem]) {
        for row in rows {
            let Some(reward) = row.reward else { continue };
            let is_policy = match Arm::of_name(&row.arm) {
                Some(Arm::Controller) => true,
                Some(Arm::Random) => false,
                _ => continue,
            };
            if self.steps.back().is_none_or(|last| last.number != row.step) {
                let (policy, random) = (Mean::default(), Mean::default());
                self.steps.push_back(ThetaStep { number: row.step, policy, random });
            }
            let Some(step) = self.steps.back_mut() else { continue };
            if is_policy { step.policy.push(reward) } else { step.random.push(reward) }
        }
        let excess = self.steps.len().saturating_sub(MAX_STEPS);
        self.steps.drain(..excess);
    }

    /// θ steps that are kept.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// The policy's line and the random arm's, each of at most `columns` points: a point is the
    /// mean of neighbouring steps where there are more.
    pub(crate) fn lines(&self, columns: usize) -> [Points; 2] {
        let width = self.steps.len().div_ceil(columns.max(1)).max(1);
        let mut lines = [Points::new(), Points::new()];
        let steps: Vec<&ThetaStep> = self.steps.iter().collect();
        for (idx, group) in steps.chunks(width).enumerate() {
            let x = (idx * width) as f64;
            let arms: [fn(&ThetaStep) -> Mean; 2] = [|step| step.policy, |step| step.random];
            for (line, arm) in lines.iter_mut().zip(arms) {
                let mut mean = Mean::default();
                for value in group.iter().filter_map(|step| arm(step).value()) {
                    mean.push(value);
                }
                line.extend(mean.value().map(|value| (x, value)));
            }
        }
        lines
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A row of a θ step.
    pub(crate) fn row(step: u64, arm: &str, reward: f64) -> HistoryItem {
        HistoryItem {
            step,
            phase: "controller".to_owned(),
            arm: arm.to_owned(),
            reward: Some(reward),
            ..HistoryItem::default()
        }
    }

    #[test]
    fn rewards_of_a_step_are_averaged_by_arm() {
        let mut curve = Curve::default();
        let unscored = HistoryItem { reward: None, ..row(1, "controller", 0.0) };
        curve.push(&[unscored, row(3, "controller", 0.5), row(3, "controller", 0.75)]);
        curve.push(&[row(3, "random", 0.25), row(4, "derive", 0.9), row(5, "random", 0.5)]);
        assert_eq!(curve.len(), 2);
        assert_eq!(curve.lines(10), [vec![(0.0, 0.625)], vec![(0.0, 0.25), (1.0, 0.5)]]);
    }

    #[test]
    fn many_steps_share_few_columns_and_old_ones_are_forgotten() {
        let mut curve = Curve::default();
        let rows: Vec<HistoryItem> =
            (0..5000).map(|step| row(step, "controller", f64::from(step % 2 == 0))).collect();
        curve.push(&rows);
        assert_eq!(curve.len(), MAX_STEPS);
        let [policy, random] = curve.lines(40);
        assert_eq!(policy.len(), 40);
        assert_eq!((policy[0], policy[39]), ((0.0, 0.5), (3900.0, 0.5)));
        assert!(random.is_empty());
    }
}
