//! Stochastic gradient descent with Nesterov momentum, weight decay and a clipped norm.
//!
//! ```text
//! g ← g + λ·w          for the parameters that the child reads; others stay as they are
//! g ← g · min(1, c / ‖g‖)                       ‖g‖ over all of them together
//! a ← μ·a + g;   w ← w − η·(g + μ·a)            (Nesterov, as TensorFlow has it)
//! ```
//!
//! Departures from the authors' code: they decay and carry the momentum of every parameter at
//! every step, sampled or not; they count the decay twice (`λ·Σw²` without the half); and their
//! clipping has no effect.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Result, Tensor, Var};

use crate::engine::kernel::Isa;
use crate::engine::nesterov::{self, StepRule};
use crate::engine::{Params, SgdConfig, Snapshot};

/// Nesterov SGD with its momenta.
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    /// Written in place, so nobody else may hold them.
    momenta: BTreeMap<String, Var>,
    isa: Isa,
}

impl Sgd {
    /// An optimizer that goes on from a copy of `momenta` on `device`, the parameters'; a
    /// parameter without one starts at zero.
    pub fn new(config: SgdConfig, momenta: &Snapshot, device: &Device) -> Result<Self> {
        let momenta = momenta.iter().map(|(name, momentum)| {
            // One after another: a device may not hold all of them twice.
            Ok((name.clone(), Var::from_tensor(&momentum.to_device(device)?.copy()?)?))
        });
        Ok(Self { config, momenta: momenta.collect::<Result<_>>()?, isa: Isa::best() })
    }

    /// A deep copy of the momenta, by parameter.
    pub fn momenta(&self) -> Result<Snapshot> {
        self.momenta
            .iter()
            .map(|(name, var)| Ok((name.clone(), var.as_detached_tensor().copy()?)))
            .collect()
    }

    /// Takes one step. Returns the gradient's norm before clipping; where that is not finite,
    /// nothing was changed.
    pub fn step(&mut self, params: &Params, grads: &Snapshot, learning_rate: f64) -> Result<f64> {
        if grads.values().all(in_place) {
            self.fused(params, grads, learning_rate)
        } else {
            self.by_tensors(params, grads, learning_rate)
        }
    }

    /// The step for f32 in main memory.
    fn fused(&mut self, params: &Params, grads: &Snapshot, learning_rate: f64) -> Result<f64> {
        let mut sum = 0.0;
        for (name, grad) in grads {
            let weight = params.get(name)?;
            let decay = self.config.weight_decay;
            sum += nesterov::squared_norm(self.isa, decay, weight, &grad.contiguous()?)?;
        }
        let norm = sum.sqrt();
        if !norm.is_finite() {
            return Ok(norm);
        }
        let rule = self.rule(norm, learning_rate);
        for (name, grad) in grads {
            let momentum = momentum(&mut self.momenta, name, grad)?;
            nesterov::step(self.isa, rule, params.get(name)?, momentum, &grad.contiguous()?)?;
        }
        Ok(norm)
    }

    /// The step for any device and type.
    fn by_tensors(&mut self, params: &Params, grads: &Snapshot, learning_rate: f64) -> Result<f64> {
        let mut decayed = Snapshot::new();
        for (name, grad) in grads {
            let weight = params.get(name)?.as_tensor();
            let grad = (grad + (weight * self.config.weight_decay)?)?.detach();
            decayed.insert(name.clone(), grad);
        }
        let norm = global_norm(&decayed)?;
        if !norm.is_finite() {
            return Ok(norm);
        }
        let rule = self.rule(norm, learning_rate);
        for (name, grad) in decayed {
            let grad = (grad * rule.clip)?;
            let momentum = momentum(&mut self.momenta, &name, &grad)?;
            momentum.set(&((momentum.as_tensor() * rule.momentum)? + &grad)?.detach())?;
            let update = (grad + (momentum.as_detached_tensor() * rule.momentum)?)?;
            let var = params.get(&name)?;
            var.set(&(var.as_tensor() - (update * learning_rate)?)?.detach())?;
        }
        Ok(norm)
    }

    fn rule(&self, norm: f64, learning_rate: f64) -> StepRule {
        let SgdConfig { weight_decay, clip_norm, momentum, .. } = self.config;
        let clip = if clip_norm < norm { clip_norm / norm } else { 1.0 };
        StepRule { weight_decay, clip, momentum, learning_rate }
    }
}

/// The momentum of the parameter `name`, at first zeros like its gradient.
fn momentum<'a>(
    momenta: &'a mut BTreeMap<String, Var>,
    name: &str,
    grad: &Tensor,
) -> Result<&'a Var> {
    if !momenta.contains_key(name) {
        momenta.insert(name.to_owned(), Var::from_tensor(&grad.zeros_like()?)?);
    }
    Ok(&momenta[name])
}

/// Whether a parameter with this gradient is written in place.
fn in_place(grad: &Tensor) -> bool {
    grad.device().is_cpu() && grad.dtype() == DType::F32
}

/// The norm of all gradients together, summed in the order of the names.
fn global_norm(grads: &Snapshot) -> Result<f64> {
    if grads.is_empty() {
        return Ok(0.0);
    }
    // One tensor of all squares, so that a device is read once.
    let squares: Vec<Tensor> = grads
        .values()
        .map(|grad| grad.sqr()?.sum_all()?.to_dtype(DType::F64))
        .collect::<Result<_>>()?;
    let squares: Vec<f64> = Tensor::stack(&squares, 0)?.to_vec1()?;
    Ok(squares.iter().sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests;
