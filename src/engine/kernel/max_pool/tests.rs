//! Max pools against plain loops, with many ties.
#![cfg(test)]

use super::super::samples::{Samples, assert_lanes, on_all};
use super::super::{LANES, Lanes, Windows};
use super::*;

const WIDTHS: [usize; 7] = [1, 2, 3, 7, 8, 13, 33];

/// A plane `(rows, channels, columns)` and its pool, which has padding on all sides.
struct Pool {
    side: usize,
    channels: usize,
    stride: usize,
    before: usize,
    /// Few values, so that most windows have ties.
    plane: Vec<Vec<Lanes>>,
}

impl Pool {
    fn new(side: usize, stride: usize, before: usize) -> Self {
        let channels = 1 + side % 3;
        let mut samples = Samples::new((side * 10 + stride) as u64);
        let mut plane: Vec<_> = (0..side).map(|_| samples.lanes(channels * side)).collect();
        for x in plane.iter_mut().flatten().flat_map(|lanes| &mut lanes.0) {
            *x = (*x * 2.0).round();
        }
        Self { side, channels, stride, before, plane }
    }

    /// Outputs along a side: with one more padding column after the plane.
    fn outputs(&self) -> usize {
        (self.side + self.before + 1 - SIDE) / self.stride + 1
    }

    fn windows(&self) -> Windows {
        let Self { channels, stride, .. } = *self;
        let padded = self.side + self.before + 1;
        Windows { kernel: SIDE, stride, channels, width: self.outputs(), padded }
    }

    /// The padded row at `y` of the padded plane.
    fn padded_row(&self, y: usize) -> Vec<Lanes> {
        let padded = self.windows().padded;
        let mut row = vec![Lanes::splat(f32::NEG_INFINITY); self.channels * padded];
        if let Some(plane) = y.checked_sub(self.before).and_then(|y| self.plane.get(y)) {
            for (row, plane) in row.chunks_mut(padded).zip(plane.chunks(self.side)) {
                row[self.before..][..self.side].copy_from_slice(plane);
            }
        }
        row
    }

    fn window_rows(&self, output: usize) -> [Vec<Lanes>; SIDE] {
        array::from_fn(|ky| self.padded_row(output * self.stride + ky))
    }

    /// The first maximum of a window, and its tap.
    fn expected(&self, [oy, channel, ox]: [usize; 3], lane: usize) -> (f32, usize) {
        let rows = self.window_rows(oy);
        let (mut best, mut best_tap) = (f32::NEG_INFINITY, 0);
        for tap in 0..SIDE * SIDE {
            let at = channel * self.windows().padded + ox * self.stride + tap % SIDE;
            let x = rows[tap / SIDE][at].0[lane];
            if x > best {
                (best, best_tap) = (x, tap);
            }
        }
        (best, best_tap)
    }

    /// Where outputs go for the gradient.
    fn place(&self) -> RowPlace {
        RowPlace { padded: self.side + 2, before: 2 - self.before, step: self.stride }
    }
}

fn refs(rows: &[Vec<Lanes>; SIDE]) -> [&[Lanes]; SIDE] {
    array::from_fn(|idx| &rows[idx][..])
}

fn for_all(test: impl Fn(Isa, Pool)) {
    on_all(|isa| {
        for side in WIDTHS {
            for (stride, before) in [(1, 1), (2, 1), (2, 0), (3, 1)] {
                if SIDE <= side + before + 1 {
                    test(isa, Pool::new(side, stride, before));
                }
            }
        }
    });
}

#[test]
fn maxima_and_their_first_taps_are_found() {
    for_all(|isa, pool| {
        let (windows, place) = (pool.windows(), pool.place());
        for oy in 0..pool.outputs() {
            let rows = pool.window_rows(oy);
            let mut maxima = vec![Lanes::splat(f32::NAN); pool.channels * windows.width];
            max_pool(isa, windows, &refs(&rows), &mut maxima);
            let held = Lanes::splat(NO_TAP);
            let mut taps = vec![held; pool.channels * place.padded];
            max_pool_taps(isa, windows, &refs(&rows), &mut taps, place);
            for channel in 0..pool.channels {
                for ox in 0..windows.width {
                    let at = channel * place.padded + place.before + place.step * ox;
                    for lane in 0..LANES {
                        let found = (maxima[channel * windows.width + ox], taps[at]);
                        let (maximum, tap) = pool.expected([oy, channel, ox], lane);
                        assert_eq!((found.0.0[lane], found.1.0[lane]), (maximum, tap as f32));
                    }
                }
            }
            let left = taps.iter().filter(|tap| **tap == held).count();
            assert_eq!(left, pool.channels * (place.padded - windows.width));
        }
    });
}

#[test]
fn each_gradient_goes_to_the_first_maximum() {
    for_all(|isa, pool| {
        let (windows, place) = (pool.windows(), pool.place());
        let Pool { side, channels, stride, before, .. } = pool;
        let mut samples = Samples::new(side as u64);
        let mut want = vec![[0.0; LANES]; side * channels * side];
        // Rows of outputs, and after them one of no outputs.
        let no_taps = vec![Lanes::splat(NO_TAP); channels * place.padded];
        let mut taps = vec![no_taps; pool.outputs() + 1];
        let ds: Vec<_> = taps.iter().map(|_| samples.lanes(channels * place.padded)).collect();
        for oy in 0..pool.outputs() {
            max_pool_taps(isa, windows, &refs(&pool.window_rows(oy)), &mut taps[oy], place);
            for (channel, ox) in (0..channels).flat_map(|c| (0..windows.width).map(move |x| (c, x)))
            {
                let d = ds[oy][channel * place.padded + place.before + place.step * ox];
                for (lane, d) in d.0.into_iter().enumerate() {
                    let (_, tap) = pool.expected([oy, channel, ox], lane);
                    let y = oy * stride + tap / SIDE - before;
                    let x = ox * stride + tap % SIDE - before;
                    want[(y * channels + channel) * side + x][lane] += f64::from(d);
                }
            }
        }
        for y in 0..side {
            // Those whose windows cover the row, by their place in the spread plane of outputs.
            let covering: [usize; SIDE] = array::from_fn(|idx| {
                (0..pool.outputs())
                    .find(|oy| oy * stride + 2 == y + before + idx)
                    .unwrap_or(pool.outputs())
            });
            let gather =
                Windows { kernel: SIDE, stride: 1, channels, width: side, padded: place.padded };
            let mut found = vec![Lanes::splat(f32::NAN); channels * side];
            let (taps, ds) = (covering.map(|row| &taps[row][..]), covering.map(|row| &ds[row][..]));
            max_pool_grad(isa, gather, &taps, &ds, &mut found);
            for (found, want) in found.iter().zip(&want[y * channels * side..]) {
                assert_lanes(found, |lane| want[lane]);
            }
        }
    });
}
