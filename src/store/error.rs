//! Why something could not be stored or read back.

use std::io;
use std::path::{Path, PathBuf};

use crate::engine::reason;
use crate::export::ExportError;
use crate::net::NetError;
use crate::search::SearchError;
use crate::space::SpaceError;
use crate::store::{Defect, FolderFault, LedgerFault};

/// Why something could not be stored or read back. Each text says what failed, where, why, and
/// what mends it.
///
/// Causes are fields named `r#source`, which `thiserror` does not report as
/// [`std::error::Error::source`]: the texts contain them already.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The champion's net reads words.
    #[error("the net of {id} reads words, and no images; give it a text")]
    ReadsWords {
        /// The id of its architecture.
        id: String,
    },
    /// The champion's net reads images.
    #[error("the net of {id} reads images, and no text; give it image files")]
    ReadsImages {
        /// The id of its architecture.
        id: String,
    },
    /// The operating system refuses.
    #[error("cannot {action} {}: {source}{}", path.display(), io_remedy(source))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// There is not room enough; nothing was written.
    #[error(
        "{} needs {needed_bytes} bytes and its filesystem has {free_bytes} free; free some space \
         or move the state folder to a larger disk",
        path.display()
    )]
    DiskFull {
        /// What was to be written.
        path: PathBuf,
        /// Its size, with the reserve that is left free.
        needed_bytes: u64,
        /// Free space.
        free_bytes: u64,
    },
    /// Another process uses the state folder.
    #[error(
        "the state folder {} is in use by {}; stop that one first, or give this one another \
         state folder",
        path.display(),
        holder_name(*holder)
    )]
    Locked {
        /// The state folder.
        path: PathBuf,
        /// The process that holds it, where it left its id.
        holder: Option<u32>,
    },
    /// The state folder cannot be trusted.
    #[error("{} cannot be the state folder: {fault}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: FolderFault,
    },
    /// Written by a later version of this program. Nothing was touched.
    #[error(
        "{} has format {found}, this program reads up to {expected}; install the version that \
         wrote it, or move it away to start over (it was not changed)",
        path.display()
    )]
    Format {
        /// What was found.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The latest format that this program reads.
        expected: u32,
    },
    /// Written by an earlier version of this program; a reader leaves it as it is.
    #[error(
        "{} has format {found}, this program reads {expected}; the daemon brings it to that at its \
         next start",
        path.display()
    )]
    OlderFormat {
        /// What was found.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format that this program reads.
        expected: u32,
    },
    /// Something is damaged.
    #[error("{} is damaged: {why}; restore it from a backup or move it away", path.display())]
    Corrupt {
        /// What is damaged.
        path: PathBuf,
        /// How it shows.
        why: Defect,
    },
    /// How often the test split was used is not known any more, or was counted for other data.
    #[error("the ledger {} {fault}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: LedgerFault,
    },
    /// There are checkpoints and none is whole.
    #[error(
        "none of the {} checkpoints in {} is whole: {}; restore the folder from a backup, or move \
         it away to start the search over (it was not changed)",
        defects.len(),
        path.display(),
        defects_text(defects)
    )]
    NoneWhole {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// Each step and what is wrong with it, the newest first.
        defects: Vec<(u64, Defect)>,
    },
    /// A checkpoint would be hidden by a later one.
    #[error(
        "cannot write the checkpoint {step:012} to {}: there is {newest:012}, from \
         which a restart would go on; load that one, or move it away",
        path.display()
    )]
    StaleStep {
        /// The folder of the checkpoints.
        path: PathBuf,
        /// The step to be written.
        step: u64,
        /// The newest step there.
        newest: u64,
    },
    /// A name could leave its folder, or clash with the store's own files.
    #[error("`{name}` is no name for {of}: {allowed}")]
    Name {
        /// The name.
        name: String,
        /// What it was to name.
        of: &'static str,
        /// What such a name looks like.
        allowed: &'static str,
    },
    /// More than is ever read back.
    #[error("{} would have {bytes} bytes, more than the limit of {limit_bytes}", path.display())]
    TooLarge {
        /// What was to be written.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The most that is read back.
        limit_bytes: u64,
    },
    /// There is no such thing.
    #[error("there is no {}", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// Too few checkpoints to fall back.
    #[error("{found} checkpoints are too few to keep: give 2 or more, so that one can be damaged")]
    Keep {
        /// The number asked for.
        found: usize,
    },
    /// The files of a checkpoint are whole, but mean nothing to this search.
    #[error(
        "the checkpoint {step:012} does not fit this search: {why}; start with the settings \
         that it was written with, or with another state folder"
    )]
    Content {
        /// The step.
        step: u64,
        /// What does not fit.
        why: String,
    },
    /// There is no checkpoint to go back to.
    #[error("there is no checkpoint in {} to go back to", path.display())]
    NoCheckpoint {
        /// The folder of the checkpoints.
        path: PathBuf,
    },
    /// A checkpoint is refused as long as the history behind it is not on disk.
    #[error("the history could not be written, so no checkpoint was: {why}")]
    HistoryBehind {
        /// Why.
        why: String,
    },
    /// A text is no architecture.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// An architecture does not fit the nets.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A net cannot be run as its files tell.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A net cannot be written to a file.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Tensors could not be written to or read from a file.
    #[error("tensors could not be encoded or decoded: {}", reason(.0))]
    Tensors(#[from] candle_core::Error),
    /// Text could not be written to or read from a file.
    #[error("JSON could not be encoded or decoded: {0}")]
    Json(#[from] serde_json::Error),
    /// The database refuses.
    #[error("cannot {action} {}: {source}{}", path.display(), database_remedy(source))]
    Database {
        /// What was tried.
        action: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        r#source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether there is no room: the search can go on and try again later.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::DiskFull { .. } => true,
            Self::Io { source, .. } => no_room(source.kind()),
            Self::Database { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
            }
            _ => false,
        }
    }

    /// Whether a history was found damaged: one that somebody else's database stands in for is not.
    pub fn is_history_damage(&self) -> bool {
        let is_foreign = matches!(self, Self::Corrupt { why: Defect::ForeignDatabase, .. });
        self.is_damage() && !is_foreign
    }

    /// Whether what is on disk is not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Database { source, .. } => is_database_damage(source),
            _ => false,
        }
    }

    /// Whether what was asked for is not there, or is not what was written: to write it again takes
    /// nothing from anybody. What cannot be read, or only by a later program, may be whole.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::NotFound { .. }) || self.is_damage()
    }

    /// Whether the state folder may be read and not written.
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
            ),
            Self::Database { source, .. } => {
                source.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly)
            }
            _ => false,
        }
    }
}

