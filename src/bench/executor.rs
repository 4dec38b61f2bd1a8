//! The executors by the names that `--executor` takes.

use std::sync::Arc;

use candle_core::Device;

use crate::bench::BenchError;
use crate::engine::{CandleExec, Executor};

/// The executor that is measured where none is named.
pub const DEFAULT_EXECUTOR: &str = "candle";

/// The executor `name`, on the CPU.
pub fn open(name: &str) -> Result<Arc<dyn Executor>, BenchError> {
    match name {
        "candle" => Ok(Arc::new(CandleExec::new(Device::Cpu))),
        _ => Err(BenchError::Executor { name: name.to_owned() }),
    }
}
