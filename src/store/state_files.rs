//! [`SearchState`] as the files of a checkpoint, and back.
//!
//! ```text
//! shared.safetensors      ω, and what goes with it: see `omega_files`
//! policy.safetensors      θ under `theta.`, Adam's moments under `adam.`, f64
//! replicas.safetensors    the θ of each replica under its number, f64; only where children are
//!                         trained from scratch
//! search.json             everything else, but for
//! promotion.json          promotions, and what came of them; older ones have none
//! config.json             the settings that the search depends on
//! data.json               what the data holds, with its fingerprint; older ones have none
//! computed_by.txt         the device and the executor; older ones have none
//! ```

use std::sync::Arc;

use candle_core::DType;

use crate::engine::{from_safetensors, to_safetensors};
use crate::search::{
    AdamState, BestArch, BestArchs, Finals, Objective, Phase, PhaseRollout, Place, SearchError,
    SearchState, StrategyState, Task,
};
use crate::space::SpaceError;
use crate::store::finals_file::FinalsFile;
use crate::store::loaded_file::{content, file};
use crate::store::omega_files::{joined, omega_files, parted, read_omega};
use crate::store::phase_entry::PhaseEntry;
use crate::store::replica_entry::{REPLICAS, ReplicaEntry, policies_file, replicas};
use crate::store::search_file::{BestEntry, SearchFile, StrategyEntry};
use crate::store::{LoadedCheckpoint, StoreError};

const POLICY: &str = "policy.safetensors";
pub(super) const SEARCH: &str = "search.json";
pub(super) const FINALS: &str = "promotion.json";
pub(super) const CONFIG: &str = "config.json";
pub(super) const DATA: &str = "data.json";
const COMPUTED_BY: &str = "computed_by.txt";

/// The first format that says what came of promotions.
const FIRST_WITH_FINALS: u32 = 3;

const THETA: &str = "theta.";
const ADAM: &str = "adam.";

/// What a checkpoint belongs to: it is of no use with other settings or data, and goes on with
/// other bits where something else computes.
#[derive(Clone, Debug)]
pub struct Binding {
    /// The settings that the search depends on, as JSON.
    pub config: String,
    /// What the data holds, as JSON.
    pub data: String,
    /// The device and the executor, such as `cpu, fast (AVX-512)`.
    pub computed_by: String,
}

/// The files of a checkpoint of `state`, which belongs to `binding`.
pub fn state_files(
    state: &SearchState,
    binding: &Binding,
) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
    let StrategyState { policy, policy_version, optimizer, baseline, rollouts } = &state.strategy;
    let search = SearchFile {
        epoch: state.place.epoch,
        phase: state.place.phase.name().to_owned(),
        step: state.place.phase.step(),
        archs_sampled: state.archs_sampled,
        strategy: StrategyEntry {
            policy_version: *policy_version,
            optimizer_step: optimizer.step,
            baseline: *baseline,
            rollouts: rollouts.iter().map(|s| s.iter().map(PhaseEntry::from).collect()).collect(),
        },
        advantage: state.advantage.clone(),
        best: entries(&state.best),
        diagnosis: state.diagnosis.into(),
        replicas: state.replicas.iter().map(ReplicaEntry::from).collect(),
        of_cycle: [0, 1].map(|arm| entries(&state.of_cycle[arm])),
    };
    let theta = joined([(THETA, policy), (ADAM, &optimizer.moments)]);
    let mut files = vec![
        (POLICY, to_safetensors(&theta)?),
        (SEARCH, serde_json::to_vec_pretty(&search)?),
        (FINALS, serde_json::to_vec_pretty(&FinalsFile::new(&state.finals))?),
        (CONFIG, binding.config.as_bytes().to_vec()),
        (DATA, binding.data.as_bytes().to_vec()),
        (COMPUTED_BY, binding.computed_by.as_bytes().to_vec()),
    ];
    files.extend(omega_files(&state.shared)?);
    files.extend(policies_file(&state.replicas)?.map(|bytes| (REPLICAS, bytes)));
    Ok(files)
}

fn entries(best: &BestArchs) -> Vec<BestEntry> {
    best.archs().iter().map(BestEntry::new).collect()
}

/// The best architectures by a checkpoint's `search.json`, where this program can read it.
pub(super) fn best_archs(format: u32, search: &[u8]) -> Option<Vec<BestArch>> {
    let SearchFile { best, .. } = SearchFile::read(format, search).ok()?;
    best.iter().map(|entry| best_arch(entry, Objective::default()).ok()).collect()
}

/// What came of promotions by a checkpoint's `promotion.json`, where this program can read it.
pub(super) fn known_finals(format: u32, finals: Option<&[u8]>) -> Option<Finals> {
    if format < FIRST_WITH_FINALS {
        return Some(Finals::default());
    }
    serde_json::from_slice::<FinalsFile>(finals?).ok()?.finals().ok()
}

