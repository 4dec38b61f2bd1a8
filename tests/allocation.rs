//! The fast executor takes no memory in a step or a reward after the first of a shape, and who
//! goes back to another ω frees the one before first.
//!
//! A test binary of its own, for its allocator counts what every thread asks for; and one test, for
//! whoever runs several asks for memory whenever one of them ends.

mod common;

use std::alloc::System;
use std::sync::{Arc, Mutex};

use candle_core::{Device, Result, Tensor};
use enasd::bench::{ArchChoice, BenchConfig, BenchJob, BenchSize, NetKind, open};
use enasd::engine::{
    Batch, Executor, Gradients, Images, Measured, Noise, Params, Snapshot, Watched, Words,
    initial_values,
};
use enasd::net::{Net, StateOf, WordNetSize};
use enasd::random::{Owner, generator};
use enasd::search::{SharedLearner, SharedState, Task};
use enasd::space::{MicroSpace, Recurrent, Space};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn memory_is_asked_for_once_and_given_back() {
    nothing_is_allocated_after_the_first_pass_of_a_shape();
    nothing_is_allocated_after_the_longest_window_of_text();
    another_shared_state_is_loaded_when_the_one_before_is_freed();
}

/// Bytes of the list that candle's in-place operations make of the axes of the tensor they write:
/// the one allocation that is left. It cannot be had otherwise without `unsafe`.
const AXES: usize = 64;

/// How often memory is asked for, new or more of it, and how many bytes.
fn count(mut work: impl FnMut()) -> [usize; 2] {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    [change.allocations + change.reallocations, change.bytes_allocated]
}

fn job(exec: &Arc<dyn Executor>, net: NetKind, seed: u64) -> BenchJob {
    let arch = if seed == 0 { ArchChoice::Published } else { ArchChoice::Random };
    let config = BenchConfig {
        arch: arch.arch(Space::Micro(MicroSpace::default()), seed).unwrap(),
        net,
        size: BenchSize::Images { layers: 3, channels: 4, image: [3, 18, 16] },
        batch: 40,
        steps: 1,
        threads: 1,
        seed,
    };
    BenchJob::new(config, exec.clone()).unwrap()
}

/// What candle asks for in a step: once for each gradient, mean and variance that is written, and
/// in the update once for each momentum and each weight.
fn of_candle(job: &BenchJob) -> [usize; 2] {
    let found = job.gradients().unwrap();
    let writes = 3 * found.grads.len() + found.moments.len();
    [writes, writes * AXES]
}

fn nothing_is_allocated_after_the_first_pass_of_a_shape() {
    let nets = [(NetKind::Shared, 0), (NetKind::Standalone, 0), (NetKind::Shared, 3)];
    for threads in [1, 3] {
        // The jobs take turns on one executor: what one leaves does not disturb the others.
        // Watched, as the daemon's is.
        let exec: Arc<dyn Executor> = Arc::new(Watched::new(open("fast", "cpu").unwrap(), || ()));
        let mut jobs = nets.map(|(net, seed)| job(&exec, net, seed));
        let weights = jobs.each_ref().map(|job| job.weights().unwrap());
        let quiet = jobs.each_ref().map(|job| [of_candle(job), [0; 2]]);
        let mut round = || {
            [0, 1, 2].map(|place| {
                let (job, weights) = (&mut jobs[place], &weights[place]);
                let step = count(|| job.step().unwrap());
                let reward = count(|| assert!(job.forward(weights).unwrap().correct <= 40));
                [step, reward]
            })
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            assert_ne!(round(), quiet, "the first round makes the programs");
            // Several threads may need their scratch memory at once in one round and not in the
            // one before, so it takes some until there is enough for the worst case.
            let more = if threads == 1 { 1 } else { 100 };
            let noisy = (0..more).map(|_| round()).take_while(|found| *found != quiet);
            let noisy: Vec<_> = noisy.collect();
            assert!(noisy.len() < more, "{threads} threads: {:?}, not {quiet:?}", noisy.last());
        });
    }
}

/// A window of words, and what is carried from one to the next.
struct Text {
    words: Vec<u32>,
    carried: Vec<f32>,
}

impl Text {
    /// The words of `rows` rows of the window.
    fn window(&mut self, rows: usize, steps: usize) -> Batch<'_> {
        let (ids, next) = (&self.words[..rows * steps], &self.words[1..=rows * steps]);
        Words { ids, next, rows, carried: &mut self.carried }.into()
    }
}

