//! The nets of an architecture as files: over the API, and by `enasctl export`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use enasd::api::ProblemCode;
use enasd::store::BestFolder;
use safetensors::SafeTensors;
use serde_json::Value;

use crate::champion::{DIGITS, put_champion, put_trial, shared_weights};
use crate::rig::{IDENTITIES, PUBLISHED, Rig, check_refused, id, put_with, within};

/// One that the search has not met.
const UNMET: &str =
    "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0";

/// A rig whose best architecture has weights that can be read, of step 17.
fn rig() -> Rig {
    let rig = Rig::new();
    let best = BestFolder::open(&rig.folder.path().join("best")).unwrap();
    put_with(&best, 450, &shared_weights(&PUBLISHED.parse().unwrap()));
    rig
}

async fn file(rig: &Rig, arch: &str, rest: &str) -> (String, Vec<u8>) {
    let path = format!("/v1/archs/{}.{rest}", id(arch));
    let (name, bytes) = within(rig.client().get_file(&path)).await.unwrap();
    (name, bytes.to_vec())
}

/// All files of an architecture at the stage that is asked for are of the stage that is told, and
/// the digits in their names are those of the weights. Returns the name without its ending.
async fn check(rig: &Rig, arch: &str, query: &str, stage: &str) -> String {
    let (name, weights) = file(rig, arch, &format!("safetensors?{query}")).await;
    let digits = blake3::hash(&weights).to_hex()[..8].to_owned();
    let stem = format!("{}.{stage}-{digits}", id(arch));
    assert_eq!(name, format!("{stem}.safetensors"));
    let (_, header) = SafeTensors::read_metadata(&weights).unwrap();
    let told = header.metadata().clone().unwrap();
    let word = stage.split('-').next().unwrap();
    assert_eq!((told["stage"].as_str(), told["id"].as_str()), (word, id(arch).as_str()));
    assert_eq!(told["batch_normalization"].contains("of a batch"), word == "shared", "{told:?}");
    assert!(!header.tensors().keys().any(|name| name.contains("aux")), "{stage}");

    for (pixels, ending) in [("u8", "onnx"), ("f32", "f32.onnx")] {
        let (name, onnx) = file(rig, arch, &format!("onnx?{query}&pixels={pixels}")).await;
        assert_eq!(name, format!("{stem}.{ending}"));
        // The first field of a model is the version of its form.
        assert_eq!(onnx[..2], [1 << 3, 8]);
        let text = String::from_utf8_lossy(&onnx);
        assert!(text.contains("probabilities") && text.contains(&told["class_names"]), "{query}");
    }
    let (name, script) = file(rig, arch, &format!("py?{query}")).await;
    assert_eq!(name, format!("{stem}.py"));
    assert!(String::from_utf8(script).unwrap().contains("class Model(nn.Module)"));
    stem
}

#[tokio::test]
async fn a_net_is_given_at_the_furthest_stage_that_it_has_reached_or_at_the_one_asked_for() {
    let rig = rig();
    check(&rig, UNMET, "stage=furthest", "shared-21").await;
    check(&rig, UNMET, "stage=present", "shared-21").await;
    let shared = check(&rig, PUBLISHED, "stage=furthest", "shared-17").await;
    put_trial(&rig.trials(), PUBLISHED, 0, 7);
    let retrained = check(&rig, PUBLISHED, "stage=furthest", "retrained").await;
    put_champion(&rig.champions(), PUBLISHED, 1);
    check(&rig, PUBLISHED, "stage=furthest", "champion").await;
    check(&rig, PUBLISHED, "stage=champion", "champion").await;
    assert_eq!(check(&rig, PUBLISHED, "stage=retrained", "retrained").await, retrained);
    assert_eq!(check(&rig, PUBLISHED, "stage=shared", "shared-17").await, shared);

    let (_, kept) = file(&rig, PUBLISHED, "safetensors?stage=champion").await;
    let champions = rig.champions();
    assert_eq!(kept, champions.read(&id(PUBLISHED), "weights.safetensors").unwrap());
    let (_, onnx) = file(&rig, PUBLISHED, "onnx").await;
    assert_eq!(onnx, champions.read(&id(PUBLISHED), "model.onnx").unwrap());
}

