//! What is refused before the first step: configurations, data, devices, addresses.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::{Daemon, check_undisturbed, copy, enasd, run_to, said};

/// Starts a daemon with these variables and arguments, and sees that it refuses.
#[track_caller]
fn check(code: i32, env: &[(&str, &str)], args: &[&str], words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = enasd(&folder.path().join("state"));
    // One that is not refused ends, and fails the test.
    command.args(["--until", "epochs=1"]).args(args).envs(env.iter().copied());
    said(&mut command).check(code, words);
}

#[test]
fn wrong_variables_and_flags_are_refused_with_what_would_be_right() {
    for (name, value, words) in [
        ("ENASD_NET__CHANELS", "4", "did you mean `ENASD_NET__CHANNELS`?"),
        ("ENASD_SPACE__NODES", "9", "`space.nodes` takes a whole number from 1 to 7; found `9`"),
        ("ENASD_SPACE__NODES", "two", "from 1 to 7; found `two`"),
        ("ENASD_DATA__SOURCE", "mnist", "takes one of `fashion-mnist`, `idx`, `cifar-10`"),
        ("ENASD_ENGINE__DEVICE", "gpu", "takes `cpu`, `auto` or `cuda:N`"),
        ("ENASD_DERIVE__RERANK", "900", "only `derive.samples` = 2 architectures are drawn"),
        ("ENASD_STORE__KEEP_CHECKPOINTS", "1", "`store.keep_checkpoints` takes"),
        ("ENASD_SCHEDULE__BATCH_SIZE", "7001", "set `schedule.batch_size` to 1 to 7000"),
        ("ENASD_SCHEDULE__VALID_BATCH_SIZE", "3001", "set `schedule.valid_batch_size` to 1 to"),
    ] {
        check(78, &[(name, value)], &[], &[words]);
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, value, words) in [
        ("ENASD_SPACE__NODES", &b"\xff"[..], "`space.nodes` takes a whole number"),
        ("ENASD_STORE__STATE", b"/state-\xff", "`store.state` takes a path"),
    ] {
        let mut command = enasd(&folder.path().join("state"));
        said(command.env(name, OsStr::from_bytes(value))).check(78, &[words]);
    }
    let args = ["--metrics", "localhost"];
    check(78, &[], &args, &["--metrics: `telemetry.metrics` takes", "`127.0.0.1:9899`"]);
    check(78, &[], &["--seed", "x"], &["--seed: `seed` takes a whole number", "found `x`"]);
    let long = format!("/{}", "x".repeat(120));
    check(78, &[], &["--socket", &long], &["`api.socket` takes a path of 1 to 107 bytes of UTF-8"]);
}

#[test]
fn a_space_whose_nets_share_no_weights_is_refused_before_a_search_begins() {
    let text = [("ENASD_DATA__SOURCE", "austen"), ("ENASD_SCORE__REWARD", "perplexity")];
    for (kind, data, why) in [
        (
            "nas_cnn",
            &[][..],
            "the nets of the nas_cnn space share no weights: each is trained from",
        ),
        ("nas_rnn", &text, "the nets of the nas_rnn space share no weights"),
        ("nasbench201", &[], "architectures of the nasbench201 space become no nets"),
    ] {
        let space = [("ENASD_SPACE__KIND", kind), ("ENASD_SPACE__NODES", "5")];
        let env = [&space, data].concat();
        check(78, &env, &[], &[why]);
    }
}

#[test]
fn an_end_that_is_none_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    for until in ["cycles=0", "cycles=-1", "cycles", "hours=3", ""] {
        let mut command = enasd(&folder.path().join("state"));
        said(command.args(["--until", until])).check(2, &["neither `cycles=N` nor `epochs=N`"]);
    }
}

