//! What is told of how the search learns, and from which limits on.

use std::sync::Arc;

use super::*;
use crate::data::Dataset;
use crate::engine::CpuExec;
use crate::search::{Interval, PolicyConfig, ScoreConfig, StrategyKind, Task};
use crate::telemetry::MetricsSetup;

const ALERTS: &str = include_str!("../../../dashboards/alerts.yml");

/// The share of its entropy's range that a policy has left, the reliability of a reward, and the
/// upper end of the ceiling of τ over so many architectures.
type Found = (Option<f64>, Option<f64>, Option<(f64, u64)>);

fn told(config: &SearchConfig, (left, reliability, ceiling): Found) -> Vec<String> {
    let ranks = RankCorrelationStatus {
        archs: ceiling.map_or(0, |(_, archs)| archs),
        tau: None,
        ceiling: ceiling.map(|(high, _)| [high - 0.3, high - 0.6, high]),
    };
    advice(config, (left, reliability, &ranks))
}

#[track_caller]
fn check(found: Found, expected: &[&[&str]]) {
    let config = SearchConfig { score: ScoreConfig::paper(), ..SearchConfig::default() };
    let told = told(&config, found);
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(expected.iter().all(|words| told.contains(words)), "{expected:?}: {told}");
    }
}

#[test]
fn advice_is_given_while_it_is_due_and_no_longer() {
    check((None, None, None), &[]);
    check((Some(0.05), Some(0.3), Some((0.5, 20))), &[]);
    check((None, None, Some((0.49, 19))), &[]);
    check(
        (Some(0.041), None, None),
        &[&[
            "as far as its bounds let it, 4 % of",
            "raise `policy.tanh_constant`, set it to 0, or let",
        ]],
    );
    check(
        (None, Some(0.214), None),
        &[&["21 % of its variance", "raise `schedule.valid_batch_size`, or set `score.reward` to"]],
    );
    let alike: &[&str] = &[
        "τ of two retrainings is 0.14, at most 0.44, over 20 architectures",
        "raise `final.epochs`, `final.channels` or `final.seeds`, or in a new state folder set",
        "`enasd study` measures what helps",
    ];
    check((None, None, Some((0.44, 20))), &[alike]);
    check(
        (Some(0.0), Some(0.0), Some((0.44, 100))),
        &[&["settled"], &["mostly noise"], &["cannot be told apart once retrained"]],
    );
}

#[test]
fn nothing_is_advised_that_is_done_already() {
    let free = PolicyConfig { tanh_constant: 0.0, ..PolicyConfig::default() };
    let let_go = PolicyConfig { bound_epochs: 5, ..PolicyConfig::default() };
    for policy in [free, let_go] {
        let score = ScoreConfig { reward: Objective::NegLogNll, ..ScoreConfig::paper() };
        let config = SearchConfig { policy, score, ..SearchConfig::default() };
        let told = told(&config, (Some(0.01), Some(0.1), Some((0.4, 30))));
        assert_eq!(told.len(), 3, "{told:?}");
        for words in ["tanh_constant", "bounds", "neg-log-nll"] {
            assert!(told.iter().all(|told| !told.contains(words)), "{words}: {told:?}");
        }
        assert!(told[0].contains("`policy.entropy_weight`"), "{told:?}");
    }
}

#[test]
fn alerts_have_the_limits_of_the_advice() {
    for condition in [
        format!("enas_policy_entropy_left_ratio < {AT_BOUND}"),
        format!("enas_reward_reliability_ratio < {MOSTLY_NOISE}"),
        format!("enas_rank_correlation{{of=\"ceiling\", bound=\"high\"}} < {ALIKE}"),
        format!("enas_retrained_archs >= {ALIKE_ARCHS}"),
    ] {
        assert!(ALERTS.contains(&condition), "{condition}");
    }
}

fn learnt(numbers: Option<[f64; 3]>, why: &str) -> LearntStatus {
    let learnt = numbers.map(|[low, mean, high]| Interval { mean, low, high });
    LearntStatus::of(&Diagnosis { learnt, reliability: None }, why)
}

#[test]
fn what_is_not_learnt_yet_says_why_and_what_is_says_no_reason() {
    for (strategy, samples, reason) in [
        (StrategyKind::Reinforce, 100, "not measured yet: no cycle has ended"),
        (StrategyKind::Ppo, 1, "set `derive.samples` to 2 or more"),
        (StrategyKind::Random, 100, "`policy.strategy` is \"random\", which learns nothing"),
        (StrategyKind::Evolution, 1, "which has a population and no policy"),
    ] {
        let mut config = SearchConfig::default();
        (config.policy.strategy, config.derive.samples) = (strategy, samples);
        let found = learnt(None, why_unmeasured(&config));
        assert_eq!((found.mean, found.verdict.as_str()), (None, "not measured yet"));
        assert!(found.sentence.contains("untrained") && found.sentence.ends_with(reason));
        config.score.estimator = EstimatorKind::StandAlone;
        assert!(why_unmeasured(&config).ends_with("each child is trained from scratch"));
    }
    let found = learnt(Some([0.01, 0.02, 0.03]), "it was not");
    assert_eq!((found.low, found.mean, found.high), (Some(0.01), Some(0.02), Some(0.03)));
    assert_eq!(found.verdict, "scores higher than untrained");
    assert!(found.sentence.ends_with("than the untrained policy's"), "{found:?}");
}

#[test]
fn the_metrics_show_what_the_status_says_and_nothing_else() {
    let setup = MetricsSetup {
        version: "0".to_owned(),
        device_wanted: "cpu".to_owned(),
        device_used: "cpu".to_owned(),
        ..MetricsSetup::default()
    };
    let metrics = Metrics::new(setup).unwrap();
    let mut status = DiagnosisStatus {
        learnt: learnt(Some([-0.5, 0.25, 1.0]), ""),
        reward_reliability: Some(0.625),
        advice: Vec::new(),
    };
    let numbers = |metrics: &Metrics| {
        let scrape = metrics.render();
        let names = ["enas_policy_learnt{", "enas_reward_reliability_ratio "];
        let lines = scrape.lines().filter(|line| names.iter().any(|name| line.starts_with(name)));
        lines.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    status.show(&metrics);
    let mut shown = numbers(&metrics);
    shown.sort_unstable();
    assert_eq!(shown, ["-0.5", "0.25", "0.625", "1"]);
    // After a return to a checkpoint that knows less.
    status = DiagnosisStatus::default();
    status.show(&metrics);
    assert_eq!(numbers(&metrics), ["NaN"; 4]);
}

/// A search at its start whose architectures are drawn so.
fn search(strategy: StrategyKind) -> Search {
    let mut config = SearchConfig::default();
    (config.space.nodes, config.net.channels, config.policy.strategy) = (2, 2, strategy);
    let dataset = Dataset::load(&config.data, config.seed).unwrap();
    let task = Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap();
    let state = Search::initial_state(&task).unwrap();
    Search::new(task, &state).unwrap()
}

#[test]
fn a_status_follows_its_search() {
    let ranks = RankCorrelationStatus::default();
    let mut status = DiagnosisStatus::default();
    status.follow(&search(StrategyKind::Reinforce), Some(0.01), &ranks);
    assert!(status.learnt.sentence.ends_with("no cycle has ended"), "{status:?}");
    assert_eq!(status.advice.len(), 1, "{status:?}");
    status.follow(&search(StrategyKind::Random), None, &ranks);
    assert!(status.learnt.sentence.ends_with("which learns nothing"), "{status:?}");
    assert_eq!(status.advice, [""; 0]);
}
