//! The stratified sample: of a cycle's uniform draws some from the worst to the best, which are
//! retrained to see whether shared scores order architectures as retraining does. The choices of
//! both arms alone would say little: they are the best of all, and lie close together.

use crate::search::{Finals, Objective, Promotion, Scored};

/// One of each of `count` strata: all that were drawn, each architecture once, ordered by reward and
/// cut into so many parts of equal size, of which the middle one is taken. All of them where there
/// are no more than `count`.
pub(super) fn of_each_stratum(drawn: &[Scored], count: usize) -> Vec<&Scored> {
    let mut seen = std::collections::BTreeSet::new();
    let mut order: Vec<&Scored> =
        drawn.iter().filter(|scored| seen.insert(scored.sampled.arch.id())).collect();
    // Stable: among equals the one drawn first.
    order.sort_by(|a, b| a.reward.total_cmp(&b.reward));
    let count = count.min(order.len());
    (0..count).map(|stratum| order[(2 * stratum + 1) * order.len() / (2 * count)]).collect()
}

impl Finals {
    /// Takes note of the stratified sample once all of it is trained, and hands it out.
    pub fn conclude_sample(&mut self, objective: Objective) -> Option<Promotion> {
        let sample = self.sample.take_if(|sample| sample.pending(objective).is_empty())?;
        self.remember(&sample, objective);
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{
        Arm, Candidate, Cause, FinalConfig, Probabilities, Rollout, Sampled, Score,
    };

    const OPERATIONS: [&str; 5] =
        ["identity", "sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3"];

    /// A draw of the architecture of this number below 25.
    fn draw(number: usize, reward: f64) -> Scored {
        let cell = |name| format!("[{name}(0)+identity(1), identity(0)+identity(1)]");
        let (normal, reduction) = (OPERATIONS[number % 5], OPERATIONS[number / 5]);
        let arch = format!("normal={} reduction={}", cell(normal), cell(reduction));
        let rollout = Rollout {
            choices: Vec::new(),
            log_prob: 0.0,
            entropy: 0.0,
            policy_version: 0,
            probabilities: Probabilities::default(),
        };
        let sampled = Sampled { rollout, arch: arch.parse().unwrap(), cost_factor: 1.0 };
        Scored { sampled, score: Score::default(), reward }
    }

    fn rewards(drawn: &[Scored], count: usize) -> Vec<f64> {
        of_each_stratum(drawn, count).into_iter().map(|scored| scored.reward).collect()
    }

    #[test]
    fn the_middle_of_each_stratum_is_taken_from_the_worst_to_the_best() {
        let drawn: Vec<Scored> = (0..20).map(|n| draw(n, (n * 7 % 20) as f64)).collect();
        assert_eq!(rewards(&drawn, 4), [2.0, 7.0, 12.0, 17.0]);
        assert_eq!(rewards(&drawn, 3), [3.0, 10.0, 16.0]);
        assert_eq!(rewards(&drawn, 0), [0.0; 0]);
    }

    #[test]
    fn an_architecture_is_taken_once_and_all_where_there_are_few() {
        let drawn = [draw(0, 3.0), draw(1, 2.0), draw(0, 3.0), draw(2, 1.0)];
        assert_eq!(rewards(&drawn, 9), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_sample_is_remembered_once_it_is_trained_and_touches_no_champion() {
        let recipe = FinalConfig { seeds: 2, ..FinalConfig::default() };
        let candidates = [0, 1].map(|n| Candidate::new(Arm::Random, &draw(n, 0.5), &recipe));
        let (cause, candidates) = (Cause::Sample, candidates.to_vec());
        let sample = Promotion { cause, cycle: 0, step: 9, recipe, candidates };
        let mut finals = Finals { sample: Some(sample), ..Finals::default() };
        let score = Score { nll: 1.0, correct: 5, items: 10 };
        while let Some(plan) = finals.sample.as_ref().unwrap().pending(Objective::Accuracy).pop() {
            assert_eq!(finals.conclude_sample(Objective::Accuracy), None);
            assert!(finals.retrained.is_empty());
            finals.sample.as_mut().unwrap().trained(&plan, score);
        }
        assert!(finals.conclude_sample(Objective::Accuracy).is_some());
        assert_eq!((finals.sample, finals.retrained.len()), (None, 2));
        assert_eq!((finals.champion, finals.pairs), (None, Vec::new()));
    }
}
