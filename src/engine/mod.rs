//! How a child is computed: parameters, three executors (kernels of its own on a CPU and on a
//! GPU, and candle's tensors), the optimizer, learning rates, devices.

mod candle_exec;
mod candle_words;
mod config;
mod cpu_exec;
#[cfg(feature = "cuda")]
mod cuda_exec;
mod determinism;
mod device;
mod executor;
mod executor_choice;
mod floats;
mod gradient_check;
mod init;
#[doc(hidden)] // For the benches.
pub mod kernel;
mod layers;
mod learning_rate;
mod metamorphic;
mod nesterov;
mod params;
mod pass;
mod probe;
mod reason;
mod sgd;
mod watched;
#[cfg(test)]
mod whole_nets;
mod windows;
mod witness;
mod words;
mod zero_cost;

pub use candle_exec::{CandleExec, average_grads, update_running};
pub use config::{EngineConfig, SgdConfig};
pub use cpu_exec::CpuExec;
#[cfg(feature = "cuda")]
pub use cuda_exec::{CudaExec, GpuError};
pub use device::{DeviceChoice, NoDevice, OpenDevice, Opened, UnknownDevice};
pub use executor::{Batch, Executor, Gradients, Images, Measured, right};
pub use executor_choice::ExecutorChoice;
pub use init::initial_values;
pub use layers::NORM_EPSILON;
pub use learning_rate::learning_rate;
pub use params::{Params, Snapshot, from_safetensors, part_of, to_safetensors};
pub use pass::Noise;
pub(crate) use reason::reason;
pub use sgd::Sgd;
pub use watched::Watched;
pub use words::Words;
pub use zero_cost::ZeroCost;
