//! Winograd's convolution of 3×3 and 5×5 windows at stride 1: planes to tiles and back.
//!
//! A tile is a square of `m = 7 − kernel` outputs; 6×6 inputs lie under it. Its transform has 6×6
//! values, at each pair of [points](super::points) one, and at each pair the convolution is a
//! matrix product over channels, with the transformed weights `U`:
//!
//! ```text
//! U = F·E·w·Eᵀ·F      y = Eᵀ·(Σ_c U ⊙ V)·E          V = Iᵀ·x·I
//! ∂w = Eᵀ·F·∂U·F·E    ∂x = I·(Σ_o U ⊙ ∂M)·Iᵀ        ∂M = E·∂y·Eᵀ      ∂U = Σ_tiles ∂M·V
//! ```
//!
//! where `E` evaluates and `I` interpolates (Winograd, 1980; Lavin and Gray, 2016). Of 3×3 windows
//! a tile takes 36 multiplications instead of 144, of 5×5 windows 36 instead of 100.

use std::array;

use pulp::{Simd, WithSimd};

use super::points::{
    FACTORS, POINTS, evaluate, evaluate_transposed, interpolate, interpolate_transposed,
};
use super::vectors::{strip_of, strip_of_mut, strips};
use super::{Isa, LANES, Lanes};

/// Values of a transformed tile: so many matrices are multiplied.
pub const PAIRS: usize = POINTS * POINTS;

/// Tiles side by side over planes of several channels.
#[derive(Clone, Copy, Debug)]
pub struct TileRow {
    /// The side of a tile of outputs: 4 for 3×3 windows, 2 for 5×5 ones.
    pub side: usize,
    /// Tiles of the same row before the first one.
    pub first: usize,
    /// How many there are.
    pub n: usize,
    /// Channels of the planes.
    pub channels: usize,
}

impl TileRow {
    /// Columns of the inputs under the tiles.
    pub fn columns(&self) -> usize {
        (self.n - 1) * self.side + POINTS
    }

    /// The first of these, and of the outputs.
    fn start(&self) -> usize {
        self.first * self.side
    }

    /// Columns of the outputs, of which a row has `width`.
    fn outputs(&self, width: usize) -> usize {
        (self.n * self.side).min(width - self.start())
    }
}

/// Where transforms are: of tile `t` and channel `c` at pair `p` of points, at
/// `p * pair + t * tile + c * channel`.
#[derive(Clone, Copy, Debug)]
pub struct TilePlace {
    /// From one pair of points to the next.
    pub pair: usize,
    /// From one tile to the next.
    pub tile: usize,
    /// From one channel to the next.
    pub channel: usize,
}

impl TilePlace {
    /// The transform's value `[i, j]`, of which the first is at `first`.
    #[inline(always)]
    fn at(&self, first: usize, [i, j]: [usize; 2]) -> usize {
        first + (i * POINTS + j) * self.pair
    }

    #[inline(always)]
    fn first(&self, tile: usize, channel: usize) -> usize {
        tile * self.tile + channel * self.channel
    }
}

/// `V`, at `place` in `out`, of the inputs in six rows, each `(channels, padded)`, whose first
/// columns are those of the first tile of all; under every tile there are as many as it needs.
///
/// `line` is memory for as many columns of 6.
pub fn winograd_inputs(
    isa: Isa,
    tiles: TileRow,
    rows: &[&[Lanes]],
    (out, place): (&mut [Lanes], TilePlace),
    line: &mut [Lanes],
) {
    isa.run(Inputs { tiles, rows, out, place, line });
}

struct Inputs<'a> {
    tiles: TileRow,
    rows: &'a [&'a [Lanes]],
    out: &'a mut [Lanes],
    place: TilePlace,
    line: &'a mut [Lanes],
}

impl WithSimd for Inputs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, rows, out, place, line } = self;
        let padded = rows[0].len() / tiles.channels;
        let (line, _) = line[..tiles.columns() * POINTS].as_chunks_mut::<POINTS>();
        for channel in 0..tiles.channels {
            let start = channel * padded + tiles.start();
            let rows: [_; POINTS] = array::from_fn(|i| &rows[i][start..][..tiles.columns()]);
            for strip in 0..strips::<S>() {
                for (x, column) in line.iter_mut().enumerate() {
                    let xs = array::from_fn(|i| strip_of::<S>(&rows[i][x], strip));
                    write(simd, column, strip, interpolate_transposed(simd, xs));
                }
                for tile in 0..tiles.n {
                    let first = place.first(tile, channel);
                    let columns = &line[tile * tiles.side..][..POINTS];
                    for i in 0..POINTS {
                        let xs = array::from_fn(|j| strip_of::<S>(&columns[j][i], strip));
                        for (j, v) in interpolate_transposed(simd, xs).into_iter().enumerate() {
                            *strip_of_mut::<S>(&mut out[place.at(first, [i, j])], strip) = v;
                        }
                    }
                }
            }
        }
    }
}

