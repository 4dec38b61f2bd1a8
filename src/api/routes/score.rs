//! `POST /v1/score`: how good an architecture is with the present shared weights.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::actors::ScoreArch;
use crate::api::Problem;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::routes::known::given;
use crate::api::routes::nearest::nearest;
use crate::api::wire::{MAX_LIMIT, ScoreRequest, ScoreResult};
use crate::store::{ArchOrder, HistoryReader};

/// Scores an architecture on the whole validation split. It joins the history as `injected`.
#[utoipa::path(post, path = "/v1/score", tag = "commands", request_body = ScoreRequest, responses(
    (status = 200, description = "its score", body = ScoreResult),
))]
pub(super) async fn score(
    state: State,
    request: Json<ScoreRequest>,
) -> Result<HttpResponse, Problem> {
    let (arch, form) = given(&state, &request.arch).await?;
    let config = &state.config;
    let (cost, standalone) = (config.family.shared(&arch)?.cost(), config.budget.cost(&arch)?);
    let message = ScoreArch { arch: arch.clone(), form };
    let found = ask(&state, message, config.limits.work).await?;
    let (path, own) = (config.history.clone(), arch.clone());
    let beside = state.read(move || {
        let reader = HistoryReader::open(&path)?;
        let known = reader.archs(ArchOrder::Best, MAX_LIMIT)?;
        Ok((reader.percentile(found.reward)?, nearest(&own, known)))
    });
    // The score took long, and stands without its rank.
    let (percentile, nearest) = beside.await.unwrap_or_else(|problem| {
        tracing::warn!(%problem, "a score is told without its rank");
        (None, Vec::new())
    });
    Ok(HttpResponse::Ok().json(ScoreResult {
        id: arch.id(),
        arch: arch.to_string(),
        form: form.to_owned(),
        interval: found.score.perplexity.is_none().then(|| found.score.interval()),
        score: found.score,
        objective: state.status().objective.clone(),
        reward: found.reward,
        percentile,
        params: cost.params,
        multiply_adds: cost.multiply_adds,
        standalone: standalone.into(),
        nearest,
        step: found.step,
    }))
}
