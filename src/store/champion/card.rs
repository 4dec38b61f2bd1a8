//! `card.json`: what was measured of a champion, how, on what, and against whom.

use serde::{Deserialize, Serialize};

use crate::data::{NetResult, Sizes};
use crate::numbers::{deviation, mean};
use crate::search::{Champion, FinalConfig, Objective, PairReport, Rival, Score};
use crate::store::champion::model::ModelCard;
use crate::store::champion::parts::{ChampionParts, Verdicts};

/// What was measured of a champion: `card.json`. Accuracies are shares, 0 to 1.
///
/// Three kinds of numbers stand in it, which say different things: the *shared* score is that of
/// weights which all architectures share, and only ranks them; the *validation* scores are those of
/// nets trained from scratch, by which the champion was chosen; the *test* scores are of images
/// that nothing was chosen by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChampionCard {
    /// Version of this file's form: 1.
    pub format: u32,
    /// The canonical id.
    pub id: String,
    /// The architecture as it was drawn, in the native text form.
    pub arch: String,
    /// The search space, as in `micro`.
    pub space: String,
    /// Who drew it: `derive` for the policy, or `random`.
    pub arm: String,
    /// The cycle at whose end it was derived, counted from 0.
    pub cycle: u64,
    /// The number of the step that derived it, counted from 0.
    pub step: u64,
    /// Trainable parameters, without the auxiliary head.
    pub params: u64,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// What it was searched, trained and measured on.
    pub data: DataCard,
    /// How its nets were trained, and by which program.
    pub recipe: RecipeCard,
    /// Its score on the validation split with the shared weights.
    pub shared: MeasureCard,
    /// The scores of its nets on the validation split.
    pub valid: ValidCard,
    /// The seed of the net whose files these are: the best by validation.
    pub seed: u32,
    /// What that net has right of the test split; none where there is no such split.
    pub test: Option<TestCard>,
    /// The same of each of its nets, by seed; empty where there is no test split.
    pub tests: Vec<TestCard>,
    /// Which use of the test split these are, counted from 1: the more often a split was used, the
    /// less it says. 0 where there is no test split.
    pub certificate: u64,
    /// The best of the other arm in the same promotion: of as many draws, chosen by the same rule
    /// and trained with the same recipe, budget and seeds.
    pub rival: Option<RivalCard>,
    /// The policy's choices against those of uniform draws, once retrained, on the same images.
    pub comparison: PairCard,
    /// What all of it says, in words.
    pub verdicts: Verdicts,
}

/// What a champion was searched, trained and measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCard {
    /// The BLAKE3 of images, labels, class names and splits, in hexadecimal digits.
    pub blake3: String,
    /// Images of the training split.
    pub train: usize,
    /// Images of the validation split.
    pub valid: usize,
    /// Images of the test split; 0 where there is none.
    pub test: usize,
}

/// How nets were trained, and by which program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecipeCard {
    /// Version of the program.
    pub version: String,
    /// What computed the training: the executor with its instructions.
    pub executor: String,
    /// The BLAKE3 of the settings that the search depends on, in hexadecimal digits.
    pub config_hash: String,
    /// The seed of the run, from which every random number follows.
    pub run_seed: u64,
    /// The seeds of the nets.
    pub seeds: Vec<u32>,
    /// The settings `final.…` that they were trained with.
    #[serde(rename = "final")]
    pub settings: FinalConfig,
}

/// What was measured of a net.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureCard {
    /// The share of images, or words, that it has right.
    pub accuracy: f64,
    /// Images that it has right.
    pub correct: u64,
    /// Images of the split.
    pub items: u64,
    /// The cross-entropy in nats, averaged over the items; none where it is no number.
    pub nll: Option<f64>,
    /// Of text, what that is as a perplexity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perplexity: Option<f64>,
}

/// The scores of an architecture's nets on the validation split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValidCard {
    /// Each net's, by seed.
    pub nets: Vec<MeasureCard>,
    /// The mean of their accuracies.
    pub mean: f64,
    /// The standard deviation between seeds; none of one net.
    pub deviation: Option<f64>,
}

/// What a net has right of the test split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestCard {
    /// What was measured.
    #[serde(flatten)]
    pub measure: MeasureCard,
    /// The lower end of the accuracy's 95 % interval (Wilson): what it may be on other images of
    /// the same kind.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The best architecture of the arm that the champion does not come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RivalCard {
    /// Its canonical id.
    pub id: String,
    /// The architecture as it was drawn, in the native text form.
    pub arch: String,
    /// Who drew it: `derive` for the policy, or `random`.
    pub arm: String,
    /// Its score on the validation split with the shared weights.
    pub shared: MeasureCard,
    /// The scores of its nets on the validation split.
    pub valid: ValidCard,
    /// What each of its nets has right of the test split, by seed.
    pub tests: Vec<TestCard>,
}

