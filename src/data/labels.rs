//! What goes with a net, so that it can be shown images or text from outside.

use serde::{Deserialize, Serialize};

use crate::data::{DataKind, Dataset, ImageLabels, ImageShape, Vocabulary};

/// What it takes to show a net something, and to name what it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Labels {
    /// Of a net that classifies images.
    Images(ImageLabels),
    /// Of a net that predicts words.
    Words(WordLabels),
}

/// The words that a net knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordLabels {
    /// Version of this form: 1.
    pub format: u32,
    /// The words, in the order of their ids, which is that of the net's outputs; `<eos>`, which ends
    /// each line, is one of them.
    pub words: Vec<String>,
}

impl Labels {
    /// The latest form that this program reads.
    pub const FORMAT: u32 = 1;

    /// Those of the nets that are trained on `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        match dataset {
            Dataset::Images(data) => Self::Images(ImageLabels::of(data)),
            Dataset::Words(corpus) => Self::Words(WordLabels::of(corpus.vocabulary())),
        }
    }

    /// What the net reads and tells apart.
    pub fn kind(&self) -> DataKind {
        match self {
            Self::Images(labels) => {
                let [channels, height, width] = labels.image;
                let shape = ImageShape { channels, height, width };
                DataKind::Images { shape, classes: labels.class_names.len() }
            }
            Self::Words(labels) => DataKind::Words { vocabulary: labels.words.len() },
        }
    }
}

impl WordLabels {
    /// Those of a vocabulary.
    fn of(vocabulary: &Vocabulary) -> Self {
        let words = vocabulary.words().iter().map(ToString::to_string).collect();
        Self { format: Labels::FORMAT, words }
    }

    /// The vocabulary, if the words are in the order of their ids and `<eos>` is among them.
    pub fn vocabulary(&self) -> Option<Vocabulary> {
        let vocabulary = Vocabulary::of(self.words.iter().map(String::as_str)).ok()?;
        let is_same = vocabulary.words().iter().map(|word| &**word).eq(&self.words);
        is_same.then_some(vocabulary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_in_their_order_are_no_vocabulary() {
        let vocabulary = |words: &[&str]| {
            let words = words.iter().map(|&word| word.to_owned()).collect();
            WordLabels { format: Labels::FORMAT, words }.vocabulary()
        };
        let found = vocabulary(&["<eos>", "cat", "the"]).unwrap();
        assert_eq!(WordLabels::of(&found).vocabulary(), Some(found));
        for words in
            [&["cat", "<eos>", "the"][..], &["cat", "the"], &["<eos>", "cat", "cat", "the"], &[]]
        {
            assert_eq!(vocabulary(words), None, "{words:?}");
        }
    }
}
