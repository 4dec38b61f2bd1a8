//! What a comparison says, in words.
//!
//! There are three comparisons, the first of them in three ways, and each has words of its own. What
//! scores higher with the shared weights need not be better once it is trained alone: neither says
//! anything of the other. And a policy begins with preferences of its own, so that one that has learnt
//! nothing may score higher than random draws.
//!
//! ```text
//! Shared      the policy's draws │ random draws                   same ω, same validation batch
//! OwnShared   the policy's draws │ random draws    each on an ω of its own, same validation batch
//! StandAlone  the policy's draws │ random draws                   from scratch, same validation split
//! Learnt      the policy's draws │ the untrained policy's         same ω, same validation batch
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
    /// The policy's draws with the shared weights, with uniform ones with shared weights that are
    /// trained under uniform draws, on the same validation batches.
    OwnShared,
    /// The policy's draws with uniform ones, each trained from scratch as the search trains them.
    StandAlone,
    /// The policy's draws with those of the policy at its start, with the shared weights as they
    /// are on a validation batch.
    Learnt,
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
            (_, Self::NotMeasured) => "not measured yet",
            (Comparison::Learnt, Self::Better) => "scores higher than untrained",
            (Comparison::Learnt, Self::NotYetBetter) => "does not score higher yet than untrained",
            (Comparison::Learnt, Self::Worse) => "scores lower than untrained",
            (Comparison::Retrained, Self::Better) => "better once retrained",
            (Comparison::Retrained, Self::NotYetBetter) => "not told apart once retrained",
            (Comparison::Retrained, Self::Worse) => "worse once retrained",
            (_, Self::Better) => "scores higher",
            (_, Self::NotYetBetter) => "does not score higher yet",
            (_, Self::Worse) => "scores lower",
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
            (Comparison::OwnShared, _) => self.of_own_shared(),
            (Comparison::StandAlone, _) => self.of_stand_alone(),
            (Comparison::Learnt, Self::Better) => {
                "the policy's draws score higher with the shared weights than the untrained policy's"
            }
            (Comparison::Learnt, Self::NotYetBetter) => {
                "the policy's draws do not score higher yet with the shared weights than the \
                 untrained policy's"
            }
            (Comparison::Learnt, Self::Worse) => {
                "the policy's draws score lower with the shared weights than the untrained policy's"
            }
            (Comparison::Learnt, Self::NotMeasured) => {
                "whether the policy's draws score higher with the shared weights than the untrained \
                 policy's is not measured yet"
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

    /// The sentence of a comparison of arms that share no weights.
    const fn of_stand_alone(self) -> &'static str {
        match self {
            Self::Better => {
                "the policy's draws score higher than random ones, trained from scratch"
            }
            Self::NotYetBetter => {
                "the policy's draws do not score higher yet than random ones, trained from scratch"
            }
            Self::Worse => "the policy's draws score lower than random ones, trained from scratch",
            Self::NotMeasured => {
                "whether the policy's draws score higher than random ones, trained from scratch, is \
                 not measured yet"
            }
        }
    }

    /// The sentence of a comparison of arms that are scored with shared weights of their own.
    const fn of_own_shared(self) -> &'static str {
        match self {
            Self::Better => {
                "the policy's draws score higher with the shared weights than random ones with \
                 shared weights of their own"
            }
            Self::NotYetBetter => {
                "the policy's draws do not score higher yet with the shared weights than random \
                 ones with shared weights of their own"
            }
            Self::Worse => {
                "the policy's draws score lower with the shared weights than random ones with \
                 shared weights of their own"
            }
            Self::NotMeasured => {
                "whether the policy's draws score higher with the shared weights than random ones \
                 with shared weights of their own is not measured yet"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Verdict; 4] =
        [Verdict::Better, Verdict::NotYetBetter, Verdict::Worse, Verdict::NotMeasured];

    #[track_caller]
    fn check(interval: Option<[f64; 3]>, [shared, learnt, retrained]: [&str; 3]) {
        let interval = interval.map(|[low, mean, high]| Interval { mean, low, high });
        let verdict = Verdict::of(interval);
        assert_eq!(verdict.name(Comparison::Shared), shared);
        assert_eq!(verdict.name(Comparison::OwnShared), shared);
        assert_eq!(verdict.name(Comparison::Learnt), learnt);
        assert_eq!(verdict.name(Comparison::Retrained), retrained);
    }

    #[test]
    fn an_interval_is_told_in_the_words_of_its_comparison() {
        check(
            Some([0.01, 0.02, 0.03]),
            ["scores higher", "scores higher than untrained", "better once retrained"],
        );
        let not_yet = [
            "does not score higher yet",
            "does not score higher yet than untrained",
            "not told apart once retrained",
        ];
        check(Some([0.0, 0.02, 0.04]), not_yet);
        check(
            Some([-0.03, -0.02, -0.01]),
            ["scores lower", "scores lower than untrained", "worse once retrained"],
        );
        check(None, ["not measured yet"; 3]);
    }

    #[test]
    fn the_words_of_shared_and_of_retrained_scores_never_mix() {
        for verdict in ALL {
            for of in [Comparison::Shared, Comparison::OwnShared, Comparison::Learnt] {
                let shared = verdict.sentence(of);
                assert!(shared.contains("with the shared weights"), "{shared}");
                assert!(!shared.contains("retrained") && !shared.contains("better"), "{shared}");
            }
            let retrained = verdict.sentence(Comparison::Retrained);
            assert!(retrained.contains("once retrained"), "{retrained}");
            assert!(!retrained.contains("shared") && !retrained.contains("score"), "{retrained}");
        }
    }

    #[test]
    fn what_is_learnt_is_told_against_the_untrained_policy_and_the_rest_against_random_draws() {
        for verdict in ALL {
            let learnt = verdict.sentence(Comparison::Learnt);
            assert!(learnt.contains("the untrained policy's"), "{learnt}");
            assert!(!learnt.contains("random"), "{learnt}");
            for of in [Comparison::Shared, Comparison::OwnShared, Comparison::Retrained] {
                let other = verdict.sentence(of);
                assert!(other.contains("random") && !other.contains("untrained"), "{other}");
                let is_own = of == Comparison::OwnShared;
                assert_eq!(other.contains("shared weights of their own"), is_own, "{other}");
            }
        }
    }
}
