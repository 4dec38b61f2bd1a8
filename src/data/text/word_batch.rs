//! What a recurrent net is run on at once: some words side by side, and those that follow them.

/// A window over every row of a text: words, and the word that follows each.
#[derive(Clone, Debug, PartialEq)]
pub struct WordBatch {
    /// `(t, rows)`; the id of word `t` of row `r` is entry `t * rows + r`.
    pub ids: Vec<u32>,
    /// `(t, rows)`; the id of the word that follows each, which is to be predicted.
    pub next: Vec<u32>,
    /// Number of rows.
    pub rows: usize,
    /// Whether the state that a net carries from window to window is to be zero before it; else
    /// this one goes on where the one before ended.
    pub begins: bool,
    /// Its length over that of an ordinary window: what the learning rate is scaled by.
    pub share: f64,
}

impl WordBatch {
    /// How many words are predicted, those of all rows together.
    pub fn len(&self) -> usize {
        self.next.len()
    }

    /// The words of one row.
    pub fn steps(&self) -> usize {
        self.len() / self.rows
    }
}
