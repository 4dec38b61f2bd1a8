//! The candidate activations of a node (ENAS, section 2.1).

use std::fmt;
use std::str::FromStr;

use crate::space::SpaceError;

/// What a node does with what it reads, beside the highway around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activation {
    /// The hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// x itself.
    Identity,
}

impl Activation {
    /// Every activation, in the order of the policy's logits and of the numbers of `enas_lm`.
    pub const ALL: [Self; 4] = [Self::Tanh, Self::Relu, Self::Sigmoid, Self::Identity];

    /// The names of [`Activation::ALL`].
    pub const NAMES: [&str; Self::ALL.len()] = {
        let [a, b, c, d] = Self::ALL;
        [a.name(), b.name(), c.name(), d.name()]
    };

    /// The name used in texts, in checkpoints and on the wire; DARTS has the same.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Identity => "identity",
        }
    }

    /// The place of this activation in [`Activation::ALL`].
    pub const fn idx(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads its name, in small letters or as in `ReLU`.
impl FromStr for Activation {
    type Err = SpaceError;

    fn from_str(name: &str) -> Result<Self, SpaceError> {
        let found = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| SpaceError::UnknownOp { name: name.to_owned(), known: &Self::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_every_idx_is_the_place_in_all() {
        for (idx, activation) in Activation::ALL.into_iter().enumerate() {
            assert_eq!(activation.name().parse::<Activation>(), Ok(activation));
            assert_eq!(activation.idx(), idx);
        }
        assert_eq!("ReLU".parse(), Ok(Activation::Relu));
    }
}
