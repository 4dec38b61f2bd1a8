//! The plain loop: a whole search without actors.

mod common;

use std::sync::atomic::AtomicU64;

use enasd::search::{
    Estimator, Job, Outcome, Score, ScoreConfig, Search, SearchError, SharedLearner, SharedStep,
    StepRecord, StrategyKind, Until, run, run_with,
};
use enasd::space::Arch;

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
fn every_strategy_goes_on_from_its_state_with_the_same_history() {
    for strategy in StrategyKind::ALL {
        let mut config = common::tiny_config();
        (config.policy.strategy, config.policy.population) = (strategy, 4);
        config.schedule.random_arm = strategy != StrategyKind::Ppo;
        let task = common::task(config);
        let start = Search::initial_state(&task).unwrap();
        let (mut whole, mut parts, mut state) = (Vec::new(), Vec::new(), start.clone());
        run(task.clone(), &start, Until::Epochs(3), |r| whole.push(line(r))).unwrap();
        for epochs in 1..=3 {
            state =
                run(task.clone(), &state, Until::Epochs(epochs), |r| parts.push(line(r))).unwrap();
        }
        assert_eq!(whole, parts, "{strategy:?}");
    }
}

#[test]
fn a_learner_that_goes_back_goes_on_like_a_new_one() {
    let task = common::task(common::tiny_config());
    let start = Search::initial_state(&task).unwrap().shared;
    let space = task.space;
    let arch = space.arch(&vec![0; space.script().options().count()]).unwrap();
    let step = |learner: &mut SharedLearner, index| {
        learner
            .train(std::slice::from_ref(&arch), SharedStep { index, learning_rate: 0.05 })
            .unwrap()
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

/// Knows the score of every architecture: the share of its answers that are 0.
#[derive(Debug)]
struct Zeros;

impl Estimator for Zeros {
    fn estimate(&mut self, job: &Job, _: &AtomicU64) -> Result<Vec<Score>, SearchError> {
        let score = |arch: &Arch| {
            let correct = arch.choices().iter().filter(|&&choice| choice == 0).count() as u64;
            Score { nll: 0.0, correct, items: arch.choices().len() as u64 }
        };
        Ok(job.archs.iter().map(score).collect())
    }
}

/// The mean rewards of both arms in the last θ step of a search in which [`Zeros`] scores.
fn rewards_of_zeros(strategy: StrategyKind) -> [f64; 2] {
    let mut config = common::tiny_config();
    config.score = ScoreConfig::paper();
    config.policy.strategy = strategy;
    config.schedule.shared_steps = 1;
    config.schedule.controller_steps = 60;
    config.schedule.rollouts_per_step = 20;
    config.policy.learning_rate = 0.05;
    let task = common::task(config);
    let start = Search::initial_state(&task).unwrap();
    let mut rewards = [0.0; 2];
    let observe = |record: &StepRecord| {
        if let Outcome::Controller(report) = &record.outcome {
            rewards = [report.learn.mean_reward, report.random_reward.unwrap()];
        }
    };
    let end = run_with(task, &start, Until::Cycles(1), &mut Zeros, observe).unwrap();
    let first = &end.best.archs()[0];
    assert!(end.best.archs().iter().all(|best| best.reward <= first.reward));
    rewards
}

#[test]
fn a_policy_finds_what_an_estimator_rewards_and_random_draws_do_not() {
    let [policy, random] = rewards_of_zeros(StrategyKind::Reinforce);
    assert!(random + 0.1 < policy, "the policy has {policy}, the random arm {random}");
    let [policy, random] = rewards_of_zeros(StrategyKind::Random);
    assert!((policy - random).abs() < 0.1, "uniform draws have {policy}, the random arm {random}");
}
