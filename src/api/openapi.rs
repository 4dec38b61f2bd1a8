//! The OpenAPI document, made from the handlers and the wire types.

use utoipa::OpenApi;

use crate::api::routes;

/// The document that `GET /v1/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "enasd",
        description = "The local API of enasd, a daemon that searches for neural network \
                       architectures. HTTP/1.1 over a Unix socket; commands are taken from root, \
                       the daemon's own user and `api.admins`."
    ),
    paths(
        routes::health::healthz,
        routes::health::readyz,
        routes::status::status,
        routes::best::best,
        routes::archs::archs,
        routes::archs::arch,
        routes::archs::svg,
        routes::archs::dot,
        routes::archs::safetensors,
        routes::history::history,
        routes::events::events,
        routes::config::config,
        routes::config::origins,
        routes::openapi_json,
        routes::score::score,
        routes::sample::sample,
        routes::commands::pause,
        routes::commands::resume,
        routes::commands::checkpoint,
        routes::commands::derive,
        routes::commands::stop,
    )
)]
struct Document;
