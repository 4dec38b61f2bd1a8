//! `GET /v1/history`: what was drawn and what came of it, read and sent page by page; and
//! `POST /v1/history/prune`.

use std::path::PathBuf;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Json, Query};
use futures_util::{StreamExt, stream};

use crate::actors::PruneHistory;
use crate::api::Problem;
use crate::api::command::ask;
use crate::api::routes::{State, check_rows};
use crate::api::wire::{HistoryQuery, HistoryReply, PruneRequest, PruneResult};
use crate::store::{HistoryFilter, HistoryReader};

/// Rows of a page: a reader who does not read holds this much and no more, about 50 KB.
const PAGE: usize = 100;

/// What was drawn from a step on, in the order in which the search went.
#[utoipa::path(get, path = "/v1/history", tag = "questions", params(HistoryQuery), responses(
    (status = 200, description = "the rows", body = HistoryReply),
))]
pub(super) async fn history(
    state: State,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    check_rows("limit", query.limit)?;
    if let Some(tail) = query.tail {
        check_rows("tail", tail)?;
    }
    let (path, epochs_per_cycle) = (state.config.history.clone(), state.config.epochs_per_cycle);
    let objective = state.status().objective.clone();
    let pages = move || Pages::new(path, &query, (epochs_per_cycle, objective))?.next();
    let (first, rest) = state.read(pages).await?;
    let mut reply = HttpResponse::Ok();
    reply.content_type(ContentType::json());
    let told = state.clone();
    let told = move |page: Part| {
        told.tell_damage(page.damaged);
        page.text
    };
    let Some(rest) = rest else {
        return Ok(reply.body(told(first)));
    };
    let rest = stream::try_unfold(Some(rest), move |rest| {
        let state = state.clone();
        async move {
            let Some(pages) = rest else { return Ok(None) };
            state.read(move || pages.next()).await.map(Some)
        }
    });
    let parts = stream::iter([Ok::<_, Problem>(first)]).chain(rest);
    Ok(reply.streaming(parts.map(move |part| part.map(&told))))
}

/// A part of the text of a [`HistoryReply`], and the damaged rows so far.
struct Part {
    text: Bytes,
    damaged: u64,
}

/// The pages of a [`HistoryReply`] from one of them on.
struct Pages {
    path: PathBuf,
    epochs_per_cycle: u64,
    objective: String,
    filter: HistoryFilter,
    /// The first step of the next page.
    since: u64,
    /// How many rows of that step the pages before have.
    skip: usize,
    /// Rows that are still to come, though the last step is given whole.
    left: usize,
    /// Whether there is a row before the next.
    opened: bool,
    /// Rows that are damaged, so far.
    damaged: u64,
}

impl Pages {
    fn new(
        path: PathBuf,
        query: &HistoryQuery,
        (epochs_per_cycle, objective): (u64, String),
    ) -> Result<Self, Problem> {
        let HistoryQuery { mut since, limit, tail, .. } = *query;
        let (filter, mut skip) = (query.filter(), 0);
        if let Some(rows) = tail {
            let reader = HistoryReader::open(&path)?;
            let last = reader.tail(rows, filter)?;
            since = last.rows.first().map_or(last.next_since, |row| row.step);
            let of_first = last.rows.iter().take_while(|row| row.step == since).count();
            skip = reader.page(since, 1, filter)?.rows.len().saturating_sub(of_first);
        }
        let left = tail.unwrap_or(limit) as usize;
        let (opened, damaged) = (false, 0);
        Ok(Self { path, epochs_per_cycle, objective, filter, since, skip, left, opened, damaged })
    }

    /// The text of the next page, and the pages after it. It opens the database anew: between two
    /// pages may be as much time as a reader takes.
    fn next(mut self) -> Result<(Part, Option<Self>), Problem> {
        let wanted = self.left.clamp(1, PAGE);
        let reader = HistoryReader::open(&self.path)?;
        let mut page = reader.page(self.since, (self.skip + wanted) as u32, self.filter)?;
        let (n_read, end) = (page.rows.len(), self.skip + PAGE);
        page.rows.truncate(end);
        let (after, is_cut) = (page.next_since, end < n_read);
        let last = page.rows.last().map_or(after, |row| row.step);
        let n_of_last = page.rows.iter().rev().take_while(|row| row.step == last).count();
        self.damaged += page.damaged;
        let mut text = if self.opened { Vec::new() } else { br#"{"rows":["#.to_vec() };
        let n_new = page.rows.len().saturating_sub(self.skip);
        let items = HistoryReply::new(page, self.epochs_per_cycle).rows;
        for item in items.into_iter().skip(self.skip) {
            if self.opened {
                text.push(b',');
            }
            self.opened = true;
            let written = serde_json::to_writer(&mut text, &item);
            written.expect("numbers and strings are always JSON");
        }
        self.left = self.left.saturating_sub(n_new);
        (self.since, self.skip) = if is_cut { (last, n_of_last) } else { (after, 0) };
        let damaged = self.damaged;
        if is_cut || wanted <= n_new && self.left != 0 {
            return Ok((Part { text: text.into(), damaged }, Some(self)));
        }
        let Self { since, objective, .. } = &self;
        let end =
            format!(r#"],"next_since":{since},"damaged":{damaged},"objective":"{objective}"}}"#);
        text.extend_from_slice(end.as_bytes());
        Ok((Part { text: text.into(), damaged }, None))
    }
}

/// Folds old single rows into a row for each hour, phase and arm, and gives their room back to the
/// disk. The search goes on meanwhile.
#[utoipa::path(post, path = "/v1/history/prune", tag = "commands", request_body = PruneRequest,
    responses(
        (status = 200, description = "it is done", body = PruneResult),
    ))]
pub(super) async fn prune(
    state: State,
    request: Json<PruneRequest>,
) -> Result<HttpResponse, Problem> {
    let PruneRequest { bytes } = *request;
    let mut rows = 0;
    loop {
        let pruned = ask(&state, PruneHistory { bytes }, state.config.limits.work).await?;
        rows += pruned.rows;
        if pruned.is_done {
            return Ok(HttpResponse::Ok().json(PruneResult { rows, bytes: pruned.bytes }));
        }
    }
}
