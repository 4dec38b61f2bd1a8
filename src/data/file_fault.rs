//! Why a data file is not what it should be.

use std::io;

/// Why a data file is not what it should be. Each text goes on after the file's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It is a folder, a pipe or a device.
    #[error("is not a plain file; put the data file itself there")]
    NotPlain,
    /// A gz file is damaged or cut short.
    #[error(
        "cannot be unpacked beyond byte {offset} of its contents: {source}; the gz file is damaged \
         or incomplete, fetch it again"
    )]
    Gzip {
        /// Bytes unpacked before the damage.
        offset: u64,
        /// What the decoder said.
        source: io::Error,
    },
    /// It ends early.
    #[error(
        "ends at byte {found}, expected {expected} bytes; the file is incomplete, fetch it again"
    )]
    Truncated {
        /// Bytes that it should have.
        expected: u64,
        /// Bytes that it has (unpacked).
        found: u64,
    },
    /// It goes on behind its end.
    #[error(
        "goes on after byte {expected}, where its header says it ends; the file is damaged or of \
         another format, fetch it again"
    )]
    TrailingBytes {
        /// Bytes that it should have.
        expected: u64,
    },
    /// It is of another kind.
    #[error("is {found}; expected {expected}")]
    Kind {
        /// What it is, in words.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The sizes in an IDX header are written with the small end first.
    #[error(
        "has its sizes written with the small end first, so that {found} stands where {meant} is \
         meant; write them with the big end first, as IDX wants them"
    )]
    SmallEnd {
        /// The number of images as it reads.
        found: u32,
        /// The number that is meant.
        meant: u32,
    },
    /// A file of records ends inside a record.
    #[error(
        "has {found} bytes, which are no whole number of {record}-byte records: the last record \
         begins at byte {offset} and is cut off; fetch the binary version again"
    )]
    PartialRecord {
        /// Bytes found.
        found: u64,
        /// Bytes of one record.
        record: usize,
        /// Where the partial record begins.
        offset: u64,
    },
    /// The records are those of another data set.
    #[error(
        "has {found} bytes, a whole number of the {other_record}-byte records of {other} and not \
         of the {record}-byte records of {origin}; set `data.source` to `{other}`, or give the \
         files of {origin}"
    )]
    OtherRecords {
        /// Bytes found.
        found: u64,
        /// Name of the source.
        origin: &'static str,
        /// Bytes of one of its records.
        record: usize,
        /// Name of the source that it fits.
        other: &'static str,
        /// Bytes of one of that one's records.
        other_record: usize,
    },
}
