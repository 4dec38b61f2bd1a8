//! The promise of exact resume, kept by the real binary under SIGKILL.

mod common;

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use candle_core::{DType, Tensor};
use common::{Killed, files_of, history, newest_checkpoint, tiny_daemon};
use enasd::data::DataSource;
use enasd::engine::{Snapshot, from_safetensors};
use enasd::random::{Owner, generator};
use enasd::search::{
    Objective, Search, SearchConfig, SharedState, StepRecord, StrategyKind, Until, run,
};
use enasd::space::{SpaceConfig, SpaceKind};
use enasd::store::history_rows;
use rand::RngExt;

/// Cycles of every run here.
const CYCLES: u64 = 5;

/// Kills of the run that is killed.
const KILLS: usize = 20;

/// The daemon that ends after so many cycles, with further settings.
fn daemon(state: &Path, threads: &str, settings: &[&str]) -> Command {
    let mut daemon = tiny_daemon(state);
    daemon.args(["--until", &format!("cycles={CYCLES}")]).env("ENASD_ENGINE__THREADS", threads);
    daemon.args(settings.iter().flat_map(|setting| ["--set", setting]));
    daemon
}

fn run_to_the_end(state: &Path, threads: &str, settings: &[&str]) {
    let mut daemon = daemon(state, threads, settings);
    let output = daemon.output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {log}", output.status);
}

fn newest_manifest(state: &Path) -> Option<String> {
    let generations = std::fs::read_dir(state.join("checkpoints")).ok()?;
    let names = generations.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with('0')).max()
}

/// Starts the daemon, and kills it `delay` after its socket answers, hence about as long after
/// its first step. Returns whether it was still at work then.
fn start_and_kill(state: &Path, threads: &str, settings: &[&str], delay: Duration) -> bool {
    let mut daemon = daemon(state, threads, settings);
    daemon
        // A life is short: it should get past its start.
        .env("ENASD_STORE__CHECKPOINT_SECONDS", "0.05")
        .stderr(Stdio::null());
    let mut daemon = Killed(daemon.spawn().unwrap());
    let socket = state.with_extension("sock");
    while UnixStream::connect(&socket).is_err() && daemon.0.try_wait().unwrap().is_none() {
        sleep(Duration::from_millis(1));
    }
    sleep(delay);
    let at_work = daemon.0.try_wait().unwrap().is_none();
    // `Child::kill` is SIGKILL.
    drop(daemon);
    at_work
}

#[test]
fn killed_twenty_times_equals_unbroken_and_the_plain_loop_at_any_number_of_threads() {
    check_kills(common::tiny_config(), &[], KILLS);
}

#[test]
fn an_omega_of_the_control_arms_own_goes_on_bit_for_bit_too() {
    let mut config = common::tiny_config();
    config.schedule.control_steps = 4;
    check_kills(config, &["schedule.control_steps=4"], KILLS / 4);
}

#[test]
fn a_search_on_text_goes_on_with_the_states_that_its_nets_carry() {
    let mut config = common::tiny_config();
    config.space = SpaceConfig { kind: SpaceKind::Recurrent, ..SpaceConfig::default() };
    config.space.recurrent_nodes = 3;
    config.data.source = DataSource::Austen;
    config.score.reward = Objective::Perplexity;
    config.net.channels = 4;
    config.schedule.archs_per_step = 2;
    config.schedule.control_steps = 4;
    let settings = [
        "space.kind=recurrent",
        "space.nodes=5",
        "space.recurrent_nodes=3",
        "data.source=austen",
        "score.reward=perplexity",
        "net.channels=4",
        "schedule.archs_per_step=2",
        "schedule.control_steps=4",
    ];
    check_kills(config, &settings, KILLS);
}

/// Kills a search with `config`, which `settings` make of that of the daemon, so often.
fn check_kills(config: SearchConfig, settings: &[&str], most: usize) {
    let folder = tempfile::tempdir().unwrap();
    let unbroken = folder.path().join("unbroken");
    let start = Instant::now();
    run_to_the_end(&unbroken, "1", settings);
    let whole = start.elapsed();

    // The plain loop, without actors and files.
    let task = common::task(config);
    let mut records: Vec<StepRecord> = Vec::new();
    let initial = Search::initial_state(&task).unwrap();
    let end =
        run(task.clone(), &initial, Until::Cycles(CYCLES), |record| records.push(record.clone()))
            .unwrap();
    assert_eq!(history(&unbroken), history_rows(&records, &task.config.schedule));
    assert_holds(&newest_checkpoint(&unbroken), &end.shared);

    // Moments spread over the run, each at another number of threads. A run that comes to its end
    // in between is compared, and the next one begins.
    let mut rng = generator(20, Owner::Split, 0);
    let (mut kills, mut runs) = (0, 0);
    let mut resumed_at = BTreeSet::new();
    while kills < most {
        let killed = folder.path().join(format!("killed{runs}"));
        let threads = ["1", "2", "3"][kills % 3];
        // Long enough that most lives get past a derivation.
        let delay = whole.mul_f64(rng.random_range(0.0..0.25));
        if start_and_kill(&killed, threads, settings, delay) {
            kills += 1;
            resumed_at.extend(newest_manifest(&killed));
        } else {
            assert_same(&killed, &unbroken);
            runs += 1;
        }
    }
    assert!(most / 6 < resumed_at.len(), "the kills met only {resumed_at:?}");
    let killed = folder.path().join(format!("killed{runs}"));
    run_to_the_end(&killed, "2", settings);
    assert_same(&killed, &unbroken);
}

