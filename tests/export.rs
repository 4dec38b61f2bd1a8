//! Exported files against the daemon's own engine: random architectures of every space with random
//! weights, written as a folder of cases that `tests/export/check.py` has onnxruntime and PyTorch
//! compute too.
//!
//! ```text
//! CASE/model.onnx            reads bytes; model_f32.onnx reads floats
//! CASE/model.py              loads weights.safetensors
//! CASE/expected.safetensors  images (n, c, h, w) of bytes, the engine's logits of all of them
//!                            together, and of the first alone
//! ```
//!
//! Nets of words are in `words`. The folder is `$ENASD_EXPORT_CASES`, or one that is thrown away.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use enasd::engine::{
    CpuExec, Executor, Images, Noise, Params, Snapshot, from_safetensors, initial_values,
    to_safetensors, update_running,
};
use enasd::export::{Model, PixelType, Reads, onnx_file, safetensors_file, torch_file};
use enasd::net::{Input, Net, NetConfig, NetError, Norm, Shape, family};
use enasd::random::{Owner, generator};
use enasd::space::{Arch, MicroSpace, NasCnn, Nasnet, Space, WholeNet};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

#[path = "export/words.rs"]
mod words;

/// Architectures of each space and image as nets that stand alone, and as children.
const STANDALONE: u64 = 20;
const SHARED: u64 = 5;

/// Planes that are odd after two reductions, and such that are even throughout.
const IMAGES: [Shape; 2] =
    [Shape { channels: 1, height: 28, width: 28 }, Shape { channels: 3, height: 32, width: 32 }];
const CLASSES: usize = 10;
/// Values of 16 bits that become pixels: four for each.
const DEEP: [u16; 2] = [1000, 1000 + 4 * 255];
const BATCH: usize = 12;

/// One net that is exported.
struct Case {
    name: String,
    arch: Arch,
    net: Net,
    weights: Snapshot,
    running: Option<Snapshot>,
    mean: Vec<f32>,
    std: Vec<f32>,
    class_names: Vec<String>,
}

impl Case {
    fn new(space: Space, config: NetConfig, image: Shape, form: Norm, seed: u64) -> Self {
        let mut rng = generator(seed, Owner::Bench, 0);
        let options = space.script().options().collect::<Vec<_>>();
        let choices: Vec<u32> =
            options.iter().map(|&n| rng.random_range(0..u32::try_from(n).unwrap())).collect();
        let arch = space.arch(&choices).unwrap();
        let nets = family(space, &config, Input::Image { shape: image, classes: CLASSES }).unwrap();
        let net = match form {
            Norm::Running => nets.standalone(&arch),
            Norm::Batch => nets.shared(&arch),
        };
        let Shape { channels, height, width } = image;
        let name = format!("{}-{channels}x{height}x{width}-{form:?}-{seed}", space.name());
        let net = net.unwrap();
        let mut case = Self {
            name: name.to_lowercase(),
            arch,
            weights: weights(&net, &mut rng),
            net,
            running: None,
            mean: (0..channels).map(|_| rng.random_range(0.3..0.6)).collect(),
            std: (0..channels).map(|_| rng.random_range(0.2..0.4)).collect(),
            class_names: (0..CLASSES).map(|class| format!("class \"{class}\"")).collect(),
        };
        if form == Norm::Running {
            case.running = Some(case.trained(&mut rng));
        }
        case
    }

    /// The running statistics of one training pass.
    fn trained(&self, rng: &mut ChaCha8Rng) -> Snapshot {
        let values = self.normalized(&pixels(&self.net, rng));
        let labels: Vec<u32> = (0..BATCH).map(|_| rng.random_range(0..CLASSES as u32)).collect();
        let images = Images { values: &values, labels: &labels };
        let params = Params::from_tensors(&self.weights, &Device::Cpu).unwrap();
        let noise = Noise { rng, drop_path: 0.0 };
        let found = CpuExec::new().train(&self.net, &params, images.into(), noise).unwrap();
        let mut running = Snapshot::new();
        update_running(&mut running, &found.moments, 0.9).unwrap();
        running
    }

    fn normalized(&self, pixels: &[u8]) -> Vec<f32> {
        let plane = self.net.image.plane();
        let value = |(idx, &pixel): (usize, &u8)| {
            let channel = idx / plane % self.mean.len();
            (f32::from(pixel) / 255.0 - self.mean[channel]) / self.std[channel]
        };
        pixels.iter().enumerate().map(value).collect()
    }

