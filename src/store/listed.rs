//! The files of one architecture, held against the list of their hashes.

use std::path::{Path, PathBuf};

use crate::store::atomic::is_there;
use crate::store::manifest::hash;
use crate::store::name::check_file_name;
use crate::store::read::{Length, read_file};
use crate::store::{Defect, StoreError};

/// The list of hashes.
pub(super) const SUMS: &str = "B3SUMS";

/// The longest list that is read: of eight hundred files.
pub(super) const MAX_SUMS_BYTES: u64 = 1 << 17;

/// The largest file of an architecture; the weights of the paper's largest child have 30 MB.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 30;

/// A folder with a list, as it was when the list was read: a file that another one has replaced
/// since then does not pass.
#[derive(Debug)]
pub(super) struct Listed {
    path: PathBuf,
    sums: String,
}

impl Listed {
    /// Reads the list of the folder at `path`. A folder that is not there is
    /// [`StoreError::NotFound`].
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        if !is_there(&path)? {
            return Err(StoreError::NotFound { path });
        }
        let sums = read_file(&path, SUMS, Length::AtMost(MAX_SUMS_BYTES))?;
        Ok(Self { path, sums: String::from_utf8_lossy(&sums).into_owned() })
    }

    /// A file, checked. What was never put there is [`StoreError::NotFound`].
    pub(super) fn read(&self, file: &str) -> Result<Vec<u8>, StoreError> {
        check_file_name(file, SUMS)?;
        let path = &self.path;
        let mut lines = self.sums.lines().filter_map(|line| line.split_once("  "));
        let Some((expected, _)) = lines.find(|(_, name)| *name == file) else {
            let why = Defect::Extra { name: file.to_owned() };
            return Err(if is_there(&path.join(file))? {
                StoreError::Corrupt { path: path.clone(), why }
            } else {
                StoreError::NotFound { path: path.join(file) }
            });
        };
        let bytes = read_file(path, file, Length::AtMost(MAX_FILE_BYTES))?;
        if hash(&bytes) != expected {
            let why = Defect::Hash { name: file.to_owned() };
            return Err(StoreError::Corrupt { path: path.clone(), why });
        }
        Ok(bytes)
    }
}
