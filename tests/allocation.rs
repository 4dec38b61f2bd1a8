//! The fast executor takes no memory in a step or a reward after the first of a shape.
//!
//! A test binary of its own, for its allocator counts what every thread asks for. One test, so
//! that nobody else asks meanwhile.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::alloc::System;
use std::sync::Arc;

use enasd::bench::{ArchChoice, BenchConfig, Job, NetKind, open};
use enasd::engine::{Executor, Watched};
use enasd::net::Shape;
use enasd::space::{MicroSpace, Space};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

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

fn job(exec: &Arc<dyn Executor>, net: NetKind, seed: u64) -> Job {
    let arch = if seed == 0 { ArchChoice::Published } else { ArchChoice::Random };
    let config = BenchConfig {
        arch: arch.arch(Space::Micro(MicroSpace::default()), seed).unwrap(),
        net,
        layers: 3,
        channels: 4,
        image: Shape { channels: 3, height: 18, width: 16 },
        batch: 40,
        steps: 1,
        threads: 1,
        seed,
    };
    Job::new(config, exec.clone()).unwrap()
}

/// What candle asks for in a step: once for each gradient, mean and variance that is written, and
/// in the update once for each momentum and each weight.
fn of_candle(job: &Job) -> [usize; 2] {
    let found = job.gradients().unwrap();
    let writes = 3 * found.grads.len() + found.moments.len();
    [writes, writes * AXES]
}

#[test]
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
