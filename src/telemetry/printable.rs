//! Text from outside as a terminal may show it.

use std::borrow::Cow;

/// `text` with every character that a terminal would act on written as `\u` and four digits, as
/// JSON writes them: control characters but line feed and tab, and those that turn the direction
/// of writing. Whoever names a class or sends an architecture must not move the reader's cursor.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let shown = text
        .chars()
        .map(|c| if acts(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() });
    Cow::Owned(shown.collect())
}

fn acts(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out_and_all_else_stays() {
        let plain = "a table\twith\nπ, ━ and 猫";
        assert!(matches!(printable(plain), Cow::Borrowed(text) if text == plain));
        let acting = "\u{1b}[2Jgone\r\u{7f}\u{9b}\u{202e}txt\u{200f}";
        let shown = r"\u001b[2Jgone\u000d\u007f\u009b\u202etxt\u200f";
        assert_eq!(printable(acting), shown);
        // What a program printed as JSON stays JSON.
        let json = printable("\"\u{9b}\"").into_owned();
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{9b}");
    }
}
