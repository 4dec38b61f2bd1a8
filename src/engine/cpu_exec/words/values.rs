//! Arithmetic on lists of states.

use crate::engine::cpu_exec::words::workspace::Size;
use crate::engine::words::Masks;

/// The mask of states from band number `first` on; nothing where none is dropped.
pub(super) fn state_mask(masks: &Masks, size: Size, first: usize) -> &[f32] {
    if masks.state.is_empty() { &[] } else { &masks.state[first * size.state()..] }
}

/// The h of a band before a step.
pub(super) fn before<'a>(
    carried: &'a [f32],
    outputs: &'a [f32],
    (step, band): (usize, usize),
    size: Size,
) -> &'a [f32] {
    match step.checked_sub(1) {
        Some(last) => &outputs[band * size.band() + last * size.state()..][..size.state()],
        None => &carried[band * size.carried * size.state()..][..size.state()],
    }
}

/// `ys = xs ⊙ mask`; a copy where there is no mask.
pub(super) fn multiply(xs: &[f32], mask: &[f32], ys: &mut [f32]) {
    if mask.is_empty() {
        return ys.copy_from_slice(xs);
    }
    for ((y, x), factor) in ys.iter_mut().zip(xs).zip(mask) {
        *y = x * factor;
    }
}

/// `ys += xs ⊙ mask`; all of it where there is no mask.
pub(super) fn add_product(xs: &[f32], mask: &[f32], ys: &mut [f32]) {
    if mask.is_empty() {
        return add_scaled(xs, 1.0, ys);
    }
    for ((y, x), factor) in ys.iter_mut().zip(xs).zip(mask) {
        *y += x * factor;
    }
}

/// `ys += factor·xs`
pub(super) fn add_scaled(xs: &[f32], factor: f32, ys: &mut [f32]) {
    for (y, x) in ys.iter_mut().zip(xs) {
        *y += factor * x;
    }
}
