//! A trained net that reads a text from outside.
//!
//! ```text
//! text ─ words, with <eos> for each line feed ─ net, with the states of all words before
//!      ├ −ln of the softmax at the word that comes ─ the perplexity of each line
//!      └ softmax after the last word ─ the likeliest words to follow
//!
//! perplexity of a line = exp(−1/n Σ ln p(word | all words of the text before it))
//! ```
//!
//! Nothing foretells the first word of a text, so it does not count, as it does not where a champion
//! is certified.

use std::iter::once;
use std::ops::AddAssign;
use std::sync::Arc;

use candle_core::{DType, Tensor};

use crate::data::{TextFault, Vocabulary, WordLabels};
use crate::engine::{Executor, Snapshot, Words, right};
use crate::net::Net;
use crate::search::predictor::read_by;
use crate::search::softmax::{likeliest, softmax};
use crate::search::{Score, SearchError};

/// Words that are read at once where the vocabulary is small.
const AT_ONCE: usize = 128;

/// Logits that are held at once: 16 MiB of them.
const LOGITS_AT_ONCE: usize = 4 << 20;

/// A net that stands alone, with all that it takes to have it read a text.
#[derive(Clone, Debug)]
pub struct WordPredictor {
    net: Net,
    /// Parameters, by name. Invariant: all that a forward pass reads, with the sides that it reads.
    weights: Snapshot,
    /// Invariant: as many words as the net has logits.
    vocabulary: Vocabulary,
    exec: Arc<dyn Executor>,
}

/// A word, and how likely it is.
#[derive(Clone, Debug, PartialEq)]
pub struct WordProbability {
    /// The word.
    pub word: String,
    /// The softmax of its logit: 0 to 1, and 1 over all words.
    pub probability: f64,
}

/// What a net makes of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextPrediction {
    /// What it has right of the words of each line, `<eos>` among them. The first line lacks the
    /// first word of the text, which may have been its only one; the last one has no `<eos>` where
    /// no line feed ends it.
    pub lines: Vec<Score>,
    /// The likeliest words to follow the text, the likeliest first.
    pub next: Vec<WordProbability>,
    /// Words of the text that the vocabulary does not have: they were read as `<unk>`.
    pub unknown: u64,
}

/// Why a text could not be read. The text goes on after the name of where it comes from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WordFault {
    /// It is no text, or none that is read.
    #[error(transparent)]
    Text(#[from] TextFault),
    /// A logit is infinite or not a number.
    #[error(
        "is answered with logits that are no numbers: the weights of the net are spoilt, so take \
         those of another one"
    )]
    NotANumber,
    /// The net cannot be run.
    #[error("cannot be read: {0}")]
    Search(#[from] SearchError),
}

impl From<candle_core::Error> for WordFault {
    fn from(error: candle_core::Error) -> Self {
        Self::Search(error.into())
    }
}

impl TextPrediction {
    /// What the net has right of the whole text.
    pub fn whole(&self) -> Score {
        self.lines.iter().copied().sum()
    }
}

impl WordPredictor {
    /// The predictor of `net` with `weights`, which are its parameters by the engine's names, that
    /// was trained on a text of the words of `labels`. What does not fit is refused.
    pub fn new(
        net: Net,
        weights: &Snapshot,
        labels: &WordLabels,
        exec: Arc<dyn Executor>,
    ) -> Result<Self, SearchError> {
        let weights = read_by(&net, weights, exec.as_ref())?;
        let (found, expected) = (labels.words.len(), net.image.channels);
        if found != expected {
            return Err(SearchError::Labels { what: "words", found, expected });
        }
        let vocabulary = labels.vocabulary().ok_or(SearchError::WordOrder)?;
        Ok(Self { net, weights, vocabulary, exec })
    }

