//! Reading a text from left to right; blanks between words do not count.

use crate::space::SpaceError;

/// Marks around words, as shells, programs and editors write them; they only part words.
pub(super) const QUOTES: &str = "'\"`“”„‘’«»";

/// What of a text is still to be read.
pub(super) struct Scanner<'a> {
    source: &'a str,
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, rest: source }
    }

    /// What is to be read from the byte `at` on, where a character begins.
    pub(super) fn at(source: &'a str, at: usize) -> Self {
        Self { source, rest: &source[at..] }
    }

    /// Reads `word`, or says that `expected` should stand here.
    pub(super) fn word(&mut self, word: &str, expected: &'static str) -> Result<(), SpaceError> {
        if self.take(word) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    /// Reads `word` where it stands here.
    pub(super) fn take(&mut self, word: &str) -> bool {
        self.skip_blanks();
        self.rest.strip_prefix(word).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    /// Reads a name of letters, digits and `_`; none where none stands here.
    pub(super) fn name(&mut self) -> &'a str {
        self.run_of(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// Reads a whole number, or says that `expected` should stand here.
    pub(super) fn number(&mut self, expected: &'static str) -> Result<usize, SpaceError> {
        let digits = self.run_of(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| self.unexpected(expected))
    }

    /// Refuses what stands behind the last word.
    pub(super) fn end(&mut self) -> Result<(), SpaceError> {
        self.skip_blanks();
        if self.rest.is_empty() { Ok(()) } else { Err(self.unexpected("the end")) }
    }

    /// That something else than `expected` stands here.
    pub(super) fn unexpected(&self, expected: &'static str) -> SpaceError {
        let consumed = &self.source[..self.source.len() - self.rest.len()];
        let found = match self.rest.chars().next() {
            Some(_) => format!("`{}`", self.rest.chars().take(12).collect::<String>()),
            None => "the end".to_owned(),
        };
        SpaceError::Syntax { position: consumed.chars().count() + 1, expected, found }
    }

    fn run_of(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        self.skip_blanks();
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }
}
