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
pub(in crate::api) async fn pause(state: State) -> Reply {
    let config = &state.config;
    ask(&state, &config.commands.pause, Pause, config.limits.command).await?;
    Ok(done("paused; `enasctl resume` goes on"))
}

/// Goes on after a pause.
#[utoipa::path(post, path = "/v1/resume", tag = "commands", responses(
    (status = 200, description = "it goes on", body = Done),
))]
pub(in crate::api) async fn resume(state: State) -> Reply {
    let config = &state.config;
    ask(&state, &config.commands.resume, Resume, config.limits.command).await?;
    Ok(done("the search goes on"))
}

/// Writes a checkpoint at once.
#[utoipa::path(post, path = "/v1/checkpoint", tag = "commands", responses(
    (status = 200, description = "it is on disk", body = CheckpointResult),
))]
pub(in crate::api) async fn checkpoint(state: State) -> Reply {
    let config = &state.config;
    let step = ask(&state, &config.commands.checkpoint, Checkpoint, config.limits.work).await?;
    Ok(HttpResponse::Ok().json(CheckpointResult { step }))
}

/// Derives once more, beside the schedule.
#[utoipa::path(post, path = "/v1/derive", tag = "commands", responses(
    (status = 200, description = "the best architectures", body = DeriveResult),
))]
pub(in crate::api) async fn derive(state: State) -> Reply {
    let config = &state.config;
    let best = ask(&state, &config.commands.derive, Derive, config.limits.derive).await?;
    Ok(HttpResponse::Ok().json(DeriveResult { best }))
}

/// Finishes the step, writes a checkpoint, and ends the daemon.
#[utoipa::path(post, path = "/v1/stop", tag = "commands", responses(
    (status = 200, description = "it ends", body = Done),
))]
pub(in crate::api) async fn stop(state: State) -> Reply {
    let config = &state.config;
    ask(&state, &config.commands.stop, Stop, config.limits.work).await?;
    Ok(done("the last checkpoint is written and the daemon ends"))
}
