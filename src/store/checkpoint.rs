//! Checkpoints: one folder a generation, written whole, read back only if every byte is right.
//!
//! ```text
//! write:  room? ─ .tmp-STEP: files, MANIFEST.json last ─ sync, rename, sync ─ acknowledged ─ prune
//! load:   clean up ─ newest first: list, sizes, hashes ─ the first whole one
//!                                  └ damaged ones newer than that go to corrupt/
//! ```
//!
//! Two cases are errors and change nothing on disk, since going on would silently start the
//! search over: checkpoints of which none is whole, and one that a later version wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::store::atomic::{clean_leftovers, remove_folder_atomically};
use crate::store::folder::free_bytes;
use crate::store::generation::{self, Found, MAX_CHECKPOINT_BYTES, folder_name, steps};
use crate::store::manifest::{Link, MANIFEST, Manifest};
use crate::store::name::check_file_name;
use crate::store::quarantine::quarantine;
use crate::store::{
    Defect, Rejected, Retention, RetentionAction, StateFolder, StoreError, write_folder_atomically,
};

/// Room that a checkpoint leaves free: for some hours of history, and its list.
const RESERVE_BYTES: u64 = 8 << 20;

/// The checkpoints of a search.
#[derive(Debug)]
pub struct Checkpoints {
    path: PathBuf,
    corrupt: PathBuf,
    retention: Retention,
}

/// A checkpoint that is on disk.
#[derive(Debug)]
pub struct Generation {
    /// The step after which it was taken.
    pub step: u64,
    /// Its folder.
    pub path: PathBuf,
    /// The size of its files.
    pub bytes: u64,
    /// The steps whose checkpoints were removed after it was written. That this failed does not
    /// make the checkpoint less safe.
    pub pruned: Result<Vec<u64>, StoreError>,
}

/// A checkpoint that was read and checked.
#[derive(Debug)]
pub struct LoadedCheckpoint {
    /// What its files look like: the number of the format.
    pub format: u32,
    /// The step after which it was taken.
    pub step: u64,
    /// The hash of the configuration that it belongs to.
    pub config_hash: String,
    /// The version of the program that wrote it.
    pub program: String,
    /// Its files by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Newer ones that were damaged and moved to `corrupt/`, the newest first.
    pub rejected: Vec<Rejected>,
}

impl Checkpoints {
    /// The checkpoints in `folder`, of which `retention` keeps some.
    pub fn new(folder: &StateFolder, retention: Retention) -> Self {
        Self { path: folder.checkpoints(), corrupt: folder.corrupt(), retention }
    }

