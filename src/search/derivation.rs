//! The derivation at the end of a cycle: the best of many draws by their shared scores and by the
//! forecast, and what is to be retrained of them.

use std::collections::BTreeSet;

use crate::numbers::mean;
use crate::search::rank_correlation::tau;
use crate::search::steps::row;
use crate::search::strata::of_each_stratum;
use crate::search::{
    Arm, BestArch, BestChange, Candidate, Cause, Diagnosis, Features, FinalConfig, Forecast,
    Outcome, Promotion, Retrained, SCORED_AGAIN, Sampled, Scored, Search, StepRecord,
};
use crate::space::Arch;

/// What a derivation found in one arm: those drawn, with their scores on one batch, and the best
/// of them with those on the whole validation split.
#[derive(Clone, Debug, Default)]
pub struct Derived {
    /// All that were drawn.
    pub drawn: Vec<Scored>,
    /// The shortlist, scored on the whole split.
    pub shortlisted: Vec<Scored>,
    /// The first of the drawn on another batch.
    pub again: Vec<Scored>,
    /// Some from the worst on the batch to the best, where a stratified sample is taken.
    pub sampled: Vec<Scored>,
}

impl Search {
    /// Which of the drawn architectures go to the whole validation split, each once: the best on the
    /// batch and, with a [`forecast`](Self::forecast), as many of the others whose forecast is best.
    pub fn shortlist(&self, drawn: &[Scored], forecast: Option<&Forecast>) -> Vec<Sampled> {
        let mut taken = BTreeSet::new();
        let mut best = |worth: &dyn Fn(&Scored) -> f64| -> Vec<Sampled> {
            let mut order: Vec<(f64, &Scored)> = drawn.iter().map(|s| (worth(s), s)).collect();
            // Stable: among equals the one drawn first.
            order.sort_by(|a, b| b.0.total_cmp(&a.0));
            let others = order.into_iter().map(|(_, scored)| &scored.sampled);
            let others = others.filter(|sampled| taken.insert(sampled.arch.id()));
            others.take(self.task.config.derive.rerank).cloned().collect()
        };
        let mut shortlist = best(&|scored| scored.reward);
        if let Some(forecast) = forecast {
            let all = mean(&drawn.iter().map(|scored| scored.reward).collect::<Vec<_>>());
            shortlist.extend(best(&|scored| self.forecast_of(forecast, scored, all)));
        }
        shortlist
    }

    /// How many a shortlist of so many different architectures has.
    pub fn shortlist_len(&self, drawn: usize, forecast: Option<&Forecast>) -> usize {
        let lists = 1 + usize::from(forecast.is_some());
        (lists * self.task.config.derive.rerank).min(drawn)
    }

    /// Which of the architectures that `arm` drew are scored on another batch: some of the policy's.
    pub fn again(&self, arm: Arm, drawn: &[Scored]) -> Vec<Sampled> {
        let count = if arm == Arm::Derive { SCORED_AGAIN } else { 0 };
        drawn.iter().take(count).map(|scored| scored.sampled.clone()).collect()
    }

    /// Which of the architectures that `arm` drew are retrained beside the search: some from the
    /// worst on the batch to the best, of uniform draws alone. Nothing where an earlier sample is
    /// not over.
    pub fn sample(&self, arm: Arm, drawn: &[Scored]) -> Vec<Sampled> {
        if arm != Arm::Random || self.finals.sample.is_some() {
            return Vec::new();
        }
        let sample = of_each_stratum(drawn, self.task.config.finals.sample);
        sample.into_iter().map(|scored| scored.sampled.clone()).collect()
    }

    /// Offers the shortlisted architectures, scored on the whole split, to the best, as the step that
    /// the schedule has. With what was derived from uniform draws, a promotion begins.
    pub fn finish_derive(
        &mut self,
        policy: Derived,
        uniform: Option<Derived>,
        at_start: &[Scored],
    ) -> StepRecord {
        self.diagnosis = Diagnosis::of(&policy.drawn, at_start, &policy.again);
        if let Some(uniform) = uniform {
            self.finals.under_way = self.promotion([&policy, &uniform]);
            let sample = uniform.sampled.iter();
            // All of them to the end: they are to differ.
            let recipe = FinalConfig { first: 0, ..self.task.config.finals };
            let sample = sample.map(|scored| Candidate::new(Arm::Random, scored, &recipe));
            let sample = self.promotion_of(Cause::Sample, recipe, sample.collect());
            self.finals.sample = self.finals.sample.take().or(sample);
        }
        let change = self.offer(policy.shortlisted);
        let rows = policy.drawn.into_iter();
        let rows = rows.map(|s| row(Arm::Derive, s.sampled, Some(s.reward))).collect();
        self.finish(rows, Outcome::Derive(change))
    }

