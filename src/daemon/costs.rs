//! How long layers take on this machine: measured when a search begins, where a limit goes by it, and
//! kept as `costs.json`.
//!
//! Which architectures are within `limits.milliseconds` follows from that file and from no clock,
//! so that a search that is resumed, on a busy machine or on another one, draws what the unbroken
//! one would have drawn.

use std::path::Path;

use crate::bench::time_layers;
use crate::daemon::DaemonError;
use crate::engine::DeviceChoice;
use crate::net::LayerTimes;
use crate::random::{Owner, generator};
use crate::search::{Random, SearchError, Task};
use crate::store::{CostFile, StoreError};

/// Architectures drawn uniformly whose layers are measured. Nearly every layer that there is in a
/// space is in one of them; others are reckoned from those that are.
const ARCHS: usize = 200;

/// What is worth an event, by kind.
pub(super) type Told = Option<(&'static str, String)>;

/// The task with the times of its layers where a limit goes by them, and what is worth an event, by
/// kind. `is_begun` says whether the search goes on from a checkpoint: one that does not is bound by
/// no file, which may be of another search or another machine.
pub(super) fn timed(
    task: Task,
    state: &Path,
    device: DeviceChoice,
    is_begun: bool,
) -> Result<(Task, Told), DaemonError> {
    if task.config.limits.milliseconds == 0.0 {
        return Ok((task, None));
    }
    let file = CostFile::of(state);
    let mut lost = None;
    if is_begun {
        lost = Some(match file.load() {
            Ok(Some(times)) => return Ok((task.timed(times)?, None)),
            Ok(None) => "there is no costs.json any more".to_owned(),
            Err(StoreError::Corrupt { why, .. }) => format!("costs.json is damaged: {why}"),
            Err(error) => return Err(error.into()),
        });
    }
    let layers = measured(&task)?;
    file.save(&format!("{device}, {}", task.exec.name()), &layers)?;
    let event = lost.map(|why| {
        let text = format!(
            "how long layers take was measured again, for {why}: which architectures are within \
             limits.milliseconds may differ from here on"
        );
        ("costs", text)
    });
    Ok((task.timed(layers)?, event))
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
    use std::fs;
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
        let dataset = Dataset::load(&config.data, config.seed).unwrap();
        Task::new(config, dataset, Arc::new(CpuExec::new())).unwrap()
    }

    /// What an architecture takes by what `timed` makes of a task with a limit that nothing reaches,
    /// and whether there is an event.
    fn look(state: &Path, is_begun: bool) -> (f64, bool) {
        let task = task(1e6);
        let space = task.space;
        let arch: Arch = space.first_arch();
        let (task, event) = timed(task, state, DeviceChoice::Cpu, is_begun).unwrap();
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
        let file = CostFile::of(state.path());
        file.save("cpu, fast", &doubled(&file.load().unwrap().unwrap())).unwrap();
        assert_eq!(look(state.path(), true), (2.0 * first, false));
    }

    #[test]
    fn a_search_that_begins_believes_no_table_that_it_finds() {
        let state = tempfile::tempdir().unwrap();
        look(state.path(), false);
        let file = CostFile::of(state.path());
        let mut found = file.load().unwrap().unwrap();
        // So long that no measurement comes near.
        for _ in 0..30 {
            found = doubled(&found);
        }
        file.save("tpu", &found).unwrap();
        let (milliseconds, is_told) = look(state.path(), false);
        assert!(milliseconds < 1e6 && !is_told, "{milliseconds}");
        assert_ne!(file.load().unwrap().unwrap(), found);
    }

    #[test]
    fn a_table_that_is_gone_or_broken_is_measured_again_and_told_where_it_was_gone_by() {
        let state = tempfile::tempdir().unwrap();
        assert!(!look(state.path(), false).1, "nothing was drawn yet");
        let path = state.path().join("costs.json");
        fs::write(&path, &fs::read(&path).unwrap()[1..]).unwrap();
        assert!(look(state.path(), true).1, "damaged");
        fs::remove_file(&path).unwrap();
        assert!(look(state.path(), true).1, "gone");
        assert!(!look(state.path(), true).1);
        assert!(timed(task(1e6), &state.path().join("nowhere"), DeviceChoice::Cpu, false).is_err());
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error_of_a_search_that_has_begun() {
        let state = tempfile::tempdir().unwrap();
        // Longer than any name may be.
        let nowhere = state.path().join("x".repeat(300));
        let error = timed(task(1e6), &nowhere, DeviceChoice::Cpu, true).err().unwrap();
        assert!(matches!(error, DaemonError::Store(StoreError::Io { .. })), "{error}");
    }

    #[test]
    fn nothing_is_measured_where_no_limit_goes_by_it() {
        let state = tempfile::tempdir().unwrap();
        let (task, event) = timed(task(0.0), state.path(), DeviceChoice::Cpu, true).unwrap();
        let space = task.space;
        let arch = space.first_arch();
        assert_eq!((task.budget.cost(&arch).unwrap().milliseconds, event), (None, None));
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
    }
}
