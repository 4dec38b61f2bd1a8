//! Data as people have them: every archive of `tests/data_cases/` is taken as it should be, or
//! refused with a word that helps, by the program that was built.
//!
//! Each archive stands for a kind of fault, and holds a folder of its name.

mod common;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Killed, history, shipped_config};
use enasd::data::{DataConfig, DataSource, ImageData, ImageSet};
use flate2::read::GzDecoder;
use tempfile::TempDir;

/// What makes an epoch of `config/tiny.toml` take a moment on images of 16 pixels a side.
const SHORT: [(&str, &str); 10] = [
    ("ENASD_ENGINE__THREADS", "1"),
    ("ENASD_DATA__SIDE", "16"),
    ("ENASD_DATA__CROP_PADDING", "2"),
    ("ENASD_SCHEDULE__SHARED_STEPS", "2"),
    ("ENASD_SCHEDULE__BATCH_SIZE", "2"),
    ("ENASD_SCHEDULE__CONTROLLER_STEPS", "1"),
    ("ENASD_SCHEDULE__ROLLOUTS_PER_STEP", "1"),
    ("ENASD_SCHEDULE__VALID_BATCH_SIZE", "2"),
    ("ENASD_DERIVE__SAMPLES", "2"),
    ("ENASD_FINAL__CANDIDATES", "0"),
];

/// An archive of `tests/data_cases/`, unpacked.
struct Case {
    _scratch: TempDir,
    folder: PathBuf,
    source: DataSource,
}

impl Case {
    fn new(name: &str) -> Self {
        let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data_cases");
        let archive = File::open(archives.join(format!("{name}.tar.gz"))).unwrap();
        let scratch = tempfile::tempdir().unwrap();
        tar::Archive::new(GzDecoder::new(archive)).unpack(scratch.path()).unwrap();
        let source = match name.split('-').next() {
            Some("idx") => DataSource::Idx,
            Some("cifar100") => DataSource::Cifar10,
            _ => DataSource::Folder,
        };
        Self { folder: scratch.path().join(name), source, _scratch: scratch }
    }

    fn config(&self) -> DataConfig {
        let path = Some(self.folder.clone());
        DataConfig { source: self.source, path, side: 16, ..DataConfig::default() }
    }

    fn load(&self) -> ImageData {
        ImageData::load(&self.config(), 7).unwrap()
    }

    /// What the daemon says of an epoch on these data: its exit status and its log, in which the
    /// folder is not repeated.
    fn run(&self, env: &[(&str, &str)]) -> (Option<i32>, String) {
        let scratch = tempfile::tempdir().unwrap();
        run(&self.folder, self.source, &scratch.path().join("state"), "epochs=1", env)
    }
}

/// The variables that set what is read, and how little is done with it.
fn environment(folder: &Path, source: DataSource) -> Vec<(&'static str, OsString)> {
    let short = SHORT.iter().map(|&(key, value)| (key, value.into()));
    let data = [("ENASD_DATA__SOURCE", source.name().into()), ("ENASD_DATA__PATH", folder.into())];
    short.chain(data).collect()
}

/// A daemon on the images of `folder`.
fn daemon(folder: &Path, source: DataSource, state: &Path, until: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command
        .args(["run", "--until", until, "--config"])
        .arg(shipped_config("tiny.toml"))
        .arg("--state")
        .arg(state)
        .arg("--socket")
        .arg(state.with_extension("sock"))
        .envs(environment(folder, source))
        .stdin(Stdio::null());
    command
}

/// Sees that a daemon that reads its configuration again finds nothing changed.
fn reload(mut daemon: Command) {
    let mut process = Killed(daemon.stderr(Stdio::piped()).spawn().unwrap());
    let log = BufReader::new(process.0.stderr.take().unwrap());
    let mut is_asked = false;
    for line in log.lines().map(Result::unwrap) {
        // By the end of a θ phase, signals are listened to.
        if !is_asked && line.contains("with the shared weights") {
            let pid = process.0.id().to_string();
            assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
            is_asked = true;
        }
        if line.contains("the configuration was") {
            assert!(line.contains("nothing changed"), "{line}");
            return;
        }
    }
    panic!("it ended without a word on the configuration");
}

fn run(
    folder: &Path,
    source: DataSource,
    state: &Path,
    until: &str,
    env: &[(&str, &str)],
) -> (Option<i32>, String) {
    let output = daemon(folder, source, state, until).envs(env.iter().copied()).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), log.replace(&format!("{}/", folder.display()), ""))
}

