//! The ledger of the test split: whether a start could go on from it, and how often the split was
//! looked at.

use enasd::data::{Contents, TestLedger};

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, is_forbidden};
use crate::printer::thousands;

const LEDGER: &str = "test-split";

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Ok(state) = &patient.state else { return Vec::new() };
    let Ok(Some(newest)) = &state.newest else { return Vec::new() };
    let data = newest.data.as_deref().and_then(|data| serde_json::from_str::<Contents>(data).ok());
    let (Some(data), Some(finals)) = (data, &newest.finals) else {
        let what = "the newest checkpoint does not say what it was used for";
        return vec![Finding::skip(LEDGER, what)];
    };
    vec![match state.view.test_ledger(data.blake3(), finals) {
        Ok(ledger) => Finding::ok(LEDGER, told(&ledger)),
        Err(err) if is_forbidden(&err) => {
            Finding::forbidden(LEDGER, "read the ledger of the test split", patient.uid)
        }
        Err(err) => Finding::error(LEDGER, &err, "restore it from a backup"),
    }]
}

/// How often the split was looked at.
fn told(ledger: &TestLedger) -> String {
    let uses = format!("{} candidates were ever measured on it", thousands(ledger.uses()));
    match ledger.broken_off() {
        0 => uses,
        n => format!("{uses}; looks broken off, of which nothing was seen: {}", thousands(n)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_that_were_broken_off_are_told() {
        let mut ledger = TestLedger::default();
        ledger.open("a");
        assert_eq!(told(&ledger), "0 candidates were ever measured on it");
        ledger.open("a");
        assert!(
            told(&ledger).ends_with("looks broken off, of which nothing was seen: 1"),
            "{}",
            told(&ledger)
        );
    }
}
