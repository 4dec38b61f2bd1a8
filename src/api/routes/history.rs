//! `GET /v1/history`: what was drawn and what came of it, read and sent page by page.

use std::path::PathBuf;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Query};
use futures_util::{StreamExt, stream};

use crate::api::Problem;
use crate::api::routes::{State, check_limit, read};
use crate::api::wire::{HistoryItem, HistoryQuery, HistoryReply};
use crate::store::HistoryReader;

/// Rows of a page: a reader who does not read holds this much and no more, about 50 KB.
const PAGE: usize = 100;

/// What was drawn from a step on, in the order in which the search went.
#[utoipa::path(get, path = "/v1/history", tag = "questions", params(HistoryQuery), responses(
    (status = 200, description = "the rows", body = HistoryReply),
))]
pub(in crate::api) async fn history(
    state: State,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let HistoryQuery { since, limit } = *query;
    let left = check_limit(limit)? as usize;
    let path = state.config.history.clone();
    let pages = Pages { path, since, skip: 0, left, opened: false };
    let (first, rest) = read(move || pages.next()).await?;
    let mut reply = HttpResponse::Ok();
    reply.content_type(ContentType::json());
    let Some(rest) = rest else {
        return Ok(reply.body(first));
    };
    let rest = stream::try_unfold(Some(rest), |rest| async {
        let Some(pages) = rest else { return Ok(None) };
        read(move || pages.next()).await.map(Some)
    });
    Ok(reply.streaming(stream::iter([Ok::<_, Problem>(first)]).chain(rest)))
}

/// The pages of a [`HistoryReply`] from one of them on.
struct Pages {
    path: PathBuf,
    /// The first step of the next page.
    since: u64,
    /// How many rows of that step the pages before have.
    skip: usize,
    /// Rows that are still to come, though the last step is given whole.
    left: usize,
    /// Whether there is a row before the next.
    opened: bool,
}

impl Pages {
    /// The text of the next page, and the pages after it. It opens the database anew: between two
    /// pages may be as much time as a reader takes.
    fn next(mut self) -> Result<(Bytes, Option<Self>), Problem> {
        let wanted = self.left.clamp(1, PAGE);
        let mut rows =
            HistoryReader::open(&self.path)?.history(self.since, (self.skip + wanted) as u32)?;
        let (n_read, end) = (rows.len(), self.skip + PAGE);
        rows.truncate(end);
        let steps = rows.iter().map(|row| row.step);
        let last = steps.clone().next_back();
        let n_of_last = steps.filter(|&step| Some(step) == last).count();
        let mut text = if self.opened { Vec::new() } else { br#"{"rows":["#.to_vec() };
        let n_new = rows.len().saturating_sub(self.skip);
        for row in rows.into_iter().skip(self.skip) {
            if self.opened {
                text.push(b',');
            }
            self.opened = true;
            let written = serde_json::to_writer(&mut text, &HistoryItem::from(row));
            written.expect("numbers and strings are always JSON");
        }
        self.left = self.left.saturating_sub(n_new);
        let is_cut = end < n_read;
        (self.since, self.skip) = match last {
            Some(step) if is_cut => (step, n_of_last),
            Some(step) => (step + 1, 0),
            None => (self.since, 0),
        };
        if is_cut || wanted <= n_new && self.left != 0 {
            return Ok((text.into(), Some(self)));
        }
        text.extend_from_slice(format!(r#"],"next_since":{}}}"#, self.since).as_bytes());
        Ok((text.into(), None))
    }
}
