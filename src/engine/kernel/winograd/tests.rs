//! Rows of tiles against plain loops over windows in f64.
#![cfg(test)]

use super::super::samples::{Samples, assert_lanes, assert_near, on_all};
use super::*;

/// Kernel, width of a plane, rows of the tiles that there are, channels of inputs and outputs.
const SHAPES: &[[usize; 5]] = &[
    [3, 1, 1, 1, 1],
    [3, 4, 4, 2, 3],
    [3, 7, 3, 5, 4],
    [3, 16, 2, 3, 1],
    [5, 1, 1, 1, 2],
    [5, 2, 2, 1, 1],
    [5, 7, 1, 4, 3],
    [5, 12, 2, 3, 5],
];

/// Tiles that are transformed at once.
const TOGETHER: usize = 3;

/// One row of tiles of a convolution with padding on all sides.
struct Case {
    kernel: usize,
    width: usize,
    n_rows: usize,
    ins: usize,
    outs: usize,
    tiles: TileRow,
    /// `(outs, ins, kernel, kernel)`.
    weights: Vec<f32>,
    /// `(36, outs, ins)`.
    transformed: Vec<f32>,
    line: Vec<Lanes>,
}

impl Case {
    fn new(isa: Isa, [kernel, width, n_rows, ins, outs]: [usize; 5]) -> Self {
        let side = POINTS + 1 - kernel;
        let tiles = TileRow { side, first: 0, n: width.div_ceil(side), channels: ins };
        let weights = Samples::new(width as u64).floats(outs * ins * kernel * kernel);
        let mut transformed = vec![f32::NAN; PAIRS * outs * ins];
        winograd_weights(isa, kernel, &weights, &mut transformed);
        let line = vec![Lanes::splat(f32::NAN); tiles.columns() * POINTS];
        Self { kernel, width, n_rows, ins, outs, tiles, weights, transformed, line }
    }

    /// Tiles side by side, then channels.
    fn place(&self, channels: usize) -> TilePlace {
        TilePlace { pair: self.tiles.n * channels + 1, tile: channels, channel: 1 }
    }

    /// All tiles, some at a time, from the left.
    fn of(&self, channels: usize) -> impl Iterator<Item = TileRow> + use<> {
        let all = self.tiles;
        (0..all.n).step_by(TOGETHER).map(move |first| {
            let n = TOGETHER.min(all.n - first);
            TileRow { first, n, channels, ..all }
        })
    }

    fn weight(&self, out: usize, i: usize, [ky, kx]: [usize; 2]) -> f64 {
        f64::from(self.weights[((out * self.ins + i) * self.kernel + ky) * self.kernel + kx])
    }

    fn taps(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let kernel = self.kernel;
        (0..kernel).flat_map(move |ky| (0..kernel).map(move |kx| [ky, kx]))
    }

    /// `to[p, t, row] = Σ_column U[p, row, column] · from[p, t, column]`, or with `U` transposed.
    fn multiply(
        &self,
        from: &[Lanes],
        [rows, columns]: [usize; 2],
        transposed: bool,
    ) -> Vec<Lanes> {
        let (to_place, place) = (self.place(rows), self.place(columns));
        let mut to = vec![Lanes::default(); PAIRS * to_place.pair];
        for (pair, u) in self.transformed.chunks_exact(rows * columns).enumerate() {
            for (tile, row) in (0..self.tiles.n).flat_map(|t| (0..rows).map(move |r| (t, r))) {
                let sum = &mut to[pair * to_place.pair + to_place.first(tile, row)].0;
                for column in 0..columns {
                    let at = if transposed { column * rows + row } else { row * columns + column };
                    let xs = &from[pair * place.pair + place.first(tile, column)].0;
                    sum.iter_mut().zip(xs).for_each(|(sum, x)| *sum += u[at] * x);
                }
            }
        }
        to
    }

    /// Six padded rows of inputs, and their transforms.
    fn inputs(&mut self, isa: Isa) -> (Vec<Vec<Lanes>>, Vec<Lanes>) {
        let mut samples = Samples::new(1 + self.width as u64);
        let padded = self.tiles.columns() + self.width % 3;
        let rows: Vec<_> = (0..POINTS).map(|_| samples.lanes(self.ins * padded)).collect();
        let place = self.place(self.ins);
        let mut out = vec![Lanes::splat(f32::NAN); PAIRS * place.pair];
        let slices: Vec<_> = rows.iter().map(Vec::as_slice).collect();
        for tiles in self.of(self.ins) {
            let out = &mut out[tiles.first * place.tile..];
            winograd_inputs(isa, tiles, &slices, (out, place), &mut self.line);
        }
        (rows, out)
    }

    /// Rows of gradients after their norm, `(rows, outs, width)`, and their transforms.
    fn output_grads(&mut self, isa: Isa) -> (Vec<Lanes>, Vec<Lanes>) {
        let mut samples = Samples::new(2 + self.width as u64);
        let [ds, ys] = [0; 2].map(|_| samples.lanes(self.n_rows * self.outs * self.width));
        let coefficients = samples.floats(3 * self.outs);
        let (coefficients, _) = coefficients.as_chunks::<3>();
        let place = self.place(self.outs);
        let mut out = vec![Lanes::splat(f32::NAN); PAIRS * place.pair];
        let grads = NormGradRows { ds: &ds, ys: &ys, coefficients };
        let given = (grads, self.width);
        for tiles in self.of(self.outs) {
            let out = &mut out[tiles.first * place.tile..];
            winograd_output_grads(isa, tiles, given, (out, place), &mut self.line);
        }
        let gradient = |at: usize| {
            let [a, b, g] = coefficients[at / self.width % self.outs];
            Lanes(array::from_fn(|lane| a * ds[at].0[lane] + b * ys[at].0[lane] + g))
        };
        ((0..ds.len()).map(gradient).collect(), out)
    }
}

