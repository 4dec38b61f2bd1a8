//! What a text holds: a fingerprint, and the numbers that say how two of them differ.
//!
//! ```text
//! BLAKE3( "enasd text 1\n" │ n words of the vocabulary │ each, in the order of the ids
//!         │ for each split: its name │ n words │ for each: id )
//!         numbers: 8 bytes, ids 4, little end first; a text: its length, its bytes
//! ```
//!
//! Neither the path nor the names of the files are in it, as none are in that of images
//! ([`Contents`](crate::data::Contents)), which begins with other bytes.

use serde::{Deserialize, Serialize};

use super::corpus::Corpus;
use super::split::Text;

/// The form of [`TextContents`], and what is hashed.
const FORMAT: u32 = 1;

/// Ids that are hashed at once.
const AT_ONCE: usize = 1 << 14;

/// What a text holds. Two are equal exactly if every word of the vocabulary and of each split is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextContents {
    /// Version of this form, and of what is hashed.
    pub format: u32,
    /// The BLAKE3 of everything, in hexadecimal digits.
    pub blake3: String,
    /// Number of words of the vocabulary.
    pub vocabulary: usize,
    /// The splits, `train` first.
    pub splits: Vec<TextSplitContents>,
}

/// How many words a split holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSplitContents {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// Number of words, the `<eos>` of every line counted.
    pub words: usize,
}

impl TextContents {
    /// Reads every word of `corpus`.
    pub fn of(corpus: &Corpus) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"enasd text 1\n");
        let words = corpus.vocabulary().words();
        number(&mut hasher, words.len());
        for word in words {
            text(&mut hasher, word);
        }
        let mut splits = Vec::new();
        for (name, split) in corpus.splits() {
            text(&mut hasher, name);
            hash_ids(&mut hasher, split);
            splits.push(TextSplitContents { name: name.to_owned(), words: split.len() });
        }
        let blake3 = hasher.finalize().to_hex().to_string();
        Self { format: FORMAT, blake3, vocabulary: words.len(), splits }
    }

    /// How this differs from what was there `before`, a line each; nothing of it can be seen in
    /// the numbers where only words or their order changed.
    pub fn changes_from(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        if self.vocabulary != before.vocabulary {
            changes.push(format!("vocabulary: {} words → {}", before.vocabulary, self.vocabulary));
        }
        for name in ["train", "valid", "test"] {
            match (before.split(name), self.split(name)) {
                (Some(old), Some(new)) if old.words != new.words => {
                    changes.push(format!("{name}: {} words → {}", old.words, new.words));
                }
                (Some(_), None) => changes.push(format!("the {name} split is gone")),
                (None, Some(_)) => changes.push(format!("the {name} split is new")),
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        changes
    }

    /// The split called `name`.
    pub fn split(&self, name: &str) -> Option<&TextSplitContents> {
        self.splits.iter().find(|split| split.name == name)
    }
}

fn hash_ids(hasher: &mut blake3::Hasher, split: &Text) {
    number(hasher, split.len());
    for ids in split.ids().chunks(AT_ONCE) {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
}

fn number(hasher: &mut blake3::Hasher, n: usize) {
    hasher.update(&(n as u64).to_le_bytes());
}

fn text(hasher: &mut blake3::Hasher, text: &str) {
    number(hasher, text.len());
    hasher.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn contents(train: &str, valid: &str, test: Option<&str>) -> TextContents {
        TextContents::of(&Corpus::of(train, valid, test).unwrap())
    }

    #[test]
    fn the_fingerprint_is_what_it_was() {
        // As `b3sum` has it of the bytes drawn above.
        let found = contents("the cat", "cat", Some("the"));
        assert_eq!(
            found.blake3,
            "f634fdaa7bca1875e6e8ac6c22d7e2c4b92b799ddbe5427ef4a3f87ffdd783b1"
        );
        assert_eq!((found.vocabulary, found.split("train").unwrap().words), (3, 3));
    }

    #[test]
    fn every_part_of_the_text_is_in_the_fingerprint() {
        let all = [
            contents("the cat", "cat", Some("the")),
            contents("cat the", "cat", Some("the")),
            contents("the bat", "bat", Some("the")),
            contents("the\ncat", "cat", Some("the")),
            contents("the cat", "the", Some("the")),
            contents("the cat", "cat", Some("cat")),
            contents("the cat", "cat", None),
            contents("the cat", "cat the", Some("the")),
        ];
        let hashes: BTreeSet<&str> = all.iter().map(|one| one.blake3.as_str()).collect();
        assert_eq!(hashes.len(), all.len());
        assert_eq!(contents(" the cat\n", "cat", Some("the")), all[0]);
    }

    #[test]
    fn changes_are_told_by_split() {
        let before = contents("the cat", "cat", Some("the"));
        assert!(before.changes_from(&before).is_empty());
        let more = contents("the cat sat", "cat the", None);
        let expected = [
            "vocabulary: 3 words → 4",
            "train: 3 words → 4",
            "valid: 2 words → 3",
            "the test split is gone",
        ];
        assert_eq!(more.changes_from(&before), expected);
        assert_eq!(before.changes_from(&more)[3], "the test split is new");
    }
}
