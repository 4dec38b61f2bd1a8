//! Lines of the screen: rules across it, bars, and texts broken to fit.

use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders};

use crate::top::theme::Theme;

/// A line across the screen that begins a part of it.
pub(crate) fn rule(title: Line<'_>, theme: Theme) -> Block<'_> {
    let plain = Style::new().fg(Color::Reset);
    Block::new().borders(Borders::TOP).border_style(theme.dim()).title_style(plain).title(title)
}

/// The whole columns that an amount fills, out of so many.
pub(crate) fn whole(amount: f64, columns: usize) -> usize {
    (1..=columns).take_while(|&n| n as f64 <= amount).count()
}

/// The lines of a text of at most `width` columns each, broken between words where it can be.
pub(crate) fn wrap(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(1));
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let line = lines.last_mut().expect("the list begins with a line");
            let used = line.chars().count();
            let gap = usize::from(0 < used);
            if used + gap + word.len() <= width {
                line.push_str(&" "[..gap]);
                line.extend(word.drain(..));
            } else if used == 0 {
                line.extend(word.drain(..width));
            } else {
                lines.push(String::new());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_between_words_and_long_words_within() {
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a/long/path is", 6), ["a/long", "/path", "is"].map(str::to_owned));
        assert_eq!(wrap("a πθω", 3), ["a", "πθω"]);
    }
}
