//! Why images or texts cannot be loaded, split or streamed.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::data::names::{listed, quoted};
use crate::data::{FileFault, ImageFault, ImageShape, LayoutFault, TextFault};
use crate::printable::shown;

/// Why images or texts cannot be loaded, split or streamed. Each text names the file and the place in it,
/// what was expected and what was found, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// More than one problem.
    #[error(
        "the data have {} problems:{}{}",
        first.len() + more,
        first.iter().map(|problem| format!("\n  {problem}")).collect::<Vec<_>>().concat(),
        if *more == 0 { String::new() } else { format!("\n  and {more} more") }
    )]
    Several {
        /// The first of them.
        first: Vec<Self>,
        /// How many came after those.
        more: usize,
    },
    /// The source reads a folder, and none is given.
    #[error("`data.path` is not set, and source `{origin}` reads a folder; set it to {expected}")]
    PathNotSet {
        /// Name of the source.
        origin: &'static str,
        /// What the folder holds.
        expected: &'static str,
    },
    /// A table is named as an embedded one is, and there is none of the name.
    #[error(
        "no table `{}` is embedded; there is `{known}`, and a file is given by its path",
        shown(name)
    )]
    NoSuchTable {
        /// The name given.
        name: String,
        /// The table that is embedded.
        known: &'static str,
    },
    /// Images are wanted, and the data are text.
    #[error("the data are text, and this takes images; set `data.source` to one that has images")]
    NoImages,
    /// A folder is given, and the source reads none.
    #[error(
        "`data.path` is `{}`, but source `{origin}` is embedded and reads no folder; remove \
         `data.path`, or set `data.source` to what the folder holds",
        shown(.path)
    )]
    PathNotUsed {
        /// Name of the source.
        origin: &'static str,
        /// The folder given.
        path: PathBuf,
    },
    /// A value of the config is out of its range for these images.
    #[error("`{key}` is {found}; expected {expected}")]
    OutOfRange {
        /// The key of the config.
        key: &'static str,
        /// The values that are allowed.
        expected: String,
        /// The value found.
        found: String,
    },
    /// There is nothing to certify on.
    #[error(
        "there is no test split to certify on; set `data.test_share` for a search of its own, or \
         give the data a `test` folder or file"
    )]
    NoTestSplit,
    /// A batch is empty or holds more images than the split.
    #[error(
        "a batch of {size} {split} images cannot be drawn from the {available} that the split \
         has; set `{key}` to 1 to {available}, or give more images"
    )]
    BatchSize {
        /// The key of the config.
        key: &'static str,
        /// Name of the split.
        split: &'static str,
        /// Images asked for.
        size: usize,
        /// Images of the split.
        available: usize,
    },
    /// The system refused to read a file or a folder.
    #[error("cannot {action} `{}`: {source}", shown(.path))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder is missing, or is no folder.
    #[error("`{}` is not a folder; expected {expected}", shown(.path))]
    NotAFolder {
        /// The path looked at.
        path: PathBuf,
        /// What the folder should hold.
        expected: &'static str,
    },
    /// A data file is not what it should be.
    #[error("`{}` {fault}", shown(.path))]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: FileFault,
    },
    /// None of the names of a file is there.
    #[error(
        "`{}` holds none of {}{}; {hint}", shown(.folder), quoted(.looked_for), near(.nearest.as_ref())
    )]
    MissingFile {
        /// The folder searched.
        folder: PathBuf,
        /// Every name that would have done.
        looked_for: Vec<String>,
        /// The file there whose name is most like one of them.
        nearest: Option<String>,
        /// How to mend it.
        hint: &'static str,
    },
    /// A size in a header, or of an image, is not supported.
    #[error(
        "`{}` has {axis} {found}, expected {} to {}; rescale or convert the images",
        shown(.path), .expected.start(), .expected.end()
    )]
    Dimension {
        /// The file or set.
        path: PathBuf,
        /// Which size: `channels`, `height` or `width`.
        axis: &'static str,
        /// The sizes allowed.
        expected: RangeInclusive<usize>,
        /// The size found.
        found: usize,
    },
    /// Images that do not fit into memory cannot be written.
    #[error(
        "cannot keep images beyond memory in `{}`: {source}; give its folder room, or let \
         `store.state` lie where there is some",
        shown(.path)
    )]
    Scratch {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Images that do not fit into memory cannot be read again.
    #[error("cannot read images that were put in `{}`: {source}; look at the disk", shown(.path))]
    Stored {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A set has more images than can be numbered.
    #[error("`{}` holds more than 4,294,967,295 images; use fewer", shown(.path))]
    TooManyImages {
        /// The file, folder or set.
        path: PathBuf,
    },
    /// A file or set is larger than memory should hold.
    #[error("`{}` holds {found} bytes, and the limit is {limit}; make it smaller", shown(.path))]
    TooLarge {
        /// The file or set.
        path: PathBuf,
        /// Bytes promised or found.
        found: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The pixels of a set are not whole images.
    #[error(
        "`{}` has {found} pixel values, expected {expected} ({n_images} times {shape})",
        shown(.path)
    )]
    PixelCount {
        /// The file or set.
        path: PathBuf,
        /// Values found.
        found: usize,
        /// Values expected.
        expected: usize,
        /// Number of images.
        n_images: usize,
        /// Shape of one image.
        shape: ImageShape,
    },
    /// A file of labels does not fit its file of images.
    #[error("`{}` has {n_labels} labels and `{}` has {n_images} images; give the two files \
         of the same split", shown(.labels), shown(.images))]
    LabelCount {
        /// The file of images.
        images: PathBuf,
        /// The file of labels.
        labels: PathBuf,
        /// Images found.
        n_images: usize,
        /// Labels found.
        n_labels: usize,
    },
    /// Classes between others have no image.
    #[error(
        "`{}` has no image of class {first}{}, though its labels go up to {largest} (image \
         {item}); mend the labels, or set `data.classes` to the number of classes if there are so \
         many", shown(.path), others(*count)
    )]
    ClassesWithout {
        /// The set.
        path: PathBuf,
        /// The first class without an image.
        first: usize,
        /// How many classes have none.
        count: usize,
        /// The largest label.
        largest: usize,
        /// The first image with it, counted from 0.
        item: usize,
    },
    /// A label names no class.
    #[error("image {item} of `{}` has label {found}, but there are {n_classes} classes, 0 to {}; \
         the labels are damaged or of another data set", shown(.path), n_classes - 1)]
    Label {
        /// The file or set.
        path: PathBuf,
        /// Number of the image in it, counted from 0.
        item: usize,
        /// The label found.
        found: usize,
        /// Number of classes.
        n_classes: usize,
    },
    /// There are too few or too many classes.
    #[error("`{}` has {found} class(es); expected 2 to 65536", shown(.path))]
    ClassCount {
        /// The file or set.
        path: PathBuf,
        /// Classes found.
        found: usize,
    },
    /// A list of class names has the wrong length.
    #[error("`{}` names {found} classes, expected {expected}; mend the file, or remove it to have \
         the classes numbered", shown(.path))]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// Names expected.
        expected: usize,
        /// Names found.
        found: usize,
    },
    /// A set has no image.
    #[error("`{}` holds no image; give at least one", shown(.path))]
    Empty {
        /// The file, folder or set.
        path: PathBuf,
    },
    /// A training split is too small to be split.
    #[error(
        "`{}` has one image of each class that it has ({}), and none to split off for {part}; give \
         at least 2 of a class, or a {part} split of its own",
        shown(.path),
        listed(.classes, *count)
    )]
    TooFewToSplit {
        /// The set.
        path: PathBuf,
        /// How many classes it has images of.
        count: usize,
        /// The first of them.
        classes: Vec<String>,
        /// What was to be split off: `validation` or `test`.
        part: &'static str,
    },
    /// Two splits have images of different sizes.
    #[error("the images of `{}` are {found}, those of `{}` are {expected}; all splits need \
         one size", shown(.path), shown(.train))]
    MixedShapes {
        /// The training set.
        train: PathBuf,
        /// The other set.
        path: PathBuf,
        /// Shape of the training images.
        expected: ImageShape,
        /// Shape of the others.
        found: ImageShape,
    },
    /// Two splits have different class folders.
    #[error("the class folders of `{}` differ from those of `{}`: missing {}, unknown {}; \
         give every split the same ones", shown(.path), shown(.train), quoted(.missing), quoted(.unknown))]
    ClassFolders {
        /// The training folder.
        train: PathBuf,
        /// The other folder.
        path: PathBuf,
        /// Classes that only the training folder has.
        missing: Vec<String>,
        /// Classes that only the other folder has.
        unknown: Vec<String>,
    },
    /// An image file cannot be used.
    #[error("image `{}` {fault}", shown(.path))]
    Image {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: ImageFault,
    },
    /// A file or folder is out of place.
    #[error("`{}` {fault}", shown(.path))]
    Layout {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        fault: LayoutFault,
    },
    /// A text cannot be used.
    #[error("`{}` {fault}", shown(.path))]
    Text {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        fault: TextFault,
    },
    /// A window of the training text is beyond any that a search comes to.
    #[error(
        "there is no window {index} of the training text, for the last is {last}; whoever asks for \
         it reads a damaged checkpoint: go back to an earlier one"
    )]
    NoWindow {
        /// Its number.
        index: u64,
        /// The number of the last.
        last: u64,
    },
    /// All pixels of a split are equal.
    #[error(
        "every pixel of `{}` is {value}: images without any difference teach nothing; look at one \
         of them, and give images that show something", shown(.path)
    )]
    NoSpread {
        /// The set.
        path: PathBuf,
        /// The value of them all, 0 to 255.
        value: u8,
    },
    /// The prefetch thread could not be started.
    #[error("cannot start the prefetch thread: {source}; raise the limit on threads or memory")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The prefetch thread is gone.
    #[error(
        "the prefetch thread ended before batch {place}; restart from the last checkpoint and look \
         for its panic in the log"
    )]
    PrefetchEnded {
        /// Index of the batch that was due.
        place: u64,
    },
}

/// That other classes are without an image, too.
fn others(count: usize) -> String {
    if count < 2 { String::new() } else { format!(" and {} others", count - 1) }
}

/// The name that may be meant.
fn near(name: Option<&String>) -> String {
    name.map(|name| format!(" (but `{}`)", shown(name))).unwrap_or_default()
}
