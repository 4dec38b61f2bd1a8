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

#[test]
fn nothing_is_allocated_after_the_first_pass_of_a_shape() {
    let exec = open("fast").unwrap();
    for threads in [1, 3] {
        // The jobs take turns on one executor: what one leaves does not disturb the others.
        let mut jobs: Vec<Job> = [(NetKind::Shared, 0), (NetKind::Standalone, 0)]
            .into_iter()
            .chain((1..5).map(|seed| (NetKind::Shared, seed)))
            .map(|(net, seed)| job(&exec, net, seed, 40))
            .collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            // More threads may meet in more ways: their scratch memory is that of the worst one.
            let rounds = if threads == 1 { 1 } else { 20 };
            let weights: Vec<_> = jobs.iter().map(|job| job.weights().unwrap()).collect();
            let mut round = || {
                jobs.iter_mut()
                    .zip(&weights)
                    .map(|(job, weights)| {
                        [
                            count(|| job.step().unwrap()),
                            count(|| drop(job.forward(weights).unwrap())),
                        ]
                    })
                    .collect::<Vec<_>>()
            };
            let first = round();
            assert!(first.iter().flatten().any(|&found| 0 < found), "nothing is counted");
            (1..rounds).for_each(|_| drop(round()));
            let found = round();
            assert_eq!(found, [[0, 0]; 6], "steps and rewards on {threads} threads");
        });
    }
}
