//! A score as it is published.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::data::{NetResult, share_interval};
use crate::numbers::percent;
use crate::search::{Objective, Score};

/// What was measured of an architecture on the whole validation split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreView {
    /// The share of items that it has right, 0 to 1.
    pub accuracy: f64,
    /// Items that it has right.
    pub correct: u64,
    /// Items of the split: images, or words.
    pub items: u64,
    /// The perplexity, of text alone; JSON has `null` for one that is infinite, or no number.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub perplexity: Option<f64>,
}

/// A number that is there: `null` stands for one that JSON cannot have.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY)))
}

impl ScoreView {
    /// The lower and the upper end of the 95 % interval of the share (Wilson, 1927): such as other
    /// items of the same kind may give.
    pub fn interval(&self) -> [f64; 2] {
        share_interval(self.correct, self.items)
    }

    /// The accuracy, or the perplexity of text, as people read it.
    pub fn shown(&self) -> String {
        match self.perplexity {
            Some(perplexity) => format!("perplexity {perplexity:.2}"),
            None => percent(self.accuracy),
        }
    }

    /// The same with the images or words of `split` that it stands on.
    pub fn told(&self, split: &str) -> String {
        let (shown, Self { correct, items, .. }) = (self.shown(), self);
        match self.perplexity {
            Some(_) => format!("{shown} on {items} {split} words"),
            None => format!("{shown}, {correct} of {items} {split} images"),
        }
    }

    /// What a net had right of the test split.
    pub fn of_test(net: &NetResult) -> Self {
        let &NetResult { correct, items, .. } = net;
        Self { accuracy: net.accuracy(), correct, items, perplexity: net.perplexity() }
    }

    /// How `objective` tells `score`.
    pub fn of(score: Score, objective: Objective) -> Self {
        let Score { correct, items, .. } = score;
        Self { accuracy: score.accuracy(), correct, items, perplexity: objective.perplexity(score) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perplexity_that_is_no_number_stays_one_of_text() {
        let of = |nll| Score { nll, correct: 1, items: 10 };
        for nll in [f64::NAN, f64::INFINITY] {
            let told = ScoreView::of(of(nll), Objective::Perplexity);
            let json = serde_json::to_string(&told).unwrap();
            assert!(json.contains("\"perplexity\":null"), "{json}");
            let read: ScoreView = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (read, read.told("test")),
                (told, "perplexity inf on 10 test words".to_owned())
            );
        }
        let images = ScoreView::of(of(1.0), Objective::NegLogNll);
        let json = serde_json::to_string(&images).unwrap();
        assert_eq!(serde_json::from_str::<ScoreView>(&json).unwrap(), images);
        assert_eq!(images.told("test"), "10.00 %, 1 of 10 test images");
    }
}
