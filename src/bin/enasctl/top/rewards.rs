//! The rewards of both arms: their verdict, their course, and the numbers beside them.

use enasd::actors::{AdvantageStatus, DiagnosisStatus, Status};
use enasd::search::Objective;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph};

use crate::condition::Severity;
use crate::printer::{or_dash, percent, thousands};
use crate::top::curve::{Curve, Points};
use crate::top::lines::{rule, verdict, whole};
use crate::top::screen::Screen;
use crate::top::theme::Theme;

/// Columns of the numbers.
const NUMBER_COLUMNS: u16 = 36;

/// Columns of the operations.
const OP_COLUMNS: u16 = 38;

/// Columns above which the operations stand beside the rest.
const WIDE: u16 = 112;

/// Columns of an operation's bar.
const OP_BAR_COLUMNS: usize = 10;

/// Draws the part.
pub(crate) fn draw(frame: &mut Frame, area: Rect, of: (&Screen, &Status), theme: Theme) {
    let (screen, status) = of;
    let block = rule(title(status, theme), theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let ops = if area.width < WIDE { 0 } else { OP_COLUMNS };
    let [chart, numbers, ops] = Layout::horizontal([
        Constraint::Min(0),
        Constraint::Length(NUMBER_COLUMNS),
        Constraint::Length(ops),
    ])
    .spacing(1)
    .areas(inner);
    draw_chart(frame, chart, (&screen.curve, status.objective()), theme);
    frame.render_widget(Paragraph::new(number_lines(status, theme)), numbers);
    frame.render_widget(Paragraph::new(op_lines(status, theme)), ops);
}

/// Which arm scores higher with the shared weights, with what it rests on.
fn title(status: &Status, theme: Theme) -> Line<'static> {
    let AdvantageStatus { mean, low, high, verdict: words, .. } = &status.advantage;
    verdict(("Shared weights", words), [*mean, *low, *high], (status.objective(), theme))
}

fn draw_chart(frame: &mut Frame, area: Rect, of: (&Curve, Objective), theme: Theme) {
    let (curve, objective) = of;
    let lines = curve.lines(usize::from(area.width));
    let Some((low, high)) = bounds(&lines, objective) else {
        let text = "no rewards yet: they come with the first θ phase";
        return frame.render_widget(Paragraph::new(Line::styled(text, theme.dim())), area);
    };
    let [policy, random] = &lines;
    let dataset = |points, marker, graph, style| {
        Dataset::default().data(points).marker(marker).graph_type(graph).style(style)
    };
    let chart = Chart::new(vec![
        dataset(random, Marker::Dot, GraphType::Scatter, theme.random()),
        dataset(policy, Marker::Braille, GraphType::Line, theme.policy()),
    ])
    .x_axis(
        Axis::default()
            .style(theme.dim())
            .bounds([0.0, (curve.len() as f64 - 1.0).max(1.0)])
            .labels([String::new(), format!("{} θ steps", curve.len())]),
    )
    .y_axis(
        Axis::default()
            .style(theme.dim())
            .bounds([low, high])
            .labels([low, high].map(|end| label(end, objective))),
    );
    frame.render_widget(chart, area);
}

/// The rewards between which everything lies, at whole multiples of 5 % of an accuracy, of a tenth of
/// a logarithm.
fn bounds(lines: &[Points; 2], objective: Objective) -> Option<(f64, f64)> {
    let per_one = match objective {
        Objective::Accuracy => 20.0,
        Objective::NegLogNll | Objective::Perplexity => 10.0,
    };
    let rewards = || lines.iter().flatten().map(|&(_, reward)| reward);
    let low = (per_one * rewards().reduce(f64::min)?).floor() / per_one;
    let high = (per_one * rewards().reduce(f64::max)?).ceil() / per_one;
    Some((low, high.max(low + 1.0 / per_one)))
}

/// An end of the axis.
fn label(end: f64, objective: Objective) -> String {
    match objective {
        Objective::Accuracy => format!("{:3.0} %", 100.0 * end),
        // Nothing has a sign where it is zero.
        Objective::NegLogNll | Objective::Perplexity => format!("{:5.1}", end + 0.0),
    }
}

