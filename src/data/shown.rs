//! Paths and names from files as text for people: what they hold cannot act on a terminal.

use std::ffi::OsStr;
use std::fmt::{self, Write};

/// A path or a name that came from outside, to be printed.
pub(super) struct Shown<'a>(&'a OsStr);

/// `text`, with control characters, marks that turn the direction of writing and bytes that are
/// no text escaped. A line feed is too: names have none, and it could forge a line of the log.
pub(super) fn shown<T: AsRef<OsStr> + ?Sized>(text: &T) -> Shown<'_> {
    Shown(text.as_ref())
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_encoded_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                if acts(c) { write!(f, "\\u{:04x}", u32::from(c))? } else { f.write_char(c)? }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// Whether a terminal does something on `c` rather than show it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The names in backquotes with commas between, or `none`.
pub(super) fn quoted<T: AsRef<OsStr>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

/// The `count` of some names, of which these are the `first`, and these.
pub(super) fn listed<T: AsRef<OsStr>>(first: &[T], count: usize) -> String {
    let more = count - first.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{count}, {}{more}", quoted(first))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_letters_are_not() {
        for (text, expected) in [
            (&b"caf\xc3\xa9/cafe\xcc\x81 \xe7\x8a\xac"[..], "café/cafe\u{301} 犬"),
            (b"a\x1b[2Jb\nc\x7f", "a\\u001b[2Jb\\u000ac\\u007f"),
            (b"\xc2\x9b1m\xe2\x80\xaegnp", "\\u009b1m\\u202egnp"),
            (b"\xff\xfeok", "\\xff\\xfeok"),
        ] {
            assert_eq!(shown(OsStr::from_bytes(text)).to_string(), expected);
        }
        assert_eq!(quoted(&["a", "b\r"]), "`a`, `b\\u000d`");
        assert_eq!(quoted::<&str>(&[]), "none");
    }
}
