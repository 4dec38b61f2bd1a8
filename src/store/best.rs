//! Architectures with their files: `best/ID/` and `champions/ID/`.
//!
//! Beside its files every architecture has `B3SUMS`, a line `HASH  NAME` for each: what is read is
//! checked against it, and `b3sum --check B3SUMS` does the same by hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::store::atomic::{clean_leftovers, is_there, names, remove_folder_atomically};
use crate::store::error::io_error;
use crate::store::folder::create_folder;
use crate::store::listed::{Listed, MAX_FILE_BYTES, MAX_SUMS_BYTES, SUMS};
use crate::store::manifest::hash;
use crate::store::name::{check_file_name, check_id};
use crate::store::read::{Length, read_file};
use crate::store::{Defect, StoreError, write_folder_atomically};

/// A folder of architectures by id.
#[derive(Debug)]
pub struct BestFolder {
    path: PathBuf,
}

impl BestFolder {
    /// Opens the folder at `path`, makes it where it is missing, and cleans up what a crash left.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        create_folder(path)?;
        clean_leftovers(path)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The folder at `path` to be read, and left as it is.
    pub fn look(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Writes the architecture `id`, or replaces it whole.
    pub fn put(&self, id: &str, files: &[(&str, &[u8])]) -> Result<(), StoreError> {
        check_id(id)?;
        let mut sums = String::new();
        for (name, bytes) in files {
            check_file_name(name, SUMS)?;
            if MAX_FILE_BYTES < bytes.len() as u64 {
                let (path, bytes) = (self.path.join(id).join(name), bytes.len() as u64);
                return Err(StoreError::TooLarge { path, bytes, limit_bytes: MAX_FILE_BYTES });
            }
            sums.extend([&hash(bytes), "  ", name, "\n"]);
        }
        let mut files = files.to_vec();
        files.push((SUMS, sums.as_bytes()));
        write_folder_atomically(&self.path, id, &files)
    }

    /// Removes the architecture `id`; one that is not there is no error.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        check_id(id)?;
        remove_folder_atomically(&self.path, id)
    }

    /// The ids of all architectures, sorted. What is not named like an id is not looked at.
    pub fn list(&self) -> Result<Vec<String>, StoreError> {
        let is_arch = |name: &String| check_id(name).is_ok() && self.path.join(name).is_dir();
        Ok(names(&self.path)?.into_iter().filter(is_arch).collect())
    }

    /// Checks that the architecture `id` has the files that were put there, and no others.
    pub fn check(&self, id: &str) -> Result<(), StoreError> {
        self.read_all(id).map(drop)
    }

