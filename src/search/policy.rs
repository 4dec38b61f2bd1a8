//! The policy π(m; θ): a one-layer LSTM that answers any script, one decision after the other.
//!
//! `walk.rs` has its equations, and `theta.rs` its parameters. θ is computed in f64 and on the
//! CPU, whatever the children run on: it is tiny (about 42,000 numbers at 64 units), so precision
//! costs nothing that shows beside a child, the published numbers can be met to 10⁻⁸ by the code
//! that runs in production, and a rollout does not depend on the accelerator.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::Snapshot;
use crate::engine::kernel::Isa;
use crate::random::{Owner, generator};
use crate::search::backward::{Transposed, backward};
use crate::search::bounds::Bounds;
use crate::search::dense::TILE_ROWS;
use crate::search::tape::Tape;
use crate::search::theta::{Layout, Theta};
use crate::search::walk::{Network, WalkOutcome, walk};
use crate::search::{PolicyConfig, Probabilities, Rollout, SearchError};
use crate::space::{Choice, Decision, Script};

/// Rollouts that go through the network at once; it bounds the memory, and changes no bit.
const BLOCK: usize = TILE_ROWS;

/// The policy π(m; θ).
#[derive(Clone, Debug)]
pub struct Policy {
    theta: Theta,
    config: PolicyConfig,
    version: u64,
    isa: Isa,
}

