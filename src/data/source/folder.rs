//! A folder of images by class.
//!
//! ```text
//! list ─▶ 16 bits a value anywhere? ─▶ decode, some at a time ─▶ sets of color, or of grey
//! ```
//!
//! Every file is looked at before any problem is told, so that all are told at once. Images become
//! color unless every one of every split is grey. Where every image has 16 bits a value, the range
//! of the training images becomes 0 to 255; where only some have, 0 to 65535 does. An image that
//! would lose all its differences by that is refused.

use std::path::{Path, PathBuf};

use rayon::iter::{IntoParallelRefIterator, ParallelBridge, ParallelIterator};

use super::Splits;
use super::image_file::{self, Decoded, Values};
use super::listing::{Files, Listing, list};
use crate::data::image_set::SIDES;
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::problems::Problems;
use crate::data::{DataError, DataNote, ImageFault, ImageShape, Scratch};

/// Images that are decoded before they are stored: at 256 pixels a side they take 100 MB at most.
const AT_ONCE: usize = 256;

/// Reads the images under `folder`, resized to `side`×`side`.
pub(super) fn load(folder: &Path, side: usize, scratch: &Scratch) -> Result<Splits, DataError> {
    if !SIDES.contains(&side) {
        return Err(DataError::OutOfRange {
            key: "data.side",
            expected: format!("{} to {}", SIDES.start(), SIDES.end()),
            found: side.to_string(),
        });
    }
    let (mut problems, mut notes) = (Problems::default(), Vec::new());
    let Listing { class_names, train, valid, test } = list(folder, &mut problems, &mut notes)?;
    let all = || [&train].into_iter().chain(&valid).chain(&test).flat_map(|files| &files.paths);
    let n_deep = all().par_bridge().filter(|path| image_file::is_deep(path)).count();
    let range = if 0 < n_deep && n_deep == all().count() {
        Range::of(&train, side as u32)
    } else {
        Range::FULL
    };
    let mut reader =
        Reader { root: folder, range, problems, is_grey: true, transparent: None, turned: None };
    let mut read = |files: Files| {
        let shape = ImageShape { channels: 3, height: side, width: side };
        let mut set = ImageSetBuilder::new(&files.folder, shape, scratch)?;
        reader.read(&files, &mut set).map(|()| set)
    };
    let (train, valid, test) =
        (read(train)?, valid.map(&mut read).transpose()?, test.map(&mut read).transpose()?);
    let Reader { problems, is_grey, transparent, turned, .. } = reader;
    problems.finish()?;
    if n_deep > 0 {
        notes.push(DataNote::Deep { count: n_deep, low: range.low, high: range.high });
    }
    let transparent = transparent.map(|(count, example)| DataNote::Transparent { count, example });
    let turned = turned.map(|(count, example)| DataNote::Turned { count, example });
    notes.extend(transparent.into_iter().chain(turned));
    let channels = if is_grey { 1 } else { 3 };
    let finish = |set: Option<ImageSetBuilder>| set.map(|set| set.finish(channels)).transpose();
    let (train, valid, test) = (train.finish(channels)?, finish(valid)?, finish(test)?);
    Ok(Splits { class_names, train, valid, test, notes })
}

/// Which of the values of 16 bits become 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    low: u16,
    high: u16,
}

impl Range {
    const FULL: Self = Self { low: 0, high: u16::MAX };

    /// That of all the values of `files`, as far as they can be read.
    fn of(files: &Files, side: u32) -> Self {
        let of_image = |path: &PathBuf| match image_file::decode(path, side).ok()?.values {
            Values::Deep(values) => Self::of_values(&values),
            Values::Bytes(_) => None,
        };
        let join = |a: Self, b: Self| Self { low: a.low.min(b.low), high: a.high.max(b.high) };
        files.paths.par_iter().filter_map(of_image).reduce_with(join).unwrap_or(Self::FULL)
    }

    fn of_values(values: &[u16]) -> Option<Self> {
        Some(Self { low: *values.iter().min()?, high: *values.iter().max()? })
    }

    /// `values` in 8 bits. Those that had differences and have none are refused.
    fn narrow(self, values: &[u16]) -> Result<Vec<u8>, ImageFault> {
        let Self { low, high } = self;
        let scale = 255.0 / f32::from((high - low).max(1));
        let narrow =
            |value: &u16| (f32::from((*value).clamp(low, high) - low) * scale).round() as u8;
        let bytes: Vec<u8> = values.iter().map(narrow).collect();
        let own = Self::of_values(values).unwrap_or(self);
        if own.low < own.high && bytes.iter().all(|&byte| byte == bytes[0]) {
            return Err(ImageFault::Depth { low: own.low, high: own.high, of: [low, high] });
        }
        Ok(bytes)
    }
}

/// Reads split after split.
struct Reader<'a> {
    /// The folder that all paths are in.
    root: &'a Path,
    range: Range,
    problems: Problems,
    /// Whether no image so far has color.
    is_grey: bool,
    /// How many images had transparency, and the first of them.
    transparent: Option<(usize, PathBuf)>,
    /// How many were turned, likewise.
    turned: Option<(usize, PathBuf)>,
}

impl Reader<'_> {
    /// Puts the images of `files` into `set` as color. What is wrong with single ones is a problem,
    /// after which no image is kept.
    fn read(&mut self, files: &Files, set: &mut ImageSetBuilder) -> Result<(), DataError> {
        let (side, mut labels) = (set.shape().width as u32, files.labels.iter());
        for paths in files.paths.chunks(AT_ONCE) {
            let images: Vec<_> =
                paths.par_iter().map(|path| image_file::decode(path, side)).collect();
            for ((path, image), &label) in paths.iter().zip(images).zip(&mut labels) {
                let image = image.and_then(|image| self.color(path, image));
                if let Some(image) = self.problems.ok(image)
                    && self.problems.is_empty()
                {
                    let name = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy();
                    set.push_named(&name, &image, label)?;
                }
            }
        }
        Ok(())
    }

    /// The pixels of `image`, `(3, h, w)`.
    fn color(&mut self, path: &Path, image: Decoded) -> Result<Vec<u8>, DataError> {
        let count = |seen: &mut Option<(usize, PathBuf)>| {
            seen.get_or_insert_with(|| (0, path.to_owned())).0 += 1;
        };
        if image.is_transparent {
            count(&mut self.transparent);
        }
        if image.is_turned {
            count(&mut self.turned);
        }
        self.is_grey &= image.is_grey;
        let bytes = match image.values {
            Values::Bytes(bytes) => bytes,
            Values::Deep(values) => self
                .range
                .narrow(&values)
                .map_err(|fault| DataError::Image { path: path.to_owned(), fault })?,
        };
        Ok(if image.is_grey { bytes.repeat(3) } else { bytes })
    }
}

#[cfg(test)]
mod tests;
