//! The files of a champion.

use std::collections::BTreeMap;

use serde_json::json;

use crate::data::Labels;
use crate::export::{Model, PixelType, draw_svg, onnx_file, safetensors_file};
use crate::net::Net;
use crate::search::{Champion, TrialState};
use crate::store::champion::card::ChampionCard;
use crate::store::champion::model::ModelCard;
use crate::store::champion::parts::ChampionParts;
use crate::store::champion::readme::readme;
use crate::store::{CARD, StoreError, WEIGHTS};

/// The file of a [`ChampionCard`].
pub const CHAMPION_CARD: &str = "card.json";

/// The file of the net for any program that runs ONNX.
pub const ONNX: &str = "model.onnx";

/// The file of the class names and of how images are shown to the net.
pub const LABELS: &str = "labels.json";

/// The files of a champion, by name.
pub fn champion_files(
    parts: &ChampionParts<'_>,
) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
    let Champion { arch, recipe, .. } = parts.champion;
    let labels = parts.task.labels();
    let (model, net) = ModelCard::new(arch, recipe.net(), labels.image, labels.class_names.len())?;
    let card = ChampionCard::new(parts, &model);
    let [weights, onnx] = net_files(&net, parts.state, (&model, &card, &labels))?;
    Ok(vec![
        (CARD, serde_json::to_vec_pretty(&model)?),
        (WEIGHTS, weights),
        (ONNX, onnx),
        (LABELS, serde_json::to_vec_pretty(&labels)?),
        (CHAMPION_CARD, serde_json::to_vec_pretty(&card)?),
        ("drawing.svg", draw_svg(arch).into_bytes()),
        ("README.md", readme(&card, &labels).into_bytes()),
    ])
}

/// The weights and the ONNX file, which tell by themselves what they are.
fn net_files(
    net: &Net,
    state: &TrialState,
    (model, card, labels): (&ModelCard, &ChampionCard, &Labels),
) -> Result<[Vec<u8>; 2], StoreError> {
    let scores = json!({
        "valid": card.valid, "seed": card.seed, "test": card.test, "certificate": card.certificate
    });
    let size = json!({ "size": model.net, "image": model.image, "classes": model.classes });
    let metadata = [("scores", scores), ("net", size)];
    let model = Model {
        net,
        weights: &state.params,
        running: Some(&state.running),
        mean: &labels.normalization.mean,
        std: &labels.normalization.std,
        class_names: &labels.class_names,
        id: &model.id,
        arch: &model.arch,
        metadata: BTreeMap::from(metadata.map(|(key, value)| (key.to_owned(), value.to_string()))),
    };
    Ok([safetensors_file(&model)?, onnx_file(&model, PixelType::U8)?])
}
