//! `GET /v1/archs` and what an id spells: a description and drawings.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Path, Query};

use crate::api::Problem;
use crate::api::routes::known::Known;
use crate::api::routes::pareto::pareto as front;
use crate::api::routes::{State, check_rows};
use crate::api::wire::{ArchReply, ArchsQuery, ArchsReply, FactReply, MAX_LIMIT, ScoredArch};
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
    check_rows("limit", limit)?;
    let (path, budget, status) =
        (state.config.history.clone(), state.config.budget.clone(), state.status());
    let turn = state.lists.next().await?;
    let text = state.read_in(&turn, move || {
        let reader = HistoryReader::open(&path)?;
        let mut reply = ArchsReply {
            archs: Vec::new(),
            reward_images: status.data.reward_images,
            is_from_scratch: status.children.is_some(),
            cost_weight: budget.weight(),
            objective: status.objective.clone(),
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
    let (family, status) = (&state.config.family, state.status());
    let is_alone = status.children.is_some();
    let net = if is_alone { family.standalone(&known.arch) } else { family.shared(&known.arch) };
    let cost = net?.cost();
    Ok(HttpResponse::Ok().json(ArchReply {
        id: known.arch.id(),
        arch: known.arch.to_string(),
        flat: known.arch.to_flat(),
        facts: FactReply::all(&known.arch),
        params: cost.params,
        multiply_adds: cost.multiply_adds,
        best: known.best,
        scored: known.scored,
        reward_images: status.data.reward_images,
        objective: status.objective.clone(),
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
