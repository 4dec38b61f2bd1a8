//! Settings from surroundings: variables of others, flags, and files that are none.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::shipped_config;
use crate::rig::{Daemon, Said, enasd, said};

/// `enasd check-config` with no other variables than these.
fn checked(variables: &[(&str, &str)], args: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command.env_clear().envs(variables.iter().copied()).arg("check-config").args(args);
    said(&mut command)
}

#[test]
fn what_kubernetes_sets_for_a_service_is_passed_over() {
    let service = [
        ("HOME", "/h"),
        ("ENASD_API_PORT", "tcp://10.0.0.5:80"),
        ("ENASD_API_SERVICE_HOST", "10.0.0.5"),
        ("ENASD_API_PORT_80_TCP_PROTO", "tcp"),
    ];
    let found = checked(&service, &[]);
    found.check(0, &[]);
    assert_eq!(found.err, "");
}

#[test]
fn variables_named_like_flags_count_and_unknown_ones_are_told() {
    let file = shipped_config("tiny.toml").display().to_string();
    let variables =
        [("ENASD_CONFIG", file.as_str()), ("ENASD_STATE", "/srv/st"), ("ENASD_SOKET", "/srv/s")];
    let found = checked(&variables, &[]);
    found.check(0, &["enasd: warning: ENASD_SOKET", "did you mean `ENASD_SOCKET`?"]);
    let state = found.out.lines().find(|line| line.starts_with("store.state"));
    assert!(state.unwrap().ends_with("# ENASD_STATE"), "{}", found.out);
    assert!(found.out.contains("tiny.toml:"), "{}", found.out);
    checked(&[("ENASD_NET__CHANELS", "4")], &[]).check(78, &["ENASD_NET__CHANNELS"]);
}

#[test]
fn any_key_is_set_on_the_command_line_over_everything_else() {
    let variables = [("HOME", "/h"), ("ENASD_NET__CHANNELS", "6"), ("ENASD_SEED", "1")];
    let args = ["--set", "net.channels=8", "--set", "seed=3", "--seed", "2"];
    let found = checked(&variables, &args);
    found.check(0, &[]);
    for line in ["net.channels = 8 ", "seed = 3 "] {
        assert!(found.out.contains(line), "{}", found.out);
    }
    assert!(found.out.contains("# --set net.channels"), "{}", found.out);
    checked(&[], &["--set", "net.chanels=8"]).check(78, &["did you mean `--set net.channels`?"]);
    checked(&[], &["--set", "net.channels"]).check(2, &["write KEY=VALUE"]);
}

#[test]
fn a_users_own_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    fs::create_dir_all(folder.path().join(".config/enasd")).unwrap();
    let file = folder.path().join(".config/enasd/enasd.toml");
    fs::write(&file, "seed = 5\n").unwrap();
    let found = checked(&[("HOME", &home)], &[]);
    found.check(0, &[]);
    assert!(found.out.contains(&format!("# {}:1", file.display())), "{}", found.out);
}

#[test]
fn the_log_is_written_as_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (format, start) in [("text", "20"), ("json", "{\"timestamp\"")] {
        let mut command = enasd(&folder.path().join(format));
        let found = said(command.args(["--until", "epochs=1", "--log-format", format]));
        found.check(0, &[]);
        for line in found.err.lines() {
            assert!(line.starts_with(start) && !line.contains('\u{1b}'), "{line}");
        }
        assert!(found.err.contains("INFO"), "{}", found.err);
    }
}

#[test]
fn a_pipe_is_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody has it open for writing.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = "is a pipe, and it must be a regular file";
    checked(&[], &["--config", pipe.to_str().unwrap()]).check(78, &[refused, "--set KEY=VALUE"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command.args(["check-config", "--config", "/dev/stdin"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"seed = 9\n").unwrap();
    Said::from(child.wait_with_output().unwrap()).check(78, &[refused]);
    // A file on standard input is a file.
    let file = folder.path().join("file");
    fs::write(&file, "seed = 9\n").unwrap();
    command.stdin(File::open(&file).unwrap());
    let found = said(&mut command);
    found.check(0, &[]);
    assert!(found.out.contains("seed = 9 "), "{}", found.out);
}

/// A daemon that reads a copy of the shipped configuration.
fn with_file(file: &Path, state: &Path) -> Daemon {
    fs::copy(shipped_config("tiny.toml"), file).unwrap();
    let direct = enasd(state);
    let mut command = Command::new(direct.get_program());
    command.args(["run", "--config"]).arg(file).arg("--state").arg(state);
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null());
    Daemon::start(command, state)
}

#[test]
fn a_pipe_in_the_place_of_the_file_does_not_stop_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let (file, state) = (folder.path().join("enasd.toml"), folder.path().join("state"));
    let daemon = with_file(&file, &state);
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    // Before it is ready, a signal that it does not listen for ends it.
    daemon.wait_for("it is ready", |status| 0 < status["place"]["number"].as_u64().unwrap());
    daemon.signal("-HUP");
    crate::rig::wait("the event", || {
        daemon
            .ctl(&["events"])
            .out
            .contains("is a pipe, and it must be a regular file")
            .then_some(())
    });
    let before = daemon.status().unwrap()["place"]["number"].as_u64();
    daemon.wait_for("the search goes on", |status| before < status["place"]["number"].as_u64());
    daemon.ctl(&["log-level", "inf0"]).check(1, &["`inf0` is no log filter", "error, warn, info"]);
}

/// A filesystem over a folder, which answers nothing until this is dropped.
struct DeadMount<'a> {
    folder: &'a Path,
    /// Whoever holds it would have to answer.
    _device: File,
}

impl<'a> DeadMount<'a> {
    /// None where mounting is not permitted, which is said.
    fn over(folder: &'a Path) -> Option<Self> {
        let device = File::options().read(true).write(true).open("/dev/fuse");
        let mounted = device.and_then(|device| {
            let mut mount = Command::new("mount");
            mount.args(["-i", "-t", "fuse", "none"]).arg(folder);
            mount.args(["-o", "fd=0,rootmode=40000,user_id=0,group_id=0"]);
            let done = mount.stdin(device.try_clone()?).output()?;
            Ok(done.status.success().then_some(device))
        });
        let Ok(Some(device)) = mounted else {
            eprintln!("not run: a filesystem cannot be mounted here");
            return None;
        };
        Some(Self { folder, _device: device })
    }
}

impl Drop for DeadMount<'_> {
    fn drop(&mut self) {
        // Nobody could mend a failure.
        let _ = Command::new("umount").arg("-l").arg(self.folder).status();
    }
}

#[test]
fn a_dead_mount_in_the_place_of_the_file_does_not_stop_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let (configs, state) = (folder.path().join("configs"), folder.path().join("state"));
    fs::create_dir(&configs).unwrap();
    let daemon = with_file(&configs.join("enasd.toml"), &state);
    let steps = |status: &Value| status["place"]["number"].as_u64().unwrap();
    daemon.wait_for("it is ready", |status| 0 < steps(status));
    let Some(dead) = DeadMount::over(&configs) else { return };
    daemon.signal("-HUP");
    let events = |words: &str| {
        crate::rig::wait(words, || daemon.ctl(&["events"]).out.contains(words).then_some(()));
    };
    let before = steps(&daemon.status().unwrap());
    events("could not be read within");
    let status = daemon.wait_for("the search goes on", |status| before + 20 < steps(status));
    drop(dead);
    daemon.signal("-HUP");
    events("nothing changed");
    daemon.wait_for("it goes on still", |now| steps(&status) < steps(now));
}