fn nothing_is_allocated_after_the_longest_window_of_text() {
    let size = WordNetSize {
        vocabulary: 300,
        hidden: 20,
        drop_words: 0.1,
        drop_embedding: 0.2,
        drop_input: 0.3,
        drop_state: 0.4,
        drop_weights: 0.5,
        drop_output: 0.6,
        activation_weight: 1.0,
        slowness_weight: 1.0,
    };
    let arch = Space::Recurrent(Recurrent::default()).rules().published().unwrap();
    let net = size.shared(&arch, StateOf::LooseEnds).unwrap();
    let weights = initial_values(&net.params(), &mut generator(1, Owner::Bench, 0)).unwrap();
    let params = Params::from_tensors(&weights, &Device::Cpu).unwrap();
    let exec = open("fast", "cpu").unwrap();
    let (rows, longest) = (12, 40);
    let words = (0..=rows as u32 * longest as u32).map(|at| at * 7 % 300).collect();
    let mut text = Text { words, carried: vec![0.0; rows * size.hidden] };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        for (nth, steps) in [longest, longest, 17, longest, 5, 31].into_iter().enumerate() {
            let mut rng = generator(1, Owner::Dropout, nth as u64);
            let step = count(|| {
                let noise = Noise { rng: &mut rng, drop_path: 0.0 };
                let found = exec.train(&net, &params, text.window(rows, steps), noise).unwrap();
                exec.reuse(found);
            });
            let reward = count(|| {
                exec.measure(&net, &weights, text.window(rows, steps), None).unwrap();
            });
            // One for each gradient that is written; that of the words at first, at last and for
            // each 256 rows of a band of 8.
            let writes = 9 + 2 + (16 * steps).div_ceil(256);
            if 0 < nth {
                assert_eq!([step, reward], [[writes, writes * AXES], [0; 2]], "{steps} words");
            }
        }
    });
}

/// Notes how many bytes are in use whenever it is asked where parameters live.
#[derive(Debug, Default)]
struct Weighing {
    in_use: Mutex<Vec<usize>>,
}

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

impl Executor for Weighing {
    fn device(&self) -> &Device {
        self.in_use.lock().unwrap().push(in_use());
        &Device::Cpu
    }

    fn name(&self) -> String {
        "weighing".to_owned()
    }

    fn train(&self, _: &Net, _: &Params, _: Batch<'_>, _: Noise<'_>) -> Result<Gradients> {
        candle_core::bail!("it only weighs")
    }

    fn moments(&self, _: &Net, _: &Snapshot, _: Images<'_>) -> Result<Snapshot> {
        candle_core::bail!("it only weighs")
    }

    fn reuse(&self, _: Gradients) {}

    fn logits(&self, _: &Net, _: &Snapshot, _: Batch<'_>, _: Option<&Snapshot>) -> Result<Tensor> {
        candle_core::bail!("it only weighs")
    }

    fn measure(
        &self,
        _: &Net,
        _: &Snapshot,
        _: Batch<'_>,
        _: Option<&Snapshot>,
    ) -> Result<Measured> {
        candle_core::bail!("it only weighs")
    }
}

fn bytes(tensors: &Snapshot) -> usize {
    tensors.values().map(|tensor| tensor.elem_count() * size_of::<f32>()).sum()
}

fn another_shared_state_is_loaded_when_the_one_before_is_freed() {
    let mut config = common::tiny_config();
    // Far more bytes of ω than of the batches that a thread makes meanwhile.
    config.net.channels = 64;
    config.schedule.batch_size = 1;
    // Of both ω.
    config.schedule.control_steps = config.schedule.shared_steps;
    let exec = Arc::new(Weighing::default());
    let task = Task { exec: exec.clone(), ..common::task(config) };
    let mut state = SharedState::initial(&task).unwrap();
    state.momenta = state.params.clone();
    let control = SharedState { control: None, ..state.clone() };
    state.control = Some(Arc::new(control));
    let mut learner = SharedLearner::new(task, &state, 0).unwrap();
    // As a snapshot that is being scored or written: it keeps nothing of the learner's alive.
    let held = learner.state().unwrap();

    exec.in_use.lock().unwrap().clear();
    let before = in_use();
    learner.restore(&state, 0).unwrap();
    let least = exec.in_use.lock().unwrap().iter().copied().min().unwrap();
    let weight = 2 * (bytes(&held.params) + bytes(&held.momenta));
    assert!(1 << 20 < weight, "{weight} bytes are too few to be seen");
    let freed = before.saturating_sub(least);
    assert!(weight * 9 / 10 < freed, "{freed} of {weight} bytes were freed before the load");
}
