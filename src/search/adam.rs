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
//! There is no weight decay.

use crate::engine::Snapshot;
use crate::engine::kernel::Isa;
use crate::search::SearchError;
use crate::search::dense::vectorized;
use crate::search::theta::{Layout, Theta};

/// What the names of the first moments end with.
const FIRST: &str = ".m";

/// What the names of the second moments end with.
const SECOND: &str = ".v";

/// The numbers of Adam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct AdamConfig {
    /// Learning rate.
    pub(super) learning_rate: f64,
    /// Decay of the gradient's moving average, in [0, 1).
    pub(super) beta1: f64,
    /// Decay of the squared gradient's moving average, in [0, 1).
    pub(super) beta2: f64,
    /// Added to √v.
    pub(super) epsilon: f64,
}

/// The optimizer of θ.
#[derive(Clone, Debug)]
pub(super) struct Adam {
    config: AdamConfig,
    /// Steps taken, t.
    step: u64,
    m: Theta,
    v: Theta,
    isa: Isa,
}

/// All of an optimizer's state.
#[derive(Clone, Debug, Default)]
pub struct AdamState {
    /// Steps taken, t.
    pub step: u64,
    /// `NAME.m` and `NAME.v` of every parameter; none before the first step.
    pub moments: Snapshot,
}

impl Adam {
    /// An optimizer that has taken no step, for a θ of this layout.
    pub(super) fn new(config: AdamConfig, layout: &Layout) -> Self {
        let zeros = Theta::zeros(layout);
        Self { config, step: 0, m: zeros.clone(), v: zeros, isa: Isa::best() }
    }

    /// The optimizer that `state` was taken of; an error where it does not fit θ.
    pub(super) fn from_state(
        config: AdamConfig,
        layout: &Layout,
        state: &AdamState,
    ) -> Result<Self, SearchError> {
        let AdamState { step, moments } = state;
        if *step == 0 && moments.is_empty() {
            return Ok(Self::new(config, layout));
        }
        let known = |name: &&String| name.ends_with(FIRST) || name.ends_with(SECOND);
        if let Some(name) = moments.keys().find(|name| !known(name)) {
            return Err(SearchError::UnknownParameter { name: name.clone() });
        }
        let m = Theta::from_snapshot(layout, moments, FIRST)?;
        let v = Theta::from_snapshot(layout, moments, SECOND)?;
        Ok(Self { config, step: *step, m, v, isa: Isa::best() })
    }

    /// The state, which later steps do not change.
    pub(super) fn state(&self) -> Result<AdamState, SearchError> {
        let mut moments = Snapshot::new();
        if self.step > 0 {
            moments.extend(self.m.snapshot(FIRST)?);
            moments.extend(self.v.snapshot(SECOND)?);
        }
        Ok(AdamState { step: self.step, moments })
    }

    /// Takes one step.
    pub(super) fn step(&mut self, theta: &mut Theta, grad: &Theta) {
        self.step += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon } = self.config;
        let t = self.step as f64;
        let rate = learning_rate * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t));
        let moments = self.m.parts_mut().into_iter().zip(self.v.parts_mut());
        let values = theta.parts_mut().into_iter().zip(grad.parts());
        for ((m, v), (w, g)) in moments.zip(values) {
            vectorized(self.isa, || {
                for (((m, v), w), g) in m.iter_mut().zip(v).zip(w).zip(g) {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * (g * g);
                    *w -= rate * *m / (v.sqrt() + epsilon);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{MicroSpace, SearchSpace};
    use candle_core::{DType, Device, Tensor};

    const AUTHORS: AdamConfig =
        AdamConfig { learning_rate: 0.0035, beta1: 0.0, beta2: 0.999, epsilon: 1e-3 };

    fn layout() -> Layout {
        Layout::new(2, &MicroSpace::new(2).unwrap().script())
    }

    /// Zeros but for the first two numbers of the last parameter.
    fn theta(values: [f64; 2]) -> Theta {
        let mut theta = Theta::zeros(&layout());
        theta.picks[0].bias[..2].copy_from_slice(&values);
        theta
    }

    /// Takes two steps of gradients (0.1, −2) and (0.3, 0) from (1, −2).
    #[track_caller]
    fn check(config: AdamConfig, after_one: [f64; 2], after_two: [f64; 2]) {
        let (mut found, mut adam) = (theta([1.0, -2.0]), Adam::new(config, &layout()));
        for (grad, expected) in [([0.1, -2.0], after_one), ([0.3, 0.0], after_two)] {
            adam.step(&mut found, &theta(grad));
            for (found, expected) in found.picks[0].bias.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
            }
        }
        found.picks[0].bias.fill(0.0);
        assert_eq!(found, Theta::zeros(&layout()), "no gradient, no change");
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
        let config = AdamConfig { learning_rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
        check(
            config,
            [0.900_000_099_999_900, -1.900_000_005],
            [0.808_387_615_175_386, -1.832_841_993_645_881],
        );
    }

    #[test]
    fn a_restored_optimizer_goes_on_bit_for_bit() {
        let config = AdamConfig { beta1: 0.9, ..AUTHORS };
        let (mut found, mut adam) = (theta([1.0, -2.0]), Adam::new(config, &layout()));
        assert!(adam.state().unwrap().moments.is_empty());
        for state in [adam.state().unwrap(), {
            adam.step(&mut found, &theta([0.1, -2.0]));
            adam.state().unwrap()
        }] {
            let mut again = Adam::from_state(config, &layout(), &state).unwrap();
            assert_eq!(again.step, state.step);
            if state.step == 1 {
                let mut restored = found.clone();
                adam.step(&mut found, &theta([0.3, 0.5]));
                again.step(&mut restored, &theta([0.3, 0.5]));
                assert_eq!(restored, found);
            }
        }
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused() {
        let (mut values, mut adam) = (theta([1.0, -2.0]), Adam::new(AUTHORS, &layout()));
        adam.step(&mut values, &theta([0.1, -2.0]));
        let check = |change: &dyn Fn(&mut Snapshot), expected: &str| {
            let mut state = adam.state().unwrap();
            change(&mut state.moments);
            let err = Adam::from_state(AUTHORS, &layout(), &state).unwrap_err().to_string();
            assert!(err.contains(expected), "{err}");
        };
        let three = Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap();
        check(&|moments| _ = moments.remove("op.bias.m"), "no parameter `op.bias.m`");
        check(&|moments| _ = moments.insert("c.m".to_owned(), three.clone()), "`c.m`");
        check(&|moments| _ = moments.insert("op.bias".to_owned(), three.clone()), "`op.bias`");
        check(&|moments| _ = moments.insert("op.bias.v".to_owned(), three.clone()), "f64 [3]");
        check(&|moments| moments.clear(), "no parameter");
    }
}
