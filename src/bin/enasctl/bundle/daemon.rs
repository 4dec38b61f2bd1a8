//! What the daemon says: status, metrics, events and history; the latter two from the state folder
//! where this user may read it, so that they are there without a daemon too.

use std::collections::VecDeque;

use enasd::api::ApiError;
use enasd::api::wire::{Event, HistoryItem, HistoryReply};
use enasd::store::{HistoryFilter, HistoryReader};

use crate::bundle::parts::Parts;
use crate::doctor::patient::{Patient, StateFacts};
use crate::doctor::scrape::scrape;

/// The last events and the last rows of the history.
const MAX_EVENTS: usize = 1000;
const MAX_ROWS: u32 = 1000;

const EVENTS: &str = "events.ndjson";
const HISTORY: &str = "history.ndjson";
const METRICS: &str = "metrics.txt";

pub(super) async fn take(patient: &Patient, parts: &mut Parts) {
    match &patient.status {
        Ok(status) => parts.add_json("status.json", status),
        Err(err) => parts.add("status.json", Err::<Vec<u8>, _>(err)),
    }
    match patient.metrics().as_deref() {
        None | Some("off") => parts.add(METRICS, Err::<Vec<u8>, _>("no metrics are served")),
        Some(address) => parts.add(METRICS, scrape(address).await),
    }
    if let Some((events, rows)) = from_state(patient) {
        parts.add_lines(EVENTS, &events);
        parts.add_lines(HISTORY, &rows);
        return;
    }
    match events(patient).await {
        Ok(events) => parts.add_lines(EVENTS, &events),
        Err(err) => parts.add(EVENTS, Err::<Vec<u8>, _>(err)),
    }
    match history(patient).await {
        Ok(rows) => parts.add_lines(HISTORY, &rows),
        Err(err) => parts.add(HISTORY, Err::<Vec<u8>, _>(err)),
    }
}

fn from_state(patient: &Patient) -> Option<(Vec<Event>, Vec<HistoryItem>)> {
    let state = patient.state.as_ref().ok()?;
    let reader = HistoryReader::look(&state.view.history()).ok()?;
    let events = reader.last_events(MAX_EVENTS as u32).ok()?;
    let page = reader.tail(MAX_ROWS, HistoryFilter::default()).ok()?;
    let rows = HistoryReply::new(page, epochs_per_cycle(patient, state)?).rows;
    Some((events.into_iter().map(Into::into).collect(), rows))
}

/// Epochs of a cycle: as the newest checkpoint was made with, else as a start would have.
fn epochs_per_cycle(patient: &Patient, state: &StateFacts) -> Option<u64> {
    const KEY: &str = "schedule.epochs_per_cycle";
    let of_checkpoint = || {
        let config = state.newest.as_ref().ok()?.as_ref()?.config.as_ref()?;
        serde_json::from_str::<serde_json::Value>(config).ok()?.get(KEY)?.as_u64()
    };
    of_checkpoint().or_else(|| patient.setting(KEY)?.as_u64())
}

async fn events(patient: &Patient) -> Result<Vec<Event>, ApiError> {
    let mut lines = patient.client.lines("/v1/events?since=0&follow=false").await?;
    let mut last = VecDeque::new();
    while let Some(event) = lines.next().await? {
        if last.len() == MAX_EVENTS {
            last.pop_front();
        }
        last.push_back(event);
    }
    Ok(last.into())
}

async fn history(patient: &Patient) -> Result<Vec<HistoryItem>, ApiError> {
    let reply: HistoryReply = patient.client.get(&format!("/v1/history?tail={MAX_ROWS}")).await?;
    Ok(reply.rows)
}
