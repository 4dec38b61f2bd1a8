//! The limits of what architectures may cost, by name, and how often one had to be drawn again.

use std::fmt;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Trainable values.
    Params,
    /// Multiply-adds of one image's forward pass.
    MultiplyAdds,
    /// Milliseconds of one image's forward pass.
    Milliseconds,
}

impl Limit {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Self; 3] = [Self::Params, Self::MultiplyAdds, Self::Milliseconds];

    /// The setting.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Params => "limits.params",
            Self::MultiplyAdds => "limits.multiply_adds",
            Self::Milliseconds => "limits.milliseconds",
        }
    }
}

/// A limit that keeps most architectures out, beside what they cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TightLimit {
    /// Which.
    pub limit: Limit,
    /// The setting's value.
    pub value: f64,
    /// What a tenth of all architectures cost at most.
    pub tenth: f64,
}

impl fmt::Display for TightLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, value, tenth } = self;
        write!(f, "`{}` is {value}, and a tenth of them have {tenth} or less", limit.key())
    }
}

/// Architectures that were over a limit and drawn again, by the first limit that they were over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redrawn([u64; Limit::ALL.len()]);

impl Redrawn {
    /// Counts one.
    pub(super) fn count(&mut self, limit: Limit) {
        self.0[limit as usize] += 1;
    }

    /// How many there were over each limit.
    pub fn iter(&self) -> impl Iterator<Item = (Limit, u64)> + '_ {
        Limit::ALL.into_iter().zip(self.0)
    }
}
