//! The routes, a file a noun; [`table`] lists them.

mod archs;
mod best;
mod commands;
mod config;
mod convert;
mod curves;
mod events;
mod health;
mod history;
mod known;
mod log_level;
mod nearest;
mod nets;
mod pareto;
mod predict;
mod reasons;
mod report;
mod retrain;
mod retrained;
mod sample;
mod score;
mod status;
pub(super) mod table;
mod why;

use actix_web::http::header::{self, ContentType, HeaderValue};
use actix_web::web::{Data, JsonConfig, PayloadConfig, QueryConfig, ServiceConfig, resource, to};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError};

use crate::api::routes::table::Route;
use crate::api::wire::{MAX_IMAGES_BYTES, MAX_LIMIT};
use crate::api::{ApiState, Problem, ProblemCode};

/// The longest body of a request without images: a thousand times an architecture.
pub(super) const MAX_BODY_BYTES: usize = 64 << 10;

/// The state, as handlers take it.
type State = Data<ApiState>;

/// The longest body that a path takes: only images are long.
pub(super) fn max_body_bytes(path: &str) -> usize {
    if path == predict::PATH { MAX_IMAGES_BYTES } else { MAX_BODY_BYTES }
}

/// Registers every route of the table.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            JsonConfig::default()
                .limit(MAX_BODY_BYTES)
                .content_type(|_| true)
                .content_type_required(false)
                .error_handler(bad_body),
        )
        .app_data(PayloadConfig::new(MAX_IMAGES_BYTES))
        .app_data(QueryConfig::default().error_handler(bad_query));
    for routes in table::resources() {
        let resource = resource(&routes[0].path).default_service(to(other_method));
        config.service(routes.iter().map(Route::service).fold(resource, Resource::route));
    }
}

/// Answers requests of no route.
pub(super) async fn no_route(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let message = format!("there is no {}", request.path());
    Err(Problem::new(ProblemCode::NotFound, message, "GET /v1/openapi.json lists what there is"))
}

/// Answers a method that the path does not take.
async fn other_method(request: HttpRequest) -> HttpResponse {
    takes_only(&request, &table::allowed(request.match_pattern().as_deref()))
}

/// Answers another method than `GET`.
pub(super) async fn only_get(request: HttpRequest) -> HttpResponse {
    takes_only(&request, "GET, HEAD")
}

fn takes_only(request: &HttpRequest, allowed: &str) -> HttpResponse {
    let message = format!("{} does not take {}", request.path(), request.method());
    let hint = format!("it takes {allowed}");
    let mut reply = Problem::new(ProblemCode::MethodNotAllowed, message, hint).error_response();
    let allowed = HeaderValue::from_str(allowed).expect("the names of methods are ASCII");
    reply.headers_mut().insert(header::ALLOW, allowed);
    reply
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "questions", responses(
    (status = 200, description = "the document", body = Object),
))]
async fn openapi_json(state: State) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(state.document.clone())
}

fn bad_body(err: actix_web::error::JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let hint = "GET /v1/openapi.json describes the body";
    Problem::new(ProblemCode::BadBody, format!("the body is wrong: {err}"), hint).into()
}

fn bad_query(err: actix_web::error::QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    let hint = "GET /v1/openapi.json describes the query";
    Problem::new(ProblemCode::BadQuery, format!("the query is wrong: {err}"), hint).into()
}

/// Refuses limits that make no sense.
fn check_rows(name: &str, rows: u32) -> Result<u32, Problem> {
    if (1..=MAX_LIMIT).contains(&rows) {
        return Ok(rows);
    }
    let message = format!("`{name}` is {rows}; it must be 1 to {MAX_LIMIT}");
    Err(Problem::new(ProblemCode::BadQuery, message, "page with `since` where there is more"))
}
