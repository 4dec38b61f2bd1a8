//! How the policy's logits are bounded, how far that lets it settle, and what holds the links of a
//! node near a rate ρ.
//!
//! A score q becomes a logit, to which what is fixed is added:
//!
//! ```text
//! logit = (1 − a)·c·tanh(q/τ) + a·q/τ,   a = min(1, e/E)      E = policy.bound_epochs
//! ```
//!
//! in epoch e, with the bound c: C for nodes and links, C/r for options. Where E is 0 the bound
//! stays, a = 0, as in ENAS; where C is 0 there is none, a = 1. So a is a function of the place in
//! the schedule, and nothing of it is state. Departure from the paper, where it is on: a policy that
//! is held back at first, while scores are those of an ω that has hardly learnt, may become certain
//! in the end.
//!
//! A policy with bounds cannot become certain: the entropy of an architecture stays between
//!
//! ```text
//! H_min = Σ min_k H(softmax(l⁽ᵏ⁾)),   l⁽ᵏ⁾_i = fixed_i + (c where i = k, else −c)     0 where 0 < a
//! H_max = Σ ln n
//! ```
//!
//! over its choices, of n options. It is at `H_min` when it favors one option of each choice as far
//! as it can. One that favors two of many options may come to lie a little below it. However little
//! of the bound is let go, that part of a logit has no end.
//!
//! The divergence of a link's distribution from the rate, of which a script's is the mean over the
//! nodes that have links of the sum over their links:
//!
//! ```text
//! KL = p_drop·ln(p_drop/(1 − ρ)) + p_keep·ln(p_keep/ρ)
//! ```
//!
//! Departure from the authors' code: it takes the sigmoid of either logit for p; here p is what
//! the links are drawn with.

use crate::search::PolicyConfig;
use crate::search::prior::{nearness, prior};
use crate::space::{Decision, Locality, Script};

/// The bounds of the logits in one epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Scores are divided by it first, τ.
    temperature: f64,
    /// The share of a logit that is bounded, 1 − a.
    bounded: f64,
    /// The largest bounded logit of a node or of a link, C.
    point: f64,
    /// The largest bounded logit of a menu's option before the fixed bias, C/r.
    pick: f64,
    /// Whether options have the authors' fixed biases, and near nodes their preference.
    favors: bool,
    /// The logarithms of the shares of links that should be dropped and kept.
    link_log_rates: [f64; 2],
}

impl Bounds {
    /// The bounds in `epoch`, the number of epochs that are finished.
    pub(super) fn new(config: &PolicyConfig, epoch: u64) -> Self {
        let let_go = match config.bound_epochs {
            _ if config.tanh_constant == 0.0 => 1.0,
            0 => 0.0,
            epochs => (epoch as f64 / epochs as f64).min(1.0),
        };
        Self {
            temperature: config.temperature,
            bounded: 1.0 - let_go,
            point: config.tanh_constant,
            pick: config.tanh_constant / config.op_tanh_reduction,
            favors: config.prior,
            link_log_rates: [1.0 - config.skip_rate, config.skip_rate].map(f64::ln),
        }
    }

    /// The bound of a decision's logits, c.
    fn of(self, decision: Decision) -> f64 {
        match decision {
            Decision::Pick { .. } => self.pick,
            Decision::Point { .. } | Decision::Link { .. } => self.point,
        }
    }

    /// What is added to the logits of a decision's options, and not learnt; nothing where that is
    /// nothing for any.
    pub(super) fn fixed(self, decision: Decision) -> Vec<f64> {
        match decision {
            Decision::Pick { part, menu } if self.favors => {
                prior(menu).fixed.get(part).map_or_else(Vec::new, |fixed| fixed.to_vec())
            }
            Decision::Point { earlier, locality } if self.favors_near(locality) => {
                nearness(earlier)
            }
            Decision::Pick { .. } | Decision::Point { .. } | Decision::Link { .. } => Vec::new(),
        }
    }

    /// Whether near nodes are favored where the script says so.
    pub(super) fn favors_near(self, locality: Locality) -> bool {
        self.favors && locality == Locality::Near
    }

    /// The entropy of one of the choices of a decision, among so many options, where one is favored
    /// as far as the bounds let it: the one of which it is the least.
    fn settled(self, decision: Decision, options: usize) -> f64 {
        if self.bounded < 1.0 {
            return 0.0;
        }
        let bound = self.of(decision);
        let fixed = self.fixed(decision);
        let fixed = |option: usize| fixed.get(option).copied().unwrap_or(0.0);
        let favoring = |favored: usize| {
            let logit = |option| fixed(option) + if option == favored { bound } else { -bound };
            entropy(&(0..options).map(logit).collect::<Vec<_>>())
        };
        (0..options).map(favoring).fold(f64::INFINITY, f64::min)
    }

