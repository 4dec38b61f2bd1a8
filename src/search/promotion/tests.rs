//! Which trials a promotion waits for, and whom it chooses.

use super::*;

const NORMAL: &str = "normal=[identity(0)+identity(1), identity(0)+identity(1)] ";

fn arch(reduction: &str) -> Arch {
    format!("{NORMAL}reduction=[{reduction}(0)+identity(1), identity(0)+identity(1)]")
        .parse()
        .unwrap()
}

fn promotion() -> Promotion {
    let recipe = FinalConfig { candidates: 2, seeds: 2, ..FinalConfig::default() };
    let names = ["identity", "sep_conv_3x3", "sep_conv_5x5", "identity"];
    let arms = [Arm::Derive, Arm::Derive, Arm::Random, Arm::Random];
    let candidates = names.into_iter().zip(arms).map(|(name, arm)| Candidate {
        arch: arch(name),
        arm,
        shared: Score::default(),
        rungs: Vec::new(),
        valid: vec![None; 2],
        certificate: None,
    });
    let candidates = candidates.collect();
    Promotion { cause: Cause::Cycle, cycle: 0, step: 9, recipe, candidates }
}

/// Trains all that is pending to the scores of `correct`, by candidate and seed, of 100.
fn train(promotion: &mut Promotion, correct: impl Fn(&Arch, u32) -> u64) {
    while let Some(plan) = promotion.pending(Objective::Accuracy).into_iter().next() {
        let score = Score { nll: 1.0, correct: correct(&plan.arch, plan.seed), items: 100 };
        promotion.trained(&plan, score);
    }
}

#[test]
fn an_architecture_of_both_arms_is_trained_once_and_first_nets_come_first() {
    let promotion = promotion();
    let pending = promotion.pending(Objective::Accuracy);
    let order: Vec<(Arch, u32)> = pending.into_iter().map(|p| (p.arch, p.seed)).collect();
    let archs = ["identity", "sep_conv_3x3", "sep_conv_5x5"].map(arch);
    let expected = [0, 1].map(|seed| archs.clone().map(|arch| (arch, seed))).concat();
    assert_eq!(order, expected);
    assert_eq!(promotion.trials(), (8, 0));
}

#[test]
fn the_best_of_each_arm_by_the_mean_over_seeds_is_certified_and_then_it_is_over() {
    let mut promotion = promotion();
    // The second of the policy's has the better mean, the first the better best.
    train(&mut promotion, |found, seed| match (*found == arch("sep_conv_3x3"), seed) {
        (true, _) => 80,
        (false, 0) => 85,
        (false, _) => 60,
    });
    let objective = Objective::Accuracy;
    assert_eq!(promotion.chosen(objective), [1, 2]);
    assert_eq!(promotion.work(objective, false), PromotionWork::Conclude);
    for place in [1, 2] {
        assert_eq!(promotion.work(objective, true), PromotionWork::Certify(place));
        let nets = vec![NetResult::new(1.0, &[true])];
        let certificate = Certificate { candidate: String::new(), number: 1, nets };
        promotion.certified(place, &certificate);
    }
    assert_eq!(promotion.work(objective, true), PromotionWork::Conclude);
    promotion.cause = Cause::Request;
    promotion.candidates[1].certificate = None;
    assert_eq!(promotion.work(objective, true), PromotionWork::Conclude);
}

#[test]
fn the_noise_between_seeds_is_pooled_over_candidates() {
    let mut promotion = promotion();
    assert_eq!(promotion.seed_deviation(Objective::Accuracy), None);
    train(&mut promotion, |_, seed| if seed == 0 { 50 } else { 52 });
    let (deviation, freedom) = promotion.seed_deviation(Objective::Accuracy).unwrap();
    assert_eq!(freedom, 4);
    assert!((deviation - 0.02 / 2_f64.sqrt()).abs() < 1e-12, "{deviation}");
}

