//! What `GET /v1/archs/{id}/why` answers: all that the history knows of one architecture.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::{ArmDraws, ChampionRow, HistoryPhase, HistoryRow, RewardAt, TrialRow};

/// The reply of `GET /v1/archs/{id}/why`. Cycles, epochs and steps are counted from 0, epochs from
/// the start of the search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WhyReply {
    /// Its id.
    pub id: String,
    /// Its native text form, as the id spells it.
    pub arch: String,
    /// What the search maximizes, as `score.reward` names it: rewards are in its units.
    #[serde(default)]
    pub objective: String,
    /// Whether it is the champion.
    pub is_champion: bool,
    /// Why it was promoted or not, in sentences without their final point.
    pub why: Vec<String>,
    /// When it was drawn first, among the rows that are kept.
    pub first: Option<FirstDraw>,
    /// How often it was drawn and with what rewards, by who drew it and in which phase.
    pub draws: Vec<ArmRewards>,
    /// How often its children failed, by why they did: `not-finite`, `out-of-time` or
    /// `out-of-memory`. Each of them has the reward `trial.failed_reward`, or that of the worst that
    /// did not fail.
    #[serde(default)]
    pub failures: BTreeMap<String, u64>,
    /// Its place by the best reward among all that were scored.
    pub rank: Option<RankReply>,
    /// Its nets that were trained from scratch, in the order in which they were finished.
    pub retrainings: Vec<RetrainingReply>,
    /// What was ruled where it was the best of a promotion.
    pub rulings: Vec<RulingReply>,
    /// Rows that are folded, of which nobody knows whether it was among them.
    pub folded: FoldedReply,
    /// Its rows that are left out, for what is on disk is not what was written.
    pub damaged: u64,
}

/// When an architecture was drawn first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FirstDraw {
    /// Who drew it: `controller`, `random` or `derive`; `injected` where somebody asked for it.
    pub arm: String,
    /// What the search was doing: `shared`, `controller` or `derive`.
    pub phase: String,
    /// The cycle.
    pub cycle: u32,
    /// The epoch.
    pub epoch: u64,
    /// The step of the whole search.
    pub step: u64,
    /// Its reward; none where nothing was scored.
    pub reward: Option<f64>,
}

impl FirstDraw {
    /// The published form of a row of a search with so many epochs in a cycle.
    pub(in crate::api) fn new(row: &HistoryRow, epochs_per_cycle: u64) -> Self {
        Self {
            arm: row.arm.name().to_owned(),
            phase: row.phase.name().to_owned(),
            cycle: row.cycle,
            epoch: row.epoch(epochs_per_cycle),
            step: row.step,
            reward: row.reward,
        }
    }

    /// The published form of a draw of a derivation that was retrained.
    pub(in crate::api) fn of_trial(row: &TrialRow, epochs_per_cycle: u64) -> Self {
        Self {
            arm: row.arm.name().to_owned(),
            phase: HistoryPhase::Derive.name().to_owned(),
            cycle: row.cycle as u32,
            // A cycle ends with its derivation.
            epoch: (row.cycle + 1) * epochs_per_cycle - 1,
            step: row.step,
            reward: row.shared_reward,
        }
    }
}

/// The draws of one arm in one phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArmRewards {
    /// Who drew it.
    pub arm: String,
    /// What the search was doing.
    pub phase: String,
    /// How often it was drawn.
    pub draws: u64,
    /// How often it was scored.
    pub rewards: u64,
    /// Whether its rewards were measured with the control arm's own ω.
    #[serde(default)]
    pub own_omega: bool,
    /// The mean of its rewards.
    pub mean: Option<f64>,
    /// The first reward.
    pub first: Option<StepReward>,
    /// The highest.
    pub best: Option<StepReward>,
    /// The last.
    pub last: Option<StepReward>,
}

