//! What nets have right, in words.

use enasd::actors::{ChampionStatus, ScoreView, nth};
use enasd::search::{Arm, Objective};

use crate::printer::or_dash;

/// The name of what a net multiplies and adds for one that it reads.
pub(crate) const fn multiply_adds(is_of_words: bool) -> &'static str {
    if is_of_words { "multiply-adds a word" } else { "multiply-adds an image" }
}

/// What a validation batch holds.
pub(crate) const fn items_of(objective: Objective) -> &'static str {
    if objective.is_of_words() { "words" } else { "images" }
}

/// The champion with what its net has right.
pub(crate) fn champion(champion: &ChampionStatus) -> String {
    let ChampionStatus { id, arm, cycle, .. } = champion;
    let valid = or_dash(champion.valid_score(), |score| held_out(score, "validation"));
    let test = champion.test_score();
    let test = test.map_or_else(|| "not tested".to_owned(), |score| held_out(score, "test"));
    let who = if arm == Arm::Random.name() { "random draws" } else { "the policy" };
    let cycle = nth(*cycle);
    format!("{id} by {who} in cycle {cycle}, {valid}, {test}")
}

/// What a net has right of a split.
pub(crate) fn held_out(score: ScoreView, split: &str) -> String {
    match score.perplexity {
        Some(_) => format!("{} on the {split} text", score.shown()),
        None => format!("{} of the {split} images", score.shown()),
    }
}
