//! A disk that hangs for one reader hangs for no other; a socket's file that is deleted comes back.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use enasd::actors::Status;
use enasd::api::wire::HistoryReply;
use enasd::api::{Limits, ProblemCode};
use futures_util::future::join_all;

use crate::rig::{Rig, check_refused, within};

#[tokio::test]
async fn readings_that_hang_are_told_and_hold_up_no_others() {
    let rig = Rig::with_limits(Limits { read: Duration::from_millis(500), ..Limits::DAEMON });
    let client = rig.client();
    let ask = || client.get::<HistoryReply>("/v1/history");
    let [history, away, pipe] =
        ["history.sqlite", "away", "pipe"].map(|name| rig.folder.path().join(name));
    // To open a pipe without a writer takes for ever.
    fs::rename(&history, &away).unwrap();
    assert!(Command::new("mkfifo").arg(&history).status().unwrap().success());
    let hung = within(join_all((0..9).map(|_| ask()))).await;
    let status: Status = within(client.get("/v1/status")).await.unwrap();
    assert_eq!(status.version, "0.1.0");
    for found in hung {
        check_refused(found, ProblemCode::DiskSilent, "has not answered");
    }
    fs::rename(&history, &pipe).unwrap();
    fs::rename(&away, &history).unwrap();
    let reply = within(ask()).await.unwrap();
    assert_eq!(reply.rows.len(), 3);
    // Lets the threads go.
    drop(File::options().read(true).write(true).open(&pipe).unwrap());
}

#[tokio::test]
async fn a_deleted_socket_file_comes_back() {
    let rig = Rig::new();
    fs::remove_file(rig.socket()).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while UnixStream::connect(rig.socket()).is_err() {
        assert!(Instant::now() < deadline, "no socket after a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let status: Status = within(rig.client().get("/v1/status")).await.unwrap();
    assert_eq!(status.version, "0.1.0");
}
