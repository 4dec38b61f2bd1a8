//! What the history says of one architecture, and the report of the whole search.

use std::fs;

use enasd::actors::{ChampionStatus, RankCorrelationStatus, ScoreView};
use enasd::api::ProblemCode;
use enasd::api::wire::{RankReply, WhyReply};
use enasd::search::{Arm, Cause};
use enasd::store::{ChampionRow, History, HistoryPhase, HistoryRow, TrialRow};
use serde_json::Value;

use crate::cli::{ask, check, json, stdout};
use crate::rig::{IDENTITIES, KEEPING, PUBLISHED, Rig, check_refused, id, row, within};

fn trial(arch: &str, seed: u32, correct: u64) -> TrialRow {
    TrialRow {
        key: format!("{arch} {seed}"),
        arch_id: id(arch),
        arm: if arch == PUBLISHED { Arm::Derive } else { Arm::Random },
        cycle: 2,
        step: 5,
        seed,
        epochs: 15,
        loss: Some(0.25),
        correct,
        items: 1000,
        nll: Some(1.0),
        shared_reward: Some(0.5),
        params: 123_456,
        multiply_adds: 7_000_000,
        cause: Cause::Cycle,
        at_unix_ms: 1,
    }
}

/// Both architectures are derived in the third cycle; the published one becomes champion.
fn promote(history: &mut History) {
    let derived =
        |idx, arch, arm| HistoryRow { arm, phase: HistoryPhase::Derive, ..row(5, idx, arch, 0.75) };
    let shared =
        HistoryRow { phase: HistoryPhase::Shared, reward: None, ..row(4, 0, PUBLISHED, 0.0) };
    let rows = [shared, derived(0, PUBLISHED, Arm::Derive), derived(0, IDENTITIES, Arm::Random)];
    history.record(&rows, &[], KEEPING).unwrap();
    let trials =
        [(PUBLISHED, 0, 900), (PUBLISHED, 1, 910), (IDENTITIES, 0, 850), (IDENTITIES, 1, 860)];
    history.record_trials(&trials.map(|(arch, seed, correct)| trial(arch, seed, correct))).unwrap();
    let champion = ChampionRow {
        arch_id: id(PUBLISHED),
        arm: Arm::Derive,
        cycle: 2,
        certificate: 1,
        valid_mean: Some(0.905),
        test_correct: 89,
        test_items: 100,
        test_nll: None,
        ruling: "it is the first <champion>".to_owned(),
        at_unix_ms: 2,
    };
    history.record_champion(&champion).unwrap();
}

/// A rig whose search has a champion.
fn promoted() -> Rig {
    let mut rig = Rig::new();
    promote(&mut rig.history);
    let score = |correct: u32, items: u32| ScoreView {
        accuracy: f64::from(correct) / f64::from(items),
        correct: correct.into(),
        items: items.into(),
        perplexity: None,
    };
    rig.publish(|status| {
        "<b>images</b>".clone_into(&mut status.data.source);
        status.finals.champion = Some(ChampionStatus {
            id: id(PUBLISHED),
            arch: PUBLISHED.to_owned(),
            arm: "derive".to_owned(),
            cycle: 2,
            shared: score(450, 600),
            valid: vec![score(900, 1000), score(910, 1000)],
            test: vec![score(88, 100), score(89, 100)],
            seed: 1,
        });
        let sentence = &mut status.finals.comparison.sentence;
        "the one is & stays better".clone_into(sentence);
        status.finals.rank_correlation =
            RankCorrelationStatus { archs: 12, tau: Some([0.5, 0.25, 0.75]), ceiling: None };
    });
    rig
}

