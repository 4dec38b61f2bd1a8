//! What people paste of Python, JSON, YAML and shells: words, lists, calls, and names with values.
//!
//! ```text
//! ENAS = Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=range(2, 6), …)
//! {"normal/op_2_0": "sep_conv_3x3", "normal/input_2_0": [0], …}
//! --architecture="[[3], [0, 1], …]" --nn_config="{'embedding': {'3': {…}, …}, …}"
//! ```
//!
//! Quotes, backslashes and comments only part words, so it does not matter what a shell or a file
//! has put around them; commas may be missing or trail. Brackets of every kind make a list, and
//! close as they open. What a list means is for the form to say that reads it.

use crate::space::SpaceError;
use crate::space::scanner::{QUOTES, Scanner};

/// Brackets within each other, so that no text exhausts the stack; no form has half as many.
const MAX_DEPTH: usize = 20;

/// What ends a word, beside what only parts words.
const MARKS: &str = "[](){},;=:#";

/// A word, a list, or a call, which is a word and a list.
#[derive(Debug)]
pub(super) struct Literal<'a> {
    source: &'a str,
    /// Where it begins, with its key, in bytes.
    at: usize,
    /// The name that it is the value of, as in `key=word` and `key: [item]`; empty where there is
    /// none.
    pub(super) key: &'a str,
    /// Empty where a list has no name.
    pub(super) word: &'a str,
    /// Nothing where it is a word alone.
    list: Option<Vec<Literal<'a>>>,
}

/// Reads all of `source`: what it has beside each other, as one list.
pub(super) fn read(source: &str) -> Result<Literal<'_>, SpaceError> {
    let list = Reader { source, at: 0 }.list(None, 0)?;
    Ok(Literal { source, at: 0, key: "", word: "", list: Some(list) })
}

impl<'a> Literal<'a> {
    /// Whether it has brackets.
    pub(super) fn is_list(&self) -> bool {
        self.list.is_some()
    }

    /// What its brackets hold; nothing where it has none.
    pub(super) fn items(&self) -> &[Literal<'a>] {
        self.list.as_deref().unwrap_or_default()
    }

    /// The first item of this name.
    pub(super) fn get(&self, key: &str) -> Option<&Literal<'a>> {
        self.items().iter().find(|item| item.key == key)
    }

    /// The whole number that it is, or says that `expected` should stand here.
    pub(super) fn number(&self, expected: &'static str) -> Result<usize, SpaceError> {
        let is_number = !self.is_list() && self.word.bytes().all(|c| c.is_ascii_digit());
        let number = if is_number { self.word.parse().ok() } else { None };
        number.ok_or_else(|| self.unexpected(expected))
    }

    /// The one that `is` says is meant, this one or one within; nothing where there is none. More
    /// than one are refused, for nobody can know which is meant.
    pub(super) fn only(
        &self,
        is: impl Fn(&Literal<'a>) -> bool,
    ) -> Result<Option<&Literal<'a>>, SpaceError> {
        let mut found = Vec::new();
        self.collect(&is, &mut found);
        match found[..] {
            [_, second, ..] => Err(second.unexpected("one architecture alone")),
            _ => Ok(found.pop()),
        }
    }

    /// Finds all that are meant and are not within another.
    fn collect<'b>(&'b self, is: &impl Fn(&Literal<'a>) -> bool, found: &mut Vec<&'b Literal<'a>>) {
        if is(self) {
            found.push(self);
        } else {
            self.items().iter().for_each(|item| item.collect(is, found));
        }
    }

    /// That something else than `expected` stands here.
    pub(super) fn unexpected(&self, expected: &'static str) -> SpaceError {
        Scanner::at(self.source, self.at).unexpected(expected)
    }

    /// The place of its first character, counted from 1.
    pub(super) fn position(&self) -> usize {
        self.source[..self.at].chars().count() + 1
    }
}

