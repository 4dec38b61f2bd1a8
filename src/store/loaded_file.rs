//! A file of a checkpoint that was loaded.

use crate::store::{LoadedCheckpoint, StoreError};

/// Its bytes.
pub(super) fn file<'a>(loaded: &'a LoadedCheckpoint, name: &str) -> Result<&'a [u8], StoreError> {
    match loaded.files.get(name) {
        Some(bytes) => Ok(bytes),
        None => Err(content(loaded, format!("there is no {name}"))),
    }
}

/// What is said of its content.
pub(super) fn content(loaded: &LoadedCheckpoint, why: String) -> StoreError {
    StoreError::Content { step: loaded.step, why }
}