/// Writes one strip of a column.
#[inline(always)]
fn write<S: Simd, const N: usize>(
    _: S,
    column: &mut [Lanes; N],
    strip: usize,
    values: [S::f32s; N],
) {
    for (out, value) in column.iter_mut().zip(values) {
        *strip_of_mut::<S>(out, strip) = value;
    }
}

/// The outputs `y` of `products`, sums over channels at `place`, into `rows`, `(rows, channels,
/// width)`: as many of the tiles' rows and columns as there are. Other columns stay as they are.
///
/// `line` as for [`winograd_inputs`].
pub fn winograd_outputs(
    isa: Isa,
    tiles: TileRow,
    (products, place): (&[Lanes], TilePlace),
    (rows, width): (&mut [Lanes], usize),
    line: &mut [Lanes],
) {
    match tiles.side {
        4 => isa.run(Outputs::<4> { tiles, products, place, rows, width, line }),
        2 => isa.run(Outputs::<2> { tiles, products, place, rows, width, line }),
        side => unreachable!("no tile has a side of {side}"),
    }
}

struct Outputs<'a, const SIDE: usize> {
    tiles: TileRow,
    products: &'a [Lanes],
    place: TilePlace,
    rows: &'a mut [Lanes],
    width: usize,
    line: &'a mut [Lanes],
}

impl<const SIDE: usize> WithSimd for Outputs<'_, SIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, products, place, rows, width, line } = self;
        let row_len = tiles.channels * width;
        let (line, _) = line.as_chunks_mut::<POINTS>();
        for channel in 0..tiles.channels {
            for strip in 0..strips::<S>() {
                for (tile, columns) in line.chunks_exact_mut(SIDE).take(tiles.n).enumerate() {
                    let first = place.first(tile, channel);
                    for i in 0..POINTS {
                        let sums = array::from_fn(|j| {
                            strip_of::<S>(&products[place.at(first, [i, j])], strip)
                        });
                        let ys: [_; SIDE] = evaluate_transposed(simd, sums);
                        for (column, y) in columns.iter_mut().zip(ys) {
                            *strip_of_mut::<S>(&mut column[i], strip) = y;
                        }
                    }
                }
                let start = channel * width + tiles.start();
                for (x, column) in line[..tiles.outputs(width)].iter().enumerate() {
                    let sums = array::from_fn(|i| strip_of::<S>(&column[i], strip));
                    let ys: [_; SIDE] = evaluate_transposed(simd, sums);
                    for (row, y) in rows.chunks_exact_mut(row_len).zip(ys) {
                        *strip_of_mut::<S>(&mut row[start + x], strip) = y;
                    }
                }
            }
        }
    }
}

/// The gradient before a batch normalization, of the rows of a row of tiles.
#[derive(Clone, Copy, Debug)]
pub struct NormGradRows<'a> {
    /// The gradient behind it, `(rows, channels, width)`.
    pub ds: &'a [Lanes],
    /// What it normalized, the same.
    pub ys: &'a [Lanes],
    /// `[a, b, g]` of each channel: the gradient is `a·d + b·y + g`.
    pub coefficients: &'a [[f32; 3]],
}

/// `∂M`, at `place` in `out`, of as many of the tiles' rows as there are; the others, and columns
/// beyond the rows, are zero.
///
/// `line` as for [`winograd_inputs`].
pub fn winograd_output_grads(
    isa: Isa,
    tiles: TileRow,
    (grads, width): (NormGradRows<'_>, usize),
    (out, place): (&mut [Lanes], TilePlace),
    line: &mut [Lanes],
) {
    match tiles.side {
        4 => isa.run(OutputGrads::<4> { tiles, grads, width, out, place, line }),
        2 => isa.run(OutputGrads::<2> { tiles, grads, width, out, place, line }),
        side => unreachable!("no tile has a side of {side}"),
    }
}

struct OutputGrads<'a, const SIDE: usize> {
    tiles: TileRow,
    grads: NormGradRows<'a>,
    width: usize,
    out: &'a mut [Lanes],
    place: TilePlace,
    line: &'a mut [Lanes],
}

