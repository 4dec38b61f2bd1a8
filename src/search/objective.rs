//! The objective: the one place where a measurement becomes a reward. (What a
//! [`Table`](crate::search::Table) says is a reward already.)
//!
//! A score is what was measured of a child; the objective says what of it the policy is to
//! maximize. Everything that compares architectures compares rewards.
//!
//! ```text
//! accuracy       R(m, ω) = accuracy · f
//! neg-log-nll    R(m, ω) = −ln (nll / f)        f, the cost factor of m, 1 where costs do not count
//! perplexity     R(m, ω) = 80 / exp(nll) · f    ENAS, section 3.1, for text
//! ```
//!
//! `nll` is the mean cross-entropy in nats. Its logarithm tells nets apart that accuracy cannot: every
//! image says how sure the net was, and what doubles the loss costs as much at a low one as at a
//! high one.
//!
//! Nets that are trained from scratch are compared by what was measured alone: they come from what
//! the search chose, all within the limits, and their cost stands beside their score.

use serde::{Deserialize, Serialize};

use crate::data::DataKind;
use crate::engine::Measured;
use crate::numbers::percent;
use crate::search::{Sampled, SearchError};

/// What was measured of a child on validation data.
pub type Score = Measured;

/// What the search maximizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The share of items that the child has right (ENAS, section 2.2, for images).
    #[default]
    Accuracy,
    /// The negative logarithm of the mean cross-entropy.
    NegLogNll,
    /// 80 divided by the perplexity, of words (ENAS, section 3.1).
    Perplexity,
}

/// `c` in `c / perplexity` (ENAS, section 3.1).
const PERPLEXITY_SCALE: f64 = 80.0;

/// Cross-entropies of which all below are as good.
const MIN_NLL: f64 = 1e-6;

/// An architecture that was drawn, and what its child reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// What was drawn.
    pub sampled: Sampled,
    /// What was measured.
    pub score: Score,
    /// `R(m, ω)`, which the objective makes of the score.
    pub reward: f64,
}

impl Objective {
    /// Cross-entropies of which all above are as bad, in nats: that of a net that is sure of ten
    /// thousands of classes alike, and so is one whose logits are no numbers.
    pub const MAX_NLL: f64 = 10.0;

    /// The names of all.
    pub const NAMES: &[&str] =
        &[Self::Accuracy.name(), Self::NegLogNll.name(), Self::Perplexity.name()];

    /// The name in settings, in status and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::NegLogNll => "neg-log-nll",
            Self::Perplexity => "perplexity",
        }
    }

    /// The objective called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Accuracy, Self::NegLogNll, Self::Perplexity];
        all.into_iter().find(|objective| objective.name() == name)
    }

    /// Whether it is of text.
    pub const fn is_of_words(self) -> bool {
        matches!(self, Self::Perplexity)
    }

    /// Refuses data of the other kind.
    pub fn check(self, data: DataKind) -> Result<(), SearchError> {
        let is_text = matches!(data, DataKind::Words { .. });
        if is_text == self.is_of_words() {
            return Ok(());
        }
        Err(SearchError::Objective { found: self.name(), is_text })
    }

    /// The reward of a score on one item or more where its cost takes nothing: finite, and the
    /// lowest there is for a child whose logits are no numbers.
    pub fn reward(self, score: Score) -> f64 {
        self.reward_at(score, 1.0)
    }

    /// The reward of a score of which the cost leaves the share `factor`, 0 to 1.
    pub fn reward_at(self, score: Score, factor: f64) -> f64 {
        match self {
            Self::Accuracy => score.accuracy() * factor,
            Self::NegLogNll => {
                let nll = score.nll / score.items as f64 / factor;
                // What is no number is not below the limit.
                -if nll < Self::MAX_NLL { nll.max(MIN_NLL) } else { Self::MAX_NLL }.ln()
            }
            // Of a perplexity that is no number, or beyond all, nothing is left.
            Self::Perplexity => (Self::of_perplexity(score.perplexity()) * factor).max(0.0),
        }
    }

    /// What [`Objective::Perplexity`] makes of a perplexity: 80 divided by it.
    pub fn of_perplexity(perplexity: f64) -> f64 {
        PERPLEXITY_SCALE / perplexity
    }

    /// The reward without what the cost took of it, where any of it is left.
    pub fn without_cost(self, reward: f64, factor: f64) -> Option<f64> {
        (0.0 < factor).then(|| match self {
            Self::Accuracy | Self::Perplexity => reward / factor,
            Self::NegLogNll => reward - factor.ln(),
        })
    }

    /// A reward as people read it: a percentage of the images, or a number.
    pub fn show(self, reward: f64) -> String {
        match self {
            Self::Accuracy => percent(reward),
            Self::NegLogNll | Self::Perplexity => format!("{reward:.4}"),
        }
    }

    /// A difference of two rewards as people read it, with its sign.
    pub fn show_difference(self, difference: f64) -> String {
        match self {
            Self::Accuracy => format!("{:+.2} points", 100.0 * difference),
            Self::NegLogNll | Self::Perplexity => format!("{difference:+.4}"),
        }
    }

    /// The perplexity of a score, where people are told of that beside the accuracy; infinite where
    /// it is no number.
    pub fn perplexity(self, score: Score) -> Option<f64> {
        let perplexity = score.perplexity();
        let told = if perplexity.is_finite() { perplexity } else { f64::INFINITY };
        self.is_of_words().then_some(told)
    }

    /// What two retrained nets are compared by on the test split, the higher the better: accuracy,
    /// whatever the search maximizes, or the negated logarithm of the perplexity.
    pub fn tested(self, score: Score) -> f64 {
        match self {
            Self::Accuracy | Self::NegLogNll => score.accuracy(),
            Self::Perplexity => -score.nll / score.items as f64,
        }
    }

    /// The objective whose units differences of [`Objective::tested`] have.
    pub const fn of_tests(self) -> Self {
        match self {
            Self::Accuracy | Self::NegLogNll => Self::Accuracy,
            Self::Perplexity => Self::Perplexity,
        }
    }

    /// What was drawn with its scores, in the same order.
    pub fn scored(self, sampled: Vec<Sampled>, scores: Vec<Score>) -> Vec<Scored> {
        let pairs = sampled.into_iter().zip(scores);
        pairs
            .map(|(sampled, score)| {
                let reward = self.reward_at(score, sampled.cost_factor);
                Scored { sampled, score, reward }
            })
            .collect()
    }
}

