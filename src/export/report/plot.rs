//! A plot as SVG: lines with bands, and marks.
//!
//! Texts are measured without fonts, so that the same data give the same drawing everywhere; the
//! legend is the page's.

use std::borrow::Cow;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;

use crate::export::pen::escape;
use crate::export::report::contents::{DrawnBy, RewardUnit};
use crate::numbers::thousands;

/// Width and height of a plot: the page scales it.
const SIZE: (u32, u32) = (720, 340);

/// Room beyond the outermost points, as a share of the axis.
const MARGIN: f64 = 0.05;

/// The least span of an axis whose points are all equal.
const LEAST_SPAN: f64 = 1e-3;

/// The color of the policy, of the random arm, and of what is neither: as the legend has them, and
/// of a contrast of at least 4.5 with white.
pub(super) const POLICY: &str = "#0067a5";
pub(super) const RANDOM: &str = "#c04a00";
pub(super) const OTHER: &str = "#4a4f57";

/// How the numbers of an axis are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// As shares of 100.
    Percent,
    /// As they are.
    Plain,
    /// As whole numbers, with thousands apart.
    Count,
}

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) scale: Scale,
}

/// A line through points, with a band around it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) color: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    /// A place with the lower and the upper end there.
    pub(super) band: Vec<(f64, f64, f64)>,
}

/// Points of one kind.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    pub(super) by: DrawnBy,
    pub(super) points: Vec<(f64, f64)>,
}

/// What is plotted.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// By which its title is found in the page.
    pub(super) id: Cow<'static, str>,
    pub(super) title: String,
    /// What it shows, for those who do not see it.
    pub(super) description: String,
    pub(super) axes: [Axis; 2],
    pub(super) lines: Vec<Line>,
    pub(super) marks: Vec<Marks>,
}

type Failed = DrawingAreaErrorKind<std::io::Error>;

impl Plot {
    /// The drawing; none where there is nothing to draw.
    pub(super) fn svg(mut self) -> Option<String> {
        for line in &mut self.lines {
            line.points.retain(is_finite);
            line.band.retain(|(x, low, high)| is_finite(&(*x, *low)) && high.is_finite());
        }
        self.marks.iter_mut().for_each(|marks| marks.points.retain(is_finite));
        let x = span(self.all().map(|point| point.0))?;
        let y = span(self.all().map(|point| point.1))?;
        let mut drawn = String::new();
        let root = SVGBackend::with_string(&mut drawn, SIZE).into_drawing_area();
        self.draw(&root, x, y).ok()?;
        // It writes the end of the drawing.
        drop(root);
        let (_, elements) = drawn.split_once('>')?;
        Some(self.titled(elements))
    }

    fn all(&self) -> impl Iterator<Item = (f64, f64)> {
        let points = self.lines.iter().flat_map(|line| &line.points).copied();
        let bands = self.lines.iter().flat_map(|line| &line.band);
        let marks = self.marks.iter().flat_map(|marks| &marks.points).copied();
        let ends = bands.flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        points.chain(ends).chain(marks)
    }

    fn draw(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        x: Range<f64>,
        y: Range<f64>,
    ) -> Result<(), Failed> {
        let [x_axis, y_axis] = self.axes;
        let (x_text, y_text) = (x_axis.scale.text(&x), y_axis.scale.text(&y));
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(66)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_desc(x_axis.label)
            .y_desc(y_axis.label)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&x_text)
            .y_label_formatter(&y_text)
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .light_line_style(WHITE)
            .bold_line_style(RGBColor(225, 228, 232))
            .draw()?;
        for Line { color, points, band } in &self.lines {
            let color = rgb(color);
            let upper = band.iter().map(|&(x, _, high)| (x, high));
            let lower = band.iter().rev().map(|&(x, low, _)| (x, low));
            chart.draw_series([Polygon::new(
                upper.chain(lower).collect::<Vec<_>>(),
                color.mix(0.18),
            )])?;
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
        }
        for Marks { by, points } in &self.marks {
            let (style, points) = (rgb(by.color()).filled(), points.iter().copied());
            match by {
                DrawnBy::Policy => {
                    chart.draw_series(points.map(|point| Circle::new(point, 5, style)))?
                }
                DrawnBy::Random => {
                    chart.draw_series(points.map(|point| TriangleMarker::new(point, 7, style)))?
                }
                DrawnBy::Request => {
                    let style = rgb(by.color()).stroke_width(2);
                    chart.draw_series(points.map(|point| Cross::new(point, 5, style)))?
                }
            };
        }
        root.present()?;
        Ok(())
    }

    /// The drawing with its title and what it shows.
    fn titled(&self, elements: &str) -> String {
        let Self { id, title, description, .. } = self;
        let (width, height) = SIZE;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>{elements}",
            escape(title),
            escape(description),
        )
    }
}

impl DrawnBy {
    /// The color of its marks.
    pub(super) const fn color(self) -> &'static str {
        match self {
            Self::Policy => POLICY,
            Self::Random => RANDOM,
            Self::Request => OTHER,
        }
    }
}

impl RewardUnit {
    /// How the numbers of an axis of rewards are told.
    pub(super) const fn scale(self) -> Scale {
        match self {
            Self::Accuracy => Scale::Percent,
            Self::NegLogNll | Self::Perplexity => Scale::Plain,
        }
    }
}

