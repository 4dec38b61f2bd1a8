//! Retraining that somebody asks for: it waits for its turn behind what is under way, is trained
//! with the configured recipe, measured, and never certified.

use crate::search::{Arm, Candidate, Cause, FinalConfig, Finals, Promotion, Score, Search};
use crate::space::Arch;

/// Promotions that may wait. Each takes as long as all of its trainings: who asks for more is to
/// know that it takes a while.
pub const MAX_WAITING: usize = 16;

/// Why a promotion that was asked for does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unqueued {
    /// As many wait as may.
    #[error("{MAX_WAITING} architectures wait to be retrained already; ask again when one is done")]
    Full,
    /// It waits, or is under way, already.
    #[error("it is asked for already, and is number {place} of those that are retrained")]
    Known {
        /// Its place, counted from 1, with the promotion under way.
        place: usize,
    },
}

impl Finals {
    /// Whether `arch` may be asked for.
    pub fn may_ask(&self, arch: &Arch) -> Result<(), Unqueued> {
        let id = arch.id();
        let asks = |promotion: &&Promotion| {
            promotion.cause == Cause::Request
                && promotion.candidates.iter().any(|candidate| candidate.arch.id() == id)
        };
        let mut all = self.under_way.iter().chain(&self.waiting);
        if let Some(place) = all.position(|promotion| asks(&promotion)) {
            return Err(Unqueued::Known { place: place + 1 });
        }
        if MAX_WAITING <= self.waiting.len() {
            return Err(Unqueued::Full);
        }
        Ok(())
    }

    /// Has a promotion that was asked for wait for its turn, and says its place: counted from 1,
    /// with the one under way.
    fn wait(&mut self, promotion: Promotion) -> usize {
        self.waiting.push(promotion);
        usize::from(self.under_way.is_some()) + self.waiting.len()
    }
}

impl Search {
    /// Has an architecture wait to be retrained that has `shared` right of the validation split
    /// with the shared weights. Says its place among those that are retrained, counted from 1.
    pub fn ask_to_retrain(&mut self, arch: Arch, shared: Score) -> Result<usize, Unqueued> {
        self.finals().may_ask(&arch)?;
        let config = &self.task().config;
        let recipe = FinalConfig { first: 0, ..config.finals };
        let cycle = self.place().cycle(&config.schedule);
        let (cause, step, arm) = (Cause::Request, self.number(), Arm::Injected);
        let candidates = vec![Candidate::unscored(arch, arm, shared, &recipe)];
        Ok(self.finals_mut().wait(Promotion { cause, cycle, step, recipe, candidates }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Dataset;
    use crate::engine::CpuExec;
    use crate::net::{Input, NetConfig, Shape, family};
    use crate::search::{PromotionWork, SearchConfig, Task};
    use crate::space::{Space, SpaceConfig};

    fn search() -> Search {
        let config = SearchConfig {
            space: SpaceConfig { nodes: 2, ..SpaceConfig::default() },
            net: NetConfig { channels: 2, ..NetConfig::default() },
            finals: FinalConfig { seeds: 3, ..FinalConfig::default() },
            ..SearchConfig::default()
        };
        let dataset = Dataset::load(&config.data, config.seed).unwrap();
        let task = Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap();
        let state = Search::initial_state(&task).unwrap();
        Search::new(task, &state).unwrap()
    }

    /// An architecture of two nodes, another one for each number below 25.
    fn arch(space: Space, number: u32) -> Arch {
        let mut choices = vec![0; space.script().options().count()];
        // The first node reads both inputs; the second reads it, so that they cannot swap.
        (choices[1], choices[4]) = (1, 2);
        (choices[2], choices[3]) = (number % 5, number / 5);
        space.arch(&choices).unwrap()
    }

    const SHARED: Score = Score { nll: 1.0, correct: 5, items: 10 };

    #[test]
    fn what_is_asked_for_waits_in_its_order_and_is_trained_with_every_seed() {
        let mut search = search();
        let space = search.task().space;
        assert_eq!(search.ask_to_retrain(arch(space, 0), SHARED), Ok(1));
        assert_eq!(search.ask_to_retrain(arch(space, 1), SHARED), Ok(2));
        let again = search.ask_to_retrain(arch(space, 1), SHARED);
        assert_eq!(again, Err(Unqueued::Known { place: 2 }));
        let Some(PromotionWork::Train(plans)) = search.promotion_work() else {
            panic!("three nets are to be trained")
        };
        let asked: Vec<_> = plans.iter().map(|plan| (plan.arch.clone(), plan.seed)).collect();
        assert_eq!(asked, [0, 1, 2].map(|seed| (arch(space, 0), seed)));
        // The first is under way now, and counts.
        let first = search.ask_to_retrain(arch(space, 0), SHARED);
        assert_eq!(first, Err(Unqueued::Known { place: 1 }));
        assert_eq!(search.ask_to_retrain(arch(space, 2), SHARED), Ok(3));
        for plan in plans {
            search.finals_mut().under_way.as_mut().unwrap().trained(&plan, SHARED);
        }
        assert_eq!(search.promotion_work(), Some(PromotionWork::Conclude), "nothing is certified");
    }

    #[test]
    fn no_more_wait_than_may() {
        let mut search = search();
        let space = search.task().space;
        for number in 0..MAX_WAITING as u32 {
            let place = search.ask_to_retrain(arch(space, number), SHARED);
            assert_eq!(place, Ok(number as usize + 1));
        }
        let one_more = arch(space, MAX_WAITING as u32);
        assert_eq!(search.ask_to_retrain(one_more.clone(), SHARED), Err(Unqueued::Full));
        // One that begins makes room.
        assert!(search.promotion_work().is_some());
        assert_eq!(search.ask_to_retrain(one_more, SHARED), Ok(MAX_WAITING + 1));
    }

    // enas-spec, section 9.1.
    #[test]
    fn the_published_cell_is_retrained_as_the_net_that_was_published() {
        let recipe = FinalConfig { layers: 15, channels: 36, ..FinalConfig::default() };
        let arch = Space::each()[0].rules().published().unwrap();
        let shape = Shape { channels: 3, height: 32, width: 32 };
        let input = Input::Image { shape, classes: 10 };
        let net = family(arch.space(), &recipe.net(), input).unwrap().standalone(&arch).unwrap();
        assert_eq!(net.cost().params, 3_894_372);
    }
}
