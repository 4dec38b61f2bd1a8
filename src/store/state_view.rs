//! The state folder looked at and not touched: no lock is taken, nothing is made, moved or
//! cleaned up. For whoever wants to know how it is while a daemon, perhaps, works in it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;

use crate::data::TestLedger;
use crate::search::{BestArch, Finals};
use crate::store::atomic::names;
use crate::store::checkpoint::needed_bytes;
use crate::store::error::io_error;
use crate::store::folder::{BEST, CHAMPIONS, CHECKPOINTS, CORRUPT, HISTORY, LEDGER, TRIALS, fault};
use crate::store::generation::{self, Found, folder_name, steps};
use crate::store::lock_holder::lock_holder;
use crate::store::manifest::{Link, MANIFEST, MAX_MANIFEST_BYTES, Manifest};
use crate::store::quarantine::WHY;
use crate::store::read::{Length, read_file};
use crate::store::state_files::{CONFIG, DATA, FINALS, SEARCH, best_archs, known_finals};
use crate::store::{
    BestFolder, Defect, FolderFault, LedgerFile, LoadedCheckpoint, StoreError, TrialFolder,
};

/// How often a reading is tried while a daemon replaces what is read.
const ATTEMPTS: usize = 4;

/// The longest line of a `WHY.txt` that is read.
const MAX_WHY_BYTES: u64 = 16 << 10;

/// A state folder that another process may hold.
#[derive(Clone, Debug)]
pub struct StateView {
    path: PathBuf,
}

/// Whose the folder is, and who may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderFacts {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its permission bits.
    pub mode: u32,
}

/// The filesystem that holds the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Free space, as far as this user may use it.
    pub free_bytes: u64,
    /// Files that may still be made; none where the filesystem has no limit.
    pub free_inodes: Option<u64>,
    /// Whether it is mounted to be read only.
    pub is_read_only: bool,
}

/// The newest checkpoint that is whole, and the newer ones that are not.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// The step after which it was taken.
    pub step: u64,
    /// The size of its files.
    pub bytes: u64,
    /// When it was written, in seconds since 1970.
    pub unix_seconds: i64,
    /// The version of the program that wrote it.
    pub program: String,
    /// The settings that the search depends on, where they are there as text.
    pub config: Option<String>,
    /// What its data holds, where that is there as text.
    pub data: Option<String>,
    /// Its best architectures, where they can be read.
    pub best: Option<Vec<BestArch>>,
    /// What came of promotions, where it can be read.
    pub finals: Option<Finals>,
    /// The steps of newer ones and what is wrong with them, the newest first.
    pub damaged: Vec<(u64, Defect)>,
}

/// Something in `corrupt/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its name.
    pub name: String,
    /// Why it was set aside, where that was written down.
    pub why: Option<String>,
}

