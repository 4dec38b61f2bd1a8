//! The plain loop: a whole search without actors.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use enasd::search::{Search, StepRecord, Until, run};

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
