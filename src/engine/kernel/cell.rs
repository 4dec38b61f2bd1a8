//! The elementwise part of a node of a recurrent cell, in one pass, and its gradient in another.
//!
//! ```text
//! s = from + g·(a − from)      a = act(h), g = σ(t), [h | t] = from·W          (highway, ENAS)
//! ```

use pulp::{Simd, WithSimd};

use super::Isa;
use super::exponential::{sigmoid, tanh};
use crate::net::CellFunction;

/// The functions themselves, and what they make of gradients.
pub(super) trait Function {
    /// `act(x)`
    fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s;

    /// `ds·act′`, where the function is `a`.
    fn grad<S: Simd>(self, simd: S, a: S::f32s, ds: S::f32s) -> S::f32s;
}

impl Function for CellFunction {
    #[inline(always)]
    fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Tanh => tanh(simd, x),
            Self::Relu => {
                // What is no number is not above 0, and stays none.
                let zero = simd.splat_f32s(0.0);
                simd.select_f32s(simd.greater_than_f32s(x, zero), x, simd.mul_f32s(x, zero))
            }
            Self::Sigmoid => sigmoid(simd, x),
            Self::Identity => x,
        }
    }

    #[inline(always)]
    fn grad<S: Simd>(self, simd: S, a: S::f32s, ds: S::f32s) -> S::f32s {
        match self {
            Self::Tanh => {
                simd.mul_f32s(ds, simd.sub_f32s(simd.splat_f32s(1.0), simd.mul_f32s(a, a)))
            }
            Self::Relu => {
                let zero = simd.splat_f32s(0.0);
                simd.select_f32s(simd.greater_than_f32s(a, zero), ds, zero)
            }
            Self::Sigmoid => simd.mul_f32s(ds, slope(simd, a)),
            Self::Identity => ds,
        }
    }
}

/// `g·(1 − g)`
#[inline(always)]
fn slope<S: Simd>(simd: S, g: S::f32s) -> S::f32s {
    simd.mul_f32s(g, simd.sub_f32s(simd.splat_f32s(1.0), g))
}

/// Rows of `[h | t]`, `(rows, 2·width)`, become those of `[a | g]`, and `to`, `(rows, width)`, what
/// they make of `from`.
pub fn cell_node(
    isa: Isa,
    act: CellFunction,
    width: usize,
    [gates, to]: [&mut [f32]; 2],
    from: &[f32],
) {
    isa.run(Node { act, width, gates, from, to });
}

struct Node<'a> {
    act: CellFunction,
    width: usize,
    gates: &'a mut [f32],
    from: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Node<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { act, width, gates, from, to } = self;
        let rows = gates.chunks_exact_mut(2 * width).zip(from.chunks_exact(width));
        for ((gates, from), to) in rows.zip(to.chunks_exact_mut(width)) {
            let (h, t) = gates.split_at_mut(width);
            let (h, h_tail) = S::as_mut_simd_f32s(h);
            let (t, t_tail) = S::as_mut_simd_f32s(t);
            let (from, from_tail) = S::as_simd_f32s(from);
            let (to, to_tail) = S::as_mut_simd_f32s(to);
            for (((h, t), from), to) in h.iter_mut().zip(t).zip(from).zip(to) {
                *to = node(simd, act, [h, t], *from);
            }
            if !from_tail.is_empty() {
                let mut h = simd.partial_load_f32s(h_tail);
                let mut t = simd.partial_load_f32s(t_tail);
                let s = node(simd, act, [&mut h, &mut t], simd.partial_load_f32s(from_tail));
                simd.partial_store_f32s(h_tail, h);
                simd.partial_store_f32s(t_tail, t);
                simd.partial_store_f32s(to_tail, s);
            }
        }
    }
}

/// One vector of a node: `[h, t]` become `[a, g]`; the state.
#[inline(always)]
fn node<S: Simd>(simd: S, act: CellFunction, [h, t]: [&mut S::f32s; 2], from: S::f32s) -> S::f32s {
    *h = act.of(simd, *h);
    *t = sigmoid(simd, *t);
    simd.mul_add_e_f32s(*t, simd.sub_f32s(*h, from), from)
}

/// After [`cell_node`]: rows of `[a | g]` become the gradients of `[h | t]`, and `d_from` has what
/// goes past them added.
pub fn cell_node_grad(
    isa: Isa,
    act: CellFunction,
    width: usize,
    [gates, d_from]: [&mut [f32]; 2],
    [from, d_to]: [&[f32]; 2],
) {
    isa.run(NodeGrad { act, width, gates, from, d_to, d_from });
}

struct NodeGrad<'a> {
    act: CellFunction,
    width: usize,
    gates: &'a mut [f32],
    from: &'a [f32],
    d_to: &'a [f32],
    d_from: &'a mut [f32],
}

impl WithSimd for NodeGrad<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { act, width, gates, from, d_to, d_from } = self;
        let rows = gates.chunks_exact_mut(2 * width).zip(from.chunks_exact(width));
        let rows = rows.zip(d_to.chunks_exact(width)).zip(d_from.chunks_exact_mut(width));
        for (((gates, from), d_to), d_from) in rows {
            let (a, g) = gates.split_at_mut(width);
            let (a, a_tail) = S::as_mut_simd_f32s(a);
            let (g, g_tail) = S::as_mut_simd_f32s(g);
            let (from, from_tail) = S::as_simd_f32s(from);
            let (d_to, d_to_tail) = S::as_simd_f32s(d_to);
            let (d_from, d_from_tail) = S::as_mut_simd_f32s(d_from);
            let vectors = a.iter_mut().zip(g).zip(from).zip(d_to).zip(d_from);
            for ((((a, g), from), d), d_from) in vectors {
                *d_from = node_grad(simd, act, [a, g], [*from, *d, *d_from]);
            }
            if !from_tail.is_empty() {
                let mut a = simd.partial_load_f32s(a_tail);
                let mut g = simd.partial_load_f32s(g_tail);
                let from = simd.partial_load_f32s(from_tail);
                let d = simd.partial_load_f32s(d_to_tail);
                let before = simd.partial_load_f32s(d_from_tail);
                let found = node_grad(simd, act, [&mut a, &mut g], [from, d, before]);
                simd.partial_store_f32s(a_tail, a);
                simd.partial_store_f32s(g_tail, g);
                simd.partial_store_f32s(d_from_tail, found);
            }
        }
    }
}

/// One vector of a node: `[a, g]` become the gradients of `[h, t]`; what `d` makes of that of `from`,
/// which was `d_from`.
#[inline(always)]
fn node_grad<S: Simd>(
    simd: S,
    act: CellFunction,
    [a, g]: [&mut S::f32s; 2],
    [from, d, d_from]: [S::f32s; 3],
) -> S::f32s {
    let past = simd.mul_f32s(d, *g);
    let d_g = simd.mul_f32s(d, simd.sub_f32s(*a, from));
    *a = act.grad(simd, *a, past);
    *g = simd.mul_f32s(d_g, slope(simd, *g));
    simd.add_f32s(d_from, simd.sub_f32s(d, past))
}

#[cfg(test)]
mod tests;
