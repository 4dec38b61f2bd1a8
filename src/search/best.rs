//! The best architectures of the shared search so far.
//!
//! The score of one is that on the whole validation split with the ω of its time; the weights
//! that go with it are cut from that ω. One leaves only for another with a higher reward.

use crate::search::Score;
use crate::space::Arch;

/// One of the best architectures.
#[derive(Clone, Debug, PartialEq)]
pub struct BestArch {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// What was measured on the validation split. The cross-entropy is not a number where a
    /// checkpoint does not tell it.
    pub score: Score,
    /// What the objective makes of the score.
    pub reward: f64,
    /// The cycle at whose end it was derived, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived it.
    pub step: u64,
}

impl BestArch {
    /// Whether both are of one measurement. Scores alone do not say so: a cross-entropy that a
    /// checkpoint does not tell equals nothing.
    pub fn is_scored_as(&self, other: &Self) -> bool {
        let of = |best: &Self| (best.score.correct, best.score.items, best.step);
        self.arch == other.arch && of(self) == of(other)
    }
}

/// The best architectures, best first, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestArchs(Vec<BestArch>);

/// What a derivation changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BestChange {
    /// Those that came in, or whose reward rose: their weights are to be kept.
    pub entered: Vec<BestArch>,
    /// Ids of those that left.
    pub left: Vec<String>,
}

impl BestArchs {
    /// The list of a checkpoint, best first.
    pub fn from_list(archs: Vec<BestArch>) -> Self {
        Self(archs)
    }

    /// The architectures, best first.
    pub fn archs(&self) -> &[BestArch] {
        &self.0
    }

    /// Offers newly derived ones to a list of at most `keep`.
    pub fn offer(&mut self, candidates: Vec<BestArch>, keep: usize) -> BestChange {
        let before: Vec<(String, f64)> =
            self.0.iter().map(|best| (best.arch.id(), best.reward)).collect();
        for candidate in candidates {
            let id = candidate.arch.id();
            match self.0.iter_mut().find(|best| best.arch.id() == id) {
                Some(known) if known.reward < candidate.reward => *known = candidate,
                Some(_) => {}
                None => self.0.push(candidate),
            }
        }
        // Stable: among equals the older one stays ahead.
        self.0.sort_by(|a, b| b.reward.total_cmp(&a.reward));
        self.0.truncate(keep);
        let now: Vec<String> = self.0.iter().map(|best| best.arch.id()).collect();
        BestChange {
            entered: self
                .0
                .iter()
                .filter(|best| !before.contains(&(best.arch.id(), best.reward)))
                .cloned()
                .collect(),
            left: before.into_iter().map(|(id, _)| id).filter(|id| !now.contains(id)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Objective;
    use crate::space::{MicroSpace, Space};

    /// An architecture that has `correct` of 100 items right.
    fn scored(first: u32, correct: u64) -> BestArch {
        scored_on(first, correct, 100)
    }

    fn scored_on(first: u32, correct: u64, items: u64) -> BestArch {
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        let mut choices = vec![0; 16];
        choices[2] = first;
        choices[3] = first;
        let arch = space.arch(&choices).unwrap();
        let score = Score { nll: 0.0, correct, items };
        let reward = Objective::Accuracy.reward(score);
        BestArch { arch, score, reward, cycle: 0, step: 0 }
    }

    #[test]
    fn a_measurement_without_a_cross_entropy_is_itself_all_the_same() {
        let untold = |best: BestArch| {
            let score = Score { nll: f64::NAN, ..best.score };
            BestArch { score, ..best }
        };
        let best = untold(scored(0, 50));
        assert!(best.is_scored_as(&untold(scored(0, 50))));
        assert!(!best.is_scored_as(&untold(scored(0, 51))));
        assert!(!best.is_scored_as(&untold(scored(1, 50))));
        assert!(!best.is_scored_as(&BestArch { step: 1, ..best.clone() }));
    }

    #[test]
    fn one_leaves_only_for_a_better_one() {
        let mut best = BestArchs::default();
        let change = best.offer(vec![scored(0, 50), scored(1, 60), scored(2, 40)], 2);
        assert_eq!(change.entered, [scored(1, 60), scored(0, 50)]);
        assert_eq!(change.left, Vec::<String>::new());
        assert_eq!(best.offer(vec![scored(3, 50)], 2), BestChange::default());
        let change = best.offer(vec![scored(4, 55)], 2);
        assert_eq!(change.entered, [scored(4, 55)]);
        assert_eq!(change.left, [scored(0, 0).arch.id()]);
    }

    #[test]
    fn a_known_one_keeps_its_better_score() {
        let mut best = BestArchs::default();
        best.offer(vec![scored(0, 50)], 2);
        assert_eq!(best.offer(vec![scored(0, 45)], 2), BestChange::default());
        assert_eq!(best.offer(vec![scored(0, 55)], 2).entered, [scored(0, 55)]);
        assert_eq!(best.archs(), [scored(0, 55)]);
    }

    #[test]
    fn the_reward_says_which_is_better_and_not_how_many_are_right() {
        let mut best = BestArchs::default();
        best.offer(vec![scored_on(0, 50, 100), scored_on(1, 9, 10)], 2);
        assert_eq!(best.archs(), [scored_on(1, 9, 10), scored_on(0, 50, 100)]);
        let change = best.offer(vec![scored_on(0, 8, 10)], 2);
        assert_eq!(change.entered, [scored_on(0, 8, 10)]);
    }
}
