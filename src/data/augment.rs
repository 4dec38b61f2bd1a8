//! Random changes to training images: crop, mirror, cutout.
//!
//! ```text
//! image ── pad with zeros ── crop at random to the old size ── mirror every second ── cut out
//! ```
//!
//! Zeros are put after standardizing, as in the authors' code: the border and the hole have the
//! mean of the training split, not black.
//!
//! Departure from the authors' code: they put the top left corner of the cutout uniformly in the
//! image and clip at the right and at the bottom only, so the hole prefers that side and is half
//! as large on average as asked for. Here its center is uniform over the image and it is clipped
//! on all sides alike (Cutout, arXiv 1708.04552).

use std::ops::Range;

use rand::{Rng, RngExt};

use crate::data::{Batching, DataError, ImageShape, Normalization};

/// Which random changes are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Augment {
    /// Invariant: below both sides of the images.
    padding: usize,
    flip: bool,
    /// Invariant: at most the longer side of the images.
    cutout: usize,
}

/// The changes drawn for one image.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    /// Row and column of the crop's corner in the padded image.
    corner: (usize, usize),
    flip: bool,
    /// Row and column of the hole's center.
    hole: Option<(usize, usize)>,
}

impl Augment {
    /// What `batching` asks for, on images of `shape`.
    pub(super) fn new(batching: &Batching, shape: ImageShape) -> Result<Self, DataError> {
        let limit = |key, found: usize, most: usize| {
            if found <= most {
                return Ok(found);
            }
            let expected = format!("0 to {most} for images of {shape}");
            Err(DataError::OutOfRange { key, expected, found: found.to_string() })
        };
        let (height, width) = (shape.height, shape.width);
        Ok(Self {
            padding: limit(
                batching.keys.crop_padding,
                batching.crop_padding,
                height.min(width) - 1,
            )?,
            flip: batching.flip,
            cutout: limit(batching.keys.cutout, batching.cutout, height.max(width))?,
        })
    }

    /// Draws the changes of one image and writes it, changed and standardized, to `out`,
    /// `(c, h, w)`, which holds zeros.
    pub(super) fn write(
        self,
        image: (&[u8], ImageShape),
        normalization: &Normalization,
        rng: &mut impl Rng,
        out: &mut [f32],
    ) {
        self.apply(self.draw(image.1, rng), image, normalization, out);
    }

    fn draw(self, shape: ImageShape, rng: &mut impl Rng) -> Change {
        let mut change = Change::default();
        if self.padding > 0 {
            let offsets = 0..=2 * self.padding;
            change.corner = (rng.random_range(offsets.clone()), rng.random_range(offsets));
        }
        if self.flip {
            change.flip = rng.random();
        }
        if self.cutout > 0 {
            let center = (rng.random_range(0..shape.height), rng.random_range(0..shape.width));
            change.hole = Some(center);
        }
        change
    }

    fn apply(
        self,
        change: Change,
        (image, shape): (&[u8], ImageShape),
        normalization: &Normalization,
        out: &mut [f32],
    ) {
        let n_plane = shape.height * shape.width;
        let (rows, cols) =
            (self.window(change.corner.0, shape.height), self.window(change.corner.1, shape.width));
        let hole = change.hole.map(|center| self.hole(center, shape));
        let planes = image.chunks_exact(n_plane).zip(out.chunks_exact_mut(n_plane));
        for (channel, (from, to)) in planes.enumerate() {
            let table = normalization.table(channel);
            for row in rows.to..rows.to + rows.len {
                let start = (row - rows.to + rows.from) * shape.width + cols.from;
                let pixels = from[start..start + cols.len].iter().map(|&x| table[usize::from(x)]);
                let line = &mut to[row * shape.width..(row + 1) * shape.width];
                let values = line[cols.to..cols.to + cols.len].iter_mut();
                values.zip(pixels).for_each(|(value, pixel)| *value = pixel);
                if change.flip {
                    line.reverse();
                }
            }
            if let Some((rows, cols)) = &hole {
                for row in rows.clone() {
                    to[row * shape.width..][cols.clone()].fill(0.0);
                }
            }
        }
    }

    /// Which part of an axis of `side` pixels a crop at `corner` of the padded axis shows.
    fn window(self, corner: usize, side: usize) -> Window {
        let from = corner.saturating_sub(self.padding);
        let to = self.padding.saturating_sub(corner);
        Window { from, to, len: side - from.max(to) }
    }

    /// The rows and columns of a hole around `center`, clipped at the borders.
    fn hole(self, center: (usize, usize), shape: ImageShape) -> (Range<usize>, Range<usize>) {
        let span = |center: usize, side: usize| {
            let end = center + self.cutout - self.cutout / 2;
            end.saturating_sub(self.cutout)..end.min(side)
        };
        (span(center.0, shape.height), span(center.1, shape.width))
    }
}

