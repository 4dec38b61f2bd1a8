//! Champions and their rivals, by scores that are made up.

use super::*;
use crate::data::Certificate;
use crate::search::Candidate;

const NORMAL: &str = "normal=[identity(0)+identity(1), identity(0)+identity(1)] ";

fn arch(name: &str) -> Arch {
    format!("{NORMAL}reduction=[{name}(0)+identity(1), identity(0)+identity(1)]").parse().unwrap()
}

fn score(correct: u64) -> Score {
    Score { nll: 1.0, correct, items: 1000 }
}

/// A promotion of one candidate an arm, whose nets have so many of 1,000 images right.
fn promotion(cycle: u64, policy: [u64; 2], random: [u64; 2]) -> Promotion {
    let recipe = FinalConfig { candidates: 1, seeds: 2, ..FinalConfig::default() };
    let candidate = |name, arm, correct: [u64; 2]| {
        let nets = correct.map(|correct| NetResult::new(1.0, &[800 < correct, true])).to_vec();
        Candidate {
            arch: arch(name),
            arm,
            shared: score(600),
            rungs: Vec::new(),
            valid: correct.map(|correct| Some(score(correct))).to_vec(),
            certificate: Some(Certificate { candidate: name.to_owned(), number: 1, nets }),
        }
    };
    let candidates = vec![
        candidate("sep_conv_3x3", Arm::Derive, policy),
        candidate("sep_conv_5x5", Arm::Random, random),
    ];
    Promotion { cause: Cause::Cycle, cycle, step: 9, recipe, candidates }
}

fn concluded(finals: &mut Finals, promotion: Promotion) -> Conclusion {
    finals.under_way = Some(promotion);
    let conclusion = finals.conclude(Objective::Accuracy).unwrap();
    assert_eq!(finals.under_way, None);
    conclusion
}

#[test]
fn the_first_champion_is_the_best_by_validation_with_its_better_net() {
    let mut finals = Finals::default();
    let first = concluded(&mut finals, promotion(0, [850, 860], [900, 800]));
    assert_eq!((first.ruling, first.best), (Ruling::First, Some(0)));
    let champion = finals.champion.unwrap();
    assert_eq!((champion.seed, champion.arm), (1, Arm::Derive));
    assert_eq!(champion.tested(), champion.test.get(1));
    assert!((first.pair.unwrap().difference - 0.25).abs() < 1e-12);
    assert_eq!((finals.retrained.len(), finals.pairs.len()), (2, 1));
}

#[test]
fn a_champion_gives_way_to_more_than_noise_alone() {
    let mut finals = Finals::default();
    concluded(&mut finals, promotion(0, [850, 860], [800, 800]));
    let same = concluded(&mut finals, promotion(1, [850, 860], [800, 810]));
    assert_eq!(same.ruling, Ruling::Same);
    // The deviation is pooled: 5/√2 and 0 of a thousand, with a degree of freedom each.
    let margin = 2.0 * 0.005;
    let stays = concluded(&mut finals, promotion(2, [860, 870], [800, 800])).ruling;
    let Ruling::Stays { by, margin: found } = stays else { panic!("{stays:?}") };
    assert!((by - 0.01).abs() < 1e-12 && (found - margin).abs() < 1e-9, "{by} {found}");
    let next = concluded(&mut finals, promotion(3, [862, 872], [800, 800])).ruling;
    assert!(matches!(next, Ruling::Replaces { .. }), "{next:?}");
    assert_eq!(finals.champion.unwrap().cycle, 3);
}

#[test]
fn the_noise_of_images_is_that_of_the_reward() {
    let noise = |correct, objective| image_deviation(&[score(correct)], objective);
    for correct in [100, 500, 990] {
        let [share, relative] =
            [Objective::Accuracy, Objective::NegLogNll].map(|objective| noise(correct, objective));
        let wrong = 1.0 - correct as f64 / 1000.0;
        assert!((share - (wrong * (1.0 - wrong) / 1000.0).sqrt()).abs() < 1e-12, "{share}");
        assert!((relative - share / wrong).abs() < 1e-12, "{relative}");
    }
    assert!((noise(1000, Objective::NegLogNll) - 1.0).abs() < 1e-12);
}

#[test]
fn a_pair_has_the_noise_of_accuracies_whatever_is_maximized() {
    let errors = [Objective::Accuracy, Objective::NegLogNll].map(|objective| {
        let under_way = Some(promotion(0, [850, 860], [900, 800]));
        let mut finals = Finals { under_way, ..Finals::default() };
        finals.conclude(objective).unwrap().pair.unwrap().error
    });
    assert!(errors[0].is_some() && errors[0] == errors[1], "{errors:?}");
}

#[test]
fn what_was_asked_for_is_measured_and_no_champion() {
    let mut finals = Finals::default();
    let asked = Promotion { cause: Cause::Request, ..promotion(0, [990, 990], [1, 1]) };
    let conclusion = concluded(&mut finals, asked);
    assert_eq!((conclusion.ruling, conclusion.pair), (Ruling::Measured, None));
    assert_eq!((finals.champion, finals.retrained.len()), (None, 2));
}
