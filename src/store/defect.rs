//! What is wrong with something on disk, as data: the *why* of a [`StoreError`].
//!
//! [`StoreError`]: crate::store::StoreError

use std::io;

/// Why a checkpoint, the folder of an architecture or a trial, or the history is not what was
/// written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// Something else has the folder's name.
    #[error("it is not a folder")]
    NotAFolder,
    /// A file that should be there is not.
    #[error("`{name}` is missing")]
    Missing {
        /// The file.
        name: String,
    },
    /// A file is there that nobody listed.
    #[error("`{name}` does not belong there")]
    Extra {
        /// The file.
        name: String,
    },
    /// A link, a folder or a device stands where a file should.
    #[error("`{name}` is not a regular file")]
    NotAFile {
        /// The file.
        name: String,
    },
    /// The disk does not give the file back.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the operating system says.
        why: io::ErrorKind,
    },
    /// A file is longer or shorter than it was.
    #[error("`{name}` has {found} bytes, expected {expected}")]
    Size {
        /// The file.
        name: String,
        /// Bytes found.
        found: u64,
        /// Bytes that were written.
        expected: u64,
    },
    /// A file is larger than any that is ever written.
    #[error("`{name}` has {found} bytes, more than the limit of {limit_bytes}")]
    TooLarge {
        /// The file.
        name: String,
        /// Bytes found.
        found: u64,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// A file has the right size and other bytes.
    #[error("the bytes of `{name}` are not those that were written (their BLAKE3 differs)")]
    Hash {
        /// The file.
        name: String,
    },
    /// The list of hashes itself was changed.
    #[error("`{name}` was changed: its own BLAKE3 differs")]
    Seal {
        /// The file.
        name: String,
    },
    /// A list is sealed, but says nothing that this program understands.
    #[error("`{name}` does not read as expected at line {line}, column {column}")]
    Syntax {
        /// The file.
        name: String,
        /// Line, counted from 1; 0 where it is not known.
        line: usize,
        /// Column, counted from 1; 0 where it is not known.
        column: usize,
    },
    /// A checkpoint stands under another step's name.
    #[error("its manifest is of {found:012}, its name {expected:012}")]
    Step {
        /// The step in the manifest.
        found: u64,
        /// The step in the folder's name.
        expected: u64,
    },
    /// A checkpoint is whole, but not the one that its successor followed.
    #[error("it is not the checkpoint that {successor:012} followed")]
    Chain {
        /// The step of the successor.
        successor: u64,
    },
    /// The files of a trial stand under another trial's name.
    #[error("its files are of the trial {found}")]
    Trial {
        /// The key of the trial that they are of.
        found: String,
    },
    /// The database was made by something else.
    #[error("it is a database, but no history of this program")]
    ForeignDatabase,
    /// The database is damaged.
    #[error("SQLite's check finds: {why}")]
    Database {
        /// SQLite's words.
        why: String,
    },
}

/// Why the ledger of the test split cannot be gone on with. To begin another one in its place would
/// let the split be looked at twice for one candidate, so that is for a person to decide.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerFault {
    /// It is not what was written.
    #[error(
        "is damaged: {0}; restore it from a backup, or move it away: the next start says how to \
         go on without it (it was not changed)"
    )]
    Damaged(Defect),
    /// It is of another test split.
    #[error(
        "counts looks at the test split of other data ({found}, these are {expected}); give the \
         search the data that it began with, or another state folder"
    )]
    OtherData {
        /// The fingerprint that it names.
        found: String,
        /// That of the data.
        expected: String,
    },
    /// A person gave it up, and not with a number of looks that can be gone on from.
    #[error(
        "gives up a ledger that held `{found}` looks at the test split; write a whole number from \
         0 to {} there",
        u32::MAX
    )]
    GivenUp {
        /// What stands for the number, cut where it is long.
        found: String,
    },
    /// It is not there, or an older one was put in its place.
    #[error(
        "counts fewer than the {known} looks at the test split that the checkpoint knows of; \
         restore it from a backup, or give up what it held and count on from there: replace it \
         by a file with the line `begin after {known}`"
    )]
    Lost {
        /// Looks that there were at least.
        known: u64,
    },
}

/// Why a folder is not fit to hold the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FolderFault {
    /// A link can be pointed elsewhere while the daemon runs.
    #[error("it is a symbolic link; give the folder itself")]
    Link,
    /// A file or a device has its name.
    #[error("it is not a folder; move it away or choose another path")]
    NotAFolder,
    /// Whoever owns the folder can replace what is in it.
    #[error(
        "it belongs to uid {found}, this process runs as uid {expected}; change its owner or \
         run as that user"
    )]
    Owner {
        /// The owner.
        found: u32,
        /// The effective user of this process.
        expected: u32,
    },
    /// Everybody can replace what is in it.
    #[error("everybody may write into it (mode {mode:04o}); `chmod o-w` it")]
    WorldWritable {
        /// Its permission bits.
        mode: u32,
    },
    /// It is not the folder that the daemon was started on.
    #[error(
        "it was moved away or replaced while the daemon runs: put it back, or end the daemon, \
         whose steps since the newest checkpoint are then taken again"
    )]
    Replaced,
    /// `LOCK` is a link, a device or a second name of another file.
    #[error("its `LOCK` is not a plain file of its own; remove it")]
    Lock,
}
