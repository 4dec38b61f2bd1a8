//! What a state folder is bound to: the settings that the search depends on, and what the data
//! holds, wherever that lies.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Config, Loaded};
use crate::daemon::DaemonError;
use crate::data::{Contents, Dataset, image_changes, image_list, is_list_of};
use crate::engine::OpenDevice;
use crate::store::{
    self, Binding, LoadedCheckpoint, StateFolder, StoreError, computed_by, config_text, data_text,
};

/// The setting that binds a checkpoint which does not know the contents of its data.
const PATH: &str = "data.path";

/// What a search with `config` on `contents` belongs to that is computed by `computed_by`.
pub(super) fn binding(config: &Config, contents: &Contents, computed_by: String) -> Binding {
    let data = serde_json::to_string(contents).expect("texts and numbers are JSON");
    Binding { config: config.fingerprint(), data, computed_by }
}

/// What helps a search that moves.
const MAY_MOVE: &str =
    "\nA search may go on with these, with other bits, under `engine.resume_elsewhere = true`";

/// What a search that moves may change.
const ELSEWHERE: [&str; 2] = ["engine.device", "engine.executor"];

/// Where something else computed the checkpoint than computes `now`, the bits would be no longer those
/// of a run that stayed where it was: it is refused for `why`, or the text of an event.
fn moved(
    config: &Config,
    found: &LoadedCheckpoint,
    now: &str,
    why: &str,
) -> Result<Option<String>, DaemonError> {
    let Some(before) = computed_by(found)?.filter(|&before| before != now) else {
        return Ok(None);
    };
    let step = found.step;
    if config.engine.resume_elsewhere {
        return Ok(Some(format!(
            "the checkpoint of step {step} was computed by {before}; from here on {now} computes, with \
             other bits than a run that had stayed there"
        )));
    }
    let [before, now, why] = [before, now, why].map(str::to_owned);
    Err(DaemonError::Elsewhere { step, before, now, why })
}

/// The configuration as it goes on with the checkpoint's search. One that contradicts it is refused
/// with the keys that differ.
pub(super) fn go_on(
    loaded: &Loaded,
    folder: &StateFolder,
    found: &LoadedCheckpoint,
) -> Result<Loaded, DaemonError> {
    let text = config_text(found)?;
    let loaded = loaded.continuing(text)?;
    let kept = loaded.kept();
    if !kept.is_empty() {
        tracing::info!("as the search began, for nobody has set it: {}", kept.join(", "));
    }
    let mut differences = loaded.config.differences(text)?;
    if data_text(found)?.is_none() {
        differences.extend(loaded.config.difference_in(PATH, text)?);
    }
    if loaded.config.engine.resume_elsewhere {
        differences.retain(|difference| !ELSEWHERE.contains(&difference.key.as_str()));
    }
    if differences.is_empty() {
        return Ok(loaded);
    }
    let is_move = differences.iter().all(|found| ELSEWHERE.contains(&found.key.as_str()));
    Err(DaemonError::OtherSearch {
        path: folder.path().to_owned(),
        differences: differences.iter().map(|difference| format!("  {difference}")).collect(),
        hint: if is_move { MAY_MOVE } else { "" },
    })
}

/// Refuses a checkpoint of other data. Gives what is worth an event where a search goes on from
/// `found`, by kind.
pub(super) fn events(
    config: &Config,
    folder: &StateFolder,
    found: &LoadedCheckpoint,
    data: (&Dataset, &Contents),
    (computed_by, device): (&str, &OpenDevice),
) -> Result<Vec<(&'static str, String)>, DaemonError> {
    let bound = check_data(config, folder, found, data)?;
    let moved = moved(config, found, computed_by, &device.reason)?;
    if let Some(event) = &moved {
        tracing::warn!("{event}");
    }
    let events = [("data", bound), ("device", moved)].into_iter();
    Ok(events.filter_map(|(kind, event)| Some((kind, event?))).collect())
}

