//! Disks that are full, that take no more files, or that may not be written.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::rig::Rig;

/// A filesystem of its own, until it is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    /// None where mounting is not permitted, which is said.
    fn new(path: &'a Path, options: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let options = format!("{options},mode=0750");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        eprintln!("not run: a filesystem cannot be mounted here");
        None
    }

    fn remount(&self, options: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,{options}")]).arg(self.0);
        assert!(mount.status().unwrap().success());
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_is_found_before_and_when_it_is_full() {
    let rig = Rig::new();
    let state = rig.state();
    let Some(mount) = Mount::new(&state, "size=64m") else { return };
    rig.run(1);
    rig.doctor().check("space", "ok", "bytes free", "");
    let mut ballast = File::create(state.join("ballast")).unwrap();
    while ballast.write_all(&[7; 4096]).is_ok() {}
    let found = rig.doctor();
    found.check("space", "fail", "the next checkpoint needs", "free some space");
    drop(mount);
}

#[test]
fn a_disk_that_takes_no_more_files_is_found() {
    let rig = Rig::new();
    let state = rig.state();
    let Some(mount) = Mount::new(&state, "size=64m,nr_inodes=200") else { return };
    rig.run(1);
    rig.doctor().check("inodes", "ok", "files can be made", "");
    for n in 0..200 {
        if File::create(state.join(format!("{n}"))).is_err() {
            break;
        }
    }
    rig.doctor().check("inodes", "fail", "only 0 more files", "delete files");
    drop(mount);
}

#[test]
fn a_disk_that_may_not_be_written_is_found() {
    let rig = Rig::new();
    let state = rig.state();
    let Some(mount) = Mount::new(&state, "size=64m") else { return };
    rig.run(1);
    mount.remount("ro");
    let found = rig.doctor();
    found.check("mount", "fail", "mounted read-only", "mount it writable");
    found.check("history", "ok", "every page whole", "");
    drop(mount);
}
