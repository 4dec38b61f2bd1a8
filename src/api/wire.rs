//! Every request and reply of the API: what server, client and tests have in common.
//!
//! The status is [`Status`](crate::actors::Status) as it is. Architectures travel in their text
//! forms, accuracies as shares of 1, rewards in units of the objective that the reply or the status
//! names, times in seconds unless the name says otherwise.

mod commands;
mod costs;
mod history;
mod nets;
mod predict;
mod why;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::actors::{BestStatus, ChampionStatus};
use crate::space::{Arch, Fact};
use crate::store::{ArchOrder, ArchSummary, EventRow};

pub use commands::{
    CheckpointResult, ConvertRequest, ConvertResult, DeriveResult, Done, RetrainRequest,
    RetrainResult, SampleArm, SampleRequest, SampleResult, SampledArch, ScoreRequest, ScoreResult,
};
pub use costs::{CostView, NearArch, ParetoArch, ScoreKind};
pub use history::{HistoryItem, HistoryQuery, HistoryReply, PruneRequest, PruneResult};
pub use nets::{
    NetQuery, NetStage, OnnxFile, OnnxQuery, Pixels, Weights, WeightsFile, WeightsQuery,
};
pub use predict::{
    ImageFile, MAX_IMAGES, MAX_IMAGES_BYTES, MAX_NEXT_WORDS, MAX_TEXT_BYTES, MAX_TEXT_WORDS,
    MAX_TOP, PredictQuery, PredictResult, Predicted, PredictedClass, PredictedImage, PredictedLine,
    PredictedWord, TextFile, TextResult,
};
pub use why::{
    ArmRewards, FirstDraw, FoldedReply, RankReply, RetrainingReply, RulingReply, StepReward,
    WhyReply,
};

use history::native;

/// The most rows or architectures that one reply lists.
pub const MAX_LIMIT: u32 = 10_000;

/// How far an architecture has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Scored with the shared weights on the validation split.
    #[default]
    Shared,
    /// Trained from scratch, and scored on the validation split.
    Retrained,
    /// The same, and measured once on the locked test split.
    Certified,
}

/// Which architectures come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Those with the highest reward.
    #[default]
    Best,
    /// Those scored last.
    Latest,
}

impl From<Order> for ArchOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Best => Self::Best,
            Order::Latest => Self::Latest,
        }
    }
}

/// The query of `GET /v1/best`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct BestQuery {
    /// How far the architectures have come: `shared` for the derived ones, the others for the
    /// champion with its score on that split.
    pub stage: Stage,
    /// The most architectures, 1 to 10000.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: u32,
}

impl Default for BestQuery {
    fn default() -> Self {
        Self { stage: Stage::Shared, limit: 10 }
    }
}

/// The reply of `GET /v1/best`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BestReply {
    /// How far the architectures have come.
    pub stage: Stage,
    /// The architectures, best first, with their scores in that stage.
    pub archs: Vec<BestStatus>,
    /// How the search scores architectures, in words.
    #[serde(default)]
    pub scored_how: String,
    /// The best architecture so far once retrained, whatever the stage.
    #[serde(default)]
    pub champion: Option<ChampionStatus>,
}

/// The query of `GET /v1/archs`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ArchsQuery {
    /// Which come first.
    pub order: Order,
    /// The most architectures, 1 to 10000.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: u32,
    /// Whether to give those instead that none beats in its score and in all of its costs at once;
    /// `order` then means nothing.
    pub pareto: bool,
}

impl Default for ArchsQuery {
    fn default() -> Self {
        Self { order: Order::Best, limit: 20, pareto: false }
    }
}

/// What the history knows of one architecture that was scored: one of the five thousand with the
/// best rewards, or of the last five thousand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoredArch {
    /// Its id.
    pub id: String,
    /// Its native text form, as the id spells it.
    pub arch: String,
    /// How often it was scored since it came among them.
    pub times: u64,
    /// Its highest reward: on a validation batch, or on the whole validation split where somebody
    /// had it scored, less what its cost takes; in units of the objective.
    pub best_reward: f64,
    /// The mean of its rewards.
    pub mean_reward: f64,
    /// The step of the last one.
    pub last_step: u64,
}

impl From<ArchSummary> for ScoredArch {
    fn from(row: ArchSummary) -> Self {
        Self {
            arch: native(&row.arch_id),
            id: row.arch_id,
            times: row.times,
            best_reward: row.best_reward,
            mean_reward: row.mean_reward,
            last_step: row.last_step,
        }
    }
}

