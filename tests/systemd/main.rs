//! The daemon under a service manager: sockets handed over, and what it is told. The manager is
//! played by these tests; `systemd/` itself is proven in a booted systemd.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../common/mod.rs"]
mod common;
mod notify;
mod reload;
mod rig;
mod sockets;
mod watchdog;