    /// What a score q of a decision becomes: its logit, before what is fixed is added.
    pub(super) fn logit(self, decision: Decision, score: f64) -> f64 {
        let score = score / self.temperature;
        self.bounded * (score.tanh() * self.of(decision)) + (1.0 - self.bounded) * score
    }

    /// The derivative of that logit by the score.
    pub(super) fn slope(self, decision: Decision, score: f64) -> f64 {
        let squashed = (score / self.temperature).tanh();
        let bounded = self.of(decision) / self.temperature * (1.0 - squashed * squashed);
        self.bounded * bounded + (1.0 - self.bounded) / self.temperature
    }

    /// The divergence of a link that is dropped and kept with these log probabilities.
    pub(super) fn link_divergence(self, log_probs: &[f64]) -> f64 {
        let terms = log_probs.iter().zip(self.link_log_rates);
        terms.map(|(log_prob, rate)| log_prob.exp() * (log_prob - rate)).sum()
    }

    /// Its gradient by the link's logits: `p·(ln(p/rate) − KL)`.
    pub(super) fn link_gradient(self, log_probs: &[f64]) -> [f64; 2] {
        let divergence = self.link_divergence(log_probs);
        [0, 1].map(|option| {
            let log_prob = log_probs[option];
            log_prob.exp() * (log_prob - self.link_log_rates[option] - divergence)
        })
    }
}

/// Between which numbers the entropy of an architecture lies, summed over its choices, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyRange {
    /// Of a policy that favors one option of each choice as far as its bounds let it.
    settled: f64,
    /// Of uniform draws.
    uniform: f64,
}

impl EntropyRange {
    /// Of a policy for `script` in `epoch`, the number of epochs that are finished.
    pub fn of(config: &PolicyConfig, script: &Script, epoch: u64) -> Self {
        let bounds = Bounds::new(config, epoch);
        let settled = |decision: Decision| -> f64 {
            decision.answers().map(|options| bounds.settled(decision, options)).sum()
        };
        Self {
            settled: script.decisions().map(settled).sum(),
            uniform: script.options().map(|options| (options as f64).ln()).sum(),
        }
    }

    /// The share of the range that lies below `entropy`, 0 to 1: how far a policy is from where it
    /// cannot settle any further. None where the script leaves nothing to choose.
    pub fn left(self, entropy: f64) -> Option<f64> {
        let Self { settled, uniform } = self;
        (settled < uniform).then(|| ((entropy - settled) / (uniform - settled)).clamp(0.0, 1.0))
    }
}

/// The entropy of the softmax of `logits`, in nats.
fn entropy(logits: &[f64]) -> f64 {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - max).exp()).sum();
    let mean: f64 = logits.iter().map(|logit| (logit - max) * (logit - max).exp()).sum();
    sum.ln() - mean / sum
}

