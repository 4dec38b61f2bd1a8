//! Scoring side by side against scoring one after another.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use candle_core::{Device, Result as TensorResult, Tensor};

use super::*;
use crate::data::{Dataset, ImageOrder};
use crate::engine::{Batch, CandleExec, CpuExec, Executor, Gradients, Measured, Noise, Params};
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

    fn train(&self, _: &Net, _: &Params, _: Batch<'_>, _: Noise<'_>) -> TensorResult<Gradients> {
        candle_core::bail!("a scorer does not train")
    }

    fn reuse(&self, used: Gradients) {
        self.candle.reuse(used);
    }

    fn logits(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> TensorResult<Tensor> {
        self.candle.logits(net, weights, batch, running)
    }

    fn measure(
        &self,
        net: &Net,
        weights: &Snapshot,
        batch: Batch<'_>,
        running: Option<&Snapshot>,
    ) -> TensorResult<Measured> {
        let mut children = self.children.lock().unwrap();
        children.now += 1;
        children.most = children.most.max(children.now);
        self.came.notify_all();
        // The limit only keeps a failing test from waiting for ever.
        let limit = Duration::from_secs(20);
        let children = self.came.wait_timeout_while(children, limit, |c| c.most < self.meeting);
        drop(children.unwrap_or_else(PoisonError::into_inner));
        let measured = self.candle.measure(net, weights, batch, running);
        self.children.lock().unwrap().now -= 1;
        measured
    }

    fn moments(&self, net: &Net, weights: &Snapshot, images: Images<'_>) -> TensorResult<Snapshot> {
        self.candle.moments(net, weights, images)
    }
}

fn task(exec: Arc<Counting>) -> Task {
    scored_by(ScoreConfig::paper(), 8, exec)
}

fn scored_by(score: ScoreConfig, valid_batch_size: usize, exec: Arc<dyn Executor>) -> Task {
    let config = SearchConfig {
        score,
        seed: 3,
        space: SpaceConfig { nodes: 2, ..SpaceConfig::default() },
        net: NetConfig { channels: 2, ..NetConfig::default() },
        schedule: ScheduleConfig { valid_batch_size, ..ScheduleConfig::default() },
        ..SearchConfig::default()
    };
    let dataset = Dataset::load(&config.data, config.seed).unwrap();
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

/// The scores of 4 children on the whole split.
fn on_the_whole_split(score: ScoreConfig, valid_batch_size: usize, fast: bool) -> Vec<Score> {
    let exec: Arc<dyn Executor> =
        if fast { Arc::new(CpuExec::new()) } else { Arc::new(CandleExec::new(Device::Cpu)) };
    let task = scored_by(score, valid_batch_size, exec);
    let shared = SharedState::initial(&task).unwrap().into();
    let job = Job { archs: archs(&task, 4), on: ValidSet::Whole, shared };
    SharedWeights::new(task).estimate(&job, &AtomicU64::new(0)).unwrap()
}

#[test]
fn a_calibrated_score_depends_on_no_order_and_no_size_of_batches() {
    let calibrated = |images, size| {
        let score = ScoreConfig { images, calibration: 200, ..ScoreConfig::paper() };
        on_the_whole_split(score, size, true)
    };
    let expected = calibrated(ImageOrder::Stored, 64);
    assert_eq!(calibrated(ImageOrder::Stored, 500), expected);
    assert_eq!(calibrated(ImageOrder::Balanced, 77), expected);
    let by_batch = |size| {
        let score = ScoreConfig::paper();
        on_the_whole_split(score, size, true)
    };
    // What it would be without: the file is partly sorted by class.
    assert_ne!(by_batch(64), by_batch(500));
}

#[test]
fn both_executors_calibrate_alike() {
    let score = ScoreConfig { calibration: 100, ..ScoreConfig::default() };
    let [fast, candle] = [true, false].map(|fast| on_the_whole_split(score, 64, fast));
    for (fast, candle) in fast.iter().zip(&candle) {
        assert!((fast.nll / candle.nll - 1.0).abs() < 1e-4, "{fast:?} and {candle:?}");
        assert!(fast.correct.abs_diff(candle.correct) <= 3, "{fast:?} and {candle:?}");
    }
}
