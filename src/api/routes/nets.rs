//! The nets of an architecture as files: `GET /v1/archs/{id}.onnx`, `.py` and `.safetensors`.
//!
//! ```text
//! stage     champion    champions/ID
//!           retrained   trials/KEY
//!           shared      best/ID, or the controller as long as it is not on disk, or ω
//!           present     ω
//! ```
//!
//! Every file has a name of its own (`content-disposition`): two of one name have the same weights.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};

use crate::actors::{ChildWeights, WeightsOf, WeightsReply};
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::routes::known::Known;
use crate::api::turns::Turn;
use crate::api::wire::{
    NetQuery, NetStage, OnnxFile, OnnxQuery, Weights, WeightsFile, WeightsQuery,
};
use crate::api::{Problem, ProblemCode};
use crate::store::{NetFile, NetFormat};

/// What is neither text nor JSON.
const BYTES: &str = "application/octet-stream";

type Reply = Result<HttpResponse, Problem>;

/// Its net as ONNX: from pixels 0 to 255, `(N, channels, rows, columns)`, to logits and
/// probabilities. A net with shared weights normalizes by the statistics of the images that it is
/// given together.
#[utoipa::path(get, path = "/v1/archs/{id}.onnx", tag = "questions",
    params(("id" = String, Path, description = "its id"), OnnxQuery), responses(
    (status = 200, description = "an ONNX file", body = OnnxFile,
        content_type = "application/octet-stream"),
))]
pub(super) async fn onnx(state: State, id: Path<String>, query: Query<OnnxQuery>) -> Reply {
    let OnnxQuery { stage, pixels } = *query;
    let file = net(&state, &id, stage, NetFormat::Onnx(pixels.into())).await?;
    Ok(reply(&file.name, BYTES, OnnxFile(file.bytes).0))
}

/// Its net as a Python file with a PyTorch module, for the weights in the safetensors file of the
/// same stage.
#[utoipa::path(get, path = "/v1/archs/{id}.py", tag = "questions",
    params(("id" = String, Path, description = "its id"), NetQuery), responses(
    (status = 200, description = "a Python file", body = String, content_type = "text/x-python"),
))]
pub(super) async fn torch(state: State, id: Path<String>, query: Query<NetQuery>) -> Reply {
    let file = net(&state, &id, query.stage, NetFormat::Torch).await?;
    Ok(reply(&file.name, "text/x-python; charset=utf-8", file.bytes))
}

/// Its weights. With a `stage`: those, with everything that a forward pass reads, and what they
/// belong to as metadata. Without: the shared ones alone, for one of the best those that its score
/// was measured with, and never others in their place.
#[utoipa::path(get, path = "/v1/archs/{id}.safetensors", tag = "questions",
    params(("id" = String, Path, description = "its id"), WeightsQuery), responses(
    (status = 200, description = "a safetensors file", body = WeightsFile,
        content_type = "application/octet-stream"),
))]
pub(super) async fn safetensors(
    state: State,
    id: Path<String>,
    query: Query<WeightsQuery>,
) -> Reply {
    let file = match (query.stage, query.weights) {
        (Some(_), Some(_)) => return Err(both()),
        (Some(stage), None) => net(&state, &id, stage, NetFormat::Safetensors).await?,
        (None, weights) => shared_weights(&state, &id, weights).await?,
    };
    Ok(reply(&file.name, BYTES, WeightsFile(file.bytes).0))
}

fn reply(name: &str, content_type: &'static str, bytes: Vec<u8>) -> HttpResponse {
    let name = format!("attachment; filename=\"{name}\"");
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(("content-disposition", name))
        .body(bytes)
}

fn both() -> Problem {
    let message = "`stage` and `weights` both say which weights";
    let hint = "leave out `weights`: `stage=present` gives the present shared weights";
    Problem::new(ProblemCode::BadQuery, message, hint)
}

/// Its shared weights as the search keeps them.
async fn shared_weights(
    state: &State,
    id: &str,
    weights: Option<Weights>,
) -> Result<NetFile, Problem> {
    let known = Known::find(state, id).await?;
    if state.status().children.is_some() {
        return child_weights(state, &known, weights).await;
    }
    state.config.family.shared(&known.drawn)?;
    let turn = state.weights.next().await?;
    let of = match weights {
        Some(Weights::Present) => WeightsOf::Present,
        Some(Weights::Kept) => WeightsOf::Score,
        None => WeightsOf::Either,
    };
    let WeightsReply { bytes, step } = weights_of(state, &known, of, &turn).await?;
    Ok(NetFile::of_shared(&known.arch.id(), step, bytes))
}

