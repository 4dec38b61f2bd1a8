//! The endless stream of windows over the training text, a pure function of seed and index.
//!
//! ```text
//! words of a row   0 …                     n−1 │ 0 …                     n−1 │ 0 …
//! windows          [  0  ][ 1 ][  2  ][  3  ]  │ [ 4 ][  5  ][  6  ][ 7 ]    │ [ 8 …
//!                  begins: state of zero       │ begins, with other lengths
//! ```
//!
//! The windows of a pass follow each other without a gap, so the state of a net goes on from one to
//! the next; a pass begins at the start of the text, as in the authors' code. Which pass a window is
//! in is found by drawing the lengths of those before it again, without their words: a restart needs
//! the next index alone.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::columns::Columns;
use super::corpus::Corpus;
use super::passes::Passes;
use super::window_lengths::WindowLengths;
use super::word_batch::WordBatch;
use super::word_layout::WordLayout;
use crate::data::DataError;

/// The last window that there is, which a search at ten windows a second comes to after three
/// years. An index comes from a file and may be anything; to draw all lengths before it must end.
const LAST: u64 = 1_000_000_000;

/// The endless stream of windows over the training text.
#[derive(Debug)]
pub struct WordStream {
    corpus: Arc<Corpus>,
    columns: Columns,
    passes: Mutex<Passes>,
}

impl WordStream {
    /// The stream of `corpus`'s training text, put in rows and windows as `layout` says, for the
    /// run with `seed`.
    pub fn new(corpus: Arc<Corpus>, layout: WordLayout, seed: u64) -> Result<Self, DataError> {
        let columns = corpus.train().columns(layout)?;
        let (bptt, predicted) = (columns.bptt(), columns.predicted());
        let passes = Mutex::new(Passes::new(WindowLengths { seed, bptt, predicted }));
        Ok(Self { corpus, columns, passes })
    }

    /// Window `index` of the stream.
    pub fn window(&self, index: u64) -> Result<WordBatch, DataError> {
        if LAST < index {
            return Err(DataError::NoWindow { index, last: LAST });
        }
        let (start, length) = self.passes().with(index).window(index);
        Ok(self.columns.window(self.corpus.train().ids(), start, length))
    }

    /// The numbers of the windows of one pass over the text, `number` counted from 0.
    pub fn pass(&self, number: u64) -> Result<Range<u64>, DataError> {
        // A pass has a window at least.
        if LAST < number {
            return Err(DataError::NoWindow { index: number, last: LAST });
        }
        Ok(self.passes().numbered(number))
    }

    fn passes(&self) -> MutexGuard<'_, Passes> {
        // A panic elsewhere cannot leave half a pass behind: it is put in whole.
        self.passes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::WordLayoutKeys;

    /// A stream over `n_words` words with their places as their ids, in windows of about 12.
    fn stream(n_words: usize, rows: usize, seed: u64) -> Result<WordStream, DataError> {
        let words: Vec<String> = (1..n_words).map(|n| format!("{n:06}")).collect();
        let corpus = Corpus::of(&words.join(" "), &words[0], None)?;
        let keys = WordLayoutKeys { rows: "a.rows", bptt: "a.bptt" };
        WordStream::new(Arc::new(corpus), WordLayout { rows, bptt: 12, keys }, seed)
    }

    proptest! {
        #[test]
        fn a_pass_reads_every_row_in_order_and_without_a_gap(
            n_words in 2..400_usize, part in 0..400_usize, seed: u64,
        ) {
            let rows = 1 + part % (n_words / 2);
            let stream = stream(n_words, rows, seed).unwrap();
            let ids = stream.corpus.train().ids();
            let length = n_words / rows;
            // The place of the next word in its row.
            let mut place = 0;
            for index in 0..60 {
                let window = stream.window(index).unwrap();
                prop_assert!((window.share * 12.0 - window.steps() as f64).abs() < 1e-9);
                if window.begins {
                    prop_assert!(index == 0 || length < place + 6);
                    place = 0;
                }
                for (at, (&id, &next)) in window.ids.iter().zip(&window.next).enumerate() {
                    let at = at % rows * length + place + at / rows;
                    prop_assert_eq!([id, next], [ids[at], ids[at + 1]]);
                }
                place += window.steps();
                prop_assert!(place < length);
            }
        }

        #[test]
        fn a_window_depends_on_seed_and_index_alone(
            indexes in prop::collection::vec(0..500_u64, 1..8),
        ) {
            let used = stream(500, 4, 7).unwrap();
            for index in indexes {
                let fresh = stream(500, 4, 7).unwrap().window(index).unwrap();
                prop_assert_eq!(used.window(index).unwrap(), fresh);
            }
        }
    }

    #[test]
    fn seeds_differ() {
        let windows = |seed| -> Vec<WordBatch> {
            let stream = stream(500, 4, seed).unwrap();
            (0..10).map(|index| stream.window(index).unwrap()).collect()
        };
        assert_ne!(windows(7), windows(8));
    }

    /// No word of them is looked at, only their lengths.
    #[test]
    fn a_window_a_million_windows_away_is_where_their_lengths_lead() {
        let stream = stream(20_000, 4, 7).unwrap();
        let lengths = WindowLengths { seed: 7, bptt: 12, predicted: stream.columns.predicted() };
        let (mut pass, mut before) = (0, 0);
        let found = loop {
            let of_pass: Vec<usize> = lengths.of_pass(pass).collect();
            if let Some(&length) = of_pass.get(1_000_000 - before) {
                let start: usize = of_pass[..1_000_000 - before].iter().sum();
                break stream.columns.window(stream.corpus.train().ids(), start, length);
            }
            (pass, before) = (pass + 1, before + of_pass.len());
        };
        assert_eq!(stream.window(1_000_000).unwrap(), found);
    }

    #[test]
    fn an_index_beyond_any_search_is_refused() {
        for index in [LAST + 1, u64::MAX] {
            let text = stream(20, 4, 7).unwrap().window(index).unwrap_err().to_string();
            assert!(text.starts_with(&format!("there is no window {index} of the")), "{text}");
        }
    }

    #[test]
    fn a_text_too_short_for_its_rows_is_refused() {
        let text = stream(13, 7, 7).unwrap_err().to_string();
        assert!(text.starts_with("`train` has 13 words, and 7 rows") && text.contains("`a.rows`"));
    }
}
