//! The control arm's own ω: nothing but the draws tells it from the first, and each arm is scored with
//! its own.

mod common;

use candle_core::Tensor;
use enasd::engine::{ExecutorChoice, Snapshot};
use enasd::search::{
    Arm, FinalConfig, Retrained, ScheduleConfig, Search, SearchState, SharedDraws, SharedState,
    StepRecord, Task, Until, run,
};
use enasd::store::{Binding, LoadedCheckpoint, read_state, state_files};

/// A task whose schedule `change` has changed; what is derived of both arms is retrained a little.
fn task(change: impl FnOnce(&mut ScheduleConfig)) -> Task {
    let mut config = common::tiny_config();
    config.finals = FinalConfig {
        candidates: 2,
        sample: 3,
        seeds: 1,
        epochs: 1,
        channels: 1,
        ..FinalConfig::default()
    };
    change(&mut config.schedule);
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    Task::new(config, common::made_images(false), exec).unwrap()
}

/// What came of two cycles, and all that was scored or trained on in them.
fn searched(task: &Task) -> (Vec<StepRecord>, SearchState) {
    let mut records = Vec::new();
    let start = Search::initial_state(task).unwrap();
    let observe = |record: &StepRecord| records.push(record.clone());
    let end = run(task.clone(), &start, Until::Cycles(2), observe).unwrap();
    (records, end)
}

fn bits(tensors: &Snapshot) -> Vec<(&String, Vec<u32>)> {
    let values = |tensor: &Tensor| -> Vec<u32> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    };
    tensors.iter().map(|(name, tensor)| (name, values(tensor))).collect()
}

#[track_caller]
fn assert_same_omega(found: &SharedState, expected: &SharedState) {
    assert_eq!(bits(&found.params), bits(&expected.params));
    assert_eq!(bits(&found.momenta), bits(&expected.momenta));
}

/// What was drawn by the random arm, or by the others, with its rewards to the last bit.
fn rows(records: &[StepRecord], is_random: bool) -> Vec<(String, Option<u64>)> {
    let rows = records.iter().flat_map(|record| &record.rows);
    rows.filter(|row| (row.arm == Arm::Random) == is_random)
        .map(|row| (row.arch.to_string(), row.reward.map(f64::to_bits)))
        .collect()
}

/// The shared scores of what was retrained.
fn shared_scores(end: &SearchState, arm: Arm) -> Vec<(&str, u64)> {
    let is_of = |one: &&Retrained| one.arm == arm;
    let retrained = end.finals.retrained.iter().filter(is_of);
    retrained.map(|one| (one.id.as_str(), one.shared.to_bits())).collect()
}

#[test]
fn it_is_that_of_a_search_with_uniform_draws_and_scores_the_random_arm_alone() {
    let own = searched(&task(|schedule| schedule.control_steps = schedule.shared_steps));
    let one = searched(&task(|_| ()));
    let uniform = searched(&task(|schedule| schedule.draws = SharedDraws::Uniform));

    let control = own.1.shared.control.as_ref().unwrap();
    assert_same_omega(control, &uniform.1.shared);
    assert!(control.control.is_none() && one.1.shared.control.is_none());
    let scored = |(records, _): &(Vec<StepRecord>, _)| -> Vec<_> {
        rows(records, true).into_iter().filter(|(_, reward)| reward.is_some()).collect()
    };
    assert_eq!(scored(&own), scored(&uniform));
    assert_ne!(scored(&own), scored(&one));
    let random = shared_scores(&own.1, Arm::Random);
    assert_eq!(random, shared_scores(&uniform.1, Arm::Random));
    assert_ne!(random, shared_scores(&one.1, Arm::Random));

    // The rest of the search goes on as it does without.
    assert_same_omega(&own.1.shared, &one.1.shared);
    assert_eq!(rows(&own.0, false), rows(&one.0, false));
    assert_eq!(shared_scores(&own.1, Arm::Derive), shared_scores(&one.1, Arm::Derive));
    assert_eq!(own.1.diagnosis, one.1.diagnosis);
    assert_ne!(own.1.advantage, one.1.advantage);
}

#[test]
fn a_checkpoint_has_its_file_exactly_where_there_is_one_and_none_is_made_up() {
    let own = task(|schedule| schedule.control_steps = 1);
    let start = Search::initial_state(&own).unwrap();
    let state = run(own.clone(), &start, Until::Epochs(1), |_| ()).unwrap();
    let mut loaded = checkpoint(&state);
    let control = |state: &SearchState| state.shared.control.clone();
    let read = read_state(&loaded, &own).unwrap();
    assert_same_omega(&control(&read).unwrap(), &control(&state).unwrap());
    // As of a search without: that of other settings says nothing of it.
    assert!(control(&read_state(&loaded, &task(|_| ())).unwrap()).is_none());
    loaded.files.remove("control.safetensors").unwrap();
    let error = read_state(&loaded, &own).unwrap_err().to_string();
    assert!(error.contains("there is no control.safetensors"), "{error}");
    let one = Search::initial_state(&task(|_| ())).unwrap();
    assert!(!checkpoint(&one).files.contains_key("control.safetensors"));
}

/// The files of `state`, as they are read back.
fn checkpoint(state: &SearchState) -> LoadedCheckpoint {
    let text = String::new;
    let binding = Binding { config: text(), data: text(), computed_by: text() };
    let files = state_files(state, &binding).unwrap().into_iter();
    LoadedCheckpoint {
        format: 3,
        step: 0,
        config_hash: text(),
        program: text(),
        files: files.map(|(name, bytes)| (name.to_owned(), bytes)).collect(),
        rejected: Vec::new(),
    }
}

#[test]
fn it_may_be_trained_in_the_first_steps_of_an_epoch_alone_and_a_stop_in_between_changes_nothing() {
    let task =
        task(|schedule| (schedule.control_steps, schedule.draws) = (2, SharedDraws::Annealed));
    let (records, end) = searched(&task);
    let (mut state, mut parts) = (Search::initial_state(&task).unwrap(), Vec::new());
    for epochs in 1..=4 {
        let observe = |record: &StepRecord| parts.push(record.clone());
        state = run(task.clone(), &state, Until::Epochs(epochs), observe).unwrap();
    }
    assert_eq!(format!("{records:?}"), format!("{parts:?}"));
    let [found, expected] = [&state, &end].map(|state| state.shared.control.as_ref().unwrap());
    assert_same_omega(found, expected);
    assert_ne!(bits(&expected.params), bits(&end.shared.params));
}
