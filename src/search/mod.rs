//! How the search learns: policy, REINFORCE, the random arm, the schedule, and the plain loop.

mod config;

pub use config::{DeriveConfig, PolicyConfig, ScheduleConfig};
