//! Lines of the screen: rules across it, verdicts, bars, and texts broken to fit.

use enasd::search::Objective;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders};

use crate::condition::Severity;
use crate::top::theme::Theme;

/// Columns before a bar.
const NAME_COLUMNS: usize = 26;

/// Columns after a bar.
const TAIL_COLUMNS: usize = 30;

/// A line across the screen that begins a part of it.
pub(crate) fn rule(title: Line<'_>, theme: Theme) -> Block<'_> {
    let plain = Style::new().fg(Color::Reset);
    Block::new().borders(Borders::TOP).border_style(theme.dim()).title_style(plain).title(title)
}

/// A title that says what a comparison found, with the mean and the ends of its interval in units of
/// the objective.
pub(crate) fn verdict(
    of: (&str, &str),
    [mean, low, high]: [Option<f64>; 3],
    (objective, theme): (Objective, Theme),
) -> Line<'static> {
    let (title, words) = of;
    let severity = match low {
        Some(low) if 0.0 < low => Severity::Good,
        _ => Severity::Notice,
    };
    let numbers = match (mean, low, high) {
        (Some(mean), Some(low), Some(high)) => match objective {
            Objective::Accuracy => format!(
                ", {:+.1} points (95 % {:+.1} to {:+.1}) ",
                100.0 * mean,
                100.0 * low,
                100.0 * high
            ),
            Objective::NegLogNll | Objective::Perplexity => {
                format!(", {mean:+.3} (95 % {low:+.3} to {high:+.3}) ")
            }
        },
        _ => " ".to_owned(),
    };
    Line::from(vec![
        Span::styled(format!(" {title}: "), Theme::strong()),
        Span::styled(words.to_owned(), theme.severity(severity)),
        Span::raw(numbers),
    ])
}

/// A line with a name, a bar and what the bar does not say.
pub(crate) fn bar(of: (String, f64, String), style: Style, width: u16) -> Line<'static> {
    let (name, share, tail) = of;
    let columns = usize::from(width).saturating_sub(NAME_COLUMNS + TAIL_COLUMNS);
    let done = whole(share * columns as f64, columns);
    let name = cut(&name, NAME_COLUMNS - 1);
    Line::from(vec![
        Span::raw(format!("{name:NAME_COLUMNS$}")),
        Span::styled("█".repeat(done), style),
        Span::styled("░".repeat(columns - done), style),
        Span::raw(format!("  {tail}")),
    ])
}

/// The share that is done.
pub(crate) fn share(done: u64, of: u64) -> f64 {
    (done as f64 / of.max(1) as f64).min(1.0)
}

/// At most so many columns of a text, and a sign where it is cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept = text.chars().take(columns.saturating_sub(1));
    kept.chain(std::iter::once('…')).take(columns).collect()
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
