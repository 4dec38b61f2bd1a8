//! Rollouts: architectures that a strategy drew, as plain data.
//!
//! A rollout may cross threads, be logged and be replayed; whoever owns θ recomputes the gradient
//! from its choices.

use crate::space::{Arch, Choice, Menu};

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
    /// How probable π held each option on the way.
    pub probabilities: Probabilities,
}

/// A drawn architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// What the policy needs to learn from it.
    pub rollout: Rollout,
    /// What its choices spell.
    pub arch: Arch,
    /// What its cost leaves of its reward, 0 to 1: all of it where costs do not count.
    pub cost_factor: f64,
}

/// The probability of each option of a menu, averaged over the picks of a part.
#[derive(Clone, Debug, PartialEq)]
pub struct PickProbabilities {
    /// The part that was picked for.
    pub part: usize,
    /// What was picked from.
    pub menu: &'static Menu,
    /// The average of each option's probability.
    pub options: Vec<f64>,
}

/// What π thought of the options of every menu, part by part, in the order of the script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probabilities(Vec<PickProbabilities>);

impl Probabilities {
    /// The averages over `picks`: the part and the menu of each, and π's distribution.
    pub(super) fn from_picks(picks: &[(usize, &'static Menu, Vec<f64>)]) -> Self {
        let picks = picks.iter().map(|(part, menu, options)| (*part, *menu, &options[..]));
        Self::averages(picks)
    }

    /// The average over `rollouts`, which answer the same script; empty where there are none.
    pub fn mean<'a>(rollouts: impl Iterator<Item = &'a Rollout>) -> Self {
        let all = rollouts.flat_map(|rollout| rollout.probabilities.iter());
        Self::averages(all.map(|found| (found.part, found.menu, &found.options[..])))
    }

    fn averages<'a>(picks: impl Iterator<Item = (usize, &'static Menu, &'a [f64])>) -> Self {
        let mut sums: Vec<(PickProbabilities, f64)> = Vec::new();
        for (part, menu, options) in picks {
            let same = |(sum, _): &(PickProbabilities, f64)| sum.part == part && sum.menu == menu;
            let place = sums.iter().position(same).unwrap_or_else(|| {
                let zeros = vec![0.0; options.len()];
                sums.push((PickProbabilities { part, menu, options: zeros }, 0.0));
                sums.len() - 1
            });
            let (sum, count) = &mut sums[place];
            sum.options.iter_mut().zip(options).for_each(|(sum, option)| *sum += option);
            *count += 1.0;
        }
        let average = |(mut sum, count): (PickProbabilities, f64)| {
            sum.options.iter_mut().for_each(|option| *option /= count);
            sum
        };
        Self(sums.into_iter().map(average).collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &PickProbabilities> {
        self.0.iter()
    }

    /// The probabilities of a menu's options in one part; nothing where it was not picked from.
    #[cfg(test)]
    pub(super) fn get(&self, part: usize, menu: &str) -> Option<&[f64]> {
        let found = self.0.iter().find(|found| found.part == part && found.menu.name == menu);
        found.map(|found| &found.options[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OP: Menu = Menu { name: "op", options: &["a", "b", "c"] };

    #[test]
    fn probabilities_are_averaged_per_part_and_menu_and_over_rollouts() {
        let picks = [
            (0, &OP, vec![1.0, 0.0, 0.0]),
            (0, &OP, vec![0.0, 0.5, 0.5]),
            (1, &OP, vec![0.25, 0.5, 0.25]),
        ];
        let rollout = |picks: &[_]| Rollout {
            choices: Vec::new(),
            log_prob: 0.0,
            entropy: 0.0,
            policy_version: 0,
            probabilities: Probabilities::from_picks(picks),
        };
        let other = [(0, &OP, vec![1.0, 0.0, 0.0]), (1, &OP, vec![0.75, 0.0, 0.25])];
        let mean = Probabilities::mean([rollout(&picks), rollout(&other)].iter());
        assert_eq!(mean.get(0, "op"), Some(&[0.75, 0.125, 0.125][..]));
        assert_eq!(mean.get(1, "op"), Some(&[0.5, 0.25, 0.25][..]));
        assert_eq!((mean.get(2, "op"), mean.get(0, "size")), (None, None));
        assert_eq!(Probabilities::mean([].iter()), Probabilities::default());
    }
}
