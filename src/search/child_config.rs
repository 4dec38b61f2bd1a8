//! How the children of a search are trained from scratch, and by whose gradients θ learns from them.

use crate::setting::{above, from, search, settings, size, whole};

settings! {
    /// How children are trained from scratch where `score.estimator` is `stand-alone` (NAS, Zoph and
    /// Le, 2016, sections 3.1 and 4.1).
    ///
    /// Their nets have the sizes of `[net]`, their optimizer the settings of `[shared]`, and they see
    /// the training data in batches of `schedule.batch_size`, cropped and mirrored as `[data]` has it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct ChildConfig in trial {
        /// Replicas of the policy, K, each with a copy of θ of its own from which it draws
        /// `schedule.rollouts_per_step` children; θ learns from a replica's as soon as all of them
        /// are trained, whatever it has learnt since they were drawn.
        pub replicas: usize = 1 => search(size(1..=1000)).before("1");
        /// Layers of the first children; two are added every `growth_children`, up to
        /// `space.layers` (section 4.1). 0 where all have as many as that.
        pub first_layers: usize = 0 => search(size(0..=22)).before("0").only_of(&["nas_cnn"]);
        /// Children of the policy, as they are drawn, after which nets grow.
        pub growth_children: u64 = 1600 => search(whole(1..=1_000_000)).before("1600")
            .only_of(&["nas_cnn"]);
        /// Updates that θ may have had since children were drawn from which it is to learn; older ones
        /// are refused, and counted.
        pub max_age: u64 = 100 => search(whole(0..=1_000_000)).before("100");
        /// Passes over the training split.
        pub epochs: u64 = 8 => search(whole(1..=100_000)).before("8");
        /// Seconds of training after which a child has failed; 0 for no limit.
        pub seconds: f64 = 0.0 => search(from(0.0, 1e7)).before("0.0");
        /// Mebibytes that the weights and activations of one child's training may take, by the sizes
        /// of its tensors; one that takes more has failed. 0 for no limit.
        pub memory_mib: u64 = 0 => search(whole(0..=10_000_000)).before("0");
        /// Of so many last epochs the best on the validation split is a child's score.
        pub best_of: u64 = 5 => search(whole(1..=100_000)).before("5");
        /// The reward is that of the score to this power, with its sign.
        pub power: f64 = 1.0 => search(above(0.0, 10.0)).before("1.0");
        /// What a child is worth that failed; at least what the worst that did not is worth.
        pub failed_reward: f64 = -1000.0 => search(from(-1000.0, 1000.0)).before("-1000.0");
    }
}

/// Layers that nets grow by.
const GROWTH: usize = 2;

impl ChildConfig {
    /// Layers of what is drawn once the policy has drawn so many, where all in the end have `last`.
    pub(super) fn layers(&self, drawn: u64, last: usize) -> usize {
        if self.first_layers == 0 {
            return last;
        }
        let growths = (drawn / self.growth_children) as usize;
        growths.saturating_mul(GROWTH).saturating_add(self.first_layers).min(last)
    }

    /// A reward to the power, with its sign.
    pub fn powered(&self, reward: f64) -> f64 {
        reward.signum() * reward.abs().powf(self.power)
    }
}
