//! The OpenAPI document, made from the handlers and the wire types.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Bytes;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::api::problem::CONTENT_TYPE;
use crate::api::wire::{Order, Stage, Weights};
use crate::api::{Problem, ProblemCode, routes};

/// What any request may meet before its route looks at it.
const ANY: [ProblemCode; 8] = [
    ProblemCode::BadHead,
    ProblemCode::HeadTimeout,
    ProblemCode::Busy,
    ProblemCode::BadBody,
    ProblemCode::BodyTimeout,
    ProblemCode::BodyTooLarge,
    ProblemCode::UrlTooLong,
    ProblemCode::HeadTooLarge,
];

/// What whatever asks the controller may meet.
const CONTROLLER: [ProblemCode; 6] = [
    ProblemCode::RefusedState,
    ProblemCode::RefusedRequest,
    ProblemCode::Failed,
    ProblemCode::Busy,
    ProblemCode::Unavailable,
    ProblemCode::Timeout,
];

/// What else a route may meet.
fn own_problems(path: &str) -> &'static [ProblemCode] {
    use ProblemCode as Code;
    match path {
        "/readyz" => &[Code::NotReady],
        "/v1/best" => &[Code::BadQuery, Code::StageNotBuilt],
        "/v1/archs" | "/v1/history" => {
            &[Code::BadQuery, Code::Store, Code::DiskSilent, Code::HistoryDamaged, Code::Internal]
        }
        "/v1/events" => &[
            Code::BadQuery,
            Code::Busy,
            Code::Store,
            Code::DiskSilent,
            Code::HistoryDamaged,
            Code::Internal,
        ],
        "/v1/score" => {
            &[Code::BadArch, Code::Store, Code::DiskSilent, Code::HistoryDamaged, Code::Internal]
        }
        _ if path.ends_with(".safetensors") => &[
            Code::UnknownArch,
            Code::BadArch,
            Code::BadQuery,
            Code::WeightsLost,
            Code::Store,
            Code::DiskSilent,
            Code::HistoryDamaged,
            Code::Internal,
        ],
        _ if path.starts_with("/v1/archs/") => &[
            Code::UnknownArch,
            Code::BadArch,
            Code::Store,
            Code::DiskSilent,
            Code::HistoryDamaged,
            Code::Internal,
        ],
        _ => &[],
    }
}

/// The document, as `GET /v1/openapi.json` serves it.
pub(super) fn text() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        serde_json::to_vec(&document()).expect("a document is always JSON").into()
    });
    TEXT.clone()
}

/// The document that `GET /v1/openapi.json` serves.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "enasd",
        description = "The local API of enasd, a daemon that searches for neural network \
                       architectures. HTTP/1.1 over a Unix socket, one request a connection; \
                       commands are taken from root, the daemon's own user and `api.admins`. \
                       Every error has a body of the type `application/problem+json` with a \
                       stable code; another path is a 404, another method a 405 with `Allow`. \
                       `HEAD` is answered as `GET` is, without the body. Who sends nothing for \
                       five seconds is hung up on without a word."
    ),
    modifiers(&Problems),
    // Parameters do not bring their schemas along.
    components(schemas(Problem, Order, Stage, Weights)),
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
        routes::history::prune,
        routes::events::events,
        routes::config::config,
        routes::config::origins,
        routes::log_level::log_level,
        routes::log_level::set_log_level,
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

/// Writes down, for every operation, the problems that it may answer with.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let PathItem { get, post, put, .. } = item;
            let asks = post.is_some() || path.ends_with(".safetensors");
            let controller = CONTROLLER.into_iter().filter(|_| asks);
            let own = own_problems(path).iter().copied();
            let codes: Vec<_> = ANY.into_iter().chain(controller).chain(own).collect();
            for (operation, commands) in [(get, false), (post, true), (put, true)] {
                let Some(operation) = operation else { continue };
                let forbidden = commands.then_some(ProblemCode::Forbidden);
                add_problems(operation, codes.iter().copied().chain(forbidden));
            }
        }
    }
}

fn add_problems(operation: &mut Operation, codes: impl Iterator<Item = ProblemCode>) {
    let mut names = BTreeMap::<u16, Vec<String>>::new();
    for code in codes {
        names.entry(code.status().as_u16()).or_default().push(format!("`{}`", code.name()));
    }
    for (status, mut names) in names {
        names.sort();
        names.dedup();
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response = ResponseBuilder::new()
            .description(format!("a problem: {}", names.join(", ")))
            .content(CONTENT_TYPE, content)
            .build();
        operation.responses.responses.insert(status.to_string(), response.into());
    }
}
