//! The words that a net knows, with a number for each.
//!
//! They are those of the training text and `<eos>`, numbered in the order of their bytes, as the
//! authors of ENAS number the Penn Treebank's.

use std::collections::HashMap;

use crate::data::TextFault;

/// The word that ends every line.
pub(super) const EOS: &str = "<eos>";

/// The word that stands for those outside the vocabulary, where the training text has it.
pub(super) const UNK: &str = "<unk>";

/// The words that a net knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Invariant: sorted by their bytes, none twice, `<eos>` among them; a word's place is its id.
    words: Vec<Box<str>>,
    eos: u32,
    unk: Option<u32>,
}

impl Vocabulary {
    /// The most words of one: the billion words of Chelba et al. (2014) have 793,471.
    pub const MAX: usize = 1_000_000;

    /// The vocabulary of `words`, in whatever order and however often, and of `<eos>`.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, TextFault> {
        let mut builder = VocabularyBuilder::new(Self::MAX);
        words.into_iter().try_for_each(|word| builder.add(word, 1).map(|_| ()))?;
        Ok(builder.finish().0)
    }

    /// How many words there are, `<eos>` counted.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The words in the order of their ids, which is that of their bytes.
    pub fn words(&self) -> &[Box<str>] {
        &self.words
    }

    /// The word with this id.
    pub fn word(&self, id: u32) -> Option<&str> {
        self.words.get(id as usize).map(|word| &**word)
    }

    /// The id of `word`, if it is one of these.
    pub fn id(&self, word: &str) -> Option<u32> {
        position(&self.words, word)
    }

    /// The id of `<eos>`.
    pub const fn eos(&self) -> u32 {
        self.eos
    }

    /// The id of `<unk>`, if the training text has it.
    pub const fn unk(&self) -> Option<u32> {
        self.unk
    }

    /// The ids of the words of `text`, with `<eos>` for each line feed: what stands behind the
    /// last one is not ended, for the net may be asked how it goes on. An unknown word is `<unk>`;
    /// without one it is an error.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextFault> {
        let mut ids = Vec::new();
        for (line, words) in (1..).zip(text.split_inclusive('\n')) {
            for word in words.split_whitespace() {
                ids.push(self.id_or_unk(word, line)?);
            }
            ids.extend(words.ends_with('\n').then_some(self.eos));
        }
        Ok(ids)
    }

    /// The id of `word`, which is in `line`, or that of `<unk>`.
    pub(super) fn id_or_unk(&self, word: &str, line: u64) -> Result<u32, TextFault> {
        let unknown = || TextFault::UnknownWord { word: word.to_owned(), line };
        self.id(word).or(self.unk).ok_or_else(unknown)
    }
}

fn position(words: &[Box<str>], word: &str) -> Option<u32> {
    words.binary_search_by(|known| (**known).cmp(word)).ok().map(|at| at as u32)
}

/// A vocabulary while its text is read: words have the number of their first coming.
#[derive(Debug)]
pub(super) struct VocabularyBuilder {
    numbers: HashMap<Box<str>, u32>,
    limit: usize,
}

impl VocabularyBuilder {
    /// One of at most `limit` words, which has `<eos>` already.
    pub(super) fn new(limit: usize) -> Self {
        Self { numbers: HashMap::from([(EOS.into(), 0)]), limit }
    }

    /// The number of `word`, which is in `line`.
    pub(super) fn add(&mut self, word: &str, line: u64) -> Result<u32, TextFault> {
        if let Some(&number) = self.numbers.get(word) {
            return Ok(number);
        }
        let number = self.numbers.len();
        if number == self.limit {
            return Err(TextFault::ManyWords { limit: self.limit, line });
        }
        self.numbers.insert(word.into(), number as u32);
        Ok(number as u32)
    }

    /// The vocabulary, and the id of each number.
    pub(super) fn finish(self) -> (Vocabulary, Vec<u32>) {
        let mut numbered: Vec<(Box<str>, u32)> = self.numbers.into_iter().collect();
        numbered.sort_unstable();
        let mut ids = vec![0; numbered.len()];
        for (id, &(_, number)) in (0..).zip(&numbered) {
            ids[number as usize] = id;
        }
        let words: Vec<Box<str>> = numbered.into_iter().map(|(word, _)| word).collect();
        let eos = position(&words, EOS).expect("it is there from the start");
        let unk = position(&words, UNK);
        (Vocabulary { words, eos, unk }, ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &str) -> Vocabulary {
        Vocabulary::of(words.split(' ')).unwrap()
    }

    #[test]
    fn words_are_numbered_in_the_order_of_their_bytes() {
        let words = vocabulary("the cat éa Zoe the 's");
        assert_eq!(words.words().join(" "), "'s <eos> Zoe cat the éa");
        for (id, word) in (0..).zip(words.words()) {
            assert_eq!((words.id(word), words.word(id)), (Some(id), Some(&**word)));
        }
        assert_eq!((words.len(), words.eos(), words.unk()), (6, 1, None));
        assert_eq!((words.id("dog"), words.word(6)), (None, None));
    }

    #[test]
    fn text_from_outside_is_read_as_the_splits_are() {
        let words = vocabulary("the cat <unk>");
        assert_eq!(words.words().join(" "), "<eos> <unk> cat the");
        assert_eq!(words.encode(" the  cat\nthe dog\r\n\n").unwrap(), [3, 2, 0, 3, 1, 0, 0]);
        // A line that is not ended.
        assert_eq!(words.encode("the cat").unwrap(), [3, 2]);
        assert!(words.encode("").unwrap().is_empty());
        let text = vocabulary("the cat").encode("the cat\nthe do\tg").unwrap_err().to_string();
        assert!(text.starts_with("has the word `do` in line 2, which the training text"), "{text}");
    }

    #[test]
    fn a_vocabulary_has_a_million_words_at_most() {
        let numbers: Vec<String> = (1..=Vocabulary::MAX).map(|n| n.to_string()).collect();
        let words = |n: usize| Vocabulary::of(numbers[..n].iter().map(|word| &**word));
        assert_eq!(words(Vocabulary::MAX - 1).unwrap().len(), Vocabulary::MAX);
        let text = words(Vocabulary::MAX).unwrap_err().to_string();
        assert!(text.starts_with("has more than 1000000 different words (with `<eos>`)"), "{text}");
    }
}
