//! The Pareto front: the architectures that no other beats in its score and in all of its costs at
//! once, among those with scores of one kind.

use crate::actors::{ScoreView, Status};
use crate::api::wire::{CostView, ParetoArch, ScoreKind};
use crate::export::pareto_front;
use crate::numbers::mean;
use crate::search::{ArchCost, Budget, Objective};
use crate::space::Arch;
use crate::store::ArchSummary;

/// The fronts of all kinds of scores, trained nets first, the best first.
pub(super) fn pareto(known: Vec<ArchSummary>, status: &Status, budget: &Budget) -> Vec<ParetoArch> {
    let objective = status.objective();
    let with_cost = |text: &str| {
        let arch: Arch = text.parse().ok()?;
        let cost = budget.cost(&arch).ok()?;
        Some((arch, cost))
    };
    let batches = known.iter().filter_map(|row| {
        let found = with_cost(&row.arch_id)?;
        // What a cost takes of a reward is no part of the score.
        let factor = budget.factor_of(found.1).ok()?;
        Some(of_batches(found, objective, objective.without_cost(row.mean_reward, factor)?))
    });
    let split = status
        .best
        .iter()
        .filter_map(|best| Some(of_nets(with_cost(&best.arch)?, ScoreKind::Split, &[best.score])));
    let retrained = status.finals.champion.iter().filter_map(|champion| {
        Some(of_nets(with_cost(&champion.arch)?, ScoreKind::Retrained, &champion.valid))
    });
    let kinds = [retrained.collect(), split.collect(), batches.collect()];
    kinds.into_iter().flat_map(front).collect()
}

fn scored((arch, cost): (Arch, ArchCost), on: ScoreKind, accuracy: f64) -> ParetoArch {
    let (id, arch, cost) = (arch.id(), arch.to_string(), cost.into());
    ParetoArch { id, arch, on, accuracy: Some(accuracy), reward: None, cost }
}

/// One that is known by the scores of nets, of text by what the objective makes of perplexities.
fn of_nets(found: (Arch, ArchCost), on: ScoreKind, nets: &[ScoreView]) -> ParetoArch {
    let of_words = |net: &ScoreView| net.perplexity.map(Objective::of_perplexity);
    let scores: Vec<f64> = nets.iter().map(|net| of_words(net).unwrap_or(net.accuracy)).collect();
    let scored = scored(found, on, mean(&scores));
    if nets.iter().any(|net| net.perplexity.is_some()) {
        return ParetoArch { accuracy: None, reward: scored.accuracy, ..scored };
    }
    scored
}

/// One that is known by its rewards: only the objective `accuracy` makes accuracies of them.
fn of_batches(found: (Arch, ArchCost), objective: Objective, reward: f64) -> ParetoArch {
    let scored = scored(found, ScoreKind::Batches, reward);
    match objective {
        Objective::Accuracy => scored,
        Objective::NegLogNll | Objective::Perplexity => {
            ParetoArch { accuracy: None, reward: Some(reward), ..scored }
        }
    }
}

/// Those that none of the others beats, the best first; of several that are alike in all, the first
/// by its id.
fn front(mut all: Vec<ParetoArch>) -> Vec<ParetoArch> {
    all.sort_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| a.id.cmp(&b.id)));
    let points: Vec<_> = all.iter().map(point).collect();
    let front = all.into_iter().zip(pareto_front(&points)).filter(|(_, is_on)| *is_on);
    let mut front: Vec<ParetoArch> = front.map(|(arch, _)| arch).collect();
    // On the front, those that score alike are alike in all, or each is cheaper in something.
    let mut seen = Vec::new();
    front.retain(|arch| {
        let point = point(arch);
        let is_new = !seen.contains(&point);
        seen.push(point);
        is_new
    });
    front
}

/// Its score and its costs.
fn point(arch: &ParetoArch) -> (f64, [f64; 3]) {
    let CostView { params, multiply_adds, milliseconds } = arch.cost;
    (score(arch), [params as f64, multiply_adds as f64, milliseconds.unwrap_or_default()])
}

/// What it is compared by: the one of the two that it has, as have all of its kind.
fn score(arch: &ParetoArch) -> f64 {
    arch.accuracy.or(arch.reward).unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Input, NetConfig, Shape, family};
    use crate::search::LimitsConfig;
    use crate::space::Space;

    fn arch(id: &str, accuracy: f64, params: u64, multiply_adds: u64) -> ParetoArch {
        let cost = CostView { params, multiply_adds, milliseconds: Some(params as f64 / 1e3) };
        let (id, arch, accuracy) = (id.into(), String::new(), Some(accuracy));
        ParetoArch { id, arch, on: ScoreKind::Split, accuracy, reward: None, cost }
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
    fn a_reward_is_an_accuracy_without_its_cost_only_where_the_objective_is_that() {
        let arch = Space::each()[0].arch(&[0; 40]).unwrap();
        let shape = Shape { channels: 1, height: 16, width: 16 };
        let input = Input::Image { shape, classes: 10 };
        let nets = family(arch.space(), &NetConfig::default(), input).unwrap();
        let free = Budget::new(LimitsConfig::default(), nets.clone(), None);
        // It is at the limit, and half of it is left.
        let limits = LimitsConfig {
            params: free.cost(&arch).unwrap().params,
            weight: 0.5,
            ..LimitsConfig::default()
        };
        let budget = Budget::new(limits, nets, None);
        let found = |objective: Objective, mean_reward| {
            let status = Status { objective: objective.name().to_owned(), ..Status::default() };
            let known = ArchSummary {
                arch_id: arch.id(),
                times: 1,
                best_reward: mean_reward,
                mean_reward,
                last_step: 0,
            };
            let [found] = &pareto(vec![known], &status, &budget)[..] else { panic!("one") };
            (found.accuracy, found.reward)
        };
        assert_eq!(found(Objective::Accuracy, 0.375), (Some(0.75), None));
        let (accuracy, reward) = found(Objective::NegLogNll, -0.25);
        assert!((reward.unwrap() - (2.0_f64.ln() - 0.25)).abs() < 1e-12, "{reward:?}");
        assert_eq!(accuracy, None);
    }

    #[test]
    fn text_is_compared_by_perplexities() {
        let arch = Space::each()[0].arch(&[0; 40]).unwrap();
        let cost = ArchCost { params: 1, multiply_adds: 1, milliseconds: None };
        let net = |accuracy, perplexity| ScoreView { accuracy, perplexity, ..ScoreView::default() };
        let of = |nets: &[ScoreView]| {
            let found = of_nets((arch.clone(), cost), ScoreKind::Split, nets);
            (found.accuracy, found.reward)
        };
        let text = [net(0.3, Some(160.0)), net(0.3, Some(f64::INFINITY))];
        assert_eq!(of(&text), (None, Some(0.25)));
        assert_eq!(of(&[net(0.5, None)]), (Some(0.5), None));
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