/// Four candidates an arm, of which each rung but the last takes a third.
fn halving() -> Promotion {
    let recipe = FinalConfig {
        first: 4,
        candidates: 1,
        seeds: 2,
        epochs: 7,
        learning_rate_period: 1,
        learning_rate_period_factor: 2,
        ..FinalConfig::default()
    };
    let names = ["identity", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3"];
    let arms = [Arm::Derive, Arm::Random];
    let candidates = arms.into_iter().flat_map(|arm| {
        let unscored = move |name| Candidate::unscored(arch(name), arm, Score::default(), &recipe);
        // Both arms drew the first two.
        let own = if arm == Arm::Derive { &names[..3] } else { &names[1..] };
        own.iter().map(|&name| unscored(name)).collect::<Vec<_>>()
    });
    let candidates = candidates.collect();
    Promotion { cause: Cause::Cycle, cycle: 0, step: 9, recipe, candidates }
}

/// The rung, the architectures and the seeds that are pending.
fn waits_for(promotion: &Promotion) -> (usize, Vec<(String, u32, u64)>) {
    let objective = Objective::Accuracy;
    let short = |plan: &TrialPlan| {
        let text = plan.arch.to_string();
        let name = text.split("reduction=[").nth(1).unwrap().split('(').next().unwrap();
        (name.to_owned(), plan.seed, plan.recipe.epochs)
    };
    let pending = promotion.pending(objective);
    (promotion.rung(objective).0, pending.iter().map(short).collect())
}

#[test]
fn the_best_third_of_each_arm_goes_on_with_more_nets_and_for_longer() {
    let mut promotion = halving();
    let objective = Objective::Accuracy;
    let of = |name: &str, seed, epochs| (name.to_owned(), seed, epochs);
    // Both arms' four different ones, once each, for one epoch.
    let (rung, pending) = waits_for(&promotion);
    assert_eq!((rung, pending.len()), (0, 4));
    assert!(pending.iter().all(|(_, seed, epochs)| (*seed, *epochs) == (0, 1)));
    let mut score = |name: &str, seed, epochs, correct| {
        let recipe = FinalConfig { epochs, ..promotion.recipe };
        let plan = TrialPlan { arch: arch(name), seed, recipe };
        promotion.trained(&plan, Score { nll: 1.0, correct, items: 100 });
        (waits_for(&promotion), promotion.trials())
    };
    score("identity", 0, 1, 70);
    score("sep_conv_3x3", 0, 1, 60);
    score("sep_conv_5x5", 0, 1, 50);
    // Of four thirds of an arm two go on: identity and 3x3 of the policy's, 3x3 and the pool.
    let ((rung, pending), _) = score("avg_pool_3x3", 0, 1, 55);
    let two = ["identity", "sep_conv_3x3", "avg_pool_3x3"];
    let expected: Vec<_> =
        [0, 1].into_iter().flat_map(|seed| two.map(|name| of(name, seed, 3))).collect();
    assert_eq!((rung, pending), (1, expected));
    for name in two {
        // The pool is the best of the random arm, and 3x3 of the policy's.
        let correct = [("avg_pool_3x3", 80), ("sep_conv_3x3", 75)];
        let correct = correct.iter().find(|(n, _)| *n == name).map_or(70, |(_, c)| *c);
        score(name, 0, 3, correct);
        score(name, 1, 3, correct);
    }
    let ((rung, pending), _) = score("identity", 1, 3, 70);
    assert_eq!(rung, 2);
    let last = ["sep_conv_3x3", "avg_pool_3x3"];
    let expected: Vec<_> =
        [0, 1].into_iter().flat_map(|seed| last.map(|name| of(name, seed, 7))).collect();
    assert_eq!(pending, expected);
    for name in last {
        score(name, 0, 7, 90);
        score(name, 1, 7, 90);
    }
    assert_eq!(promotion.pending(objective), []);
    let chosen = promotion.chosen(objective);
    let names: Vec<_> = chosen.iter().map(|&place| &promotion.candidates[place].arch).collect();
    assert_eq!(names, [&arch("sep_conv_3x3"), &arch("avg_pool_3x3")]);
    assert_eq!(promotion.work(objective, false), PromotionWork::Conclude);
}

#[test]
fn the_trials_of_every_rung_are_counted_and_a_lost_net_is_trained_again() {
    let mut promotion = halving();
    // 6 of one net, then 2 of each arm of two nets, then one of each.
    assert_eq!(promotion.trials(), (6 + 8 + 4, 0));
    let plan = promotion.pending(Objective::Accuracy)[0].clone();
    promotion.trained(&plan, Score { nll: 1.0, correct: 5, items: 10 });
    assert_eq!(promotion.trials().1, 1);
    // 6·1, then 4·(3 − 1) and 4·3 of second nets, then 4·(7 − 3).
    assert_eq!(promotion.epochs(), (6 + 8 + 12 + 16, 1));
    promotion.retrain(&plan);
    assert_eq!((promotion.trials().1, &promotion.pending(Objective::Accuracy)[0]), (0, &plan));
    // Nets that go on are kept with their momenta; those of the last rung do not.
    let plans: Vec<_> = promotion.all_plans(0).map(|p| (p.recipe.epochs, p.recipe.first)).collect();
    assert_eq!(plans, [(1, 4), (3, 4), (3, 4), (7, 0), (7, 0)]);
    assert_eq!(promotion.plans(0).count(), 2);
    let beginning = promotion.plans(0).next().unwrap().beginning().unwrap();
    assert_eq!(beginning.recipe.epochs, 3);
}
