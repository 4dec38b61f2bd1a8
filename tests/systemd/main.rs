//! The daemon under a service manager: sockets handed over, and what it is told. The manager is
//! played by these tests; `systemd/` itself is proven in a booted systemd.

#[path = "../common/mod.rs"]
mod common;
mod notify;
mod reload;
mod rig;
mod sockets;
mod watchdog;
