//! The nets that are trained from scratch: `trials/KEY/`.
//!
//! ```text
//! trial.json              which net, how it is trained, how far, and what it has right
//! params.safetensors      its parameters, f32
//! running.safetensors     running moments of its batch normalizations, f32
//! momenta.safetensors     the momenta of the optimizer, f32; gone once it is finished
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
use crate::search::{FinalConfig, Score, TrialPlan, TrialState};
use crate::store::atomic::names;
use crate::store::name::check_key;
use crate::store::score_entry::ScoreEntry;
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
    recipe: FinalConfig,
    /// Epochs that are finished.
    epoch: u64,
    /// What it has right of the validation split, once it is finished.
    valid: Option<ScoreEntry>,
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
        };
        let card = serde_json::to_vec_pretty(&card)?;
        let (params, running) = (to_safetensors(&state.params)?, to_safetensors(&state.running)?);
        let momenta = match state.valid {
            Some(_) => None,
            None => Some(to_safetensors(&state.momenta)?),
        };
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
        let momenta = if valid.is_some() { Snapshot::new() } else { read.tensors(MOMENTA)? };
        let (params, running) = (read.tensors(PARAMS)?, read.tensors(RUNNING)?);
        Ok(Some(TrialState { epoch: card.epoch, params, momenta, running, valid }))
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

