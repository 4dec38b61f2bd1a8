//! What the status says of retraining: what is under way, the champion, and what all of it says of
//! the search.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::ScoreView;
use crate::search::{
    Champion, Comparison, FinalConfig, Interval, Objective, PairReport, Promotion, RankCorrelation,
    Ruling, Search, TrialReport, Verdict,
};
use crate::telemetry::{IntervalNumbers, Metrics, RankLabel, RulingLabel};

/// Retraining, and what came of it. Accuracies are shares, 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct FinalsStatus {
    /// The promotion under way.
    pub retraining: Option<RetrainingStatus>,
    /// Promotions that were asked for and wait.
    pub waiting: u64,
    /// The stratified sample that is retrained beside the search.
    pub sample: Option<RetrainingStatus>,
    /// The best architecture so far, once retrained.
    pub champion: Option<ChampionStatus>,
    /// The policy's choices against those of uniform draws, once retrained.
    pub comparison: RetrainedStatus,
    /// Whether shared scores order architectures as retraining does.
    pub rank_correlation: RankCorrelationStatus,
    /// How often the test split was ever used.
    pub test_uses: u64,
    /// Why nothing can be certified, where what is seen of the test split cannot be written down.
    pub unwritten: Option<String>,
}

/// A promotion under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RetrainingStatus {
    /// Why: `cycle`, `request` or `sample`.
    pub cause: String,
    /// The cycle that it belongs to, counted from 0.
    pub cycle: u64,
    /// Nets that are trained.
    pub trials: u64,
    /// Nets that will have been trained at its end.
    pub of: u64,
    /// Epochs of the whole training of a net.
    pub epochs: u64,
    /// Epochs that all nets will have been trained for together.
    #[serde(default)]
    pub epochs_of: u64,
    /// Epochs of finished nets.
    #[serde(default)]
    pub epochs_done: u64,
    /// The rung of successive halving, counted from 0.
    #[serde(default)]
    pub rung: u64,
    /// How many rungs there are; 1 without halving.
    #[serde(default)]
    pub rungs: u64,
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
    /// Epochs that it had at an earlier rung.
    #[serde(default)]
    pub began: u64,
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
    /// Mean difference of test accuracies, policy less random, whatever the objective.
    pub mean: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Pairs of architectures that were compared: one for each promotion.
    pub pairs: u64,
    /// The verdict in a few words.
    pub verdict: String,
    /// The verdict in a sentence, with the reason where nothing is measured yet.
    pub sentence: String,
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
    /// Follows what `search` says, with the trials under way; but for the rank correlation, which
    /// takes a while and changes with the end of a promotion only.
    pub(super) fn follow(&mut self, search: &Search, running: &[TrialStatus], test_uses: u64) {
        let (finals, task) = (search.finals(), search.task());
        let objective = task.objective;
        let retraining = finals.under_way.as_ref();
        let report = PairReport::of(&finals.pairs);
        let why = why_unmeasured(report.pairs, task.dataset.has_test(), &task.config.finals);
        self.retraining = retraining.map(|found| RetrainingStatus::of(found, objective, running));
        self.waiting = finals.waiting.len() as u64;
        let sample = finals.sample.as_ref();
        self.sample = sample.map(|found| RetrainingStatus::of(found, objective, &[]));
        self.champion = finals.champion.as_ref().map(|found| ChampionStatus::of(found, objective));
        self.comparison = RetrainedStatus::of(&report, why);
        self.test_uses = test_uses;
    }

    /// Follows how far retrained scores agree with shared ones.
    pub(super) fn correlate(&mut self, search: &Search) {
        let found = RankCorrelation::of(&search.finals().retrained, &search.task().config);
        self.rank_correlation = RankCorrelationStatus::of(&found);
    }

    /// Shows it in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        let running = self.retraining.as_ref().map_or(0, |retraining| retraining.running.len());
        metrics.trials_running(running);
        metrics.test_split_uses(self.test_uses);
        if let Some(champion) = &self.champion {
            let accuracy = |score: Option<ScoreView>| score.map(|score| score.accuracy);
            let [valid, test] = [champion.valid_score(), champion.test_score()];
            metrics.champion(accuracy(valid), accuracy(test));
            let perplexity = |score: Option<ScoreView>| score?.perplexity;
            metrics.champion_perplexity(perplexity(valid), perplexity(test));
        }
        let RetrainedStatus { mean, low, high, .. } = self.comparison;
        if let (Some(mean), Some(low), Some(high)) = (mean, low, high) {
            metrics.retrained_advantage(IntervalNumbers { mean, low, high });
        }
        let RankCorrelationStatus { archs, tau, ceiling } = self.rank_correlation;
        metrics.retrained_archs(archs);
        for (of, found) in [(RankLabel::Shared, tau), (RankLabel::Ceiling, ceiling)] {
            if let Some([mean, low, high]) = found {
                metrics.rank_correlation(of, IntervalNumbers { mean, low, high });
            }
        }
    }
}

