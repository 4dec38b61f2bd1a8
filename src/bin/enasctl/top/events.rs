//! What happened to the daemon, the latest last.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::clock::in_zone;
use crate::top::lines::rule;
use crate::top::screen::Screen;
use crate::top::theme::Theme;

/// Draws the last events that fit.
pub(crate) fn draw(frame: &mut Frame, area: Rect, screen: &Screen, theme: Theme) {
    let block = rule(Line::styled(" What happened ", Theme::strong()), theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let skipped = screen.events.len().saturating_sub(usize::from(inner.height));
    let lines = screen.events.iter().skip(skipped).map(|event| {
        Line::from(vec![
            Span::styled(format!("{}  ", in_zone(event.unix_ms, &screen.zone)), theme.dim()),
            Span::raw(format!("{}  {}", event.kind, event.message)),
        ])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}
