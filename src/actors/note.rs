//! Notes: what is worth an event, and in which words. They are what a person reads in the morning.

use actix::Message;

use crate::actors::{
    AdvantageStatus, BestStatus, PlaceStatus, RetrainedStatus, ScoreReply, ScoreView, nth,
};
use crate::data::Certificate;
use crate::numbers::percent;
use crate::search::{Cause, Conclusion, FinalConfig, Promotion, Ruling, Search};
use crate::store::StoreError;
use crate::telemetry::unix_millis;

/// Events that wait at most; they are small, and nobody reads more.
pub(super) const MAX_NOTES: usize = 1000;

/// So many checkpoints fit on a disk that is nearly full, and fewer: the alert of a low disk has
/// the same limit.
const LOW_CHECKPOINTS: u64 = 4;

/// So many fit on one that is fine again: more, so that a disk at the limit is not told of twice a
/// minute.
const FINE_CHECKPOINTS: u64 = 6;

/// How the run before this one on the same state ended, with the finished steps after its last
/// checkpoint, which are taken again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastRun {
    /// There was none.
    #[default]
    None,
    /// It said how it ended.
    Stopped {
        /// What it said.
        message: String,
        /// Finished steps that are taken again.
        again: u64,
    },
    /// It said nothing.
    Killed {
        /// Finished steps that are taken again.
        again: u64,
    },
}

/// Writes an event for people; one that cannot be written is tried again. Controller → Keeper,
/// and whoever has one → Controller, which answers at once.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Note {
    /// When it happened, in milliseconds since 1970.
    pub unix_ms: i64,
    /// What kind, one word.
    pub kind: &'static str,
    /// What happened.
    pub message: String,
}

impl Note {
    /// What happens now.
    pub fn new(kind: &'static str, message: String) -> Self {
        Self { unix_ms: unix_millis(), kind, message }
    }

    /// The start of a search that stands before step `number`.
    pub(super) fn start(number: u64, last: &LastRun) -> Self {
        let (how, again) = match last {
            LastRun::None => return Self::new("start", "the search begins".to_owned()),
            LastRun::Stopped { message, again } => (message.as_str(), again),
            LastRun::Killed { again } => ("it was killed, or the machine went down", again),
        };
        let lost = match again {
            0 => "no finished step was lost".to_owned(),
            1 => "1 finished step is taken again".to_owned(),
            n => format!("{n} finished steps are taken again"),
        };
        let at = nth(number);
        Self::new("start", format!("goes on at search step {at}; the run before: {how}; {lost}"))
    }

    /// The best architecture is another, or has a better score.
    pub(super) fn best(best: &BestStatus, before: Option<&BestStatus>) -> Self {
        let replaced = match before {
            Some(before) if before.id == best.id => format!(", {} before", score(before)),
            Some(before) => format!("; it replaces {} with {}", before.id, score(before)),
            None => "; the first of this search".to_owned(),
        };
        let (found, ScoreView { correct, items, .. }) = (score(best), best.score);
        let id = &best.id;
        let text = format!("{id}: {found}, {correct} of {items} validation images{replaced}");
        Self::new("best", text)
    }

    /// Somebody had an architecture scored, given in `form`.
    pub(super) fn scored(id: &str, form: &str, reply: &ScoreReply) -> Self {
        let ScoreView { accuracy, correct, items } = reply.score;
        let (accuracy, at) = (percent(accuracy), nth(reply.step));
        let text = format!(
            "{id}, given as {form}: {accuracy}, {correct} of {items} validation images before \
             search step {at}"
        );
        Self::new("score", text)
    }

    /// The end of the cycle that `place` is in.
    pub(super) fn cycle(
        place: &PlaceStatus,
        best: Option<&BestStatus>,
        advantage: &AdvantageStatus,
    ) -> Self {
        let best = best.map_or_else(String::new, |best| {
            let id = &best.id;
            format!(
                "the best architecture so far is {id}, {} with the shared weights; ",
                score(best)
            )
        });
        let verdict = shared_comparison(advantage);
        Self::new("cycle", format!("cycle {} ended; {best}{verdict}", place.nth_cycle()))
    }

    /// Candidates are retrained.
    pub(super) fn promotion(promotion: &Promotion) -> Self {
        let FinalConfig { seeds, epochs, .. } = promotion.recipe;
        let n = promotion.candidates.len();
        let why = match promotion.cause {
            Cause::Cycle => format!("after cycle {}", nth(promotion.cycle)),
            Cause::Request => "as asked".to_owned(),
            Cause::Sample => "beside the search".to_owned(),
        };
        let text = format!(
            "{why}: {n} architecture{} from scratch, {seeds} net{} each, {epochs} epoch{}",
            plural(n),
            plural(seeds),
            plural(epochs as usize)
        );
        Self::new("retrain", text)
    }