#[tokio::test]
async fn the_history_says_how_far_an_architecture_came() {
    let rig = promoted();
    let why = async |arch| -> WhyReply {
        let path = format!("/v1/archs/{}/why", id(arch));
        within(rig.client().get(&path)).await.unwrap()
    };
    let found = why(PUBLISHED).await;
    assert_eq!((found.id.as_str(), found.is_champion), (id(PUBLISHED).as_str(), true));
    assert_eq!(found.why, ["cycle 3: it is the first <champion>"]);
    let first = found.first.unwrap();
    assert_eq!((first.step, first.epoch, first.cycle, first.reward), (1, 11, 2, Some(0.5)));
    assert_eq!((first.arm.as_str(), first.phase.as_str()), ("controller", "controller"));
    let draws: Vec<_> = found.draws.iter().map(|of| (of.phase.as_str(), of.rewards)).collect();
    assert_eq!(draws, [("controller", 2), ("shared", 0), ("derive", 1)]);
    let best = found.draws[0].best.unwrap();
    assert_eq!((best.step, best.reward), (2, 0.9));
    assert_eq!(found.rank, Some(RankReply { place: 1, of: 2 }));
    let nets: Vec<_> = found.retrainings.iter().map(|net| (net.seed, net.correct)).collect();
    assert_eq!(nets, [(0, 900), (1, 910)]);
    assert_eq!((found.rulings[0].certificate, found.rulings[0].test_correct), (1, 89));

    let other = why(IDENTITIES).await;
    let better = format!("cycle 3: retrained, but {} was better on the", id(PUBLISHED));
    assert!(other.why[0].starts_with(&better), "{:?}", other.why);
    assert_eq!((other.is_champion, other.rank.unwrap().place), (false, 2));
    let unmet = "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0";
    let none = why(unmet).await;
    assert_eq!((none.why, none.first, none.rank), (vec!["it was never drawn".into()], None, None));
    let refused = within(rig.client().get::<Value>("/v1/archs/m5-0/why")).await;
    check_refused(refused, ProblemCode::UnknownArch, "m5-0");
}

#[tokio::test]
async fn the_report_tells_what_the_status_and_the_history_have() {
    let rig = promoted();
    let page = within(rig.client().get_bytes("/v1/report.html")).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    for expected in [
        "Architecture search: micro on &lt;b&gt;images&lt;/b&gt;",
        "The one is &amp; stays better.",
        "450 of 600 images right",
        "89.00 % of the test split, 89 of 100 images right; 95 % within 81.37 % to 93.75 %",
        "90.50 % of the validation split ± 0.71 % between nets, 2 nets of 15 epochs",
        "(champion)",
        "0.50 (95 % 0.25 to 0.75)",
        "<dt>net.layers</dt><dd>6</dd>",
        // All rows are of one epoch.
        "1 points; at the end the mean reward of the policy is 55.00 %",
    ] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
    assert_eq!(page.matches("<tr").count(), 1 + 2);
    assert!(!page.contains("<b>images"));
}

#[tokio::test]
async fn the_report_of_nothing_says_so() {
    let rig = Rig::new();
    let page = within(rig.client().get_bytes("/v1/report.html")).await.unwrap();
    let page = String::from_utf8(page.to_vec()).unwrap();
    for expected in ["There is none yet", "None was trained from scratch yet."] {
        assert!(page.contains(expected), "{expected} is not in\n{page}");
    }
}

#[test]
fn why_is_told_in_lines() {
    let rig = promoted();
    let output = ask(&rig, &["why", PUBLISHED]);
    check(&output, 0, "");
    let text = stdout(&output);
    for expected in [
        "it is the champion",
        "cycle 3: it is the first <champion>",
        "cycle 3, epoch 12, search step 2, by controller in the controller phase, reward 50.00 %",
        "scored 2 times; mean 70.00 %; first 50.00 % in search step 2, best 90.00 %",
        "shared phase: drawn 1 times, never scored",
        "1 by its best reward among 2 that are kept",
        "cycle 3, as a candidate, net 2, 15 epochs: 91.00 % of the validation images",
        "cycle 3: number 1, 89.00 % of the test images, 89 of 100 right",
    ] {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
    let told = json(&ask(&rig, &["why", &id(PUBLISHED), "--output", "json"]));
    assert_eq!(told["retrainings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_report_is_written_and_no_file_is_replaced_unasked() {
    let rig = promoted();
    let file = rig.folder.path().join("report.html");
    let path = file.to_str().unwrap();
    let output = ask(&rig, &["report", "-o", path]);
    check(&output, 0, "");
    assert!(stdout(&output).contains("bytes to "), "{}", stdout(&output));
    assert!(fs::read_to_string(&file).unwrap().starts_with("<!DOCTYPE html>"));
    fs::write(&file, "precious").unwrap();
    check(&ask(&rig, &["report", "-o", path]), 1, "is there already");
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    check(&ask(&rig, &["report", "-o", path, "--force"]), 0, "");
    assert_ne!(fs::read(&file).unwrap(), b"precious");
}
