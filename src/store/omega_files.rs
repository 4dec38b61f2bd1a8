//! ω as files of a checkpoint, and back.
//!
//! ```text
//! shared.safetensors      ω, f32
//! optimizer.safetensors   the momenta of ω, f32
//! control.safetensors     the control arm's own ω under `omega.`, its momenta under `momentum.`, f32;
//!                         only where it has one
//! states.safetensors      of text: the states that the children of a step carry to the next window,
//!                         f32, under `omega.`; those of the control arm's under `control.`
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{DType, Tensor};

use crate::engine::{Snapshot, from_safetensors, to_safetensors};
use crate::net::ParamSpec;
use crate::search::{Arm, SearchConfig, SharedState, Task};
use crate::store::loaded_file::{content, file};
use crate::store::{LoadedCheckpoint, StoreError};

const SHARED: &str = "shared.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const CONTROL: &str = "control.safetensors";
const STATES: &str = "states.safetensors";

const OMEGA: &str = "omega.";
const MOMENTUM: &str = "momentum.";
const OF_CONTROL: &str = "control.";

/// The files of ω, of its optimizer, and of the states that nets of words carry.
pub(super) fn omega_files(
    shared: &SharedState,
) -> Result<Vec<(&'static str, Vec<u8>)>, StoreError> {
    let mut files = vec![
        (SHARED, to_safetensors(&shared.params)?),
        (OPTIMIZER, to_safetensors(&shared.momenta)?),
    ];
    if let Some(control) = &shared.control {
        let omega = joined([(OMEGA, &control.params), (MOMENTUM, &control.momenta)]);
        files.push((CONTROL, to_safetensors(&omega)?));
    }
    if !shared.carried.is_empty() {
        let none = Snapshot::new();
        let of_control = shared.control.as_ref().map_or(&none, |control| &control.carried);
        let states = joined([(OMEGA, &shared.carried), (OF_CONTROL, of_control)]);
        files.push((STATES, to_safetensors(&states)?));
    }
    Ok(files)
}

/// Both parts in one, their names under these prefixes.
pub(super) fn joined(parts: [(&str, &Snapshot); 2]) -> Snapshot {
    let named = |(prefix, part): (&str, &Snapshot)| -> Snapshot {
        part.iter().map(|(name, t)| (format!("{prefix}{name}"), t.clone())).collect()
    };
    parts.map(named).into_iter().flatten().collect()
}

/// The parts that [`joined`] made one of; names under neither prefix are passed over.
pub(super) fn parted(all: Snapshot, prefixes: [&str; 2]) -> [Snapshot; 2] {
    prefixes.map(|prefix| {
        let own = all.iter().filter_map(|(name, t)| Some((name.strip_prefix(prefix)?, t)));
        own.map(|(name, t)| (name.to_owned(), t.clone())).collect()
    })
}

/// ω, and the control arm's where the settings have it have one.
pub(super) fn read_omega(
    loaded: &LoadedCheckpoint,
    task: &Task,
) -> Result<SharedState, StoreError> {
    let params = from_safetensors(file(loaded, SHARED)?, DType::F32)?;
    let momenta = from_safetensors(file(loaded, OPTIMIZER)?, DType::F32)?;
    let [carried, of_control] = carried(loaded, task)?;
    let omega = omega(loaded, task, [params, momenta, carried])?;
    if !task.config.schedule.has_own_omega(Arm::Random) {
        return Ok(omega);
    }
    let control = from_safetensors(file(loaded, CONTROL)?, DType::F32)?;
    let [params, momenta] = parted(control, [OMEGA, MOMENTUM]);
    let control = self::omega(loaded, task, [params, momenta, of_control])?;
    Ok(SharedState { control: Some(Arc::new(control)), ..omega })
}

/// The states that children carry to the next window, of both arms; none of images, and before the
/// first window.
fn carried(loaded: &LoadedCheckpoint, task: &Task) -> Result<[Snapshot; 2], StoreError> {
    let Some(bytes) = loaded.files.get(STATES) else {
        return Ok([const { Snapshot::new() }; 2]);
    };
    let both = parted(from_safetensors(bytes, DType::F32)?, [OMEGA, OF_CONTROL]);
    let SearchConfig { schedule, net, .. } = &*task.config;
    let expected = schedule.batch_size * net.channels;
    for (name, states) in both.iter().flatten() {
        let is_child = name.parse().is_ok_and(|place: usize| place < schedule.archs_per_step);
        // A child that has not read yet has none.
        if !is_child || ![0, expected].contains(&states.elem_count()) {
            let found = states.dims();
            let why = format!("the states `{name}` have shape {found:?}, expected [{expected}]");
            return Err(content(loaded, why));
        }
    }
    Ok(both)
}

/// One ω, whose values and momenta are checked against the nets of the task.
fn omega(
    loaded: &LoadedCheckpoint,
    task: &Task,
    [params, momenta, carried]: [Snapshot; 3],
) -> Result<SharedState, StoreError> {
    let specs = if task.is_stand_alone() { BTreeMap::new() } else { task.family.shared_params() };
    for (name, spec) in &specs {
        fits(loaded, name, spec, params.get(name))?;
    }
    for (name, momentum) in &momenta {
        match specs.get(name) {
            Some(spec) => fits(loaded, name, spec, Some(momentum))?,
            None => return Err(content(loaded, format!("there is no parameter `{name}`"))),
        }
    }
    Ok(SharedState { params, momenta, carried, control: None })
}

fn fits(
    loaded: &LoadedCheckpoint,
    name: &str,
    spec: &ParamSpec,
    found: Option<&Tensor>,
) -> Result<(), StoreError> {
    match found {
        Some(tensor) if tensor.dims() == spec.dims => Ok(()),
        Some(tensor) => {
            let (found, expected) = (tensor.dims(), &spec.dims);
            Err(content(loaded, format!("`{name}` has shape {found:?}, expected {expected:?}")))
        }
        None => Err(content(loaded, format!("there is no parameter `{name}`"))),
    }
}
