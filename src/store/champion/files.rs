//! The files of a champion.

use serde_json::json;

use crate::data::Labels;
use crate::engine::Snapshot;
use crate::export::{PixelType, draw_svg};
use crate::net::Net;
use crate::search::Champion;
use crate::store::champion::card::ChampionCard;
use crate::store::champion::model::ModelCard;
use crate::store::champion::parts::ChampionParts;
use crate::store::champion::readme::readme;
use crate::store::net_file::texts;
use crate::store::{CARD, NetFormat, PortableNet, StoreError, WEIGHTS};

/// The file of a [`ChampionCard`].
pub(super) const CHAMPION_CARD: &str = "card.json";

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
    let (model, net) = ModelCard::new(arch, recipe.net(), labels.kind())?;
    let card = ChampionCard::new(parts, &model);
    let tensors = [parts.state.weights().clone(), parts.state.running.clone()];
    let net = portable(net, tensors, (&model, &card), labels.clone());
    Ok(vec![
        (CARD, serde_json::to_vec_pretty(&model)?),
        (WEIGHTS, net.bytes(NetFormat::Safetensors)?),
        (ONNX, net.bytes(NetFormat::Onnx(PixelType::U8))?),
        (LABELS, serde_json::to_vec_pretty(&labels)?),
        (CHAMPION_CARD, serde_json::to_vec_pretty(&card)?),
        ("drawing.svg", draw_svg(arch).into_bytes()),
        ("README.md", readme(&card, &labels).into_bytes()),
    ])
}

/// A champion's net with its weights and its running statistics; its files tell by themselves what
/// they are.
pub(super) fn portable(
    net: Net,
    [weights, running]: [Snapshot; 2],
    (model, card): (&ModelCard, &ChampionCard),
    labels: Labels,
) -> PortableNet {
    let scores = json!({
        "valid": card.valid, "seed": card.seed, "test": card.test, "certificate": card.certificate
    });
    PortableNet {
        id: model.id.clone(),
        arch: model.arch.clone(),
        net,
        weights,
        running: Some(running),
        labels,
        stage: "champion".to_owned(),
        metadata: texts([("stage", json!("champion")), ("scores", scores), ("net", model.size())]),
    }
}
