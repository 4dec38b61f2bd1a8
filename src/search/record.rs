//! What a finished step leaves: the rows of the history, and what came of it.

use crate::search::{
    AdvantageReport, Applied, Arm, BestChange, LearnReport, Place, Probabilities, TrainReport,
};
use crate::space::{Arch, Space};

/// One architecture of the history.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Who drew it.
    pub arm: Arm,
    /// The architecture.
    pub arch: Arch,
    /// log π(m; θ) in nats; none where it was drawn in an earlier step, which says it.
    pub log_prob: Option<f64>,
    /// Entropy of its decisions in nats, likewise.
    pub entropy: Option<f64>,
    /// The reward, where it was scored.
    pub reward: Option<f64>,
}

impl Row {
    /// Whether it was drawn in its step, and not in an earlier one.
    pub fn is_drawn(&self) -> bool {
        self.log_prob.is_some()
    }
}

/// What one finished step did.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The step.
    pub place: Place,
    /// What was drawn.
    pub rows: Vec<Row>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// ω was updated.
    Shared(TrainReport),
    /// θ was updated.
    Controller(ControllerReport),
    /// The best architectures were looked for.
    Derive(BestChange),
}

/// What one update of θ measured.
#[derive(Clone, Debug)]
pub struct ControllerReport {
    /// What the policy's arm drew from.
    pub space: Space,
    /// Of the policy's arm.
    pub learn: LearnReport,
    /// π's probability of each option, averaged over its rollouts.
    pub probabilities: Probabilities,
    /// The share of items that the policy's arm has right, on average, 0 to 1.
    pub accuracy: f64,
    /// Of text, their perplexity, on average, where all are numbers.
    pub perplexity: Option<f64>,
    /// Mean reward of the random arm, where there is one.
    pub random_reward: Option<f64>,
    /// The policy against the random arm, over the last θ phases; where a θ phase ends, for the
    /// interval takes longer to find than the rest of the step.
    pub advantage: Option<AdvantageReport>,
    /// From which replica's children θ learnt, where they are trained from scratch.
    pub applied: Option<Applied>,
}
