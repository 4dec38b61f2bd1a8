//! Colours; without them, what matters is bold or reversed.

use std::ffi::OsStr;

use ratatui::style::{Color, Modifier, Style};

use crate::condition::Severity;

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// The terminal's own sixteen.
    Color,
    /// None.
    Plain,
}

impl Theme {
    /// What the variable `NO_COLOR` asks for: any text but an empty one means none.
    pub(crate) fn new(no_color: Option<&OsStr>) -> Self {
        if no_color.is_some_and(|text| !text.is_empty()) { Self::Plain } else { Self::Color }
    }

    fn color(self, color: Color) -> Style {
        match self {
            Self::Color => Style::new().fg(color),
            Self::Plain => Style::new(),
        }
    }

    /// Of what is pointed at: headings, the selected architecture.
    pub(crate) fn strong() -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Of names and of what is past.
    pub(crate) fn dim(self) -> Style {
        self.color(Color::DarkGray)
    }

    /// Of the policy.
    pub(crate) fn policy(self) -> Style {
        self.color(Color::Cyan)
    }

    /// Of the random arm.
    pub(crate) fn random(self) -> Style {
        self.color(Color::Yellow)
    }

    /// Of what is done of something.
    pub(crate) fn bar(self) -> Style {
        self.color(Color::Blue)
    }

    /// Of how something is.
    pub(crate) fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Good => self.color(Color::Green),
            Severity::Notice => self.color(Color::Yellow).add_modifier(Modifier::BOLD),
            Severity::Bad => {
                self.color(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_in_no_color_means_none() {
        assert_eq!(Theme::new(None), Theme::Color);
        assert_eq!(Theme::new(Some(OsStr::new(""))), Theme::Color);
        assert_eq!(Theme::new(Some(OsStr::new("0"))), Theme::Plain);
        assert_eq!(Theme::Plain.policy(), Style::new());
    }
}
