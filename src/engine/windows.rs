//! Sliding windows as one gather of rows, the single primitive behind convolutions and pools.
//!
//! Activations are laid out `(plane, batch, channel)`, so a cell of the plane is one contiguous
//! row and a window is a list of rows. Gathering rows and adding gradients back to rows are
//! candle operations with a right gradient on every device, unlike its pools and its grouped
//! convolutions.

use candle_core::{Device, Result, Tensor};

use crate::net::{Shape, Window};

/// A row number that reads as zeros, and whose gradient is dropped (candle's convention).
const ZERO_ROW: u32 = u32::MAX;

/// What a tap outside of the plane reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// Zeros.
    Zero,
    /// The nearest cell of the plane, which changes no maximum and no order among equals.
    Nearest,
}

/// For each output cell, in row-major order, the plane cells under its window; `None` outside.
fn taps(window: Window, shape: Shape, border: Border) -> Vec<Vec<Option<usize>>> {
    let line = |output: usize, side: usize| -> Vec<Option<usize>> {
        let start = output * window.stride;
        (start..start + window.kernel)
            .map(|padded| {
                let cell = padded.checked_sub(window.pad_before(side)).filter(|&c| c < side);
                match border {
                    Border::Zero => cell,
                    Border::Nearest => {
                        Some(padded.saturating_sub(window.pad_before(side)).min(side - 1))
                    }
                }
            })
            .collect()
    };
    let mut cells = Vec::new();
    for row in 0..window.outputs(shape.height) {
        let rows = line(row, shape.height);
        for column in 0..window.outputs(shape.width) {
            let columns = line(column, shape.width);
            let cross = rows
                .iter()
                .flat_map(|&r| columns.iter().map(move |&c| Some(r? * shape.width + c?)));
            cells.push(cross.collect());
        }
    }
    cells
}

fn row_numbers(cells: impl Iterator<Item = Option<usize>>, device: &Device) -> Result<Tensor> {
    let ids: Vec<u32> = cells.map(|cell| cell.map_or(ZERO_ROW, |cell| cell as u32)).collect();
    let n = ids.len();
    Tensor::from_vec(ids, n, device)
}

/// `(plane, batch, c)` to `(outputs·batch, k²·c)`: every window as one line, zeros outside.
pub(super) fn window_lines(xs: &Tensor, window: Window, shape: Shape) -> Result<Tensor> {
    let (plane, batch, channels) = xs.dims3()?;
    let taps = taps(window, shape, Border::Zero);
    let n_taps = window.kernel * window.kernel;
    let n_outputs = taps.len();
    let ids = taps.iter().flat_map(|window| {
        (0..batch).flat_map(move |b| window.iter().map(move |tap| tap.map(|cell| cell * batch + b)))
    });
    let ids = row_numbers(ids, xs.device())?;
    xs.reshape((plane * batch, channels))?
        .index_select(&ids, 0)?
        .reshape((n_outputs * batch, n_taps * channels))
}

/// `(plane, batch, c)` to `(k², outputs·batch·c)`: every tap of the window as one line.
pub(super) fn tap_lines(
    xs: &Tensor,
    window: Window,
    shape: Shape,
    border: Border,
) -> Result<Tensor> {
    let (plane, batch, channels) = xs.dims3()?;
    let taps = taps(window, shape, border);
    let n_taps = window.kernel * window.kernel;
    let ids = (0..n_taps).flat_map(|tap| taps.iter().map(move |window| window[tap]));
    let ids = row_numbers(ids, xs.device())?;
    xs.reshape((plane, batch * channels))?
        .index_select(&ids, 0)?
        .reshape((n_taps, taps.len() * batch * channels))
}

/// `1 / n` for each output, with `n` the cells of its window that lie inside the plane.
pub(super) fn inverse_counts(window: Window, shape: Shape) -> Vec<f64> {
    let taps = taps(window, shape, Border::Zero);
    taps.iter().map(|window| 1.0 / window.iter().flatten().count() as f64).collect()
}

/// Every second cell of the plane, starting at `(offset, offset)`; zeros beyond the plane.
pub(super) fn every_second_cell(xs: &Tensor, shape: Shape, offset: usize) -> Result<Tensor> {
    let (plane, batch, channels) = xs.dims3()?;
    let line = |side: usize| {
        let cells = (0..side.div_ceil(2)).map(move |i| 2 * i + offset);
        cells.map(move |cell| (cell < side).then_some(cell))
    };
    let cells = line(shape.height)
        .flat_map(|row| line(shape.width).map(move |column| Some(row? * shape.width + column?)));
    let ids = row_numbers(cells, xs.device())?;
    let n_outputs = ids.dim(0)?;
    xs.reshape((plane, batch * channels))?
        .index_select(&ids, 0)?
        .reshape((n_outputs, batch, channels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factorized_reduction_reads_the_even_and_the_shifted_cells() {
        let ramp = Tensor::arange(0_f32, 16.0, &Device::Cpu).unwrap().reshape((16, 1, 1)).unwrap();
        let shape = Shape { channels: 1, height: 4, width: 4 };
        let read = |offset| -> Vec<f32> {
            every_second_cell(&ramp, shape, offset)
                .unwrap()
                .flatten_all()
                .unwrap()
                .to_vec1()
                .unwrap()
        };
        assert_eq!(read(0), [0.0, 2.0, 8.0, 10.0]);
        assert_eq!(read(1), [5.0, 7.0, 13.0, 15.0]);
    }

    #[test]
    fn beyond_an_odd_plane_the_shifted_cells_are_zero() {
        let ones = Tensor::ones((9, 1, 1), candle_core::DType::F32, &Device::Cpu).unwrap();
        let shape = Shape { channels: 1, height: 3, width: 3 };
        let shifted = every_second_cell(&ones, shape, 1).unwrap().flatten_all().unwrap();
        assert_eq!(shifted.to_vec1::<f32>().unwrap(), [1.0, 0.0, 0.0, 0.0]);
    }
}
