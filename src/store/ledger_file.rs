//! `test-split.json`: the ledger of the test split on disk.
//!
//! ```text
//! {
//!   "format": 1,
//!   "data": "…",              the fingerprint of the data whose test split it is
//!   "ledger": { … },          who was measured, in which order, and what was seen
//!   "seal": "…"               BLAKE3 of this text, with these 64 digits as `0`
//! }
//! ```
//!
//! No search can make it again, so nothing here begins it anew where it was once written: one that
//! is damaged is an error, and so is one that counts less than a checkpoint knows of, as it is where
//! it was deleted. A person who has no backup says so in its place, with the line `begin after N`:
//! N looks are then counted of which nothing else is known.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::TestLedger;
use crate::search::Finals;
use crate::store::atomic::clean_leftovers;
use crate::store::form::Refusal;
use crate::store::read::{Length, read_file};
use crate::store::text_seal::{open_seal, read_sealed, sealed_text};
use crate::store::{Defect, LedgerFault, StoreError, write_atomically};

/// The version of the file's form.
const FORMAT: u32 = 1;

/// The longest ledger that is read or written: a hundred thousand certificates of two nets on the
/// ten thousand test images of CIFAR-10.
const MAX_BYTES: u64 = 1 << 29;

/// What a person writes who gives up a ledger, before the number of looks that are known.
const BEGIN: &str = "begin after ";

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedLedger<'a> {
    format: u32,
    data: Cow<'a, str>,
    ledger: Cow<'a, TestLedger>,
    seal: String,
}

/// The file of the ledger of one data set's test split.
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
    /// The fingerprint of the data.
    data: String,
}

impl LedgerFile {
    /// The file at `path`, of the data with the fingerprint `data`. Nothing is read.
    pub fn open(path: &Path, data: &str) -> Self {
        Self { path: path.to_owned(), data: data.to_owned() }
    }

    /// Reads the ledger, after it has cleaned up what a crash left. One that is not there counts
    /// nothing: [`check`](Self::check) says whether that can be.
    pub fn load(&self) -> Result<TestLedger, StoreError> {
        clean_leftovers(self.folder())?;
        self.look()
    }

    /// The same, with nothing changed.
    pub(super) fn look(&self) -> Result<TestLedger, StoreError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = match read_file(self.folder(), &name, Length::AtMost(MAX_BYTES)) {
            Err(StoreError::Corrupt { why: Defect::Missing { .. }, .. }) => {
                return Ok(TestLedger::default());
            }
            Err(StoreError::Corrupt { why, .. }) => return Err(self.damaged(why)),
            bytes => bytes?,
        };
        match given_up(&bytes) {
            Some(Ok(lost)) => Ok(TestLedger::after(lost)),
            Some(Err(found)) => Err(self.error(LedgerFault::GivenUp { found })),
            None => self.read(&name, &bytes),
        }
    }

    /// Refuses a ledger that counts fewer looks than `finals`, a checkpoint's, knows of: it was
    /// deleted, or an older one stands in its place.
    pub fn check(&self, ledger: &TestLedger, finals: &Finals) -> Result<(), StoreError> {
        let known = known_uses(finals);
        if ledger.uses() < known {
            return Err(self.error(LedgerFault::Lost { known }));
        }
        Ok(())
    }

    /// Replaces the ledger; when this returns, it survives a power cut.
    pub fn save(&self, ledger: &TestLedger) -> Result<(), StoreError> {
        let (data, ledger) = (Cow::Borrowed(&*self.data), Cow::Borrowed(ledger));
        let text = sealed_text(&SealedLedger { format: FORMAT, data, ledger, seal: open_seal() })?;
        let bytes = text.len() as u64;
        if MAX_BYTES < bytes {
            let path = self.path.clone();
            return Err(StoreError::TooLarge { path, bytes, limit_bytes: MAX_BYTES });
        }
        write_atomically(&self.path, &text)
    }

    fn read(&self, name: &str, bytes: &[u8]) -> Result<TestLedger, StoreError> {
        let refused = |refusal| match refusal {
            Refusal::Damaged(why) => self.damaged(why),
            later @ Refusal::Later { .. } => later.of(&self.path),
        };
        let SealedLedger { data, ledger, .. } =
            read_sealed(name, bytes, FORMAT).map_err(refused)?;
        if data != self.data {
            let (found, expected) = (data.into_owned(), self.data.clone());
            return Err(self.error(LedgerFault::OtherData { found, expected }));
        }
        Ok(ledger.into_owned())
    }

    fn folder(&self) -> &Path {
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    fn damaged(&self, why: Defect) -> StoreError {
        self.error(LedgerFault::Damaged(why))
    }

    fn error(&self, fault: LedgerFault) -> StoreError {
        StoreError::Ledger { path: self.path.clone(), fault }
    }
}

/// The looks that were counted by a ledger that a person gives up, or what stands there instead.
fn given_up(bytes: &[u8]) -> Option<Result<u32, String>> {
    let looks = std::str::from_utf8(bytes).ok()?.trim().strip_prefix(BEGIN)?;
    Some(looks.parse().map_err(|_| looks.chars().take(20).collect()))
}

