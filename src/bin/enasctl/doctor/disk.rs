//! The disk under the state folder: room for the checkpoints that are kept, room for files, and
//! whether it may be written at all.

use enasd::store::{Disk, StateView};

use crate::doctor::Finding;
use crate::doctor::patient::{Patient, is_forbidden};
use crate::printer::thousands;

const MOUNT: &str = "mount";
const SPACE: &str = "space";
const INODES: &str = "inodes";

/// A checkpoint and its history need a dozen.
const MIN_INODES: u64 = 64;

pub(super) fn check(patient: &Patient) -> Vec<Finding> {
    let Ok(state) = &patient.state else { return Vec::new() };
    if state.is_missing() {
        return Vec::new();
    }
    match state.view.disk() {
        Ok(disk) => vec![mount(&disk, &state.view), space(patient, &disk), inodes(&disk)],
        Err(err) if is_forbidden(&err) => {
            vec![Finding::forbidden(SPACE, "ask for the free space", patient.uid)]
        }
        Err(err) => vec![Finding::error(SPACE, &err, "see whether the filesystem is mounted")],
    }
}

fn mount(disk: &Disk, view: &StateView) -> Finding {
    let path = view.path().display();
    if disk.is_read_only {
        return Finding::fail(
            MOUNT,
            format!("{path} is on a filesystem that is mounted read-only"),
            "mount it writable; `dmesg` may say why it is not",
        );
    }
    Finding::ok(MOUNT, "writable")
}

fn space(patient: &Patient, disk: &Disk) -> Finding {
    let newest = match &patient.state {
        Ok(state) => state.newest.as_ref().ok().and_then(Option::as_ref),
        Err(_) => None,
    };
    let daemons = patient.status.as_ref().ok().and_then(|status| status.checkpoint.bytes);
    let bytes = newest.map(|newest| newest.bytes).or(daemons).unwrap_or(0);
    let keep = patient.setting("store.keep_checkpoints").and_then(|keep| keep.as_u64());
    let present = match &patient.state {
        Ok(state) => state.view.steps().map_or(0, |steps| steps.len() as u64),
        Err(_) => 0,
    };
    // One more than is kept is there while it is written.
    let missing = (keep.unwrap_or(2) + 1).saturating_sub(present).max(1);
    let (free, one) = (disk.free_bytes, StateView::needed_bytes(bytes));
    let all = one.saturating_add(bytes.saturating_mul(missing - 1));
    let text = format!("{} bytes free", thousands(free));
    let cure = "free some space, or move the state folder to a larger disk";
    if free < one {
        let what = format!("{text}, and the next checkpoint needs {}", thousands(one));
        return Finding::fail(SPACE, what, cure);
    }
    if free < all {
        let what = format!(
            "{text}, and the {missing} checkpoints still to be kept need {}",
            thousands(all)
        );
        return Finding::warn(SPACE, what, cure);
    }
    Finding::ok(SPACE, format!("{text}, {} needed", thousands(all)))
}

fn inodes(disk: &Disk) -> Finding {
    match disk.free_inodes {
        None => Finding::ok(INODES, "the filesystem has no limit of files"),
        Some(free) if free < MIN_INODES => Finding::fail(
            INODES,
            format!("only {free} more files can be made"),
            "delete files on that filesystem, or move the state folder to another",
        ),
        Some(free) => Finding::ok(INODES, format!("{} files can be made", thousands(free))),
    }
}
