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

use candle_core::{DType, Result, Tensor};

use crate::engine::{Params, SgdConfig, Snapshot};

/// Nesterov SGD with its momenta.
#[derive(Clone, Debug)]
pub struct Sgd {
    config: SgdConfig,
    momenta: Snapshot,
}

impl Sgd {
    /// An optimizer that goes on from `momenta`; a parameter without one starts at zero.
    pub fn new(config: SgdConfig, momenta: Snapshot) -> Self {
        Self { config, momenta }
    }

    /// The momenta by parameter; tensors are replaced, never written to, so sharing is safe.
    pub fn momenta(&self) -> &Snapshot {
        &self.momenta
    }

    /// Takes one step with learning rate `lr`. Returns the gradient's norm before clipping; where
    /// that is not finite, nothing was changed.
    pub fn step(&mut self, params: &Params, grads: &Snapshot, lr: f64) -> Result<f64> {
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
        let clip = if self.config.clip_norm < norm { self.config.clip_norm / norm } else { 1.0 };
        for (name, grad) in decayed {
            let grad = (grad * clip)?;
            let momentum = match self.momenta.get(&name) {
                Some(momentum) => ((momentum * self.config.momentum)? + &grad)?,
                None => grad.clone(),
            };
            let update = (grad + (&momentum * self.config.momentum)?)?;
            let var = params.get(&name)?;
            var.set(&(var.as_tensor() - (update * lr)?)?.detach())?;
            self.momenta.insert(name, momentum.detach());
        }
        Ok(norm)
    }
}

/// The norm of all gradients together, summed in the order of the names.
pub fn global_norm(grads: &Snapshot) -> Result<f64> {
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
mod tests {
    use super::*;
    use candle_core::Device;

    fn values(name: &str, values: &[f32]) -> Snapshot {
        Snapshot::from([(name.to_owned(), Tensor::new(values, &Device::Cpu).unwrap())])
    }

    fn read(tensor: &Tensor) -> Vec<f32> {
        tensor.to_vec1().unwrap()
    }

    /// ```python
    /// w = torch.tensor([1., -2.], requires_grad=True); u = torch.tensor([3.], requires_grad=True)
    /// opt = torch.optim.SGD([w, u], lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    /// for g in ([3., 4.], [0.5, -0.25]):
    ///     w.grad = torch.tensor(g); u.grad = None
    ///     # clip of g + 0.01 w at 2.0 by hand: scale = 2 / norm where norm > 2
    /// ```
    /// With the clip the numbers come from the equation above, in f64 with Python.
    #[test]
    fn two_steps_agree_with_the_equation() {
        let config = SgdConfig { weight_decay: 0.01, clip_norm: 2.0, ..SgdConfig::default() };
        let mut start = values("w", &[1.0, -2.0]);
        start.extend(values("u", &[3.0]));
        let params = Params::from_tensors(&start, &Device::Cpu).unwrap();
        let mut sgd = Sgd::new(config, Snapshot::new());
        let norm = sgd.step(&params, &values("w", &[3.0, 4.0]), 0.1).unwrap();
        assert!((norm - (3.01_f64.powi(2) + 3.98_f64.powi(2)).sqrt()).abs() < 1e-6);
        sgd.step(&params, &values("w", &[0.5, -0.25]), 0.1).unwrap();
        let (mut w, mut a) = ([1.0_f64, -2.0], [0.0_f64; 2]);
        for g in [[3.0, 4.0], [0.5, -0.25]] {
            let g = [g[0] + 0.01 * w[0], g[1] + 0.01 * w[1]];
            let norm = (g[0] * g[0] + g[1] * g[1]).sqrt();
            let clip = f64::min(1.0, 2.0 / norm);
            for i in 0..2 {
                a[i] = 0.9 * a[i] + clip * g[i];
                w[i] -= 0.1 * (clip * g[i] + 0.9 * a[i]);
            }
        }
        for (found, expected) in read(params.get("w").unwrap()).iter().zip(w) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert_eq!(read(params.get("u").unwrap()), [3.0], "no gradient, no change");
        assert!(!sgd.momenta().contains_key("u"));
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let params = Params::from_tensors(&values("w", &[1.0, 2.0]), &Device::Cpu).unwrap();
        let mut sgd = Sgd::new(SgdConfig::default(), Snapshot::new());
        let norm = sgd.step(&params, &values("w", &[f32::NAN, 1.0]), 0.1).unwrap();
        assert!(norm.is_nan());
        assert_eq!(read(params.get("w").unwrap()), [1.0, 2.0]);
        assert!(sgd.momenta().is_empty());
    }
}