    /// What the net makes of `text`, which has `limit` words at most, and the `n_next` likeliest
    /// words to follow it.
    pub fn predict(
        &self,
        text: &[u8],
        n_next: usize,
        limit: usize,
    ) -> Result<TextPrediction, WordFault> {
        let (lines, unknown) = self.lines(text, limit)?;
        let ids = lines.concat();
        let mut tally = Tally::new(&lines);
        let steps = (LOGITS_AT_ONCE / self.vocabulary.len()).clamp(1, AT_ONCE);
        let (mut carried, mut last) = (Vec::new(), None);
        for start in (0..ids.len()).step_by(steps) {
            let end = ids.len().min(start + steps);
            // What follows the text is not known: any word will do, for its logits do not depend on it.
            let known = ids[start + 1..].iter().copied();
            let next: Vec<u32> =
                known.chain(once(self.vocabulary.eos())).take(end - start).collect();
            let words =
                Words { ids: &ids[start..end], next: &next, rows: 1, carried: &mut carried };
            let logits = self.exec.logits(&self.net, &self.weights, words.into(), None)?;
            tally.take(&logits, &ids[start + 1..ids.len().min(end + 1)])?;
            last = Some(logits.narrow(0, end - start - 1, 1)?);
        }
        let next = last.map_or(Ok(Vec::new()), |logits| self.likeliest(&logits, n_next))?;
        Ok(TextPrediction { lines: tally.scores, next, unknown })
    }

    /// The ids of the words of each line, and how many words are unknown.
    fn lines(&self, text: &[u8], limit: usize) -> Result<(Vec<Vec<u32>>, u64), WordFault> {
        let text = std::str::from_utf8(text)
            .map_err(|error| TextFault::NotUtf8 { offset: error.valid_up_to() as u64 })?;
        // What some editors write before a text is no part of its first word.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = self.vocabulary.encode(text, limit)?;
        let is_blank = lines.iter().flatten().all(|&id| id == self.vocabulary.eos());
        if is_blank {
            return Err(TextFault::NoWords.into());
        }
        let is_unknown = |word: &&str| self.vocabulary.id(word).is_none();
        Ok((lines, text.split_whitespace().filter(is_unknown).count() as u64))
    }

    /// The likeliest words by logits `(1, vocabulary)`.
    fn likeliest(&self, logits: &Tensor, n: usize) -> Result<Vec<WordProbability>, WordFault> {
        let logits = logits.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let probabilities = softmax(&logits).ok_or(WordFault::NotANumber)?;
        let words = self.vocabulary.words();
        let likeliest = likeliest(&probabilities, n).into_iter();
        let word = |(id, probability): (usize, f64)| {
            Some(WordProbability { word: words.get(id)?.to_string(), probability })
        };
        Ok(likeliest.filter_map(word).collect())
    }
}

/// Scores of lines, while their text is read.
#[derive(Debug)]
struct Tally {
    /// Of each line.
    scores: Vec<Score>,
    /// The number of the word at which each line ends. Invariant: as many as `scores`.
    ends: Vec<usize>,
    /// Words that were read.
    read: usize,
    /// The line that the next word is of.
    line: usize,
}

impl Tally {
    /// Of a text in these lines, of which the first word is read.
    fn new(lines: &[Vec<u32>]) -> Self {
        let mut end = 0;
        let ends = lines.iter().map(|line| {
            end += line.len();
            end
        });
        let ends: Vec<usize> = ends.collect();
        Self { scores: vec![Score::default(); ends.len()], ends, read: 1, line: 0 }
    }

    /// Counts the `next` words of the text, for which `logits` has a row each, and maybe more.
    fn take(&mut self, logits: &Tensor, next: &[u32]) -> Result<(), WordFault> {
        let mut done = 0;
        while done < next.len() {
            while self.ends[self.line] <= self.read {
                self.line += 1;
            }
            let words = (self.ends[self.line] - self.read).min(next.len() - done);
            let ids = &next[done..done + words];
            let (nll, right) = right(&logits.narrow(0, done, words)?, ids)?;
            if !nll.is_finite() {
                return Err(WordFault::NotANumber);
            }
            let correct = right.iter().filter(|&&is_right| is_right).count() as u64;
            self.scores[self.line].add_assign(Score { nll, correct, items: words as u64 });
            (self.read, done) = (self.read + words, done + words);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
