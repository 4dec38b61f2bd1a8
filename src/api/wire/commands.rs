//! What commands ask and reply.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;

use crate::actors::ScoreView;
use crate::api::wire::costs::{CostView, NearArch};
use crate::api::wire::history::one_of;
use crate::space::{Arch, SpaceError, SpaceKind};

/// The body of `POST /v1/score`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScoreRequest {
    /// The architecture in any known text form, or an id.
    pub arch: String,
}

/// The reply of `POST /v1/score`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreResult {
    /// Its id.
    pub id: String,
    /// Its native text form.
    pub arch: String,
    /// The form in which it was given, such as `native` or `genotype`; `id` where it was an id.
    #[serde(default)]
    pub form: String,
    /// Its score with the present shared weights.
    pub score: ScoreView,
    /// The lower and the upper end of the 95 % interval of its accuracy, by Wilson: what other
    /// images of the same kind may give.
    /// None of text, which is told by its perplexity.
    #[serde(default)]
    pub interval: Option<[f64; 2]>,
    /// What the search maximizes, as `score.reward` names it: rewards are in its units.
    #[serde(default)]
    pub objective: String,
    /// What the objective makes of its score, less what its cost takes.
    #[serde(default)]
    pub reward: f64,
    /// The percentage of the last ten thousand rewards that its reward exceeds, of the policy and
    /// of the random arm; none before the first. Older ones are of other weights, and those of a
    /// random arm with an ω of its own, too.
    pub percentile: Option<f64>,
    /// Trainable values with its part of the shared weights, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image, without the auxiliary head.
    pub multiply_adds: u64,
    /// What it costs as a net that stands alone.
    #[serde(default)]
    pub standalone: CostView,
    /// The known architectures that are most like it, the nearest first.
    #[serde(default)]
    pub nearest: Vec<NearArch>,
    /// The number of the step before which the weights were taken.
    pub step: u64,
}

/// The body of `POST /v1/retrain`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrainRequest {
    /// The architecture in any known text form, or an id.
    pub arch: String,
}

/// The reply of `POST /v1/retrain`: what will be trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrainResult {
    /// Its id.
    pub id: String,
    /// Its native text form.
    pub arch: String,
    /// The form in which it was given, such as `native` or `genotype`; `id` where it was an id.
    pub form: String,
    /// Its place among those that are retrained, counted from 1 with the one under way.
    pub place: u64,
    /// Its score with the present shared weights.
    pub score: ScoreView,
    /// Trainable values of each of its nets, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image in them, without the auxiliary head.
    pub multiply_adds: u64,
    /// Passes over the training split.
    pub epochs: u64,
    /// Nets that are trained, each with a seed of its own.
    pub seeds: u64,
    /// The number of the step before which the shared weights were taken.
    pub step: u64,
}

/// The body of `POST /v1/archs:convert`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertRequest {
    /// The architecture in any known text form, or an id.
    pub arch: String,
    /// The search space whose forms are tried first: `micro`, if it is not said.
    #[schema(required = false, schema_with = kinds)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<SpaceKind>,
    /// The one form to write; all, if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

fn kinds() -> Object {
    one_of(SpaceKind::NAMES)
}

/// The reply of `POST /v1/archs:convert`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConvertResult {
    /// Its id.
    pub id: String,
    /// Its text, by the names of the forms.
    pub texts: BTreeMap<String, String>,
    /// Why it has none, by the names of the other forms.
    pub refused: BTreeMap<String, String>,
}

impl ConvertResult {
    /// `arch` in the form of the name `to`, or in all that its space writes.
    pub fn new(arch: &Arch, to: Option<&str>) -> Result<Self, SpaceError> {
        let mut result = Self { id: arch.id(), texts: BTreeMap::new(), refused: BTreeMap::new() };
        if let Some(form) = to {
            result.texts.insert(form.to_owned(), arch.text(form)?);
            return Ok(result);
        }
        for (form, text) in arch.texts() {
            match text {
                Ok(text) => result.texts.insert(form.to_owned(), text),
                Err(why) => result.refused.insert(form.to_owned(), why.to_string()),
            };
        }
        Ok(result)
    }
}

/// Who draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SampleArm {
    /// The policy.
    #[default]
    Controller,
    /// Uniformly.
    Random,
}

/// The body of `POST /v1/sample`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SampleRequest {
    /// How many, 1 to 1000.
    #[schema(minimum = 1, maximum = 1000)]
    pub count: usize,
    /// Seed of the draw; without one the server picks one and says which.
    #[schema(maximum = 18_446_744_073_709_551_615_usize)]
    #[serde(default)]
    pub seed: Option<u64>,
    /// Who draws.
    #[serde(default)]
    pub arm: SampleArm,
}

/// One drawn architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SampledArch {
    /// Its id.
    pub id: String,
    /// Its native text form.
    pub arch: String,
    /// log π(m; θ) in nats; for the random arm, of the uniform policy.
    pub log_prob: f64,
}

/// The reply of `POST /v1/sample`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SampleResult {
    /// The seed: with the same policy it gives the same architectures.
    pub seed: u64,
    /// Who drew.
    pub arm: SampleArm,
    /// The architectures.
    pub archs: Vec<SampledArch>,
}

/// The reply of a command that has nothing else to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// What was done, in words.
    pub message: String,
}

/// The reply of `POST /v1/checkpoint`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointResult {
    /// The number of the step at which it resumes.
    pub step: u64,
}

/// The reply of `POST /v1/derive`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeriveResult {
    /// The ids of the best architectures, best first.
    pub best: Vec<String>,
}
