//! What the search learns from: images, their splits, and the endless stream of batches.

mod config;

pub use config::{DataConfig, Source};
