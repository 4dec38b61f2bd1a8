//! How both servers speak HTTP/1.1: one request a connection, and a limit on everything that a
//! peer may take its time over.
//!
//! ```text
//! accept ─► head ≤ limit ─► body (the gate's) ─► reply: each part taken within the limit ─► close
//! ```
//!
//! actix-web's own server knows no limit on writing, and none on the second head of a connection,
//! so a peer that stops reading, or says half a second request, would keep its place for ever.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Request, Response};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Extensions};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio_io_timeout::TimeoutWriter;

use crate::api::Limits;

/// A connection whose writes have a limit.
pub(super) type Timed<T> = Pin<Box<TimeoutWriter<T>>>;

/// The service of connections that answers them with `app`. `remember` looks at each new one;
/// once `stopping` is true, those that are silent are hung up on.
pub(super) fn service<T, I, S, B>(
    app: I,
    limits: Limits,
    remember: fn(&Timed<T>, &mut Extensions),
    stopping: watch::Receiver<bool>,
) -> impl ServiceFactory<T, Config = (), Response = (), Error: fmt::Debug, InitError = ()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error>,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>>,
    B: MessageBody + 'static,
{
    let app = app.into_factory().map_err(|err| err.into().error_response());
    let http = HttpService::build()
        .keep_alive(KeepAlive::Disabled)
        .client_request_timeout(limits.head)
        // What comes after a refusal is thrown away for a second: a peer who hears nothing before
        // it has sent its body would not read why.
        .client_disconnect_timeout(Duration::from_secs(1))
        // A peer that hangs up is gone: nothing goes on for it.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let mut stopping = stopping.clone();
            async move {
                // A server that is dropped ends too.
                let _ = stopping.wait_for(|&stopping| stopping).await;
            }
        })
        .on_connect_ext(remember)
        .h1(map_config(app, |()| AppConfig::default()));
    fn_service(move |connection: T| async move {
        let mut timed = TimeoutWriter::new(connection);
        timed.set_timeout(Some(limits.take));
        Ok((Box::pin(timed), None))
    })
    .and_then(http)
}
