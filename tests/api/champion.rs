//! A champion made by hand, from weights as they are drawn: nothing is trained.

use std::io::Cursor;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use enasd::data::{Dataset, ImageSet, ImageShape, NetResult};
use enasd::engine::{Executor, ExecutorChoice};
use enasd::search::{
    Arm, Champion, FinalConfig, PairReport, Score, SearchConfig, Task, Trial, TrialTask,
};
use enasd::store::{BestFolder, ChampionParts, Verdicts, champion_files};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::rig::id;

/// What the champion tells apart.
pub(crate) const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

/// What runs its net.
pub(crate) fn exec() -> Arc<dyn Executor> {
    ExecutorChoice::Auto.open(&Device::Cpu).unwrap()
}

fn task() -> TrialTask {
    let shape = ImageShape { channels: 3, height: 8, width: 8 };
    let set = |n: usize| {
        let pixels = (0..3 * 64 * n).map(|at| (at * 37 % 251) as u8).collect();
        ImageSet::new("here", shape, pixels, (0..n as u16).map(|at| at % 3).collect()).unwrap()
    };
    let names = CLASSES.map(str::to_owned).to_vec();
    let dataset = Dataset::new(names, set(12), set(6), Some(set(5))).unwrap();
    let task = Task::new(SearchConfig::default(), Arc::new(dataset), exec()).unwrap();
    TrialTask::new(&task, "feed")
}

/// Puts a champion of `arch` into `folder`, certified or not.
pub(crate) fn put_champion(folder: &BestFolder, arch: &str, certificate: u64) {
    let task = task();
    let test = NetResult::new(1.0, &[true, false, true, true, false]);
    let champion = Champion {
        arch: arch.parse().unwrap(),
        arm: Arm::Derive,
        cycle: 0,
        step: 9,
        recipe: FinalConfig { channels: 2, seeds: 1, batch_size: 4, ..FinalConfig::default() },
        shared: Score { nll: 1.0, correct: 2, items: 6 },
        valid: vec![Score { nll: 1.0, correct: 4, items: 6 }],
        test: if certificate == 0 { Vec::new() } else { vec![test] },
        certificate,
        seed: 0,
        rival: None,
    };
    let trial = Trial::new(task.clone(), champion.plan(), None).unwrap();
    let mut state = trial.state().unwrap();
    let net = task.net(&champion.plan()).unwrap();
    for (path, shape) in net.layers.iter().filter_map(|l| Some((l.norm_path()?, l.output))) {
        for (of, value) in [("mean", 0.0_f32), ("variance", 1.0)] {
            let tensor = Tensor::full(value, shape.channels, &Device::Cpu).unwrap();
            state.running.insert(format!("{path}.{of}"), tensor);
        }
    }
    let verdicts = Verdicts { shared: String::new(), retrained: String::new() };
    let parts = ChampionParts {
        champion: &champion,
        task: &task,
        state: &state,
        config_hash: "c0de",
        pairs: PairReport::default(),
        verdicts: &verdicts,
    };
    let files = champion_files(&parts).unwrap();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, b)| (*name, b.as_slice())).collect();
    folder.put(&id(arch), &files).unwrap();
}

/// An image file.
pub(crate) fn picture(seed: u32) -> Vec<u8> {
    let pixel = |x, y| Rgb([(x * 31 + seed * 97) as u8, (y * 57) as u8, (x * y + seed) as u8]);
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(RgbImage::from_fn(20, 13, pixel))
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
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
