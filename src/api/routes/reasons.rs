//! Why an architecture was promoted or not, in words, by what the history has of it.
//!
//! ```text
//! drawn ─► scored ─► drawn for a derivation ─► among the best: retrained ─► best of both arms: ruled
//! ```
//!
//! It says how far the architecture came in each cycle that derived it.

use std::collections::BTreeSet;

use crate::actors::nth;
use crate::search::Cause;
use crate::store::{ArchDraws, ChampionRow, TrialRow};

/// What the history has of one architecture, and of all where it is compared.
pub(super) struct Reasons<'a> {
    /// Its id.
    pub(super) id: &'a str,
    /// Its draws.
    pub(super) draws: &'a ArchDraws,
    /// The nets of all architectures.
    pub(super) trials: &'a [TrialRow],
    /// What was ruled of all promotions.
    pub(super) rulings: &'a [ChampionRow],
}

impl Reasons<'_> {
    /// Sentences without their final point, the oldest cycle first.
    pub(super) fn sentences(&self) -> Vec<String> {
        let own = |row: &&TrialRow| row.arch_id == self.id;
        let retrained: BTreeSet<u64> = self
            .trials
            .iter()
            .filter(own)
            .filter(|row| row.cause == Cause::Cycle)
            .map(cycle)
            .collect();
        let ruled = self.rulings.iter().filter(|row| row.arch_id == self.id);
        let mut cycles: BTreeSet<u64> = self.draws.derived.iter().map(|&n| n.into()).collect();
        cycles.extend(ruled.map(|row| row.cycle));
        cycles.extend(&retrained);
        let mut sentences: Vec<String> = cycles
            .iter()
            .map(|&cycle| {
                format!(
                    "cycle {}: {}",
                    nth(cycle),
                    self.of_cycle(cycle, retrained.contains(&cycle))
                )
            })
            .collect();
        if self.trials.iter().filter(own).any(|row| row.cause == Cause::Request) {
            let asked = "retrained on request: what is asked for is measured, and no candidate \
                         for champion";
            sentences.push(asked.to_owned());
        }
        if self.trials.iter().filter(own).any(|row| row.cause == Cause::Sample) {
            let sampled = "retrained as one of a sample from the worst to the best: that is \
                           measured, and no candidate for champion";
            sentences.push(sampled.to_owned());
        }
        if sentences.is_empty() {
            sentences.push(self.never_derived().to_owned());
        }
        sentences
    }

    fn of_cycle(&self, cycle: u64, is_retrained: bool) -> String {
        let mut rulings = self.rulings.iter().filter(|row| row.cycle == cycle);
        let best = rulings.clone().find(|row| row.arch_id == self.id);
        match (best, rulings.next(), is_retrained) {
            (Some(own), ..) => own.ruling.clone(),
            (None, Some(other), true) => {
                format!("retrained, but {} was better on the validation split", other.arch_id)
            }
            (None, None, true) => "retrained, and its promotion is not over".to_owned(),
            (None, _, false) => {
                let any = self.trials.iter().any(|row| is_of(row, cycle));
                let rest = if any {
                    "never among the k best of its cycle's derivation, which were retrained"
                } else {
                    "of that cycle nothing is retrained"
                };
                format!("drawn for the derivation; {rest}")
            }
        }
    }

    /// Why it never was a candidate.
    fn never_derived(&self) -> &'static str {
        match (&self.draws.first, self.draws.rewards()) {
            (None, _) if 0 < self.draws.shared_from => {
                "no row that is kept has it: it was never drawn, or in rows that are folded"
            }
            (None, _) => "it was never drawn",
            (Some(_), 0) => "drawn only while ω was trained: it was never scored",
            (Some(_), _) => "scored, but never drawn for a derivation, which candidates come from",
        }
    }
}

fn cycle(row: &TrialRow) -> u64 {
    row.cycle
}

