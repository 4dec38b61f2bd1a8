//! `POST /v1/score`: how good an architecture is with the present shared weights.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::actors::ScoreArch;
use crate::api::Problem;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::routes::known::Known;
use crate::api::wire::{ScoreRequest, ScoreResult};
use crate::space::Arch;
use crate::store::HistoryReader;

/// Scores an architecture on the whole validation split.
#[utoipa::path(post, path = "/v1/score", tag = "commands", request_body = ScoreRequest, responses(
    (status = 200, description = "its score", body = ScoreResult),
))]
pub(super) async fn score(
    state: State,
    request: Json<ScoreRequest>,
) -> Result<HttpResponse, Problem> {
    let arch: Arch = request.arch.parse()?;
    let is_id = request.arch.trim() == arch.id();
    let arch = if is_id { Known::find(&state, &request.arch).await?.drawn } else { arch };
    let cost = state.config.family.shared(&arch)?.cost();
    let config = &state.config;
    let message = ScoreArch { arch: arch.clone() };
    let found = ask(&state, message, config.limits.work).await?;
    let path = config.history.clone();
    let percentile =
        state.read(move || Ok(HistoryReader::open(&path)?.percentile(found.reward)?)).await;
    // The score took long, and stands without its rank.
    let percentile = percentile.unwrap_or_else(|problem| {
        tracing::warn!(%problem, "a score has no percentile");
        None
    });
    Ok(HttpResponse::Ok().json(ScoreResult {
        id: arch.id(),
        arch: arch.to_string(),
        score: found.score,
        percentile,
        params: cost.params,
        multiply_adds: cost.multiply_adds,
        step: found.step,
    }))
}
