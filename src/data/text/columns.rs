//! The rows of a text, and windows over them.
//!
//! ```text
//! text     a b c d e f g h i j k l m n        14 words in 3 rows of 4; m and n are dropped
//! row 0    a b c d       window at 0 of 2:  ids  a e i │ b f j
//! row 1    e f g h                          next b f j │ c g k
//! row 2    i j k l       window at 2 of 1:  ids  c g k    next d h l
//! ```
//!
//! So every word of a row but the first is predicted once, from those before it in its row.

use std::path::Path;

use super::word_batch::WordBatch;
use super::word_layout::WordLayout;
use crate::data::{DataError, TextFault};

/// The rows of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    rows: usize,
    /// Words of a row. Invariant: two or more.
    length: usize,
    /// Invariant: one or more.
    bptt: usize,
}

impl Columns {
    /// The rows of the `n_words` words that come from `origin`.
    pub(super) fn new(
        n_words: usize,
        origin: &Path,
        layout: WordLayout,
    ) -> Result<Self, DataError> {
        let WordLayout { rows, bptt, keys } = layout;
        if !(1..=n_words / 2).contains(&rows) {
            let fault = TextFault::FewWords { key: keys.rows, rows, found: n_words };
            return Err(DataError::Text { path: origin.to_owned(), fault });
        }
        if bptt == 0 {
            return Err(DataError::OutOfRange {
                key: keys.bptt,
                expected: "1 or more words".to_owned(),
                found: "0".to_owned(),
            });
        }
        Ok(Self { rows, length: n_words / rows, bptt })
    }

    /// Words of an ordinary window.
    pub(super) const fn bptt(&self) -> usize {
        self.bptt
    }

    /// The words of a row that are predicted: all but the first.
    pub(super) const fn predicted(&self) -> usize {
        self.length - 1
    }

    /// The window of `steps` words from the one numbered `start` on, over every row of the text
    /// with these `ids`.
    pub(super) fn window(&self, ids: &[u32], start: usize, steps: usize) -> WordBatch {
        let words = |start: usize| {
            let at = |step: usize| (0..self.rows).map(move |row| ids[row * self.length + step]);
            (start..start + steps).flat_map(at).collect()
        };
        WordBatch {
            ids: words(start),
            next: words(start + 1),
            rows: self.rows,
            begins: start == 0,
            share: steps as f64 / self.bptt as f64,
        }
    }

    /// All windows in their order; the last may be shorter.
    pub(super) fn windows(self, ids: &[u32]) -> impl Iterator<Item = WordBatch> + '_ {
        (0..self.predicted())
            .step_by(self.bptt)
            .map(move |start| self.window(ids, start, self.bptt.min(self.predicted() - start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::WordLayoutKeys;

    const KEYS: WordLayoutKeys = WordLayoutKeys { rows: "a.rows", bptt: "a.bptt" };

    fn columns(n_words: usize, rows: usize, bptt: usize) -> Result<Columns, String> {
        let layout = WordLayout { rows, bptt, keys: KEYS };
        Columns::new(n_words, "text".as_ref(), layout).map_err(|error| error.to_string())
    }

    #[test]
    fn the_drawing_above_is_what_it_does() {
        let ids: Vec<u32> = (0..14).collect();
        let windows: Vec<WordBatch> = columns(14, 3, 2).unwrap().windows(&ids).collect();
        let [first, last] = &windows[..] else { panic!("{windows:?}") };
        assert_eq!(
            (&first.ids[..], &first.next[..]),
            (&[0, 4, 8, 1, 5, 9][..], &[1, 5, 9, 2, 6, 10][..])
        );
        assert_eq!((&last.ids[..], &last.next[..]), (&[2, 6, 10][..], &[3, 7, 11][..]));
        assert_eq!([first.begins, last.begins], [true, false]);
        assert_eq!([first.share, last.share].map(f64::to_bits), [1.0, 0.5].map(f64::to_bits));
        assert_eq!([first.len(), first.steps(), last.len(), last.steps()], [6, 2, 3, 1]);
    }

    #[test]
    fn a_window_is_as_long_as_the_rows_at_most() {
        let ids: Vec<u32> = (0..14).collect();
        let windows: Vec<WordBatch> = columns(14, 3, usize::MAX).unwrap().windows(&ids).collect();
        assert_eq!((windows.len(), windows[0].steps()), (1, 3));
        assert_eq!(columns(4, 2, 1).unwrap().windows(&ids).count(), 1);
    }

    #[test]
    fn a_text_too_short_for_its_rows_is_refused_with_the_key() {
        for rows in [0, 8] {
            assert_eq!(
                columns(15, rows, 35).unwrap_err(),
                format!(
                    "`text` has 15 words, and {rows} rows cannot be made of them with two words or \
                     more in each; set `a.rows` to 1 to 7, or give more text"
                )
            );
        }
        assert_eq!(columns(15, 7, 0).unwrap_err(), "`a.bptt` is 0; expected 1 or more words");
    }
}
