//! `enasctl bundle`: everything that a report of a defect needs, and none of the data, in one file.
//!
//! ```text
//! enasd-bundle-TIME/
//!   MANIFEST.json                     the parts with their sizes, and what could not be taken and why
//!   doctor.txt, doctor.json           what the doctor finds
//!   versions.json, config/            the configuration with its sources, here and in the daemon
//!   status.json, metrics.txt, events.ndjson, history.ndjson
//!   state/                            names and sizes, lists of the checkpoints; no weights
//!   machine/, process/, device/, unit/
//! ```

mod archive;
mod daemon;
mod files;
mod machine;
mod parts;
mod settings;

use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use crate::args::{BundleArgs, DaemonPlace};
use crate::bundle::parts::{LeftOut, Parts};
use crate::clock::stamp;
use crate::doctor::Diagnosis;
use crate::doctor::patient::Patient;
use crate::failure::Failure;
use crate::printer::{Printer, thousands};

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    bytes: usize,
    parts: Vec<String>,
    left_out: Vec<LeftOut>,
}

/// Writes a bundle, and prints where.
pub(crate) async fn bundle(
    place: &DaemonPlace,
    args: &BundleArgs,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let patient = Patient::new(place, &args.patient).await?;
    let root = name(patient.now);
    let file = args.file.clone().unwrap_or_else(|| format!("{root}.tar.gz").into());
    let parts = take(&patient, args).await;
    let bytes = archive::pack(&root, &parts.taken, patient.now).map_err(Failure::Output)?;
    archive::write(&file, &bytes, args.force)?;
    let names = parts.taken.into_iter().map(|part| part.name).collect();
    let written = Written { file, bytes: bytes.len(), parts: names, left_out: parts.left_out };
    printer.one(&written, text)
}

async fn take(patient: &Patient, args: &BundleArgs) -> Parts {
    let mut parts = Parts::default();
    let diagnosis = Diagnosis::of(patient).await;
    parts.add("doctor.txt", Ok::<_, String>(diagnosis.text() + "\n"));
    parts.add_json("doctor.json", &diagnosis);
    settings::take(patient, &args.patient, &mut parts);
    daemon::take(patient, &mut parts).await;
    files::take(patient, &mut parts);
    machine::take(patient, &mut parts).await;
    let manifest = json!({
        "program": env!("CARGO_PKG_VERSION"),
        "unix_seconds": patient.now,
        "parts": parts.taken,
        "left_out": parts.left_out,
    });
    parts.head("MANIFEST.json", format!("{manifest:#}\n").into_bytes());
    parts
}

/// `enasd-bundle-20260331T120000Z`.
fn name(unix_seconds: f64) -> String {
    format!("enasd-bundle-{}", stamp((unix_seconds * 1000.0) as i64))
}

fn text(written: &Written) -> String {
    let Written { file, bytes, parts, left_out } = written;
    let mut lines = vec![format!(
        "wrote {}: {} bytes, {} parts; look through it before you send it",
        file.display(),
        thousands(*bytes as u64),
        parts.len()
    )];
    lines.extend(left_out.iter().map(|LeftOut { name, why }| format!("without {name}: {why}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_named_by_its_time() {
        assert_eq!(name(951_782_400.5), "enasd-bundle-20000229T000000Z");
    }
}
