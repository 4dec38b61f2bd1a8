//! `enasd tabulate`: a table of a small space, for searches that look scores up.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use enasd::daemon::{EXIT_CONFIG, EXIT_INTERNAL};
use enasd::search::SearchError;
use enasd::store::write_atomically;
use enasd::study::{StudyError, tabulate};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::config_args::{ConfigArgs, load};
use crate::failure::Failure;
use crate::output::{count, print};
use crate::study::{Teller, ground, plain};

#[derive(Args, Clone)]
pub(crate) struct TabulateArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Nets of each architecture, trained as [final] has it.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = count(1, 16))]
    seeds: usize,
    /// Where all that is measured is kept, so that it is measured once [default: study in the state
    /// folder].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Replaces the table if it is there.
    #[arg(long)]
    force: bool,
    /// The table to be written: comma-separated values, compressed.
    #[arg(value_name = "FILE.csv.gz")]
    file: PathBuf,
}

pub(crate) fn run(args: &TabulateArgs) -> Result<(), Failure> {
    check_file(&args.file, args.force)?;
    let ground = ground(&load(&args.config)?, args.seeds, args.folder.as_ref())?;
    let mut teller = Teller::default();
    let found = tabulate(&ground, &mut |progress| teller.tell(progress));
    let found = found.map_err(|error| match error {
        // Told before anything is measured.
        StudyError::TooManyArchs(_)
        | StudyError::Net(_)
        | StudyError::Search(SearchError::Net(_)) => plain(error),
        error => error.into(),
    })?;
    let compressed = compressed(&found.csv()?).map_err(|error| Failure {
        why: format!("cannot compress the table: {error}"),
        exit_code: EXIT_INTERNAL,
    })?;
    write_atomically(&args.file, &compressed).map_err(StudyError::from)?;
    print(&found.to_string());
    Ok(())
}

/// Refuses a file that could not be written, before hours of work.
fn check_file(file: &Path, is_forced: bool) -> Result<(), Failure> {
    let refused = |why: String| Err(Failure { why, exit_code: EXIT_CONFIG });
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return refused(format!("there is no folder for {}; make it first", file.display()));
    }
    match file.symlink_metadata() {
        Ok(found) if !found.is_file() => {
            refused(format!("{} is no plain file; give another name", file.display()))
        }
        Ok(_) if !is_forced => refused(format!(
            "{} is there already; give another name, or `--force` to replace it",
            file.display()
        )),
        _ => Ok(()),
    }
}

/// The same bytes for the same table: neither a name nor a time is in them.
fn compressed(text: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text)?;
    encoder.finish()
}
