//! What a benchmark measured, and how it is measured.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::bench::pace::Work;
use crate::bench::{
    BenchConfig, BenchError, BenchJob, BenchSize, NetKind, Pace, peak_gflops, peak_rss_bytes,
};
use crate::engine::kernel::Isa;

/// The passes of one step count as this many forward passes: each product has two gradients.
const PASSES_PER_STEP: f64 = 3.0;

/// What a benchmark measured.
///
/// The arithmetic is counted from the net, not from what the executor does: two operations for
/// each of the forward pass's multiply-adds of convolutions and matrix products without the
/// auxiliary head, three times that for a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The executor, and the instructions that it uses where it chooses them.
    pub executor: String,
    /// The widest vector instructions of this machine, by which the peak is measured.
    pub instructions: &'static str,
    /// Threads that computed.
    pub threads: usize,
    /// The architecture as numbers.
    pub arch: String,
    /// How it became a net.
    pub net: NetKind,
    /// What it reads, and how large it is.
    #[serde(flatten)]
    pub size: BenchSize,
    /// Images of the batch, or rows of text.
    pub batch: usize,
    /// Steps and forward passes that were timed.
    pub steps: usize,
    /// Trainable values, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds of one image's or word's forward pass, without the auxiliary head.
    pub multiply_adds: u64,
    /// The step before those that were timed.
    pub first_step_ms: f64,
    /// Forward, backward and update.
    pub step: Pace,
    /// Forward only, as a reward is computed.
    pub forward: Pace,
    /// Independent multiply-adds of all threads, in 10⁹ operations a second.
    pub peak_gflops: f64,
    /// The most memory that the process held, where the system tells it.
    pub peak_rss_bytes: Option<u64>,
}

/// Runs the job: one step and one forward pass to get warm, then those that are timed.
pub fn measure(job: &mut BenchJob) -> Result<Report, BenchError> {
    let BenchConfig { net, size, batch, steps, threads, .. } = *job.config();
    let cost = job.net().cost();
    let instructions = Isa::best();
    let peak_gflops = peak_gflops(instructions, threads);
    let first_step = timed(|| job.step())?;
    let step_times = repeat(steps, || job.step())?;
    let weights = job.weights()?;
    job.forward(&weights)?;
    let forward_times = repeat(steps, || job.forward(&weights))?;
    let items = job.items();
    let forward = Work { items, flop: 2.0 * cost.multiply_adds as f64 * items as f64 };
    let step = Work { flop: PASSES_PER_STEP * forward.flop, ..forward };
    Ok(Report {
        executor: job.executor().name(),
        instructions: instructions.name(),
        threads,
        arch: job.config().arch.to_flat(),
        net,
        size,
        batch,
        steps,
        params: cost.params,
        multiply_adds: cost.multiply_adds,
        first_step_ms: first_step.as_secs_f64() * 1e3,
        step: Pace::of(&step_times, step, peak_gflops),
        forward: Pace::of(&forward_times, forward, peak_gflops),
        peak_gflops,
        peak_rss_bytes: peak_rss_bytes(),
    })
}

fn repeat<T>(
    n: usize,
    mut work: impl FnMut() -> Result<T, BenchError>,
) -> Result<Vec<Duration>, BenchError> {
    (0..n).map(|_| timed(&mut work)).collect()
}

fn timed<T>(work: impl FnOnce() -> Result<T, BenchError>) -> Result<Duration, BenchError> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} net of {}", self.net, self.arch)?;
        let (params, millions) = (self.params, self.multiply_adds as f64 * 1e-6);
        let costs = format!("{params} parameters, {millions:.1} million multiply-adds");
        let (batch, executor) = (self.batch, &self.executor);
        let items = match self.size {
            BenchSize::Images { layers, channels, image: [depth, height, width] } => {
                writeln!(f, "{layers} layers, {channels} channels, {costs} an image")?;
                writeln!(f, "{batch} images of {depth}×{height}×{width} on {executor}")?;
                "images/s"
            }
            BenchSize::Words { hidden, vocabulary, window } => {
                writeln!(f, "{hidden} features, {vocabulary} words, {costs} a word")?;
                writeln!(f, "{batch} rows of {window} words on {executor}")?;
                "words/s"
            }
        };
        writeln!(
            f,
            "{} threads with {}, {:.0} GFLOP/s at most\n",
            self.threads, self.instructions, self.peak_gflops
        )?;
        writeln!(f, "         median      min      max   {items:>8}  GFLOP/s  of peak")?;
        for (name, pace) in [("step", &self.step), ("forward", &self.forward)] {
            writeln!(
                f,
                "{name:<8}{:>7.1}  {:>7.1}  {:>7.1} ms {:>8.0} {:>8.1} {:>7.1}%",
                pace.median_ms,
                pace.min_ms,
                pace.max_ms,
                pace.items_per_second,
                pace.gflops,
                pace.peak_share * 100.0
            )?;
        }
        writeln!(f, "\nfirst step {:.1} ms", self.first_step_ms)?;
        match self.peak_rss_bytes {
            Some(bytes) => writeln!(f, "peak memory {:.0} MB", bytes as f64 * 1e-6),
            None => writeln!(f, "peak memory unknown"),
        }
    }
}
