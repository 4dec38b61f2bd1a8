//! `GET /metrics` for Prometheus, on TCP, apart from the API: whoever may read numbers need not
//! reach the socket.

use std::net::TcpListener;
use std::sync::Arc;

use actix_server::Server;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, resource, to};
use actix_web::{App, Error, HttpRequest, HttpResponse, ResponseError};
use tokio::sync::watch;

use crate::api::connection::{SPARE_CONNECTIONS, Terms};
use crate::api::hosts::Hosts;
use crate::api::places::Room;
use crate::api::routes::only_get;
use crate::api::server::start;
use crate::api::{ApiError, Limits, Problem, ProblemCode, ServerThread, connection};

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How many `/metrics` answers at a time; a Prometheus asks once a connection.
pub const METRICS_PLACES: usize = 128;

/// Room for them.
const ROOM: Room = Room { places: METRICS_PLACES, bytes: 8 << 20, body_bytes: 0 };

/// How long a scrape under way may take once the server is to end.
const SHUTDOWN_SECONDS: u64 = 1;

type Render = Arc<dyn Fn() -> String + Send + Sync>;

/// Serves what `render` returns at `/metrics`, and nothing else, to those who ask for this machine
/// by an address, as `localhost` or by one of `hosts`.
pub fn serve_metrics(
    listener: TcpListener,
    hosts: &[String],
    render: impl Fn() -> String + Send + Sync + 'static,
) -> Result<ServerThread, ApiError> {
    let render: Render = Arc::new(render);
    let hosts = Hosts::new(hosts);
    let (stopping, stopped) = watch::channel(false);
    let build = move || {
        let app = move || {
            App::new()
                .app_data(Data::new(Arc::clone(&render)))
                .app_data(Data::new(hosts.clone()))
                .wrap(from_fn(pass))
                .service(resource("/metrics").get(metrics).default_service(to(only_get)))
                .default_service(to(nothing))
        };
        let terms = Terms {
            limits: Limits::DAEMON,
            room: ROOM,
            max_body_bytes: |_| 0,
            refused: Arc::new(|_, _| {}),
            stopping: stopped,
        };
        let server = Server::build()
            .workers(1)
            .worker_max_blocking_threads(1)
            .max_concurrent_connections(ROOM.places + SPARE_CONNECTIONS)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .listen("metrics", listener, move || connection::service(app(), terms.clone()))?;
        Ok(server.run())
    };
    start("metrics", stopping, build)
}

async fn metrics(render: Data<Render>) -> HttpResponse {
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(render())
}

async fn nothing(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let message = format!("there is no {}", request.path());
    Err(Problem::new(ProblemCode::NotFound, message, "GET /metrics; the API is on the socket"))
}

/// Refuses requests for other hosts.
async fn pass(
    hosts: Data<Hosts>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    match hosts.check(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.into_response(problem.error_response()).map_into_right_body()),
    }
}
