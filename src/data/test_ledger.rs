//! The ledger of the test split: which candidates were measured on it, in which order, and what
//! was seen.
//!
//! ```text
//! open(candidate) ─┬─ known ───────────────────────────► its certificate; nobody looks again
//!                  └─ Receipt ─► ImageData::test_batches ─► close(receipt, what was seen)
//! ```
//!
//! A split that is looked at again and again is chosen by, and stops to be a test. So a receipt is
//! given for one candidate, once; what was seen is written down before anybody hears of it; and
//! the number of certificates is how often the split was ever used. Whoever was killed between
//! the two has seen nothing that anybody kept: the same receipt is given again, and that is
//! counted apart.

use serde::{Deserialize, Serialize};

use crate::data::share_interval;

/// Who was ever measured on the test split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestLedger {
    certificates: Vec<Certificate>,
    /// A candidate whose receipt is out.
    open: Option<String>,
    /// Receipts that were given a second time, for the first was lost.
    broken_off: u64,
    /// Looks that were counted by a ledger that is lost.
    #[serde(default)]
    lost: u32,
}

/// Leave to look at the test split once, for one candidate. The ledger alone gives it.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    candidate: String,
}

/// What was seen of one candidate on the test split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What the candidate is: the keys of its trials.
    pub candidate: String,
    /// Its place among all that were ever certified on this split, counted from 1.
    pub number: u64,
    /// What each of its nets had right, by seed.
    pub nets: Vec<NetResult>,
}

/// What one net had right of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetResult {
    /// Cross-entropy in nats, summed over the items; none where it is no number.
    pub nll: Option<f64>,
    /// Images, or words, that it had right.
    pub correct: u64,
    /// Images or words of the split.
    pub items: u64,
    /// Which images: a bit for each in the order of the split, four in a hexadecimal digit, the
    /// first image in the highest bit; empty of text.
    pub right: String,
    /// Of text, block by block: the cross-entropy in nats, summed, and how many words; empty of
    /// images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<(f64, u64)>,
}

/// What the ledger answers to a candidate.
#[derive(Debug, PartialEq)]
pub enum Opening {
    /// It was measured before.
    Known(Certificate),
    /// It may be measured.
    Open(Receipt),
}

impl TestLedger {
    /// A ledger that goes on from one that is lost, of which only the number of looks is known.
    pub fn after(lost: u32) -> Self {
        Self { lost, ..Self::default() }
    }

    /// Asks for leave to look at the test split for `candidate`.
    pub fn open(&mut self, candidate: &str) -> Opening {
        if let Some(known) = self.certificates.iter().find(|known| known.candidate == candidate) {
            return Opening::Known(known.clone());
        }
        self.broken_off += u64::from(self.open.is_some());
        self.open = Some(candidate.to_owned());
        Opening::Open(Receipt { candidate: candidate.to_owned() })
    }

    /// Takes the receipt back, and writes down what was seen.
    pub fn close(&mut self, receipt: Receipt, nets: Vec<NetResult>) -> Certificate {
        let number = self.uses() + 1;
        let certificate = Certificate { candidate: receipt.candidate, number, nets };
        self.certificates.push(certificate.clone());
        self.open = None;
        certificate
    }

    /// How often the test split was ever used.
    pub fn uses(&self) -> u64 {
        u64::from(self.lost) + self.certificates.len() as u64
    }

    /// Receipts that were given a second time, for whoever had the first was killed.
    pub const fn broken_off(&self) -> u64 {
        self.broken_off
    }

    /// All certificates, the oldest first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }
}

impl NetResult {
    /// What a net had right, image by image.
    pub fn new(nll: f64, right: &[bool]) -> Self {
        let digit = |bits: &[bool]| {
            let of = |at: usize| u32::from(bits.get(at).copied().unwrap_or(false));
            char::from_digit((of(0) << 3) | (of(1) << 2) | (of(2) << 1) | of(3), 16).unwrap_or('0')
        };
        Self {
            nll: nll.is_finite().then_some(nll),
            correct: right.iter().filter(|&&right| right).count() as u64,
            items: right.len() as u64,
            right: right.chunks(4).map(digit).collect(),
            blocks: Vec::new(),
        }
    }

