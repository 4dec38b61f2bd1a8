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

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::data::{Certificate, NetResult};
use crate::numbers::mean;
use crate::search::{Arm, FinalConfig, Objective, Rung, Score, Scored, TrialPlan, TrialTask};
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
    /// What its nets had right of the validation split at the end of each rung but the last, by
    /// seed; empty without halving.
    pub rungs: Vec<Vec<Option<Score>>>,
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
        Self::unscored(scored.sampled.arch.clone(), arm, scored.score, recipe)
    }

    pub(super) fn unscored(arch: Arch, arm: Arm, shared: Score, recipe: &FinalConfig) -> Self {
        let mut rungs: Vec<_> = recipe.rungs().iter().map(|rung| vec![None; rung.seeds]).collect();
        let valid = rungs.pop().unwrap_or_default();
        Self { arch, arm, shared, rungs, valid, certificate: None }
    }

    /// What its nets had right at the end of the rung of this place, by seed.
    fn at(&self, rung: usize) -> &[Option<Score>] {
        self.rungs.get(rung).unwrap_or(&self.valid)
    }

    fn at_mut(&mut self, rung: usize) -> &mut [Option<Score>] {
        self.rungs.get_mut(rung).unwrap_or(&mut self.valid)
    }

    /// What the objective makes of each net's score at the end of a rung, by seed; nothing before
    /// all are measured.
    pub(super) fn rewards_at(&self, rung: usize, objective: Objective) -> Option<Vec<f64>> {
        self.at(rung).iter().map(|score| score.map(|score| objective.reward(score))).collect()
    }

    /// What its nets had right of the test split, by seed; empty where it is not certified.
    pub fn nets(&self) -> &[NetResult] {
        self.certificate.as_ref().map_or(&[], |certificate| &certificate.nets)
    }

    /// What the objective makes of each net's validation score, by seed; nothing before all are
    /// trained.
    pub fn rewards(&self, objective: Objective) -> Option<Vec<f64>> {
        self.rewards_at(self.rungs.len(), objective)
    }

    /// The last rung at whose end all of its nets were measured, and what the objective makes of
    /// their scores there.
    pub(super) fn last_rewards(&self, objective: Objective) -> Option<(usize, Vec<f64>)> {
        let rewards = |rung: usize| Some((rung, self.rewards_at(rung, objective)?));
        (0..=self.rungs.len()).rev().find_map(rewards)
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
    /// The trial of a candidate's net at a rung.
    fn plan(&self, candidate: &Candidate, rung: Rung, seed: usize) -> TrialPlan {
        let recipe = self.recipe.of_rung(rung);
        TrialPlan { arch: candidate.arch.clone(), seed: seed as u32, recipe }
    }

    /// The trials of the candidate of this place that go to the end, by seed.
    pub fn plans(&self, place: usize) -> impl Iterator<Item = TrialPlan> + '_ {
        self.all_plans(place).filter(|plan| plan.recipe.epochs == self.recipe.epochs)
    }

    /// The trials of the candidate of this place at every rung.
    pub fn all_plans(&self, place: usize) -> impl Iterator<Item = TrialPlan> + '_ {
        let candidate = &self.candidates[place];
        self.recipe
            .rungs()
            .into_iter()
            .flat_map(move |rung| (0..rung.seeds).map(move |seed| self.plan(candidate, rung, seed)))
    }

    /// What the candidate of this place is to the test split: its trials, as 32 hexadecimal
    /// digits.
    pub fn candidate_key(&self, task: &TrialTask, place: usize) -> String {
        let keys: Vec<String> = self.plans(place).map(|plan| task.key(&plan)).collect();
        blake3::hash(keys.join(" ").as_bytes()).to_hex()[..32].to_owned()
    }

    /// The trials of the rung under way that are not finished: every candidate's first net before
    /// its second.
    pub fn pending(&self, objective: Objective) -> Vec<TrialPlan> {
        let rungs = self.recipe.rungs().into_iter().enumerate();
        let mut of_rungs = rungs.map(|(number, rung)| self.pending_at(number, rung, objective));
        of_rungs.find(|pending| !pending.is_empty()).unwrap_or_default()
    }

    fn pending_at(&self, number: usize, rung: Rung, objective: Objective) -> Vec<TrialPlan> {
        let mut pending: Vec<TrialPlan> = Vec::new();
        let alive = self.alive(number, objective);
        for seed in 0..rung.seeds {
            for &place in &alive {
                let candidate = &self.candidates[place];
                if candidate.at(number)[seed].is_some() {
                    continue;
                }
                let plan = self.plan(candidate, rung, seed);
                // Both arms may have drawn it.
                if !pending.contains(&plan) {
                    pending.push(plan);
                }
            }
        }
        pending
    }

    /// The places of the candidates that are trained at the rung of this number: of each arm those
    /// with the best mean at the rung before, all at the first. An earlier rung that is not finished
    /// counts what it has.
    fn alive(&self, number: usize, objective: Objective) -> Vec<usize> {
        let rungs = self.recipe.rungs();
        let mut alive: Vec<usize> = (0..self.candidates.len()).collect();
        for (earlier, rung) in rungs[1..=number].iter().enumerate() {
            let reward = |place: &usize| {
                let rewards = self.candidates[*place].rewards_at(earlier, objective);
                rewards.map_or(f64::MIN, |rewards| mean(&rewards))
            };
            // Stable: among equals the one that came first.
            alive.sort_by(|a, b| reward(b).total_cmp(&reward(a)));
            let mut left: BTreeMap<Arm, usize> = BTreeMap::new();
            alive.retain(|&place| {
                let taken = left.entry(self.candidates[place].arm).or_default();
                *taken += 1;
                *taken <= rung.archs
            });
            alive.sort_unstable();
        }
        alive
    }

    /// How many candidates of all arms a rung trains.
    fn archs_at(&self, number: usize, rung: Rung) -> usize {
        let mut arms: BTreeMap<Arm, usize> = BTreeMap::new();
        self.candidates.iter().for_each(|c| *arms.entry(c.arm).or_default() += 1);
        arms.values().map(|&n| if number == 0 { n } else { n.min(rung.archs) }).sum()
    }

    /// How many trials there are to be, and how many are finished: a net that goes on counts at each
    /// rung.
    pub fn trials(&self) -> (usize, usize) {
        let rungs = self.recipe.rungs().into_iter().enumerate();
        let of = rungs.map(|(number, rung)| self.archs_at(number, rung) * rung.seeds).sum();
        let scores = |c: &Candidate| c.rungs.iter().chain([&c.valid]).flatten().flatten().count();
        (of, self.candidates.iter().map(scores).sum())
    }

    /// Epochs that all nets will have been trained for together, and those of finished trials: a net
    /// that goes on counts once.
    pub fn epochs(&self) -> (u64, u64) {
        let rungs = self.recipe.rungs();
        let (mut of, mut done) = (0, 0);
        for (number, rung) in rungs.iter().enumerate() {
            let before = number.checked_sub(1).map(|earlier| rungs[earlier]);
            let epochs = |seed: usize| {
                let had = before.filter(|before| seed < before.seeds);
                rung.epochs - had.map_or(0, |before| before.epochs)
            };
            let of_net: u64 = (0..rung.seeds).map(epochs).sum();
            of += self.archs_at(number, *rung) as u64 * of_net;
            for candidate in &self.candidates {
                let scores = candidate.at(number).iter().enumerate();
                done += scores
                    .filter(|(_, score)| score.is_some())
                    .map(|(s, _)| epochs(s))
                    .sum::<u64>();
            }
        }
        (of, done)
    }

    /// The rung under way, counted from 0, and how many there are.
    pub fn rung(&self, objective: Objective) -> (usize, usize) {
        let rungs = self.recipe.rungs();
        let pending =
            |number: &usize| !self.pending_at(*number, rungs[*number], objective).is_empty();
        ((0..rungs.len()).find(pending).unwrap_or(rungs.len() - 1), rungs.len())
    }

    /// What it waits for; nothing is certified where there is no test split.
    pub fn work(&self, objective: Objective, has_test: bool) -> PromotionWork {
        let pending = self.pending(objective);
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
        self.set(plan, Some(score));
    }

    /// Has a trial taken again, whose net is lost.
    pub fn retrain(&mut self, plan: &TrialPlan) {
        self.set(plan, None);
    }

    fn set(&mut self, plan: &TrialPlan, score: Option<Score>) {
        let is_of = |rung: &Rung| rung.epochs == plan.recipe.epochs;
        let Some(number) = self.recipe.rungs().iter().position(is_of) else { return };
        for candidate in self.candidates.iter_mut().filter(|c| c.arch == plan.arch) {
            if let Some(place) = candidate.at_mut(number).get_mut(plan.seed as usize) {
                *place = score;
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

    /// The place of the best candidate of `arm` by validation of those that are trained to the end:
    /// among equals the first.
    pub fn best_of(&self, arm: Arm, objective: Objective) -> Option<usize> {
        let mut best: Option<(usize, f64)> = None;
        let last = self.recipe.rungs().len() - 1;
        let alive = self.alive(last, objective).into_iter();
        for place in alive.filter(|&place| self.candidates[place].arm == arm) {
            let reward = self.candidates[place].mean_reward(objective)?;
            if best.is_none_or(|(_, other)| other < reward) {
                best = Some((place, reward));
            }
        }
        best.map(|(place, _)| place)
    }

    /// The standard deviation of a reward between seeds, pooled over all candidates, with its
    /// degrees of freedom; nothing where each has one seed.
    pub fn seed_deviation(&self, objective: Objective) -> Option<(f64, usize)> {
        self.deviation_between_seeds(|score| objective.reward(score))
    }

    /// The same of what `worth` makes of a validation score.
    pub(super) fn deviation_between_seeds(
        &self,
        worth: impl Fn(Score) -> f64,
    ) -> Option<(f64, usize)> {
        let (mut squares, mut freedom) = (0.0, 0);
        for candidate in &self.candidates {
            let scores: Option<Vec<Score>> = candidate.valid.iter().copied().collect();
            let worths: Vec<f64> = scores.unwrap_or_default().into_iter().map(&worth).collect();
            let mean = mean(&worths);
            squares += worths.iter().map(|worth| (worth - mean).powi(2)).sum::<f64>();
            freedom += worths.len().saturating_sub(1);
        }
        (0 < freedom).then(|| ((squares / freedom as f64).sqrt(), freedom))
    }
}

#[cfg(test)]
mod tests;