impl From<&ArmDraws> for ArmRewards {
    fn from(of_arm: &ArmDraws) -> Self {
        let at = |place: usize| of_arm.ends.map(|ends| StepReward::from(ends[place]));
        Self {
            arm: of_arm.arm.name().to_owned(),
            phase: of_arm.phase.name().to_owned(),
            draws: of_arm.draws,
            rewards: of_arm.rewards,
            own_omega: false,
            mean: of_arm.mean(),
            first: at(0),
            best: at(1),
            last: at(2),
        }
    }
}

/// A reward with its step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepReward {
    /// The step of the whole search.
    pub step: u64,
    /// The reward.
    pub reward: f64,
}

impl From<RewardAt> for StepReward {
    fn from(RewardAt { step, reward }: RewardAt) -> Self {
        Self { step, reward }
    }
}

/// A place among all that were scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RankReply {
    /// The place, counted from 1; equals share one. Behind the five thousandth there may be more
    /// ahead than are kept.
    pub place: u64,
    /// Architectures that are kept: the five thousand with the best rewards, and the last ones.
    pub of: u64,
}

/// A net that was trained from scratch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrainingReply {
    /// Who drew the architecture.
    pub arm: String,
    /// Why it was trained: `cycle`, `request` or `sample`.
    pub cause: String,
    /// The cycle.
    pub cycle: u64,
    /// Which of the architecture's nets, counted from 0.
    pub seed: u32,
    /// Passes over the training split.
    pub epochs: u64,
    /// Images, or next words, of the validation split that it has right.
    pub correct: u64,
    /// Images or words of the validation split.
    pub items: u64,
    /// The cross-entropy on them in nats, summed; none where it is no number.
    #[serde(default)]
    pub nll: Option<f64>,
    /// The reward of the architecture with the shared weights.
    pub shared_reward: Option<f64>,
    /// Trainable parameters, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// When it was finished, in milliseconds since 1970.
    pub unix_ms: i64,
}

impl From<&TrialRow> for RetrainingReply {
    fn from(row: &TrialRow) -> Self {
        Self {
            arm: row.arm.name().to_owned(),
            cause: row.cause.name().to_owned(),
            cycle: row.cycle,
            seed: row.seed,
            epochs: row.epochs,
            correct: row.correct,
            items: row.items,
            nll: row.nll,
            shared_reward: row.shared_reward,
            params: row.params,
            multiply_adds: row.multiply_adds,
            unix_ms: row.at_unix_ms,
        }
    }
}

/// What was ruled of the best of a promotion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RulingReply {
    /// The cycle.
    pub cycle: u64,
    /// Its place among all that were ever measured on the test split, counted from 1; 0 where it
    /// was not.
    pub certificate: u64,
    /// The mean over seeds of the rewards of its nets on the validation split.
    pub valid_mean: Option<f64>,
    /// Images, or next words, of the test split that the net to be handed out has right.
    pub test_correct: u64,
    /// Images or words of the test split; 0 where it was not measured there.
    pub test_items: u64,
    /// Its cross-entropy on the test split in nats, summed; none if that is no number, or was not
    /// kept yet when this was ruled.
    pub test_nll: Option<f64>,
    /// What was ruled, and why.
    pub ruling: String,
    /// When, in milliseconds since 1970.
    pub unix_ms: i64,
}

impl From<&ChampionRow> for RulingReply {
    fn from(row: &ChampionRow) -> Self {
        Self {
            cycle: row.cycle,
            certificate: row.certificate,
            valid_mean: row.valid_mean,
            test_correct: row.test_correct,
            test_items: row.test_items,
            test_nll: row.test_nll,
            ruling: row.ruling.clone(),
            unix_ms: row.at_unix_ms,
        }
    }
}

/// What is folded to rows that name no single architecture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoldedReply {
    /// Rows of θ's steps and of derivations before this one are folded.
    pub scored_before: u64,
    /// Rows of ω's steps before this one are folded, with what somebody had scored before them.
    pub shared_before: u64,
    /// Rewards of this architecture among the folded rows, as far as that is known.
    pub rewards: u64,
}