#[tokio::test]
async fn two_files_of_one_name_have_the_same_weights() {
    let rig = rig();
    put_trial(&rig.trials(), PUBLISHED, 0, 7);
    let first = check(&rig, PUBLISHED, "stage=retrained", "retrained").await;
    put_trial(&rig.trials(), PUBLISHED, 1, 6);
    assert_eq!(check(&rig, PUBLISHED, "stage=retrained", "retrained").await, first);
    put_trial(&rig.trials(), PUBLISHED, 2, 8);
    assert_ne!(check(&rig, PUBLISHED, "stage=retrained", "retrained").await, first);
    // Also of those that the search keeps, which tell nothing of themselves.
    let name = file(&rig, IDENTITIES, "safetensors").await.0;
    let digits = &blake3::hash(format!("present weights of {}", id(IDENTITIES)).as_bytes());
    let digits = &digits.to_hex()[..8];
    assert_eq!(name, format!("{}.shared-21-{digits}.safetensors", id(IDENTITIES)));
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_no_other_stands_in_for_it() {
    let rig = rig();
    let nodes = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0";
    for (path, code, words) in [
        (format!("{}.onnx?stage=champion", id(PUBLISHED)), ProblemCode::UnknownArch, "no champion"),
        (format!("{}.py?stage=retrained", id(PUBLISHED)), ProblemCode::UnknownArch, "from scratch"),
        ("m5-0.onnx".to_owned(), ProblemCode::UnknownArch, "m5-0"),
        (format!("{}.onnx", id(nodes)), ProblemCode::BadArch, "these nets are of"),
        (format!("{}.onnx?stage=moon", id(PUBLISHED)), ProblemCode::BadQuery, "moon"),
        (format!("{}.onnx?pixels=f16", id(PUBLISHED)), ProblemCode::BadQuery, "f16"),
        (
            format!("{}.safetensors?stage=shared&weights=kept", id(PUBLISHED)),
            ProblemCode::BadQuery,
            "both",
        ),
        // What the stub gives for these is no file.
        (format!("{}.onnx", id(IDENTITIES)), ProblemCode::Store, "decoded"),
    ] {
        let found = within(rig.client().get::<Value>(&format!("/v1/archs/{path}"))).await;
        check_refused(found, code, words);
    }
}

/// Runs `enasctl export` in a folder.
fn export(rig: &Rig, folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_enasctl"))
        .arg("export")
        .args(args)
        .arg("--socket")
        .arg(rig.socket())
        .env_remove("ENASD_API__SOCKET")
        .current_dir(folder)
        .output()
        .unwrap()
}

#[track_caller]
fn check_ended(output: &Output, code: i32, stderr: &str) {
    let found = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{found}");
    assert!(found.contains(stderr), "{found}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_written_under_its_name_and_none_with_another_content_is_replaced_unasked() {
    let (rig, folder) = (rig(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let output = export(&rig, folder, &[PUBLISHED, "--to", "onnx"]);
    check_ended(&output, 0, "");
    let told = String::from_utf8(output.stdout).unwrap();
    let [name] = &names(folder)[..] else { panic!("{:?}", names(folder)) };
    assert!(name.starts_with(&format!("{}.shared-17-", id(PUBLISHED))), "{name}");
    assert!(told.contains(name) && told.contains("shared weights: they rank"), "{told}");

    let again = export(&rig, folder, &[PUBLISHED, "--to", "onnx"]);
    check_ended(&again, 0, "");
    assert!(String::from_utf8(again.stdout).unwrap().contains("as it was there"));
    let path = folder.join(name);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    check_ended(&export(&rig, folder, &[PUBLISHED, "--to", "onnx"]), 1, "is there already");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    check_ended(&export(&rig, folder, &[PUBLISHED, "--to", "onnx", "--force"]), 0, "");
    assert_eq!(fs::read(&path).unwrap(), whole);

    put_champion(&rig.champions(), PUBLISHED, 1);
    let json = ["--output", "json"];
    let args = [&id(PUBLISHED)[..], "--to", "onnx", "--pixels", "f32", "-o", "mine"];
    let output = export(&rig, folder, &[&args[..], &json].concat());
    check_ended(&output, 0, "");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (stage, file) = (told["stage"].as_str(), told["files"][0]["file"].as_str());
    assert_eq!((stage, file), (Some("champion"), Some("mine")));
    assert_eq!(names(folder).len(), 2);
}

#[test]
fn a_module_for_pytorch_comes_with_its_weights() {
    let (rig, folder) = (rig(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    put_trial(&rig.trials(), PUBLISHED, 0, 7);
    check_ended(&export(&rig, folder, &[PUBLISHED, "--to", "torch"]), 0, "");
    let [script, weights] = &names(folder)[..] else { panic!("{:?}", names(folder)) };
    let stem = script.strip_suffix(".py").unwrap();
    assert_eq!(weights.strip_suffix(".safetensors"), Some(stem));
    assert!(stem.starts_with(&format!("{}.retrained-", id(PUBLISHED))), "{stem}");
    let text = fs::read_to_string(folder.join(script)).unwrap();
    assert!(DIGITS.iter().all(|name| text.contains(&format!("\"{name}\""))), "{text}");

    check_ended(&export(&rig, folder, &[PUBLISHED, "--to", "torch", "-o", "net.py"]), 0, "");
    for (own, other) in [("net.py", script), ("net.safetensors", weights)] {
        assert_eq!(fs::read(folder.join(own)).unwrap(), fs::read(folder.join(other)).unwrap());
    }
}

#[test]
fn what_cannot_be_exported_leaves_no_file() {
    let (rig, folder) = (rig(), tempfile::tempdir().unwrap());
    let published = &id(PUBLISHED)[..];
    for (args, code, words) in [
        (&["m5-0", "--to", "onnx"][..], 1, "m5-0"),
        (&[published, "--to", "onnx", "--stage", "champion"], 1, "is no champion that is kept"),
        (&[published, "--to", "torch", "--pixels", "u8"], 2, "--to onnx"),
        (&[published, "--to", "keras"], 2, "keras"),
        (&[published], 2, "--to"),
    ] {
        check_ended(&export(&rig, folder.path(), args), code, words);
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}
