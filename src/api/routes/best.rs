//! `GET /v1/best`: the best cells.

use actix_web::HttpResponse;
use actix_web::web::Query;

use crate::api::routes::{State, check_limit};
use crate::api::wire::{BestQuery, BestReply, Stage};
use crate::api::{Problem, ProblemCode};

/// The best cells, best first.
#[utoipa::path(get, path = "/v1/best", tag = "questions", params(BestQuery), responses(
    (status = 200, description = "the cells", body = BestReply),
))]
pub(super) async fn best(state: State, query: Query<BestQuery>) -> Result<HttpResponse, Problem> {
    let limit = check_limit(query.limit)? as usize;
    if query.stage != Stage::Shared {
        let message = "this version keeps cells scored with the shared weights, and no others";
        return Err(Problem::new(ProblemCode::StageNotBuilt, message, "ask for `stage=shared`"));
    }
    let cells = state.status().best.iter().take(limit).cloned().collect();
    Ok(HttpResponse::Ok().json(BestReply { stage: query.stage, cells }))
}
