//! What is known of an architecture by its id.
//!
//! An id names all spellings of an architecture, and is shown as the one that it spells itself.
//! Shared weights belong to places in a spelling: those of one of the best are taken as it was
//! drawn, for that is what its score was measured with.

use crate::actors::{BestStatus, WeightsReply};
use crate::api::routes::State;
use crate::api::turns::Turn;
use crate::api::wire::ScoredArch;
use crate::api::{Problem, ProblemCode};
use crate::space::{Arch, Form, Space, SpaceConfig, SpaceError};
use crate::store::{ArchCard, BestFolder, CARD, HistoryReader, StoreError, WEIGHTS};

/// The architecture that somebody gives as `text`, and the form of the text: forms of the space that
/// is searched are tried first. One that is given by its id is taken as it was drawn.
pub(super) async fn given(state: &State, text: &str) -> Result<(Arch, &'static str), Problem> {
    let kind = state.status().space.parse()?;
    let space = Space::new(&SpaceConfig { kind, ..SpaceConfig::default() })?;
    let (arch, form) = Arch::parse_named(space, text)?;
    let arch = if form == Form::ID { Known::find(state, &arch.id()).await?.drawn } else { arch };
    Ok((arch, form))
}

/// An architecture by its id.
pub(super) struct Known {
    /// As the id spells it.
    pub(super) arch: Arch,
    /// As it was drawn, where it is one of the best; else as the id spells it.
    pub(super) drawn: Arch,
    /// Its score, if it is one of the best.
    pub(super) best: Option<BestStatus>,
    /// Its rewards, if it was scored.
    pub(super) scored: Option<ScoredArch>,
}

impl Known {
    pub(super) async fn find(state: &State, id: &str) -> Result<Self, Problem> {
        let canonical: Arch = id.parse().map_err(|err: SpaceError| {
            let hint = "`enasctl list` lists ids; POST /v1/score takes any text form";
            Problem::new(ProblemCode::UnknownArch, err.to_string(), hint)
        })?;
        let id = canonical.id();
        let best = state.status().best.iter().find(|best| best.id == id).cloned();
        let path = state.config.history.clone();
        let scored = state.read(move || Ok(HistoryReader::open(&path)?.arch(&id)?)).await?;
        let scored = scored.map(ScoredArch::from);
        let drawn = best.as_ref().and_then(|best| best.arch.parse().ok());
        let drawn = drawn.unwrap_or_else(|| canonical.clone());
        Ok(Self { arch: canonical, drawn, best, scored })
    }

    /// The weights kept with one of the best; none if they are not those of the score that it has.
    pub(super) async fn kept_weights(
        &self,
        state: &State,
        turn: &Turn,
    ) -> Result<Option<WeightsReply>, Problem> {
        let Some(best) = self.best.clone() else { return Ok(None) };
        let folder = state.config.best.clone();
        state
            .read_in(turn, move || {
                let found = match weights(&folder, &best) {
                    // Replaced between the reading of its hash and of the file.
                    Err(StoreError::Corrupt { .. }) => weights(&folder, &best),
                    found => found,
                };
                match found {
                    Err(StoreError::NotFound { .. }) => Ok(None),
                    found => Ok(found?),
                }
            })
            .await
    }
}

fn weights(folder: &BestFolder, best: &BestStatus) -> Result<Option<WeightsReply>, StoreError> {
    let card: ArchCard = serde_json::from_slice(&folder.read(&best.id, CARD)?)?;
    let scored = (card.correct, card.items, card.cycle);
    if scored != (best.score.correct, best.score.items, best.cycle) {
        return Ok(None);
    }
    let bytes = folder.read(&best.id, WEIGHTS)?;
    // Not if the architecture was replaced between the two.
    let again: ArchCard = serde_json::from_slice(&folder.read(&best.id, CARD)?)?;
    Ok((again == card).then_some(WeightsReply { bytes, step: card.step }))
}
