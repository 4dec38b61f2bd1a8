//! What the status says of retraining: what is under way, the champion, and what all of it says of
//! the search.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::ScoreView;
use crate::search::{
    Champion, Interval, Objective, PairReport, Promotion, RankCorrelation, Search, TrialReport,
};

/// Retraining, and what came of it. Accuracies are shares, 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FinalsStatus {
    /// The promotion under way.
    pub retraining: Option<RetrainingStatus>,
    /// Promotions that were asked for and wait.
    pub waiting: u64,
    /// The best architecture so far, once retrained.
    pub champion: Option<ChampionStatus>,
    /// The policy's choices against those of uniform draws, once retrained.
    pub comparison: RetrainedStatus,
    /// Whether shared scores order architectures as retraining does.
    pub rank_correlation: RankCorrelationStatus,
    /// How often the test split was ever used.
    pub test_uses: u64,
}

/// A promotion under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrainingStatus {
    /// Why: `cycle`, or `request`.
    pub cause: String,
    /// The cycle that it belongs to, counted from 0.
    pub cycle: u64,
    /// Nets that are trained.
    pub trials: u64,
    /// Nets that will have been trained at its end.
    pub of: u64,
    /// Those under way.
    pub running: Vec<TrialStatus>,
}

/// A net in training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrialStatus {
    /// The architecture's id.
    pub id: String,
    /// Which of its nets, counted from 0.
    pub seed: u32,
    /// Epochs that are finished.
    pub epoch: u64,
    /// Epochs of the whole training.
    pub epochs: u64,
    /// Cross-entropy on the training batches of the last epoch, in nats.
    pub loss: Option<f64>,
    /// Accuracy on them.
    pub train_accuracy: Option<f64>,
}

/// The champion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChampionStatus {
    /// Its id.
    pub id: String,
    /// The architecture in its native text form, as it was drawn.
    pub arch: String,
    /// Who drew it: `derive` for the policy, or `random`.
    pub arm: String,
    /// The cycle, counted from 0.
    pub cycle: u64,
    /// Its score with the shared weights.
    pub shared: ScoreView,
    /// The validation score of each of its nets, by seed.
    pub valid: Vec<ScoreView>,
    /// The test score of each of its nets, by seed; empty where there is no test split.
    pub test: Vec<ScoreView>,
    /// The seed of the net that is handed out: the best by validation.
    pub seed: u32,
}

/// The policy's choices against those of uniform draws, retrained, on the same test images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrainedStatus {
    /// Mean difference of test accuracies, policy less random.
    pub mean: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Pairs of architectures that were compared: one for each promotion.
    pub pairs: u64,
    /// The verdict in words.
    pub verdict: String,
}

/// Kendall's τ between shared and retrained scores, beside the most that it could be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RankCorrelationStatus {
    /// Architectures that were retrained.
    pub archs: u64,
    /// τ with its 95 % interval: mean, lower and upper end; none with too few architectures.
    pub tau: Option<[f64; 3]>,
    /// τ between two retrainings of the same architectures: no shared score can reach more.
    pub ceiling: Option<[f64; 3]>,
}

impl FinalsStatus {
    /// What `search` says, with the trials under way.
    pub(super) fn of(search: &Search, running: &[TrialStatus], test_uses: u64) -> Self {
        let (finals, objective) = (search.finals(), search.task().objective);
        let retraining = finals.under_way.as_ref();
        Self {
            retraining: retraining.map(|promotion| RetrainingStatus::of(promotion, running)),
            waiting: finals.waiting.len() as u64,
            champion: finals.champion.as_ref().map(|found| ChampionStatus::of(found, objective)),
            comparison: RetrainedStatus::of(&PairReport::of(&finals.pairs)),
            rank_correlation: RankCorrelationStatus::default(),
            test_uses,
        }
    }
}

impl RetrainingStatus {
    fn of(promotion: &Promotion, running: &[TrialStatus]) -> Self {
        let (of, trials) = promotion.trials();
        Self {
            cause: promotion.cause.name().to_owned(),
            cycle: promotion.cycle,
            trials: trials as u64,
            of: of as u64,
            running: running.to_vec(),
        }
    }
}

impl TrialStatus {
    /// An epoch is over.
    pub(super) fn observe(&mut self, report: &TrialReport) {
        let number = |value: f64| value.is_finite().then_some(value);
        self.epoch = report.epoch;
        (self.loss, self.train_accuracy) = (number(report.loss), number(report.measure));
    }
}

impl ChampionStatus {
    fn of(champion: &Champion, objective: Objective) -> Self {
        let test = champion.test.iter().map(|net| ScoreView {
            accuracy: net.accuracy(),
            correct: net.correct,
            items: net.items,
        });
        Self {
            id: champion.arch.id(),
            arch: champion.arch.to_string(),
            arm: champion.arm.name().to_owned(),
            cycle: champion.cycle,
            shared: ScoreView::of(champion.shared, objective),
            valid: champion.valid.iter().map(|&s| ScoreView::of(s, objective)).collect(),
            test: test.collect(),
            seed: champion.seed,
        }
    }
}

impl RetrainedStatus {
    fn of(report: &PairReport) -> Self {
        Self {
            mean: report.interval.map(|interval| interval.mean),
            low: report.interval.map(|interval| interval.low),
            high: report.interval.map(|interval| interval.high),
            pairs: report.pairs as u64,
            verdict: report.verdict().name().to_owned(),
        }
    }
}

impl RankCorrelationStatus {
    /// The published form of `found`.
    pub(super) fn of(found: &RankCorrelation) -> Self {
        let three = |interval: Interval| [interval.mean, interval.low, interval.high];
        Self {
            archs: found.archs as u64,
            tau: found.tau.map(three),
            ceiling: found.ceiling.map(three),
        }
    }
}
