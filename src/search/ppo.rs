//! Proximal policy optimization of the same policy (Schulman et al., 2017), by which NASNet's
//! controller is trained (Zoph et al., 2017, appendix).
//!
//! ```text
//! r(m)  = π(m; θ)/π(m; θ that drew m)
//! J(θ) ≈ 1/M Σ_m min(r·A, clip(r, 1 − ε, 1 + ε)·A) + β H(π) − λ KL       A = R(m) − b
//! ```
//!
//! Each step takes E updates from its M rollouts. The probability of a whole architecture is clipped,
//! not that of each decision: an architecture has one reward. Where the clipped term is the smaller
//! one its gradient is zero, else that of log π times r·A.
//!
//! The paper gives neither ε nor E: 0.2 and 4 are ours, as in Schulman et al.

use crate::search::policy_learner::PolicyLearner;
use crate::search::walk::WalkOutcome;
use crate::search::{
    Drawer, LearnReport, Policy, PolicyConfig, PolicyStep, Scored, SearchError, Strategy,
    StrategyState,
};
use crate::space::Script;

/// A policy that proximal policy optimization trains.
#[derive(Clone, Debug)]
pub struct Ppo {
    learner: PolicyLearner,
    /// ε.
    clip: f64,
    /// E.
    updates: u64,
}

impl Ppo {
    /// A fresh policy for the space with this `script`; θ is a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, script: Script, seed: u64) -> Self {
        let learner = PolicyLearner::new(config, &script, seed);
        Self { learner, clip: config.ppo_clip, updates: config.ppo_updates }
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let learner = PolicyLearner::from_state(config, &script, state)?;
        Ok(Self { learner, clip: config.ppo_clip, updates: config.ppo_updates })
    }

    fn learn_step(
        &mut self,
        scored: &[Scored],
        epoch: u64,
        by: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        let learner = &mut self.learner;
        let taken = learner.take(scored, by)?;
        let mut first = None;
        for number in 0..self.updates {
            let weights = if number == 0 && by.is_none() {
                // Before the first update every r is 1.
                learner.weights(&taken.script, &taken.advantages, &taken.entropies)
            } else {
                let now = learner.outcomes(&taken.script, &taken.choices, epoch)?;
                let entropies: Vec<f64> = now.iter().map(|outcome| outcome.entropy).collect();
                let mut weights = learner.weights(&taken.script, &taken.advantages, &entropies);
                let each = weights.iter_mut().zip(&taken.advantages).zip(scored.iter().zip(&now));
                for ((weight, advantage), (scored, now)) in each {
                    let ratio = (now.log_prob - scored.sampled.rollout.log_prob).exp();
                    *weight = clipped(*weight, *advantage, ratio, self.clip);
                }
                weights
            };
            let update = learner.update((&taken.script, &taken.choices), &weights, epoch, None)?;
            first.get_or_insert(update);
        }
        let (grad_norm, outcomes) = first.unwrap_or_default();
        let entropies = outcomes.iter().map(|outcome| outcome.entropy);
        let mean_entropy = entropies.sum::<f64>() / outcomes.len() as f64;
        let update = Some(learner.report(&taken, grad_norm));
        let (mean_reward, updates) = (taken.mean_reward, self.updates);
        Ok(LearnReport { mean_reward, mean_entropy, updates, update })
    }
}

/// The weight of a rollout whose r is `ratio`: none of log π where the clipped term is the smaller.
fn clipped(weight: WalkOutcome, advantage: f64, ratio: f64, clip: f64) -> WalkOutcome {
    let is_beyond = if 0.0 < advantage { 1.0 + clip < ratio } else { ratio < 1.0 - clip };
    let factor = if is_beyond { 0.0 } else { ratio };
    WalkOutcome { log_prob: factor * weight.log_prob, ..weight }
}

impl Strategy for Ppo {
    fn drawer(&self) -> Drawer {
        Drawer::Policy(self.learner.policy.clone())
    }

    fn learn_by(
        &mut self,
        scored: &[Scored],
        step: PolicyStep,
        by: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        // A copy learns, so that an error in any of the updates leaves this one as it was.
        let mut learner = self.clone();
        let report = learner.learn_step(scored, step.epoch, by)?;
        *self = learner;
        Ok(report)
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        self.learner.state()
    }
}

#[cfg(test)]
mod tests;
