//! Floating-point operations a second of the matrix products, on blocks of 64 pixels.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use enasd::engine::kernel::{Isa, LANES, Lanes, Packed, gemm, gemm_nt};

const PIXELS: usize = 64;
/// Outputs and inputs.
const SHAPES: &[[usize; 2]] = &[[20, 20], [36, 36], [40, 40], [80, 80], [40, 160]];

/// A multiplication and an addition each.
fn operations(outs: usize, ins: usize) -> Throughput {
    Throughput::Elements((2 * outs * ins * PIXELS * LANES) as u64)
}

fn bench_gemm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm");
    for isa in Isa::all() {
        for &[outs, ins] in SHAPES {
            let mut memory = vec![0.0; outs * ins];
            let weights = Packed::new(outs, &vec![0.5; outs * ins], &mut memory);
            let columns = vec![Lanes::splat(0.25); PIXELS * ins];
            let mut ys = vec![Lanes::default(); PIXELS * outs];
            group.throughput(operations(outs, ins));
            group.bench_function(BenchmarkId::new(isa.name(), format!("{outs}x{ins}")), |bench| {
                bench.iter(|| gemm(isa, weights, black_box(&columns), &mut ys, PIXELS));
            });
        }
    }
    group.finish();
}

fn bench_gemm_nt(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gemm_nt");
    for isa in Isa::all() {
        for &[outs, ins] in SHAPES {
            let dys = vec![Lanes::splat(0.5); PIXELS * outs];
            let columns = vec![Lanes::splat(0.25); PIXELS * ins];
            let valid = Lanes::first(LANES);
            let mut sums = vec![0.0; outs * ins];
            group.throughput(operations(outs, ins));
            group.bench_function(BenchmarkId::new(isa.name(), format!("{outs}x{ins}")), |bench| {
                bench.iter(|| {
                    gemm_nt(isa, [black_box(&dys), &columns], &valid, &mut sums, outs);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bench_gemm, bench_gemm_nt);
criterion_main!(benches);
