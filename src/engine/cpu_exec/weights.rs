//! The parameters that a pass reads, and the gradients that it finds for them.

use candle_core::{Device, Result, Tensor};

use crate::engine::{Params, Snapshot};

/// Where parameters are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weights<'a> {
    /// Variables in training.
    Params(&'a Params),
    /// A fixed copy.
    Snapshot(&'a Snapshot),
}

impl Weights<'_> {
    /// All values of a parameter.
    pub(super) fn get(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = match self {
            Self::Params(params) => params.get(name)?.as_tensor(),
            Self::Snapshot(snapshot) => match snapshot.get(name) {
                Some(tensor) => tensor,
                None => candle_core::bail!("there is no parameter `{name}`"),
            },
        };
        tensor.flatten_all()?.to_vec1()
    }
}

/// A tensor on the CPU.
pub(super) fn tensor(values: Vec<f32>, dims: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values, dims, &Device::Cpu)
}
