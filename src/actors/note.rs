//! Notes: what is worth an event, and in which words. They are what a person reads in the morning.

use actix::Message;

use crate::actors::comparison::{
    learnt_comparison, margin_text, retrained_comparison, shared_comparison,
};
use crate::actors::{BestStatus, PlaceStatus, ScoreReply, ScoreView, Status, nth};
use crate::data::Certificate;
use crate::search::{Arm, Candidate, Cause, Conclusion, FinalConfig, Objective, Promotion, Ruling};
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

    /// The best architecture is another, or has a higher score.
    pub(super) fn best(best: &BestStatus, before: Option<&BestStatus>, how: &str) -> Self {
        let replaced = match before {
            Some(before) if before.id == best.id => format!(", {} before", score(before)),
            Some(before) => format!("; it replaces {} with {}", before.id, score(before)),
            None => "; the first of this search".to_owned(),
        };
        let (id, found) = (&best.id, best.score.told("validation"));
        let text = format!("{id}: {found} {how}{replaced}");
        Self::new("best", text)
    }

    /// Somebody had an architecture scored, given in `form`.
    pub(super) fn scored(id: &str, form: &str, reply: &ScoreReply) -> Self {
        let (found, at) = (reply.score.told("validation"), nth(reply.step));
        let text = format!(
            "{id}, given as {form}: {found} with the shared weights before search step {at}"
        );
        Self::new("score", text)
    }

    /// The end of the cycle that `place` is in.
    pub(super) fn cycle(place: &PlaceStatus, status: &Status) -> Self {
        let best = status.best.first().map_or_else(String::new, |best| {
            let (id, how) = (&best.id, status.scored_how());
            format!("the best architecture so far is {id}, {} {how}; ", score(best))
        });
        let verdict = shared_comparison(status);
        // With no shared weights nobody measures it.
        let learnt = match status.children {
            None => format!("; {}", learnt_comparison(status)),
            Some(_) => String::new(),
        };
        let nth = place.nth_cycle();
        Self::new("cycle", format!("cycle {nth} ended; {best}{verdict}{learnt}"))
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
        let nets: Vec<ScoreView> = certificate.nets.iter().map(ScoreView::of_test).collect();
        let each = nets.iter().map(ScoreView::shown).collect::<Vec<_>>().join(", ");
        let items = nets.first().map_or(0, |net| net.items);
        let of = match nets.first().and_then(|net| net.perplexity) {
            Some(_) => format!("on {items} test words"),
            None => format!("of {items} test images"),
        };
        let n = certificate.number;
        Self::new("certified", format!("{id}: {each} {of}; use {n} of that split"))
    }

    /// What is seen of the test split cannot be written down.
    pub(super) fn certification_waits(why: &str) -> Self {
        let text = format!("nothing is certified until it can be written down: {why}");
        Self::new("certification-failed", text)
    }

    /// What a promotion led to.
    pub(super) fn conclusion(conclusion: &Conclusion, objective: Objective) -> Self {
        let Conclusion { promotion, best, ruling, .. } = conclusion;
        let found = best.map(|place| {
            let candidate = &promotion.candidates[place];
            let mean = candidate.mean_reward(objective).unwrap_or_default();
            format!(
                "{} {}, {} on average",
                candidate.arch.id(),
                if candidate.arm == Arm::Random { "of the random arm" } else { "by the policy" },
                reward(objective, mean)
            )
        });
        let found = found.unwrap_or_else(|| "no candidate".to_owned());
        let text = match *ruling {
            Ruling::First => format!("{found}: the first champion"),
            Ruling::Replaces { by, margin } => {
                let by = margin_text(objective, by, margin);
                format!("{found}: better than the champion before {by}")
            }
            Ruling::Stays { by, margin } => {
                let by = margin_text(objective, by, margin);
                format!("the champion stays: the best now is {found}, {by}")
            }
            Ruling::Same => format!("the champion stays: {found} is the champion again"),
            Ruling::Measured => {
                let each = promotion.candidates.iter().map(|one| measured(one, objective));
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
    pub(super) fn verdict(status: &Status, before: &str) -> Self {
        Self::new("verdict", format!("{}; before: {before}", shared_comparison(status)))
    }

    /// The verdict on retrained nets is another.
    pub(super) fn retrained_verdict(status: &Status, before: &str) -> Self {
        Self::new("verdict", format!("{}; before: {before}", retrained_comparison(status)))
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn score(best: &BestStatus) -> String {
    best.score.shown()
}

/// A reward in a sentence: a share of the images needs no name.
fn reward(objective: Objective, reward: f64) -> String {
    let shown = objective.show(reward);
    match objective {
        Objective::Accuracy => shown,
        Objective::NegLogNll | Objective::Perplexity => format!("reward {shown}"),
    }
}

/// What the nets of a candidate have of the validation images.
fn measured(candidate: &Candidate, objective: Objective) -> String {
    let mean = candidate.mean_reward(objective);
    let mean = mean.map_or_else(String::new, |mean| reward(objective, mean));
    let of = match objective {
        Objective::Accuracy => "of the validation images",
        Objective::NegLogNll => "on the validation images",
        Objective::Perplexity => "on the validation text",
    };
    format!("{}: {mean} {of}", candidate.arch.id())
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
mod tests;