/// The share of a node with links in the divergence of all: one over how many such nodes the
/// script has.
pub(super) fn link_share(script: &Script) -> f64 {
    let links =
        |decision: &Decision| matches!(decision, Decision::Link { earlier, .. } if 0 < *earlier);
    1.0 / script.decisions().filter(links).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::{Space, SpaceConfig, Step};

    /// enas-spec: of an undecided link against the authors' rate of 0.4.
    #[test]
    fn an_undecided_link_has_the_published_divergence() {
        let bounds = Bounds::new(&PolicyConfig { skip_rate: 0.4, ..PolicyConfig::default() }, 0);
        let undecided = [0.5_f64.ln(); 2];
        assert!((bounds.link_divergence(&undecided) - 0.020_410_997).abs() < 1e-9);
        let at_rate = [0.6_f64.ln(), 0.4_f64.ln()];
        assert!(bounds.link_divergence(&at_rate).abs() < 1e-15);
        assert!(bounds.link_gradient(&at_rate).iter().all(|slope| slope.abs() < 1e-15));
    }

    fn script() -> Script {
        Space::new(&SpaceConfig::default()).unwrap().script()
    }

    /// The range of a script of one decision.
    fn range(config: &PolicyConfig, decision: Decision) -> EntropyRange {
        EntropyRange::of(config, &Script(vec![Step::Ask(decision)]), 0)
    }

    #[test]
    fn a_settled_choice_has_the_entropy_of_its_bounded_logits() {
        let config = PolicyConfig::default();
        // import numpy as np; from scipy.special import softmax; from scipy.stats import entropy
        // c = 1.1; entropy(softmax([c] + 3 * [-c]))
        let point = range(&config, Decision::Point { earlier: 4, locality: Locality::Even });
        assert!((point.settled - 0.835_844_871_308_418_4).abs() < 1e-12, "{point:?}");
        assert!((point.uniform - 4.0_f64.ln()).abs() < 1e-12);
        // 2 * entropy(softmax([c, -c]))
        let links = range(&config, Decision::Link { part: 0, earlier: 2 });
        assert!((links.settled - 0.649_068_791_664_006_6).abs() < 1e-12, "{links:?}");
        assert!((links.uniform - 4.0_f64.ln()).abs() < 1e-12);
        // c = 1.1 / 2.5, and one that the fixed biases favor, too;
        // entropy(softmax(np.array([c] + 4 * [-c]) + [.25, .25, -.25, -.25, -.25]))
        let script = script();
        let picks: Vec<_> = script
            .decisions()
            .filter(|decision| matches!(decision, Decision::Pick { .. }))
            .collect();
        let [normal, reduction] =
            [picks[0], picks[picks.len() - 1]].map(|pick| range(&config, pick));
        assert!((normal.settled - 1.422_826_158_315_198_4).abs() < 1e-12, "{normal:?}");
        assert!((reduction.settled - 1.527_064_519_929_253).abs() < 1e-12, "{reduction:?}");
        let unbiased = PolicyConfig { prior: false, ..config };
        assert!((range(&unbiased, picks[0]).settled - 1.527_064_519_929_253).abs() < 1e-12);
    }

    #[test]
    fn a_script_adds_up_its_choices_and_without_bounds_a_policy_may_become_certain() {
        let (config, script) = (PolicyConfig::default(), script());
        let whole = EntropyRange::of(&config, &script, 0);
        let each: f64 = script.decisions().map(|one| range(&config, one).settled).sum();
        assert!(0.0 < each && (whole.settled - each).abs() < 1e-9, "{whole:?}");
        let unbounded = PolicyConfig { tanh_constant: 0.0, ..config };
        let unbounded = EntropyRange::of(&unbounded, &script, 0);
        assert_eq!((unbounded.settled, unbounded.uniform), (0.0, whole.uniform));
        let wide = PolicyConfig { tanh_constant: 100.0, op_tanh_reduction: 1e-3, ..config };
        assert!(EntropyRange::of(&wide, &script, 0).settled.abs() < 1e-9);
    }

    #[test]
    fn a_bound_that_is_let_go_goes_from_the_bounded_logit_to_that_without_a_bound() {
        let config = PolicyConfig { temperature: 1.7, bound_epochs: 4, ..PolicyConfig::default() };
        let of = |config: &PolicyConfig, epoch| Bounds::new(config, epoch);
        let stays = PolicyConfig { bound_epochs: 0, ..config };
        let none = PolicyConfig { tanh_constant: 0.0, ..stays };
        let script = script();
        for decision in script.decisions() {
            for score in [-30.0, -0.3, -0.0, 1e-9, 0.8, 5.0] {
                let both = |config, epoch| {
                    let bounds: Bounds = of(config, epoch);
                    [bounds.logit(decision, score), bounds.slope(decision, score)]
                };
                let [bounded, free] = [both(&stays, 9), both(&none, 9)];
                assert_eq!(both(&config, 0).map(f64::to_bits), bounded.map(f64::to_bits));
                assert_eq!(both(&config, 4).map(f64::to_bits), free.map(f64::to_bits));
                assert_eq!(both(&config, 99).map(f64::to_bits), free.map(f64::to_bits));
                for (found, (bounded, free)) in
                    both(&config, 1).into_iter().zip(bounded.into_iter().zip(free))
                {
                    assert!((found - (0.75 * bounded + 0.25 * free)).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn a_policy_is_at_its_bound_only_while_the_whole_bound_is_there() {
        let script = script();
        let stays = PolicyConfig::default();
        let let_go = PolicyConfig { bound_epochs: 10, ..stays };
        assert_eq!(EntropyRange::of(&let_go, &script, 0), EntropyRange::of(&stays, &script, 7));
        let none = PolicyConfig { tanh_constant: 0.0, ..stays };
        for epoch in [1, 10, 11] {
            let found = EntropyRange::of(&let_go, &script, epoch);
            assert_eq!(found, EntropyRange::of(&none, &script, 0), "{epoch}");
        }
    }

    #[test]
    fn what_is_left_is_a_share_of_the_range() {
        let range = EntropyRange { settled: 2.0, uniform: 6.0 };
        for (entropy, left) in [(1.9, 0.0), (2.0, 0.0), (3.0, 0.25), (6.0, 1.0), (6.1, 1.0)] {
            assert_eq!(range.left(entropy), Some(left), "{entropy}");
        }
        assert_eq!(EntropyRange { settled: 0.0, uniform: 0.0 }.left(0.0), None);
    }
}
