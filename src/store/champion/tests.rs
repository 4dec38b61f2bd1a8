//! A champion made by hand: what its files say, and the net that is read back from them.

use candle_core::{Device, Tensor};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};

use super::*;
use crate::data::{ImageData, ImageLabels, ImageSet, ImageShape, Labels, NetResult};
use crate::engine::{ExecutorChoice, Images};
use crate::export::PixelType;
use crate::search::{
    Arm, Champion, FinalConfig, Interval, Pair, PairReport, Rival, Score, SearchConfig, Task,
    Trial, TrialState, TrialTask,
};
use crate::space::{Arch, SpaceConfig};
use crate::store::champion::files::CHAMPION_CARD;
use crate::store::manifest::hash;
use crate::store::{BestFolder, CARD, NetFormat, StoreError, WEIGHTS};

const ARCH: &str = "normal=[identity(0)+sep_conv_3x3(1), identity(0)+max_pool_3x3(1)] \
                    reduction=[sep_conv_5x5(0)+identity(1), avg_pool_3x3(0)+identity(2)]";
const OTHER: &str = "normal=[identity(0)+identity(1), identity(0)+identity(1)] \
                     reduction=[identity(0)+identity(1), identity(0)+identity(1)]";

struct Rig {
    task: TrialTask,
    champion: Champion,
    state: TrialState,
    verdicts: Verdicts,
}

fn task() -> TrialTask {
    let shape = ImageShape { channels: 1, height: 8, width: 8 };
    let set = |n: usize| {
        let pixels = (0..64 * n).map(|at| (at * 37 % 251) as u8).collect();
        ImageSet::new("here", shape, pixels, (0..n as u16).map(|at| at % 3).collect()).unwrap()
    };
    let names = ["ant", "bee", "cat"].map(str::to_owned).to_vec();
    let dataset = ImageData::new(names, set(12), set(6), Some(set(5))).unwrap();
    let space = SpaceConfig { nodes: 2, ..SpaceConfig::default() };
    let config = SearchConfig { space, ..SearchConfig::default() };
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    TrialTask::new(&Task::new(config, dataset.into(), exec).unwrap(), "feed")
}

fn net_result(right: [bool; 5]) -> NetResult {
    NetResult::new(5.0, &right)
}

fn rig() -> Rig {
    let task = task();
    let recipe =
        FinalConfig { channels: 2, batch_size: 4, aux_weight: 0.4, ..FinalConfig::default() };
    let score = |correct| Score { nll: 3.0, correct, items: 6 };
    let pair = Pair { cycle: 1, difference: 0.25, error: None, freedom: 0 };
    let rival = Rival {
        arch: OTHER.parse().unwrap(),
        arm: Arm::Random,
        shared: score(1),
        valid: vec![score(2), score(3)],
        test: vec![net_result([true, false, false, false, false]); 2],
        pair: Some(pair),
    };
    let champion = Champion {
        arch: ARCH.parse().unwrap(),
        arm: Arm::Derive,
        cycle: 1,
        step: 77,
        recipe,
        shared: score(2),
        valid: vec![score(3), score(5)],
        test: vec![
            net_result([true, false, true, false, false]),
            net_result([true, true, true, true, false]),
        ],
        certificate: 3,
        seed: 1,
        rival: Some(rival),
    };
    let trial = Trial::new(task.clone(), champion.plan(), None).unwrap();
    let mut state = trial.state().unwrap();
    let net = task.net(&champion.plan()).unwrap();
    for layer in &net.layers {
        let values = [0.1_f32, 1.5]
            .map(|value| Tensor::full(value, layer.output.channels, &Device::Cpu).unwrap());
        state.running.extend(layer.statistics().into_iter().flatten().zip(values));
    }
    let verdicts = Verdicts { shared: "one".to_owned(), retrained: "two".to_owned() };
    Rig { task, champion, state, verdicts }
}

impl Rig {
    fn parts(&self) -> ChampionParts<'_> {
        let interval = Some(Interval { mean: 0.25, low: 0.1, high: 0.4 });
        ChampionParts {
            champion: &self.champion,
            task: &self.task,
            state: &self.state,
            config_hash: "c0de",
            pairs: PairReport { pairs: 1, interval },
            verdicts: &self.verdicts,
        }
    }

    fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        champion_files(&self.parts()).unwrap()
    }
}