/// The difference of test accuracies, the policy's choice less the uniform one, over all promotions
/// so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairCard {
    /// The mean difference; none where nothing was compared.
    pub mean: Option<f64>,
    /// The lower end of its 95 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// Pairs of architectures that were compared: one for each promotion.
    pub pairs: usize,
    /// The difference of this promotion's pair alone.
    pub own: Option<f64>,
}

impl ChampionCard {
    /// The latest form that this program reads.
    pub const FORMAT: u32 = 1;

    /// The card of the champion of `parts`, whose net is `model`.
    pub(super) fn new(parts: &ChampionParts<'_>, model: &ModelCard) -> Self {
        let (champion, objective) = (parts.champion, parts.task.objective());
        Self {
            format: Self::FORMAT,
            id: model.id.clone(),
            arch: model.arch.clone(),
            space: model.space.clone(),
            arm: champion.arm.name().to_owned(),
            cycle: champion.cycle,
            step: champion.step,
            params: model.params,
            multiply_adds: model.multiply_adds,
            data: DataCard::of(parts),
            recipe: RecipeCard::of(parts),
            shared: MeasureCard::of(champion.shared, objective),
            valid: ValidCard::of(&champion.valid, objective),
            seed: champion.seed,
            test: champion.tested().map(TestCard::of),
            tests: champion.test.iter().map(TestCard::of).collect(),
            certificate: champion.certificate,
            rival: champion.rival.as_ref().map(|rival| RivalCard::of(rival, objective)),
            comparison: PairCard::of(parts.pairs, champion),
            verdicts: parts.verdicts.clone(),
        }
    }
}

impl DataCard {
    fn of(parts: &ChampionParts<'_>) -> Self {
        let Sizes { train, valid, test } = parts.task.dataset().sizes();
        Self { blake3: parts.task.data().to_owned(), train, valid, test }
    }
}

impl RecipeCard {
    fn of(parts: &ChampionParts<'_>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            executor: parts.task.computed_by(),
            config_hash: parts.config_hash.to_owned(),
            run_seed: parts.task.seed(),
            seeds: (0..parts.champion.valid.len() as u32).collect(),
            settings: parts.champion.recipe,
        }
    }
}

impl MeasureCard {
    fn of(score: Score, objective: Objective) -> Self {
        let Score { nll, correct, items } = score;
        Self {
            accuracy: score.accuracy(),
            correct,
            items,
            nll: mean_nll(nll, items),
            perplexity: objective.perplexity(score),
        }
    }
}

/// The mean of a sum over `items`; none where it is no number.
fn mean_nll(sum: f64, items: u64) -> Option<f64> {
    Some(sum / items as f64).filter(|mean| mean.is_finite())
}

impl ValidCard {
    fn of(scores: &[Score], objective: Objective) -> Self {
        let nets: Vec<_> = scores.iter().map(|&score| MeasureCard::of(score, objective)).collect();
        let accuracies: Vec<f64> = nets.iter().map(|net| net.accuracy).collect();
        Self { nets, mean: mean(&accuracies), deviation: deviation(&accuracies) }
    }
}

impl TestCard {
    fn of(net: &NetResult) -> Self {
        let &NetResult { nll, correct, items, .. } = net;
        let [low, high] = net.interval();
        let nll = nll.and_then(|sum| mean_nll(sum, items));
        let (accuracy, perplexity) = (net.accuracy(), net.perplexity());
        Self { measure: MeasureCard { accuracy, correct, items, nll, perplexity }, low, high }
    }
}

impl RivalCard {
    fn of(rival: &Rival, objective: Objective) -> Self {
        Self {
            id: rival.arch.id(),
            arch: rival.arch.to_string(),
            arm: rival.arm.name().to_owned(),
            shared: MeasureCard::of(rival.shared, objective),
            valid: ValidCard::of(&rival.valid, objective),
            tests: rival.test.iter().map(TestCard::of).collect(),
        }
    }
}

impl PairCard {
    fn of(report: PairReport, champion: &Champion) -> Self {
        let interval = report.interval;
        Self {
            mean: interval.map(|interval| interval.mean),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            pairs: report.pairs,
            own: champion.rival.as_ref().and_then(|rival| Some(rival.pair?.difference)),
        }
    }
}
