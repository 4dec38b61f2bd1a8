//! One split of images, as bytes, in memory or on disk.
//!
//! ```text
//! pixels: image 0 [c 0: row 0, row 1, … | c 1: … ] image 1 […] …      labels: one class an image
//! ```
//!
//! Bytes take a quarter of the room of floats, and normalizing them is one table look-up each. A
//! part of a set is a list of places in it: no image is copied.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::data::DataError;
use crate::data::pixels::Pixels;

/// Sides in pixels of the images that are taken: below 8 two reductions leave nothing to convolve,
/// above 256 a search on one machine is out of reach.
pub(super) const SIDES: RangeInclusive<usize> = 8..=256;

/// Channels of the images that are taken: grey to color with alpha.
const CHANNELS: RangeInclusive<usize> = 1..=4;

/// Different labels that a set can have.
pub(super) const N_LABELS: usize = 1 << 16;

/// The shape of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Channels: 1 for grey, 3 for color.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl ImageShape {
    /// Values of one image: channels × height × width.
    pub const fn n_values(self) -> usize {
        self.channels * self.height * self.width
    }

    /// Refuses a shape outside of the limits; `path` is named in the error.
    pub(super) fn check(self, path: &Path) -> Result<(), DataError> {
        let axes = [
            ("channels", self.channels, CHANNELS),
            ("height", self.height, SIDES),
            ("width", self.width, SIDES),
        ];
        for (axis, found, expected) in axes {
            if !expected.contains(&found) {
                return Err(DataError::Dimension { path: path.to_owned(), axis, expected, found });
            }
        }
        Ok(())
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// One split of images with their labels.
#[derive(Clone)]
pub struct ImageSet {
    /// File or folder that the images come from, for messages.
    origin: PathBuf,
    /// Invariant: within the limits on channels and sides.
    shape: ImageShape,
    /// The images of this split and perhaps of others that come from the same files.
    stored: Arc<Stored>,
    /// The place of each image among the stored ones. Invariant: as many as labels.
    places: Vec<u32>,
    /// Invariant: not empty.
    labels: Vec<u16>,
}

/// Images as they were read, one after the other.
#[derive(Debug)]
struct Stored {
    pixels: Pixels,
    /// Bytes from the start of an image to that of the next.
    stride: usize,
    /// The file of each image; none where many images are in one file.
    names: Vec<Box<str>>,
}

impl ImageSet {
    /// Puts `pixels`, `(n, c, h, w)`, and `labels` together; `origin` is named in errors.
    pub fn new(
        origin: impl Into<PathBuf>,
        shape: ImageShape,
        pixels: Vec<u8>,
        labels: Vec<u16>,
    ) -> Result<Self, DataError> {
        let path = origin.into();
        shape.check(&path)?;
        let n_images = labels.len();
        let expected = n_images.saturating_mul(shape.n_values());
        if pixels.len() != expected {
            let found = pixels.len();
            return Err(DataError::PixelCount { path, found, expected, n_images, shape });
        }
        Self::stored(path, shape, (Pixels::Memory(pixels), shape.n_values()), labels, Vec::new())
    }

    /// A set of all images of `pixels`, each so many bytes after the one before.
    pub(super) fn stored(
        origin: PathBuf,
        shape: ImageShape,
        (pixels, stride): (Pixels, usize),
        labels: Vec<u16>,
        names: Vec<Box<str>>,
    ) -> Result<Self, DataError> {
        if labels.is_empty() {
            return Err(DataError::Empty { path: origin });
        }
        let Ok(n_images) = u32::try_from(labels.len()) else {
            return Err(DataError::TooManyImages { path: origin });
        };
        let stored = Arc::new(Stored { pixels, stride, names });
        Ok(Self { origin, shape, stored, places: (0..n_images).collect(), labels })
    }

    /// The file or folder that the images come from.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// The shape of every image.
    pub const fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether the images are read from disk when they are needed.
    pub fn is_on_disk(&self) -> bool {
        matches!(self.stored.pixels, Pixels::Disk { .. })
    }

    /// The pixels of image `idx`, `(c, h, w)`; `buffer` holds them where they are not in memory.
    pub fn read<'a>(&'a self, idx: usize, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], DataError> {
        let offset = u64::from(self.places[idx]) * self.stored.stride as u64;
        self.stored.pixels.read(offset, self.shape.n_values(), buffer)
    }

    /// The file of each image; none where many images are in one file.
    pub(super) fn file_names(&self) -> Vec<Box<str>> {
        let names = &self.stored.names;
        self.places.iter().filter_map(|&place| names.get(place as usize).cloned()).collect()
    }

    /// What image `idx` is called: its file, below the folder of the data, or its number in the
    /// file that it is in.
    pub fn name(&self, idx: usize) -> String {
        let place = self.places[idx] as usize;
        match (self.stored.names.get(place), self.origin.file_name()) {
            (Some(name), _) => name.to_string(),
            (None, Some(file)) => format!("image {place} of {}", file.display()),
            (None, None) => format!("image {place}"),
        }
    }

    /// The images numbered `idxs`, in that order; `idxs` must not be empty.
    pub(super) fn select(&self, idxs: &[usize]) -> Self {
        assert!(!idxs.is_empty(), "a set is never empty");
        Self {
            origin: self.origin.clone(),
            shape: self.shape,
            stored: Arc::clone(&self.stored),
            places: idxs.iter().map(|&idx| self.places[idx]).collect(),
            labels: idxs.iter().map(|&idx| self.labels[idx]).collect(),
        }
    }
}

