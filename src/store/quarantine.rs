//! `corrupt/`: where damaged checkpoints go, for people to look at.

use std::fs;
use std::path::{Path, PathBuf};

use crate::store::atomic::{is_there, sync_folder, write_atomically};
use crate::store::error::io_error;
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
