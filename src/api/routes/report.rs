//! `GET /v1/report.html`: the whole search as one page to look at, to print and to pass on.

use std::time::SystemTime;

use actix_web::HttpResponse;
use jiff::Timestamp;
use serde_json::Value;

use crate::actors::{ChampionStatus, LearntStatus, RetrainedStatus, ScoreView, Status, nth};
use crate::api::Problem;
use crate::api::routes::State;
use crate::api::routes::curves::curves;
use crate::api::routes::retrained::retrained;
use crate::api::wire::MAX_LIMIT;
use crate::export::{
    Agreement, Curves, DrawnBy, Report, ReportChampion, ReportVerdict, RetrainedArch, RewardUnit,
    report_page,
};
use crate::numbers::percent;
use crate::search::{Arm, Objective};
use crate::store::{ChampionRow, HistoryReader, TrialRow};

/// The search as one self-contained page of HTML: verdicts, curves, the champion, all that was
/// retrained, configuration and provenance. The whole history is read for it, which takes some
/// minutes for gigabytes; the search goes on meanwhile.
#[utoipa::path(get, path = "/v1/report.html", tag = "questions", responses(
    (status = 200, description = "the page", body = String, content_type = "text/html"),
))]
pub(super) async fn report(state: State) -> Result<HttpResponse, Problem> {
    let turn = state.reports.next().await?;
    let (path, status) = (state.config.history.clone(), state.status());
    let history = state.read_in(&turn, move || {
        let reader = HistoryReader::open(&path)?;
        let (trials, rulings) = (reader.trials(None, MAX_LIMIT)?, reader.champions()?);
        Ok(Told { trials, rulings, run: reader.run()? })
    });
    let history = history.await?;
    let (curves, damaged) = curves(&state, &turn).await?;
    state.tell_damage(damaged);
    let made = Made { config: state.running().config.clone(), at: now() };
    let page = state.read_in(&turn, move || {
        Ok(report_page(&assemble(&status, &history, (curves, damaged), &made)))
    });
    Ok(HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page.await?))
}

/// What the history tells besides the curves.
struct Told {
    trials: Vec<TrialRow>,
    rulings: Vec<ChampionRow>,
    /// The name of the history.
    run: String,
}

/// By what, and when.
struct Made {
    config: Value,
    at: String,
}

fn now() -> String {
    let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    now.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn assemble(
    status: &Status,
    history: &Told,
    (curves, damaged): (Curves, u64),
    made: &Made,
) -> Report {
    let champion = status.finals.champion.as_ref();
    let objective = status.objective();
    let retrained = retrained(&history.trials, &history.rulings, champion, objective);
    let ranks = &status.finals.rank_correlation;
    let damage = (0 < damaged).then(|| {
        format!("{damaged} rows of the history are damaged and are left out; `enasctl doctor` says more.")
    });
    let unit = |objective| match objective {
        Objective::Accuracy => RewardUnit::Accuracy,
        Objective::NegLogNll => RewardUnit::NegLogNll,
        Objective::Perplexity => RewardUnit::Perplexity,
    };
    let (rewards, tests) = (unit(objective), unit(objective.of_tests()));
    Report {
        rewards,
        tests,
        title: format!("Architecture search: {} on {}", status.space, status.data.source),
        verdicts: [
            Some(search_verdict(status, rewards)),
            // With no shared weights nobody measures it.
            status.children.is_none().then(|| learnt_verdict(&status.diagnosis.learnt, rewards)),
            Some(retrained_verdict(&status.finals.comparison, tests)),
        ]
        .into_iter()
        .flatten()
        .collect(),
        curves,
        champion: champion.and_then(|champion| {
            let arch = champion.arch.parse().ok()?;
            Some(ReportChampion {
                arch,
                facts: card(champion, status.scored_how(), &retrained, objective.of_tests()),
            })
        }),
        agreement: Agreement { archs: ranks.archs, tau: ranks.tau, ceiling: ranks.ceiling },
        config: settings(&made.config),
        provenance: provenance(status, &history.run, &made.at),
        remarks: damage.into_iter().collect(),
        retrained,
    }
}

fn search_verdict(status: &Status, unit: RewardUnit) -> ReportVerdict {
    let advantage = &status.advantage;
    ReportVerdict {
        heading: format!("In the search, {}", status.scored_how()),
        sentence: advantage.sentence.clone(),
        interval: interval(advantage.mean, advantage.low, advantage.high),
        unit,
        over: format!("{} steps of the policy", advantage.steps),
    }
}

fn learnt_verdict(learnt: &LearntStatus, unit: RewardUnit) -> ReportVerdict {
    ReportVerdict {
        heading: "What the policy has learnt".to_owned(),
        sentence: learnt.sentence.clone(),
        interval: interval(learnt.mean, learnt.low, learnt.high),
        unit,
        over: "the draws of the last derivation".to_owned(),
    }
}

fn retrained_verdict(comparison: &RetrainedStatus, unit: RewardUnit) -> ReportVerdict {
    ReportVerdict {
        heading: "Once retrained".to_owned(),
        sentence: comparison.sentence.clone(),
        interval: interval(comparison.mean, comparison.low, comparison.high),
        unit,
        over: match comparison.pairs {
            1 => "1 pair of architectures".to_owned(),
            pairs => format!("{pairs} pairs of architectures"),
        },
    }
}

fn interval(mean: Option<f64>, low: Option<f64>, high: Option<f64>) -> Option<[f64; 3]> {
    Some([mean?, low?, high?])
}

/// What was measured of the champion, and of the best of the other arm beside it.
fn card(
    champion: &ChampionStatus,
    scored_how: &str,
    all: &[RetrainedArch],
    tests: Objective,
) -> Vec<(String, String)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let who = if champion.arm == Arm::Random.name() { "random draws" } else { "the policy" };
    let mut facts = vec![
        fact("architecture", champion.id.clone()),
        fact("drawn by", format!("{who}, in cycle {}", nth(champion.cycle))),
        fact(scored_how, right(champion.shared, "validation")),
    ];
    let own = all.iter().find(|arch| arch.is_champion);
    if let Some(own) = own {
        facts.push(fact("retrained", nets(own, tests)));
    }
    facts.extend(champion.test_score().map(|score| {
        let [low, high] = score.interval().map(percent);
        // It is that of an accuracy.
        let interval = match score.perplexity {
            Some(_) => String::new(),
            None => format!("; 95 % within {low} to {high}"),
        };
        fact("certified", right(score, "test") + &interval)
    }));
    if let Some(own) = own {
        facts.push(fact("parameters", own.params.to_string()));
        let item = if tests.is_of_words() { "a word" } else { "an image" };
        facts.push(fact(&format!("multiply-adds of {item}"), own.multiply_adds.to_string()));
    }
    facts.extend(rival(champion, all).map(|rival| {
        let test = rival.test.map(|test| format!("; {}", of_split(test, "test", tests)));
        let words = format!("{}: {}{}", rival.id, nets(rival, tests), test.unwrap_or_default());
        fact("the other arm's best, retrained alike", words)
    }));
    facts
}

