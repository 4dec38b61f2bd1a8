//! The plain loop: a whole search without actors.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use enasd::search::{Search, SharedLearner, SharedStep, StepRecord, Until, run};

/// A record as one line that shows every bit of its numbers.
fn line(record: &StepRecord) -> String {
    format!("{record:?}")
}

#[test]
fn same_seed_same_history_and_a_stop_in_between_changes_nothing() {
    let task = common::task(common::tiny_config());
    let start = Search::initial_state(&task).unwrap();

    let mut whole = Vec::new();
    let end = run(task.clone(), &start, Until::Cycles(2), |r| whole.push(line(r))).unwrap();

    let mut parts = Vec::new();
    let mut state = start;
    for epochs in 1..=4 {
        state = run(task.clone(), &state, Until::Epochs(epochs), |r| parts.push(line(r))).unwrap();
    }
    assert_eq!(whole, parts);
    assert_eq!(whole.len(), 2 * (2 * (6 + 3) + 1), "config/tiny.toml has these numbers");
    for (name, tensor) in &end.shared.params {
        let bits = |t: &candle_core::Tensor| -> Vec<u32> {
            t.flatten_all().unwrap().to_vec1::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
        };
        assert_eq!(bits(tensor), bits(&state.shared.params[name]), "{name}");
    }
}

#[test]
fn a_learner_that_goes_back_goes_on_like_a_new_one() {
    let task = common::task(common::tiny_config());
    let start = Search::initial_state(&task).unwrap().shared;
    let space = task.space;
    let arch = space.arch(&vec![0; space.script().decisions().count()]).unwrap();
    let step = |learner: &mut SharedLearner, index| {
        learner.train(std::slice::from_ref(&arch), SharedStep { index, lr: 0.05 }).unwrap()
    };
    let mut learner = SharedLearner::new(task, &start, 0).unwrap();
    let first = [0, 1].map(|index| step(&mut learner, index));
    let at_two = learner.state().unwrap();
    let third = step(&mut learner, 2);
    learner.restore(&start, 0).unwrap();
    assert_eq!([0, 1].map(|index| step(&mut learner, index)), first);
    learner.restore(&at_two, 2).unwrap();
    assert_eq!(step(&mut learner, 2), third);
}
