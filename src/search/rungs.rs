//! Successive halving: many candidates are trained for little, the best third of each arm for longer,
//! and so on, until a few are trained to the end (Karnin et al., 2013; Jamieson and Talwalkar, 2016).
//!
//! ```text
//! rung   epochs          architectures of each arm      nets of each
//! 0      P               first                          1
//! 1      P + PF          first/3                        2
//! 2      P + PF + PF²    first/9                        3           at least `candidates`
//! last   epochs          candidates                     seeds
//! ```
//!
//! A rung ends with a period of the learning rate: there a net is as good as it has become so far, and
//! what follows begins with a restart anyway. So a net that goes on is not begun again, and a rung of
//! few epochs is no other training than the beginning of a long one.

use crate::search::{FinalConfig, TrialPlan};

/// One of this many goes on.
const REDUCTION: usize = 3;

/// A rung: how many are trained, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Epochs that a net of this rung has had at its end, those of earlier rungs included.
    pub epochs: u64,
    /// Architectures of each arm.
    pub archs: usize,
    /// Nets of each.
    pub seeds: usize,
}

impl FinalConfig {
    /// The rungs, of which the last one trains to the end; the only one without halving.
    pub fn rungs(&self) -> Vec<Rung> {
        let mut rungs: Vec<Rung> = Vec::new();
        // Without candidates nothing is promoted.
        if 0 < self.first && 0 < self.candidates {
            let mut archs = self.first.max(self.candidates);
            for epochs in self.period_ends() {
                let seeds = self.seeds.min(rungs.len() + 1);
                rungs.push(Rung { epochs, archs, seeds });
                archs = archs.div_ceil(REDUCTION).max(self.candidates);
            }
        }
        let Self { epochs, candidates: archs, seeds, .. } = *self;
        rungs.push(Rung { epochs, archs, seeds });
        rungs
    }

    /// The epochs before the last at which a period of the learning rate ends.
    fn period_ends(&self) -> Vec<u64> {
        let (mut ends, mut end, mut period) = (Vec::new(), 0_u64, self.learning_rate_period);
        loop {
            end = end.saturating_add(period);
            if period == 0 || self.epochs <= end {
                return ends;
            }
            ends.push(end);
            period = period.saturating_mul(self.learning_rate_period_factor);
        }
    }

    /// How the nets of a rung are trained; those of all but the last may go on.
    pub(super) fn of_rung(&self, rung: Rung) -> Self {
        let first = if rung.epochs == self.epochs { 0 } else { self.first };
        Self { epochs: rung.epochs, first, ..*self }
    }
}

impl TrialPlan {
    /// The training that this one begins with, where a period of the learning rate ends before it
    /// does: whose net it can go on from.
    pub fn beginning(&self) -> Option<Self> {
        let epochs = self.recipe.period_ends().pop()?;
        let recipe = FinalConfig { epochs, ..self.recipe };
        Some(Self { recipe, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe(first: usize, period: u64, epochs: u64) -> FinalConfig {
        FinalConfig {
            first,
            candidates: 2,
            seeds: 3,
            epochs,
            learning_rate_period: period,
            learning_rate_period_factor: 2,
            ..FinalConfig::default()
        }
    }

    #[test]
    fn a_third_goes_on_at_the_end_of_each_period_with_more_nets() {
        let rung = |epochs, archs, seeds| Rung { epochs, archs, seeds };
        let found = recipe(20, 1, 15).rungs();
        assert_eq!(found, [rung(1, 20, 1), rung(3, 7, 2), rung(7, 3, 3), rung(15, 2, 3)]);
        // The last period is cut.
        assert_eq!(recipe(9, 2, 5).rungs(), [rung(2, 9, 1), rung(5, 2, 3)]);
        assert_eq!(recipe(1, 2, 5).rungs()[0], rung(2, 2, 1), "no fewer than go to the end");
    }

    #[test]
    fn without_halving_or_with_one_period_there_is_one_rung() {
        for recipe in [recipe(0, 1, 15), recipe(20, 15, 15), recipe(20, 0, 15)] {
            let all = Rung { epochs: 15, archs: 2, seeds: 3 };
            assert_eq!(recipe.rungs(), [all]);
        }
        let none = FinalConfig { candidates: 0, ..recipe(20, 1, 15) };
        assert_eq!(none.rungs(), [Rung { epochs: 15, archs: 0, seeds: 3 }]);
    }
}