fn number_lines(status: &Status, theme: Theme) -> Vec<Line<'static>> {
    let (policy, shared) = (&status.policy, &status.shared);
    let DiagnosisStatus { learnt, reward_reliability, .. } = &status.diagnosis;
    let entropy = match (policy.entropy_nats, policy.entropy_per_decision_nats) {
        (Some(whole), Some(each)) => format!("{whole:.2} nats ({each:.2} each)"),
        _ => "-".to_owned(),
    };
    let recoveries = match status.recoveries_total {
        0 => Vec::new(),
        times => {
            let text = format!("{times}, after errors");
            vec![("recovered", text, theme.severity(Severity::Notice))]
        }
    };
    let objective = status.objective();
    let reward = |reward: Option<f64>| or_dash(reward, |reward| objective.show(reward));
    let plain = Style::new();
    let loss = or_dash(shared.loss, |loss| format!("{loss:.4} nats"));
    let (training, items) = if objective.is_of_words() {
        let perplexity = shared.loss.map(f64::exp);
        (or_dash(perplexity, |found| format!("perplexity {found:.1}")), "words/s")
    } else {
        (or_dash(shared.train_accuracy, percent), "images/s")
    };
    let rows = [
        ("━ policy", reward(policy.reward), theme.policy()),
        ("• random arm", reward(policy.random_reward), theme.random()),
        ("entropy", entropy, plain),
        ("ω loss", loss, plain),
        ("ω training", training, plain),
        (items, or_dash(shared.images_per_second, |rate| format!("{rate:.0}")), plain),
        (
            "archs",
            format!(
                "{} of {}",
                thousands(status.archs_different()),
                thousands(status.archs_sampled)
            ),
            plain,
        ),
        ("learnt", or_dash(learnt.mean, |mean| objective.show_difference(mean)), plain),
        ("reliability", or_dash(*reward_reliability, percent), plain),
    ];
    let line = |(name, value, style): (&str, String, Style)| {
        Line::from(vec![Span::styled(format!("{name:13}"), style), Span::raw(value)])
    };
    recoveries.into_iter().chain(rows).map(line).collect()
}

/// The probabilities of the options of each menu, a column for each part.
fn op_lines(status: &Status, theme: Theme) -> Vec<Line<'static>> {
    let picks = &status.policy.probabilities;
    let mut menus: Vec<&str> = picks.iter().map(|pick| pick.menu.as_str()).collect();
    menus.dedup();
    let mut lines = Vec::new();
    for menu in menus {
        let parts: Vec<_> = picks.iter().filter(|pick| pick.menu == menu).collect();
        let titles: Vec<_> = parts.iter().map(|pick| format!("{:12}", pick.part)).collect();
        let title = format!("{:14}{}", format!("π of {menu}s"), titles.concat().trim_end());
        lines.push(Line::styled(title, theme.dim()));
        let n_options = parts.iter().map(|pick| pick.options.len()).min().unwrap_or(0);
        for option in 0..n_options {
            let mut spans = vec![Span::raw(format!("{:14}", parts[0].options[option].name))];
            for pick in &parts {
                let share = pick.options[option].probability;
                let done = whole(share * OP_BAR_COLUMNS as f64 + 0.5, OP_BAR_COLUMNS);
                spans.push(Span::styled("█".repeat(done), theme.policy()));
                spans.push(Span::styled("░".repeat(OP_BAR_COLUMNS - done), theme.dim()));
                spans.push(Span::raw("  "));
            }
            lines.push(Line::from(spans));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(objective: Objective, rewards: [f64; 2], expected: [&str; 2]) {
        let lines = rewards.map(|reward| vec![(0.0, reward)]);
        let (low, high) = bounds(&lines, objective).unwrap();
        assert!(low <= rewards[0] && rewards[1] <= high && low < high, "{low} to {high}");
        assert_eq!([low, high].map(|end| label(end, objective)), expected);
    }

    #[test]
    fn the_axis_has_the_units_of_the_objective() {
        check(Objective::Accuracy, [0.42, 0.77], [" 40 %", " 80 %"]);
        check(Objective::Accuracy, [0.5, 0.5], [" 50 %", " 55 %"]);
        check(Objective::NegLogNll, [-0.83, 1.27], [" -0.9", "  1.3"]);
        check(Objective::NegLogNll, [-0.45, -0.05], [" -0.5", "  0.0"]);
        assert_eq!(bounds(&[Vec::new(), Vec::new()], Objective::NegLogNll), None);
    }
}
