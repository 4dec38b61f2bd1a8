//! The screen drawn: which part stands where, and what lies over them.
//!
//! ```text
//! head      who and how; bars of the cycle and the phase; checkpoint; advice (high screens)
//! rewards   both arms over time │ numbers │ operations (wide screens)
//! retrained the champion, and nets under way (once there are any)
//! best      the best architectures, one of them drawn
//! events    what happened (high screens)
//! foot      keys, a question, or what came of a command
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::condition::Severity;
use crate::top::best;
use crate::top::events;
use crate::top::head;
use crate::top::lines::wrap;
use crate::top::retraining;
use crate::top::rewards;
use crate::top::screen::{Link, Overlay, Screen};
use crate::top::theme::Theme;

/// The smallest terminal: columns and rows.
const SMALLEST: (u16, u16) = (80, 24);

/// Rows of the rewards: all numbers, and where rows are scarce, the first of them.
const REWARD_ROWS: [u16; 2] = [10, 6];

/// Rows above which there is room for advice and events.
const HIGH: u16 = 34;

/// Rows of the events on a high screen.
const EVENT_ROWS: u16 = 6;

/// Nets under way that are shown on a low screen, and on a high one.
const NETS: [u16; 2] = [2, 8];

const HELP: &str = "\
arrows    look at another of the best
p         pause the search, after the step under way
r         resume it
c         write a checkpoint
?         this help; any key closes it
q, Esc    quit; the daemon goes on

A command that changes something is asked for first: y does it.
The line is the policy's reward, the dots are the random arm's:
means on validation batches in each θ step, in units of `score.reward`.
learnt: how much higher the policy's draws score with the shared weights
than the untrained policy's. reliability: the share of a reward's
variance that is the architectures'. `enasctl status` has all of it.";

/// Draws `screen` as of `now`, in seconds since 1970.
pub(crate) fn draw(frame: &mut Frame, screen: &Screen, theme: Theme, now: f64) {
    let area = frame.area();
    let (columns, rows) = SMALLEST;
    if area.width < columns || area.height < rows {
        return draw_too_small(frame, area);
    }
    let is_high = HIGH <= area.height;
    let advice = if is_high { head::advice(screen, theme, area.width) } else { Vec::new() };
    let n_status = head::STATUS_LINES + advice.len() as u16;
    let head = [head::lines(screen, theme, now, area.width), advice].concat();
    let foot = foot(screen, theme, area.width);
    let (n_head, n_foot) = (head.len() as u16, foot.len() as u16);
    let n_events = if is_high { EVENT_ROWS } else { 0 };
    let n_retrained = retraining::rows(screen, NETS[usize::from(is_high)]);
    let room = area.height.saturating_sub(n_head + n_foot + n_events + n_retrained);
    let [n_best, least] = REWARD_ROWS.map(|rows| room.saturating_sub(rows));
    let n_best = best::rows(screen).min(n_best.max(best::least_rows(screen).min(least)));
    let [head_area, rewards_area, retrained_area, best_area, events_area, foot_area] =
        Layout::vertical([
            Constraint::Length(n_head),
            Constraint::Min(0),
            Constraint::Length(n_retrained),
            Constraint::Length(n_best),
            Constraint::Length(n_events),
            Constraint::Length(n_foot),
        ])
        .areas(area);
    frame.render_widget(Paragraph::new(head), head_area);
    if let Some(status) = &screen.status {
        rewards::draw(frame, rewards_area, (screen, status), theme);
        if 0 < n_retrained {
            retraining::draw(frame, retrained_area, status, theme);
        }
        best::draw(frame, best_area, screen, theme);
        events::draw(frame, events_area, screen, theme);
    }
    frame.render_widget(Paragraph::new(foot), foot_area);
    if screen.status.is_some() && screen.link != Link::Up {
        let y = n_head - n_status;
        let past = Rect { y, height: foot_area.y.saturating_sub(y), ..area };
        frame.buffer_mut().set_style(past, Modifier::DIM);
    }
    if screen.overlay == Overlay::Help {
        draw_help(frame, area);
    }
}

fn draw_too_small(frame: &mut Frame, area: Rect) {
    let (columns, rows) = SMALLEST;
    let text = format!(
        "This terminal has {} columns and {} rows; enasctl top needs {columns} and {rows}. Make \
         it larger, or use `enasctl watch`. q quits.",
        area.width, area.height
    );
    let lines: Vec<Line> = wrap(&text, area.width).into_iter().map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_help(frame: &mut Frame, area: Rect) {
    let width = HELP.lines().map(|line| line.chars().count()).max().unwrap_or(0) as u16 + 4;
    let height = HELP.lines().count() as u16 + 2;
    let area = area.centered(Constraint::Length(width), Constraint::Length(height));
    let title = Span::styled(" keys ", Theme::strong());
    let text: Vec<Line> = HELP.lines().map(|line| Line::from(format!(" {line}"))).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(text).block(Block::bordered().title(title)), area);
}

/// The keys, a question, or what came of the last command.
fn foot(screen: &Screen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let lines = |text: &str, style: Style| {
        let lines = wrap(text, width).into_iter();
        lines.map(|line| Line::styled(line, style)).collect::<Vec<_>>()
    };
    if let Overlay::Question(command) = screen.overlay {
        let text = format!("{} y: yes, any other key: no", command.question());
        return lines(&text, theme.severity(Severity::Notice));
    }
    if let Some((severity, text)) = &screen.note {
        return lines(text, theme.severity(*severity));
    }
    let keys = match screen.link {
        Link::Up => "q quit · p pause · r resume · c checkpoint · ← → another one · ? help",
        _ => "q quit · ? help",
    };
    lines(keys, theme.dim())
}
