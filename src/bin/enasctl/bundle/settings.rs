//! Versions, and the configuration with its sources: as it stands, and as the daemon has it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use enasd::config::{DEFAULT_FILE, Loaded};
use serde_json::json;

use crate::args::PatientArgs;
use crate::bundle::parts::{MAX_PART_BYTES, Parts};
use crate::doctor::patient::Patient;

pub(super) fn take(patient: &Patient, args: &PatientArgs, parts: &mut Parts) {
    parts.add_json(
        "versions.json",
        &json!({
            "enasctl": env!("CARGO_PKG_VERSION"),
            "enasd": patient.status.as_ref().ok().map(|status| &status.version),
            "cuda": cfg!(feature = "cuda"),
            "optimized": !cfg!(debug_assertions),
            "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        }),
    );
    let daemons = patient.origins.as_ref();
    let file = args.config.clone().or_else(|| daemons.and_then(|o| o.file.clone()).map(Into::into));
    let file = file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    parts.add("config/enasd.toml", read(file).map_err(|err| format!("{}: {err}", file.display())));
    let explained = patient.loaded.as_ref().map(Loaded::explain);
    parts.add("config/explained.toml", explained);
    match daemons {
        Some(origins) => parts.add_json("config/daemon.json", origins),
        None => parts.add("config/daemon.json", Err::<Vec<u8>, _>("no daemon answers")),
    }
}

/// The start of a file, as much as a part takes and one byte more, which shows that there is more.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_PART_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
