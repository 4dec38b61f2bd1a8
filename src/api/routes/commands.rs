//! Commands to the controller that take no arguments: `POST` to `/v1/pause`, `resume`,
//! `checkpoint`, `derive` and `stop`.

use actix_web::HttpResponse;

use crate::actors::{Checkpoint, Derive, Pause, Resume, Stop};
use crate::api::Problem;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::wire::{CheckpointResult, DeriveResult, Done};

type Reply = Result<HttpResponse, Problem>;

fn done(message: &str) -> HttpResponse {
    HttpResponse::Ok().json(Done { message: message.to_owned() })
}

/// Stops taking steps after the one under way.
#[utoipa::path(post, path = "/v1/pause", tag = "commands", responses(
    (status = 200, description = "it is paused", body = Done),
))]
pub(super) async fn pause(state: State) -> Reply {
    ask(&state, Pause, state.config.limits.command).await?;
    Ok(done("paused; `enasctl resume` goes on"))
}

/// Goes on after a pause.
#[utoipa::path(post, path = "/v1/resume", tag = "commands", responses(
    (status = 200, description = "it goes on", body = Done),
))]
pub(super) async fn resume(state: State) -> Reply {
    ask(&state, Resume, state.config.limits.command).await?;
    Ok(done("the search goes on"))
}

/// Writes a checkpoint at once.
#[utoipa::path(post, path = "/v1/checkpoint", tag = "commands", responses(
    (status = 200, description = "it is on disk", body = CheckpointResult),
))]
pub(super) async fn checkpoint(state: State) -> Reply {
    let step = ask(&state, Checkpoint, state.config.limits.work).await?;
    Ok(HttpResponse::Ok().json(CheckpointResult { step }))
}

/// Derives once more, beside the schedule.
#[utoipa::path(post, path = "/v1/derive", tag = "commands", responses(
    (status = 200, description = "the best architectures", body = DeriveResult),
))]
pub(super) async fn derive(state: State) -> Reply {
    let best = ask(&state, Derive, state.config.limits.derive).await?;
    Ok(HttpResponse::Ok().json(DeriveResult { best }))
}

/// Finishes the step, writes a checkpoint, and ends the daemon.
#[utoipa::path(post, path = "/v1/stop", tag = "commands", responses(
    (status = 200, description = "it ends", body = Done),
))]
pub(super) async fn stop(state: State) -> Reply {
    ask(&state, Stop, state.config.limits.work).await?;
    Ok(done("the last checkpoint is written and the daemon ends"))
}
