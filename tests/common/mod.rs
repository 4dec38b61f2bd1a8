//! The only shared helper of the tests: a search small enough to run whole, in this process or
//! as the real daemon.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;

use enasd::config::Config;
use enasd::data::{Dataset, ImageData, ImageSet, ImageShape};
use enasd::engine::{ExecutorChoice, Snapshot};
use enasd::search::{
    Estimator, Job, Score, SearchConfig, SharedState, SharedWeights, Task, ValidSet,
};
use enasd::space::Arch;
use enasd::store::{HistoryFilter, HistoryReader, HistoryRow, StepRow};

/// The smallest search on a folder of images of 8×8, of which nothing is retrained.
pub(crate) const SMALLEST: &str = r#"
[space]
nodes = 2
[net]
channels = 2
aux_weight = 0.0
[data]
source = "folder"
side = 8
valid_share = 0.25
crop_padding = 0
[policy]
hidden = 8
[schedule]
shared_steps = 2
batch_size = 4
controller_steps = 1
rollouts_per_step = 2
valid_batch_size = 4
epochs_per_cycle = 2
[derive]
samples = 2
rerank = 1
[final]
candidates = 0
[telemetry]
metrics = "off"
"#;

/// The key and the value with which nothing is retrained.
pub(crate) const NOTHING_RETRAINED: [&str; 2] = ["final.candidates", "0"];

/// A file that is shipped in `config/`.
pub(crate) fn shipped_config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// The settings of `config/tiny.toml`, but that nothing is retrained: that takes far longer than
/// all else that it does, and changes nothing of ω and θ.
pub(crate) fn tiny_config() -> SearchConfig {
    let file = shipped_config("tiny.toml");
    let flags = [NOTHING_RETRAINED.map(str::to_owned).into()];
    Config::load(Some(&file), std::iter::empty(), &flags).unwrap().config.search
}

/// The text of `config/tiny.toml`, likewise.
pub(crate) fn tiny_text() -> String {
    let text = std::fs::read_to_string(shipped_config("tiny.toml")).unwrap();
    let (promoting, not) = ("candidates = 1\n", "candidates = 0\n");
    assert!(text.contains(promoting), "{text}");
    text.replace(promoting, not)
}

/// The search on the embedded images.
pub(crate) fn task(config: SearchConfig) -> Task {
    let dataset = Dataset::load(&config.data, config.seed).unwrap();
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    Task::new(config, dataset, exec).unwrap()
}

const SHAPE: ImageShape = ImageShape { channels: 1, height: 12, width: 12 };

/// A bright square whose place says the class, on noise.
fn some_images(n: usize, salt: usize) -> ImageSet {
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for image in 0..n {
        let class = image % 3;
        for place in 0..144 {
            let (row, column) = (place / 12, place % 12);
            let noise = (image * 7919 + place * 104_729 + salt * 31) % 97;
            let is_bright = row / 4 == class && column / 4 == class;
            pixels.push(if is_bright { 158 + noise as u8 } else { noise as u8 });
        }
        labels.push(class as u16);
    }
    ImageSet::new(format!("{n} made images"), SHAPE, pixels, labels).unwrap()
}

/// A few images of three classes that are easy to tell apart, with a test split or without.
pub(crate) fn made_images(has_test: bool) -> Dataset {
    let names = ["a", "b", "c"].map(str::to_owned).to_vec();
    let test = has_test.then(|| some_images(33, 3));
    ImageData::new(names, some_images(96, 1), some_images(60, 2), test).unwrap().into()
}

/// Writes so many pictures of stripes for each of three classes, which differ in brightness, below
/// `folder`.
pub(crate) fn write_stripes(folder: &Path, of_each: usize) {
    for (class, name) in ["ant", "bee", "cow"].into_iter().enumerate() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        for n in 0..of_each {
            let value = (60 * class + 37 * n % 50) as u8;
            let stripe = |x: u32, y| image::Luma([value.wrapping_add((8 * x + 3 * y) as u8)]);
            let picture = image::GrayImage::from_fn(8, 8, stripe);
            picture.save(folder.join(format!("{n}.png"))).unwrap();
        }
    }
}

/// What `arch` with `weights` has right of the whole validation split.
pub(crate) fn whole_score(task: &Task, weights: Snapshot, arch: Arch) -> Score {
    let shared = SharedState { params: weights, ..SharedState::default() }.into();
    let job = Job { archs: vec![arch], on: ValidSet::Whole, shared };
    let scores = SharedWeights::new(task.clone()).estimate(&job, &AtomicU64::new(0));
    scores.unwrap()[0]
}

/// The daemon that was built with this test, with `config/tiny.toml` on a state folder; it retrains
/// nothing.
pub(crate) fn tiny_daemon(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_enasd"));
    command
        .args(["run", "--config"])
        .arg(shipped_config("tiny.toml"))
        .args(["--set", &NOTHING_RETRAINED.join("=")])
        .arg("--state")
        .arg(state)
        .arg("--socket")
        .arg(state.with_extension("sock"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// A daemon that does not outlive its test.
pub(crate) struct Killed(pub(crate) Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every row of a state folder's history.
pub(crate) fn history(state: &Path) -> (Vec<HistoryRow>, Vec<StepRow>) {
    history_from(state, 0)
}

/// Every row of a history that begins at the step `from`.
pub(crate) fn history_from(state: &Path, from: u64) -> (Vec<HistoryRow>, Vec<StepRow>) {
    let reader = HistoryReader::open(&state.join("history.sqlite")).unwrap();
    let page = reader.page(from, u32::MAX, HistoryFilter::default()).unwrap();
    assert_eq!(page.damaged, 0);
    (page.rows, reader.steps(0, u32::MAX).unwrap())
}

/// The files of the newest checkpoint, by name, with their content.
pub(crate) fn newest_checkpoint(state: &Path) -> Vec<(String, Vec<u8>)> {
    let mut generations: Vec<PathBuf> = std::fs::read_dir(state.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with('0'))
        .collect();
    generations.sort();
    files_of(generations.last().unwrap())
}

/// The files of a folder, by name, with their content.
pub(crate) fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    files_now(folder).unwrap()
}

/// The same of a folder that somebody works on: an error where one of them goes away on the way.
pub(crate) fn files_now(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        files.push((name, std::fs::read(path)?));
    }
    files.sort();
    Ok(files)
}
