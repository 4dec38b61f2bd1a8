//! REINFORCE with a moving-average baseline.
//!
//! ENAS (Pham et al., 2018, section 2.2) maximizes `J(θ) = E_{m ~ π(m; θ)} [R(m, ω)]` by the
//! score-function estimator (Williams, 1992):
//!
//! ```text
//! ∇J ≈ 1/M Σ_m (R(m, ω) − b) ∇log π(m; θ) + β ∇H(π) − λ ∇KL
//! ```
//!
//! KL holds the links of macro architectures near a rate, `bounds.rs` (section 2.3). One update is
//! one step of Adam on the mean over M rollouts. H of a rollout is the sum of the true entropies of
//! the distributions that it went through.
//!
//! Departures from the authors' code: they add β·H to the reward, where it acts without a gradient
//! of its own; here it is a term of the loss. `baseline.rs` has those of the baseline. They clip no
//! gradients; here their norm is. A settled policy stands on steep edges: gradients are below 10⁻³
//! for thousands of updates, in which Adam forgets larger ones, and then one of 0.1 throws θ to
//! where it draws almost uniformly and hardly learns.

use crate::search::adam::{Adam, AdamConfig};
use crate::search::strategy::mean_reward;
use crate::search::theta::Layout;
use crate::search::walk::WalkOutcome;
use crate::search::{Baseline, LearnReport, Policy, PolicyConfig, Scored};
use crate::search::{SearchError, Strategy, StrategyState, UpdateReport};
use crate::space::{Choice, Script};

/// The owner of θ: a policy and what trains it.
#[derive(Clone, Debug)]
pub struct Reinforce {
    script: Script,
    policy: Policy,
    optimizer: Adam,
    baseline: Baseline,
    clip_norm: f64,
    /// β.
    entropy_weight: f64,
    /// λ.
    skip_weight: f64,
}

impl Reinforce {
    /// A fresh policy for the space with this `script`; θ is a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, script: Script, seed: u64) -> Self {
        let layout = Layout::new(config.hidden, &script);
        Self {
            policy: Policy::new(config, &script, seed),
            script,
            optimizer: Adam::new(adam_config(config), &layout),
            baseline: Baseline::new(config.baseline_decay, None),
            clip_norm: config.clip_norm,
            entropy_weight: config.entropy_weight,
            skip_weight: config.skip_weight,
        }
    }

    /// Goes on where `state` was taken.
    pub fn from_state(
        config: &PolicyConfig,
        script: Script,
        state: &StrategyState,
    ) -> Result<Self, SearchError> {
        let layout = Layout::new(config.hidden, &script);
        let policy = Policy::from_snapshot(config, &script, &state.policy, state.policy_version)?;
        let optimizer = Adam::from_state(adam_config(config), &layout, &state.optimizer)?;
        let baseline = Baseline::new(config.baseline_decay, state.baseline);
        let PolicyConfig { clip_norm, entropy_weight, skip_weight, .. } = *config;
        Ok(Self { script, policy, optimizer, baseline, clip_norm, entropy_weight, skip_weight })
    }

    /// Refuses rollouts of another θ: their gradient would be off-policy.
    fn check_versions(&self, scored: &[Scored]) -> Result<(), SearchError> {
        let current = self.policy.version();
        let mut versions = scored.iter().map(|s| s.sampled.rollout.policy_version);
        match versions.find(|&version| version != current) {
            Some(drawn_by) => Err(SearchError::StaleRollout { drawn_by, current }),
            None => Ok(()),
        }
    }
}

impl Strategy for Reinforce {
    fn policy(&self) -> Option<&Policy> {
        Some(&self.policy)
    }

    fn learn(&mut self, scored: &[Scored]) -> Result<LearnReport, SearchError> {
        let mean_reward = mean_reward(scored)?;
        self.check_versions(scored)?;
        let choices: Vec<&[Choice]> =
            scored.iter().map(|s| &s.sampled.rollout.choices[..]).collect();
        let mut baseline = self.baseline;
        let advantages: Vec<f64> = scored.iter().map(|s| baseline.advantage(s.reward)).collect();
        let weights = weights(&advantages, self.entropy_weight, self.skip_weight);
        let (mut grad, outcomes) = self.policy.gradient(&self.script, &choices, &weights)?;
        let grad_norm = grad.norm();
        if !grad_norm.is_finite() {
            let version = self.policy.version();
            return Err(SearchError::NonFiniteGradient { version, norm: grad_norm });
        }
        grad.clip(grad_norm, self.clip_norm);
        let entropies = outcomes.iter().map(|outcome| outcome.entropy);
        let mean_entropy = entropies.sum::<f64>() / outcomes.len() as f64;
        self.policy.update(|theta| self.optimizer.step(theta, &grad));
        self.baseline = baseline;
        let update = UpdateReport {
            baseline: baseline.mean().unwrap_or(mean_reward),
            mean_advantage: advantages.iter().sum::<f64>() / advantages.len() as f64,
            grad_norm,
        };
        Ok(LearnReport { mean_reward, mean_entropy, update: Some(update) })
    }

