//! The OpenAPI document, made from the table of routes and the wire types.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::web::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};

use crate::api::problem::CONTENT_TYPE;
use crate::api::routes::table::{self, is_command};
use crate::api::wire::{NetStage, Order, Pixels, Stage, Weights};
use crate::api::{Problem, ProblemCode};

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

/// The document, as `GET /v1/openapi.json` serves it.
pub(super) fn text() -> Bytes {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
        serde_json::to_vec(&document()).expect("a document is always JSON").into()
    });
    TEXT.clone()
}

/// The frame, and from each line of the table its part.
fn document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    for route in table::routes() {
        let mut part = (route.document)();
        let items = part.paths.paths.values_mut();
        let operations = items.flat_map(|PathItem { get, put, post, .. }| [get, put, post]);
        for operation in operations.flatten() {
            let forbidden = is_command(&route.method).then_some(ProblemCode::Forbidden);
            add_problems(operation, ANY.into_iter().chain(forbidden).chain(route.problems()));
        }
        document.merge(part);
    }
    document
}

/// What the document says of no single route.
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
    // Parameters do not bring their schemas along.
    components(schemas(Problem, Order, Stage, NetStage, Pixels, Weights))
)]
struct Frame;

/// Writes down the problems that an operation may answer with.
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
