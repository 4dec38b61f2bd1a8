//! The keeper: owns the files. What is acknowledged is on disk.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::actors::archive::Archive;
use crate::actors::champion_shelf::{ChampionShelf, Shelved};
use crate::actors::note::MAX_NOTES;
use crate::actors::shelf::{Loss, Shelf};
use crate::actors::{
    Entered, Inject, Note, RecordPromotion, Recorded, Save, SaveReply, Saved, Saving,
};
use crate::search::{Applied, Outcome, SearchState, StepRecord, Task};
use crate::store::{
    BestFolder, Binding, Checkpoints, History, Keeping, OwnHistory, RejectedHistory, StateFolder,
    StoreError, Verdicts, history_rows, read_state, state_files,
};
use crate::telemetry::{unix_millis, unix_time};

/// Rows of promotions that wait at most: those of a hundred architectures.
const MAX_ROWS: usize = 2000;

/// Between two histories that are set aside while the daemon runs: a disk that damages each one is
/// a failing disk, and is not filled with them.
const MIN_HISTORY_AGE: Duration = Duration::from_hours(1);

/// Owns the state folder.
#[derive(Debug)]
pub struct Keeper {
    task: Task,
    folder: StateFolder,
    checkpoints: Checkpoints,
    pub(super) history: History,
    shelf: Shelf,
    pub(super) archive: Archive,
    champions: ChampionShelf,
    saving: watch::Receiver<Saving>,
    /// What a checkpoint belongs to, and the hash of its settings.
    binding: Binding,
    config_hash: String,
    /// Finished steps that are not in the history yet, oldest first.
    backlog: Vec<StepRecord>,
    /// Events that are not in the history yet, oldest first.
    notes: VecDeque<Note>,
    /// What promotions led to and is not in the history yet.
    promotions: RecordPromotion,
    /// The newest checkpoint that was written.
    saved: Option<PathBuf>,
    /// When the history was last set aside, and the steps that the new one lacks.
    begun: Option<(Instant, u64)>,
    /// The step with which this run of the daemon began.
    first_step: u64,
    /// Why parts of the state folder cannot be made again, once it was told.
    unmended: Option<String>,
}

/// The files that a keeper owns.
#[derive(Debug)]
pub struct KeeperFiles {
    /// The state folder, locked.
    pub folder: StateFolder,
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    /// Its history.
    pub history: History,
    /// The step at which the search goes on.
    pub first_step: u64,
    /// Its best architectures, which others may read.
    pub best: Arc<BestFolder>,
    /// Its trials, and the ledger of the test split.
    pub archive: Archive,
    /// Its champions, which others may read.
    pub champions: Arc<BestFolder>,
    /// Which checkpoints stay.
    pub saving: watch::Receiver<Saving>,
}

impl Keeper {
    /// A keeper of `files` for the search that belongs to `binding`.
    pub fn new(task: Task, files: KeeperFiles, binding: Binding) -> Self {
        let KeeperFiles {
            folder,
            checkpoints,
            history,
            first_step,
            best,
            archive,
            champions,
            saving,
        } = files;
        let config_hash = blake3::hash(binding.config.as_bytes()).to_hex().to_string();
        let shelf = Shelf::new(task.clone(), best);
        let champions = ChampionShelf::new(champions, config_hash.clone());
        Self {
            task,
            folder,
            checkpoints,
            history,
            shelf,
            archive,
            champions,
            saving,
            binding,
            config_hash,
            backlog: Vec::new(),
            notes: VecDeque::new(),
            promotions: RecordPromotion::default(),
            saved: None,
            begun: None,
            first_step,
            unmended: None,
        }
    }

