//! `GET /v1/archs/{id}/why`: how far an architecture came, and why no farther.

use std::path::Path as FilePath;

use actix_web::HttpResponse;
use actix_web::web::Path;

use crate::api::Problem;
use crate::api::routes::State;
use crate::api::routes::known::Known;
use crate::api::routes::reasons::Reasons;
use crate::api::turns::Turn;
use crate::api::wire::{
    ArmRewards, FirstDraw, FoldedReply, MAX_LIMIT, RankReply, RetrainingReply, RulingReply,
    WhyReply,
};
use crate::search::Arm;
use crate::store::{ArchDraws, ArchOrder, ArchSummary, HistoryReader, StoreError, TrialRow};

/// All that the history knows of an architecture: when it was drawn first and by whom, its rewards,
/// its rank, its retrainings, and why it was promoted or not. All draws are looked through for it,
/// which takes a second or two for a gigabyte; the search goes on meanwhile.
#[utoipa::path(get, path = "/v1/archs/{id}/why", tag = "questions",
    params(("id" = String, Path, description = "its id, such as `m5-…`")), responses(
    (status = 200, description = "what is known", body = WhyReply),
))]
pub(super) async fn why(state: State, id: Path<String>) -> Result<HttpResponse, Problem> {
    let known = Known::find(&state, &id).await?;
    let (path, epochs_per_cycle) = (state.config.history.clone(), state.config.epochs_per_cycle);
    let (id, arch) = (known.arch.id(), known.arch.to_string());
    let turn = state.reports.next().await?;
    let draws = draws(&state, &turn, &id).await?;
    let look = move || Ok(look(&path, id, &draws, epochs_per_cycle)?);
    let mut found = state.read_in(&turn, look).await?;
    state.tell_damage(found.damaged);
    let status = state.status();
    if 0 < status.shared.control_steps {
        let scored = found.draws.iter_mut().filter(|of_arm| 0 < of_arm.rewards);
        scored.for_each(|of_arm| of_arm.own_omega = of_arm.arm == Arm::Random.name());
    }
    let champion = status.finals.champion.as_ref();
    let is_champion = champion.is_some_and(|champion| champion.id == found.id);
    let objective = status.objective.clone();
    Ok(HttpResponse::Ok().json(WhyReply { arch, objective, is_champion, ..found }))
}

/// All its draws, some steps at a time: the disk answers for these well within its limit.
async fn draws(state: &State, turn: &Turn, id: &str) -> Result<ArchDraws, Problem> {
    let (mut found, mut since) = (ArchDraws::default(), Some(0));
    while let Some(from) = since {
        let (path, id) = (state.config.history.clone(), id.to_owned());
        let look = move || {
            let next = HistoryReader::open(&path)?.add_draws(&id, from, &mut found)?;
            Ok((found, next))
        };
        (found, since) = state.read_in(turn, look).await?;
    }
    Ok(found)
}

/// What the history at `path` has beside its draws.
fn look(
    path: &FilePath,
    id: String,
    draws: &ArchDraws,
    epochs_per_cycle: u64,
) -> Result<WhyReply, StoreError> {
    let reader = HistoryReader::open(path)?;
    let (trials, rulings) = (reader.trials(None, MAX_LIMIT)?, reader.champions()?);
    let own = reader.trials(Some(&id), MAX_LIMIT)?;
    let summary = reader.arch(&id)?;
    let reasons = Reasons { id: &id, draws, trials: &trials, rulings: &rulings };
    let known = summary.as_ref().map_or(0, |summary| summary.times);
    Ok(WhyReply {
        why: reasons.sentences(),
        first: first(draws, &own, epochs_per_cycle),
        draws: draws.by_arm.iter().map(ArmRewards::from).collect(),
        failures: reader
            .failures(&id)?
            .into_iter()
            .map(|(failure, times)| (failure.name().to_owned(), times))
            .collect(),
        rank: match &summary {
            Some(summary) => Some(rank(&reader.archs(ArchOrder::Best, MAX_LIMIT)?, summary)),
            None => None,
        },
        retrainings: own.iter().map(RetrainingReply::from).collect(),
        rulings: rulings.iter().filter(|row| row.arch_id == id).map(RulingReply::from).collect(),
        folded: FoldedReply {
            scored_before: draws.scored_from,
            shared_before: draws.shared_from,
            rewards: known.saturating_sub(draws.rewards()),
        },
        damaged: draws.damaged,
        id,
        ..WhyReply::default()
    })
}

/// When it was drawn first. Of the uniform draws of a derivation only those that are retrained leave
/// a row, with their trials.
fn first(draws: &ArchDraws, trials: &[TrialRow], epochs_per_cycle: u64) -> Option<FirstDraw> {
    let drawn = draws.first.as_ref().map(|row| FirstDraw::new(row, epochs_per_cycle));
    let uniform = trials.iter().filter(|row| row.arm == Arm::Random);
    let derived = uniform.map(|row| FirstDraw::of_trial(row, epochs_per_cycle));
    drawn.into_iter().chain(derived).min_by_key(|first| first.step)
}

/// The place of one among all, by the best reward.
fn rank(archs: &[ArchSummary], own: &ArchSummary) -> RankReply {
    let ahead = archs.iter().filter(|other| own.best_reward < other.best_reward).count();
    RankReply { place: ahead as u64 + 1, of: archs.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Cause;

    #[test]
    fn a_uniform_draw_that_is_known_by_its_trials_alone_has_a_first_draw() {
        let trial = |arm, cycle, step| TrialRow {
            key: String::new(),
            arch_id: "m5-1".to_owned(),
            arm,
            cycle,
            step,
            seed: 0,
            epochs: 1,
            loss: None,
            correct: 5,
            items: 10,
            nll: None,
            shared_reward: Some(0.25),
            params: 1,
            multiply_adds: 1,
            cause: Cause::Cycle,
            at_unix_ms: 0,
        };
        let draws = ArchDraws::default();
        let asked = trial(Arm::Injected, 0, 3);
        assert_eq!(first(&draws, std::slice::from_ref(&asked), 5), None);
        let trials = [asked, trial(Arm::Random, 2, 90), trial(Arm::Random, 1, 60)];
        let found = first(&draws, &trials, 5).unwrap();
        assert_eq!((found.arm.as_str(), found.phase.as_str()), ("random", "derive"));
        assert_eq!((found.cycle, found.epoch, found.step, found.reward), (1, 9, 60, Some(0.25)));
    }
}
