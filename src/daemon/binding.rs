//! What a state folder is bound to: the settings that the search depends on, and what the data
//! holds, wherever that lies.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, Loaded};
use crate::daemon::DaemonError;
use crate::data::{Contents, Dataset, image_changes, image_list, is_list_of};
use crate::store::{self, Binding, StateFolder, StoreError, config_text, data_text};

/// The setting that binds a checkpoint which does not know the contents of its data.
const PATH: &str = "data.path";

/// What a search with `config` on `contents` belongs to.
pub(super) fn binding(config: &Config, contents: &Contents) -> Binding {
    let data = serde_json::to_string(contents).expect("texts and numbers are JSON");
    Binding { config: config.fingerprint(), data }
}

/// The configuration as it goes on with the checkpoint's search. One that contradicts it is refused
/// with the keys that differ.
pub(super) fn go_on(
    loaded: &Loaded,
    folder: &StateFolder,
    found: &store::Loaded,
) -> Result<Loaded, DaemonError> {
    let text = config_text(found)?;
    let loaded = loaded.continuing(text)?;
    let mut differences = loaded.config.differences(text)?;
    if data_text(found)?.is_none() {
        differences.extend(loaded.config.difference_in(PATH, text)?);
    }
    if differences.is_empty() {
        return Ok(loaded);
    }
    Err(DaemonError::OtherSearch {
        path: folder.path().to_owned(),
        differences: differences.iter().map(|difference| format!("  {difference}")).collect(),
    })
}

/// Refuses a checkpoint of other data, and says what differs. Gives the text of an event where the
/// checkpoint is older than the binding to contents.
pub(super) fn check_data(
    config: &Config,
    folder: &StateFolder,
    found: &store::Loaded,
    (dataset, contents): (&Dataset, &Contents),
) -> Result<Option<String>, DaemonError> {
    let recorded = data_text(found)?;
    let Some(recorded) = recorded else {
        return Ok(Some(format!(
            "the checkpoint of step {} is older than the binding to contents: from now on the \
             state belongs to the data with the fingerprint {}",
            found.step, contents.blake3
        )));
    };
    let before: Contents = serde_json::from_str(recorded).map_err(StoreError::from)?;
    if before == *contents {
        return Ok(None);
    }
    let mut changes = contents.changes_from(&before);
    let list = fs::read(list_path(folder)).unwrap_or_default();
    if is_list_of(&list, &before.blake3) {
        changes.extend(image_changes(&list, dataset)?);
    }
    if changes.is_empty() {
        changes.push("images, or their order".to_owned());
    }
    Err(DaemonError::OtherData {
        path: folder.path().to_owned(),
        data: config.data.path.clone(),
        changes: changes.iter().map(|change| format!("  {change}")).collect(),
    })
}

/// Keeps the list of the images beside the state, once for each fingerprint. Without it nothing
/// but the name of an image that changes is lost, so that it cannot be written is no error.
pub(super) fn keep_list(
    folder: &StateFolder,
    dataset: &Dataset,
    contents: &Contents,
) -> Result<(), DaemonError> {
    let path = list_path(folder);
    if fs::read(&path).is_ok_and(|list| is_list_of(&list, &contents.blake3)) {
        return Ok(());
    }
    let list = image_list(dataset, contents)?;
    if let Err(error) = store::write_atomically(&path, &list) {
        tracing::warn!("the list of the images cannot be kept: {error}");
    }
    Ok(())
}

fn list_path(folder: &StateFolder) -> PathBuf {
    Path::join(folder.path(), "images.jsonl.gz")
}
