//! Drawing architectures on request: the same policy and request give the same rollouts,
//! whoever draws them and however early.
//!
//! ```text
//! places 1 2 3 4     ─ draw 4 ─►  m₁ m₂ m₃ m₄     two are over a limit: their places stay empty
//!          2   4     ─ draw 2 ─►     m₅    m₆     the generator goes on; and so forth
//! ```
//!
//! What is over a limit is drawn again before any weights see it, and nobody learns of it. So the
//! policy is sampled under the condition that what it draws is within the limits, and θ learns from
//! `∇log π(m; θ)` where `∇log π(m; θ) − ∇log P(within; θ)` is the gradient of that: the term that is
//! left out is the same for every rollout, so that it adds up to nothing where the baseline is the
//! mean reward. The log probability that a rollout tells is that of π without the condition.
//!
//! θ raises what it was shown, all of which was within the limits: a policy that grows sure of
//! itself draws more of it within them, not less.

use std::sync::Arc;

use crate::random::{Owner, generator};
use crate::search::fair::fair;
use crate::search::limit::Redrawn;
use crate::search::{Arm, Drawer, Policy, Sampled, SearchError, Task};
use crate::space::Arch;

/// Attempts at a place at most. Of uniform draws 1 in 50 or more are within the limits, by a look at
/// a thousand of them when the search starts: one place in 10⁸ is not filled by then, or in 10¹⁷.
const MAX_ATTEMPTS: usize = 2000;

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawRequest {
    /// Who draws.
    pub arm: Arm,
    /// How many.
    pub count: usize,
    /// The number of the draw: each has random numbers of its own.
    pub index: u64,
    /// Epochs that are finished, by which the bounds of the policy's logits go.
    pub epoch: u64,
    /// By which rule.
    pub rule: DrawRule,
}

/// By which rule is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawRule {
    /// As the arm draws: the policy as it is, or uniformly.
    OfArm,
    /// Uniformly, through the options of each choice in turns.
    Fair {
        /// The number of the first architecture among all that are drawn so; what is over a limit
        /// is drawn again without turns.
        first: u64,
    },
    /// As a policy that has learnt nothing draws in that epoch.
    AtStart,
}

/// What was drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// As many as were asked for, all within the limits.
    pub sampled: Vec<Sampled>,
    /// Those that were not.
    pub redrawn: Redrawn,
}

/// The architectures of a draw.
pub fn archs(drawn: &[Sampled]) -> Vec<Arch> {
    drawn.iter().map(|sampled| sampled.arch.clone()).collect()
}