/// The weights of a child that was trained from scratch, and is one of the best.
async fn child_weights(
    state: &State,
    known: &Known,
    weights: Option<Weights>,
) -> Result<NetFile, Problem> {
    if weights == Some(Weights::Present) {
        let message = "there are no shared weights: each child is trained from scratch";
        let hint = "leave out `weights` for those of one of the best";
        return Err(Problem::new(ProblemCode::BadQuery, message, hint));
    }
    let turn = state.weights.next().await?;
    let id = known.arch.id();
    if let Some(WeightsReply { bytes, step }) = known.kept_weights(state, &turn).await? {
        return Ok(NetFile::of_child(&id, step, bytes));
    }
    if known.best.is_some() {
        let message = format!("the weights of {id} are lost, or not on disk yet");
        let hint = "ask again after the next checkpoint; `enasctl doctor` says what is damaged";
        return Err(Problem::new(ProblemCode::WeightsLost, message, hint));
    }
    let message = format!("no weights of {id} are kept, for it is none of the best");
    let hint = "`enasctl best` names the best, whose weights are kept once they are on disk";
    Err(Problem::new(ProblemCode::UnknownArch, message, hint))
}

/// Its net of this stage.
async fn net(
    state: &State,
    id: &str,
    stage: NetStage,
    format: NetFormat,
) -> Result<NetFile, Problem> {
    let known = Known::find(state, id).await?;
    let turn = state.weights.next().await?;
    if let Some(file) = trained_net(state, &known, (stage, format), &turn).await? {
        return Ok(file);
    }
    if state.status().children.is_some() {
        let message = format!("no retrained net of {id} is kept", id = known.arch.id());
        let hint = "the nets of the last promotions are kept, and of the best of the search their \
                    weights: `enasctl best --weights`";
        return Err(Problem::new(ProblemCode::UnknownArch, message, hint));
    }
    let of = match stage {
        NetStage::Furthest | NetStage::Shared => WeightsOf::Either,
        NetStage::Present => WeightsOf::Present,
        NetStage::Champion | NetStage::Retrained => return Err(not_reached(&known, stage)),
    };
    let net = state.config.family.shared(&known.drawn)?;
    let WeightsReply { bytes, step } = weights_of(state, &known, of, &turn).await?;
    let exports = state.config.exports.clone();
    let net = move || exports.shared(&known.drawn, net, (&bytes, step));
    state.read_in(&turn, move || Ok(net()?.file(format)?)).await
}

/// Its net that was trained from scratch, where that is asked for and there.
async fn trained_net(
    state: &State,
    known: &Known,
    (stage, format): (NetStage, NetFormat),
    turn: &Turn,
) -> Result<Option<NetFile>, Problem> {
    let (wants_champion, wants_retrained) = match stage {
        NetStage::Furthest => (true, true),
        NetStage::Champion => (true, false),
        NetStage::Retrained => (false, true),
        NetStage::Shared | NetStage::Present => return Ok(None),
    };
    let (exports, id) = (state.config.exports.clone(), known.arch.id());
    let read = move || {
        let champion = if wants_champion { exports.champion(&id)? } else { None };
        let net = match champion {
            None if wants_retrained => exports.retrained(&id)?,
            champion => champion,
        };
        Ok(net.map(|net| net.file(format)).transpose()?)
    };
    state.read_in(turn, read).await
}

fn not_reached(known: &Known, stage: NetStage) -> Problem {
    let id = known.arch.id();
    let (message, hint) = if stage == NetStage::Champion {
        let hint = "leave out the stage for the furthest that it has reached; `enasctl best \
                    --stage certified` names the champion";
        (format!("{id} is no champion that is kept"), hint)
    } else {
        let hint = "leave out the stage for the furthest that it has reached; the nets of the last \
                    promotions are kept";
        (format!("no net of {id} that was trained from scratch is kept"), hint)
    };
    Problem::new(ProblemCode::UnknownArch, message, hint)
}

/// Its part of ω. That which one of the best was scored with is on disk, or the controller has it
/// until it is.
async fn weights_of(
    state: &State,
    known: &Known,
    of: WeightsOf,
    turn: &Turn,
) -> Result<WeightsReply, Problem> {
    if of == WeightsOf::Present {
        return controllers_weights(state, known, of).await;
    }
    if let Some(weights) = known.kept_weights(state, turn).await? {
        return Ok(weights);
    }
    match controllers_weights(state, known, of).await {
        // They may have come to the disk between the two questions.
        Err(lost) if lost.code == ProblemCode::WeightsLost => {
            known.kept_weights(state, turn).await?.ok_or(lost)
        }
        answer => answer,
    }
}

async fn controllers_weights(
    state: &State,
    known: &Known,
    of: WeightsOf,
) -> Result<WeightsReply, Problem> {
    let message = ChildWeights { arch: known.drawn.clone(), of };
    ask(state, message, state.config.limits.work).await
}
