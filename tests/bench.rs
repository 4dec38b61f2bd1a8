//! `enasd bench` as a user runs it.

use std::process::{Command, Output};

use serde_json::Value;

/// A net so small that its pace says nothing.
const TINY: [&str; 12] = [
    "--layers",
    "1",
    "--channels",
    "2",
    "--batch",
    "3",
    "--side",
    "5",
    "--steps",
    "2",
    "--threads",
    "1",
];

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    // What another run left behind must not decide on the threads.
    command.env("RAYON_NUM_THREADS", "3").arg("bench").args(TINY).args(args);
    command.output().unwrap()
}

#[test]
fn a_net_of_words_is_timed_by_the_word() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
        command.args(["bench", "--space", "recurrent", "--steps", "2", "--threads", "1"]);
        command.args(args).output().unwrap()
    };
    let tiny = ["--hidden", "9", "--vocabulary", "40", "--window", "3", "--batch", "5"];
    let output = run(&tiny);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["shared net of 0 2 1 0", "9 features, 40 words", "5 rows of 3 words", "words/s"] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
    let refused = run(&["--channels", "4"]);
    assert_eq!(refused.status.code(), Some(2));
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("--channels says nothing about nets of the space `recurrent`"), "{why}");
    let refused = bench(&["--hidden", "4"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--hidden says nothing"));
}

fn report(args: &[&str]) -> Value {
    let output = bench(&[args, &["--output", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_report_has_every_field() {
    let report = report(&["--net", "standalone", "--arch", "random", "--seed", "3"]);
    for (key, expected) in [
        ("net", "standalone".into()),
        ("layers", 1.into()),
        ("channels", 2.into()),
        ("batch", 3.into()),
        ("steps", 2.into()),
        ("threads", 1.into()),
        ("image", serde_json::json!([3, 5, 5])),
    ] {
        assert_eq!(report[key], expected, "{key}");
    }
    assert_eq!(report["arch"].as_str().unwrap().split(' ').count(), 40);
    for key in ["executor", "instructions"] {
        assert!(!report[key].as_str().unwrap().is_empty(), "{key}");
    }
    let positive = |value: &Value| value.as_f64().is_some_and(|value| 0.0 < value);
    for key in ["params", "multiply_adds", "first_step_ms", "peak_gflops"] {
        assert!(positive(&report[key]), "{key}");
    }
    for pass in ["step", "forward"] {
        for key in ["median_ms", "min_ms", "max_ms", "items_per_second", "gflops", "peak_share"] {
            assert!(positive(&report[pass][key]), "{pass}.{key}");
        }
    }
    assert_eq!(positive(&report["peak_rss_bytes"]), cfg!(target_os = "linux"));
}

#[test]
fn the_text_names_the_net_and_its_pace() {
    let output = bench(&[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["shared net of 0 2 0 0", "1 layers, 2 channels", "step ", "forward ", "of peak"] {
        assert!(text.contains(words), "`{words}` is not in: {text}");
    }
}

#[test]
fn files_are_written_for_the_same_work_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = |run: &str| {
        let paths = ["weights", "batch", "grads"].map(|what| {
            let path = folder.path().join(format!("{what}.{run}"));
            (format!("--save-{what}"), path.to_str().unwrap().to_owned())
        });
        let args: Vec<&str> = paths.iter().flat_map(|(flag, path)| [&**flag, &**path]).collect();
        report(&args);
        paths.map(|(_, path)| std::fs::read(path).unwrap())
    };
    assert!(files("first") == files("second"), "the same seed gives other work");
}

#[test]
fn wrong_flags_are_refused_with_what_would_be_right() {
    for (code, args, words) in [
        (2, &["--arch", "swish"][..], "`swish` is no known form of an architecture; give `normal="),
        (2, &["--arch", "0 2 0 0 0 5 0 0 0 0 0 0 0 0 0 0"], "number 6 is operation 5"),
        (2, &["--space", "whole_net", "--arch", "0 0 0 6 0 1"], "the operations are 0 to 5"),
        (2, &["--space", "whole_net", "--arch", "0 0 5 1"], "do not spell the layers of a net"),
        (2, &["--net", "both"], "give `shared` or `standalone`"),
        (
            2,
            &["--space", "macro"],
            "the spaces are micro, whole_net, recurrent, nas_cnn, nas_rnn, \
             nasnet, nasbench201",
        ),
        (2, &["--batch", "0"], "1..=8192"),
        (2, &["--steps", "0"], "1..=100000"),
        (2, &["--output", "xml"], "possible values: text, json"),
        (78, &["--layers", "41"], "`layers` is 41; it must be 1 to 40"),
        (78, &["--side", "3"], "it must be 4 to 1024; see --layers, --channels, --side"),
        (78, &["--executor", "quick"], "no executor `quick`"),
        (78, &["--device", "gpu"], "`gpu` is no device; give `cpu`, `cuda:N`"),
        (78, &["--save-weights", "/nowhere/w"], "cannot write /nowhere/w"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
        let output = command.arg("bench").args(["--threads", "1"]).args(args).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
        assert!(error.contains(words), "`{words}` is not in: {error}");
    }
}

#[test]
fn a_device_that_is_not_there_is_one_line_with_a_cure() {
    // No machine has so many.
    let output = bench(&["--device", "cuda:250"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{error}");
    assert!(error.contains("or ask for `cpu` or `auto`"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