impl From<&Ruling> for RulingLabel {
    fn from(ruling: &Ruling) -> Self {
        match ruling {
            Ruling::First => Self::First,
            Ruling::Replaces { .. } => Self::Replaces,
            Ruling::Stays { .. } => Self::Stays,
            Ruling::Same => Self::Same,
            Ruling::Measured => Self::Measured,
        }
    }
}

impl RetrainingStatus {
    /// The published form of `promotion`, with the trials under way.
    pub(super) fn of(promotion: &Promotion, objective: Objective, running: &[TrialStatus]) -> Self {
        let (of, trials) = promotion.trials();
        let (epochs_of, epochs_done) = promotion.epochs();
        let (rung, rungs) = promotion.rung(objective);
        Self {
            epochs_of,
            epochs_done,
            rung: rung as u64,
            rungs: rungs as u64,
            cause: promotion.cause.name().to_owned(),
            cycle: promotion.cycle,
            trials: trials as u64,
            of: of as u64,
            epochs: promotion.recipe.epochs,
            running: running.to_vec(),
        }
    }

    /// Finished epochs of all nets, and those that they will have taken together.
    pub fn progress(&self) -> (u64, u64) {
        let running = self.running.iter().map(|trial| trial.epoch.saturating_sub(trial.began));
        ((self.epochs_done + running.sum::<u64>()).min(self.epochs_of), self.epochs_of)
    }
}

impl TrialStatus {
    /// An epoch is over.
    pub(super) fn observe(&mut self, report: &TrialReport) {
        let number = |value: f64| value.is_finite().then_some(value);
        self.epoch = report.epoch;
        (self.loss, self.train_accuracy) = (number(report.loss), number(report.accuracy));
    }
}