/// `len` pixels of an axis that are copied from place `from` of the image to place `to` of the crop.
struct Window {
    from: usize,
    to: usize,
    len: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataConfig, ImageSet};
    use crate::random::{Owner, generator};

    const SHAPE: ImageShape = ImageShape { channels: 2, height: 8, width: 10 };

    /// An image of distinct values, two channels of 8 rows and 10 columns.
    fn image() -> Vec<u8> {
        (0..160).collect()
    }

    /// What `change` makes of `image`, in units in which no changed pixel is 0.
    #[track_caller]
    fn check(padding: usize, cutout: usize, change: Change, image: &[u8]) -> Vec<f32> {
        let set = ImageSet::new("here", SHAPE, self::image(), vec![0]).unwrap();
        let normalization = Normalization::of(&set).unwrap();
        let mut out = vec![0.0; image.len()];
        let augment = Augment { padding, flip: true, cutout };
        augment.apply(change, (image, SHAPE), &normalization, &mut out);
        out
    }

    fn at(values: &[f32], channel: usize, row: usize, col: usize) -> f32 {
        values[channel * 80 + row * 10 + col]
    }

    #[test]
    fn a_crop_at_the_padding_is_the_image_itself() {
        let plain = check(0, 0, Change::default(), &image());
        let middle = Change { corner: (3, 3), ..Change::default() };
        assert_eq!(check(3, 0, middle, &image()), plain);
        let set = ImageSet::new("here", SHAPE, image(), vec![0]).unwrap();
        let mut expected = Vec::new();
        Normalization::of(&set).unwrap().append(&image(), &mut expected);
        assert_eq!(plain, expected);
    }

    #[test]
    fn a_crop_moves_the_image_and_leaves_zeros_behind() {
        let plain = check(0, 0, Change::default(), &image());
        for corner in [(0, 0), (0, 6), (6, 0), (6, 6), (2, 5), (3, 4)] {
            let moved = check(3, 0, Change { corner, ..Change::default() }, &image());
            for (channel, row, col) in (0..2)
                .flat_map(|c| (0..8).flat_map(move |row| (0..10).map(move |col| (c, row, col))))
            {
                let source = ((row + corner.0).checked_sub(3), (col + corner.1).checked_sub(3));
                let expected = match source {
                    (Some(y), Some(x)) if y < 8 && x < 10 => at(&plain, channel, y, x),
                    _ => 0.0,
                };
                assert_eq!(at(&moved, channel, row, col).to_bits(), expected.to_bits());
            }
        }
    }

    #[test]
    fn mirroring_twice_is_the_image_itself() {
        let mirrored: Vec<u8> =
            image().chunks_exact(10).flat_map(|row| row.iter().rev().copied()).collect();
        let flip = Change { flip: true, ..Change::default() };
        let plain = check(0, 0, Change::default(), &image());
        assert_ne!(check(0, 0, flip, &image()), plain);
        assert_eq!(check(0, 0, flip, &mirrored), plain);
    }

    #[test]
    fn a_hole_is_centered_and_clipped_on_every_side() {
        for (cutout, center, rows, cols) in [
            (4, (4, 5), 2..6, 3..7),
            (3, (4, 5), 3..6, 4..7),
            (1, (7, 9), 7..8, 9..10),
            (4, (0, 0), 0..2, 0..2),
            (4, (7, 9), 5..8, 7..10),
            (10, (4, 5), 0..8, 0..10),
        ] {
            let change = Change { hole: Some(center), ..Change::default() };
            let (plain, cut) =
                (check(0, 0, Change::default(), &image()), check(0, cutout, change, &image()));
            for (n, (value, before)) in cut.iter().zip(&plain).enumerate() {
                let inside = rows.contains(&(n % 80 / 10)) && cols.contains(&(n % 10));
                let expected = if inside { 0.0 } else { *before };
                assert_eq!(value.to_bits(), expected.to_bits(), "{cutout} {center:?} {n}");
            }
        }
    }

    #[test]
    fn every_change_is_drawn_about_as_often_as_the_others() {
        let augment = Augment { padding: 1, flip: true, cutout: 2 };
        let mut rng = generator(7, Owner::Augment, 0);
        let changes: Vec<Change> = (0..9000).map(|_| augment.draw(SHAPE, &mut rng)).collect();
        let count = |wanted: &dyn Fn(&Change) -> bool| changes.iter().filter(|c| wanted(c)).count();
        // Four standard deviations each.
        for corner in (0..3).flat_map(|y| (0..3).map(move |x| (y, x))) {
            assert!(count(&|change| change.corner == corner).abs_diff(1000) < 120);
        }
        assert!(count(&|change| change.flip).abs_diff(4500) < 190);
        for row in 0..8 {
            assert!(count(&|c| c.hole.is_some_and(|hole| hole.0 == row)).abs_diff(1125) < 126);
        }
    }

    #[test]
    fn changes_larger_than_the_image_are_refused() {
        let config = |crop_padding, cutout| {
            let config = DataConfig { crop_padding, cutout, ..DataConfig::default() };
            Batching::of_search(&config, 1, 35)
        };
        for (config, text) in [
            (config(8, 0), Some("`data.crop_padding` is 8; expected 0 to 7 for images of 2x8x10")),
            (config(0, 11), Some("`data.cutout` is 11; expected 0 to 10 for images of 2x8x10")),
            (
                config(usize::MAX, 0),
                Some(
                    "`data.crop_padding` is 18446744073709551615; expected 0 to 7 for images of 2x8x10",
                ),
            ),
            (config(7, 10), None),
        ] {
            let found = Augment::new(&config, SHAPE).err().map(|error| error.to_string());
            assert_eq!(found.as_deref(), text);
        }
    }
}
