//! How the best architectures are trained from scratch.

use crate::data::{Batching, BatchingKeys};
use crate::engine::SgdConfig;
use crate::net::{NetConfig, StateOf};
use crate::setting::{
    CELLS, IMAGES, Rule, WORDS, above, below, from, one_of, operation, settings, size, whole,
};

settings! {
    /// How the best architectures of a cycle are trained from scratch as nets that stand alone,
    /// chosen by validation, and certified on the test split (ENAS, section 2.2, at the end).
    ///
    /// No step of ω or θ depends on these settings: a promotion that is under way keeps those that
    /// it began with.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct FinalConfig in final {
        /// Architectures of the policy's that are retrained at the end of each cycle, and as many
        /// of uniform draws that are chosen by the same rule; 0 for none.
        pub candidates: usize = 1 => operation(size(0..=100));
        /// Architectures of each arm that are trained for the first period of the learning rate alone,
        /// of which the best third goes on for the next, and so on, until `candidates` are trained
        /// to the end; at most `derive.rerank`. 0 to train `candidates` at once.
        pub first: usize = 0 => operation(size(0..=1000));
        /// Nets of each architecture, trained with different seeds: what one seed gives is luck.
        pub seeds: usize = 2 => operation(size(1..=20));
        /// Passes over the training split.
        pub epochs: u64 = 8 => operation(whole(1..=100_000));
        /// Images in a training batch, or rows of text.
        pub batch_size: usize = 64 => operation(size(1..=8192));
        /// Words of a window of text.
        pub bptt: usize = 35 => operation(size(1..=1000)).only_of(WORDS);
        /// Normal cells of micro nets and NASNet's; two reduction cells come on top.
        pub layers: usize = 1 => operation(size(1..=40)).only_of(CELLS);
        /// Channels of the first cells or layers; of NAS's nets, what 36 filters become; of a net of
        /// words, the features of a state.
        pub channels: usize = 8 => operation(size(1..=2048));
        /// Share of activations kept by the dropout before the classifier, or the softmax.
        pub dropout_keep: f64 = 0.9 => operation(above(0.0, 1.0));
        /// Weight of the loss of the auxiliary head of nets of cells; 0 leaves the head out.
        pub aux_weight: f64 = 0.0 => operation(from(0.0, 10.0)).only_of(CELLS);
        /// Share of the paths of nets of cells that drop-path keeps at the last cell, once training
        /// ends; 1 drops none.
        pub drop_path_keep: f64 = 1.0 => operation(above(0.0, 1.0)).only_of(CELLS);
        /// What the state of a recurrent cell is: the mean of its loose ends, or of all nodes.
        pub state_of: StateOf = StateOf::LooseEnds
            => operation(one_of(&["loose-ends", "all"])).only_of(&["recurrent"]);
        /// Share of the words of the vocabulary that a window's training does without.
        pub drop_words: f64 = 0.0 => operation(below(0.0, 1.0)).only_of(WORDS);
        /// Share of the embedding's features, for all words alike.
        pub drop_embedding: f64 = 0.0 => operation(below(0.0, 1.0)).only_of(WORDS);
        /// Share of a word's features that its cell does not see, besides.
        pub drop_input: f64 = 0.0 => operation(below(0.0, 1.0)).only_of(WORDS);
        /// Share of the features of states that nodes do not see.
        pub drop_state: f64 = 0.0 => operation(below(0.0, 1.0)).only_of(WORDS);
        /// Share of the cell's weights, but for those that read words.
        pub drop_weights: f64 = 0.0 => operation(below(0.0, 1.0)).only_of(WORDS);
        /// Weight, in the loss, of the mean square of the states, α.
        pub activation_weight: f64 = 0.0 => operation(from(0.0, 100.0)).only_of(WORDS);
        /// Weight, in the loss, of the mean square of the difference of two states in a row, β.
        pub slowness_weight: f64 = 0.0 => operation(from(0.0, 100.0)).only_of(WORDS);
        /// Epochs without a lower cross-entropy on the validation split after which weights are
        /// averaged, and the averages shipped (nt-ASGD); 0 for none.
        pub average_patience: u64 = 0 => operation(whole(0..=100_000)).only_of(WORDS);
        /// Learning rate at the start of a period.
        pub learning_rate_max: f64 = 0.1 => operation(above(0.0, 100.0));
        /// Learning rate at the end of a period, at most that at its start.
        pub learning_rate_min: f64 = 0.0 => operation(from(0.0, 100.0));
        /// Epochs of the first period; 0 for one period over all epochs.
        pub learning_rate_period: u64 = 0 => operation(whole(0..=100_000));
        /// Each period is this many times the one before.
        pub learning_rate_period_factor: u64 = 2 => operation(whole(1..=100));
        /// Whether the learning rate falls with every step, and not with every epoch as the authors'
        /// does, whose short trainings end at a high one.
        pub smooth: bool = true => operation(Rule::Switch);
        /// Momentum of Nesterov's rule.
        pub momentum: f64 = 0.9 => operation(below(0.0, 1.0));
        /// `w` times this is added to each gradient.
        pub weight_decay: f64 = 2e-4 => operation(from(0.0, 1.0));
        /// The norm of all of a step's gradients together is clipped to this.
        pub clip_norm: f64 = 5.0 => operation(above(0.0, 1e6));
        /// Zero pixels around an image before a random crop to its size; 0 for no crop.
        pub crop_padding: usize = 2 => operation(size(0..=64)).only_of(IMAGES);
        /// Whether half of the images are mirrored.
        pub flip: bool = true => operation(Rule::Switch).only_of(IMAGES);
        /// Side in pixels of the square, centered at random, that is blanked; 0 for none.
        pub cutout: usize = 0 => operation(size(0..=256)).only_of(IMAGES);
        /// Whether candidates are chosen by a forecast from all that were retrained here, once that
        /// is known to say more than shared scores.
        pub forecast: bool = true => operation(Rule::Switch);
        /// Of each cycle's uniform draws so many, from the worst to the best, are retrained beside
        /// the search by what of the machine is otherwise idle: only to see whether shared scores
        /// order architectures as retraining does. 0 for none.
        pub sample: usize = 0 => operation(size(0..=100));
        /// Champions whose files are kept.
        pub keep: usize = 5 => operation(size(1..=1000));
    }
}

