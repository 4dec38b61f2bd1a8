//! Replacing a file or a folder whole.
//!
//! ```text
//! write .tmp-NAME ─ sync each file ─ sync .tmp-NAME ─ rename to NAME ─ sync the parent ─ done
//! ```
//!
//! A crash before the rename leaves the old and a `.tmp-NAME`; a crash after it, the new.
//! A folder that replaces a folder is exchanged with it (`renameat2`), which leaves the old as
//! `.tmp-NAME`. Where the filesystem cannot exchange, the old is renamed to `.old-NAME` first:
//! a crash right after that leaves no `NAME`, and [`clean_leftovers`] gives the old its name
//! back. [`clean_leftovers`] runs before anything is read, so a reader sees the old or the new,
//! never a part and never nothing.
//!
//! A name is only freed once the folder that lost it is on disk, so that a power cut cannot
//! bring back a name whose files are gone. A failed sync is never tried again on the same file,
//! since the kernel may have dropped the unwritten pages: the caller writes all of it again.
//!
//! One writer is assumed; the state folder's lock sees to that.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use crate::store::StoreError;
use crate::store::error::io_error;

/// The owner does everything, the group looks, others see nothing.
pub(super) const FOLDER_MODE: u32 = 0o750;

/// What is being written, or was replaced; may be deleted.
const TEMP_PREFIX: &str = ".tmp-";

/// What is about to be replaced; is whole.
const OLD_PREFIX: &str = ".old-";

/// The owner reads and writes, the group reads.
const FILE_MODE: u32 = 0o640;

/// Replaces the file at `path` with `bytes`, or leaves it as it was: a reader, and a restart
/// after a power cut, sees the old file or the new one and never a part.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (parent, name) = split(path)?;
    check_replaceable(path)?;
    let temp = parent.join(format!("{TEMP_PREFIX}{name}"));
    remove_leftover(parent, &temp)?;
    let written = write_file(&temp, bytes)
        .and_then(|()| fs::rename(&temp, path).map_err(io_error("replace", path)));
    if let Err(err) = written {
        discard(&temp);
        return Err(err);
    }
    sync_folder(parent)
}

/// Refuses to put a file in the place of what is none: a device would be gone.
fn check_replaceable(path: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() || found.is_symlink() => Ok(()),
        Ok(_) => Err(io_error("replace", path)(io::Error::other(
            "it is no plain file; give another name",
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("look at", path)(error)),
    }
}

/// Replaces the folder `parent`/`name` with one that holds `files` and nothing else, written in
/// the order given, or leaves it as it was.
pub fn write_folder_atomically(
    parent: &Path,
    name: &str,
    files: &[(&str, &[u8])],
) -> Result<(), StoreError> {
    let temp = parent.join(format!("{TEMP_PREFIX}{name}"));
    remove_leftover(parent, &temp)?;
    let target = parent.join(name);
    let placed = write_folder(&temp, files).and_then(|()| place(&temp, &target));
    if let Err(err) = placed {
        discard(&temp);
        return Err(err);
    }
    sync_folder(parent)?;
    // Only what was replaced can be there. A crash in here leaves a part of it, under a name
    // that nobody reads.
    remove_leftover(parent, &temp)?;
    remove_leftover(parent, &parent.join(format!("{OLD_PREFIX}{name}")))
}

/// Removes the folder `parent`/`name` whole; one that is not there is no error.
pub(super) fn remove_folder_atomically(parent: &Path, name: &str) -> Result<(), StoreError> {
    let temp = parent.join(format!("{TEMP_PREFIX}{name}"));
    remove_leftover(parent, &temp)?;
    let target = parent.join(name);
    match fs::rename(&target, &temp) {
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(io_error("remove", &target)(source)),
        Ok(()) => remove_leftover(parent, &temp),
    }
}

/// Ends what a crash interrupted in `parent`: gives a name back to what was to be replaced and
/// was not, and deletes the other leftovers. Every reader of a folder calls it once, first.
pub(super) fn clean_leftovers(parent: &Path) -> Result<(), StoreError> {
    for name in names(parent)? {
        let path = parent.join(&name);
        if let Some(original) = name.strip_prefix(OLD_PREFIX) {
            let target = parent.join(original);
            if is_there(&target)? {
                remove_leftover(parent, &path)?;
            } else {
                fs::rename(&path, &target).map_err(io_error("restore", &target))?;
                sync_folder(parent)?;
            }
        } else if name.starts_with(TEMP_PREFIX) {
            remove_leftover(parent, &path)?;
        }
    }
    Ok(())
}

/// The names in `folder`, sorted. A name that is not UTF-8 is shown with its broken parts
/// replaced; none of the store's own names is.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = fs::read_dir(folder).map_err(io_error("list", folder))?;
    let mut names = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()
        .map_err(io_error("list", folder))?;
    names.sort_unstable();
    Ok(names)
}

/// Puts the names in `folder` on disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("sync the folder", folder))
}

/// Whether `path` names anything, be it a dangling link.
pub(super) fn is_there(path: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(io_error("inspect", path)(source)),
    }
}

fn split(path: &Path) -> Result<(&Path, String), StoreError> {
    let Some(name) = path.file_name() else {
        return Err(io_error("replace", path)(io::ErrorKind::InvalidFilename.into()));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")), name.to_string_lossy().into_owned()))
}

fn write_folder(path: &Path, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
    DirBuilder::new()
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(io_error("create the folder", path))?;
    for (name, bytes) in files {
        write_file(&path.join(name), bytes)?;
    }
    sync_folder(path)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    // `create_new` follows no link that someone left under this name.
    let mut file = File::options()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(io_error("create", path))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("sync", path))
}

/// Gives the folder `temp` the name `target`.
fn place(temp: &Path, target: &Path) -> Result<(), StoreError> {
    if !is_there(target)? {
        return fs::rename(temp, target).map_err(io_error("place", target));
    }
    match rustix::fs::renameat_with(CWD, temp, CWD, target, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => place_by_two_renames(temp, target),
        found => found.map_err(|errno| io_error("replace", target)(errno.into())),
    }
}

/// Leaves the old as `.old-NAME`, and for an instant nothing as `NAME`.
fn place_by_two_renames(temp: &Path, target: &Path) -> Result<(), StoreError> {
    let (parent, name) = split(target)?;
    let old = parent.join(format!("{OLD_PREFIX}{name}"));
    remove_leftover(parent, &old)?;
    fs::rename(target, &old).map_err(io_error("set aside", target))?;
    sync_folder(parent)?;
    fs::rename(temp, target).map_err(io_error("place", target)).inspect_err(|_| {
        // If this fails too, `clean_leftovers` does it at the next start.
        let _ = fs::rename(&old, target);
    })
}

/// Deletes a file or a folder that has lost its name, once that loss is on disk.
fn remove_leftover(parent: &Path, path: &Path) -> Result<(), StoreError> {
    if !is_there(path)? {
        return Ok(());
    }
    sync_folder(parent)?;
    remove(path).map_err(io_error("remove", path))
}

/// Deletes what a failed write left. The failure is reported already, and the next start
/// deletes what is left here.
fn discard(path: &Path) {
    let _ = remove(path);
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

#[cfg(test)]
mod tests;
