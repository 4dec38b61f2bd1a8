//! Every metric of the daemon, once: name, kind, unit, help, labels, and the value before the
//! first measurement.
//!
//! Names are `enas_<noun>[_<unit>][_total]` in base units, as Prometheus asks. A label is a closed
//! set or is given once at the start, so the number of series is constant, and at most
//! [`MAX_SERIES`]. Each has a panel or an alert in `dashboards/`; its check says which has none.

use super::label::{
    Actor, Arm, Bound, ChildLabel, CodeClass, CostLabel, EntropyKind, HeldOut, NetLabel,
    PhaseLabel, RankLabel, RequestKind, RulingLabel, Split,
};

/// Most sample lines in a scrape, the `process_*` series included.
pub const MAX_SERIES: usize = 310;
/// Most routes that can be named at the start; one more value, `other`, takes the rest.
pub const MAX_ROUTES: usize = 30;
/// Most options of menus that can be named at the start, over all parts of an architecture: those
/// of NASNet's two cells, the largest of the papers, are 30.
pub const MAX_OPTIONS: usize = 32;

/// What can be asked for as a device.
pub const DEVICES_WANTED: &[&str] = &["cpu", "cuda", "auto"];
/// What can compute.
pub const DEVICES_USED: &[&str] = &["cpu", "cuda"];

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only up, from 0 at each start.
    Counter,
    /// Up and down.
    Gauge,
    /// Counts by upper bound; the bounds ascend.
    Histogram(&'static [f64]),
}

/// What a metric's numbers are; the name ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A count, or a number without unit.
    Number,
    /// Always 1: the labels are the message.
    Info,
    /// Seconds.
    Seconds,
    /// Seconds since 1970-01-01 UTC.
    TimestampSeconds,
    /// Bytes.
    Bytes,
    /// From 0 to 1, or the difference of two such numbers.
    Ratio,
    /// Nats.
    Nats,
    /// Events a second.
    PerSecond,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 8] = [
        Self::Number,
        Self::Info,
        Self::Seconds,
        Self::TimestampSeconds,
        Self::Bytes,
        Self::Ratio,
        Self::Nats,
        Self::PerSecond,
    ];

    /// How a name with this unit ends, before `_total`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Info => "_info",
            Self::Seconds => "_seconds",
            Self::TimestampSeconds => "_timestamp_seconds",
            Self::Bytes => "_bytes",
            Self::Ratio => "_ratio",
            Self::Nats => "_nats",
            Self::PerSecond => "_per_second",
        }
    }
}

/// Which values a label has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These, always.
    Closed(&'static [&'static str]),
    /// The program's version.
    Version,
    /// The kind of device that the config asks for, one of [`DEVICES_WANTED`].
    DeviceWanted,
    /// The kind of device that computes, one of [`DEVICES_USED`].
    DeviceUsed,
    /// The options of the menus; `part` and `menu` stand before each.
    Options,
    /// The names of the routes, and `other`.
    Routes,
}

/// A label: its name and its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub &'static str, pub Values);

/// The value of a gauge before its first measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// 0: nothing has happened yet.
    Zero,
    /// 1: an `_info` metric.
    One,
    /// Not a number: nothing has been measured, and no comparison with a limit holds.
    Unknown,
    /// The time at which the metrics were set up, so that an age counts from the start.
    SetUpTime,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    /// The whole name.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What its numbers are.
    pub unit: Unit,
    /// One sentence.
    pub help: &'static str,
    /// Its labels; the series are all combinations of their values.
    pub labels: &'static [Label],
    /// The value at the start.
    pub start: Start,
}

impl Definition {
    const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Counter, Unit::Number, help)
    }

    const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self::new(name, Kind::Gauge, unit, help)
    }

    const fn durations(name: &'static str, bounds: &'static [f64], help: &'static str) -> Self {
        Self::new(name, Kind::Histogram(bounds), Unit::Seconds, help)
    }

    const fn new(name: &'static str, kind: Kind, unit: Unit, help: &'static str) -> Self {
        Self { name, kind, unit, help, labels: &[], start: Start::Zero }
    }

    const fn by(self, labels: &'static [Label]) -> Self {
        Self { labels, ..self }
    }

    const fn from(self, start: Start) -> Self {
        Self { start, ..self }
    }
}

