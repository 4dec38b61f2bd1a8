//! The most arithmetic this machine can do: multiply-adds that wait for nothing.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use pulp::{Simd, WithSimd};

use crate::engine::kernel::Isa;

/// Chains that do not depend on each other: two a cycle, four cycles until a result is there,
/// and some to spare.
const CHAINS: usize = 12;

/// Rounds over all chains in one measurement, some milliseconds.
const ROUNDS: usize = 1 << 21;

/// How long measurements are repeated.
const DURATION: Duration = Duration::from_millis(300);

/// Additions and multiplications in 10⁹ a second with `isa` on `threads` threads at once: the
/// best of some tenths of a second, for other programs may take a part of the others.
pub fn peak_gflops(isa: Isa, threads: usize) -> f64 {
    let start = Instant::now();
    let mut best = 0.0;
    while best == 0.0 || start.elapsed() < DURATION {
        let begin = Instant::now();
        let flop = together(isa, threads);
        best = f64::max(best, flop / begin.elapsed().as_secs_f64() * 1e-9);
    }
    best
}

/// Additions and multiplications that all threads have done when the last one has ended.
fn together(isa: Isa, threads: usize) -> f64 {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| isa.run(MultiplyAdds))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(0.0)).sum()
    })
}

/// The loop; returns what it has done.
struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        // Towards 1, so that no number ever becomes slow.
        let (factor, term) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(0.5)));
        let mut chains = [simd.splat_f32s(black_box(0.25)); CHAINS];
        for _ in 0..ROUNDS {
            for chain in &mut chains {
                *chain = simd.mul_add_e_f32s(*chain, factor, term);
            }
        }
        let sums = chains.map(|chain| simd.reduce_sum_f32s(chain));
        black_box(sums);
        (2 * ROUNDS * CHAINS * S::F32_LANES) as f64
    }
}
