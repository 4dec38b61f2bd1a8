//! Why a configuration is refused: what, where, what would be right.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Source;
use crate::setting::Rule;

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {}: {source}; give the path of a TOML file that this user \
         may read with `--config`", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no file that could be read again.
    #[error(
        "the configuration {} is {kind}, and it must be a regular file, for a reload and a \
         restart read it again: write it to one, or give single keys with `--set KEY=VALUE`",
        path.display()
    )]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// The file's disk does not answer.
    #[error(
        "the configuration {} could not be read within {} s: its disk or its mount does not \
         answer; mend that, or name another file with `--config`",
        path.display(),
        limit.as_secs()
    )]
    Silent {
        /// The path.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The file is far larger than any configuration.
    #[error(
        "the configuration {} has more than {limit} bytes; is it the right file?", path.display()
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The most bytes that are read.
        limit: u64,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: not TOML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The character in the line, counted from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// The layers say something wrong: all of it, in the layers' order.
    #[error("{}", list(problems))]
    Problems {
        /// What is wrong; never empty.
        problems: Vec<ConfigProblem>,
    },
    /// The table of keys and the structs disagree.
    #[error(
        "the table of keys contradicts the configuration's structs, a defect of enasd: {source}"
    )]
    Table {
        /// What does not fit.
        source: serde_json::Error,
    },
    /// Nothing says where state is kept.
    #[error(
        "`store.state` is not set, and none of $STATE_DIRECTORY, $XDG_STATE_HOME and $HOME holds \
         an absolute path that could stand in; set `store.state` to a folder of the daemon's own"
    )]
    NoState,
    /// The socket's path is longer than the system takes.
    #[error(
        "the socket's path {} has {} bytes, and the system takes at most {max}; set `api.socket` \
         to a shorter one", path.display(), path.as_os_str().len()
    )]
    SocketTooLong {
        /// The path.
        path: PathBuf,
        /// The most bytes.
        max: usize,
    },
    /// A checkpoint's fingerprint cannot be read.
    #[error(
        "the configuration recorded in the checkpoint cannot be read: {source}; \
         start from an older checkpoint or an empty state folder"
    )]
    Fingerprint {
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// No section has this name.
    #[error("{place}: unknown section [{section}]; {}", suggest(nearest.map(|s| format!("[{s}]")).as_deref(), &format!("the sections are {known}")))]
    UnknownSection {
        /// Where it stands.
        place: Source,
        /// The name found.
        section: String,
        /// The section that was probably meant.
        nearest: Option<&'static str>,
        /// All sections.
        known: String,
    },
    /// A section's name has a value.
    #[error("{place}: `{section}` is a section: write `[{section}]` and its keys below")]
    NotASection {
        /// Where it stands.
        place: Source,
        /// The section.
        section: &'static str,
    },
    /// No key has this name.
    #[error("{place}: unknown key `{key}`; {}", suggest(nearest.as_deref(), &format!("{within} takes {known}")))]
    UnknownKey {
        /// Where it stands.
        place: Source,
        /// The name found.
        key: String,
        /// The key that was probably meant, spelled as its layer does.
        nearest: Option<String>,
        /// The section that it stands in.
        within: String,
        /// The keys of that section.
        known: String,
    },
    /// An older program's name of a key.
    #[error("{place}: `{key}` is called `{now}` in this version; write that instead")]
    MovedKey {
        /// Where it stands.
        place: Source,
        /// The name found.
        key: String,
        /// The key's name, spelled as its layer does.
        now: String,
    },
    /// A variable that looks like the daemon's and is not; it is passed over.
    #[error("{name}: no such variable is known, so it sets nothing; {}", suggest(nearest.as_deref(), "variables are named ENASD_SECTION__KEY, or like a flag (ENASD_STATE)"))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The variable that was probably meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type or out of range.
    #[error("{place}: `{key}` takes {rule}; found {found}{hint}")]
    Value {
        /// Where it stands.
        place: Source,
        /// The key.
        key: &'static str,
        /// What the key takes.
        rule: Rule,
        /// The value found, as it is written there.
        found: String,
        /// How to mend it, where that is not plain.
        hint: &'static str,
    },
    /// Two values that do not go together.
    #[error("{}: {conflict}", both(places))]
    Conflict {
        /// Where the two values stand.
        places: [Source; 2],
        /// What does not go together.
        conflict: Conflict,
    },
}

