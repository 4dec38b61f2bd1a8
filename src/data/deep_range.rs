//! How values of 16 bits become bytes.

use crate::data::ImageFault;

/// Which of the values of 16 bits become 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeepRange {
    low: u16,
    /// Invariant: at least `low`.
    high: u16,
}

impl DeepRange {
    /// All of them.
    pub(super) const FULL: Self = Self { low: 0, high: u16::MAX };

    /// From one value to the other.
    pub(super) fn new(one: u16, other: u16) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// That of `values`; nothing where there is none.
    pub(super) fn of_values(values: &[u16]) -> Option<Self> {
        Some(Self { low: *values.iter().min()?, high: *values.iter().max()? })
    }

    /// The smallest that holds both.
    pub(super) fn join(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The value that becomes 0 and the one that becomes 255.
    pub(super) const fn ends(self) -> [u16; 2] {
        [self.low, self.high]
    }

    /// `values` in 8 bits. Those that had differences and have none are refused.
    pub(super) fn narrow(self, values: &[u16]) -> Result<Vec<u8>, ImageFault> {
        let Self { low, high } = self;
        let scale = 255.0 / f32::from((high - low).max(1));
        let narrow =
            |value: &u16| (f32::from((*value).clamp(low, high) - low) * scale).round() as u8;
        let bytes: Vec<u8> = values.iter().map(narrow).collect();
        let own = Self::of_values(values).unwrap_or(self);
        if own.low < own.high && bytes.iter().all(|&byte| byte == bytes[0]) {
            return Err(ImageFault::Depth { low: own.low, high: own.high, of: self.ends() });
        }
        Ok(bytes)
    }
}
