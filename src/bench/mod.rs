//! How fast children run here: one net, one batch, many steps, and what share that is of what
//! the machine can do.
//!
//! A benchmark is a [`BenchJob`]: a net, its initial values and a made-up batch, all functions of
//! the settings and the seed, so that another program can be given the same work and asked for the
//! same gradients.

mod arch;
mod config;
mod error;
mod executor;
mod job;
mod layer_times;
mod memory;
mod pace;
mod peak;
mod report;
mod save;
#[cfg(test)]
mod tests;

pub use arch::ArchChoice;
pub use config::{BenchConfig, BenchSize, NetKind, UnknownNet};
pub use error::BenchError;
pub use executor::{DEFAULT_EXECUTOR, executor_choice, open};
pub use job::BenchJob;
pub use layer_times::time_layers;
pub use memory::peak_rss_bytes;
pub use pace::Pace;
pub use peak::peak_gflops;
pub use report::{Report, measure};
pub use save::Saves;
