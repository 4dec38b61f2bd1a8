//! IDX, the format of MNIST.
//!
//! ```text
//! images: 00 00 08 03 | n | height | width            | n · height · width bytes
//!         00 00 08 04 | n | channels | height | width | n · channels · height · width bytes
//! labels: 00 00 08 01 | n                             | n bytes        (numbers: 4 bytes, big end first)
//! ```
//!
//! A folder holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, the same for `t10k-` or
//! `test-` if there is a test split, and maybe for `valid-` or `val-`; `idx4` in place of `idx3` is
//! found too, and a dot in place of the hyphen before it. Each file may be gz; where a plain and a
//! packed one lie side by side, the plain one is read.

use std::path::Path;

use super::{RawFile, Splits};
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::problems::Problems;
use crate::data::{DataError, DataNote, FileFault, ImageSet, ImageShape, Scratch};

/// How to mend a missing file.
const HINT: &str = "put the file there, or set `data.path` to the folder with the IDX files";

/// Reads the IDX files of `folder`, of `n_classes` classes or, if 0, of as many as they name.
pub(super) fn load(
    folder: &Path,
    n_classes: usize,
    scratch: &Scratch,
) -> Result<Splits, DataError> {
    let mut problems = Problems::default();
    let train = problems.ok(pair(folder, &["train"], scratch));
    let mut optional = |prefixes: &[&str]| {
        let set = has(folder, prefixes).and_then(|there| {
            if there { pair(folder, prefixes, scratch).map(Some) } else { Ok(None) }
        });
        problems.ok(set).flatten()
    };
    let (valid, test) = (optional(&["valid", "val"]), optional(&["t10k", "test"]));
    problems.finish()?;
    let train = train.expect("it was read, or its problem is told");
    let (n_classes, note) = classes(&train, n_classes)?;
    let class_names = (0..n_classes).map(|class| class.to_string()).collect();
    Ok(Splits { class_names, train, valid, test, notes: note.into_iter().collect() })
}

/// How many classes there are, and whether they begin at 1, where 0 are `wanted`.
fn classes(train: &ImageSet, wanted: usize) -> Result<(usize, Option<DataNote>), DataError> {
    let path = train.origin().to_owned();
    let label_of = |&label: &u16| usize::from(label);
    let largest = train.labels().iter().map(label_of).max().unwrap_or_default();
    let n_classes = if wanted == 0 { 1 + largest } else { wanted };
    let mut has_image = vec![false; n_classes.max(1 + largest)];
    train.labels().iter().for_each(|label| has_image[label_of(label)] = true);
    let mut without = (1..largest).filter(|&class| !has_image[class]);
    if wanted == 0
        && let Some(first) = without.next()
    {
        let item = train.labels().iter().position(|label| label_of(label) == largest);
        let (count, item) = (1 + without.count(), item.unwrap_or_default());
        return Err(DataError::ClassesWithout { path, first, count, largest, item });
    }
    let begins_at_1 = !has_image[0];
    Ok((n_classes, begins_at_1.then_some(DataNote::LabelsFromOne { path, n_classes })))
}

/// The images and labels of the split that goes by one of `prefixes`.
fn pair(folder: &Path, prefixes: &[&str], scratch: &Scratch) -> Result<ImageSet, DataError> {
    let mut problems = Problems::default();
    let images = problems.ok(RawFile::open(folder, &names(prefixes, &IMAGE_ENDS), HINT));
    let labels = problems.ok(RawFile::open(folder, &names(prefixes, &LABEL_ENDS), HINT));
    problems.finish()?;
    let files = images.zip(labels).expect("both were opened, or the problem is told");
    read(files.0, files.1, scratch)
}

/// Whether `folder` has a file, images or labels, of the split that goes by one of `prefixes`.
fn has(folder: &Path, prefixes: &[&str]) -> Result<bool, DataError> {
    let names = [names(prefixes, &IMAGE_ENDS), names(prefixes, &LABEL_ENDS)].concat();
    Ok(RawFile::find(folder, &names)?.is_some())
}

