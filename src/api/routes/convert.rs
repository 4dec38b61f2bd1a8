//! `POST /v1/archs:convert`: an architecture in other text forms.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::api::wire::{ConvertRequest, ConvertResult};
use crate::api::{Problem, ProblemCode};
use crate::space::{Arch, Space, SpaceConfig, SpaceError};

/// Reads an architecture in any text form and writes it in others; the search is not asked, and
/// the architecture need not be of its space.
#[utoipa::path(post, path = "/v1/archs:convert", tag = "commands", request_body = ConvertRequest,
    responses(
        (status = 200, description = "its texts", body = ConvertResult),
    ))]
pub(super) async fn convert(request: Json<ConvertRequest>) -> Result<HttpResponse, Problem> {
    let kind = request.space.unwrap_or_default();
    let space = Space::new(&SpaceConfig { kind, ..SpaceConfig::default() })?;
    let arch = Arch::parse(space, &request.arch)?;
    let result = ConvertResult::new(&arch, request.to.as_deref()).map_err(|err| match err {
        SpaceError::NotWritten { .. } => {
            let hint = "without `to` all forms are written";
            Problem::new(ProblemCode::BadBody, err.to_string(), hint)
        }
        err => err.into(),
    })?;
    Ok(HttpResponse::Ok().json(result))
}
