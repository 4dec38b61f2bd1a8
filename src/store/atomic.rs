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
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// The files in `folder` with their texts.
    fn contents(folder: &Path) -> BTreeMap<String, String> {
        let read = |name: String| {
            let text = fs::read_to_string(folder.join(&name)).unwrap();
            (name, text)
        };
        names(folder).unwrap().into_iter().map(read).collect()
    }

    fn put(parent: &Path, name: &str, text: &str) -> Result<(), StoreError> {
        write_folder_atomically(parent, name, &[("a", text.as_bytes()), ("b", b"")])
    }

    fn make(parent: &Path, name: &str, text: &str) {
        fs::create_dir(parent.join(name)).unwrap();
        fs::write(parent.join(name).join("a"), text).unwrap();
    }

    #[test]
    fn what_is_no_plain_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [socket, folder.path().join("folder")] {
            if !path.exists() {
                fs::create_dir(&path).unwrap();
            }
            let error = write_atomically(&path, b"x").unwrap_err().to_string();
            assert!(error.contains("it is no plain file; give another name"), "{error}");
            assert!(!path.is_file());
        }
    }

    #[test]
    fn a_file_is_replaced_whole_over_any_leftover() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write_atomically(&path, b"old").unwrap();
        fs::write(folder.path().join(".tmp-x"), "half of").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(contents(folder.path()), BTreeMap::from([("x".into(), "new".into())]));
    }

    #[test]
    fn a_leftover_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(".tmp-x")).unwrap();
        write_atomically(&folder.path().join("x"), b"new").unwrap();
        assert_eq!(fs::read_to_string(other).unwrap(), "precious");
    }

    #[test]
    fn a_failed_write_leaves_the_old_and_no_leftover() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), "x", "old");
        // A folder cannot be replaced by a file.
        assert!(write_atomically(&folder.path().join("x"), b"new").is_err());
        assert_eq!(names(folder.path()).unwrap(), ["x"]);
        // The second file of that name cannot be created.
        let files: [(&str, &[u8]); 2] = [("a", b"1"), ("a", b"2")];
        assert!(write_folder_atomically(folder.path(), "x", &files).is_err());
        assert_eq!(names(folder.path()).unwrap(), ["x"]);
        assert_eq!(fs::read_to_string(folder.path().join("x/a")).unwrap(), "old");
        assert!(write_atomically(&folder.path().join("x/a/b"), b"new").is_err());
    }

    #[test]
    fn a_folder_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "x", "old").unwrap();
        fs::write(folder.path().join("x/c"), "goes too").unwrap();
        make(folder.path(), ".tmp-x", "half of");
        put(folder.path(), "x", "new").unwrap();
        assert_eq!(names(folder.path()).unwrap(), ["x"]);
        let expected = BTreeMap::from([("a".into(), "new".into()), ("b".into(), String::new())]);
        assert_eq!(contents(&folder.path().join("x")), expected);
    }

    #[test]
    fn two_renames_do_where_exchange_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (temp, target) = (folder.path().join(".tmp-x"), folder.path().join("x"));
        make(folder.path(), "x", "old");
        make(folder.path(), ".tmp-x", "new");
        place_by_two_renames(&temp, &target).unwrap();
        assert_eq!(names(folder.path()).unwrap(), [".old-x", "x"]);
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");

        // `.tmp-x` is missing: the old comes back.
        assert!(place_by_two_renames(&temp, &target).is_err());
        assert_eq!(names(folder.path()).unwrap(), ["x"]);
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");
    }

    /// Makes the folders that a crash left, cleans, and looks at what `x` holds.
    #[track_caller]
    fn check_crash(left: &[(&str, &str)], expected: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in left {
            make(folder.path(), name, text);
        }
        clean_leftovers(folder.path()).unwrap();
        let found = fs::read_to_string(folder.path().join("x/a")).ok();
        assert_eq!(found.as_deref(), expected);
        assert_eq!(names(folder.path()).unwrap().len(), usize::from(expected.is_some()));
    }

    #[test]
    fn every_crash_leaves_the_old_or_the_new() {
        check_crash(&[(".tmp-x", "ne")], None);
        check_crash(&[("x", "old"), (".tmp-x", "ne")], Some("old"));
        check_crash(&[("x", "new"), (".tmp-x", "old")], Some("new"));
        check_crash(&[(".old-x", "old"), (".tmp-x", "new")], Some("old"));
        check_crash(&[(".old-x", "old"), ("x", "new")], Some("new"));
        check_crash(&[("x", "new")], Some("new"));
    }

    #[test]
    fn a_folder_is_removed_whole() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "x", "old").unwrap();
        remove_folder_atomically(folder.path(), "x").unwrap();
        remove_folder_atomically(folder.path(), "x").unwrap();
        assert!(names(folder.path()).unwrap().is_empty());
    }

    /// A filesystem of its own, until it is dropped.
    struct Mount(tempfile::TempDir);

    impl Mount {
        /// None where mounting is not allowed.
        fn new(options: &str) -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let mount = std::process::Command::new("mount")
                .args(["-t", "tmpfs", "-o", options, "tmpfs"])
                .arg(folder.path())
                .output()
                .ok()?;
            mount.status.success().then_some(Self(folder))
        }
    }

    impl Drop for Mount {
        fn drop(&mut self) {
            let umount = std::process::Command::new("umount").arg(self.0.path()).status();
            assert!(umount.unwrap().success());
        }
    }

    #[test]
    fn a_full_disk_leaves_the_old_and_is_recognized() {
        let Some(mount) = Mount::new("size=64k,mode=0700") else {
            println!("not run: a filesystem cannot be mounted here");
            return;
        };
        let folder = mount.0.path();
        put(folder, "x", "old").unwrap();
        write_atomically(&folder.join("y"), b"old").unwrap();
        let large = "n".repeat(100_000);
        for err in [
            put(folder, "x", &large).unwrap_err(),
            write_atomically(&folder.join("y"), large.as_bytes()).unwrap_err(),
        ] {
            assert!(err.is_disk_full(), "{err}");
        }
        assert_eq!(names(folder).unwrap(), ["x", "y"]);
        assert_eq!(fs::read_to_string(folder.join("x/a")).unwrap(), "old");
        assert_eq!(fs::read_to_string(folder.join("y")).unwrap(), "old");
        // What the failed writes took is free again.
        put(folder, "x", "new").unwrap();
    }

    #[test]
    fn a_read_only_disk_is_recognized() {
        let Some(mount) = Mount::new("ro") else {
            println!("not run: a filesystem cannot be mounted here");
            return;
        };
        let err = put(mount.0.path(), "x", "new").unwrap_err();
        assert!(err.is_read_only(), "{err}");
        assert!(write_atomically(&mount.0.path().join("y"), b"new").unwrap_err().is_read_only());
    }
}
