//! `GET /v1/status`: the last status, as the controller published it.

use actix_web::HttpResponse;

use crate::actors::Status;
use crate::api::routes::State;

/// Everything the daemon says of itself.
#[utoipa::path(get, path = "/v1/status", tag = "questions", responses(
    (status = 200, description = "the status after the last step", body = Status),
))]
pub(super) async fn status(state: State) -> HttpResponse {
    HttpResponse::Ok().json(&*state.status())
}
