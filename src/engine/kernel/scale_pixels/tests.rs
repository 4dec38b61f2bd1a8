//! Scaled pixels against a plain loop.
#![cfg(test)]

use super::super::Lanes;
use super::super::samples::{Samples, assert_lanes, on_all};
use super::*;

#[test]
fn pixels_are_scaled_into_their_columns_and_others_stay() {
    on_all(|isa| {
        for (width, before, step) in
            [(1, 0, 1), (2, 1, 2), (3, 2, 1), (7, 1, 2), (8, 0, 1), (33, 2, 3)]
        {
            let channels = 1 + width % 4;
            let place = RowPlace { padded: before + step * width + 1, before, step };
            let mut samples = Samples::new(width as u64);
            let (xs, factors) = (samples.lanes(channels * width), samples.floats(width));
            let held = Lanes::splat(7.0);
            let mut out = vec![held; channels * place.padded];
            scale_pixels(isa, &xs, &factors, &mut out, place);
            for (at, found) in out.iter().enumerate() {
                let (channel, column) = (at / place.padded, at % place.padded);
                let x = (0..width).find(|x| before + step * x == column);
                let Some(x) = x else {
                    assert_eq!(*found, held);
                    continue;
                };
                let input = xs[channel * width + x];
                assert_lanes(found, |lane| f64::from(input.0[lane]) * f64::from(factors[x]));
            }
        }
    });
}
