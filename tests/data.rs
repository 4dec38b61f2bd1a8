//! The built program on a folder of images: what the state is bound to.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use enasd::store::{ArchCard, Checkpoints, Retention, StateFolder};
use image::{GrayImage, Luma};

/// A folder with images of three classes, and a state folder.
struct Rig {
    root: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("c.toml"), common::SMALLEST).unwrap();
        let rig = Self { root };
        for (class, name) in ["ant", "bee", "cow"].into_iter().enumerate() {
            for n in 0..8 {
                rig.put(&format!("train/{name}/{n}.png"), (40 * class + 5 * n) as u8);
                rig.put(&format!("test/{name}/{n}.png"), (41 * class + 5 * n) as u8);
            }
        }
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    /// Puts a picture of stripes as bright as `value` into the data.
    fn put(&self, name: &str, value: u8) {
        let path = self.data(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let stripe = |x: u32, y| Luma([value.wrapping_add((8 * x + y) as u8)]);
        GrayImage::from_fn(8, 8, stripe).save(path).unwrap();
    }

    /// Runs to the end of an epoch on the data at `data`; the exit status and what was logged but
    /// for the usual.
    fn run(&self, data: &Path, epochs: u64) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_enasd"))
            .args(["run", "--until", &format!("epochs={epochs}"), "--config"])
            .args([self.path("c.toml"), "--state".into(), self.path("state")])
            .args(["--socket".into(), self.path("sock")])
            .env("ENASD_DATA__PATH", data)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let usual = |line: &&str| line.contains("\"INFO\"") && !line.contains("binding");
        let lines: Vec<&str> = said.lines().filter(|line| !usual(line)).collect();
        (output.status.code(), lines.join("\n"))
    }

    /// Sees that a start is refused, and that these are the first changes that it tells.
    #[track_caller]
    fn check_refused(&self, lines: &[&str]) {
        let (code, said) = self.run(&self.path("data"), 9);
        assert_eq!(code, Some(78), "{said}");
        let (_, changes) = said.split_once("What changed:\n").unwrap_or_else(|| panic!("{said}"));
        let changes: Vec<&str> = changes.lines().map(str::trim).collect();
        assert!(changes.starts_with(lines), "{changes:?}");
    }
}

#[test]
fn a_state_goes_on_with_the_same_images_elsewhere() {
    let rig = Rig::new();
    assert_eq!(rig.run(&rig.path("data"), 2), (Some(0), String::new()));
    fs::rename(rig.path("data"), rig.path("elsewhere")).unwrap();
    // Neither the names of the files nor their format are the contents.
    let first = rig.path("elsewhere/train/ant");
    fs::rename(first.join("0.png"), first.join("00.png")).unwrap();
    assert_eq!(rig.run(&rig.path("elsewhere"), 4), (Some(0), String::new()));

    let best = fs::read_dir(rig.path("state/best")).unwrap().next().unwrap().unwrap().path();
    let card: ArchCard =
        serde_json::from_slice(&fs::read(best.join("arch.json")).unwrap()).unwrap();
    assert_eq!(card.class_names, ["ant", "bee", "cow"]);
}

#[test]
fn a_state_is_refused_other_images_and_says_what_changed() {
    let rig = Rig::new();
    assert_eq!(rig.run(&rig.path("data"), 1).0, Some(0));

    let rename = |from: &str, to: &str| {
        for split in ["train", "test"] {
            let class = |name: &str| rig.data(&format!("{split}/{name}"));
            fs::rename(class(from), class(to)).unwrap();
        }
    };
    rename("ant", "zebra");
    rig.check_refused(&[
        "classes that are gone: `ant`",
        "classes that are new: `zebra`",
        "`train/zebra/2.png` is new, and 15 more like it",
        "`train/ant/0.png` is gone, and 15 more like it",
    ]);
    rename("zebra", "ant");

    rig.put("test/bee/9.png", 7);
    rig.check_refused(&["test: 24 images → 25 (`bee` 8 → 9)", "`test/bee/9.png` is new"]);
    fs::remove_file(rig.data("test/bee/9.png")).unwrap();

    fs::rename(rig.data("train/cow/5.png"), rig.path("kept.png")).unwrap();
    rig.put("train/cow/5.png", 200);
    rig.check_refused(&["`train/cow/5.png` shows something else"]);
    fs::rename(rig.path("kept.png"), rig.data("train/cow/5.png")).unwrap();

    assert_eq!(rig.run(&rig.path("data"), 2).0, Some(0));
}

#[test]
fn the_data_can_be_looked_at_before_a_search() {
    let rig = Rig::new();
    rig.put("train/dog/0.png", 3);
    rig.put("train/dog/1.png", 5);
    rig.put("test/dog/0.png", 7);
    fs::write(rig.data("train/Thumbs.db"), "x").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_enasd"))
        .args(["check-config", "--data", "--config"])
        .arg(rig.path("c.toml"))
        .env("ENASD_DATA__PATH", rig.path("data"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    for text in [
        " 25 test images of 1x8x8 in 4 classes, in memory\n# fingerprint ",
        "\n# cow            6          2          8\n",
        "\n# rare classes: ",
        "`dog` (",
        "\n# passed over as no part of the data: 1, ",
    ] {
        assert!(said.contains(text), "{text}: {said}");
    }
    // It is a configuration all the same.
    fs::write(rig.path("said.toml"), &said).unwrap();
    let again = Command::new(env!("CARGO_BIN_EXE_enasd"))
        .args(["check-config", "--config"])
        .arg(rig.path("said.toml"))
        .output()
        .unwrap();
    assert!(again.status.success());

    fs::write(rig.data("train/cow/x.png"), "x").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_enasd"))
        .args(["check-config", "--data", "--config"])
        .arg(rig.path("c.toml"))
        .env("ENASD_DATA__PATH", rig.path("data"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
}

/// Takes out of the newest checkpoint what the data holds, and puts the path in.
fn age(state: &Path, path: &Path) {
    let folder = StateFolder::open(state).unwrap();
    let checkpoints = Checkpoints::new(&folder, Retention::newest(3).unwrap());
    let mut found = checkpoints.load_newest().unwrap().unwrap();
    found.files.remove("data.json").unwrap();
    let config = found.files.get_mut("config.json").unwrap();
    let path = format!("{{\"data.path\":\"{}\",", path.display());
    *config = String::from_utf8(config.clone()).unwrap().replacen('{', &path, 1).into_bytes();
    let files: Vec<(&str, &[u8])> =
        found.files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    checkpoints.write(found.step, &found.config_hash, &files).unwrap();
}

#[test]
fn a_checkpoint_that_does_not_know_its_data_is_bound_where_it_was_made() {
    let rig = Rig::new();
    let data = rig.path("data");
    assert_eq!(rig.run(&data, 1).0, Some(0));
    age(&rig.path("state"), &data);

    fs::rename(&data, rig.path("elsewhere")).unwrap();
    let (code, said) = rig.run(&rig.path("elsewhere"), 2);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("data.path: "), "{said}");

    fs::rename(rig.path("elsewhere"), &data).unwrap();
    let (code, said) = rig.run(&data, 2);
    assert!(code == Some(0) && said.contains("is older than the binding to contents"), "{said}");
    let (code, said) = rig.run(&data, 3);
    assert!(code == Some(0) && !said.contains("is older than the binding"), "{said}");
}