    fn model(&self) -> Model<'_> {
        Model {
            net: &self.net,
            weights: &self.weights,
            running: self.running.as_ref(),
            reads: Reads::Images {
                mean: &self.mean,
                std: &self.std,
                deep: DEEP,
                class_names: &self.class_names,
            },
            id: &self.name,
            arch: "native",
            metadata: BTreeMap::from([("drawn".to_owned(), self.arch.to_string())]),
        }
    }

    /// The engine's logits, with what a safetensors file holds.
    fn logits(&self, pixels: &[u8], file: &Snapshot) -> Tensor {
        let labels = vec![0; pixels.len() / self.net.image.n_values()];
        let values = self.normalized(pixels);
        let images = Images { values: &values, labels: &labels };
        CpuExec::new().logits(&self.net, file, images.into(), Some(file)).unwrap()
    }

    fn write(&self, cases: &Path) {
        let model = self.model();
        let weights = safetensors_file(&model).unwrap();
        let file = from_safetensors(&weights, DType::F32).unwrap();
        assert!(file.keys().all(|name| !name.starts_with("aux.")), "{}", self.name);
        let pixels = pixels(&self.net, &mut generator(1, Owner::Bench, 1));
        let image = self.net.image;
        let logits = self.logits(&pixels, &file);
        let first = self.logits(&pixels[..image.n_values()], &file);
        let spread = logits.to_vec2::<f32>().unwrap().concat();
        let spread = spread.iter().fold((f32::MAX, f32::MIN), |(l, h), &x| (l.min(x), h.max(x)));
        assert!(spread.1 - spread.0 > 1e-3, "{}: logits {spread:?} show nothing", self.name);
        let images = (BATCH, image.channels, image.height, image.width);
        let images = Tensor::from_vec(pixels, images, &Device::Cpu).unwrap();
        let expected = [("images", images), ("logits", logits), ("first", first)];
        let expected = expected.map(|(name, tensor)| (name.to_owned(), tensor)).into();
        let folder = cases.join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
        write("weights.safetensors", &weights);
        write("model.onnx", &onnx_file(&model, PixelType::U8).unwrap());
        write("model_f32.onnx", &onnx_file(&model, PixelType::F32).unwrap());
        write("model.py", torch_file(&model).unwrap().as_bytes());
        write("expected.safetensors", &to_safetensors(&expected).unwrap());
    }
}

/// Values as they start, but for scales and offsets that differ from 1 and 0.
fn weights(net: &Net, rng: &mut ChaCha8Rng) -> Snapshot {
    let mut weights = initial_values(&net.params(), rng).unwrap();
    for (name, value) in &mut weights {
        if name.ends_with("norm.scale") || name.ends_with("norm.offset") {
            let noise = (0..value.elem_count()).map(|_| rng.random_range(-0.3_f32..0.3));
            let noise = Tensor::from_iter(noise, &Device::Cpu).unwrap();
            *value = (&*value + noise).unwrap();
        }
    }
    weights
}

fn pixels(net: &Net, rng: &mut ChaCha8Rng) -> Vec<u8> {
    (0..BATCH * net.image.n_values()).map(|_| rng.random()).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (image, (form, count)) in IMAGES
        .into_iter()
        .flat_map(|i| [(i, (Norm::Running, STANDALONE)), (i, (Norm::Batch, SHARED))])
    {
        for seed in 0..count {
            let size = seed as usize;
            let config = NetConfig { channels: 4 + size % 5, ..NetConfig::default() };
            let micro = Space::Micro(MicroSpace::new(5).unwrap());
            let layers = NetConfig { layers: 1 + size % 2, ..config };
            cases.push(Case::new(micro, layers, image, form, seed));
            let whole_net = Space::WholeNet(WholeNet::new(6 + size % 7).unwrap());
            cases.push(Case::new(whole_net, config, image, form, seed));
            let nasnet = Space::Nasnet(Nasnet::new(2 + size % 4).unwrap());
            cases.push(Case::new(nasnet, layers, image, form, seed));
            if form == Norm::Running {
                let filters = NasCnn::new(3 + size % 4, size % 2 == 1).unwrap();
                cases.push(Case::new(Space::NasCnn(filters), config, image, form, seed));
            }
        }
    }
    // Halves of a factorized reduction that differ. Sides that differ, and end at 1.
    let narrow = NetConfig { channels: 3, ..NetConfig::default() };
    let image = Shape { channels: 2, height: 4, width: 7 };
    for form in [Norm::Running, Norm::Batch] {
        cases.push(Case::new(Space::WholeNet(WholeNet::new(6).unwrap()), narrow, image, form, 0));
    }
    cases
}

#[test]
fn exported_files_hold_what_the_engine_needs_for_its_logits() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("ENASD_EXPORT_CASES");
    let folder = folder.as_ref().map_or(temporary.path(), Path::new);
    let cases = cases();
    let reads_images = |space: &Space| {
        let image = Input::Image { shape: IMAGES[0], classes: CLASSES };
        let nets = family(*space, &NetConfig::default(), image);
        let net = nets.and_then(|nets| nets.standalone(&space.rules().published().unwrap()));
        !matches!(net, Err(NetError::ReadsWords { .. } | NetError::NoNets { .. }))
    };
    for space in Space::each().into_iter().filter(reads_images) {
        let is_of = |case: &Case| case.arch.space().name() == space.name();
        assert!(cases.iter().any(is_of), "no case is of the space {}", space.name());
    }
    for case in cases {
        let (model, name) = (case.model(), &case.name);
        let weights = safetensors_file(&model).unwrap();
        assert_eq!(weights, safetensors_file(&case.model()).unwrap(), "{name}");
        // What the file holds computes the same, bit for bit.
        let file = from_safetensors(&weights, DType::F32).unwrap();
        let whole = case.weights.iter().chain(case.running.iter().flatten());
        let whole: Snapshot = whole.map(|(name, tensor)| (name.clone(), tensor.clone())).collect();
        let pixels = pixels(&case.net, &mut generator(2, Owner::Bench, 1));
        let rows = |tensors| case.logits(&pixels, tensors).to_vec2::<f32>().unwrap();
        assert_eq!(rows(&file), rows(&whole), "{name}");
        case.write(folder);
    }
}
