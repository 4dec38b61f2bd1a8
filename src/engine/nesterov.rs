//! One step of Nesterov's rule on f32 numbers in main memory, in place.
//!
//! Plain arithmetic in a fixed order, compiled for every instruction set: all of them, and any
//! number of threads, give the same bits.

use candle_core::{CpuStorage, InplaceOp3, Layout, Result, Storage, Tensor, bail};
use pulp::{Simd, WithSimd};

use crate::engine::floats::{values, values_mut};
use crate::engine::kernel::{Isa, LANES};

/// The numbers of one step, the same for all parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct StepRule {
    /// λ.
    pub(super) weight_decay: f64,
    /// What gradients are multiplied with, after the decay, so that their norm is clipped.
    pub(super) clip: f64,
    /// μ.
    pub(super) momentum: f64,
    /// η.
    pub(super) learning_rate: f64,
}

/// Moves `weight` and its `momentum` by the gradient `grad`, all of them contiguous.
pub(super) fn step(
    isa: Isa,
    rule: StepRule,
    weight: &Tensor,
    momentum: &Tensor,
    grad: &Tensor,
) -> Result<()> {
    // Two loops and not one, as an op in place writes one tensor; a parameter fits the cache.
    momentum.inplace_op3(weight, grad, &Accumulate { isa, rule })?;
    weight.inplace_op3(momentum, grad, &Descend { isa, rule })
}

/// The sum of the squares of `grad + λ·weight`.
pub(super) fn squared_norm(
    isa: Isa,
    weight_decay: f64,
    weight: &Tensor,
    grad: &Tensor,
) -> Result<f64> {
    let (weight, weight_layout) = weight.storage_and_layout();
    let (grad, grad_layout) = grad.storage_and_layout();
    let (Storage::Cpu(weight), Storage::Cpu(grad)) = (&*weight, &*grad) else {
        bail!("the parameter is not in main memory")
    };
    let [weight, grad] = [values(weight, weight_layout)?, values(grad, grad_layout)?];
    check_lengths(weight.len(), grad.len(), grad.len())?;
    Ok(isa.run(SquaredNorm { weight_decay: weight_decay as f32, weight, grad }))
}

/// a ← μ·a + c·(g + λ·w)
struct Accumulate {
    isa: Isa,
    rule: StepRule,
}

impl InplaceOp3 for Accumulate {
    fn name(&self) -> &'static str {
        "accumulate-momentum"
    }

    fn cpu_fwd(
        &self,
        momentum: &mut CpuStorage,
        momentum_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<()> {
        let momentum = values_mut(momentum, momentum_layout)?;
        let [weight, grad] = [values(weight, weight_layout)?, values(grad, grad_layout)?];
        check_lengths(momentum.len(), weight.len(), grad.len())?;
        let StepRule { weight_decay, clip, momentum: decay, .. } = self.rule;
        let [weight_decay, clip, decay] = [weight_decay, clip, decay].map(|number| number as f32);
        self.isa.run(Zip3 {
            written: momentum,
            read: [weight, grad],
            op: |a: &mut f32, w: f32, g: f32| *a = decay * *a + clip * (g + weight_decay * w),
        });
        Ok(())
    }
}

/// w ← w − η·(c·(g + λ·w) + μ·a), with the momentum that is accumulated already
struct Descend {
    isa: Isa,
    rule: StepRule,
}

impl InplaceOp3 for Descend {
    fn name(&self) -> &'static str {
        "descend"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        weight_layout: &Layout,
        momentum: &CpuStorage,
        momentum_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> Result<()> {
        let weight = values_mut(weight, weight_layout)?;
        let [momentum, grad] = [values(momentum, momentum_layout)?, values(grad, grad_layout)?];
        check_lengths(weight.len(), momentum.len(), grad.len())?;
        let StepRule { weight_decay, clip, momentum: decay, learning_rate } = self.rule;
        let [weight_decay, clip, decay, learning_rate] =
            [weight_decay, clip, decay, learning_rate].map(|number| number as f32);
        self.isa.run(Zip3 {
            written: weight,
            read: [momentum, grad],
            op: |w: &mut f32, a: f32, g: f32| {
                *w -= learning_rate * (clip * (g + weight_decay * *w) + decay * a);
            },
        });
        Ok(())
    }
}

/// `op` on every number of three slices.
struct Zip3<'a, F> {
    written: &'a mut [f32],
    read: [&'a [f32]; 2],
    op: F,
}

impl<F: Fn(&mut f32, f32, f32)> WithSimd for Zip3<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let [x, y] = self.read;
        for ((written, &x), &y) in self.written.iter_mut().zip(x).zip(y) {
            (self.op)(written, x, y);
        }
    }
}

struct SquaredNorm<'a> {
    weight_decay: f32,
    weight: &'a [f32],
    grad: &'a [f32],
}

impl WithSimd for SquaredNorm<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        // So many sums side by side as no instruction set has lanes for.
        let mut sums = [0.0_f64; LANES];
        let square = |w: f32, g: f32| f64::from(g + self.weight_decay * w).powi(2);
        let (weights, weights_left) = self.weight.as_chunks::<LANES>();
        let (grads, grads_left) = self.grad.as_chunks::<LANES>();
        for (w, g) in weights.iter().zip(grads) {
            for ((sum, &w), &g) in sums.iter_mut().zip(w).zip(g) {
                *sum += square(w, g);
            }
        }
        for ((sum, &w), &g) in sums.iter_mut().zip(weights_left).zip(grads_left) {
            *sum += square(w, g);
        }
        sums.iter().sum()
    }
}

fn check_lengths(expected: usize, x: usize, y: usize) -> Result<()> {
    if x != expected || y != expected {
        bail!("a parameter of {expected} numbers comes with {x} and {y}")
    }
    Ok(())
}
