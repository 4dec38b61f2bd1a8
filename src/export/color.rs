//! The colors of operations.

use crate::space::Choice;

/// Of the same contrast on white; the first are not confused by color-blind eyes (after Okabe and
/// Ito, darkened). No menu has more options.
const COLORS: [&str; 13] = [
    "#0067a5", "#c04a00", "#00805c", "#a8477f", "#4a4f57", "#6f5d00", "#5a45a8", "#8c2727",
    "#00707f", "#7b4a21", "#3f6d12", "#8a3aa0", "#2f5597",
];

/// The color of the option with this number.
pub(super) fn color(option: Choice) -> &'static str {
    COLORS[option as usize % COLORS.len()]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::space::{
        Arch, BlockCell, MicroSpace, NasCnn, NasRnn, Nasbench201, Nasnet, Recurrent, Space,
        WholeNet,
    };
    use proptest::prelude::*;
    use std::ops::RangeInclusive;

    /// The authors' best cells.
    pub(in crate::export) const PUBLISHED: &str = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 \
         1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1";

    /// The smallest cells, one a chain and one with an input that is a loose end.
    pub(in crate::export) const SMALL: &str = "0 0 1 1 0 2 2 3 1 4 1 0 1 1 2 2";

    /// A net of six layers.
    pub(in crate::export) const LAYERS: &str = "layers=[conv_3x3, sep_conv_3x3, conv_5x5(stem), max_pool_3x3(0), sep_conv_5x5, \
         avg_pool_3x3(stem+1+3)]";

    fn drawn(spaces: impl Strategy<Value = Space>) -> impl Strategy<Value = Arch> {
        spaces.prop_flat_map(|space| {
            let choices: Vec<_> = space.script().options().map(|n| 0..n as u32).collect();
            choices.prop_map(move |choices| space.arch(&choices).unwrap())
        })
    }

    /// Any architecture of the micro space.
    pub(in crate::export) fn cells() -> impl Strategy<Value = Arch> {
        drawn((2_usize..=7).prop_map(|n| Space::Micro(MicroSpace::new(n).unwrap())))
    }

    /// Any architecture of the whole-net space.
    pub(in crate::export) fn nets() -> impl Strategy<Value = Arch> {
        drawn((3_usize..=24).prop_map(|n| Space::WholeNet(WholeNet::new(n).unwrap())))
    }

    /// Any architecture of the recurrent space.
    pub(in crate::export) fn recurrent(
        n_nodes: RangeInclusive<usize>,
    ) -> impl Strategy<Value = Arch> {
        drawn(n_nodes.prop_map(|n| Space::Recurrent(Recurrent::new(n).unwrap())))
    }

    /// Any of NAS's nets.
    pub(in crate::export) fn filters() -> impl Strategy<Value = Arch> {
        let sizes = (3_usize..=22, any::<bool>());
        drawn(sizes.prop_map(|(n, strides)| Space::NasCnn(NasCnn::new(n, strides).unwrap())))
    }

    /// Any architecture of NAS-Bench-201.
    pub(in crate::export) fn benchmark() -> impl Strategy<Value = Arch> {
        drawn(Just(Space::Nasbench201(Nasbench201)))
    }

    /// Any architecture of NASNet's space.
    pub(in crate::export) fn blocks() -> impl Strategy<Value = Arch> {
        drawn(BlockCell::RANGE.prop_map(|n| Space::Nasnet(Nasnet::new(n).unwrap())))
    }

    /// Any architecture of the `nas_rnn` space.
    pub(in crate::export) fn trees() -> impl Strategy<Value = Arch> {
        drawn(NasRnn::LEAF_RANGE.prop_map(|n| Space::NasRnn(NasRnn::new(n).unwrap())))
    }

    /// Any architecture.
    pub(in crate::export) fn arch() -> impl Strategy<Value = Arch> {
        prop_oneof![
            cells(),
            nets(),
            recurrent(Recurrent::NODE_RANGE),
            filters(),
            trees(),
            blocks(),
            benchmark()
        ]
    }

    #[test]
    fn options_have_colors_of_their_own() {
        let colors: std::collections::BTreeSet<_> = COLORS.into();
        assert_eq!(colors.len(), COLORS.len());
        for menu in Space::each().into_iter().flat_map(|space| space.script().menus()) {
            assert!(menu.options.len() <= COLORS.len(), "{}", menu.name);
        }
    }
}
