//! REINFORCE with a moving-average baseline.
//!
//! ENAS (Pham et al., 2018, section 2.2) maximizes `J(θ) = E_{m ~ π(m; θ)} [R(m, ω)]` by the
//! score-function estimator (Williams, 1992):
//!
//! ```text
//! ∇J ≈ 1/M Σ_m (R(m, ω) − b) ∇log π(m; θ) + β ∇H(π) − λ ∇KL
//! ```
//!
//! Rollouts of an earlier θ, from which replicas learn (NAS, Zoph and Le, 2016, section 3.2), count with
//! the gradient where that θ stands, as parameter servers apply it; the baseline is that of now.
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

use crate::search::phase_rollouts::advantages;
use crate::search::policy_learner::{PolicyLearner, script_of};
use crate::search::walk::WalkOutcome;
use crate::search::{
    Drawer, LearnReport, PhaseRollout, Policy, PolicyConfig, PolicyStep, Scored, SearchError,
    Strategy, StrategyState,
};
use crate::space::{Choice, Script};

/// A policy and what trains it.
#[derive(Clone, Debug)]
pub struct Reinforce {
    learner: PolicyLearner,
    /// Updates at the end of a phase that learn from all of it.
    phase_updates: u64,
    /// The rollouts of the phase by step, where there are such updates.
    phase: Vec<Vec<PhaseRollout>>,
}

impl Reinforce {
    /// A fresh policy for the space with this `script`; θ is a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, script: Script, seed: u64) -> Self {
        let learner = PolicyLearner::new(config, &script, seed);
        Self { learner, phase_updates: config.phase_updates, phase: Vec::new() }
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let learner = PolicyLearner::from_state(config, &script, state)?;
        for rollout in state.rollouts.iter().flatten() {
            script.check(rollout.arch.choices())?;
        }
        let phase = state.rollouts.clone();
        Ok(Self { learner, phase_updates: config.phase_updates, phase })
    }

    /// One update from the rollouts of a step, all drawn by `by`, or by θ as it is.
    fn learn_step(
        &mut self,
        scored: &[Scored],
        epoch: u64,
        by: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        let learner = &mut self.learner;
        let taken = learner.take(scored, by)?;
        let weights = learner.weights(&taken.script, &taken.advantages, &taken.entropies);
        let (grad_norm, outcomes) =
            learner.update((&taken.script, &taken.choices), &weights, epoch, by)?;
        let entropies = outcomes.iter().map(|outcome| outcome.entropy);
        let mean_entropy = entropies.sum::<f64>() / outcomes.len() as f64;
        let update = Some(learner.report(&taken, grad_norm));
        Ok(LearnReport { mean_reward: taken.mean_reward, mean_entropy, updates: 1, update })
    }

    /// The updates from all rollouts of a phase, which are then forgotten.
    fn learn_phase(&mut self, epoch: u64) -> Result<(), SearchError> {
        let phase = std::mem::take(&mut self.phase);
        let advantages = self.learner.standardized(advantages(&phase));
        let rollouts: Vec<&PhaseRollout> = phase.iter().flatten().collect();
        let script = script_of(rollouts.iter().map(|r| &r.arch));
        let choices: Vec<&[Choice]> = rollouts.iter().map(|r| r.arch.choices()).collect();
        for _ in 0..self.phase_updates {
            let now = self.learner.outcomes(&script, &choices, epoch)?;
            let entropies: Vec<f64> = now.iter().map(|outcome| outcome.entropy).collect();
            let weights: Vec<WalkOutcome> = self
                .learner
                .weights(&script, &advantages, &entropies)
                .into_iter()
                .zip(rollouts.iter().zip(&now))
                .map(|(weight, (rollout, now))| weight.scaled(rollout.importance(now.log_prob)))
                .collect();
            self.learner.update((&script, &choices), &weights, epoch, None)?;
        }
        Ok(())
    }
}

impl Strategy for Reinforce {
    fn drawer(&self) -> Drawer {
        Drawer::Policy(self.learner.policy.clone())
    }

    fn learn_by(
        &mut self,
        scored: &[Scored],
        step: PolicyStep,
        by: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        if self.phase_updates == 0 {
            // Only the baseline moves before the one update that may fail.
            let baseline = self.learner.baseline;
            return self
                .learn_step(scored, step.epoch, by)
                .inspect_err(|_| self.learner.baseline = baseline);
        }
        // A copy learns, so that an error in any of the updates leaves this one as it was.
        let mut learner = self.clone();
        let mut report = learner.learn_step(scored, step.epoch, by)?;
        learner.phase.push(scored.iter().map(PhaseRollout::new).collect());
        if step.left == 0 {
            learner.learn_phase(step.epoch)?;
            report.updates += learner.phase_updates;
        }
        *self = learner;
        Ok(report)
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState { rollouts: self.phase.clone(), ..self.learner.state()? })
    }
}

#[cfg(test)]
mod tests;