    /// The stratified sample is retrained.
    pub(super) fn sample(sample: &Promotion) -> Self {
        let (n, cycle) = (sample.candidates.len(), nth(sample.cycle));
        let text = format!(
            "{n} uniform draw{} of cycle {cycle}, from the worst to the best, are retrained beside \
             the search",
            plural(n)
        );
        Self::new("sample", text)
    }

    /// A candidate was measured on the test split.
    pub(super) fn certified(id: &str, certificate: &Certificate) -> Self {
        let each = certificate.nets.iter().map(|net| percent(net.accuracy()));
        let each = each.collect::<Vec<_>>().join(", ");
        let items = certificate.nets.first().map_or(0, |net| net.items);
        let n = certificate.number;
        Self::new(
            "certified",
            format!("{id}: {each} of {items} test images; use {n} of that split"),
        )
    }

    /// What is seen of the test split cannot be written down.
    pub(super) fn certification_waits(why: &str) -> Self {
        let text = format!("nothing is certified until it can be written down: {why}");
        Self::new("certification-failed", text)
    }

    /// What a promotion led to.
    pub(super) fn conclusion(conclusion: &Conclusion, search: &Search) -> Self {
        let objective = search.task().objective;
        let Conclusion { promotion, best, ruling, .. } = conclusion;
        let found = best.map(|place| {
            let candidate = &promotion.candidates[place];
            let mean = candidate.mean_reward(objective).unwrap_or_default();
            format!(
                "{} of the {} arm, {} on average",
                candidate.arch.id(),
                candidate.arm.name(),
                percent(mean)
            )
        });
        let found = found.unwrap_or_else(|| "no candidate".to_owned());
        let points = |by: &f64, margin: &f64| {
            format!(
                "by {:+.2} points, of which {:.2} are noise between seeds",
                100.0 * by,
                100.0 * margin
            )
        };
        let text = match ruling {
            Ruling::First => format!("{found}: the first champion"),
            Ruling::Replaces { by, margin } => {
                format!("{found}: better than the champion before {}", points(by, margin))
            }
            Ruling::Stays { by, margin } => {
                format!("the champion stays: the best now is {found}, {}", points(by, margin))
            }
            Ruling::Same => format!("the champion stays: {found} is the champion again"),
            Ruling::Measured => {
                let each = promotion.candidates.iter().map(|candidate| {
                    let mean = candidate.mean_reward(objective).map_or_else(String::new, percent);
                    format!("{}: {mean} of the validation images", candidate.arch.id())
                });
                each.collect::<Vec<_>>().join("; ")
            }
        };
        let kind = match ruling {
            Ruling::First | Ruling::Replaces { .. } => "champion",
            _ => "retrained",
        };
        Self::new(kind, text)
    }

    /// Checkpoints cannot be written any more.
    pub(super) fn checkpoint_failed(why: &StoreError) -> Self {
        let message = format!("{why}; the search goes on, and it is tried again");
        Self::new("checkpoint-failed", message)
    }

    /// Checkpoints can be written again, after so many that could not; this one resumes at `step`.
    pub(super) fn checkpoint_saved(step: u64, failures: u64) -> Self {
        let (at, times) = (nth(step), if failures == 1 { "time" } else { "times" });
        let message = format!("at search step {at}, after it failed {failures} {times}");
        Self::new("checkpoint-saved", message)
    }

    /// A write to the disk took so long that it counts as one that hung.
    pub(super) fn disk_hung(seconds: u64, what: &str) -> Self {
        Self::new("disk", format!("it took {seconds} s to write {what}"))
    }

    /// The verdict on the shared weights is another.
    pub(super) fn verdict(advantage: &AdvantageStatus, before: &str) -> Self {
        Self::new("verdict", format!("{}; before: {before}", shared_comparison(advantage)))
    }

