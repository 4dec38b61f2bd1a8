//! The candidate operations of a layer (ENAS, section 2.3).

use std::fmt;
use std::str::FromStr;

use crate::space::SpaceError;

/// What a layer does with the layer before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerOp {
    /// Convolution 3×3.
    Conv3x3,
    /// Separable convolution 3×3: depthwise, then pointwise.
    SepConv3x3,
    /// Convolution 5×5.
    Conv5x5,
    /// Separable convolution 5×5: depthwise, then pointwise.
    SepConv5x5,
    /// Average pooling 3×3, divided by the number of valid cells.
    AvgPool3x3,
    /// Max pooling 3×3.
    MaxPool3x3,
}

impl LayerOp {
    /// Every operation, in the order of the policy's logits and of the authors' numbers 0 to 5.
    pub const ALL: [Self; 6] = [
        Self::Conv3x3,
        Self::SepConv3x3,
        Self::Conv5x5,
        Self::SepConv5x5,
        Self::AvgPool3x3,
        Self::MaxPool3x3,
    ];

    /// The names of [`LayerOp::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d, e, f] = Self::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name(), f.name()]
    };

    /// The short names of [`LayerOp::ALL`], for drawings.
    pub const SHORT_NAMES: [&str; Self::ALL.len()] =
        ["conv 3×3", "sep 3×3", "conv 5×5", "sep 5×5", "avg 3×3", "max 3×3"];

    /// The name used in texts, in checkpoints and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv3x3 => "conv_3x3",
            Self::SepConv3x3 => "sep_conv_3x3",
            Self::Conv5x5 => "conv_5x5",
            Self::SepConv5x5 => "sep_conv_5x5",
            Self::AvgPool3x3 => "avg_pool_3x3",
            Self::MaxPool3x3 => "max_pool_3x3",
        }
    }

    /// The place of this operation in [`LayerOp::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }
}

impl fmt::Display for LayerOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for LayerOp {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| SpaceError::UnknownOp { name: name.to_owned(), known: &Self::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_idx_is_the_place_in_all() {
        for (idx, op) in LayerOp::ALL.into_iter().enumerate() {
            assert_eq!(op.name().parse::<LayerOp>(), Ok(op));
            assert_eq!(op.idx(), idx);
        }
    }
}
