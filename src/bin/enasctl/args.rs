//! The arguments.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use enasd::api::wire::{MAX_NEXT_WORDS, MAX_TOP};
use enasd::manual::Manual;

use crate::arch_args::{ArchVerb, ConvertArgs, SpaceVerb};
use crate::clock::Since;
use crate::export_args::ExportArgs;
use crate::history_args::HistoryArgs;
use crate::regret_args::RegretArgs;

const EXIT_STATUS: &str = "0 done, 1 refused, 2 wrong usage, 3 no daemon answers, 4 the daemon is \
                           degraded (status) or something does not work (doctor).";

/// What the manual page says beyond the arguments.
pub(crate) const MANUAL: Manual = Manual {
    section: "1",
    sections: &[("EXIT STATUS", EXIT_STATUS), ("SEE ALSO", "enasd(8), curl(1)")],
};

/// Ask and command enasd, a daemon that searches for neural network architectures.
#[derive(Debug, Parser)]
#[command(
    name = "enasctl",
    version,
    after_help = format!("Exit status: {EXIT_STATUS}")
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) place: DaemonPlace,
    /// `json` is the daemon's reply as it is, `ndjson` its items, a line each.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Where the daemon is.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct DaemonPlace {
    /// The daemon's socket [default: where the daemon's configuration says, else with the state
    /// folder that is set, else in the user's runtime folder, else /run/enasd/enasd.sock].
    #[arg(long, global = true, env = "ENASD_API__SOCKET", value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The state folder of the daemon, where it was started with `--state`.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

impl DaemonPlace {
    /// The flags of the daemon that say the same.
    pub(crate) fn flags(&self) -> Vec<(String, String)> {
        let flag = |state: &PathBuf| ("store.state".to_owned(), state.display().to_string());
        self.state.iter().map(flag).collect()
    }
}

/// Seconds between two lines: a day is the most.
fn parse_every(text: &str) -> Result<f64, String> {
    let seconds = text.parse().map_err(|_| "it must be a number of seconds".to_owned())?;
    if (0.0..=86_400.0).contains(&seconds) {
        return Ok(seconds);
    }
    Err("it must be 0 to 86400 seconds".to_owned())
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs that read lines.
    Ndjson,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Says what the daemon does.
    Status,
    /// Shows the search on a live screen.
    Top,
    /// Prints a line after a step, for logs, until the daemon ends.
    Watch {
        /// The fewest seconds from one line to the next, at most 86400; with 0 a line a step, as
        /// long as a step takes 10 ms or more.
        #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = parse_every)]
        every: f64,
    },
    /// Shows the best architectures with the shared weights, or as far as `--stage` says; draws the
    /// first, and names the champion.
    Best(BestArgs),
    /// Lists architectures that were scored.
    List(ListArgs),
    /// Shows one architecture and what the search knows of it.
    Show {
        /// An id, or any other text form.
        arch: String,
    },
    /// Says how far an architecture came: when it was drawn first and by whom, its rewards, its
    /// rank, its retrainings, and why it was promoted or not.
    Why {
        /// An id, or any other text form.
        arch: String,
    },
    /// Writes a report of the search: one page of HTML with verdicts, curves, the champion and all
    /// that was retrained.
    Report(ReportArgs),
    /// Compares searches by how fast they come to their best, from their histories, without a daemon:
    /// the highest reward so far against architectures scored, or the regret where a table knows it.
    Regret(RegretArgs),
    /// Scores an architecture with the present shared weights; it joins the history.
    Score {
        /// An id, or any other text form, or `-` to read it from standard input.
        arch: String,
    },
    /// Has an architecture trained from scratch, as `final` of the configuration says, when its
    /// turn comes.
    Retrain {
        /// An id, or any other text form, or `-` to read it from standard input.
        arch: String,
    },
    /// Writes the net of an architecture with its weights, for other programs.
    Export(ExportArgs),
    /// Says which classes images are of, or how likely a text is and how it may go on, by the
    /// champion: the best net that was trained from scratch.
    Predict(PredictArgs),
    /// Draws architectures, without any effect on the search.
    Sample(SampleArgs),
    /// Derives once more, beside the schedule.
    Derive,
    /// Stops taking steps after the one under way.
    Pause,
    /// Goes on after a pause.
    Resume,
    /// Writes a checkpoint at once.
    Checkpoint,
    /// Finishes the step, writes a checkpoint, and ends the daemon.
    Stop,
    /// Lists what was drawn and what came of it.
    History(HistoryArgs),
    /// Lists what happened to the daemon.
    Events {
        /// Events of the last so many hours, minutes or days (8h, 30m, 2d), from a moment on
        /// (2026-03-31, "2026-03-31 22:00"), or after the one with this number.
        #[arg(long, value_name = "8h|DATE|N", default_value = "0")]
        since: Since,
        /// Goes on with events as they happen.
        #[arg(short, long)]
        follow: bool,
    },
    /// Shows the configuration that the daemon runs with.
    Config,
    /// Says what the daemon logs, or sets it until the daemon reads its configuration again.
    LogLevel {
        /// off, error, warn, info, debug or trace, or a list such as `info,enasd::actors=debug`.
        level: Option<String>,
    },
    /// Looks at everything that the daemon needs, and says what mends what is wrong. Works
    /// without a daemon, and changes nothing.
    Doctor(PatientArgs),
    /// Writes everything that a report of a defect needs, and none of the data, to one file. Works
    /// without a daemon.
    Bundle(BundleArgs),
    /// Looks at a search space without a daemon.
    Space {
        /// What to do with it.
        #[command(subcommand)]
        verb: SpaceVerb,
    },
    /// Looks at an architecture without a daemon.
    Arch {
        /// What to do with it.
        #[command(subcommand)]
        verb: ArchVerb,
    },
    /// Writes an architecture in the forms of other programs, or in the one asked for, without a
    /// daemon.
    Convert(ConvertArgs),
    /// Writes the manual page and the shell completions into a folder, for a package.
    #[command(hide = true)]
    Manual {
        /// Made where it is not there.
        folder: PathBuf,
    },
}

