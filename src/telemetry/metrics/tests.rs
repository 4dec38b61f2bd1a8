//! Each call shows in the scrape, and adds no series.
#![cfg(test)]

use super::*;

fn menu(part: &str) -> MenuLabels {
    let options = ["identity", "max_pool_3x3"].map(str::to_owned).to_vec();
    MenuLabels { part: part.to_owned(), menu: "op".to_owned(), options }
}

/// Checks that the updates make these lines of a scrape, and that no update was needed for
/// the scrape to have as many lines.
fn check(update: impl FnOnce(&Metrics), lines: &[&str]) {
    let setup = MetricsSetup {
        version: "0.0.0".to_owned(),
        device_wanted: "cpu".to_owned(),
        device_used: "cpu".to_owned(),
        menus: ["normal", "reduction"].map(menu).to_vec(),
        routes: ["/v1/status", "/v1/score"].map(str::to_owned).to_vec(),
        commands: vec!["/v1/score".to_owned()],
    };
    let metrics = Metrics::new(setup).unwrap();
    let before = metrics.render();
    update(&metrics);
    metrics.run_upkeep();
    let after = metrics.render();
    assert_eq!(before.lines().count(), after.lines().count());
    for line in lines {
        assert!(!before.lines().any(|found| found == *line), "{line} was there before");
        assert!(after.lines().any(|found| found == *line), "{line} is not in\n{after}");
    }
}

#[test]
fn a_shared_step_shows() {
    let step = SharedStepNumbers {
        loss: 1.5,
        accuracy: 0.25,
        perplexity: Some(99.5),
        learning_rate: 0.05,
        grad_norm: 3.5,
        images: 32,
        duration: Duration::from_millis(300),
        waited: Duration::from_millis(100),
    };
    check(
        |metrics| metrics.shared_step(&step),
        &[
            "enas_shared_loss 1.5",
            "enas_shared_accuracy_ratio{split=\"train\"} 0.25",
            "enas_shared_perplexity{split=\"train\"} 99.5",
            "enas_learning_rate{net=\"shared\"} 0.05",
            "enas_grad_norm{net=\"shared\"} 3.5",
            "enas_steps_total{net=\"shared\"} 1",
            "enas_step_duration_seconds_bucket{net=\"shared\",le=\"0.5\"} 1",
            "enas_step_duration_seconds_sum{net=\"shared\"} 0.3",
            "enas_trainer_wait_ratio 0.25",
            "enas_samples_per_second 80",
        ],
    );
}

#[test]
fn a_controller_step_shows() {
    let step = ControllerStep {
        updates: 1,
        reward: 0.75,
        random_reward: 0.5,
        accuracy: 0.625,
        perplexity: Some(80.25),
        baseline: 0.7,
        entropy_nats: 12.0,
        decisions: 40,
        entropy_left: 0.25,
        learning_rate: 0.0035,
        grad_norm: 0.1,
        duration: Duration::from_secs(2),
    };
    check(
        |metrics| metrics.controller_step(&step),
        &[
            "enas_reward{arm=\"controller\"} 0.75",
            "enas_reward{arm=\"random\"} 0.5",
            "enas_shared_accuracy_ratio{split=\"valid\"} 0.625",
            "enas_shared_perplexity{split=\"valid\"} 80.25",
            "enas_baseline 0.7",
            "enas_policy_entropy_nats{kind=\"sum\"} 12",
            "enas_policy_entropy_nats{kind=\"per_decision\"} 0.3",
            "enas_policy_entropy_left_ratio 0.25",
            "enas_learning_rate{net=\"policy\"} 0.0035",
            "enas_grad_norm{net=\"policy\"} 0.1",
            "enas_steps_total{net=\"policy\"} 1",
            "enas_step_duration_seconds_count{net=\"policy\"} 1",
        ],
    );
}

#[test]
fn one_phase_is_set_at_a_time() {
    check(
        |metrics| {
            metrics.phase(PhaseLabel::Derive);
            metrics.phase(PhaseLabel::Paused);
        },
        &["enas_phase{phase=\"paused\"} 1"],
    );
    let lines = ["enas_cycle 2", "enas_epoch 7"];
    check(|metrics| metrics.place(2, 7), &lines);
}

