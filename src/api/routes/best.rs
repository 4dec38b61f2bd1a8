//! `GET /v1/best`: the best architectures.

use actix_web::HttpResponse;
use actix_web::web::Query;

use crate::actors::{BestStatus, ChampionStatus, ScoreView};
use crate::api::Problem;
use crate::api::routes::{State, check_rows};
use crate::api::wire::{BestQuery, BestReply, Stage};

/// The best architectures, best first: those that were derived, or the champion.
#[utoipa::path(get, path = "/v1/best", tag = "questions", params(BestQuery), responses(
    (status = 200, description = "the architectures", body = BestReply),
))]
pub(super) async fn best(state: State, query: Query<BestQuery>) -> Result<HttpResponse, Problem> {
    let limit = check_rows("limit", query.limit)? as usize;
    let status = state.status();
    let champion = status.finals.champion.clone();
    let of_champion = |score: fn(&ChampionStatus) -> Option<ScoreView>| {
        let found = champion.iter().filter_map(|champion| Some((champion, score(champion)?)));
        found.map(|(champion, score)| scored(champion, score)).collect()
    };
    let archs = match query.stage {
        Stage::Shared => status.best.iter().take(limit).cloned().collect(),
        Stage::Retrained => of_champion(ChampionStatus::valid_score),
        Stage::Certified => of_champion(ChampionStatus::test_score),
    };
    let scored_how = status.scored_how().to_owned();
    Ok(HttpResponse::Ok().json(BestReply { stage: query.stage, archs, scored_how, champion }))
}

/// The champion with one of its scores.
fn scored(champion: &ChampionStatus, score: ScoreView) -> BestStatus {
    let ChampionStatus { id, arch, cycle, .. } = champion.clone();
    BestStatus { id, arch, score, cycle }
}
