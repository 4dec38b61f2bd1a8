//! The rows of the history, as plain data.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

/// What the search was doing when it drew an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryPhase {
    /// ω was trained on it.
    Shared,
    /// θ learned from its reward.
    Controller,
    /// The best of many was looked for.
    Derive,
}

impl HistoryPhase {
    /// Every phase.
    pub const ALL: [Self; 3] = [Self::Shared, Self::Controller, Self::Derive];

    /// The name in the database and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Controller => "controller",
            Self::Derive => "derive",
        }
    }
}

/// Who drew an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryArm {
    /// The policy, while it learns.
    Controller,
    /// The control arm: uniformly.
    Random,
    /// The policy, to be derived from.
    Derive,
}

impl HistoryArm {
    /// Every arm.
    pub const ALL: [Self; 3] = [Self::Controller, Self::Random, Self::Derive];

    /// The name in the database and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Random => "random",
            Self::Derive => "derive",
        }
    }
}

/// One architecture that was drawn. Step, arm and index name it: a replay after a resume draws
/// it again and writes the same row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The step of the whole search, over all phases and cycles.
    pub step: u64,
    /// Who drew it.
    pub arm: HistoryArm,
    /// Its place among those that the arm drew in this step.
    pub idx: u32,
    /// What the search was doing.
    pub phase: HistoryPhase,
    /// The cycle, counted from 0.
    pub cycle: u32,
    /// The epoch of the cycle, counted from 0.
    pub epoch: u32,
    /// Its native text form.
    pub arch: String,
    /// Its canonical id.
    pub arch_id: String,
    /// R(m, ω); none in the shared phase, where nothing is scored.
    pub reward: Option<f64>,
    /// log π(m; θ) in nats, by the θ that drew it, if a policy did.
    pub log_prob: Option<f64>,
    /// The entropy of the choices in nats, if a policy drew it.
    pub entropy: Option<f64>,
}

/// One step of ω.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRow {
    /// The step of the whole search.
    pub step: u64,
    /// Cross-entropy on the training batch, in nats; none if it was not finite.
    pub loss: Option<f64>,
    /// Share of the training batch that was classified right.
    pub accuracy: Option<f64>,
    /// The learning rate.
    pub lr: f64,
    /// The norm of the gradient before clipping; none if it was not finite.
    pub grad_norm: Option<f64>,
}

/// Something that happened to the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// Its number; every later event has a greater one.
    pub seq: u64,
    /// When, in milliseconds since 1970, as its writer's clock had it.
    pub at_unix_ms: i64,
    /// What kind, one word.
    pub kind: String,
    /// What happened, for people.
    pub message: String,
}

impl ToSql for HistoryPhase {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for HistoryPhase {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(&Self::ALL, Self::name, value)
    }
}

impl ToSql for HistoryArm {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for HistoryArm {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        named(&Self::ALL, Self::name, value)
    }
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, value: ValueRef<'_>) -> FromSqlResult<T> {
    let text = value.as_str()?;
    let found = all.iter().copied().find(|&one| name(one) == text);
    found.ok_or_else(|| FromSqlError::Other(format!("unknown name `{text}`").into()))
}

/// A count as SQLite stores it.
pub(super) fn to_sql_int(count: u64) -> rusqlite::Result<i64> {
    i64::try_from(count).map_err(|err| rusqlite::Error::ToSqlConversionFailure(err.into()))
}

/// A count that SQLite stored; the schema has no negative ones.
pub(super) fn from_sql_int(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let found: i64 = row.get(column)?;
    u64::try_from(found).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_and_the_database_use_the_same_names() {
        for phase in HistoryPhase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
            let value = ValueRef::Text(phase.name().as_bytes());
            assert_eq!(HistoryPhase::column_result(value).unwrap(), phase);
        }
        for arm in HistoryArm::ALL {
            assert_eq!(serde_json::to_value(arm).unwrap(), arm.name());
            let value = ValueRef::Text(arm.name().as_bytes());
            assert_eq!(HistoryArm::column_result(value).unwrap(), arm);
        }
        assert!(HistoryArm::column_result(ValueRef::Text(b"shared")).is_err());
    }
}