/// Draws what `request` asks for; `drawer` is that of the policy's arm.
pub fn draw(
    drawer: &Drawer,
    task: &Task,
    seed: u64,
    request: DrawRequest,
) -> Result<Drawn, SearchError> {
    let script = task.space.script();
    let untrained;
    let (owner, drawer) = match (request.rule, request.arm, drawer) {
        (DrawRule::AtStart, _, Drawer::Policy(_)) => {
            let policy = Policy::new(&task.config.policy, &script, task.config.seed);
            untrained = Drawer::Policy(Arc::new(policy));
            (Owner::Untrained, &untrained)
        }
        (DrawRule::AtStart, ..) => (Owner::Untrained, &Drawer::Uniform),
        (_, Arm::Controller | Arm::Derive, drawer) => (Owner::Policy, drawer),
        // What somebody asks for is drawn by nobody, and by no policy.
        (_, Arm::Random | Arm::Injected, _) => (Owner::Uniform, &Drawer::Uniform),
    };
    let mut rng = generator(seed, owner, request.index);
    let mut places: Vec<Option<Sampled>> = vec![None; request.count];
    let mut redrawn = Redrawn::default();
    for attempt in 0..MAX_ATTEMPTS {
        let empty: Vec<_> = places.iter_mut().filter(|place| place.is_none()).collect();
        if empty.is_empty() {
            break;
        }
        let rollouts = match (drawer, request.rule) {
            (Drawer::Uniform, DrawRule::Fair { first }) if attempt == 0 => {
                fair(&script, empty.len(), first, seed)
            }
            _ => drawer.sample(&script, empty.len(), request.epoch, &mut rng)?,
        };
        for (place, rollout) in empty.into_iter().zip(rollouts) {
            let arch = task.space.arch(&rollout.choices)?;
            match task.budget.judge(&arch)? {
                Ok(cost_factor) => *place = Some(Sampled { rollout, arch, cost_factor }),
                Err(limit) => redrawn.count(limit),
            }
        }
    }
    let sampled: Option<Vec<_>> = places.into_iter().collect();
    let version = drawer.policy().map(Policy::version);
    let sampled = sampled.ok_or(SearchError::OverLimits { attempts: MAX_ATTEMPTS, version })?;
    Ok(Drawn { sampled, redrawn })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Dataset;
    use crate::engine::CpuExec;
    use crate::net::{LayerTimes, NetConfig};
    use crate::search::limit::Limit;
    use crate::search::{LimitsConfig, Score, SearchConfig};
    use crate::space::SpaceConfig;

    fn config(limits: LimitsConfig) -> SearchConfig {
        SearchConfig {
            space: SpaceConfig { nodes: 2, ..SpaceConfig::default() },
            net: NetConfig { channels: 2, ..NetConfig::default() },
            limits,
            ..SearchConfig::default()
        }
    }

    fn task(limits: LimitsConfig) -> Result<Task, SearchError> {
        let config = config(limits);
        let dataset = Dataset::load(&config.data, config.seed).unwrap();
        Task::new(config, dataset, Arc::new(CpuExec::new()))
    }

    fn params(most: u64, weight: f64) -> LimitsConfig {
        LimitsConfig { params: most, weight, ..LimitsConfig::default() }
    }

    /// What the policy, or nobody, draws of a request.
    fn drawn(task: &Task, arm: Arm, count: usize) -> Drawn {
        let policy = Policy::new(&task.config.policy, &task.space.script(), 3);
        let request = DrawRequest { arm, count, index: 8, epoch: 0, rule: DrawRule::OfArm };
        draw(&Drawer::Policy(Arc::new(policy)), task, 3, request).unwrap()
    }

    /// The parameters of the middle one of what is drawn without limits.
    fn median(task: &Task, drawn: &Drawn) -> u64 {
        let cost = |sampled: &Sampled| task.budget.cost(&sampled.arch).unwrap().params;
        let mut found: Vec<u64> = drawn.sampled.iter().map(cost).collect();
        found.sort_unstable();
        found[found.len() / 2]
    }

    #[test]
    fn limits_that_nothing_is_over_change_no_bit() {
        let (free, wide) =
            (task(LimitsConfig::default()).unwrap(), task(params(1 << 40, 0.0)).unwrap());
        for arm in Arm::ALL {
            let expected = drawn(&free, arm, 9);
            assert_eq!(expected.redrawn, Redrawn::default());
            assert_eq!(drawn(&wide, arm, 9), expected);
        }
    }

    #[test]
    fn what_is_over_a_limit_is_drawn_again_in_its_place_and_the_rest_stays() {
        let free = task(LimitsConfig::default()).unwrap();
        for arm in [Arm::Controller, Arm::Random, Arm::Derive] {
            let before = drawn(&free, arm, 40);
            let most = median(&free, &before);
            let task = task(params(most, 0.0)).unwrap();
            let found = drawn(&task, arm, 40);
            let mut over = 0;
            for (found, before) in found.sampled.iter().zip(&before.sampled) {
                assert!(task.budget.cost(&found.arch).unwrap().params <= most);
                if task.budget.cost(&before.arch).unwrap().params <= most {
                    assert_eq!(found, before);
                } else {
                    over += 1;
                }
            }
            let counted: Vec<_> = found.redrawn.iter().collect();
            assert!(0 < over && over <= counted[0].1, "{counted:?}");
            assert_eq!(counted[1..], [(Limit::MultiplyAdds, 0), (Limit::Milliseconds, 0)]);
            assert_eq!(drawn(&task, arm, 40), found, "it is a function of what is asked");
        }
    }

    #[test]
    fn an_architecture_at_the_limit_loses_the_weight_of_its_reward_and_a_cheaper_one_less() {
        let free = task(LimitsConfig::default()).unwrap();
        let most = median(&free, &drawn(&free, Arm::Random, 40));
        let task = task(params(most, 0.25)).unwrap();
        let Drawn { sampled, .. } = drawn(&task, Arm::Random, 40);
        let score = Score { nll: 10.0, correct: 8, items: 10 };
        let scored = task.objective.scored(sampled.clone(), vec![score; sampled.len()]);
        for scored in scored {
            let arch = &scored.sampled.arch;
            let share = task.budget.cost(arch).unwrap().params as f64 / most as f64;
            // The inverse of its nll of 1 loses the weight.
            let expected = (1.0 - 0.25 * share).ln();
            assert!((scored.reward - expected).abs() < 1e-12, "{} at {share}", scored.reward);
            assert!((0.75_f64.ln() - 1e-12..0.0).contains(&scored.reward));
            let again = task.reward(arch, score).unwrap();
            assert_eq!(again.to_bits(), scored.reward.to_bits());
        }
    }

    #[test]
    fn limits_that_leave_next_to_nothing_are_refused_with_what_there_is() {
        let err = task(params(10, 0.0)).unwrap_err();
        assert!(matches!(err, SearchError::Limits { within: 0, of: 1000, .. }), "{err}");
        let text = err.to_string();
        assert!(text.starts_with("0 of 1000 architectures drawn uniformly"), "{text}");
        assert!(text.contains("`limits.params` is 10, and a tenth of them have "), "{text}");
    }

    #[test]
    fn a_limit_of_time_takes_a_table_and_goes_by_it_alone() {
        let limits = LimitsConfig { milliseconds: 3.5, ..LimitsConfig::default() };
        let task = task(limits).unwrap();
        let (arm, rule) = (Arm::Random, DrawRule::OfArm);
        let request = DrawRequest { arm, count: 30, index: 8, epoch: 0, rule };
        let err = draw(&Drawer::Uniform, &task, 3, request).unwrap_err();
        assert!(matches!(err, SearchError::NoTimes), "{err}");
        // Separable convolutions take a quarter of a millisecond each, all else takes nothing.
        let mut times = LayerTimes::default();
        for sampled in drawn(&self::task(LimitsConfig::default()).unwrap(), Arm::Random, 99).sampled
        {
            for layer in task.family.standalone(&sampled.arch).unwrap().layers {
                let is_conv = layer.path.contains("sep_conv");
                times.set(&layer, if is_conv { 250_000 } else { 0 }, 0);
            }
        }
        let task = task.timed(times).unwrap();
        let found = draw(&Drawer::Uniform, &task, 3, request).unwrap();
        for sampled in &found.sampled {
            assert!(task.budget.cost(&sampled.arch).unwrap().milliseconds.unwrap() <= 3.5);
        }
        let (_, redrawn) = found.redrawn.iter().last().unwrap();
        assert!(0 < redrawn, "{found:?}");
    }
}
