//! The candidate operations of the micro space (ENAS, section 2.4).

use std::fmt;
use std::str::FromStr;

use crate::space::SpaceError;

/// One candidate operation of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Separable convolution 3×3: (ReLU, depthwise, pointwise, batch norm), applied twice.
    SepConv3x3,
    /// Separable convolution 5×5: (ReLU, depthwise, pointwise, batch norm), applied twice.
    SepConv5x5,
    /// Average pooling 3×3, divided by the number of valid cells.
    AvgPool3x3,
    /// Max pooling 3×3.
    MaxPool3x3,
    /// The tensor itself.
    Identity,
}

impl Op {
    /// Every operation, in the order of the policy's logits and of the authors' numbers 0 to 4.
    pub const ALL: [Self; 5] =
        [Self::SepConv3x3, Self::SepConv5x5, Self::AvgPool3x3, Self::MaxPool3x3, Self::Identity];

    /// The names of [`Op::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d, e] = Self::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name()]
    };

    /// The name used in configs, checkpoints and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SepConv3x3 => "sep_conv_3x3",
            Self::SepConv5x5 => "sep_conv_5x5",
            Self::AvgPool3x3 => "avg_pool_3x3",
            Self::MaxPool3x3 => "max_pool_3x3",
            Self::Identity => "identity",
        }
    }

    /// The short names of [`Op::ALL`].
    pub const SHORT_NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d, e] = Self::ALL;
        [a.short_name(), b.short_name(), c.short_name(), d.short_name(), e.short_name()]
    };

    /// A short name for drawings.
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::SepConv3x3 => "sep 3×3",
            Self::SepConv5x5 => "sep 5×5",
            Self::AvgPool3x3 => "avg 3×3",
            Self::MaxPool3x3 => "max 3×3",
            Self::Identity => "identity",
        }
    }

    /// DARTS' name, which NNI has too.
    pub(super) const fn darts_name(self) -> &'static str {
        match self {
            Self::Identity => SKIP,
            other => other.name(),
        }
    }

    /// The operation of an edge of `node` that another program names at `position`, in characters
    /// from 1.
    pub(super) fn foreign(
        name: &str,
        position: usize,
        cell: &'static str,
        node: usize,
    ) -> Result<Self, SpaceError> {
        name.parse().map_err(|_| SpaceError::CellOp {
            position,
            cell,
            node,
            op: name.to_owned(),
            known: &Self::DARTS_NAMES,
        })
    }

    /// DARTS' names of [`Op::ALL`].
    const DARTS_NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d, e] = Self::ALL;
        [a.darts_name(), b.darts_name(), c.darts_name(), d.darts_name(), e.darts_name()]
    };

    /// The place of this operation in [`Op::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }

    /// The side of a separable convolution's kernel; `None` for operations without weights.
    pub const fn kernel(self) -> Option<usize> {
        match self {
            Self::SepConv3x3 => Some(3),
            Self::SepConv5x5 => Some(5),
            Self::AvgPool3x3 | Self::MaxPool3x3 | Self::Identity => None,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// DARTS' name of the identity.
const SKIP: &str = "skip_connect";

/// Reads its own name, and DARTS' `skip_connect`.
impl FromStr for Op {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let is_named = |op: &Self| op.name() == name || (*op == Self::Identity && name == SKIP);
        Self::ALL
            .into_iter()
            .find(is_named)
            .ok_or_else(|| SpaceError::UnknownOp { name: name.to_owned(), known: &Self::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_idx_is_the_place_in_all() {
        for (idx, op) in Op::ALL.into_iter().enumerate() {
            assert_eq!(op.name().parse::<Op>(), Ok(op));
            assert_eq!(op.darts_name().parse::<Op>(), Ok(op));
            assert_eq!(op.idx(), idx);
        }
    }
}
