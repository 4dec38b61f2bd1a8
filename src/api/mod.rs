//! The local API: HTTP/1.1 and JSON over a Unix socket.
//!
//! ```text
//! enasctl ── Client ──► socket ──► gate (who, how much, how long) ──► routes
//!                                               │ │ └─ files: history.sqlite, best/, trials/,
//!                                               │ │           champions/
//!                                               │ └─── watch<Status>
//!                                               └───── Commands: to the controller, and images
//!                                                      to the classifier
//! ```
//!
//! Questions are answered from the last [`Status`](crate::actors::Status) and from files, so they
//! never wait for training; only commands go to the controller, and each wait has a limit. The
//! server has its own threads. What there is, is one table, `routes/table.rs`: a route is a handler
//! and a line there.
//!
//! Reading takes the socket's permission. Commands, which are all that is no `GET`, take a peer
//! whose user is root, the daemon's own, or one of the configured admins (`SO_PEERCRED`).
//!
//! Every error is `application/problem+json`: a stable code, what happened, and how to mend it.
//!
//! # How to add a command
//!
//! 1. `actors/commands.rs`: the message, and its line with its reply in the table there;
//!    `actors/mod.rs` names it.
//! 2. `actors/command.rs`: what the driver does between two steps; what takes long goes on beside
//!    the search.
//! 3. `api/routes/commands.rs`, or a file of its own for one with arguments (`wire/commands.rs` has
//!    their types): the handler with its `#[utoipa::path]`; and its line, with the problems that it
//!    may answer with, in `api/routes/table.rs`.
//! 4. `bin/enasctl/args.rs`: the verb. `main.rs` beside it: which path that is. `commands.rs`: what
//!    is printed, where that is more than that it is done.
//! 5. `tests/api/rig.rs` answers in the controller's place, `tests/api/cli.rs` asks. README names
//!    the verb.
//!
//! A question is steps 3 to 5: it is answered from the status and from files.

mod client;
mod command;
mod connection;
mod date;
mod error;
mod exchange;
mod gate;
mod head;
mod hosts;
mod image_tar;
mod metrics_server;
mod openapi;
mod origin;
mod peer;
mod places;
mod problem;
mod readings;
mod routes;
mod running;
mod server;
mod socket;
mod state;
mod turns;
pub mod wire;

pub use client::{Client, Lines};
pub use connection::SPARE_CONNECTIONS;
pub use error::ApiError;
pub use image_tar::each_image;
pub use metrics_server::{METRICS_PLACES, serve_metrics};
pub use origin::{ConfigOrigins, Origin, OriginLayer};
pub use problem::{Problem, ProblemCode};
pub use routes::table::{command_paths, route_paths};
pub use running::{LogFilter, LogLevel, RunningConfig, SetFilter};
pub use server::{API_PLACES, ServerThread, serve, serve_listener};
pub use socket::Socket;
pub use state::{ApiState, Limits, RequestHook, ServeConfig};
