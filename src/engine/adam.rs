//! Adam (Kingma & Ba, 2015) whose whole state can be saved.
//!
//! ```text
//! m ← β₁·m + (1 − β₁)·g
//! v ← β₂·v + (1 − β₂)·g²
//! w ← w − lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)
//! ```
//!
//! This is the form at the end of the paper's section 2, which TensorFlow computes: ε stands beside
//! the uncorrected √v. The authors of ENAS trained with it, at ε = 10⁻³. In the paper's main form
//! (ε beside the corrected √v̂, which PyTorch computes) the same number would be a much smaller ε in
//! the first steps: √(1 − β₂ᵗ) is 0.03 at first.
//!
//! There is no weight decay. A variable without a gradient keeps its value and its moments.

use std::collections::BTreeMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var, bail};

use crate::engine::{Params, Snapshot};

/// The numbers of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the gradient's moving average, in [0, 1).
    pub beta1: f64,
    /// Decay of the squared gradient's moving average, in [0, 1).
    pub beta2: f64,
    /// Added to √v.
    pub epsilon: f64,
}

/// The moments of one variable, of its shape.
#[derive(Clone, Debug)]
struct Moments {
    m: Tensor,
    v: Tensor,
}

/// The optimizer.
#[derive(Clone, Debug)]
pub struct Adam {
    config: AdamConfig,
    step: u64,
    moments: BTreeMap<String, Moments>,
}

/// All of an optimizer's state.
#[derive(Clone, Debug, Default)]
pub struct AdamState {
    /// Steps taken, t.
    pub step: u64,
    /// `NAME.m` and `NAME.v` of every variable that has had a gradient.
    pub moments: Snapshot,
}

impl Adam {
    /// An optimizer that has taken no step.
    pub fn new(config: AdamConfig) -> Self {
        Self { config, step: 0, moments: BTreeMap::new() }
    }

    /// The optimizer that `state` was taken of; an error where it does not fit `params`.
    pub fn from_state(config: AdamConfig, state: &AdamState, params: &Params) -> Result<Self> {
        let mut moments = BTreeMap::new();
        for (name, var) in params.iter() {
            let moment = |kind| {
                let moment = state.moments.get(&format!("{name}.{kind}"));
                moment.map(|tensor| checked(name, kind, tensor, var)).transpose()
            };
            match (moment("m")?, moment("v")?) {
                (Some(m), Some(v)) => _ = moments.insert(name.to_owned(), Moments { m, v }),
                (None, None) => {}
                _ => bail!("Adam's state holds one moment of `{name}` without the other"),
            }
        }
        if 2 * moments.len() != state.moments.len() {
            bail!("Adam's state holds moments of parameters that are not there");
        }
        Ok(Self { config, step: state.step, moments })
    }

    /// The state, which later steps do not change.
    pub fn state(&self) -> AdamState {
        let moments = self.moments.iter().flat_map(|(name, Moments { m, v })| {
            [(format!("{name}.m"), m.clone()), (format!("{name}.v"), v.clone())]
        });
        AdamState { step: self.step, moments: moments.collect() }
    }

    /// Takes one step on the variables of `params` that have a gradient in `grads`. Nothing is
    /// changed before everything is computed.
    pub fn step(&mut self, params: &Params, grads: &GradStore) -> Result<()> {
        let mut updates = Vec::new();
        for (name, var) in params.iter() {
            if let Some(grad) = grads.get(var) {
                let (value, moments) = self.update(name, var, &grad.detach())?;
                updates.push((name, var, value, moments));
            }
        }
        self.step += 1;
        for (name, var, value, moments) in updates {
            var.set(&value)?;
            self.moments.insert(name.to_owned(), moments);
        }
        Ok(())
    }

    /// The value and the moments of `var` after the next step.
    fn update(&self, name: &str, var: &Var, grad: &Tensor) -> Result<(Tensor, Moments)> {
        let AdamConfig { lr, beta1, beta2, epsilon } = self.config;
        let Moments { m, v } = match self.moments.get(name) {
            Some(moments) => moments.clone(),
            None => Moments { m: grad.zeros_like()?, v: grad.zeros_like()? },
        };
        let m = ((m * beta1)? + (grad * (1.0 - beta1))?)?;
        let v = ((v * beta2)? + (grad.sqr()? * (1.0 - beta2))?)?;
        let t = (self.step + 1) as f64;
        let rate = lr * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t));
        let change = ((&m * rate)? / (v.sqrt()? + epsilon)?)?;
        Ok(((var.as_detached_tensor() - change)?, Moments { m, v }))
    }
}

