//! `costs.json`: how long layers take, as it was measured when the search began.
//!
//! ```text
//! {
//!   "format": 1,
//!   "computed_by": "…",       the device and the executor that were measured
//!   "layers": { … },          the times of layers, by kind and then by shapes
//!   "seal": "…"               BLAKE3 of this text, with these 64 digits as `0`
//! }
//! ```

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::net::LayerTimes;
use crate::store::folder::COSTS;
use crate::store::read::{Length, read_file};
use crate::store::text_seal::{open_seal, read_sealed, sealed_text};
use crate::store::{Defect, StoreError, write_atomically};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// The longest table that is read: of a hundred thousand layers.
const MAX_BYTES: u64 = 1 << 24;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedCosts<'a> {
    format: u32,
    computed_by: Cow<'a, str>,
    layers: Cow<'a, LayerTimes>,
    seal: String,
}

/// The file of how long layers take in a state folder.
#[derive(Debug)]
pub struct CostFile {
    folder: PathBuf,
}

impl CostFile {
    /// The file in the state folder at `folder`. Nothing is read.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// How long layers take; none where the file is not there. One that is not what was written is
    /// [`StoreError::Corrupt`].
    pub fn load(&self) -> Result<Option<LayerTimes>, StoreError> {
        let damaged = |why| StoreError::Corrupt { path: self.path(), why };
        let bytes = match read_file(&self.folder, COSTS, Length::AtMost(MAX_BYTES)) {
            Err(StoreError::Corrupt { why: Defect::Missing { .. }, .. }) => return Ok(None),
            Err(StoreError::Corrupt { why, .. }) => return Err(damaged(why)),
            bytes => bytes?,
        };
        let SealedCosts { layers, .. } =
            read_sealed(COSTS, &bytes, FORMAT).map_err(|refusal| refusal.of(&self.path()))?;
        Ok(Some(layers.into_owned()))
    }

    /// Replaces the file by what was measured with the executor `computed_by`; when this returns, it
    /// survives a power cut.
    pub fn save(&self, computed_by: &str, layers: &LayerTimes) -> Result<(), StoreError> {
        let (computed_by, layers) = (Cow::Borrowed(computed_by), Cow::Borrowed(layers));
        let open = SealedCosts { format: FORMAT, computed_by, layers, seal: open_seal() };
        write_atomically(&self.path(), &sealed_text(&open)?)
    }

    fn path(&self) -> PathBuf {
        self.folder.join(COSTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn times() -> LayerTimes {
        let time = r#"{"relu": {"1x2x2": {"ns": 7, "ns_more": 0, "work": 4}}}"#;
        serde_json::from_str(time).unwrap()
    }

    fn rig() -> (tempfile::TempDir, CostFile) {
        let root = tempfile::tempdir().unwrap();
        let file = CostFile::of(root.path());
        file.save("cpu, fast", &times()).unwrap();
        (root, file)
    }

    #[test]
    fn a_table_reads_back_and_one_that_is_not_there_is_none() {
        let (_root, file) = rig();
        assert_eq!(file.load().unwrap(), Some(times()));
        fs::remove_file(file.path()).unwrap();
        assert_eq!(file.load().unwrap(), None);
    }

    #[test]
    fn every_bit_is_sealed_and_a_folder_is_no_table() {
        let (_root, file) = rig();
        let whole = fs::read(file.path()).unwrap();
        let check_damaged = |what: &str| {
            let error = file.load().unwrap_err();
            let StoreError::Corrupt { path, .. } = &error else { panic!("{what}: {error}") };
            assert_eq!(*path, file.path(), "{what}");
        };
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(file.path(), flipped).unwrap();
            check_damaged(&format!("byte {at}"));
            fs::write(file.path(), &whole[..at]).unwrap();
            check_damaged(&format!("{at} bytes"));
        }
        fs::remove_file(file.path()).unwrap();
        fs::create_dir(file.path()).unwrap();
        check_damaged("a folder");
    }

    #[test]
    fn a_later_form_and_what_cannot_be_read_are_no_damage() {
        let (root, file) = rig();
        let (computed_by, layers) = (Cow::Borrowed(""), Cow::Owned(times()));
        let later = SealedCosts { format: 2, computed_by, layers, seal: open_seal() };
        fs::write(file.path(), sealed_text(&later).unwrap()).unwrap();
        let error = file.load().unwrap_err();
        assert!(matches!(error, StoreError::Format { found: 2, expected: 1, .. }), "{error}");
        // Longer than any name may be.
        let nowhere = CostFile::of(&root.path().join("x".repeat(300)));
        let error = nowhere.load().unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
}
