//! Sliding windows as selections of rows and products with small matrices.
//!
//! Activations are laid out `(channel, row, image, column)`: the rows under a window are blocks
//! of memory that a gather copies, and everything along the columns is a matrix product with a
//! banded matrix, so that no window is ever spelled out:
//!
//! ```text
//!                              ⎡ w₁ w₀       ⎤
//! [row y−1 | row y | row y+1] · ⎢ w₂ w₁ w₀    ⎥ …      a depthwise convolution of one channel
//!                              ⎢    w₂ w₁ w₀ ⎥
//!                              ⎣       w₂ w₁ ⎦
//! ```
//!
//! Gathers of rows and products are candle operations with a right gradient on every device,
//! unlike its pools and its grouped convolutions.

use candle_core::{Device, Result, Tensor};

use crate::net::{Span, Window};

/// A row number that reads as zeros, and whose gradient is dropped (candle's convention).
const ZERO_ROW: u32 = u32::MAX;

/// Which cell of a side each output reads; `None` reads zero.
pub(super) type Cells = Vec<Option<usize>>;

/// The cell under tap `tap` of each window along a side; `None` outside.
fn under_tap(span: Span, side: usize, tap: usize) -> Cells {
    let before = span.pad_before(side);
    let cell = |output: usize| (output * span.stride + tap * span.dilation).checked_sub(before);
    (0..span.outputs(side)).map(|output| cell(output).filter(|&cell| cell < side)).collect()
}

/// The same with the nearest cell of the side for one outside, which changes no maximum and no
/// order among equals.
pub(super) fn nearest_under_tap(span: Span, side: usize, tap: usize) -> Cells {
    let before = span.pad_before(side);
    let cell = |output: usize| {
        let cell = (output * span.stride + tap * span.dilation).saturating_sub(before);
        Some(cell.min(side - 1))
    };
    (0..span.outputs(side)).map(cell).collect()
}

/// Each cell of a side behind `before` cells that read as zero, `whole` cells in all.
pub(super) fn padded(side: usize, before: usize, whole: usize) -> Cells {
    (0..whole).map(|at| at.checked_sub(before).filter(|&cell| cell < side)).collect()
}

/// Every second cell of a side, starting at `offset`; zero beyond the side.
pub(super) fn every_second(side: usize, offset: usize) -> Cells {
    let cells = (0..side.div_ceil(2)).map(|output| 2 * output + offset);
    cells.map(|cell| (cell < side).then_some(cell)).collect()
}

fn numbers(cells: impl Iterator<Item = Option<usize>>, device: &Device) -> Result<Tensor> {
    let numbers: Vec<u32> = cells.map(|cell| cell.map_or(ZERO_ROW, |cell| cell as u32)).collect();
    let n = numbers.len();
    Tensor::from_vec(numbers, n, device)
}

/// The given rows of `(c, h, batch, w)`.
pub(super) fn select_rows(xs: &Tensor, cells: &Cells) -> Result<Tensor> {
    xs.index_select(&numbers(cells.iter().copied(), xs.device())?, 1)
}

/// The given columns of `(c, h, batch, w)`, by a product with ones and zeros: exact for numbers,
/// while one that is infinite or none makes its row none.
pub(super) fn select_columns(xs: &Tensor, cells: &Cells) -> Result<Tensor> {
    let width = xs.dim(3)?;
    let weight = |output: usize, cell: usize| f64::from(u8::from(cells[output] == Some(cell)));
    times_columns(xs, &matrix([width, cells.len()], xs, |cell, output| weight(output, cell))?)
}

/// A matrix by its elements, of the type and on the device of `like`.
fn matrix(
    sides: [usize; 2],
    like: &Tensor,
    element: impl Fn(usize, usize) -> f64,
) -> Result<Tensor> {
    let [rows, columns] = sides;
    let elements: Vec<f64> =
        (0..rows * columns).map(|i| element(i / columns, i % columns)).collect();
    Tensor::from_vec(elements, (rows, columns), like.device())?.to_dtype(like.dtype())
}

/// `(c, h, batch, w)` times `(w, w′)`.
fn times_columns(xs: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let (channels, height, batch, width) = xs.dims4()?;
    let lines = xs.reshape((channels * height * batch, width))?.matmul(weights)?;
    lines.reshape((channels, height, batch, weights.dim(1)?))
}

/// Average over the cells of each window that lie inside the plane, side by side: the count of
/// cells is the product of those along the two sides.
pub(super) fn window_means(xs: &Tensor, window: Window) -> Result<Tensor> {
    let (channels, height, batch, width) = xs.dims4()?;
    let means = |span: Span, side: usize| {
        let taps: Vec<Cells> = (0..span.kernel).map(|tap| under_tap(span, side, tap)).collect();
        matrix([span.outputs(side), side], xs, |output, cell| {
            let count = taps.iter().filter(|cells| cells[output].is_some()).count();
            let read = taps.iter().any(|cells| cells[output] == Some(cell));
            if read { 1.0 / count as f64 } else { 0.0 }
        })
    };
    let Window { rows, columns } = window;
    let xs = times_columns(xs, &means(columns, width)?.t()?)?;
    let lines = xs.reshape((channels, height, batch * columns.outputs(width)))?;
    let means = means(rows, height)?.broadcast_matmul(&lines)?;
    means.reshape((channels, rows.outputs(height), batch, columns.outputs(width)))
}