fn is_of(row: &TrialRow, cycle: u64) -> bool {
    row.cause == Cause::Cycle && row.cycle == cycle
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Arm;
    use crate::store::{ArmDraws, HistoryPhase, HistoryRow};

    fn trial(arch_id: &str, cycle: u64, cause: Cause) -> TrialRow {
        TrialRow {
            key: format!("{arch_id} {cycle}"),
            arch_id: arch_id.to_owned(),
            arm: Arm::Derive,
            cycle,
            step: 9,
            seed: 0,
            epochs: 1,
            loss: None,
            correct: 1,
            items: 2,
            nll: None,
            shared_reward: None,
            params: 1,
            multiply_adds: 1,
            cause,
            at_unix_ms: 0,
        }
    }

    fn ruled(arch_id: &str, cycle: u64) -> ChampionRow {
        ChampionRow {
            arch_id: arch_id.to_owned(),
            arm: Arm::Derive,
            cycle,
            certificate: 1,
            valid_mean: None,
            test_correct: 1,
            test_items: 2,
            test_nll: None,
            ruling: format!("{arch_id} is the first champion"),
            at_unix_ms: 0,
        }
    }

    /// Draws in the derivations of these cycles, and so many rewards besides.
    fn drawn(derived: &[u32], rewards: u64) -> ArchDraws {
        let row = HistoryRow {
            step: 1,
            arm: Arm::Controller,
            idx: 0,
            phase: HistoryPhase::Controller,
            cycle: 0,
            cycle_epoch: 0,
            arch_id: "m5-1".to_owned(),
            reward: None,
            log_prob: None,
            entropy: None,
        };
        let of_arm = ArmDraws {
            arm: row.arm,
            phase: row.phase,
            draws: rewards,
            rewards,
            total: 0.0,
            ends: None,
        };
        ArchDraws {
            first: Some(row),
            by_arm: vec![of_arm],
            derived: derived.iter().copied().collect(),
            ..ArchDraws::default()
        }
    }

    #[track_caller]
    fn check(draws: &ArchDraws, trials: &[TrialRow], rulings: &[ChampionRow], expected: &[&str]) {
        let found = Reasons { id: "m5-1", draws, trials, rulings }.sentences();
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} has not {expected}");
        }
    }

    #[test]
    fn what_never_was_a_candidate_is_told_how_far_it_came() {
        check(&ArchDraws::default(), &[], &[], &["it was never drawn"]);
        let folded = ArchDraws { shared_from: 7, ..ArchDraws::default() };
        check(&folded, &[], &[], &["or in rows that are folded"]);
        check(&drawn(&[], 0), &[], &[], &["drawn only while ω was trained"]);
        check(&drawn(&[], 3), &[], &[], &["scored, but never drawn for a derivation"]);
    }

    #[test]
    fn each_cycle_that_derived_it_has_its_reason() {
        let trials = [
            trial("m5-2", 1, Cause::Cycle),
            trial("m5-1", 2, Cause::Cycle),
            trial("m5-2", 2, Cause::Cycle),
            trial("m5-1", 3, Cause::Cycle),
            trial("m5-1", 4, Cause::Cycle),
            trial("m5-1", 4, Cause::Request),
            trial("m5-1", 4, Cause::Sample),
        ];
        let rulings = [ruled("m5-2", 1), ruled("m5-2", 2), ruled("m5-1", 3)];
        let expected = [
            "cycle 1: drawn for the derivation; of that cycle nothing is retrained",
            "cycle 2: drawn for the derivation; never among the k best of its cycle's derivation",
            "cycle 3: retrained, but m5-2 was better on the validation split",
            "cycle 4: m5-1 is the first champion",
            "cycle 5: retrained, and its promotion is not over",
            "retrained on request",
            "retrained as one of a sample",
        ];
        check(&drawn(&[0, 1, 2, 3], 9), &trials, &rulings, &expected);
    }

    /// What is folded away leaves trials and rulings.
    #[test]
    fn a_ruling_stands_without_the_draws() {
        check(&ArchDraws::default(), &[], &[ruled("m5-1", 3)], &["cycle 4: m5-1 is the first"]);
    }
}