/// How a case ends: with which status, with which words, and with how many lines about the data
/// (notes where it runs, problems where not).
type Expected = (&'static str, i32, usize, &'static [&'static str]);

const CASES: &[Expected] = &[
    ("good", 0, 0, &[]),
    ("jpeg-cut-50", 78, 1, &["image `train/ant/zz.jpg` ends inside the image, after 836 bytes"]),
    ("jpeg-cut-prog", 78, 1, &["image `train/ant/zz.jpg` ends inside the image, after 614 bytes"]),
    (
        "jpeg-all-cut",
        78,
        12,
        &["the data have 45 problems:\n  image `train/ant/00.jpg` ends inside", "and 35 more"],
    ),
    (
        "alpha-black",
        0,
        1,
        &["images with transparency, laid on white: 90, first `train/ant/00.png`"],
    ),
    ("png16-subtle", 0, 1, &["images with 16 bits a value: 90; ", " was scaled to 0 to 255"]),
    ("exif-half", 0, 1, &["images turned as their orientation marks say: "]),
    ("split-val", 0, 0, &[]),
    ("no-test", 0, 1, &["there is no test split", "`data.test_share`"]),
    (
        "idx-labels-1-26",
        0,
        4,
        &["the labels of `train-images-idx3-ubyte` begin at 1: class 0 of the 27 classes"],
    ),
    (
        "idx-label-255",
        78,
        1,
        &[
            "`train-images-idx3-ubyte` has no image of class 3 and 251 others",
            "up to 255 (image 5)",
            "`data.classes`",
        ],
    ),
    ("rare-class", 0, 1, &["classes without a validation image: 1, `dog`"]),
    (
        "one-per-class",
        78,
        1,
        &["`train` has one image of each class that it has (40, `c00`, `c01`, ", "and none to"],
    ),
    ("idx-plain-as-gz", 0, 0, &[]),
    ("idx-gz-as-plain", 0, 0, &[]),
    ("idx-gz-html", 78, 1, &["`train-images-idx3-ubyte.gz` is an HTML page, as a server sends"]),
    ("idx-le-sizes", 78, 1, &["has its sizes written with the small end first"]),
    ("idx-dot", 0, 0, &[]),
    ("cifar100-as-10", 78, 7, &["`data_batch_1.bin` has 24592", "`data.source` to `cifar-100`"]),
    ("litter-thumbs", 0, 1, &["passed over as no part of the data: 1, `train/ant/Thumbs.db`"]),
    ("litter-macosx", 0, 1, &["passed over as no part of the data: 1, `train/__MACOSX`"]),
    ("litter-lost", 0, 1, &["passed over as no part of the data: 1, `train/lost+found`"]),
    ("litter-nested", 78, 1, &["`train/ant/sub` is a folder inside a class folder; move its"]),
    (
        "empty-class",
        78,
        3,
        &["  `train/dog` holds no image; give at least one\n  `test/dog` holds no image"],
    ),
    (
        "link-dangling",
        78,
        1,
        &["`train/ant/zz.png` is a link to `/no/such/file.png`, which is not there"],
    ),
    ("link-loop", 78, 1, &["`train/loop` is a link to `..`, which leads back to it; remove"]),
    ("fmt-zero", 78, 1, &["image `train/ant/zz.png` is empty (0 bytes); replace or remove it"]),
    ("fmt-webp", 0, 0, &[]),
    ("fmt-webp-as-jpg", 0, 0, &[]),
    ("fmt-bmp", 0, 0, &[]),
    ("fmt-jfif", 0, 0, &[]),
    ("nfc-nfd", 0, 0, &[]),
    ("pano", 78, 1, &["`train/ant/pano.png` is 9000×300 pixels, and a side may have 8192 at most"]),
];

/// How many lines the daemon wrote about its data.
fn n_lines(code: i32, log: &str) -> usize {
    if code == 0 {
        return log.lines().filter(|line| line.contains("data: ")).count();
    }
    log.lines().skip_while(|line| !line.starts_with("enasd: ")).count()
}

#[test]
fn every_case_ends_as_it_should() {
    let mut wrong = Vec::new();
    for &(name, code, n, words) in CASES {
        let (found, log) = Case::new(name).run(&[]);
        let has_words = words.iter().all(|word| log.contains(word));
        if found != Some(code) || !has_words || n_lines(code, &log) != n {
            wrong.push(format!("{name} ended with {found:?}:\n{log}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_archive_is_a_case() {
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data_cases");
    for entry in fs::read_dir(archives).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".tar.gz");
        assert!(CASES.iter().any(|case| case.0 == name), "{name}");
    }
}

#[test]
fn classes_without_an_image_are_taken_where_their_number_is_set() {
    let (code, log) = Case::new("idx-label-255").run(&[("ENASD_DATA__CLASSES", "256")]);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("classes without a training image: 252, `3`, `4`, "), "{log}");
}

/// The values of every image of a set.
fn images(set: &ImageSet) -> Vec<Vec<u8>> {
    let mut buffer = Vec::new();
    (0..set.len()).map(|idx| set.read(idx, &mut buffer).unwrap().to_vec()).collect()
}

#[test]
fn what_transparency_and_16_bits_show_is_seen() {
    for name in ["alpha-black", "png16-subtle"] {
        let dataset = Case::new(name).load();
        let images = images(dataset.train());
        for image in &images {
            let (min, max) = (image.iter().min().unwrap(), image.iter().max().unwrap());
            assert!(min < max, "an image of {name} shows nothing");
        }
        assert!(images.iter().flatten().any(|&value| value == 255), "{name}");
    }
}

/// The mean of these images, less its own mean.
fn mean_image<'a>(images: impl Iterator<Item = &'a Vec<u8>>) -> Vec<f64> {
    let mut sum = vec![0.0; 256];
    images.for_each(|image| sum.iter_mut().zip(image).for_each(|(sum, &x)| *sum += f64::from(x)));
    let mean = sum.iter().sum::<f64>() / 256.0;
    sum.into_iter().map(|sum| sum - mean).collect()
}

/// Every second image of the case lies on its side, with a mark that says so.
#[test]
fn orientation_marks_are_followed() {
    let dataset = Case::new("exif-half").load();
    let set = dataset.train();
    let images = images(set);
    for class in 0..dataset.n_classes() {
        let of_class = |is_marked| {
            let is_odd =
                |idx| set.name(idx).trim_end_matches(".jpg").ends_with(['1', '3', '5', '7', '9']);
            let idxs = (0..set.len()).filter(move |&idx| {
                usize::from(set.labels()[idx]) == class && is_odd(idx) == is_marked
            });
            mean_image(idxs.map(|idx| &images[idx]))
        };
        let (upright, marked) = (of_class(false), of_class(true));
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let likeness =
            dot(&upright, &marked) / (dot(&upright, &upright) * dot(&marked, &marked)).sqrt();
        assert!(0.7 < likeness, "class {class}: {likeness}");
    }
}

#[test]
fn validation_folders_are_read_and_a_share_is_kept_for_a_test() {
    let dataset = Case::new("split-val").load();
    assert_eq!((dataset.train().len(), dataset.valid().len()), (72, 30));
    let case = Case::new("no-test");
    let config = DataConfig { test_share: 0.25, ..case.config() };
    let dataset = ImageData::load(&config, 7).unwrap();
    let test = dataset.test().unwrap().len();
    assert_eq!((dataset.train().len(), dataset.valid().len(), test), (54, 30, 18));
}

#[test]
fn names_cannot_act_on_a_terminal() {
    let case = Case::new("good");
    let name = "train/ant/\u{1b}[2J\u{202e}gnp.\n.png";
    fs::write(case.folder.join(name), "no image").unwrap();
    let (code, log) = case.run(&[]);
    assert_eq!(code, Some(78));
    let expected = "enasd: image `train/ant/\\u001b[2J\\u202egnp.\\u000a.png` is text, and class";
    assert!(log.contains(expected) && !log.contains('\u{1b}'), "{log}");
}

/// A state from before there was the key counts as drawn from the whole: `tests/format.rs` has one.
#[test]
fn a_search_whose_splits_were_drawn_from_the_whole_goes_on_with_them() {
    let case = Case::new("good");
    let scratch = tempfile::tempdir().unwrap();
    let (broken, whole) = (scratch.path().join("broken"), scratch.path().join("whole"));
    let run = |state: &Path, until, split: Option<&str>| {
        let env: Vec<_> = split.map(|split| ("ENASD_DATA__SPLIT", split)).into_iter().collect();
        run(&case.folder, case.source, state, until, &env)
    };
    let ended = run(&broken, "epochs=1", Some("whole"));
    assert_eq!(ended.0, Some(0), "{}", ended.1);
    let (code, log) = run(&broken, "epochs=2", Some("by-class"));
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("data.split: \"whole\" → \"by-class\""), "{log}");
    // Nobody has set the key: it is as the search has it, for the doctor and a reload too.
    let said = Command::new(env!("CARGO_BIN_EXE_enasctl"))
        .args(["doctor", "--config"])
        .arg(shipped_config("tiny.toml"))
        .arg("--state")
        .arg(&broken)
        .envs(environment(&case.folder, case.source))
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("the checkpoints belong to this configuration"), "{said}");
    reload(daemon(&case.folder, case.source, &broken, "cycles=9999"));
    let (code, log) = run(&broken, "epochs=2", None);
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(run(&whole, "epochs=2", Some("whole")).0, Some(0));
    assert_eq!(history(&broken), history(&whole));
}
