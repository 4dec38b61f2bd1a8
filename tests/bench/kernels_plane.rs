//! Floating-point operations a second of the window kernels, on blocks of about 64 pixels.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use enasd::engine::kernel::{
    Isa, LANES, Lanes, NO_TAP, PaddedRows, RowPlace, Target, WeightSums, Windows, depthwise,
    depthwise_weight_grad, max_pool, max_pool_grad, max_pool_taps,
};

/// Channels, outputs in a row, rows of outputs.
const SHAPES: &[[usize; 3]] = &[[20, 32, 2], [40, 16, 4], [80, 8, 8]];
/// Kernel and stride.
const WINDOWS: &[[usize; 2]] = &[[3, 1], [5, 1], [3, 2], [5, 2]];

/// One case: its windows, its input rows, the number of its outputs, and its name.
struct Case {
    windows: Windows,
    rows: Vec<Vec<Lanes>>,
    outputs: usize,
    name: String,
}

impl Case {
    fn new([kernel, stride]: [usize; 2], [channels, width, rows]: [usize; 3]) -> Self {
        let padded = (width - 1) * stride + kernel;
        let input_rows = (rows - 1) * stride + kernel;
        Self {
            windows: Windows { kernel, stride, channels, width, padded },
            rows: vec![vec![Lanes::splat(0.25); channels * padded]; input_rows],
            outputs: rows * channels * width,
            name: format!("{kernel}x{kernel}/{stride}, {channels} channels, {rows}x{width}"),
        }
    }

    fn rows(&self) -> Vec<&[Lanes]> {
        self.rows.iter().map(Vec::as_slice).collect()
    }

    fn three_rows(&self) -> [&[Lanes]; 3] {
        std::array::from_fn(|idx| &self.rows[idx][..])
    }

    /// One for each tap of each output and image; a multiplication and an addition are two.
    fn operations(&self, each: usize) -> Throughput {
        let taps = self.windows.kernel * self.windows.kernel;
        Throughput::Elements((each * taps * self.outputs * LANES) as u64)
    }
}

fn for_all(windows: &[[usize; 2]], mut bench: impl FnMut(Isa, Case)) {
    for isa in Isa::all() {
        for windows in windows {
            for shape in SHAPES {
                bench(isa, Case::new(*windows, *shape));
            }
        }
    }
}

fn bench_depthwise(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("depthwise");
    for_all(WINDOWS, |isa, case| {
        let Windows { kernel, channels, .. } = case.windows;
        let weights = vec![0.5; channels * kernel * kernel];
        let mut outputs = vec![Lanes::default(); case.outputs];
        let rows = case.rows();
        group.throughput(case.operations(2));
        group.bench_function(BenchmarkId::new(isa.name(), &case.name), |bench| {
            bench.iter(|| {
                let target = Target::Columns(&mut outputs);
                depthwise(isa, case.windows, black_box(&rows), &weights, target);
            });
        });
    });
    group.finish();
}

fn bench_weight_grad(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("depthwise_weight_grad");
    for_all(WINDOWS, |isa, case| {
        let Windows { kernel, channels, width, .. } = case.windows;
        let rows = case.rows();
        let ds = vec![Lanes::splat(0.5); case.outputs];
        let ds: Vec<_> = ds.chunks(channels * width).collect();
        let valid = &Lanes::first(LANES);
        let mut sums = vec![0.0; channels * kernel * kernel];
        group.throughput(case.operations(2));
        group.bench_function(BenchmarkId::new(isa.name(), &case.name), |bench| {
            bench.iter(|| {
                let ds = PaddedRows { rows: black_box(&ds), padded: width, before: 0 };
                let sums = WeightSums { valid, sums: &mut sums };
                depthwise_weight_grad(isa, case.windows, black_box(&rows), ds, sums);
            });
        });
    });
    group.finish();
}

fn bench_max_pool(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("max_pool");
    // One row of outputs.
    for_all(&[[3, 1]], |isa, case| {
        let Windows { channels, width, padded, .. } = case.windows;
        let rows = case.three_rows();
        let mut out = vec![Lanes::default(); channels * width];
        let mut taps = vec![Lanes::splat(NO_TAP); channels * padded];
        let place = RowPlace { padded, before: 1, step: 1 };
        group.throughput(Throughput::Elements((channels * width * LANES * 9) as u64));
        let id = |pass| BenchmarkId::new(format!("{} {pass}", isa.name()), &case.name);
        group.bench_function(id("maxima"), |bench| {
            bench.iter(|| max_pool(isa, case.windows, black_box(&rows), &mut out));
        });
        group.bench_function(id("taps"), |bench| {
            bench.iter(|| max_pool_taps(isa, case.windows, black_box(&rows), &mut taps, place));
        });
        let taps = [&taps[..]; 3];
        group.bench_function(id("gradient"), |bench| {
            bench.iter(|| max_pool_grad(isa, case.windows, &taps, black_box(&rows), &mut out));
        });
    });
    group.finish();
}

criterion_group!(benches, bench_depthwise, bench_weight_grad, bench_max_pool);
criterion_main!(benches);
