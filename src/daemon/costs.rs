//! How long layers take on this machine: measured once for a state folder, where a limit goes by it,
//! and kept there as `costs.json`.
//!
//! Which architectures are within `limits.milliseconds` follows from that file and from no clock,
//! so that a search that is resumed, on a busy machine or on another one, draws what the unbroken
//! one would have drawn.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::bench::time_layers;
use crate::daemon::DaemonError;
use crate::net::LayerTimes;
use crate::random::{Owner, generator};
use crate::search::{Random, SearchError, Task};
use crate::store::{StoreError, write_atomically};

/// The name of the file.
const COSTS: &str = "costs.json";

/// The format of the file.
const FORMAT: u32 = 1;

/// Architectures drawn uniformly whose layers are measured. Nearly every layer that there is in a
/// space is in one of them; others are reckoned from those that are.
const ARCHS: usize = 200;

/// The content of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostFile {
    format: u32,
    /// The device and the executor.
    computed_by: String,
    layers: LayerTimes,
}

/// What is worth an event, by kind.
pub(super) type Told = Option<(&'static str, String)>;

/// The task with the times of its layers where a limit goes by them, and what is worth an event, by
/// kind. `is_begun` says whether the search has drawn anything yet.
pub(super) fn timed(
    task: Task,
    state: &Path,
    computed_by: &str,
    is_begun: bool,
) -> Result<(Task, Told), DaemonError> {
    if task.config.limits.milliseconds == 0.0 {
        return Ok((task, None));
    }
    let path = state.join(COSTS);
    let why = match read(&path) {
        Ok(Some(times)) => return Ok((task.timed(times)?, None)),
        Ok(None) => "there is no costs.json any more".to_owned(),
        Err(why) => format!("costs.json cannot be read: {why}"),
    };
    let layers = measured(&task)?;
    let file = CostFile { format: FORMAT, computed_by: computed_by.to_owned(), layers };
    write_atomically(&path, &serde_json::to_vec_pretty(&file).map_err(StoreError::from)?)?;
    let event = is_begun.then(|| {
        let text = format!(
            "how long layers take was measured again, for {why}: which architectures are within \
             limits.milliseconds may differ from here on"
        );
        ("costs", text)
    });
    Ok((task.timed(file.layers)?, event))
}

/// The times that are kept; none where there are none, and why they cannot be read.
fn read(path: &Path) -> Result<Option<LayerTimes>, String> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let file: CostFile = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    match file.format {
        FORMAT => Ok(Some(file.layers)),
        other => Err(format!("it has format {other}, and this enasd reads format {FORMAT}")),
    }
}

/// Measures the layers of the nets that stand alone.
fn measured(task: &Task) -> Result<LayerTimes, DaemonError> {
    let mut rng = generator(task.config.seed, Owner::Uniform, u64::MAX);
    let rollouts = Random::sample(&task.space.script(), ARCHS, &mut rng);
    let nets = rollouts.into_iter().map(|rollout| {
        let arch = task.space.arch(&rollout.choices).map_err(SearchError::from)?;
        Ok(task.family.standalone(&arch).map_err(SearchError::from)?)
    });
    let nets = nets.collect::<Result<Vec<_>, DaemonError>>()?;
    tracing::info!("measures how long each kind of layer takes here, for limits.milliseconds");
    let mut times = LayerTimes::default();
    let timed = time_layers(task.exec.as_ref(), nets, &mut times);
    let layers = timed.map_err(|error| DaemonError::Timing { why: error.to_string() })?;
    tracing::info!(layers, "how long layers take is known, and kept in costs.json");
    Ok(times)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::Dataset;
    use crate::engine::CpuExec;
    use crate::net::NetConfig;
    use crate::search::{LimitsConfig, SearchConfig};
    use crate::space::{Arch, SpaceConfig};

    fn task(milliseconds: f64) -> Task {
        let config = SearchConfig {
            space: SpaceConfig { nodes: 2, ..SpaceConfig::default() },
            net: NetConfig { channels: 2, ..NetConfig::default() },
            limits: LimitsConfig { milliseconds, ..LimitsConfig::default() },
            ..SearchConfig::default()
        };
        let dataset = Arc::new(Dataset::load(&config.data, config.seed).unwrap());
        Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap()
    }

    /// What an architecture takes by what `timed` makes of a task with a limit that nothing reaches,
    /// and whether there is an event.
    fn look(state: &Path, is_begun: bool) -> (f64, bool) {
        let task = task(1e6);
        let space = task.space;
        let arch: Arch = space.arch(&vec![0; space.script().options().count()]).unwrap();
        let (task, event) = timed(task, state, "cpu, fast", is_begun).unwrap();
        (task.budget.cost(&arch).unwrap().milliseconds.unwrap(), event.is_some())
    }

    /// The table with every time twice as long.
    fn doubled(times: &LayerTimes) -> LayerTimes {
        let mut table = serde_json::to_value(times).unwrap();
        let kinds = table.as_object_mut().unwrap().values_mut();
        for layer in kinds.flat_map(|kind| kind.as_object_mut().unwrap().values_mut()) {
            for part in ["ns", "ns_more"] {
                layer[part] = (2 * layer[part].as_u64().unwrap()).into();
            }
        }
        serde_json::from_value(table).unwrap()
    }

    #[test]
    fn layers_are_measured_once_and_then_read() {
        let state = tempfile::tempdir().unwrap();
        let (first, _) = look(state.path(), false);
        assert!(0.0 < first);
        assert_eq!(look(state.path(), true), (first, false));
        // A table with other numbers is believed.
        let path = state.path().join(COSTS);
        let mut file: CostFile = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        file.layers = doubled(&file.layers);
        fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        assert_eq!(look(state.path(), true), (2.0 * first, false));
    }

    #[test]
    fn a_table_that_is_gone_or_broken_is_measured_again_and_told_where_it_was_gone_by() {
        let state = tempfile::tempdir().unwrap();
        assert!(!look(state.path(), false).1, "nothing was drawn yet");
        for broken in ["{", r#"{"format":9,"computed_by":"","layers":{}}"#] {
            fs::write(state.path().join(COSTS), broken).unwrap();
            assert!(look(state.path(), true).1, "{broken}");
        }
        assert!(timed(task(1e6), &state.path().join("nowhere"), "", false).is_err());
    }

    #[test]
    fn nothing_is_measured_where_no_limit_goes_by_it() {
        let state = tempfile::tempdir().unwrap();
        let (task, event) = timed(task(0.0), state.path(), "", true).unwrap();
        let space = task.space;
        let arch = space.arch(&vec![0; space.script().options().count()]).unwrap();
        assert_eq!((task.budget.cost(&arch).unwrap().milliseconds, event), (None, None));
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
    }
}
