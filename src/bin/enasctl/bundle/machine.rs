//! The machine: system, processors, memory, limits of the daemon's process and its group, device,
//! and what systemd knows.

use std::fs;
use std::path::Path;

use crate::bundle::parts::Parts;
use crate::doctor::command::{Ran, run};
use crate::doctor::patient::Patient;
use crate::doctor::unit::SERVICE;

/// The last lines of the journal.
const JOURNAL_LINES: &str = "2000";

/// Files that are taken as they are. None of them names the host.
const FILES: [(&str, &str); 7] = [
    ("machine/kernel.txt", "/proc/version"),
    ("machine/system.txt", "/etc/os-release"),
    ("machine/memory.txt", "/proc/meminfo"),
    ("machine/load.txt", "/proc/loadavg"),
    ("machine/uptime.txt", "/proc/uptime"),
    ("machine/locks.txt", "/proc/locks"),
    ("device/driver.txt", "/proc/driver/nvidia/version"),
];

/// Of the daemon's process.
const OF_PROCESS: [&str; 3] = ["status", "limits", "cgroup"];

/// Limits of a control group, of version 2 and of version 1.
const OF_GROUP: [(&str, &str); 8] = [
    ("", "memory.max"),
    ("", "memory.high"),
    ("", "memory.current"),
    ("", "cpu.max"),
    ("", "pids.max"),
    ("memory", "memory.limit_in_bytes"),
    ("memory", "memory.usage_in_bytes"),
    ("cpu", "cpu.cfs_quota_us"),
];

pub(super) async fn take(patient: &Patient, parts: &mut Parts) {
    for (name, path) in FILES {
        parts.add(name, read(path));
    }
    parts.add("machine/processors.txt", read("/proc/cpuinfo").map(|text| processors(&text)));
    match patient.holder() {
        Some(pid) => {
            for name in OF_PROCESS {
                let part = format!("process/{name}.txt");
                parts.add(&part, read(&format!("/proc/{pid}/{name}")));
            }
            parts.add("process/group_limits.txt", group_limits(&format!("/proc/{pid}/cgroup")));
        }
        None => parts.add("process", Err::<Vec<u8>, _>("no process is seen to hold the state")),
    }
    parts.add("device/nodes.txt", nodes());
    parts.add("device/nvidia-smi.txt", said("nvidia-smi", &["-q"]).await);
    parts.add("unit/show.txt", said("systemctl", &["show", SERVICE]).await);
    let files = ["cat", SERVICE, "enasd.socket"];
    parts.add("unit/files.txt", said("systemctl", &files).await);
    let journal =
        ["-u", "enasd", "-n", JOURNAL_LINES, "--no-pager", "--no-hostname", "-o", "short-iso"];
    parts.add("unit/journal.txt", said("journalctl", &journal).await);
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|err| format!("{path}: {err}"))
}

async fn said(program: &str, args: &[&str]) -> Result<String, String> {
    match run(program, args).await {
        Ran::Done(text) => Ok(text),
        Ran::Absent => Err(format!("there is no {program} on this machine")),
        Ran::Failed(why) => Err(why),
    }
}

/// The first processor, and how many there are.
fn processors(text: &str) -> String {
    let count = text.lines().filter(|line| line.starts_with("processor")).count();
    let first = text.split("\n\n").next().unwrap_or_default();
    format!("{count} processors, the first of them:\n{first}\n")
}

/// What the groups of a process limit, a line each.
fn group_limits(of_process: &str) -> Result<String, String> {
    let text = read(of_process)?;
    let mut lines = String::new();
    for line in text.lines() {
        // hierarchy:controllers:path
        let Some((controllers, path)) = line.split_once(':').and_then(|(_, r)| r.split_once(':'))
        else {
            continue;
        };
        for (controller, limit) in OF_GROUP {
            if !controllers.split(',').any(|one| one == controller) {
                continue;
            }
            let folder = Path::new("/sys/fs/cgroup").join(controller);
            let file = folder.join(path.trim_start_matches('/')).join(limit);
            if let Ok(value) = fs::read_to_string(&file) {
                lines.extend([&file.display().to_string(), ": ", value.trim(), "\n"]);
            }
        }
    }
    Ok(lines)
}

/// The nodes of NVIDIA's devices.
fn nodes() -> Result<String, String> {
    let entries = fs::read_dir("/dev").map_err(|err| format!("/dev: {err}"))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("nvidia"))
        .map(|name| format!("/dev/{name}\n"))
        .collect();
    names.sort();
    if names.is_empty() { Err("there is no /dev/nvidia*".to_owned()) } else { Ok(names.concat()) }
}
