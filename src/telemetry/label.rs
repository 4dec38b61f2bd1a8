//! Closed sets of label values: each value is an enum variant, so no caller can invent a series.

/// Declares an enum whose variants are the values of one label.
macro_rules! label {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// The values in the order of the variants.
            pub(super) const NAMES: &'static [&'static str] = &[$($text),*];

            /// Place of this value in [`Self::NAMES`].
            pub(super) fn place(self) -> usize {
                self as usize
            }
        }
    };
}

label! {
    /// Which parameters a step updates.
    pub NetLabel {
        /// The shared parameters ω.
        Shared = "shared",
        /// The policy's parameters θ.
        Policy = "policy",
    }
}

label! {
    /// What the search is doing.
    pub PhaseLabel {
        /// ω is trained.
        Shared = "shared",
        /// θ is trained.
        Controller = "controller",
        /// The best architectures are derived.
        Derive = "derive",
        /// They are trained from scratch.
        Retrain = "retrain",
        /// Nothing, on command.
        Paused = "paused",
        /// Nothing, until a restart.
        Stopped = "stopped",
    }
}

label! {
    /// Who makes progress.
    pub Actor {
        /// Trains ω.
        Trainer = "trainer",
        /// Scores architectures.
        Evaluator = "evaluator",
        /// Draws architectures.
        Sampler = "sampler",
        /// Train nets from scratch.
        Trials = "trials",
        /// Writes files.
        Keeper = "keeper",
        /// Trains θ and decides.
        Controller = "controller",
    }
}

impl Actor {
    /// What it is called.
    pub fn name(self) -> &'static str {
        Self::NAMES[self.place()]
    }
}

label! {
    /// Which images.
    pub Split {
        /// ω learns on them.
        Train = "train",
        /// θ learns on them.
        Valid = "valid",
    }
}

label! {
    /// Who drew the architectures.
    pub Arm {
        /// The policy.
        Controller = "controller",
        /// A uniform draw, the control arm.
        Random = "random",
    }
}

label! {
    /// What of an architecture was over its limit.
    pub CostLabel {
        /// Its trainable values.
        Params = "params",
        /// Its multiply-adds.
        MultiplyAdds = "multiply_adds",
        /// The time of a forward pass.
        Milliseconds = "milliseconds",
    }
}

label! {
    /// What came of a child that is trained from scratch.
    pub ChildLabel {
        /// A score.
        Scored = "scored",
        /// Its loss is no number.
        NotFinite = "not_finite",
        /// It took too long.
        OutOfTime = "out_of_time",
        /// It takes too much memory.
        OutOfMemory = "out_of_memory",
    }
}

label! {
    /// Which images a champion is measured on.
    pub(super) HeldOut {
        /// It was chosen by them.
        Valid = "valid",
        /// Nothing was ever chosen by them.
        Test = "test",
    }
}

label! {
    /// What retrained scores are correlated with.
    pub RankLabel {
        /// Scores with the shared weights.
        Shared = "shared",
        /// Scores of the same architectures with another seed: the most that shared ones can reach.
        Ceiling = "ceiling",
    }
}

label! {
    /// What a promotion led to.
    pub RulingLabel {
        /// The first champion.
        First = "first",
        /// Another champion.
        Replaces = "replaces",
        /// The champion before, which is not beaten by more than noise.
        Stays = "stays",
        /// The champion before, trained again.
        Same = "same",
        /// No ruling: somebody asked for it.
        Measured = "measured",
    }
}

label! {
    /// An estimate, and the ends of its confidence interval.
    pub(super) Bound {
        /// The estimate.
        Mean = "mean",
        /// Lower end.
        Low = "low",
        /// Upper end.
        High = "high",
    }
}

label! {
    /// How an entropy is counted.
    pub(super) EntropyKind {
        /// Over all decisions of an architecture.
        Sum = "sum",
        /// Mean over its decisions.
        PerDecision = "per_decision",
    }
}

label! {
    /// What a request is after.
    pub(super) RequestKind {
        /// To know something; it is answered from what was published.
        Question = "question",
        /// To have something done.
        Command = "command",
    }
}

label! {
    /// How an answer went.
    pub(super) CodeClass {
        /// Answered.
        Ok = "2xx",
        /// Refused: the request is at fault.
        Refused = "4xx",
        /// Failed: the daemon is at fault.
        Failed = "5xx",
    }
}

impl CodeClass {
    /// The class of an HTTP status. The api sends no redirect, so all below 400 went well.
    pub(super) fn of(status: u16) -> Self {
        match status {
            0..400 => Self::Ok,
            400..500 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_names() {
        assert_eq!(Actor::NAMES[Actor::Keeper.place()], "keeper");
        assert_eq!(Bound::NAMES[Bound::High.place()], "high");
    }

    #[test]
    fn a_status_has_one_class() {
        let classes = [200, 304, 404, 499, 500, 599].map(CodeClass::of);
        let wanted = [
            CodeClass::Ok,
            CodeClass::Ok,
            CodeClass::Refused,
            CodeClass::Refused,
            CodeClass::Failed,
            CodeClass::Failed,
        ];
        assert_eq!(classes, wanted);
    }
}
