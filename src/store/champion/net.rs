//! The net of a champion, read back from its files.

use std::path::Path;
use std::sync::Arc;

use candle_core::DType;
use serde::de::DeserializeOwned;

use crate::data::Labels;
use crate::engine::{Executor, Snapshot, from_safetensors};
use crate::search::{Predictor, WordPredictor};
use crate::store::champion::card::ChampionCard;
use crate::store::champion::files::{CHAMPION_CARD, LABELS, portable};
use crate::store::champion::model::ModelCard;
use crate::store::form::read_form;
use crate::store::listed::Listed;
use crate::store::{CARD, PortableNet, StoreError, WEIGHTS};

/// A champion's net, ready to predict.
#[derive(Clone, Debug)]
pub struct ChampionNet {
    /// The canonical id of its architecture.
    pub id: String,
    /// Whether it was measured on the test split.
    pub is_certified: bool,
    /// Predicts by what it reads.
    pub predictor: NetPredictor,
}

/// What a champion's net does, by what it reads.
#[derive(Clone, Debug)]
pub enum NetPredictor {
    /// Classifies images.
    Images(Predictor),
    /// Predicts the words of a text.
    Words(WordPredictor),
}

impl ChampionNet {
    /// What classifies images, if the net does.
    pub fn of_images(&self) -> Result<&Predictor, StoreError> {
        match &self.predictor {
            NetPredictor::Images(predictor) => Ok(predictor),
            NetPredictor::Words(_) => Err(StoreError::ReadsWords { id: self.id.clone() }),
        }
    }

    /// What predicts words, if the net does.
    pub fn of_words(&self) -> Result<&WordPredictor, StoreError> {
        match &self.predictor {
            NetPredictor::Words(predictor) => Ok(predictor),
            NetPredictor::Images(_) => Err(StoreError::ReadsImages { id: self.id.clone() }),
        }
    }
}

/// The files of a champion that its net is made of.
struct Files {
    card: ChampionCard,
    model: ModelCard,
    labels: Labels,
    /// Parameters and running statistics.
    weights: Snapshot,
}

/// Opens the net of the champion whose files are in `folder`; `exec` runs it. All files are of one
/// writing of the folder.
pub fn open_champion(folder: &Path, exec: Arc<dyn Executor>) -> Result<ChampionNet, StoreError> {
    let Files { card, model, labels, weights } = read(folder)?;
    let net = model.net()?;
    let predictor = match labels {
        Labels::Images(labels) => {
            NetPredictor::Images(Predictor::new(net, &weights, labels, exec)?)
        }
        Labels::Words(labels) => {
            NetPredictor::Words(WordPredictor::new(net, &weights, &labels, exec)?)
        }
    };
    Ok(ChampionNet { id: model.id, is_certified: card.certificate != 0, predictor })
}

/// The net of the champion whose files are in `folder`, to be written in any format.
pub(in crate::store) fn champion_net(folder: &Path) -> Result<PortableNet, StoreError> {
    let Files { card, model, labels, weights } = read(folder)?;
    Ok(portable(model.net()?, [weights.clone(), weights], (&model, &card), labels))
}

/// The card of the champion whose files are in `folder`.
pub fn champion_card(folder: &Path) -> Result<ChampionCard, StoreError> {
    let card = (CHAMPION_CARD, ChampionCard::FORMAT);
    twice(|| json(folder, &Listed::open(folder)?, card))
}

/// Checks that the net of the champion whose files are in `folder` can be read from them.
pub fn check_champion(folder: &Path) -> Result<(), StoreError> {
    read(folder).map(drop)
}

fn read(folder: &Path) -> Result<Files, StoreError> {
    twice(|| read_once(folder))
}

/// Reads once more what was replaced between the reading of the hashes and of a file, or while it
/// had another name.
fn twice<T>(mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    match read() {
        Err(error) if error.is_lost() => read(),
        found => found,
    }
}

fn read_once(folder: &Path) -> Result<Files, StoreError> {
    let files = Listed::open(folder)?;
    Ok(Files {
        card: json(folder, &files, (CHAMPION_CARD, ChampionCard::FORMAT))?,
        model: json(folder, &files, (CARD, ModelCard::FORMAT))?,
        labels: json(folder, &files, (LABELS, Labels::FORMAT))?,
        weights: from_safetensors(&files.read(WEIGHTS)?, DType::F32)?,
    })
}

/// What a file of JSON says, whose latest form this program knows.
fn json<T: DeserializeOwned>(
    folder: &Path,
    files: &Listed,
    (name, expected): (&str, u32),
) -> Result<T, StoreError> {
    let bytes = files.read(name)?;
    read_form(name, &bytes, expected).map_err(|refusal| refusal.of(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Defect;

    /// What comes of a reading that is met by `first`, and then by nothing.
    fn read_after(first: StoreError) -> Result<&'static str, StoreError> {
        let mut first = Some(first);
        twice(|| first.take().map_or(Ok("read"), Err))
    }

    #[test]
    fn what_was_replaced_is_read_once_more_and_what_cannot_be_read_is_not() {
        let path = || "champions/m5-0".into();
        let why = Defect::Hash { name: "card.json".to_owned() };
        for error in
            [StoreError::NotFound { path: path() }, StoreError::Corrupt { path: path(), why }]
        {
            assert_eq!(read_after(error).unwrap(), "read");
        }
        let later = StoreError::Format { path: path(), found: 2, expected: 1 };
        assert!(read_after(later).is_err());
    }
}
