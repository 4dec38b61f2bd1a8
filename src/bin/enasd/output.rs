//! What is printed, and what is said on standard error.

use clap::ValueEnum;
use clap::builder::RangedU64ValueParser;
use enasd::printable::printable;
use enasd::telemetry::{LAST_WORDS, Outlet};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// A whole number within both ends.
pub(crate) fn count(min: u64, max: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(min..=max)
}

/// Prints to a standard output that may be closed.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    // Nobody is there to be told.
    let _ = std::io::stdout().write_all(printable(text).as_bytes());
}

/// Says it on standard error, but does not wait for long until somebody reads it.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    let line = format!("enasd: {}\n", printable(text));
    if let Ok(outlet) = Outlet::stderr() {
        outlet.line(line.as_bytes());
        outlet.finish(LAST_WORDS);
    } else {
        // No thread can be started any more, and nobody is there to be told of it.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
