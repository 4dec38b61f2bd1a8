//! Nets of words with a tree cell (Zoph & Le, 2016, section 3.4): an embedding, the cell unrolled over
//! the text, and a softmax that is tied to the embedding, as in nets of the recurrent space.
//!
//! ```text
//! leaf i      act(x[t]·W_i ∘ h[t-1]·U_i)      W and U of all leaves are one matrix, (2H, leaves·H)
//! h, c        what the tree makes of its leaves and of c[t-1], feature by feature
//! logits      h·Eᵀ
//! ```
//!
//! Training drops what it does of other cells' words, states and weights; the c of a cell is neither
//! dropped nor penalized. As in the paper each net is trained from scratch, and none has biases.
//!
//! Departures from the paper: its child has two such layers, this one has one; and its embedding and
//! softmax are tied in one of its nets alone.

use std::collections::BTreeMap;

use crate::net::{Input, Net, NetConfig, NetError, NetFamily, ParamSpec, StateOf, WordNetSize};
use crate::space::{Arch, NasRnn, Space};

/// A family of nets with tree cells: everything but the architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TreeFamily {
    space: NasRnn,
    size: WordNetSize,
}

impl TreeFamily {
    /// The nets of `space` for `input`.
    pub(super) fn new(space: NasRnn, config: NetConfig, input: Input) -> Result<Self, NetError> {
        let size = WordNetSize::checked(Space::NasRnn(space), &config, input)?;
        Ok(Self { space, size })
    }

    /// Refuses an architecture of another space.
    fn check(&self, arch: &Arch) -> Result<(), NetError> {
        let (found, expected) = (arch.space(), Space::NasRnn(self.space));
        if found == expected { Ok(()) } else { Err(NetError::Space { found, expected }) }
    }
}

impl NetFamily for TreeFamily {
    fn input(&self) -> Input {
        Input::Words { vocabulary: self.size.vocabulary }
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        self.check(arch)?;
        Err(NetError::NotShared { space: Space::NasRnn(self.space).name() })
    }

    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        self.check(arch)?;
        // Where the state is the root, there are no nodes of which it could be the mean.
        self.size.standalone(arch, StateOf::default())
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        BTreeMap::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::WordCell;

    fn family(n_leaves: usize, channels: usize) -> TreeFamily {
        let config = NetConfig { channels, ..NetConfig::default() };
        let input = Input::Words { vocabulary: 10_000 };
        TreeFamily::new(NasRnn::new(n_leaves).unwrap(), config, input).unwrap()
    }

    fn net(n_leaves: usize, channels: usize) -> Net {
        let family = family(n_leaves, channels);
        family.standalone(&Space::NasRnn(family.space).rules().published().unwrap()).unwrap()
    }

    #[test]
    fn a_leaf_has_two_matrices_and_a_node_above_none() {
        for (n_leaves, channels) in [(2, 7), (5, 20), (8, 20), (16, 3)] {
            let (h, n) = (channels as u64, n_leaves as u64);
            let cost = net(n_leaves, channels).cost();
            // H·V of the softmax, and W and U of each leaf.
            assert_eq!(cost.multiply_adds, h * 10_000 + 2 * n * h * h);
            assert_eq!(cost.params, cost.multiply_adds);
        }
    }

    #[test]
    fn the_cell_of_a_net_is_the_tree_of_its_architecture() {
        let Some(WordCell::Tree(cell)) = &net(8, 4).layers[1].cell else { panic!("no tree") };
        assert_eq!((cell.n_leaves(), cell.injected, cell.memory), (8, 10, 13));
        assert_eq!(
            (cell.reads(7), cell.reads(8), cell.reads(14)),
            (None, Some([0, 1]), Some([12, 13]))
        );
        assert!(cell.inject.is_product && cell.nodes[11].is_product && !cell.nodes[13].is_product);
    }

    #[test]
    fn nothing_is_shared_and_no_other_space_is_built() {
        let family = family(8, 4);
        let arch = Space::NasRnn(family.space).rules().published().unwrap();
        assert!(family.shared_params().is_empty());
        assert_eq!(
            family.shared(&arch).unwrap_err().to_string(),
            "the nets of the nas_rnn space share no weights: each is trained from scratch, as a search \
             does with `score.estimator = \"stand-alone\"` and `schedule.shared_steps = 0`"
        );
        let other: Arch = NasRnn::EXAMPLE.parse().unwrap();
        for found in [family.standalone(&other), family.shared(&other)] {
            assert_eq!(
                found.unwrap_err().to_string(),
                "the architecture is of the space nas_rnn with 2 leaves, but these nets are of \
                 nas_rnn with 8 leaves"
            );
        }
    }
}
