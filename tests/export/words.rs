//! Nets of words: both published cells, what stands for some in the `nas_rnn` space, and random ones, with
//! random weights.
//!
//! ```text
//! CASE/model.onnx            reads ids and a state
//! CASE/model.py              loads weights.safetensors
//! CASE/expected.safetensors  ids0 and ids1 (steps, rows), two windows of texts, the second with the
//!                            states that the first leaves; of each the engine's logits
//!                            (steps, rows, words), and the states after it (rows, H)
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use enasd::engine::{CpuExec, Executor, Snapshot, Words, from_safetensors, to_safetensors};
use enasd::export::{Model, PixelType, Reads, onnx_file, safetensors_file, torch_file};
use enasd::net::{Net, StateOf, WordNetSize};
use enasd::random::{Owner, generator};
use enasd::space::{Arch, NasRnn, Recurrent, Space};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Leaves of the trees that stand for published ones.
const TREES: [usize; 2] = [2, 8];
/// Random cells of each form.
const RANDOM: usize = 8;
/// Nodes of the cells that the authors published.
const PUBLISHED: [usize; 2] = [8, 11];
/// Words that each row of a window has.
const STEPS: [usize; 2] = [7, 4];

/// What the weights of a net are.
#[derive(Clone, Copy, Debug)]
enum Form {
    Standalone,
    Shared,
}

/// One net that is exported.
struct Case {
    name: String,
    arch: Arch,
    net: Net,
    weights: Snapshot,
    words: Vec<String>,
    rows: usize,
}

/// What the engine makes of a window.
struct Window {
    ids: Vec<u32>,
    /// `(steps · rows, words)`
    logits: Vec<f32>,
    /// `(rows, H)`
    states: Vec<f32>,
}

impl Case {
    fn new(arch: Arch, of: &str, form: Form, number: usize) -> Self {
        let mut rng = generator(number as u64, Owner::Bench, 0);
        let state_of = [StateOf::LooseEnds, StateOf::All][number % 2];
        // Training drops all it can; the files drop nothing.
        let size = WordNetSize {
            drop_words: 0.1,
            drop_embedding: 0.1,
            drop_input: 0.2,
            drop_state: 0.3,
            drop_weights: 0.4,
            drop_output: 0.5,
            ..WordNetSize::plain(rng.random_range(7..30), rng.random_range(1..12))
        };
        let net = match form {
            Form::Standalone => size.standalone(&arch, state_of),
            Form::Shared => size.shared(&arch, state_of),
        };
        let net = net.unwrap();
        let named = ["<eos>", "<unk>"].map(str::to_owned).into_iter();
        let words = named.chain((2..size.vocabulary).map(|idx| format!("w\"{idx}"))).collect();
        Self {
            name: format!("{}-{of}-{form:?}-{number}", arch.space().name()).to_lowercase(),
            arch,
            weights: weights(&net, &mut rng),
            net,
            words,
            rows: 1 + number % 4,
        }
    }

