//! The size of a net.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::net::StateOf;
use crate::setting::{CELLS, WORDS, above, below, from, one_of, search, settings, size};

/// Normal cells of a micro net.
pub(super) const LAYERS: RangeInclusive<usize> = 1..=40;

/// Channels of the first cells or layers, or features of a state.
pub(super) const CHANNELS: RangeInclusive<usize> = 1..=2048;

/// What has weights of its own in a micro net with shared weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WeightsOf {
    /// Every operation of every pair of nodes (ENAS, section 2.4).
    #[default]
    Edge,
    /// Every operation of a node, wherever it reads from, as in the net that stands alone.
    Operation,
}

/// How micro nets with shared weights are built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharedForm {
    /// Planes are halved before a reduction cell, and a 1×1 convolution narrows the loose ends of
    /// each cell (the search of ENAS).
    #[default]
    Shared,
    /// As the net that stands alone: the operations of a reduction cell that read its inputs halve
    /// planes, one more 1×1 convolution reads the second input of each cell, and what comes after
    /// a cell reads its nodes by themselves.
    StandAlone,
}

/// Choices of which copies of ω may be kept.
pub(super) const SPLIT_BY: RangeInclusive<usize> = 0..=400;

settings! {
    /// How wide the nets are, and how they are regularized.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct NetConfig in net {
        /// Normal cells of micro nets and NASNet's; two reduction cells come on top (the authors'
        /// `num_layers`).
        pub layers: usize = 1 => search(size(LAYERS)).only_of(CELLS);
        /// Channels of the first cells or layers; each reduction of a micro net doubles them, and
        /// of a whole net that stands alone. Of NAS's nets, what 36 filters become, and others in
        /// proportion. Of a net of words, the features of a word and of a state.
        pub channels: usize = 4 => search(size(CHANNELS));
        /// Share of activations kept by the dropout before the classifier, or the softmax.
        pub dropout_keep: f64 = 0.9 => search(above(0.0, 1.0));
        /// Weight of the loss of the auxiliary head of nets of cells; 0 leaves the head out.
        pub aux_weight: f64 = 0.4 => search(from(0.0, 10.0)).only_of(CELLS);
        /// What has weights of its own where they are shared.
        pub weights_of: WeightsOf = WeightsOf::Edge
            => search(one_of(&["edge", "operation"])).before("\"edge\"").only_of(&["micro"]);
        /// How they are built where weights are shared.
        pub shared_form: SharedForm = SharedForm::Shared
            => search(one_of(&["shared", "stand-alone"])).before("\"shared\"").only_of(&["micro"]);
        /// The choice of an architecture, counted from 1, each option of which has a copy of ω of
        /// its own (few-shot NAS, Zhao et al., 2021): as many times the memory, and fewer children
        /// share. 0 for one ω.
        pub split_by: usize = 0 => search(size(SPLIT_BY)).before("0");
        /// What the state of a recurrent cell is: the mean of its loose ends, or of all nodes, as
        /// the authors search.
        pub state_of: StateOf = StateOf::LooseEnds
            => search(one_of(&["loose-ends", "all"])).before("\"loose-ends\"")
                .only_of(&["recurrent"]);
        /// Share of the words of the vocabulary that a window's training does without.
        pub drop_words: f64 = 0.0 => search(below(0.0, 1.0)).before("0.0").only_of(WORDS);
        /// Share of the embedding's features, for all words alike.
        pub drop_embedding: f64 = 0.0 => search(below(0.0, 1.0)).before("0.0").only_of(WORDS);
        /// Share of a word's features that its cell does not see, besides.
        pub drop_input: f64 = 0.0 => search(below(0.0, 1.0)).before("0.0").only_of(WORDS);
        /// Share of the features of states that nodes do not see.
        pub drop_state: f64 = 0.0 => search(below(0.0, 1.0)).before("0.0").only_of(WORDS);
        /// Share of the cell's weights, but for those that read words.
        pub drop_weights: f64 = 0.0 => search(below(0.0, 1.0)).before("0.0").only_of(WORDS);
        /// Weight, in the loss, of the mean square of the states, α.
        pub activation_weight: f64 = 0.0 => search(from(0.0, 100.0)).before("0.0").only_of(WORDS);
        /// Weight, in the loss, of the mean square of the difference of two states in a row, β.
        pub slowness_weight: f64 = 0.0 => search(from(0.0, 100.0)).before("0.0").only_of(WORDS);
    }
}