impl Scale {
    /// What writes the numbers of an axis that goes over `span`.
    fn text(self, span: &Range<f64>) -> impl Fn(&f64) -> String + use<> {
        let factor = if self == Self::Percent { 100.0 } else { 1.0 };
        let width = factor * (span.end - span.start);
        // Digits by which neighbors of some six differ.
        let digits = (-(width / 6.0).log10().floor()).clamp(0.0, 6.0);
        let place = 10_f64.powf(digits);
        let digits = digits as usize;
        move |&number| match self {
            Self::Percent => format!("{:.digits$} %", factor * number),
            // Nothing has a sign where it is zero, and a line of the mesh is but nearly zero.
            Self::Plain => format!("{:.digits$}", (place * number).round() / place + 0.0),
            Self::Count => thousands(number.round().max(0.0) as u64),
        }
    }
}

fn is_finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

/// What an axis has to go over; none without a number.
fn span(numbers: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), number| {
        (low.min(number), high.max(number))
    });
    if high < low {
        return None;
    }
    let least = LEAST_SPAN * low.abs().max(high.abs()).max(1.0);
    let margin = (MARGIN * (high - low)).max(least);
    Some(low - margin..high + margin)
}

/// The color that `#rrggbb` names; black where it names none.
fn rgb(name: &str) -> RGBColor {
    let part = |at: usize| {
        let digits = name.get(at..at + 2)?;
        u8::from_str_radix(digits, 16).ok()
    };
    let [red, green, blue] = [1, 3, 5].map(|at| part(at).unwrap_or(0));
    RGBColor(red, green, blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: [Axis; 2] = [
        Axis { label: "search step", scale: Scale::Count },
        Axis { label: "reward", scale: Scale::Percent },
    ];

    fn plot(lines: Vec<Line>, marks: Vec<Marks>) -> Plot {
        let (title, description) = ("a < b".to_owned(), "1 & 2".to_owned());
        Plot { id: "p".into(), title, description, axes: AXES, lines, marks }
    }

    #[test]
    fn every_point_is_drawn_and_what_is_no_number_is_not() {
        let points: Vec<_> = (0..9_u8).map(|n| (f64::from(n), f64::from(n * n) / 81.0)).collect();
        let mut told = points.clone();
        told.extend([(f64::NAN, 0.5), (3.0, f64::INFINITY)]);
        let band = points.iter().map(|&(x, y)| (x, y - 0.1, y + 0.1)).collect();
        let line = Line { color: POLICY, points: told.clone(), band };
        let marks = DrawnBy::ALL.map(|by| Marks { by, points: told.clone() });
        let svg = plot(vec![line], marks.to_vec()).svg().unwrap();
        let count = |text: &str| svg.matches(text).count();
        assert_eq!(count("<circle"), 9);
        // A triangle for each, and the band.
        assert_eq!(count("<polygon"), 9 + 1);
        let line = svg.split("<polyline").find(|part| part.contains(r#"stroke-width="2""#));
        let corners = line.unwrap().split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(corners.split_whitespace().count(), 9, "{corners}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_drawing_is_titled_and_told_in_words() {
        let marks = Marks { by: DrawnBy::Policy, points: vec![(1.0, 0.5)] };
        let svg = plot(Vec::new(), vec![marks]).svg().unwrap();
        for expected in [
            "role=\"img\" aria-labelledby=\"p-title p-desc\"",
            "<title id=\"p-title\">a &lt; b</title>",
            "<desc id=\"p-desc\">1 &amp; 2</desc>",
            "search step",
            " %",
        ] {
            assert!(svg.contains(expected), "{expected} is not in\n{svg}");
        }
        assert_eq!((svg.matches("<svg").count(), svg.matches("</svg>").count()), (1, 1));
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(plot(Vec::new(), Vec::new()).svg(), None);
        let marks = Marks { by: DrawnBy::Random, points: vec![(f64::NAN, 1.0)] };
        assert_eq!(plot(Vec::new(), vec![marks]).svg(), None);
    }

    #[test]
    fn numbers_have_the_digits_that_tell_them_apart() {
        #[track_caller]
        fn check(scale: Scale, span: Range<f64>, number: f64, expected: &str) {
            assert_eq!(scale.text(&span)(&number), expected);
        }
        check(Scale::Percent, 0.0..1.0, 0.25, "25 %");
        check(Scale::Percent, 0.70..0.72, 0.7127, "71.3 %");
        check(Scale::Plain, 0.0..60.0, 57.18, "57");
        check(Scale::Plain, 1.0..1.3, 1.25, "1.25");
        check(Scale::Plain, -0.5..1.5, -0.31, "-0.3");
        check(Scale::Plain, -0.5..1.5, -1e-17, "0.0");
        check(RewardUnit::NegLogNll.scale(), 0.4..0.5, 0.4321, "0.43");
        check(RewardUnit::Accuracy.scale(), 0.4..0.5, 0.4321, "43 %");
        check(Scale::Count, 0.0..1e6, 250_000.0, "250,000");
    }

    #[test]
    fn an_axis_of_one_number_is_an_axis() {
        let found = span([0.5, 0.5].into_iter()).unwrap();
        assert!(found.start < 0.5 && 0.5 < found.end, "{found:?}");
        let found = span([2e9].into_iter()).unwrap();
        assert!(found.start < 2e9 && 2e9 < found.end, "{found:?}");
    }
}
