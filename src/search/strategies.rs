//! The strategies that a search can be configured with.

use crate::search::{Random, Reinforce, SearchError, Strategy, StrategyKind, StrategyState, Task};

/// The configured strategy at the start of a search.
pub(super) fn initial(task: &Task) -> Box<dyn Strategy> {
    let config = &task.config.policy;
    match config.strategy {
        StrategyKind::Reinforce => {
            Box::new(Reinforce::new(config, task.space.script(), task.config.seed))
        }
        StrategyKind::Random => Box::new(Random),
    }
}

/// The configured strategy, going on where `state` was taken.
pub(super) fn from_state(
    task: &Task,
    state: &StrategyState,
) -> Result<Box<dyn Strategy>, SearchError> {
    let config = &task.config.policy;
    Ok(match config.strategy {
        StrategyKind::Reinforce => {
            Box::new(Reinforce::from_state(config, task.space.script(), state)?)
        }
        StrategyKind::Random => Box::new(Random),
    })
}
