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
    /// The rewards of its nets, by seed.
    pub rewards: Vec<f64>,
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
                    promotion.candidates[*place].mean_reward(objective).unwrap_or_default()
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
            let Some(rewards) = candidate.rewards(objective) else { continue };
            self.retrained.push(Retrained {
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
            None => image_deviation(&challenger.valid),
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
    Pair::new(promotion.cycle, [nets(policy), nets(random)], promotion.seed_deviation(objective))
}

/// The standard deviation of a share of so many images, from net to net.
fn image_deviation(valid: &[Score]) -> f64 {
    let (correct, items) =
        valid.iter().fold((0, 0), |sum, score| (sum.0 + score.correct, sum.1 + score.items));
    let share = correct as f64 / items.max(1) as f64;
    let images = items as f64 / valid.len().max(1) as f64;
    (share * (1.0 - share) / images.max(1.0)).sqrt()
}

fn keep_last<T>(list: &mut Vec<T>, most: usize) {
    let excess = list.len().saturating_sub(most);
    list.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Certificate;
    use crate::search::Candidate;

    const NORMAL: &str = "normal=[identity(0)+identity(1), identity(0)+identity(1)] ";

    fn arch(name: &str) -> Arch {
        format!("{NORMAL}reduction=[{name}(0)+identity(1), identity(0)+identity(1)]")
            .parse()
            .unwrap()
    }

    fn score(correct: u64) -> Score {
        Score { nll: 1.0, correct, items: 1000 }
    }

    /// A promotion of one candidate an arm, whose nets have so many of 1,000 images right.
    fn promotion(cycle: u64, policy: [u64; 2], random: [u64; 2]) -> Promotion {
        let recipe = FinalConfig { candidates: 1, seeds: 2, ..FinalConfig::default() };
        let candidate = |name, arm, correct: [u64; 2]| {
            let nets = correct.map(|correct| NetResult::new(1.0, &[800 < correct, true])).to_vec();
            Candidate {
                arch: arch(name),
                arm,
                shared: score(600),
                rungs: Vec::new(),
                valid: correct.map(|correct| Some(score(correct))).to_vec(),
                certificate: Some(Certificate { candidate: name.to_owned(), number: 1, nets }),
            }
        };
        let candidates = vec![
            candidate("sep_conv_3x3", Arm::Derive, policy),
            candidate("sep_conv_5x5", Arm::Random, random),
        ];
        Promotion { cause: Cause::Cycle, cycle, step: 9, recipe, candidates }
    }

    fn concluded(finals: &mut Finals, promotion: Promotion) -> Conclusion {
        finals.under_way = Some(promotion);
        let conclusion = finals.conclude(Objective::Accuracy).unwrap();
        assert_eq!(finals.under_way, None);
        conclusion
    }

    #[test]
    fn the_first_champion_is_the_best_by_validation_with_its_better_net() {
        let mut finals = Finals::default();
        let first = concluded(&mut finals, promotion(0, [850, 860], [900, 800]));
        assert_eq!((first.ruling, first.best), (Ruling::First, Some(0)));
        let champion = finals.champion.unwrap();
        assert_eq!((champion.seed, champion.arm), (1, Arm::Derive));
        assert_eq!(champion.tested(), champion.test.get(1));
        assert!((first.pair.unwrap().difference - 0.25).abs() < 1e-12);
        assert_eq!((finals.retrained.len(), finals.pairs.len()), (2, 1));
    }

    #[test]
    fn a_champion_gives_way_to_more_than_noise_alone() {
        let mut finals = Finals::default();
        concluded(&mut finals, promotion(0, [850, 860], [800, 800]));
        let same = concluded(&mut finals, promotion(1, [850, 860], [800, 810]));
        assert_eq!(same.ruling, Ruling::Same);
        // The deviation is pooled: 5/√2 and 0 of a thousand, with a degree of freedom each.
        let margin = 2.0 * 0.005;
        let stays = concluded(&mut finals, promotion(2, [860, 870], [800, 800])).ruling;
        let Ruling::Stays { by, margin: found } = stays else { panic!("{stays:?}") };
        assert!((by - 0.01).abs() < 1e-12 && (found - margin).abs() < 1e-9, "{by} {found}");
        let next = concluded(&mut finals, promotion(3, [862, 872], [800, 800])).ruling;
        assert!(matches!(next, Ruling::Replaces { .. }), "{next:?}");
        assert_eq!(finals.champion.unwrap().cycle, 3);
    }

    #[test]
    fn what_was_asked_for_is_measured_and_no_champion() {
        let mut finals = Finals::default();
        let asked = Promotion { cause: Cause::Request, ..promotion(0, [990, 990], [1, 1]) };
        let conclusion = concluded(&mut finals, asked);
        assert_eq!((conclusion.ruling, conclusion.pair), (Ruling::Measured, None));
        assert_eq!((finals.champion, finals.retrained.len()), (None, 2));
    }
}