/// Average over each plane: `(c, h, batch, w)` to `(c, batch)`.
pub(super) fn plane_means(xs: &Tensor) -> Result<Tensor> {
    let (channels, height, batch, width) = xs.dims4()?;
    let mean = |side: usize, sides: [usize; 2]| matrix(sides, xs, |_, _| 1.0 / side as f64);
    let rows = times_columns(xs, &mean(width, [width, 1])?)?;
    mean(height, [1, height])?
        .broadcast_matmul(&rows.reshape((channels, height, batch))?)?
        .reshape((channels, batch))
}

/// `(c, h, batch, w)` to `(c, h′·batch, k·w)`: for each output row the rows under its windows.
pub(super) fn row_lines(xs: &Tensor, span: Span) -> Result<Tensor> {
    let (channels, height, batch, width) = xs.dims4()?;
    let taps: Vec<Cells> = (0..span.kernel).map(|tap| under_tap(span, height, tap)).collect();
    let n_outputs = span.outputs(height);
    let taps = &taps;
    let rows = (0..n_outputs).flat_map(|output| {
        (0..batch).flat_map(move |image| {
            taps.iter().map(move |cells| cells[output].map(|row| row * batch + image))
        })
    });
    xs.reshape((channels, height * batch, width))?
        .index_select(&numbers(rows, xs.device())?, 1)?
        .reshape((channels, n_outputs * batch, span.kernel * width))
}

/// The banded matrices `(c, k·w, w′)` of depthwise weights `(c, k, k)` for rows of `width` cells.
pub(super) fn bands(weight: &Tensor, span: Span, width: usize) -> Result<Tensor> {
    let (channels, kernel, _) = weight.dims3()?;
    let n_outputs = span.outputs(width);
    let before = span.pad_before(width);
    let taps = (0..kernel * width * n_outputs).map(|place| {
        let (row, rest) = (place / (width * n_outputs), place % (width * n_outputs));
        let (cell, output) = (rest / n_outputs, rest % n_outputs);
        let tap = (cell + before).checked_sub(output * span.stride)?;
        (tap < kernel).then_some(row * kernel + tap)
    });
    weight
        .reshape((channels, kernel * kernel))?
        .index_select(&numbers(taps, weight.device())?, 1)?
        .reshape((channels, kernel * width, n_outputs))
}

/// `(c, h, batch, w)` to `(c·taps, h′·batch·w′)`: every tap of every channel as one line.
pub(super) fn tap_lines(xs: &Tensor, window: Window) -> Result<Tensor> {
    let (channels, height, batch, width) = xs.dims4()?;
    let Window { rows, columns } = window;
    let taps = (0..window.area()).map(|tap| {
        let cells = under_tap(columns, width, tap % columns.kernel);
        select_columns(&select_rows(xs, &under_tap(rows, height, tap / columns.kernel))?, &cells)
    });
    let taps: Vec<Tensor> = taps.collect::<Result<_>>()?;
    let n_outputs = rows.outputs(height) * batch * columns.outputs(width);
    Tensor::stack(&taps, 1)?.reshape((channels * window.area(), n_outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn every_second_cell(plane: &Tensor, offset: usize) -> Vec<f32> {
        let rows = select_rows(plane, &every_second(plane.dim(1).unwrap(), offset)).unwrap();
        read(&select_columns(&rows, &every_second(plane.dim(3).unwrap(), offset)).unwrap())
    }

    #[test]
    fn a_factorized_reduction_reads_the_even_and_the_shifted_cells() {
        let ramp = Tensor::arange(0_f32, 16.0, &Device::Cpu).unwrap().reshape((1, 4, 1, 4));
        let ramp = ramp.unwrap();
        assert_eq!(every_second_cell(&ramp, 0), [0.0, 2.0, 8.0, 10.0]);
        assert_eq!(every_second_cell(&ramp, 1), [5.0, 7.0, 13.0, 15.0]);
    }

    #[test]
    fn beyond_an_odd_plane_the_shifted_cells_are_zero() {
        let ones = Tensor::ones((1, 3, 1, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert_eq!(every_second_cell(&ones, 1), [1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn bands_hold_the_taps_of_each_output() {
        let weight = Tensor::new(&[[[1_f32, 2.0, 3.0]; 3]], &Device::Cpu).unwrap();
        let bands = bands(&weight, Window::same(3, 2).columns, 4).unwrap();
        assert_eq!(bands.dims(), [1, 12, 2]);
        assert_eq!(read(&bands)[..8], [1.0, 0.0, 2.0, 0.0, 3.0, 1.0, 0.0, 2.0]);
    }
}
