//! The champion's files: written when it is crowned, and again where they are gone or damaged. Those
//! that cannot be read, or are of a later program, are left as they are.
//!
//! They follow from the checkpoint and the files of its trial, so a crash between the two leaves
//! nothing that the next start does not mend.

use std::sync::Arc;

use crate::actors::Archive;
use crate::search::{Champion, PairReport, SearchState};
use crate::store::{
    BestFolder, ChampionCard, ChampionParts, StoreError, Verdicts, champion_card, champion_files,
};

/// Looks after the files of champions.
#[derive(Debug)]
pub(super) struct ChampionShelf {
    folder: Arc<BestFolder>,
    /// The BLAKE3 of the settings that the search depends on.
    config_hash: String,
    /// The champion whose files are right, or were.
    held: Option<Champion>,
    /// The champion whose net is lost, once that was told.
    lost: Option<Champion>,
}

/// What became of a champion's files.
pub(super) enum Shelved {
    /// Nothing was to be done.
    Held,
    /// They were written.
    Written,
    /// They cannot be: its net is lost.
    Lost,
}

impl ChampionShelf {
    pub(super) fn new(folder: Arc<BestFolder>, config_hash: String) -> Self {
        Self { folder, config_hash, held: None, lost: None }
    }

    /// Writes the files of the champion of `state`, if they are not there; then removes those of
    /// champions that are too many.
    pub(super) fn fill(
        &mut self,
        state: &SearchState,
        archive: &mut Archive,
        verdicts: &Verdicts,
    ) -> Result<Shelved, StoreError> {
        let Some(champion) = &state.finals.champion else { return Ok(Shelved::Held) };
        let id = champion.arch.id();
        let is_known = self.held.as_ref() == Some(champion);
        if is_known && self.folder.list()?.contains(&id) {
            return Ok(Shelved::Held);
        }
        if self.is_there(&id, champion)? {
            self.held = Some(champion.clone());
            return Ok(Shelved::Held);
        }
        let key = archive.task.key(&champion.plan());
        let Some(net) = archive.load(&key)?.filter(|net| net.valid.is_some()) else {
            let is_news = self.lost.as_ref() != Some(champion);
            self.lost = Some(champion.clone());
            return Ok(if is_news { Shelved::Lost } else { Shelved::Held });
        };
        let before = state.finals.pairs.iter().filter(|pair| pair.cycle <= champion.cycle);
        let pairs = PairReport::of(&before.copied().collect::<Vec<_>>());
        let files = champion_files(&ChampionParts {
            champion,
            task: &archive.task,
            state: &net,
            config_hash: &self.config_hash,
            pairs,
            verdicts,
        })?;
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        self.folder.put(&id, &files)?;
        self.held = Some(champion.clone());
        self.forget(&id, champion.recipe.keep)?;
        Ok(Shelved::Written)
    }

    /// Whether the files of `id` are whole and of this champion.
    fn is_there(&self, id: &str, champion: &Champion) -> Result<bool, StoreError> {
        let card = match self.card(id).and_then(|card| self.folder.check(id).map(|()| card)) {
            Err(error) if error.is_lost() => return Ok(false),
            card => card?,
        };
        let Champion { step, seed, certificate, .. } = *champion;
        Ok((card.step, card.seed, card.certificate) == (step, seed, certificate))
    }

    fn card(&self, id: &str) -> Result<ChampionCard, StoreError> {
        champion_card(&self.folder.path_of(id)?)
    }

    /// Removes the oldest champions but `keep`; what has no card that can be read is left alone.
    fn forget(&self, id: &str, keep: usize) -> Result<(), StoreError> {
        let mut older: Vec<(u64, String)> = self
            .folder
            .list()?
            .into_iter()
            .filter(|other| other != id)
            .filter_map(|other| Some((self.card(&other).ok()?.cycle, other)))
            .collect();
        older.sort_by(|a, b| b.cmp(a));
        older.iter().skip(keep.saturating_sub(1)).try_for_each(|(_, id)| self.folder.remove(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{Arm, FinalConfig, Score};
    use std::fs;

    fn champion() -> Champion {
        let cell = "[identity(0)+identity(1), identity(0)+identity(1)]";
        let score = Score { nll: 1.0, correct: 1, items: 2 };
        Champion {
            arch: format!("normal={cell} reduction={cell}").parse().unwrap(),
            arm: Arm::Derive,
            cycle: 0,
            step: 9,
            recipe: FinalConfig::default(),
            shared: score,
            valid: vec![score],
            test: Vec::new(),
            certificate: 0,
            seed: 0,
            rival: None,
        }
    }

    #[test]
    fn files_are_gone_or_damaged_only_where_that_is_known() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("champions");
        let folder = Arc::new(BestFolder::open(&path).unwrap());
        let shelf = ChampionShelf::new(folder.clone(), String::new());
        let (champion, id) = (champion(), champion().arch.id());
        let is_there = || shelf.is_there(&id, &champion);
        assert!(!is_there().unwrap(), "none");
        folder.put(&id, &[("card.json", b"{")]).unwrap();
        assert!(!is_there().unwrap(), "no card");
        folder.put(&id, &[("card.json", br#"{"format": 2}"#)]).unwrap();
        let error = is_there().unwrap_err();
        assert!(matches!(error, StoreError::Format { found: 2, .. }), "{error}");
        fs::rename(&path, root.path().join("aside")).unwrap();
        fs::write(&path, "no folder").unwrap();
        let error = is_there().unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}
