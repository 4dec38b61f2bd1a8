//! Where tensors lie in memory that is taken once: places are planned before anything runs.

use std::collections::BTreeMap;

/// Floats that places are apart at least, so that each begins a line of the memory.
const LINE: usize = 32;

/// A plan of a region of memory. What is given back may be taken again by whatever comes later in the
/// same stream.
#[derive(Debug, Default)]
pub(super) struct Arena {
    /// Free stretches by where they begin: their lengths. None touches another.
    free: BTreeMap<usize, usize>,
    len: usize,
}

impl Arena {
    /// A place for so many floats.
    pub(super) fn take(&mut self, floats: usize) -> usize {
        let wanted = floats.max(1).next_multiple_of(LINE);
        let fits = self.free.iter().find(|(_, len)| wanted <= **len);
        if let Some((&start, &len)) = fits {
            self.free.remove(&start);
            if wanted < len {
                self.free.insert(start + wanted, len - wanted);
            }
            return start;
        }
        // What is free at the end is a beginning.
        let last = self.free.last_key_value().filter(|(start, len)| *start + **len == self.len);
        let start = last.map_or(self.len, |(start, _)| *start);
        self.free.remove(&start);
        self.len = start + wanted;
        start
    }

    /// Gives back a place that was taken for so many floats.
    pub(super) fn give(&mut self, start: usize, floats: usize) {
        let mut len = floats.max(1).next_multiple_of(LINE);
        let mut start = start;
        if let Some(next) = self.free.remove(&(start + len)) {
            len += next;
        }
        if let Some((&before, &before_len)) = self.free.range(..start).next_back()
            && before + before_len == start
        {
            self.free.remove(&before);
            (start, len) = (before, before_len + len);
        }
        self.free.insert(start, len);
    }

    /// Floats of the whole region.
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again_and_grows_together() {
        let mut arena = Arena::default();
        let [a, b, c] = [40, 32, 1].map(|floats| arena.take(floats));
        assert_eq!(([a, b, c], arena.len()), ([0, 64, 96], 128));
        arena.give(b, 32);
        assert_eq!(arena.take(10), b);
        arena.give(a, 40);
        arena.give(b, 10);
        assert_eq!(arena.take(96), 0);
        arena.give(c, 1);
        // The free end is lengthened, not left behind.
        assert_eq!((arena.take(64), arena.len()), (96, 160));
        assert!(arena.free.is_empty());
    }
}
