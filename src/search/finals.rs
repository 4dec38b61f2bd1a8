//! What came of promotions: the champion, all that was retrained, and both arms against each
//! other.
//!
//! The champion in place gives way to the best of a promotion by validation only if that is better
//! by more than the noise between seeds: twice the standard error of the difference of two means
//! over seeds. The test split has no say in it.

use crate::data::NetResult;
use crate::numbers::mean;
use crate::search::{Arm, Cause, FinalConfig, Objective, Pair, Promotion, Score, TrialPlan};
use crate::space::Arch;

/// Retrained architectures that are looked back on: more would make every checkpoint large.
const MAX_RETRAINED: usize = 500;

/// Promotions whose arms are compared.
const MAX_PAIRS: usize = 200;

/// Standard errors by which a champion has to be better than the one in place.
const MARGIN: f64 = 2.0;

/// The outcome of the promotions so far, with the one under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finals {
    /// The promotion under way.
    pub under_way: Option<Promotion>,
    /// Those that were asked for and wait for their turn, oldest first.
    pub waiting: Vec<Promotion>,
    /// The stratified sample that is retrained beside the search.
    pub sample: Option<Promotion>,
    /// The best architecture so far, once retrained.
    pub champion: Option<Champion>,
    /// What was retrained, the oldest first: the last 500.
    pub retrained: Vec<Retrained>,
    /// The arms' choices in each promotion, the oldest first: the last 200.
    pub pairs: Vec<Pair>,
}

/// An architecture that was retrained and chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Champion {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// Who drew it.
    pub arm: Arm,
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived it.
    pub step: u64,
    /// How its nets were trained.
    pub recipe: FinalConfig,
    /// What it had right of the validation split with the shared weights.
    pub shared: Score,
    /// What each of its nets has right of the validation split, by seed.
    pub valid: Vec<Score>,
    /// The same of the test split; empty where there is none.
    pub test: Vec<NetResult>,
    /// Its place among all that were ever certified, counted from 1; 0 where it was not.
    pub certificate: u64,
    /// The seed whose net is handed out: the best by validation.
    pub seed: u32,
    /// The best candidate of the other arm in the same promotion.
    pub rival: Option<Rival>,
}

/// The best candidate of the arm that a champion does not come from: trained alike, and measured
/// on the same images.
#[derive(Clone, Debug, PartialEq)]
pub struct Rival {
    /// The architecture, as it was drawn.
    pub arch: Arch,
    /// Who drew it.
    pub arm: Arm,
    /// What it had right of the validation split with the shared weights.
    pub shared: Score,
    /// What each of its nets has right of the validation split, by seed.
    pub valid: Vec<Score>,
    /// The same of the test split; empty where there is none.
    pub test: Vec<NetResult>,
    /// The policy's choice against the uniform one, whichever of the two is the champion.
    pub pair: Option<Pair>,
}

/// What was measured of one architecture with shared weights and without.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrained {
    /// Its canonical id.
    pub id: String,
    /// Who drew it.
    pub arm: Arm,
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// The reward of its score with the shared weights.
    pub shared: f64,
    /// The rewards of its nets, by seed: at the last rung that it came to.
    pub rewards: Vec<f64>,
    /// Epochs that these nets had.
    pub epochs: u64,
    /// Where that was not the first rung: the epochs of the first, and the mean reward there.
    pub first: Option<(u64, f64)>,
    /// Whether they were trained to the end.
    pub is_whole: bool,
}

/// What a promotion led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling {
    /// Its best is the first champion.
    First,
    /// Its best replaces the champion.
    Replaces {
        /// The difference of their mean validation rewards.
        by: f64,
        /// What it had to be more than.
        margin: f64,
    },
    /// Its best is not better by more than the noise between seeds: the champion stays.
    Stays {
        /// The difference of their mean validation rewards.
        by: f64,
        /// What it had to be more than.
        margin: f64,
    },
    /// Its best is the champion, trained alike: nothing to compare.
    Same,
    /// It was asked for: measured, and no candidate for champion.
    Measured,
}

