//! What is asked of the history and what it answers.

use serde::{Deserialize, Serialize};
use utoipa::openapi::{Object, ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::search::Arm;
use crate::space::Arch;
use crate::store::{HistoryFilter, HistoryPhase, HistoryRow, Page, StepRow};

/// The native text of the architecture that an id spells.
pub(super) fn native(id: &str) -> String {
    id.parse::<Arch>().map_or_else(|_| id.to_owned(), |arch| arch.to_string())
}

/// The query of `GET /v1/history`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// The first step.
    #[param(maximum = 18_446_744_073_709_551_615_usize)]
    pub since: u64,
    /// About how many rows, 1 to 10000: the last step is given whole.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: u32,
    /// The last rows instead, 1 to 10000; `since` and `limit` then mean nothing.
    #[param(minimum = 1, maximum = 10000, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tail: Option<u32>,
    /// Only rows of one arm: `controller`, `random`, `derive` or `injected`.
    #[param(required = false, schema_with = arms)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arm: Option<Arm>,
    /// Only rows of one phase: `shared`, `controller` or `derive`.
    #[param(required = false, schema_with = phases)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<HistoryPhase>,
}

fn arms() -> Object {
    one_of(Arm::ALL.map(Arm::name))
}

fn phases() -> Object {
    one_of(HistoryPhase::ALL.map(HistoryPhase::name))
}

/// A text that is one of these.
pub(super) fn one_of<const N: usize>(names: [&'static str; N]) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)).build()
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { since: 0, limit: 100, tail: None, arm: None, phase: None }
    }
}

impl HistoryQuery {
    /// Which rows are asked for.
    pub(in crate::api) fn filter(&self) -> HistoryFilter {
        HistoryFilter { arm: self.arm, phase: self.phase, scored: false }
    }
}

/// One architecture that was drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryItem {
    /// The number of the step.
    pub step: u64,
    /// What the search was doing: `shared`, `controller` or `derive`.
    pub phase: String,
    /// The cycle, counted from 0.
    pub cycle: u32,
    /// The epoch, counted from the start of the search, the first as 0.
    pub epoch: u64,
    /// Who drew it: `controller`, `random` or `derive`; `injected` where somebody asked for it.
    pub arm: String,
    /// Its place among those that the arm drew in this step.
    pub idx: u32,
    /// Its id.
    pub id: String,
    /// Its native text form, as the id spells it.
    pub arch: String,
    /// Its reward, in units of the objective; none where nothing is scored.
    pub reward: Option<f64>,
    /// log π(m; θ) in nats, if a policy drew it.
    pub log_prob: Option<f64>,
    /// Entropy of its choices in nats, if a policy drew it.
    pub entropy_nats: Option<f64>,
    /// Cross-entropy of the step's update of ω on the training batch, in nats; none where ω was
    /// not updated.
    #[serde(default)]
    pub loss: Option<f64>,
    /// Share of that batch that was classified right.
    #[serde(default)]
    pub accuracy: Option<f64>,
    /// The learning rate of that update.
    #[serde(default)]
    pub learning_rate: Option<f64>,
    /// The norm of its gradient before clipping.
    #[serde(default)]
    pub grad_norm: Option<f64>,
}

impl HistoryItem {
    fn new(row: HistoryRow, update: Option<&StepRow>, epochs_per_cycle: u64) -> Self {
        Self {
            epoch: row.epoch(epochs_per_cycle),
            step: row.step,
            phase: row.phase.name().to_owned(),
            cycle: row.cycle,
            arm: row.arm.name().to_owned(),
            idx: row.idx,
            arch: native(&row.arch_id),
            id: row.arch_id,
            reward: row.reward,
            log_prob: row.log_prob,
            entropy_nats: row.entropy,
            loss: update.and_then(|update| update.loss),
            accuracy: update.and_then(|update| update.accuracy),
            learning_rate: update.map(|update| update.learning_rate),
            grad_norm: update.and_then(|update| update.grad_norm),
        }
    }
}

/// The reply of `GET /v1/history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryReply {
    /// The rows, in the order in which the search went.
    pub rows: Vec<HistoryItem>,
    /// The `since` with which the next call goes on.
    pub next_since: u64,
    /// Rows that are missing here, for what is on disk is not what was written.
    #[serde(default)]
    pub damaged: u64,
    /// What the search maximizes, as `score.reward` names it: rewards are in its units.
    #[serde(default)]
    pub objective: String,
}

impl HistoryReply {
    /// The rows of `page`, of a search with so many epochs in a cycle whose objective nobody names.
    pub fn new(page: Page, epochs_per_cycle: u64) -> Self {
        let Page { rows, updates, next_since, damaged } = page;
        let update = |step| {
            let found = updates.binary_search_by_key(&step, |update| update.step);
            found.ok().map(|idx| &updates[idx])
        };
        let items = rows.into_iter().map(|row| {
            let update = update(row.step);
            HistoryItem::new(row, update, epochs_per_cycle)
        });
        Self { rows: items.collect(), next_since, damaged, objective: String::new() }
    }
}

/// The body of `POST /v1/history/prune`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneRequest {
    /// Bytes that single rows may take; older ones are folded into a row for each hour, phase and
    /// arm.
    #[schema(maximum = 18_446_744_073_709_551_615_usize)]
    pub bytes: u64,
}

/// The reply of `POST /v1/history/prune`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PruneResult {
    /// Single rows that were folded.
    pub rows: u64,
    /// The size of the history afterwards.
    pub bytes: u64,
}
