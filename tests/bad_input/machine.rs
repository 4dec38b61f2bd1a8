//! Machines that do not allow what a search needs: threads, open files, addresses, large files, a
//! clock.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::Killed;
use crate::rig::{Daemon, Said, check_undisturbed, enasd, is_root, run_to, said};

/// A user whose processes nobody else counts.
const USER: u32 = 65533;

/// A cycle under what `wrapper` does to the process.
fn under(wrapper: &[&str], state: &Path) -> Said {
    let direct = enasd(state);
    let mut command = Command::new(wrapper[0]);
    command.args(&wrapper[1..]).arg(direct.get_program()).args(direct.get_args());
    command.args(["--until", "cycles=1"]);
    said(command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?)))))
}

#[test]
fn too_few_threads_are_refused_at_once_with_the_limit_and_its_cure() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let home = folder.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(USER), Some(USER)).unwrap();
    let user = format!("--reuid={USER}");
    let group = format!("--regid={USER}");
    for limit in [1, 2, 5, 12, 20, 30] {
        let limit = format!("--nproc={limit}");
        let as_user = ["prlimit", &limit, "setpriv", &user, &group, "--clear-groups"];
        let refused = under(&as_user, &home.join("state"));
        refused
            .check(71, &["a search needs 33 threads", "RLIMIT_NPROC is", "ulimit -u", "TasksMax="]);
    }
    let enough = ["prlimit", "--nproc=60", "setpriv", &user, &group, "--clear-groups"];
    under(&enough, &home.join("state")).check(0, &[]);
    check_undisturbed(&home.join("state"));
}

#[test]
fn too_few_open_files_are_refused_at_once_and_a_soft_limit_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for limit in [16, 24, 60, 300] {
        let refused = under(&["prlimit", &format!("--nofile={limit}")], &state);
        refused.check(71, &["open files", &format!("RLIMIT_NOFILE is {limit}"), "LimitNOFILE="]);
    }
    under(&["prlimit", "--nofile=24:2000"], &state).check(0, &[]);
    check_undisturbed(&state);
}

#[test]
fn too_few_addresses_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let refused = under(&["prlimit", "--as=1000000000"], &folder.path().join("state"));
    refused.check(71, &["addresses", "only 953 MiB", "RLIMIT_AS", "ulimit -v", "MemoryMax="]);
}

/// A control group of 64 MiB, until it is dropped.
struct SmallGroup(PathBuf);

impl SmallGroup {
    /// None where there are no control groups to write to, which is said.
    fn new() -> Option<Self> {
        let name = format!("enasd-test-{}", std::process::id());
        let made = [("memory/", "memory.limit_in_bytes"), ("", "memory.max")].iter().find_map(
            |(at, file)| {
                let group = Path::new("/sys/fs/cgroup").join(at).join(&name);
                fs::create_dir(&group).ok()?;
                let group = Self(group);
                let is_group = group.0.join("cgroup.procs").is_file();
                (is_group && fs::write(group.0.join(file), "67108864").is_ok()).then_some(group)
            },
        );
        if made.is_none() {
            eprintln!("not run: control groups cannot be made here");
        }
        made
    }
}

impl Drop for SmallGroup {
    fn drop(&mut self) {
        // Nobody could mend a failure.
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn too_little_memory_in_the_control_group_is_refused_at_once() {
    let Some(group) = SmallGroup::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let enter = format!("echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"", group.0.display());
    let refused = under(&["sh", "-c", &enter], &folder.path().join("state"));
    let file = group.0.display().to_string();
    refused.check(71, &["96 MiB of memory", "only 64 MiB", &file, "MemoryMax=", "--memory"]);
}

#[test]
fn a_file_that_may_grow_no_larger_is_a_disk_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for bytes in [20_000, 100_000] {
        let failed = under(&["prlimit", &format!("--fsize={bytes}")], &state);
        failed.check(70, &["ulimit -f"]);
    }
    run_to(&state, 1);
    check_undisturbed(&state);
}

/// What the time of day is said to be while the file `WRONG_CLOCK` is there.
const CLOCK: &str = "
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *time) {
  long result = syscall(SYS_clock_gettime, id, time);
  if (id == CLOCK_REALTIME && access(getenv(\"WRONG_CLOCK\"), F_OK) == 0) time->tv_sec = -86400;
  return (int)result;
}
";

/// A daemon whose clock is before 1970 while the file `wrong` is there, beside which it lies.
fn with_clock(state: &Path, wrong: &Path) -> Command {
    let (source, library) = (wrong.with_extension("c"), wrong.with_extension("so"));
    fs::write(&source, CLOCK).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    assert!(compiler.status().unwrap().success());
    let mut command = enasd(state);
    command.env("LD_PRELOAD", &library).env("WRONG_CLOCK", wrong);
    command
}

#[test]
fn a_clock_before_1970_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong");
    let mut command = with_clock(&folder.path().join("state"), &wrong);
    fs::write(&wrong, "").unwrap();
    said(&mut command).check(71, &["before 1970", "timedatectl set-time"]);
}

#[test]
fn a_clock_that_jumps_before_1970_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (state, wrong) = (folder.path().join("state"), folder.path().join("wrong"));
    let mut daemon = Daemon::start(with_clock(&state, &wrong), &state);
    let steps = |status: &Value| status["place"]["number"].as_u64().unwrap();
    let before = steps(&daemon.wait_for("it searches", |status| 0 < steps(status)));
    // A connection that is open when it happens, and those that come later.
    let follower = daemon.ctl_command(&["events", "--follow"]).stdout(Stdio::null()).spawn();
    let _follower = Killed(follower.unwrap());
    fs::write(&wrong, "").unwrap();
    let told = |status: &Value| status["updated_unix_seconds"].as_f64().unwrap();
    let jumped = daemon.wait_for("its clock jumps", |status| told(status) < 1.0);
    assert!(before <= steps(&jumped));
    daemon.wait_for("it goes on", |status| steps(&jumped) + 20 < steps(status));
    daemon.ctl(&["checkpoint"]).check(0, &[]);
    fs::remove_file(&wrong).unwrap();
    daemon.wait_for("its clock is right again", |status| 1.0 < told(status));
    daemon.ctl(&["stop"]).check(0, &[]);
    assert_eq!(daemon.end(), Some(0));
    check_undisturbed(&state);
}