/// For `map_err`: says what was tried on which path.
pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

fn no_room(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}

fn io_remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::FileTooLarge => {
            "; raise the limit on the size of a file (`ulimit -f`, LimitFSIZE=)"
        }
        kind if no_room(kind) => "; free some space or move the state folder to a larger disk",
        io::ErrorKind::ReadOnlyFilesystem => {
            "; mount the filesystem writable (`dmesg` may say why it is not)"
        }
        io::ErrorKind::PermissionDenied => "; give the folder to the user that runs this process",
        io::ErrorKind::NotADirectory => "; a part of the path is a file: move it away",
        _ if source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => {
            "; the disk fails: see `dmesg`, and move the state folder"
        }
        _ => "",
    }
}

/// Whether SQLite finds that its file is not what was written. Every statement here is fixed: one
/// that it does not understand meets a damaged schema.
pub(super) fn is_database_damage(source: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    // This program's own text is refused only where the schema is not the one that it made.
    matches!(source, rusqlite::Error::SqlInputError { .. })
        || matches!(
            source.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown)
        )
}

fn database_remedy(source: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; restore it from a backup while the daemon is down: a start sets it aside under \
             `corrupt/`, and the search goes on with a new history"
        }
        Some(ErrorCode::DiskFull) => "; free some space or move the state folder to a larger disk",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; it and its folder must be writable by the user that runs this process"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another program holds it: close that one"
        }
        Some(ErrorCode::SystemIoFailure) => {
            "; the disk fails: see `dmesg`, and move the state folder; or the size of a file is \
             limited (`ulimit -f`, LimitFSIZE=)"
        }
        _ => "",
    }
}

fn holder_name(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

fn defects_text(defects: &[(u64, Defect)]) -> String {
    let texts = defects.iter().map(|(step, why)| format!("{step:012}: {why}"));
    texts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn a_full_device_is_recognized_and_the_text_says_the_remedy() {
        let mut full = File::options().write(true).open("/dev/full").unwrap();
        let found = full.write_all(b"x").map_err(io_error("write", Path::new("/state/x")));
        let err = found.unwrap_err();
        assert!(err.is_disk_full() && !err.is_read_only());
        assert_eq!(
            err.to_string(),
            "cannot write /state/x: No space left on device (os error 28); free some space or \
             move the state folder to a larger disk"
        );
    }

    #[test]
    fn a_read_only_filesystem_is_recognized() {
        let source = io::Error::from_raw_os_error(30);
        let err = io_error("create", Path::new("/state/x"))(source);
        assert!(err.is_read_only() && !err.is_disk_full());
        assert_eq!(
            err.to_string(),
            "cannot create /state/x: Read-only file system (os error 30); mount the filesystem \
             writable (`dmesg` may say why it is not)"
        );
    }

    #[test]
    fn causes_are_told_once() {
        use std::error::Error;
        assert!(io_error("read", Path::new("x"))(io::Error::other("no")).source().is_none());
    }
}