#[test]
fn what_the_policy_prefers_shows() {
    check(
        |metrics| {
            metrics.option_probabilities("reduction", "op", [0.25, 0.75].into_iter());
            metrics.advantage(IntervalNumbers { mean: 0.02, low: -0.01, high: 0.05 });
            metrics.archs_sampled(10, 9);
            metrics.archs_sampled(10, 8);
            metrics.archs_redrawn(CostLabel::MultiplyAdds, 3);
            metrics.best(&Best { score: 0.8, params: 1234, multiply_adds: 5_000_000 });
        },
        &[
            "enas_option_probability{part=\"reduction\",menu=\"op\",option=\"identity\"} 0.25",
            "enas_option_probability{part=\"reduction\",menu=\"op\",option=\"max_pool_3x3\"} 0.75",
            "enas_reward_advantage{bound=\"mean\"} 0.02",
            "enas_reward_advantage{bound=\"low\"} -0.01",
            "enas_reward_advantage{bound=\"high\"} 0.05",
            "enas_archs_sampled_total 20",
            "enas_archs_redrawn_total{reason=\"multiply_adds\"} 3",
            "enas_archs_unique_total 17",
            "enas_best_score_ratio{stage=\"shared\"} 0.8",
            "enas_best_params 1234",
            "enas_best_multiply_adds 5000000",
        ],
    );
}

#[test]
fn how_the_search_learns_shows() {
    let learnt = IntervalNumbers { mean: 0.02, low: -0.01, high: 0.05 };
    check(
        |metrics| {
            metrics.learnt(learnt);
            metrics.reward_reliability(0.625);
        },
        &[
            "enas_policy_learnt{bound=\"mean\"} 0.02",
            "enas_policy_learnt{bound=\"low\"} -0.01",
            "enas_policy_learnt{bound=\"high\"} 0.05",
            "enas_reward_reliability_ratio 0.625",
        ],
    );
}

#[test]
fn what_is_retrained_shows() {
    check(
        |metrics| {
            metrics.trials_running(2);
            metrics.trial_epoch(Duration::from_secs(3), false);
            metrics.trial_epoch(Duration::from_secs(1), true);
            metrics.phase(PhaseLabel::Retrain);
        },
        &[
            "enas_trials_running 2",
            "enas_trial_epochs_total 2",
            "enas_trials_finished_total 1",
            "enas_trial_epoch_duration_seconds_bucket{le=\"2\"} 1",
            "enas_trial_epoch_duration_seconds_sum 4",
            "enas_phase{phase=\"retrain\"} 1",
        ],
    );
}

#[test]
fn what_came_of_retraining_shows() {
    check(
        |metrics| {
            metrics.promoted(RulingLabel::First);
            metrics.promoted(RulingLabel::Stays);
            metrics.champion(Some(0.91), Some(0.905));
            metrics.test_split_uses(4);
            metrics.retrained_archs(8);
            metrics.retrained_advantage(IntervalNumbers { mean: 0.01, low: -0.02, high: 0.04 });
            let tau = IntervalNumbers { mean: 0.4, low: 0.1, high: 0.6 };
            metrics.rank_correlation(RankLabel::Shared, tau);
            metrics.rank_correlation(RankLabel::Ceiling, IntervalNumbers { mean: 0.7, ..tau });
        },
        &[
            "enas_promotions_total{ruling=\"first\"} 1",
            "enas_promotions_total{ruling=\"stays\"} 1",
            "enas_champion_score_ratio{split=\"valid\"} 0.91",
            "enas_champion_score_ratio{split=\"test\"} 0.905",
            "enas_test_split_uses 4",
            "enas_retrained_archs 8",
            "enas_retrained_advantage_ratio{bound=\"low\"} -0.02",
            "enas_rank_correlation{of=\"shared\",bound=\"high\"} 0.6",
            "enas_rank_correlation{of=\"ceiling\",bound=\"mean\"} 0.7",
        ],
    );
    // Without a test split there is no such score.
    check(
        |metrics| metrics.champion(Some(0.5), None),
        &["enas_champion_score_ratio{split=\"valid\"} 0.5"],
    );
}

