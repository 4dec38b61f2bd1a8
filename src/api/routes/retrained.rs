//! What was retrained, an architecture a line, by the rows that its nets left.

use std::collections::BTreeMap;

use crate::actors::{ChampionStatus, nth};
use crate::export::{DrawnBy, RetrainedArch};
use crate::search::{Arm, Cause, Objective, Score};
use crate::store::{ChampionRow, TrialRow};

/// The architectures of `trials`, each with its nets that were trained alike.
pub(super) fn retrained(
    trials: &[TrialRow],
    rulings: &[ChampionRow],
    champion: Option<&ChampionStatus>,
    objective: Objective,
) -> Vec<RetrainedArch> {
    // Nets that had more epochs are another matter: halving leaves some of one epoch, too, of an
    // architecture that it trained to the end.
    let mut longest: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for row in trials.iter().filter(|row| row.cause == Cause::Cycle) {
        let most = longest.entry((row.arch_id.as_str(), row.cycle)).or_default();
        *most = row.epochs.max(*most);
    }
    let is_longest = |row: &&TrialRow| {
        row.cause == Cause::Cycle && longest[&(row.arch_id.as_str(), row.cycle)] == row.epochs
    };
    let mut alike: BTreeMap<(&str, u64), Vec<&TrialRow>> = BTreeMap::new();
    for row in trials.iter().filter(|row| 0 < row.items) {
        alike.entry((row.arch_id.as_str(), row.epochs)).or_default().push(row);
    }
    let of = |rows: Vec<&TrialRow>| {
        let last = *rows.last()?;
        let cycles = rows.iter().copied().filter(is_longest).map(|row| row.cycle);
        let cycles: Vec<u64> = cycles.collect();
        let is_champion = champion.is_some_and(|champion| {
            champion.id == last.arch_id && cycles.contains(&champion.cycle)
        });
        Some(RetrainedArch {
            id: last.arch_id.clone(),
            by: by(last.arm),
            cycle: nth(last.cycle),
            epochs: last.epochs,
            shared: last.shared_reward,
            nets: rows.iter().map(|row| objective.of_tests().reward(score(row))).collect(),
            test: tested(&last.arch_id, &cycles, rulings)
                .map(|score| objective.of_tests().reward(score)),
            params: last.params,
            multiply_adds: last.multiply_adds,
            is_champion,
        })
    };
    alike.into_values().filter_map(of).collect()
}

/// What a net has right of the validation split.
fn score(row: &TrialRow) -> Score {
    Score::kept(row.nll, row.correct, row.items)
}

/// What an architecture has right of the test split, as last measured.
fn tested(id: &str, cycles: &[u64], rulings: &[ChampionRow]) -> Option<Score> {
    let is_own = |row: &&ChampionRow| row.arch_id == id && cycles.contains(&row.cycle);
    let mut measured = rulings.iter().filter(is_own).filter(|row| 0 < row.test_items);
    let last = measured.next_back();
    last.map(|row| Score::kept(row.test_nll, row.test_correct, row.test_items))
}

/// Who drew it, as reports tell it.
fn by(arm: Arm) -> DrawnBy {
    match arm {
        Arm::Controller | Arm::Derive => DrawnBy::Policy,
        Arm::Random => DrawnBy::Random,
        Arm::Injected => DrawnBy::Request,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(arch_id: &str, arm: Arm, epochs: u64, (seed, correct): (u32, u64)) -> TrialRow {
        TrialRow {
            key: format!("{arch_id} {epochs} {seed}"),
            arch_id: arch_id.to_owned(),
            arm,
            cycle: 1,
            step: 9,
            seed,
            epochs,
            loss: None,
            correct,
            items: 1000,
            nll: None,
            shared_reward: Some(0.5),
            params: 77,
            multiply_adds: 99,
            cause: Cause::Cycle,
            at_unix_ms: 0,
        }
    }

    #[test]
    fn nets_of_one_architecture_that_were_trained_alike_are_one_line() {
        let mut trials = vec![
            trial("m5-1", Arm::Derive, 15, (0, 800)),
            trial("m5-2", Arm::Random, 15, (0, 700)),
            trial("m5-1", Arm::Derive, 15, (1, 900)),
            TrialRow { cause: Cause::Request, ..trial("m5-1", Arm::Injected, 30, (0, 950)) },
            // Of the first rung.
            trial("m5-1", Arm::Derive, 5, (0, 600)),
        ];
        trials.push(TrialRow { items: 0, ..trial("m5-3", Arm::Random, 15, (0, 0)) });
        let ruling = ChampionRow {
            arch_id: "m5-1".to_owned(),
            arm: Arm::Derive,
            cycle: 1,
            certificate: 1,
            valid_mean: Some(0.85),
            test_correct: 88,
            test_items: 100,
            test_nll: Some(100.0 * 160_f64.ln()),
            ruling: String::new(),
            at_unix_ms: 0,
        };
        let champion =
            ChampionStatus { id: "m5-1".to_owned(), cycle: 1, ..ChampionStatus::default() };
        let found = |objective| {
            retrained(&trials, std::slice::from_ref(&ruling), Some(&champion), objective)
        };
        let of_text = found(Objective::Perplexity)[1].test.unwrap();
        assert!((of_text - 0.5).abs() < 1e-12, "80 / perplexity is {of_text}");
        let found = found(Objective::NegLogNll);
        let lines: Vec<_> =
            found.iter().map(|one| (one.id.as_str(), one.by, one.epochs, one.nets.len())).collect();
        let expected = [
            ("m5-1", DrawnBy::Policy, 5, 1),
            ("m5-1", DrawnBy::Policy, 15, 2),
            ("m5-1", DrawnBy::Request, 30, 1),
            ("m5-2", DrawnBy::Random, 15, 1),
        ];
        assert_eq!(lines, expected);
        assert!((found[1].mean() - 0.85).abs() < 1e-12);
        assert_eq!((found[1].test, found[1].is_champion), (Some(0.88), true));
        for other in [0, 2, 3] {
            assert_eq!((found[other].test, found[other].is_champion), (None, false), "{other}");
        }
    }
}
