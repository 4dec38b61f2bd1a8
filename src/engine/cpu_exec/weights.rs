//! The parameters that a pass reads.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::engine::cpu_exec::buffers::{Buffers, Numbers};
use crate::engine::{Params, Snapshot, floats};

/// Where parameters are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weights<'a> {
    /// Variables in training.
    Params(&'a Params),
    /// A fixed copy.
    Snapshot(&'a Snapshot),
}

impl Weights<'_> {
    /// Has `read` read all values of a parameter.
    pub(super) fn read<T>(&self, name: &str, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
        let tensor: &Tensor = match self {
            Self::Params(params) => params.get(name)?,
            Self::Snapshot(snapshot) => match snapshot.get(name) {
                Some(tensor) => tensor,
                None => candle_core::bail!("there is no parameter `{name}`"),
            },
        };
        floats::read(tensor, read)
    }

    /// A copy of all values of a parameter.
    pub(super) fn copy(&self, buffers: &Arc<Buffers>, name: &str) -> Result<Numbers<f32>> {
        self.read(name, |values| buffers.collect(values.iter().copied()))
    }
}