/// The best of the arm that the champion does not come from, of the same cycle.
fn rival<'a>(champion: &ChampionStatus, all: &'a [RetrainedArch]) -> Option<&'a RetrainedArch> {
    let other = if champion.arm == Arm::Random.name() { DrawnBy::Policy } else { DrawnBy::Random };
    let of_cycle = all.iter().filter(|arch| arch.by == other && arch.cycle == nth(champion.cycle));
    // An arm's choice alone is certified, and where the objective is another it need not be the most
    // accurate.
    let is_tested = |arch: &RetrainedArch| arch.test.is_some();
    of_cycle
        .max_by(|a, b| is_tested(a).cmp(&is_tested(b)).then_with(|| a.mean().total_cmp(&b.mean())))
}

fn nets(arch: &RetrainedArch, tests: Objective) -> String {
    let spread = arch.spread().map(|spread| format!(" ± {} between nets", tests.show(spread)));
    let nets = arch.nets.len();
    let plural = if nets == 1 { "net" } else { "nets" };
    format!(
        "{}{}, {nets} {plural} of {} epochs",
        of_split(arch.mean(), "validation", tests),
        spread.unwrap_or_default(),
        arch.epochs
    )
}

/// What nets have of a split, in words.
fn of_split(reward: f64, split: &str, tests: Objective) -> String {
    let what = if tests.is_of_words() { "80 / perplexity " } else { "" };
    format!("{what}{} of the {split} split", tests.show(reward))
}

fn right(score: ScoreView, split: &str) -> String {
    let ScoreView { correct, items, perplexity, .. } = score;
    match perplexity {
        Some(_) => format!("{} on {items} words of the {split} split", score.shown()),
        None => {
            format!("{} of the {split} split, {correct} of {items} images right", score.shown())
        }
    }
}

/// Every key of the configuration that has a value, with it.
fn settings(config: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather("", config, &mut found);
    found
}

fn gather(key: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(section) => {
            for (name, value) in section {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                gather(&key, value, found);
            }
        }
        Value::Null => {}
        Value::String(text) => found.push((key.to_owned(), text.clone())),
        other => found.push((key.to_owned(), other.to_string())),
    }
}

