//! How a child is computed: parameters, the candle executor, optimizers, learning rates, devices.

mod config;
mod params;

pub use config::{EngineConfig, SgdConfig};
pub use params::{Params, Snapshot, from_safetensors, to_safetensors};
