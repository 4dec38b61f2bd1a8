//! The text of one split, as the ids of its words.

use std::path::{Path, PathBuf};

use rand::RngExt;

use super::columns::Columns;
use super::vocabulary::{Vocabulary, VocabularyBuilder};
use super::word_batch::WordBatch;
use super::word_layout::WordLayout;
use super::word_reader::read_words;
use crate::data::source::RawFile;
use crate::data::{DataError, DataNote, TextFault, TextNote};
use crate::random::{Owner, generator};

/// How much text there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Words of a vocabulary.
    pub(super) vocabulary: usize,
    /// Words of a split: four bytes of memory each.
    pub(super) words: usize,
}

impl Limits {
    /// As much as a vocabulary has, and ten times the largest text at hand.
    pub(super) const USUAL: Self = Self { vocabulary: Vocabulary::MAX, words: 1_000_000_000 };
}

/// The text of one split.
#[derive(Debug)]
pub struct Text {
    /// Invariant: ids of one vocabulary; not `<eos>` alone.
    ids: Vec<u32>,
    origin: PathBuf,
}

/// A text that was read, and what a person should know of it.
pub(super) type Noted = (Text, Vec<DataNote>);

impl Text {
    /// Reads the training text, whose words are the vocabulary.
    pub(super) fn train(file: RawFile, limits: Limits) -> Result<(Vocabulary, Noted), DataError> {
        let origin = file.path().to_owned();
        let mut builder = VocabularyBuilder::new(limits.vocabulary);
        let mut ids = Vec::new();
        let lines = read_words(file, limits.words, |word, line| {
            ids.push(builder.add(word, line)?);
            Ok(())
        })?;
        let (vocabulary, id_of) = builder.finish();
        for id in &mut ids {
            *id = id_of[*id as usize];
        }
        let read = Self::checked(origin, ids, lines, &vocabulary)?;
        Ok((vocabulary, read))
    }

    /// Reads another text with the vocabulary of the training text.
    pub(super) fn other(
        file: RawFile,
        vocabulary: &Vocabulary,
        limits: Limits,
    ) -> Result<Noted, DataError> {
        let origin = file.path().to_owned();
        let (mut ids, mut count, mut example) = (Vec::new(), 0, None);
        let lines = read_words(file, limits.words, |word, line| {
            let id = vocabulary.id(word);
            if id.is_none() {
                count += 1;
                example.get_or_insert_with(|| word.to_owned());
            }
            ids.push(id.map_or_else(|| vocabulary.id_or_unk(word, line), Ok)?);
            Ok(())
        })?;
        let (text, mut notes) = Self::checked(origin, ids, lines, vocabulary)?;
        notes.extend(example.map(|example| {
            let note = TextNote::UnknownWords { count, example };
            DataNote::Text { path: text.origin.clone(), note }
        }));
        Ok((text, notes))
    }

    /// The text with these `ids`, read from so many `lines`, if it has a word.
    fn checked(
        origin: PathBuf,
        mut ids: Vec<u32>,
        lines: u64,
        vocabulary: &Vocabulary,
    ) -> Result<Noted, DataError> {
        let n_ends = ids.iter().filter(|&&id| id == vocabulary.eos()).count();
        if n_ends == ids.len() {
            return Err(DataError::Text { path: origin, fault: TextFault::NoWords });
        }
        ids.shrink_to_fit();
        let count = n_ends - lines as usize;
        let note = TextNote::EndsAsWords { count };
        let note = (0 < count).then(|| DataNote::Text { path: origin.clone(), note });
        Ok((Self { ids, origin }, note.into_iter().collect()))
    }

    /// Number of words, the `<eos>` of every line counted.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The id of each word.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// Where it comes from: a file, or a name.
    pub fn origin(&self) -> &Path {
        &self.origin
    }

    /// The rows of it.
    pub(super) fn columns(&self, layout: WordLayout) -> Result<Columns, DataError> {
        Columns::new(self.len(), &self.origin, layout)
    }

