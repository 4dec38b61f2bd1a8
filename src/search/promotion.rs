//! A promotion: the best architectures of a cycle, and as many of uniform draws, are trained from
//! scratch; the best of each arm by validation is certified on the test split.
//!
//! ```text
//! derive ─► k of the policy ─┐            ┌─ the best by validation ─► certify ─┐
//!                            ├─ trials ───┤                                     ├─► conclude
//! derive ─► k of uniform ────┘            └─ the best by validation ─► certify ─┘
//! ```
//!
//! Both arms are derived by the same rule from as many draws, and trained with the same recipe,
//! budget and seeds: what is left between them is what the policy has learnt.

use serde::{Deserialize, Serialize};

use crate::data::{Certificate, NetResult};
use crate::numbers::mean;
use crate::search::{Arm, FinalConfig, Objective, Score, Scored, TrialPlan, TrialTask};
use crate::space::Arch;

/// An architecture that is retrained.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// Who drew it.
    pub arm: Arm,
    /// What it had right of the validation split with the shared weights.
    pub shared: Score,
    /// What each of its nets has right of the validation split, by seed; none before its trial
    /// is finished.
    pub valid: Vec<Option<Score>>,
    /// What its nets had right of the test split, once it is certified.
    pub certificate: Option<Certificate>,
}

/// Why architectures are retrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A cycle ended.
    Cycle,
    /// Somebody asked: it is trained and measured, and nothing is certified.
    Request,
    /// They are a stratified sample of uniform draws: trained beside the search, and measured.
    Sample,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 3] = [Self::Cycle, Self::Request, Self::Sample];

    /// The name on disk, in the history and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Request => "request",
            Self::Sample => "sample",
        }
    }

    /// The cause called `name`.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// The retraining of some candidates, as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Promotion {
    /// Why.
    pub cause: Cause,
    /// The cycle that it belongs to, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived them, or before which somebody asked.
    pub step: u64,
    /// How nets are trained: as configured when it began.
    pub recipe: FinalConfig,
    /// Invariant: not empty, each with as many places for scores as the recipe has seeds.
    pub candidates: Vec<Candidate>,
}

/// What a promotion waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum PromotionWork {
    /// These trials, in this order; any of them may be under way.
    Train(Vec<TrialPlan>),
    /// A look at the test split for the candidate of this place.
    Certify(usize),
    /// Nothing: it is to be concluded.
    Conclude,
}

impl Candidate {
    /// One that has not been trained.
    pub fn new(arm: Arm, scored: &Scored, recipe: &FinalConfig) -> Self {
        let (arch, shared) = (scored.sampled.arch.clone(), scored.score);
        Self { arch, arm, shared, valid: vec![None; recipe.seeds], certificate: None }
    }

    /// What its nets had right of the test split, by seed; empty where it is not certified.
    pub fn nets(&self) -> &[NetResult] {
        self.certificate.as_ref().map_or(&[], |certificate| &certificate.nets)
    }

    /// What the objective makes of each net's validation score, by seed; nothing before all are
    /// trained.
    pub fn rewards(&self, objective: Objective) -> Option<Vec<f64>> {
        self.valid.iter().map(|score| score.map(|score| objective.reward(score))).collect()
    }

    /// The seed of the net that is handed out: the best by validation, among equals the first;
    /// nothing before all are trained.
    pub fn best_seed(&self, objective: Objective) -> Option<usize> {
        let rewards = self.rewards(objective)?;
        (0..rewards.len())
            .reduce(|best, seed| if rewards[best] < rewards[seed] { seed } else { best })
    }

    /// The mean of [`rewards`](Self::rewards).
    pub fn mean_reward(&self, objective: Objective) -> Option<f64> {
        Some(mean(&self.rewards(objective)?))
    }
}

impl Promotion {
    /// The trial of a candidate's net.
    pub fn plan(&self, candidate: &Candidate, seed: u32) -> TrialPlan {
        TrialPlan { arch: candidate.arch.clone(), seed, recipe: self.recipe }
    }

