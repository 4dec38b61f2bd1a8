//! Rollouts: architectures that a strategy drew, as plain data.
//!
//! A rollout may cross threads, be logged and be replayed; whoever owns θ recomputes the gradient
//! from its choices.

use crate::space::{CellKind, Choice, Op};

/// One architecture drawn from π(m; θ), or uniformly.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// The choices that spell the architecture, in the order of the script.
    pub choices: Vec<Choice>,
    /// log π(m; θ) when it was drawn; 0 or less.
    pub log_prob: f64,
    /// The entropy of every decision's distribution, summed over the decisions, in nats.
    pub entropy: f64,
    /// The version of θ that drew it; 0 for a uniform draw.
    pub policy_version: u64,
    /// How probable π held each operation on the way.
    pub op_probabilities: OpProbabilities,
}

/// The probability of each operation, averaged over the picks of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OpProbabilities([[f64; Op::ALL.len()]; CellKind::ALL.len()]);

impl OpProbabilities {
    /// The averages over `picks`: the cell of each and π's distribution. A cell without picks has
    /// zeros.
    pub(super) fn from_picks(picks: &[(CellKind, Vec<f64>)]) -> Self {
        let mean = |cell: CellKind, op: Op| {
            let of_cell = || picks.iter().filter(|(kind, _)| *kind == cell);
            let sum: f64 = of_cell().map(|(_, probs)| probs[op.idx()]).sum();
            sum / of_cell().count().max(1) as f64
        };
        Self(CellKind::ALL.map(|cell| Op::ALL.map(|op| mean(cell, op))))
    }

    /// The average over `rollouts`, which answer the same script; zeros where there are none.
    pub fn mean<'a>(rollouts: impl ExactSizeIterator<Item = &'a Rollout> + Clone) -> Self {
        let n = rollouts.len().max(1) as f64;
        let mean =
            |cell, op| rollouts.clone().map(|r| r.op_probabilities.get(cell, op)).sum::<f64>() / n;
        Self(CellKind::ALL.map(|cell| Op::ALL.map(|op| mean(cell, op))))
    }

    /// The probability of `op` in cells of kind `cell`.
    pub fn get(&self, cell: CellKind, op: Op) -> f64 {
        self.0[cell as usize][op.idx()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_probabilities_are_averaged_per_cell_and_over_rollouts() {
        let picks = [
            (CellKind::Normal, vec![1.0, 0.0, 0.0, 0.0, 0.0]),
            (CellKind::Normal, vec![0.0, 0.5, 0.5, 0.0, 0.0]),
            (CellKind::Reduction, vec![0.2; 5]),
        ];
        let rollout = |picks: &[_]| Rollout {
            choices: Vec::new(),
            log_prob: 0.0,
            entropy: 0.0,
            policy_version: 0,
            op_probabilities: OpProbabilities::from_picks(picks),
        };
        let mean = OpProbabilities::mean([rollout(&picks), rollout(&picks[..1])].iter());
        let of = |cell| Op::ALL.map(|op| mean.get(cell, op)).to_vec();
        assert_eq!(of(CellKind::Normal), [0.75, 0.125, 0.125, 0.0, 0.0]);
        assert_eq!(of(CellKind::Reduction), [0.1; 5]);
        assert_eq!(OpProbabilities::mean([].iter()), OpProbabilities::default());
    }
}