    /// The whole text in its order, in windows of `layout`, the last of which may be shorter: every
    /// word of a row but the first is predicted once. What is left of the text beyond rows of equal
    /// length is left out.
    pub fn windows(
        &self,
        layout: WordLayout,
    ) -> Result<impl Iterator<Item = WordBatch> + '_, DataError> {
        Ok(self.columns(layout)?.windows(&self.ids))
    }

    /// One window of `layout`, or all of the rows where they are shorter, at a place that depends
    /// on the run's `seed` and on `batch_seed`. It begins with a state of zero wherever it is.
    pub fn batch(
        &self,
        layout: WordLayout,
        (seed, batch_seed): (u64, u64),
    ) -> Result<WordBatch, DataError> {
        let columns = self.columns(layout)?;
        let steps = columns.bptt().min(columns.predicted());
        let mut rng = generator(seed, Owner::ValidBatch, batch_seed);
        let start = rng.random_range(0..=columns.predicted() - steps);
        Ok(WordBatch { begins: true, ..columns.window(&self.ids, start, steps) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::WordLayoutKeys;

    fn file(text: &str) -> RawFile {
        RawFile::in_memory("a".as_ref(), text.as_bytes().to_vec()).unwrap()
    }

    fn train(text: &str) -> (Vocabulary, Noted) {
        Text::train(file(text), Limits::USUAL).unwrap()
    }

    fn layout(rows: usize, bptt: usize) -> WordLayout {
        WordLayout { rows, bptt, keys: WordLayoutKeys { rows: "a.rows", bptt: "a.bptt" } }
    }

    #[test]
    fn a_text_is_the_ids_of_its_words() {
        let (vocabulary, (text, notes)) = train("the cat\nsat <unk>\n");
        assert_eq!(vocabulary.words().join(" "), "<eos> <unk> cat sat the");
        assert_eq!((text.ids(), text.len()), (&[4, 2, 0, 3, 1, 0][..], 6));
        assert!(notes.is_empty() && text.origin() == Path::new("a"));
        let (other, notes) = Text::other(file("a dog sat"), &vocabulary, Limits::USUAL).unwrap();
        assert_eq!(other.ids(), [1, 1, 3, 0]);
        let text = "`a` has words that the training text lacks, read as `<unk>`: 2, first `a`";
        assert_eq!((notes[0].to_string().as_str(), notes[0].is_warning()), (text, false));
    }

    #[test]
    fn marks_of_the_end_in_the_text_are_told() {
        let (_, (text, notes)) = train("the cat <eos>\nsat <eos>\n");
        assert_eq!(text.len(), 7);
        let text = notes[0].to_string();
        assert!(text.starts_with("`a` has `<eos>` as a word 2 times, beside the"), "{text}");
        assert!(notes.len() == 1 && notes[0].is_warning());
    }

    #[track_caller]
    fn check(train: &str, limits: Limits, text: &str) {
        let found = Text::train(file(train), limits).unwrap_err().to_string();
        assert!(found.starts_with(text), "{found}");
    }

    #[test]
    fn a_text_has_a_word_and_not_too_many() {
        for text in ["", " \n\n", "<eos>"] {
            check(text, Limits::USUAL, "`a` holds no word; put text there, one sentence a line");
        }
        let limits = Limits { vocabulary: 3, words: 5 };
        assert!(Text::train(file("a b a b"), limits).is_ok());
        check("a b\nc", limits, "`a` has more than 3 different words (with `<eos>`) by line 2");
        check("a b\na b", limits, "`a` has more than 5 words by line 2");
    }

    #[test]
    fn a_word_unknown_to_the_training_text_needs_its_mark() {
        let (vocabulary, _) = train("the cat");
        let found = Text::other(file("the\nthe dog"), &vocabulary, Limits::USUAL).unwrap_err();
        let text = "`a` has the word `dog` in line 2, which the training text has not, and no";
        assert!(found.to_string().starts_with(text), "{found}");
        let found = Text::other(file("\n"), &vocabulary, Limits::USUAL).unwrap_err().to_string();
        assert!(found.starts_with("`a` holds no word"), "{found}");
    }

    #[test]
    fn windows_predict_every_word_of_the_rows_once_and_in_order() {
        let numbers: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
        let (_, (text, _)) = train(&numbers.join(" "));
        for (rows, bptt) in [(1, 7), (1, 100), (3, 4), (50, 1)] {
            let mut next = vec![Vec::new(); rows];
            for (idx, window) in text.windows(layout(rows, bptt)).unwrap().enumerate() {
                assert_eq!((window.begins, window.rows), (idx == 0, rows));
                for (place, &id) in window.next.iter().enumerate() {
                    next[place % rows].push(id);
                }
            }
            let length = text.len() / rows;
            for (row, next) in next.iter().enumerate() {
                assert_eq!(next, &text.ids()[row * length..(row + 1) * length][1..]);
            }
        }
    }

    #[test]
    fn a_batch_is_one_window_at_a_place_chosen_by_its_seeds() {
        let numbers: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
        let (_, (text, _)) = train(&numbers.join(" "));
        let batch = |seeds| text.batch(layout(5, 6), seeds).unwrap();
        assert_eq!(batch((7, 1)), batch((7, 1)));
        let batches: Vec<WordBatch> = (0..400).map(|batch_seed| batch((7, batch_seed))).collect();
        assert!(batches.iter().all(|batch| batch.begins && batch.len() == 30));
        // 20 words a row, 19 of them predicted: every place of 0 to 13 is drawn.
        let starts: BTreeSet<u32> = batches.iter().map(|batch| batch.ids[0]).collect();
        assert_eq!(starts.len(), 14);
        assert!((0..20).any(|n| batch((8, n)) != batch((7, n))));
        let whole = text.batch(layout(5, 40), (7, 1)).unwrap();
        assert_eq!((whole.steps(), whole.share.to_bits()), (19, f64::to_bits(19.0 / 40.0)));
        let text = text.batch(layout(51, 6), (7, 1)).unwrap_err().to_string();
        assert!(text.contains("set `a.rows` to 1 to 50"), "{text}");
    }
}