/// The text of the settings that a checkpoint's search depends on.
pub fn config_text(loaded: &LoadedCheckpoint) -> Result<&str, StoreError> {
    text(loaded, CONFIG, file(loaded, CONFIG)?)
}

/// What the data of a checkpoint's search holds; none where the checkpoint is too old to know.
pub fn data_text(loaded: &LoadedCheckpoint) -> Result<Option<&str>, StoreError> {
    loaded.files.get(DATA).map(|bytes| text(loaded, DATA, bytes)).transpose()
}

/// What computed a checkpoint; none where it is too old to know.
pub fn computed_by(loaded: &LoadedCheckpoint) -> Result<Option<&str>, StoreError> {
    loaded.files.get(COMPUTED_BY).map(|bytes| text(loaded, COMPUTED_BY, bytes)).transpose()
}

/// Reads the files of a checkpoint back, and checks that they fit the task.
pub fn read_state(loaded: &LoadedCheckpoint, task: &Task) -> Result<SearchState, StoreError> {
    let search = SearchFile::read(loaded.format, file(loaded, SEARCH)?)?;
    let [of_policy, of_control] = search.of_cycle.each_ref();
    let theta = from_safetensors(file(loaded, POLICY)?, DType::F64)?;
    let [policy, moments] = parted(theta, [THETA, ADAM]);
    Ok(SearchState {
        place: place(loaded, &search)?,
        strategy: StrategyState {
            policy,
            policy_version: search.strategy.policy_version,
            optimizer: AdamState { step: search.strategy.optimizer_step, moments },
            baseline: search.strategy.baseline,
            rollouts: rollouts(loaded, &search.strategy.rollouts, task)?,
        },
        advantage: search.advantage,
        best: best(loaded, &search.best, task)?,
        of_cycle: [best(loaded, of_policy, task)?, best(loaded, of_control, task)?],
        replicas: replicas(loaded, &search.replicas, task)?,
        replay: Vec::new(),
        archs_sampled: search.archs_sampled,
        diagnosis: search.diagnosis.into(),
        finals: finals(loaded)?,
        shared: Arc::new(read_omega(loaded, task)?),
    })
}

/// What came of promotions; nothing in checkpoints from before there were any.
fn finals(loaded: &LoadedCheckpoint) -> Result<Finals, StoreError> {
    if loaded.format < FIRST_WITH_FINALS {
        return Ok(Finals::default());
    }
    let found: FinalsFile = serde_json::from_slice(file(loaded, FINALS)?)?;
    found.finals().map_err(|why| content(loaded, why))
}

fn place(loaded: &LoadedCheckpoint, search: &SearchFile) -> Result<Place, StoreError> {
    let step = search.step;
    let phases = [Phase::Shared { step }, Phase::Controller { step }, Phase::Derive];
    let phase = phases.into_iter().find(|phase| phase.name() == search.phase);
    let unknown = || content(loaded, format!("there is no phase `{}`", search.phase));
    Ok(Place { epoch: search.epoch, phase: phase.ok_or_else(unknown)? })
}

/// The rollouts of the phase under way, by step.
fn rollouts(
    loaded: &LoadedCheckpoint,
    steps: &[Vec<PhaseEntry>],
    task: &Task,
) -> Result<Vec<Vec<PhaseRollout>>, StoreError> {
    let of_step = |step: &Vec<PhaseEntry>| step.iter().map(|one| one.rollout(task.space)).collect();
    let found: Result<_, SpaceError> = steps.iter().map(of_step).collect();
    found.map_err(|error| content(loaded, format!("a rollout of the phase under way: {error}")))
}

fn best(
    loaded: &LoadedCheckpoint,
    entries: &[BestEntry],
    task: &Task,
) -> Result<BestArchs, StoreError> {
    let mut archs = Vec::new();
    for entry in entries {
        let unknown = |error| content(loaded, format!("one of the best: {error}"));
        let mut best = best_arch(entry, task.objective).map_err(unknown)?;
        task.child(&best.arch)?;
        // What it scored is what is kept: what its cost takes of that follows from the limits.
        let reward = task.reward(&best.arch, best.score);
        best.reward = reward.map_err(|error| unsuitable(loaded, &error))?;
        archs.push(best);
    }
    Ok(BestArchs::from_list(archs))
}

fn unsuitable(loaded: &LoadedCheckpoint, error: &SearchError) -> StoreError {
    content(loaded, format!("one of the best: {error}"))
}

fn best_arch(entry: &BestEntry, objective: Objective) -> Result<BestArch, SpaceError> {
    let (arch, score) = (entry.arch.parse()?, entry.score());
    let &BestEntry { cycle, step, .. } = entry;
    Ok(BestArch { arch, score, reward: objective.reward(score), cycle, step })
}

