//! The keeper's archive of trials, and the ledger of the test split.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::actors::{CloseTest, SaveTrial};
use crate::data::{Certificate, Opening, TestLedger};
use crate::search::{SearchState, TrialState, TrialTask};
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
    /// same bits.
    pub(super) fn load(&mut self, key: &str) -> Result<Option<Arc<TrialState>>, StoreError> {
        match self.trials.load(key) {
            Ok(state) => Ok(state.map(Arc::new)),
            Err(error) => {
                tracing::warn!("a trial is trained again, for its files are of no use: {error}");
                self.trials.remove(key)?;
                Ok(None)
            }
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
    pub(super) fn retain(&self, state: &SearchState) -> Result<(), StoreError> {
        let finals = &state.finals;
        let mut kept: BTreeSet<String> =
            self.trials.list()?.into_iter().take(KEPT_TRIALS).collect();
        if let Some(champion) = &finals.champion {
            kept.insert(self.task.key(&champion.plan()));
        }
        for promotion in finals.all_promotions() {
            for place in 0..promotion.candidates.len() {
                kept.extend(promotion.plans(place).map(|plan| self.task.key(&plan)));
            }
        }
        self.trials.retain(&kept)?;
        Ok(())
    }
}
