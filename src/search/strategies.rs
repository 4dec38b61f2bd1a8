//! The strategies that a search can be configured with.

use crate::search::{
    Evolution, Ppo, RandomSearch, Reinforce, SearchError, Strategy, StrategyKind, StrategyState,
    Task,
};

/// The configured strategy at the start of a search.
pub(super) fn initial(task: &Task) -> Box<dyn Strategy> {
    let (config, seed) = (&task.config.policy, task.config.seed);
    match config.strategy {
        StrategyKind::Reinforce => Box::new(Reinforce::new(config, task.space.script(), seed)),
        StrategyKind::Ppo => Box::new(Ppo::new(config, task.space.script(), seed)),
        StrategyKind::Evolution => Box::new(Evolution::new(config)),
        StrategyKind::Random => Box::new(RandomSearch),
    }
}

/// The configured strategy, going on where `state` was taken.
pub(super) fn from_state(
    task: &Task,
    state: &StrategyState,
) -> Result<Box<dyn Strategy>, SearchError> {
    let (config, script) = (&task.config.policy, task.space.script());
    Ok(match config.strategy {
        StrategyKind::Reinforce => Box::new(Reinforce::from_state(config, script, state)?),
        StrategyKind::Ppo => Box::new(Ppo::from_state(config, script, state)?),
        StrategyKind::Evolution => Box::new(Evolution::from_state(config, &script, state)?),
        StrategyKind::Random => Box::new(RandomSearch),
    })
}
