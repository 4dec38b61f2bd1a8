//! What errors tell of texts and numbers that may be long.

/// The start of a text that is told and may have any length.
pub(super) fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Numbers in a row.
pub(super) fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// What a layer may skip from.
pub(super) fn earlier_tensors(layer: usize) -> String {
    match layer {
        0 => "nothing, for it reads the stem alone".to_owned(),
        1 => "`stem`".to_owned(),
        2 => "`stem` or layer 0".to_owned(),
        _ => format!("`stem` or layers 0 to {}", layer - 2),
    }
}
