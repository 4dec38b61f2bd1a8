//! The executors by the names that `--executor` takes.

use std::sync::Arc;

use crate::bench::BenchError;
use crate::engine::{DeviceChoice, Executor, ExecutorChoice};

/// The executor that is measured where none is named: the fastest of the device.
pub const DEFAULT_EXECUTOR: &str = ExecutorChoice::Auto.name();

/// What `--executor` asks for.
pub fn executor_choice(name: &str) -> Result<ExecutorChoice, BenchError> {
    let found = ExecutorChoice::ALL.into_iter().find(|choice| choice.name() == name);
    found.ok_or_else(|| BenchError::Executor { name: name.to_owned() })
}

/// The executor `name`, on the device `device`.
pub fn open(name: &str, device: &str) -> Result<Arc<dyn Executor>, BenchError> {
    let unusable = |why: String| BenchError::Device { device: device.to_owned(), why };
    let choice: DeviceChoice = device.parse().map_err(|error| unusable(format!("{error}")))?;
    let device = choice.open().map_err(|error| unusable(error.to_string()))?;
    Ok(executor_choice(name)?.open(&device)?)
}