/// What to look at where no daemon answers.
#[derive(Debug, ClapArgs)]
pub(crate) struct PatientArgs {
    /// The daemon's configuration [default: the one that it read, else /etc/enasd/enasd.toml where
    /// it is there].
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The arguments of `bundle`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BundleArgs {
    /// The file [default: enasd-bundle-TIME.tar.gz].
    pub(crate) file: Option<PathBuf>,
    /// Replaces the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) patient: PatientArgs,
}

/// The arguments of `best`.
#[derive(Debug, ClapArgs)]
pub(crate) struct BestArgs {
    /// Which are shown: those with the best scores with the shared weights; or the champion, with
    /// the score of its net, trained from scratch, on the validation or on the test split.
    #[arg(long, value_enum, default_value_t = BestStage::Shared)]
    pub(crate) stage: BestStage,
    /// The most architectures, 1 to 10000.
    #[arg(long, default_value_t = 10)]
    pub(crate) limit: u32,
    /// Writes the weights of the best architecture, as safetensors: its part of the shared ones.
    #[arg(long, value_name = "FILE", conflicts_with = "stage")]
    pub(crate) weights: Option<PathBuf>,
    /// Replaces the file if it is there.
    #[arg(long, requires = "weights")]
    pub(crate) force: bool,
}

/// The arguments of `report`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ReportArgs {
    /// The page.
    #[arg(short = 'o', long = "file", value_name = "FILE", default_value = "report.html")]
    pub(crate) file: PathBuf,
    /// Replaces the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// The arguments of `list`.
#[derive(Debug, ClapArgs)]
pub(crate) struct ListArgs {
    /// Which come first.
    #[arg(long, value_enum, default_value_t = ListOrder::Best)]
    pub(crate) order: ListOrder,
    /// The most architectures, 1 to 10000.
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u32,
    /// Those instead that no other beats in its score, in parameters, in multiply-adds and in time
    /// at once.
    #[arg(long, conflicts_with = "order")]
    pub(crate) pareto: bool,
}

/// The arguments of `predict`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PredictArgs {
    /// Of a net that reads images: PNG, JPEG, WebP or BMP; `-` is standard input: a tar of images,
    /// a list of their names, or one image. Of a net that reads words: a text in UTF-8, with spaces
    /// between the words; `-`, or no file, is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The id, or any other text form, of a champion that is kept [default: the present one].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// How many classes of each image are told, 1 to 100 [default: 3].
    #[arg(long, value_name = "K", value_parser = parse_top)]
    pub(crate) top: Option<usize>,
    /// How many words are told that may follow a text, 1 to 1000. A line feed at its end is the end
    /// of a line: `printf` writes none.
    #[arg(long, value_name = "N", value_parser = parse_words)]
    pub(crate) words: Option<usize>,
    /// The folder of a champion, wherever it was taken to: no daemon is asked.
    #[arg(long, value_name = "DIR", conflicts_with = "arch")]
    pub(crate) model: Option<PathBuf>,
}

fn parse_top(text: &str) -> Result<usize, String> {
    let top = text.parse().ok().filter(|top| (1..=MAX_TOP).contains(top));
    top.ok_or_else(|| format!("it must be 1 to {MAX_TOP}"))
}

fn parse_words(text: &str) -> Result<usize, String> {
    let words = text.parse().ok().filter(|words| (1..=MAX_NEXT_WORDS).contains(words));
    words.ok_or_else(|| format!("it must be 1 to {MAX_NEXT_WORDS}"))
}

/// The arguments of `sample`.
#[derive(Debug, ClapArgs)]
pub(crate) struct SampleArgs {
    /// How many, 1 to 1000.
    #[arg(default_value_t = 1)]
    pub(crate) count: usize,
    /// With the same policy, the same seed gives the same architectures.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Draws uniformly instead of from the policy.
    #[arg(long)]
    pub(crate) random: bool,
}

/// How far the best architectures have come.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BestStage {
    /// Scored with the shared weights.
    Shared,
    /// Trained from scratch.
    Retrained,
    /// Measured on the test split.
    Certified,
}

impl BestStage {
    /// As the API names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Retrained => "retrained",
            Self::Certified => "certified",
        }
    }
}

/// Which architectures come first.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ListOrder {
    /// Those with the highest reward.
    Best,
    /// Those scored last.
    Latest,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Args::command().debug_assert();
    }
}
