//! What every strategy that trains a policy by gradients has: θ, its optimizer and its baseline.

use std::sync::Arc;

use crate::numbers::{deviation, mean};
use crate::search::adam::{Adam, AdamConfig};
use crate::search::strategy::mean_reward;
use crate::search::theta::Layout;
use crate::search::walk::WalkOutcome;
use crate::search::{
    Baseline, Policy, PolicyConfig, Scored, SearchError, StrategyState, UpdateReport,
};
use crate::space::{Arch, Choice, Script};

/// The owner of θ.
#[derive(Clone, Debug)]
pub(super) struct PolicyLearner {
    /// Whoever draws may hold it, too, as it was.
    pub(super) policy: Arc<Policy>,
    optimizer: Adam,
    pub(super) baseline: Baseline,
    clip_norm: f64,
    /// β.
    entropy_weight: f64,
    /// The entropy that the policy is held at, as a share of the largest.
    entropy_target: Option<f64>,
    /// Whether the advantages of an update are standardized.
    standardize: bool,
    /// λ.
    skip_weight: f64,
}

/// What a step is learnt from, rollout by rollout.
pub(super) struct Taken<'a> {
    /// The script of all of them.
    pub(super) script: Script,
    pub(super) mean_reward: f64,
    pub(super) choices: Vec<&'a [Choice]>,
    /// R − b, standardized where it is wanted.
    pub(super) advantages: Vec<f64>,
    /// In nats, when they were drawn.
    pub(super) entropies: Vec<f64>,
}

impl PolicyLearner {
    /// A fresh policy for the space with this `script`; θ is a function of the run's `seed`.
    pub(super) fn new(config: &PolicyConfig, script: &Script, seed: u64) -> Self {
        let layout = Layout::new(config.hidden, script);
        let policy = Policy::new(config, script, seed);
        let optimizer = Adam::new(adam_config(config), &layout);
        Self::with(config, policy, (optimizer, None))
    }

    /// Goes on where `state` was taken.
    pub(super) fn from_state(
        config: &PolicyConfig,
        script: &Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let layout = Layout::new(config.hidden, script);
        let policy = Policy::from_snapshot(config, script, &state.policy, state.policy_version)?;
        let optimizer = Adam::from_state(adam_config(config), &layout, &state.optimizer)?;
        Ok(Self::with(config, policy, (optimizer, state.baseline)))
    }

    fn with(
        config: &PolicyConfig,
        policy: Policy,
        (optimizer, baseline): (Adam, Option<f64>),
    ) -> Self {
        let PolicyConfig { clip_norm, entropy_weight, standardize, .. } = *config;
        let baseline = Baseline::new(config.baseline_decay, baseline);
        let entropy_target = (0.0 < config.entropy_target).then_some(config.entropy_target);
        Self {
            policy: Arc::new(policy),
            optimizer,
            baseline,
            clip_norm,
            entropy_weight,
            entropy_target,
            standardize,
            skip_weight: config.skip_weight,
        }
    }

    /// What a step is learnt from, all of it drawn by `by`, or by θ as it is; moves the baseline.
    pub(super) fn take<'a>(
        &mut self,
        scored: &'a [Scored],
        by: Option<&Policy>,
    ) -> Result<Taken<'a>, SearchError> {
        let mean_reward = mean_reward(scored)?;
        check_versions(scored, by.unwrap_or(&self.policy))?;
        let baseline = &mut self.baseline;
        let advantages = scored.iter().map(|s| baseline.advantage(s.reward)).collect();
        Ok(Taken {
            script: script_of(scored.iter().map(|s| &s.sampled.arch)),
            mean_reward,
            choices: scored.iter().map(|s| &s.sampled.rollout.choices[..]).collect(),
            advantages: self.standardized(advantages),
            entropies: scored.iter().map(|s| s.sampled.rollout.entropy).collect(),
        })
    }

    /// What the first update from these taught.
    pub(super) fn report(&self, taken: &Taken<'_>, grad_norm: f64) -> UpdateReport {
        UpdateReport {
            baseline: self.baseline.mean().unwrap_or(taken.mean_reward),
            mean_advantage: mean(&taken.advantages),
            grad_norm,
        }
    }

    /// The same advantages, standardized where it is wanted.
    pub(super) fn standardized(&self, mut advantages: Vec<f64>) -> Vec<f64> {
        if self.standardize {
            standardize(&mut advantages);
        }
        advantages
    }

    /// What the loss of rollouts of `script` with these advantages and entropies makes of each.
    pub(super) fn weights(
        &self,
        script: &Script,
        advantages: &[f64],
        entropies: &[f64],
    ) -> Vec<WalkOutcome> {
        // The slope of β/2·(target − H)² where there is a target.
        let largest = || script.options().map(|options| (options as f64).ln()).sum::<f64>();
        let distance = |share: f64| share * largest() - mean(entropies);
        let distance = self.entropy_target.map_or(1.0, distance);
        weights(advantages, self.entropy_weight * distance, self.skip_weight)
    }

    /// What rollouts of `script` with these choices are by θ as it is.
    pub(super) fn outcomes(
        &self,
        script: &Script,
        choices: &[&[Choice]],
        epoch: u64,
    ) -> Result<Vec<WalkOutcome>, SearchError> {
        self.policy.outcomes(script, choices, epoch)
    }

    /// One step of Adam along the clipped gradient of a loss of these choices of a script, taken where
    /// `by` stands, or θ as it is; its norm before that, and what the rollouts were by that policy.
    pub(super) fn update(
        &mut self,
        (script, choices): (&Script, &[&[Choice]]),
        weights: &[WalkOutcome],
        epoch: u64,
        by: Option<&Policy>,
    ) -> Result<(f64, Vec<WalkOutcome>), SearchError> {
        let by = by.unwrap_or(&self.policy);
        let (mut grad, outcomes) = by.gradient(script, choices, weights, epoch)?;
        let norm = grad.norm();
        if !norm.is_finite() {
            let version = self.policy.version();
            return Err(SearchError::NonFiniteGradient { version, norm });
        }
        grad.clip(norm, self.clip_norm);
        let optimizer = &mut self.optimizer;
        Arc::make_mut(&mut self.policy).update(|theta| optimizer.step(theta, &grad));
        Ok((norm, outcomes))
    }

    /// Everything that a restart needs, but for rollouts.
    pub(super) fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState {
            policy_version: self.policy.version(),
            baseline: self.baseline.mean(),
            policy: self.policy.snapshot()?,
            optimizer: self.optimizer.state()?,
            rollouts: Vec::new(),
        })
    }
}