impl<const SIDE: usize> WithSimd for OutputGrads<'_, SIDE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, grads, width, out, place, line } = self;
        let NormGradRows { ds, ys, coefficients } = grads;
        let row_len = tiles.channels * width;
        let zero = simd.splat_f32s(0.0);
        let (line, _) = line.as_chunks_mut::<POINTS>();
        for (channel, [a, b, g]) in coefficients.iter().enumerate() {
            let (of_d, of_y) = (simd.splat_f32s(*a), simd.splat_f32s(*b));
            let constant = simd.splat_f32s(*g);
            for strip in 0..strips::<S>() {
                for (x, column) in line[..tiles.n * SIDE].iter_mut().enumerate() {
                    let mut grads = [zero; SIDE];
                    let at = channel * width + tiles.start() + x;
                    let rows = ds.chunks_exact(row_len).zip(ys.chunks_exact(row_len));
                    for (grad, (ds, ys)) in grads.iter_mut().zip(rows) {
                        if x < tiles.outputs(width) {
                            let y = strip_of::<S>(&ys[at], strip);
                            let y = simd.mul_add_e_f32s(of_y, y, constant);
                            *grad = simd.mul_add_e_f32s(of_d, strip_of::<S>(&ds[at], strip), y);
                        }
                    }
                    write(simd, column, strip, evaluate(simd, grads));
                }
                for (tile, columns) in line.chunks_exact(SIDE).take(tiles.n).enumerate() {
                    let first = place.first(tile, channel);
                    for i in 0..POINTS {
                        let grads: [_; SIDE] =
                            array::from_fn(|j| strip_of::<S>(&columns[j][i], strip));
                        for (j, m) in evaluate(simd, grads).into_iter().enumerate() {
                            *strip_of_mut::<S>(&mut out[place.at(first, [i, j])], strip) = m;
                        }
                    }
                }
            }
        }
    }
}

/// Six rows of a gradient that tiles one below the other share.
#[derive(Debug)]
pub struct SharedRows<'a> {
    /// `(6, channels, width)`, a ring.
    pub rows: &'a mut [Lanes],
    /// The row that is the first one under the tiles.
    pub first: usize,
    /// From the first one on, so many hold what the tiles above have; of the others only the
    /// columns of the tiles to the left hold something.
    pub begun: usize,
    /// Columns of a row.
    pub width: usize,
    /// Columns under the first tile of all that lie before the row.
    pub before: usize,
}

/// Adds `∂x` of `products`, sums over outputs at `place`, to the rows under the tiles.
///
/// `line` as for [`winograd_inputs`].
pub fn winograd_input_grads(
    isa: Isa,
    tiles: TileRow,
    (products, place): (&[Lanes], TilePlace),
    shared: SharedRows<'_>,
    line: &mut [Lanes],
) {
    isa.run(InputGrads { tiles, products, place, shared, line });
}

struct InputGrads<'a> {
    tiles: TileRow,
    products: &'a [Lanes],
    place: TilePlace,
    shared: SharedRows<'a>,
    line: &'a mut [Lanes],
}

impl WithSimd for InputGrads<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { tiles, products, place, shared, line } = self;
        let SharedRows { rows, first: first_row, begun, width, before } = shared;
        let row_len = tiles.channels * width;
        let (line, _) = line[..tiles.columns() * POINTS].as_chunks_mut::<POINTS>();
        for channel in 0..tiles.channels {
            for strip in 0..strips::<S>() {
                for tile in 0..tiles.n {
                    let first = place.first(tile, channel);
                    let columns = &mut line[tile * tiles.side..][..POINTS];
                    // Those that the tile shares with the one before it.
                    let added = if tile == 0 { 0 } else { POINTS - tiles.side };
                    for i in 0..POINTS {
                        let sums = array::from_fn(|j| {
                            strip_of::<S>(&products[place.at(first, [i, j])], strip)
                        });
                        for (j, d) in interpolate(simd, sums).into_iter().enumerate() {
                            let out = strip_of_mut::<S>(&mut columns[j][i], strip);
                            *out = if j < added { simd.add_f32s(*out, d) } else { d };
                        }
                    }
                }
                for (x, column) in line.iter().enumerate() {
                    // Columns that the first tile shares with the one before it.
                    let is_shared = 0 < tiles.first && x < POINTS - tiles.side;
                    let Some(at) = (tiles.start() + x).checked_sub(before) else { continue };
                    if width <= at {
                        break;
                    }
                    let sums = array::from_fn(|i| strip_of::<S>(&column[i], strip));
                    for (i, d) in interpolate(simd, sums).into_iter().enumerate() {
                        let row = (first_row + i) % POINTS;
                        let out = &mut rows[row * row_len + channel * width + at];
                        let out = strip_of_mut::<S>(out, strip);
                        let add = is_shared || i < begun;
                        *out = if add { simd.add_f32s(*out, d) } else { d };
                    }
                }
            }
        }
    }
}

mod weights;

pub use weights::{winograd_weight_grads, winograd_weights};

#[cfg(test)]
mod tests;
