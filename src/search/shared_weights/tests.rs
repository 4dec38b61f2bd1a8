//! Scoring side by side against scoring one after another.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use candle_core::{Device, Result as TensorResult, Tensor};

use super::*;
use crate::data::Dataset;
use crate::engine::{CandleExec, Executor, Gradients, Noise, Params};
use crate::net::NetConfig;
use crate::random::{Owner, generator};
use crate::search::{Random, ScheduleConfig, SearchConfig, SharedState};
use crate::space::SpaceConfig;

/// Candle, and how many children are in it.
#[derive(Debug)]
struct Counting {
    candle: CandleExec,
    children_at_once: usize,
    /// The first children wait for each other until so many are here.
    meeting: usize,
    children: Mutex<Children>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct Children {
    now: usize,
    most: usize,
}

impl Counting {
    fn new(children_at_once: usize, meeting: usize) -> Arc<Self> {
        let candle = CandleExec::new(Device::Cpu);
        let (children, came) = (Mutex::default(), Condvar::new());
        Arc::new(Self { candle, children_at_once, meeting, children, came })
    }

    fn most(&self) -> usize {
        self.children.lock().unwrap().most
    }
}

impl Executor for Counting {
    fn device(&self) -> &Device {
        self.candle.device()
    }

    fn name(&self) -> String {
        "counting".to_owned()
    }

    fn children_at_once(&self) -> usize {
        self.children_at_once
    }

    fn train(&self, _: &Net, _: &Params, _: Images<'_>, _: Noise<'_>) -> TensorResult<Gradients> {
        candle_core::bail!("a scorer does not train")
    }

    fn reuse(&self, used: Gradients) {
        self.candle.reuse(used);
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        images: Images<'_>,
        running: Option<&Snapshot>,
    ) -> TensorResult<Tensor> {
        let mut children = self.children.lock().unwrap();
        children.now += 1;
        children.most = children.most.max(children.now);
        self.came.notify_all();
        // The limit only keeps a failing test from waiting for ever.
        let limit = Duration::from_secs(20);
        let children = self.came.wait_timeout_while(children, limit, |c| c.most < self.meeting);
        drop(children.unwrap_or_else(PoisonError::into_inner));
        let logits = self.candle.logits(net, weights, images, running);
        self.children.lock().unwrap().now -= 1;
        logits
    }
}

fn task(exec: Arc<Counting>) -> Task {
    let config = SearchConfig {
        seed: 3,
        space: SpaceConfig { nodes: 2, ..SpaceConfig::default() },
        net: NetConfig { channels: 2, ..NetConfig::default() },
        schedule: ScheduleConfig { valid_batch_size: 8, ..ScheduleConfig::default() },
        ..SearchConfig::default()
    };
    let dataset = Arc::new(Dataset::load(&config.data, config.seed).unwrap());
    Task::new(config, dataset, exec).unwrap()
}

fn archs(task: &Task, n: usize) -> Vec<Arch> {
    let mut rng = generator(task.config.seed, Owner::Uniform, 0);
    let rollouts = Random::sample(&task.space.script(), n, &mut rng);
    rollouts.iter().map(|rollout| task.space.arch(&rollout.choices).unwrap()).collect()
}

/// Scores 11 children on `threads` threads.
fn score(exec: Arc<Counting>, threads: usize) -> Vec<Score> {
    let task = task(exec);
    let shared = SharedState::initial(&task).unwrap().into();
    let job = Job { archs: archs(&task, 11), on: ValidSet::Batch(1), shared };
    let mut estimator = SharedWeights::new(task);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let scored = AtomicU64::new(0);
    let scores = pool.install(|| estimator.estimate(&job, &scored)).unwrap();
    assert_eq!(scored.into_inner(), 11);
    scores
}

#[test]
fn any_number_of_threads_gives_the_scores_of_one_after_another_in_their_order() {
    let alone = Counting::new(1, 1);
    let expected = score(alone.clone(), 8);
    assert_eq!(alone.most(), 1, "the executor wanted one at once");
    assert!(expected.iter().any(|score| *score != expected[0]), "{expected:?} shows no order");
    for threads in [1, 2, 3, 8] {
        let exec = Counting::new(usize::MAX, threads);
        assert_eq!(score(exec.clone(), threads), expected, "{threads} threads");
        assert_eq!(exec.most(), threads, "as many children at once as threads");
    }
}

#[test]
fn the_executor_sets_how_many_children_run_at_once() {
    let exec = Counting::new(3, 3);
    score(exec.clone(), 8);
    assert_eq!(exec.most(), 3);
}

#[test]
fn an_error_of_one_child_is_the_answer() {
    let task = task(Counting::new(2, 1));
    let job = Job { archs: archs(&task, 4), on: ValidSet::Batch(0), shared: Arc::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let mut estimator = SharedWeights::new(task);
    let err = pool.install(|| estimator.estimate(&job, &AtomicU64::new(0)));
    assert!(err.unwrap_err().to_string().contains("there is no parameter"));
}
