//! How the search learns: policy, REINFORCE, the random arm, the schedule, and the plain loop.

mod best;
mod config;
mod schedule;

pub use best::{BestCell, BestCells, BestChange};
pub use config::{DeriveConfig, PolicyConfig, ScheduleConfig};
pub use schedule::{Phase, Place, Until};
