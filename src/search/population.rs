//! A population that draws: children of its better members.

use std::collections::VecDeque;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::search::{PhaseRollout, PolicyConfig, Probabilities, Random, Rollout, SearchError};
use crate::space::{Choice, Script};

/// The last architectures that were scored, the oldest first.
#[derive(Clone, Debug)]
pub struct Population {
    members: VecDeque<PhaseRollout>,
    /// P: as many are there at most, and so many are drawn uniformly at first.
    size: usize,
    /// S.
    tournament: usize,
}

impl Population {
    /// One without members.
    pub(super) fn empty(config: &PolicyConfig) -> Self {
        let PolicyConfig { population: size, tournament, .. } = *config;
        Self { members: VecDeque::new(), size, tournament }
    }

    /// The last of `members`, all of which are to spell architectures of `script`.
    pub(super) fn of(
        config: &PolicyConfig,
        script: &Script,
        members: Vec<PhaseRollout>,
    ) -> Result<Self, SearchError> {
        for member in &members {
            script.check(member.arch.choices())?;
        }
        let mut population = Self::empty(config);
        population.join(members.into_iter());
        Ok(population)
    }

    /// Its members, the oldest first.
    pub(super) fn members(&self) -> impl Iterator<Item = &PhaseRollout> {
        self.members.iter()
    }

    /// Takes in what was scored; the oldest leave that are too many.
    pub(super) fn join(&mut self, scored: impl Iterator<Item = PhaseRollout>) {
        self.members.extend(scored);
        self.forget();
    }

    fn forget(&mut self) {
        let excess = self.members.len().saturating_sub(self.size);
        self.members.drain(..excess);
    }

    /// Draws `n` children of the population as it is.
    pub(super) fn sample(&self, script: &Script, n: usize, rng: &mut ChaCha8Rng) -> Vec<Rollout> {
        let wanted = self.size.saturating_sub(self.members.len());
        // Nobody is there to have children.
        let founders = if self.members.is_empty() { n } else { wanted.min(n) };
        let mut rollouts = Random::sample(script, founders, rng);
        rollouts.extend((founders..n).map(|_| self.child(script, rng)));
        rollouts
    }

    /// A child of the best of some members.
    fn child(&self, script: &Script, rng: &mut ChaCha8Rng) -> Rollout {
        let mut drawn = || &self.members[rng.random_range(0..self.members.len())];
        let mut parent = drawn();
        for _ in 1..self.tournament {
            let other = drawn();
            // Among equals the one drawn first.
            if parent.reward < other.reward {
                parent = other;
            }
        }
        let mut choices = parent.arch.choices().to_vec();
        let options: Vec<usize> = script.options().collect();
        let open: Vec<usize> = (0..options.len()).filter(|&place| 1 < options[place]).collect();
        if open.is_empty() {
            return told(script, choices, 0.0);
        }
        let place = open[rng.random_range(0..open.len())];
        let others = options[place] - 1;
        let other = rng.random_range(0..others as Choice);
        choices[place] = if other < choices[place] { other } else { other + 1 };
        told(script, choices, -((open.len() * others) as f64).ln())
    }
}

/// A child as a rollout: how probable it was among its parent's, and which options it has.
pub(super) fn told(script: &Script, choices: Vec<Choice>, log_prob: f64) -> Rollout {
    let mut picks = Vec::new();
    let mut next = choices.iter();
    for decision in script.decisions() {
        let given: Vec<Choice> = next.by_ref().take(decision.answers().count()).copied().collect();
        if let Some((part, menu)) = decision.menu() {
            picks.extend(given.into_iter().map(|choice| {
                let mut options = vec![0.0; menu.options.len()];
                options[choice as usize] = 1.0;
                (part, menu, options)
            }));
        }
    }
    let probabilities = Probabilities::from_picks(&picks);
    Rollout { choices, log_prob, entropy: -log_prob, policy_version: 0, probabilities }
}
