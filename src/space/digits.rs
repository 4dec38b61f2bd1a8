//! A whole number of any size, as digits of a base.

/// The digits, the least significant first; none for 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    base: u64,
    digits: Vec<u8>,
}

impl Digits {
    /// 0 in base `base`, which is at most 256.
    pub(super) fn zero(base: u64) -> Self {
        Self { base, digits: Vec::new() }
    }

    /// The number that `digits` spell, the most significant first.
    pub(super) fn spelled(base: u64, digits: impl DoubleEndedIterator<Item = u8>) -> Self {
        let mut number = Self { base, digits: digits.rev().collect() };
        number.trim();
        number
    }

    /// The product of `factors` in base `base`.
    pub(super) fn product(base: u64, factors: impl IntoIterator<Item = usize>) -> Self {
        let mut number = Self { base, digits: vec![1] };
        factors.into_iter().for_each(|factor| number.push(factor, 0));
        number
    }

    /// Multiplies by `factor` and adds `more`, both below 2³².
    pub(super) fn push(&mut self, factor: usize, more: usize) {
        let mut carry = more as u64;
        for digit in &mut self.digits {
            carry += u64::from(*digit) * factor as u64;
            *digit = (carry % self.base) as u8;
            carry /= self.base;
        }
        while carry != 0 {
            self.digits.push((carry % self.base) as u8);
            carry /= self.base;
        }
        self.trim();
    }

    /// Divides by `divisor`, below 2³²; the remainder.
    pub(super) fn pop(&mut self, divisor: usize) -> usize {
        let mut rest = 0;
        for digit in self.digits.iter_mut().rev() {
            rest = rest * self.base + u64::from(*digit);
            *digit = (rest / divisor as u64) as u8;
            rest %= divisor as u64;
        }
        self.trim();
        rest as usize
    }

    /// How many digits it has; none for 0.
    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Its digits, the most significant first, with zeros before them up to `len`.
    pub(super) fn padded(&self, len: usize) -> impl Iterator<Item = u8> + '_ {
        let zeros = len.saturating_sub(self.digits.len());
        std::iter::repeat_n(0, zeros).chain(self.digits.iter().rev().copied())
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: &Digits) -> String {
        number.padded(1).map(|digit| char::from(b'0' + digit)).collect()
    }

    #[test]
    fn numbers_beyond_the_machines_are_exact() {
        // 2^200, and 30!
        let power = Digits::product(10, [2; 200]);
        assert_eq!(text(&power), "1606938044258990275541962092341162602522202993782792835301376");
        assert_eq!(text(&Digits::product(10, 1..=30)), "265252859812191058636308480000000");
        assert_eq!(text(&Digits::zero(10)), "0");
    }

    proptest! {
        #[test]
        fn what_was_pushed_is_popped(parts in prop::collection::vec((1_usize..90, 0_usize..90), 0..60)) {
            let parts: Vec<_> = parts.into_iter().map(|(n, k)| (n, k % n)).collect();
            let mut number = Digits::zero(32);
            for &(n, k) in &parts {
                number.push(n, k);
            }
            let again = Digits::spelled(32, number.padded(99).collect::<Vec<_>>().into_iter());
            prop_assert_eq!(&again, &number);
            for &(n, k) in parts.iter().rev() {
                prop_assert_eq!(number.pop(n), k);
            }
            prop_assert_eq!(number.len(), 0);
        }
    }
}
