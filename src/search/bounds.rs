//! How the policy's logits are bounded, and what holds the links of a node near a rate ρ.
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
use crate::search::prior::prior;
use crate::space::{Decision, Menu, Script};

/// The bounds of the logits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Logits are divided by it first, τ.
    pub(super) temperature: f64,
    /// Whether logits are squashed at all.
    squashes: bool,
    /// The largest logit of a node or of a link, C.
    point: f64,
    /// The largest logit of a menu's option before the fixed bias, C/r.
    pick: f64,
    /// Whether options have the authors' fixed biases.
    favors: bool,
    /// The logarithms of the shares of links that should be dropped and kept.
    link_log_rates: [f64; 2],
}

impl Bounds {
    pub(super) fn new(config: &PolicyConfig) -> Self {
        let squashes = 0.0 < config.tanh_constant;
        let [point, pick] = if squashes {
            [config.tanh_constant, config.tanh_constant / config.op_tanh_reduction]
        } else {
            [1.0; 2]
        };
        Self {
            temperature: config.temperature,
            squashes,
            point,
            pick,
            favors: config.prior,
            link_log_rates: [1.0 - config.skip_rate, config.skip_rate].map(f64::ln),
        }
    }

    /// The bound of a decision's logits.
    pub(super) fn of(self, decision: Decision) -> f64 {
        match decision {
            Decision::Pick { .. } => self.pick,
            Decision::Point { .. } | Decision::Link { .. } => self.point,
        }
    }

    /// What is added to the logits of a menu's options in a part, and not learnt.
    pub(super) fn fixed(self, part: usize, menu: &Menu) -> Option<&'static [f64]> {
        self.favors.then(|| prior(menu).fixed.get(part).copied()).flatten()
    }

    /// What a score becomes before the bound is its factor, `tanh(q/τ)`.
    pub(super) fn squash(self, score: f64) -> f64 {
        let score = score / self.temperature;
        if self.squashes { score.tanh() } else { score }
    }

    /// The derivative of a decision's logits by their scores, of which `squashed` is what one
    /// became.
    pub(super) fn slope(self, decision: Decision, squashed: f64) -> f64 {
        let slope = self.of(decision) / self.temperature;
        if self.squashes { slope * (1.0 - squashed * squashed) } else { slope }
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

    /// enas-spec: of an undecided link against the authors' rate of 0.4.
    #[test]
    fn an_undecided_link_has_the_published_divergence() {
        let bounds = Bounds::new(&PolicyConfig { skip_rate: 0.4, ..PolicyConfig::default() });
        let undecided = [0.5_f64.ln(); 2];
        assert!((bounds.link_divergence(&undecided) - 0.020_410_997).abs() < 1e-9);
        let at_rate = [0.6_f64.ln(), 0.4_f64.ln()];
        assert!(bounds.link_divergence(&at_rate).abs() < 1e-15);
        assert!(bounds.link_gradient(&at_rate).iter().all(|slope| slope.abs() < 1e-15));
    }
}
