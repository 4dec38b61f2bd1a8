//! The keeper: owns the files. What is acknowledged is on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Context, Handler};
use tokio::sync::watch;

use crate::actors::outbox::MAX_NOTES;
use crate::actors::shelf::{Loss, Shelf};
use crate::actors::{
    CloseHistory, Entered, LoadNewest, Note, PruneHistory, Record, Recorded, Refusal, Save,
    SaveReply, Saved, Saving,
};
use crate::search::{SearchState, StepRecord, Task};
use crate::space::Arch;
use crate::store::{
    BestFolder, Binding, Checkpoints, History, Keeping, Pruned, StateFolder, StoreError,
    history_rows, read_state, state_files,
};
use crate::telemetry::{unix_millis, unix_time};

/// Finished steps that are kept in memory while the history cannot be written.
pub(super) const MAX_BACKLOG: usize = 10_000;

/// Owns the state folder.
#[derive(Debug)]
pub struct Keeper {
    task: Task,
    folder: StateFolder,
    checkpoints: Checkpoints,
    history: History,
    shelf: Shelf,
    saving: watch::Receiver<Saving>,
    /// What a checkpoint belongs to, and the hash of its settings.
    binding: Binding,
    config_hash: String,
    /// Finished steps that are not in the history yet, oldest first.
    backlog: Vec<StepRecord>,
    /// Events that are not in the history yet, oldest first.
    notes: VecDeque<Note>,
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
    /// Its best cells, which others may read.
    pub best: Arc<BestFolder>,
    /// Which checkpoints stay.
    pub saving: watch::Receiver<Saving>,
}

impl Keeper {
    /// A keeper of `files` for the search that belongs to `binding`. `draw` draws a cell for
    /// people; it is given, for drawing is no business of this layer.
    pub fn new(
        task: Task,
        files: KeeperFiles,
        binding: Binding,
        draw: fn(&Arch) -> String,
    ) -> Self {
        let KeeperFiles { folder, checkpoints, history, best, saving } = files;
        let config_hash = blake3::hash(binding.config.as_bytes()).to_hex().to_string();
        let shelf = Shelf::new(task.clone(), best, draw);
        let (backlog, notes) = (Vec::new(), VecDeque::new());
        Self {
            task,
            folder,
            checkpoints,
            history,
            shelf,
            saving,
            binding,
            config_hash,
            backlog,
            notes,
        }
    }

    /// Tries to write the backlog; what cannot be written stays.
    fn record(&mut self, records: Vec<StepRecord>) -> Recorded {
        self.backlog.extend(records);
        let (rollouts, steps) = history_rows(&self.backlog, &self.task.config.schedule);
        let keeping =
            Keeping { bytes: self.saving.borrow().history_bytes, at_unix_ms: unix_millis() };
        let error = match self.history.record(&rollouts, &steps, keeping) {
            Ok(()) => {
                self.backlog.clear();
                // One that still cannot be written is told of when it comes.
                drop(self.write_notes());
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
            error,
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

    fn note(&mut self, note: Note) -> Result<(), StoreError> {
        // Those of when it began say more than the later ones.
        if self.notes.len() < MAX_NOTES {
            self.notes.push_back(note);
        }
        self.write_notes()
    }

    fn save(&mut self, message: Save) -> SaveReply {
        let start = Instant::now();
        let Save { state, entered } = message;
        let recorded = self.record(Vec::new());
        // A checkpoint whose history is not on disk would lose rows for good.
        let saved = match recorded.error.clone() {
            Some(why) => Err(StoreError::HistoryBehind { why }),
            None => self.write(&state, &entered, start),
        };
        SaveReply { recorded, saved }
    }

    /// Writes the files of cells that entered and a checkpoint; `start` is when that was asked.
    fn write(
        &mut self,
        state: &SearchState,
        entered: &[Entered],
        start: Instant,
    ) -> Result<Saved, StoreError> {
        for part in self.folder.restore()? {
            self.tell("disk", format!("{part} was gone from the state folder: it is made again"));
        }
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
            tracing::warn!("the files of a cell that left the best could not be removed: {error}");
        }
        Ok(Saved {
            step,
            path: generation.path,
            bytes: generation.bytes,
            duration: start.elapsed(),
            unix_time: unix_time(),
            state_bytes: self.folder.size().ok(),
        })
    }

    /// Warns, and writes an event.
    fn tell(&mut self, kind: &'static str, message: String) {
        tracing::warn!(kind, "{message}");
        // One that cannot be written waits.
        drop(self.note(Note::new(kind, message)));
    }

    fn load(&mut self) -> Result<Arc<SearchState>, StoreError> {
        let Some(loaded) = self.checkpoints.load_newest()? else {
            return Err(StoreError::NoCheckpoint { path: self.folder.checkpoints() });
        };
        let state = read_state(&loaded, &self.task)?;
        self.backlog.clear();
        self.history.rewind(state.place.number(&self.task.config.schedule))?;
        Ok(Arc::new(state))
    }
}

/// What is told of best cells without their weights.
fn lost(losses: &[Loss]) -> String {
    let cells: Vec<String> = losses.iter().map(|Loss { id, why }| format!("{id}: {why}")).collect();
    format!(
        "the weights that {} of the best architectures were scored with are lost, and no others \
         are given for them; scores and architectures stay: {}",
        losses.len(),
        cells.join("; ")
    )
}

fn borrow<'a>(files: &'a [(&'static str, Vec<u8>)]) -> Vec<(&'a str, &'a [u8])> {
    files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect()
}

impl Actor for Keeper {
    type Context = Context<Self>;
}

impl Handler<Record> for Keeper {
    type Result = actix::MessageResult<Record>;

    fn handle(&mut self, message: Record, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(self.record(message.records))
    }
}

impl Handler<Save> for Keeper {
    type Result = actix::MessageResult<Save>;

    fn handle(&mut self, message: Save, _: &mut Context<Self>) -> Self::Result {
        actix::MessageResult(self.save(message))
    }
}

impl Handler<LoadNewest> for Keeper {
    type Result = Result<Arc<SearchState>, StoreError>;

    fn handle(&mut self, _: LoadNewest, _: &mut Context<Self>) -> Self::Result {
        self.load()
    }
}

impl Handler<Note> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, message: Note, _: &mut Context<Self>) -> Self::Result {
        self.note(message)
    }
}

impl Handler<PruneHistory> for Keeper {
    type Result = Result<Pruned, Refusal>;

    fn handle(&mut self, message: PruneHistory, _: &mut Context<Self>) -> Self::Result {
        self.history
            .prune(message.bytes)
            .map_err(|error| Refusal::Failed { why: error.to_string() })
    }
}

impl Handler<CloseHistory> for Keeper {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, _: CloseHistory, _: &mut Context<Self>) -> Self::Result {
        self.history.rest()
    }
}