struct Reader<'a> {
    source: &'a str,
    /// What is read of it, in bytes.
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads items up to the bracket that closes them, or to the end.
    fn list(&mut self, close: Option<char>, depth: usize) -> Result<Vec<Literal<'a>>, SpaceError> {
        if MAX_DEPTH < depth {
            return Err(self.unexpected("fewer brackets within each other"));
        }
        let mut items = Vec::new();
        loop {
            self.skip(",;=:");
            match self.peek() {
                found if found == close => {
                    self.at += found.map_or(0, char::len_utf8);
                    return Ok(items);
                }
                Some(c) if !")]}".contains(c) => items.push(self.literal(depth)?),
                _ => return Err(self.unexpected(closing(close))),
            }
        }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal<'a>, SpaceError> {
        let (mut at, mut key, mut word_at) = (self.at, "", self.at);
        let mut word = self.word();
        self.skip("");
        // Of `10:15:00 arch = x` the last name counts.
        while self.peek().is_some_and(|c| "=:".contains(c)) {
            self.skip("=:");
            (at, key, word_at) = (word_at, word, self.at);
            word = self.word();
            self.skip("");
        }
        let close = self.peek().and_then(|c| match c {
            '(' => Some(')'),
            '[' => Some(']'),
            '{' => Some('}'),
            _ => None,
        });
        let list = match close {
            Some(_) => {
                self.at += 1;
                Some(self.list(close, depth + 1)?)
            }
            None => None,
        };
        Ok(Literal { source: self.source, at, key, word, list })
    }

    /// Reads a word; empty where none stands here.
    fn word(&mut self) -> &'a str {
        let rest = &self.source[self.at..];
        let ends = |c: char| parts(c) || MARKS.contains(c);
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Goes on to what is no blank, no quote, no comment and none of `also`.
    fn skip(&mut self, also: &str) {
        while let Some(c) = self.peek() {
            if c == '#' {
                let rest = &self.source[self.at..];
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if parts(c) || also.contains(c) {
                self.at += c.len_utf8();
            } else {
                return;
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn unexpected(&self, expected: &'static str) -> SpaceError {
        Scanner::at(self.source, self.at).unexpected(expected)
    }
}

/// Whether `c` only parts words.
fn parts(c: char) -> bool {
    c.is_whitespace() || c == '\\' || QUOTES.contains(c)
}

/// What should stand where a list goes on with something that it cannot.
fn closing(close: Option<char>) -> &'static str {
    match close {
        Some(')') => "`,` or the `)` that closes the bracket",
        Some(']') => "`,` or the `]` that closes the bracket",
        Some(_) => "`,` or the `}` that closes the bracket",
        None => "a bracket that opens before it closes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes it down with one kind of brackets and without quotes.
    fn plain(found: &Literal<'_>) -> String {
        let key = if found.key.is_empty() { String::new() } else { format!("{}=", found.key) };
        let items: Vec<String> = found.items().iter().map(plain).collect();
        let list = if found.is_list() { format!("[{}]", items.join(",")) } else { String::new() };
        format!("{key}{}{list}", found.word)
    }

    #[track_caller]
    fn check(text: &str, expected: Result<&str, &str>) {
        let found = read(text).map(|found| plain(&found)).map_err(|err| err.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn what_stands_around_words_is_not_read() {
        let expected = Ok("[x=F[a=[[b,1],[c,2]],d=range[2,6]]]");
        for text in [
            "x = F(a=[('b', 1), ('c', 2)], d=range(2, 6))",
            "x=F(\n  a = [\n    (\"b\", 1),\n    (\"c\", 2),\n  ],  # two\n  d = range(2, 6),\n)",
            "x: F(a: [[b 1] [c 2]] d: range(2 6))",
            "\"x\": \"F{\\\"a\\\": [[\\\"b\\\", 1], [“c”, 2]], ''d'': range(2, 6)}\"",
        ] {
            check(text, expected);
        }
        check("10:15:00 PM x = y", Ok("[15=00,PM,x=y]"));
        check("--a='[[3], [0, 1]]' --b=", Ok("[--a=[[3],[0,1]],--b=]"));
        check("", Ok("[]"));
    }

    #[test]
    fn brackets_close_as_they_open() {
        check(
            "a([1, 2)",
            Err("at character 8: expected `,` or the `]` that closes the bracket, found `)`"),
        );
        check(
            "é {1, 2",
            Err("at character 8: expected `,` or the `}` that closes the bracket, found the end"),
        );
        check(
            "a, b]",
            Err("at character 5: expected a bracket that opens before it closes, found `]`"),
        );
        check(
            &"[".repeat(4000),
            Err("at character 22: expected fewer brackets within each other, found \
                 `[[[[[[[[[[[[`"),
        );
    }

    proptest! {
        #[test]
        fn every_text_is_read_or_refused(
            text in "[\\PC\n]{0,40}", marks in "[\\[\\](){},;=:#'\\\\ a1]{0,40}"
        ) {
            for text in [&text, &marks, &format!("{text}{marks}"), &format!("{marks}{text}")] {
                match read(text) {
                    Ok(found) => prop_assert!(found.is_list() && found.key.is_empty()),
                    Err(SpaceError::Syntax { position, .. }) => prop_assert!(0 < position),
                    Err(err) => prop_assert!(false, "{}", err),
                }
            }
        }
    }
}
