//! The rewards of both arms: their verdict, their course, and the numbers beside them.

use enasd::actors::{AdvantageStatus, ChildrenStatus, DiagnosisStatus, Status};
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

/// Which arm scores higher in the search, with what it rests on.
fn title(status: &Status, theme: Theme) -> Line<'static> {
    let AdvantageStatus { mean, low, high, verdict: words, .. } = &status.advantage;
    let of = if status.children.is_some() { "Trained from scratch" } else { "Shared weights" };
    verdict((of, words), [*mean, *low, *high], (status.objective(), theme))
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
    let policy = &status.policy;
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
    let archs =
        format!("{} of {}", thousands(status.archs_different()), thousands(status.archs_sampled));
    let mut rows = vec![
        ("━ policy", reward(policy.reward), theme.policy()),
        ("• random arm", reward(policy.random_reward), theme.random()),
    ];
    let trained = match &status.children {
        Some(children) => of_children(children),
        None => of_shared_weights(status),
    };
    let [training, learnt] = trained;
    let plain = [vec![("entropy", entropy)], training, vec![("archs", archs)], learnt].concat();
    rows.extend(plain.into_iter().map(|(name, value)| (name, value, Style::new())));
    let line = |(name, value, style): (&str, String, Style)| {
        Line::from(vec![Span::styled(format!("{name:13}"), style), Span::raw(value)])
    };
    recoveries.into_iter().chain(rows).map(line).collect()
}

/// How ω is trained; then what the policy has learnt, as scores with ω tell.
fn of_shared_weights(status: &Status) -> [Vec<(&'static str, String)>; 2] {
    let (shared, objective) = (&status.shared, status.objective());
    let DiagnosisStatus { learnt, reward_reliability, .. } = &status.diagnosis;
    let (training, items) = if objective.is_of_words() {
        let perplexity = shared.loss.map(f64::exp);
        (or_dash(perplexity, |found| format!("perplexity {found:.1}")), "words/s")
    } else {
        (or_dash(shared.train_accuracy, percent), "images/s")
    };
    let training = vec![
        ("ω loss", or_dash(shared.loss, |loss| format!("{loss:.4} nats"))),
        ("ω training", training),
        (items, or_dash(shared.images_per_second, |rate| format!("{rate:.0}"))),
    ];
    let learnt = vec![
        ("learnt", or_dash(learnt.mean, |mean| objective.show_difference(mean))),
        ("reliability", or_dash(*reward_reliability, percent)),
    ];
    [training, learnt]
}

/// The children that are trained from scratch; then how old those are that the policy learns from.
fn of_children(children: &ChildrenStatus) -> [Vec<(&'static str, String)>; 2] {
    let ChildrenStatus { pending, ref running, scored_total, failed_total, .. } = *children;
    let (scored, failed) = (thousands(scored_total), thousands(failed_total));
    let training = vec![
        ("children", format!("{scored} scored, {failed} failed")),
        ("waiting", format!("{} drawn", thousands(pending))),
        ("in training", thousands(running.len() as u64)),
    ];
    let refused = thousands(children.refused_total);
    let age = children.age.map(|age| ("age", format!("{age} steps; {refused} too old")));
    [training, age.into_iter().collect()]
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
    use enasd::actors::TrialStatus;

    use super::*;
    use crate::top::looked_at::status;

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

    #[test]
    fn children_that_are_trained_from_scratch_stand_where_shared_weights_are_none() {
        let told = |status: &Status| {
            let lines =
                number_lines(status, Theme::Color).into_iter().chain([title(status, Theme::Color)]);
            lines.map(|line| line.to_string() + "\n").collect::<String>()
        };
        let of_shared = ["ω loss", "images/s", "learnt", "reliability", "Shared weights: "];
        let mut status = status();
        let shared = told(&status);
        assert!(of_shared.iter().all(|words| shared.contains(words)), "{shared}");
        let mut children = ChildrenStatus {
            pending: 28,
            running: vec![TrialStatus::default(), TrialStatus::default()],
            scored_total: 1200,
            failed_total: 4,
            ..ChildrenStatus::default()
        };
        status.children = Some(children.clone());
        let scratch = told(&status);
        let rows =
            "children     1,200 scored, 4 failed\nwaiting      28 drawn\nin training  2\narchs ";
        assert!(scratch.contains(rows), "{scratch}");
        assert!(scratch.contains("Trained from scratch: scores higher"), "{scratch}");
        assert!(of_shared.iter().all(|words| !scratch.contains(words)), "{scratch}");
        (children.age, children.refused_total) = (Some(2), 5);
        status.children = Some(children);
        assert!(told(&status).contains("age          2 steps; 5 too old"));
    }
}
