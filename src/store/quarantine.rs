//! `corrupt/`: where damaged checkpoints and histories go, for people to look at.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::store::atomic::{is_there, sync_folder, write_atomically};
use crate::store::error::io_error;
use crate::store::folder::create_folder;
use crate::store::generation::folder_name;
use crate::store::{Defect, StoreError};

/// The file that says why.
pub(super) const WHY: &str = "WHY.txt";

/// A checkpoint that was moved out of the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its step.
    pub step: u64,
    /// Where it is.
    pub moved_to: PathBuf,
    /// What is wrong with it.
    pub why: Defect,
}

/// Moves the checkpoint of `step` from `checkpoints` to `corrupt`, with a line that says why. A
/// crash in between loses that line and no more.
pub(super) fn quarantine(
    checkpoints: &Path,
    corrupt: &Path,
    step: u64,
    why: Defect,
) -> Result<Rejected, StoreError> {
    let from = checkpoints.join(folder_name(step));
    let moved_to = free_name(corrupt, &folder_name(step))?;
    fs::rename(&from, &moved_to).map_err(io_error("move to `corrupt`", &from))?;
    sync_folder(corrupt)?;
    sync_folder(checkpoints)?;
    if moved_to.is_dir() {
        write_atomically(&moved_to.join(WHY), format!("{why}\n").as_bytes())?;
    }
    Ok(Rejected { step, moved_to, why })
}

/// Moves the history at `path` to a folder in `corrupt`, with a line that says why, and returns
/// that folder. Its logs go first, so that they are never taken for those of another one; a crash
/// in between leaves the database in its place, where the next start finds it.
pub(super) fn quarantine_history(
    path: &Path,
    corrupt: &Path,
    why: &str,
) -> Result<PathBuf, StoreError> {
    let moved_to = free_name(corrupt, "history")?;
    create_folder(&moved_to)?;
    write_atomically(&moved_to.join(WHY), format!("{why}\n").as_bytes())?;
    let state = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    for endings in [&["-wal", "-shm", "-journal"][..], &[""]] {
        for ending in endings {
            let name: OsString = [name, ending.as_ref()].into_iter().collect();
            let from = state.join(&name);
            if is_there(&from)? {
                fs::rename(&from, moved_to.join(&name))
                    .map_err(io_error("move to `corrupt`", &from))?;
            }
        }
        sync_folder(&moved_to)?;
        sync_folder(state)?;
    }
    Ok(moved_to)
}

/// `NAME`, or the first of `NAME-1`, `NAME-2`, … that is free.
pub(super) fn free_name(folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let mut path = folder.join(name);
    let mut n = 0_u32;
    while is_there(&path)? {
        n += 1;
        path = folder.join(format!("{name}-{n}"));
    }
    Ok(path)
}
