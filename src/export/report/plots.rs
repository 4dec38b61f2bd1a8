//! The plots of a report.

use maud::{Markup, PreEscaped, html};

use crate::export::report::contents::{Agreement, DrawnBy, Report, RetrainedArch, RewardUnit};
use crate::export::report::curves::{CurvePoint, Moments};
use crate::export::report::plot::{Axis, Line, Marks, OTHER, POLICY, Plot, RANDOM, Scale};

const STEPS: Axis = Axis { label: "search step", scale: Scale::Count };

/// The search over time: rewards of both arms, the best so far, the entropy and the loss.
pub(super) fn curves(report: &Report) -> Markup {
    let (points, unit) = (report.curves.points(), report.rewards);
    html! {
        (figure(rewards(points, unit), html! {
            "Mean rewards, which are " (unit.plural()) " of architectures on validation data, with \
             the 95 % interval of each mean:"
            (key(POLICY)) "the policy" (key(RANDOM)) "random draws"
        }))
        (figure(best(points, unit), html! {
            "The highest reward so far, of any arm. It is that of one measurement: by chance \
             alone it rises with the number of draws."
        }))
        (figure(series(("entropy", "Entropy of the policy"), POLICY, points, |point| point.entropy), html! {
            "Entropy of one architecture, summed over its decisions: near 0 the policy draws \
             always the same."
        }))
        // Where children are trained from scratch there is no ω, and never a loss of it.
        @if points.is_empty() || points.iter().any(|point| 0 < point.loss.count) {
            (figure(series(("loss", "Loss of the shared weights"), OTHER, points, |point| point.loss), html! { "Cross-entropy of ω on training batches." }))
        }
    }
}

/// Shared scores against retrained ones.
pub(super) fn agreement(
    archs: &[RetrainedArch],
    agreement: &Agreement,
    [unit, tests]: [RewardUnit; 2],
) -> Markup {
    let tau = |of: Option<[f64; 3]>| match of {
        Some([mean, low, high]) => format!("{mean:.2} (95 % {low:.2} to {high:.2})"),
        None => "not measured yet".to_owned(),
    };
    let words = format!(
        "Kendall's τ of the search's and the retrained scores: {}; of two retrainings with different seeds, \
         which is the most that it could be: {}; over {} architectures.",
        tau(agreement.tau),
        tau(agreement.ceiling),
        agreement.archs
    );
    let marks = marks(archs, |arch| Some((arch.shared?, arch.mean())));
    let plot = Plot {
        id: "agreement".into(),
        title: "Scores of the search against retrained ones".to_owned(),
        description: words.clone(),
        axes: [
            Axis { label: "reward in the search", scale: unit.scale() },
            Axis { label: tests.retrained_label(), scale: tests.scale() },
        ],
        lines: Vec::new(),
        marks,
    };
    figure(plot, html! { (words) (legend(archs)) })
}

/// Scores against sizes, with the front.
pub(super) fn pareto(archs: &[RetrainedArch], is_on_front: &[bool], tests: RewardUnit) -> Markup {
    let at = |arch: &RetrainedArch| (arch.params as f64, arch.mean());
    let on_front = archs.iter().zip(is_on_front).filter(|(_, is_on)| **is_on);
    let mut front: Vec<(f64, f64)> = on_front.map(|(arch, _)| at(arch)).collect();
    front.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plot = Plot {
        id: "pareto".into(),
        title: "Score against size".to_owned(),
        description: format!(
            "Of {} retrained architectures {} are on the front: no other is better and as small, \
             or as good and smaller.",
            archs.len(),
            front.len()
        ),
        axes: [
            Axis { label: "parameters", scale: Scale::Count },
            Axis { label: tests.retrained_label(), scale: tests.scale() },
        ],
        lines: vec![Line { color: OTHER, points: front, band: Vec::new() }],
        marks: marks(archs, |arch| Some(at(arch))),
    };
    let words = plot.description.clone();
    figure(plot, html! { (words) " The line joins them." (legend(archs)) })
}