/// Refuses a checkpoint of other data, and says what differs. Gives the text of an event where the
/// checkpoint is older than the binding to contents.
fn check_data(
    config: &Config,
    folder: &StateFolder,
    found: &LoadedCheckpoint,
    (dataset, contents): (&Dataset, &Contents),
) -> Result<Option<String>, DaemonError> {
    let recorded = data_text(found)?;
    let Some(recorded) = recorded else {
        return Ok(Some(format!(
            "the checkpoint of step {} is older than the binding to contents: from now on the \
             state belongs to the data with the fingerprint {}",
            found.step,
            contents.blake3()
        )));
    };
    let before: Contents = serde_json::from_str(recorded).map_err(StoreError::from)?;
    if before == *contents {
        return Ok(None);
    }
    let mut changes = contents.changes_from(&before);
    let list = fs::read(list_path(folder)).unwrap_or_default();
    if let Dataset::Images(data) = dataset
        && is_list_of(&list, before.blake3())
    {
        changes.extend(image_changes(&list, data)?);
    }
    if changes.is_empty() {
        let items = if matches!(dataset, Dataset::Images(_)) { "images" } else { "words" };
        changes.push(format!("{items}, or their order"));
    }
    Err(DaemonError::OtherData {
        path: folder.path().to_owned(),
        data: config.search.data.path.clone(),
        changes: changes.iter().map(|change| format!("  {change}")).collect(),
    })
}

/// Keeps the list of the images, if the data are any, beside the state, once for each fingerprint. Without it nothing
/// but the name of an image that changes is lost, so that it cannot be written is no error.
pub(super) fn keep_list(
    folder: &StateFolder,
    dataset: &Dataset,
    contents: &Contents,
) -> Result<(), DaemonError> {
    let (Dataset::Images(data), Contents::Images(contents)) = (dataset, contents) else {
        return Ok(());
    };
    let path = list_path(folder);
    if fs::read(&path).is_ok_and(|list| is_list_of(&list, &contents.blake3)) {
        return Ok(());
    }
    let list = image_list(data, contents)?;
    if let Err(error) = store::write_atomically(&path, &list) {
        tracing::warn!("the list of the images cannot be kept: {error}");
    }
    Ok(())
}

fn list_path(folder: &StateFolder) -> PathBuf {
    Path::join(folder.path(), "images.jsonl.gz")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{BestFolder, Checkpoints, Retention};

    /// What is told of a checkpoint with these files where `cpu, fast (AVX-512)` computes now.
    fn told(may_move: bool, files: &[(&str, &[u8])]) -> Result<Option<String>, DaemonError> {
        let root = tempfile::tempdir().unwrap();
        let folder = StateFolder::open(&root.path().join("state")).unwrap();
        BestFolder::open(&folder.best()).unwrap();
        let checkpoints = Checkpoints::new(&folder, Retention::newest(3).unwrap());
        checkpoints.write(3, "hash", files).unwrap();
        let found = checkpoints.load_newest().unwrap().unwrap();
        let mut config = Config::default();
        config.engine.resume_elsewhere = may_move;
        moved(&config, &found, "cpu, fast (AVX-512)", "no CUDA device: none")
    }

    #[test]
    fn a_checkpoint_that_something_else_computed_is_refused_unless_it_may_move() {
        let there: &[(&str, &[u8])] = &[("computed_by.txt", b"cuda, cuda (kernels 1)")];
        for may_move in [false, true] {
            assert_eq!(told(may_move, &[("config.json", b"{}")]).unwrap(), None, "too old to know");
            let here: &[(&str, &[u8])] = &[("computed_by.txt", b"cpu, fast (AVX-512)")];
            assert_eq!(told(may_move, here).unwrap(), None);
        }
        let text = told(true, there).unwrap().unwrap();
        let begins = "the checkpoint of step 3 was computed by cuda, cuda (kernels 1)";
        assert!(text.starts_with(begins), "{text}");
        let refused = told(false, there).unwrap_err();
        assert_eq!(refused.exit_code(), 78);
        let text = refused.to_string();
        let parts = ["cuda (kernels 1)", "no CUDA device: none", "engine.resume_elsewhere = true"];
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
}
