//! Why a study could not go on.

use std::io;
use std::path::PathBuf;

use crate::data::DataError;
use crate::net::NetError;
use crate::search::SearchError;
use crate::space::{SpaceError, TooManyArchs};
use crate::store::StoreError;

/// Why a study could not go on. What was measured by then is kept, and is not measured again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The data cannot be read or split.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A net cannot be trained, or scored.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A net cannot be built.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An architecture cannot be spelled.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The space is too large for a table.
    #[error(transparent)]
    TooManyArchs(#[from] TooManyArchs),
    /// A tensor computation failed.
    #[error("a tensor computation failed: {}", crate::engine::reason(.0))]
    Engine(#[from] candle_core::Error),
    /// What is kept cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the study cannot be read.
    #[error("{}: {source}; choose another, or mend its rights", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder that is to give way has more in it than an earlier simulation left.
    #[error(
        "{} holds more than the history of a simulation, which would give way; choose another --folder",
        path.display()
    )]
    OtherFiles {
        /// The folder.
        path: PathBuf,
    },
    /// No search has left a history there.
    #[error(
        "{} has no history of scored architectures; give a state folder, a history.sqlite, or a folder \
         of state folders", path.display()
    )]
    NoHistory {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// Two histories are of searches in different spaces.
    #[error(
        "{} is of a search in the space {found}, and {} of one in {known}: rewards of different spaces \
         are not compared; leave one of them out",
        path.display(),
        other.display()
    )]
    OtherSpaces {
        /// One history.
        path: PathBuf,
        /// Its space.
        found: &'static str,
        /// The history before it.
        other: PathBuf,
        /// That one's space.
        known: &'static str,
    },
    /// A history lacks rows, so that what came after them is not what the search had by then.
    #[error("{} has {rows} damaged rows; `enasctl doctor` says more", path.display())]
    Damaged {
        /// The history.
        path: PathBuf,
        /// Rows that are damaged.
        rows: u64,
    },
    /// What was found cannot be written as comma-separated values.
    #[error("what was found cannot be written as comma-separated values: {0}")]
    Csv(#[from] csv::Error),
    /// What was found cannot be written as JSON.
    #[error("what was found cannot be written as JSON: {0}")]
    Json(serde_json::Error),
    /// The present ω has been trained on other data.
    #[error(
        "the search in the state folder is of other data, and its shared weights cannot be scored on \
         these: give the data that it searches on, or another --state"
    )]
    OtherData,
    /// A way to train ω that the space does not know.
    #[error("`{lever}` of --levers says something to searches of `{space}` alone; leave it out")]
    Lever {
        /// The way.
        lever: &'static str,
        /// The space that it is for.
        space: &'static str,
    },
    /// A line of a list of architectures says nothing of use.
    #[error(
        "line {line} of the list: {why}; write `GROUP PAIR ARCHITECTURE`, with `-` for no pair"
    )]
    Claim {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// No thread can be started.
    #[error("no thread that trains can be started: {0}")]
    Thread(io::Error),
    /// There are fewer architectures than were asked for.
    #[error(
        "{asked} architectures were asked for, and of many draws only {found} differ; lower --archs, \
         or widen [limits]"
    )]
    Archs {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        found: usize,
    },
}
