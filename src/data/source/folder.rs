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
use crate::data::deep_range::DeepRange;
use crate::data::image_set::SIDES;
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::problems::Problems;
use crate::data::{DataError, DataNote, ImageShape, Scratch};

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
        range_of(&train, side as u32)
    } else {
        DeepRange::FULL
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
        let [low, high] = range.ends();
        notes.push(DataNote::Deep { count: n_deep, low, high });
    }
    let transparent = transparent.map(|(count, example)| DataNote::Transparent { count, example });
    let turned = turned.map(|(count, example)| DataNote::Turned { count, example });
    notes.extend(transparent.into_iter().chain(turned));
    let channels = if is_grey { 1 } else { 3 };
    let finish = |set: Option<ImageSetBuilder>| set.map(|set| set.finish(channels)).transpose();
    let (train, valid, test) = (train.finish(channels)?, finish(valid)?, finish(test)?);
    Ok(Splits { class_names, train, valid, test, notes })
}

/// The range of all the values of `files` of 16 bits, as far as they can be read.
fn range_of(files: &Files, side: u32) -> DeepRange {
    let of_image = |path: &PathBuf| match image_file::decode(path, side).ok()?.values {
        Values::Deep(values) => DeepRange::of_values(&values),
        Values::Bytes(_) => None,
    };
    let ranges = files.paths.par_iter().filter_map(of_image);
    ranges.reduce_with(DeepRange::join).unwrap_or(DeepRange::FULL)
}

/// Reads split after split.
struct Reader<'a> {
    /// The folder that all paths are in.
    root: &'a Path,
    range: DeepRange,
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