/// The reply of `GET /v1/archs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArchsReply {
    /// The architectures, in the order asked for; none where the front is asked for.
    pub archs: Vec<ScoredArch>,
    /// Images of a validation batch, which every reward stands on that nobody asked for; of the whole
    /// split, where children are trained from scratch.
    #[serde(default)]
    pub reward_images: usize,
    /// Whether rewards are of nets that were trained from scratch, with no shared weights.
    #[serde(default)]
    pub is_from_scratch: bool,
    /// What an architecture at a limit of its cost loses in its reward: this share of its accuracy,
    /// or −ln of what is left of 1, by the objective.
    #[serde(default)]
    pub cost_weight: f64,
    /// What the search maximizes, as `score.reward` names it: rewards are in its units.
    #[serde(default)]
    pub objective: String,
    /// Those that none beats in its score and in all of its costs at once, where they are asked for:
    /// one front for each kind of score, trained nets first, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pareto: Vec<ParetoArch>,
}

/// What is worth telling of an architecture, by its space: nodes, loose ends, layers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactReply {
    /// What it says.
    pub name: String,
    /// The value.
    pub value: String,
}

impl FactReply {
    /// All of an architecture's.
    pub fn all(arch: &Arch) -> Vec<Self> {
        arch.facts().into_iter().map(|Fact { name, value }| Self { name, value }).collect()
    }
}

/// The reply of `GET /v1/archs/{id}`. Counts are of the child with its part of the shared
/// weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ArchReply {
    /// Its id.
    pub id: String,
    /// Its native text form.
    pub arch: String,
    /// The authors' numbers.
    pub flat: String,
    /// What is worth telling of it.
    pub facts: Vec<FactReply>,
    /// Trainable values, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image, without the auxiliary head.
    pub multiply_adds: u64,
    /// Its score, if it is one of the best architectures.
    pub best: Option<BestStatus>,
    /// Its rewards, if it was ever scored.
    pub scored: Option<ScoredArch>,
    /// Images of a validation batch, which every reward stands on that nobody asked for; of the whole
    /// split, where children are trained from scratch.
    #[serde(default)]
    pub reward_images: usize,
    /// What the search maximizes, as `score.reward` names it: rewards are in its units.
    #[serde(default)]
    pub objective: String,
}

/// Whether a stream goes on after what is there.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Events after the one with this number; 0 for all that are kept.
    #[param(maximum = 18_446_744_073_709_551_615_usize)]
    pub since: u64,
    /// Whether to go on with events as they happen. Blank lines keep the connection alive.
    pub follow: bool,
}

/// One line of `GET /v1/events`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its number; every later event has a greater one.
    pub seq: u64,
    /// When, in milliseconds since 1970.
    pub unix_ms: i64,
    /// What kind, one word.
    pub kind: String,
    /// What happened.
    pub message: String,
}

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        let EventRow { seq, at_unix_ms, kind, message } = row;
        Self { seq, unix_ms: at_unix_ms, kind, message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_fill_in_defaults_and_refuse_what_they_do_not_know() {
        let request: SampleRequest = serde_json::from_str(r#"{"count": 3}"#).unwrap();
        assert_eq!((request.count, request.seed, request.arm), (3, None, SampleArm::Controller));
        let err = serde_json::from_str::<SampleRequest>(r#"{"count": 3, "sead": 1}"#).unwrap_err();
        assert!(err.to_string().contains("sead"), "{err}");
        let query: ArchsQuery = serde_json::from_str("{}").unwrap();
        assert_eq!((query.order, query.limit), (Order::Best, 20));
        assert!(serde_json::from_str::<HistoryQuery>(r#"{"until": 1}"#).is_err());
    }

    #[test]
    fn replies_keep_their_field_names() {
        let result = SampleResult {
            seed: 1,
            arm: SampleArm::Random,
            archs: vec![SampledArch { id: "i".into(), arch: "a".into(), log_prob: -0.5 }],
        };
        assert_eq!(
            serde_json::to_string(&result).unwrap(),
            r#"{"seed":1,"arm":"random","archs":[{"id":"i","arch":"a","log_prob":-0.5}]}"#
        );
        let event = Event { seq: 1, unix_ms: 2, kind: "k".into(), message: "m".into() };
        assert_eq!(
            serde_json::to_string(&event).unwrap(),
            r#"{"seq":1,"unix_ms":2,"kind":"k","message":"m"}"#
        );
    }
}