/// The script of `archs`, which all have one; that of none is empty.
pub(super) fn script_of<'a>(mut archs: impl Iterator<Item = &'a Arch>) -> Script {
    archs.next().map_or_else(|| Script(Vec::new()), |arch| arch.space().script())
}

/// Refuses rollouts of another θ than that of `by`: their gradient would be off-policy.
fn check_versions(scored: &[Scored], by: &Policy) -> Result<(), SearchError> {
    let mut versions = scored.iter().map(|s| s.sampled.rollout.policy_version);
    match versions.find(|&version| version != by.version()) {
        Some(drawn_by) => Err(SearchError::StaleRollout { drawn_by, current: by.version() }),
        None => Ok(()),
    }
}

fn adam_config(config: &PolicyConfig) -> AdamConfig {
    let PolicyConfig { learning_rate, beta1, beta2, epsilon, .. } = *config;
    AdamConfig { learning_rate, beta1, beta2, epsilon }
}

/// Advantages of mean 0 and deviation 1, of two or more that differ; else all 0.
fn standardize(advantages: &mut [f64]) {
    let mean = mean(advantages);
    let deviation = deviation(advantages).filter(|deviation| 0.0 < *deviation);
    for advantage in advantages {
        *advantage = deviation.map_or(0.0, |deviation| (*advantage - mean) / deviation);
    }
}

/// What the loss `1/M Σ −(R − b)·log π − β·H + λ·KL`, whose gradient is the estimator of −∇J,
/// makes of each rollout's log π, H and KL.
fn weights(advantages: &[f64], entropy_weight: f64, skip_weight: f64) -> Vec<WalkOutcome> {
    let share = -1.0 / advantages.len() as f64;
    let weight = |advantage: &f64| WalkOutcome {
        log_prob: share * advantage,
        entropy: share * entropy_weight,
        link_kl: -share * skip_weight,
    };
    advantages.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loss_is_the_mean_of_what_the_equation_says() {
        let outcome = |log_prob, entropy, link_kl| WalkOutcome { log_prob, entropy, link_kl };
        let weights = weights(&[0.5, -1.0], 0.1, 0.8);
        let terms = weights.iter().zip([outcome(-1.0, 3.0, 0.5), outcome(-2.0, 4.0, 0.25)]);
        let term = |(w, found): (&WalkOutcome, WalkOutcome)| {
            w.log_prob * found.log_prob + w.entropy * found.entropy + w.link_kl * found.link_kl
        };
        let loss: f64 = terms.map(term).sum();
        // (0.5·1 − 0.1·3 + 0.8·0.5 + −1·2 − 0.1·4 + 0.8·0.25) / 2
        assert!((loss + 0.8).abs() < 1e-15, "{loss}");
    }

    #[test]
    fn standardized_advantages_have_no_scale_and_equal_rewards_teach_nothing() {
        let of = |rewards: [f64; 3]| {
            let mut advantages = rewards.to_vec();
            standardize(&mut advantages);
            advantages
        };
        let (small, large) = (of([0.1, 0.2, 0.3]), of([1.0, 2.0, 3.0]));
        for (small, large) in small.iter().zip(&large) {
            assert!((small - large).abs() < 1e-12, "{small} and {large}");
        }
        assert!((deviation(&large).unwrap() - 1.0).abs() < 1e-12 && mean(&large).abs() < 1e-12);
        assert_eq!(of([0.5; 3]), [0.0; 3]);
    }
}
