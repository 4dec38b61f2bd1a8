//! The arguments of `regret`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use enasd::search::ScoreTable;

/// The arguments of `regret`.
#[derive(Debug, ClapArgs)]
pub(crate) struct RegretArgs {
    /// State folders, histories, or folders of state folders; those of one NAME are searches of other
    /// seeds, and without a name it is that of the folder around. The others are compared with the
    /// first.
    #[arg(required = true, value_name = "[NAME=]HISTORY")]
    pub(crate) histories: Vec<String>,
    /// A table of scores, plain or gz, or `embedded:micro-1`, by which the regret is known: without it,
    /// the highest reward so far is drawn.
    #[arg(long, value_name = "FILE")]
    pub(crate) table: Option<PathBuf>,
    /// The score of every architecture that is not in the table; without it, such a one is an error.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, requires = "table",
        value_parser = ScoreTable::parse_score)]
    pub(crate) unknown: Option<f64>,
    /// Writes the curves as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Writes the curves as comma-separated values.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Replaces the files if they are there.
    #[arg(long)]
    pub(crate) force: bool,
}
