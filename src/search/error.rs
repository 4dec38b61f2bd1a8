//! Why the search could not take a step.

use crate::data::DataError;
use crate::engine::reason;
use crate::net::NetError;
use crate::search::limit::TightLimit;
use crate::space::{Space, SpaceError};

/// Why the search could not take a step. Each text says what is wrong, where, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// No child of any cycle has a score.
    #[error(
        "all children of cycle {} failed, and so far there is none to choose; the log and `enasctl why` \
         say of each why: begin in a new state folder with a higher `trial.seconds` or \
         `trial.memory_mib`, a lower `shared.learning_rate_max`, or smaller nets",
        cycle + 1
    )]
    AllFailed {
        /// The cycle, counted from 0.
        cycle: u64,
    },
    /// What is maximized is not measured of such data.
    #[error(
        "`score.reward` is `{found}`, and the data are {data}; set it to {instead}",
        data = if *is_text { "text" } else { "images" },
        instead = if *is_text { "`perplexity`" } else { "`neg-log-nll` or `accuracy`" }
    )]
    Objective {
        /// The setting.
        found: &'static str,
        /// Whether the data are text.
        is_text: bool,
    },
    /// The executor runs no nets that read words.
    #[error(
        "the executor {executor} runs nets that read images, and the data are text: set `engine.device` \
         to `cpu`"
    )]
    NoWords {
        /// Its name.
        executor: String,
    },
    /// A tensor computation failed.
    #[error("a tensor computation failed: {}", reason(.0))]
    Engine(#[from] candle_core::Error),
    /// The choices of a rollout do not answer the script.
    #[error("the choices do not answer the script of the space: {0}")]
    Space(#[from] SpaceError),
    /// A net cannot be built.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Next to no architecture is within the limits.
    #[error(
        "{within} of {of} architectures drawn uniformly are within [limits], and at least {least} \
         have to be: {}; raise the limit, or make the nets of [net] smaller",
        tight.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Limits {
        /// How many are.
        within: usize,
        /// How many were looked at.
        of: usize,
        /// How many would be enough.
        least: usize,
        /// The limits that are set.
        tight: Vec<TightLimit>,
    },
    /// A limit of time without a table of times.
    #[error(
        "`limits.milliseconds` is set, but nobody has measured how long layers take here; `enasd run` \
         does that when it starts"
    )]
    NoTimes,
    /// A place of a draw cannot be filled.
    #[error(
        "{attempts} architectures in a row that {} drew are over a limit of [limits]; go back to the \
         last checkpoint, and lower `policy.learning_rate` if it comes again",
        version.map_or_else(|| "nobody".to_owned(), |version| format!("version {version} of the policy"))
    )]
    OverLimits {
        /// How many.
        attempts: usize,
        /// The version of θ that drew them; none for uniform draws.
        version: Option<u64>,
    },
    /// A step of ω asks for another batch than the one that comes next.
    #[error("step {asked} of ω was asked for, but the training data stands at {expected}")]
    BatchOrder {
        /// The batch asked for.
        asked: u64,
        /// The batch that comes next.
        expected: u64,
    },
    /// A rollout comes from an earlier θ, so that its gradient would be off-policy.
    #[error(
        "a rollout was drawn by version {drawn_by} of the policy, but the policy is at version \
         {current}; draw anew"
    )]
    StaleRollout {
        /// The version of θ that drew it.
        drawn_by: u64,
        /// The version of θ that was to learn from it.
        current: u64,
    },
    /// There is nothing to learn from.
    #[error("an update needs at least one rollout, and got none")]
    NoRollouts,
    /// A reward is NaN or infinite.
    #[error(
        "the reward of rollout {position} is {reward}; rewards are finite: score a child that \
         could not be evaluated 0"
    )]
    NonFiniteReward {
        /// Place in the batch, counted from 0.
        position: usize,
        /// The reward found.
        reward: f64,
    },
    /// The gradient with respect to θ is NaN or infinite; θ was left as it was.
    #[error(
        "the gradient of version {version} of the policy has norm {norm}; θ was left as it was: \
         go back to the last checkpoint, and lower `policy.learning_rate` if it comes again"
    )]
    NonFiniteGradient {
        /// The version of θ.
        version: u64,
        /// The norm found.
        norm: f64,
    },
    /// π gives probabilities that are NaN or infinite.
    #[error(
        "version {version} of the policy gives {log_prob} as a log probability; θ is spoilt: go \
         back to the last checkpoint, and lower `policy.learning_rate` if it comes again"
    )]
    NonFinitePolicy {
        /// The version of θ.
        version: u64,
        /// The log probability found.
        log_prob: f64,
    },
    /// A saved policy lacks a parameter.
    #[error("the saved policy has no parameter `{name}`; it is not a policy of this program")]
    MissingParameter {
        /// The name of the parameter.
        name: String,
    },
    /// A saved policy has a parameter that the policy does not know.
    #[error("the saved policy has a parameter `{name}`, which the policy does not know")]
    UnknownParameter {
        /// The name of the parameter.
        name: String,
    },
    /// A parameter of a saved policy has another shape or type.
    #[error(
        "parameter `{name}` of the saved policy is {found_dtype} {found:?}, expected f64 \
         {expected:?}; `policy.hidden` must be what it was when the policy was saved"
    )]
    ParameterShape {
        /// The name of the parameter.
        name: String,
        /// The type found.
        found_dtype: &'static str,
        /// The shape found.
        found: Vec<usize>,
        /// The shape that the policy has.
        expected: Vec<usize>,
    },
    /// The weights of a trained net lack one that it reads, or have it with other sides.
    #[error(
        "{}, but the net reads {expected:?}: give the weights of this very net",
        match found {
            Some(found) => format!("`{name}` of the weights has the sides {found:?}"),
            None => format!("the weights have no `{name}`"),
        }
    )]
    Weight {
        /// The parameter or running statistic.
        name: String,
        /// Its sides; none where it is not there.
        found: Option<Vec<usize>>,
        /// The sides that the net reads.
        expected: Vec<usize>,
    },
    /// The words of a trained net are no vocabulary.
    #[error(
        "the words that are told of the net are not in the order of their bytes, or one is there \
         twice, or `<eos>` is not: give the labels of this very net"
    )]
    WordOrder,
    /// A trained net and what it was trained on do not belong together.
    #[error(
        "{found} {what} are told of a net that has {expected}: give the labels of this very net"
    )]
    Labels {
        /// What was counted.
        what: &'static str,
        /// How many are told.
        found: usize,
        /// How many the net has.
        expected: usize,
    },
    /// A table of scores lacks an architecture.
    #[error(
        "{id} is not in the table; complete the table, or say by --unknown which score stands for all \
         that it lacks"
    )]
    NotInTable {
        /// Its canonical id.
        id: String,
    },
    /// An architecture is of another space than the table of scores.
    #[error(
        "{id} is of the space {found}, and the table of {table}: give searches and a table of one"
    )]
    NotOfTable {
        /// Its canonical id.
        id: String,
        /// Its space.
        found: Space,
        /// That of the table.
        table: Space,
    },
}
