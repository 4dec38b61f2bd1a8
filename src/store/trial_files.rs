//! stub
use crate::engine::{from_safetensors, to_safetensors};
use crate::search::{Score, TrialPlan, TrialState};
use crate::store::StoreError;
use candle_core::DType;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
/// stub
#[derive(Debug)]
pub struct TrialFolder {
    path: PathBuf,
}
impl TrialFolder {
    /// stub
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(path).unwrap();
        Ok(Self { path: path.to_owned() })
    }
    /// stub
    pub fn put(&self, key: &str, _plan: &TrialPlan, state: &TrialState) -> Result<(), StoreError> {
        let p = self.path.join(key);
        std::fs::create_dir_all(&p).unwrap();
        std::fs::write(p.join("params"), to_safetensors(&state.params)?).unwrap();
        std::fs::write(p.join("running"), to_safetensors(&state.running)?).unwrap();
        std::fs::write(p.join("momenta"), to_safetensors(&state.momenta)?).unwrap();
        let v = state.valid.map(|s| (s.nll, s.correct, s.items));
        std::fs::write(p.join("t.json"), serde_json::to_vec(&(state.epoch, v)).unwrap()).unwrap();
        Ok(())
    }
    /// stub
    pub fn load(&self, key: &str) -> Result<Option<TrialState>, StoreError> {
        let p = self.path.join(key);
        if !p.join("t.json").is_file() {
            return Ok(None);
        }
        let read = |n: &str| std::fs::read(p.join(n)).unwrap();
        let (epoch, v): (u64, Option<(f64, u64, u64)>) =
            serde_json::from_slice(&read("t.json")).unwrap();
        Ok(Some(TrialState {
            epoch,
            params: from_safetensors(&read("params"), DType::F32)?,
            momenta: from_safetensors(&read("momenta"), DType::F32)?,
            running: from_safetensors(&read("running"), DType::F32)?,
            valid: v.map(|(nll, correct, items)| Score { nll, correct, items }),
        }))
    }
    /// stub
    pub fn remove(&self, _key: &str) -> Result<(), StoreError> {
        Ok(())
    }
    /// stub
    pub fn list(&self) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
    /// stub
    pub fn retain(&self, _keys: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }
}
