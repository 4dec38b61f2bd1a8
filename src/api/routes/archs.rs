//! `GET /v1/archs` and what hangs on one id: its description, drawings and weights.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Path, Query};

use crate::actors::{ChildWeights, WeightsOf};
use crate::api::command::ask;
use crate::api::routes::known::Known;
use crate::api::routes::pareto::pareto as front;
use crate::api::routes::{State, check_limit};
use crate::api::wire::{
    ArchReply, ArchsQuery, ArchsReply, FactReply, MAX_LIMIT, ScoredArch, Weights, WeightsFile,
    WeightsQuery,
};
use crate::api::{Problem, ProblemCode};
use crate::export::{draw_dot, draw_svg};
use crate::store::HistoryReader;

/// About as much as one architecture of a list takes.
const ARCH_BYTES: usize = 512;

type Reply = Result<HttpResponse, Problem>;

/// Architectures that were scored.
#[utoipa::path(get, path = "/v1/archs", tag = "questions", params(ArchsQuery), responses(
    (status = 200, description = "the architectures", body = ArchsReply),
))]
pub(super) async fn archs(state: State, query: Query<ArchsQuery>) -> Reply {
    let ArchsQuery { order, limit, pareto } = *query;
    check_limit(limit)?;
    let (path, budget, status) =
        (state.config.history.clone(), state.config.budget.clone(), state.status());
    let turn = state.lists.next().await?;
    let text = state.read(move || {
        let _turn = turn;
        let reader = HistoryReader::open(&path)?;
        let mut reply = ArchsReply {
            archs: Vec::new(),
            reward_images: status.data.reward_images,
            cost_weight: budget.weight(),
            pareto: Vec::new(),
        };
        if pareto {
            let known = reader.archs(order.into(), MAX_LIMIT)?;
            reply.pareto = front(known, &status, &budget);
            reply.pareto.truncate(limit as usize);
        } else {
            let rows = reader.archs(order.into(), limit)?;
            reply.archs = rows.into_iter().map(ScoredArch::from).collect();
        }
        let mut text = Vec::with_capacity(reply.archs.len() * ARCH_BYTES);
        let written = serde_json::to_writer(&mut text, &reply);
        written.expect("numbers and strings are always JSON");
        Ok(text)
    });
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(text.await?))
}

/// One architecture, whether or not the search has met it: the id spells it.
#[utoipa::path(get, path = "/v1/archs/{id}", tag = "questions",
    params(("id" = String, Path, description = "its id, such as `m5-…`")), responses(
    (status = 200, description = "the architecture", body = ArchReply),
))]
pub(super) async fn arch(state: State, id: Path<String>) -> Reply {
    let known = Known::find(&state, &id).await?;
    let cost = state.config.family.shared(&known.arch)?.cost();
    Ok(HttpResponse::Ok().json(ArchReply {
        id: known.arch.id(),
        arch: known.arch.to_string(),
        flat: known.arch.to_flat(),
        facts: FactReply::all(&known.arch),
        params: cost.params,
        multiply_adds: cost.multiply_adds,
        best: known.best,
        scored: known.scored,
        reward_images: state.status().data.reward_images,
    }))
}

/// Its drawing as SVG.
#[utoipa::path(get, path = "/v1/archs/{id}.svg", tag = "questions",
    params(("id" = String, Path, description = "its id")), responses(
    (status = 200, description = "the drawing", body = String, content_type = "image/svg+xml"),
))]
pub(super) async fn svg(state: State, id: Path<String>) -> Reply {
    let known = Known::find(&state, &id).await?;
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(draw_svg(&known.arch)))
}

/// Its drawing for Graphviz.
#[utoipa::path(get, path = "/v1/archs/{id}.dot", tag = "questions",
    params(("id" = String, Path, description = "its id")), responses(
    (status = 200, description = "the drawing", body = String,
        content_type = "text/vnd.graphviz"),
))]
pub(super) async fn dot(state: State, id: Path<String>) -> Reply {
    let known = Known::find(&state, &id).await?;
    Ok(HttpResponse::Ok().content_type("text/vnd.graphviz").body(draw_dot(&known.arch)))
}

/// Its weights: for one of the best architectures those that its score was measured with, and never
/// others in their place; for any other its part of the present shared weights.
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
    let known = Known::find(&state, &id).await?;
    state.config.family.shared(&known.drawn)?;
    let _turn = state.weights.next().await?;
    let bytes = match query.weights {
        Some(Weights::Present) => controllers_weights(&state, &known, WeightsOf::Present).await?,
        Some(Weights::Kept) => scored_weights(&state, &known, WeightsOf::Score).await?,
        None => scored_weights(&state, &known, WeightsOf::Either).await?,
    };
    let id = known.arch.id();
    let name = format!("attachment; filename=\"{id}.safetensors\"");
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(("content-disposition", name))
        .body(WeightsFile(bytes).0))
}

/// The weights that one of the best was scored with: from its files, or from the controller
/// as long as they are not on disk.
async fn scored_weights(state: &State, known: &Known, of: WeightsOf) -> Result<Vec<u8>, Problem> {
    if let Some(bytes) = known.kept_weights(state).await? {
        return Ok(bytes);
    }
    match controllers_weights(state, known, of).await {
        // They may have come to the disk between the two questions.
        Err(lost) if lost.code == ProblemCode::WeightsLost => {
            known.kept_weights(state).await?.ok_or(lost)
        }
        answer => answer,
    }
}

async fn controllers_weights(
    state: &State,
    known: &Known,
    of: WeightsOf,
) -> Result<Vec<u8>, Problem> {
    let message = ChildWeights { arch: known.drawn.clone(), of };
    ask(state, message, state.config.limits.work).await
}