fn rewards(points: &[CurvePoint], unit: RewardUnit) -> Plot {
    let line = |color, of: fn(&CurvePoint) -> Moments| Line {
        color,
        points: means(points, of),
        band: points
            .iter()
            .filter_map(|point| {
                let (low, high) = of(point).interval()?;
                Some((point.step(), low, high))
            })
            .collect(),
    };
    let lines = vec![line(RANDOM, |point| point.random), line(POLICY, |point| point.policy)];
    let last = |line: &Line| match line.points.last() {
        Some((_, reward)) => unit.show(*reward),
        None => "not measured".to_owned(),
    };
    Plot {
        id: "rewards".into(),
        title: "Rewards of both arms".to_owned(),
        description: format!(
            "{} points; at the end the mean reward of the policy is {}, that of random draws {}.",
            points.len(),
            last(&lines[1]),
            last(&lines[0])
        ),
        axes: [STEPS, Axis { label: "mean reward", scale: unit.scale() }],
        lines,
        marks: Vec::new(),
    }
}

fn best(points: &[CurvePoint], unit: RewardUnit) -> Plot {
    let mut best = f64::NEG_INFINITY;
    let points = points.iter().filter_map(|point| {
        best = best.max(point.best?);
        Some((point.last_step as f64, best))
    });
    let points: Vec<_> = points.collect();
    let end = points.last().map_or_else(String::new, |end| unit.show(end.1));
    Plot {
        id: "best".into(),
        title: "Highest reward so far".to_owned(),
        description: format!("It ends at {end}."),
        axes: [STEPS, Axis { label: "highest reward", scale: unit.scale() }],
        lines: vec![Line { color: OTHER, points, band: Vec::new() }],
        marks: Vec::new(),
    }
}

fn series(
    (id, title): (&'static str, &str),
    color: &'static str,
    points: &[CurvePoint],
    of: fn(&CurvePoint) -> Moments,
) -> Plot {
    let points = means(points, of);
    let ends = match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!("From {:.3} to {:.3} nats.", first.1, last.1),
        _ => String::new(),
    };
    Plot {
        id: id.into(),
        title: title.to_owned(),
        description: ends,
        axes: [STEPS, Axis { label: "nats", scale: Scale::Plain }],
        lines: vec![Line { color, points, band: Vec::new() }],
        marks: Vec::new(),
    }
}

fn means(points: &[CurvePoint], of: fn(&CurvePoint) -> Moments) -> Vec<(f64, f64)> {
    points.iter().filter_map(|point| Some((point.step(), of(point).mean()?))).collect()
}

fn marks(archs: &[RetrainedArch], at: impl Fn(&RetrainedArch) -> Option<(f64, f64)>) -> Vec<Marks> {
    let of = |by| Marks {
        by,
        points: archs.iter().filter(|arch| arch.by == by).filter_map(&at).collect(),
    };
    DrawnBy::ALL.map(of).to_vec()
}

/// A plot below its title, with its words.
pub(super) fn figure(plot: Plot, words: Markup) -> Markup {
    let title = plot.title.clone();
    html! {
        h3 { (title) }
        @match plot.svg() {
            Some(svg) => figure {
                (PreEscaped(svg))
                figcaption { (words) }
            },
            None => p.none { "Nothing to show yet." },
        }
    }
}

/// Who drew what is there.
fn legend(archs: &[RetrainedArch]) -> Markup {
    let there = DrawnBy::ALL.into_iter().filter(|by| archs.iter().any(|arch| arch.by == *by));
    let shape = |by| match by {
        DrawnBy::Policy => "circles",
        DrawnBy::Random => "triangles",
        DrawnBy::Request => "crosses",
    };
    html! { @for by in there { (key(by.color())) (shape(by)) ": " (by.name()) } }
}

fn key(color: &str) -> Markup {
    html! { " " span.key style={ "background:" (color) } {} }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_shared_weights_no_loss_of_theirs_is_drawn() {
        let drawn = |losses: &[f64]| {
            let mut report = Report::default();
            let mut point = CurvePoint::default();
            point.entropy.add(20.0);
            for &loss in losses {
                point.loss.add(loss);
            }
            report.curves.add(&point);
            curves(&report).into_string()
        };
        let (shared, scratch) = (drawn(&[1.5]), drawn(&[]));
        assert!(shared.contains("Loss of the shared weights"), "{shared}");
        assert!(!scratch.contains("Loss of") && scratch.contains("Entropy of the"), "{scratch}");
    }
}
