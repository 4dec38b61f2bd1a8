//! The routes, a file a noun.

pub(super) mod archs;
pub(super) mod best;
pub(super) mod commands;
pub(super) mod config;
pub(super) mod events;
pub(super) mod health;
pub(super) mod history;
mod known;
pub(super) mod log_level;
pub(super) mod sample;
pub(super) mod score;
pub(super) mod status;

use actix_web::http::header::{self, ContentType, HeaderValue};
use actix_web::web::{Data, JsonConfig, QueryConfig, ServiceConfig, resource, to};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError, Route, web};

use crate::api::server::MAX_BODY_BYTES;
use crate::api::wire::MAX_LIMIT;
use crate::api::{ApiState, Problem, ProblemCode, openapi};

/// The state, as handlers take it.
type State = Data<ApiState>;

/// Every route, as the metrics and the OpenAPI document name it; `other` stands for requests of
/// none of them.
pub const ROUTES: [&str; 24] = [
    "/healthz",
    "/readyz",
    "/v1/archs",
    "/v1/archs/{id}",
    "/v1/archs/{id}.dot",
    "/v1/archs/{id}.safetensors",
    "/v1/archs/{id}.svg",
    "/v1/best",
    "/v1/checkpoint",
    "/v1/config",
    "/v1/config/origins",
    "/v1/derive",
    "/v1/events",
    "/v1/history",
    "/v1/history/prune",
    "/v1/log-level",
    "/v1/openapi.json",
    "/v1/pause",
    "/v1/resume",
    "/v1/sample",
    "/v1/score",
    "/v1/status",
    "/v1/stop",
    OTHER,
];

/// The routes that have something done: all that take `POST`.
pub const COMMANDS: [&str; 8] = [
    "/v1/checkpoint",
    "/v1/derive",
    "/v1/history/prune",
    "/v1/pause",
    "/v1/resume",
    "/v1/sample",
    "/v1/score",
    "/v1/stop",
];

/// Requests of no route.
pub const OTHER: &str = "other";

/// The name of a route in [`ROUTES`].
pub(super) fn name(pattern: Option<&str>) -> &'static str {
    let known = ROUTES.into_iter().find(|&route| pattern == Some(route));
    known.unwrap_or(OTHER)
}

/// Registers every route. Of two that match a path, the first is taken, so an id with an ending
/// stands before the id alone.
pub(super) fn configure(config: &mut ServiceConfig) {
    config
        .app_data(
            JsonConfig::default()
                .limit(MAX_BODY_BYTES)
                .content_type(|_| true)
                .content_type_required(false)
                .error_handler(bad_body),
        )
        .app_data(QueryConfig::default().error_handler(bad_query));
    let questions: [(&str, Route); 14] = [
        ("/healthz", web::get().to(health::healthz)),
        ("/readyz", web::get().to(health::readyz)),
        ("/v1/status", web::get().to(status::status)),
        ("/v1/best", web::get().to(best::best)),
        ("/v1/archs", web::get().to(archs::archs)),
        ("/v1/archs/{id}.svg", web::get().to(archs::svg)),
        ("/v1/archs/{id}.dot", web::get().to(archs::dot)),
        ("/v1/archs/{id}.safetensors", web::get().to(archs::safetensors)),
        ("/v1/archs/{id}", web::get().to(archs::arch)),
        ("/v1/history", web::get().to(history::history)),
        ("/v1/events", web::get().to(events::events)),
        ("/v1/config", web::get().to(config::config)),
        ("/v1/config/origins", web::get().to(config::origins)),
        ("/v1/openapi.json", web::get().to(openapi_json)),
    ];
    let commands: [(&str, Route); 8] = [
        ("/v1/score", web::post().to(score::score)),
        ("/v1/sample", web::post().to(sample::sample)),
        ("/v1/pause", web::post().to(commands::pause)),
        ("/v1/resume", web::post().to(commands::resume)),
        ("/v1/checkpoint", web::post().to(commands::checkpoint)),
        ("/v1/derive", web::post().to(commands::derive)),
        ("/v1/stop", web::post().to(commands::stop)),
        ("/v1/history/prune", web::post().to(history::prune)),
    ];
    for (path, route) in questions {
        config.service(resource(path).route(route).default_service(to(only_get)));
    }
    for (path, route) in commands {
        config.service(resource(path).route(route).default_service(to(only_post)));
    }
    config.service(log_level_resource());
}

/// The one path that is a question and a command.
fn log_level_resource() -> Resource {
    resource("/v1/log-level")
        .route(web::get().to(log_level::log_level))
        .route(web::put().to(log_level::set_log_level))
        .default_service(to(only_get_or_put))
}

/// Answers requests of no route.
pub(super) async fn no_route(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let message = format!("there is no {}", request.path());
    Err(Problem::new(ProblemCode::NotFound, message, "GET /v1/openapi.json lists what there is"))
}

/// Answers another method than `GET`.
pub(super) async fn only_get(request: HttpRequest) -> HttpResponse {
    other_method(&request, "GET, HEAD")
}

async fn only_get_or_put(request: HttpRequest) -> HttpResponse {
    other_method(&request, "GET, HEAD, PUT")
}

async fn only_post(request: HttpRequest) -> HttpResponse {
    other_method(&request, "POST")
}

fn other_method(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let message = format!("{} does not take {}", request.path(), request.method());
    let hint = format!("it takes {allowed}");
    let mut reply = Problem::new(ProblemCode::MethodNotAllowed, message, hint).error_response();
    reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "questions", responses(
    (status = 200, description = "the document", body = Object),
))]
pub(super) async fn openapi_json() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(openapi::text())
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
fn check_limit(limit: u32) -> Result<u32, Problem> {
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let message = format!("`limit` is {limit}; it must be 1 to {MAX_LIMIT}");
    Err(Problem::new(ProblemCode::BadQuery, message, "page with `since` where there is more"))
}