    fn model(&self) -> Model<'_> {
        Model {
            net: &self.net,
            weights: &self.weights,
            running: None,
            reads: Reads::Words { words: &self.words },
            id: &self.name,
            arch: "native",
            metadata: BTreeMap::from([("drawn".to_owned(), self.arch.to_string())]),
        }
    }

    /// The windows that the engine reads, with what a safetensors file holds.
    fn windows(&self, file: &Snapshot) -> [Window; 2] {
        let mut rng = generator(1, Owner::Bench, 1);
        let mut carried = Vec::new();
        STEPS.map(|steps| {
            let n_words = self.words.len() as u32;
            let ids: Vec<u32> =
                (0..steps * self.rows).map(|_| rng.random_range(0..n_words)).collect();
            let words = Words { ids: &ids, next: &ids, rows: self.rows, carried: &mut carried };
            let logits = CpuExec::new().logits(&self.net, file, words.into(), None).unwrap();
            let logits = logits.flatten_all().unwrap().to_vec1().unwrap();
            Window { ids, logits, states: carried.clone() }
        })
    }

    fn write(&self, cases: &Path) {
        let model = self.model();
        let weights = safetensors_file(&model).unwrap();
        let windows = self.windows(&from_safetensors(&weights, DType::F32).unwrap());
        let tensor = |name: &str, tensor: Tensor| (name.to_owned(), tensor);
        let mut expected = Snapshot::new();
        for (number, (window, steps)) in windows.into_iter().zip(STEPS).enumerate() {
            let Window { ids, logits, states } = window;
            let spread =
                logits.iter().fold((f32::MAX, f32::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            assert!(spread.1 - spread.0 > 0.1, "{}: logits {spread:?} show nothing", self.name);
            let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
            let (rows, hidden) = (self.rows, states.len() / self.rows);
            let (sides, device) = ((steps, rows, self.words.len()), &Device::Cpu);
            expected.extend([
                tensor(
                    &format!("ids{number}"),
                    Tensor::from_vec(ids, (steps, rows), device).unwrap(),
                ),
                tensor(
                    &format!("logits{number}"),
                    Tensor::from_vec(logits, sides, device).unwrap(),
                ),
                tensor(
                    &format!("states{number}"),
                    Tensor::from_vec(states, (rows, hidden), device).unwrap(),
                ),
            ]);
        }
        let folder = cases.join(&self.name);
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
        write("weights.safetensors", &weights);
        write("model.onnx", &onnx_file(&model, PixelType::U8).unwrap());
        write("model.py", torch_file(&model).unwrap().as_bytes());
        write("expected.safetensors", &to_safetensors(&expected).unwrap());
    }
}

/// Weights so large that activations bend, and words differ.
fn weights(net: &Net, rng: &mut ChaCha8Rng) -> Snapshot {
    let value = |(name, spec): (String, enasd::net::ParamSpec)| {
        let most = if name.starts_with("embedding") { 1.0 } else { 0.6_f32 };
        let values = (0..spec.len()).map(|_| rng.random_range(-most..most));
        let values = values.collect::<Vec<_>>();
        (name, Tensor::from_vec(values, spec.dims, &Device::Cpu).unwrap())
    };
    net.params().into_iter().map(value).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for form in [Form::Standalone, Form::Shared] {
        for (number, n_nodes) in PUBLISHED.into_iter().enumerate() {
            let space = Space::Recurrent(Recurrent::new(n_nodes).unwrap());
            let arch = space.rules().published().unwrap();
            cases.push(Case::new(arch, &format!("published{n_nodes}"), form, number));
        }
        for number in 0..RANDOM {
            let space = Space::Recurrent(Recurrent::new(1 + 3 * number / 2).unwrap());
            cases.push(Case::new(random(space, number), "random", form, number));
        }
    }
    for (number, n_leaves) in TREES.into_iter().enumerate() {
        let arch = Space::NasRnn(NasRnn::new(n_leaves).unwrap()).rules().published().unwrap();
        cases.push(Case::new(arch, &format!("published{n_leaves}"), Form::Standalone, number));
    }
    for number in 0..RANDOM {
        let space = Space::NasRnn(NasRnn::new(2 + number).unwrap());
        cases.push(Case::new(random(space, number), "random", Form::Standalone, number));
    }
    cases
}

fn random(space: Space, number: usize) -> Arch {
    let (script, mut rng) = (space.script(), generator(number as u64, Owner::Uniform, 0));
    let choices = script.options().map(|n| rng.random_range(0..n as u32));
    space.arch(&choices.collect::<Vec<_>>()).unwrap()
}

#[test]
fn exported_files_hold_what_the_engine_needs_for_its_words() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("ENASD_EXPORT_CASES");
    let folder = folder.as_ref().map_or(temporary.path(), Path::new);
    for case in cases() {
        let name = &case.name;
        let weights = safetensors_file(&case.model()).unwrap();
        assert_eq!(weights, safetensors_file(&case.model()).unwrap(), "{name}");
        // What the file holds computes the same, bit for bit.
        let file = from_safetensors(&weights, DType::F32).unwrap();
        for (found, own) in case.windows(&file).iter().zip(case.windows(&case.weights)) {
            assert_eq!((&found.logits, &found.states), (&own.logits, &own.states), "{name}");
        }
        case.write(folder);
    }
}
