//! IDX, the format of MNIST.
//!
//! ```text
//! images: 00 00 08 03 | n | height | width            | n · height · width bytes
//!         00 00 08 04 | n | channels | height | width | n · channels · height · width bytes
//! labels: 00 00 08 01 | n                             | n bytes        (numbers: 4 bytes, big end first)
//! ```
//!
//! A folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, the same for `t10k-` or
//! `test-`, and maybe for `valid-`; `idx4` in place of `idx3` is found too. Each file may be gz;
//! where a plain and a packed one lie side by side, the plain one is read.

use std::path::Path;

use super::{RawFile, Splits};
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::{DataError, ImageSet, ImageShape, Scratch};

/// How to mend a missing file.
const HINT: &str = "put the file there, or set `data.path` to the folder with the IDX files";

/// Reads the IDX files of `folder`.
pub(super) fn load(folder: &Path, scratch: &Scratch) -> Result<Splits, DataError> {
    let train = pair(folder, &["train"], scratch)?;
    let test = pair(folder, &["t10k", "test"], scratch)?;
    let valid = if has(folder, "valid")? { Some(pair(folder, &["valid"], scratch)?) } else { None };
    let n_classes = 1 + train.labels().iter().copied().max().map_or(0, usize::from);
    let class_names = (0..n_classes).map(|class| class.to_string()).collect();
    Ok(Splits { class_names, train, valid, test })
}

/// The images and labels of the split that goes by one of `prefixes`.
fn pair(folder: &Path, prefixes: &[&str], scratch: &Scratch) -> Result<ImageSet, DataError> {
    let images = RawFile::open(folder, &names(prefixes, &IMAGE_ENDS), HINT)?;
    let labels = RawFile::open(folder, &names(prefixes, &LABEL_ENDS), HINT)?;
    read(images, labels, scratch)
}

/// Whether `folder` has a file, images or labels, of the split `prefix`.
fn has(folder: &Path, prefix: &str) -> Result<bool, DataError> {
    let names = [names(&[prefix], &IMAGE_ENDS), names(&[prefix], &LABEL_ENDS)].concat();
    Ok(RawFile::find(folder, &names)?.is_some())
}

const IMAGE_ENDS: [&str; 2] = ["images-idx3-ubyte", "images-idx4-ubyte"];
const LABEL_ENDS: [&str; 1] = ["labels-idx1-ubyte"];

/// Every name that a file may have, the plain ones first.
fn names(prefixes: &[&str], ends: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for gz in ["", ".gz"] {
        for prefix in prefixes {
            names.extend(ends.iter().map(|end| format!("{prefix}-{end}{gz}")));
        }
    }
    names
}

/// The set whose images and labels are in these two files.
pub(super) fn read(
    mut images: RawFile,
    mut labels: RawFile,
    scratch: &Scratch,
) -> Result<ImageSet, DataError> {
    let (n_images, shape) = image_header(&mut images)?;
    let n_labels = label_header(&mut labels)?;
    if n_images != n_labels {
        return Err(DataError::LabelCount {
            images: images.path().to_owned(),
            labels: labels.path().to_owned(),
            n_images,
            n_labels,
        });
    }
    let mut classes = Vec::new();
    labels.pieces(1, n_labels, |_, label| {
        classes.extend(label.iter().copied().map(u16::from));
        Ok(())
    })?;
    let mut set = ImageSetBuilder::new(images.path(), shape, scratch)?;
    images.pieces(shape.n_values(), n_images, |idx, image| set.push(image, classes[idx]))?;
    set.finish(shape.channels)
}

/// Number and shape of the images of `file`.
fn image_header(file: &mut RawFile) -> Result<(usize, ImageShape), DataError> {
    let magic = file.header::<4>()?;
    let has_channels = match magic {
        [0, 0, 8, 3] => false,
        [0, 0, 8, 4] => true,
        found => {
            let expected = "[00, 00, 08, 03] (n, height, width) or [00, 00, 08, 04] \
                            (n, channels, height, width)";
            return Err(DataError::Magic { path: file.path().to_owned(), expected, found });
        }
    };
    let n_images = number(file)?;
    let channels = if has_channels { number(file)? } else { 1 };
    let shape = ImageShape { channels, height: number(file)?, width: number(file)? };
    shape.check(file.path())?;
    Ok((n_images, shape))
}

/// Number of the labels of `file`.
fn label_header(file: &mut RawFile) -> Result<usize, DataError> {
    match file.header::<4>()? {
        [0, 0, 8, 1] => number(file),
        found => {
            let expected = "[00, 00, 08, 01] (one label an image)";
            Err(DataError::Magic { path: file.path().to_owned(), expected, found })
        }
    }
}