impl StateView {
    /// The state folder at `path`, which need not be there.
    pub fn new(path: &Path) -> Self {
        // Without the final `/`, through which a link would be followed.
        Self { path: path.components().collect() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database of the history.
    pub fn history(&self) -> PathBuf {
        self.path.join(HISTORY)
    }

    /// Whose the folder is; none where it is not there.
    pub fn facts(&self) -> Result<Option<FolderFacts>, StoreError> {
        match fs::symlink_metadata(&self.path) {
            Ok(found) => {
                let mode = found.mode() & 0o7777;
                Ok(Some(FolderFacts { uid: found.uid(), gid: found.gid(), mode }))
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("inspect", &self.path)(source)),
        }
    }

    /// Why a daemon that runs as `uid` would refuse the folder, if it would.
    pub fn fault(&self, uid: u32) -> Result<Option<FolderFault>, StoreError> {
        let metadata = fs::symlink_metadata(&self.path).map_err(io_error("inspect", &self.path))?;
        Ok(fault(&metadata, uid))
    }

    /// The process that holds the folder's lock. The kernel's list is read, since to try the
    /// lock could keep out a daemon that starts at that moment.
    pub fn holder(&self) -> Result<Option<u32>, StoreError> {
        lock_holder(&self.path)
    }

    /// The filesystem that holds the folder.
    pub fn disk(&self) -> Result<Disk, StoreError> {
        let path = &self.path;
        let stat = rustix::fs::statvfs(path)
            .map_err(|errno| io_error("ask for the free space of", path)(errno.into()))?;
        Ok(Disk {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            free_inodes: (stat.f_files != 0).then_some(stat.f_favail),
            is_read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
        })
    }

    /// What must be free before a checkpoint of so many bytes is begun.
    pub fn needed_bytes(checkpoint_bytes: u64) -> u64 {
        needed_bytes(checkpoint_bytes)
    }

    /// The steps of which there are checkpoints, ascending. They are not checked.
    pub fn steps(&self) -> Result<Vec<u64>, StoreError> {
        steps(&self.path.join(CHECKPOINTS))
    }

    /// The newest checkpoint that is whole, as a start would choose it. `None` if there is no
    /// checkpoint at all; that none is whole is [`StoreError::NoneWhole`].
    pub fn newest(&self) -> Result<Option<Newest>, StoreError> {
        let mut attempt = 1;
        loop {
            let before = self.steps()?;
            let found = self.read_newest(&before);
            let is_quiet = matches!(&found, Ok(None)) || is_sound(&found);
            // A daemon writes new ones and removes old ones.
            if is_quiet || attempt == ATTEMPTS || before == self.steps()? {
                return found;
            }
            attempt += 1;
        }
    }

    fn read_newest(&self, steps: &[u64]) -> Result<Option<Newest>, StoreError> {
        let folder = self.path.join(CHECKPOINTS);
        let mut damaged = Vec::new();
        let mut successor: Option<(u64, Link)> = None;
        for &step in steps.iter().rev() {
            match generation::read(&folder, step, successor.as_ref())? {
                Found::Whole(manifest, mut files) => {
                    let bytes = files.values().map(|bytes| bytes.len() as u64).sum();
                    let search = files.get(SEARCH);
                    let best = search.and_then(|search| best_archs(manifest.format, search));
                    let finals = files.get(FINALS).map(Vec::as_slice);
                    let finals = known_finals(manifest.format, finals);
                    let mut text =
                        |name| files.remove(name).and_then(|text| String::from_utf8(text).ok());
                    let (config, data) = (text(CONFIG), text(DATA));
                    let path = folder.join(folder_name(step)).join(MANIFEST);
                    let metadata =
                        fs::symlink_metadata(&path).map_err(io_error("inspect", &path))?;
                    return Ok(Some(Newest {
                        step,
                        bytes,
                        unix_seconds: metadata.mtime(),
                        program: manifest.program,
                        config,
                        data,
                        best,
                        finals,
                        damaged,
                    }));
                }
                Found::Damaged(why, previous) => {
                    successor = previous.map(|link| (step, link));
                    damaged.push((step, why));
                }
            }
        }
        if damaged.is_empty() {
            return Ok(None);
        }
        Err(StoreError::NoneWhole { path: folder, defects: damaged })
    }

    /// The checkpoint of `step`, where it is there and whole.
    pub fn checkpoint(&self, step: u64) -> Result<Option<LoadedCheckpoint>, StoreError> {
        match generation::read(&self.path.join(CHECKPOINTS), step, None)? {
            Found::Whole(Manifest { format, program, config_hash, .. }, files) => {
                let rejected = Vec::new();
                Ok(Some(LoadedCheckpoint { format, step, config_hash, program, files, rejected }))
            }
            Found::Damaged(..) => Ok(None),
        }
    }

    /// The files of the best architectures.
    pub fn best(&self) -> BestFolder {
        BestFolder::look(&self.path.join(BEST))
    }

    /// The files of champions.
    pub fn champions(&self) -> BestFolder {
        BestFolder::look(&self.path.join(CHAMPIONS))
    }

    /// The nets that are trained from scratch.
    pub fn trials(&self) -> TrialFolder {
        TrialFolder::look(&self.path.join(TRIALS))
    }

    /// The ledger of the test split of the data with the fingerprint `data`, as a start takes it
    /// that goes on from a checkpoint with these `finals`.
    pub fn test_ledger(&self, data: &str, finals: &Finals) -> Result<TestLedger, StoreError> {
        let file = LedgerFile::open(&self.path.join(LEDGER), data);
        let ledger = file.look()?;
        file.check(&ledger, finals)?;
        Ok(ledger)
    }

    /// The list of a checkpoint's files, as it stands in its folder.
    pub fn manifest(&self, step: u64) -> Result<Vec<u8>, StoreError> {
        let folder = self.path.join(CHECKPOINTS).join(folder_name(step));
        read_file(&folder, MANIFEST, Length::AtMost(MAX_MANIFEST_BYTES))
    }

    /// What was set aside, by name.
    pub fn corrupt(&self) -> Result<Vec<SetAside>, StoreError> {
        let folder = self.path.join(CORRUPT);
        let why = |name: &str| {
            let bytes = read_file(&folder.join(name), WHY, Length::AtMost(MAX_WHY_BYTES)).ok()?;
            Some(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        let names = names(&folder)?.into_iter();
        Ok(names.map(|name| SetAside { why: why(&name), name }).collect())
    }
}

fn is_sound(found: &Result<Option<Newest>, StoreError>) -> bool {
    matches!(found, Ok(Some(newest)) if newest.damaged.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Checkpoints, Retention, StateFolder};

    const FILES: [(&str, &[u8]); 2] = [("search.json", b"{}"), ("shared.safetensors", &[7; 300])];

    struct Rig {
        root: tempfile::TempDir,
        folder: StateFolder,
    }

    impl Rig {
        fn new(steps: &[u64]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = StateFolder::open(&root.path().join("state")).unwrap();
            let checkpoints = Checkpoints::new(&folder, Retention::newest(3).unwrap());
            for &step in steps {
                checkpoints.write(step, "c0", &FILES).unwrap();
            }
            Self { root, folder }
        }

        fn view(&self) -> StateView {
            StateView::new(self.folder.path())
        }

        fn names(&self) -> Vec<String> {
            let checkpoints = names(&self.folder.checkpoints()).unwrap();
            [names(self.folder.path()).unwrap(), checkpoints].concat()
        }
    }

    #[test]
    fn the_newest_whole_checkpoint_is_found_and_damaged_ones_stay() {
        let rig = Rig::new(&[1, 2]);
        assert_eq!(rig.view().newest().unwrap().unwrap().step, 2);
        let path = rig.folder.checkpoints().join(folder_name(2)).join("search.json");
        fs::write(path, "{ }").unwrap();
        let before = rig.names();
        let newest = rig.view().newest().unwrap().unwrap();
        assert_eq!((newest.step, newest.bytes), (1, 302));
        let defect = Defect::Size { name: "search.json".into(), found: 3, expected: 2 };
        assert_eq!(newest.damaged, [(2, defect)]);
        assert_eq!(rig.names(), before);
    }

    #[test]
    fn the_ledger_is_looked_at_as_a_start_takes_it_and_stays_as_it_is() {
        let rig = Rig::new(&[1]);
        let look = || rig.view().test_ledger("d0", &Finals::default());
        assert_eq!(look().unwrap().uses(), 0);
        let path = rig.folder.test_ledger();
        LedgerFile::open(&path, "d0").save(&TestLedger::after(3)).unwrap();
        fs::write(path.with_file_name(".tmp-test-split.json"), "").unwrap();
        let before = rig.names();
        assert_eq!(look().unwrap().uses(), 3);
        assert_eq!(rig.names(), before);
        fs::write(path, "").unwrap();
        assert!(look().unwrap_err().to_string().contains("is damaged"));
        // These files are of no search that this program could go on with.
        assert_eq!(rig.view().newest().unwrap().unwrap().finals, None);
    }

    #[test]
    fn the_absence_of_everything_is_told_apart() {
        let rig = Rig::new(&[]);
        assert_eq!(rig.view().newest().unwrap(), None);
        assert_eq!(rig.view().corrupt().unwrap(), []);
        let nothing = StateView::new(&rig.root.path().join("nothing"));
        assert_eq!(nothing.facts().unwrap(), None);
        assert_eq!(nothing.holder().unwrap(), None);
        assert!(nothing.newest().is_err());
    }
}
