//! What a comparison of the two arms says, in words.
//!
//! There are two comparisons, and each has words of its own. What scores higher with the shared
//! weights need not be better once it is trained alone: neither says anything of the other.
//!
//! ```text
//! Shared      the policy's draws │ random draws                   same ω, same validation batch
//! Retrained   the policy's choice │ the best of as many random    from scratch, same test images
//! ```

use crate::search::Interval;

/// What an interval of a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is above 0.
    Better,
    /// The interval holds 0.
    NotYetBetter,
    /// The whole interval is below 0.
    Worse,
    /// There is too little to tell.
    NotMeasured,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// The policy's draws with uniform ones, with the shared weights on validation batches.
    Shared,
    /// The policy's choice with the best of as many uniform draws, both retrained, on the test
    /// split.
    Retrained,
}

impl Verdict {
    /// What an interval of a difference says.
    pub(super) fn of(interval: Option<Interval>) -> Self {
        match interval {
            None => Self::NotMeasured,
            Some(Interval { low, .. }) if 0.0 < low => Self::Better,
            Some(Interval { high, .. }) if high < 0.0 => Self::Worse,
            Some(_) => Self::NotYetBetter,
        }
    }

    /// A few words, for tables.
    pub const fn name(self, of: Comparison) -> &'static str {
        match (of, self) {
            (Comparison::Shared, Self::Better) => "scores higher",
            (Comparison::Shared, Self::NotYetBetter) => "does not score higher yet",
            (Comparison::Shared, Self::Worse) => "scores lower",
            (Comparison::Retrained, Self::Better) => "better once retrained",
            (Comparison::Retrained, Self::NotYetBetter) => "not told apart once retrained",
            (Comparison::Retrained, Self::Worse) => "worse once retrained",
            (_, Self::NotMeasured) => "not measured yet",
        }
    }

    /// A sentence without its final point.
    pub const fn sentence(self, of: Comparison) -> &'static str {
        match (of, self) {
            (Comparison::Shared, Self::Better) => {
                "the policy's draws score higher with the shared weights than random ones"
            }
            (Comparison::Shared, Self::NotYetBetter) => {
                "the policy's draws do not score higher yet with the shared weights than random ones"
            }
            (Comparison::Shared, Self::Worse) => {
                "the policy's draws score lower with the shared weights than random ones"
            }
            (Comparison::Shared, Self::NotMeasured) => {
                "whether the policy's draws score higher with the shared weights than random ones is \
                 not measured yet"
            }
            (Comparison::Retrained, Self::Better) => {
                "the policy's choice is better once retrained than the best of as many random draws"
            }
            (Comparison::Retrained, Self::NotYetBetter) => {
                "the policy's choice is not told apart once retrained from the best of as many \
                 random draws"
            }
            (Comparison::Retrained, Self::Worse) => {
                "the policy's choice is worse once retrained than the best of as many random draws"
            }
            (Comparison::Retrained, Self::NotMeasured) => {
                "whether the policy's choice is better once retrained than the best of as many \
                 random draws is not measured yet"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(interval: Option<[f64; 3]>, shared: &str, retrained: &str) {
        let interval = interval.map(|[low, mean, high]| Interval { mean, low, high });
        let verdict = Verdict::of(interval);
        assert_eq!(verdict.name(Comparison::Shared), shared);
        assert_eq!(verdict.name(Comparison::Retrained), retrained);
    }

    #[test]
    fn an_interval_is_told_in_the_words_of_its_comparison() {
        check(Some([0.01, 0.02, 0.03]), "scores higher", "better once retrained");
        check(
            Some([0.0, 0.02, 0.04]),
            "does not score higher yet",
            "not told apart once retrained",
        );
        check(Some([-0.03, -0.02, -0.01]), "scores lower", "worse once retrained");
        check(None, "not measured yet", "not measured yet");
    }

    #[test]
    fn the_words_of_the_two_comparisons_never_mix() {
        use Verdict::{Better, NotMeasured, NotYetBetter, Worse};
        for verdict in [Better, NotYetBetter, Worse, NotMeasured] {
            let [shared, retrained] =
                [Comparison::Shared, Comparison::Retrained].map(|of| verdict.sentence(of));
            assert!(shared.contains("with the shared weights") && !shared.contains("retrained"));
            assert!(retrained.contains("once retrained") && !retrained.contains("shared"));
            assert!(!shared.contains("better") && !retrained.contains("score"), "{shared}");
        }
    }
}
