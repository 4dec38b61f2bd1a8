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

use std::sync::Arc;

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
        Self { population: Population::empty(config).into() }
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: &Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let members = state.rollouts.iter().flatten().cloned().collect();
        Ok(Self { population: Population::of(config, script, members)?.into() })
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
        let report = LearnReport::without_update(scored)?;
        Arc::make_mut(&mut self.population).join(scored.iter().map(PhaseRollout::new));
        Ok(report)
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        let members = self.population.members().cloned().collect();
        Ok(StrategyState { rollouts: vec![members], ..StrategyState::default() })
    }
}

#[cfg(test)]
mod tests;
