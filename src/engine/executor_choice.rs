//! Which executor runs the nets. One that was asked for and cannot run is an error.

use std::sync::Arc;

use candle_core::{Device, Result, bail};
use serde::{Deserialize, Serialize};

#[cfg(feature = "cuda")]
use crate::engine::DeviceChoice;
use crate::engine::{CandleExec, CpuExec, Executor, OpenDevice, Opened};

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorChoice {
    /// `fast` on a CPU, `cuda` on a GPU.
    #[default]
    Auto,
    /// Own kernels; on a CPU only.
    Fast,
    /// Own kernels; on a GPU only, and for nets that read images.
    Cuda,
    /// candle's tensors; on a GPU in builds with the feature `candle-cuda`.
    Candle,
}

impl ExecutorChoice {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Fast, Self::Cuda, Self::Candle];

    /// The name that settings have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fast => "fast",
            Self::Cuda => "cuda",
            Self::Candle => "candle",
        }
    }

    /// The executor on `device`.
    pub fn open(self, device: &OpenDevice) -> Result<Arc<dyn Executor>> {
        match (self, &device.on) {
            (_, Opened::Cpu) => self.on_cpu(),
            #[cfg(feature = "cuda")]
            (Self::Auto | Self::Cuda, Opened::Gpu(exec)) => Ok(Arc::new(exec.clone())),
            #[cfg(feature = "cuda")]
            (Self::Candle, Opened::Gpu(_)) => candle_on(device.used),
            #[cfg(feature = "cuda")]
            (Self::Fast, Opened::Gpu(_)) => bail!("the fast executor computes on a CPU only"),
        }
    }

    /// The executor on the CPU.
    pub fn on_cpu(self) -> Result<Arc<dyn Executor>> {
        match self {
            Self::Auto | Self::Fast => Ok(Arc::new(CpuExec::new())),
            Self::Candle => Ok(Arc::new(CandleExec::new(Device::Cpu))),
            Self::Cuda => {
                bail!("the cuda executor computes on a GPU only: set the device to `cuda:0`")
            }
        }
    }

    /// Threads for its kernels where `wanted` are asked for; 0 is every one of `cores` for own
    /// kernels, and one for candle's, whose threads wait for each other on small nets.
    pub fn threads(self, wanted: usize, cores: usize) -> usize {
        match (wanted, self) {
            (0, Self::Candle) => 1,
            (0, Self::Auto | Self::Fast | Self::Cuda) => cores,
            (wanted, _) => wanted,
        }
    }
}

/// candle on a GPU, with one stream for all threads: without it every thread has a stream of its own,
/// nothing orders them, and a trainer's update and an evaluator's score of the same ω race.
#[cfg(feature = "candle-cuda")]
fn candle_on(used: DeviceChoice) -> Result<Arc<dyn Executor>> {
    let DeviceChoice::Cuda(number) = used else { bail!("{used} is no GPU") };
    Ok(Arc::new(CandleExec::new(Device::new_cuda_with_stream(number)?)))
}

#[cfg(all(feature = "cuda", not(feature = "candle-cuda")))]
fn candle_on(used: DeviceChoice) -> Result<Arc<dyn Executor>> {
    bail!("this enasd was built without candle on {used}: build it with `--features candle-cuda`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_the_fast_executor_unless_candle_is_asked_for() {
        let name = |choice: ExecutorChoice| choice.on_cpu().unwrap().name();
        assert!(name(ExecutorChoice::Auto).starts_with("fast"));
        assert_eq!(name(ExecutorChoice::Auto), name(ExecutorChoice::Fast));
        assert_eq!(name(ExecutorChoice::Candle), "candle");
        assert_eq!(ExecutorChoice::Auto.threads(0, 6), 6);
        assert_eq!(ExecutorChoice::Candle.threads(0, 6), 1);
        assert_eq!(ExecutorChoice::ALL.map(|choice| choice.threads(3, 6)), [3; 4]);
        assert!(ExecutorChoice::Cuda.on_cpu().is_err());
    }

    #[test]
    fn a_choice_is_written_by_its_name() {
        for choice in ExecutorChoice::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.name());
        }
    }
}