/// The files of a trial, whole.
struct Reading {
    path: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Reading {
    fn card(&self, key: &str) -> Result<TrialCard, StoreError> {
        #[derive(Deserialize)]
        struct AnyFormat {
            format: u32,
        }
        let syntax = |err: serde_json::Error| {
            let (line, column) = (err.line(), err.column());
            self.corrupt(Defect::Syntax { name: TRIAL.to_owned(), line, column })
        };
        let bytes = self.file(TRIAL)?;
        let AnyFormat { format } = serde_json::from_slice(bytes).map_err(syntax)?;
        if FORMAT < format {
            let path = self.path.clone();
            return Err(StoreError::Format { path, found: format, expected: FORMAT });
        }
        let card: TrialCard = serde_json::from_slice(bytes).map_err(syntax)?;
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
mod tests {
    use super::*;
    use candle_core::{Device, Tensor};
    use std::fs::File;
    use std::time::{Duration, UNIX_EPOCH};

    const KEYS: [&str; 3] = [
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
        "00000000000000000000000000000000",
    ];

    fn plan() -> TrialPlan {
        let cell = "[identity(0)+identity(1), identity(0)+identity(1)]";
        let arch = format!("normal={cell} reduction={cell}").parse().unwrap();
        TrialPlan { arch, seed: 1, recipe: FinalConfig::default() }
    }

    fn tensors(values: &[f32]) -> Snapshot {
        Snapshot::from([("w".to_owned(), Tensor::new(values, &Device::Cpu).unwrap())])
    }

    fn state(valid: Option<Score>) -> TrialState {
        let momenta = if valid.is_some() { Snapshot::new() } else { tensors(&[3.5, -0.1]) };
        let (params, running) = (tensors(&[0.1, -0.0]), tensors(&[f32::MIN_POSITIVE]));
        TrialState { epoch: 7, params, momenta, running, valid }
    }

    fn rig() -> (tempfile::TempDir, TrialFolder) {
        let root = tempfile::tempdir().unwrap();
        let trials = TrialFolder::open(&root.path().join("trials")).unwrap();
        (root, trials)
    }

    #[track_caller]
    fn check(valid: Option<Score>, files: &[&str]) {
        let (_root, trials) = rig();
        let written = state(valid);
        assert!(trials.load(KEYS[0]).unwrap().is_none());
        trials.put(KEYS[0], &plan(), &state(None)).unwrap();
        trials.put(KEYS[0], &plan(), &written).unwrap();
        let found = trials.load(KEYS[0]).unwrap().unwrap();
        assert_eq!(found.epoch, 7);
        assert_eq!(format!("{:?}", found.valid), format!("{:?}", written.valid));
        for (found, written) in [
            (&found.params, &written.params),
            (&found.running, &written.running),
            (&found.momenta, &written.momenta),
        ] {
            assert_eq!(to_safetensors(found).unwrap(), to_safetensors(written).unwrap());
        }
        assert_eq!(names(&trials.path.join(KEYS[0])).unwrap(), files);
        trials.remove(KEYS[0]).unwrap();
        trials.remove(KEYS[0]).unwrap();
        assert!(trials.load(KEYS[0]).unwrap().is_none());
    }

    #[test]
    fn a_trial_reads_back_bit_for_bit_and_a_finished_one_has_no_momenta() {
        check(None, &["B3SUMS", MOMENTA, PARAMS, RUNNING, TRIAL]);
        let score = Score { nll: 0.1 + 0.2, correct: 9, items: 10 };
        check(Some(score), &["B3SUMS", PARAMS, RUNNING, TRIAL]);
        check(Some(Score { nll: f64::NAN, ..score }), &["B3SUMS", PARAMS, RUNNING, TRIAL]);
    }

    #[test]
    fn a_flipped_bit_or_a_file_that_is_gone_is_damage() {
        let (_root, trials) = rig();
        trials.put(KEYS[0], &plan(), &state(None)).unwrap();
        let damaged = |what: &str| {
            let error = trials.load(KEYS[0]).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{what}: {error}");
        };
        for name in [TRIAL, PARAMS, RUNNING, MOMENTA, "B3SUMS"] {
            let path = trials.path.join(KEYS[0]).join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 1;
                fs::write(&path, flipped).unwrap();
                damaged(&format!("byte {at} of {name}"));
            }
            fs::remove_file(&path).unwrap();
            damaged(name);
            fs::write(&path, whole).unwrap();
        }
        assert!(trials.load(KEYS[0]).unwrap().is_some());
    }

    #[test]
    fn files_of_another_trial_are_damage_and_later_ones_are_told() {
        let (_root, trials) = rig();
        trials.put(KEYS[0], &plan(), &state(None)).unwrap();
        let [from, to] = [KEYS[0], KEYS[1]].map(|key| trials.path.join(key));
        fs::rename(&from, &to).unwrap();
        let error = trials.load(KEYS[1]).unwrap_err();
        let StoreError::Corrupt { why: Defect::Trial { found }, .. } = error else {
            panic!("{error}")
        };
        assert_eq!(found, KEYS[0]);
        trials.files.put(KEYS[0], &[(TRIAL, br#"{"format": 2, "moon_phase": 1}"#)]).unwrap();
        let error = trials.load(KEYS[0]).unwrap_err();
        assert!(matches!(error, StoreError::Format { found: 2, expected: 1, .. }), "{error}");
        trials.files.put(KEYS[0], &[(TRIAL, br#"{"format": 1, "moon_phase": 1}"#)]).unwrap();
        let error = trials.load(KEYS[0]).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    }

    #[test]
    fn the_last_comes_first_and_only_trials_go() {
        let (_root, trials) = rig();
        for (age, key) in KEYS.into_iter().enumerate() {
            trials.put(key, &plan(), &state(None)).unwrap();
            let written = UNIX_EPOCH + Duration::from_secs(1000 - age as u64);
            File::open(trials.path.join(key)).unwrap().set_modified(written).unwrap();
        }
        let others = ["m5-0", "notes", &KEYS[0][1..]];
        others.map(|name| fs::create_dir(trials.path.join(name)).unwrap());
        assert_eq!(trials.list().unwrap(), KEYS);
        let kept = BTreeSet::from([KEYS[1].to_owned(), "m5-9".to_owned()]);
        assert_eq!(trials.retain(&kept).unwrap(), [KEYS[0], KEYS[2]]);
        assert_eq!(trials.list().unwrap(), [KEYS[1]]);
        assert_eq!(names(&trials.path).unwrap().len(), 4);
        for key in others {
            let error = trials.remove(key).unwrap_err();
            assert!(matches!(error, StoreError::Name { .. }), "{error}");
            assert!(trials.load(key).is_err() && trials.put(key, &plan(), &state(None)).is_err());
        }
    }
}
