//! A rollout with its reward in `search.json`.

use serde::{Deserialize, Serialize};

use crate::search::PhaseRollout;
use crate::space::{Arch, Space, SpaceError};

/// One rollout of the phase under way, or one member of a population.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseEntry {
    arch: String,
    log_prob: f64,
    reward: f64,
}

impl From<&PhaseRollout> for PhaseEntry {
    fn from(PhaseRollout { arch, log_prob, reward }: &PhaseRollout) -> Self {
        Self { arch: arch.to_string(), log_prob: *log_prob, reward: *reward }
    }
}

impl PhaseEntry {
    /// The rollout, of a search of `space`.
    pub(super) fn rollout(&self, space: Space) -> Result<PhaseRollout, SpaceError> {
        let Self { ref arch, log_prob, reward } = *self;
        Ok(PhaseRollout { arch: Arch::parse(space, arch)?, log_prob, reward })
    }
}
