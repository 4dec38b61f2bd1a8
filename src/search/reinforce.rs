//! REINFORCE with a moving-average baseline.
//!
//! ENAS (Pham et al., 2018, section 2.2) maximizes `J(θ) = E_{m ~ π(m; θ)} [R(m, ω)]` by the
//! score-function estimator (Williams, 1992):
//!
//! ```text
//! ∇J ≈ 1/M Σ_m (R(m, ω) − b) ∇log π(m; θ) + β ∇H(π) − λ ∇KL
//! ```
//!
//! With `policy.phase_updates` θ learns from the rollouts of a phase again, `phase_rollouts.rs`.
//! With `policy.entropy_target` the term β·H gives way to −β/2·(H − target)².
//! KL holds the links of macro architectures near a rate, `bounds.rs` (section 2.3). One update is
//! one step of Adam on the mean over M rollouts. H of a rollout is the sum of the true entropies of
//! the distributions that it went through.
//!
//! Departures from the authors' code: they add β·H to the reward, where it acts without a gradient
//! of its own; here it is a term of the loss. `baseline.rs` has those of the baseline. They clip no
//! gradients; here their norm is. A settled policy stands on steep edges: gradients are below 10⁻³
//! for thousands of updates, in which Adam forgets larger ones, and then one of 0.1 throws θ to
//! where it draws almost uniformly and hardly learns.

use crate::numbers::{deviation, mean};
use crate::search::adam::{Adam, AdamConfig};
use crate::search::phase_rollouts::advantages;
use crate::search::strategy::mean_reward;
use crate::search::theta::Layout;
use crate::search::walk::WalkOutcome;
use crate::search::{
    Baseline, LearnReport, PhaseRollout, Policy, PolicyConfig, PolicyStep, Scored,
};
use crate::search::{SearchError, Strategy, StrategyState, UpdateReport};
use crate::space::{Choice, Script};

/// The owner of θ: a policy and what trains it.
#[derive(Clone, Debug)]
pub struct Reinforce {
    script: Script,
    policy: Policy,
    optimizer: Adam,
    baseline: Baseline,
    clip_norm: f64,
    /// β.
    entropy_weight: f64,
    /// The entropy that the policy is held at, in nats.
    entropy_target: Option<f64>,
    /// Whether the advantages of an update are standardized.
    standardize: bool,
    /// λ.
    skip_weight: f64,
    /// Updates at the end of a phase that learn from all of it.
    phase_updates: u64,
    /// The rollouts of the phase by step, where there are such updates.
    phase: Vec<Vec<PhaseRollout>>,
}