fn for_all(test: impl Fn(Isa, Case)) {
    on_all(|isa| SHAPES.iter().for_each(|shape| test(isa, Case::new(isa, *shape))));
}

#[test]
fn outputs_are_sums_over_windows() {
    for_all(|isa, mut case| {
        let (rows, transforms) = case.inputs(isa);
        let padded = rows[0].len() / case.ins;
        let products = case.multiply(&transforms, [case.outs, case.ins], false);
        let mut found = vec![Lanes::splat(f32::NAN); case.n_rows * case.outs * case.width];
        let place = case.place(case.outs);
        for tiles in case.of(case.outs) {
            let given = (&products[tiles.first * place.tile..], place);
            winograd_outputs(isa, tiles, given, (&mut found, case.width), &mut case.line);
        }
        for (at, found) in found.iter().enumerate() {
            let (x, out) = (at % case.width, at / case.width % case.outs);
            let row = at / case.width / case.outs;
            assert_lanes(found, |lane| {
                let terms = case.taps().flat_map(|[ky, kx]| {
                    let (case, rows) = (&case, &rows);
                    (0..case.ins).map(move |i| {
                        let input = rows[row + ky][i * padded + x + kx].0[lane];
                        case.weight(out, i, [ky, kx]) * f64::from(input)
                    })
                });
                terms.sum()
            });
        }
    });
}

#[test]
fn gradients_of_weights_are_sums_over_tiles_and_images() {
    for_all(|isa, mut case| {
        let (rows, transforms) = case.inputs(isa);
        let (grads, of_outputs) = case.output_grads(isa);
        let padded = rows[0].len() / case.ins;
        let mut sums = vec![0.0_f32; case.transformed.len()];
        let places = [case.outs, case.ins].map(|channels| case.place(channels));
        for (at, sum) in sums.iter_mut().enumerate() {
            let (i, out) = (at % case.ins, at / case.ins % case.outs);
            let pair = at / case.ins / case.outs;
            for tile in 0..case.tiles.n {
                let m = &of_outputs[pair * places[0].pair + places[0].first(tile, out)];
                let v = &transforms[pair * places[1].pair + places[1].first(tile, i)];
                *sum += m.0.iter().zip(v.0).map(|(m, v)| m * v).sum::<f32>();
            }
        }
        let mut found = vec![f32::NAN; case.weights.len()];
        winograd_weight_grads(isa, case.kernel, &sums, &mut found);
        for (at, found) in found.into_iter().enumerate() {
            let (kx, ky) = (at % case.kernel, at / case.kernel % case.kernel);
            let window = at / case.kernel / case.kernel;
            let (i, out) = (window % case.ins, window / case.ins);
            let (mut wanted, mut size) = (0.0, 0.0);
            for (row, x) in (0..case.n_rows).flat_map(|y| (0..case.width).map(move |x| (y, x))) {
                for lane in 0..LANES {
                    let d = grads[(row * case.outs + out) * case.width + x].0[lane];
                    let input = rows[row + ky][i * padded + x + kx].0[lane];
                    let term = f64::from(d) * f64::from(input);
                    wanted += term;
                    size += term.abs();
                }
            }
            assert_near(f64::from(found), wanted, size);
        }
    });
}

#[test]
fn gradients_of_inputs_are_added_to_what_other_tiles_have() {
    for_all(|isa, mut case| {
        let (grads, of_outputs) = case.output_grads(isa);
        let products = case.multiply(&of_outputs, [case.ins, case.outs], true);
        let (width, row_len) = (case.width, case.ins * case.width);
        let before = (case.kernel - 1) / 2;
        for (first, begun) in [(0, 0), (4, case.kernel - 1)] {
            let mut found = vec![Lanes::splat(f32::NAN); POINTS * row_len];
            let held = |i: usize| i as f32 - 1.0;
            for i in 0..begun {
                let row = &mut found[(first + i) % POINTS * row_len..][..row_len];
                row.fill(Lanes::splat(held(i)));
            }
            let place = case.place(case.ins);
            for tiles in case.of(case.ins) {
                let given = (&products[tiles.first * place.tile..], place);
                let shared = SharedRows { rows: &mut found, first, begun, width, before };
                winograd_input_grads(isa, tiles, given, shared, &mut case.line);
            }
            for i in 0..POINTS {
                let row = &found[(first + i) % POINTS * row_len..][..row_len];
                for (at, found) in row.iter().enumerate() {
                    let (x, input) = (at % width, at / width);
                    assert_lanes(found, |lane| {
                        let terms = case.taps().filter_map(|[ky, kx]| {
                            let row = i.checked_sub(ky).filter(|row| *row < case.n_rows)?;
                            let x = (x + before).checked_sub(kx).filter(|x| *x < width)?;
                            let term = |out: usize| {
                                let d = grads[(row * case.outs + out) * width + x].0[lane];
                                case.weight(out, input, [ky, kx]) * f64::from(d)
                            };
                            Some((0..case.outs).map(term).sum::<f64>())
                        });
                        terms.sum::<f64>() + if i < begun { f64::from(held(i)) } else { 0.0 }
                    });
                }
            }
        }
    });
}
