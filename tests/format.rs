//! The promise that a state folder outlives the program that made it.
//!
//! `tests/format/state-1.tar.gz` is the state folder of a search that an earlier program took to
//! its third epoch (with `state-1.toml`), and `state-1.txt` the history that the same program had
//! when it had gone on from there to the end of the third cycle, on x86-64 with AVX-512. Losses
//! differ in their last bits by the width of the vectors; `state-1.avx2.txt` is what a machine
//! without AVX-512 had, from the last program before search spaces became several (8b6ebf5). Every
//! later program reads that folder, goes on, and has that history, bit for bit. `words-1` is the
//! same of a search of text, `tests/novels`; its machine without AVX-512 was QEMU's Haswell, which
//! has the history of `state-1.avx2.txt`, too. None of these files is ever made anew: a program that
//! fails here has broken somebody's state.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{files_of, history};
use enasd::store::{HistoryRow, StepRow};
use flate2::read::GzDecoder;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format").join(name)
}

/// The state folder `name` as the earlier program left it, in `folder`.
fn unpack(name: &str, folder: &Path) -> PathBuf {
    let archive = File::open(fixture(&format!("{name}.tar.gz"))).unwrap();
    tar::Archive::new(GzDecoder::new(archive)).unpack(folder).unwrap();
    folder.join("state")
}

fn go_on(name: &str, state: &Path, threads: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_enasd"))
        .args(["run", "--until", "cycles=3", "--config"])
        .arg(fixture(&format!("{name}.toml")))
        .arg("--state")
        .arg(state)
        .arg("--socket")
        .arg(state.with_extension("sock"))
        .env("ENASD_ENGINE__THREADS", threads)
        // The earlier program ran on AVX-512, and here other vectors may be.
        .env("ENASD_ENGINE__RESUME_ELSEWHERE", "true")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {log}", output.status);
}

fn bits(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:016x}", value.to_bits()))
}

/// A line a row, floats by their bits.
fn lines((rows, steps): &(Vec<HistoryRow>, Vec<StepRow>)) -> Vec<String> {
    let row = |row: &HistoryRow| {
        let (arm, phase) = (row.arm.name(), row.phase.name());
        let HistoryRow { step, idx, cycle, cycle_epoch, arch_id, .. } = row;
        let [reward, log_prob, entropy] = [row.reward, row.log_prob, row.entropy].map(bits);
        format!(
            "{step} {arm} {idx} {phase} {cycle} {cycle_epoch} {arch_id} {reward} {log_prob} {entropy}"
        )
    };
    let step = |row: &StepRow| {
        let [loss, accuracy, rate, norm] =
            [row.loss, row.accuracy, Some(row.learning_rate), row.grad_norm].map(bits);
        format!("{} omega {loss} {accuracy} {rate} {norm}", row.step)
    };
    rows.iter().map(row).chain(steps.iter().map(step)).collect()
}

/// The history that this machine's vectors give.
fn witness(name: &str) -> PathBuf {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            return fixture(&format!("{name}.txt"));
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return fixture(&format!("{name}.avx2.txt"));
        }
    }
    panic!("no earlier program left a history of a machine like this one");
}

/// Goes on from the folder `name` with one thread and with two: `rows` rows and updates, and the names
/// of the best with their weights, are as they were.
fn check(name: &str, rows: usize, best: &[&str]) {
    let expected = std::fs::read_to_string(witness(name)).unwrap();
    let expected: Vec<&str> = expected.lines().collect();
    assert_eq!(expected.len(), rows);
    for threads in ["1", "2"] {
        let folder = tempfile::tempdir().unwrap();
        let state = unpack(name, folder.path());
        go_on(name, &state, threads);
        let found = lines(&history(&state));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "with {threads} threads");
        }
        assert_eq!(found.len(), expected.len());
        let mut paths: Vec<PathBuf> = std::fs::read_dir(state.join("best"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| files_of(path).iter().any(|(name, _)| name == "weights.safetensors"))
            .collect();
        paths.sort();
        let names: Vec<&str> =
            paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, best);
    }
}

#[test]
fn a_state_folder_of_an_earlier_program_goes_on_bit_for_bit() {
    check("state-1", 204, &["m2-05wwg8", "m2-2dsyn3", "m2-6z9kw2"]);
}

#[test]
fn so_does_one_of_text() {
    check("words-1", 240, &["r3-42", "r3-7c", "r3-7r"]);
}