fn file<'a>(files: &'a [(&str, Vec<u8>)], name: &str) -> &'a [u8] {
    &files.iter().find(|(found, _)| *found == name).unwrap().1
}

/// Writes files into a folder of champions, and gives the place of the one that they are of.
fn put(root: &std::path::Path, files: &[(&str, Vec<u8>)]) -> std::path::PathBuf {
    let folder = BestFolder::open(root).unwrap();
    let id = ARCH.parse::<Arch>().unwrap().id();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, b)| (*name, b.as_slice())).collect();
    folder.put(&id, &files).unwrap();
    folder.path_of(&id).unwrap()
}

#[test]
fn a_champion_has_its_files_and_the_same_makes_the_same_bytes() {
    let rig = rig();
    let files = rig.files();
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let expected = [CARD, WEIGHTS, ONNX, LABELS, CHAMPION_CARD, "drawing.svg", "README.md"];
    assert_eq!(names, expected);
    assert_eq!(files, rig.files());
    let weights = file(&files, WEIGHTS);
    let weights = String::from_utf8_lossy(weights);
    assert!(!weights.contains("\"aux."), "the auxiliary head is of no use");
    for words in ["class_names", "normalization", "certificate", ARCH] {
        assert!(weights.contains(words), "{words}");
    }
    let readme = String::from_utf8_lossy(file(&files, "README.md"));
    assert!(!readme.contains('@'), "{readme}");
    for words in [
        "reshape(1, 8, 8, 1)",
        "convert(\"L\")",
        "80.0 % of 5 test images",
        "3 classes",
        "16 bits a value to 8 first: 0 becomes 0 and 65535 becomes 255",
    ] {
        assert!(readme.contains(words), "{words}: {readme}");
    }
}

#[test]
fn of_deep_images_it_is_told_how_their_values_become_pixels() {
    let files = rig().files();
    let card: ChampionCard = serde_json::from_slice(file(&files, CHAMPION_CARD)).unwrap();
    let labels: ImageLabels = serde_json::from_slice(file(&files, LABELS)).unwrap();
    let text = readme::readme(&card, &Labels::Images(ImageLabels { deep: [1000, 1254], ..labels }));
    assert!(text.contains("to 8 first: 1000 becomes 0 and 1254 becomes 255"), "{text}");
}

#[test]
fn the_card_says_what_was_measured_and_against_whom() {
    let rig = rig();
    let card: ChampionCard = serde_json::from_slice(file(&rig.files(), CHAMPION_CARD)).unwrap();
    let net = rig.task.net(&rig.champion.plan()).unwrap();
    assert_eq!((card.params, card.multiply_adds), (net.cost().params, net.cost().multiply_adds));
    assert_eq!((card.id.as_str(), card.arm.as_str()), (rig.champion.arch.id().as_str(), "derive"));
    let data = DataCard { blake3: "feed".to_owned(), train: 12, valid: 6, test: 5 };
    assert_eq!(card.data, data);
    assert_eq!(
        (card.recipe.config_hash.as_str(), card.recipe.settings),
        ("c0de", rig.champion.recipe)
    );
    assert_eq!((card.recipe.seeds, card.seed, card.certificate), (vec![0, 1], 1, 3));
    assert_eq!((card.shared.correct, card.shared.nll), (2, Some(0.5)));
    assert!((card.valid.mean - 4.0 / 6.0).abs() < 1e-12);
    assert!((card.valid.deviation.unwrap() - 2_f64.sqrt() / 6.0).abs() < 1e-12);
    let test = card.test.unwrap();
    assert_eq!((test.measure.correct, test.measure.items, card.tests.len()), (4, 5, 2));
    assert!((test.low - 0.3755).abs() < 1e-3 && (test.high - 0.9638).abs() < 1e-3, "{test:?}");
    let rival = card.rival.unwrap();
    assert_eq!((rival.arm.as_str(), rival.tests[1].measure.correct), ("random", 1));
    assert_eq!(rival.shared.correct, 1);
    assert_eq!((card.comparison.pairs, card.comparison.own), (1, Some(0.25)));
    assert_eq!((card.comparison.low, card.verdicts), (Some(0.1), rig.verdicts));
}

