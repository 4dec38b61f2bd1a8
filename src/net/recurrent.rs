//! Nets of words (ENAS, section 2.1, in the form of `enas_lm`): an embedding, a recurrent cell
//! unrolled over the text, and a softmax that is tied to the embedding.
//!
//! ```text
//! x_t        row of the word in E, of which training drops whole words and whole features
//! node 0     [h | t] = [x_t, h_{t−1}]·W₀                s₀ = h_{t−1} + σ(t)·(tanh h − h_{t−1})
//! node i     [h | t] = s_p·W_i                          s_i = s_p + σ(t)·(act h − s_p)
//! h_t        the mean of the nodes that no other reads, or of all but node 0
//! logits     h_t·Eᵀ
//! ```
//!
//! Shared weights have a W for each node, activation and earlier node; the net that stands alone one
//! for each node. Masks of dropout stay the same from the first word of a window to the last.
//!
//! Departure from `enas_lm`: each shared W has a mask of its own where weights are dropped, and not
//! all of a node one. The authors' first program, which they declared wrong, normalized by the batch.

use std::collections::BTreeMap;

use crate::net::config::CHANNELS;
use crate::net::graph::Builder;
use crate::net::{
    CellNode, Input, LayerKind, Net, NetConfig, NetError, NetFamily, Norm, ParamSpec,
    RecurrentCell, Shape, StateOf, TreeCell, WordCell,
};
use crate::space::{Activation, Arch, Recurrent, RecurrentNode, Space};

/// As many words as a vocabulary may have.
const MAX_VOCABULARY: usize = 1_000_000;

/// Sizes and regularization of a net of words: shares that are dropped, 0 to 1, and weights of
/// penalties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WordNetSize {
    /// Words of the vocabulary.
    pub vocabulary: usize,
    /// Features of a word and of a state, H.
    pub hidden: usize,
    /// Of words, of which no row of the batch sees any.
    pub drop_words: f64,
    /// Of features of the embedding.
    pub drop_embedding: f64,
    /// Of features that node 0 reads of the embedding, besides.
    pub drop_input: f64,
    /// Of features that nodes read of states.
    pub drop_state: f64,
    /// Of weights of the cell, but for those that read words.
    pub drop_weights: f64,
    /// Of features of a state that the softmax reads.
    pub drop_output: f64,
    /// α: of the mean square of the states.
    pub activation_weight: f64,
    /// β: of the mean square of the difference of two states in a row.
    pub slowness_weight: f64,
}

/// A family of nets of words: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WordFamily {
    space: Recurrent,
    size: WordNetSize,
    state_of: StateOf,
}

impl WordFamily {
    /// The nets of `space` for `input`.
    pub(super) fn new(space: Recurrent, config: NetConfig, input: Input) -> Result<Self, NetError> {
        let size = WordNetSize::checked(Space::Recurrent(space), &config, input)?;
        Ok(Self { space, size, state_of: config.state_of })
    }

    /// Refuses an architecture of another space.
    fn check(&self, arch: &Arch) -> Result<(), NetError> {
        let (found, expected) = (arch.space(), Space::Recurrent(self.space));
        if found == expected { Ok(()) } else { Err(NetError::Space { found, expected }) }
    }
}

impl NetFamily for WordFamily {
    fn input(&self) -> Input {
        Input::Words { vocabulary: self.size.vocabulary }
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        self.check(arch)?;
        self.size.shared(arch, self.state_of)
    }

    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        self.check(arch)?;
        self.size.standalone(arch, self.state_of)
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        self.size.shared_params(self.space)
    }
}

/// The name of the weights of a node with shared weights.
fn shared_path(number: usize, RecurrentNode { from, activation }: RecurrentNode) -> String {
    format!("cell.node{number}.{activation}.from{from}")
}

impl WordNetSize {
    /// As `config` says, once nets of `space` of that size can read `input`.
    pub(super) fn checked(
        space: Space,
        config: &NetConfig,
        input: Input,
    ) -> Result<Self, NetError> {
        let Input::Words { vocabulary } = input else {
            return Err(NetError::ReadsWords { space: space.name() });
        };
        NetError::check_range("channels", config.channels, CHANNELS)?;
        NetError::check_range("vocabulary", vocabulary, 2..=MAX_VOCABULARY)?;
        Ok(Self {
            vocabulary,
            hidden: config.channels,
            drop_words: config.drop_words,
            drop_embedding: config.drop_embedding,
            drop_input: config.drop_input,
            drop_state: config.drop_state,
            drop_weights: config.drop_weights,
            drop_output: 1.0 - config.dropout_keep,
            activation_weight: config.activation_weight,
            slowness_weight: config.slowness_weight,
        })
    }

    /// Of so many words and features; nothing is dropped, and nothing penalized.
    pub const fn plain(vocabulary: usize, hidden: usize) -> Self {
        Self {
            vocabulary,
            hidden,
            drop_words: 0.0,
            drop_embedding: 0.0,
            drop_input: 0.0,
            drop_state: 0.0,
            drop_weights: 0.0,
            drop_output: 0.0,
            activation_weight: 0.0,
            slowness_weight: 0.0,
        }
    }

