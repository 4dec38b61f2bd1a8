//! The nets that are trained from scratch: `trials/KEY/`.
//!
//! ```text
//! trial.json              which net, how it is trained, how far, and what it has right
//! params.safetensors      its parameters, f32
//! running.safetensors     running moments of its batch normalizations, or averages of its weights, f32
//! momenta.safetensors     the momenta of the optimizer, f32; gone once it is finished, unless it is to
//!                         go on for longer
//! B3SUMS                  their hashes
//! ```
//!
//! A key is what a trial's bits depend on, so files under one key are the same whoever writes them,
//! and those that are lost or damaged are trained again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use candle_core::DType;
use serde::{Deserialize, Serialize};

use crate::engine::{Snapshot, from_safetensors, to_safetensors};
use crate::search::{Averaging, FinalConfig, Objective, Score, TrialPlan, TrialState};
use crate::store::atomic::{is_there, names};
use crate::store::form::read_form;
use crate::store::name::check_key;
use crate::store::recipe::recipe;
use crate::store::score_entry::{ScoreEntry, number};
use crate::store::{BestFolder, Defect, StoreError};

const TRIAL: &str = "trial.json";
const PARAMS: &str = "params.safetensors";
const RUNNING: &str = "running.safetensors";
const MOMENTA: &str = "momenta.safetensors";

/// The version of the files' form.
const FORMAT: u32 = 1;

/// The content of `trial.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrialCard {
    format: u32,
    key: String,
    /// The architecture as it was drawn, in the native text form.
    arch: String,
    seed: u32,
    #[serde(deserialize_with = "recipe")]
    recipe: FinalConfig,
    /// Epochs that are finished.
    epoch: u64,
    /// What it has right of the validation split, once it is finished.
    valid: Option<ScoreEntry>,
    /// Of a net whose weights may be averaged: its cross-entropies by epoch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    valid_nll: Vec<Option<f64>>,
    /// Steps whose weights are averaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    averaged_steps: Option<u64>,
}

/// A trial whose last epoch is finished, as it is on disk.
#[derive(Debug)]
pub(super) struct FinishedTrial {
    pub(super) key: String,
    pub(super) plan: TrialPlan,
    /// What it has right of the validation split.
    pub(super) score: Score,
    pub(super) params: Snapshot,
    /// Running moments of its batch normalizations.
    pub(super) running: Snapshot,
}

/// A folder of trials by key. No name but a key, 32 hexadecimal digits, is read or removed.
#[derive(Debug)]
pub struct TrialFolder {
    path: PathBuf,
    files: BestFolder,
}

