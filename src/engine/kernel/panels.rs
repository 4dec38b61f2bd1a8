//! A matrix in panels of columns, so that [`matmul`](super::matmul) reads it front to back.

use std::ops::Range;

/// Columns of a panel: three vectors of the widest set.
pub(super) const PANEL: usize = 48;
/// The last panel is filled up with zeros to a multiple of so many columns.
pub(super) const VECTOR: usize = 16;

/// A matrix `(depth, width)` in panels.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    /// `[panel][row][column of the panel]`.
    data: &'a [f32],
    depth: usize,
    width: usize,
}

/// A panel of a matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel<'a> {
    /// Its first column.
    pub(super) first: usize,
    /// The columns of the matrix in it.
    pub(super) columns: usize,
    /// Its columns, with the zeros that fill it up.
    pub(super) padded: usize,
    /// `[row][column]`.
    pub(super) data: &'a [f32],
}

/// Values of a whole panel of a matrix with `depth` rows: packed data are to be cut so.
pub const fn panel_len(depth: usize) -> usize {
    depth * PANEL
}

/// Packs the panel number `nth` of a matrix `(depth, width)`, row by row.
pub fn pack([depth, width]: [usize; 2], matrix: &[f32], nth: usize, panel: &mut [f32]) {
    let (first, padded) = (nth * PANEL, panel.len() / depth);
    let columns = padded.min(width - first);
    for (row, packed) in matrix.chunks_exact(width).zip(panel.chunks_exact_mut(padded)) {
        packed[..columns].copy_from_slice(&row[first..][..columns]);
        packed[columns..].fill(0.0);
    }
}

/// The same of the transpose of a matrix `(width, depth)`.
pub fn pack_transposed([depth, width]: [usize; 2], matrix: &[f32], nth: usize, panel: &mut [f32]) {
    let (first, padded) = (nth * PANEL, panel.len() / depth);
    let columns = padded.min(width - first);
    let rows = matrix[first * depth..].chunks_exact(depth).take(columns);
    for (column, row) in rows.enumerate() {
        for (packed, value) in panel.chunks_exact_mut(padded).zip(row) {
            packed[column] = *value;
        }
    }
    panel.chunks_exact_mut(padded).for_each(|packed| packed[columns..].fill(0.0));
}

impl Panel<'_> {
    /// Some of its rows.
    pub(super) fn rows(self, rows: Range<usize>) -> Self {
        let data = &self.data[rows.start * self.padded..rows.end * self.padded];
        Self { data, ..self }
    }
}

/// Of each panel of a matrix with `width` columns: the first column, how many it has, and how many
/// with the zeros.
pub(super) fn columns(width: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..width).step_by(PANEL).map(move |first| {
        let columns = PANEL.min(width - first);
        [first, columns, columns.next_multiple_of(VECTOR)]
    })
}

impl<'a> Panels<'a> {
    /// Values that the panels of a matrix `(depth, width)` take.
    pub fn len([depth, width]: [usize; 2]) -> usize {
        depth * width.next_multiple_of(VECTOR)
    }

    /// A matrix `(depth, width)` that was packed into `data`, of [`Panels::len`] values.
    pub fn packed([depth, width]: [usize; 2], data: &'a [f32]) -> Self {
        Self { data, depth, width }
    }

    /// Rows of the matrix.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Columns of the matrix.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The panels, from the first column on.
    pub(super) fn iter(&self) -> impl Iterator<Item = Panel<'a>> + use<'a> {
        let (data, depth) = (self.data, self.depth);
        columns(self.width).map(move |[first, columns, padded]| {
            let data = &data[first * depth..][..padded * depth];
            Panel { first, columns, padded, data }
        })
    }
}
