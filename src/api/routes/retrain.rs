//! `POST /v1/retrain`: has an architecture trained from scratch.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::actors::RetrainArch;
use crate::api::Problem;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::routes::known::given;
use crate::api::wire::{RetrainRequest, RetrainResult};

/// Has an architecture wait to be trained from scratch, as `[final]` says. It is measured on the
/// validation split; the test split is not looked at.
#[utoipa::path(post, path = "/v1/retrain", tag = "commands", request_body = RetrainRequest,
    responses(
        (status = 200, description = "it waits for its turn", body = RetrainResult),
    ))]
pub(super) async fn retrain(
    state: State,
    request: Json<RetrainRequest>,
) -> Result<HttpResponse, Problem> {
    let (arch, form) = given(&state, &request.arch).await?;
    let message = RetrainArch { arch: arch.clone(), form };
    let reply = ask(&state, message, state.config.limits.work).await?;
    Ok(HttpResponse::Ok().json(RetrainResult {
        id: arch.id(),
        arch: arch.to_string(),
        form: form.to_owned(),
        place: reply.place,
        score: reply.score,
        params: reply.params,
        multiply_adds: reply.multiply_adds,
        epochs: reply.epochs,
        seeds: reply.seeds,
        step: reply.step,
    }))
}