impl TrialFolder {
    /// Opens the folder at `path`, makes it where it is missing, and cleans up what a crash left.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { path: path.to_owned(), files: BestFolder::open(path)? })
    }

    /// The folder at `path` to be read, and left as it is.
    pub fn look(path: &Path) -> Self {
        Self { path: path.to_owned(), files: BestFolder::look(path) }
    }

    /// Writes how far the trial `key`, which trains by `plan`, has come, or replaces that whole;
    /// when this returns, it survives a power cut.
    pub fn put(&self, key: &str, plan: &TrialPlan, state: &TrialState) -> Result<(), StoreError> {
        check_key(key)?;
        let card = TrialCard {
            format: FORMAT,
            key: key.to_owned(),
            arch: plan.arch.to_string(),
            seed: plan.seed,
            recipe: plan.recipe,
            epoch: state.epoch,
            valid: state.valid.map(ScoreEntry::from),
            valid_nll: state.averaging.valid.iter().copied().map(number).collect(),
            averaged_steps: state.averaging.steps,
        };
        let card = serde_json::to_vec_pretty(&card)?;
        let (params, running) = (to_safetensors(&state.params)?, to_safetensors(&state.running)?);
        // One that is finished and goes on has its momenta still.
        let momenta = (state.valid.is_none() || state.goes_on())
            .then(|| to_safetensors(&state.momenta))
            .transpose()?;
        let mut files: Vec<(&str, &[u8])> =
            vec![(TRIAL, &card), (PARAMS, &params), (RUNNING, &running)];
        files.extend(momenta.as_deref().map(|momenta| (MOMENTA, momenta)));
        self.files.put(key, &files)
    }

    /// How far the trial `key` has come; none where nothing of it is there. Files that are not
    /// what was written are [`StoreError::Corrupt`].
    pub fn load(&self, key: &str) -> Result<Option<TrialState>, StoreError> {
        check_key(key)?;
        let files = match self.files.read_all(key) {
            Err(StoreError::NotFound { .. }) => return Ok(None),
            files => files?,
        };
        let read = Reading { path: self.path.join(key), files };
        let card = read.card(key)?;
        let valid = card.valid.map(Score::from);
        let has_momenta = valid.is_none() || read.files.contains_key(MOMENTA);
        let momenta = if has_momenta { read.tensors(MOMENTA)? } else { Snapshot::new() };
        let (params, running) = (read.tensors(PARAMS)?, read.tensors(RUNNING)?);
        let averaging = Averaging {
            valid: card.valid_nll.iter().map(|nll| nll.unwrap_or(f64::NAN)).collect(),
            steps: card.averaged_steps,
        };
        Ok(Some(TrialState { epoch: card.epoch, params, momenta, running, averaging, valid }))
    }

    /// The finished trial of the architecture `id` with the best score on the validation split, of
    /// equals the one that was written last. What is damaged, or gone by the time it is read, is
    /// none.
    pub(super) fn best_of(
        &self,
        id: &str,
        objective: Objective,
    ) -> Result<Option<FinishedTrial>, StoreError> {
        if !is_there(&self.path)? {
            return Ok(None);
        }
        let mut found = Vec::new();
        for key in self.list()? {
            let Some(card) = passed_over(self.card(&key))? else { continue };
            let Some((plan, score)) = card.finished().filter(|(plan, _)| plan.arch.id() == id)
            else {
                continue;
            };
            found.push((key, plan, score));
        }
        // Stable, and the last comes first.
        found.sort_by(|(.., a), (.., b)| objective.reward(*b).total_cmp(&objective.reward(*a)));
        for (key, plan, score) in found {
            if let Some(state) = passed_over(self.load(&key))?.flatten() {
                let (params, running) = (state.weights().clone(), state.running);
                return Ok(Some(FinishedTrial { key, plan, score, params, running }));
            }
        }
        Ok(None)
    }

    fn card(&self, key: &str) -> Result<TrialCard, StoreError> {
        let files = BTreeMap::from([(TRIAL.to_owned(), self.files.read(key, TRIAL)?)]);
        Reading { path: self.path.join(key), files }.card(key)
    }

    /// Removes the trial `key`; one that is not there is no error.
    pub fn remove(&self, key: &str) -> Result<(), StoreError> {
        check_key(key)?;
        self.files.remove(key)
    }

    /// Removes all trials but those of `keys`, and says which those were.
    pub fn retain(&self, keys: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        let mut others = self.list()?;
        others.retain(|key| !keys.contains(key));
        others.iter().try_for_each(|key| self.remove(key))?;
        Ok(others)
    }

    /// The keys of all trials, the one that was written last first.
    pub fn list(&self) -> Result<Vec<String>, StoreError> {
        let written = |key: String| {
            let found = fs::symlink_metadata(self.path.join(&key)).ok()?;
            let at = (found.mtime(), found.mtime_nsec());
            (check_key(&key).is_ok() && found.is_dir()).then_some((at, key))
        };
        let mut keys: Vec<_> = names(&self.path)?.into_iter().filter_map(written).collect();
        keys.sort_by(|(a, _), (b, _)| b.cmp(a));
        Ok(keys.into_iter().map(|(_, key)| key).collect())
    }
}

/// What was read; none where it is not there, damaged, or of a later program: another one has the
/// files, and what it does with them is its own affair.
fn passed_over<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(StoreError::Format { .. }) => Ok(None),
        Err(error) if error.is_lost() => Ok(None),
        read => read.map(Some),
    }
}

impl TrialCard {
    /// What was trained, and what it has right of the validation split; none where its last epoch
    /// is not finished, or the architecture is of no space.
    fn finished(&self) -> Option<(TrialPlan, Score)> {
        let (arch, seed, recipe) = (self.arch.parse().ok()?, self.seed, self.recipe);
        let score = Score::from(self.valid.filter(|_| self.epoch == recipe.epochs)?);
        Some((TrialPlan { arch, seed, recipe }, score))
    }
}

/// The files of a trial, whole.
struct Reading {
    path: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Reading {
    fn card(&self, key: &str) -> Result<TrialCard, StoreError> {
        let card: TrialCard = read_form(TRIAL, self.file(TRIAL)?, FORMAT)
            .map_err(|refusal| refusal.of(&self.path))?;
        if card.key == key {
            Ok(card)
        } else {
            Err(self.corrupt(Defect::Trial { found: card.key }))
        }
    }

    fn tensors(&self, name: &str) -> Result<Snapshot, StoreError> {
        let syntax = |_| self.corrupt(Defect::Syntax { name: name.to_owned(), line: 0, column: 0 });
        from_safetensors(self.file(name)?, DType::F32).map_err(syntax)
    }

    fn file(&self, name: &str) -> Result<&[u8], StoreError> {
        let missing = || self.corrupt(Defect::Missing { name: name.to_owned() });
        self.files.get(name).map(Vec::as_slice).ok_or_else(missing)
    }

    fn corrupt(&self, why: Defect) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), why }
    }
}

#[cfg(test)]
mod tests;