/// How often the test split was used at least, by what a checkpoint says.
fn known_uses(finals: &Finals) -> u64 {
    let promotions = finals.under_way.iter().chain(&finals.waiting);
    let candidates = promotions.flat_map(|promotion| &promotion.candidates);
    let certificates = candidates.filter_map(|candidate| candidate.certificate.as_ref());
    let numbers = certificates.map(|certificate| certificate.number);
    let champion = finals.champion.as_ref().map_or(0, |champion| champion.certificate);
    // Both of a pair were measured; one of them may be of an earlier promotion.
    let pairs = u64::from(!finals.pairs.is_empty());
    numbers.max().unwrap_or(0).max(champion).max(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{NetResult, Opening};
    use crate::search::Pair;
    use std::fs;

    struct Rig {
        root: tempfile::TempDir,
    }

    impl Rig {
        fn new() -> Self {
            Self { root: tempfile::tempdir().unwrap() }
        }

        fn path(&self) -> PathBuf {
            self.root.path().join("test-split.json")
        }

        fn file(&self) -> LedgerFile {
            LedgerFile::open(&self.path(), "d0")
        }

        #[track_caller]
        fn check_refused(&self, why: &str) {
            let before = fs::read(self.path()).unwrap();
            let err = self.file().load().unwrap_err().to_string();
            assert!(err.contains(why) && err.contains("test-split.json"), "{why}: {err}");
            assert_eq!(fs::read(self.path()).unwrap(), before);
        }
    }

    fn used() -> TestLedger {
        let mut ledger = TestLedger::default();
        for candidate in ["a", "b"] {
            let Opening::Open(receipt) = ledger.open(candidate) else { panic!("{candidate}") };
            ledger.close(receipt, vec![NetResult::new(f64::NAN, &[true, false])]);
        }
        ledger.open("c");
        ledger
    }

    #[test]
    fn a_ledger_reads_back_over_any_leftover() {
        let rig = Rig::new();
        assert_eq!(rig.file().load().unwrap(), TestLedger::default());
        rig.file().save(&TestLedger::default()).unwrap();
        rig.file().save(&used()).unwrap();
        fs::write(rig.root.path().join(".tmp-test-split.json"), "half of").unwrap();
        assert_eq!(rig.file().load().unwrap(), used());
        let names = crate::store::atomic::names(rig.root.path()).unwrap();
        assert_eq!(names, ["test-split.json"]);
    }

    #[test]
    fn every_bit_is_sealed_and_nothing_is_begun_anew() {
        let rig = Rig::new();
        rig.file().save(&used()).unwrap();
        let whole = fs::read(rig.path()).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(rig.path(), flipped).unwrap();
            rig.check_refused("is damaged: `test-split.json` was changed");
        }
        for len in [0, 1, whole.len() - 1] {
            fs::write(rig.path(), &whole[..len]).unwrap();
            rig.check_refused("is damaged: `test-split.json` was changed");
        }
        fs::remove_file(rig.path()).unwrap();
        fs::create_dir(rig.path()).unwrap();
        let err = rig.file().load().unwrap_err();
        assert!(err.to_string().contains("is not a regular file"), "{err}");
    }

    #[test]
    fn a_ledger_of_other_data_or_of_a_later_format_is_refused() {
        let rig = Rig::new();
        LedgerFile::open(&rig.path(), "d1").save(&used()).unwrap();
        rig.check_refused("of other data (d1, these are d0)");
        let (data, ledger) = ("d0".into(), Cow::Owned(used()));
        let later = SealedLedger { format: 7, data, ledger, seal: open_seal() };
        fs::write(rig.path(), sealed_text(&later).unwrap()).unwrap();
        rig.check_refused("has format 7, this program reads up to 1");
    }

    #[test]
    fn a_ledger_that_counts_less_than_the_checkpoint_is_lost_until_somebody_gives_it_up() {
        let rig = Rig::new();
        let pair = Pair { cycle: 0, difference: 0.0, error: None, freedom: 0 };
        let finals = Finals { pairs: vec![pair], ..Finals::default() };
        let check = |finals: &Finals| {
            let file = rig.file();
            let ledger = file.load().unwrap();
            file.check(&ledger, finals).map(|()| ledger)
        };
        assert_eq!(check(&Finals::default()).unwrap(), TestLedger::default());
        let err = check(&finals).unwrap_err().to_string();
        assert!(err.contains("fewer than the 1 looks") && err.contains("`begin after 1`"), "{err}");
        fs::write(rig.path(), "begin after 1\n").unwrap();
        let mut ledger = check(&finals).unwrap();
        assert_eq!((ledger.uses(), ledger.certificates().len()), (1, 0));
        ledger.open("a");
        rig.file().save(&ledger).unwrap();
        assert_eq!(check(&finals).unwrap(), ledger);
        let last = u64::from(u32::MAX);
        fs::write(rig.path(), format!("begin after {last}")).unwrap();
        let mut ledger = check(&finals).unwrap();
        let Opening::Open(receipt) = ledger.open("a") else { panic!("nobody has looked") };
        assert_eq!(ledger.close(receipt, Vec::new()).number, last + 1);
        for found in ["all", "4294967296", "18446744073709551615", "-1"] {
            fs::write(rig.path(), format!("begin after {found}\n")).unwrap();
            rig.check_refused(&format!(
                "gives up a ledger that held `{found}` looks at the test split; write a whole \
                 number from 0 to 4294967295"
            ));
        }
    }
}
