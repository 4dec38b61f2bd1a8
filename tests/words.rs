//! Searches on text, as somebody runs them: the daemon that was built with this test, on a folder of
//! its own.

mod common;

use std::path::Path;
use std::process::{Command, Output};

use common::tiny_daemon;
use serde_json::Value;

/// Settings of a tiny search on text, over `config/tiny.toml`.
const SETTINGS: [&str; 15] = [
    "space.kind=recurrent",
    "space.nodes=5",
    "space.recurrent_nodes=3",
    "score.reward=perplexity",
    "net.channels=8",
    "net.dropout_keep=1.0",
    "schedule.shared_steps=60",
    "schedule.bptt=10",
    "shared.learning_rate_max=1.0",
    "final.channels=12",
    "final.bptt=10",
    "final.batch_size=16",
    "final.epochs=6",
    "final.learning_rate_max=1.0",
    "final.weight_decay=0.0",
];

/// Lines of a language of two sentences that begin alike: what follows is certain but for one word of
/// each line.
fn text(lines: usize, salt: usize) -> String {
    let line = |number: usize| {
        let is_first = (number * 7 + salt * 3 + number / 5).is_multiple_of(2);
        if is_first { "the cat sat on a mat\n" } else { "the dog ran to a hill\n" }
    };
    (0..lines).map(line).collect()
}

/// A folder with a text, and a state folder beside it.
fn folder(has_test: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for (name, lines) in [("train", 900), ("valid", 120), ("test", 130)] {
        if has_test || name != "test" {
            std::fs::write(data.join(format!("{name}.txt")), text(lines, lines)).unwrap();
        }
    }
    folder
}

fn daemon(folder: &Path, more: &[&str]) -> Command {
    let mut daemon = tiny_daemon(&folder.join("state"));
    let data = format!("data.path={}", folder.join("data").display());
    daemon.args(["--set", "data.source=text", "--set", &data]);
    daemon.args(SETTINGS.iter().chain(more).flat_map(|setting| ["--set", setting]));
    daemon
}

