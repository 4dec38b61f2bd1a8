//! How a child is computed: parameters, the candle executor, optimizers, learning rates, devices.

mod adam;
mod config;
mod params;

pub use adam::{Adam, AdamConfig, AdamState};
pub use config::{EngineConfig, SgdConfig};
pub use params::{Params, Snapshot, from_safetensors, to_safetensors};
