//! How a child is computed: parameters, the candle executor, optimizers, learning rates, devices.

mod adam;
mod candle_exec;
mod config;
mod device;
mod init;
mod layers;
mod learning_rate;
mod params;
mod sgd;
mod windows;

pub use adam::{Adam, AdamConfig, AdamState};
pub use candle_exec::{CandleExec, Gradients, Images, Noise, average_grads, update_running};
pub use config::{EngineConfig, SgdConfig};
pub use device::{DeviceChoice, OpenDevice, UnknownDevice};
pub use init::initial_values;
pub use learning_rate::learning_rate;
pub use params::{Params, Snapshot, from_safetensors, to_safetensors};
pub use sgd::{Sgd, global_norm};
