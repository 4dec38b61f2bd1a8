//! stub
use crate::data::TestLedger;
use crate::store::{StoreError, write_atomically};
use std::path::{Path, PathBuf};
/// stub
#[derive(Debug)]
pub struct LedgerFile {
    path: PathBuf,
}
impl LedgerFile {
    /// stub
    pub fn open(path: &Path, _data: &str) -> Self {
        Self { path: path.to_owned() }
    }
    /// stub
    pub fn load(&self) -> Result<TestLedger, StoreError> {
        Ok(std::fs::read(&self.path)
            .map(|b| serde_json::from_slice(&b).unwrap())
            .unwrap_or_default())
    }
    /// stub
    pub fn save(&self, ledger: &TestLedger) -> Result<(), StoreError> {
        write_atomically(&self.path, &serde_json::to_vec(ledger)?)
    }
}
