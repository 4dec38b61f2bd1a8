//! The policy π(m; θ): a one-layer LSTM that answers any script, one decision after the other.
//!
//! `walk.rs` has its equations. θ is computed in f64 and on the CPU, whatever the children run on:
//! it is tiny (41,733 numbers at 64 hidden units), so precision costs nothing that shows beside a
//! child, the published numbers can be met to 10⁻⁸ by the code that runs in production, and a
//! rollout does not depend on the accelerator.
//!
//! | Parameter | Shape | At first |
//! |---|---|---|
//! | `lstm.weight` | `(2h, 4h)` | U(−0.1, 0.1) |
//! | `start.embedding` | `(h)` | U(−0.1, 0.1) |
//! | `op.embedding` | `(ops, h)` | U(−0.1, 0.1) |
//! | `op.weight` | `(h, ops)` | U(−0.1, 0.1) |
//! | `attention.w1`, `attention.w2` | `(h, h)` | U(−0.1, 0.1) |
//! | `attention.v` | `(h)` | U(−0.1, 0.1) |
//! | `op.bias` | `(ops)` | 10 for separable convolutions, else 0 |
//!
//! The bias is the authors'. It saturates the tanh, so its gradient is next to nothing and the
//! preference for separable convolutions stays.

use candle_core::{DType, Device, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::engine::{Params, Snapshot};
use crate::random::{Owner, generator};
use crate::search::walk::{Bounds, Theta, walk};
use crate::search::{OpProbabilities, PolicyConfig, Rollout, SearchError};
use crate::space::{Choice, Op, Script, Step};

/// The initial values of the operation bias, in the order of [`Op::ALL`].
const INITIAL_OP_BIAS: [f64; Op::ALL.len()] = [10.0, 10.0, 0.0, 0.0, 0.0];

/// All other parameters start between minus this and this.
const INITIAL_RANGE: f64 = 0.1;

const OP_BIAS: &str = "op.bias";

/// The policy π(m; θ).
#[derive(Clone, Debug)]
pub struct Policy {
    /// Invariant: f64 on the CPU, the names and shapes of [`shapes`].
    params: Params,
    bounds: Bounds,
    version: u64,
}

impl Policy {
    /// Version 0, whose parameters are a function of the run's `seed`.
    pub fn new(config: &PolicyConfig, seed: u64) -> Result<Self, SearchError> {
        let mut rng = generator(seed, Owner::PolicyInit, 0);
        let mut theta = Snapshot::new();
        for (name, shape) in shapes(config.hidden) {
            let mut uniform = || INITIAL_RANGE * (2.0 * rng.random::<f64>() - 1.0);
            let values: Vec<f64> = match name {
                OP_BIAS => INITIAL_OP_BIAS.to_vec(),
                _ => (0..shape.iter().product()).map(|_| uniform()).collect(),
            };
            theta.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu)?);
        }
        Self::from_snapshot(config, &theta, 0)
    }

    /// The policy with the parameters `theta`, which has had `version` updates.
    pub fn from_snapshot(
        config: &PolicyConfig,
        theta: &Snapshot,
        version: u64,
    ) -> Result<Self, SearchError> {
        let shapes = shapes(config.hidden);
        for (name, expected) in &shapes {
            let found = theta.get(*name).ok_or(SearchError::MissingParameter { name })?;
            if found.dims() != expected || found.dtype() != DType::F64 {
                return Err(SearchError::ParameterShape {
                    name,
                    found_dtype: found.dtype().as_str(),
                    found: found.dims().to_vec(),
                    expected: expected.clone(),
                });
            }
        }
        if let Some(name) = theta.keys().find(|name| shapes.iter().all(|(known, _)| known != name))
        {
            return Err(SearchError::UnknownParameter { name: name.clone() });
        }
        let bounds = Bounds {
            temperature: config.temperature,
            point: config.tanh_constant,
            pick: config.tanh_constant / config.op_tanh_reduction,
        };
        Ok(Self { params: Params::from_tensors(theta, &Device::Cpu)?, bounds, version })
    }

    /// A deep copy of θ.
    pub fn snapshot(&self) -> Result<Snapshot, SearchError> {
        Ok(self.params.snapshot()?)
    }

    /// How many updates θ has had.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// θ.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Says that θ has been updated.
    pub(super) fn advance_version(&mut self) {
        self.version += 1;
    }

    /// Draws `n` rollouts m ~ π(m; θ).
    ///
    /// Each decision of the script in turn takes one number from `rng` for each rollout in turn,
    /// so the result is a function of θ, of `n` and of `rng`.
    pub fn sample(
        &self,
        script: &Script,
        n: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Rollout>, SearchError> {
        if n == 0 {
            return Ok(Vec::new());
        }
        let (mut choices, mut picks) = (vec![Vec::new(); n], vec![Vec::new(); n]);
        let theta = Theta::detached(&self.params)?;
        let outcome = walk(&theta, self.bounds, script, n, &mut |step, log_probs| {
            let mut chosen = Vec::with_capacity(n);
            for (rollout, log_probs) in log_probs.to_vec2::<f64>()?.into_iter().enumerate() {
                let probs = self.probabilities(&log_probs)?;
                let choice = invert(&probs, rng.random());
                chosen.push(choice);
                choices[rollout].push(choice);
                if let Step::Pick { cell } = step {
                    picks[rollout].push((cell, probs));
                }
            }
            Ok(chosen)
        })?;
        let log_probs = outcome.log_prob.to_vec1::<f64>()?;
        let entropies = outcome.entropy.to_vec1::<f64>()?;
        let rollouts = choices.into_iter().zip(picks).zip(log_probs.into_iter().zip(entropies));
        let rollouts = rollouts.map(|((choices, picks), (log_prob, entropy))| Rollout {
            choices,
            log_prob,
            entropy,
            policy_version: self.version,
            op_probabilities: OpProbabilities::from_picks(&picks),
        });
        Ok(rollouts.collect())
    }

    /// log π and the entropy in nats of n rollouts, each `(n)` and differentiable with respect
    /// to θ.
    pub fn log_prob_and_entropy(
        &self,
        script: &Script,
        choices: &[&[Choice]],
    ) -> Result<(Tensor, Tensor), SearchError> {
        if choices.is_empty() {
            return Err(SearchError::NoRollouts);
        }
        for choices in choices {
            script.check(choices)?;
        }
        let theta = Theta::tracked(&self.params)?;
        let mut decision = 0;
        let outcome = walk(&theta, self.bounds, script, choices.len(), &mut |_, _| {
            decision += 1;
            Ok(choices.iter().map(|choices| choices[decision - 1]).collect())
        })?;
        Ok((outcome.log_prob, outcome.entropy))
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

/// The names and shapes of θ, in the order in which initial values are drawn.
fn shapes(hidden: usize) -> [(&'static str, Vec<usize>); 8] {
    let ops = Op::ALL.len();
    [
        ("lstm.weight", vec![2 * hidden, 4 * hidden]),
        ("start.embedding", vec![hidden]),
        ("op.embedding", vec![ops, hidden]),
        ("op.weight", vec![hidden, ops]),
        ("attention.w1", vec![hidden, hidden]),
        ("attention.w2", vec![hidden, hidden]),
        ("attention.v", vec![hidden]),
        (OP_BIAS, vec![ops]),
    ]
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
mod tests {
    use super::*;
    use crate::space::{CellKind, MicroSpace};

    const SMALL: usize = 8;

    fn config(hidden: usize) -> PolicyConfig {
        PolicyConfig { hidden, ..PolicyConfig::default() }
    }

    fn policy(hidden: usize) -> Policy {
        Policy::new(&config(hidden), 1).unwrap()
    }

    fn script(n_nodes: usize) -> Script {
        MicroSpace::new(n_nodes).unwrap().script()
    }

    fn sample(policy: &Policy, n: usize, index: u64) -> Vec<Rollout> {
        policy.sample(&script(5), n, &mut generator(1, Owner::Policy, index)).unwrap()
    }

    fn values(theta: &Snapshot, name: &str) -> Vec<f64> {
        theta[name].flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_micro_policy_has_the_published_number_of_parameters() {
        let theta = policy(64).snapshot().unwrap();
        assert_eq!(theta.values().map(Tensor::elem_count).sum::<usize>(), 41_733);
    }

    #[test]
    fn initial_values_are_uniform_and_a_function_of_the_seed() {
        let theta = policy(64).snapshot().unwrap();
        assert_eq!(values(&theta, "op.bias"), INITIAL_OP_BIAS);
        let lstm = values(&theta, "lstm.weight");
        assert!(lstm.iter().all(|value| value.abs() <= 0.1));
        let variance = lstm.iter().map(|value| value * value).sum::<f64>() / lstm.len() as f64;
        assert!((variance / (0.2 * 0.2 / 12.0) - 1.0).abs() < 0.05, "{variance}");
        let mean = lstm.iter().sum::<f64>() / lstm.len() as f64;
        assert!(mean.abs() < 0.002, "{mean}");
        assert_ne!(values(&theta, "attention.w1"), values(&theta, "attention.w2"));
        let with_seed = |seed| Policy::new(&config(64), seed).unwrap().snapshot().unwrap();
        assert_eq!(values(&with_seed(1), "lstm.weight"), lstm);
        assert_ne!(values(&with_seed(2), "lstm.weight"), lstm);
    }

    #[test]
    fn the_same_generator_draws_the_same_rollouts_and_another_others() {
        let policy = policy(SMALL);
        assert_eq!(sample(&policy, 5, 3), sample(&policy, 5, 3));
        assert_ne!(sample(&policy, 5, 3), sample(&policy, 5, 4));
        assert_eq!(sample(&policy, 0, 3), []);
    }

    #[test]
    fn what_sampling_says_of_a_rollout_is_what_teacher_forcing_says() {
        let policy = policy(64);
        let rollouts = sample(&policy, 7, 0);
        let choices: Vec<_> = rollouts.iter().map(|r| &r.choices[..]).collect();
        let (log_prob, entropy) = policy.log_prob_and_entropy(&script(5), &choices).unwrap();
        let (log_prob, entropy) = (log_prob.to_vec1().unwrap(), entropy.to_vec1().unwrap());
        for (idx, rollout) in rollouts.iter().enumerate() {
            let (log_prob, entropy): (f64, f64) = (log_prob[idx], entropy[idx]);
            assert!((rollout.log_prob - log_prob).abs() < 1e-12);
            assert!((rollout.entropy - entropy).abs() < 1e-12);
            assert_eq!(rollout.policy_version, 0);
        }
    }

    #[test]
    fn operations_are_drawn_as_often_as_their_probabilities_say() {
        let (policy, n) = (policy(SMALL), 4000);
        let rollouts = policy.sample(&script(2), n, &mut generator(1, Owner::Policy, 0)).unwrap();
        let probabilities = OpProbabilities::mean(&rollouts);
        // Choices 2, 3, 6 and 7 of a cell of two nodes are operations, and a cell has 8.
        for (cell, first) in [(CellKind::Normal, 0), (CellKind::Reduction, 8)] {
            for op in Op::ALL {
                let is_op =
                    |place: &usize, r: &Rollout| r.choices[first + place] as usize == op.idx();
                let hits =
                    rollouts.iter().map(|r| [2, 3, 6, 7].iter().filter(|p| is_op(p, r)).count());
                let frequency = hits.sum::<usize>() as f64 / (4 * n) as f64;
                let p = probabilities.get(cell, op);
                let deviation = (p * (1.0 - p) / (4 * n) as f64).sqrt();
                let off = (frequency - p) / deviation;
                assert!(off.abs() < 4.0, "{cell} {op}: {frequency} against {p}, {off} sigma");
            }
        }
    }

    #[test]
    fn nodes_are_drawn_as_often_as_their_probabilities_say() {
        // Without a bound the first decision is far from uniform once `attention.v` is large.
        let config = PolicyConfig { tanh_constant: 3.0, ..config(SMALL) };
        let mut theta = policy(SMALL).snapshot().unwrap();
        for value in theta.values_mut() {
            *value = (&*value * 20.0).unwrap();
        }
        let (policy, n) = (Policy::from_snapshot(&config, &theta, 0).unwrap(), 4000);
        let rollouts = policy.sample(&script(2), n, &mut generator(1, Owner::Policy, 0)).unwrap();
        let first = Script(script(2).steps()[..2].to_vec());
        let (log_prob, _) = policy.log_prob_and_entropy(&first, &[&[0], &[1]]).unwrap();
        let p = log_prob.to_vec1::<f64>().unwrap()[0].exp();
        assert!((p - 0.5).abs() > 0.05, "{p} shows nothing");
        let hits = rollouts.iter().filter(|r| r.choices[0] == 0).count();
        let off = (hits as f64 / n as f64 - p) / (p * (1.0 - p) / n as f64).sqrt();
        assert!(off.abs() < 4.0, "{hits} of {n} against {p}, {off} sigma");
    }

    #[test]
    fn a_number_falls_into_the_option_that_covers_it() {
        let check = |uniform, expected| assert_eq!(invert(&[0.25, 0.5, 0.25], uniform), expected);
        check(0.0, 0);
        check(0.25, 1);
        check(0.7499, 1);
        check(0.75, 2);
        assert_eq!(invert(&[0.5, 0.499_999], 0.999_999_9), 1);
    }

    #[test]
    fn a_spoilt_theta_is_refused() {
        let mut theta = policy(SMALL).snapshot().unwrap();
        let nan = (&theta["attention.v"] * f64::NAN).unwrap();
        theta.insert("attention.v".to_owned(), nan);
        let policy = Policy::from_snapshot(&config(SMALL), &theta, 9).unwrap();
        let err = policy.sample(&script(2), 1, &mut generator(1, Owner::Policy, 0)).unwrap_err();
        assert!(matches!(err, SearchError::NonFinitePolicy { version: 9, .. }), "{err}");
    }

    #[test]
    fn a_snapshot_reads_back_and_one_that_does_not_fit_is_refused() {
        let theta = policy(SMALL).snapshot().unwrap();
        let again = Policy::from_snapshot(&config(SMALL), &theta, 4).unwrap();
        assert_eq!(again.version(), 4);
        let same = |r: &Rollout| Rollout { policy_version: 0, ..r.clone() };
        let drawn: Vec<_> = sample(&again, 3, 0).iter().map(same).collect();
        assert_eq!(drawn, sample(&policy(SMALL), 3, 0));

        let check = |hidden, change: &dyn Fn(&mut Snapshot), expected: &str| {
            let mut theta = theta.clone();
            change(&mut theta);
            let err = Policy::from_snapshot(&config(hidden), &theta, 0).unwrap_err().to_string();
            assert!(err.contains(expected), "{err}");
        };
        check(SMALL, &|theta| _ = theta.remove("op.bias"), "no parameter `op.bias`");
        let f32s = theta["op.bias"].to_dtype(DType::F32).unwrap();
        check(SMALL, &|theta| _ = theta.insert("x".to_owned(), f32s.clone()), "parameter `x`");
        check(SMALL, &|theta| _ = theta.insert("op.bias".to_owned(), f32s.clone()), "is f32 [5]");
        check(16, &|_| {}, "f64 [16, 32], expected f64 [32, 64]");
    }

    #[test]
    fn choices_that_do_not_answer_the_script_are_refused() {
        let policy = policy(SMALL);
        let check = |choices: &[&[Choice]], expected: &str| {
            let err = policy.log_prob_and_entropy(&script(2), choices).unwrap_err();
            assert_eq!(format!("{err:?}"), expected);
        };
        check(&[], "NoRollouts");
        check(&[&[0; 16], &[0; 15]], "Space(ChoiceCount { found: 15, expected: 16 })");
        let mut forward = [0; 16];
        forward[4] = 3;
        check(&[&forward], "Space(ChoiceRange { position: 4, found: 3, options: 3 })");
    }
}
