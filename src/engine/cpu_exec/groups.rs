//! Work that is spread over threads group by group, without memory of its own.
//!
//! Groups are the unit of work on any number of threads, so that no sum depends on it.

use std::ops::Range;

use smallvec::SmallVec;

/// Inputs of a layer, for most layers without a list of their own on the heap.
pub(super) type PerInput<T> = SmallVec<[T; 8]>;

/// What belongs to the groups of a range, in order.
pub(super) trait Parts: Send + Sized {
    /// What belongs to the first `n` groups, and the rest.
    fn part(self, n: usize) -> (Self, Self);
}

/// As many values for each group.
#[derive(Debug)]
pub(super) struct Each<'a, T> {
    values: &'a mut [T],
    len: usize,
}

impl<'a, T> Each<'a, T> {
    /// `len` values for each group.
    pub(super) fn new(values: &'a mut [T], len: usize) -> Self {
        Self { values, len }
    }

    /// Those of the group, where it is the only one.
    pub(super) fn own(self) -> &'a mut [T] {
        self.values
    }
}

impl<T: Send> Parts for Each<'_, T> {
    fn part(self, n: usize) -> (Self, Self) {
        let (first, rest) = self.values.split_at_mut(n * self.len);
        (Self { values: first, len: self.len }, Self { values: rest, len: self.len })
    }
}

impl<A: Parts, B: Parts> Parts for (A, B) {
    fn part(self, n: usize) -> (Self, Self) {
        let ((a, others_of_a), (b, others_of_b)) = (self.0.part(n), self.1.part(n));
        ((a, b), (others_of_a, others_of_b))
    }
}

impl<P: Parts> Parts for PerInput<P> {
    fn part(self, n: usize) -> (Self, Self) {
        self.into_iter().map(|parts| parts.part(n)).unzip()
    }
}

/// Has `work` work on each group and its part of `parts`.
pub(super) fn by_group<P: Parts>(
    groups: Range<usize>,
    parts: P,
    work: &(impl Fn(usize, P) + Sync),
) {
    let half = groups.len() / 2;
    if half == 0 {
        return work(groups.start, parts);
    }
    let middle = groups.start + half;
    let (first, rest) = parts.part(half);
    rayon::join(
        || by_group(groups.start..middle, first, work),
        || by_group(middle..groups.end, rest, work),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_its_own_values_of_every_list() {
        for n in 1..12 {
            let (mut single, mut double) = (vec![0; n], vec![0; 2 * n]);
            let lists = [Each::new(&mut single, 1), Each::new(&mut double, 2)];
            let lists: PerInput<_> = lists.into_iter().collect();
            by_group(0..n, (lists, Each::new(&mut vec![(); n], 1)), &|group, (lists, own)| {
                assert_eq!(own.own().len(), 1);
                lists.into_iter().for_each(|list| list.own().fill(group));
            });
            assert!(single.iter().copied().eq(0..n), "{single:?}");
            assert!(double.iter().copied().eq((0..2 * n).map(|at| at / 2)), "{double:?}");
        }
    }
}
