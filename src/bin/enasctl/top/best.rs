//! The best architectures: a list, and a drawing of the one that is looked at.

use enasd::actors::{BestStatus, nth};
use enasd::export::draw_part_text;
use enasd::space::{Arch, Sketch};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::top::lines::rule;
use crate::top::screen::Screen;
use crate::top::theme::Theme;

/// Rows of a drawing besides those of its nodes: heading, inputs, output.
const DRAWING_ROWS: u16 = 3;

/// Rows that the part has use for: its rule, the list, the drawing.
pub(crate) fn rows(screen: &Screen) -> u16 {
    1 + (screen.best().len() as u16).max(1) + drawing_rows(screen)
}

/// Rows without which the drawing is not whole: a list of one.
pub(crate) fn least_rows(screen: &Screen) -> u16 {
    2 + drawing_rows(screen)
}

fn drawing_rows(screen: &Screen) -> u16 {
    let Some(best) = screen.best().get(screen.selected()) else { return 0 };
    let rows = |sketch: &Sketch| (sketch.output() - sketch.n_inputs()) as u16 + DRAWING_ROWS;
    let sketches = best.arch.parse().map_or_else(|_| Vec::new(), |arch: Arch| arch.sketch());
    sketches.iter().map(rows).max().unwrap_or(1)
}

/// Draws the part.
pub(crate) fn draw(frame: &mut Frame, area: Rect, screen: &Screen, theme: Theme) {
    let title = Line::styled(" The best of the search ", Theme::strong());
    let block = rule(title, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let best = screen.best();
    let Some(selected) = best.get(screen.selected()) else {
        let text = "no architecture is derived yet: the first ones come at the end of the cycle";
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.dim())), inner);
    };
    // A list of a line at least, which always holds the one that is drawn.
    let listed = inner.height.saturating_sub(drawing_rows(screen)).clamp(1, best.len() as u16);
    let [list, drawing] =
        Layout::vertical([Constraint::Length(listed), Constraint::Min(0)]).areas(inner);
    let first = (screen.selected() + 1).saturating_sub(usize::from(listed));
    let lines: Vec<Line> = (first..best.len().min(first + usize::from(listed)))
        .map(|idx| row(idx, &best[idx], screen, theme))
        .collect();
    frame.render_widget(Paragraph::new(lines), list);
    draw_arch(frame, drawing, selected, theme);
}

fn row(idx: usize, best: &BestStatus, screen: &Screen, theme: Theme) -> Line<'static> {
    let is_selected = idx == screen.selected();
    let mark = if is_selected { '▸' } else { ' ' };
    let style = if is_selected { Theme::strong() } else { ratatui::style::Style::new() };
    let text = format!(
        "{mark} {} of {}  {}  {} of {}, cycle {}  ",
        idx + 1,
        screen.best().len(),
        best.score.shown(),
        best.score.correct,
        best.score.items,
        nth(best.cycle)
    );
    Line::from(vec![Span::styled(text, style), Span::styled(best.id.clone(), theme.dim())])
}

/// Draws the parts of an architecture beside each other.
fn draw_arch(frame: &mut Frame, area: Rect, best: &BestStatus, theme: Theme) {
    let arch: Arch = match best.arch.parse() {
        Ok(arch) => arch,
        Err(err) => {
            let text = Line::styled(format!("cannot be drawn: {err}"), theme.dim());
            return frame.render_widget(Paragraph::new(text), area);
        }
    };
    let sketches = arch.sketch();
    let columns = Layout::horizontal(vec![Constraint::Fill(1); sketches.len()]).spacing(2);
    for (sketch, area) in sketches.iter().zip(columns.split(area).iter()) {
        let text = draw_part_text(sketch, usize::from(area.width));
        let mut lines: Vec<Line> = text.lines().map(|line| Line::from(line.to_owned())).collect();
        if let Some(heading) = lines.first_mut() {
            heading.style = Theme::strong();
        }
        let room = usize::from(area.height);
        if room < lines.len() && 0 < room {
            lines.truncate(room);
            lines[room - 1] = Line::styled("… more in a higher terminal", theme.dim());
        }
        frame.render_widget(Paragraph::new(lines), *area);
    }
}
