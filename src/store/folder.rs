//! The state folder: one owner, one process at a time.

use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::store::atomic::{FOLDER_MODE, is_there, sync_folder};
use crate::store::error::io_error;
use crate::store::lock::{is_named, lock, lock_folder};
use crate::store::lock_holder::LOCK;
use crate::store::{FolderFault, StoreError};

/// The parts of the folder.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// The file of the history, here and wherever else there is one.
pub const HISTORY: &str = "history.sqlite";
pub(super) const CORRUPT: &str = "corrupt";
pub(super) const BEST: &str = "best";
pub(super) const CHAMPIONS: &str = "champions";
pub(super) const TRIALS: &str = "trials";
pub(super) const LEDGER: &str = "test-split.json";
pub(super) const COSTS: &str = "costs.json";
const CACHE: &str = "cache";

/// The state folder, held for as long as this value lives.
#[derive(Debug)]
pub struct StateFolder {
    path: PathBuf,
    /// The folder itself, locked where its filesystem can: names may come to stand for others.
    folder: File,
    /// Invariant: locked.
    lock: File,
}

impl StateFolder {
    /// Makes the folder where it is missing, with its parents and parts, and takes its lock. A
    /// folder that is held already is [`StoreError::Locked`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Without the final `/`, through which a link would be followed.
        let path: &Path = &path.components().collect::<PathBuf>();
        create_folder(path)?;
        check_trusted(path)?;
        let mut held =
            Self { path: path.to_owned(), folder: lock_folder(path)?, lock: lock(path)? };
        held.restore()?;
        Ok(held)
    }

    /// Makes again what is missing of the folder's parts and of `LOCK`, and says what that was. A
    /// folder that another one has replaced is an error: nobody holds that one.
    pub fn restore(&mut self) -> Result<Vec<&'static str>, StoreError> {
        if !is_named(&self.folder, &self.path)? {
            let (path, fault) = (self.path.clone(), FolderFault::Replaced);
            return Err(StoreError::Folder { path, fault });
        }
        let mut restored = Vec::new();
        if !is_named(&self.lock, &self.path.join(LOCK))? {
            self.lock = lock(&self.path)?;
            restored.push(LOCK);
        }
        for part in [CHECKPOINTS, BEST, CHAMPIONS, TRIALS, CORRUPT, CACHE] {
            let path = self.path.join(part);
            if !is_there(&path)? {
                create_folder(&path)?;
                restored.push(part);
            }
        }
        Ok(restored)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the checkpoints are.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// The database of the history.
    pub fn history(&self) -> PathBuf {
        self.path.join(HISTORY)
    }

    /// Where the best architectures of the shared search are.
    pub fn best(&self) -> PathBuf {
        self.path.join(BEST)
    }

    /// Where the retrained and certified architectures are.
    pub fn champions(&self) -> PathBuf {
        self.path.join(CHAMPIONS)
    }

    /// Where the nets are that are trained from scratch.
    pub fn trials(&self) -> PathBuf {
        self.path.join(TRIALS)
    }

    /// Who was ever measured on the test split.
    pub fn test_ledger(&self) -> PathBuf {
        self.path.join(LEDGER)
    }

    /// Where damaged checkpoints go.
    pub fn corrupt(&self) -> PathBuf {
        self.path.join(CORRUPT)
    }

    /// Where what can be made again lies: it may be deleted while no daemon runs.
    pub fn cache(&self) -> PathBuf {
        self.path.join(CACHE)
    }

    /// Free space of the folder's filesystem, as far as this user may use it.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        free_bytes(&self.path)
    }

    /// Bytes of the files in the folder and in all below it. A file that goes while they are
    /// counted is not.
    pub fn size(&self) -> Result<u64, StoreError> {
        let mut folders = vec![self.path.clone()];
        let mut bytes = 0;
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(io_error("list", &folder))?,
            };
            for entry in entries {
                let entry = entry.map_err(io_error("list", &folder))?;
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else {
                    bytes += metadata.len();
                }
            }
        }
        Ok(bytes)
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        // Closing would not do while a child process that is just being started has the file too.
        // If it fails, the end of the process does it.
        let _ = self.lock.unlock();
        let _ = self.folder.unlock();
    }
}

