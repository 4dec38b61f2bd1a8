//! Simulated searches: strategies that look scores up in a table, each with many seeds, so that they
//! can be compared in seconds ([`Table`](crate::search::Table)).
//!
//! ```text
//! FOLDER/STRATEGY/SEED/history.sqlite       every architecture in the order in which it was scored
//! FOLDER/simulating/                        the same until all searches are over
//! ```

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::search::{
    FinalConfig, PolicyConfig, ScheduleConfig, ScoreTable, Search, SearchConfig, StepRecord,
    StrategyKind, Table, Task, Until, run_with,
};
use crate::store::{HISTORY, History, Keeping, StoreError, history_rows, hold_folder};
use crate::study::{Progress, StudyError};

/// Where the histories are until all searches are over.
const UNDER_WAY: &str = "simulating";

/// Architectures of a history that are written at once.
const ROWS_A_WRITE: usize = 10_000;

/// What the files of a history have behind its name.
const ENDINGS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Searches that are simulated.
#[derive(Debug)]
pub struct SimulationPlan {
    /// What is searched on, and how; the strategy and the seed are each simulation's own.
    pub task: Task,
    /// The known scores.
    pub table: Arc<ScoreTable>,
    /// The strategies that are compared.
    pub strategies: Vec<StrategyKind>,
    /// Searches with each: the seed of the run and those that follow.
    pub seeds: u64,
    /// Architectures that each scores, as many as whole epochs make of at least so many.
    pub evaluations: u64,
    /// Where their histories are left.
    pub folder: PathBuf,
    /// Searches at once.
    pub threads: usize,
}

/// A simulated search.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// Its strategy.
    pub strategy: StrategyKind,
    /// Its seed.
    pub seed: u64,
    /// Architectures that it scored.
    pub evaluations: u64,
    /// The best score that it found.
    pub best: f64,
    /// Its history.
    pub history: PathBuf,
}

/// Simulates the searches, and leaves their histories; those of an earlier simulation with the same
/// strategies give way once all are over. In the order of strategies, then of seeds.
pub fn simulate(
    plan: &SimulationPlan,
    told: &mut dyn FnMut(Progress),
) -> Result<Vec<Simulation>, StudyError> {
    // Nobody else simulates here meanwhile.
    let _held = hold_folder(&plan.folder)?;
    let under_way = plan.folder.join(UNDER_WAY);
    // Of one that was killed.
    remove(&under_way)?;
    let folder_of = |strategy: &StrategyKind| plan.folder.join(strategy.name());
    for strategy in &plan.strategies {
        earlier(&folder_of(strategy))?;
    }
    let found = simulate_all(plan, &under_way, told);
    if found.is_err() {
        remove(&under_way)?;
    }
    let found = found?;
    for strategy in &plan.strategies {
        let folder = folder_of(strategy);
        for path in earlier(&folder)? {
            remove(&path)?;
        }
        let made = under_way.join(strategy.name());
        // What is left is an empty folder, which gives way.
        fs::rename(&made, &folder).map_err(|source| StudyError::File { path: folder, source })?;
    }
    remove(&under_way)?;
    Ok(found)
}

/// Simulates the searches, with their histories in `under_way`.
fn simulate_all(
    plan: &SimulationPlan,
    under_way: &Path,
    told: &mut dyn FnMut(Progress),
) -> Result<Vec<Simulation>, StudyError> {
    let first = plan.task.config.seed;
    let runs = plan.strategies.iter().flat_map(|&strategy| {
        (0..plan.seeds).map(move |seed| (strategy, first.wrapping_add(seed)))
    });
    let runs: Vec<(StrategyKind, u64)> = runs.collect();
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<_>| {
        while let Some((place, run)) = take(&next, &runs) {
            let found = simulate_one(plan, under_way, *run);
            let is_over = found.is_err();
            if sender.send((place, found)).is_err() || is_over {
                // Nobody wants more: it failed here, or elsewhere.
                next.store(runs.len(), Ordering::Relaxed);
            }
        }
    };
    let mut found = thread::scope(|scope| {
        for _ in 0..plan.threads.clamp(1, runs.len().max(1)) {
            let sender = sender.clone();
            let work = &work;
            scope.spawn(move || work(sender));
        }
        drop(sender);
        let mut found = Vec::new();
        for (place, simulation) in receiver {
            found.push((place, simulation?));
            let (done, of) = (found.len() as u64, runs.len() as u64);
            told(Progress { what: "simulated searches".to_owned(), done, of });
        }
        Ok::<_, StudyError>(found)
    })?;
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, simulation)| simulation).collect())
}

fn take<'a, T>(next: &AtomicUsize, of: &'a [T]) -> Option<(usize, &'a T)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    Some((place, of.get(place)?))
}

