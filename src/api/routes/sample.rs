//! `POST /v1/sample`: architectures as the policy draws them.

use actix_web::HttpResponse;
use actix_web::web::Json;

use crate::actors::Sample;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::wire::{SampleArm, SampleRequest, SampleResult, SampledArch};
use crate::api::{Problem, ProblemCode};
use crate::search::Arm;

/// The most architectures of one draw.
const MAX_COUNT: usize = 1000;

/// Draws architectures without any effect on the search.
#[utoipa::path(post, path = "/v1/sample", tag = "commands", request_body = SampleRequest,
    responses(
        (status = 200, description = "the architectures", body = SampleResult),
    ))]
pub(super) async fn sample(
    state: State,
    request: Json<SampleRequest>,
) -> Result<HttpResponse, Problem> {
    let SampleRequest { count, seed, arm } = *request;
    if !(1..=MAX_COUNT).contains(&count) {
        let message = format!("`count` is {count}; it must be 1 to {MAX_COUNT}");
        return Err(Problem::new(ProblemCode::BadBody, message, "draw several times for more"));
    }
    let seed = seed.unwrap_or_else(|| state.next_seed());
    let drawn_by = match arm {
        SampleArm::Controller => Arm::Controller,
        SampleArm::Random => Arm::Random,
    };
    let message = Sample { count, seed, arm: drawn_by };
    let drawn = ask(&state, message, state.config.limits.command).await?;
    let archs = drawn.into_iter().map(|one| SampledArch {
        id: one.arch.id(),
        arch: one.arch.to_string(),
        log_prob: one.log_prob,
    });
    Ok(HttpResponse::Ok().json(SampleResult { seed, arm, archs: archs.collect() }))
}
