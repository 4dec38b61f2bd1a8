//! What every request passes: how long its head may be, who commands, how long a body may be and
//! take, and the count of requests.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use futures_util::StreamExt;

use crate::api::head::check_head;
use crate::api::peer::Peer;
use crate::api::{ApiState, Problem, ProblemCode, routes};

/// The longest body: a thousand times an architecture.
pub(super) const MAX_BODY_BYTES: usize = 64 << 10;

/// Lets a request pass, or answers in the handler's place.
pub(super) async fn pass(
    state: Data<ApiState>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let route = routes::name(request.match_pattern().as_deref());
    let mut payload = request.take_payload();
    let response = match admit(&state, &request, &mut payload).await {
        Ok(body) => {
            request.set_payload(Payload::from(body));
            next.call(request).await?.map_into_boxed_body()
        }
        Err(problem) => request.into_response(leave_unread(problem.error_response(), payload)),
    };
    (state.config.hook)(route, response.status().as_u16(), started.elapsed());
    Ok(response)
}

/// Gives a reply to a request whose body is not read to its end, and sees that the connection
/// ends with it. actix-web would go on reading, for ever, a chunked body that nobody holds; so the
/// reply's own body holds it until it is sent.
pub(super) fn leave_unread(reply: HttpResponse, body: Payload) -> HttpResponse {
    reply.map_body(|_, sent| BoxBody::new(Holding { sent, _unread: body }))
}

/// A body that keeps another one from being dropped.
struct Holding {
    sent: BoxBody,
    _unread: Payload,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.sent.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.sent).poll_next(cx)
    }
}

/// Checks the peer, and reads the body whole, so that no handler waits for one.
async fn admit(
    state: &ApiState,
    request: &ServiceRequest,
    payload: &mut Payload,
) -> Result<Bytes, Problem> {
    check_head(request)?;
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        state.commanders().check(request.conn_data::<Peer>().copied())?;
    }
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| (MAX_BODY_BYTES as u64) < bytes) {
        return Err(too_large());
    }
    read_body(payload, state.config.limits.body).await
}

/// Reads a body; actix-web itself waits for ever for one that is half sent.
async fn read_body(payload: &mut Payload, limit: Duration) -> Result<Bytes, Problem> {
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|err| {
                let hint = "send as many bytes as the head announces";
                Problem::new(ProblemCode::BadBody, format!("the body is broken: {err}"), hint)
            })?;
            if MAX_BODY_BYTES < body.len() + chunk.len() {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    timeout(limit, read).await.unwrap_or_else(|_| {
        let message = format!("the body did not arrive within {} s", limit.as_secs_f64());
        Err(Problem::new(ProblemCode::BodyTimeout, message, "send it whole"))
    })
}

fn too_large() -> Problem {
    let message = format!("the body has more than {MAX_BODY_BYTES} bytes");
    Problem::new(ProblemCode::BodyTooLarge, message, "no request of this API is that long")
}
