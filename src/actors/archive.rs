//! The keeper's archive of trials, and the ledger of the test split.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::actors::{CloseTest, SaveTrial};
use crate::data::{Certificate, Opening, TestLedger};
use crate::search::{BestArchs, SearchState, StandAlone, Task, TrialState, TrialTask, child_plan};
use crate::store::{LedgerFile, StoreError, TrialFolder};

/// Trials whose files are kept beside those of the champion and of what is under way: the newest.
const KEPT_TRIALS: usize = 16;

/// The files of trials, and who was ever measured on the test split.
#[derive(Debug)]
pub struct Archive {
    /// What trials are trained on.
    pub task: TrialTask,
    /// Their files.
    pub trials: TrialFolder,
    /// Where the ledger lies.
    pub file: LedgerFile,
    /// The ledger.
    pub ledger: TestLedger,
    /// Whether the file lacks what the ledger holds.
    pub is_behind: bool,
}

impl Archive {
    pub(super) fn save(&mut self, save: &SaveTrial) -> Result<(), StoreError> {
        self.trials.put(&save.key, &save.plan, &save.state)
    }

    /// What is on disk of a trial. One that is damaged is removed: it is trained again, to the
    /// same bits. One that cannot be read, or is of a later program, may be whole, and stays.
    pub(super) fn load(&mut self, key: &str) -> Result<Option<Arc<TrialState>>, StoreError> {
        match self.trials.load(key) {
            Err(error) if error.is_damage() => {
                tracing::warn!("a trial is trained again, for its files are of no use: {error}");
                self.trials.remove(key)?;
                Ok(None)
            }
            state => Ok(state?.map(Arc::new)),
        }
    }

    pub(super) fn open(&mut self, candidate: &str) -> Result<Opening, StoreError> {
        // What was seen before and could not be written down comes first.
        self.write()?;
        let opening = self.ledger.open(candidate);
        self.is_behind = true;
        self.write()?;
        Ok(opening)
    }

    pub(super) fn close(&mut self, message: CloseTest) -> Result<Certificate, StoreError> {
        let certificate = self.ledger.close(message.receipt, message.nets);
        self.is_behind = true;
        self.write()?;
        Ok(certificate)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.is_behind {
            self.file.save(&self.ledger)?;
            self.is_behind = false;
        }
        Ok(())
    }

    /// Removes the files of trials that nobody will ask for.
    pub(super) fn retain(&self, task: &Task, state: &SearchState) -> Result<(), StoreError> {
        let finals = &state.finals;
        let mut kept: BTreeSet<String> =
            self.trials.list()?.into_iter().take(KEPT_TRIALS).collect();
        if let Some(champion) = &finals.champion {
            kept.insert(self.task.key(&champion.plan()));
        }
        let of_children = StandAlone::new(task, self.task.data());
        let children = state.of_cycle.iter().flat_map(BestArchs::archs);
        kept.extend(
            children.map(|best| of_children.task().key(&child_plan(task, best.arch.clone()))),
        );
        for promotion in finals.all_promotions() {
            for place in 0..promotion.candidates.len() {
                kept.extend(promotion.all_plans(place).map(|plan| self.task.key(&plan)));
            }
        }
        self.trials.retain(&kept)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ImageData, ImageSet, ImageShape};
    use crate::engine::{CpuExec, Snapshot};
    use crate::search::{FinalConfig, SearchConfig, Task, TrialPlan};
    use std::fs;
    use std::path::PathBuf;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    struct Rig {
        root: tempfile::TempDir,
        archive: Archive,
    }

    impl Rig {
        /// With an archive that holds one trial.
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let shape = ImageShape { channels: 1, height: 8, width: 8 };
            let set = || ImageSet::new("here", shape, vec![0; 128], vec![0, 1]).unwrap();
            let names = ["ant", "bee"].map(str::to_owned).to_vec();
            let dataset = ImageData::new(names, set(), set(), None).unwrap().into();
            let exec = Arc::new(CpuExec::new());
            let task = Task::new(SearchConfig::default(), dataset, exec).unwrap();
            let archive = Archive {
                task: TrialTask::new(&task, ""),
                trials: TrialFolder::open(&root.path().join("trials")).unwrap(),
                file: LedgerFile::open(&root.path().join("test-split.json"), ""),
                ledger: TestLedger::default(),
                is_behind: false,
            };
            let cell = "[identity(0)+identity(1), identity(0)+identity(1)]";
            let arch = format!("normal={cell} reduction={cell}").parse().unwrap();
            let plan = TrialPlan { arch, seed: 0, recipe: FinalConfig::default() };
            let [params, running, momenta] = [const { Snapshot::new() }; 3];
            let state = TrialState { epoch: 3, params, running, momenta, ..TrialState::default() };
            archive.trials.put(KEY, &plan, &state).unwrap();
            Self { root, archive }
        }

        fn path(&self) -> PathBuf {
            self.root.path().join("trials").join(KEY)
        }
    }

    #[track_caller]
    fn check_trained_again(damage: impl FnOnce(PathBuf)) {
        let mut rig = Rig::new();
        assert_eq!(rig.archive.load(KEY).unwrap().unwrap().epoch, 3);
        damage(rig.path());
        assert!(rig.archive.load(KEY).unwrap().is_none());
        assert!(!rig.path().try_exists().unwrap());
    }

    #[test]
    fn a_trial_that_is_damaged_is_removed() {
        check_trained_again(|path| {
            let card = fs::read(path.join("trial.json")).unwrap();
            fs::write(path.join("trial.json"), &card[..card.len() / 2]).unwrap();
        });
        check_trained_again(|path| {
            fs::remove_file(path.join("params.safetensors")).unwrap();
            fs::create_dir(path.join("params.safetensors")).unwrap();
        });
        check_trained_again(|path| {
            fs::remove_dir_all(&path).unwrap();
            fs::write(&path, "no folder").unwrap();
        });
    }

    #[test]
    fn a_trial_of_a_later_program_stays_and_is_told() {
        let mut rig = Rig::new();
        let later: &[(&str, &[u8])] = &[("trial.json", br#"{"format": 2}"#)];
        let folder = crate::store::BestFolder::look(&rig.root.path().join("trials"));
        folder.put(KEY, later).unwrap();
        let error = rig.archive.load(KEY).unwrap_err();
        assert!(matches!(error, StoreError::Format { found: 2, expected: 1, .. }), "{error}");
        assert!(error.to_string().contains(KEY), "{error}");
        assert!(rig.path().join("trial.json").try_exists().unwrap());
    }

    #[test]
    fn a_trial_that_cannot_be_read_stays_and_is_told() {
        let mut rig = Rig::new();
        let [trials, aside] = ["trials", "aside"].map(|name| rig.root.path().join(name));
        fs::rename(&trials, &aside).unwrap();
        fs::write(&trials, "no folder").unwrap();
        let error = rig.archive.load(KEY).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(error.to_string().contains("a part of the path is a file"), "{error}");
        fs::remove_file(&trials).unwrap();
        fs::rename(&aside, &trials).unwrap();
        assert!(rig.archive.load(KEY).unwrap().is_some());
    }
}
