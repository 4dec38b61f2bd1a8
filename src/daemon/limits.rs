//! What the daemon needs of the machine, tried once and before anything is opened: a clock, threads,
//! open files, addresses, memory.
//!
//! Where one of these runs out later, libraries panic or abort, with words that help nobody. What
//! can be tried is tried, whatever the limit is called; the limits that are known are named.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

use crossbeam::channel::bounded;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::api::{API_PLACES, METRICS_PLACES, SPARE_CONNECTIONS};
use crate::daemon::DaemonError;

/// Threads beside those that compute: 14 run in a search, and the servers, a reload, data that are
/// loaded and a panic start some more.
const THREADS: usize = 32;

/// Open files beside connections: a search has 54, a checkpoint and readers of the history some
/// more.
const FILES: usize = 128;

/// Connections that are held at a time, those of both servers that wait for a place included.
const CONNECTIONS: usize = API_PLACES + METRICS_PLACES + 2 * SPARE_CONNECTIONS;

/// Bytes of addresses: the allocator takes them by the gigabyte, and the smallest search has 2.
const ADDRESS_BYTES: u64 = 3 << 30;

/// Bytes of memory below which not even the smallest search has room: it takes 88 MB.
const MEMORY_BYTES: u64 = 96 << 20;

/// Where control groups are.
const GROUPS: &str = "/sys/fs/cgroup";

/// Sees whether the daemon can run here with so many threads that compute.
pub(super) fn check(threads: usize) -> Result<(), DaemonError> {
    clock(SystemTime::now())?;
    addresses()?;
    memory()?;
    files(FILES + CONNECTIONS)?;
    start(THREADS + threads)
}

/// The libraries reckon from 1970 on.
fn clock(now: SystemTime) -> Result<(), DaemonError> {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(_) => Ok(()),
        Err(before) => Err(DaemonError::Clock { seconds: before.duration().as_secs() }),
    }
}

fn addresses() -> Result<(), DaemonError> {
    let limit = getrlimit(Resource::As).current;
    match limit.filter(|&limit| limit < ADDRESS_BYTES) {
        None => Ok(()),
        Some(limit) => Err(DaemonError::Limit {
            needed: format!("{} MiB of addresses", ADDRESS_BYTES >> 20),
            found: format!("{} MiB", limit >> 20),
            limits: "the address space of the process is limited (RLIMIT_AS)".to_owned(),
            cure: "lift that (`ulimit -v unlimited`, LimitAS=infinity), and limit the memory of \
                   its control group instead (MemoryMax=, `--memory`)",
        }),
    }
}

fn memory() -> Result<(), DaemonError> {
    // As version 2 of control groups calls it, and version 1.
    let limit = group_limit("memory", &["memory.max", "memory.limit_in_bytes"]);
    match limit.filter(|(_, limit)| *limit < MEMORY_BYTES) {
        None => Ok(()),
        Some((file, limit)) => Err(DaemonError::Limit {
            needed: format!("{} MiB of memory at the least", MEMORY_BYTES >> 20),
            found: format!("{} MiB", limit >> 20),
            limits: format!("the control group limits it in {}", file.display()),
            cure: "raise that: MemoryMax= of the unit, `--memory` of the container",
        }),
    }
}

/// Raises the soft limit to twice what is needed, for some files are open already, as far as the
/// hard one lets it, and tries.
fn files(needed: usize) -> Result<(), DaemonError> {
    let (limit, wanted) = (getrlimit(Resource::Nofile), 2 * needed as u64);
    if limit.current.is_some_and(|current| current < wanted) {
        let most = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        // Refused or not, what can be opened is what counts.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit });
    }
    let mut open = Vec::new();
    while open.len() < needed {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => {
                return Err(DaemonError::Limit {
                    needed: format!("{needed} open files"),
                    found: format!("{} ({error})", open.len()),
                    limits: named("RLIMIT_NOFILE", getrlimit(Resource::Nofile).maximum),
                    cure: "raise that: `ulimit -n`, LimitNOFILE= of the unit, `--ulimit nofile=` \
                           of the container",
                });
            }
        }
    }
    Ok(())
}

/// Starts as many threads as are needed, all at once, and ends them again.
fn start(needed: usize) -> Result<(), DaemonError> {
    let (keep, kept) = bounded::<()>(0);
    let mut started = Vec::new();
    let failed = loop {
        if started.len() == needed {
            break None;
        }
        let kept = kept.clone();
        // Waits for the end of all.
        match thread::Builder::new().spawn(move || kept.recv().is_ok()) {
            Ok(thread) => started.push(thread),
            Err(error) => break Some(error),
        }
    };
    let found = started.len();
    drop(keep);
    for thread in started {
        // It cannot have panicked: it did nothing.
        let _ = thread.join();
    }
    failed.map_or(Ok(()), |error| Err(no_threads(needed, found, &error)))
}

