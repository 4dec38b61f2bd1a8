//! `enasd study` as a user runs it: what it leaves, that nothing is measured twice, and that a study
//! that was killed goes on to the same findings.

mod common;

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

/// What differs from the smallest search.
const SETTINGS: [&str; 6] = [
    "data.valid_share=0.4",
    "schedule.shared_steps=4",
    "final.epochs=2",
    "final.batch_size=8",
    "final.channels=2",
    "final.crop_padding=0",
];

struct Rig {
    root: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("c.toml"), common::SMALLEST).unwrap();
        common::write_stripes(&root.path().join("data/train"), 30);
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
        command
            .args([verb, "--config"])
            .args([self.path("c.toml"), "--state".into(), self.path("state")])
            .args(["--socket".into(), self.path("sock")])
            .args(SETTINGS.iter().flat_map(|setting| ["--set", setting]))
            .env("ENASD_DATA__PATH", self.path("data"))
            .stdin(Stdio::null());
        command
    }

    fn study(&self, folder: &str) -> Command {
        let mut command = self.command("study");
        command
            .args(["--archs", "10", "--seeds", "2", "--levers", "paper,+fair", "--folder"])
            .arg(self.path(folder));
        command
    }

    /// What a study prints, and what it says.
    fn run(&self, folder: &str) -> (String, String) {
        let output = self.study(folder).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    fn found(&self, folder: &str) -> Value {
        let text = fs::read(self.path(folder).join("study.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }
}

fn names(found: &Value) -> Vec<&str> {
    let estimates = found["estimates"].as_array().unwrap();
    estimates.iter().map(|estimate| estimate["name"].as_str().unwrap()).collect()
}

#[test]
fn a_study_compares_every_score_with_retraining_and_measures_nothing_twice() {
    let rig = Rig::new();
    let (printed, said) = rig.run("study");
    assert!(said.contains("nets of the truth: 0 of 20"), "{said}");
    let found = rig.found("study");
    assert_eq!(
        names(&found),
        [
            "1 epoch alone",
            "2 epochs alone",
            "5 epochs alone",
            "parameters",
            "multiply-adds",
            "gradient norm",
            "synflow",
            "Jacobian covariance",
            "ω: paper",
            "ω: paper, as the authors score",
            "ω: +fair",
            "ω: +fair, as the authors score",
        ]
    );
    let archs = found["archs"].as_array().unwrap();
    assert_eq!(archs.len(), 10);
    // 12 of each class for validation, of which each half has 6.
    assert_eq!((&found["truth_images"], &found["score_images"]), (&18.into(), &18.into()));
    for arch in archs {
        assert!(arch["nets"].as_array().unwrap().iter().all(|net| net["items"] == 18));
    }
    for estimate in found["estimates"].as_array().unwrap() {
        assert!(estimate["values"].as_array().unwrap().iter().all(Value::is_number));
        assert!(printed.contains(estimate["name"].as_str().unwrap()), "{printed}");
    }
    let page = fs::read_to_string(rig.path("study/study.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 12);
    assert_eq!(printed, fs::read_to_string(rig.path("study/study.txt")).unwrap());
    let (again, said) = rig.run("study");
    assert_eq!((again, rig.found("study")), (printed, found));
    assert!(!said.contains("nets of") && !said.contains("ω of"), "{said}");
}

#[test]
fn a_study_that_is_killed_goes_on_to_the_same_findings() {
    let rig = Rig::new();
    rig.run("whole");
    let nets = rig.path("broken/nets");
    let mut kills = 0;
    loop {
        let mut study =
            rig.study("broken").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(150 + 100 * kills));
        if study.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        study.kill().unwrap();
        study.wait().unwrap();
        kills += 1;
        assert!(kills < 100, "it comes no further: {}", fs::read_dir(&nets).unwrap().count());
    }
    assert!(0 < kills);
    assert_eq!(rig.found("broken"), rig.found("whole"));
}

#[test]
fn the_present_shared_weights_of_the_state_folder_are_scored_too() {
    let rig = Rig::new();
    let run = rig.command("run").args(["--until", "epochs=1"]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    rig.run("study");
    assert!(names(&rig.found("study")).contains(&"ω: present"));
    let mut other = rig.study("study");
    let output = other.env("ENASD_NET__CHANNELS", "3").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("its shared weights are left out: net.channels: 2 → 3"), "{said}");
    assert!(!names(&rig.found("study")).contains(&"ω: present"));
    // Of the same settings, and of other images.
    fs::remove_file(rig.path("data/train/ant/0.png")).unwrap();
    let output = rig.study("study").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the search in the state folder is of other data"), "{said}");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn a_table_that_was_broken_off_goes_on_to_the_same_and_trains_nothing_twice() {
    let rig = Rig::new();
    let tabulate = |folder: &str| {
        let mut command = rig.command("tabulate");
        command.args(["--set", "space.nodes=1", "--set", "limits.params=560", "--seeds", "2"]);
        command.arg("--folder").arg(rig.path(folder)).arg(rig.path(&format!("{folder}.csv.gz")));
        command
    };
    let run = |folder| {
        let output = tabulate(folder).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    };
    let (printed, said) = run("whole");
    assert!(said.contains("nets of the table: 0 of 168"), "{said}");
    assert!(printed.starts_with("84 architectures\n"), "{printed}");
    let whole = fs::read(rig.path("whole.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&whole[..]).read_to_string(&mut text).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rows[0], "arch,score,accuracy,score_1,score_2,params,multiply_adds");
    assert_eq!(rows.len(), 85);
    for row in &rows[1..] {
        let numbers: Vec<f64> =
            row.split(',').skip(1).map(|number| number.parse().unwrap()).collect();
        let mean = f64::midpoint(numbers[2], numbers[3]);
        assert!((numbers[0] - mean).abs() < 2e-5, "{row}");
    }
    assert!(text.contains("Every architecture of micro with 1 nodes within the limits"), "{text}");

    let mut broken =
        tabulate("broken").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let measured = || {
        let files = fs::read_dir(rig.path("broken/tabulated")).into_iter().flatten();
        files.filter(|file| file.as_ref().unwrap().path().extension().is_some()).count()
    };
    while measured() < 20 {
        std::thread::sleep(Duration::from_millis(2));
    }
    broken.kill().unwrap();
    broken.wait().unwrap();
    let (_, said) = run("broken");
    assert!(!said.contains(": 0 of 168"), "{said}");
    assert_eq!(fs::read(rig.path("broken.csv.gz")).unwrap(), whole);
    let again = tabulate("whole").output().unwrap();
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("is there already") && again.status.code() == Some(78), "{said}");
    let again = tabulate("whole").arg("--force").output().unwrap();
    assert_eq!((again.stdout, again.stderr), (printed.into_bytes(), Vec::new()));
}

#[test]
fn a_space_too_large_for_a_table_is_refused() {
    let rig = Rig::new();
    let large = rig.command("tabulate").args(["--set", "space.nodes=3"]).arg("t.gz").output();
    let large = large.unwrap();
    let said = String::from_utf8(large.stderr).unwrap();
    assert!(said.contains("has more than 20000000 spellings"), "{said}");
    assert_eq!(large.status.code(), Some(78));
}

/// Two searches' champions and controls, and two that nobody chose.
const CLAIMS: &str = "\
# group   pair  architecture
champion  11    0 0 1 1 0 2 2 3 1 4 1 0 1 1 2 2
control   11    0 1 1 1 0 2 2 3 1 4 1 0 1 1 2 2

champion  12    0 0 1 1 0 2 2 3 1 4 1 0 1 1 0 2
control   12    0 2 1 1 0 2 2 3 1 4 1 0 1 1 0 2
random    -     0 3 1 3 0 2 2 3 1 4 1 3 1 3 0 2
random    -     0 4 1 4 0 2 2 3 1 4 1 4 1 4 0 2
";

#[test]
fn claims_are_confirmed_once_on_the_locked_test_split() {
    let rig = Rig::new();
    let confirm = |claims: &str| {
        fs::write(rig.path("claims"), claims).unwrap();
        let mut command = rig.command("confirm");
        command.arg(rig.path("claims")).args(["--seeds", "2", "--set", "data.test_share=0.3"]);
        command.arg("--folder").arg(rig.path("study")).output().unwrap()
    };
    let output = confirm(CLAIMS);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let text = fs::read(rig.path("study/confirm.json")).unwrap();
    let found: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(found["test_uses"], 6);
    let archs = found["archs"].as_array().unwrap();
    // 9 of each class for the test.
    let items = |arch: &Value| arch["nets"].as_array().unwrap().iter().all(|n| n["items"] == 27);
    assert!(archs.len() == 6 && archs.iter().all(items), "{found}");
    let pairs: Vec<_> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["group"].as_str().unwrap(), d["than"].as_str().unwrap(), &d["pairs"]))
        .collect();
    let none = &Value::Null;
    let expected = [
        ("champion", "control", &2.into()),
        ("champion", "random", none),
        ("control", "random", none),
    ];
    assert_eq!(pairs, expected);
    // Nothing is trained again, and nobody looks again.
    let again = confirm(CLAIMS);
    assert_eq!(again.stdout, output.stdout);
    assert!(!String::from_utf8(again.stderr).unwrap().contains("nets to be confirmed"));
    let refused = confirm("champion 11 no architecture\n");
    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("line 1 of the list: "), "{said}");
}

#[test]
fn what_a_study_cannot_do_is_refused_with_a_reason() {
    let rig = Rig::new();
    let refused = |args: &[&str], expected: &str, status: i32| {
        let output = rig.command("study").args(args).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    };
    refused(&["--levers", "unifrom"], "there is no way `unifrom`; there are", 2);
    let mut of_cells = vec!["--levers", "+operation"];
    for setting in ["space.kind=whole_net", "space.nodes=5", "net.aux_weight=0.4"] {
        of_cells.extend(["--set", setting]);
    }
    refused(&of_cells, "`+operation` of --levers", 78);
    refused(&["--archs", "7"], "7 is not in 8..=10000", 2);
    refused(&["--set", "data.path=/nowhere"], "/nowhere", 78);
    refused(&["--set", "final.batch_size=60"], "final.batch_size", 78);
}