impl Policy {
    /// Version 0 of a policy for `script`, whose parameters are a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, script: &Script, seed: u64) -> Self {
        let mut rng = generator(seed, Owner::PolicyInit, 0);
        let layout = Layout::new(config.hidden, script);
        Self::with(config, Theta::initial(&layout, config.prior, &mut rng), 0)
    }

    /// The policy for `script` with the parameters `theta`, which has had `version` updates.
    pub fn from_snapshot(
        config: &PolicyConfig,
        script: &Script,
        theta: &Snapshot,
        version: u64,
    ) -> Result<Self, SearchError> {
        let layout = Layout::new(config.hidden, script);
        Ok(Self::with(config, Theta::from_snapshot(&layout, theta, "")?, version))
    }

    fn with(config: &PolicyConfig, theta: Theta, version: u64) -> Self {
        Self { theta, config: *config, version, isa: Isa::best() }
    }

    /// A deep copy of θ.
    pub fn snapshot(&self) -> Result<Snapshot, SearchError> {
        self.theta.snapshot("")
    }

    /// How many updates θ has had.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Changes θ, which makes the next version of it.
    pub(super) fn update(&mut self, change: impl FnOnce(&mut Theta)) {
        change(&mut self.theta);
        self.version += 1;
    }

    /// Draws `n` rollouts m ~ π(m; θ) with the bounds of `epoch`, the number of epochs that are
    /// finished.
    ///
    /// Each choice of the script in turn takes one number from `rng` for each rollout in turn,
    /// so the result is a function of θ, of the epoch, of `n` and of `rng`.
    pub fn sample(
        &self,
        script: &Script,
        n: usize,
        epoch: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Rollout>, SearchError> {
        let mut uniforms = vec![Vec::new(); n];
        for _ in script.options() {
            for uniforms in &mut uniforms {
                uniforms.push(rng.random::<f64>());
            }
        }
        let inputs = Network::inputs(self.isa, &self.theta);
        let network = self.network(epoch, &inputs);
        let mut rollouts = Vec::with_capacity(n);
        for uniforms in uniforms.chunks(BLOCK) {
            rollouts.extend(self.sample_block(network, script, uniforms)?);
        }
        Ok(rollouts)
    }

    /// Draws a rollout for each list of numbers, one number for each choice.
    fn sample_block(
        &self,
        network: Network<'_>,
        script: &Script,
        uniforms: &[Vec<f64>],
    ) -> Result<impl Iterator<Item = Rollout>, SearchError> {
        let mut drawn = vec![(Vec::<Choice>::new(), Vec::new()); uniforms.len()];
        let mut choose = |decision: Decision, rollout: usize, log_probs: &[f64]| {
            let (choices, picks) = &mut drawn[rollout];
            let probs = self.probabilities(log_probs)?;
            let choice = invert(&probs, uniforms[rollout][choices.len()]);
            choices.push(choice);
            if let Some((part, menu)) = decision.menu() {
                picks.push((part, menu, probs));
            }
            Ok(choice)
        };
        let outcomes = walk(network, script, uniforms.len(), &mut choose, None)?;
        let version = self.version;
        Ok(drawn.into_iter().zip(outcomes).map(move |((choices, picks), outcome)| Rollout {
            choices,
            log_prob: outcome.log_prob,
            entropy: outcome.entropy,
            policy_version: version,
            probabilities: Probabilities::from_picks(&picks),
        }))
    }

    /// The gradient of `Σ weight.log_prob·log π + weight.entropy·H + weight.link_kl·KL` over
    /// rollouts with these choices, and log π, the entropy H and the links' divergence KL in nats
    /// of each, with the bounds of `epoch`.
    pub(super) fn gradient(
        &self,
        script: &Script,
        choices: &[&[Choice]],
        weights: &[WalkOutcome],
        epoch: u64,
    ) -> Result<(Theta, Vec<WalkOutcome>), SearchError> {
        for choices in choices {
            script.check(choices)?;
        }
        let inputs = Network::inputs(self.isa, &self.theta);
        let network = self.network(epoch, &inputs);
        let transposed = Transposed::new(&self.theta);
        let mut grad = Theta::zeros(&self.theta.layout);
        let (mut tape, mut outcomes) = (Tape::default(), Vec::with_capacity(choices.len()));
        for (choices, weights) in choices.chunks(BLOCK).zip(weights.chunks(BLOCK)) {
            tape.clear();
            let mut choose = given(choices);
            outcomes.extend(walk(network, script, choices.len(), &mut choose, Some(&mut tape))?);
            backward(network, &transposed, &tape, weights, &mut grad);
        }
        Ok((grad, outcomes))
    }

    /// log π, the entropy and the links' divergence in nats of rollouts with these choices, with the
    /// bounds of `epoch`.
    pub(super) fn outcomes(
        &self,
        script: &Script,
        choices: &[&[Choice]],
        epoch: u64,
    ) -> Result<Vec<WalkOutcome>, SearchError> {
        for choices in choices {
            script.check(choices)?;
        }
        let inputs = Network::inputs(self.isa, &self.theta);
        let network = self.network(epoch, &inputs);
        let mut outcomes = Vec::with_capacity(choices.len());
        for choices in choices.chunks(BLOCK) {
            outcomes.extend(walk(network, script, choices.len(), &mut given(choices), None)?);
        }
        Ok(outcomes)
    }

    /// The network with the bounds of `epoch`; `inputs` is what its gates read.
    fn network<'a>(&'a self, epoch: u64, inputs: &'a [f64]) -> Network<'a> {
        Network::new(self.isa, &self.theta, Bounds::new(&self.config, epoch), inputs)
    }

    /// The exponentials of `log_probs`, or an error where π is not a distribution.
    fn probabilities(&self, log_probs: &[f64]) -> Result<Vec<f64>, SearchError> {
        match log_probs.iter().find(|log_prob| !log_prob.is_finite()) {
            Some(&log_prob) => {
                Err(SearchError::NonFinitePolicy { version: self.version, log_prob })
            }
            None => Ok(log_probs.iter().map(|log_prob| log_prob.exp()).collect()),
        }
    }
}

/// Answers each decision with the choices of its rollout, one after the other.
fn given(
    choices: &[&[Choice]],
) -> impl FnMut(Decision, usize, &[f64]) -> Result<Choice, SearchError> {
    let mut next = vec![0; choices.len()];
    move |_, rollout, _| {
        next[rollout] += 1;
        Ok(choices[rollout][next[rollout] - 1])
    }
}

/// The option into which `uniform`, a number in [0, 1), falls when the options lie side by side.
fn invert(probs: &[f64], uniform: f64) -> Choice {
    let mut end = 0.0;
    let found = probs.iter().position(|prob| {
        end += prob;
        uniform < end
    });
    // The probabilities may add up to a little less than 1.
    found.unwrap_or(probs.len() - 1) as Choice
}

#[cfg(test)]
mod tests;
