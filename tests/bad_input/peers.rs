//! Who may read and who may command, tried as each of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rig::{Daemon, Said, copy, enasd, is_root, said};

/// The daemon's own user and the socket's group.
const DAEMON: u32 = 64_001;
const GROUP: u32 = 64_002;
/// One of `api.admins`.
const ADMIN: u32 = 64_003;
/// A user of the group, and nothing else.
const MEMBER: u32 = 64_004;
const NOBODY: u32 = 65_534;

/// A command as another user, in one further group or in none.
fn become_user(uid: u32, gid: Option<u32>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={uid}")).arg(format!("--regid={uid}"));
    match gid {
        Some(gid) => command.arg(format!("--groups={gid}")),
        None => command.arg("--clear-groups"),
    };
    command.arg(program);
    command
}

/// A folder that everybody may enter, with both programs: the built ones may lie where only
/// their owner looks.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        // By another process: a child that is being started may hold a file open that this one
        // wrote.
        copy(Path::new(env!("CARGO_BIN_EXE_enasctl")), &folder.path().join("enasctl"));
        copy(Path::new(env!("CARGO_BIN_EXE_enasd")), &folder.path().join("enasd"));
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A daemon that runs as its own user.
    fn daemon(&self) -> Daemon {
        let home = self.path("home");
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
        chown(&home, Some(DAEMON), Some(GROUP)).unwrap();
        let state = home.join("state");
        let as_root = enasd(&state);
        let mut command = become_user(DAEMON, None, &self.path("enasd"));
        command.args(as_root.get_args());
        command.envs(as_root.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.env("ENASD_API__ADMINS", format!("[{ADMIN}]"));
        Daemon::start(command, &state)
    }

    fn ask(&self, daemon: &Daemon, user: (u32, Option<u32>), verb: &str) -> Said {
        let mut command = become_user(user.0, user.1, &self.path("enasctl"));
        said(command.arg(verb).arg("--socket").arg(daemon.socket()))
    }
}

/// What `enasctl` ends with.
const DONE: i32 = 0;
const REFUSED: i32 = 1;
const UNREACHABLE: i32 = 3;

#[test]
fn each_user_may_do_what_the_table_says_and_no_more() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let daemon = place.daemon();
    let socket = daemon.socket();
    chown(&socket, None, Some(GROUP)).unwrap();
    let metadata = fs::metadata(&socket).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    assert_eq!(metadata.uid(), DAEMON);
    let table = [
        ("root", (0, None), DONE, DONE),
        ("the daemon's user", (DAEMON, None), DONE, DONE),
        ("an admin in the group", (ADMIN, Some(GROUP)), DONE, DONE),
        ("an admin outside the group", (ADMIN, None), UNREACHABLE, UNREACHABLE),
        ("a member of the group", (MEMBER, Some(GROUP)), DONE, REFUSED),
        ("a member of another group", (MEMBER, Some(MEMBER)), UNREACHABLE, UNREACHABLE),
        ("nobody", (NOBODY, None), UNREACHABLE, UNREACHABLE),
    ];
    for (who, user, read, write) in table {
        let (asked, commanded) =
            (place.ask(&daemon, user, "status"), place.ask(&daemon, user, "checkpoint"));
        eprintln!("{who}: {:?} {:?}; {}{}", asked.code, commanded.code, asked.err, commanded.err);
        assert_eq!((asked.code, commanded.code), (Some(read), Some(write)), "{who}");
        if write == REFUSED {
            commanded.check(REFUSED, &["may read and not command", "`api.admins`"]);
        }
        if read == UNREACHABLE {
            asked.check(UNREACHABLE, &["Permission denied", "a member of the socket's group"]);
        }
    }
    // Where the socket's mode lets everybody in, everybody reads and still nobody else commands.
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    place.ask(&daemon, (NOBODY, None), "status").check(DONE, &[]);
    for verb in ["pause", "resume", "checkpoint", "derive", "stop"] {
        place.ask(&daemon, (NOBODY, None), verb).check(REFUSED, &["user 65534 may read"]);
    }
    place.ask(&daemon, (ADMIN, None), "pause").check(DONE, &[]);
    daemon.wait_for("it is paused", |status| status["state"] == "paused");
}