/// Runs with the file `text`, and sees what `enasd run` and `enasd check-config` say.
#[track_caller]
fn check_file(text: &str, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    fs::write(&file, text).unwrap();
    for verb in ["run", "check-config"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
        command.arg(verb).arg("--config").arg(&file).stdin(Stdio::null());
        said(&mut command).check(78, &[words]);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
}

#[test]
fn a_wrong_file_is_refused_with_the_line() {
    for (text, words) in [
        (
            "seed = 1\n[net]\nchanels = 4\n",
            "bad.toml:3: unknown key `net.chanels`; did you mean `net.channels`?",
        ),
        ("[shedule]\n", "bad.toml:1: unknown section [shedule]; did you mean `[schedule]`?"),
        ("[space]\nnodes = 99\n", "bad.toml:2: `space.nodes` takes a whole number from 1 to 7"),
        ("[space]\nnodes = \"4\"\n", "found `\"4\"`; write it without quotes"),
        ("[net]\nnodes = 4\n", "bad.toml:2: `net.nodes` is called `space.nodes` in this version"),
        ("[net\nnodes = 4\n", "bad.toml:1:5: not TOML"),
        ("seed = 1\nseed = 2\n", "bad.toml:2:1: not TOML: duplicate key"),
        (
            "[data]\nsource = \"cifar-10\"\n",
            "bad.toml:2: `data.source` is `cifar-10`, which is read",
        ),
    ] {
        check_file(text, words);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command.args(["run", "--config", "/nowhere/enasd.toml"]);
    said(&mut command).check(78, &["/nowhere/enasd.toml: No such file", "`--config`"]);
}

#[track_caller]
fn check_data(source: &str, folder: &Path, words: &[&str]) {
    let path = folder.to_str().unwrap();
    let env = [("ENASD_DATA__SOURCE", source), ("ENASD_DATA__PATH", path)];
    check(78, &env, &[], &[words, &[path]].concat());
}

/// What a file of the source is when it is cut short, and when it is another file.
type BadFile = (&'static str, &'static str, &'static [u8], &'static str);

#[test]
fn data_that_is_not_there_or_broken_is_refused_with_the_file() {
    let files: [BadFile; 8] = [
        ("idx", "train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 9], "ends at byte 8"),
        ("idx", "train-images-idx3-ubyte", b"not images at all", "is text; expected IDX images"),
        ("idx", "train-images-idx3-ubyte.gz", b"not a gz file", "is text; expected IDX images"),
        ("cifar-10", "data_batch_1.bin", &[1; 3000], "data_batch_1.bin"),
        ("cifar-10", "data_batch_1.bin", &[77; 3073], "data_batch_1.bin"),
        ("cifar-100", "train.bin", &[1; 3000], "train.bin"),
        ("cifar-100", "train.bin", &[201; 3074], "train.bin"),
        ("folder", "train/cat/1.png", b"\x89PNG\r\n\x1a\n cut", "train/cat/1.png"),
    ];
    for (source, name, bytes, words) in files {
        check_data(source, Path::new("/nowhere"), &["is not a folder; expected"]);
        let folder = tempfile::tempdir().unwrap();
        check_data(source, folder.path(), &[]);
        fs::create_dir_all(folder.path().join("train/cat")).unwrap();
        fs::create_dir_all(folder.path().join("test/cat")).unwrap();
        image::GrayImage::new(8, 8).save(folder.path().join("test/cat/1.png")).unwrap();
        let labels = [0, 0, 8, 1, 0, 0, 0, 1, 0];
        fs::write(folder.path().join("train-labels-idx1-ubyte"), labels).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        check_data(source, folder.path(), &[words]);
    }
}

#[test]
fn a_device_that_is_not_there_is_refused_and_auto_says_why_it_took_another() {
    // No machine has so many.
    let cuda = [("ENASD_ENGINE__DEVICE", "cuda:250")];
    let words = ["the device `cuda:250` of `engine.device` cannot be opened", "or ask for `cpu`"];
    check(78, &cuda, &[], &words);
    if fs::metadata("/proc/driver/nvidia/version").is_ok() {
        eprintln!("not run: this machine has a GPU");
        return;
    }

    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut command = enasd(&state);
    command.env("ENASD_ENGINE__DEVICE", "auto");
    let daemon = Daemon::start(command, &state);
    let status = daemon.status().unwrap();
    assert_eq!(
        (&status["device"]["used"], &status["device"]["wanted"]),
        (&"cpu".into(), &"auto".into())
    );
    let text = daemon.ctl(&["status"]).out;
    assert!(text.contains("cpu (auto wanted: no CUDA device: "), "{text}");
}

#[test]
fn taken_addresses_are_refused_and_left_to_their_holder() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let words = [&address, "cannot listen on", "`telemetry.metrics` or --metrics"];
    check(78, &[], &["--metrics", &address], &words);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.sock");
    let socket = path.to_str().unwrap();
    let words = [socket, "is in use: another process answers there", "`api.socket`"];
    let other = UnixListener::bind(&path).unwrap();
    check(75, &[], &["--socket", socket], &words);
    // A socket that nobody answers on is a leftover, and is replaced.
    drop(other);
    check(0, &[], &["--socket", socket], &[]);
    assert!(!path.try_exists().unwrap());
    fs::write(&path, "precious").unwrap();
    check(78, &[], &["--socket", socket], &[socket, "is there and is no socket"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    let nowhere = ["--socket", "/nowhere/x.sock"];
    check(
        78,
        &[],
        &nowhere,
        &["/nowhere/x.sock: No such file", "set another path in `api.socket`"],
    );
}

#[test]
fn a_second_daemon_is_told_who_holds_the_folder() {
    let first = Daemon::fresh();
    first.wait_for("a cycle", |status| 1 <= status["place"]["cycle"].as_u64().unwrap());
    let mut second = enasd(&first.state);
    second.args(["--until", "epochs=1"]).arg("--socket").arg(first.state.with_extension("other"));
    let pid = format!("is in use by process {}", first.process.0.id());
    said(&mut second).check(75, &[&pid, "stop that one first"]);
    assert_eq!(first.ctl(&["status"]).code, Some(0));
    check_undisturbed(&first.state);
}

#[test]
fn other_settings_are_refused_with_their_keys_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (state, before) = (folder.path().join("state"), folder.path().join("before"));
    run_to(&state, 1);
    copy(&state, &before);
    let mut other = enasd(&state);
    other.args(["--seed", "7", "--until", "cycles=2"]).env("ENASD_NET__CHANNELS", "3");
    let words = ["other settings", "net.channels: 2 → 3", "seed: 42 → 7", "--state"];
    said(&mut other).check(78, &words);
    let mut diff = Command::new("diff");
    diff.args(["-r", "--exclude=LOCK", "--exclude=history.*"]).args([&state, &before]);
    said(&mut diff).check(0, &[]);
    run_to(&state, 2);
    check_undisturbed(&state);
}

#[test]
fn another_executor_is_refused_unless_other_bits_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    run_to(&state, 1);
    let go_on = |is_allowed: &str| {
        let mut other = enasd(&state);
        other.args(["--until", "cycles=2"]);
        other.env("ENASD_ENGINE__EXECUTOR", "candle");
        other.env("ENASD_ENGINE__RESUME_ELSEWHERE", is_allowed);
        said(&mut other)
    };
    let words = ["engine.executor: \"auto\" → \"candle\"", "`engine.resume_elsewhere = true`"];
    go_on("false").check(78, &words);
    go_on("true").check(0, &["was computed by cpu, fast", "from here on cpu, candle computes"]);
}
