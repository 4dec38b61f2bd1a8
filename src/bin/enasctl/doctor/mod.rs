//! `enasctl doctor`: looks at everything that the daemon needs, says what is wrong, and what mends
//! it. It changes nothing.
//!
//! ```text
//! Patient: daemon, configuration, state folder ─► checks, a file a group ─► findings
//! ```

mod best;
mod champions;
mod checkpoint;
mod clock;
pub(crate) mod command;
mod config;
mod costs;
mod data;
mod device;
mod disk;
mod finding;
mod history;
mod kept;
mod ledger;
mod metrics;
pub(crate) mod patient;
pub(crate) mod scrape;
mod socket;
mod state;
mod trials;
pub(crate) mod unit;
mod version;

use serde::Serialize;

use crate::args::{DaemonPlace, PatientArgs};
use crate::doctor::patient::Patient;
use crate::failure::Failure;
use crate::printer::Printer;

pub(crate) use finding::{Finding, Verdict};

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// The worst verdict.
    verdict: Verdict,
    /// In the order of the checks.
    findings: Vec<Finding>,
}

/// Prints what is found; a failure among it gives an exit status of its own.
pub(crate) async fn doctor(
    place: &DaemonPlace,
    args: &PatientArgs,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let patient = Patient::new(place, args).await?;
    let diagnosis = Diagnosis::of(&patient).await;
    printer.list(&diagnosis, &diagnosis.findings, Diagnosis::text)?;
    match diagnosis.count(Verdict::Fail) {
        0 => Ok(()),
        failed => Err(Failure::Unwell { failed }),
    }
}

impl Diagnosis {
    /// Runs every check.
    pub(crate) async fn of(patient: &Patient) -> Self {
        let mut findings = version::check(patient);
        findings.extend(config::check(patient));
        findings.extend(data::check(patient));
        findings.extend(state::check(patient));
        findings.extend(disk::check(patient));
        findings.extend(checkpoint::check(patient));
        findings.extend(best::check(patient));
        findings.extend(ledger::check(patient));
        findings.extend(champions::check(patient));
        findings.extend(trials::check(patient));
        findings.extend(costs::check(patient));
        findings.extend(history::check(patient));
        findings.extend(socket::check(patient).await);
        findings.extend(device::check(patient));
        findings.extend(metrics::check(patient).await);
        findings.extend(clock::check(patient).await);
        findings.extend(unit::check(patient).await);
        let verdict = findings.iter().map(|found| found.verdict).max().unwrap_or(Verdict::Ok);
        Self { verdict, findings }
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|found| found.verdict == verdict).count()
    }

    /// A line a finding, with the cure below it.
    pub(crate) fn text(&self) -> String {
        let width = self.findings.iter().map(|found| found.check.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for Finding { check, verdict, what, cure } in &self.findings {
            let verdict = verdict.name();
            lines.push(format!("{verdict:4}  {check:width$}  {what}"));
            if let Some(cure) = cure {
                lines.push(format!("{:4}  {:width$}  → {cure}", "", ""));
            }
        }
        lines.push(format!(
            "{} ok, {} skip, {} warn, {} fail",
            self.count(Verdict::Ok),
            self.count(Verdict::Skip),
            self.count(Verdict::Warn),
            self.count(Verdict::Fail)
        ));
        lines.join("\n")
    }
}