    /// The files of `id` by name, all checked. What was never put there is
    /// [`StoreError::NotFound`].
    pub(super) fn read_all(&self, id: &str) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        check_id(id)?;
        let path = self.path.join(id);
        if !is_there(&path)? {
            return Err(StoreError::NotFound { path });
        }
        let corrupt = |why| Err(StoreError::Corrupt { path: path.clone(), why });
        let text = read_file(&path, SUMS, Length::AtMost(MAX_SUMS_BYTES))?;
        let text = String::from_utf8_lossy(&text);
        let mut files = BTreeMap::new();
        for (idx, line) in text.split_inclusive('\n').enumerate() {
            let Some((expected, name)) = line
                .strip_suffix('\n')
                .and_then(|l| l.split_once("  "))
                .filter(|(_, name)| check_file_name(name, SUMS).is_ok())
            else {
                return corrupt(Defect::Syntax { name: SUMS.to_owned(), line: idx + 1, column: 1 });
            };
            let bytes = read_file(&path, name, Length::AtMost(MAX_FILE_BYTES))?;
            if hash(&bytes) != expected {
                return corrupt(Defect::Hash { name: name.to_owned() });
            }
            files.insert(name.to_owned(), bytes);
        }
        let is_extra = |name: &String| name != SUMS && !files.contains_key(name);
        match names(&path)?.into_iter().find(is_extra) {
            Some(name) => corrupt(Defect::Extra { name }),
            None => Ok(files),
        }
    }

    /// A file of the architecture `id`, open: it can be read whatever becomes of its name.
    pub fn open_file(&self, id: &str, file: &str) -> Result<File, StoreError> {
        check_id(id)?;
        check_file_name(file, SUMS)?;
        let path = self.path.join(id).join(file);
        let mut options = File::options();
        options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
        options.open(&path).map_err(io_error("open", &path))
    }

    /// A file of `id`, checked. What was never put there is [`StoreError::NotFound`].
    pub fn read(&self, id: &str, file: &str) -> Result<Vec<u8>, StoreError> {
        Listed::open(&self.path_of(id)?)?.read(file)
    }

    /// The folder of the architecture `id`, whether it is there or not.
    pub fn path_of(&self, id: &str) -> Result<PathBuf, StoreError> {
        check_id(id)?;
        Ok(self.path.join(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const FILES: [(&str, &[u8]); 2] = [("arch.json", b"{}"), ("weights.safetensors", &[3; 40])];

    fn rig() -> (tempfile::TempDir, BestFolder) {
        let root = tempfile::tempdir().unwrap();
        let best = BestFolder::open(&root.path().join("best")).unwrap();
        best.put("m5-1", &FILES).unwrap();
        (root, best)
    }

    #[test]
    fn architectures_are_put_listed_read_and_removed() {
        let (_root, best) = rig();
        best.put("m5-0", &FILES).unwrap();
        fs::create_dir(best.path.join("Not an id")).unwrap();
        assert_eq!(best.list().unwrap(), ["m5-0", "m5-1"]);
        assert_eq!(best.read("m5-1", "weights.safetensors").unwrap(), [3; 40]);
        best.put("m5-1", &[("arch.json", b"[]")]).unwrap();
        assert_eq!(best.read("m5-1", "arch.json").unwrap(), b"[]");
        best.remove("m5-1").unwrap();
        best.remove("m5-1").unwrap();
        assert_eq!(best.list().unwrap(), ["m5-0"]);
    }

    #[test]
    fn what_is_not_there_is_told_from_what_is_damaged() {
        let (_root, best) = rig();
        for (id, file) in [("m5-2", "arch.json"), ("m5-1", "drawing.svg")] {
            assert!(matches!(best.read(id, file), Err(StoreError::NotFound { .. })), "{id} {file}");
        }
        assert!(matches!(best.check("m5-2"), Err(StoreError::NotFound { .. })));
        fs::remove_file(best.path.join("m5-1/arch.json")).unwrap();
        assert!(matches!(best.read("m5-1", "arch.json"), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn no_id_and_no_file_name_escapes() {
        let (root, best) = rig();
        fs::write(root.path().join("secret"), "x").unwrap();
        for id in ["..", "../best", "", ".", "m5-1/", "/etc"] {
            assert!(matches!(best.read(id, "secret"), Err(StoreError::Name { .. })), "{id}");
            assert!(matches!(best.put(id, &FILES), Err(StoreError::Name { .. })), "{id}");
            assert!(matches!(best.remove(id), Err(StoreError::Name { .. })), "{id}");
        }
        for file in ["../../secret", "/etc/hostname", "", "B3SUMS"] {
            assert!(matches!(best.read("m5-1", file), Err(StoreError::Name { .. })), "{file}");
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let (_root, best) = rig();
        for name in ["arch.json", "weights.safetensors", SUMS] {
            let path = best.path.join("m5-1").join(name);
            let whole = fs::read(&path).unwrap();
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                fs::write(&path, flipped).unwrap();
                let found = FILES.map(|(name, _)| best.read("m5-1", name));
                let damaged = |found: &_| matches!(found, &Err(StoreError::Corrupt { .. }));
                assert!(found.iter().any(damaged), "byte {at} of {name}");
                assert!(best.check("m5-1").is_err(), "byte {at} of {name}");
            }
            fs::write(&path, whole).unwrap();
        }
        assert!(best.read("m5-1", "arch.json").is_ok());
        best.check("m5-1").unwrap();
    }

    #[test]
    fn files_that_are_no_part_of_an_architecture_or_are_missing_are_noticed() {
        let (_root, best) = rig();
        let folder = best.path.join("m5-1");
        let check = || best.check("m5-1").unwrap_err().to_string();
        fs::write(folder.join("notes"), "").unwrap();
        assert!(check().contains("`notes` does not belong there"), "{}", check());
        fs::remove_file(folder.join("notes")).unwrap();
        best.check("m5-1").unwrap();
        let sums = fs::read_to_string(folder.join(SUMS)).unwrap();
        for (changed, why) in [
            (format!("{sums}x"), "line 3"),
            (sums.lines().next().unwrap().to_owned() + "\n", "`weights.safetensors` does not"),
            (String::new(), "does not belong there"),
        ] {
            fs::write(folder.join(SUMS), changed).unwrap();
            assert!(check().contains(why), "{why}: {}", check());
        }
        fs::write(folder.join(SUMS), sums).unwrap();
        fs::remove_file(folder.join("arch.json")).unwrap();
        assert!(check().contains("`arch.json` is missing"), "{}", check());
    }
}
