//! What errors tell of texts and numbers that may be long.

/// The start of a text that is told and may have any length.
pub(super) fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Numbers in a row.
pub(super) fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