    /// The trials of the candidate of this place, by seed.
    pub fn plans(&self, place: usize) -> impl Iterator<Item = TrialPlan> + '_ {
        let candidate = &self.candidates[place];
        (0..self.recipe.seeds as u32).map(move |seed| self.plan(candidate, seed))
    }

    /// What the candidate of this place is to the test split: its trials, as 32 hexadecimal
    /// digits.
    pub fn candidate_key(&self, task: &TrialTask, place: usize) -> String {
        let keys: Vec<String> = self.plans(place).map(|plan| task.key(&plan)).collect();
        blake3::hash(keys.join(" ").as_bytes()).to_hex()[..32].to_owned()
    }

    /// The trials that are not finished: every candidate's first net before its second.
    pub fn pending(&self) -> Vec<TrialPlan> {
        let mut pending: Vec<TrialPlan> = Vec::new();
        for seed in 0..self.recipe.seeds {
            for candidate in self.candidates.iter().filter(|c| c.valid[seed].is_none()) {
                let plan = self.plan(candidate, seed as u32);
                // Both arms may have drawn it.
                if !pending.contains(&plan) {
                    pending.push(plan);
                }
            }
        }
        pending
    }

    /// How many trials there are, and how many are finished.
    pub fn trials(&self) -> (usize, usize) {
        let all = self.candidates.iter().flat_map(|candidate| &candidate.valid);
        (all.clone().count(), all.filter(|score| score.is_some()).count())
    }

    /// What it waits for; nothing is certified where there is no test split.
    pub fn work(&self, objective: Objective, has_test: bool) -> PromotionWork {
        let pending = self.pending();
        if !pending.is_empty() {
            return PromotionWork::Train(pending);
        }
        if self.cause == Cause::Cycle && has_test {
            let uncertified = |place: &usize| self.candidates[*place].certificate.is_none();
            if let Some(place) = self.chosen(objective).into_iter().find(uncertified) {
                return PromotionWork::Certify(place);
            }
        }
        PromotionWork::Conclude
    }

    /// Takes note of what a trial's net has right of the validation split.
    pub fn trained(&mut self, plan: &TrialPlan, score: Score) {
        for candidate in self.candidates.iter_mut().filter(|c| c.arch == plan.arch) {
            if let Some(place) = candidate.valid.get_mut(plan.seed as usize) {
                *place = Some(score);
            }
        }
    }

    /// Has a trial taken again, whose net is lost.
    pub fn retrain(&mut self, plan: &TrialPlan) {
        for candidate in self.candidates.iter_mut().filter(|c| c.arch == plan.arch) {
            if let Some(place) = candidate.valid.get_mut(plan.seed as usize) {
                *place = None;
            }
        }
    }

    /// Takes note of what the candidate of this place had right of the test split.
    pub fn certified(&mut self, place: usize, certificate: &Certificate) {
        let arch = self.candidates[place].arch.clone();
        for candidate in self.candidates.iter_mut().filter(|c| c.arch == arch) {
            candidate.certificate = Some(certificate.clone());
        }
    }

    /// The place of each arm's best candidate by validation, the policy's first. An arm without
    /// candidates, or with one that is not trained, has none.
    pub fn chosen(&self, objective: Objective) -> Vec<usize> {
        [Arm::Derive, Arm::Random]
            .into_iter()
            .filter_map(|arm| self.best_of(arm, objective))
            .collect()
    }

    /// The place of the best candidate of `arm` by validation: among equals the first.
    pub fn best_of(&self, arm: Arm, objective: Objective) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (place, candidate) in self.candidates.iter().enumerate().filter(|(_, c)| c.arm == arm) {
            let reward = candidate.mean_reward(objective)?;
            if best.is_none_or(|(_, other)| other < reward) {
                best = Some((place, reward));
            }
        }
        best.map(|(place, _)| place)
    }

    /// The standard deviation of a reward between seeds, pooled over all candidates, with its
    /// degrees of freedom; nothing where each has one seed.
    pub fn seed_deviation(&self, objective: Objective) -> Option<(f64, usize)> {
        let (mut squares, mut freedom) = (0.0, 0);
        for rewards in self.candidates.iter().filter_map(|c| c.rewards(objective)) {
            let mean = mean(&rewards);
            squares += rewards.iter().map(|reward| (reward - mean).powi(2)).sum::<f64>();
            freedom += rewards.len() - 1;
        }
        (0 < freedom).then(|| ((squares / freedom as f64).sqrt(), freedom))
    }
}

#[cfg(test)]
mod tests {
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
            valid: vec![None; 2],
            certificate: None,
        });
        let candidates = candidates.collect();
        Promotion { cause: Cause::Cycle, cycle: 0, step: 9, recipe, candidates }
    }

    /// Trains all that is pending to the scores of `correct`, by candidate and seed, of 100.
    fn train(promotion: &mut Promotion, correct: impl Fn(&Arch, u32) -> u64) {
        while let Some(plan) = promotion.pending().into_iter().next() {
            let score = Score { nll: 1.0, correct: correct(&plan.arch, plan.seed), items: 100 };
            promotion.trained(&plan, score);
        }
    }

    #[test]
    fn an_architecture_of_both_arms_is_trained_once_and_first_nets_come_first() {
        let promotion = promotion();
        let pending = promotion.pending();
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
}
