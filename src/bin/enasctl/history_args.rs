//! The arguments of `history`.

use clap::Args as ClapArgs;
use enasd::api::wire::HistoryQuery;
use enasd::search::Arm;
use enasd::store::HistoryPhase;

/// The arguments of `history`.
#[derive(Debug, ClapArgs)]
pub(crate) struct HistoryArgs {
    /// The first step, counted from 0 as in JSON.
    #[arg(long, value_name = "STEP", default_value_t = 0)]
    pub(crate) since: u64,
    /// About how many rows, 1 to 10000: the last step is given whole [default: 100, with --csv
    /// all].
    #[arg(long, value_name = "ROWS")]
    pub(crate) limit: Option<u32>,
    /// The last rows instead, 1 to 10000.
    #[arg(long, value_name = "ROWS", conflicts_with_all = ["since", "limit"])]
    pub(crate) tail: Option<u32>,
    /// Only what one arm drew.
    #[arg(long, value_parser = parse_arm, value_name = "controller|random|derive|injected")]
    pub(crate) arm: Option<Arm>,
    /// Only what was drawn in one phase.
    #[arg(long, value_parser = parse_phase, value_name = "shared|controller|derive")]
    pub(crate) phase: Option<HistoryPhase>,
    /// Shows the losses and learning rates of ω's steps.
    #[arg(long, conflicts_with_all = ["arm", "phase"])]
    pub(crate) losses: bool,
    /// Prints comma-separated values, every column.
    #[arg(long)]
    pub(crate) csv: bool,
    /// Folds old rows into one for each hour, phase and arm, until single rows take at most so
    /// many bytes, as in 500MB or 2GB.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes,
        conflicts_with_all = ["since", "limit", "tail", "arm", "phase", "losses", "csv"])]
    pub(crate) prune: Option<u64>,
}

impl HistoryArgs {
    /// What to ask for; so many rows where no number is said.
    pub(crate) fn query(&self, rows: u32) -> HistoryQuery {
        let shared = self.losses.then_some(HistoryPhase::Shared);
        HistoryQuery {
            since: self.since,
            limit: self.limit.unwrap_or(rows),
            tail: self.tail,
            arm: self.arm,
            phase: self.phase.or(shared),
        }
    }
}

fn parse_arm(text: &str) -> Result<Arm, String> {
    let names = || Arm::ALL.map(Arm::name).join(", ");
    Arm::of_name(text).ok_or_else(|| format!("the arms are {}", names()))
}

fn parse_phase(text: &str) -> Result<HistoryPhase, String> {
    let names = || HistoryPhase::ALL.map(HistoryPhase::name).join(", ");
    HistoryPhase::of_name(text).ok_or_else(|| format!("the phases are {}", names()))
}

/// A number of bytes, as in 500MB.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match &text[digits.len()..] {
        "" | "B" => Some(1),
        "kB" => Some(1000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        _ => None,
    };
    let bytes =
        digits.parse::<u64>().ok().zip(factor).and_then(|(n, factor)| n.checked_mul(factor));
    bytes.ok_or_else(|| "it must be a whole number of bytes, kB, MB or GB, as in 500MB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_with_their_units() {
        for (text, bytes) in [("0", 0), ("64B", 64), ("2kB", 2000), ("2GB", 2_000_000_000)] {
            assert_eq!(parse_bytes(text), Ok(bytes));
        }
        for text in ["", "MB", "-1", "1.5GB", "1TB", "20000000000GB", "1é"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