/// Steps take milliseconds for a tiny net and half a minute for a large one on a CPU.
const STEP_BOUNDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// An epoch takes a second for a tiny net, and half an hour for the paper's on a CPU.
const TRIAL_EPOCH_BOUNDS: &[f64] = &[0.5, 2.0, 5.0, 15.0, 60.0, 300.0, 1800.0];
/// A checkpoint is written and forced to the disk.
const CHECKPOINT_BOUNDS: &[f64] = &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];
/// A question is answered at once, a command waits for a step or does work of its own.
const REQUEST_BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0];

const NET: &[Label] = &[Label("net", Values::Closed(NetLabel::NAMES))];

/// Declares the constants and the list of them all, so that none can be left out.
macro_rules! catalog {
    ($($name:ident = $definition:expr;)*) => {
        $(pub(super) const $name: Definition = $definition;)*

        /// Every metric but `process_*`, which the operating system feeds.
        pub const CATALOG: &[Definition] = &[$($name),*];
    };
}

catalog! {
    BUILD_INFO = Definition::gauge("enas_build_info", Unit::Info, "Version of the daemon; always 1.")
        .by(&[Label("version", Values::Version)]).from(Start::One);
    DEVICE_INFO = Definition::gauge("enas_device_info", Unit::Info, "Kind of device that the config asks for and the one that computes; always 1.")
        .by(&[Label("wanted", Values::DeviceWanted), Label("used", Values::DeviceUsed)]).from(Start::One);
    PHASE = Definition::gauge("enas_phase", Unit::Number, "1 for what the search is doing, 0 for the rest.")
        .by(&[Label("phase", Values::Closed(PhaseLabel::NAMES))]);
    CYCLE = Definition::gauge("enas_cycle", Unit::Number, "Cycle under way, counted from 1; a cycle ends with a derivation.");
    EPOCH = Definition::gauge("enas_epoch", Unit::Number, "Epoch under way, counted from the start of the search, the first as 1; an epoch is a phase of shared steps and one of policy steps.");
    STEPS = Definition::counter("enas_steps_total", "Updates of the parameters since the start of the process.").by(NET);
    STEP_DURATION = Definition::durations("enas_step_duration_seconds", STEP_BOUNDS, "Time that an update of the parameters took.").by(NET);
    LAST_PROGRESS = Definition::gauge("enas_last_progress_timestamp_seconds", Unit::TimestampSeconds, "When an actor last finished a piece of work; the start of the process before its first.")
        .by(&[Label("actor", Values::Closed(Actor::NAMES))]).from(Start::SetUpTime);
    MAILBOX_MESSAGES = Definition::gauge("enas_mailbox_messages", Unit::Number, "Messages sent to an actor whose answers were not taken yet, the one it works on included.")
        .by(&[Label("actor", Values::Closed(Actor::NAMES))]);
    TRAINER_WAIT = Definition::gauge("enas_trainer_wait_ratio", Unit::Ratio, "Share of the time between the ends of the last two shared steps in which the trainer waited.");
    SAMPLES_RATE = Definition::gauge("enas_samples_per_second", Unit::PerSecond, "Training images, or words, a second over the last shared step and the wait before it.");

    SHARED_LOSS = Definition::gauge("enas_shared_loss", Unit::Number, "Cross-entropy of the last shared step, in nats an image or a word.").from(Start::Unknown);
    SHARED_ACCURACY = Definition::gauge("enas_shared_accuracy_ratio", Unit::Ratio, "Share of images, or of next words, that are right: of the training batch of the last shared step, of the validation batches of the last policy step.")
        .by(&[Label("split", Values::Closed(Split::NAMES))]).from(Start::Unknown);
    SHARED_PERPLEXITY = Definition::gauge("enas_shared_perplexity", Unit::Number, "Of text, the perplexity of the training batch of the last shared step, and the mean one of the validation batches of the last policy step.")
        .by(&[Label("split", Values::Closed(Split::NAMES))]).from(Start::Unknown);
    REWARD = Definition::gauge("enas_reward", Unit::Number, "Mean reward with the shared weights, in units of score.reward, of the last policy step's architectures, and of as many drawn uniformly on the same images.")
        .by(&[Label("arm", Values::Closed(Arm::NAMES))]).from(Start::Unknown);
    REWARD_ADVANTAGE = Definition::gauge("enas_reward_advantage", Unit::Number, "Mean reward with the shared weights, in units of score.reward, of the policy's architectures less that of the random arm's, with its confidence interval.")
        .by(&[Label("bound", Values::Closed(Bound::NAMES))]).from(Start::Unknown);
    REWARD_RELIABILITY = Definition::gauge("enas_reward_reliability_ratio", Unit::Ratio, "Share of the variance of one reward, among the policy's draws, that is the architectures' and not that of the images of the batch; of the last derivation.").from(Start::Unknown);
    POLICY_LEARNT = Definition::gauge("enas_policy_learnt", Unit::Number, "Mean reward with the shared weights, in units of score.reward, of the policy's architectures less that of the untrained policy's, with its confidence interval; of the last derivation.")
        .by(&[Label("bound", Values::Closed(Bound::NAMES))]).from(Start::Unknown);
    BASELINE = Definition::gauge("enas_baseline", Unit::Number, "Moving average of rewards, in units of score.reward, that REINFORCE subtracts.").from(Start::Unknown);
    POLICY_ENTROPY = Definition::gauge("enas_policy_entropy_nats", Unit::Nats, "Entropy of the policy, over all decisions of an architecture and as the mean of one.")
        .by(&[Label("kind", Values::Closed(EntropyKind::NAMES))]).from(Start::Unknown);
    POLICY_ENTROPY_LEFT = Definition::gauge("enas_policy_entropy_left_ratio", Unit::Ratio, "Share of the range of the policy's entropy that is left: 0 where it favors one option of every decision as far as the bounds of its logits let it, 1 where its draws are uniform.").from(Start::Unknown);
    OPTION_PROBABILITY = Definition::gauge("enas_option_probability", Unit::Number, "Mean probability that the policy gives to an option of a menu, by part of the architecture; those of a menu add up to 1.")
        .by(&[Label("option", Values::Options)]).from(Start::Unknown);
    GRAD_NORM = Definition::gauge("enas_grad_norm", Unit::Number, "Norm of all gradients of the last step together, before clipping.").by(NET).from(Start::Unknown);
    LEARNING_RATE = Definition::gauge("enas_learning_rate", Unit::Number, "Learning rate of the last step.").by(NET).from(Start::Unknown);
    NON_FINITE = Definition::counter("enas_non_finite_total", "Steps whose loss or gradient was not a finite number, and which changed nothing.").by(NET);
    ARCHS_SAMPLED = Definition::counter("enas_archs_sampled_total", "Architectures drawn since the start of the process.");
    ARCHS_UNIQUE = Definition::counter("enas_archs_unique_total", "Architectures drawn since the start of the process that the run had not drawn before.");
    ARCHS_REDRAWN = Definition::counter("enas_archs_redrawn_total", "Architectures that were over a limit of their cost and drawn again, by the first limit that they were over; since the start of the process.")
        .by(&[Label("reason", Values::Closed(CostLabel::NAMES))]);
    BEST_SCORE = Definition::gauge("enas_best_score_ratio", Unit::Ratio, "Best score of a derived architecture with the shared weights on the whole validation split.")
        .by(&[Label("stage", Values::Closed(&["shared"]))]).from(Start::Unknown);
    BEST_PARAMS = Definition::gauge("enas_best_params", Unit::Number, "Trainable parameters of the architecture with the best score in the net of the search.").from(Start::Unknown);
    BEST_MULTIPLY_ADDS = Definition::gauge("enas_best_multiply_adds", Unit::Number, "Multiply-adds that the architecture with the best score takes for one image in the net of the search.").from(Start::Unknown);

    TRIAL_EPOCHS = Definition::counter("enas_trial_epochs_total", "Epochs of nets that are trained from scratch, since the start of the process.");
    TRIALS_FINISHED = Definition::counter("enas_trials_finished_total", "Nets trained from scratch to their last epoch since the start of the process.");
    TRIALS_RUNNING = Definition::gauge("enas_trials_running", Unit::Number, "Nets that are trained from scratch at the moment.");
    TRIAL_EPOCH_DURATION = Definition::durations("enas_trial_epoch_duration_seconds", TRIAL_EPOCH_BOUNDS, "Time that an epoch of a net that is trained from scratch took.");
    CHILDREN = Definition::counter("enas_children_total", "Children of a search without shared weights that were trained from scratch, or failed, since the start of the process.")
        .by(&[Label("result", Values::Closed(ChildLabel::NAMES))]);
    CHILDREN_AGE = Definition::gauge("enas_children_age", Unit::Number, "Policy steps between the draw of the children that the last one learnt from and that step; 0 where the policy that drew them is the one that learnt, and where children share weights.");
    CHILDREN_REFUSED = Definition::counter("enas_children_refused_total", "Children that the policy did not learn from, for they were older than trial.max_age; since the start of the process.");
    RETRAINED_ADVANTAGE = Definition::gauge("enas_retrained_advantage_ratio", Unit::Ratio, "Mean test accuracy of the policy's choices once retrained less that of the best of as many random draws, with its confidence interval; of text, the logarithm of the random draws' perplexity less that of the policy's choices.")
        .by(&[Label("bound", Values::Closed(Bound::NAMES))]).from(Start::Unknown);
    RANK_CORRELATION = Definition::gauge("enas_rank_correlation", Unit::Number, "Kendall's tau of retrained scores with shared ones, and with those of another seed, which no shared score can exceed; each with its confidence interval.")
        .by(&[Label("of", Values::Closed(RankLabel::NAMES)), Label("bound", Values::Closed(Bound::NAMES))]).from(Start::Unknown);
    RETRAINED_ARCHS = Definition::gauge("enas_retrained_archs", Unit::Number, "Retrained architectures that the rank correlation looks back on.");
    CHAMPION_SCORE = Definition::gauge("enas_champion_score_ratio", Unit::Ratio, "Share of images, or of next words, that the champion's net, trained from scratch, has right.")
        .by(&[Label("split", Values::Closed(HeldOut::NAMES))]).from(Start::Unknown);
    CHAMPION_PERPLEXITY = Definition::gauge("enas_champion_perplexity", Unit::Number, "Of text, the perplexity of the champion's net, trained from scratch.")
        .by(&[Label("split", Values::Closed(HeldOut::NAMES))]).from(Start::Unknown);
    TEST_SPLIT_USES = Definition::gauge("enas_test_split_uses", Unit::Number, "Candidates that were ever measured on the test split; each of them once.");
    PROMOTIONS = Definition::counter("enas_promotions_total", "Promotions that ended since the start of the process, by what became of the champion.")
        .by(&[Label("ruling", Values::Closed(RulingLabel::NAMES))]);

    CHECKPOINT_WRITES = Definition::counter("enas_checkpoint_writes_total", "Checkpoints written and forced to the disk.");
    CHECKPOINT_FAILURES = Definition::counter("enas_checkpoint_failures_total", "Checkpoints that could not be written.");
    CHECKPOINT_REJECTED = Definition::counter("enas_checkpoint_rejected_total", "Checkpoints found damaged at a start and set aside.");
    CHECKPOINT_DURATION = Definition::durations("enas_checkpoint_duration_seconds", CHECKPOINT_BOUNDS, "Time that a checkpoint took to reach the disk.");
    CHECKPOINT_BYTES = Definition::gauge("enas_checkpoint_bytes", Unit::Bytes, "Size of the last checkpoint.");
    CHECKPOINT_LAST = Definition::gauge("enas_checkpoint_last_success_timestamp_seconds", Unit::TimestampSeconds, "When the newest valid checkpoint was written; 0 where there is none.");
    STATE_FREE = Definition::gauge("enas_state_free_bytes", Unit::Bytes, "Free space where the state folder is.").from(Start::Unknown);
    STATE_BYTES = Definition::gauge("enas_state_bytes", Unit::Bytes, "Size of the state folder when the last checkpoint was written.").from(Start::Unknown);
    HISTORY_BACKLOG = Definition::gauge("enas_history_backlog", Unit::Number, "Finished steps that the history did not take at the last attempt to write it.");
    HISTORY_BYTES = Definition::gauge("enas_history_bytes", Unit::Bytes, "Size of the database of the history.").from(Start::Unknown);
    HISTORY_LIMIT = Definition::gauge("enas_history_limit_bytes", Unit::Bytes, "Bytes that single rows of the history may take before older ones are folded.").from(Start::Unknown);
    HISTORY_MISSING = Definition::gauge("enas_history_missing", Unit::Number, "Steps whose rows the history lacked at the start, or when it was begun anew.");
    HISTORY_DAMAGED = Definition::gauge("enas_history_damaged", Unit::Number, "Rows of the history that were not what had been written, at the start.");
    RESTARTS = Definition::counter("enas_restarts_total", "Returns to the last checkpoint within the process after a failed step. A panic ends the process: see process_start_time_seconds.")
        .by(&[Label("reason", Values::Closed(&["error"]))]);

    LOG_LINES_DROPPED = Definition::counter("enas_log_lines_dropped_total", "Lines of the log that nobody took: a terminal, a pipe or a journal that is full, hangs or is gone.");
    CONFIG_RELOAD_SUCCESSFUL = Definition::gauge("enas_config_reload_successful", Unit::Number, "1 if the configuration that was read last is in force, 0 if it was refused.");
    CONFIG_RELOAD_LAST = Definition::gauge("enas_config_reload_success_timestamp_seconds", Unit::TimestampSeconds, "When the configuration in force was read.");

    API_REQUESTS = Definition::counter("enas_api_requests_total", "Requests answered, by route and class of the status.")
        .by(&[Label("route", Values::Routes), Label("code_class", Values::Closed(CodeClass::NAMES))]);
    API_DURATION = Definition::durations("enas_api_request_duration_seconds", REQUEST_BOUNDS, "Time from a request to its answer: a question is answered at once, a command waits for a step or does work of its own.")
        .by(&[Label("kind", Values::Closed(RequestKind::NAMES))]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_plain_prefixed_and_unique() {
        let names: BTreeSet<_> = CATALOG.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), CATALOG.len());
        for name in names {
            assert!(name.starts_with("enas_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        }
    }

    #[test]
    fn a_name_ends_with_its_unit_and_with_no_other() {
        for Definition { name, unit, .. } in CATALOG {
            let stem = name.strip_suffix("_total").unwrap_or(name);
            let longest = Unit::ALL
                .into_iter()
                .filter(|unit| stem.ends_with(unit.suffix()))
                .max_by_key(|unit| unit.suffix().len());
            assert_eq!(longest, Some(*unit), "{name}");
        }
    }

    #[test]
    fn rewards_say_what_their_unit_is() {
        for metric in [REWARD, REWARD_ADVANTAGE, POLICY_LEARNT, BASELINE] {
            assert!(metric.help.contains("in units of score.reward"), "{}", metric.help);
            assert_eq!(metric.unit, Unit::Number);
        }
    }

    #[test]
    fn counters_and_only_counters_end_with_total() {
        for metric in CATALOG {
            let counts = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), counts, "{}", metric.name);
            assert!(!counts || metric.start == Start::Zero, "{}", metric.name);
        }
    }

    #[test]
    fn info_metrics_are_gauges_at_one() {
        for metric in CATALOG {
            let info = metric.unit == Unit::Info;
            assert_eq!(metric.start == Start::One, info, "{}", metric.name);
            assert!(!info || metric.kind == Kind::Gauge, "{}", metric.name);
        }
    }

    #[test]
    fn every_help_is_one_paragraph_of_sentences() {
        for Definition { name, help, .. } in CATALOG {
            assert!(help.starts_with(|c: char| c.is_uppercase() || c == '1'), "{name}: {help}");
            assert!(
                help.ends_with('.') && !help.contains('\n') && 20 < help.len(),
                "{name}: {help}"
            );
        }
    }

    #[test]
    fn label_sets_are_closed_small_and_without_reserved_names() {
        for metric in CATALOG {
            for Label(name, values) in metric.labels {
                assert!(!["le", "quantile", "job", "instance"].contains(name), "{}", metric.name);
                if let Values::Closed(values) = values {
                    let unique: BTreeSet<_> = values.iter().collect();
                    assert_eq!(unique.len(), values.len(), "{}", metric.name);
                    assert!((1..=10).contains(&values.len()), "{}", metric.name);
                }
            }
        }
    }

    #[test]
    fn bounds_ascend() {
        for metric in CATALOG {
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.is_sorted_by(|low, high| low < high), "{}", metric.name);
                assert!(!bounds.is_empty(), "{}", metric.name);
            }
        }
    }
}
