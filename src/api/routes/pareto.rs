//! The Pareto front: the architectures that no other beats in its score and in all of its costs at
//! once, among those with scores of one kind.

use std::cmp::Ordering;

use crate::actors::Status;
use crate::api::wire::{ParetoArch, ScoreKind};
use crate::search::Budget;
use crate::space::Arch;
use crate::store::ArchSummary;

/// The fronts of all kinds of scores, trained nets first, the best first.
pub(super) fn pareto(known: Vec<ArchSummary>, status: &Status, budget: &Budget) -> Vec<ParetoArch> {
    let batches = known.iter().filter_map(|row| {
        let arch: Arch = row.arch_id.parse().ok()?;
        let found = scored(&arch, ScoreKind::Batches, row.mean_reward, budget)?;
        // What a cost takes of a reward is no part of the accuracy.
        let factor = budget.factor_of(budget.cost(&arch).ok()?).ok().filter(|f| 0.0 < *f)?;
        Some(ParetoArch { accuracy: row.mean_reward / factor, ..found })
    });
    let split = status.best.iter().filter_map(|best| {
        scored(&best.arch.parse().ok()?, ScoreKind::Split, best.score.accuracy, budget)
    });
    let retrained = status.finals.champion.iter().filter_map(|champion| {
        let nets = &champion.valid;
        let mean = nets.iter().map(|net| net.accuracy).sum::<f64>() / nets.len() as f64;
        scored(&champion.arch.parse().ok()?, ScoreKind::Retrained, mean, budget)
    });
    let kinds = [retrained.collect(), split.collect(), batches.collect()];
    kinds.into_iter().flat_map(front).collect()
}

/// An architecture of the search with its cost.
fn scored(arch: &Arch, on: ScoreKind, accuracy: f64, budget: &Budget) -> Option<ParetoArch> {
    let cost = budget.cost(arch).ok()?.into();
    Some(ParetoArch { id: arch.id(), arch: arch.to_string(), on, accuracy, cost })
}

/// Those that none of the others beats, the best first; of several that are alike in all, the first
/// by its id.
fn front(mut all: Vec<ParetoArch>) -> Vec<ParetoArch> {
    let costs = |one: &ParetoArch| {
        let milliseconds = one.cost.milliseconds.unwrap_or_default();
        [one.cost.params as f64, one.cost.multiply_adds as f64, milliseconds]
    };
    all.sort_by(|a, b| {
        let score = b.accuracy.total_cmp(&a.accuracy);
        let cheaper = costs(a).into_iter().zip(costs(b)).map(|(a, b)| a.total_cmp(&b));
        let cheaper = cheaper.fold(Ordering::Equal, Ordering::then);
        score.then(cheaper).then_with(|| a.id.cmp(&b.id))
    });
    let mut front: Vec<ParetoArch> = Vec::new();
    for one in all {
        // All that stand before it score as high.
        let is_beaten =
            |other: &ParetoArch| costs(other).iter().zip(costs(&one)).all(|(o, c)| *o <= c);
        if !front.iter().any(is_beaten) {
            front.push(one);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::CostView;

    fn arch(id: &str, accuracy: f64, params: u64, multiply_adds: u64) -> ParetoArch {
        let cost = CostView { params, multiply_adds, milliseconds: Some(params as f64 / 1e3) };
        ParetoArch { id: id.into(), arch: String::new(), on: ScoreKind::Split, accuracy, cost }
    }

    #[test]
    fn none_is_on_the_front_that_another_beats_in_all() {
        let all = vec![
            arch("dear", 0.9, 900, 900),
            arch("beaten", 0.8, 950, 100),
            arch("cheap", 0.5, 10, 10),
            arch("worse", 0.4, 10, 10),
            arch("few-adds", 0.85, 950, 90),
            arch("twin-b", 0.7, 50, 50),
            arch("twin-a", 0.7, 50, 50),
            arch("equal-but-dearer", 0.9, 901, 900),
        ];
        let ids: Vec<String> = front(all).into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["dear", "few-adds", "twin-a", "cheap"]);
        assert_eq!(front(Vec::new()), []);
    }

    #[test]
    fn a_front_without_times_is_made_of_what_is_known() {
        let untimed = |id: &str, accuracy, params| {
            let one = arch(id, accuracy, params, 7);
            ParetoArch { cost: CostView { milliseconds: None, ..one.cost }, ..one }
        };
        let all = vec![untimed("a", 0.9, 10), untimed("b", 0.8, 20), untimed("c", 0.7, 5)];
        let ids: Vec<String> = front(all).into_iter().map(|one| one.id).collect();
        assert_eq!(ids, ["a", "c"]);
    }
}