    /// The promotion of the best of both arms, as the configuration has it.
    fn promotion(&self, [policy, uniform]: [&Derived; 2]) -> Option<Promotion> {
        let recipe = self.task.config.finals;
        let (forecast, schedule) = (self.forecast(), &self.task.config.schedule);
        let arms = [(Arm::Derive, policy), (Arm::Random, uniform)];
        let mut candidates = Vec::new();
        for (arm, derived) in arms {
            // Scores of one ω are compared.
            let alike = |other| schedule.has_own_omega(other) == schedule.has_own_omega(arm);
            let all = arms.iter().filter(|(other, _)| alike(*other));
            let all: Vec<f64> =
                all.flat_map(|(_, of)| &of.shortlisted).map(|scored| scored.reward).collect();
            let worth = |scored: &Scored| match &forecast {
                Some(forecast) => self.forecast_of(forecast, scored, mean(&all)),
                None => scored.reward,
            };
            let mut order: Vec<(f64, &Scored)> =
                derived.shortlisted.iter().map(|scored| (worth(scored), scored)).collect();
            // Stable: among equals the one that was better on the batch.
            order.sort_by(|a, b| b.0.total_cmp(&a.0));
            let best = order.into_iter().take(recipe.rungs()[0].archs);
            candidates.extend(best.map(|(_, scored)| Candidate::new(arm, scored, &recipe)));
        }
        self.promotion_of(Cause::Cycle, recipe, candidates)
    }

    /// What architectures will be worth, by all that were retrained here; none where shared scores
    /// alone have said it as well so far, and where it is not wanted.
    pub fn forecast(&self) -> Option<Forecast> {
        if !self.task.config.finals.forecast {
            return None;
        }
        let schedule = &self.task.config.schedule;
        let is_known = |one: &&Retrained| {
            [one.shared, one.mean(), one.at_first().1].into_iter().all(f64::is_finite)
        };
        let retrained: Vec<&Retrained> = self.finals.retrained.iter().filter(is_known).collect();
        let mean_of = |is_of: &dyn Fn(&Retrained) -> bool, value: fn(&Retrained) -> f64| {
            let of = retrained.iter().filter(|one| is_of(one)).map(|one| value(one));
            mean(&of.collect::<Vec<_>>())
        };
        let (mut known, mut points) = (Vec::new(), Vec::new());
        for one in &retrained {
            // An id that is a hash says nothing of what it stands for.
            let Ok(arch) = Arch::parse(self.task.space, &one.id) else { continue };
            // Scores of one ω are compared, and nets that were trained as long: those that went
            // further are by as much better than all others as they were at the first rung.
            let omega = |of: &Retrained| (of.cycle, schedule.has_own_omega(of.arm));
            let shared = one.shared - mean_of(&|other| omega(other) == omega(one), |r| r.shared);
            let begun_alike = |other: &Retrained| other.at_first().0 == one.at_first().0;
            let alike = |other: &Retrained| begun_alike(other) && other.epochs == one.epochs;
            let at_first = |one: &Retrained| one.at_first().1;
            let head_start = mean_of(&alike, at_first) - mean_of(&begun_alike, at_first);
            let worth = one.mean() - mean_of(&alike, Retrained::mean) + head_start;
            let features = Features::of(&arch, &self.task.budget, Some(shared)).ok()?;
            known.push((features, worth));
            points.push((shared, worth));
        }
        let of_shared = tau(&points).unwrap_or(0.0);
        Forecast::fit(&known).filter(|found| found.tau().is_some_and(|tau| of_shared < tau))
    }

    /// The forecast of an architecture whose shared score is one of those with the mean `all`.
    fn forecast_of(&self, forecast: &Forecast, scored: &Scored, all: f64) -> f64 {
        let (arch, shared) = (&scored.sampled.arch, Some(scored.reward - all));
        let features = Features::of(arch, &self.task.budget, shared);
        features.map_or(f64::MIN, |features| forecast.of(&features))
    }

    pub(super) fn promotion_of(
        &self,
        cause: Cause,
        recipe: FinalConfig,
        candidates: Vec<Candidate>,
    ) -> Option<Promotion> {
        let config = &self.task.config;
        let (cycle, step) = (self.place.cycle(&config.schedule), self.number());
        let promotion = Promotion { cause, cycle, step, recipe, candidates };
        (!promotion.candidates.is_empty()).then_some(promotion)
    }

    /// Offers shortlisted architectures, scored on the whole split, to the best: the search stands
    /// where it stood.
    pub fn offer(&mut self, shortlisted: Vec<Scored>) -> BestChange {
        let config = &self.task.config;
        let (cycle, step) = (self.place.cycle(&config.schedule), self.number());
        let candidates = shortlisted
            .into_iter()
            .map(|Scored { sampled: Sampled { arch, .. }, score, reward }| BestArch {
                arch,
                score,
                reward,
                cycle,
                step,
            })
            .collect();
        self.best.offer(candidates, config.derive.keep)
    }
}

#[cfg(test)]
mod tests;