impl Reinforce {
    /// A fresh policy for the space with this `script`; θ is a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, script: Script, seed: u64) -> Self {
        let layout = Layout::new(config.hidden, &script);
        let policy = Policy::new(config, &script, seed);
        let optimizer = Adam::new(adam_config(config), &layout);
        Self::with(config, script, policy, (optimizer, None, Vec::new()))
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let layout = Layout::new(config.hidden, &script);
        let policy = Policy::from_snapshot(config, &script, &state.policy, state.policy_version)?;
        let optimizer = Adam::from_state(adam_config(config), &layout, &state.optimizer)?;
        for rollout in state.rollouts.iter().flatten() {
            script.check(rollout.arch.choices())?;
        }
        Ok(Self::with(config, script, policy, (optimizer, state.baseline, state.rollouts.clone())))
    }

    fn with(
        config: &PolicyConfig,
        script: Script,
        policy: Policy,
        (optimizer, baseline, phase): (Adam, Option<f64>, Vec<Vec<PhaseRollout>>),
    ) -> Self {
        let PolicyConfig { clip_norm, entropy_weight, standardize, .. } = *config;
        let baseline = Baseline::new(config.baseline_decay, baseline);
        let largest: f64 = script.options().map(|options| (options as f64).ln()).sum();
        let entropy_target =
            (0.0 < config.entropy_target).then_some(config.entropy_target * largest);
        Self {
            script,
            policy,
            optimizer,
            baseline,
            clip_norm,
            entropy_weight,
            entropy_target,
            standardize,
            skip_weight: config.skip_weight,
            phase_updates: config.phase_updates,
            phase,
        }
    }

    /// Refuses rollouts of another θ: their gradient would be off-policy.
    fn check_versions(&self, scored: &[Scored]) -> Result<(), SearchError> {
        let current = self.policy.version();
        let mut versions = scored.iter().map(|s| s.sampled.rollout.policy_version);
        match versions.find(|&version| version != current) {
            Some(drawn_by) => Err(SearchError::StaleRollout { drawn_by, current }),
            None => Ok(()),
        }
    }

    /// One update from the rollouts of a step, all drawn by θ as it is.
    fn learn_step(&mut self, scored: &[Scored], epoch: u64) -> Result<LearnReport, SearchError> {
        let mean_reward = mean_reward(scored)?;
        self.check_versions(scored)?;
        let choices: Vec<&[Choice]> =
            scored.iter().map(|s| &s.sampled.rollout.choices[..]).collect();
        let baseline = &mut self.baseline;
        let mut advantages: Vec<f64> =
            scored.iter().map(|s| baseline.advantage(s.reward)).collect();
        if self.standardize {
            standardize(&mut advantages);
        }
        let entropies: Vec<f64> = scored.iter().map(|s| s.sampled.rollout.entropy).collect();
        let weights = self.weights(&advantages, &entropies);
        let (grad_norm, outcomes) = self.update(&choices, &weights, epoch)?;
        let entropies = outcomes.iter().map(|outcome| outcome.entropy);
        let mean_entropy = entropies.sum::<f64>() / outcomes.len() as f64;
        let update = UpdateReport {
            baseline: self.baseline.mean().unwrap_or(mean_reward),
            mean_advantage: advantages.iter().sum::<f64>() / advantages.len() as f64,
            grad_norm,
        };
        Ok(LearnReport { mean_reward, mean_entropy, updates: 1, update: Some(update) })
    }

    /// The updates from all rollouts of a phase, which are then forgotten.
    fn learn_phase(&mut self, epoch: u64) -> Result<(), SearchError> {
        let phase = std::mem::take(&mut self.phase);
        let mut advantages = advantages(&phase);
        if self.standardize {
            standardize(&mut advantages);
        }
        let rollouts: Vec<&PhaseRollout> = phase.iter().flatten().collect();
        let choices: Vec<&[Choice]> = rollouts.iter().map(|r| r.arch.choices()).collect();
        for _ in 0..self.phase_updates {
            let now = self.policy.outcomes(&self.script, &choices, epoch)?;
            let entropies: Vec<f64> = now.iter().map(|outcome| outcome.entropy).collect();
            let weights: Vec<WalkOutcome> = self
                .weights(&advantages, &entropies)
                .into_iter()
                .zip(rollouts.iter().zip(&now))
                .map(|(weight, (rollout, now))| weight.scaled(rollout.importance(now.log_prob)))
                .collect();
            self.update(&choices, &weights, epoch)?;
        }
        Ok(())
    }

    /// What the loss of rollouts with these advantages and entropies makes of each.
    fn weights(&self, advantages: &[f64], entropies: &[f64]) -> Vec<WalkOutcome> {
        // The slope of β/2·(target − H)² where there is a target.
        let distance = self.entropy_target.map_or(1.0, |target| target - mean(entropies));
        weights(advantages, self.entropy_weight * distance, self.skip_weight)
    }

    /// One step of Adam along the clipped gradient of a loss; its norm before that, and what the
    /// rollouts were by θ before it.
    fn update(
        &mut self,
        choices: &[&[Choice]],
        weights: &[WalkOutcome],
        epoch: u64,
    ) -> Result<(f64, Vec<WalkOutcome>), SearchError> {
        let (mut grad, outcomes) = self.policy.gradient(&self.script, choices, weights, epoch)?;
        let norm = grad.norm();
        if !norm.is_finite() {
            let version = self.policy.version();
            return Err(SearchError::NonFiniteGradient { version, norm });
        }
        grad.clip(norm, self.clip_norm);
        self.policy.update(|theta| self.optimizer.step(theta, &grad));
        Ok((norm, outcomes))
    }
}

impl Strategy for Reinforce {
    fn policy(&self) -> Option<&Policy> {
        Some(&self.policy)
    }

    fn learn(&mut self, scored: &[Scored], step: PolicyStep) -> Result<LearnReport, SearchError> {
        // A copy learns, so that an error in any of the updates leaves this one as it was.
        let mut learner = self.clone();
        let mut report = learner.learn_step(scored, step.epoch)?;
        if 0 < learner.phase_updates {
            learner.phase.push(scored.iter().map(PhaseRollout::new).collect());
            if step.left == 0 {
                learner.learn_phase(step.epoch)?;
                report.updates += learner.phase_updates;
            }
        }
        *self = learner;
        Ok(report)
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState {
            policy_version: self.policy.version(),
            baseline: self.baseline.mean(),
            policy: self.policy.snapshot()?,
            optimizer: self.optimizer.state()?,
            rollouts: self.phase.clone(),
        })
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
mod tests;
