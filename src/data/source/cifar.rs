//! CIFAR-10 and CIFAR-100, "binary version" (Krizhevsky, 2009).
//!
//! ```text
//! CIFAR-10:  label                | 1024 red | 1024 green | 1024 blue      (32 rows of 32)
//! CIFAR-100: coarse label | label | 1024 red | 1024 green | 1024 blue
//! ```
//!
//! The coarse label of CIFAR-100 is not used. A file may hold any number of whole records, so cuts
//! of the data sets are read as well; that a file has another number than it was published with is
//! noted.

use std::path::{Path, PathBuf};

use super::{RawFile, Splits};
use crate::data::image_set_builder::ImageSetBuilder;
use crate::data::problems::Problems;
use crate::data::{DataError, DataNote, DataSource, FileFault, ImageShape, Scratch};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

/// The most bytes of a file of class names: a hundred names are a thousandth of it.
const MAX_NAMES_BYTES: u64 = 1 << 20;

/// How to mend a missing file.
const HINT: &str = "unpack the \"binary version\", and set `data.path` to the folder with its \
                    .bin files";

/// How one of the two data sets is laid out.
pub(super) struct Layout {
    source: DataSource,
    n_classes: usize,
    /// Bytes of a record before its pixels; the last of them is the label.
    n_labels: usize,
    train: &'static [&'static str],
    test: &'static [&'static str],
    /// Records that each file of `train` and that of `test` was published with.
    published: [usize; 2],
    /// Optional file with a class name a line.
    names: &'static str,
}

/// The layout of CIFAR-10.
pub(super) const CIFAR_10: Layout = Layout {
    source: DataSource::Cifar10,
    n_classes: 10,
    n_labels: 1,
    train: &[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
    ],
    test: &["test_batch.bin"],
    published: [10_000, 10_000],
    names: "batches.meta.txt",
};

/// The layout of CIFAR-100.
pub(super) const CIFAR_100: Layout = Layout {
    source: DataSource::Cifar100,
    n_classes: 100,
    n_labels: 2,
    train: &["train.bin"],
    test: &["test.bin"],
    published: [50_000, 10_000],
    names: "fine_label_names.txt",
};

impl Layout {
    /// Bytes of a record.
    const fn record(&self) -> usize {
        self.n_labels + SHAPE.n_values()
    }

    /// That a file of `found` bytes has the records of the other data set, if it has.
    fn other_records(&self, found: u64) -> Option<FileFault> {
        let other = if self.source == DataSource::Cifar10 { &CIFAR_100 } else { &CIFAR_10 };
        let (record, other_record) = (self.record(), other.record());
        let is_other = |record: usize| found.is_multiple_of(record as u64);
        (is_other(other_record) && !is_other(record)).then(|| FileFault::OtherRecords {
            found,
            origin: self.source.name(),
            record,
            other: other.source.name(),
            other_record,
        })
    }
}

/// Reads the files of `layout` in `folder`.
pub(super) fn load(layout: &Layout, folder: &Path, scratch: &Scratch) -> Result<Splits, DataError> {
    let (mut problems, mut notes) = (Problems::default(), Vec::new());
    let class_names = problems.ok(class_names(layout, folder));
    let [in_train, in_test] = layout.published;
    let mut read = |files: &[&str], published| {
        let mut set = ImageSetBuilder::new(origin(folder, files), SHAPE, scratch)?;
        for name in files {
            let found = problems.ok(read_file(layout, folder, name, &mut set));
            let found = found.filter(|&found| found != published);
            let path = folder.join(name);
            notes.extend(found.map(|found| DataNote::OtherCount { path, found, published }));
        }
        Ok(set)
    };
    let (train, test) = (read(layout.train, in_train)?, read(layout.test, in_test)?);
    problems.finish()?;
    Ok(Splits {
        class_names: class_names.expect("they were read, or the problem is told"),
        train: train.finish(SHAPE.channels)?,
        valid: None,
        test: Some(test.finish(SHAPE.channels)?),
        notes,
    })
}

/// What a set of `files` is called.
fn origin(folder: &Path, files: &[&str]) -> PathBuf {
    match files {
        [file] => folder.join(file),
        _ => folder.join("data_batch_*.bin"),
    }
}

/// Adds the records of the file `name` to `set`; how many there are.
fn read_file(
    layout: &Layout,
    folder: &Path,
    name: &str,
    set: &mut ImageSetBuilder,
) -> Result<usize, DataError> {
    let mut file = RawFile::open(folder, &[name.to_owned()], HINT)?;
    let (path, record) = (file.path().to_owned(), layout.record());
    let mut bytes = Vec::with_capacity(record);
    for item in 0.. {
        let offset = file.piece(&mut bytes, record)?;
        match bytes.len() {
            0 if item == 0 => return Err(DataError::Empty { path }),
            0 => return Ok(item),
            n if n < record => {
                let found = offset + n as u64;
                let cut = FileFault::PartialRecord { found, record, offset };
                return Err(file.fault(layout.other_records(found).unwrap_or(cut)));
            }
            _ => {}
        }
        let label = bytes[layout.n_labels - 1];
        let (found, n_classes) = (usize::from(label), layout.n_classes);
        if found >= n_classes {
            let wrong = DataError::Label { path, item, found, n_classes };
            let other = layout.other_records(file.end()?);
            return Err(other.map_or(wrong, |other| file.fault(other)));
        }
        set.push(&bytes[layout.n_labels..], u16::from(label))?;
    }
    unreachable!("a file ends")
}

