//! `MANIFEST.json`: the list that makes a folder of files a checkpoint.
//!
//! ```text
//! {
//!   "format": 3,                            what this list and the files look like
//!   "program": "0.1.0",                     which version wrote it
//!   "step": 4200,
//!   "config_hash": "…",
//!   "files": { "search.json": { "bytes": 1234, "blake3": "…" }, … },
//!   "previous": { "step": 4100, "blake3": "…" },   the manifest before, or null
//!   "seal": "…"                             BLAKE3 of this text, with these 64 digits as `0`
//! }
//! ```
//!
//! Every format, whatever else it changes, keeps `format` and the seal: so that a damaged list
//! is never taken for one that a later version wrote.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::Defect;
use crate::store::form::Refusal;
use crate::store::name::check_file_name;
use crate::store::text_seal::{open_seal, read_sealed, sealed_text};

/// The list's name in its folder.
pub(super) const MANIFEST: &str = "MANIFEST.json";

/// The format that this program writes, and the latest that it reads: format 2 has no
/// `promotion.json`, format 1 has another `search.json` too.
pub(super) const FORMAT: u32 = 3;

/// The earliest format that this program reads.
const OLDEST: u32 = 1;

/// The longest list that is read; one of a thousand files has 150 KB.
pub(super) const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// What is known of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) program: String,
    /// The step after which it was taken.
    pub(super) step: u64,
    /// The hash of the configuration that it belongs to.
    pub(super) config_hash: String,
    /// Every other file of the folder.
    pub(super) files: BTreeMap<String, FileEntry>,
    /// The checkpoint that it followed.
    pub(super) previous: Option<Link>,
    seal: String,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileEntry {
    /// Its size.
    pub(super) bytes: u64,
    /// The BLAKE3 of its contents, in hexadecimal digits.
    pub(super) blake3: String,
}

/// What is known of the checkpoint before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    /// Its step.
    pub(super) step: u64,
    /// The BLAKE3 of its `MANIFEST.json`, in hexadecimal digits.
    pub(super) blake3: String,
}

impl Manifest {
    /// Lists `files`.
    pub(super) fn new(
        step: u64,
        config_hash: &str,
        files: &[(&str, &[u8])],
        previous: Option<Link>,
    ) -> Self {
        let entry = |&(name, bytes): &(&str, &[u8])| {
            (name.to_owned(), FileEntry { bytes: bytes.len() as u64, blake3: hash(bytes) })
        };
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            step,
            config_hash: config_hash.to_owned(),
            files: files.iter().map(entry).collect(),
            previous,
            seal: open_seal(),
        }
    }

    /// As another version would write it.
    #[cfg(test)]
    pub(super) fn with_format(self, format: u32) -> Self {
        Self { format, ..self }
    }

    /// The sealed text.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let open = Self { seal: open_seal(), ..self.clone() };
        sealed_text(&open).expect("a struct of texts and numbers is JSON")
    }

    /// Reads a sealed text.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let manifest: Self = read_sealed(MANIFEST, bytes, FORMAT)?;
        let named = |file: &String| check_file_name(file, MANIFEST).is_ok();
        if manifest.format < OLDEST || !manifest.files.keys().all(named) {
            let name = MANIFEST.to_owned();
            return Err(Refusal::Damaged(Defect::Syntax { name, line: 0, column: 0 }));
        }
        Ok(manifest)
    }
}

/// The BLAKE3 of `bytes`, in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Manifest {
        let previous = Link { step: 4100, blake3: hash(b"before") };
        Manifest::new(4200, "c0ffee", &[("b", b"2"), ("a.json", b"{}")], Some(previous))
    }

    #[test]
    fn it_reads_back() {
        let bytes = example().to_bytes();
        let back = Manifest::from_bytes(&bytes).unwrap();
        assert_eq!(Manifest { seal: example().seal, ..back.clone() }, example());
        assert_eq!(back.to_bytes(), bytes);
    }

    #[test]
    fn every_bit_is_sealed() {
        let bytes = example().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let seal = Refusal::Damaged(Defect::Seal { name: MANIFEST.to_owned() });
            assert_eq!(Manifest::from_bytes(&flipped), Err(seal), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert!(Manifest::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_later_format_is_told_from_a_damaged_list_and_those_before_are_read() {
        let later = example().with_format(7);
        let refusal = Refusal::Later { found: 7, expected: FORMAT };
        assert_eq!(Manifest::from_bytes(&later.to_bytes()), Err(refusal));
        for format in [1, 2] {
            let before = example().with_format(format).to_bytes();
            assert_eq!(Manifest::from_bytes(&before).unwrap().format, format);
        }
        let none = example().with_format(0);
        assert!(matches!(Manifest::from_bytes(&none.to_bytes()), Err(Refusal::Damaged(_))));
    }

    #[test]
    fn a_list_cannot_name_files_elsewhere() {
        let outside = Manifest::new(1, "", &[("../a", b"")], None);
        assert!(matches!(Manifest::from_bytes(&outside.to_bytes()), Err(Refusal::Damaged(_))));
    }
}