/// Two values that do not go together.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// More architectures are ranked again than are drawn.
    #[error(
        "`derive.rerank` is {rerank}, but only `derive.samples` = {samples} architectures are \
         drawn; lower the one or raise the other"
    )]
    Rerank {
        /// Ranked again.
        rerank: usize,
        /// Drawn.
        samples: usize,
    },
    /// More architectures are retrained at first than are ranked again.
    #[error(
        "`final.first` is {first}, but only `derive.rerank` = {rerank} architectures of each arm are \
         scored on the whole validation split; lower the one or raise the other"
    )]
    First {
        /// Retrained at first.
        first: usize,
        /// Ranked again.
        rerank: usize,
    },
    /// Halving needs an end of its first rung.
    #[error(
        "`final.first` halves at the end of each period of the learning rate, but \
         `final.learning_rate_period` = {period} leaves one period of `final.epochs` = {epochs}; set \
         a shorter period"
    )]
    OnePeriod {
        /// Epochs of the first period.
        period: u64,
        /// Epochs in all.
        epochs: u64,
    },
    /// Drop-path rises over all epochs, and a net that may end at any rung knows no such.
    #[error(
        "`final.first` trains nets that go on from rung to rung, but drop-path with \
         `final.drop_path_keep` = {keep} rises over a known number of epochs; set it to 1"
    )]
    DropPath {
        /// The share that is kept.
        keep: f64,
    },
    /// Children are not trained as other keys have it: what is the matter, and what to do.
    #[error("{0}")]
    Children(String),
    /// The control arm's ω would be trained in more steps than there are.
    #[error(
        "`schedule.control_steps` is {control}, but an epoch has `schedule.shared_steps` = {shared}, \
         in which both ω are trained on the same images; lower the one or raise the other"
    )]
    ControlSteps {
        /// Steps of the control arm's ω.
        control: u64,
        /// Steps of ω.
        shared: u64,
    },
    /// There is no control arm that an ω of its own could be for.
    #[error(
        "`schedule.control_steps` is {control}, but `schedule.random_arm` is false: nobody is scored \
         with that ω; set the one to 0 or the other to true"
    )]
    NoControlArm {
        /// Steps of the control arm's ω.
        control: u64,
    },
    /// ω is trained under uniform draws as it is.
    #[error(
        "`schedule.control_steps` is {control}, but `{key}` = \"{value}\" has ω trained under uniform \
         draws already, so that it favors no arm: a second such ω would tell nothing; set it to 0"
    )]
    ControlDraws {
        /// Steps of the control arm's ω.
        control: u64,
        /// The setting that says who draws.
        key: &'static str,
        /// Its value.
        value: &'static str,
    },
    /// The learning rate would rise.
    #[error(
        "`{section}.learning_rate_min` is {min}, above `{section}.learning_rate_max` = {max}; the \
         rate falls from the latter to the former: swap them"
    )]
    LearningRates {
        /// The section of both.
        section: &'static str,
        /// At the end of a period.
        min: f64,
        /// At the start of a period.
        max: f64,
    },
    /// There is no bound to let go.
    #[error(
        "`policy.bound_epochs` = {epochs} lets the bounds of the logits go, but \
         `policy.tanh_constant` is 0, which leaves none; set a bound, or `policy.bound_epochs` to 0"
    )]
    NoBounds {
        /// Epochs over which it would be.
        epochs: u64,
    },
    /// A rollout has nobody to be compared with.
    #[error(
        "`policy.phase_updates` = {updates} compares each rollout of a phase with the others of its \
         step, but `schedule.rollouts_per_step` is 1; raise it, or set `policy.phase_updates` to 0"
    )]
    LoneRollouts {
        /// Updates from all rollouts of a phase.
        updates: u64,
    },
    /// More rollouts are kept than a checkpoint should hold.
    #[error(
        "`policy.phase_updates` keeps all {rollouts} rollouts of a phase, \
         `schedule.controller_steps` × `schedule.rollouts_per_step`, in every checkpoint, at most \
         {limit}; lower one of the two, or set `policy.phase_updates` to 0"
    )]
    PhaseRollouts {
        /// Rollouts of a phase.
        rollouts: u64,
        /// The most.
        limit: u64,
    },
    /// Costs are to count, and nothing says by which measure.
    #[error(
        "`limits.weight` is {weight}, but costs are measured by the limits, and none is set; set \
         `limits.params`, `limits.multiply_adds` or `limits.milliseconds`"
    )]
    Weight {
        /// Their weight.
        weight: f64,
    },
    /// A source that is read from a folder has none.
    #[error("`data.source` is `{source_name}`, which is read from a folder; set `data.path` to it")]
    PathMissing {
        /// The source's name.
        source_name: String,
    },
    /// A key that searches of the configured space do not look at.
    #[error(
        "`{key}` says something to searches of `{}` alone, but `space.kind` is `{kind}`; remove it",
        spaces.join("` and `")
    )]
    OtherSpace {
        /// The key.
        key: &'static str,
        /// The spaces that it is for.
        spaces: &'static [&'static str],
        /// The space that is searched.
        kind: &'static str,
    },
    /// The embedded source has a folder.
    #[error(
        "`data.path` is set, but `data.source` is `{origin}`, which is embedded; remove `data.path`, \
         or set `data.source` to what the folder holds"
    )]
    PathUnused {
        /// The source.
        origin: &'static str,
    },
    /// A limit of time for nets of words, whose layers are not timed.
    #[error(
        "`limits.milliseconds` is set, and `data.source` is `{origin}`: only nets of images are timed; \
         set it to 0, and `limits.multiply_adds` instead"
    )]
    Untimed {
        /// The source.
        origin: &'static str,
    },
    /// Images where a setting is of text, or the other way round.
    #[error(
        "`{key}` is `{value}`, and `data.source` is `{origin}`: text (`austen`, `text`) goes with \
         `space.kind = \"recurrent\"` or `\"nas_rnn\"` and `score.reward = \"perplexity\"`, and these \
         with text alone"
    )]
    OtherData {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: &'static str,
        /// The source.
        origin: &'static str,
    },
}

/// `did you mean …?`, or what is known.
fn suggest(nearest: Option<&str>, known: &str) -> String {
    nearest.map_or_else(|| known.to_owned(), |nearest| format!("did you mean `{nearest}`?"))
}

fn both([first, second]: &[Source; 2]) -> String {
    if first == second { first.to_string() } else { format!("{first} and {second}") }
}

fn list(problems: &[ConfigProblem]) -> String {
    if let [problem] = problems {
        return problem.to_string();
    }
    let lines: Vec<String> = problems.iter().map(|p| format!("\n  {p}")).collect();
    format!("the configuration has {} problems:{}", problems.len(), lines.concat())
}

#[cfg(test)]
mod tests;