/// The next number of the header.
fn number(file: &mut RawFile) -> Result<usize, DataError> {
    Ok(u32::from_be_bytes(file.header()?) as usize)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{DataConfig, Dataset, Source};

    /// An IDX file: type and number of dimensions, sizes, bytes.
    fn idx(kind: [u8; 2], sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0].into_iter().chain(kind).chain(sizes).chain(bytes.iter().copied()).collect()
    }

    /// Images of 8 by 8 that are all `labels[i]`, and their labels.
    fn pair(prefix: &str, labels: &[u8]) -> [(String, Vec<u8>); 2] {
        let n = labels.len() as u32;
        let pixels: Vec<u8> = labels.iter().flat_map(|&label| [label; 64]).collect();
        [
            (format!("{prefix}-images-idx3-ubyte"), idx([8, 3], &[n, 8, 8], &pixels)),
            (format!("{prefix}-labels-idx1-ubyte"), idx([8, 1], &[n], labels)),
        ]
    }

    /// Loads a sound folder in which `changes` replace files, or remove them where empty.
    fn load_with(changes: &[(&str, Vec<u8>)]) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().unwrap();
        let sound = [pair("train", &[0, 1, 2, 0, 1, 2]), pair("t10k", &[2, 1])].concat();
        let changes = changes.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
        for (name, bytes) in sound.into_iter().chain(changes) {
            let path = folder.path().join(name);
            if bytes.is_empty() { fs::remove_file(path) } else { fs::write(path, bytes) }.unwrap();
        }
        let path = Some(folder.path().to_owned());
        let config = DataConfig { source: Source::Idx, path, ..DataConfig::default() };
        let in_folder = format!("{}/", folder.path().display());
        Dataset::load(&config, 7).map_err(|error| error.to_string().replace(&in_folder, ""))
    }

    #[track_caller]
    fn check(changes: &[(&str, Vec<u8>)], text: &str) {
        let found = load_with(changes).unwrap_err();
        assert!(found.contains(text), "{found}");
    }

    const TRAIN: &str = "train-images-idx3-ubyte";
    const LABELS: &str = "train-labels-idx1-ubyte";
    const TEST: &str = "t10k-images-idx3-ubyte";

    #[test]
    fn validation_images_are_split_off_or_read() {
        let dataset = load_with(&[]).unwrap();
        let sizes = (dataset.train().len(), dataset.valid().len(), dataset.test().len());
        assert_eq!((sizes, dataset.class_names().join(" ")), ((5, 1, 2), "0 1 2".to_owned()));
        let [images, labels] = pair("valid", &[1, 2, 0]);
        let dataset = load_with(&[(&images.0, images.1), (&labels.0, labels.1)]).unwrap();
        assert_eq!((dataset.train().len(), dataset.valid().labels()), (6, &[1, 2, 0][..]));
    }

    #[test]
    fn four_dimensions_are_images_with_channels() {
        let images = |n: u32| idx([8, 4], &[n, 2, 8, 8], &vec![5; n as usize * 128]);
        let dataset = load_with(&[
            (TRAIN, Vec::new()),
            ("train-images-idx4-ubyte", images(6)),
            (TEST, images(2)),
        ]);
        let shape = ImageShape { channels: 2, height: 8, width: 8 };
        assert_eq!(dataset.unwrap().shape(), shape);
    }

    #[test]
    fn a_missing_file_is_named_with_all_its_names() {
        check(
            &[(TRAIN, Vec::new())],
            "holds none of `train-images-idx3-ubyte`, `train-images-idx4-ubyte`, \
             `train-images-idx3-ubyte.gz`, `train-images-idx4-ubyte.gz`; put",
        );
        check(&[(TEST, Vec::new())], "`t10k-images-idx4-ubyte`, `test-images-idx3-ubyte`");
        let [images, _] = pair("valid", &[1]);
        check(&[(&images.0, images.1)], "holds none of `valid-labels-idx1-ubyte`, ");
    }

    #[test]
    fn a_header_of_another_format_is_refused() {
        check(
            &[(TRAIN, idx([0x0d, 3], &[1, 8, 8], &[0; 64]))],
            "`train-images-idx3-ubyte` begins with bytes [00, 00, 0d, 03] at offset 0, expected \
             [00, 00, 08, 03]",
        );
        check(&[(LABELS, idx([8, 2], &[6, 1], &[0; 6]))], "expected [00, 00, 08, 01]");
        check(
            &[(TRAIN, idx([8, 3], &[6, 8, 7], &[0; 336]))],
            "has width 7, expected 8 to 256; rescale",
        );
        let huge = idx([8, 3], &[u32::MAX, 256, 256], &[0; 64]);
        check(
            &[(TRAIN, huge), (LABELS, idx([8, 1], &[u32::MAX], &[0]))],
            "`train-labels-idx1-ubyte` ends at byte 9, expected 4294967303 bytes",
        );
    }

    #[test]
    fn files_that_do_not_fit_each_other_are_refused() {
        check(
            &[(LABELS, idx([8, 1], &[5], &[0; 5]))],
            "`train-labels-idx1-ubyte` has 5 labels and `train-images-idx3-ubyte` has 6 images",
        );
        check(
            &[(TEST, idx([8, 3], &[2, 9, 8], &[0; 144]))],
            "the images of `t10k-images-idx3-ubyte` are 1x9x8, those of `train-images-idx3-ubyte` \
             are 1x8x8",
        );
        check(
            &[("t10k-labels-idx1-ubyte", idx([8, 1], &[2], &[0, 3]))],
            "image 1 of `t10k-images-idx3-ubyte` has label 3, but there are 3 classes, 0 to 2",
        );
    }

    #[test]
    fn a_file_of_the_wrong_length_or_an_empty_one_is_refused() {
        check(&[(TRAIN, idx([8, 3], &[6, 8, 8], &[0; 383]))], "ends at byte 399, expected 400");
        check(&[(TRAIN, idx([8, 3], &[6, 8, 8], &[0; 385]))], "goes on after byte 400");
        check(
            &[(TRAIN, idx([8, 3], &[0, 8, 8], &[])), (LABELS, idx([8, 1], &[0], &[]))],
            "`train-images-idx3-ubyte` holds no image",
        );
        check(&[(LABELS, idx([8, 1], &[6], &[0; 6]))], "has 1 class(es); expected 2 to 65536");
    }
}
