//! Tests of what a checkpoint says of promotions.
#![cfg(test)]

use super::*;
use serde_json::Value;

const NORMAL: &str = "normal=[identity(0)+identity(1), identity(0)+identity(1)] ";

fn arch(name: &str) -> Arch {
    format!("{NORMAL}reduction=[{name}(0)+identity(1), identity(0)+identity(1)]").parse().unwrap()
}

fn score(nll: f64) -> Score {
    Score { nll, correct: 850, items: 1000 }
}

fn promotion(cause: Cause) -> Promotion {
    let recipe = FinalConfig {
        first: 4,
        seeds: 2,
        weight_decay: 0.1 + 0.2,
        epochs: 3,
        learning_rate_period: 1,
        ..FinalConfig::default()
    };
    let nets = vec![NetResult::new(f64::NAN, &[true, false, true]); 2];
    let certificate = Certificate { candidate: "c0".to_owned(), number: 4, nets };
    let candidate = |name, arm, certificate| Candidate {
        arch: arch(name),
        arm,
        shared: score(f64::NAN),
        rungs: vec![vec![Some(score(0.1))]],
        valid: vec![Some(score(1.0 / 3.0)), None],
        certificate,
    };
    let candidates = vec![
        candidate("sep_conv_3x3", Arm::Derive, Some(certificate)),
        candidate("sep_conv_5x5", Arm::Injected, None),
    ];
    Promotion { cause, cycle: 3, step: 99, recipe, candidates }
}

fn finals() -> Finals {
    let pair = Pair { cycle: 1, difference: -1e-17, error: Some(1.0 / 7.0), freedom: 2 };
    let rival = Rival {
        arch: arch("sep_conv_5x5"),
        arm: Arm::Derive,
        shared: score(0.3),
        valid: vec![score(2.0 / 3.0)],
        test: vec![NetResult::new(0.7, &[false, true])],
        pair: Some(pair),
    };
    let champion = Champion {
        arch: arch("identity"),
        arm: Arm::Random,
        cycle: 2,
        step: 66,
        recipe: FinalConfig::default(),
        shared: score(0.1),
        valid: vec![score(f64::NAN), score(-0.0)],
        test: vec![NetResult::new(0.1 + 0.2, &[true; 9])],
        certificate: 3,
        seed: 1,
        rival: Some(rival),
    };
    let retrained = Retrained {
        id: "m2-0".to_owned(),
        arm: Arm::Derive,
        cycle: 1,
        shared: f64::NAN,
        rewards: vec![0.1, f64::NAN, 1.0 / 3.0],
        epochs: 3,
        first: Some((1, 0.7)),
        is_whole: false,
    };
    Finals {
        under_way: Some(promotion(Cause::Cycle)),
        waiting: vec![promotion(Cause::Request)],
        sample: Some(promotion(Cause::Sample)),
        champion: Some(champion),
        retrained: vec![retrained],
        pairs: vec![pair, Pair { error: None, ..pair }],
    }
}

fn write(finals: &Finals) -> Value {
    serde_json::to_value(FinalsFile::new(finals)).unwrap()
}

fn read(value: Value) -> Result<Finals, String> {
    let text = value.to_string();
    let file: FinalsFile = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    file.finals()
}

#[test]
fn what_is_written_reads_back_bit_for_bit() {
    for finals in [Finals::default(), finals()] {
        let back = read(write(&finals)).unwrap();
        // A NaN equals nothing, and reads as one.
        assert_eq!(format!("{back:?}"), format!("{finals:?}"));
        assert_eq!(write(&back), write(&finals));
    }
}

#[test]
fn files_from_before_there_were_samples_are_read() {
    let mut value = write(&Finals::default());
    value.as_object_mut().unwrap().remove("sample").unwrap();
    assert_eq!(read(value).unwrap(), Finals::default());
}

/// Writes something else at `pointer`, and sees that it is refused for a cause with `why`.
#[track_caller]
fn check(pointer: &str, other: Value, why: &str) {
    let mut value = write(&finals());
    *value.pointer_mut(pointer).unwrap() = other;
    let error = read(value).unwrap_err();
    assert!(error.contains(why), "{pointer}: {error}");
}

#[test]
fn an_architecture_that_cannot_be_read_is_named() {
    check("/champion/arch", "m9".into(), "the champion `m9`: ");
    check("/champion/rival/arch", "m9".into(), "the rival `m9` of the champion `normal=");
    let candidate = "the candidate `m9` of the promotion under way: ";
    check("/under_way/candidates/1/arch", "m9".into(), candidate);
    let candidate = "the candidate `m9` of a promotion that waits: ";
    check("/waiting/0/candidates/0/arch", "m9".into(), candidate);
    check("/sample/candidates/0/arch", "m9".into(), "the candidate `m9` of the sample: ");
}

#[test]
fn numbers_that_do_not_fit_each_other_are_refused() {
    check(
        "/under_way/recipe/seeds",
        3.into(),
        "has places for [1, 2] scores, its recipe has [1, 3]",
    );
    check("/waiting/0/candidates", Value::Array(vec![]), "a promotion that waits has no");
    check("/champion/seed", 2.into(), "has no net of seed 2");
}

#[test]
fn fields_that_nobody_knows_are_refused() {
    let parts = ["", "/under_way", "/under_way/candidates/0", "/under_way/recipe", "/champion"];
    let small = ["/champion/rival", "/champion/shared", "/retrained/0", "/pairs/0"];
    for part in [&parts[..], &small].concat() {
        let mut value = write(&finals());
        let object = value.pointer_mut(part).unwrap().as_object_mut().unwrap();
        object.insert("moon_phase".to_owned(), 1.into());
        let error = read(value).unwrap_err();
        assert!(error.contains("moon_phase"), "{part}: {error}");
    }
    check("/under_way/candidates/0/arm", "moon".into(), "moon");
}
