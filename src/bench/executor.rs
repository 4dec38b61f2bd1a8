//! The executors by the names that `--executor` takes.

use std::sync::Arc;

use candle_core::Device;

use crate::bench::BenchError;
use crate::engine::{Executor, ExecutorChoice};

/// The executor that is measured where none is named.
pub const DEFAULT_EXECUTOR: &str = ExecutorChoice::Fast.name();

/// What `--executor` asks for.
pub fn executor_choice(name: &str) -> Result<ExecutorChoice, BenchError> {
    let measurable = [ExecutorChoice::Fast, ExecutorChoice::Candle];
    let found = measurable.into_iter().find(|choice| choice.name() == name);
    found.ok_or_else(|| BenchError::Executor { name: name.to_owned() })
}

/// The executor `name`, on the CPU.
pub fn open(name: &str) -> Result<Arc<dyn Executor>, BenchError> {
    Ok(executor_choice(name)?.open(&Device::Cpu)?)
}
