//! Replicas in `search.json`, and their θ in `replicas.safetensors`.

use candle_core::DType;
use serde::{Deserialize, Serialize};

use crate::engine::{Snapshot, from_safetensors, to_safetensors};
use crate::search::{ChildResult, Failure, ReplicaState, Task};
use crate::space::SpaceError;
use crate::store::loaded_file::content;
use crate::store::phase_entry::PhaseEntry;
use crate::store::score_entry::ScoreEntry;
use crate::store::{LoadedCheckpoint, StoreError};

/// The file of their θ.
pub(super) const REPLICAS: &str = "replicas.safetensors";

/// What of a replica's state is no tensor.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplicaEntry {
    draw: u64,
    epoch: u64,
    policy_version: u64,
    /// Absent where none evolves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    population: Vec<PhaseEntry>,
    results: Vec<Option<ResultEntry>>,
}

/// What came of a child: its score, or the name of the failure.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum ResultEntry {
    Score(ScoreEntry),
    Failure(String),
}

impl ResultEntry {
    fn result(&self) -> Result<ChildResult, String> {
        match self {
            Self::Score(score) => Ok(Ok((*score).into())),
            Self::Failure(name) => Failure::of_name(name)
                .map(Err)
                .ok_or_else(|| format!("no child fails for `{name}`")),
        }
    }
}

impl From<&ReplicaState> for ReplicaEntry {
    fn from(state: &ReplicaState) -> Self {
        let result = |result: &ChildResult| match result {
            Ok(score) => ResultEntry::Score((*score).into()),
            Err(failure) => ResultEntry::Failure(failure.name().to_owned()),
        };
        Self {
            draw: state.draw,
            epoch: state.epoch,
            policy_version: state.policy_version,
            population: state.population.iter().map(PhaseEntry::from).collect(),
            results: state.results.iter().map(|found| found.as_ref().map(result)).collect(),
        }
    }
}

/// The file of the θ of all replicas, each under its number; none where no policy draws.
pub(super) fn policies_file(replicas: &[ReplicaState]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut all = Snapshot::new();
    for (number, replica) in replicas.iter().enumerate() {
        let named = replica.policy.iter();
        all.extend(named.map(|(name, values)| (format!("{number}.{name}"), values.clone())));
    }
    Ok(if all.is_empty() { None } else { Some(to_safetensors(&all)?) })
}

/// The replicas of a checkpoint, of which there are as many as `task` has.
pub(super) fn replicas(
    loaded: &LoadedCheckpoint,
    entries: &[ReplicaEntry],
    task: &Task,
) -> Result<Vec<ReplicaState>, StoreError> {
    let policies = match loaded.files.get(REPLICAS) {
        Some(bytes) => from_safetensors(bytes, DType::F64)?,
        None => Snapshot::new(),
    };
    let replica = |(number, entry): (usize, &ReplicaEntry)| {
        let prefix = format!("{number}.");
        let own = policies.iter().filter_map(|(name, values)| {
            Some((name.strip_prefix(&prefix)?.to_owned(), values.clone()))
        });
        let population = entry.population.iter().map(|one| one.rollout(task.space));
        let population: Result<_, SpaceError> = population.collect();
        let results =
            entry.results.iter().map(|found| found.as_ref().map(ResultEntry::result).transpose());
        let wrong = |why: String| content(loaded, format!("replica {number}: {why}"));
        Ok(ReplicaState {
            draw: entry.draw,
            epoch: entry.epoch,
            policy_version: entry.policy_version,
            policy: own.collect(),
            population: population.map_err(|error| wrong(error.to_string()))?,
            results: results.collect::<Result<_, String>>().map_err(wrong)?,
        })
    };
    let expected = if task.is_stand_alone() { task.config.trial.replicas } else { 0 };
    if entries.len() != expected {
        let why = format!("it has {} replicas, expected {expected}", entries.len());
        return Err(content(loaded, why));
    }
    entries.iter().enumerate().map(replica).collect()
}
