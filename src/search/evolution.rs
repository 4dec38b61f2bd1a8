//! Regularized evolution (Real et al., 2019, section 3): a population of the last P architectures
//! that were scored.
//!
//! ```text
//! the first P                    drawn uniformly
//! every other  S of the population at random ─► the best of them ─► one choice changed ─► scored
//!              it joins the population, and the oldest leaves
//! ```
//!
//! What leaves is the oldest and not the worst: an architecture stays by being found again, not by one
//! lucky score.
//!
//! Departures: all of a step's children have parents of the population as it was before the step, so
//! that they can be scored side by side; one a step is the paper's. A change is another option of one
//! choice of the script, each choice and each option alike; the paper changes the inputs and the
//! operations of NASNet cells, and lets some children be as their parents.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::numbers::mean;
use crate::search::strategy::mean_reward;
use crate::search::{
    Drawer, LearnReport, PhaseRollout, Policy, PolicyConfig, PolicyStep, Population, Scored,
    SearchError, Strategy, StrategyState,
};
use crate::space::Script;

/// Regularized evolution as a strategy.
#[derive(Clone, Debug)]
pub struct Evolution {
    population: Arc<Population>,
}

impl Evolution {
    /// An empty population.
    pub fn new(config: &PolicyConfig) -> Self {
        Self::with(config, VecDeque::new())
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: &Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let members: VecDeque<_> = state.rollouts.iter().flatten().cloned().collect();
        for member in &members {
            script.check(member.arch.choices())?;
        }
        Ok(Self::with(config, members))
    }

    fn with(config: &PolicyConfig, members: VecDeque<PhaseRollout>) -> Self {
        let population = Population::new(members, config.population, config.tournament);
        Self { population: Arc::new(population) }
    }
}

impl Strategy for Evolution {
    fn drawer(&self) -> Drawer {
        Drawer::Population(self.population.clone())
    }

    fn learn_by(
        &mut self,
        scored: &[Scored],
        _: PolicyStep,
        _: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        let mean_reward = mean_reward(scored)?;
        let entropies: Vec<f64> = scored.iter().map(|s| s.sampled.rollout.entropy).collect();
        Arc::make_mut(&mut self.population).join(scored.iter().map(PhaseRollout::new));
        Ok(LearnReport { mean_reward, mean_entropy: mean(&entropies), updates: 0, update: None })
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        let members = self.population.members().cloned().collect();
        Ok(StrategyState { rollouts: vec![members], ..StrategyState::default() })
    }
}

#[cfg(test)]
mod tests;
