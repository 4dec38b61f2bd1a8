//! The candidate operations of NASNet's blocks, and what a block does with two of them (Zoph et al.,
//! 2018, section 3).

use std::fmt;
use std::str::FromStr;

use crate::space::SpaceError;

/// One candidate operation of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NasnetOp {
    /// The tensor itself.
    Identity,
    /// A convolution 1×3, then one 3×1.
    Conv1x3Then3x1,
    /// A convolution 1×7, then one 7×1.
    Conv1x7Then7x1,
    /// Convolution 3×3 whose taps are two cells apart.
    DilConv3x3,
    /// Average pooling 3×3, divided by the number of valid cells.
    AvgPool3x3,
    /// Max pooling 3×3.
    MaxPool3x3,
    /// Max pooling 5×5.
    MaxPool5x5,
    /// Max pooling 7×7.
    MaxPool7x7,
    /// Convolution 1×1.
    Conv1x1,
    /// Convolution 3×3.
    Conv3x3,
    /// Separable convolution 3×3, applied twice.
    SepConv3x3,
    /// Separable convolution 5×5, applied twice.
    SepConv5x5,
    /// Separable convolution 7×7, applied twice.
    SepConv7x7,
}

impl NasnetOp {
    /// Every operation, in the paper's order.
    pub const ALL: [Self; 13] = [
        Self::Identity,
        Self::Conv1x3Then3x1,
        Self::Conv1x7Then7x1,
        Self::DilConv3x3,
        Self::AvgPool3x3,
        Self::MaxPool3x3,
        Self::MaxPool5x5,
        Self::MaxPool7x7,
        Self::Conv1x1,
        Self::Conv3x3,
        Self::SepConv3x3,
        Self::SepConv5x5,
        Self::SepConv7x7,
    ];

    /// The names of [`NasnetOp::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut idx = 0;
        while idx < names.len() {
            names[idx] = Self::ALL[idx].name();
            idx += 1;
        }
        names
    };

    /// The name used in configs, checkpoints and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Conv1x3Then3x1 => "conv_1x3_3x1",
            Self::Conv1x7Then7x1 => "conv_1x7_7x1",
            Self::DilConv3x3 => "dil_conv_3x3",
            Self::AvgPool3x3 => "avg_pool_3x3",
            Self::MaxPool3x3 => "max_pool_3x3",
            Self::MaxPool5x5 => "max_pool_5x5",
            Self::MaxPool7x7 => "max_pool_7x7",
            Self::Conv1x1 => "conv_1x1",
            Self::Conv3x3 => "conv_3x3",
            Self::SepConv3x3 => "sep_conv_3x3",
            Self::SepConv5x5 => "sep_conv_5x5",
            Self::SepConv7x7 => "sep_conv_7x7",
        }
    }

    /// Short names of [`NasnetOp::ALL`], for drawings.
    pub const SHORT_NAMES: [&str; Self::ALL.len()] = [
        "identity",
        "1×3 3×1",
        "1×7 7×1",
        "dil 3×3",
        "avg 3×3",
        "max 3×3",
        "max 5×5",
        "max 7×7",
        "conv 1×1",
        "conv 3×3",
        "sep 3×3",
        "sep 5×5",
        "sep 7×7",
    ];

    /// DARTS' name of the operation; none where DARTS has another one or none of that name.
    pub(super) const fn darts_name(self) -> Option<&'static str> {
        match self {
            Self::Identity => Some("skip_connect"),
            Self::Conv1x3Then3x1 => Some("conv_3x1_1x3"),
            Self::Conv1x7Then7x1 => Some("conv_7x1_1x7"),
            // There it is separable.
            Self::DilConv3x3 => None,
            other => Some(other.name()),
        }
    }

    /// DARTS' names of the operations that it has.
    pub(super) const DARTS_NAMES: [&str; Self::ALL.len() - 1] = {
        let mut names = [""; Self::ALL.len() - 1];
        let (mut idx, mut found) = (0, 0);
        while idx < Self::ALL.len() {
            if let Some(name) = Self::ALL[idx].darts_name() {
                names[found] = name;
                found += 1;
            }
            idx += 1;
        }
        names
    };

    /// The place of this operation in [`NasnetOp::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }
}

impl fmt::Display for NasnetOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NasnetOp {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|op| op.name() == name);
        found.ok_or_else(|| SpaceError::UnknownOp { name: name.to_owned(), known: &Self::NAMES })
    }
}

/// How a block makes one hidden state of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockCombine {
    /// Their sum.
    Add,
    /// Both, joined on channels.
    Concat,
}

impl BlockCombine {
    /// Both, in the paper's order.
    pub const ALL: [Self; 2] = [Self::Add, Self::Concat];

    /// The names of [`BlockCombine::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = ["add", "concat"];

    /// The sign between the two sides of a block in the native form.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Concat => "|",
        }
    }

    /// What drawings write on a block.
    pub(super) const fn join(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Concat => "concat",
        }
    }

    /// Its place in [`BlockCombine::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_idx_is_the_place_in_all() {
        for (idx, op) in NasnetOp::ALL.into_iter().enumerate() {
            assert_eq!(op.name().parse::<NasnetOp>(), Ok(op));
            assert_eq!(op.idx(), idx);
        }
        assert!(NasnetOp::DARTS_NAMES.iter().all(|name| !name.is_empty()));
    }
}
