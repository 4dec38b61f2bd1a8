//! What every request of the API passes: who commands, and the count of requests.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, ResponseError};

use crate::api::peer::Peer;
use crate::api::routes::table;
use crate::api::{ApiState, Problem};

/// Lets a request pass, or answers in the handler's place.
pub(super) async fn pass(
    state: Data<ApiState>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let route = table::name(request.match_pattern().as_deref());
    let response = match admit(&state, &request) {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(problem) => request.into_response(problem.error_response()),
    };
    (state.config.hook)(route, response.status().as_u16(), started.elapsed());
    Ok(response)
}

fn admit(state: &ApiState, request: &ServiceRequest) -> Result<(), Problem> {
    if !table::is_command(request.method()) {
        return Ok(());
    }
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer::Unknown);
    state.commanders().check(peer)
}
