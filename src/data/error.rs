//! Why images cannot be loaded, split or streamed.

use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::data::ImageShape;

/// Why images cannot be loaded, split or streamed. Each text names the file and the place in it,
/// what was expected and what was found, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The source reads a folder, and none is given.
    #[error("`data.path` is not set, and source `{origin}` reads a folder; set it to {expected}")]
    PathNotSet {
        /// Name of the source.
        origin: &'static str,
        /// What the folder holds.
        expected: &'static str,
    },
    /// A folder is given, and the source reads none.
    #[error(
        "`data.path` is `{path}`, but source `{origin}` is embedded and reads no folder; remove \
         `data.path`, or set `data.source` to what the folder holds"
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
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder is missing, or is no folder.
    #[error("`{path}` is not a folder; expected {expected}")]
    NotAFolder {
        /// The path looked at.
        path: PathBuf,
        /// What the folder should hold.
        expected: &'static str,
    },
    /// A path that should be a plain file is something else.
    #[error("`{path}` is not a plain file; put the data file itself there")]
    NotAFile {
        /// The path looked at.
        path: PathBuf,
    },
    /// None of the names of a file is there.
    #[error("`{folder}` holds none of {}; {hint}", quoted(.looked_for))]
    MissingFile {
        /// The folder searched.
        folder: PathBuf,
        /// Every name that would have done.
        looked_for: Vec<String>,
        /// How to mend it.
        hint: &'static str,
    },
    /// A gz file is damaged or cut short.
    #[error(
        "cannot unpack `{path}` beyond byte {offset} of its contents: {source}; the gz file is \
         damaged or incomplete, fetch it again"
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Bytes unpacked before the damage.
        offset: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// A file ends early.
    #[error(
        "`{path}` ends at byte {found}, expected {expected} bytes; the file is incomplete, fetch \
         it again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has (unpacked).
        found: u64,
    },
    /// A file goes on behind its end.
    #[error(
        "`{path}` goes on after byte {expected}, where its header says it ends; the file is \
         damaged or of another format, fetch it again"
    )]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Bytes that it should have.
        expected: u64,
    },
    /// The first bytes of an IDX file are wrong.
    #[error(
        "`{path}` begins with bytes {found:02x?} at offset 0, expected {expected}; give an IDX \
         file of unsigned bytes, as MNIST has them"
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// The bytes expected, in words.
        expected: &'static str,
        /// The bytes found.
        found: [u8; 4],
    },
    /// A size in a header, or of an image, is not supported.
    #[error(
        "`{path}` has {axis} {found}, expected {} to {}; rescale or convert the images",
        .expected.start(), .expected.end()
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
        "cannot keep images beyond memory in `{path}`: {source}; give its folder room, or let \
         `store.state` lie where there is some"
    )]
    Scratch {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Images that do not fit into memory cannot be read again.
    #[error("cannot read images that were put in `{path}`: {source}; see the disk's health")]
    Stored {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A set has more images than can be numbered.
    #[error("`{path}` holds more than 4,294,967,295 images; use fewer")]
    TooManyImages {
        /// The file, folder or set.
        path: PathBuf,
    },
    /// A file or set is larger than memory should hold.
    #[error("`{path}` holds {found} bytes, and the limit is {limit}; use fewer or smaller images")]
    TooLarge {
        /// The file or set.
        path: PathBuf,
        /// Bytes promised or found.
        found: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The pixels of a set are not whole images.
    #[error("`{path}` has {found} pixel values, expected {expected} ({n_images} times {shape})")]
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
    #[error(
        "`{labels}` has {n_labels} labels and `{images}` has {n_images} images; give the two files \
         of the same split"
    )]
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
    /// A file of records ends inside a record.
    #[error(
        "`{path}` has {found} bytes, which are no whole number of {record}-byte records: the last \
         record begins at byte {offset} and is cut off; fetch the binary version again"
    )]
    PartialRecord {
        /// The file.
        path: PathBuf,
        /// Bytes found.
        found: u64,
        /// Bytes of one record.
        record: usize,
        /// Where the partial record begins.
        offset: u64,
    },
    /// A label names no class.
    #[error(
        "image {item} of `{path}` has label {found}, but there are {n_classes} classes, 0 to {}; \
         the labels are damaged or of another data set",
        n_classes - 1
    )]
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
    #[error("`{path}` has {found} class(es); expected 2 to 65536")]
    ClassCount {
        /// The file or set.
        path: PathBuf,
        /// Classes found.
        found: usize,
    },
    /// A list of class names has the wrong length.
    #[error(
        "`{path}` names {found} classes, expected {expected}; mend the file, or remove it to have \
         the classes numbered"
    )]
    ClassNames {
        /// The file.
        path: PathBuf,
        /// Names expected.
        expected: usize,
        /// Names found.
        found: usize,
    },
    /// A set has no image.
    #[error("`{path}` holds no image; give at least one")]
    Empty {
        /// The file, folder or set.
        path: PathBuf,
    },
    /// A training split is too small to be split.
    #[error(
        "`{path}` holds {found} image(s), too few to split off a validation part; give at least 2, \
         or a validation split of its own"
    )]
    TooFewToSplit {
        /// The set.
        path: PathBuf,
        /// Images found.
        found: usize,
    },
    /// Two splits have images of different sizes.
    #[error(
        "the images of `{path}` are {found}, those of `{train}` are {expected}; all splits need \
         one size"
    )]
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
    #[error(
        "the class folders of `{path}` differ from those of `{train}`: missing {}, unknown {}; \
         give every split the same ones",
        quoted(.missing), quoted(.unknown)
    )]
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
    /// A class folder's name is not UTF-8.
    #[error("the name of class folder `{path}` is not UTF-8; rename it")]
    ClassName {
        /// The folder.
        path: PathBuf,
    },
    /// Something in a class folder is no image.
    #[error(
        "`{path}` is not a .png, .jpg or .jpeg file; move it out of the class folder, or begin its \
         name with a dot to have it ignored"
    )]
    NotAnImage {
        /// The file.
        path: PathBuf,
    },
    /// An image cannot be decoded.
    #[error("cannot decode image `{path}`: {source}; replace or remove it")]
    Image {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        source: image::ImageError,
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

/// The names in backquotes with commas between, or `none`.
fn quoted(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
