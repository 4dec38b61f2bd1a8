//! `GET /v1/best`: the best architectures.

use actix_web::HttpResponse;
use actix_web::web::Query;

use crate::api::routes::{State, check_limit};
use crate::api::wire::{BestQuery, BestReply, Stage};
use crate::api::{Problem, ProblemCode};

/// The best architectures, best first.
#[utoipa::path(get, path = "/v1/best", tag = "questions", params(BestQuery), responses(
    (status = 200, description = "the architectures", body = BestReply),
))]
pub(super) async fn best(state: State, query: Query<BestQuery>) -> Result<HttpResponse, Problem> {
    let limit = check_limit(query.limit)? as usize;
    if query.stage != Stage::Shared {
        let message =
            "this version keeps architectures scored with the shared weights, and no others";
        return Err(Problem::new(ProblemCode::StageNotBuilt, message, "ask for `stage=shared`"));
    }
    let archs = state.status().best.iter().take(limit).cloned().collect();
    Ok(HttpResponse::Ok().json(BestReply { stage: query.stage, archs }))
}
