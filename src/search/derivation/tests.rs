//! Whom a promotion begins with: by shared scores, and by the forecast once that knows more.

use std::sync::Arc;

use super::*;
use crate::data::Dataset;
use crate::engine::CpuExec;
use crate::net::NetConfig;
use crate::random::{Owner, generator};
use crate::search::{Probabilities, Random, Rollout, Score, SearchConfig, Task};
use crate::space::SpaceConfig;

fn search() -> Search {
    let config = SearchConfig {
        space: SpaceConfig { nodes: 3, ..SpaceConfig::default() },
        net: NetConfig { channels: 2, ..NetConfig::default() },
        finals: FinalConfig { candidates: 2, ..FinalConfig::default() },
        ..SearchConfig::default()
    };
    let dataset = Dataset::load(&config.data, config.seed).unwrap();
    let task = Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap();
    let state = Search::initial_state(&task).unwrap();
    Search::new(task, &state).unwrap()
}

/// `n` architectures, each with a reward that says nothing of what it is worth.
fn drawn(search: &Search, n: usize, index: u64) -> Vec<Scored> {
    let space = search.task().space;
    let mut rng = generator(7, Owner::Study, index);
    let rollouts = Random::sample(&space.script(), n, &mut rng);
    let scored = rollouts.into_iter().enumerate().map(|(place, rollout)| {
        let reward = (place * 7919 % 101) as f64 / 101.0;
        let rollout = Rollout { probabilities: Probabilities::default(), ..rollout };
        let arch = space.arch(&rollout.choices).unwrap();
        let sampled = Sampled { rollout, arch, cost_factor: 1.0 };
        Scored { sampled, score: Score::default(), reward }
    });
    scored.collect()
}

/// How many links have the operation 1.
fn worth(arch: &Arch) -> f64 {
    let links = arch.sketch().into_iter().flat_map(|sketch| sketch.links);
    links.filter(|link| link.op == Some(1)).count() as f64
}

fn first_of(search: &Search, arm: Arm) -> Vec<f64> {
    let derived = |index| Derived { shortlisted: drawn(search, 30, index), ..Derived::default() };
    let promotion = search.promotion([&derived(1), &derived(2)]).unwrap();
    let of_arm = promotion.candidates.iter().filter(|candidate| candidate.arm == arm);
    of_arm.map(|candidate| worth(&candidate.arch)).collect()
}

#[test]
fn what_was_retrained_here_says_whom_to_retrain_next() {
    let mut search = search();
    let best = |search: &Search, index| {
        let mut all: Vec<f64> =
            drawn(search, 30, index).iter().map(|s| worth(&s.sampled.arch)).collect();
        all.sort_by(f64::total_cmp);
        all.split_off(28).iter().sum::<f64>()
    };
    let chosen = |search: &Search, arm| first_of(search, arm).iter().sum::<f64>();
    let before = [Arm::Derive, Arm::Random].map(|arm| chosen(&search, arm));
    for scored in drawn(&search, 60, 3) {
        let arch = &scored.sampled.arch;
        search.finals.retrained.push(Retrained {
            id: arch.id(),
            arm: Arm::Random,
            cycle: 0,
            shared: scored.reward,
            rewards: vec![worth(arch)],
            epochs: 1,
            first: None,
            is_whole: false,
        });
    }
    assert!(search.forecast().is_some());
    for (arm, index, before) in [(Arm::Derive, 1, before[0]), (Arm::Random, 2, before[1])] {
        let found = chosen(&search, arm);
        assert!(before < found, "{arm:?}: {before} and {found}");
        assert!(best(&search, index) - 2.0 <= found, "{arm:?}: {found}");
    }
    // What is no number is left out, and too few say nothing.
    search.finals.retrained[0].rewards = vec![f64::NAN];
    assert!(search.forecast().is_some());
    search.finals.retrained.truncate(30);
    assert!(search.forecast().is_none());
}

#[test]
fn shared_scores_that_know_all_are_not_replaced() {
    let mut search = search();
    for scored in drawn(&search, 60, 3) {
        search.finals.retrained.push(Retrained {
            id: scored.sampled.arch.id(),
            arm: Arm::Random,
            cycle: 0,
            shared: scored.reward,
            rewards: vec![scored.reward],
            epochs: 1,
            first: None,
            is_whole: true,
        });
    }
    assert!(search.forecast().is_none());
}

/// What a halving leaves of 60 architectures: a third of them went on, and is worth more by then.
fn halved(search: &mut Search, knows_the_start: bool) {
    let mut all: Vec<Arch> =
        drawn(search, 60, 3).into_iter().map(|scored| scored.sampled.arch).collect();
    all.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    for (place, arch) in all.into_iter().enumerate() {
        let (start, went_on) = (worth(&arch), place < 20);
        search.finals.retrained.push(Retrained {
            id: arch.id(),
            arm: Arm::Random,
            cycle: 0,
            shared: (place * 7919 % 101) as f64,
            rewards: vec![if went_on { 50.0 + start } else { start }],
            epochs: if went_on { 3 } else { 1 },
            first: (went_on && knows_the_start).then_some((1, start)),
            is_whole: went_on,
        });
    }
}

#[test]
fn those_that_went_further_stay_ahead_of_those_that_did_not() {
    let forecast = |knows_the_start| {
        let mut search = search();
        halved(&mut search, knows_the_start);
        let space = search.task().space;
        let archs = search.finals.retrained.iter().map(|one| Arch::parse(space, &one.id).unwrap());
        let worth: Vec<f64> = archs.map(|arch| worth(&arch)).collect();
        let forecast = search.forecast()?;
        let points: Vec<(f64, f64)> = forecast.left_out().iter().copied().zip(worth).collect();
        tau(&points)
    };
    let found = forecast(true).unwrap();
    assert!(0.7 < found, "{found}");
    assert!(forecast(false).is_none_or(|other| other < found - 0.2), "{:?}", forecast(false));
}

#[test]
fn a_forecast_chooses_among_all_that_were_drawn() {
    let mut search = search();
    let drawn = drawn(&search, 100, 9);
    let count = search.task().config.derive.rerank;
    let by_shared = search.shortlist(&drawn, None);
    assert_eq!(by_shared.len(), count);
    halved(&mut search, true);
    let forecast = search.forecast();
    let shortlist = search.shortlist(&drawn, forecast.as_ref());
    assert_eq!((shortlist.len(), &shortlist[..count]), (2 * count, &by_shared[..]));
    assert_eq!(search.shortlist_len(100, None), by_shared.len());
    assert_eq!(search.shortlist_len(100, forecast.as_ref()), shortlist.len());
    let mean_worth =
        |of: &[Sampled]| mean(&of.iter().map(|sampled| worth(&sampled.arch)).collect::<Vec<_>>());
    let all: Vec<Sampled> = drawn.iter().map(|scored| scored.sampled.clone()).collect();
    let (forecast, all) = (mean_worth(&shortlist[count..]), mean_worth(&all));
    assert!(all + 1.0 < forecast, "{forecast}, all: {all}");
}
