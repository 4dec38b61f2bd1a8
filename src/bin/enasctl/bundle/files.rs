//! The state folder without its data: what lies there, the lists of the checkpoints, and what was
//! set aside. Weights, images and architectures stay where they are.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use enasd::store::SetAside;
use serde_json::{Value, json};

use crate::bundle::parts::Parts;
use crate::doctor::patient::Patient;

/// The most files that are listed.
const MAX_FILES: usize = 2000;

/// How deep they may lie: `checkpoints/STEP/FILE`.
const MAX_DEPTH: usize = 3;

/// The most lists of checkpoints.
const MAX_MANIFESTS: usize = 100;

pub(super) fn take(patient: &Patient, parts: &mut Parts) {
    let view = match &patient.state {
        Ok(state) => &state.view,
        Err(err) => return parts.add("state/files.ndjson", Err::<Vec<u8>, _>(err)),
    };
    let mut files = Vec::new();
    match list(view.path(), view.path(), MAX_DEPTH, &mut files) {
        Ok(()) => parts.add_lines("state/files.ndjson", &files),
        Err(err) => {
            let why = format!("{}: {err}", view.path().display());
            parts.add("state/files.ndjson", Err::<Vec<u8>, _>(why));
        }
    }
    match view.steps() {
        Ok(steps) => {
            for step in steps.into_iter().rev().take(MAX_MANIFESTS) {
                let name = format!("state/checkpoints/{step:012}/MANIFEST.json");
                parts.add(&name, view.manifest(step));
            }
        }
        Err(err) => parts.add("state/checkpoints", Err::<Vec<u8>, _>(err)),
    }
    let aside = view.corrupt().map(|aside| {
        let lines = aside.into_iter().map(|SetAside { name, why }| {
            format!("{name}: {}\n", why.as_deref().unwrap_or("no reason is written down"))
        });
        lines.collect::<String>()
    });
    parts.add("state/corrupt.txt", aside);
}

/// Names, sizes, modes and times of what is under `folder`, sorted.
fn list(root: &Path, folder: &Path, depth: usize, files: &mut Vec<Value>) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if files.len() == MAX_FILES {
            break;
        }
        let path = entry.path();
        // A daemon may have removed it meanwhile.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        files.push(json!({
            "path": path.strip_prefix(root).unwrap_or(&path).display().to_string(),
            "bytes": metadata.len(),
            "mode": format!("{:04o}", metadata.mode() & 0o7777),
            "uid": metadata.uid(),
            "gid": metadata.gid(),
            "unix_seconds": metadata.mtime(),
        }));
        if metadata.is_dir() && 1 < depth {
            // One that cannot be read is listed, and what is in it is not.
            let _ = list(root, &path, depth - 1, files);
        }
    }
    Ok(())
}