    /// The verdict on retrained nets is another.
    pub(super) fn retrained_verdict(found: &RetrainedStatus, before: &str) -> Self {
        Self::new("verdict", format!("{}; before: {before}", retrained_comparison(found)))
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn score(best: &BestStatus) -> String {
    percent(best.score.accuracy)
}

/// The verdict on the shared weights with its numbers.
pub(super) fn shared_comparison(advantage: &AdvantageStatus) -> String {
    let AdvantageStatus { mean, low, high, sentence, .. } = advantage;
    comparison(sentence, [mean, low, high])
}

/// The verdict on retrained nets with its numbers.
pub(super) fn retrained_comparison(found: &RetrainedStatus) -> String {
    let RetrainedStatus { mean, low, high, pairs, sentence, .. } = found;
    let told = comparison(sentence, [mean, low, high]);
    format!("{told}, over {pairs} pair{}", plural(*pairs as usize))
}

/// A verdict with the mean and the ends of its interval, where there are any.
fn comparison(sentence: &str, [mean, low, high]: [&Option<f64>; 3]) -> String {
    match (mean, low, high) {
        (Some(mean), Some(low), Some(high)) => format!(
            "{sentence}: {:+.2} points, 95 % within {:+.2} to {:+.2}",
            100.0 * mean,
            100.0 * low,
            100.0 * high
        ),
        _ => sentence.to_owned(),
    }
}

/// Notices when the disk gets nearly full, and when it is fine again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DiskWatch {
    is_low: bool,
}

impl DiskWatch {
    /// Looks at the free bytes beside the size of a checkpoint.
    pub(super) fn look(&mut self, free: u64, checkpoint: u64) -> Option<Note> {
        let limit = if self.is_low { FINE_CHECKPOINTS } else { LOW_CHECKPOINTS };
        let is_low = free < checkpoint.saturating_mul(limit);
        if is_low == self.is_low {
            return None;
        }
        self.is_low = is_low;
        let state = if is_low { "nearly full" } else { "fine again" };
        let [free, checkpoint] = [free, checkpoint].map(|bytes| bytes as f64 / 1e6);
        let message =
            format!("{state}: {free:.1} MB are free, and a checkpoint takes {checkpoint:.1} MB");
        Some(Note::new("disk", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{AdvantageReport, Comparison, Interval, Verdict};

    fn best(id: &str, correct: u64) -> BestStatus {
        let score = ScoreView { accuracy: correct as f64 / 1000.0, correct, items: 1000 };
        BestStatus { id: id.to_owned(), arch: String::new(), score, cycle: 2 }
    }

    #[test]
    fn a_start_says_how_the_run_before_ended_and_what_is_taken_again() {
        let text = |last: LastRun| Note::start(300, &last).message;
        assert_eq!(text(LastRun::None), "the search begins");
        let stopped = LastRun::Stopped { message: "all is saved".to_owned(), again: 0 };
        assert_eq!(
            text(stopped),
            "goes on at search step 301; the run before: all is saved; no finished step was lost"
        );
        let killed = text(LastRun::Killed { again: 27 });
        assert!(killed.contains("it was killed"), "{killed}");
        assert!(killed.ends_with("27 finished steps are taken again"), "{killed}");
    }

    #[test]
    fn a_best_architecture_is_told_with_its_images_and_what_it_replaces() {
        let text = |before: Option<&BestStatus>| Note::best(&best("m5-b", 715), before).message;
        assert_eq!(
            text(Some(&best("m5-a", 701))),
            "m5-b: 71.50 %, 715 of 1000 validation images; it replaces m5-a with 70.10 %"
        );
        assert!(text(Some(&best("m5-b", 700))).ends_with("images, 70.00 % before"));
        assert!(text(None).ends_with("the first of this search"));
    }

    #[test]
    fn a_verdict_is_told_with_its_numbers_and_the_one_before() {
        let interval = Interval { mean: -0.05, low: -0.08, high: -0.01 };
        let report = AdvantageReport { n_steps: 20, interval: Some(interval) };
        let advantage = AdvantageStatus::of(&report);
        let place = PlaceStatus { cycle: 2, ..PlaceStatus::default() };
        let told = "the policy's draws score lower with the shared weights than random ones: -5.00 \
                    points, 95 % within -8.00 to -1.00";
        assert_eq!(
            Note::verdict(&advantage, "scores higher").message,
            format!("{told}; before: scores higher")
        );
        assert_eq!(
            Note::cycle(&place, Some(&best("m5-a", 701)), &advantage).message,
            format!(
                "cycle 3 ended; the best architecture so far is m5-a, 70.10 % with the shared \
                 weights; {told}"
            )
        );
    }

    #[test]
    fn a_verdict_on_retrained_nets_is_told_in_its_own_words() {
        let found = |verdict: Verdict| RetrainedStatus {
            pairs: 1,
            sentence: verdict.sentence(Comparison::Retrained).to_owned(),
            ..RetrainedStatus::default()
        };
        let mut better = found(Verdict::Better);
        [better.mean, better.low, better.high] = [0.0125, 0.004, 0.021].map(Some);
        assert_eq!(
            Note::retrained_verdict(&better, "not measured yet").message,
            "the policy's choice is better once retrained than the best of as many random draws: \
             +1.25 points, 95 % within +0.40 to +2.10, over 1 pair; before: not measured yet"
        );
    }

    #[test]
    fn a_disk_is_told_once_when_it_gets_low_and_once_when_it_is_fine() {
        let mut disk = DiskWatch::default();
        let mut look = |free| disk.look(free, 10_000_000).map(|note| note.message);
        assert_eq!(look(40_000_000), None);
        let low = look(39_000_000).unwrap();
        assert_eq!(low, "nearly full: 39.0 MB are free, and a checkpoint takes 10.0 MB");
        assert_eq!(look(45_000_000), None);
        assert_eq!(look(30_000_000), None);
        assert!(look(60_000_000).unwrap().starts_with("fine again"));
        assert_eq!(look(60_000_000), None);
    }
}