/// Free space of the filesystem that holds `path`, as far as this user may use it.
pub(super) fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    let stat = rustix::fs::statvfs(path)
        .map_err(|errno| io_error("ask for the free space of", path)(errno.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Makes a folder and its parents, on disk; one that is there stays as it is.
pub(super) fn create_folder(path: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = path.ancestors().take_while(|part| is_missing(part)).collect();
    make_folder(path)?;
    for parent in missing.into_iter().filter_map(Path::parent) {
        sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
    }
    Ok(())
}

fn is_missing(path: &Path) -> bool {
    !path.as_os_str().is_empty() && matches!(path.try_exists(), Ok(false))
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .or_else(|source| match (source.kind(), fs::symlink_metadata(path)) {
            // What stands there is for the check of the folder to judge.
            (io::ErrorKind::AlreadyExists, Ok(_)) => Ok(()),
            _ => Err(source),
        })
        .map_err(io_error("create the folder", path))
}

fn check_trusted(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::symlink_metadata(path).map_err(io_error("inspect", path))?;
    match fault(&metadata, rustix::process::geteuid().as_raw()) {
        Some(fault) => Err(StoreError::Folder { path: path.to_owned(), fault }),
        None => Ok(()),
    }
}

/// Why a folder cannot hold the state of a process that runs as `own`.
pub(super) fn fault(metadata: &Metadata, own: u32) -> Option<FolderFault> {
    if metadata.is_symlink() {
        Some(FolderFault::Link)
    } else if !metadata.is_dir() {
        Some(FolderFault::NotAFolder)
    } else if metadata.uid() != own {
        Some(FolderFault::Owner { found: metadata.uid(), expected: own })
    } else if metadata.mode() & 0o002 != 0 {
        Some(FolderFault::WorldWritable { mode: metadata.mode() & 0o7777 })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use std::process::Command;

    #[test]
    fn a_folder_is_made_with_its_parents_and_parts() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/state");
        let folder = StateFolder::open(&path).unwrap();
        let parts = ["checkpoints", "best", "champions", "trials", "corrupt", "cache"];
        for part in ["..", "."].into_iter().chain(parts) {
            let mode = fs::metadata(path.join(part)).unwrap().permissions().mode();
            // The test's umask may take from the group's bits.
            assert_eq!(mode & 0o727, 0o700, "{part}: {mode:o}");
        }
        assert!(0 < folder.free_bytes().unwrap());
    }

    #[test]
    fn its_size_is_that_of_all_files_below_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::open(root.path()).unwrap();
        let before = folder.size().unwrap();
        fs::create_dir(folder.checkpoints().join("1")).unwrap();
        fs::write(folder.checkpoints().join("1/weights"), [0; 1000]).unwrap();
        fs::write(folder.history(), [0; 50]).unwrap();
        symlink("/proc/self/exe", folder.best().join("link")).unwrap();
        let link = "/proc/self/exe".len() as u64;
        assert_eq!(folder.size().unwrap(), before + 1050 + link);
    }

    #[test]
    fn a_second_open_says_who_holds_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let first = StateFolder::open(root.path()).unwrap();
        let err = StateFolder::open(root.path()).unwrap_err();
        let StoreError::Locked { holder, .. } = &err else { panic!("{err}") };
        assert_eq!(*holder, Some(std::process::id()));
        assert!(err.to_string().contains(&format!("process {}", std::process::id())), "{err}");
        drop(first);
        StateFolder::open(root.path()).unwrap();
    }

    #[test]
    fn another_process_meets_the_same_lock() {
        let root = tempfile::tempdir().unwrap();
        let try_lock = || {
            let lock = root.path().join(LOCK);
            Command::new("flock").arg("-n").arg(lock).arg("true").status().unwrap().success()
        };
        let folder = StateFolder::open(root.path()).unwrap();
        assert!(!try_lock());
        drop(folder);
        assert!(try_lock());
    }

    #[test]
    fn without_its_lock_file_the_folder_is_held_all_the_same() {
        let root = tempfile::tempdir().unwrap();
        let mut folder = StateFolder::open(root.path()).unwrap();
        fs::remove_file(root.path().join(LOCK)).unwrap();
        let err = StateFolder::open(root.path()).unwrap_err();
        assert!(matches!(err, StoreError::Locked { .. }), "{err}");
        assert!(!root.path().join(LOCK).try_exists().unwrap());
        assert_eq!(folder.restore().unwrap(), [LOCK]);
        let pid = fs::read_to_string(root.path().join(LOCK)).unwrap();
        assert_eq!(pid.trim(), std::process::id().to_string());
        drop(folder);
        StateFolder::open(root.path()).unwrap();
    }

    #[test]
    fn parts_are_made_again_and_another_folder_is_not_taken_for_this_one() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state");
        let mut folder = StateFolder::open(&path).unwrap();
        assert_eq!(folder.restore().unwrap(), Vec::<&str>::new());
        for part in [folder.best(), folder.checkpoints(), folder.corrupt(), folder.trials()] {
            fs::remove_dir_all(part).unwrap();
        }
        assert_eq!(folder.restore().unwrap(), ["checkpoints", "best", "trials", "corrupt"]);
        assert!(folder.best().is_dir() && folder.checkpoints().is_dir());
        fs::rename(&path, root.path().join("away")).unwrap();
        fs::create_dir(&path).unwrap();
        let err = folder.restore().unwrap_err();
        assert!(err.to_string().contains("moved away or replaced"), "{err}");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }

    #[track_caller]
    fn check_refused(path: &Path, expected: FolderFault) {
        match StateFolder::open(path).unwrap_err() {
            StoreError::Folder { fault, .. } => assert_eq!(fault, expected),
            err => panic!("{err}"),
        }
    }

    #[test]
    fn untrusted_folders_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let (real, link) = (root.path().join("real"), root.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        check_refused(&link, FolderFault::Link);
        check_refused(&link.join(""), FolderFault::Link);
        check_refused(&link.join("."), FolderFault::Link);
        assert_eq!(fs::read_dir(&real).unwrap().count(), 0);

        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        check_refused(&file, FolderFault::NotAFolder);

        fs::set_permissions(&real, fs::Permissions::from_mode(0o1777)).unwrap();
        check_refused(&real, FolderFault::WorldWritable { mode: 0o1777 });
    }

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let expected = rustix::process::geteuid().as_raw();
        if expected == 0 {
            let root = tempfile::tempdir().unwrap();
            chown(root.path(), Some(12345), None).unwrap();
            check_refused(root.path(), FolderFault::Owner { found: 12345, expected });
        } else {
            check_refused(Path::new("/"), FolderFault::Owner { found: 0, expected });
        }
    }

    #[test]
    fn a_lock_that_is_another_file_is_refused_and_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let (other, lock) = (root.path().join("other"), root.path().join(LOCK));
        fs::write(&other, "precious").unwrap();
        symlink(&other, &lock).unwrap();
        check_refused(root.path(), FolderFault::Lock);
        fs::remove_file(&lock).unwrap();
        fs::hard_link(&other, &lock).unwrap();
        check_refused(root.path(), FolderFault::Lock);
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious");
    }

    #[test]
    fn a_path_through_a_file_is_an_error_with_a_remedy() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let err = StateFolder::open(&file.join("state")).unwrap_err();
        assert!(err.to_string().ends_with("a part of the path is a file: move it away"), "{err}");
    }
}
