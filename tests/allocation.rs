//! The fast executor takes no memory in a step or a reward after the first of a shape.
//!
//! A test binary of its own, for its allocator counts what every thread asks for. One test, so
//! that nobody else asks meanwhile.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::alloc::System;
use std::sync::Arc;

use enasd::bench::{ArchChoice, BenchConfig, Job, NetKind, open};
use enasd::engine::Executor;
use enasd::net::Shape;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Times that memory is asked for, new or more of it.
fn count(mut work: impl FnMut()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn job(exec: &Arc<dyn Executor>, net: NetKind, seed: u64, batch: usize) -> Job {
    let arch = if seed == 0 { ArchChoice::Published } else { ArchChoice::Random };
    let config = BenchConfig {
        arch: arch.arch(seed).unwrap(),
        net,
        layers: 3,
        channels: 4,
        image: Shape { channels: 3, height: 18, width: 16 },
        batch,
        steps: 1,
        threads: 1,
        seed,
    };
    Job::new(config, exec.clone()).unwrap()
}

/// A round of steps and rewards that takes no memory.
const QUIET: [[usize; 2]; 3] = [[0; 2]; 3];

#[test]
fn nothing_is_allocated_after_the_first_pass_of_a_shape() {
    let nets = [(NetKind::Shared, 0), (NetKind::Standalone, 0), (NetKind::Shared, 3)];
    for threads in [1, 3] {
        // The jobs take turns on one executor: what one leaves does not disturb the others.
        let exec = open("fast").unwrap();
        let mut jobs = nets.map(|(net, seed)| job(&exec, net, seed, 40));
        let weights = jobs.each_ref().map(|job| job.weights().unwrap());
        let mut round = || {
            [0, 1, 2].map(|place| {
                let (job, weights) = (&mut jobs[place], &weights[place]);
                let step = count(|| job.step().unwrap());
                let reward = count(|| assert!(job.forward(weights).unwrap() <= 40));
                [step, reward]
            })
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let first = round();
            assert!(first.iter().flatten().all(|&found| 0 < found), "{first:?}");
            // Several threads may need their scratch memory at once in one round and not in the
            // one before, so it takes some until there is enough for the worst case.
            let more = if threads == 1 { 1 } else { 100 };
            let rounds: Vec<_> =
                (0..more).map(|_| round()).take_while(|found| *found != QUIET).collect();
            assert!(rounds.len() < more, "on {threads} threads: {:?}", rounds.last());
        });
    }
}
