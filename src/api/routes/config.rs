//! `GET /v1/config`: the configuration that the daemon runs with.

use actix_web::HttpResponse;

use crate::api::Problem;
use crate::api::routes::State;

/// The effective configuration, a section for each layer.
#[utoipa::path(get, path = "/v1/config", tag = "questions", responses(
    (status = 200, description = "the configuration", body = Object),
    (status = "default", description = "a problem", body = Problem,
        content_type = "application/problem+json"),
))]
pub(in crate::api) async fn config(state: State) -> HttpResponse {
    HttpResponse::Ok().json(&state.config.config)
}
