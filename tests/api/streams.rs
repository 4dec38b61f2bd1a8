//! Events: as a list, and as they happen.

use enasd::api::wire::Event;
use enasd::api::{Lines, ProblemCode};

use crate::rig::{Rig, check_refused, within};

async fn seqs(mut lines: Lines) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(event) = within(lines.next::<Event>()).await.unwrap() {
        seqs.push(event.seq);
    }
    seqs
}

#[tokio::test]
async fn without_follow_a_stream_gives_what_is_there_and_ends() {
    let mut rig = Rig::new();
    for number in 0..600 {
        rig.history.event(number, "noise", "more than a page").unwrap();
    }
    let lines = within(rig.client().lines("/v1/events")).await.unwrap();
    assert_eq!(seqs(lines).await, (1..=601).collect::<Vec<_>>());
    let lines = within(rig.client().lines("/v1/events?since=599")).await.unwrap();
    assert_eq!(seqs(lines).await, [600, 601]);
}

#[tokio::test]
async fn a_follower_gets_events_as_they_happen_and_ends_with_the_server() {
    let mut rig = Rig::new();
    let mut lines = within(rig.client().lines("/v1/events?follow=true")).await.unwrap();
    let first: Event = within(lines.next()).await.unwrap().unwrap();
    assert_eq!((first.seq, first.unix_ms, first.kind.as_str()), (1, 1000, "started"));
    rig.history.event(2000, "paused", "by a command").unwrap();
    let second: Event = within(lines.next()).await.unwrap().unwrap();
    assert_eq!((second.seq, second.message.as_str()), (2, "by a command"));
    rig.stop_server().await;
    assert_eq!(seqs(lines).await, Vec::<u64>::new());
    assert!(!rig.socket().try_exists().unwrap());
}

#[tokio::test]
async fn followers_have_a_limit_and_one_that_hangs_up_makes_room() {
    let rig = Rig::new();
    let client = rig.client();
    let follow = "/v1/events?follow=true&since=1";
    let mut followers = Vec::new();
    for _ in 0..16 {
        followers.push(within(client.lines(follow)).await.unwrap());
    }
    check_refused(within(client.lines(follow)).await, ProblemCode::Busy, "readers of events");
    followers.pop();
    within(async { while client.lines(follow).await.is_err() {} }).await;
}

#[tokio::test]
async fn who_comes_back_after_events_are_gone_is_told_how_many() {
    let mut rig = Rig::new();
    for number in 0..9 {
        rig.history.event(number, "noise", "").unwrap();
    }
    let history = rusqlite::Connection::open(rig.folder.path().join("history.sqlite")).unwrap();
    history.execute("DELETE FROM events WHERE seq <= 7", []).unwrap();
    let mut lines = within(rig.client().lines("/v1/events?since=3")).await.unwrap();
    let told: Event = within(lines.next()).await.unwrap().unwrap();
    assert_eq!((told.seq, told.kind.as_str()), (7, "lagged"));
    assert!(told.message.contains("missed 4 events"), "{}", told.message);
    assert_eq!(seqs(lines).await, [8, 9, 10]);
    // Who misses nothing is told nothing: neither one who is in time nor one who asks for all.
    for since in [7, 0] {
        let lines = within(rig.client().lines(&format!("/v1/events?since={since}"))).await.unwrap();
        assert_eq!(seqs(lines).await, [8, 9, 10]);
    }
}
