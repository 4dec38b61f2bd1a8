//! Who holds the lock of a state folder.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::store::StoreError;
use crate::store::error::io_error;

/// What a process that uses the folder locks beside the folder itself, with its id inside for
/// people. The locks are the kernel's: they end with the process, however that ends, so the file
/// may stay.
pub(super) const LOCK: &str = "LOCK";

/// The process that holds the lock of the state folder at `folder`. The kernel's list is read,
/// since to try the lock could keep out a daemon that starts at that moment.
pub(super) fn lock_holder(folder: &Path) -> Result<Option<u32>, StoreError> {
    let lock = folder.join(LOCK);
    let inode = |path: &Path| match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("inspect", path)(source)),
    };
    let Some(own) = inode(folder)? else { return Ok(None) };
    let list = Path::new("/proc/locks");
    let text = fs::read_to_string(list).map_err(io_error("read", list))?;
    let written = fs::read_to_string(&lock).ok().and_then(|text| text.trim().parse().ok());
    let by_lock = inode(&lock)?.and_then(|(_, inode)| holder(&text, inode, written));
    // `LOCK` may have been deleted.
    Ok(by_lock.or_else(|| folder_holder(&text, own)))
}

/// The process that holds the lock of the file `inode`, by the text of `/proc/locks`:
///
/// ```text
/// 1: FLOCK  ADVISORY  WRITE 12616 fe:00:10010776 0 EOF
/// ```
///
/// Two filesystems may have the same inode number, and on some the device is not the one that
/// files show: of several holders the one that the file names is meant.
fn holder(locks: &str, inode: u64, written: Option<u32>) -> Option<u32> {
    let of_inode = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let (kind, pid, file) = (words.next()?, words.nth(2)?, words.next()?);
        let is_ours = kind == "FLOCK" && file.rsplit(':').next()?.parse() == Ok(inode);
        pid.parse::<u32>().ok().filter(|_| is_ours)
    };
    let pids: Vec<u32> = locks.lines().filter_map(of_inode).collect();
    written.filter(|pid| pids.contains(pid)).or_else(|| pids.first().copied())
}

/// The process that holds the lock of the folder with this device and inode. Without a process
/// that a file names, both must be the same.
fn folder_holder(locks: &str, (dev, inode): (u64, u64)) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(dev), rustix::fs::minor(dev));
    let line = locks.lines().find(|line| line.split_whitespace().nth(5) == Some(file.as_str()));
    line?.split_whitespace().nth(4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StateFolder;

    #[test]
    fn the_holder_is_this_process_until_it_lets_go() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        assert_eq!(lock_holder(&path).unwrap(), None);
        let folder = StateFolder::open(&path).unwrap();
        assert_eq!(lock_holder(&path).unwrap(), Some(std::process::id()));
        let found = fs::metadata(&path).unwrap();
        let (dev, inode) = (found.dev(), found.ino());
        let (major, minor) = (rustix::fs::major(dev), rustix::fs::minor(dev));
        let line = format!("7: FLOCK  ADVISORY  WRITE 12 {major:02x}:{minor:02x}:{inode} 0 EOF");
        assert_eq!(folder_holder(&line, (dev, inode)), Some(12));
        assert_eq!(folder_holder(&line, (dev, inode + 1)), None);
        drop(folder);
        assert_eq!(lock_holder(&path).unwrap(), None);
    }

    #[test]
    fn the_kernels_list_is_read() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 fe:00:500 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 8 fe:00:501 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 10 fe:00:500 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 9 fe:01:500 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 11 fe:00:500 0 EOF\n";
        assert_eq!(holder(locks, 500, None), Some(9));
        assert_eq!(holder(locks, 500, Some(11)), Some(11));
        assert_eq!(holder(locks, 500, Some(7)), Some(9));
        assert_eq!(holder(locks, 502, Some(7)), None);
        assert_eq!(holder("", 500, Some(7)), None);
    }
}
