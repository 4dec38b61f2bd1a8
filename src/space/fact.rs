//! What is told of an architecture, and of a space.

use crate::space::digits::Digits;

/// One line of what is told of an architecture beside its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it says.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Fact {
    pub(super) fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self { name: name.into(), value: value.to_string() }
    }
}

/// How many architectures a space has, by one way to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// What is counted.
    pub of: &'static str,
    /// How many there are, in decimal digits.
    pub count: String,
}

impl Size {
    /// The product of `factors`.
    pub(super) fn product(of: &'static str, factors: impl IntoIterator<Item = usize>) -> Self {
        let count = Digits::product(10, factors);
        let digits = count.padded(1).map(|digit| char::from(b'0' + digit));
        Self { of, count: digits.collect() }
    }
}

/// Numbers in a row.
pub(super) fn row(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}
