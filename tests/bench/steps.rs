//! What steps of ω and of θ are made of, on two sizes of nets: how much of them is the engine's.
//!
//! Every round takes one whole step, part by part, so that whatever else the machine does slows
//! all parts alike; the medians over the rounds are printed.

#![allow(clippy::print_stdout, reason = "a table for people")]

use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use enasd::data::{Batch, Dataset, TrainStream};
use enasd::engine::{ExecutorChoice, Images, Noise, Params, Sgd, Snapshot};
use enasd::net::NetConfig;
use enasd::random::{Owner, generator};
use enasd::search::{
    Arm, DrawRequest, DrawRule, Estimator, Job, Sampled, ScheduleConfig, Search, SearchConfig,
    SharedWeights, Task, TrainReport, ValidSet, Work, archs, draw,
};

const ROUNDS: u64 = 60;

/// The default net, and one as wide as the paper's.
const NETS: [[usize; 2]; 2] = [[1, 4], [6, 20]];

/// The parts of an ω step; the one that is the engine's comes first.
const SHARED: [&str; 4] = ["train", "draw", "build the net", "make the batch"];

/// The parts of a θ step.
const CONTROLLER: [&str; 4] = ["score", "draw", "learn", "keep"];

fn task([layers, channels]: [usize; 2]) -> Task {
    let config = SearchConfig {
        seed: 1,
        net: NetConfig { layers, channels, ..NetConfig::default() },
        schedule: ScheduleConfig {
            shared_steps: 1,
            controller_steps: ROUNDS,
            ..ScheduleConfig::default()
        },
        ..SearchConfig::default()
    };
    let dataset = Dataset::load(&config.data, config.seed).unwrap();
    let exec = ExecutorChoice::Auto.on_cpu().unwrap();
    Task::new(config, dataset, exec).unwrap()
}

/// A search that stands at its first θ step.
fn search(task: &Task) -> Search {
    let mut search = Search::new(task.clone(), &Search::initial_state(task).unwrap()).unwrap();
    let report =
        TrainReport { loss: 1.0, accuracy: 0.1, grad_norm: 1.0, learning_rate: 0.1, items: 1 };
    search.finish_shared(Vec::new(), report);
    search
}

/// The clock of one step's parts.
struct Parts {
    last: Instant,
    durations: [Duration; 4],
}

impl Parts {
    fn start() -> Self {
        Self { last: Instant::now(), durations: [Duration::ZERO; 4] }
    }

    /// What was done since the last call was `part`.
    fn was(&mut self, part: usize) {
        let now = Instant::now();
        self.durations[part] += now - self.last;
        self.last = now;
    }
}

/// Takes ω steps on nets that the policy draws; how long each of [`SHARED`] took.
fn shared_steps(task: &Task, search: &Search) -> Vec<[Duration; 4]> {
    let config = &task.config;
    let shared = Search::initial_state(task).unwrap().shared;
    let params = Params::from_tensors(&shared.params, task.exec.device()).unwrap();
    let mut sgd = Sgd::new(config.shared, &Snapshot::new(), task.exec.device()).unwrap();
    let batching = config.schedule.batching(&config.data);
    let stream = TrainStream::new(&task.dataset, batching, config.seed).unwrap();
    let mut step = |index| {
        let mut parts = Parts::start();
        let (arm, rule) = (Arm::Controller, DrawRule::OfArm);
        let request = DrawRequest { arm, count: 1, index, epoch: 0, rule };
        let drawn = draw(&search.drawer(), task, config.seed, request).unwrap().sampled;
        parts.was(1);
        let net = task.family.shared(&drawn[0].arch).unwrap();
        parts.was(2);
        let batch = stream.batch(index).unwrap();
        parts.was(3);
        let Batch::Images(batch) = batch else { unreachable!() };
        let images = Images { values: &batch.images, labels: &batch.labels };
        let mut rng = generator(config.seed, Owner::Dropout, index);
        let noise = Noise { rng: &mut rng, drop_path: 0.0 };
        let found = task.exec.train(&net, &params, images.into(), noise).unwrap();
        sgd.step(&params, &found.grads, config.shared.learning_rate_min).unwrap();
        parts.was(0);
        parts.durations
    };
    (0..ROUNDS).map(&mut step).collect()
}

/// Takes a θ step; how long each of [`CONTROLLER`] took.
fn controller_step(search: &mut Search, estimator: &mut SharedWeights) -> [Duration; 4] {
    let task = search.task().clone();
    let Work::Controller { policy, uniform, batch } = search.work() else { unreachable!() };
    let shared = &Search::initial_state(&task).unwrap().shared;
    let mut parts = Parts::start();
    let [policy, uniform] = [policy, uniform]
        .map(|request| draw(&search.drawer(), &task, task.config.seed, request).unwrap().sampled);
    parts.was(1);
    let score = |drawn: Vec<Sampled>| {
        let on = ValidSet::Batch(batch);
        let job = Job { archs: archs(&drawn), on, shared: shared.clone() };
        let scores = estimator.estimate(&job, &AtomicU64::new(0)).unwrap();
        task.objective.scored(drawn, scores)
    };
    let [policy, uniform] = [policy, uniform].map(score);
    parts.was(0);
    let learnt = search.learn(policy).unwrap();
    search.finish_controller(learnt, uniform).unwrap();
    parts.was(2);
    drop(search.state(shared.clone()).unwrap());
    parts.was(3);
    parts.durations
}

fn median(mut durations: Vec<Duration>) -> f64 {
    durations.sort_unstable();
    durations[durations.len() / 2].as_secs_f64() * 1e3
}

/// Prints the median of every part, and the share of all but the first.
fn print(name: &str, parts: [&str; 4], rounds: &[[Duration; 4]]) {
    let medians: [f64; 4] =
        std::array::from_fn(|part| median(rounds.iter().map(|round| round[part]).collect()));
    let rest = 1.0 - medians[0] / medians.iter().sum::<f64>();
    print!("  {name}:");
    for (part, median) in parts.iter().zip(&medians) {
        print!(" {part} {median:.3} ms,");
    }
    println!(" so all but the first is {:.2} %", rest * 100.0);
}

fn main() {
    for net in NETS {
        let task = task(net);
        let (mut search, mut estimator) = (search(&task), SharedWeights::new(task.clone()));
        let [layers, channels] = net;
        println!("{layers} layers, {channels} channels");
        print("a step of ω", SHARED, &shared_steps(&task, &search));
        let steps: Vec<_> =
            (0..ROUNDS).map(|_| controller_step(&mut search, &mut estimator)).collect();
        print("a step of θ", CONTROLLER, &steps);
    }
}