fn text<'a>(loaded: &LoadedCheckpoint, name: &str, bytes: &'a [u8]) -> Result<&'a str, StoreError> {
    std::str::from_utf8(bytes).map_err(|_| content(loaded, format!("{name} is no text")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::data::Dataset;
    use crate::engine::CpuExec;
    use crate::search::{PolicyConfig, ScheduleConfig, Score, Search, SearchConfig, Work, draw};

    fn loaded(format: u32, finals: Option<&str>) -> LoadedCheckpoint {
        let files = finals.map(|text| (FINALS.to_owned(), text.as_bytes().to_vec()));
        LoadedCheckpoint {
            format,
            step: 12,
            config_hash: String::new(),
            program: String::new(),
            files: files.into_iter().collect::<BTreeMap<_, _>>(),
            rejected: Vec::new(),
        }
    }

    #[test]
    fn formats_from_before_promotions_have_had_none() {
        for format in [1, 2] {
            assert_eq!(finals(&loaded(format, None)).unwrap(), Finals::default());
            assert_eq!(known_finals(format, None), Some(Finals::default()));
        }
        let err = finals(&loaded(3, None)).unwrap_err();
        assert!(err.to_string().contains("there is no promotion.json"), "{err}");
        assert_eq!(known_finals(3, None), None);
    }

    #[test]
    fn promotions_that_make_no_sense_are_told_with_their_checkpoint() {
        let promotion = r#"{"cause": "cycle", "cycle": 0, "step": 9, "recipe": {},
            "candidates": []}"#;
        let text = format!(
            r#"{{"under_way": {promotion}, "waiting": [], "champion": null, "retrained": [],
            "pairs": []}}"#
        );
        let err = finals(&loaded(3, Some(&text))).unwrap_err();
        let StoreError::Content { step: 12, why } = &err else { panic!("{err}") };
        assert_eq!(why, "the promotion under way has no candidates");
    }

    /// A search that shares nothing, whose bounds are let go, and whose θ learns from all of a phase.
    fn task() -> Task {
        let policy = PolicyConfig {
            hidden: 8,
            bound_epochs: 2,
            phase_updates: 2,
            ..PolicyConfig::default()
        };
        let schedule = ScheduleConfig {
            shared_steps: 0,
            controller_steps: 3,
            rollouts_per_step: 2,
            ..ScheduleConfig::default()
        };
        let mut config = SearchConfig { policy, schedule, ..SearchConfig::default() };
        (config.space.nodes, config.net.channels) = (2, 2);
        let dataset = Dataset::load(&config.data, config.seed).unwrap();
        Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap()
    }

    /// A step of θ, whose scores are what the architectures answer first.
    fn step(search: &mut Search) {
        let Work::Controller { policy, uniform, .. } = search.work() else { panic!("no θ step") };
        let task = search.task().clone();
        let [policy, uniform] = [policy, uniform].map(|request| {
            let drawn = draw(&search.drawer(), &task, 1, request).unwrap().sampled;
            let score = |choice| Score { nll: 1.0, correct: u64::from(choice), items: 5 };
            let scores = drawn.iter().map(|sampled| score(sampled.arch.choices()[2])).collect();
            task.objective.scored(drawn, scores)
        });
        let learnt = search.learn(policy).unwrap();
        search.finish_controller(learnt, uniform).unwrap();
    }

    #[test]
    fn in_the_middle_of_a_phase_that_theta_learns_from_a_search_goes_on_bit_for_bit() {
        let task = task();
        let start = Search::initial_state(&task).unwrap();
        let text = || "{}".to_owned();
        let binding = Binding { config: text(), data: text(), computed_by: text() };
        let [mut unbroken, mut stopped] =
            [(); 2].map(|()| Search::new(task.clone(), &start).unwrap());
        let mut kept = Vec::new();
        for _ in 0..6 {
            step(&mut unbroken);
            step(&mut stopped);
            let [expected, found] = [&unbroken, &stopped].map(|search| {
                let state = search.state(start.shared.clone()).unwrap();
                state_files(&state, &binding).unwrap()
            });
            assert!(found == expected, "after {} steps", kept.len() + 1);
            let files = found.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
            let loaded = LoadedCheckpoint { files, ..loaded(3, None) };
            let state = read_state(&loaded, &task).unwrap();
            kept.push(state.strategy.rollouts.len());
            stopped = Search::new(task.clone(), &state).unwrap();
        }
        assert_eq!(kept, [1, 2, 0, 1, 2, 0]);
        assert_eq!(stopped.policy_version().unwrap(), 6 + 2 * 2);
    }
}
