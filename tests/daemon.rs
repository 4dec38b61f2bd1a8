//! The daemon as its user sees it: asked over the socket, scraped over TCP, and its best find
//! taken away and measured again.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Killed, task, tiny_config, tiny_daemon};
use enasd::engine::{CandleExec, Executor, Images, Measured, from_safetensors};
use enasd::net::Norm;
use enasd::space::Arch;
use enasd::store::ArchCard;
use serde_json::Value;

/// Far longer than anything here takes.
const LIMIT: Duration = Duration::from_mins(3);

struct Daemon {
    socket: PathBuf,
    port: u16,
    process: Killed,
}

fn start(state: &Path) -> Daemon {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut daemon = tiny_daemon(state);
    daemon.args(["--metrics", &format!("127.0.0.1:{port}")]).stderr(Stdio::null());
    let process = Killed(daemon.spawn().unwrap());
    Daemon { socket: state.with_extension("sock"), port, process }
}

impl Daemon {
    fn ctl(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_enasctl"))
            .args(args)
            .arg("--socket")
            .arg(&self.socket)
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, args: &[&str]) -> Value {
        let (code, text) = self.ctl(&[args, &["--output", "json"]].concat());
        assert_eq!(code, Some(0), "{args:?} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Asks for the status until `wanted` is so.
    fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let (code, text) = self.ctl(&["status", "--output", "json"]);
            if code == Some(0) {
                let status: Value = serde_json::from_str(&text).unwrap();
                if wanted(&status) {
                    return status;
                }
            }
            assert!(Instant::now() < deadline, "in vain: {code:?} {text}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Pauses it, and gives its status once it counts as many checkpoints as the metrics do: one may
    /// be on its way to the disk, and come later still.
    fn pause(&self) -> Value {
        assert_eq!(self.ctl(&["pause"]).0, Some(0));
        self.wait_for(|status| {
            let written = self.metric("enas_checkpoint_writes_total");
            let shown = status["checkpoint"]["writes_total"].as_f64().unwrap();
            status["state"] == "paused" && (written - shown).abs() < 0.5
        })
    }

    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    fn metric(&self, series: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
    }
}

/// Loads the weights into the net that `arch.json` describes, and counts what it has right.
fn measured_again(card: &ArchCard, weights: &Path) -> (u64, u64) {
    let weights = std::fs::read(weights).unwrap();
    let weights = from_safetensors(&weights, candle_core::DType::F32).unwrap();
    let arch: Arch = card.arch.parse().unwrap();
    let net = card.family(arch.space()).unwrap().shared(&arch).unwrap();
    assert_eq!(weights.keys().collect::<Vec<_>>(), net.params().keys().collect::<Vec<_>>());
    let exec = CandleExec::new(candle_core::Device::Cpu);
    let dataset = task(tiny_config()).dataset;
    let dataset = dataset.images().unwrap();
    // The norms have the statistics of the training images that the score was calibrated on.
    let net = net.normed(Norm::Running);
    let batch = dataset.calibration_batch(card.scored.calibration, tiny_config().seed).unwrap();
    let images = Images { values: &batch.images, labels: &batch.labels };
    let moments = exec.moments(&net, &weights, images).unwrap();
    let mut found = Measured::default();
    for batch in dataset.valid_batches(card.valid_batch_size) {
        let batch = batch.unwrap();
        let images = Images { values: &batch.images, labels: &batch.labels };
        found += exec.measure(&net, &weights, images.into(), Some(&moments)).unwrap();
    }
    (found.correct, found.items)
}

/// Metrics and people count from 1, alike.
fn check_counting(daemon: &Daemon, status: &Value) {
    let (cycle, epoch) = (daemon.metric("enas_cycle"), daemon.metric("enas_epoch"));
    let counted = |name: &str| status["place"][name].as_u64().unwrap();
    assert!((cycle - (counted("cycle") + 1) as f64).abs() < 0.5, "{cycle}");
    assert!((epoch - (counted("epoch") + 1) as f64).abs() < 0.5, "{epoch}");
    let epochs = counted("cycle_epochs");
    let of_cycle = counted("epoch") % epochs + 1;
    let line = format!("cycle {cycle}, epoch {epoch} ({of_cycle}/{epochs}), ");
    let (_, text) = daemon.ctl(&["status"]);
    assert!(text.contains(&line), "{line}\n{text}");
}

#[test]
fn status_metrics_best_and_the_weights_taken_away_agree() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let mut daemon = start(&state);
    daemon.wait_for(|status| 1 <= status["place"]["cycle"].as_u64().unwrap());

    // Paused, nothing moves between two looks.
    let status = daemon.pause();
    for (series, pointer) in [
        ("enas_steps_total{net=\"policy\"}", "/policy/steps_total"),
        ("enas_reward{arm=\"controller\"}", "/policy/reward"),
        ("enas_reward{arm=\"random\"}", "/policy/random_reward"),
        ("enas_baseline", "/policy/baseline"),
        ("enas_policy_entropy_nats{kind=\"sum\"}", "/policy/entropy_nats"),
        ("enas_archs_sampled_total", "/archs_sampled"),
        ("enas_best_score_ratio{stage=\"shared\"}", "/best/0/score/accuracy"),
    ] {
        let shown = status.pointer(pointer).and_then(Value::as_f64).unwrap();
        let scraped = daemon.metric(series);
        assert!((shown - scraped).abs() < 1e-9, "{series}: {shown} {scraped}");
    }
    assert!(daemon.metric("enas_phase{phase=\"paused\"}") > 0.5);
    check_counting(&daemon, &status);

    // The best architecture: its score, its drawing, its weights.
    let best = daemon.json(&["best"]);
    let first = &best["archs"][0];
    assert_eq!(first, &status["best"][0]);
    let (code, drawn) = daemon.ctl(&["best"]);
    assert_eq!(code, Some(0));
    let id = first["id"].as_str().unwrap();
    assert!(drawn.contains(id) && drawn.contains("reduction"), "{drawn}");
    let weights = folder.path().join("best.safetensors");
    assert_eq!(daemon.ctl(&["best", "--weights", weights.to_str().unwrap()]).0, Some(0));
    // Its files come with a checkpoint, and the last one may be from before it was derived.
    assert_eq!(daemon.ctl(&["checkpoint"]).0, Some(0));
    let file = |name| std::fs::read(state.join("best").join(id).join(name)).unwrap();
    let card: ArchCard = serde_json::from_slice(&file("arch.json")).unwrap();
    assert!(file("drawing.svg").starts_with(b"<svg"), "people can look at it");
    assert_eq!(measured_again(&card, &weights), (card.correct, card.items));
    assert_eq!(first["score"]["correct"].as_u64(), Some(card.correct));
    for (series, expected) in [
        ("enas_best_params", card.params as f64),
        ("enas_best_multiply_adds", card.multiply_adds as f64),
        ("enas_history_backlog", 0.0),
    ] {
        assert!((daemon.metric(series) - expected).abs() < 0.5, "{series}");
    }
    let option = "enas_option_probability{part=\"normal\",menu=\"op\",option=\"identity\"}";
    assert!((0.0..1.0).contains(&daemon.metric(option)), "the policy was looked at");
    let checkpoint = daemon.metric("enas_checkpoint_bytes");
    assert!(checkpoint < daemon.metric("enas_state_bytes"), "the state holds its checkpoints");

    // Stop ends it orderly.
    assert_eq!(daemon.ctl(&["stop"]).0, Some(0));
    assert!(daemon.process.0.wait().unwrap().success());
    assert_eq!(daemon.ctl(&["status"]).0, Some(3), "nobody answers");
}

/// The messages of the events of a kind.
fn told(daemon: &Daemon, kind: &str) -> Vec<String> {
    let (_, text) = daemon.ctl(&["events", "--output", "ndjson"]);
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_kind = events.filter(|event| event["kind"] == kind);
    of_kind.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_history_that_is_lost_is_begun_anew_and_metric_and_event_say_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let daemon = start(&state);
    daemon.wait_for(|status| 1 < status["checkpoint"]["writes_total"].as_u64().unwrap());
    assert!(daemon.metric("enas_history_missing").abs() < 0.5);
    drop(daemon);
    let history = state.join("history.sqlite");
    std::fs::write(&history, [0x55; 8192]).unwrap();
    let daemon = start(&state);
    daemon.wait_for(|status| status["state"] == "running");
    let [moved] = &told(&daemon, "history-damaged")[..] else { panic!() };
    let missing = daemon.metric("enas_history_missing");
    let gap = format!("the history lacks {missing} of the search steps before ");
    assert!(0.5 < missing && told(&daemon, "history-gap")[0].starts_with(&gap), "{gap} {moved}");

    // A follower goes on with the new one.
    let mut follower = run_beside(&state, &["events", "--follow", "--output", "ndjson"]);
    let mut seen = lines(&mut follower.0).map(|line| serde_json::from_str::<Value>(&line).unwrap());
    assert_eq!(seen.next().unwrap()["seq"], 1);
    std::fs::remove_file(&history).unwrap();
    let begun = seen.find(|event| event["message"].as_str().unwrap().contains("there is no "));
    assert_eq!(begun.unwrap()["kind"], "history-damaged");
    let [gone] = &told(&daemon, "history-damaged")[..] else { panic!() };
    // The metric follows the event.
    daemon.wait_for(|_| {
        let missing = daemon.metric("enas_history_missing");
        gone.contains(&format!("without {missing} steps: there is no "))
    });
    assert_eq!(daemon.json(&["history", "--tail", "1"])["damaged"], 0);
    for name in ["history/history.sqlite", "history/WHY.txt", "history-1/WHY.txt"] {
        assert!(state.join("corrupt").join(name).is_file(), "{name}");
    }
}

/// `enasctl` at work on a daemon's socket, with its output to be read.
fn run_beside(state: &Path, args: &[&str]) -> Killed {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasctl"));
    command.args(args).arg("--socket").arg(state.with_extension("sock"));
    Killed(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap)
}

/// The text that a program wrote to standard error until it ended.
fn complaint(child: &mut Child) -> String {
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_watched_search_is_a_line_a_step_until_the_daemon_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let daemon = start(&state);
    daemon.wait_for(|status| status["state"] == "running");
    let mut watch = run_beside(&state, &["watch", "--every", "0", "--output", "ndjson"]);
    let mut seen = lines(&mut watch.0)
        .map(|line| serde_json::from_str::<Value>(&line).unwrap()["place"]["number"].clone())
        .map(|number| number.as_u64().unwrap());
    let first = seen.next().unwrap();
    // Several in a row, not all that were ever taken.
    let numbers: Vec<u64> = seen.by_ref().take(5).collect();
    assert!(first <= numbers[0] && numbers.is_sorted(), "{first} {numbers:?}");
    let mut people = run_beside(&state, &["watch"]);
    let line = lines(&mut people.0).next().unwrap();
    for words in ["running", "step ", "cycle ", "loss ", "reward ", "advantage ", "entropy "] {
        assert!(line.contains(words), "{words}: {line}");
    }
    drop(daemon);
    assert!(seen.count() < 100, "it goes on without a daemon");
    assert_eq!(watch.0.wait().unwrap().code(), Some(3), "{}", complaint(&mut watch.0));
}

#[test]
fn a_follower_of_events_outlives_the_daemon_and_misses_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let daemon = start(&state);
    daemon.wait_for(|status| status["state"] == "running");
    let mut follower = run_beside(&state, &["events", "--follow", "--output", "ndjson"]);
    let mut seen = lines(&mut follower.0).map(|line| serde_json::from_str(&line).unwrap());
    let first: Value = seen.next().unwrap();
    assert_eq!(first["seq"], 1);
    drop(daemon);
    let daemon = start(&state);
    daemon.wait_for(|status| status["state"] == "running");
    assert_eq!(daemon.ctl(&["pause"]).0, Some(0));
    let mut last = 1;
    for event in seen.by_ref() {
        assert_eq!(event["seq"], last + 1, "{event}");
        last += 1;
        if event["kind"] == "pause" {
            break;
        }
    }
    assert!(2 < last, "the second start and the pause are events");
    follower.0.kill().unwrap();
    let complaint = complaint(&mut follower.0);
    assert!(complaint.contains("following again, after event "), "{complaint}");
}

#[test]
fn the_live_screen_names_what_to_use_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut top = run_beside(&folder.path().join("state"), &["top"]);
    assert_eq!(top.0.wait().unwrap().code(), Some(2));
    let complaint = complaint(&mut top.0);
    assert!(complaint.contains("use `enasctl watch`"), "{complaint}");
}
