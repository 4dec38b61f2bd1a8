//! The shape of one image's tensor.

/// Channels and plane of one image or activation; the batch is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Cells of one plane.
    pub const fn plane(self) -> usize {
        self.height * self.width
    }

    /// Values of one image.
    pub const fn n_values(self) -> usize {
        self.channels * self.plane()
    }

    /// The plane after a stride-2 layer with "SAME" padding: half of each side, rounded up.
    pub const fn halved(self, channels: usize) -> Self {
        Self { channels, height: self.height.div_ceil(2), width: self.width.div_ceil(2) }
    }

    /// The same plane with other channels.
    pub const fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }

    /// Whether both have the same plane.
    pub const fn same_plane(self, other: Self) -> bool {
        self.height == other.height && self.width == other.width
    }
}

/// What slides along one side of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Taps of each window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Distance between the taps of a window.
    pub dilation: usize,
    /// What happens at the border.
    pub padding: Padding,
}

/// What a window does at the border, with TensorFlow's meaning of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// `⌈side / stride⌉` windows; an odd rest of the padding goes to the end.
    Same,
    /// Only windows that lie inside.
    Valid,
}

impl Span {
    /// Cells from the first tap of a window to the last.
    pub const fn reach(self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// Windows along a side of `side` cells.
    pub const fn outputs(self, side: usize) -> usize {
        match self.padding {
            Padding::Same => side.div_ceil(self.stride),
            Padding::Valid => (side - self.reach()) / self.stride + 1,
        }
    }

    /// Padding cells before the first one of a side of `side` cells.
    pub const fn pad_before(self, side: usize) -> usize {
        match self.padding {
            Padding::Same => self.covered(side).saturating_sub(side) / 2,
            Padding::Valid => 0,
        }
    }

    /// Padding cells behind the last one of a side of `side` cells.
    pub const fn pad_after(self, side: usize) -> usize {
        self.covered(side).saturating_sub(side + self.pad_before(side))
    }

    /// Cells from the first tap of the first window to the last one of the last.
    const fn covered(self, side: usize) -> usize {
        (self.outputs(side) - 1) * self.stride + self.reach()
    }
}

/// A window that slides over a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// From row to row.
    pub rows: Span,
    /// From column to column.
    pub columns: Span,
}

impl Window {
    /// A square window with "SAME" padding.
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self::of([kernel; 2], [stride; 2], 1)
    }

    /// A window with "SAME" padding of so many rows and columns of taps, `dilation` apart, whose
    /// strides are from row to row and from column to column.
    pub const fn of(kernel: [usize; 2], stride: [usize; 2], dilation: usize) -> Self {
        let padding = Padding::Same;
        Self {
            rows: Span { kernel: kernel[0], stride: stride[0], dilation, padding },
            columns: Span { kernel: kernel[1], stride: stride[1], dilation, padding },
        }
    }

    /// A square window without padding.
    pub const fn valid(kernel: usize, stride: usize) -> Self {
        let side = Span { kernel, stride, dilation: 1, padding: Padding::Valid };
        Self { rows: side, columns: side }
    }

    /// Taps.
    pub const fn area(self) -> usize {
        self.rows.kernel * self.columns.kernel
    }

    /// The side of a square window whose taps lie side by side and that goes cell by cell.
    pub fn dense_side(self) -> Option<usize> {
        let Span { kernel, stride, dilation, .. } = self.rows;
        (self.rows == self.columns && stride == 1 && dilation == 1).then_some(kernel)
    }

    /// The shape of the windows over a plane.
    pub const fn over(self, shape: Shape) -> Shape {
        Shape {
            channels: shape.channels,
            height: self.rows.outputs(shape.height),
            width: self.columns.outputs(shape.width),
        }
    }

    /// Padding cells above and left of a plane.
    pub const fn pads_before(self, shape: Shape) -> [usize; 2] {
        [self.rows.pad_before(shape.height), self.columns.pad_before(shape.width)]
    }

    /// Padding cells below and right of a plane.
    pub const fn pads_after(self, shape: Shape) -> [usize; 2] {
        [self.rows.pad_after(shape.height), self.columns.pad_after(shape.width)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        for (kernel, stride, dilation, side, outputs, pads) in [
            (3, 1, 1, 28, 28, [1, 1]),
            (5, 1, 1, 7, 7, [2, 2]),
            (3, 2, 1, 28, 14, [0, 1]),
            (5, 2, 1, 28, 14, [1, 2]),
            (3, 2, 1, 7, 4, [1, 1]),
            (1, 2, 1, 8, 4, [0, 0]),
            (7, 3, 1, 28, 10, [3, 3]),
            (3, 1, 2, 28, 28, [2, 2]),
            (3, 2, 2, 28, 14, [1, 2]),
            (3, 3, 2, 7, 3, [2, 2]),
            (1, 3, 1, 7, 3, [0, 0]),
        ] {
            let span = Window::of([kernel, 1], [stride, 1], dilation).rows;
            assert_eq!(span.outputs(side), outputs);
            assert_eq!([span.pad_before(side), span.pad_after(side)], pads);
        }
    }

    #[test]
    fn a_window_may_be_flat_and_go_differently_along_the_sides() {
        let window = Window::of([1, 7], [2, 1], 1);
        let plane = Shape { channels: 2, height: 9, width: 5 };
        assert_eq!(window.over(plane), Shape { channels: 2, height: 5, width: 5 });
        assert_eq!((window.pads_before(plane), window.pads_after(plane)), ([0, 3], [0, 3]));
        assert_eq!((window.area(), window.dense_side()), (7, None));
    }
}