#[test]
fn checkpoints_show() {
    let written = CheckpointWritten {
        bytes: 1_000_000,
        duration: Duration::from_millis(50),
        unix_time: Duration::from_secs(1_700_000_000),
    };
    check(
        |metrics| {
            metrics.checkpoint_written(&written);
            metrics.checkpoint_failed();
            metrics.checkpoint_rejected();
            metrics.state_free(5_000_000_000);
            metrics.state_size(7_000_000);
            metrics.history_backlog(12);
        },
        &[
            "enas_checkpoint_writes_total 1",
            "enas_checkpoint_failures_total 1",
            "enas_checkpoint_rejected_total 1",
            "enas_checkpoint_bytes 1000000",
            "enas_checkpoint_duration_seconds_bucket{le=\"0.05\"} 1",
            "enas_checkpoint_last_success_timestamp_seconds 1700000000",
            "enas_state_free_bytes 5000000000",
            "enas_state_bytes 7000000",
            "enas_history_backlog 12",
        ],
    );
    check(
        |metrics| metrics.checkpoint_found(Duration::from_secs(5)),
        &["enas_checkpoint_last_success_timestamp_seconds 5"],
    );
}

#[test]
fn trouble_shows() {
    check(
        |metrics| {
            metrics.non_finite(NetLabel::Policy);
            metrics.recovered();
        },
        &["enas_non_finite_total{net=\"policy\"} 1", "enas_restarts_total{reason=\"error\"} 1"],
    );
}

#[test]
fn a_message_counts_until_its_answer_is_taken() {
    let mut asked = None;
    let busy = "enas_mailbox_messages{actor=\"evaluator\"} 2";
    check(
        |metrics| asked = Some([metrics.asked(Actor::Evaluator), metrics.asked(Actor::Evaluator)]),
        &[busy],
    );
    check(
        |metrics| {
            let kept = metrics.asked(Actor::Keeper);
            drop(metrics.asked(Actor::Keeper));
            asked = Some([kept, metrics.asked(Actor::Trainer)]);
        },
        &["enas_mailbox_messages{actor=\"keeper\"} 1"],
    );
}

#[test]
fn requests_show_by_route_and_an_invented_path_makes_no_series() {
    check(
        |metrics| {
            metrics.api_request("/v1/status", 200, Duration::from_millis(5));
            metrics.api_request("/etc/passwd", 404, Duration::from_millis(50));
            metrics.api_request("/v1/score", 200, Duration::from_secs(2));
        },
        &[
            "enas_api_requests_total{route=\"/v1/status\",code_class=\"2xx\"} 1",
            "enas_api_requests_total{route=\"other\",code_class=\"4xx\"} 1",
            "enas_api_request_duration_seconds_bucket{kind=\"question\",le=\"0.005\"} 1",
            "enas_api_request_duration_seconds_count{kind=\"question\"} 2",
            "enas_api_request_duration_seconds_sum{kind=\"command\"} 2",
        ],
    );
}

#[test]
fn every_actor_can_show_progress() {
    let metrics = Metrics::new(MetricsSetup {
        device_wanted: "cpu".to_owned(),
        device_used: "cpu".to_owned(),
        version: "0".to_owned(),
        ..MetricsSetup::default()
    })
    .unwrap();
    let read = |actor: &str| -> f64 {
        let start = format!("enas_last_progress_timestamp_seconds{{actor=\"{actor}\"}} ");
        let scrape = metrics.render();
        scrape.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
    };
    for actor in [
        Actor::Trainer,
        Actor::Evaluator,
        Actor::Sampler,
        Actor::Trials,
        Actor::Keeper,
        Actor::Controller,
    ] {
        let name = Actor::NAMES[actor.place()];
        metrics.0.registry.set(&LAST_PROGRESS, &[actor.place()], 1.0);
        metrics.progress(actor);
        assert!(1e9 < read(name), "{name} shows no progress");
    }
}
