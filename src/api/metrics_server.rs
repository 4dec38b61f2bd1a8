//! `GET /metrics` for Prometheus, on TCP, apart from the API: whoever may read numbers need not
//! reach the socket.

use std::net::TcpListener;
use std::sync::Arc;

use actix_server::Server;
use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::middleware::from_fn;
use actix_web::web::{resource, to};
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use tokio::sync::watch;

use crate::api::gate::leave_unread;
use crate::api::head::check_head;
use crate::api::routes::only_get;
use crate::api::server::start;
use crate::api::{ApiError, Limits, Problem, ProblemCode, ServerThread, connection};

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapers at a time; Prometheus keeps one connection.
const MAX_CONNECTIONS: usize = 32;

/// How long a scrape under way may take once the server is to end.
const SHUTDOWN_SECONDS: u64 = 1;

type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Serves what `render` returns at `/metrics`, and nothing else.
pub fn serve_metrics(
    listener: TcpListener,
    render: impl Fn() -> String + Send + Sync + 'static,
) -> Result<ServerThread, ApiError> {
    let render: Render = Arc::new(render);
    let (stopping, stopped) = watch::channel(false);
    let build = move || {
        let app = move || {
            App::new()
                .app_data(web::Data::new(Arc::clone(&render)))
                .wrap(from_fn(pass))
                .service(resource("/metrics").get(metrics).default_service(to(only_get)))
                .default_service(to(nothing))
        };
        let server = Server::build()
            .workers(1)
            .worker_max_blocking_threads(1)
            .max_concurrent_connections(MAX_CONNECTIONS)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .listen("metrics", listener, move || {
                connection::service(app(), Limits::DAEMON, |_, _| {}, stopped.clone())
            })?;
        Ok(server.run())
    };
    start("metrics", stopping, build)
}

async fn metrics(render: web::Data<Render>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(render())
}

async fn nothing(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let message = format!("there is no {}", request.path());
    Err(Problem::new(ProblemCode::NotFound, message, "GET /metrics; the API is on the socket"))
}

/// Refuses a head that is too long, and a body, unread, so that nobody waits for one that is half
/// sent.
async fn pass(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let payload = request.take_payload();
    let refused = match check_head(&request) {
        Ok(()) if matches!(payload, Payload::None) => {
            return Ok(next.call(request).await?.map_into_left_body());
        }
        Ok(()) => Problem::new(ProblemCode::BodyTooLarge, "/metrics takes no body", "send none"),
        Err(problem) => problem,
    };
    let reply = leave_unread(refused.error_response(), payload);
    Ok(request.into_response(reply).map_into_right_body())
}
