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

/// Bytes of the longest word: what is longer is no text.
pub(super) const LONGEST_WORD: usize = 1000;

/// The words that a net knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// Invariant: sorted by their bytes, none twice, `<eos>` among them; a word's place is its id.
    words: Vec<Box<str>>,
    eos: u32,
    unk: Option<u32>,
}

impl Vocabulary {
    /// The word that ends every line.
    pub const EOS: &'static str = EOS;

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

    /// The ids of the words of `text`, line by line, with `<eos>` for each line feed: what stands
    /// behind the last one is not ended, for the net may be asked how it goes on. No line is empty.
    /// An unknown word is `<unk>`; without one it is an error, as are more than `limit` words.
    pub fn encode(&self, text: &str, limit: usize) -> Result<Vec<Vec<u32>>, TextFault> {
        let (mut lines, mut count) = (Vec::new(), 0);
        for (line, text) in (1..).zip(text.split_inclusive('\n')) {
            let mut ids = Vec::new();
            for word in text.split_whitespace() {
                if LONGEST_WORD < word.len() {
                    return Err(TextFault::LongWord { line, limit: LONGEST_WORD });
                }
                ids.push(self.id_or_unk(word, line)?);
            }
            ids.extend(text.ends_with('\n').then_some(self.eos));
            count += ids.len();
            if limit < count {
                return Err(TextFault::LongText { limit, line });
            }
            lines.extend((!ids.is_empty()).then_some(ids));
        }
        Ok(lines)
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
        let lines = words.encode(" the  cat\nthe dog\r\n\n", 7).unwrap();
        assert_eq!(lines, [vec![3, 2, 0], vec![3, 1, 0], vec![0]]);
        // A line that is not ended.
        assert_eq!(words.encode("cat\nthe cat", 7).unwrap(), [vec![2, 0], vec![3, 2]]);
        for (text, lines) in [("", 0), (" \t", 0), ("the\n ", 1)] {
            assert_eq!(words.encode(text, 7).unwrap().len(), lines, "{text:?}");
        }
    }

    #[test]
    fn text_from_outside_that_cannot_be_read_is_refused_with_its_line() {
        let words = vocabulary("the cat");
        let check = |text: &str, expected: &str| {
            let found = words.encode(text, 6).unwrap_err().to_string();
            assert!(found.starts_with(expected), "{found}");
        };
        check("the cat\nthe do\tg", "has the word `do` in line 2, which the training text");
        check("\n\nthe the\nthe the", "has more than 6 words by line 4");
        check(
            &format!("the\n{}", "a".repeat(1001)),
            "has a word of more than 1000 bytes in line 2",
        );
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