    /// Tries to write the backlog; what cannot be written stays.
    pub(super) fn record(&mut self, records: Vec<StepRecord>) -> Recorded {
        self.backlog.extend(records);
        let (rollouts, steps) = history_rows(&self.backlog, &self.task.config.schedule);
        let keeping =
            Keeping { bytes: self.saving.borrow().history_bytes, at_unix_ms: unix_millis() };
        let written = match self.backlog[..] {
            [] => Ok(()),
            _ => self.written(|keeper| {
                // Before the rows that follow from it.
                keeper.history.record_applied(applied(&keeper.backlog))?;
                keeper.history.record(&rollouts, &steps, keeping)
            }),
        };
        let error = match written {
            Ok(()) => {
                self.backlog.clear();
                // One that still cannot be written is told of when it comes.
                drop(self.written(Self::write_notes));
                drop(self.write_promotions());
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let archs_unique = self.history.unique_archs();
        // Asked here rather than after a checkpoint: it is wanted most while none can be written.
        let free_bytes = self.folder.free_bytes().ok();
        Recorded {
            backlog: self.backlog.len(),
            archs_unique,
            history_bytes: self.history.bytes().ok(),
            history_limit_bytes: keeping.bytes,
            free_bytes,
            is_unsaved: self.saved.as_ref().is_some_and(|path| !path.is_dir()),
            missing: self.begun.map(|(_, missing)| missing),
            error,
        }
    }

    /// Writes what somebody had scored.
    pub(super) fn inject(&mut self, message: &Inject) -> Result<(), StoreError> {
        let Inject { step, arch_id, reward } = message;
        self.written(|keeper| keeper.history.inject(*step, arch_id, *reward))
    }

    /// Writes to the history: to a new one where its file is gone or damaged, since no search
    /// waits for memories.
    fn written(
        &mut self,
        write: impl Fn(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if !self.history.is_named()? {
            self.begin_history(&StoreError::NotFound { path: self.folder.history() })?;
        }
        match write(self) {
            Err(error) if error.is_history_damage() && self.may_begin() => {
                self.begin_history(&error)?;
                write(self)
            }
            written => written,
        }
    }

    fn may_begin(&self) -> bool {
        self.begun.is_none_or(|(at, _)| MIN_HISTORY_AGE <= at.elapsed())
    }

    /// Sets the history aside and begins a new one.
    fn begin_history(&mut self, why: &StoreError) -> Result<(), StoreError> {
        // Another folder that stands in this one's place is left alone.
        let restored = self.folder.restore()?;
        let bytes = self.saving.borrow().history_bytes;
        let OwnHistory { history, rejected } = OwnHistory::begin(&self.folder, bytes, why)?;
        // One that had no rows yet lacked what is lacking still.
        let lacked = self.begun.map_or(self.first_step, |(_, missing)| missing);
        let missing = std::mem::replace(&mut self.history, history).end().max(lacked);
        self.begun = Some((Instant::now(), missing));
        if let Some(RejectedHistory { moved_to, why }) = rejected {
            let moved_to = moved_to.display();
            let what = format!(
                "what is left of the history was moved to {moved_to}, and a new one begins \
                 without {missing} steps: {why}"
            );
            self.tell("history-damaged", what);
        }
        self.tell_restored(restored);
        Ok(())
    }

    /// Sees to it that all parts of the state folder are there.
    pub(super) fn look_after(&mut self) {
        let mended = self.mend().map_err(|error| error.to_string()).err();
        if let Some(error) = mended.as_ref().filter(|_| mended != self.unmended) {
            tracing::error!("what is gone from the state folder cannot be made again: {error}");
        }
        self.unmended = mended;
    }

    /// Makes again what somebody took from the state folder, and tells it.
    fn mend(&mut self) -> Result<(), StoreError> {
        let restored = self.folder.restore()?;
        self.tell_restored(restored);
        for id in self.shelf.mend()? {
            self.tell(
                "disk",
                format!("the files of {id} were gone from best: they are written again"),
            );
        }
        Ok(())
    }

    fn tell_restored(&mut self, parts: Vec<&'static str>) {
        for part in parts {
            self.tell("disk", format!("{part} was gone from the state folder: it is made again"));
        }
    }

    /// Writes the events that wait, oldest first; what cannot be written stays.
    fn write_notes(&mut self) -> Result<(), StoreError> {
        while let Some(Note { unix_ms, kind, message }) = self.notes.front() {
            self.history.event(*unix_ms, kind, message)?;
            self.notes.pop_front();
        }
        Ok(())
    }

    pub(super) fn note(&mut self, note: Note) -> Result<(), StoreError> {
        // Those of when it began say more than the later ones.
        if self.notes.len() < MAX_NOTES {
            self.notes.push_back(note);
        }
        self.written(Self::write_notes)
    }

    /// Tries to write the rows that wait.
    fn write_promotions(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.promotions);
        let written = self.written(|keeper| {
            keeper.history.record_trials(&waiting.trials)?;
            waiting.champions.iter().try_for_each(|row| keeper.history.record_champion(row))
        });
        if written.is_err() {
            self.promotions = waiting;
        }
        written
    }

    pub(super) fn record_promotion(&mut self, message: RecordPromotion) -> Result<(), StoreError> {
        let RecordPromotion { trials, champions } = message;
        self.promotions.trials.extend(trials);
        self.promotions.champions.extend(champions);
        // Those of when it began say more than the later ones.
        self.promotions.trials.truncate(MAX_ROWS);
        self.promotions.champions.truncate(MAX_ROWS);
        self.write_promotions()
    }

    pub(super) fn save(&mut self, message: Save) -> SaveReply {
        let start = Instant::now();
        let Save { state, entered, verdicts } = message;
        let recorded = self.record(Vec::new());
        // A checkpoint whose history is not on disk would lose rows for good.
        let saved = match recorded.error.clone() {
            Some(why) => Err(StoreError::HistoryBehind { why }),
            None => self.write(&state, (&entered, &verdicts), start),
        };
        SaveReply { recorded, saved }
    }

    /// Writes the files of those that entered and a checkpoint; `start` is when that was asked.
    fn write(
        &mut self,
        state: &SearchState,
        (entered, verdicts): (&[Entered], &Verdicts),
        start: Instant,
    ) -> Result<Saved, StoreError> {
        self.mend()?;
        let losses = self.shelf.fill(state, entered)?;
        if !losses.is_empty() {
            self.tell("best-lost", lost(&losses));
        }
        let files = state_files(state, &self.binding)?;
        let step = state.place.number(&self.task.config.schedule);
        self.checkpoints.retain(self.saving.borrow().retention);
        let generation = self.checkpoints.write(step, &self.config_hash, &borrow(&files))?;
        if let Err(error) = &generation.pruned {
            tracing::warn!("an old checkpoint could not be removed: {error}");
        }
        self.history.forget_older()?;
        // Only after the checkpoint that does without them.
        if let Err(error) = self.shelf.forget_left(state) {
            tracing::warn!(
                "the files of an architecture that left the best could not be removed: {error}"
            );
        }
        self.shelve_champion(state, verdicts);
        if let Err(error) = self.archive.retain(&self.task, state) {
            tracing::warn!("the files of an old trial could not be removed: {error}");
        }
        self.saved = Some(generation.path.clone());
        Ok(Saved {
            step,
            path: generation.path,
            bytes: generation.bytes,
            duration: start.elapsed(),
            unix_time: unix_time(),
            state_bytes: self.folder.size().ok(),
        })
    }

    /// Writes the champion's files. Where that fails it is tried again with the next checkpoint.
    fn shelve_champion(&mut self, state: &SearchState, verdicts: &Verdicts) {
        match self.champions.fill(state, &mut self.archive, verdicts) {
            Ok(Shelved::Held) => {}
            Ok(Shelved::Written) => tracing::info!("the files of the champion are written"),
            Ok(Shelved::Lost) => {
                let what = "the champion's net is lost: neither its files nor those of its trial \
                            are there; its scores stay, and `enasctl retrain` trains it again";
                self.tell("champion-lost", what.to_owned());
            }
            Err(error) => {
                tracing::warn!("the files of the champion could not be written: {error}");
            }
        }
    }

    /// Warns, and writes an event.
    fn tell(&mut self, kind: &'static str, message: String) {
        tracing::warn!(kind, "{message}");
        // One that cannot be written waits.
        drop(self.note(Note::new(kind, message)));
    }

    pub(super) fn load(&mut self) -> Result<Arc<SearchState>, StoreError> {
        let Some(loaded) = self.checkpoints.load_newest()? else {
            return Err(StoreError::NoCheckpoint { path: self.folder.checkpoints() });
        };
        let mut state = read_state(&loaded, &self.task)?;
        let step = state.place.number(&self.task.config.schedule);
        // What is not in the history yet is gone by then.
        self.history.record_applied(applied(&self.backlog))?;
        state.replay = self.history.applied(step)?;
        self.backlog.clear();
        self.history.rewind(step)?;
        Ok(Arc::new(state))
    }
}

/// From whose children θ learnt in these steps.
fn applied(records: &[StepRecord]) -> impl Iterator<Item = &Applied> {
    records.iter().filter_map(|record| match &record.outcome {
        Outcome::Controller(report) => report.applied.as_ref(),
        Outcome::Shared(_) | Outcome::Derive(_) => None,
    })
}

/// What is told of best architectures without their weights.
fn lost(losses: &[Loss]) -> String {
    let each: Vec<String> = losses.iter().map(|Loss { id, why }| format!("{id}: {why}")).collect();
    format!(
        "the weights that {} of the best architectures were scored with are lost, and no others \
         are given for them; scores and architectures stay: {}",
        losses.len(),
        each.join("; ")
    )
}

fn borrow<'a>(files: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'a str, &'a [u8])> {
    files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect()
}