    /// From the next write on, other checkpoints stay.
    pub fn retain(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// The steps of which there are checkpoints, ascending. They are not checked.
    pub fn steps(&self) -> Result<Vec<u64>, StoreError> {
        steps(&self.path)
    }

    /// Writes the checkpoint of `step`; when this returns, it survives a power cut. One of the
    /// same step, which a replay after a resume meets, is replaced. Of the others, the oldest
    /// are removed.
    pub fn write(
        &self,
        step: u64,
        config_hash: &str,
        files: &[(&str, &[u8])],
    ) -> Result<Generation, StoreError> {
        let path = self.path.join(folder_name(step));
        let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        for (name, _) in files {
            check_file_name(name, MANIFEST)?;
        }
        if MAX_CHECKPOINT_BYTES < bytes {
            return Err(StoreError::TooLarge { path, bytes, limit_bytes: MAX_CHECKPOINT_BYTES });
        }
        let before = self.steps()?;
        if let Some(&newest) = before.last().filter(|&&newest| step < newest) {
            return Err(StoreError::StaleStep { path: self.path.clone(), step, newest });
        }
        check_room(&path, bytes, free_bytes(&self.path)?)?;

        let previous = before.into_iter().rev().find(|&other| other < step);
        let previous = previous.and_then(|other| generation::link(&self.path, other));
        let manifest = Manifest::new(step, config_hash, files, previous).to_bytes();
        let mut files = files.to_vec();
        files.push((MANIFEST, &manifest));
        write_folder_atomically(&self.path, &folder_name(step), &files)?;
        Ok(Generation { step, path, bytes, pruned: self.prune() })
    }

    /// Reads the newest checkpoint that is whole, after it has cleaned up what a crash left, and
    /// moves damaged newer ones to `corrupt/`. `None` if there is no checkpoint at all.
    pub fn load_newest(&self) -> Result<Option<LoadedCheckpoint>, StoreError> {
        clean_leftovers(&self.path)?;
        let mut defects = Vec::new();
        let mut successor: Option<(u64, Link)> = None;
        for step in self.steps()?.into_iter().rev() {
            match generation::read(&self.path, step, successor.as_ref())? {
                Found::Whole(manifest, files) => {
                    return self.set_aside(defects).map(|rejected| {
                        let Manifest { format, program, config_hash, .. } = manifest;
                        Some(LoadedCheckpoint {
                            format,
                            step,
                            config_hash,
                            program,
                            files,
                            rejected,
                        })
                    });
                }
                Found::Damaged(why, previous) => {
                    successor = previous.map(|link| (step, link));
                    defects.push((step, why));
                }
            }
        }
        if defects.is_empty() {
            return Ok(None);
        }
        Err(StoreError::NoneWhole { path: self.path.clone(), defects })
    }

    fn set_aside(&self, defects: Vec<(u64, Defect)>) -> Result<Vec<Rejected>, StoreError> {
        let moved = defects.into_iter();
        moved.map(|(step, why)| quarantine(&self.path, &self.corrupt, step, why)).collect()
    }

    fn prune(&self) -> Result<Vec<u64>, StoreError> {
        let mut pruned = Vec::new();
        for action in self.retention.actions(&self.steps()?) {
            if let RetentionAction::Delete(step) = action {
                remove_folder_atomically(&self.path, &folder_name(step))?;
                pruned.push(step);
            }
        }
        Ok(pruned)
    }
}

/// What must be free before a checkpoint of so many bytes is begun.
pub(super) fn needed_bytes(bytes: u64) -> u64 {
    bytes.saturating_add(RESERVE_BYTES)
}

/// Refuses to begin what would fill the disk.
fn check_room(path: &Path, bytes: u64, free_bytes: u64) -> Result<(), StoreError> {
    let needed_bytes = needed_bytes(bytes);
    if free_bytes < needed_bytes {
        return Err(StoreError::DiskFull { path: path.to_owned(), needed_bytes, free_bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    const FILES: [(&str, &[u8]); 3] =
        [("search.json", b"{\"step\":1}"), ("shared.safetensors", &[7; 300]), ("empty", b"")];

    struct Rig {
        _root: tempfile::TempDir,
        _folder: StateFolder,
        checkpoints: Checkpoints,
    }

    impl Rig {
        fn new(steps: &[u64]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let folder = StateFolder::open(&root.path().join("state")).unwrap();
            let checkpoints = Checkpoints::new(&folder, Retention::newest(3).unwrap());
            for &step in steps {
                checkpoints.write(step, "c0", &FILES).unwrap().pruned.unwrap();
            }
            Self { _root: root, _folder: folder, checkpoints }
        }

        fn file(&self, step: u64, name: &str) -> PathBuf {
            self.checkpoints.path.join(folder_name(step)).join(name)
        }

        fn load(&self) -> LoadedCheckpoint {
            self.checkpoints.load_newest().unwrap().unwrap()
        }

        /// Loads and sees that the newest of two was rejected for a cause that contains `why`.
        #[track_caller]
        fn check_falls_back(&self, why: &str) {
            let loaded = self.load();
            assert_eq!(loaded.step, 1, "{why}");
            let [rejected] = &loaded.rejected[..] else { panic!("{:?}", loaded.rejected) };
            assert_eq!(rejected.step, 2);
            let text = fs::read_to_string(rejected.moved_to.join("WHY.txt"))
                .unwrap_or_else(|_| format!("{}\n", rejected.why));
            assert!(text.contains(why) && text.lines().count() == 1, "{text}");
            check_files(&loaded);
            // It is out of the way for good.
            assert_eq!(self.load().rejected, []);
        }
    }

    #[track_caller]
    fn check_files(loaded: &LoadedCheckpoint) {
        let expected = FILES.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        assert_eq!(loaded.files, BTreeMap::from(expected));
        assert_eq!(loaded.config_hash, "c0");
    }

    #[test]
    fn without_checkpoints_there_is_none() {
        assert!(Rig::new(&[]).checkpoints.load_newest().unwrap().is_none());
    }

    #[test]
    fn the_newest_is_read_back_and_the_oldest_go() {
        let rig = Rig::new(&[0, 100, 200, 1_000_000_000_000]);
        assert_eq!(rig.checkpoints.steps().unwrap(), [100, 200, 1_000_000_000_000]);
        let loaded = rig.load();
        assert_eq!((loaded.step, loaded.rejected.len()), (1_000_000_000_000, 0));
        assert_eq!(loaded.program, env!("CARGO_PKG_VERSION"));
        check_files(&loaded);
    }

    #[test]
    fn a_replay_replaces_the_checkpoint_of_its_step() {
        let rig = Rig::new(&[1, 2]);
        let written = rig.checkpoints.write(2, "c1", &[("other", b"x")]).unwrap();
        assert_eq!((written.step, written.bytes, written.pruned.unwrap()), (2, 1, vec![]));
        let loaded = rig.load();
        assert_eq!(loaded.config_hash, "c1");
        assert_eq!(loaded.files, BTreeMap::from([("other".to_owned(), b"x".to_vec())]));
        let err = rig.checkpoints.write(1, "c0", &FILES).unwrap_err();
        assert!(matches!(err, StoreError::StaleStep { step: 1, newest: 2, .. }), "{err}");
    }

    /// Changes a file of the newest of two checkpoints and sees that the older one is read.
    #[track_caller]
    fn check_change(name: &str, change: impl Fn(&Path), why: &str) {
        let rig = Rig::new(&[1, 2]);
        change(&rig.file(2, name));
        rig.check_falls_back(why);
    }

    #[test]
    fn every_kind_of_damage_falls_back_to_the_one_before() {
        let edit = |change: fn(&mut Vec<u8>)| {
            move |path: &Path| {
                let mut bytes = fs::read(path).unwrap();
                change(&mut bytes);
                fs::write(path, bytes).unwrap();
            }
        };
        for name in ["search.json", "shared.safetensors", MANIFEST] {
            let length_shows = if name == MANIFEST { "was changed" } else { "expected" };
            check_change(name, edit(|bytes| bytes[1] ^= 0x10), name);
            check_change(name, edit(|bytes| bytes.truncate(9)), length_shows);
            check_change(name, edit(|bytes| bytes.push(0)), length_shows);
            check_change(name, edit(Vec::clear), length_shows);
            check_change(name, |path| fs::remove_file(path).unwrap(), "is missing");
            let link = |path: &Path| {
                fs::rename(path, path.with_extension("moved")).unwrap();
                symlink(path.with_extension("moved"), path).unwrap();
            };
            check_change(name, link, if name == MANIFEST { "not a regular" } else { "belong" });
        }
        check_change("extra", |path| fs::write(path, "").unwrap(), "`extra` does not belong");
        let pad = |path: &Path| fs::write(path, vec![b' '; 2 << 20]).unwrap();
        check_change(MANIFEST, pad, "more than the limit");
        let file = |path: &Path| {
            let path: PathBuf = path.components().collect();
            fs::remove_dir_all(&path).unwrap();
            fs::write(path, "").unwrap();
        };
        check_change("", file, "it is not a folder");
    }

    #[test]
    fn a_checkpoint_under_another_name_is_rejected() {
        let rig = Rig::new(&[1]);
        let copy = rig.checkpoints.path.join(folder_name(2));
        fs::create_dir(&copy).unwrap();
        for name in ["search.json", "shared.safetensors", "empty", MANIFEST] {
            fs::copy(rig.file(1, name), copy.join(name)).unwrap();
        }
        rig.check_falls_back("its manifest is of 000000000001");
    }

    #[test]
    fn a_checkpoint_that_its_successor_did_not_follow_is_rejected() {
        let (rig, other) = (Rig::new(&[1, 2, 3]), Rig::new(&[]));
        other.checkpoints.write(2, "another run", &FILES).unwrap();
        fs::copy(other.file(2, MANIFEST), rig.file(2, MANIFEST)).unwrap();
        assert_eq!(rig.load().step, 3);
        fs::write(rig.file(3, "empty"), "x").unwrap();
        let loaded = rig.load();
        assert_eq!((loaded.step, loaded.rejected.len()), (1, 2));
        assert_eq!(loaded.rejected[1].why, Defect::Chain { successor: 3 });
    }

    #[test]
    fn leftovers_of_a_crash_are_cleaned_up() {
        let rig = Rig::new(&[1]);
        fs::create_dir(rig.checkpoints.path.join(".tmp-000000000002")).unwrap();
        fs::write(rig.checkpoints.path.join(".tmp-x"), "").unwrap();
        fs::write(rig.checkpoints.path.join("notes"), "").unwrap();
        assert_eq!(rig.load().step, 1);
        let left = crate::store::atomic::names(&rig.checkpoints.path).unwrap();
        assert_eq!(left, ["000000000001", "notes"]);
    }

    #[test]
    fn if_none_is_whole_nothing_is_started_over() {
        let rig = Rig::new(&[1, 2]);
        fs::write(rig.file(1, "search.json"), "").unwrap();
        fs::remove_file(rig.file(2, MANIFEST)).unwrap();
        // The second time is as the first: a restart does not forget.
        for _ in 0..2 {
            let err = rig.checkpoints.load_newest().unwrap_err();
            let path = rig.checkpoints.path.display();
            let expected = format!(
                "none of the 2 checkpoints in {path} is whole: 000000000002: `MANIFEST.json` is missing; \
                 000000000001: `search.json` has 0 bytes, expected 10; restore the folder from a backup, \
                 or move it away to start the search over (it was not changed)"
            );
            assert_eq!(err.to_string(), expected);
        }
        assert_eq!(rig.checkpoints.steps().unwrap(), [1, 2]);
    }

    #[test]
    fn a_later_format_is_refused_and_left_as_it_is() {
        let rig = Rig::new(&[1, 2, 3]);
        let later = Manifest::new(2, "c0", &FILES, None).with_format(9).to_bytes();
        fs::write(rig.file(2, MANIFEST), &later).unwrap();
        fs::remove_file(rig.file(3, MANIFEST)).unwrap();
        let err = rig.checkpoints.load_newest().unwrap_err();
        assert!(matches!(err, StoreError::Format { found: 9, expected: 3, .. }), "{err}");
        assert_eq!(rig.checkpoints.steps().unwrap(), [1, 2, 3]);
        assert_eq!(fs::read(rig.file(2, MANIFEST)).unwrap(), later);
    }

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let room = |free_bytes| check_room(Path::new("x"), 100, free_bytes);
        assert!(room(RESERVE_BYTES + 100).is_ok());
        let err = room(RESERVE_BYTES + 99).unwrap_err();
        assert!(err.is_disk_full());
        assert!(err.to_string().contains("needs 8388708 bytes"), "{err}");
    }

    #[test]
    fn names_that_would_clash_are_refused() {
        let rig = Rig::new(&[1]);
        for name in [MANIFEST, "../x", ".tmp-x"] {
            let err = rig.checkpoints.write(2, "c0", &[(name, b"")]).unwrap_err();
            assert!(matches!(err, StoreError::Name { .. }), "{err}");
        }
        assert!(rig.checkpoints.write(2, "c0", &[("a", b""), ("a", b"")]).is_err());
        assert_eq!(rig.load().step, 1);
    }
}
