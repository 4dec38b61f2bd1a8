//! How both servers treat a connection: one request, and a limit on everything that a peer may
//! take its time over.
//!
//! ```text
//! accept ─► place ─► head ≤ limit ─► body ≤ limit ─► app ─► reply, each part ≤ limit ─► close
//! ```
//!
//! What follows the first request is thrown away unread.

use std::convert::Infallible;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::{HttpMessage, Request, Response, ServiceConfig};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service, map_config,
};
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::time::timeout;
use actix_web::{Error, ResponseError};
use tokio::sync::watch;

use crate::api::date::standing_clock;
use crate::api::exchange::Exchange;
use crate::api::peer::Stream;
use crate::api::places::{Place, Places, Room, Waits};
use crate::api::{Limits, Problem, ProblemCode};

/// Connections beyond the places that a server takes: they wait for one, or are told to go.
pub const SPARE_CONNECTIONS: usize = 32;

/// Replies up to this size need no room: all places together hold no more of them than is right.
const SMALL_BYTES: u64 = 32 << 10;

/// Bodies up to this size need no room: all but images.
const SMALL_BODY_BYTES: u64 = 64 << 10;

/// Called after every request that no route has seen, with the HTTP status of the reply and how
/// long it took.
type RefusedHook = Arc<dyn Fn(u16, Duration) + Send + Sync>;

/// How a server treats its connections.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) limits: Limits,
    pub(super) room: Room,
    /// The longest body of a request for a path.
    pub(super) max_body_bytes: fn(&str) -> usize,
    pub(super) refused: RefusedHook,
    /// True once the server ends: who has not asked is hung up on.
    pub(super) stopping: watch::Receiver<bool>,
}

/// The service of connections that answers each with `app`, whose requests bring a
/// [`Peer`](crate::api::peer::Peer) and an [`Option<IpAddr>`](Stream::reached_at) along.
pub(super) fn service<T, I, S, B>(
    app: I,
    terms: Terms,
) -> impl ServiceFactory<T, Config = (), Response = (), Error: fmt::Debug, InitError = ()>
where
    T: Stream,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    let app = map_config(app.into_factory(), |()| AppConfig::default());
    fn_factory(move || {
        let (app, terms) = (app.new_service(()), terms.clone());
        async move {
            let (codec, places) = (standing_clock(), Places::new(terms.room));
            let server = Rc::new(Server { app: app.await?, codec, places, terms });
            Ok(fn_service(move |stream: T| {
                let server = Rc::clone(&server);
                async move {
                    server.serve(stream).await;
                    Ok::<_, Infallible>(())
                }
            }))
        }
    })
}

/// What all connections of a server share.
struct Server<S> {
    app: S,
    codec: ServiceConfig,
    places: Places,
    terms: Terms,
}

impl<S, B> Server<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    async fn serve(&self, stream: impl Stream) {
        let (peer, reached_at) = (stream.peer(), stream.reached_at());
        let mut exchange = Exchange::new(stream, self.codec.clone(), self.terms.limits);
        let Ok(place) = timeout(self.terms.limits.take, self.places.enter(peer)).await else {
            // Who is gone need not be told.
            let _ = exchange.send(busy(), |_| {}).await;
            return exchange.end().await;
        };
        let answer = self.answer(&mut exchange, &place, move |request| {
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(reached_at);
        });
        let ended = tokio::select! {
            biased;
            () = place.lost() => None,
            answered = answer => Some(answered),
        };
        match ended {
            Some(true) => {
                place.now_waits(Waits::End);
                tokio::select! {
                    () = place.lost() => {}
                    () = exchange.end() => {}
                }
            }
            None if place.waits() == Waits::Request => {
                let _ = exchange.send(busy(), |_| {}).await;
            }
            Some(false) | None => {}
        }
    }

    /// Answers the request, if one comes; false if nothing was said.
    async fn answer(
        &self,
        exchange: &mut Exchange<impl Stream>,
        place: &Place,
        introduce: impl FnOnce(&Request),
    ) -> bool {
        let started = Instant::now();
        let mut stopping = self.terms.stopping.clone();
        let hold = |bytes| {
            let has_room = bytes <= SMALL_BODY_BYTES || place.hold_body(bytes);
            if has_room { Ok(()) } else { Err(no_room()) }
        };
        let received = tokio::select! {
            biased;
            // A server that is dropped ends too.
            _ = stopping.wait_for(|&stopping| stopping) => return false,
            received = exchange.receive(self.terms.max_body_bytes, hold) => received,
        };
        place.now_waits(Waits::Daemon);
        let reply = match received {
            Ok(None) => return false,
            Ok(Some(request)) => {
                introduce(&request);
                match exchange.unless_gone(self.app.call(request)).await {
                    Some(Ok(reply)) => reply.map_into_boxed_body().into(),
                    Some(Err(error)) => error.error_response().into(),
                    None => return false,
                }
            }
            Err(problem) => {
                tracing::debug!(%problem, "a request is refused");
                (self.terms.refused)(problem.code.status().as_u16(), started.elapsed());
                problem.error_response().into()
            }
        };
        // Before the reply, for whoever has it may send the next.
        place.release_body();
        let reply = if has_room(place, &reply) { reply } else { busy() };
        let sent = exchange.send(reply, |waits| place.now_waits(waits)).await;
        if let Err(error) = &sent {
            tracing::debug!(%error, "a reply was not taken whole");
        }
        sent.is_ok()
    }
}

fn has_room(place: &Place, reply: &Response<BoxBody>) -> bool {
    match reply.body().size() {
        BodySize::Sized(bytes) if SMALL_BYTES < bytes => place.hold(bytes),
        _ => true,
    }
}

fn busy() -> Response<BoxBody> {
    no_room().error_response().into()
}

fn no_room() -> Problem {
    let message = "all places are taken";
    let hint = "close other connections, or try again in a moment";
    Problem::new(ProblemCode::Busy, message, hint)
}