/// A promotion that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    /// The promotion.
    pub promotion: Promotion,
    /// The place of its best candidate by validation; none where it was asked for.
    pub best: Option<usize>,
    /// What it led to.
    pub ruling: Ruling,
    /// Both arms' choices against each other; none where nothing was certified.
    pub pair: Option<Pair>,
}

impl Retrained {
    /// The mean reward over seeds.
    pub fn mean(&self) -> f64 {
        mean(&self.rewards)
    }

    /// The epochs of the first rung, and the mean reward there.
    pub(super) fn at_first(&self) -> (u64, f64) {
        self.first.unwrap_or((self.epochs, self.mean()))
    }
}

impl Champion {
    /// What the objective makes of its nets' validation scores, by seed.
    pub fn rewards(&self, objective: Objective) -> Vec<f64> {
        self.valid.iter().map(|&score| objective.reward(score)).collect()
    }

    /// The trial whose net is handed out.
    pub fn plan(&self) -> TrialPlan {
        TrialPlan { arch: self.arch.clone(), seed: self.seed, recipe: self.recipe }
    }

    /// What the net that is handed out had right of the test split.
    pub fn tested(&self) -> Option<&NetResult> {
        self.test.get(self.seed as usize)
    }

    fn of(promotion: &Promotion, place: usize, objective: Objective) -> Option<Self> {
        let candidate = &promotion.candidates[place];
        let valid: Vec<Score> = candidate.valid.iter().copied().collect::<Option<_>>()?;
        let chosen = promotion.chosen(objective);
        let other = chosen.iter().find(|&&other| promotion.candidates[other].arm != candidate.arm);
        let rival = other.map(|&other| {
            let candidate = &promotion.candidates[other];
            Rival {
                arch: candidate.arch.clone(),
                arm: candidate.arm,
                shared: candidate.shared,
                valid: candidate.valid.iter().copied().flatten().collect(),
                test: candidate.nets().to_vec(),
                pair: pair(promotion, &chosen, objective),
            }
        });
        Some(Self {
            arch: candidate.arch.clone(),
            arm: candidate.arm,
            cycle: promotion.cycle,
            step: promotion.step,
            recipe: promotion.recipe,
            shared: candidate.shared,
            test: candidate.nets().to_vec(),
            certificate: candidate.certificate.as_ref().map_or(0, |found| found.number),
            valid,
            seed: candidate.best_seed(objective)? as u32,
            rival,
        })
    }
}

impl Finals {
    /// Whether a promotion is under way or waits.
    pub fn has_work(&self) -> bool {
        self.under_way.is_some() || !self.waiting.is_empty()
    }

    /// Every promotion that is not over: the one under way, those that wait, and the sample.
    pub fn all_promotions(&self) -> impl Iterator<Item = &Promotion> {
        self.under_way.iter().chain(&self.waiting).chain(&self.sample)
    }

    /// Concludes the promotion under way, all of whose trials are finished; nothing where there is
    /// none.
    pub fn conclude(&mut self, objective: Objective) -> Option<Conclusion> {
        let promotion = self.under_way.take()?;
        self.remember(&promotion, objective);
        let chosen = promotion.chosen(objective);
        let conclusion = match promotion.cause {
            Cause::Request | Cause::Sample => {
                Conclusion { promotion, best: None, ruling: Ruling::Measured, pair: None }
            }
            Cause::Cycle => {
                let pair = pair(&promotion, &chosen, objective);
                let reward = |place: &usize| {
                    let mean = promotion.candidates[*place].mean_reward(objective);
                    mean.unwrap_or(f64::NEG_INFINITY)
                };
                // Among equals the policy's, which comes first.
                let best = chosen.iter().copied().reduce(|best, other| {
                    if reward(&best) < reward(&other) { other } else { best }
                });
                let ruling =
                    best.map_or(Ruling::Measured, |best| self.rule(&promotion, best, objective));
                self.pairs.extend(pair);
                keep_last(&mut self.pairs, MAX_PAIRS);
                Conclusion { promotion, best, ruling, pair }
            }
        };
        Some(conclusion)
    }