/// The checkpoint's files have every bit of ω, of the control arm's, of their momenta, and of the
/// states that nets of words carry.
fn assert_holds(files: &[(String, Vec<u8>)], state: &SharedState) {
    let mut expected = vec![
        ("shared.safetensors", "", &state.params),
        ("optimizer.safetensors", "", &state.momenta),
    ];
    if let Some(control) = &state.control {
        expected.push(("control.safetensors", "omega.", &control.params));
        expected.push(("control.safetensors", "momentum.", &control.momenta));
    }
    if !state.carried.is_empty() {
        expected.push(("states.safetensors", "omega.", &state.carried));
        let control = state.control.as_ref().unwrap();
        expected.push(("states.safetensors", "control.", &control.carried));
    }
    let bytes = |of: &str| files.iter().find(|(name, _)| name == of).map(|(_, bytes)| bytes);
    for (name, prefix, tensors) in expected {
        let found = from_safetensors(bytes(name).unwrap(), DType::F32).unwrap();
        let own = found
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor)));
        assert_eq!(bits(&own.collect()), bits(tensors), "{name}");
    }
    assert_eq!(bytes("control.safetensors").is_some(), state.control.is_some());
}

fn bits(tensors: &Snapshot) -> Vec<(&String, Vec<u32>)> {
    let values = |tensor: &Tensor| -> Vec<u32> {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.iter().map(|value| value.to_bits()).collect()
    };
    tensors.iter().map(|(name, tensor)| (name, values(tensor))).collect()
}

/// History, last checkpoint and best architectures are the same, bit for bit.
fn assert_same(killed: &Path, unbroken: &Path) {
    assert_eq!(history(killed), history(unbroken));
    let (killed_files, unbroken_files) = (newest_checkpoint(killed), newest_checkpoint(unbroken));
    for ((name, bytes), (other_name, other_bytes)) in killed_files.iter().zip(&unbroken_files) {
        assert_eq!(name, other_name);
        // The manifest holds the chain of the generations before, which depends on the clock.
        assert!(bytes == other_bytes || name == "MANIFEST.json", "{name} differs");
    }
    assert_eq!(killed_files.len(), unbroken_files.len());
    for folder in std::fs::read_dir(unbroken.join("best")).unwrap() {
        let id = folder.unwrap().file_name();
        let [a, b] = [killed, unbroken].map(|state| files_of(&state.join("best").join(&id)));
        assert!(a == b, "the files of {} differ", id.display());
    }
}

/// Random search has no θ that could be kept, and goes on all the same.
#[test]
fn a_random_search_that_was_stopped_equals_the_plain_loop() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    for until in ["cycles=1", "cycles=2"] {
        let mut daemon = tiny_daemon(&state);
        daemon.args(["--set", "policy.strategy=random", "--until", until]);
        let output = daemon.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut config = common::tiny_config();
    config.policy.strategy = StrategyKind::Random;
    let task = common::task(config);
    let mut records: Vec<StepRecord> = Vec::new();
    let initial = Search::initial_state(&task).unwrap();
    run(task.clone(), &initial, Until::Cycles(2), |record| records.push(record.clone())).unwrap();
    assert_eq!(history(&state), history_rows(&records, &task.config.schedule));
}

/// A signal finishes the step, saves, removes the socket, and exits with 0.
#[test]
fn sigterm_saves_and_exits_with_zero() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut daemon = Killed(tiny_daemon(&state).stderr(Stdio::null()).spawn().unwrap());
    let socket = state.with_extension("sock");
    let deadline = Instant::now() + Duration::from_mins(1);
    while newest_manifest(&state).is_none_or(|name| name == "000000000000") {
        assert!(Instant::now() < deadline, "no checkpoint after a minute");
        sleep(Duration::from_millis(20));
    }
    assert!(socket.try_exists().unwrap());
    let pid = daemon.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(daemon.0.wait().unwrap().success());
    assert!(!socket.try_exists().unwrap(), "the socket stays");
    let (rollouts, _) = history(&state);
    let next: u64 = newest_manifest(&state).unwrap().parse().unwrap();
    assert_eq!(rollouts.last().unwrap().step + 1, next, "the last checkpoint has the last step");
}
