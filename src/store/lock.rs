//! The locks of the state folder: one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::store::error::io_error;
use crate::store::lock_holder::{LOCK, lock_holder};
use crate::store::{FolderFault, StoreError};

/// Whether `path` is a name of the open `file`.
pub(super) fn is_named(file: &File, path: &Path) -> Result<bool, StoreError> {
    let open = file.metadata().map_err(io_error("inspect", path))?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (open.dev(), open.ino())),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(io_error("inspect", path)(source)),
    }
}

/// Makes the folder where it is missing, and keeps others out of it for as long as what is returned
/// lives.
pub fn hold_folder(path: &Path) -> Result<File, StoreError> {
    fs::create_dir_all(path).map_err(io_error("make", path))?;
    lock_folder(path)
}

pub(super) fn lock_folder(path: &Path) -> Result<File, StoreError> {
    let folder = File::options()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed())
        .open(path)
        .map_err(io_error("open", path))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => {
            let holder = lock_holder(path).ok().flatten();
            let holder = holder.or_else(|| holder_in(&mut File::open(path.join(LOCK)).ok()?));
            Err(StoreError::Locked { path: path.to_owned(), holder })
        }
        Err(TryLockError::Error(source)) => match Errno::from_io_error(&source) {
            // Some filesystems lock no folders: there `LOCK` alone keeps others out.
            Some(Errno::BADF | Errno::INVAL | Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP) => {
                Ok(folder)
            }
            _ => Err(io_error("lock", path)(source)),
        },
    }
}

pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let untrusted = || StoreError::Folder { path: folder.to_owned(), fault: FolderFault::Lock };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(&path)
        .map_err(|source| match fs::symlink_metadata(&path) {
            Ok(metadata) if !metadata.is_file() => untrusted(),
            _ => io_error("open", &path)(source),
        })?;
    // A second name of another file would have that file overwritten.
    let metadata = file.metadata().map_err(io_error("inspect", &path))?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(untrusted());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Locked {
                path: folder.to_owned(),
                holder: holder_in(&mut file),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(io_error("write", &path))?;
    Ok(file)
}

/// The process id in a lock file, if it was written already.
fn holder_in(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    // The longest process id and a line end fit 16 bytes.
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