    pub(super) fn remember(&mut self, promotion: &Promotion, objective: Objective) {
        for (place, candidate) in promotion.candidates.iter().enumerate() {
            // One that both arms drew is one.
            let earlier = &promotion.candidates[..place];
            if earlier.iter().any(|other| other.arch == candidate.arch) {
                continue;
            }
            let Some((rung, rewards)) = candidate.last_rewards(objective) else { continue };
            let rungs = promotion.recipe.rungs();
            let first = candidate.rewards_at(0, objective);
            let first = first.map(|rewards| (rungs[0].epochs, mean(&rewards)));
            self.retrained.push(Retrained {
                epochs: rungs[rung].epochs,
                first: (0 < rung).then_some(first).flatten(),
                is_whole: rung + 1 == rungs.len(),
                id: candidate.arch.id(),
                arm: candidate.arm,
                cycle: promotion.cycle,
                shared: objective.reward(candidate.shared),
                rewards,
            });
        }
        keep_last(&mut self.retrained, MAX_RETRAINED);
    }

    /// Decides whether the candidate of this place becomes the champion.
    fn rule(&mut self, promotion: &Promotion, place: usize, objective: Objective) -> Ruling {
        let Some(challenger) = Champion::of(promotion, place, objective) else {
            return Ruling::Measured;
        };
        let Some(champion) = &self.champion else {
            self.champion = Some(challenger);
            return Ruling::First;
        };
        if champion.arch == challenger.arch && champion.valid == challenger.valid {
            return Ruling::Same;
        }
        let (own, other) = (challenger.rewards(objective), champion.rewards(objective));
        let by = mean(&own) - mean(&other);
        let seeds = 1.0 / own.len() as f64 + 1.0 / other.len() as f64;
        let deviation = match promotion.seed_deviation(objective) {
            Some((deviation, _)) => deviation,
            // Of one seed no noise is known but that of the images.
            None => image_deviation(&challenger.valid, objective),
        };
        let margin = MARGIN * deviation * seeds.sqrt();
        if margin < by {
            self.champion = Some(challenger);
            Ruling::Replaces { by, margin }
        } else {
            Ruling::Stays { by, margin }
        }
    }
}

fn pair(promotion: &Promotion, chosen: &[usize], objective: Objective) -> Option<Pair> {
    let &[policy, random] = chosen else { return None };
    let nets = |place: usize| promotion.candidates[place].nets();
    let deviation = promotion.deviation_between_seeds(|score| objective.tested(score));
    Pair::new(promotion.cycle, [nets(policy), nets(random)], deviation)
}

/// The standard deviation of a reward on so many images, from net to net.
///
/// That of an accuracy is the one of a share. The other reward is a logarithm, so its noise is
/// relative: no image says how its loss scatters, and the loss is taken to scatter as the error rate
/// does, with which it falls: by the deviation of the share over the share that is wrong, of one
/// image at least. That of a perplexity is relative, too: the cross-entropy of a word is taken to
/// scatter by as much as it is on average.
fn image_deviation(valid: &[Score], objective: Objective) -> f64 {
    let (correct, items) =
        valid.iter().fold((0, 0), |sum, score| (sum.0 + score.correct, sum.1 + score.items));
    let share = correct as f64 / items.max(1) as f64;
    let images = items as f64 / valid.len().max(1) as f64;
    match objective {
        Objective::Accuracy => (share * (1.0 - share) / images.max(1.0)).sqrt(),
        Objective::NegLogNll => (share / (images * (1.0 - share)).max(1.0)).sqrt(),
        Objective::Perplexity => {
            let all: Score = valid.iter().copied().sum();
            objective.reward(all) * (all.nll / all.items.max(1) as f64) / images.max(1.0).sqrt()
        }
    }
}

fn keep_last<T>(list: &mut Vec<T>, most: usize) {
    let excess = list.len().saturating_sub(most);
    list.drain(..excess);
}

#[cfg(test)]
mod tests;
