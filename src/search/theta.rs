//! θ: the policy's parameters as plain numbers; also a gradient or a moment of the same shapes.
//!
//! | Parameter | Shape | At first |
//! |---|---|---|
//! | `lstm.weight` | `(2h, 4h)` | U(−0.1, 0.1) |
//! | `start.embedding` | `(h)` | U(−0.1, 0.1) |
//! | `op.embedding` | `(ops, h)` | U(−0.1, 0.1) |
//! | `op.weight` | `(h, ops)` | U(−0.1, 0.1) |
//! | `attention.w1`, `attention.w2` | `(h, h)` | U(−0.1, 0.1) |
//! | `attention.v` | `(h)` | U(−0.1, 0.1) |
//! | `op.bias` | `(ops)` | 10 for separable convolutions, else 0 |
//!
//! The bias is the authors'. It saturates the tanh, so its gradient is next to nothing and the
//! preference for separable convolutions stays.

use candle_core::{DType, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::search::SearchError;
use crate::space::Op;

/// The number of operations.
pub(super) const OPS: usize = Op::ALL.len();

/// The initial values of the operation bias, in the order of [`Op::ALL`].
const INITIAL_OP_BIAS: [f64; OPS] = [10.0, 10.0, 0.0, 0.0, 0.0];

/// All other parameters start between minus this and this.
const INITIAL_RANGE: f64 = 0.1;

/// One number for each of θ's, row by row; h is the number of hidden units.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Theta {
    /// h.
    pub(super) hidden: usize,
    /// `(2h, 4h)`: what the gates i, f, o, g read of x, then of h.
    pub(super) lstm: Vec<f64>,
    /// `(h)`
    pub(super) start: Vec<f64>,
    /// `(ops, h)`
    pub(super) op_embedding: Vec<f64>,
    /// `(h, ops)`
    pub(super) op_weight: Vec<f64>,
    /// `(h, h)`
    pub(super) w1: Vec<f64>,
    /// `(h, h)`
    pub(super) w2: Vec<f64>,
    /// `(h)`
    pub(super) v: Vec<f64>,
    /// `(ops)`
    pub(super) op_bias: Vec<f64>,
}

impl Theta {
    /// Zeros.
    pub(super) fn zeros(hidden: usize) -> Self {
        let zeros = |(_, shape): (&str, Vec<usize>)| vec![0.0; shape.iter().product()];
        let [lstm, start, op_embedding, op_weight, w1, w2, v, op_bias] = shapes(hidden).map(zeros);
        Self { hidden, lstm, start, op_embedding, op_weight, w1, w2, v, op_bias }
    }

    /// The values at the start of a search.
    pub(super) fn initial(hidden: usize, rng: &mut ChaCha8Rng) -> Self {
        let mut theta = Self::zeros(hidden);
        let [random @ .., op_bias] = theta.parts_mut();
        for value in random.into_iter().flatten() {
            *value = INITIAL_RANGE * (2.0 * rng.random::<f64>() - 1.0);
        }
        op_bias.copy_from_slice(&INITIAL_OP_BIAS);
        theta
    }

    /// The parameters, in the order in which initial values are drawn.
    pub(super) fn parts(&self) -> [&[f64]; 8] {
        let Self { lstm, start, op_embedding, op_weight, w1, w2, v, op_bias, .. } = self;
        [lstm, start, op_embedding, op_weight, w1, w2, v, op_bias]
    }

    /// The same, to be written.
    pub(super) fn parts_mut(&mut self) -> [&mut [f64]; 8] {
        let Self { lstm, start, op_embedding, op_weight, w1, w2, v, op_bias, .. } = self;
        [lstm, start, op_embedding, op_weight, w1, w2, v, op_bias]
    }

    /// The numbers in `saved` whose names end with `suffix`, which is left off; or what is
    /// missing, not known, or of another shape.
    pub(super) fn from_snapshot(
        hidden: usize,
        saved: &Snapshot,
        suffix: &str,
    ) -> Result<Self, SearchError> {
        let mut theta = Self::zeros(hidden);
        let shapes = shapes(hidden);
        for (part, (name, expected)) in theta.parts_mut().into_iter().zip(&shapes) {
            let name = format!("{name}{suffix}");
            let Some(found) = saved.get(&name) else {
                return Err(SearchError::MissingParameter { name });
            };
            if found.dims() != expected || found.dtype() != DType::F64 {
                return Err(SearchError::ParameterShape {
                    name,
                    found_dtype: found.dtype().as_str(),
                    found: found.dims().to_vec(),
                    expected: expected.clone(),
                });
            }
            part.copy_from_slice(&found.flatten_all()?.to_vec1()?);
        }
        let known = |name: &str| shapes.iter().any(|(known, _)| *known == name);
        let names = saved.keys().filter_map(|name| name.strip_suffix(suffix));
        match { names }.find(|name| !known(name)) {
            Some(name) => Err(SearchError::UnknownParameter { name: format!("{name}{suffix}") }),
            None => Ok(theta),
        }
    }

    /// A copy as tensors, `suffix` after every name.
    pub(super) fn snapshot(&self, suffix: &str) -> Result<Snapshot, SearchError> {
        let tensors = self.parts().into_iter().zip(shapes(self.hidden));
        tensors
            .map(|(part, (name, shape))| {
                Ok((format!("{name}{suffix}"), Tensor::from_slice(part, shape, &Device::Cpu)?))
            })
            .collect()
    }

    /// The ℓ2 norm of all numbers together.
    pub(super) fn norm(&self) -> f64 {
        let squares = |part: &[f64]| part.iter().map(|value| value * value).sum::<f64>();
        self.parts().into_iter().map(squares).sum::<f64>().sqrt()
    }

    /// Shortens all numbers together, whose norm is `norm`, to at most `limit`.
    pub(super) fn clip(&mut self, norm: f64, limit: f64) {
        if norm <= limit {
            return;
        }
        for part in self.parts_mut() {
            for value in part {
                *value *= limit / norm;
            }
        }
    }
}

/// The names and shapes, in the order of [`Theta::parts`].
fn shapes(hidden: usize) -> [(&'static str, Vec<usize>); 8] {
    [
        ("lstm.weight", vec![2 * hidden, 4 * hidden]),
        ("start.embedding", vec![hidden]),
        ("op.embedding", vec![OPS, hidden]),
        ("op.weight", vec![hidden, OPS]),
        ("attention.w1", vec![hidden, hidden]),
        ("attention.w2", vec![hidden, hidden]),
        ("attention.v", vec![hidden]),
        ("op.bias", vec![OPS]),
    ]
}