/// Removes a folder with all that is in it, where it is there.
fn remove(folder: &Path) -> Result<(), StudyError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|source| StudyError::File { path: folder.to_owned(), source }),
    }
}

/// The folders with the histories of an earlier simulation in the folder of a strategy, which are to
/// give way, so that no search of other settings stands among its own. A folder that has anything else
/// is not one of those.
fn earlier(folder: &Path) -> Result<Vec<PathBuf>, StudyError> {
    let failed = |source| StudyError::File { path: folder.to_owned(), source };
    let found = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(failed)?,
    };
    let mut earlier = Vec::new();
    for entry in found {
        let path = entry.map_err(failed)?.path();
        let is_history = |name: &OsStr| {
            let ending = name.to_str().and_then(|name| name.strip_prefix(HISTORY));
            ending.is_some_and(|ending| ENDINGS.contains(&ending))
        };
        let is_own = path.join(HISTORY).is_file()
            && fs::read_dir(&path).is_ok_and(|mut files| {
                files.all(|file| file.is_ok_and(|file| is_history(&file.file_name())))
            });
        if !is_own {
            return Err(StudyError::OtherFiles { path });
        }
        earlier.push(path);
    }
    Ok(earlier)
}

/// Simulates one search.
fn simulate_one(
    plan: &SimulationPlan,
    under_way: &Path,
    (strategy, seed): (StrategyKind, u64),
) -> Result<Simulation, StudyError> {
    let of_search = Path::new(strategy.name()).join(seed.to_string());
    let mut keeper = Keeper::new(&under_way.join(&of_search))?;
    let config = config(plan, strategy, seed);
    let schedule = config.schedule;
    let task = Task { config: Arc::new(config), ..plan.task.clone() };
    let per_epoch = schedule.controller_steps * schedule.rollouts_per_step as u64;
    let until = Until::Epochs(plan.evaluations.div_ceil(per_epoch));
    let mut estimator = Table::new(plan.table.clone());
    let (mut evaluations, mut best, mut failed) = (0, f64::NEG_INFINITY, None);
    let state = Search::initial_state(&task)?;
    run_with(task, &state, until, &mut estimator, |record| {
        let rewards = record.rows.iter().filter_map(|row| row.reward);
        for reward in rewards {
            evaluations += 1;
            best = f64::max(best, reward);
        }
        let kept = keeper.take(record, &schedule);
        failed = failed.take().or(kept.err());
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    keeper.finish(&schedule)?;
    let history = plan.folder.join(of_search).join(HISTORY);
    Ok(Simulation { strategy, seed, evaluations, best, history })
}

/// The settings of one search: nothing is trained, derived or retrained, and no control arm is beside
/// it, for random search is one of the strategies.
fn config(plan: &SimulationPlan, strategy: StrategyKind, seed: u64) -> SearchConfig {
    let config = &*plan.task.config;
    let per_epoch = config.schedule.controller_steps * config.schedule.rollouts_per_step as u64;
    SearchConfig {
        seed,
        policy: PolicyConfig { strategy, ..config.policy },
        schedule: ScheduleConfig {
            shared_steps: 0,
            control_steps: 0,
            random_arm: false,
            epochs_per_cycle: plan.evaluations.div_ceil(per_epoch) + 1,
            ..config.schedule
        },
        finals: FinalConfig { candidates: 0, sample: 0, ..config.finals },
        ..config.clone()
    }
}

/// Writes the history of a simulation.
struct Keeper {
    history: History,
    waiting: Vec<StepRecord>,
    rows: usize,
}

impl Keeper {
    /// A new history in `folder`.
    fn new(folder: &Path) -> Result<Self, StudyError> {
        let failed = |source| StudyError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let path = folder.join(HISTORY);
        Ok(Self { history: History::open(&path, u64::MAX)?, waiting: Vec::new(), rows: 0 })
    }

    fn take(&mut self, record: &StepRecord, schedule: &ScheduleConfig) -> Result<(), StoreError> {
        self.waiting.push(record.clone());
        self.rows += record.rows.len();
        if self.rows < ROWS_A_WRITE { Ok(()) } else { self.write(schedule) }
    }

    fn write(&mut self, schedule: &ScheduleConfig) -> Result<(), StoreError> {
        let (rows, updates) = history_rows(&std::mem::take(&mut self.waiting), schedule);
        self.rows = 0;
        self.history.record(&rows, &updates, Keeping { bytes: u64::MAX, at_unix_ms: 0 })
    }

    fn finish(mut self, schedule: &ScheduleConfig) -> Result<(), StoreError> {
        self.write(schedule)?;
        self.history.close()
    }
}