/// That only `found` of the threads could be started.
pub(super) fn no_threads(needed: usize, found: usize, error: &io::Error) -> DaemonError {
    let of_group = group_limit("pids", &["pids.max"]);
    let of_group = of_group.map(|(file, limit)| format!(", {} is {limit}", file.display()));
    let of_user = named("RLIMIT_NPROC", getrlimit(Resource::Nproc).current);
    DaemonError::Limit {
        needed: format!("{needed} threads"),
        found: format!("{found} ({error})"),
        limits: format!("{of_user}{}", of_group.unwrap_or_default()),
        cure: "raise what is too low, or end other processes of the user: `ulimit -u`, TasksMax= \
               and LimitNPROC= of the unit, `--pids-limit` of the container; or lower \
               `engine.threads`",
    }
}

fn named(name: &str, limit: Option<u64>) -> String {
    limit.map_or_else(|| format!("{name} is not set"), |limit| format!("{name} is {limit}"))
}

/// The lowest limit of these names in the control group of this process and those above it.
fn group_limit(controller: &str, names: &[&str]) -> Option<(PathBuf, u64)> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    lowest_limit(Path::new(GROUPS), &groups, controller, names)
}

/// The same of the process whose `groups` the kernel lists so, where groups are under `root`.
fn lowest_limit(
    root: &Path,
    groups: &str,
    controller: &str,
    names: &[&str],
) -> Option<(PathBuf, u64)> {
    let limits = groups.lines().filter_map(|line| {
        // `number:controllers:path`, where version 2 names no controllers.
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => root.to_owned(),
            some if some.split(',').any(|one| one == controller) => root.join(controller),
            _ => return None,
        };
        let group = root.join(path.trim_start_matches('/'));
        let above = group.ancestors().take_while(|folder| folder.starts_with(&root));
        let files = above.flat_map(|folder| names.iter().map(|name| folder.join(name)));
        let files = files.filter_map(|file| {
            let limit = std::fs::read_to_string(&file).ok()?.trim().parse().ok()?;
            Some((file, limit))
        });
        files.min_by_key(|(_, limit)| *limit)
    });
    limits.min_by_key(|(_, limit)| *limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_before_1970_is_refused_with_how_far_it_is_off() {
        assert!(clock(SystemTime::UNIX_EPOCH).is_ok());
        let error = clock(SystemTime::UNIX_EPOCH - Duration::from_secs(90)).unwrap_err();
        assert_eq!(error.exit_code(), crate::daemon::EXIT_SYSTEM);
        assert!(error.to_string().contains("90 s before 1970"), "{error}");
    }

    #[test]
    fn the_lowest_limit_of_all_groups_around_the_process_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let set = |file: &str, limit: &str| {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, limit).unwrap();
        };
        let names = ["memory.max", "memory.limit_in_bytes"];
        let found = |groups| {
            let (file, limit) = lowest_limit(root, groups, "memory", &names)?;
            Some((file.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), limit))
        };
        let of = |file: &str, limit| Some((file.to_owned(), limit));
        // Version 2: `max` is no limit, and what a group above has counts too.
        assert_eq!(found("0::/user/unit\n"), None);
        set("user/unit/memory.max", "max\n");
        set("user/memory.max", "5000\n");
        set("other/memory.max", "1\n");
        assert_eq!(found("0::/user/unit\n"), of("user/memory.max", 5000));
        set("user/unit/memory.max", "4000\n");
        assert_eq!(found("0::/user/unit\n"), of("user/unit/memory.max", 4000));
        // Version 1: a tree for each controller, and other names.
        let groups = "7:pids:/other\n4:cpu,memory:/box\n0::/user\n";
        set("memory/box/memory.limit_in_bytes", "3000\n");
        assert_eq!(found(groups), of("memory/box/memory.limit_in_bytes", 3000));
        assert_eq!(found("4:memory:/elsewhere\n"), None);
    }

    #[test]
    fn this_machine_has_what_a_search_needs() {
        check(2).unwrap();
    }

    #[test]
    fn more_threads_than_any_machine_has_are_refused_by_name() {
        let error = no_threads(34, 3, &io::Error::from_raw_os_error(11)).to_string();
        for words in ["34 threads", "only 3 (", "RLIMIT_NPROC is", "TasksMax="] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
