//! The champion's files: written when it is crowned, and again where they are gone or damaged.
//!
//! They follow from the checkpoint and the files of its trial, so a crash between the two leaves
//! nothing that the next start does not mend.

use std::sync::Arc;

use crate::actors::Archive;
use crate::search::{Champion, PairReport, SearchState};
use crate::store::{
    BestFolder, CHAMPION_CARD, ChampionCard, ChampionParts, StoreError, Verdicts, champion_files,
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
        if self.is_there(&id, champion) {
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
    fn is_there(&self, id: &str, champion: &Champion) -> bool {
        let card = self.card(id).filter(|_| self.folder.check(id).is_ok());
        let Champion { step, seed, certificate, .. } = *champion;
        card.is_some_and(|card| {
            (card.step, card.seed, card.certificate) == (step, seed, certificate)
        })
    }

    fn card(&self, id: &str) -> Option<ChampionCard> {
        serde_json::from_slice(&self.folder.read(id, CHAMPION_CARD).ok()?).ok()
    }

    /// Removes the oldest champions but `keep`; what has no card that can be read is left alone.
    fn forget(&self, id: &str, keep: usize) -> Result<(), StoreError> {
        let mut older: Vec<(u64, String)> = self
            .folder
            .list()?
            .into_iter()
            .filter(|other| other != id)
            .filter_map(|other| Some((self.card(&other)?.cycle, other)))
            .collect();
        older.sort_by(|a, b| b.cmp(a));
        older.iter().skip(keep.saturating_sub(1)).try_for_each(|(_, id)| self.folder.remove(id))
    }
}
