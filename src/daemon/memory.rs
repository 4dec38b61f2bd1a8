//! The memory of a GPU: what the largest nets take is taken before the first step, or the start is
//! refused. It is nobody's else, and a search that has run for days does not end for want of it.

use crate::daemon::DaemonError;
use crate::engine::reason;
use crate::net::Net;
use crate::random::{Owner, generator};
use crate::search::{SearchError, Task, TrialPlan, TrialTask, largest};
use crate::space::Arch;

/// Takes memory of the device for what a search on `task` trains side by side, at no time more than so
/// many MiB, 0 for no limit; nothing where the executor computes in the machine's own.
pub(super) fn reserve(task: &Task, limit: u64) -> Result<(), DaemonError> {
    let recipe = task.config.finals;
    let child = |arch: &Arch| Ok(task.child(arch)?);
    let batch = task.config.schedule.batch_size;
    let Some(net) = largest_net(task, batch, child)? else { return Ok(()) };
    let mut nets = vec![(net, batch)];
    // A net to the end of a cycle, and one of what is retrained beside the search.
    let retrained = [recipe.candidates, recipe.sample].into_iter().filter(|&nets| 0 < nets).count();
    if 0 < retrained {
        let trials = TrialTask::new(task, "");
        let net = |arch: &Arch| trials.net(&TrialPlan { arch: arch.clone(), seed: 0, recipe });
        let net = largest_net(task, recipe.batch_size, net)?;
        nets.extend(net.into_iter().cycle().take(retrained).map(|net| (net, recipe.batch_size)));
    }
    let nets: Vec<_> = nets.iter().map(|(net, images)| (net, *images)).collect();
    let limit = (0 < limit).then_some(limit << 20);
    task.exec.reserve(&nets, limit).map_err(|error| DaemonError::Memory { why: reason(&error) })
}

/// The net of the space that takes the most memory to train, as far as looking around finds it; none
/// where none is taken of a device.
fn largest_net(
    task: &Task,
    images: usize,
    net: impl Fn(&Arch) -> Result<Net, SearchError>,
) -> Result<Option<Net>, DaemonError> {
    let first = net(&task.space.first_arch())?;
    if task.exec.memory(&first, images).map_err(SearchError::from)?.is_none() {
        return Ok(None);
    }
    let mut rng = generator(task.config.seed, Owner::Uniform, u64::MAX);
    let arch = largest(task.space, &mut rng, |arch| {
        Ok(task.exec.memory(&net(arch)?, images)?.unwrap_or(0))
    })?;
    Ok(Some(net(&arch)?))
}