/// An image file whose pixels are those that the net is shown.
fn image() -> (Vec<u8>, Vec<u8>) {
    let image = GrayImage::from_fn(8, 8, |x, y| Luma([(x * 31 + y * 57) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::from(image.clone()).write_to(&mut bytes, ImageFormat::Png).unwrap();
    (bytes.into_inner(), image.into_raw())
}

#[test]
fn the_net_that_is_read_back_is_the_one_that_was_trained() {
    let (rig, root) = (rig(), tempfile::tempdir().unwrap());
    let folder = put(root.path(), &rig.files());
    // Taken away, and called otherwise.
    let taken = root.path().join("My model");
    std::fs::rename(folder, &taken).unwrap();
    let exec = ExecutorChoice::Candle.on_cpu().unwrap();
    let net = open_champion(&taken, exec.clone()).unwrap();
    assert_eq!((net.id.clone(), net.is_certified), (rig.champion.arch.id(), true));

    let (file, pixels) = image();
    let mut values = Vec::new();
    rig.task.dataset().images().unwrap().normalization().append(&pixels, &mut values);
    let images = Images { values: &values, labels: &[0] };
    let trained = rig.task.net(&rig.champion.plan()).unwrap();
    let logits =
        exec.logits(&trained, &rig.state.params, images.into(), Some(&rig.state.running)).unwrap();
    let logits: Vec<f32> = logits.flatten_all().unwrap().to_vec1().unwrap();
    let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let found = net.of_images().unwrap().predict(&[file], 3).unwrap().remove(0).unwrap();
    assert_eq!(found.len(), 3);
    for class in found {
        let place = ["ant", "bee", "cat"].iter().position(|name| *name == class.class).unwrap();
        let expected = powers[place] / sum;
        assert!((class.probability - expected).abs() < 1e-9, "{class:?}, not {expected}");
    }
}

#[test]
fn a_net_that_leaves_has_the_weights_of_the_files_and_a_name_by_them() {
    let (rig, root) = (rig(), tempfile::tempdir().unwrap());
    let files = rig.files();
    let net = champion_net(&put(root.path(), &files)).unwrap();
    let digits = &hash(file(&files, WEIGHTS))[..8];
    let stem = format!("{}.champion-{digits}", rig.champion.arch.id());
    for (format, ending, name) in [
        (NetFormat::Safetensors, "safetensors", WEIGHTS),
        (NetFormat::Onnx(PixelType::U8), "onnx", ONNX),
    ] {
        let found = net.file(format).unwrap();
        assert_eq!(found.name, format!("{stem}.{ending}"));
        assert!(found.bytes == file(&files, name), "{name}");
    }
}

#[test]
fn files_of_a_later_program_and_damaged_ones_are_refused() {
    let (rig, root) = (rig(), tempfile::tempdir().unwrap());
    let open = |files: &[(&str, Vec<u8>)]| {
        let exec = ExecutorChoice::Auto.on_cpu().unwrap();
        open_champion(&put(root.path(), files), exec).map(|_| ()).unwrap_err()
    };
    for name in [CARD, CHAMPION_CARD, LABELS] {
        let mut files = rig.files();
        for (found, bytes) in &mut files {
            if *found == name {
                *bytes = br#"{"format": 2, "what": "is unknown"}"#.to_vec();
            }
        }
        let error = open(&files);
        assert!(matches!(error, StoreError::Format { found: 2, expected: 1, .. }), "{error}");
    }
    let mut files = rig.files();
    files.retain(|(name, _)| *name != WEIGHTS);
    assert!(matches!(open(&files), StoreError::NotFound { .. }));

    let folder = put(root.path(), &rig.files());
    std::fs::write(folder.join(WEIGHTS), "other").unwrap();
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    let error = open_champion(&folder, exec).map(|_| ()).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}
