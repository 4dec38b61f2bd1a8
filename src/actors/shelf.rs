//! The shelf: the files of the best architectures, held against the list of every checkpoint.
//!
//! A file that is there is trusted once it was read whole; from then on it stays open, so that it
//! can be written again when somebody deletes it. Weights are only ever written for the score
//! that was measured with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use candle_core::DType;

use crate::actors::Entered;
use crate::engine::{Snapshot, from_safetensors};
use crate::search::{BestArch, Place, SearchState, Task};
use crate::store::{ArchFault, BestFolder, StoreError, WEIGHTS, best_files, scored_weights};

/// Files that are held open at most: far fewer than a process may have.
const MAX_OPEN: usize = 100;

/// Looks after the files of the best architectures.
#[derive(Debug)]
pub(super) struct Shelf {
    task: Task,
    folder: Arc<BestFolder>,
    /// The architectures whose files are right, or were.
    held: BTreeMap<String, Held>,
    /// The architectures whose loss was told.
    lost: BTreeSet<String>,
}

/// Weights that were read whole, or written.
#[derive(Debug)]
struct Held {
    best: BestArch,
    hash: blake3::Hash,
    /// Where there were not too many.
    file: Option<File>,
}

/// A best architecture without the weights that it was scored with.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) id: String,
    pub(super) why: String,
}

/// How the files of an architecture are.
enum Found {
    Right,
    /// Of a step that this search has yet to take again, and will write again.
    Ahead,
    /// The weights are right, and something beside them is not.
    Part(Vec<u8>, String),
    Wrong(String),
}

impl Held {
    /// Whether the file that was read still has its name.
    fn is_named(&self) -> bool {
        let metadata = self.file.as_ref().and_then(|file| file.metadata().ok());
        metadata.is_none_or(|metadata| metadata.nlink() != 0)
    }

    /// The weights of a file that was deleted while it was open.
    fn weights(&self) -> Option<Snapshot> {
        let mut file = self.file.as_ref()?;
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).ok()?;
        let is_same = blake3::hash(&bytes) == self.hash;
        from_safetensors(&bytes, DType::F32).ok().filter(|_| is_same)
    }
}

impl Shelf {
    pub(super) fn new(task: Task, folder: Arc<BestFolder>) -> Self {
        Self { task, folder, held: BTreeMap::new(), lost: BTreeSet::new() }
    }

    /// Writes the files of architectures that `entered`, and those of others of `state` that are
    /// missing and can be had again. Returns those that have lost their weights, each once.
    pub(super) fn fill(
        &mut self,
        state: &SearchState,
        entered: &[Entered],
    ) -> Result<Vec<Loss>, StoreError> {
        let there = self.folder.list()?;
        let mut losses = Vec::new();
        for best in state.best.archs() {
            let id = best.arch.id();
            if let Some(entered) = entered.iter().find(|entered| entered.id == id) {
                self.put(best, &entered.weights)?;
                continue;
            }
            let is_known =
                self.lost.contains(&id) || self.held.get(&id).is_some_and(Held::is_named);
            if is_known && there.contains(&id) {
                continue;
            }
            let why = match self.look(best, state) {
                Found::Right | Found::Ahead => continue,
                Found::Part(weights, why) => {
                    tracing::warn!(id, why, "the files of a best architecture are written again");
                    self.put(best, &from_safetensors(&weights, DType::F32)?)?;
                    continue;
                }
                Found::Wrong(why) => why,
            };
            let held = self.held.get(&id).filter(|held| held.best.is_scored_as(best));
            if let Some(weights) = held.and_then(Held::weights) {
                tracing::warn!(id, why, "the files of a best architecture are written again");
                self.put(best, &weights)?;
            } else if self.is_of(best, state) {
                tracing::warn!(id, why, "the files of a best architecture are written again");
                self.put(best, &state.shared.params)?;
            } else if self.lost.insert(id.clone()) {
                losses.push(Loss { id, why });
            }
        }
        Ok(losses)
    }

    /// Writes the files of architectures again whose weights somebody deleted or moved away, as far
    /// as those are held open, and returns the ids.
    pub(super) fn mend(&mut self) -> Result<Vec<String>, StoreError> {
        let there = self.folder.list()?;
        let is_gone = |(id, held): &(&String, &Held)| !held.is_named() || !there.contains(id);
        let gone = self.held.iter().filter(is_gone).map(|(_, held)| held);
        let gone = gone.filter_map(|held| Some((held.best.clone(), held.weights()?)));
        let gone: Vec<(BestArch, Snapshot)> = gone.collect();
        gone.iter().try_for_each(|(best, weights)| self.put(best, weights))?;
        Ok(gone.iter().map(|(best, _)| best.arch.id()).collect())
    }

    /// Removes the files of architectures that are no longer among the best.
    pub(super) fn forget_left(&mut self, state: &SearchState) -> Result<(), StoreError> {
        let ids: BTreeSet<String> = state.best.archs().iter().map(|best| best.arch.id()).collect();
        self.held.retain(|id, _| ids.contains(id));
        self.lost.retain(|id| ids.contains(id));
        let mut left = self.folder.list()?.into_iter().filter(|id| !ids.contains(id));
        left.try_for_each(|id| self.folder.remove(&id))
    }

    /// Writes the files of `best` with its part of `weights`, and holds them.
    fn put(&mut self, best: &BestArch, weights: &Snapshot) -> Result<(), StoreError> {
        let id = best.arch.id();
        let files = best_files(best, &self.task, weights)?;
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        // What was held until now is the only copy until this has succeeded.
        self.folder.put(&id, &files)?;
        for (_, bytes) in files.iter().filter(|(name, _)| *name == WEIGHTS) {
            self.hold(best, bytes);
        }
        self.lost.remove(&id);
        Ok(())
    }

    fn hold(&mut self, best: &BestArch, weights: &[u8]) {
        let id = best.arch.id();
        self.held.remove(&id);
        let is_room = self.held.len() < MAX_OPEN;
        let file = is_room.then(|| self.folder.open_file(&id, WEIGHTS).ok()).flatten();
        let (best, hash) = (best.clone(), blake3::hash(weights));
        self.held.insert(id, Held { best, hash, file });
    }

    /// Reads the files of an architecture whole.
    fn look(&mut self, best: &BestArch, state: &SearchState) -> Found {
        let number = state.place.number(&self.task.config.schedule);
        match scored_weights(&self.folder, best) {
            Ok(weights) => match self.folder.check(&best.arch.id()) {
                Ok(()) => {
                    self.hold(best, &weights);
                    Found::Right
                }
                Err(why) => Found::Part(weights, why.to_string()),
            },
            Err(ArchFault::Step { step }) if number <= step => Found::Ahead,
            Err(fault) => Found::Wrong(fault.to_string()),
        }
    }

    /// Whether the ω of `state` is the one that scored `best`.
    fn is_of(&self, best: &BestArch, state: &SearchState) -> bool {
        let schedule = &self.task.config.schedule;
        let before = Place::shared_steps_before(best.step, schedule);
        !self.task.is_stand_alone() && before == state.place.shared_step(schedule)
    }
}