fn ended(mut daemon: Command) -> Output {
    let output = daemon.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The folder of the one champion.
fn champion(state: &Path) -> std::path::PathBuf {
    let mut found = std::fs::read_dir(state.join("champions")).unwrap();
    found.next().unwrap().unwrap().path()
}

#[test]
fn a_champion_of_words_is_certified_by_its_perplexity_and_shipped_with_its_words() {
    let folder = folder(true);
    let mut daemon = daemon(folder.path(), &["final.candidates=1", "final.seeds=2"]);
    daemon.args(["--until", "cycles=1"]);
    let log = String::from_utf8(ended(daemon).stderr).unwrap();
    assert!(log.contains("perplexity"), "{log}");
    let state = folder.path().join("state");
    let champion = champion(&state);
    let card = json(&champion.join("card.json"));
    let (test, valid) = (&card["test"], &card["valid"]["nets"][0]);
    for measured in [test, valid] {
        let perplexity = measured["perplexity"].as_f64().unwrap();
        let nll = measured["nll"].as_f64().unwrap();
        assert!((perplexity.ln() - nll).abs() < 1e-9, "{card}");
        // By the frequencies of words alone it is 9; to know the two sentences, and not which comes
        // next, is 2^(1/7).
        assert!((1.0..2.0).contains(&perplexity), "{card}");
    }
    // Every word but the first, with the end of each line.
    assert_eq!(test["items"], 130 * 7 - 1);
    let ledger = json(&state.join("test-split.json"));
    let net = &ledger["ledger"]["certificates"][0]["nets"][0];
    assert_eq!(net["right"], "", "{ledger}");
    let blocks = net["blocks"].as_array().unwrap();
    let words: u64 = blocks.iter().map(|block| block[1].as_u64().unwrap()).sum();
    assert_eq!(words, 130 * 7 - 1);
    let labels = json(&champion.join("labels.json"));
    let words = labels["words"].as_array().unwrap();
    assert!(words.len() == 11 && words.contains(&"<eos>".into()), "{labels}");
    let readme = std::fs::read_to_string(champion.join("README.md")).unwrap();
    assert!(readme.starts_with("# r3-") && readme.contains("next of 11 words, with a perplexity"));
    // Of the example no word may be one that this text has not.
    assert!(readme.contains("text = \"<eos> a\"\n"), "{readme}");
    let onnx = std::fs::read(champion.join("model.onnx")).unwrap();
    assert!(onnx.windows(17).any(|bytes| bytes == b"log_probabilities"));
}

#[test]
fn without_a_test_text_nothing_is_certified() {
    let folder = folder(false);
    let mut daemon = daemon(folder.path(), &["final.candidates=1", "final.seeds=1"]);
    daemon.args(["--until", "cycles=1"]);
    ended(daemon);
    let card = json(&champion(&folder.path().join("state")).join("card.json"));
    assert_eq!((&card["test"], &card["certificate"]), (&Value::Null, &0.into()));
    assert!(card["valid"]["nets"][0]["perplexity"].is_f64(), "{card}");
}

#[test]
fn averages_of_weights_are_measured_and_shipped() {
    let folder = folder(true);
    // Too high a rate, so that the weights get worse on the way.
    let settings = [
        "final.candidates=1",
        "final.seeds=1",
        "final.epochs=8",
        "final.average_patience=1",
        "final.learning_rate_max=3.0",
        "final.learning_rate_min=3.0",
    ];
    let mut daemon = daemon(folder.path(), &settings);
    daemon.args(["--until", "cycles=1"]);
    ended(daemon);
    let trials = folder.path().join("state/trials");
    let cards = std::fs::read_dir(trials).unwrap().map(|trial| {
        let path = trial.unwrap().path();
        json(&path.join("trial.json"))
    });
    let averaged = |card: &Value| card["averaged_steps"].as_u64();
    let cards: Vec<Value> = cards.collect();
    assert!(cards.iter().all(|card| card["valid_nll"].as_array().unwrap().len() == 8), "{cards:?}");
    assert!(cards.iter().any(|card| averaged(card).is_some_and(|steps| 0 < steps)), "{cards:?}");
}

#[test]
fn text_takes_the_space_and_the_reward_of_text() {
    let folder = folder(true);
    for (setting, told) in [
        ("score.reward=accuracy", "`score.reward` is `accuracy`, and `data.source` is `text`"),
        ("space.kind=micro", "`space.kind` is `micro`, and `data.source` is `text`"),
        ("data.source=austen", "`data.path` is set, but `data.source` is `austen`"),
        ("data.test_share=0.2", "`data.test_share` says something to searches of"),
        ("final.flip=false", "`final.flip` says something to searches of"),
        ("score.calibration=0", "`score.calibration` says something to searches of"),
    ] {
        let output = daemon(folder.path(), &[setting]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(78), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

/// Larger than any cell that the authors published, of whose size none is known.
#[test]
fn a_cell_of_the_most_nodes_is_searched_and_retrained() {
    let folder = folder(true);
    let settings = ["space.recurrent_nodes=24", "final.candidates=1", "final.epochs=1"];
    let mut daemon = daemon(folder.path(), &settings);
    daemon.args(["--until", "cycles=1"]);
    ended(daemon);
    let card = json(&champion(&folder.path().join("state")).join("card.json"));
    assert!(card["id"].as_str().unwrap().starts_with("r24-"), "{card}");
}

/// What the start would refuse, with the same words, and before there is a state.
#[test]
fn a_text_too_short_for_a_batch_is_refused_by_the_check_and_the_start() {
    let folder = folder(true);
    for key in ["schedule.batch_size", "final.batch_size"] {
        let settings = [&format!("{key}=8192"), "final.candidates=1"];
        let started = daemon(folder.path(), &settings).output().unwrap();
        let mut check = Command::new(env!("CARGO_BIN_EXE_enasd"));
        check.args(["check-config", "--data", "--config"]).arg(common::shipped_config("tiny.toml"));
        let data = format!("data.path={}", folder.path().join("data").display());
        let known = ["data.source=text", &data];
        let all = known.iter().chain(&SETTINGS).chain(&settings);
        check.args(all.flat_map(|setting| ["--set", setting]));
        for output in [check.output().unwrap(), started] {
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(78), "{error}");
            assert!(error.contains(key) && error.contains("8192 rows"), "{error}");
        }
    }
}

/// Nets that diverge have perplexities beyond all numbers, and no share of images.
#[test]
fn what_diverged_is_told_as_text() {
    let folder = folder(true);
    let settings = [
        "final.candidates=1",
        "final.seeds=1",
        "final.learning_rate_max=100.0",
        "final.clip_norm=1000000.0",
    ];
    let mut daemon = daemon(folder.path(), &settings);
    daemon.args(["--until", "cycles=1"]);
    let log = String::from_utf8(ended(daemon).stderr).unwrap();
    assert!(log.contains("perplexity inf on 909 test words"), "{log}");
    assert!(!log.contains("test images"), "{log}");
}
