//! The arithmetic of the CPU executor, on vectors of 16 images.
//!
//! The values of one pixel and channel for 16 images lie side by side as [`Lanes`], so that every
//! instruction works on 16 images at once and no plane is too small and no stride too large for
//! it: windows, padding and channels are plain loops. Two layouts hold them:
//!
//! ```text
//! a row      [channel][column]     one row of a plane, all channels; may have padding columns
//! columns    [pixel][channel]      what a matrix product reads
//! ```
//!
//! A 1×1 convolution is one matrix product; one of 3×3 or 5×5 windows is 36 of them, of columns
//! that [`winograd_inputs`] makes of square tiles instead of pixels.
//!
//! Rows of a batch of text lie as they are, one after the other, in bands of 8; vectors go along their
//! features, and every product is [`matmul()`] or [`matmul_sums()`].
//!
//! Images that fill up the last 16 are computed like others and left out of every sum over images.

mod affine;
mod cell;
mod columns;
mod depthwise;
mod exponential;
mod gemm;
mod gemm_nt;
mod isa;
mod lanes;
mod matmul;
mod matmul_sums;
mod max_pool;
mod panels;
mod points;
mod rows;
mod samples;
mod scale_pixels;
mod softmax;
mod sums;
mod tile;
mod tiles;
mod tree;
mod vectors;
mod weight_grad;
mod windows;
mod winograd;

pub use affine::{Affine, GradRow, Raw};
pub use cell::{cell_node, cell_node_grad};
pub use columns::{ColumnPlace, affine_columns, norm_grad_columns};
pub use depthwise::{Target, depthwise};
pub use gemm::{Packed, gemm};
pub use gemm_nt::gemm_nt;
pub use isa::Isa;
pub use lanes::{LANES, Lanes};
pub use matmul::{Rows, RowsMut, matmul};
pub use matmul_sums::{Factors, matmul_sums, matmul_sums_scratch};
pub use max_pool::{NO_TAP, max_pool, max_pool_grad, max_pool_taps};
pub use panels::{Panels, pack, pack_transposed, panel_len};
pub use points::POINTS;
pub use rows::{Padded, add_affine, add_assign, affine_padded, relu_grad};
pub use scale_pixels::scale_pixels;
pub use softmax::{Answer, cross_entropy};
pub use sums::{channel_sums, grad_sums};
pub use tile::BAND;
pub use tree::{tree_cell, tree_cell_grad};
pub use weight_grad::{WeightSums, depthwise_weight_grad};
pub use windows::{PaddedRows, RowPlace, Windows};
pub use winograd::{
    NormGradRows, PAIRS, SharedRows, TilePlace, TileRow, winograd_input_grads, winograd_inputs,
    winograd_output_grads, winograd_outputs, winograd_weight_grads, winograd_weights,
};
