//! What a share of some items may be on other items of the same kind.

/// The standard normal quantile that leaves 2.5 % on each side.
const NORMAL_95: f64 = 1.959_964;

/// The lower and the upper end of the 95 % interval (Wilson, 1927) of the share that `right` of
/// `items` is. Of no item it is everything.
///
/// ```text
/// (p + z²/2n ± z·√(p(1 − p)/n + z²/4n²)) / (1 + z²/n)
/// ```
pub fn share_interval(right: u64, items: u64) -> [f64; 2] {
    if items == 0 {
        return [0.0, 1.0];
    }
    let (n, z) = (items as f64, NORMAL_95);
    let p = right as f64 / n;
    let (center, scale) = (p + z * z / (2.0 * n), 1.0 + z * z / n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    [(center - half) / scale, (center + half) / scale].map(|end| end.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends as mpmath has them with 30 digits, and 8 of 10 as textbooks have it.
    #[test]
    fn intervals_are_those_of_wilson() {
        for (right, items, expected) in [
            (450, 600, [0.713_835_8, 0.782_983_4]),
            (8, 10, [0.490_2, 0.943_3]),
            (0, 10, [0.0, 0.277_532_8]),
            (10, 10, [0.722_467_2, 1.0]),
            (0, 0, [0.0, 1.0]),
        ] {
            let found = share_interval(right, items);
            let off = found.iter().zip(expected).map(|(found, end)| (found - end).abs());
            assert!(off.fold(0.0, f64::max) < 5e-5, "{right} of {items}: {found:?}");
        }
    }
}
