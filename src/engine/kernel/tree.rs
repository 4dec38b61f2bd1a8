//! A tree cell in one pass, and its gradient in another.
//!
//! ```text
//! leaf i          aᵢ = act(xᵢ ∘ hᵢ)         xᵢ = x·W_i, hᵢ = h·U_i; ∘ is + or ·
//! node above      a = act(a_l ∘ a_r)
//! injected node   a′ = act(a ∘ c)            takes the place of a
//! to the next     h is the last node, c the memory node before its act
//! ```
//!
//! No feature depends on another, so all nodes of a vector of features are in registers or near them,
//! and no list has them: the gradient computes them again.

use pulp::{Simd, WithSimd};

use super::Isa;
use super::cell::Function;
use crate::net::{Join, TreeCell};

const MAX_NODES: usize = TreeCell::MAX_NODES;

/// Of rows of leaves' products with words and with states, `(rows, leaves·width)` each, and of the c
/// before, `(rows, width)`: the h and the c after.
pub fn tree_cell(
    isa: Isa,
    (tree, width): (&TreeCell, usize),
    [xs, hs]: [&[f32]; 2],
    before: &[f32],
    [h, c]: [&mut [f32]; 2],
) {
    isa.run(Forward { tree, width, xs, hs, before, h, c });
}

struct Forward<'a> {
    tree: &'a TreeCell,
    width: usize,
    xs: &'a [f32],
    hs: &'a [f32],
    before: &'a [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tree, width, xs, hs, before, h, c } = self;
        let wide = tree.n_leaves() * width;
        let rows = xs.chunks_exact(wide).zip(hs.chunks_exact(wide)).zip(before.chunks_exact(width));
        let rows = rows.zip(h.chunks_exact_mut(width)).zip(c.chunks_exact_mut(width));
        for ((((xs, hs), before), h), c) in rows {
            for at in (0..width).step_by(S::F32_LANES) {
                let place = Place { at, n: S::F32_LANES.min(width - at), width };
                let c_before = place.load(simd, before, 0);
                let nodes = Nodes::of(simd, (tree, place), [xs, hs], c_before);
                place.store(simd, h, 0, nodes.values[tree.nodes.len() - 1]);
                place.store(simd, c, 0, nodes.memory);
            }
        }
    }
}

/// After [`tree_cell`] with the same lists: the products become their gradients, and so does
/// `d_c`, `(rows, width)`, of the c after, that of the c before; `d_h` is that of the h after.
pub fn tree_cell_grad(
    isa: Isa,
    (tree, width): (&TreeCell, usize),
    [xs, hs]: [&mut [f32]; 2],
    before: &[f32],
    (d_h, d_c): (&[f32], &mut [f32]),
) {
    isa.run(Backward { tree, width, xs, hs, before, d_h, d_c });
}

struct Backward<'a> {
    tree: &'a TreeCell,
    width: usize,
    xs: &'a mut [f32],
    hs: &'a mut [f32],
    before: &'a [f32],
    d_h: &'a [f32],
    d_c: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tree, width, xs, hs, before, d_h, d_c } = self;
        let wide = tree.n_leaves() * width;
        let rows = xs.chunks_exact_mut(wide).zip(hs.chunks_exact_mut(wide));
        let rows = rows.zip(before.chunks_exact(width)).zip(d_h.chunks_exact(width));
        for ((((xs, hs), before), d_h), d_c) in rows.zip(d_c.chunks_exact_mut(width)) {
            for at in (0..width).step_by(S::F32_LANES) {
                let place = Place { at, n: S::F32_LANES.min(width - at), width };
                let c = place.load(simd, before, 0);
                let nodes = Nodes::of(simd, (tree, place), [xs, hs], c);
                let grads = [place.load(simd, d_h, 0), place.load(simd, d_c, 0)];
                let d = nodes.grads(simd, (tree, place), [xs, hs], (c, grads));
                place.store(simd, d_c, 0, d);
            }
        }
    }
}

/// A vector of features in rows of leaves.
#[derive(Clone, Copy)]
struct Place {
    /// The first of them.
    at: usize,
    /// How many they are.
    n: usize,
    /// Features of a leaf.
    width: usize,
}

