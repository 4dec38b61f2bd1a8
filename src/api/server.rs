//! The API's server, on threads of its own: the search never waits for it, nor it for the search.

use std::fmt;
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use actix_server::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::System;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, web};
use tokio::sync::watch;

use crate::api::connection::{SPARE_CONNECTIONS, Terms};
use crate::api::places::Room;
use crate::api::routes::table::OTHER;
use crate::api::socket::SocketFile;
use crate::api::state::note_progress;
use crate::api::wire::MAX_IMAGES_BYTES;
use crate::api::{
    ApiError, ApiState, ServeConfig, Socket, connection, gate, openapi, readings, routes,
};

/// How many the API answers at a time. Every follower and every command takes a place, which leaves
/// 224 for questions.
pub const API_PLACES: usize = 256;

/// Room for them; of the longest bodies there is one at a time.
const ROOM: Room =
    Room { places: API_PLACES, bytes: 16 << 20, body_bytes: MAX_IMAGES_BYTES as u64 };

/// How long requests under way may take once the server is to end.
const SHUTDOWN_SECONDS: u64 = 2;

/// A server on a thread of its own.
pub struct ServerThread {
    name: &'static str,
    handle: ServerHandle,
    thread: JoinHandle<io::Result<()>>,
    stopping: watch::Sender<bool>,
    file: Option<Arc<SocketFile>>,
}

impl fmt::Debug for ServerThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerThread").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ServerThread {
    /// Whether it serves; one that does not without having been stopped has failed.
    pub fn is_serving(&self) -> bool {
        !self.thread.is_finished()
    }

    /// Ends it: streams are ended, requests under way get two seconds, the socket file goes.
    pub async fn stop(self) -> Result<(), ApiError> {
        self.stopping.send_replace(true);
        self.handle.stop(true).await;
        // The thread looks after the file to its end.
        let ended = self.thread.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        drop(self.file);
        ended.map_err(|source| ApiError::Server { server: self.name, source })
    }
}

/// Serves the API on a socket made by [`Socket::bind`], whose file goes when the server ends.
pub fn serve(socket: Socket, config: ServeConfig) -> Result<ServerThread, ApiError> {
    let (listener, file) = socket.into_parts();
    let file = Some(Arc::new(file));
    Ok(ServerThread { file: file.clone(), ..serve_on(listener, file, config)? })
}

/// Serves the API on a listener that somebody else made, such as systemd, and whose file is
/// theirs.
pub fn serve_listener(
    listener: UnixListener,
    config: ServeConfig,
) -> Result<ServerThread, ApiError> {
    serve_on(listener, None, config)
}

/// Serves on a listener, and looks after its `file`.
fn serve_on(
    listener: UnixListener,
    file: Option<Arc<SocketFile>>,
    config: ServeConfig,
) -> Result<ServerThread, ApiError> {
    let (stopping, stopped) = watch::channel(false);
    let build = move || {
        let (progress, noted) = watch::channel(Instant::now());
        actix_web::rt::spawn(note_progress(config.status.clone(), progress));
        if let Some(file) = file {
            actix_web::rt::spawn(file.keep());
        }
        let hook = Arc::clone(&config.hook);
        let terms = Terms {
            limits: config.limits,
            room: ROOM,
            max_body_bytes: routes::max_body_bytes,
            refused: Arc::new(move |status, duration| hook(OTHER, status, duration)),
            stopping: stopped.clone(),
        };
        let state = ApiState::new(config, openapi::text(), stopped, noted);
        let state = Data::from(Arc::new(state));
        let app = move || {
            App::new()
                .app_data(state.clone())
                .wrap(from_fn(gate::pass))
                .configure(|config: &mut ServiceConfig| routes::configure(config))
                .default_service(web::to(routes::no_route))
        };
        let server = Server::build()
            .workers(1)
            .worker_max_blocking_threads(readings::THREADS)
            .max_concurrent_connections(ROOM.places + SPARE_CONNECTIONS)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .listen_uds("api", listener, move || connection::service(app(), terms.clone()))?;
        Ok(server.run())
    };
    start("api", stopping, build)
}

/// Runs a server on a thread with its own actix system, and returns once it listens.
pub(super) fn start(
    name: &'static str,
    stopping: watch::Sender<bool>,
    build: impl FnOnce() -> io::Result<Server> + Send + 'static,
) -> Result<ServerThread, ApiError> {
    let failed = |source| ApiError::Server { server: name, source };
    let (started, handle) = mpsc::sync_channel(1);
    let run = move || {
        System::new().block_on(async move {
            match build() {
                Ok(server) => {
                    // The receiver waits for exactly this.
                    let _ = started.send(Ok(server.handle()));
                    server.await
                }
                Err(err) => {
                    let _ = started.send(Err(err));
                    Ok(())
                }
            }
        })
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run).map_err(failed)?;
    let handle = handle.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended")));
    Ok(ServerThread { name, handle: handle.map_err(failed)?, thread, stopping, file: None })
}
