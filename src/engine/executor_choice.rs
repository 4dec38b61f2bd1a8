//! Which executor runs the nets. One that was asked for and cannot run is an error.

use std::sync::Arc;

use candle_core::{Device, Result};
use serde::{Deserialize, Serialize};

use crate::engine::{CandleExec, CpuExec, Executor};

/// What the configuration asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorChoice {
    /// `fast` on a CPU, `candle` elsewhere.
    #[default]
    Auto,
    /// Own kernels; on a CPU only.
    Fast,
    /// candle's tensors, on any device.
    Candle,
}

impl ExecutorChoice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Fast, Self::Candle];

    /// The name that settings have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Fast => "fast",
            Self::Candle => "candle",
        }
    }

    /// The executor for nets whose parameters live on `device`.
    pub fn open(self, device: &Device) -> Result<Arc<dyn Executor>> {
        match (self, device.is_cpu()) {
            (Self::Auto | Self::Fast, true) => Ok(Arc::new(CpuExec::new())),
            (Self::Auto, false) | (Self::Candle, _) => {
                Ok(Arc::new(CandleExec::new(device.clone())))
            }
            (Self::Fast, false) => candle_core::bail!("the fast executor computes on a CPU only"),
        }
    }

    /// Threads for its kernels where `wanted` are asked for; 0 is every one of `cores` for own
    /// kernels, and one for candle's, whose threads wait for each other on small nets.
    pub fn threads(self, wanted: usize, cores: usize) -> usize {
        match (wanted, self) {
            (0, Self::Candle) => 1,
            (0, Self::Auto | Self::Fast) => cores,
            (wanted, _) => wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_the_fast_executor_unless_candle_is_asked_for() {
        let name = |choice: ExecutorChoice| choice.open(&Device::Cpu).unwrap().name();
        assert!(name(ExecutorChoice::Auto).starts_with("fast"));
        assert_eq!(name(ExecutorChoice::Auto), name(ExecutorChoice::Fast));
        assert_eq!(name(ExecutorChoice::Candle), "candle");
        assert_eq!(ExecutorChoice::Auto.threads(0, 6), 6);
        assert_eq!(ExecutorChoice::Candle.threads(0, 6), 1);
        assert_eq!(ExecutorChoice::ALL.map(|choice| choice.threads(3, 6)), [3; 3]);
    }

    #[test]
    fn a_choice_is_written_by_its_name() {
        for choice in ExecutorChoice::ALL {
            assert_eq!(serde_json::to_value(choice).unwrap(), choice.name());
        }
    }
}