impl Place {
    #[inline(always)]
    fn load<S: Simd>(self, simd: S, row: &[f32], leaf: usize) -> S::f32s {
        simd.partial_load_f32s(&row[leaf * self.width + self.at..][..self.n])
    }

    #[inline(always)]
    fn store<S: Simd>(self, simd: S, row: &mut [f32], leaf: usize, values: S::f32s) {
        simd.partial_store_f32s(&mut row[leaf * self.width + self.at..][..self.n], values);
    }
}

/// What the nodes are for a vector of features.
struct Nodes<S: Simd> {
    /// As those above read them: of the injected node, after that.
    values: [S::f32s; MAX_NODES],
    /// Of the injected node, before that.
    own: S::f32s,
    /// The c after.
    memory: S::f32s,
}

impl<S: Simd> Nodes<S> {
    #[inline(always)]
    fn of(simd: S, (tree, place): (&TreeCell, Place), [xs, hs]: [&[f32]; 2], c: S::f32s) -> Self {
        let zero = simd.splat_f32s(0.0);
        let mut nodes = Self { values: [zero; MAX_NODES], own: zero, memory: zero };
        let n_leaves = tree.n_leaves();
        for (node, join) in tree.nodes.iter().enumerate() {
            let [left, right] = match node.checked_sub(n_leaves) {
                None => [place.load(simd, xs, node), place.load(simd, hs, node)],
                Some(above) => tree.reads[above].map(|from| nodes.values[from]),
            };
            let joined = joined(simd, *join, left, right);
            let mut value = join.function.of(simd, joined);
            if node == tree.memory {
                nodes.memory = joined;
            }
            if node == tree.injected {
                nodes.own = value;
                let with_c = self::joined(simd, tree.inject, value, c);
                value = tree.inject.function.of(simd, with_c);
            }
            nodes.values[node] = value;
        }
        nodes
    }

    /// From the gradients of the h and the c after to those of the products, which take their place,
    /// and of the c before.
    #[inline(always)]
    fn grads(
        &self,
        simd: S,
        (tree, place): (&TreeCell, Place),
        [xs, hs]: [&mut [f32]; 2],
        (c, [d_h, d_memory]): (S::f32s, [S::f32s; 2]),
    ) -> S::f32s {
        let n_leaves = tree.n_leaves();
        let mut d_values = [simd.splat_f32s(0.0); MAX_NODES];
        d_values[tree.nodes.len() - 1] = d_h;
        let mut d_c = simd.splat_f32s(0.0);
        for (node, join) in tree.nodes.iter().enumerate().rev() {
            let (mut value, mut d) = (self.values[node], d_values[node]);
            if node == tree.injected {
                d = tree.inject.function.grad(simd, value, d);
                value = self.own;
                [d, d_c] = shares(simd, tree.inject, [value, c], d);
            }
            d = join.function.grad(simd, value, d);
            if node == tree.memory {
                d = simd.add_f32s(d, d_memory);
            }
            match node.checked_sub(n_leaves) {
                None => {
                    let read = [&*xs, &*hs].map(|row| place.load(simd, row, node));
                    let [d_x, d_h] = shares(simd, *join, read, d);
                    place.store(simd, xs, node, d_x);
                    place.store(simd, hs, node, d_h);
                }
                Some(above) => {
                    let [left, right] = tree.reads[above];
                    let read = [self.values[left], self.values[right]];
                    // Each node is read once.
                    [d_values[left], d_values[right]] = shares(simd, *join, read, d);
                }
            }
        }
        d_c
    }
}

#[inline(always)]
fn joined<S: Simd>(simd: S, join: Join, left: S::f32s, right: S::f32s) -> S::f32s {
    if join.is_product { simd.mul_f32s(left, right) } else { simd.add_f32s(left, right) }
}

/// The gradients of the two that are joined, where that of what they make is `d`.
#[inline(always)]
fn shares<S: Simd>(simd: S, join: Join, [left, right]: [S::f32s; 2], d: S::f32s) -> [S::f32s; 2] {
    if join.is_product { [simd.mul_f32s(d, right), simd.mul_f32s(d, left)] } else { [d; 2] }
}

#[cfg(test)]
mod tests;
