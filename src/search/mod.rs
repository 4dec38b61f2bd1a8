//! How the search learns: policy, REINFORCE, the random arm, the schedule, and the plain loop.

mod advantage;
mod baseline;
mod config;
mod error;
mod policy;
mod reinforce;
mod rollout;
mod strategy;
mod uniform;
mod walk;

pub use advantage::{Advantage, AdvantageReport, Interval, MIN_STEPS, Verdict};
pub use baseline::Baseline;
pub use config::{DeriveConfig, PolicyConfig, ScheduleConfig};
pub use error::SearchError;
pub use policy::Policy;
pub use reinforce::Reinforce;
pub use rollout::{OpProbabilities, Rollout, Scored};
pub use strategy::{LearnReport, Strategy, StrategyState, UpdateReport};
pub use uniform::Uniform;
