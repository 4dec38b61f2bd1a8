//! What is in a bundle, and what is not.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::rig::Rig;

/// The parts of a bundle by their names in it.
fn parts(file: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(GzDecoder::new(fs::File::open(file).unwrap()));
    let mut parts = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        let (root, name) = path.to_str().unwrap().split_once('/').unwrap();
        assert!(root.starts_with("enasd-bundle-"), "{root}");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        parts.insert(name.to_owned(), bytes);
    }
    parts
}

#[track_caller]
fn check(rig: &Rig, args: &[&str], code: i32, words: &str) {
    let output = rig.ctl(&[&["bundle"], args].concat()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
}

/// Where to look without a daemon.
fn places(rig: &Rig) -> [String; 4] {
    let [config, state] = [rig.config(), rig.state()].map(|p| p.to_str().unwrap().to_owned());
    ["--config".to_owned(), config, "--state".to_owned(), state]
}

fn text<'a>(parts: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    let bytes = parts.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", parts.keys()));
    std::str::from_utf8(bytes).unwrap()
}

fn json(parts: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    serde_json::from_str(text(parts, name)).unwrap()
}

/// The reasons in the list, by the names of what is missing.
fn left_out(parts: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let manifest = json(parts, "MANIFEST.json");
    let left_out = manifest["left_out"].as_array().unwrap().iter();
    left_out
        .map(|one| {
            let field = |name: &str| one[name].as_str().unwrap().to_owned();
            (field("name"), field("why"))
        })
        .collect()
}

#[test]
fn a_bundle_has_everything_but_the_data() {
    let rig = Rig::running();
    rig.tool("journalctl", "echo the journal; echo \"$@\"");
    check(&rig, &["b.tar.gz"], 0, "wrote b.tar.gz");
    let file = rig.folder.path().join("b.tar.gz");
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(metadata.len() < 1 << 20, "{} bytes", metadata.len());

    let found = parts(&file);
    assert_eq!(json(&found, "doctor.json")["findings"][0]["check"], "version");
    assert!(text(&found, "doctor.txt").contains("ok    socket"));
    assert_eq!(json(&found, "versions.json")["enasd"], env!("CARGO_PKG_VERSION"));
    assert!(text(&found, "config/enasd.toml").contains("[schedule]"));
    assert!(text(&found, "config/explained.toml").contains("enasd.toml:"));
    let daemon = json(&found, "config/daemon.json");
    assert_eq!(daemon["keys"]["store.checkpoint_seconds"]["layer"], "environment");
    assert_eq!(json(&found, "status.json")["space"], "micro");
    assert!(text(&found, "metrics.txt").contains("enas_build_info{"));
    assert!(text(&found, "history.ndjson").contains("\"phase\":\"shared\""));
    found.get("events.ndjson").unwrap();
    assert!(text(&found, "state/files.ndjson").contains("history.sqlite"));
    let manifests: Vec<&String> =
        found.keys().filter(|name| name.starts_with("state/checkpoints/")).collect();
    assert!(1 < manifests.len() && manifests.iter().all(|name| name.ends_with("/MANIFEST.json")));
    assert!(text(&found, "process/limits.txt").contains("open files"));
    assert!(text(&found, "machine/processors.txt").contains("processors, the first of them"));
    assert!(text(&found, "unit/journal.txt").contains("-u enasd -n 2000"));
    assert_eq!(left_out(&found)["unit/show.txt"], "there is no systemctl on this machine");

    let list = json(&found, "MANIFEST.json");
    let listed: usize = list["parts"].as_array().unwrap().len();
    assert_eq!(listed + 1, found.len());
    check_no_data(&rig, &found);
}

/// Neither weights nor images: no part is, or holds, a piece of a file of tensors.
fn check_no_data(rig: &Rig, found: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in found {
        let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
        assert!(is_text, "{name} is no text");
        assert!(!name.contains("safetensors") && !name.contains("best/"), "{name}");
    }
    let newest = fs::read_dir(rig.state().join("checkpoints")).unwrap().next().unwrap().unwrap();
    assert!(newest.path().join("shared.safetensors").is_file());
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let rig = Rig::ended();
    let file = rig.folder.path().join("b.tar.gz");
    fs::write(&file, "precious").unwrap();
    check(&rig, &["b.tar.gz"], 1, "is there already");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    check(&rig, &["b.tar.gz", "--force"], 0, "wrote b.tar.gz");
    assert!(parts(&file).contains_key("MANIFEST.json"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    check(&rig, &["no/such/folder/b.tar.gz"], 1, "cannot make no/such/folder/b.tar.gz");
}

#[test]
fn without_a_daemon_the_history_comes_from_the_folder() {
    let rig = Rig::ended();
    let places = places(&rig);
    let args: Vec<&str> = places.iter().map(String::as_str).collect();
    check(&rig, &args, 0, "wrote enasd-bundle-");
    let file = fs::read_dir(rig.folder.path()).unwrap().map(|file| file.unwrap().path());
    let file = file.into_iter().find(|file| file.extension().is_some_and(|end| end == "gz"));
    let found = parts(&file.unwrap());
    assert!(text(&found, "history.ndjson").contains("\"phase\":\"derive\""));
    let left_out = left_out(&found);
    assert!(left_out["status.json"].contains("no daemon answers"), "{left_out:?}");
    assert!(left_out.contains_key("metrics.txt") && left_out.contains_key("process"));
}

#[test]
fn a_broken_state_gives_a_bundle_all_the_same() {
    let rig = Rig::ended();
    rig.edit("[store]", "[stroe]");
    fs::write(rig.state().join("history.sqlite"), "no database").unwrap();
    for folder in fs::read_dir(rig.state().join("checkpoints")).unwrap() {
        fs::write(folder.unwrap().path().join("MANIFEST.json"), "{}").unwrap();
    }
    // Far more than a bundle takes.
    fs::write(rig.config(), fs::read_to_string(rig.config()).unwrap() + &"# x\n".repeat(1 << 20))
        .unwrap();
    let places = places(&rig);
    let args: Vec<&str> = places.iter().map(String::as_str).collect();
    check(&rig, &[&["b.tar.gz"], &args[..]].concat(), 0, "wrote b.tar.gz");
    let found = parts(&rig.folder.path().join("b.tar.gz"));
    assert_eq!(json(&found, "doctor.json")["verdict"], "fail");
    assert!(text(&found, "doctor.txt").contains("fail  checkpoint"));
    assert_eq!(found["config/enasd.toml"].len(), 1 << 20);
    let list = json(&found, "MANIFEST.json");
    let cut = list["parts"].as_array().unwrap().iter().find(|p| p["name"] == "config/enasd.toml");
    assert_eq!(cut.unwrap()["is_cut"], true);
    assert!(left_out(&found).contains_key("config/explained.toml"));
}
