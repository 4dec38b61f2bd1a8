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

/// A square window that slides over a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
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

impl Window {
    /// A window with "SAME" padding.
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, padding: Padding::Same }
    }

    /// Windows along a side of `side` cells.
    pub const fn outputs(self, side: usize) -> usize {
        match self.padding {
            Padding::Same => side.div_ceil(self.stride),
            Padding::Valid => (side - self.kernel) / self.stride + 1,
        }
    }

    /// Padding cells before the first one of a side of `side` cells.
    pub const fn pad_before(self, side: usize) -> usize {
        match self.padding {
            Padding::Same => {
                let covered = (self.outputs(side) - 1) * self.stride + self.kernel;
                covered.saturating_sub(side) / 2
            }
            Padding::Valid => 0,
        }
    }

    /// Padding cells behind the last one of a side of `side` cells.
    pub const fn pad_after(self, side: usize) -> usize {
        let covered = (self.outputs(side) - 1) * self.stride + self.kernel;
        covered.saturating_sub(side + self.pad_before(side))
    }

    /// The shape of the windows over a plane.
    pub const fn over(self, shape: Shape) -> Shape {
        Shape {
            channels: shape.channels,
            height: self.outputs(shape.height),
            width: self.outputs(shape.width),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_is_tensorflows() {
        for (kernel, stride, side, outputs, pads) in [
            (3, 1, 28, 28, [1, 1]),
            (5, 1, 7, 7, [2, 2]),
            (3, 2, 28, 14, [0, 1]),
            (5, 2, 28, 14, [1, 2]),
            (3, 2, 7, 4, [1, 1]),
            (1, 2, 8, 4, [0, 0]),
        ] {
            let window = Window::same(kernel, stride);
            assert_eq!(window.outputs(side), outputs);
            assert_eq!([window.pad_before(side), window.pad_after(side)], pads);
        }
    }
}
