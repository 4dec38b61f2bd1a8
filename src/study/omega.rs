//! ω as a lever trains it: one cycle of the plain loop, kept on disk so that it is trained once.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::data::Dataset;
use crate::engine::Executor;
use crate::search::{Search, SearchConfig, SearchState, SharedState, Task, Until, run};
use crate::store::{Binding, Checkpoints, Retention, StateFolder, read_state, state_files};
use crate::study::{Progress, StudyError};

/// How often a search under way is kept.
const KEPT_EVERY: Duration = Duration::from_secs(20);

/// A search that trains ω.
pub(super) struct Omega<'a> {
    /// What it is called in the progress.
    pub(super) name: &'a str,
    /// How it searches.
    pub(super) config: SearchConfig,
    pub(super) dataset: &'a Dataset,
    pub(super) exec: &'a Arc<dyn Executor>,
    /// The fingerprint of the data.
    pub(super) data: &'a str,
}

impl Omega<'_> {
    /// ω at the end of the first cycle, and what it was searched on. `folder` holds those of all
    /// levers.
    pub(super) fn train(
        self,
        folder: &Path,
        told: &mut dyn FnMut(Progress),
    ) -> Result<(Task, Arc<SharedState>), StudyError> {
        let Self { name, config, dataset, exec, data } = self;
        let settings = serde_json::to_string(&config).map_err(StudyError::Json)?;
        let of = format!("{settings} {data} {}", exec.name());
        let hash = blake3::hash(of.as_bytes()).to_hex().to_string();
        let epochs = config.schedule.epochs_per_cycle;
        let task = Task::new(config, dataset.clone(), exec.clone())?;
        let path = folder.join(&hash[..32]);
        let state_folder = StateFolder::open(&path)?;
        let checkpoints = Checkpoints::new(&state_folder, Retention::newest(2)?);
        let mut state = match checkpoints.load_newest()? {
            Some(found) => read_state(&found, &task)?,
            None => Search::initial_state(&task)?,
        };
        let binding = Binding { config: settings, data: data.to_owned(), computed_by: exec.name() };
        let mut kept = Instant::now();
        while state.place.epoch < epochs {
            let next = state.place.epoch + 1;
            state = run(task.clone(), &state, Until::Epochs(next), |_| ())?;
            told(Progress { what: format!("ω of {name}"), done: next, of: epochs });
            if KEPT_EVERY <= kept.elapsed() || next == epochs {
                keep(&checkpoints, &state, (&binding, &hash), &task)?;
                kept = Instant::now();
            }
        }
        Ok((task, state.shared))
    }
}

fn keep(
    checkpoints: &Checkpoints,
    state: &SearchState,
    (binding, hash): (&Binding, &str),
    task: &Task,
) -> Result<(), StudyError> {
    let files = state_files(state, binding)?;
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let step = state.place.number(&task.config.schedule);
    checkpoints.write(step, hash, &files)?;
    Ok(())
}
