//! Random search: every decision is drawn uniformly, and nothing is learnt.
//!
//! It is the control that says whether a policy is worth anything: random search with the same shared
//! weights is a strong baseline (Li & Talwalkar, 2019).

use crate::search::{
    Drawer, LearnReport, Policy, PolicyStep, Scored, SearchError, Strategy, StrategyState,
};

/// Random search as a strategy.
#[derive(Clone, Copy, Debug)]
pub struct RandomSearch;

impl Strategy for RandomSearch {
    fn drawer(&self) -> Drawer {
        Drawer::Uniform
    }

    fn learn_by(
        &mut self,
        scored: &[Scored],
        _: PolicyStep,
        _: Option<&Policy>,
    ) -> Result<LearnReport, SearchError> {
        LearnReport::without_update(scored)
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, generator};
    use crate::search::Random;
    use crate::space::{MicroSpace, Space};

    #[test]
    fn a_reward_that_is_not_finite_is_refused_with_its_place() {
        let (mut arm, step) = (RandomSearch, PolicyStep { epoch: 0, left: 1 });
        let space = Space::Micro(MicroSpace::new(2).unwrap());
        let rng = &mut generator(1, Owner::Uniform, 0);
        let rollout = Random::sample(&space.script(), 1, rng).remove(0);
        let scored = |reward| Scored::with_reward(space, rollout.clone(), reward);
        let err = arm.learn(&[scored(0.5), scored(f64::NAN)], step).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
        assert!(matches!(arm.learn(&[], step), Err(SearchError::NoRollouts)));
        let report = arm.learn(&[scored(0.25), scored(0.75)], step).unwrap();
        assert!((report.mean_reward - 0.5).abs() < 1e-15, "{report:?}");
    }
}
