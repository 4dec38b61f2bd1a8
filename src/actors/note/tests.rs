//! The words of notes.

use super::*;
use crate::actors::{AdvantageStatus, LearntStatus, RetrainedStatus};
use crate::search::{
    AdvantageReport, Arm, Comparison, Diagnosis, Interval, ScheduleConfig, Score, Verdict,
};

fn best(id: &str, correct: u64) -> BestStatus {
    let score =
        ScoreView { accuracy: correct as f64 / 1000.0, correct, items: 1000, perplexity: None };
    BestStatus { id: id.to_owned(), arch: String::new(), score, cycle: 2 }
}

#[test]
fn a_start_says_how_the_run_before_ended_and_what_is_taken_again() {
    let text = |last: LastRun| Note::start(300, &last).message;
    assert_eq!(text(LastRun::None), "the search begins");
    let stopped = LastRun::Stopped { message: "all is saved".to_owned(), again: 0 };
    assert_eq!(
        text(stopped),
        "goes on at search step 301; the run before: all is saved; no finished step was lost"
    );
    let killed = text(LastRun::Killed { again: 27 });
    assert!(killed.contains("it was killed"), "{killed}");
    assert!(killed.ends_with("27 finished steps are taken again"), "{killed}");
}

#[test]
fn a_best_architecture_is_told_with_its_images_and_what_it_replaces() {
    let text = |before: Option<&BestStatus>| {
        Note::best(&best("m5-b", 715), before, "with the shared weights").message
    };
    assert_eq!(
        text(Some(&best("m5-a", 701))),
        "m5-b: 71.50 %, 715 of 1000 validation images with the shared weights; it replaces m5-a \
         with 70.10 %"
    );
    assert!(text(Some(&best("m5-b", 700))).ends_with("weights, 70.00 % before"));
    assert!(text(None).ends_with("the first of this search"));
}

#[test]
fn a_verdict_is_told_with_its_numbers_and_the_one_before() {
    let interval = Interval { mean: -0.05, low: -0.08, high: -0.01 };
    let report = AdvantageReport { n_steps: 20, interval: Some(interval) };
    let mut status = Status {
        advantage: AdvantageStatus::of(&report, &ScheduleConfig::default()),
        best: vec![best("m5-a", 701)],
        ..Status::default()
    };
    let learnt = Interval { mean: 0.05, low: 0.01, high: 0.08 };
    let found = Diagnosis { learnt: Some(learnt), reliability: None };
    status.diagnosis.learnt = LearntStatus::of(&found, "");
    let place = PlaceStatus { cycle: 2, ..PlaceStatus::default() };
    let told = "the policy's draws score lower with the shared weights than random ones: -5.00 \
                points, 95 % within -8.00 to -1.00";
    assert_eq!(
        Note::verdict(&status, "scores higher").message,
        format!("{told}; before: scores higher")
    );
    assert_eq!(
        Note::cycle(&place, &status).message,
        format!(
            "cycle 3 ended; the best architecture so far is m5-a, 70.10 % with the shared \
             weights; {told}; the policy's draws score higher with the shared weights than the \
             untrained policy's: +5.00 points, 95 % within +1.00 to +8.00"
        )
    );
    status.objective = "neg-log-nll".to_owned();
    let told = Note::cycle(&place, &status).message;
    assert!(told.contains("ones: -0.0500, 95 % within -0.0800 to -0.0100; "), "{told}");
    assert!(told.ends_with("policy's: +0.0500, 95 % within +0.0100 to +0.0800"), "{told}");
    assert!(told.contains("m5-a, 70.10 % with"), "{told}");
}

#[test]
fn a_verdict_on_retrained_nets_is_told_in_its_own_words() {
    let found = |verdict: Verdict| RetrainedStatus {
        pairs: 1,
        sentence: verdict.sentence(Comparison::Retrained).to_owned(),
        ..RetrainedStatus::default()
    };
    let mut better = found(Verdict::Better);
    [better.mean, better.low, better.high] = [0.0125, 0.004, 0.021].map(Some);
    let told = |objective: Objective| {
        let mut status = Status { objective: objective.name().to_owned(), ..Status::default() };
        status.finals.comparison = better.clone();
        Note::retrained_verdict(&status, "not measured yet").message
    };
    assert_eq!(
        told(Objective::NegLogNll),
        "the policy's choice is better once retrained than the best of as many random draws: \
         +1.25 points, 95 % within +0.40 to +2.10, over 1 pair; before: not measured yet"
    );
    let of_text = told(Objective::Perplexity);
    assert!(of_text.contains("draws: +0.0125, 95 % within +0.0040 to +0.0210"), "{of_text}");
}

#[test]
fn a_ruling_is_told_in_the_units_of_the_objective() {
    let text = "normal=[identity(0)+identity(1), identity(0)+identity(1)] \
                reduction=[identity(0)+identity(1), identity(0)+identity(1)]";
    let candidate = Candidate {
        arch: text.parse().unwrap(),
        arm: Arm::Derive,
        shared: Score::default(),
        rungs: Vec::new(),
        valid: vec![Some(Score { nll: 50.0, correct: 90, items: 100 })],
        certificate: None,
    };
    let id = candidate.arch.id();
    let recipe = FinalConfig { seeds: 1, ..FinalConfig::default() };
    let told = |ruling, objective| {
        let candidates = vec![candidate.clone()];
        let promotion = Promotion { cause: Cause::Cycle, cycle: 0, step: 9, recipe, candidates };
        let conclusion = Conclusion { promotion, best: Some(0), ruling, pair: None };
        Note::conclusion(&conclusion, objective).message.replace(&id, "ID")
    };
    let stays = Ruling::Stays { by: 0.0125, margin: 0.02 };
    assert_eq!(
        told(stays.clone(), Objective::Accuracy),
        "the champion stays: the best now is ID by the policy, 90.00 % on average, by +1.25 \
         points, of which 2.00 are noise between seeds"
    );
    assert_eq!(
        told(stays, Objective::NegLogNll),
        "the champion stays: the best now is ID by the policy, reward 0.6931 on average, by \
         +0.0125, of which 0.0200 are noise between seeds"
    );
    let measured = |objective| told(Ruling::Measured, objective);
    assert_eq!(measured(Objective::Accuracy), "ID: 90.00 % of the validation images");
    assert_eq!(measured(Objective::NegLogNll), "ID: reward 0.6931 on the validation images");
}

#[test]
fn a_disk_is_told_once_when_it_gets_low_and_once_when_it_is_fine() {
    let mut disk = DiskWatch::default();
    let mut look = |free| disk.look(free, 10_000_000).map(|note| note.message);
    assert_eq!(look(40_000_000), None);
    let low = look(39_000_000).unwrap();
    assert_eq!(low, "nearly full: 39.0 MB are free, and a checkpoint takes 10.0 MB");
    assert_eq!(look(45_000_000), None);
    assert_eq!(look(30_000_000), None);
    assert!(look(60_000_000).unwrap().starts_with("fine again"));
    assert_eq!(look(60_000_000), None);
}
