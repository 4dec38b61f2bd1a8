//! What the status says of how the search learns: what the policy has learnt, how much of a reward is
//! noise, and what to do where something stands in the way.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::RankCorrelationStatus;
use crate::search::{
    Comparison, Diagnosis, EstimatorKind, Objective, PolicyConfig, Search, SearchConfig,
    StrategyKind, Verdict,
};
use crate::telemetry::{IntervalNumbers, Metrics};

/// Where less than this share of the range of its entropy is left, a policy is at its bound. This
/// and the limits below are those of alerts, too.
const AT_BOUND: f64 = 0.05;

/// Where less than this share of a reward's variance is the architectures', it is mostly noise: θ
/// needs more than three times the rollouts that it would need without.
const MOSTLY_NOISE: f64 = 0.3;

/// Where the ceiling of τ is surely below this, more than a quarter of the pairs of architectures
/// change their order from one retraining to the next.
const ALIKE: f64 = 0.5;

/// The interval of τ is wide with fewer architectures, whatever they are worth.
const ALIKE_ARCHS: u64 = 20;

/// What the last derivation told of how the search learns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct DiagnosisStatus {
    /// What the policy has learnt.
    pub learnt: LearntStatus,
    /// The share of the variance of one reward, among what the policy draws, that is the
    /// architectures' and not that of the images of the batch, 0 to 1.
    pub reward_reliability: Option<f64>,
    /// What stands in the way of the search at the moment, and what to do, a sentence each; empty
    /// where nothing does.
    pub advice: Vec<String>,
}

/// The policy's draws against those of the policy at its start, with the shared weights as they were
/// at the last derivation, on one validation batch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LearntStatus {
    /// Difference of mean rewards, in units of the objective.
    pub mean: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// The verdict in a few words.
    pub verdict: String,
    /// The verdict in a sentence, with the reason where nothing is measured yet.
    pub sentence: String,
}

impl DiagnosisStatus {
    /// Follows what `search` says, where this share of the range of its policy's entropy is left and
    /// retrained scores agree so far.
    pub(super) fn follow(
        &mut self,
        search: &Search,
        entropy_left: Option<f64>,
        ranks: &RankCorrelationStatus,
    ) {
        let (found, config) = (search.diagnosis(), &search.task().config);
        let why = why_unmeasured(config);
        self.learnt = LearntStatus::of(&found, why);
        self.reward_reliability = found.reliability;
        self.advice = advice(config, (entropy_left, found.reliability, ranks));
    }

    /// Shows it in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        let LearntStatus { mean, low, high, .. } = self.learnt;
        let [mean, low, high] = [mean, low, high].map(|number| number.unwrap_or(f64::NAN));
        metrics.learnt(IntervalNumbers { mean, low, high });
        metrics.reward_reliability(self.reward_reliability.unwrap_or(f64::NAN));
    }
}

impl LearntStatus {
    /// The published form of what was found; `why` it is not measured, where it is not.
    pub(super) fn of(found: &Diagnosis, why: &str) -> Self {
        let verdict = found.verdict();
        let sentence = verdict.sentence(Comparison::Learnt);
        Self {
            mean: found.learnt.map(|interval| interval.mean),
            low: found.learnt.map(|interval| interval.low),
            high: found.learnt.map(|interval| interval.high),
            verdict: verdict.name(Comparison::Learnt).to_owned(),
            sentence: match verdict {
                Verdict::NotMeasured => format!("{sentence}: {why}"),
                _ => sentence.to_owned(),
            },
        }
    }
}

/// Why nobody knows what the policy has learnt, where nobody does.
fn why_unmeasured(config: &SearchConfig) -> &'static str {
    if config.score.estimator == EstimatorKind::StandAlone {
        return "there are none, each child is trained from scratch";
    }
    match (config.policy.strategy, config.derive.samples) {
        (StrategyKind::Random, _) => "`policy.strategy` is \"random\", which learns nothing",
        (StrategyKind::Evolution, _) => {
            "`policy.strategy` is \"evolution\", which has a population and no policy"
        }
        (_, 0 | 1) => "one draw says nothing of others, set `derive.samples` to 2 or more",
        _ => "no cycle has ended",
    }
}

/// What stands in the way, and what to do: of the share of the range of its entropy that a policy has
/// left, of the reliability of a reward, and of how far retrained scores agree.
fn advice(
    config: &SearchConfig,
    (entropy_left, reliability, ranks): (Option<f64>, Option<f64>, &RankCorrelationStatus),
) -> Vec<String> {
    let settled = entropy_left.filter(|left| *left < AT_BOUND);
    let noisy = reliability.filter(|share| *share < MOSTLY_NOISE);
    let alike = ranks.ceiling.filter(|[_, _, high]| *high < ALIKE && ALIKE_ARCHS <= ranks.archs);
    let found = [
        settled.map(|left| of_settled(left, &config.policy)),
        noisy.map(|share| of_noise(share, config.score.reward)),
        alike.map(|ceiling| of_alike(ceiling, ranks.archs, config.score.reward)),
    ];
    found.into_iter().flatten().collect()
}

/// Of a policy whose logits are bounded for good, or not.
fn of_settled(left: f64, policy: &PolicyConfig) -> String {
    let left = whole_percent(left);
    let explore =
        "to have it try more, raise `policy.entropy_weight` or set `policy.entropy_target`";
    if policy.tanh_constant == 0.0 || 0 < policy.bound_epochs {
        return format!(
            "the policy has settled, {left} of the range of its entropy is left: {explore}, in a new \
             state folder"
        );
    }
    format!(
        "the policy has settled as far as its bounds let it, {left} of the range of its entropy is \
         left: to let it settle further, raise `policy.tanh_constant`, set it to 0, or let the bounds go \
         with `policy.bound_epochs`; {explore}; both in a new state folder"
    )
}

fn of_noise(share: f64, reward: Objective) -> String {
    let other = match reward {
        Objective::Accuracy => ", or set `score.reward` to \"neg-log-nll\"",
        Objective::NegLogNll => "",
        Objective::Perplexity => " or `schedule.bptt`",
    };
    let items = if reward.is_of_words() { "words'" } else { "images'" };
    format!(
        "a reward is mostly noise, {} of its variance is the architectures' and the rest is the \
         {items}: raise `schedule.valid_batch_size`{other}, in a new state folder",
        whole_percent(share)
    )
}

fn of_alike([mean, _, high]: [f64; 3], archs: u64, reward: Objective) -> String {
    let other = match reward {
        Objective::Accuracy => {
            ", or in a new state folder set `score.reward` to \"neg-log-nll\", which tells more of \
             as many images"
        }
        Objective::NegLogNll | Objective::Perplexity => "",
    };
    format!(
        "architectures cannot be told apart once retrained, τ of two retrainings is {mean:.2}, at \
         most {high:.2}, over {archs} architectures: raise `final.epochs`, `final.channels` or \
         `final.seeds`{other}; `enasd study` measures what helps"
    )
}

/// A share as people read one that is known roughly.
fn whole_percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