/// A copy of `moment` beside its variable, of whose shape and type it must be.
fn checked(name: &str, kind: &str, moment: &Tensor, var: &Var) -> Result<Tensor> {
    if moment.dims() != var.dims() || moment.dtype() != var.dtype() {
        bail!(
            "Adam's moment `{name}.{kind}` is {:?} {:?}, but the parameter is {:?} {:?}",
            moment.dtype(),
            moment.dims(),
            var.dtype(),
            var.dims()
        );
    }
    moment.to_device(var.device())?.copy()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device};

    const AUTHORS: AdamConfig = AdamConfig { lr: 0.0035, beta1: 0.0, beta2: 0.999, epsilon: 1e-3 };

    fn params() -> Params {
        let tensor = |values: &[f64]| Tensor::new(values, &Device::Cpu).unwrap();
        let tensors = [("a".to_owned(), tensor(&[1.0, -2.0])), ("b".to_owned(), tensor(&[3.0]))];
        Params::from_tensors(&tensors.into(), &Device::Cpu).unwrap()
    }

    /// One step with the gradient `grad` of `a`; `b` has none.
    fn step(adam: &mut Adam, params: &Params, grad: [f64; 2]) {
        let grad = Tensor::new(&grad, &Device::Cpu).unwrap();
        let loss = (params.get("a").unwrap().as_tensor() * grad).unwrap().sum_all().unwrap();
        adam.step(params, &loss.backward().unwrap()).unwrap();
    }

    fn values(params: &Params, name: &str) -> Vec<f64> {
        params.get(name).unwrap().to_vec1().unwrap()
    }

    /// Takes two steps of gradients (0.1, −2) and (0.3, 0) from (1, −2).
    #[track_caller]
    fn check(config: AdamConfig, after_one: [f64; 2], after_two: [f64; 2]) {
        let (params, mut adam) = (params(), Adam::new(config));
        for (grad, expected) in [([0.1, -2.0], after_one), ([0.3, 0.0], after_two)] {
            step(&mut adam, &params, grad);
            for (found, expected) in values(&params, "a").into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
            }
        }
        assert_eq!(values(&params, "b"), [3.0]);
    }

    // Python:
    //   w = m = v = 0 (w = 1, -2)
    //   for t, g in enumerate(gs, 1):
    //       m = b1*m + (1-b1)*g; v = b2*v + (1-b2)*g*g
    //       w -= lr * (1-b2**t)**.5 / (1-b1**t) * m / (v**.5 + eps)
    #[test]
    fn two_steps_without_momentum_match_the_formula() {
        check(
            AUTHORS,
            [0.997_340_885_756_732, -1.996_554_478_478_673],
            [0.993_072_902_052_366, -1.996_554_478_478_673],
        );
    }

    #[test]
    fn two_steps_with_momentum_match_the_formula() {
        let config = AdamConfig { lr: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
        check(
            config,
            [0.900_000_099_999_900, -1.900_000_005],
            [0.808_387_615_175_386, -1.832_841_993_645_881],
        );
    }

    #[test]
    fn a_variable_without_a_gradient_has_no_moments() {
        let (params, mut adam) = (params(), Adam::new(AUTHORS));
        step(&mut adam, &params, [1.0, 1.0]);
        assert_eq!(adam.state().moments.into_keys().collect::<Vec<_>>(), ["a.m", "a.v"]);
    }

    #[test]
    fn a_restored_optimizer_goes_on_bit_for_bit() {
        let config = AdamConfig { beta1: 0.9, ..AUTHORS };
        let (params, mut adam) = (params(), Adam::new(config));
        step(&mut adam, &params, [0.1, -2.0]);
        let (saved, state) = (params.snapshot().unwrap(), adam.state());
        step(&mut adam, &params, [0.3, 0.5]);
        let again = Params::from_tensors(&saved, &Device::Cpu).unwrap();
        step(&mut Adam::from_state(config, &state, &again).unwrap(), &again, [0.3, 0.5]);
        assert_eq!(values(&again, "a"), values(&params, "a"));
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused() {
        let (params, mut adam) = (params(), Adam::new(AUTHORS));
        step(&mut adam, &params, [0.1, -2.0]);
        let check = |change: &dyn Fn(&mut Snapshot), expected: &str| {
            let mut state = adam.state();
            change(&mut state.moments);
            let err = Adam::from_state(AUTHORS, &state, &params).unwrap_err().to_string();
            assert!(err.contains(expected), "{err}");
        };
        let three = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
        check(&|moments| _ = moments.remove("a.m"), "one moment of `a` without the other");
        check(&|moments| _ = moments.insert("c.m".to_owned(), three.clone()), "not there");
        check(&|moments| _ = moments.insert("a.v".to_owned(), three.clone()), "`a.v` is F64 [3]");
    }
}