    fn state(&self) -> Result<StrategyState, SearchError> {
        Ok(StrategyState {
            policy_version: self.policy.version(),
            baseline: self.baseline.mean(),
            policy: self.policy.snapshot()?,
            optimizer: self.optimizer.state()?,
        })
    }
}

fn adam_config(config: &PolicyConfig) -> AdamConfig {
    let PolicyConfig { learning_rate, beta1, beta2, epsilon, .. } = *config;
    AdamConfig { learning_rate, beta1, beta2, epsilon }
}

/// What the loss `1/M Σ −(R − b)·log π − β·H + λ·KL`, whose gradient is the estimator of −∇J,
/// makes of each rollout's log π, H and KL.
fn weights(advantages: &[f64], entropy_weight: f64, skip_weight: f64) -> Vec<WalkOutcome> {
    let share = -1.0 / advantages.len() as f64;
    let weight = |advantage: &f64| WalkOutcome {
        log_prob: share * advantage,
        entropy: share * entropy_weight,
        link_kl: -share * skip_weight,
    };
    advantages.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::to_safetensors;
    use crate::random::{Owner, generator};
    use crate::search::{Probabilities, Rollout, StrategyKind};
    use crate::space::{CellKind, Decision, MicroSpace, Op, Space};
    use candle_core::{Device, Tensor};

    const SMALL: PolicyConfig = PolicyConfig {
        strategy: StrategyKind::Reinforce,
        hidden: 16,
        temperature: 1.0,
        tanh_constant: 1.10,
        op_tanh_reduction: 2.5,
        learning_rate: 0.05,
        beta1: 0.0,
        beta2: 0.999,
        epsilon: 1e-3,
        clip_norm: 1e6,
        entropy_weight: 0.0,
        baseline_decay: 0.9,
        skip_rate: 0.4,
        skip_weight: 0.8,
    };

    fn space() -> Space {
        Space::Micro(MicroSpace::new(2).unwrap())
    }

    fn script() -> Script {
        space().script()
    }

    /// A learner whose operation bias is `op_bias`.
    fn learner(config: &PolicyConfig, op_bias: [f64; 5]) -> Reinforce {
        let mut state = Reinforce::new(config, script(), 1).state().unwrap();
        state.policy.insert("op.bias".to_owned(), Tensor::new(&op_bias, &Device::Cpu).unwrap());
        Reinforce::from_state(config, script(), &state).unwrap()
    }

    fn draw(learner: &Reinforce, n: usize, index: u64) -> Vec<Rollout> {
        learner.policy.sample(&script(), n, &mut generator(1, Owner::Policy, index)).unwrap()
    }

    fn scored(rollout: Rollout, reward: f64) -> Scored {
        Scored::with_reward(space(), rollout, reward)
    }

    /// Draws 10 rollouts, scores them and learns from them.
    fn update(
        learner: &mut Reinforce,
        index: u64,
        reward: impl Fn(&Rollout) -> f64,
    ) -> LearnReport {
        let rollouts = draw(learner, 10, index).into_iter();
        let scored = rollouts.map(|rollout| scored(rollout.clone(), reward(&rollout)));
        learner.learn(&scored.collect::<Vec<_>>()).unwrap()
    }

    fn theta(learner: &Reinforce) -> Vec<u8> {
        to_safetensors(&learner.policy.snapshot().unwrap()).unwrap()
    }

    /// The share of picks that chose average pooling.
    fn average_pools(rollout: &Rollout) -> f64 {
        let script = script();
        let picks: Vec<bool> = script
            .decisions()
            .zip(&rollout.choices)
            .filter(|(decision, _)| matches!(decision, Decision::Pick { .. }))
            .map(|(_, &choice)| choice as usize == Op::AvgPool3x3.idx())
            .collect();
        picks.iter().filter(|&&hit| hit).count() as f64 / picks.len() as f64
    }

    /// Rewards average pooling alone, and compares its probability at the end with the highest
    /// that the bounded logits allow.
    #[track_caller]
    fn check_bandit(op_bias: [f64; 5], ceilings: [f64; 2]) {
        let mut learner = learner(&SMALL, op_bias);
        for index in 0..200 {
            update(&mut learner, index, average_pools);
        }
        let reached = Probabilities::mean(draw(&learner, 100, 1_000_000).iter());
        for (cell, ceiling) in CellKind::ALL.into_iter().zip(ceilings) {
            let found = reached.get(cell as usize, "op").unwrap()[Op::AvgPool3x3.idx()];
            let within = (ceiling - 0.005..=ceiling + 1e-9).contains(&found);
            assert!(within, "{cell}: {found}, ceiling {ceiling}");
        }
    }

    /// The probability of average pooling when its own logit is at `0.44` and the others are at
    /// `separable` (both separable convolutions) and at `-0.44` (the other two); `fixed` is the
    /// fixed bias, negative for average pooling.
    fn ceiling(separable: f64, fixed: f64) -> f64 {
        let own = (0.44 - fixed).exp();
        own / (own + 2.0 * (separable + fixed).exp() + 2.0 * (-0.44 - fixed).exp())
    }

    #[test]
    fn a_bandit_drives_the_rewarded_operation_to_the_ceiling_of_the_bounded_logits() {
        let ceilings = [ceiling(-0.44, 0.25), ceiling(-0.44, 0.0)];
        assert!((ceilings[0] - 0.312_77).abs() < 1e-4 && (ceilings[1] - 0.376_07).abs() < 1e-4);
        check_bandit([0.0; 5], ceilings);
    }

    #[test]
    fn the_authors_bias_keeps_separable_convolutions_at_their_highest_logit() {
        check_bandit([10.0, 10.0, 0.0, 0.0, 0.0], [ceiling(0.44, 0.25), ceiling(0.44, 0.0)]);
    }

    #[test]
    fn a_constant_reward_leaves_theta_as_it_is() {
        let mut learner = learner(&SMALL, [0.0; 5]);
        let before = theta(&learner);
        for index in 0..3 {
            let report = update(&mut learner, index, |_| 0.3).update.unwrap();
            assert_eq!((report.mean_advantage, report.grad_norm), (0.0, 0.0));
            assert!((report.baseline - 0.3).abs() < 1e-15, "{report:?}");
        }
        assert_eq!(theta(&learner), before);
        assert_eq!(learner.policy.version(), 3);
    }

    #[test]
    fn a_rollout_that_did_well_gets_more_probable_and_one_that_did_badly_less() {
        let start = learner(&SMALL, [0.0; 5]);
        let rollout = draw(&start, 1, 0).remove(0);
        let log_prob_after = |reward| {
            let mut state = start.state().unwrap();
            state.baseline = Some(0.5);
            let mut learner = Reinforce::from_state(&SMALL, script(), &state).unwrap();
            learner.learn(&[scored(rollout.clone(), reward)]).unwrap();
            let choices = [&rollout.choices[..]];
            learner.policy.outcomes(&script(), &choices)[0].log_prob
        };
        assert!(rollout.log_prob < log_prob_after(0.9));
        assert!(log_prob_after(0.1) < rollout.log_prob);
    }

    #[test]
    fn the_entropy_bonus_raises_the_entropy() {
        let config = PolicyConfig { entropy_weight: 1.0, ..SMALL };
        let mut learner = learner(&config, [0.5, -0.5, 1.0, 0.0, 0.0]);
        let entropies: Vec<f64> =
            (0..20).map(|index| update(&mut learner, index, |_| 0.5).mean_entropy).collect();
        assert!(entropies[0] + 0.1 < entropies[19], "{entropies:?}");
    }

    #[test]
    fn the_loss_is_the_mean_of_what_the_equation_says() {
        let outcome = |log_prob, entropy, link_kl| WalkOutcome { log_prob, entropy, link_kl };
        let weights = weights(&[0.5, -1.0], 0.1, 0.8);
        let terms = weights.iter().zip([outcome(-1.0, 3.0, 0.5), outcome(-2.0, 4.0, 0.25)]);
        let term = |(w, found): (&WalkOutcome, WalkOutcome)| {
            w.log_prob * found.log_prob + w.entropy * found.entropy + w.link_kl * found.link_kl
        };
        let loss: f64 = terms.map(term).sum();
        // (0.5·1 − 0.1·3 + 0.8·0.5 + −1·2 − 0.1·4 + 0.8·0.25) / 2
        assert!((loss + 0.8).abs() < 1e-15, "{loss}");
    }

    /// θ and the report after an update from one rollout with a reward of `reward`.
    fn update_clipped_to(clip_norm: f64, reward: f64) -> (Vec<f64>, UpdateReport) {
        let config = PolicyConfig { clip_norm, ..SMALL };
        let mut state = learner(&config, [0.0; 5]).state().unwrap();
        state.baseline = Some(0.0);
        let mut learner = Reinforce::from_state(&config, script(), &state).unwrap();
        let rollout = draw(&learner, 1, 0).remove(0);
        let report = learner.learn(&[scored(rollout, reward)]).unwrap();
        let values = learner.policy.snapshot().unwrap();
        let values = values.values().flat_map(|t| t.flatten_all().unwrap().to_vec1().unwrap());
        (values.collect(), report.update.unwrap())
    }

    #[test]
    fn a_gradient_above_the_limit_counts_by_its_direction_alone() {
        let (far, large) = update_clipped_to(0.01, 100.0);
        let (near, small) = update_clipped_to(0.01, 50.0);
        assert!((large.grad_norm / small.grad_norm - 2.0).abs() < 1e-9, "norms are told unclipped");
        assert!(0.01 < small.grad_norm);
        let largest =
            |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(largest(&far, &near) < 1e-12);
        let (free, _) = update_clipped_to(1e6, 100.0);
        assert!(1e-3 < largest(&far, &free), "the limit did nothing");
        let below = small.grad_norm * 1.001;
        assert_eq!(update_clipped_to(below, 50.0).0, update_clipped_to(1e6, 50.0).0);
    }

    #[test]
    fn a_stale_rollout_is_refused_and_changes_nothing() {
        let mut learner = learner(&SMALL, [0.0; 5]);
        let stale = draw(&learner, 1, 0).remove(0);
        update(&mut learner, 1, average_pools);
        let (before, baseline) = (theta(&learner), learner.state().unwrap().baseline);
        let mut all = vec![scored(draw(&learner, 1, 2).remove(0), 0.9)];
        all.push(scored(stale, 0.5));
        let err = learner.learn(&all).unwrap_err();
        assert!(matches!(err, SearchError::StaleRollout { drawn_by: 0, current: 1 }), "{err}");
        all[1].reward = f64::INFINITY;
        let err = learner.learn(&all).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteReward { position: 1, .. }), "{err}");
        assert!(matches!(learner.learn(&[]), Err(SearchError::NoRollouts)));
        assert_eq!((theta(&learner), learner.state().unwrap().baseline), (before, baseline));
    }

    #[test]
    fn a_gradient_that_is_not_finite_leaves_theta_as_it_was() {
        let mut learner = learner(&SMALL, [0.0; 5]);
        let before = theta(&learner);
        let rollouts = draw(&learner, 2, 0).into_iter().zip([-f64::MAX, f64::MAX]);
        let all: Vec<_> = rollouts.map(|(rollout, reward)| scored(rollout, reward)).collect();
        let err = learner.learn(&all).unwrap_err();
        assert!(matches!(err, SearchError::NonFiniteGradient { version: 0, .. }), "{err}");
        assert_eq!(theta(&learner), before);
        assert_eq!(learner.state().unwrap().baseline, None);
    }

    #[test]
    fn a_restored_learner_goes_on_bit_for_bit() {
        let config = PolicyConfig { beta1: 0.9, entropy_weight: 1e-3, ..SMALL };
        let mut unbroken = learner(&config, [0.0; 5]);
        (0..3).for_each(|index| _ = update(&mut unbroken, index, average_pools));
        let state = unbroken.state().unwrap();
        let mut restored = Reinforce::from_state(&config, script(), &state).unwrap();
        for index in 3..6 {
            let expected = update(&mut unbroken, index, average_pools);
            assert_eq!(update(&mut restored, index, average_pools), expected);
        }
        assert_eq!(theta(&restored), theta(&unbroken));
    }
}
