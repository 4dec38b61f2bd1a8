//! How a number of channels is cut into register tiles.

/// The first channel and the length of each tile: as few tiles of at most `longest` as there can
/// be, near equal, the longer ones first.
pub(super) fn tiles(n: usize, longest: usize) -> impl Iterator<Item = (usize, usize)> {
    let count = n.div_ceil(longest).max(1);
    let (short, longer) = (n / count, n % count);
    (0..count).map(move |idx| (idx * short + idx.min(longer), short + usize::from(idx < longer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_near_equal_and_cover_all_channels() {
        assert_eq!(tiles(40, 12).collect::<Vec<_>>(), [(0, 10), (10, 10), (20, 10), (30, 10)]);
        assert_eq!(tiles(7, 3).collect::<Vec<_>>(), [(0, 3), (3, 2), (5, 2)]);
        for n in 1..200 {
            let mut next = 0;
            for (first, length) in tiles(n, 12) {
                assert_eq!(first, next);
                assert!((1..=12).contains(&length));
                next = first + length;
            }
            assert_eq!(next, n);
        }
    }
}
