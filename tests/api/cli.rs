//! `enasctl`: its output and exit status, with a daemon and without one.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use enasd::actors::{ChampionStatus, ChildrenStatus, RunState, ScoreView};
use serde_json::Value;

use crate::rig::{IDENTITIES, KEPT_WEIGHTS, PUBLISHED, Rig, id};

const ENASCTL: &str = env!("CARGO_BIN_EXE_enasctl");

fn enasctl(args: &[&str]) -> Output {
    Command::new(ENASCTL)
        .args(args)
        .env_remove("ENASD_API__SOCKET")
        .env("TZ", "UTC")
        .output()
        .unwrap()
}

/// The same with `text` on standard input.
fn given(text: &str, args: &[&str]) -> Output {
    let mut child = Command::new(ENASCTL)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Runs a verb against a rig.
pub(crate) fn ask(rig: &Rig, args: &[&str]) -> Output {
    let socket = rig.socket();
    enasctl(&[args, &["--socket", socket.to_str().unwrap()]].concat())
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
pub(crate) fn check(output: &Output, code: i32, stderr: &str) {
    let found = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{found}");
    assert!(found.contains(stderr), "{found}");
    assert!(!found.contains("panicked"), "{found}");
}

#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    check(output, 0, "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_published_cell_has_the_published_numbers() {
    let found = json(&enasctl(&["arch", "show", PUBLISHED, "--output", "json"]));
    assert_eq!(found["params"], 3_894_372);
    assert_eq!(found["aux_params"], 494_848);
    let fact = |name: &str, value: &str| serde_json::json!({ "name": name, "value": value });
    let expected = [
        fact("nodes a cell", "5"),
        fact("loose ends, normal", "2 3 4 5 6"),
        fact("loose ends, reduction", "2 4 5 6"),
    ];
    assert_eq!(found["facts"], serde_json::json!(expected));
    assert_eq!(found["flat"], PUBLISHED);
    assert_eq!(found["id"], id(PUBLISHED));
    for key in ["multiply_adds", "activation_bytes"] {
        assert!(0 < found[key].as_u64().unwrap(), "{key}");
    }
}

#[test]
fn a_shared_child_has_its_own_numbers_and_every_text_form_gives_them() {
    let size = ["--net", "shared", "--layers", "6", "--channels", "20", "--output", "json"];
    let show = |arch: &str| json(&enasctl(&[&["arch", "show", arch], &size[..]].concat()));
    let found = show(PUBLISHED);
    assert_eq!(found, show(found["arch"].as_str().unwrap()));
    assert_eq!(found["aux_params"], 412_928);
    let params = found["params"].as_u64().unwrap();
    // A part of all shared parameters, which are 5,373,140.
    assert!((1..5_373_140).contains(&params), "{params}");
    assert_eq!(found["id"], show(&id(PUBLISHED))["id"]);
}

#[test]
fn the_table_form_says_the_same_for_people() {
    let output = enasctl(&["arch", "show", PUBLISHED]);
    check(&output, 0, "");
    let text = stdout(&output);
    for words in ["3,894,372", "494,848", "normal=[", PUBLISHED] {
        assert!(text.contains(words), "{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours: {text}");
}

#[test]
fn bad_architectures_and_sizes_are_refused_in_words() {
    for (args, words) in [
        (&["arch", "show", "0 2 0"][..], "3 numbers do not spell two micro cells"),
        (&["arch", "draw", "swish"], "no known form"),
        (&["arch", "show", PUBLISHED, "--layers", "0"], "`layers` is 0; it must be 1 to 40"),
        (&["show", "m5-0"], "m5-0"),
    ] {
        let output = enasctl(args);
        check(&output, 1, words);
        assert!(output.stdout.is_empty());
    }
}

/// What comes from standard input: a file of a best architecture, a reply of this program, a log.
#[test]
fn architectures_are_read_from_what_is_at_hand() {
    let described = stdout(&enasctl(&["arch", "show", PUBLISHED, "--output", "json"]));
    let (normal, reduction) = PUBLISHED.split_at(40);
    let log = format!("[{}]\n[{reduction}]\nval_acc=0.8125\n", normal.trim());
    for text in [described.as_str(), &log, &format!("\u{feff}{}", id(PUBLISHED).to_uppercase())] {
        let output = given(text, &["arch", "show", "-", "--output", "json"]);
        check(&output, 0, "");
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(found["id"], id(PUBLISHED), "{text}");
    }
    check(&enasctl(&["arch", "show", "{\"ks\":[3]}"]), 1, "missing field `arch`");
}

/// Each form goes through a pipe to the next and comes back as it was.
#[test]
fn architectures_are_converted_without_a_daemon() {
    let mut text = PUBLISHED.to_owned();
    for form in ["genotype", "nni", "native", "numbers"] {
        let output = given(&text, &["convert", "--to", form]);
        check(&output, 0, "");
        text = stdout(&output);
    }
    assert_eq!(text.trim_end(), PUBLISHED);
    let all = json(&enasctl(&["convert", PUBLISHED, "--output", "json"]));
    assert_eq!(all["id"], id(PUBLISHED));
    let genotype = all["texts"]["genotype"].as_str().unwrap();
    assert!(genotype.starts_with("Genotype(normal=[('avg_pool_3x3', 0), "), "{genotype}");
    let again = json(&enasctl(&["convert", genotype, "--to", "numbers", "--output", "json"]));
    assert_eq!(again["texts"], serde_json::json!({ "numbers": PUBLISHED }));

    let unread = "0 0 1 0 0 0 1 0 1 0 1 0 1 0 1 0";
    let table = enasctl(&["convert", unread]);
    check(&table, 0, "");
    let text = stdout(&table);
    for words in
        ["native    normal=[", &format!("numbers   {unread}"), "nni       none: no node of"]
    {
        assert!(text.contains(words), "{text}");
    }
    let nested = "--architecture=\"[[0], [1, 0], [2, 0, 1]]\"";
    let rows = given(nested, &["convert", "-", "--space", "whole_net", "--to", "rows"]);
    check(&rows, 0, "");
    assert_eq!(stdout(&rows), "0\n1 0\n2 0 1\n");
}

#[test]
fn what_does_not_convert_is_refused_in_words() {
    let darts = "Genotype(normal=[('sep_conv_3x3', 0), ('dil_conv_5x5', 1)], normal_concat=[2], \
                 reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])";
    let unread = "0 0 1 0 0 0 1 0 1 0 1 0 1 0 1 0";
    for (args, words) in [
        (&["convert", darts][..], "node 2 of the normal cell applies `dil_conv_5x5`"),
        (&["convert", unread, "--to", "genotype"], "DARTS does not"),
        (&["convert", unread, "--to", "keras"], "`keras` is no form that the micro space writes"),
        (&["convert", "{\"normal/op_2_0\": \"none\"}"], "applies `none`"),
        (&["convert", "{\"ks\":[3]}"], "missing field `arch`"),
    ] {
        let output = enasctl(args);
        check(&output, 1, words);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_architecture_that_was_met_is_shown_as_without_a_daemon() {
    let rig = Rig::new();
    let spelling = |output: &Output| {
        check(output, 0, "");
        let text = stdout(output);
        let lines =
            text.lines().filter(|line| line.starts_with("arch") || line.starts_with("flat"));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let met = spelling(&ask(&rig, &["show", &id(PUBLISHED)]));
    assert_eq!(met.len(), 2);
    assert_eq!(met, spelling(&enasctl(&["arch", "show", &id(PUBLISHED)])));
}

#[test]
fn what_a_terminal_would_act_on_is_written_out() {
    let output = enasctl(&["arch", "show", "\u{1b}[2J\u{202e}gone"]);
    check(&output, 1, r"`\u001b[2J\u202egone` is no known form");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
}

#[test]
fn wrong_usage_has_its_own_exit_status() {
    check(&enasctl(&["frobnicate"]), 2, "frobnicate");
    check(&enasctl(&["best", "--force"]), 2, "--weights");
    check(&enasctl(&["--help"]), 0, "");
}

#[test]
fn drawings_are_made_without_a_daemon() {
    for (format, words) in [("svg", "<svg"), ("dot", "digraph"), ("text", "normal cell")] {
        let output = enasctl(&["arch", "draw", PUBLISHED, "--format", format]);
        check(&output, 0, "");
        assert!(stdout(&output).contains(words), "{}", stdout(&output));
    }
}

#[test]
fn a_closed_output_is_no_error() {
    let mut child = Command::new(ENASCTL)
        .args(["arch", "draw", PUBLISHED, "--format", "svg"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    check(&child.wait_with_output().unwrap(), 0, "");
}

#[test]
fn a_daemon_that_is_not_there_has_its_own_exit_status() {
    let output = enasctl(&["status", "--socket", "/nonexistent/api.sock"]);
    check(&output, 3, "no daemon answers at /nonexistent/api.sock");
}

#[test]
fn the_status_says_whether_the_daemon_is_well() {
    let rig = Rig::new();
    let output = ask(&rig, &["status"]);
    check(&output, 0, "");
    assert!(stdout(&output).contains("running"), "{}", stdout(&output));
    rig.publish(|status| status.checkpoint.last_error = Some("disk full".to_owned()));
    check(&ask(&rig, &["status"]), 4, "checkpoints fail: disk full");
    rig.publish(|status| status.state = RunState::Failed);
    let output = ask(&rig, &["status", "--output", "json"]);
    check(&output, 4, "the search failed");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["state"], "failed");
}

#[test]
fn every_verb_prints_its_answer() {
    let rig = Rig::new();
    let published = id(PUBLISHED);
    for (args, words) in [
        (&["best"][..], published.as_str()),
        (&["list", "--order", "latest"], "25.00 %"),
        (&["list"], "on one validation batch of 64 images"),
        (&["show", PUBLISHED], "450 of 600 right"),
        (&["history", "--since", "2"], "90.00 %"),
        (&["events"], "1970-01-01 00:00:01 +00:00  started  from nothing"),
        (&["config"], "layers = 6"),
        (&["list", "--pareto"], "validation, shared weights"),
        (&["score", PUBLISHED], "above 66.7 % of recent ones"),
        (&["score", PUBLISHED], "75.00 %, 95 % within 71.38 % to 78.30 %"),
        (&["score", &published], "given as                id"),
        (&["retrain", PUBLISHED], "number 2 of those that are retrained"),
        (&["sample", "--seed", "3"], "-3.00"),
        (&["pause"], "paused"),
        (&["resume"], "goes on"),
        (&["stop"], "ends"),
    ] {
        let output = ask(&rig, args);
        check(&output, 0, "");
        assert!(stdout(&output).contains(words), "{args:?}: {}", stdout(&output));
    }
    check(&ask(&rig, &["checkpoint"]), 1, "the disk is full");
}

#[test]
fn scores_of_children_that_share_no_weights_are_called_so() {
    let rig = Rig::new();
    let folder = tempfile::tempdir().unwrap();
    let told = |words: &str| {
        let best = stdout(&ask(&rig, &["best"]));
        assert!(best.contains(&format!("score, {words}")), "{best}");
        let page = folder.path().join("report.html");
        check(&ask(&rig, &["report", "--force", "-o", page.to_str().unwrap()]), 0, "");
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(&format!("In the search, {words}")), "{words}");
    };
    told("with the shared weights");
    rig.publish(|status| status.children = Some(ChildrenStatus::default()));
    told("trained from scratch");
}

#[test]
fn lists_are_lines_of_json_where_asked_for() {
    let rig = Rig::new();
    let output = ask(&rig, &["list", "--output", "ndjson"]);
    check(&output, 0, "");
    let text = stdout(&output);
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let ids: Vec<Value> = rows.map(|row: Value| row["id"].clone()).collect();
    assert_eq!(ids, [id(PUBLISHED), id(IDENTITIES)]);
    let whole = json(&ask(&rig, &["list", "--output", "json"]));
    assert_eq!(whole["archs"][0]["id"], ids[0]);
}

#[test]
fn the_best_of_the_shared_search_and_the_champion_are_told_apart() {
    let rig = Rig::new();
    let none = ask(&rig, &["best", "--stage", "certified"]);
    check(&none, 0, "");
    assert!(stdout(&none).contains("no architecture was measured on the test split yet"));
    let score = |accuracy| vec![ScoreView { accuracy, ..ScoreView::default() }];
    rig.publish(|status| {
        status.finals.champion = Some(ChampionStatus {
            id: id(IDENTITIES),
            arch: IDENTITIES.to_owned(),
            arm: "random".to_owned(),
            valid: score(0.91),
            test: score(0.905),
            ..ChampionStatus::default()
        });
    });
    let champion = format!(
        "The champion, trained from scratch: {} by random draws in cycle 1, 91.00 % of the \
         validation images, 90.50 % of the test images",
        id(IDENTITIES)
    );
    for (args, first) in [
        (&["best"][..], id(PUBLISHED)),
        (&["best", "--stage", "retrained"], id(IDENTITIES)),
        (&["best", "--stage", "certified"], id(IDENTITIES)),
    ] {
        let output = ask(&rig, args);
        check(&output, 0, "");
        let text = stdout(&output);
        assert!(text.lines().nth(1).unwrap().contains(&first), "{args:?}: {text}");
        assert!(text.contains(&champion), "{args:?}: {text}");
    }
    check(&ask(&rig, &["best", "--stage", "certified", "--weights", "x"]), 2, "--stage");
}

#[test]
fn weights_are_written_and_no_file_is_replaced_unasked() {
    let rig = Rig::new();
    let file = rig.folder.path().join("weights.safetensors");
    let path = file.to_str().unwrap();
    check(&ask(&rig, &["best", "--weights", path]), 0, "");
    assert_eq!(fs::read(&file).unwrap(), KEPT_WEIGHTS);
    fs::write(&file, "precious").unwrap();
    check(&ask(&rig, &["best", "--weights", path]), 1, "is there already");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    check(&ask(&rig, &["best", "--weights", path, "--force"]), 0, "");
    assert_eq!(fs::read(&file).unwrap(), KEPT_WEIGHTS);
    // Where nothing is shared they are the child's own.
    rig.publish(|status| status.children = Some(ChildrenStatus::default()));
    check(&ask(&rig, &["best", "--weights", path, "--force"]), 0, "");
    assert_eq!(fs::read(&file).unwrap(), KEPT_WEIGHTS);
    check(&ask(&rig, &["export", &id(PUBLISHED), "--to", "onnx"]), 1, "no retrained net of");
    rig.publish(|status| status.children = None);
    fs::remove_dir_all(rig.folder.path().join("best").join(id(PUBLISHED))).unwrap();
    let lost = rig.folder.path().join("lost");
    check(&ask(&rig, &["best", "--weights", lost.to_str().unwrap()]), 1, "no others are given");
    assert!(!lost.try_exists().unwrap());
    rig.publish(|status| status.best.clear());
    let other = rig.folder.path().join("other");
    check(&ask(&rig, &["best", "--weights", other.to_str().unwrap()]), 1, "no architecture yet");
    assert!(!other.try_exists().unwrap());
}

#[test]
fn the_log_level_is_told_and_set() {
    let rig = Rig::new();
    let told = |args: &[&str]| String::from_utf8(ask(&rig, args).stdout).unwrap();
    assert_eq!(told(&["log-level"]), "info\n");
    assert_eq!(told(&["log-level", "debug"]), "debug\n");
    check(&ask(&rig, &["log-level", "loudest"]), 1, "`loudest` is no level");
    assert_eq!(told(&["log-level"]), "debug\n");
}