#[cfg(test)]
impl ImageSet {
    /// The pixels of image `idx`, `(c, h, w)`.
    pub(super) fn image(&self, idx: usize) -> Vec<u8> {
        self.read(idx, &mut Vec::new()).unwrap().to_vec()
    }

    /// All pixels, `(n, c, h, w)`.
    pub(super) fn pixels(&self) -> Vec<u8> {
        (0..self.len()).flat_map(|idx| self.image(idx)).collect()
    }
}

/// Without the pixels, which would fill a log.
impl fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageSet")
            .field("origin", &self.origin)
            .field("shape", &self.shape)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: (usize, usize, usize), n_pixels: usize, n_labels: usize) -> Option<String> {
        let shape = ImageShape { channels: shape.0, height: shape.1, width: shape.2 };
        let set = ImageSet::new("here", shape, vec![0; n_pixels], vec![0; n_labels]);
        set.err().map(|error| error.to_string())
    }

    #[test]
    fn a_set_is_whole_images_within_the_limits() {
        assert_eq!(check((1, 8, 9), 144, 2), None);
        for (shape, pixels, labels, text) in [
            ((1, 8, 8), 0, 0, "`here` holds no image"),
            ((1, 8, 8), 127, 2, "`here` has 127 pixel values, expected 128 (2 times 1x8x8)"),
            ((5, 8, 8), 320, 1, "`here` has channels 5, expected 1 to 4"),
            ((1, 7, 8), 56, 1, "`here` has height 7, expected 8 to 256"),
            ((1, 8, 257), 2056, 1, "`here` has width 257, expected 8 to 256"),
        ] {
            let found = check(shape, pixels, labels).unwrap();
            assert!(found.starts_with(text), "{found}");
        }
    }

    #[test]
    fn a_selection_keeps_images_with_their_labels() {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let pixels = (0..4).flat_map(|n| [n; 64]).collect();
        let set = ImageSet::new("here", shape, pixels, vec![10, 11, 12, 13]).unwrap();
        let chosen = set.select(&[3, 1]);
        assert_eq!(chosen.labels(), [13, 11]);
        assert_eq!((chosen.image(0), chosen.image(1)), (vec![3; 64], vec![1; 64]));
    }
}
