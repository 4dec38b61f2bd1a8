//! The daemon that the tests of the screen look at.

#![cfg(test)]

use enasd::actors::{
    AdvantageStatus, BestStatus, CheckpointStatus, DeviceStatus, DiagnosisStatus, LearntStatus,
    OptionStatus, PickStatus, PlaceStatus, PolicyStatus, RunState, ScoreView, SharedStatus, Status,
};
use enasd::api::wire::HistoryItem;
use enasd::space::{Arch, Op};

use crate::top::curve::tests::row;

/// When it is looked at, in seconds since 1970.
pub(super) const NOW: f64 = 1_800_000_000.0;

/// What the policy thinks of the operations of a part.
fn picks(part: &str, probabilities: [f64; 5]) -> PickStatus {
    let options = Op::NAMES.into_iter().zip(probabilities);
    let options = options.map(|(name, probability)| {
        let name = name.to_owned();
        OptionStatus { name, probability }
    });
    PickStatus { part: part.to_owned(), menu: "op".to_owned(), options: options.collect() }
}

/// The architecture that the paper publishes.
const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
                         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

/// Another one: identities only.
const IDENTITIES: &str = "0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 \
                          0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4 0 4 1 4";

fn best(arch: &str, correct: u64) -> BestStatus {
    let arch: Arch = arch.parse().unwrap();
    BestStatus {
        id: arch.id(),
        arch: arch.to_string(),
        score: ScoreView {
            accuracy: correct as f64 / 600.0,
            correct,
            items: 600,
            perplexity: None,
        },
        cycle: 0,
    }
}

pub(super) fn status() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        state: RunState::Running,
        seed: 7,
        space: "micro".to_owned(),
        space_size: "5 nodes".to_owned(),
        place: PlaceStatus {
            cycle: 1,
            epoch: 81,
            cycle_epochs: 70,
            phase: "shared".to_owned(),
            step: 120,
            phase_steps: 219,
            number: 20_290,
            cycle_done: 2859,
            cycle_steps: 17_431,
        },
        cycle_seconds_left: Some(158.0),
        shared: SharedStatus {
            loss: Some(0.83214),
            train_accuracy: Some(0.7101),
            images_per_second: Some(3512.4),
            step_seconds: Some(0.01),
            ..SharedStatus::default()
        },
        policy: policy(),
        advantage: AdvantageStatus {
            mean: Some(0.132),
            low: Some(0.124),
            high: Some(0.141),
            steps: 240,
            verdict: "scores higher".to_owned(),
            sentence: String::new(),
        },
        diagnosis: DiagnosisStatus {
            learnt: LearntStatus { mean: Some(0.0704), ..LearntStatus::default() },
            reward_reliability: Some(0.4231),
            advice: Vec::new(),
        },
        archs_sampled: 51_300,
        archs_unique: 49_876,
        best: vec![best(PUBLISHED, 436), best(IDENTITIES, 401)],
        checkpoint: checkpoint(),
        device: device(),
        state_free_bytes: Some(12_345_678_901),
        updated_unix_seconds: NOW - 0.1,
        ..Status::default()
    }
}

fn policy() -> PolicyStatus {
    PolicyStatus {
        reward: Some(0.712),
        random_reward: Some(0.5803),
        entropy_nats: Some(12.345),
        entropy_per_decision_nats: Some(0.617),
        probabilities: vec![
            picks("normal", [0.1, 0.5, 0.2, 0.15, 0.05]),
            picks("reduction", [0.3, 0.3, 0.2, 0.1, 0.1]),
        ],
        ..PolicyStatus::default()
    }
}

fn checkpoint() -> CheckpointStatus {
    CheckpointStatus {
        step: Some(20_200),
        unix_seconds: Some(NOW - 8.0),
        bytes: Some(1_234_567),
        writes_total: 18,
        ..CheckpointStatus::default()
    }
}

fn device() -> DeviceStatus {
    DeviceStatus {
        wanted: "cpu".to_owned(),
        used: "cpu".to_owned(),
        reason: "as configured".to_owned(),
        executor: "fast (AVX-512)".to_owned(),
        threads: 2,
    }
}

/// Rewards that rise for the policy and stay for the random arm.
pub(super) fn rewards() -> Vec<HistoryItem> {
    let steps = (0..360).flat_map(|step| {
        let share = f64::from(step as u32) / 360.0;
        let waves = 0.03 * (share * 40.0).sin();
        [
            row(step, "controller", 0.45 + 0.28 * share.sqrt() + waves),
            row(step, "random", 0.45 + 0.12 * share.sqrt() - waves),
        ]
    });
    steps.collect()
}
