//! `GET /v1/history`: what was drawn and what came of it.

use actix_web::HttpResponse;
use actix_web::web::Query;

use crate::api::Problem;
use crate::api::routes::{State, check_limit, read};
use crate::api::wire::{HistoryItem, HistoryQuery, HistoryReply};
use crate::store::HistoryReader;

/// What was drawn from a step on, in the order in which the search went.
#[utoipa::path(get, path = "/v1/history", tag = "questions", params(HistoryQuery), responses(
    (status = 200, description = "the rows", body = HistoryReply),
))]
pub(in crate::api) async fn history(
    state: State,
    query: Query<HistoryQuery>,
) -> Result<HttpResponse, Problem> {
    let HistoryQuery { since, limit } = *query;
    check_limit(limit)?;
    let path = state.config.history.clone();
    let rows = read(move || Ok(HistoryReader::open(&path)?.history(since, limit)?)).await?;
    let next_since = rows.last().map_or(since, |row| row.step + 1);
    let rows = rows.into_iter().map(HistoryItem::from).collect();
    Ok(HttpResponse::Ok().json(HistoryReply { rows, next_since }))
}
