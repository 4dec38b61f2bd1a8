//! A champion made by hand, from weights as they are drawn: nothing is trained.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use enasd::data::{Corpus, ImageData, ImageSet, ImageShape, NetResult};
use enasd::engine::{Executor, ExecutorChoice, Snapshot, initial_values, to_safetensors};
use enasd::net::Net;
use enasd::random::{Owner, generator};
use enasd::search::{
    Arm, Champion, FinalConfig, Objective, PairReport, Score, ScoreConfig, SearchConfig, Task,
    Trial, TrialPlan, TrialState, TrialTask,
};
use enasd::space::{Arch, SpaceConfig, SpaceKind};
use enasd::store::{BestFolder, ChampionParts, Exports, TrialFolder, Verdicts, champion_files};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::rig::{id, nets};

/// What the champion tells apart.
pub(crate) const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

/// A champion that reads words.
pub(crate) const READER: &str = "0 0 1 1 0 2 1 3 4 0";

/// What runs its net.
pub(crate) fn exec() -> Arc<dyn Executor> {
    ExecutorChoice::Auto.on_cpu().unwrap()
}

/// What nets are trained on: images with so many rows and columns, of such classes.
fn task(side: usize, classes: &[&str]) -> TrialTask {
    let shape = ImageShape { channels: 3, height: side, width: side };
    let n_classes = classes.len() as u16;
    let set = |n: u16| {
        let values = 3 * side * side * usize::from(n);
        let pixels = (0..values).map(|at| (at * 37 % 251) as u8).collect();
        ImageSet::new("here", shape, pixels, (0..n).map(|at| at % n_classes).collect()).unwrap()
    };
    let names = classes.iter().map(|&name| name.to_owned()).collect();
    let sets = [4, 2, 2].map(|times| set(times * n_classes));
    let [train, valid, test] = sets;
    let dataset = ImageData::new(names, train, valid, Some(test)).unwrap();
    let task = Task::new(SearchConfig::default(), dataset.into(), exec()).unwrap();
    TrialTask::new(&task, "feed")
}

/// What the nets of the stub's search tell apart.
pub(crate) const DIGITS: [&str; 10] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// The nets in these folders, and those of the stub's search.
pub(crate) fn exports(champions: Arc<BestFolder>, trials: &Path) -> Arc<Exports> {
    Arc::new(Exports::new(task(32, &DIGITS), champions, TrialFolder::look(trials)))
}

/// A part of the shared weights of the stub's search.
pub(crate) fn shared_weights(arch: &Arch) -> Vec<u8> {
    let net = nets().shared(arch).unwrap();
    let weights = initial_values(&net.params(), &mut generator(3, Owner::Bench, 0)).unwrap();
    to_safetensors(&weights).unwrap()
}

/// A net as its training begins, with running statistics that change nothing.
fn untrained(task: &TrialTask, plan: &TrialPlan) -> TrialState {
    let mut state = Trial::new(task.clone(), plan.clone(), None).unwrap().state().unwrap();
    let net = task.net(plan).unwrap();
    for (path, shape) in net.layers.iter().filter_map(|l| Some((l.norm_path()?, l.output))) {
        for (of, value) in [("mean", 0.0_f32), ("variance", 1.0)] {
            let tensor = Tensor::full(value, shape.channels, &Device::Cpu).unwrap();
            state.running.insert(format!("{path}.{of}"), tensor);
        }
    }
    state
}

/// Puts a net of `arch`, as if its training were over and it had `correct` of 20 images right.
pub(crate) fn put_trial(trials: &Path, arch: &str, seed: u32, correct: u64) {
    let task = task(32, &DIGITS);
    let recipe = FinalConfig { channels: 2, batch_size: 4, ..FinalConfig::default() };
    let plan = TrialPlan { arch: arch.parse().unwrap(), seed, recipe };
    let mut state = untrained(&task, &plan);
    state.epoch = recipe.epochs;
    state.valid = Some(Score { nll: 20.0 - correct as f64, correct, items: 20 });
    let folder = TrialFolder::open(trials).unwrap();
    folder.put(&task.key(&plan), &plan, &state).unwrap();
}

/// Puts a champion of `arch` into `folder`, certified or not.
pub(crate) fn put_champion(folder: &BestFolder, arch: &str, certificate: u64) {
    let test = NetResult::new(1.0, &[true, false, true, true, false]);
    put_champion_of(folder, &task(8, &CLASSES), arch, (certificate, test));
}

/// What a champion that reads words was trained on.
pub(crate) fn corpus(with_unk: bool) -> Corpus {
    let train = if with_unk { "the cat sat\non the <unk>" } else { "the cat sat\non the mat" };
    Corpus::of(train, "the cat\nsat on", Some("the cat sat")).unwrap()
}

/// Puts a champion that reads words of `corpus` into `folder`, certified, and gives its net with
/// its weights.
pub(crate) fn put_reader(folder: &BestFolder, corpus: Corpus) -> (Net, Snapshot) {
    let config = SearchConfig {
        space: SpaceConfig {
            kind: SpaceKind::Recurrent,
            recurrent_nodes: 4,
            ..SpaceConfig::default()
        },
        score: ScoreConfig { reward: Objective::Perplexity, ..ScoreConfig::default() },
        ..SearchConfig::default()
    };
    let task = TrialTask::new(&Task::new(config, corpus.into(), exec()).unwrap(), "feed");
    let result = (1, NetResult::of_text(3, vec![(8.0, 4)]));
    let (champion, state) = put_champion_of(folder, &task, READER, result);
    (task.net(&champion.plan()).unwrap(), state.weights().clone())
}

fn put_champion_of(
    folder: &BestFolder,
    task: &TrialTask,
    arch: &str,
    (certificate, test): (u64, NetResult),
) -> (Champion, TrialState) {
    let champion = Champion {
        arch: arch.parse().unwrap(),
        arm: Arm::Derive,
        cycle: 0,
        step: 9,
        recipe: FinalConfig { channels: 2, seeds: 1, batch_size: 2, ..FinalConfig::default() },
        shared: Score { nll: 1.0, correct: 2, items: 6 },
        valid: vec![Score { nll: 1.0, correct: 4, items: 6 }],
        test: if certificate == 0 { Vec::new() } else { vec![test] },
        certificate,
        seed: 0,
        rival: None,
    };
    let state = untrained(task, &champion.plan());
    let verdicts = Verdicts { shared: String::new(), retrained: String::new() };
    let parts = ChampionParts {
        champion: &champion,
        task,
        state: &state,
        config_hash: "c0de",
        pairs: PairReport::default(),
        verdicts: &verdicts,
    };
    let files = champion_files(&parts).unwrap();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, b)| (*name, b.as_slice())).collect();
    folder.put(&id(arch), &files).unwrap();
    (champion, state)
}

/// An image file.
pub(crate) fn picture(seed: u32) -> Vec<u8> {
    picture_as(seed, ImageFormat::Png)
}

/// The same in another format.
pub(crate) fn picture_as(seed: u32, format: ImageFormat) -> Vec<u8> {
    let pixel = |x, y| Rgb([(x * 31 + seed * 97) as u8, (y * 57) as u8, (x * y + seed) as u8]);
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_fn(20, 13, pixel)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A tar of files.
pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap()
}
