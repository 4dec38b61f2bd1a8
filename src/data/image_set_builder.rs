//! Making a set image by image, in memory or beyond it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use crate::data::pixels::Pixels;
use crate::data::scratch::Scratch;
use crate::data::{DataError, ImageSet, ImageShape};

/// Bytes that are gathered for one write to disk.
const WRITE_BYTES: usize = 1 << 20;

/// Takes the images of a set one by one; those that do not fit into memory go to disk.
#[derive(Debug)]
pub(super) struct ImageSetBuilder<'a> {
    origin: PathBuf,
    shape: ImageShape,
    scratch: &'a Scratch,
    memory: Vec<u8>,
    /// Where all images are once they are too many for memory.
    disk: Option<(BufWriter<File>, PathBuf)>,
    labels: Vec<u16>,
    names: Vec<Box<str>>,
}

impl<'a> ImageSetBuilder<'a> {
    /// A set of images of `shape`; `origin` is named in errors.
    pub(super) fn new(
        origin: impl Into<PathBuf>,
        shape: ImageShape,
        scratch: &'a Scratch,
    ) -> Result<Self, DataError> {
        let origin = origin.into();
        shape.check(&origin)?;
        let (memory, labels, names) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { origin, shape, scratch, memory, disk: None, labels, names })
    }

    /// The shape of every image.
    pub(super) const fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Adds an image, `(c, h, w)`.
    pub(super) fn push(&mut self, pixels: &[u8], label: u16) -> Result<(), DataError> {
        assert_eq!(pixels.len(), self.shape.n_values(), "an image has the shape of its set");
        if self.labels.len() == u32::MAX as usize {
            return Err(DataError::TooManyImages { path: self.origin.clone() });
        }
        self.labels.push(label);
        self.scratch.count();
        if self.disk.is_none() && self.scratch.memory_bytes() < self.memory.len() + pixels.len() {
            let (file, path) = self.scratch.file()?;
            self.disk = Some((BufWriter::with_capacity(WRITE_BYTES, file), path));
            let memory = std::mem::take(&mut self.memory);
            self.write(&memory)?;
        }
        if self.disk.is_some() {
            self.write(pixels)
        } else {
            self.memory.extend_from_slice(pixels);
            Ok(())
        }
    }

    /// Adds an image that is a file of its own, called `name` below the folder of the data.
    pub(super) fn push_named(
        &mut self,
        name: &str,
        pixels: &[u8],
        label: u16,
    ) -> Result<(), DataError> {
        self.names.push(name.into());
        self.push(pixels, label)
    }

    /// The set, with the first `channels` of each image: a source that learns only at the end
    /// that all images are grey stores them as color.
    pub(super) fn finish(self, channels: usize) -> Result<ImageSet, DataError> {
        let Self { origin, shape, disk, mut memory, labels, names, .. } = self;
        let (stored, kept) = (shape.n_values(), ImageShape { channels, ..shape }.n_values());
        let (pixels, stride) = if let Some((writer, path)) = disk {
            let file = writer.into_inner().map_err(|error| DataError::Scratch {
                path: path.clone(),
                source: error.into_error(),
            })?;
            (Pixels::Disk { file, path, start: 0 }, stored)
        } else {
            if kept < stored {
                let starts = (0..labels.len()).map(|n| (n * stored, n * kept));
                starts.for_each(|(from, to)| memory.copy_within(from..from + kept, to));
                memory.truncate(labels.len() * kept);
            }
            memory.shrink_to_fit();
            (Pixels::Memory(memory), kept)
        };
        let shape = ImageShape { channels, ..shape };
        ImageSet::stored(origin, shape, (pixels, stride), labels, names)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let Some((writer, path)) = &mut self.disk else { return Ok(()) };
        writer.write_all(bytes).map_err(|source| DataError::Scratch { path: path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ImageBatch, Normalization};

    const COLOR: ImageShape = ImageShape { channels: 3, height: 8, width: 8 };

    /// Twenty color images, with room for `memory_bytes` in memory.
    fn built(memory_bytes: usize, channels: usize) -> (ImageSet, usize) {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::with_memory(folder.path(), memory_bytes);
        let mut builder = ImageSetBuilder::new("here", COLOR, &scratch).unwrap();
        for n in 0..20_u8 {
            let image: Vec<u8> = (0..192_u8).map(|at| at.wrapping_mul(n)).collect();
            builder.push_named(&format!("{n}.png"), &image, u16::from(n)).unwrap();
        }
        let n_files = std::fs::read_dir(folder.path()).unwrap().count();
        (builder.finish(channels).unwrap(), n_files)
    }

    #[test]
    fn a_set_on_disk_is_the_same_as_one_in_memory_and_leaves_no_file() {
        for channels in [1, 3] {
            let (expected, _) = built(usize::MAX, channels);
            assert!(!expected.is_on_disk());
            for memory_bytes in [0, 191, 192, 1000] {
                let (found, n_files) = built(memory_bytes, channels);
                assert!(found.is_on_disk() && n_files == 0);
                assert_eq!(found.labels(), expected.labels());
                assert_eq!((found.name(7), found.shape()), (expected.name(7), expected.shape()));
                let normalization = Normalization::of(&expected).unwrap();
                assert_eq!(Normalization::of(&found).unwrap(), normalization);
                let batch = |set: &ImageSet| {
                    let set = set.select(&[19, 3, 3, 0, 11]);
                    ImageBatch::plain(&set, &normalization, 0..5).unwrap()
                };
                assert_eq!(batch(&found), batch(&expected));
            }
        }
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named_with_the_cure() {
        let scratch = Scratch::with_memory("/no/such".as_ref(), 0);
        let mut builder = ImageSetBuilder::new("here", COLOR, &scratch).unwrap();
        let text = builder.push(&[0; 192], 0).unwrap_err().to_string();
        assert!(text.starts_with("cannot keep images beyond memory in `/no/such/"), "{text}");
    }
}
