//! The operations of an edge (Dong and Yang, 2020, section 2.1).

use std::fmt;
use std::str::FromStr;

use crate::space::SpaceError;

/// What an edge brings from the node that it leads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeOp {
    /// Nothing: zeros.
    None,
    /// The node as it is.
    SkipConnect,
    /// ReLU, convolution 1×1, batch normalization.
    NorConv1x1,
    /// ReLU, convolution 3×3, batch normalization.
    NorConv3x3,
    /// Average pooling 3×3.
    AvgPool3x3,
}

impl EdgeOp {
    /// Every operation, in the order of the policy's logits and of the benchmark's list.
    pub const ALL: [Self; 5] =
        [Self::None, Self::SkipConnect, Self::NorConv1x1, Self::NorConv3x3, Self::AvgPool3x3];

    /// The names of [`EdgeOp::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d, e] = Self::ALL;
        [a.name(), b.name(), c.name(), d.name(), e.name()]
    };

    /// The short names of [`EdgeOp::ALL`], for drawings.
    pub const SHORT_NAMES: [&str; Self::ALL.len()] =
        ["none", "identity", "conv 1×1", "conv 3×3", "avg 3×3"];

    /// The benchmark's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SkipConnect => "skip_connect",
            Self::NorConv1x1 => "nor_conv_1x1",
            Self::NorConv3x3 => "nor_conv_3x3",
            Self::AvgPool3x3 => "avg_pool_3x3",
        }
    }

    /// The name used in drawings.
    pub const fn short_name(self) -> &'static str {
        Self::SHORT_NAMES[self.idx()]
    }

    /// The place of this operation in [`EdgeOp::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }
}

impl fmt::Display for EdgeOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EdgeOp {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| SpaceError::UnknownOp { name: name.to_owned(), known: &Self::NAMES })
    }
}
