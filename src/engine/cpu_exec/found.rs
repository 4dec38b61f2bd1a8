//! What a training pass finds, in tensors that passes use again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use crate::engine::{Gradients, Snapshot, floats};

/// The gradients of so many nets wait for their next pass: those of one update, and of nets that
/// take turns.
const SPARES: usize = 4;

/// Sides of tensors by name.
pub(super) type Dims = BTreeMap<String, Vec<usize>>;

/// Results of earlier passes whose memory nobody reads any more.
#[derive(Debug, Default)]
pub(super) struct Spares(Mutex<Vec<Gradients>>);

impl Spares {
    pub(super) fn give(&self, used: Gradients) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES {
            spares.push(used);
        }
    }

    /// Tensors of these names and sides, which hold anything: those of a like pass where there
    /// was one; else, once there are enough for others, what fits of the oldest.
    pub(super) fn take(&self, grads: &Dims, moments: &Dims) -> Result<Gradients> {
        let spare = {
            let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let like = spares.iter().position(|spare| fits(&spare.grads, grads));
            let oldest = (spares.len() == SPARES).then_some(0);
            like.or(oldest).map(|place| spares.remove(place))
        };
        let spare = spare.unwrap_or_else(|| Gradients {
            loss: 0.0,
            correct: 0,
            grads: Snapshot::new(),
            moments: Snapshot::new(),
        });
        let [grads, moments] =
            [(spare.grads, grads), (spare.moments, moments)].map(|(spare, dims)| fit(spare, dims));
        Ok(Gradients { loss: 0.0, correct: 0, grads: grads?, moments: moments? })
    }
}

fn fits(tensors: &Snapshot, dims: &Dims) -> bool {
    let mut pairs = tensors.iter().zip(dims);
    tensors.len() == dims.len()
        && pairs.all(|((name, tensor), (wanted, dims))| name == wanted && tensor.dims() == dims)
}

/// The tensors that are wanted, and new ones for the others.
pub(super) fn fit(mut tensors: Snapshot, dims: &Dims) -> Result<Snapshot> {
    tensors.retain(|name, tensor| dims.get(name).is_some_and(|dims| tensor.dims() == dims));
    for (name, dims) in dims {
        if !tensors.contains_key(name) {
            let tensor = Tensor::zeros(dims.as_slice(), DType::F32, &Device::Cpu)?;
            tensors.insert(name.clone(), tensor);
        }
    }
    Ok(tensors)
}

/// Has `write` write the tensor `name`.
pub(super) fn write(tensors: &Snapshot, name: &str, write: impl Fn(&mut [f32])) -> Result<()> {
    match tensors.get(name) {
        Some(tensor) => floats::write(tensor, write),
        None => candle_core::bail!("there is no room for the gradient of `{name}`"),
    }
}
