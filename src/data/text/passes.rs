//! Where the passes over the training text begin, found by drawing their lengths again.

use std::ops::Range;
use std::sync::Arc;

use super::window_lengths::WindowLengths;

/// One pass of so many is kept: no more of them are drawn again to come from it to any pass.
const STRIDE: usize = 64;

/// Where the passes begin, as far as anybody asked.
#[derive(Debug)]
pub(super) struct Passes {
    lengths: WindowLengths,
    /// The index of the first window of every pass whose number `STRIDE` divides, from 0 on without
    /// a gap.
    marks: Vec<u64>,
    /// The pass used last, which the next window is mostly in, too.
    last: Arc<Pass>,
}

/// The windows of one pass.
#[derive(Debug)]
pub(super) struct Pass {
    number: u64,
    /// The index of its first window.
    first: u64,
    /// Where each window begins in the rows, and at the end where the last one ends.
    bounds: Vec<usize>,
}

impl Passes {
    pub(super) fn new(lengths: WindowLengths) -> Self {
        Self { lengths, marks: vec![0], last: Arc::new(Pass::new(lengths, 0, 0)) }
    }

    /// The pass with window `index`.
    pub(super) fn with(&mut self, index: u64) -> Arc<Pass> {
        if !self.last.has(index) {
            let (number, first) = self.walk(index);
            self.last = Arc::new(Pass::new(self.lengths, number, first));
        }
        Arc::clone(&self.last)
    }

    /// The numbers of the windows of pass `number`.
    pub(super) fn numbered(&mut self, number: u64) -> Range<u64> {
        if self.last.number != number {
            let mark = self.marks.len().min(number as usize / STRIDE + 1) - 1;
            let (mut pass, mut first) = ((mark * STRIDE) as u64, self.marks[mark]);
            if pass < self.last.number && self.last.number <= number {
                (pass, first) = (self.last.number, self.last.first);
            }
            while pass < number {
                (pass, first) = self.after(pass, first);
            }
            self.last = Arc::new(Pass::new(self.lengths, number, first));
        }
        let n_windows = self.last.bounds.len() as u64 - 1;
        self.last.first..self.last.first + n_windows
    }

    /// The pass after `number`, which begins with window `first`, and where that begins.
    fn after(&mut self, number: u64, first: u64) -> (u64, u64) {
        let (number, first) = (number + 1, first + self.lengths.of_pass(number).count() as u64);
        // Whoever came to `last` has set the marks before it.
        if number == (self.marks.len() * STRIDE) as u64 {
            self.marks.push(first);
        }
        (number, first)
    }

    /// The number of the pass with window `index`, and the index of its first window.
    fn walk(&mut self, index: u64) -> (u64, u64) {
        let mark = self.marks.partition_point(|&first| first <= index) - 1;
        let (mut number, mut first) = ((mark * STRIDE) as u64, self.marks[mark]);
        let last = &self.last;
        if last.first <= index && first < last.first {
            (number, first) = (last.number, last.first);
        }
        loop {
            let (next, first_of_next) = self.after(number, first);
            if index < first_of_next {
                return (number, first);
            }
            (number, first) = (next, first_of_next);
        }
    }
}

impl Pass {
    fn new(lengths: WindowLengths, number: u64, first: u64) -> Self {
        let ends = lengths.of_pass(number).scan(0, |end, length| {
            *end += length;
            Some(*end)
        });
        Self { number, first, bounds: [0].into_iter().chain(ends).collect() }
    }

    /// Whether window `index` is in it.
    fn has(&self, index: u64) -> bool {
        self.first <= index && index - self.first < self.bounds.len() as u64 - 1
    }

    /// Where window `index`, which is in it, begins in the rows, and its length in words.
    pub(super) fn window(&self, index: u64) -> (usize, usize) {
        let at = (index - self.first) as usize;
        (self.bounds[at], self.bounds[at + 1] - self.bounds[at])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_window_is_the_same_whatever_was_asked_before(
            seed: u64, predicted in 1..400_usize,
            indexes in prop::collection::vec(0..3000_u64, 1..12),
        ) {
            let lengths = WindowLengths { seed, bptt: 9, predicted };
            let mut used = Passes::new(lengths);
            for index in indexes {
                let fresh = Passes::new(lengths).with(index).window(index);
                prop_assert_eq!(used.with(index).window(index), fresh);
            }
        }
    }

    #[test]
    fn passes_follow_each_other_without_a_gap() {
        let lengths = WindowLengths { seed: 7, bptt: 9, predicted: 40 };
        let mut passes = Passes::new(lengths);
        let mut index = 0;
        for number in 0..300 {
            let mut place = 0;
            for length in lengths.of_pass(number) {
                let pass = passes.with(index);
                assert_eq!((pass.number, pass.window(index)), (number, (place, length)));
                (index, place) = (index + 1, place + length);
            }
        }
        assert_eq!(passes.marks.len(), 1 + 299 / STRIDE);
    }
}
