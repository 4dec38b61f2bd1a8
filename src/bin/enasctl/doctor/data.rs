//! The data: what the splits hold, what in them is odd, and whether the checkpoints belong to it.

use std::io;

use enasd::config::keys;
use enasd::data::{Contents, DataConfig, DataError, DataReport, Dataset};
use enasd::printable::shown;
use enasd::store::Newest;

use crate::doctor::Finding;
use crate::doctor::patient::Patient;

const DATA: &str = "data";
const BINDING: &str = "binding";

/// The most classes that are named.
const MAX_LISTED: usize = 5;

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Some((config, seed)) = config(patient) else { return Vec::new() };
    let report = Dataset::load(&config, seed).and_then(|dataset| DataReport::of(&dataset));
    let report = match report {
        Ok(report) => report,
        Err(DataError::Io { path, source, .. })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            return vec![Finding::forbidden(
                DATA,
                &format!("read {}", path.display()),
                patient.uid,
            )];
        }
        Err(err) => return vec![Finding::error(DATA, &err, "see `data.source` and `data.path`")],
    };
    let what = format!("{}, fingerprint {}", report.summary(), report.contents.blake3());
    let mut findings = vec![Finding::ok(DATA, what)];
    findings.extend(odd(&report));
    findings.extend(of_checkpoint(&report.contents, patient));
    findings
}

/// What the daemon reads, or a start would, and the seed that it splits by.
fn config(patient: &Patient) -> Option<(DataConfig, u64)> {
    if patient.origins.is_some() {
        let names = keys().filter_map(|key| Some((key, key.strip_prefix("data.")?)));
        let values = names.map(|(key, name)| Some((name.to_owned(), patient.setting(key)?)));
        let values: Option<serde_json::Map<_, _>> = values.collect();
        let config = serde_json::from_value(values?.into()).ok()?;
        return Some((config, patient.setting("seed")?.as_u64()?));
    }
    let loaded = patient.loaded.as_ref().ok()?;
    let recorded = newest(patient).and_then(|newest| newest.config.as_deref());
    let continued = recorded.and_then(|recorded| loaded.continuing(recorded).ok());
    let search = continued.as_ref().map_or(&loaded.config.search, |it| &it.config.search);
    Some((search.data.clone(), search.seed))
}

fn newest(patient: &Patient) -> Option<&Newest> {
    patient.state.as_ref().ok()?.newest.as_ref().ok()?.as_ref()
}

/// What a person should look at.
fn odd(report: &DataReport) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !report.rare_classes.is_empty() {
        let n_rare = report.rare_classes.len();
        let first = report.rare_classes[..n_rare.min(MAX_LISTED)].join(", ");
        findings.push(Finding::warn(
            DATA,
            format!("{n_rare} classes have hardly any images, or none to validate on: {first}"),
            "give them more images, or leave them out",
        ));
    }
    if let Some(first) = &report.first_constant {
        let (count, first) = (report.constant_images, shown(first));
        findings.push(Finding::warn(
            DATA,
            format!("all pixels of an image are equal in {count} images, the first is `{first}`"),
            "look at them; remove those that show nothing",
        ));
    }
    findings.extend(report.notes.iter().map(|note| Finding::ok(DATA, note.clone())));
    findings
}

/// Whether a start would go on with the newest checkpoint.
fn of_checkpoint(contents: &Contents, patient: &Patient) -> Option<Finding> {
    let recorded = newest(patient)?.data.as_ref()?;
    let Ok(before) = serde_json::from_str::<Contents>(recorded) else {
        return Some(Finding::fail(
            BINDING,
            "the newest checkpoint does not say what its data holds",
            "restore it from a backup",
        ));
    };
    if before == *contents {
        return Some(Finding::ok(BINDING, "the checkpoints belong to these images"));
    }
    let mut changes = contents.changes_from(&before);
    if changes.is_empty() {
        changes.push("images, or their order".to_owned());
    }
    Some(Finding::fail(
        BINDING,
        format!("the checkpoints belong to other data: {}", changes.join(", ")),
        "give that back at `data.path`, or give the daemon another state folder",
    ))
}