fn provenance(status: &Status, run: &str, made_at: &str) -> Vec<(String, String)> {
    let (place, data, device) = (&status.place, &status.data, &status.device);
    let [channels, rows, columns] = data.image;
    let (name, items) = if status.objective().is_of_words() {
        ("words", format!("words of a vocabulary of {}", data.classes))
    } else {
        ("images", format!("images of {channels}×{rows}×{columns} in {} classes", data.classes))
    };
    let splits = format!(
        "{} for training, {} for validation, {} for the test split: {items}",
        data.train, data.valid, data.test
    );
    let facts = [
        ("made", made_at.to_owned()),
        ("version", format!("enasd {}", status.version)),
        ("seed", status.seed.to_string()),
        ("space", format!("{} of {}", status.space, status.space_size)),
        (
            "place",
            format!(
                "cycle {}, epoch {}, search step {}",
                place.nth_cycle(),
                place.nth_epoch(),
                place.search_step()
            ),
        ),
        (
            "drawn",
            format!(
                "{} architectures, about {} different",
                status.archs_sampled,
                status.archs_different()
            ),
        ),
        ("data", data.source.clone()),
        (name, splits),
        ("BLAKE3 of the data", data.blake3.clone()),
        ("test split", format!("used for {} candidates", status.finals.test_uses)),
        ("device", device.used.clone()),
        ("executor", device.executor.clone()),
        ("history", run.to_owned()),
    ];
    let known = facts.into_iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_their_sections() {
        let config = serde_json::json!({
            "seed": 7,
            "net": { "layers": 6, "path": null },
            "data": { "source": "folder", "sides": [1, 2] },
        });
        let found = settings(&config);
        let expected = [
            ("data.sides", "[1,2]"),
            ("data.source", "folder"),
            ("net.layers", "6"),
            ("seed", "7"),
        ];
        let mut found: Vec<_> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_the_verdicts_on_rewards_are_in_units_of_the_objective() {
        let history = Told { trials: Vec::new(), rulings: Vec::new(), run: String::new() };
        let made = Made { config: Value::Null, at: String::new() };
        let mut status = Status { objective: "neg-log-nll".to_owned(), ..Status::default() };
        status.diagnosis.learnt = LearntStatus {
            mean: Some(0.5),
            low: Some(0.25),
            high: Some(0.75),
            sentence: "it has learnt".to_owned(),
            ..LearntStatus::default()
        };
        let report = assemble(&status, &history, (Curves::default(), 0), &made);
        assert_eq!(report.rewards, RewardUnit::NegLogNll);
        let units: Vec<_> = report.verdicts.iter().map(|verdict| verdict.unit).collect();
        assert_eq!(units, [RewardUnit::NegLogNll, RewardUnit::NegLogNll, RewardUnit::Accuracy]);
        let learnt = &report.verdicts[1];
        assert_eq!(learnt.sentence, "it has learnt");
        assert_eq!(learnt.interval, Some([0.5, 0.25, 0.75]));
        let old = assemble(&Status::default(), &history, (Curves::default(), 0), &made);
        assert_eq!(old.rewards, RewardUnit::Accuracy);
    }

    #[test]
    fn a_card_has_the_champion_and_the_best_of_the_other_arm() {
        let arch = |id: &str, by, mean: f64| RetrainedArch {
            id: id.to_owned(),
            by,
            cycle: 2,
            epochs: 15,
            shared: None,
            nets: vec![mean - 0.01, mean + 0.01],
            test: None,
            params: 1234,
            multiply_adds: 5678,
            is_champion: id == "m5-1",
        };
        let all = [
            arch("m5-1", DrawnBy::Policy, 0.9),
            arch("m5-2", DrawnBy::Random, 0.8),
            RetrainedArch { test: Some(0.81), ..arch("m5-3", DrawnBy::Random, 0.85) },
            arch("m5-5", DrawnBy::Random, 0.87),
            RetrainedArch { cycle: 1, ..arch("m5-4", DrawnBy::Random, 0.95) },
        ];
        let score = ScoreView { accuracy: 0.75, correct: 450, items: 600, perplexity: None };
        let champion = ChampionStatus {
            id: "m5-1".to_owned(),
            arm: "derive".to_owned(),
            cycle: 1,
            test: vec![score],
            ..ChampionStatus::default()
        };
        let card = card(&champion, "with the shared weights", &all, Objective::Accuracy);
        let of = |name: &str| {
            let found = card.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        assert_eq!(of("drawn by"), "the policy, in cycle 2");
        let retrained =
            "90.00 % of the validation split ± 1.41 % between nets, 2 nets of 15 epochs";
        assert_eq!(of("retrained"), retrained);
        assert_eq!(
            of("certified"),
            "75.00 % of the test split, 450 of 600 images right; 95 % within 71.38 % to 78.30 %"
        );
        assert_eq!(of("parameters"), "1234");
        let rival = of("the other arm's best, retrained alike");
        assert!(
            rival.starts_with("m5-3: 85.00 %") && rival.contains("81.00 % of the test"),
            "{rival}"
        );
    }
}
