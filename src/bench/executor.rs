//! The executors by the names that `--executor` takes.

use std::sync::Arc;

use candle_core::Device;

use crate::bench::BenchError;
use crate::engine::{Executor, ExecutorChoice};

/// The executor that is measured where none is named.
pub const DEFAULT_EXECUTOR: &str = "fast";

/// The executor `name`, on the CPU.
pub fn open(name: &str) -> Result<Arc<dyn Executor>, BenchError> {
    let choice = match name {
        "fast" => ExecutorChoice::Fast,
        "candle" => ExecutorChoice::Candle,
        _ => return Err(BenchError::Executor { name: name.to_owned() }),
    };
    choice.open(&Device::Cpu).map_err(BenchError::from)
}
