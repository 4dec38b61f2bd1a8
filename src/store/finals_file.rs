//! `promotion.json`: what came of promotions, those that wait, and the one under way.
//!
//! Checkpoints have it from format 3 on. Architectures are in their native text form, recipes are
//! the settings of `[final]`, and what is no number is null.

use serde::{Deserialize, Serialize};

use crate::data::{Certificate, NetResult};
use crate::search::{
    Arm, Candidate, Cause, Champion, FinalConfig, Finals, Pair, Promotion, Retrained, Rival, Score,
};
use crate::space::Arch;
use crate::store::recipe::recipe;
use crate::store::score_entry::{ScoreEntry, number};

/// The content of `promotion.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FinalsFile {
    under_way: Option<PromotionEntry>,
    waiting: Vec<PromotionEntry>,
    /// Absent before there were samples.
    #[serde(default)]
    sample: Option<PromotionEntry>,
    champion: Option<ChampionEntry>,
    retrained: Vec<RetrainedEntry>,
    pairs: Vec<PairEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PromotionEntry {
    cause: Cause,
    cycle: u64,
    step: u64,
    #[serde(deserialize_with = "recipe")]
    recipe: FinalConfig,
    candidates: Vec<CandidateEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CandidateEntry {
    arch: String,
    arm: Arm,
    shared: ScoreEntry,
    /// By rung and seed, of all rungs but the last; absent before there was halving.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rungs: Vec<Vec<Option<ScoreEntry>>>,
    /// By seed; none where it is not trained.
    valid: Vec<Option<ScoreEntry>>,
    certificate: Option<Certificate>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChampionEntry {
    arch: String,
    arm: Arm,
    cycle: u64,
    step: u64,
    #[serde(deserialize_with = "recipe")]
    recipe: FinalConfig,
    shared: ScoreEntry,
    valid: Vec<ScoreEntry>,
    test: Vec<NetResult>,
    certificate: u64,
    seed: u32,
    rival: Option<RivalEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RivalEntry {
    arch: String,
    arm: Arm,
    shared: ScoreEntry,
    valid: Vec<ScoreEntry>,
    test: Vec<NetResult>,
    pair: Option<PairEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetrainedEntry {
    id: String,
    arm: Arm,
    cycle: u64,
    shared: Option<f64>,
    rewards: Vec<Option<f64>>,
    /// Absent before there was halving, when all were trained to the end.
    #[serde(default)]
    epochs: u64,
    /// Absent where the nets had the epochs of the first rung.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<(u64, Option<f64>)>,
    #[serde(default = "to_the_end")]
    is_whole: bool,
}

const fn to_the_end() -> bool {
    true
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairEntry {
    cycle: u64,
    difference: Option<f64>,
    error: Option<f64>,
    freedom: usize,
}

impl FinalsFile {
    pub(super) fn new(finals: &Finals) -> Self {
        let Finals { under_way, waiting, sample, champion, retrained, pairs } = finals;
        Self {
            under_way: under_way.as_ref().map(PromotionEntry::new),
            waiting: waiting.iter().map(PromotionEntry::new).collect(),
            sample: sample.as_ref().map(PromotionEntry::new),
            champion: champion.as_ref().map(ChampionEntry::new),
            retrained: retrained.iter().map(RetrainedEntry::new).collect(),
            pairs: pairs.iter().map(PairEntry::new).collect(),
        }
    }

    /// What is written there, or what of it makes no sense.
    pub(super) fn finals(self) -> Result<Finals, String> {
        let under_way = self.under_way.map(|entry| entry.promotion("the promotion under way"));
        let waiting = self.waiting.into_iter();
        let waiting = waiting.map(|entry| entry.promotion("a promotion that waits"));
        let sample = self.sample.map(|entry| entry.promotion("the sample"));
        Ok(Finals {
            under_way: under_way.transpose()?,
            sample: sample.transpose()?,
            waiting: waiting.collect::<Result<_, _>>()?,
            champion: self.champion.map(ChampionEntry::champion).transpose()?,
            retrained: self.retrained.into_iter().map(RetrainedEntry::retrained).collect(),
            pairs: self.pairs.into_iter().map(PairEntry::pair).collect(),
        })
    }
}

impl PromotionEntry {
    fn new(promotion: &Promotion) -> Self {
        let &Promotion { cause, cycle, step, recipe, ref candidates } = promotion;
        let candidates = candidates.iter().map(CandidateEntry::new).collect();
        Self { cause, cycle, step, recipe, candidates }
    }

    /// `which` says in errors which promotion it is.
    fn promotion(self, which: &str) -> Result<Promotion, String> {
        let Self { cause, cycle, step, recipe, candidates } = self;
        if candidates.is_empty() {
            return Err(format!("{which} has no candidates"));
        }
        let candidates = candidates.into_iter().map(|entry| entry.candidate(which, &recipe));
        let candidates = candidates.collect::<Result<_, _>>()?;
        Ok(Promotion { cause, cycle, step, recipe, candidates })
    }
}

impl CandidateEntry {
    fn new(candidate: &Candidate) -> Self {
        let entries = |scores: &Vec<Option<Score>>| {
            scores.iter().map(|score| score.map(ScoreEntry::from)).collect()
        };
        Self {
            arch: candidate.arch.to_string(),
            arm: candidate.arm,
            shared: candidate.shared.into(),
            rungs: candidate.rungs.iter().map(entries).collect(),
            valid: entries(&candidate.valid),
            certificate: candidate.certificate.clone(),
        }
    }

    fn candidate(self, which: &str, recipe: &FinalConfig) -> Result<Candidate, String> {
        let Self { arch, arm, shared, rungs, valid, certificate } = self;
        let found: Vec<usize> = rungs.iter().chain([&valid]).map(Vec::len).collect();
        let expected: Vec<usize> = recipe.rungs().iter().map(|rung| rung.seeds).collect();
        if found != expected {
            return Err(format!(
                "the candidate `{arch}` of {which} has places for {found:?} scores, its recipe has \
                 {expected:?} seeds"
            ));
        }
        let scores = |entries: Vec<Option<ScoreEntry>>| {
            entries.into_iter().map(|score| score.map(Score::from)).collect()
        };
        Ok(Candidate {
            arch: read_arch(&arch, &format!("the candidate `{arch}` of {which}"))?,
            arm,
            shared: shared.into(),
            rungs: rungs.into_iter().map(scores).collect(),
            valid: scores(valid),
            certificate,
        })
    }
}

impl ChampionEntry {
    fn new(champion: &Champion) -> Self {
        Self {
            arch: champion.arch.to_string(),
            arm: champion.arm,
            cycle: champion.cycle,
            step: champion.step,
            recipe: champion.recipe,
            shared: champion.shared.into(),
            valid: champion.valid.iter().copied().map(ScoreEntry::from).collect(),
            test: champion.test.clone(),
            certificate: champion.certificate,
            seed: champion.seed,
            rival: champion.rival.as_ref().map(RivalEntry::new),
        }
    }

    fn champion(self) -> Result<Champion, String> {
        let of = format!("the champion `{}`", self.arch);
        if self.valid.len() <= self.seed as usize {
            return Err(format!("{of} has no net of seed {}", self.seed));
        }
        Ok(Champion {
            arch: read_arch(&self.arch, &of)?,
            arm: self.arm,
            cycle: self.cycle,
            step: self.step,
            recipe: self.recipe,
            shared: self.shared.into(),
            valid: self.valid.into_iter().map(Score::from).collect(),
            test: self.test,
            certificate: self.certificate,
            seed: self.seed,
            rival: self.rival.map(|entry| entry.rival(&of)).transpose()?,
        })
    }
}

impl RivalEntry {
    fn new(rival: &Rival) -> Self {
        Self {
            arch: rival.arch.to_string(),
            arm: rival.arm,
            shared: rival.shared.into(),
            valid: rival.valid.iter().copied().map(ScoreEntry::from).collect(),
            test: rival.test.clone(),
            pair: rival.pair.as_ref().map(PairEntry::new),
        }
    }

    /// `champion` says in errors whose rival it is.
    fn rival(self, champion: &str) -> Result<Rival, String> {
        let Self { arch, arm, shared, valid, test, pair } = self;
        Ok(Rival {
            arch: read_arch(&arch, &format!("the rival `{arch}` of {champion}"))?,
            arm,
            shared: shared.into(),
            valid: valid.into_iter().map(Score::from).collect(),
            test,
            pair: pair.map(PairEntry::pair),
        })
    }
}

impl RetrainedEntry {
    fn new(retrained: &Retrained) -> Self {
        Self {
            id: retrained.id.clone(),
            arm: retrained.arm,
            cycle: retrained.cycle,
            shared: number(retrained.shared),
            rewards: retrained.rewards.iter().copied().map(number).collect(),
            epochs: retrained.epochs,
            first: retrained.first.map(|(epochs, reward)| (epochs, number(reward))),
            is_whole: retrained.is_whole,
        }
    }

    fn retrained(self) -> Retrained {
        let Self { id, arm, cycle, shared, rewards, epochs, first, is_whole } = self;
        let shared = shared.unwrap_or(f64::NAN);
        let rewards = rewards.into_iter().map(|reward| reward.unwrap_or(f64::NAN)).collect();
        let first = first.map(|(epochs, reward)| (epochs, reward.unwrap_or(f64::NAN)));
        Retrained { id, arm, cycle, shared, rewards, epochs, first, is_whole }
    }
}

impl PairEntry {
    fn new(&Pair { cycle, difference, error, freedom }: &Pair) -> Self {
        Self { cycle, difference: number(difference), error: error.and_then(number), freedom }
    }

    fn pair(self) -> Pair {
        let Self { cycle, difference, error, freedom } = self;
        Pair { cycle, difference: difference.unwrap_or(f64::NAN), error, freedom }
    }
}

fn read_arch(text: &str, of: &str) -> Result<Arch, String> {
    text.parse().map_err(|error| format!("{of}: {error}"))
}

#[cfg(test)]
mod tests;
