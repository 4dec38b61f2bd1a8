//! How a text is put in rows and windows.

/// How a text is put in rows and windows.
#[derive(Clone, Copy, Debug)]
pub struct WordLayout {
    /// Rows of a batch: the text is cut in so many parts, which are walked along side by side.
    pub rows: usize,
    /// Words of a window, the b in truncated *backpropagation through time*.
    pub bptt: usize,
    /// Where the configuration says so.
    pub keys: WordLayoutKeys,
}

/// The keys that errors name.
#[derive(Clone, Copy, Debug)]
pub struct WordLayoutKeys {
    /// Of the rows.
    pub rows: &'static str,
    /// Of the words of a window.
    pub bptt: &'static str,
}