#[cfg(test)]
impl Scored {
    /// An architecture of `space` with a reward that no score stands behind.
    pub(super) fn with_reward(
        space: crate::space::Space,
        rollout: crate::search::Rollout,
        reward: f64,
    ) -> Self {
        let arch = space.arch(&rollout.choices).unwrap();
        let sampled = Sampled { rollout, arch, cost_factor: 1.0 };
        Self { sampled, score: Score::default(), reward }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_is_no_number_has_a_reward_of_zero() {
        let score = Score { nll: f64::NAN, correct: 0, items: 8 };
        assert_eq!(Objective::Accuracy.reward(score).to_bits(), 0);
    }

    #[test]
    fn a_lower_cross_entropy_has_the_higher_reward_and_none_is_infinite() {
        let reward = |nll| Objective::NegLogNll.reward(Score { nll, correct: 0, items: 8 });
        assert_eq!(reward(8.0).to_bits(), (-0.0_f64).to_bits());
        assert!((reward(4.0) - 2.0_f64.ln()).abs() < 1e-15);
        for bad in [f64::NAN, f64::INFINITY, 80.0, 1e9] {
            assert!((reward(bad) + 10.0_f64.ln()).abs() < 1e-15, "{bad}");
        }
        assert!(reward(0.0).is_finite() && reward(1e-9) <= reward(0.0));
    }

    #[test]
    fn what_costs_more_is_worth_less_whether_its_reward_is_above_zero_or_below() {
        let objective = Objective::NegLogNll;
        for nll in [1.0, 30.0] {
            let score = Score { nll, correct: 0, items: 8 };
            let [free, dear] = [1.0, 0.5].map(|factor| objective.reward_at(score, factor));
            assert!((free - dear - 2.0_f64.ln()).abs() < 1e-12, "{free} and {dear}");
            let back = objective.without_cost(dear, 0.5).unwrap();
            assert!((back - free).abs() < 1e-12, "{back}");
        }
        let score = Score { nll: 1.0, correct: 4, items: 8 };
        assert!((objective.reward_at(score, 0.0) + 10.0_f64.ln()).abs() < 1e-15);
        assert_eq!(objective.without_cost(1.0, 0.0), None);
    }

    #[test]
    fn rewards_are_shown_in_their_own_units() {
        let shown = |objective: Objective| (objective.show(0.5), objective.show_difference(-0.125));
        assert_eq!(shown(Objective::Accuracy), ("50.00 %".into(), "-12.50 points".into()));
        assert_eq!(shown(Objective::NegLogNll), ("0.5000".into(), "-0.1250".into()));
        for objective in [Objective::Accuracy, Objective::NegLogNll, Objective::Perplexity] {
            assert_eq!(Objective::of_name(objective.name()), Some(objective));
            assert_eq!(serde_json::to_value(objective).unwrap(), objective.name());
        }
    }

    #[test]
    fn a_lower_perplexity_has_the_higher_reward_and_none_at_all_has_none() {
        let objective = Objective::Perplexity;
        let score = |nll| Score { nll, correct: 0, items: 8 };
        let at_100 = score(8.0 * 100_f64.ln());
        assert!((objective.perplexity(at_100).unwrap() - 100.0).abs() < 1e-9);
        assert!((objective.reward(at_100) - 0.8).abs() < 1e-12);
        assert!((objective.reward_at(at_100, 0.5) - 0.4).abs() < 1e-12);
        for bad in [f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(objective.reward(score(bad)).to_bits(), 0, "{bad}");
        }
    }

    #[test]
    fn text_takes_a_perplexity_and_images_take_none() {
        let words = DataKind::Words { vocabulary: 9 };
        assert!(Objective::Perplexity.check(words).is_ok());
        let error = Objective::NegLogNll.check(words).unwrap_err().to_string();
        assert_eq!(
            error,
            "`score.reward` is `neg-log-nll`, and the data are text; set it to `perplexity`"
        );
    }

    #[test]
    fn accuracy_is_the_share_that_is_right() {
        let score = Score { nll: 1.0, correct: 6, items: 8 };
        assert_eq!(Objective::Accuracy.reward(score).to_bits(), 0.75_f64.to_bits());
    }
}