impl ChampionStatus {
    fn of(champion: &Champion, objective: Objective) -> Self {
        let test = champion.test.iter().map(ScoreView::of_test);
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

    /// What the net that is handed out has right of the validation split.
    pub fn valid_score(&self) -> Option<ScoreView> {
        self.valid.get(self.seed as usize).copied()
    }

    /// The same of the test split; nothing where there is none.
    pub fn test_score(&self) -> Option<ScoreView> {
        self.test.get(self.seed as usize).copied()
    }
}

impl RetrainedStatus {
    /// The published form of the comparison; `why` it is not measured, where it is not.
    fn of(report: &PairReport, why: &str) -> Self {
        let verdict = report.verdict();
        let sentence = verdict.sentence(Comparison::Retrained);
        Self {
            mean: report.interval.map(|interval| interval.mean),
            low: report.interval.map(|interval| interval.low),
            high: report.interval.map(|interval| interval.high),
            pairs: report.pairs as u64,
            verdict: verdict.name(Comparison::Retrained).to_owned(),
            sentence: match verdict {
                Verdict::NotMeasured => format!("{sentence}: {why}"),
                _ => sentence.to_owned(),
            },
        }
    }
}

/// Why nobody knows which arm is better once retrained, where nobody does.
fn why_unmeasured(pairs: usize, has_test: bool, config: &FinalConfig) -> &'static str {
    match pairs {
        1.. => "nets of one seed say nothing of noise, set `final.seeds` to 2 or more",
        0 if !has_test => "there is no test split, `data.test_share` keeps one",
        0 if config.candidates == 0 => "nothing is retrained, for `final.candidates` is 0",
        0 => "no promotion has ended",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::MetricsSetup;

    #[track_caller]
    fn check(pairs: usize, has_test: bool, candidates: usize, reason: &str) {
        let config = FinalConfig { candidates, ..FinalConfig::default() };
        let report = PairReport { pairs, interval: None };
        let found = RetrainedStatus::of(&report, why_unmeasured(pairs, has_test, &config));
        assert_eq!(found.verdict, "not measured yet");
        assert!(found.sentence.contains("once retrained") && found.sentence.ends_with(reason));
    }

    #[test]
    fn a_comparison_that_is_not_measured_says_why() {
        check(0, true, 2, "not measured yet: no promotion has ended");
        check(0, true, 0, "nothing is retrained, for `final.candidates` is 0");
        check(0, false, 2, "there is no test split, `data.test_share` keeps one");
        check(1, true, 2, "nets of one seed say nothing of noise, set `final.seeds` to 2 or more");
    }

    #[test]
    fn a_comparison_that_is_measured_says_no_reason() {
        let interval = Some(Interval { mean: 0.02, low: 0.01, high: 0.03 });
        let found = RetrainedStatus::of(&PairReport { pairs: 3, interval }, "it was not");
        assert_eq!(found.verdict, "better once retrained");
        assert!(found.sentence.ends_with("the best of as many random draws"), "{found:?}");
    }

    #[test]
    fn the_metrics_show_what_the_status_says() {
        let score = |accuracy| ScoreView { accuracy, ..ScoreView::default() };
        let champion = ChampionStatus {
            valid: [0.5, 0.9].map(score).to_vec(),
            test: [0.25, 0.875].map(score).to_vec(),
            seed: 1,
            ..ChampionStatus::default()
        };
        let found = RankCorrelation { archs: 12, ..RankCorrelation::default() };
        let mut status = FinalsStatus {
            champion: Some(champion),
            rank_correlation: RankCorrelationStatus::of(&found),
            test_uses: 4,
            ..FinalsStatus::default()
        };
        let ceiling = Some([0.75, 0.5, 1.0]);
        status.rank_correlation.ceiling = ceiling;
        let metrics = Metrics::new(MetricsSetup {
            version: "0".to_owned(),
            device_wanted: "cpu".to_owned(),
            device_used: "cpu".to_owned(),
            ..MetricsSetup::default()
        });
        let metrics = metrics.unwrap();
        status.show(&metrics);
        let scrape = metrics.render();
        for line in [
            "enas_champion_score_ratio{split=\"valid\"} 0.9",
            "enas_champion_score_ratio{split=\"test\"} 0.875",
            "enas_retrained_archs 12",
            "enas_rank_correlation{of=\"shared\",bound=\"mean\"} NaN",
            "enas_rank_correlation{of=\"ceiling\",bound=\"low\"} 0.5",
            "enas_retrained_advantage_ratio{bound=\"mean\"} NaN",
            "enas_test_split_uses 4",
        ] {
            assert!(scrape.lines().any(|found| found == line), "{line} is not in\n{scrape}");
        }
    }

    #[test]
    fn epochs_of_all_nets_add_up() {
        let trial = |epoch, began| TrialStatus { epoch, began, ..TrialStatus::default() };
        // One goes on from the fifth epoch.
        let running = vec![trial(9, 5), trial(2, 0)];
        let (epochs_done, epochs_of) = (45, 120);
        let retraining = RetrainingStatus { epochs_of, epochs_done, running, ..Default::default() };
        assert_eq!(retraining.progress(), (51, 120));
        // One that is finished is told twice for a moment.
        let done = RetrainingStatus { epochs_done: 120, ..retraining };
        assert_eq!(done.progress(), (120, 120));
    }
}
