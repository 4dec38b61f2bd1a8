//! The net of a champion, read back from its files.

use std::path::Path;
use std::sync::Arc;

use candle_core::DType;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::data::Labels;
use crate::engine::{Executor, Snapshot, from_safetensors};
use crate::search::Predictor;
use crate::store::champion::card::ChampionCard;
use crate::store::champion::files::{CHAMPION_CARD, LABELS, portable};
use crate::store::champion::model::ModelCard;
use crate::store::listed::Listed;
use crate::store::{CARD, PortableNet, StoreError, WEIGHTS};

/// A champion's net, ready to classify.
#[derive(Clone, Debug)]
pub struct ChampionNet {
    /// The canonical id of its architecture.
    pub id: String,
    /// Whether it was measured on the test split.
    pub is_certified: bool,
    /// Classifies images.
    pub predictor: Predictor,
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
    let predictor = Predictor::new(model.net()?, &weights, labels, exec)?;
    Ok(ChampionNet { id: model.id, is_certified: card.certificate != 0, predictor })
}

/// The net of the champion whose files are in `folder`, to be written in any format.
pub(in crate::store) fn champion_net(folder: &Path) -> Result<PortableNet, StoreError> {
    let Files { card, model, labels, weights } = read(folder)?;
    Ok(portable(model.net()?, [weights.clone(), weights], (&model, &card), labels))
}

fn read(folder: &Path) -> Result<Files, StoreError> {
    match read_once(folder) {
        // Replaced between the reading of the hashes and of a file.
        Err(StoreError::Corrupt { .. }) => read_once(folder),
        found => found,
    }
}

fn read_once(folder: &Path) -> Result<Files, StoreError> {
    let files = Listed::open(folder)?;
    Ok(Files {
        card: json::<ChampionCard>(folder, &files, (CHAMPION_CARD, ChampionCard::FORMAT))?,
        model: json::<ModelCard>(folder, &files, (CARD, ModelCard::FORMAT))?,
        labels: json::<Labels>(folder, &files, (LABELS, Labels::FORMAT))?,
        weights: from_safetensors(&files.read(WEIGHTS)?, DType::F32)?,
    })
}

/// What a file of JSON says, whose latest form this program knows.
fn json<T: DeserializeOwned>(
    folder: &Path,
    files: &Listed,
    (name, expected): (&str, u32),
) -> Result<T, StoreError> {
    #[derive(Deserialize)]
    struct Formatted {
        format: u32,
    }
    let bytes = files.read(name)?;
    let Formatted { format: found } = serde_json::from_slice(&bytes)?;
    if expected < found {
        return Err(StoreError::Format { path: folder.join(name), found, expected });
    }
    Ok(serde_json::from_slice(&bytes)?)
}