impl FinalConfig {
    /// The size of the nets.
    pub fn net(&self) -> NetConfig {
        NetConfig {
            layers: self.layers,
            channels: self.channels,
            dropout_keep: self.dropout_keep,
            aux_weight: self.aux_weight,
            state_of: self.state_of,
            drop_words: self.drop_words,
            drop_embedding: self.drop_embedding,
            drop_input: self.drop_input,
            drop_state: self.drop_state,
            drop_weights: self.drop_weights,
            activation_weight: self.activation_weight,
            slowness_weight: self.slowness_weight,
            ..NetConfig::default()
        }
    }

    /// How their parameters are trained.
    pub const fn sgd(&self) -> SgdConfig {
        let period = self.learning_rate_period;
        SgdConfig {
            learning_rate_max: self.learning_rate_max,
            learning_rate_min: self.learning_rate_min,
            learning_rate_period: if period == 0 { self.epochs } else { period },
            learning_rate_period_factor: self.learning_rate_period_factor,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            clip_norm: self.clip_norm,
        }
    }

    /// How they see the training data.
    pub const fn batching(&self) -> Batching {
        let keys = BatchingKeys {
            batch_size: "final.batch_size",
            bptt: "final.bptt",
            crop_padding: "final.crop_padding",
            cutout: "final.cutout",
        };
        let &Self { batch_size, bptt, crop_padding, flip, cutout, .. } = self;
        Batching { keys, batch_size, bptt, crop_padding, flip, cutout }
    }

    /// Whether nets are trained alike with both: what else differs says how many, and what is kept.
    pub fn trains_as(&self, other: &Self) -> bool {
        let Self { candidates, first, seeds, forecast, sample, keep, .. } = *self;
        *self == Self { candidates, first, seeds, forecast, sample, keep, ..*other }
    }
}
