//! `GET` and `PUT /v1/log-level`: what the daemon logs, until it reads its configuration again.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::api::routes::State;
use crate::api::{LogLevel, Problem, ProblemCode};

/// What is logged.
#[utoipa::path(get, path = "/v1/log-level", tag = "questions", responses(
    (status = 200, description = "the level, or a list by module", body = LogLevel),
))]
pub(super) async fn log_level(state: State) -> HttpResponse {
    HttpResponse::Ok().json(LogLevel { level: (state.config.log.get)() })
}

/// Logs by another level, until the configuration is read again.
#[utoipa::path(put, path = "/v1/log-level", tag = "commands", request_body = LogLevel, responses(
    (status = 200, description = "the level from here on", body = LogLevel),
))]
pub(super) async fn set_log_level(
    state: State,
    request: Json<LogLevel>,
) -> Result<HttpResponse, Problem> {
    let set = (state.config.log.set)(&request.level);
    set.map_err(|why| {
        let hint = "write off, error, warn, info, debug or trace, or a list with module=level";
        Problem::new(ProblemCode::BadBody, why, hint)
    })?;
    Ok(log_level(state).await)
}
