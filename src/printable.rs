//! Text from outside as a terminal may show it: whoever names a file or a class, or sends an
//! architecture, must not move the reader's cursor.
//!
//! What a terminal would act on is written as `\u` and four digits, as JSON writes it: control
//! characters, and those that turn the direction of writing.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write};

/// A whole text, in which line feeds and tabs are the program's own: they stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_own = |c| c == '\n' || c == '\t';
    if !text.contains(|c| acts(c) && !is_own(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_own(c) { shown.push(c) } else { put(c, &mut shown).expect("a string takes all") }
    }
    Cow::Owned(shown)
}

/// A path or a name within a text.
#[derive(Debug)]
pub struct Shown<'a>(&'a OsStr);

/// `name`, whose line feeds are escaped too, for they could forge a line of the log, and bytes that
/// are no text as `\x` and two digits.
pub fn shown<T: AsRef<OsStr> + ?Sized>(name: &T) -> Shown<'_> {
    Shown(name.as_ref())
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_encoded_bytes().utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| put(c, f))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

fn put(c: char, to: &mut impl Write) -> fmt::Result {
    if acts(c) { write!(to, "\\u{:04x}", u32::from(c)) } else { to.write_char(c) }
}

/// Whether a terminal does something on `c` rather than show it.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out_and_all_else_stays() {
        let plain = "a table\twith\nπ, ━ and 猫";
        assert!(matches!(printable(plain), Cow::Borrowed(text) if text == plain));
        let acting = "\u{1b}[2Jgone\r\n\u{7f}\u{9b}\u{202e}txt\u{200f}";
        assert_eq!(printable(acting), "\\u001b[2Jgone\\u000d\n\\u007f\\u009b\\u202etxt\\u200f");
        // What a program printed as JSON stays JSON.
        let json = printable("\"\u{9b}\"").into_owned();
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{9b}");
    }

    #[test]
    fn a_name_is_one_line_whatever_its_bytes() {
        for (name, expected) in [
            (&b"caf\xc3\xa9/cafe\xcc\x81 \xe7\x8a\xac"[..], "café/cafe\u{301} 犬"),
            (b"a\x1b[2Jb\nc\x7f", "a\\u001b[2Jb\\u000ac\\u007f"),
            (b"\xc2\x9b1m\xe2\x80\xaegnp", "\\u009b1m\\u202egnp"),
            (b"\xff\xfeok", "\\xff\\xfeok"),
        ] {
            assert_eq!(shown(OsStr::from_bytes(name)).to_string(), expected);
        }
    }
}