/// The names in the file that comes with the data set; without it, numbers.
fn class_names(layout: &Layout, folder: &Path) -> Result<Vec<String>, DataError> {
    let expected = layout.n_classes;
    let Some(mut file) = RawFile::find(folder, &[layout.names.to_owned()])? else {
        return Ok((0..expected).map(|class| class.to_string()).collect());
    };
    let bytes = file.rest(MAX_NAMES_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    // The file of CIFAR-10 ends with an empty line.
    let names: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if names.len() != expected {
        let path = file.path().to_owned();
        return Err(DataError::ClassNames { path, expected, found: names.len() });
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Records with these bytes before their pixels, which all repeat the last of them.
    fn records(labels: &[&[u8]]) -> Vec<u8> {
        let record = |bytes: &&[u8]| [*bytes, &[bytes[bytes.len() - 1]; 3072]].concat();
        labels.iter().flat_map(record).collect()
    }

    fn load_with(layout: &Layout, files: &[(&str, Vec<u8>)]) -> Result<Splits, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let in_folder = format!("{}/", folder.path().display());
        load(layout, folder.path(), &Scratch::default())
            .map_err(|error| error.to_string().replace(&in_folder, ""))
    }

    /// Loads a sound CIFAR-10 folder with one file changed, and looks for `text` in the error.
    #[track_caller]
    fn check(name: &str, bytes: Vec<u8>, text: &str) {
        let mut files = cifar_10();
        files.push((name, bytes));
        let found = load_with(&CIFAR_10, &files).unwrap_err();
        assert!(found.contains(text), "{found}");
    }

    /// Five files with one image each, of the classes 0 to 4, and a test file with two.
    fn cifar_10() -> Vec<(&'static str, Vec<u8>)> {
        let train = CIFAR_10.train.iter().zip(0..).map(|(name, n)| (*name, records(&[&[n]])));
        train.chain([("test_batch.bin", records(&[&[9], &[8]]))]).collect()
    }

    #[test]
    fn the_files_of_cifar_10_are_read_in_order() {
        let splits = load_with(&CIFAR_10, &cifar_10()).unwrap();
        assert_eq!(splits.train.labels(), [0, 1, 2, 3, 4]);
        assert_eq!(splits.test.unwrap().labels(), [9, 8]);
        assert!(splits.train.image(3).iter().all(|&pixel| pixel == 3));
        assert_eq!((splits.class_names.len(), splits.class_names[9].as_str()), (10, "9"));
    }

    #[test]
    fn cifar_100_is_read_by_its_fine_labels_and_names() {
        let names: Vec<String> = (0..100).map(|n| format!("class {n}")).collect();
        let files = [
            ("train.bin", records(&[&[3, 99], &[4, 98]])),
            ("test.bin", records(&[&[5, 97]])),
            ("fine_label_names.txt", (names.join("\n") + "\n\n").into_bytes()),
        ];
        let splits = load_with(&CIFAR_100, &files).unwrap();
        assert_eq!(splits.train.labels(), [99, 98]);
        assert_eq!(splits.test.unwrap().labels(), [97]);
        assert_eq!(splits.train.image(1), [98; 3072]);
        assert_eq!(splits.class_names, names);
    }

    #[test]
    fn a_damaged_file_is_named_with_the_place() {
        check(
            "data_batch_2.bin",
            [records(&[&[1]]), vec![2; 100]].concat(),
            "`data_batch_2.bin` has 3173 bytes, which are no whole number of 3073-byte records: \
             the last record begins at byte 3073",
        );
        check("data_batch_5.bin", Vec::new(), "`data_batch_5.bin` holds no image");
        check(
            "data_batch_1.bin",
            records(&[&[1, 2], &[77, 3]]),
            "`data_batch_1.bin` has 6148 bytes, a whole number of the 3074-byte records of \
             cifar-100 and not of the 3073-byte records of cifar-10; set `data.source` to \
             `cifar-100`",
        );
        check(
            "test_batch.bin",
            records(&[&[1], &[10]]),
            "image 1 of `test_batch.bin` has label 10, but there are 10 classes, 0 to 9",
        );
        check("batches.meta.txt", b"cat\ndog\n".to_vec(), "names 2 classes, expected 10");
    }

    #[test]
    fn a_file_with_another_number_of_images_than_was_published_is_noted() {
        let mut files = cifar_10();
        for (name, records_of) in [("data_batch_2.bin", 10_000), ("data_batch_3.bin", 9_999)] {
            files.push((name, records(&vec![&[1_u8][..]; records_of])));
        }
        let splits = load_with(&CIFAR_10, &files).unwrap();
        let found: Vec<String> = splits.notes.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 5);
        let expected = "data_batch_3.bin` has 9999 images, and was published with 10000: it may be";
        assert!(found[1].contains(expected), "{found:?}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let found = load_with(&CIFAR_10, &cifar_10()[1..]).unwrap_err();
        assert!(found.contains("holds none of `data_batch_1.bin`; unpack the"), "{found}");
    }
}
