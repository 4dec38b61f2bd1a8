//! The head of the screen: who it is and how; how far; what is on disk.

use enasd::actors::{DerivationStatus, Status};
use ratatui::text::{Line, Span};

use crate::condition::{Condition, Severity};
use crate::printer::or_dash;
use crate::status::seconds;
use crate::top::lines::{bar, cut, share, wrap};
use crate::top::screen::{Link, Screen};
use crate::top::theme::Theme;

/// Lines of the head that tell the status, but for advice.
pub(crate) const STATUS_LINES: u16 = 3;

/// What stands before advice.
const ADVICE: &str = "advice      ";

/// The lines of the head: who, how, and last those of the status.
pub(crate) fn lines(screen: &Screen, theme: Theme, now: f64, width: u16) -> Vec<Line<'static>> {
    let condition = condition(screen, now);
    let style = theme.severity(condition.severity);
    let mut lines = vec![title(screen, &condition, theme, width)];
    lines.extend(wrap(&condition.text, width).into_iter().map(|text| Line::styled(text, style)));
    if let Some(status) = &screen.status {
        lines.push(cycle(status, theme, width));
        lines.push(phase(screen, status, theme, width));
        lines.push(checkpoint(status, theme, now));
    }
    lines
}

/// What there is to do, a line each; `enasctl status` has what does not fit.
pub(crate) fn advice(screen: &Screen, theme: Theme, width: u16) -> Vec<Line<'static>> {
    let advice = screen.status.iter().flat_map(|status| &status.diagnosis.advice);
    let room = usize::from(width).saturating_sub(ADVICE.len());
    let line = |text: &String| {
        Line::from(vec![
            Span::styled(ADVICE, theme.dim()),
            Span::styled(cut(text, room), theme.severity(Severity::Notice)),
        ])
    };
    advice.map(line).collect()
}

/// How the daemon is, or that it is not there.
fn condition(screen: &Screen, now: f64) -> Condition {
    match (&screen.link, &screen.status) {
        (Link::Up, Some(status)) => Condition::of(status, now),
        (Link::Down(why), status) => Condition {
            severity: Severity::Bad,
            word: "no daemon",
            text: match status {
                Some(_) => format!("{why}; asking again; below is what it said last"),
                None => format!("{why}; asking again"),
            },
        },
        (_, _) => Condition {
            severity: Severity::Notice,
            word: "waiting",
            text: format!("asking the daemon at {}", screen.socket),
        },
    }
}

fn title(screen: &Screen, condition: &Condition, theme: Theme, width: u16) -> Line<'static> {
    let word = format!(" {} ", condition.word);
    let mut name = "enasd".to_owned();
    let mut rest = String::new();
    if let Some(status) = &screen.status {
        name = format!("enasd {}", status.version);
        rest = format!(
            " · {} · {}, {} · seed {}",
            device(status),
            status.space,
            status.space_size,
            status.seed
        );
    }
    let room = usize::from(width).saturating_sub(name.chars().count() + word.chars().count());
    let rest = cut(&rest, room.saturating_sub(1));
    let gap = " ".repeat(room - rest.chars().count());
    Line::from(vec![
        Span::styled(name, Theme::strong()),
        Span::raw(rest),
        Span::raw(gap),
        Span::styled(word, theme.severity(condition.severity)),
    ])
}

fn device(status: &Status) -> String {
    let device = &status.device;
    let wanted = if device.wanted == device.used {
        String::new()
    } else {
        format!(" ({} wanted)", device.wanted)
    };
    format!("{}{wanted}, {}, {} threads", device.used, device.executor, device.threads)
}

fn cycle(status: &Status, theme: Theme, width: u16) -> Line<'static> {
    let place = &status.place;
    let name = format!("cycle {}, epoch {}", place.nth_cycle(), place.nth_epoch());
    let share = share(place.cycle_done, place.cycle_steps);
    let left = or_dash(status.cycle_seconds_left, |left| format!("{} left", seconds(left)));
    bar((name, share, format!("{:3.0} %, {left}", 100.0 * share)), theme.bar(), width)
}

fn phase(screen: &Screen, status: &Status, theme: Theme, width: u16) -> Line<'static> {
    let place = &status.place;
    if let Some(DerivationStatus { scored, of }) = status.derivation {
        let tail = format!("{scored} of {of} scored");
        return bar(("derive".to_owned(), share(scored, of), tail), theme.bar(), width);
    }
    if let Some(retraining) = &status.finals.retraining {
        let (epochs, of) = retraining.progress();
        let tail = format!("{epochs} of {of} epochs");
        return bar(("retrain".to_owned(), share(epochs, of), tail), theme.bar(), width);
    }
    let rate = or_dash(screen.rate.value(), |rate| format!("{rate:.1} steps/s"));
    let tail = format!("step {}/{}, {rate}", place.nth_step(), place.phase_steps);
    let share = share(place.step, place.phase_steps);
    bar((format!("{} phase", place.phase), share, tail), theme.bar(), width)
}

fn checkpoint(status: &Status, theme: Theme, now: f64) -> Line<'static> {
    let found = &status.checkpoint;
    let age = or_dash(found.unix_seconds, |at| seconds((now - at).max(0.0)) + " ago");
    let bytes = or_dash(found.bytes, |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
    let failed = match (found.failures_total, found.rejected_total) {
        (0, 0) => Span::raw("0 failed"),
        (failed, rejected) => Span::styled(
            format!("{failed} failed, {rejected} rejected"),
            theme.severity(Severity::Notice),
        ),
    };
    let free = or_dash(status.state_free_bytes, |free| format!("{:.1} GB free", free as f64 / 1e9));
    Line::from(vec![
        Span::styled("checkpoint  ", theme.dim()),
        Span::raw(format!("{age}, {bytes}; {} written, ", found.writes_total)),
        failed,
        Span::raw(format!("; {free}")),
    ])
}
