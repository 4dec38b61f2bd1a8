//! One checkpoint on disk, checked byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::store::atomic::names;
use crate::store::error::io_error;
use crate::store::manifest::{Link, MANIFEST, MAX_MANIFEST_BYTES, Manifest, hash};
use crate::store::read::{Length, read_file};
use crate::store::{Defect, StoreError};

/// The most that the files of a checkpoint may have together: a hundred times the weights and
/// optimizer state of the paper's largest shared network, and small enough that a damaged size
/// cannot ask for all memory.
pub(super) const MAX_CHECKPOINT_BYTES: u64 = 16 << 30;

/// The folder of the checkpoint of `step`: twelve digits, so that names sort as steps do.
pub(super) fn folder_name(step: u64) -> String {
    format!("{step:012}")
}

/// The steps of the checkpoints in `folder`, ascending. Other names are not looked at.
pub(super) fn steps(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let step = |name: String| name.parse().ok().filter(|&step| folder_name(step) == name);
    let mut steps: Vec<u64> = names(folder)?.into_iter().filter_map(step).collect();
    steps.sort_unstable();
    Ok(steps)
}

/// A checkpoint as it was found.
pub(super) enum Found {
    /// Every byte is as it was written.
    Whole(Manifest, BTreeMap<String, Vec<u8>>),
    /// Something is wrong with it; where the list could still be read, what it followed.
    Damaged(Defect, Option<Link>),
}

/// Reads the checkpoint of `step` in `folder`. `successor` is a later one's step and what that
/// one says of the checkpoint before it. Errors are [`StoreError::Format`], and what may pass.
pub(super) fn read(
    folder: &Path,
    step: u64,
    successor: Option<&(u64, Link)>,
) -> Result<Found, StoreError> {
    let path = folder.join(folder_name(step));
    if !fs::symlink_metadata(&path).map_err(io_error("inspect", &path))?.is_dir() {
        return Ok(Found::Damaged(Defect::NotAFolder, None));
    }
    let manifest = match read_manifest(&path, step, successor) {
        Ok(manifest) => manifest,
        Err(err) => return damage(err).map(|why| Found::Damaged(why, None)),
    };
    match read_files(&path, &manifest) {
        Ok(files) => Ok(Found::Whole(manifest, files)),
        Err(err) => damage(err).map(|why| Found::Damaged(why, manifest.previous)),
    }
}

/// How the checkpoint after this one refers to it, if its list can be read.
pub(super) fn link(folder: &Path, step: u64) -> Option<Link> {
    let path = folder.join(folder_name(step));
    let bytes = read_file(&path, MANIFEST, Length::AtMost(MAX_MANIFEST_BYTES)).ok()?;
    Manifest::from_bytes(&bytes).ok()?;
    Some(Link { step, blake3: hash(&bytes) })
}

fn damage(err: StoreError) -> Result<Defect, StoreError> {
    match err {
        StoreError::Corrupt { why, .. } => Ok(why),
        other => Err(other),
    }
}

fn read_manifest(
    path: &Path,
    step: u64,
    successor: Option<&(u64, Link)>,
) -> Result<Manifest, StoreError> {
    let corrupt = |why| Err(StoreError::Corrupt { path: path.to_owned(), why });
    let bytes = read_file(path, MANIFEST, Length::AtMost(MAX_MANIFEST_BYTES))?;
    let manifest = Manifest::from_bytes(&bytes).map_err(|refusal| refusal.of(path))?;
    if manifest.step != step {
        return corrupt(Defect::Step { found: manifest.step, expected: step });
    }
    match successor {
        Some((successor, link)) if link.step == step && link.blake3 != hash(&bytes) => {
            corrupt(Defect::Chain { successor: *successor })
        }
        _ => Ok(manifest),
    }
}

fn read_files(path: &Path, manifest: &Manifest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let corrupt = |why| StoreError::Corrupt { path: path.to_owned(), why };
    let total = manifest.files.values().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    if MAX_CHECKPOINT_BYTES < total {
        let name = MANIFEST.to_owned();
        let limit_bytes = MAX_CHECKPOINT_BYTES;
        return Err(corrupt(Defect::TooLarge { name, found: total, limit_bytes }));
    }
    for name in names(path)? {
        if name != MANIFEST && !manifest.files.contains_key(&name) {
            return Err(corrupt(Defect::Extra { name }));
        }
    }
    let mut files = BTreeMap::new();
    for (name, entry) in &manifest.files {
        let bytes = read_file(path, name, Length::Exactly(entry.bytes))?;
        if hash(&bytes) != entry.blake3 {
            return Err(corrupt(Defect::Hash { name: name.clone() }));
        }
        files.insert(name.clone(), bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::write_folder_atomically;

    const FILES: [(&str, &[u8]); 2] =
        [("search.json", b"{\"step\":7}"), ("shared.safetensors", &[7; 300])];

    fn rig() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::new(7, "c0", &FILES, None).to_bytes();
        let files = [&FILES[..], &[(MANIFEST, &manifest)]].concat();
        write_folder_atomically(folder.path(), &folder_name(7), &files).unwrap();
        folder
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let folder = rig();
        for name in ["search.json", "shared.safetensors", MANIFEST] {
            let path = folder.path().join(folder_name(7)).join(name);
            let bytes = fs::read(&path).unwrap();
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                fs::write(&path, &flipped).unwrap();
                match read(folder.path(), 7, None) {
                    Ok(Found::Damaged(Defect::Hash { .. } | Defect::Seal { .. }, _)) => {}
                    _ => panic!("byte {at} of {name}"),
                }
            }
            fs::write(&path, &bytes).unwrap();
        }
        assert!(
            matches!(read(folder.path(), 7, None), Ok(Found::Whole(_, files)) if files.len() == 2)
        );
    }

    #[test]
    fn only_names_of_checkpoints_are_taken_for_some() {
        let folder = rig();
        for name in ["7", "0000000000007", "+00000000007", ".tmp-000000000008", "1000000000000"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(steps(folder.path()).unwrap(), [7, 1_000_000_000_000]);
    }

    #[test]
    fn a_list_cannot_ask_for_all_memory() {
        let folder = rig();
        let path = folder.path().join(folder_name(7)).join(MANIFEST);
        let mut manifest = Manifest::new(7, "c0", &FILES, None);
        manifest.files.values_mut().for_each(|entry| entry.bytes = u64::MAX);
        fs::write(path, manifest.to_bytes()).unwrap();
        let found = read(folder.path(), 7, None);
        assert!(matches!(found, Ok(Found::Damaged(Defect::TooLarge { .. }, _))));
    }
}
