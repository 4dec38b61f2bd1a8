//! What a report tells, as plain data: whoever has a report made fills this in.

use crate::export::report::curves::Curves;
use crate::numbers::{deviation, mean, percent};
use crate::space::Arch;

/// Everything that a report tells. Accuracies and differences of them are shares of 1, rewards are in
/// their own unit.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was searched, and on what.
    pub title: String,
    /// What rewards are.
    pub rewards: RewardUnit,
    /// What retrained nets are told and compared in.
    pub tests: RewardUnit,
    /// What is compared, and what came of it.
    pub verdicts: Vec<ReportVerdict>,
    /// The search over time.
    pub curves: Curves,
    /// The best architecture so far once retrained.
    pub champion: Option<ReportChampion>,
    /// All that were retrained.
    pub retrained: Vec<RetrainedArch>,
    /// Whether shared scores order architectures as retraining does.
    pub agreement: Agreement,
    /// The configuration: keys and values.
    pub config: Vec<(String, String)>,
    /// Where the numbers come from: names and values.
    pub provenance: Vec<(String, String)>,
    /// What a reader has to know of what is missing.
    pub remarks: Vec<String>,
}

/// What rewards are, and how they are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RewardUnit {
    /// Accuracies: shares of 1.
    #[default]
    Accuracy,
    /// Negative logarithms of mean cross-entropies: numbers of either sign.
    NegLogNll,
    /// 80 divided by perplexities: numbers above 0.
    Perplexity,
}

impl RewardUnit {
    /// One of them in words.
    pub(super) fn show(self, reward: f64) -> String {
        match self {
            Self::Accuracy => percent(reward),
            Self::NegLogNll | Self::Perplexity => format!("{reward:.4}"),
        }
    }

    /// What an axis of retrained nets is called.
    pub(super) const fn retrained_label(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy once retrained",
            Self::NegLogNll => "reward once retrained",
            Self::Perplexity => "80 / perplexity once retrained",
        }
    }

    /// What they are, in words.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracies",
            Self::NegLogNll => "negative logarithms of the mean cross-entropies",
            Self::Perplexity => "80 divided by perplexities",
        }
    }
}

/// A comparison in words and numbers.
#[derive(Clone, Debug, Default)]
pub struct ReportVerdict {
    /// What is compared.
    pub heading: String,
    /// What it says, as a sentence without its final point.
    pub sentence: String,
    /// The difference with the ends of its 95 % interval: mean, low, high.
    pub interval: Option<[f64; 3]>,
    /// What it is a difference of.
    pub unit: RewardUnit,
    /// How much it stands on, as in `100 steps`.
    pub over: String,
}

/// The champion.
#[derive(Clone, Debug)]
pub struct ReportChampion {
    /// The architecture.
    pub arch: Arch,
    /// What was measured of it: names and values.
    pub facts: Vec<(String, String)>,
}

/// Who drew an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrawnBy {
    /// The policy.
    Policy,
    /// Uniform draws.
    Random,
    /// Somebody who asked for it.
    Request,
}

impl DrawnBy {
    /// Everybody, in the order of legends.
    pub(super) const ALL: [Self; 3] = [Self::Policy, Self::Random, Self::Request];

    /// In words.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Random => "random",
            Self::Request => "on request",
        }
    }
}

/// An architecture that was trained from scratch.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrainedArch {
    /// Its id.
    pub id: String,
    /// Who drew it.
    pub by: DrawnBy,
    /// The cycle, counted from 1.
    pub cycle: u64,
    /// Epochs of the training of each of its nets.
    pub epochs: u64,
    /// Its reward with the shared weights.
    pub shared: Option<f64>,
    /// What each of its nets has of the validation split, in [`Report::tests`]; there is one at
    /// least.
    pub nets: Vec<f64>,
    /// What the net to be handed out has of the test split, in [`Report::tests`].
    pub test: Option<f64>,
    /// Trainable parameters, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// Whether it is the champion.
    pub is_champion: bool,
}

impl RetrainedArch {
    /// The mean of its nets.
    pub fn mean(&self) -> f64 {
        mean(&self.nets)
    }

    /// The standard deviation between its nets, where there are two or more.
    pub fn spread(&self) -> Option<f64> {
        deviation(&self.nets)
    }
}

/// Kendall's τ between shared and retrained scores, beside the most that it could be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Agreement {
    /// Architectures that were correlated.
    pub archs: u64,
    /// τ with the ends of its 95 % interval: mean, low, high.
    pub tau: Option<[f64; 3]>,
    /// The same between two retrainings of the same architectures.
    pub ceiling: Option<[f64; 3]>,
}
