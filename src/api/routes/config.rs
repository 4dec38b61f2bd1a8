//! `GET /v1/config` and `GET /v1/config/origins`: the configuration that the daemon runs with, and
//! where it came from.

use actix_web::HttpResponse;

use crate::api::ConfigOrigins;
use crate::api::routes::State;

/// The effective configuration, a section for each layer.
#[utoipa::path(get, path = "/v1/config", tag = "questions", responses(
    (status = 200, description = "the configuration", body = Object),
))]
pub(super) async fn config(state: State) -> HttpResponse {
    HttpResponse::Ok().json(&state.running().config)
}

/// Where each value of the effective configuration came from.
#[utoipa::path(get, path = "/v1/config/origins", tag = "questions", responses(
    (status = 200, description = "every key with its value and its source", body = ConfigOrigins),
))]
pub(super) async fn origins(state: State) -> HttpResponse {
    HttpResponse::Ok().json(&state.running().origins)
}