const IMAGE_ENDS: [&str; 4] =
    ["images-idx3-ubyte", "images.idx3-ubyte", "images-idx4-ubyte", "images.idx4-ubyte"];
const LABEL_ENDS: [&str; 2] = ["labels-idx1-ubyte", "labels.idx1-ubyte"];

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
    images: RawFile,
    labels: RawFile,
    scratch: &Scratch,
) -> Result<ImageSet, DataError> {
    let (mut images, n_images, shape) = image_header(images)?;
    let (mut labels, n_labels) = label_header(labels)?;
    if n_images == n_labels.swap_bytes() && n_images != n_labels {
        return Err(labels.fault(FileFault::SmallEnd { found: n_labels, meant: n_images }));
    }
    let n_labels = n_labels as usize;
    if n_images as usize != n_labels {
        return Err(DataError::LabelCount {
            images: images.path().to_owned(),
            labels: labels.path().to_owned(),
            n_images: n_images as usize,
            n_labels,
        });
    }
    let mut classes = Vec::new();
    labels.pieces(1, n_labels, |_, label| {
        classes.extend(label.iter().copied().map(u16::from));
        Ok(())
    })?;
    let mut set = ImageSetBuilder::new(images.path(), shape, scratch)?;
    images.pieces(shape.n_values(), n_labels, |idx, image| set.push(image, classes[idx]))?;
    set.finish(shape.channels)
}

/// The images file behind its header, and what that says: their number and shape.
fn image_header(mut file: RawFile) -> Result<(RawFile, u32, ImageShape), DataError> {
    let magic = file.header::<4>()?;
    let has_channels = match magic {
        [0, 0, 8, 3] => false,
        [0, 0, 8, 4] => true,
        found => {
            let expected = "IDX images of unsigned bytes ([00, 00, 08, 03] and n, height, width; \
                            or [00, 00, 08, 04] and n, channels, height, width)";
            return Err(file.of_other_kind(&found, expected));
        }
    };
    let found = number(&mut file)?;
    let channels = if has_channels { Some(number(&mut file)?) } else { None };
    let (height, width) = (number(&mut file)?, number(&mut file)?);
    let shape = |of: fn(u32) -> u32| ImageShape {
        channels: channels.map_or(1, of) as usize,
        height: of(height) as usize,
        width: of(width) as usize,
    };
    let (path, swapped) = (file.path(), shape(u32::swap_bytes));
    match shape(|size| size).check(path) {
        Ok(()) => Ok((file, found, shape(|size| size))),
        Err(_) if swapped.check(path).is_ok() => {
            Err(file.fault(FileFault::SmallEnd { found, meant: found.swap_bytes() }))
        }
        Err(error) => Err(error),
    }
}

/// The labels file behind its header, and their number.
fn label_header(mut file: RawFile) -> Result<(RawFile, u32), DataError> {
    match file.header::<4>()? {
        [0, 0, 8, 1] => {
            let n_labels = number(&mut file)?;
            Ok((file, n_labels))
        }
        found => {
            let expected = "IDX labels, unsigned bytes ([00, 00, 08, 01] and n)";
            Err(file.of_other_kind(&found, expected))
        }
    }
}

