//! Why the program ends with another status than 0.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use enasd::api::ApiError;
use enasd::config::ConfigError;
use enasd::net::NetError;
use enasd::search::{SearchError, TableFault, WordFault};
use enasd::space::SpaceError;
use enasd::store::StoreError;
use enasd::study::StudyError;

/// Why the program ends with another status than 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The daemon refuses or is not there.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The configuration, which says where the daemon is, cannot be read.
    #[error("{0}; or say where the daemon is with `--socket`")]
    Config(#[from] ConfigError),
    /// The text is no architecture.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The JSON describes no architecture.
    #[error("this JSON has no architecture: {0}; it is read from `arch`, as in an arch.json")]
    Json(serde_json::Error),
    /// No net can be built.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A file cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Histories cannot be compared.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// Two things would be written to one file.
    #[error("{} is to be both the drawing and the values; give two names", path.display())]
    OneFile {
        /// The file.
        path: PathBuf,
    },
    /// A file would be written into the folder of a history that is read.
    #[error("{} would be among the files of a search that is compared; choose another folder", path.display())]
    AmongHistories {
        /// The file.
        path: PathBuf,
    },
    /// An architecture is not in a table.
    #[error("{}: {error}", path.display())]
    NotInTable {
        /// The table.
        path: PathBuf,
        /// Which.
        error: SearchError,
    },
    /// A file is no table of scores.
    #[error("{}: {fault}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: TableFault,
    },
    /// A net cannot be run.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// There is nothing to show.
    #[error(
        "`--net standalone` needs an architecture; without one, `--net shared` counts the shared \
         weights of all"
    )]
    NoArch,
    /// Only an ONNX file has a type of pixels.
    #[error("`--pixels` is of `--to onnx` alone: the others read any; leave it out")]
    PixelsOfOnnxAlone,
    /// A text has no pixels.
    #[error("`--pixels` is of nets that read images, and this one reads words; leave it out")]
    PixelsOfImages,
    /// There is no best architecture.
    #[error("the search has derived no architecture yet, so there are no weights to write")]
    NothingDerived,
    /// The file is there.
    #[error("{} is there already; give another name, or `--force` to replace it", path.display())]
    FileIsThere {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// Standard input has no architecture.
    #[error("cannot read an architecture from standard input: {0}")]
    Input(io::Error),
    /// Standard input has no images.
    #[error("cannot read images from standard input: {0}")]
    Images(io::Error),
    /// Some images could not be classified; which, and why, is told.
    #[error("images that could not be classified: {failed}")]
    Unclassified {
        /// How many.
        failed: usize,
    },
    /// The net reads images, and there are none.
    #[error("the net reads images: give their files, or `-` for standard input")]
    NoImages,
    /// Only a text has words that follow it.
    #[error("`--words` is of nets that read words, and this one reads images; leave it out")]
    WordsOfText,
    /// Only an image has classes.
    #[error("`--top` is of nets that read images, and this one reads words: `--words` it is")]
    TopOfImages,
    /// There is more than one text.
    #[error(
        "a net that reads words reads one text at a time: give one file, or none for standard input"
    )]
    ManyTexts,
    /// The text cannot be had.
    #[error("cannot read {file}: {source}")]
    NoText {
        /// The file, or standard input.
        file: String,
        /// What the operating system says.
        r#source: io::Error,
    },
    /// The text is too long.
    #[error("{file} has more than {limit} bytes, the most that {reader}")]
    LongText {
        /// The file, or standard input.
        file: String,
        /// The most bytes.
        limit: u64,
        /// Who reads no more, and what mends it.
        reader: &'static str,
    },
    /// The text cannot be predicted.
    #[error("{file} {fault}")]
    Text {
        /// The file, or standard input.
        file: String,
        /// Why.
        fault: WordFault,
    },
    /// The result cannot be printed.
    #[error("cannot print the result: {0}")]
    Output(io::Error),
    /// The screen has no terminal to be drawn on.
    #[error(
        "`enasctl top` draws on a terminal, and there is none that can be drawn on; for logs and \
         programs use `enasctl watch`"
    )]
    NoTerminal,
    /// The terminal fails.
    #[error("the terminal cannot be used: {0}")]
    Terminal(io::Error),
    /// The daemon is there and not well.
    #[error("the daemon is degraded: {why}")]
    Degraded {
        /// In words.
        why: String,
    },
    /// The doctor found something that does not work.
    #[error("checks that failed: {failed}")]
    Unwell {
        /// How many.
        failed: usize,
    },
}

impl Failure {
    /// Whether whoever reads the output has seen enough, as in `enasctl list | head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(err) if err.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit status.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            _ if self.is_closed_pipe() => ExitCode::SUCCESS,
            Self::Api(
                ApiError::Unreachable { .. } | ApiError::Silent { .. } | ApiError::Http { .. },
            ) => ExitCode::from(3),
            Self::NoTerminal
            | Self::NoArch
            | Self::PixelsOfOnnxAlone
            | Self::PixelsOfImages
            | Self::TopOfImages
            | Self::NoImages
            | Self::WordsOfText
            | Self::ManyTexts => ExitCode::from(2),
            Self::Degraded { .. } | Self::Unwell { .. } => ExitCode::from(4),
            _ => ExitCode::from(1),
        }
    }
}
