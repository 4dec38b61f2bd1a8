//! `GET /metrics` for Prometheus, on TCP, apart from the API: whoever may read numbers need not
//! reach the socket.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpMessage, HttpResponse, HttpServer, web};
use tokio::sync::watch;

use crate::api::gate::leave_unread;
use crate::api::server::start;
use crate::api::{ApiError, ServerThread};

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapers at a time; Prometheus keeps one connection.
const MAX_CONNECTIONS: usize = 32;

/// Until the head of a request is there.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a scrape under way may take once the server is to end.
const SHUTDOWN_SECONDS: u64 = 1;

type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Serves what `render` returns at `/metrics`, and nothing else.
pub fn serve_metrics(
    listener: TcpListener,
    render: impl Fn() -> String + Send + Sync + 'static,
) -> Result<ServerThread, ApiError> {
    let render: Render = Arc::new(render);
    let build = move || {
        let app = move || {
            App::new()
                .app_data(web::Data::new(Arc::clone(&render)))
                .wrap(from_fn(without_body))
                .route("/metrics", web::get().to(metrics))
                .default_service(web::to(nothing))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .worker_max_blocking_threads(1)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(HEAD_LIMIT)
            .h1_allow_half_closed(false)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals();
        Ok(server.listen(listener)?.run())
    };
    start("metrics", watch::channel(false).0, build)
}

async fn metrics(render: web::Data<Render>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(render())
}

async fn nothing() -> HttpResponse {
    HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("see /metrics\n")
}

/// Refuses a request with a body, unread, so that nobody waits for one that is half sent.
async fn without_body(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let refusal =
        leave_unread(HttpResponse::PayloadTooLarge().body("/metrics takes no body\n"), payload);
    Ok(request.into_response(refusal).map_into_right_body())
}
