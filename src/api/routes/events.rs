//! `GET /v1/events`: what happened to the daemon, a line each, and as it happens if asked for.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::rt::time::timeout;
use actix_web::web::{Bytes, Query};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::api::routes::State;
use crate::api::wire::{Event, EventsQuery};
use crate::api::{Problem, ProblemCode};
use crate::store::{EventRow, HistoryReader};

/// Events read at a time: a follower that reads slowly holds this much and no more.
const PAGE: u32 = 32;

/// How often a follower looks for events: they come about once a minute.
const POLL: Duration = Duration::from_millis(500);

/// Looks without an event after which a blank line finds out whether the follower is there.
const QUIET_POLLS: u32 = 10;

/// The kind of the event that stands for those that a reader missed.
const LAGGED: &str = "lagged";

/// Events as lines of JSON. A reader who takes nothing for five seconds is hung up on, and can go
/// on with `since`; one who comes back so late that events are not kept any more gets an event of
/// the kind `lagged` that says how many.
#[utoipa::path(get, path = "/v1/events", tag = "questions", params(EventsQuery), responses(
    (status = 200, description = "events, one a line", body = Event,
        content_type = "application/x-ndjson"),
))]
pub(super) async fn events(
    state: State,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let EventsQuery { since, follow } = *query;
    let Ok(place) = state.followers.clone().try_acquire_owned() else {
        let message = "as many readers of events as may are there";
        return Err(Problem::new(ProblemCode::Busy, message, "close one of them, or try later"));
    };
    let path = state.config.history.clone();
    let reader = state.read(move || Ok(HistoryReader::open(&path)?)).await?;
    let stopping = state.stopping.clone();
    let cursor = Cursor { state, reader, since, follow, stopping, _place: place };
    let lines = stream::unfold(Some(cursor), |cursor| async { cursor?.next().await });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
}

/// Where a reader of events is.
struct Cursor {
    state: State,
    reader: HistoryReader,
    /// The number of the last event sent.
    since: u64,
    follow: bool,
    stopping: watch::Receiver<bool>,
    _place: OwnedSemaphorePermit,
}

type Chunk = (Result<Bytes, Infallible>, Option<Cursor>);

impl Cursor {
    /// The next lines; none at the end.
    async fn next(mut self) -> Option<Chunk> {
        for _ in 0..QUIET_POLLS {
            let (mut reader, since, follow) = (self.reader, self.since, self.follow);
            let found = self.state.read(move || {
                // A history that was begun anew counts from 1.
                let is_new = reader.renew()?
                    || follow && reader.last_event()?.is_some_and(|last| last < since);
                let since = if is_new { 0 } else { since };
                let rows = reader.events(since, PAGE)?;
                Ok((reader, since, rows))
            });
            let rows;
            match found.await {
                Ok(found) => (self.reader, self.since, rows) = found,
                Err(problem) => {
                    tracing::warn!(%problem, "a stream of events ends early");
                    return None;
                }
            }
            if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
                let lagged = lagged(self.since, first);
                self.since = last.seq;
                let events = lagged.into_iter().chain(rows.into_iter().map(Event::from));
                return Some((Ok(lines(events)), Some(self)));
            }
            if !self.follow || self.waits_in_vain().await {
                return None;
            }
        }
        Some((Ok(Bytes::from_static(b"\n")), Some(self)))
    }

    /// Waits until it is worth looking again; true if the server ends.
    async fn waits_in_vain(&mut self) -> bool {
        timeout(POLL, self.stopping.wait_for(|&stopping| stopping)).await.is_ok()
    }
}

/// What to tell a reader who is so far behind that what comes next is not kept any more. One who
/// asks for all that is kept misses nothing.
fn lagged(since: u64, first: &EventRow) -> Option<Event> {
    let missed = first.seq - since - 1;
    (since != 0 && missed != 0).then(|| Event {
        seq: first.seq - 1,
        unix_ms: first.at_unix_ms,
        kind: LAGGED.to_owned(),
        message: format!("missed {missed} events: they are not kept any more"),
    })
}

fn lines(events: impl Iterator<Item = Event>) -> Bytes {
    let mut text = String::new();
    for event in events {
        text += &serde_json::to_string(&event).expect("numbers and strings are always JSON");
        text.push('\n');
    }
    text.into()
}