    /// The child `arch` with its part of the shared weights. Trees have none.
    pub fn shared(&self, arch: &Arch, state_of: StateOf) -> Result<Net, NetError> {
        if let space @ Space::NasRnn(_) = arch.space() {
            return Err(NetError::NotShared { space: space.name() });
        }
        Ok(self.net(RecurrentCell::of(arch, state_of, shared_path)?))
    }

    /// The child `arch` as it is trained from scratch and shipped. The state of a tree is its root,
    /// whatever `state_of` says.
    pub fn standalone(&self, arch: &Arch, state_of: StateOf) -> Result<Net, NetError> {
        if let Some(tree) = TreeCell::of(arch) {
            return Ok(self.net(tree));
        }
        let path = |number, _| format!("cell.node{number}");
        Ok(self.net(RecurrentCell::of(arch, state_of, path)?))
    }

    /// Every shared parameter, of all children of `space` together.
    pub fn shared_params(&self, space: Recurrent) -> BTreeMap<String, ParamSpec> {
        let edges = (1..=space.n_nodes()).flat_map(|number| {
            let edges =
                (0..number).flat_map(|from| Activation::ALL.map(|activation| (from, activation)));
            edges.map(move |(from, activation)| CellNode {
                from,
                function: activation.into(),
                path: shared_path(number, RecurrentNode { from, activation }),
            })
        });
        self.net(RecurrentCell { nodes: edges.collect(), ends: Vec::new() }).params()
    }

    /// The net with this cell.
    pub fn net(&self, cell: impl Into<WordCell>) -> Net {
        let &Self { hidden, vocabulary, .. } = self;
        let word = Shape { channels: vocabulary, height: 1, width: 1 };
        let mut builder = Builder::new(word);
        let embed = LayerKind::Embed { drop_words: self.drop_words, drop: self.drop_embedding };
        let embedded = builder.push(embed, &[0], hidden, EMBEDDING.to_owned());
        let recurrent = LayerKind::Recurrent {
            drop_input: self.drop_input,
            drop_state: self.drop_state,
            drop_weights: self.drop_weights,
            activation_weight: self.activation_weight,
            slowness_weight: self.slowness_weight,
        };
        let states = builder.push(recurrent, &[embedded], hidden, "cell".to_owned());
        builder.set_cell(cell.into());
        let softmax = LayerKind::TiedSoftmax { drop: self.drop_output };
        let logits = builder.push(softmax, &[states], vocabulary, EMBEDDING.to_owned());
        let layers = builder.layers;
        Net { image: word, layers, logits, aux_logits: None, aux_weight: 0.0, norm: Norm::Batch }
    }
}

/// Start of the name of E.
const EMBEDDING: &str = "embedding";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    fn size(hidden: usize) -> WordNetSize {
        WordNetSize::plain(10_000, hidden)
    }

    fn published(n_nodes: usize) -> Arch {
        let space = Space::Recurrent(Recurrent::new(n_nodes).unwrap());
        space.rules().published().unwrap()
    }

    // enas-spec, section 9.1. Those at 850 features are without the biases of DARTS' softmax.
    #[test]
    fn nets_have_the_published_numbers_of_parameters() {
        for (n_nodes, expected) in [(8, 13_680_000), (9, 16_560_000)] {
            let shared = size(200).shared_params(Recurrent::new(n_nodes).unwrap());
            assert_eq!(shared.values().map(ParamSpec::len).sum::<usize>(), expected);
        }
        for (hidden, n_nodes, expected) in
            [(800, 8, 20_800_000), (850, 8, 22_950_000), (850, 11, 27_285_000)]
        {
            let net = size(hidden).standalone(&published(n_nodes), StateOf::LooseEnds).unwrap();
            assert_eq!(net.cost().params, expected);
        }
    }

    #[test]
    fn a_child_reads_a_part_of_the_shared_parameters_and_counts_what_it_multiplies() {
        let size = size(20);
        let child = size.shared(&published(8), StateOf::LooseEnds).unwrap();
        let shared = size.shared_params(Recurrent::default());
        assert!(child.params().iter().all(|(name, spec)| shared.get(name) == Some(spec)));
        let cost = child.cost();
        assert_eq!(cost, size.standalone(&published(8), StateOf::LooseEnds).unwrap().cost());
        // H·V of the softmax, 4·H² of the input node, 2·H² of each other.
        assert_eq!(cost.multiply_adds, 20 * 10_000 + (4 + 8 * 2) * 400);
        assert_eq!(cost.params, cost.multiply_adds);
    }

    #[test]
    fn the_state_is_the_mean_of_the_loose_ends_or_of_all_nodes() {
        let ends = |state_of| {
            let net = size(7).shared(&published(8), state_of).unwrap();
            let Some(WordCell::Highway(cell)) = &net.layers[1].cell else { panic!("no cell") };
            cell.ends.clone()
        };
        assert_eq!(ends(StateOf::LooseEnds), [7, 8]);
        assert_eq!(ends(StateOf::All), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_net_of_images_has_no_recurrent_cell() {
        let arch = Space::each()[0].rules().published().unwrap();
        let err = size(7).standalone(&arch, StateOf::All).unwrap_err();
        assert_eq!(
            err.to_string(),
            "the architecture is of the space micro with 5 nodes, which has no recurrent cell"
        );
    }
}
