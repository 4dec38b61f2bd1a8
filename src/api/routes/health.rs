//! `GET /healthz` (the process answers) and `GET /readyz` (the search is loaded and progresses).

use actix_web::HttpResponse;

use crate::actors::RunState;
use crate::api::routes::State;
use crate::api::{Problem, ProblemCode};

const TEXT: &str = "text/plain; charset=utf-8";

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses(
    (status = 200, description = "it does", body = String, content_type = "text/plain"),
))]
pub(super) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body("alive\n")
}

/// Whether the search is loaded and progresses, or is paused.
#[utoipa::path(get, path = "/readyz", tag = "health", responses(
    (status = 200, description = "it is", body = String, content_type = "text/plain"),
))]
pub(super) async fn readyz(state: State) -> Result<HttpResponse, Problem> {
    let status = state.status();
    let not_ready = |why: String| {
        Problem::new(ProblemCode::NotReady, why, "`enasctl status` and the log say more")
    };
    let Some(age) = state.since_progress() else {
        return Err(not_ready("the controller is gone".to_owned()));
    };
    match status.state {
        RunState::Paused => Ok(HttpResponse::Ok().content_type(TEXT).body("paused\n")),
        RunState::Running if age <= state.config.limits.progress => {
            Ok(HttpResponse::Ok().content_type(TEXT).body("running\n"))
        }
        RunState::Running => Err(not_ready(format!("no step has ended for {} s", age.as_secs()))),
        RunState::Starting => Err(not_ready("the search is being loaded".to_owned())),
        RunState::Stopping | RunState::Stopped => Err(not_ready("the daemon ends".to_owned())),
        RunState::Failed => {
            let why = status.error.as_deref().unwrap_or("no reason is known");
            Err(not_ready(format!("the search failed: {why}")))
        }
    }
}
