//! What is replaced whole, and what is not.

use super::*;
use std::collections::BTreeMap;

/// The files in `folder` with their texts.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let read = |name: String| {
        let text = fs::read_to_string(folder.join(&name)).unwrap();
        (name, text)
    };
    names(folder).unwrap().into_iter().map(read).collect()
}

fn put(parent: &Path, name: &str, text: &str) -> Result<(), StoreError> {
    write_folder_atomically(parent, name, &[("a", text.as_bytes()), ("b", b"")])
}

fn make(parent: &Path, name: &str, text: &str) {
    fs::create_dir(parent.join(name)).unwrap();
    fs::write(parent.join(name).join("a"), text).unwrap();
}

#[test]
fn what_is_no_plain_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let inner = folder.path().join("folder");
    fs::create_dir(&inner).unwrap();
    for path in [socket, inner] {
        let error = write_atomically(&path, b"x").unwrap_err().to_string();
        assert!(error.contains("it is no plain file; give another name"), "{error}");
        assert!(!path.is_file());
    }
}

#[test]
fn a_file_is_replaced_whole_over_any_leftover() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    write_atomically(&path, b"old").unwrap();
    fs::write(folder.path().join(".tmp-x"), "half of").unwrap();
    write_atomically(&path, b"new").unwrap();
    assert_eq!(contents(folder.path()), BTreeMap::from([("x".into(), "new".into())]));
}

#[test]
fn a_leftover_link_is_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    fs::write(&other, "precious").unwrap();
    std::os::unix::fs::symlink(&other, folder.path().join(".tmp-x")).unwrap();
    write_atomically(&folder.path().join("x"), b"new").unwrap();
    assert_eq!(fs::read_to_string(other).unwrap(), "precious");
}

#[test]
fn a_failed_write_leaves_the_old_and_no_leftover() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "x", "old");
    // A folder cannot be replaced by a file.
    assert!(write_atomically(&folder.path().join("x"), b"new").is_err());
    assert_eq!(names(folder.path()).unwrap(), ["x"]);
    // The second file of that name cannot be created.
    let files: [(&str, &[u8]); 2] = [("a", b"1"), ("a", b"2")];
    assert!(write_folder_atomically(folder.path(), "x", &files).is_err());
    assert_eq!(names(folder.path()).unwrap(), ["x"]);
    assert_eq!(fs::read_to_string(folder.path().join("x/a")).unwrap(), "old");
    assert!(write_atomically(&folder.path().join("x/a/b"), b"new").is_err());
}

#[test]
fn a_folder_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "x", "old").unwrap();
    fs::write(folder.path().join("x/c"), "goes too").unwrap();
    make(folder.path(), ".tmp-x", "half of");
    put(folder.path(), "x", "new").unwrap();
    assert_eq!(names(folder.path()).unwrap(), ["x"]);
    let expected = BTreeMap::from([("a".into(), "new".into()), ("b".into(), String::new())]);
    assert_eq!(contents(&folder.path().join("x")), expected);
}

#[test]
fn two_renames_do_where_exchange_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (temp, target) = (folder.path().join(".tmp-x"), folder.path().join("x"));
    make(folder.path(), "x", "old");
    make(folder.path(), ".tmp-x", "new");
    place_by_two_renames(&temp, &target).unwrap();
    assert_eq!(names(folder.path()).unwrap(), [".old-x", "x"]);
    assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");

    // `.tmp-x` is missing: the old comes back.
    assert!(place_by_two_renames(&temp, &target).is_err());
    assert_eq!(names(folder.path()).unwrap(), ["x"]);
    assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "new");
}

/// Makes the folders that a crash left, cleans, and looks at what `x` holds.
#[track_caller]
fn check_crash(left: &[(&str, &str)], expected: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in left {
        make(folder.path(), name, text);
    }
    clean_leftovers(folder.path()).unwrap();
    let found = fs::read_to_string(folder.path().join("x/a")).ok();
    assert_eq!(found.as_deref(), expected);
    assert_eq!(names(folder.path()).unwrap().len(), usize::from(expected.is_some()));
}

#[test]
fn every_crash_leaves_the_old_or_the_new() {
    check_crash(&[(".tmp-x", "ne")], None);
    check_crash(&[("x", "old"), (".tmp-x", "ne")], Some("old"));
    check_crash(&[("x", "new"), (".tmp-x", "old")], Some("new"));
    check_crash(&[(".old-x", "old"), (".tmp-x", "new")], Some("old"));
    check_crash(&[(".old-x", "old"), ("x", "new")], Some("new"));
    check_crash(&[("x", "new")], Some("new"));
}

#[test]
fn a_folder_is_removed_whole() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "x", "old").unwrap();
    remove_folder_atomically(folder.path(), "x").unwrap();
    remove_folder_atomically(folder.path(), "x").unwrap();
    assert!(names(folder.path()).unwrap().is_empty());
}

/// A filesystem of its own, until it is dropped.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where mounting is not allowed.
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .output()
            .ok()?;
        mount.status.success().then_some(Self(folder))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let umount = std::process::Command::new("umount").arg(self.0.path()).status();
        assert!(umount.unwrap().success());
    }
}

#[test]
fn a_full_disk_leaves_the_old_and_is_recognized() {
    let Some(mount) = Mount::new("size=64k,mode=0700") else {
        println!("not run: a filesystem cannot be mounted here");
        return;
    };
    let folder = mount.0.path();
    put(folder, "x", "old").unwrap();
    write_atomically(&folder.join("y"), b"old").unwrap();
    let large = "n".repeat(100_000);
    for err in [
        put(folder, "x", &large).unwrap_err(),
        write_atomically(&folder.join("y"), large.as_bytes()).unwrap_err(),
    ] {
        assert!(err.is_disk_full(), "{err}");
    }
    assert_eq!(names(folder).unwrap(), ["x", "y"]);
    assert_eq!(fs::read_to_string(folder.join("x/a")).unwrap(), "old");
    assert_eq!(fs::read_to_string(folder.join("y")).unwrap(), "old");
    // What the failed writes took is free again.
    put(folder, "x", "new").unwrap();
}

#[test]
fn a_read_only_disk_is_recognized() {
    let Some(mount) = Mount::new("ro") else {
        println!("not run: a filesystem cannot be mounted here");
        return;
    };
    let err = put(mount.0.path(), "x", "new").unwrap_err();
    assert!(err.is_read_only(), "{err}");
    assert!(write_atomically(&mount.0.path().join("y"), b"new").unwrap_err().is_read_only());
}