/// The next number of the header.
fn number(file: &mut RawFile) -> Result<u32, DataError> {
    Ok(u32::from_be_bytes(file.header()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::{DataConfig, DataSource, ImageData};

    /// An IDX file: type and number of dimensions, sizes, bytes.
    fn idx(kind: [u8; 2], sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        [0, 0].into_iter().chain(kind).chain(sizes).chain(bytes.iter().copied()).collect()
    }

    /// Images of 8 by 8 that are all `labels[i]` but for one pixel, and their labels.
    fn pair(prefix: &str, labels: &[u8]) -> [(String, Vec<u8>); 2] {
        let n = labels.len() as u32;
        let pixels: Vec<u8> =
            labels.iter().flat_map(|&label| [[label; 63].as_slice(), &[99]].concat()).collect();
        [
            (format!("{prefix}-images-idx3-ubyte"), idx([8, 3], &[n, 8, 8], &pixels)),
            (format!("{prefix}-labels-idx1-ubyte"), idx([8, 1], &[n], labels)),
        ]
    }

    /// Loads a sound folder in which `changes` replace files, or remove them where empty.
    fn load_with(changes: &[(&str, Vec<u8>)]) -> Result<ImageData, String> {
        load_as(0, changes)
    }

    /// Loads the same as images of `classes` classes.
    fn load_as(classes: usize, changes: &[(&str, Vec<u8>)]) -> Result<ImageData, String> {
        let folder = tempfile::tempdir().unwrap();
        let sound = [pair("train", &[0, 1, 2, 0, 1, 2]), pair("t10k", &[2, 1])].concat();
        let changes = changes.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.clone()));
        for (name, bytes) in sound.into_iter().chain(changes) {
            let path = folder.path().join(name);
            if bytes.is_empty() { fs::remove_file(path) } else { fs::write(path, bytes) }.unwrap();
        }
        let path = Some(folder.path().to_owned());
        let config = DataConfig { source: DataSource::Idx, path, classes, ..DataConfig::default() };
        let in_folder = format!("{}/", folder.path().display());
        ImageData::load(&config, 7).map_err(|error| error.to_string().replace(&in_folder, ""))
    }

    #[track_caller]
    fn check(changes: &[(&str, Vec<u8>)], text: &str) {
        let found = load_with(changes).unwrap_err();
        assert!(found.contains(text), "{found}");
    }

    const TRAIN: &str = "train-images-idx3-ubyte";
    const LABELS: &str = "train-labels-idx1-ubyte";
    const TEST: &str = "t10k-images-idx3-ubyte";
    const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

    #[test]
    fn validation_images_are_split_off_or_read() {
        let dataset = load_with(&[]).unwrap();
        let sizes = (dataset.train().len(), dataset.valid().len(), dataset.test().unwrap().len());
        assert_eq!((sizes, dataset.class_names().join(" ")), ((3, 3, 2), "0 1 2".to_owned()));
        let [images, labels] = pair("valid", &[1, 2, 0]);
        let dataset = load_with(&[(&images.0, images.1), (&labels.0, labels.1)]).unwrap();
        assert_eq!((dataset.train().len(), dataset.valid().labels()), (6, &[1, 2, 0][..]));
    }

    #[test]
    fn four_dimensions_are_images_with_channels() {
        let images = |n: u32| {
            let bytes: Vec<u8> = (0..n * 128).map(|value| value as u8).collect();
            idx([8, 4], &[n, 2, 8, 8], &bytes)
        };
        let dataset = load_with(&[
            (TRAIN, Vec::new()),
            ("train-images-idx4-ubyte", images(6)),
            (TEST, images(2)),
        ]);
        let shape = ImageShape { channels: 2, height: 8, width: 8 };
        assert_eq!(dataset.unwrap().shape(), shape);
    }

    #[test]
    fn a_missing_file_is_named_with_the_names_it_may_have_and_the_one_that_is_meant() {
        check(
            &[(TRAIN, Vec::new()), ("train-images.idx3-byte", vec![0])],
            "holds none of `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, \
             `train-images-idx4-ubyte`, `train-images.idx4-ubyte`, `train-images-idx3-ubyte.gz`, \
             `train-images.idx3-ubyte.gz`, `train-images-idx4-ubyte.gz`, \
             `train-images.idx4-ubyte.gz` (but `train-images.idx3-byte`); put",
        );
        check(&[(TEST, Vec::new())], "`t10k-images.idx4-ubyte`, `test-images-idx3-ubyte`");
        let [images, _] = pair("valid", &[1]);
        check(&[(&images.0, images.1)], "holds none of `valid-labels-idx1-ubyte`, ");
    }

    #[test]
    fn a_dot_in_the_names_and_a_missing_test_split_are_taken() {
        let dotted = |name: &str| name.replace("-idx", ".idx");
        let [images, labels] = pair("train", &[0, 1, 2, 0, 1, 2]);
        let (images, labels) = ((dotted(&images.0), images.1), (dotted(&labels.0), labels.1));
        let dataset = load_with(&[
            (TRAIN, Vec::new()),
            (LABELS, Vec::new()),
            (&images.0, images.1),
            (&labels.0, labels.1),
            (TEST, Vec::new()),
            (TEST_LABELS, Vec::new()),
        ]);
        let dataset = dataset.unwrap();
        assert!(dataset.test().is_none() && dataset.notes() == [DataNote::NoTest]);
    }

    #[test]
    fn labels_that_begin_at_1_are_told_and_a_hole_in_them_is_refused() {
        let labels = |labels: &[u8]| vec![(LABELS, idx([8, 1], &[6], labels))];
        let dataset = load_with(&labels(&[1, 1, 2, 2, 3, 3])).unwrap();
        let text = dataset.notes()[0].to_string();
        let expected = "begin at 1: class 0 of the 4 classes has no image";
        assert!(text.ends_with(expected) && dataset.n_classes() == 4, "{text}");

        let hole = labels(&[0, 0, 2, 2, 255, 0]);
        check(
            &hole,
            "`train-images-idx3-ubyte` has no image of class 1 and 252 others, though its labels \
             go up to 255 (image 4); mend the labels, or set `data.classes`",
        );
        let dataset = load_as(256, &hole).unwrap();
        assert_eq!(dataset.n_classes(), 256);
        let expected = "classes without a training image: 253, `1`, `3`, ";
        assert!(dataset.notes()[0].to_string().starts_with(expected), "{:?}", dataset.notes());
        let text = load_as(3, &hole).unwrap_err();
        assert!(text.contains("has label 255, but there are 3 classes, 0 to 2"), "{text}");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let found = load_with(&[(LABELS, Vec::new()), (TEST, b"<html>no</html>".to_vec())]);
        let text = found.unwrap_err();
        assert!(text.starts_with("the data have 2 problems:\n  `"), "{text}");
        assert!(text.contains("holds none of `train-labels-idx1-ubyte`"), "{text}");
        assert!(text.contains("`t10k-images-idx3-ubyte` is an HTML page, as a server"), "{text}");
    }

    #[test]
    fn a_header_of_another_format_is_refused_for_what_it_is() {
        check(
            &[(TRAIN, idx([0x0d, 3], &[1, 8, 8], &[0; 64]))],
            "`train-images-idx3-ubyte` is an IDX file of 3 dimension(s) of 32-bit floats; expected \
             IDX images of unsigned bytes ([00, 00, 08, 03] and ",
        );
        check(&[(LABELS, idx([8, 2], &[6, 1], &[0; 6]))], "expected IDX labels, unsigned bytes");
        check(&[(TRAIN, b"PK\x03\x04\x14\0\0\0".to_vec())], "is a file of type application/zip;");
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
    fn sizes_with_the_small_end_first_are_told() {
        let [six, eight] = [6, 8].map(u32::swap_bytes);
        check(
            &[(TRAIN, idx([8, 3], &[six, eight, eight], &[0; 384]))],
            "`train-images-idx3-ubyte` has its sizes written with the small end first, so that \
             100663296 stands where 6 is meant",
        );
        check(
            &[(LABELS, idx([8, 1], &[six], &[0; 6]))],
            "`train-labels-idx1-ubyte` has its sizes written with the small end first",
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
            &[(TEST_LABELS, idx([8, 1], &[2], &[0, 3]))],
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