    /// What a net had right of a text: so many words, and of each block its cross-entropy in nats,
    /// summed, and its number of words.
    pub fn of_text(correct: u64, blocks: Vec<(f64, u64)>) -> Self {
        let nll: f64 = blocks.iter().map(|(nll, _)| nll).sum();
        let items = blocks.iter().map(|(_, words)| words).sum();
        // What is no number is no JSON either.
        let blocks = if nll.is_finite() { blocks } else { Vec::new() };
        let nll = nll.is_finite().then_some(nll);
        Self { nll, correct, items, right: String::new(), blocks }
    }

    /// Whether it had each image right, in the order of the split.
    pub fn images(&self) -> Vec<bool> {
        let digits = self.right.chars().map(|digit| digit.to_digit(16).unwrap_or(0));
        let bits = digits.flat_map(|digit| [3, 2, 1, 0].map(|bit| (digit >> bit) & 1 == 1));
        bits.take(self.items as usize).collect()
    }

    /// Of text, the perplexity; infinite where it is no number.
    pub fn perplexity(&self) -> Option<f64> {
        let nll = self.nll.unwrap_or(f64::INFINITY);
        (!self.blocks.is_empty()).then(|| (nll / self.items as f64).exp())
    }

    /// The share of images, or words, that it had right, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.items.max(1) as f64
    }

    /// The ends of the accuracy's 95 % interval (Wilson, 1927): what it may be on other images of
    /// the same kind.
    pub fn interval(&self) -> [f64; 2] {
        share_interval(self.correct, self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(right: &[bool]) -> Vec<NetResult> {
        vec![NetResult::new(1.5, right)]
    }

    fn receipt(opening: Opening) -> Receipt {
        let Opening::Open(receipt) = opening else { panic!("{opening:?}") };
        receipt
    }

    #[test]
    fn a_candidate_is_looked_at_once_and_counted() {
        let mut ledger = TestLedger::default();
        let first = receipt(ledger.open("a"));
        let seen = ledger.close(first, result(&[true, false]));
        assert_eq!((ledger.uses(), seen.number), (1, 1));
        assert_eq!(ledger.open("a"), Opening::Known(seen));
        let second = receipt(ledger.open("b"));
        assert_eq!(ledger.close(second, result(&[true])).number, 2);
        assert_eq!((ledger.uses(), ledger.broken_off()), (2, 0));
    }

    #[test]
    fn a_look_that_was_broken_off_is_taken_again_and_counted_apart() {
        let mut ledger = TestLedger::default();
        receipt(ledger.open("a"));
        let text = serde_json::to_string(&ledger).unwrap();
        let mut again: TestLedger = serde_json::from_str(&text).unwrap();
        let receipt = receipt(again.open("a"));
        again.close(receipt, result(&[true]));
        assert_eq!((again.uses(), again.broken_off()), (1, 1));
    }

    #[test]
    fn a_ledger_that_is_lost_is_counted_on() {
        let mut ledger = TestLedger::after(7);
        assert_eq!((ledger.uses(), ledger.certificates().len()), (7, 0));
        let receipt = receipt(ledger.open("a"));
        assert_eq!(ledger.close(receipt, result(&[true])).number, 8);
        assert_eq!(ledger.uses(), 8);
    }

    #[test]
    fn bits_read_back_whatever_their_number() {
        for n in 0..10 {
            let right: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
            let found = NetResult::new(f64::NAN, &right);
            assert_eq!(found.images(), right);
            assert_eq!((found.nll, found.items), (None, n as u64));
        }
        assert_eq!(NetResult::new(0.0, &[true, false, true, true, true]).right, "b8");
    }
}
