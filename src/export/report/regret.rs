//! The plot of regrets: a drawing of its own, with its legend in it.

use crate::export::pen::escape;
use crate::export::report::plot::{Axis, Line, Plot, Scale};

/// Colors that are told apart by people who see few, the darkest first (Okabe & Ito, 2008).
const COLORS: [&str; 7] =
    ["#4a4f57", "#0067a5", "#c04a00", "#007a5e", "#a0457a", "#8a6d00", "#2f8fc4"];

/// One line of the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct RegretLine {
    /// Its name in the legend.
    pub name: String,
    /// Architectures scored, and the mean by then.
    pub points: Vec<(f64, f64)>,
    /// The same with the ends of the interval.
    pub band: Vec<(f64, f64, f64)>,
}

/// The drawing of `lines` as SVG, of regrets or of the best rewards so far; none without a point.
pub fn regret_svg(lines: &[RegretLine], is_regret: bool) -> Option<String> {
    let colors = || COLORS.into_iter().cycle();
    let label = if is_regret { "regret" } else { "best reward so far" };
    let names: Vec<&str> = lines.iter().map(|line| &*line.name).collect();
    let plot = Plot {
        id: "regret".into(),
        title: if is_regret { "Regret" } else { "Best reward so far" }.to_owned(),
        description: format!(
            "The mean {label} with its 95 % interval against architectures scored: {}",
            names.join(", ")
        ),
        axes: [
            Axis { label: "architectures scored", scale: Scale::Count },
            Axis { label, scale: Scale::Plain },
        ],
        lines: lines
            .iter()
            .zip(colors())
            .map(|(RegretLine { points, band, .. }, color)| Line {
                color,
                points: points.clone(),
                band: band.clone(),
            })
            .collect(),
        marks: Vec::new(),
    };
    let drawn = plot.svg()?;
    let (elements, end) = drawn.rsplit_once("</svg>")?;
    // Regrets fall, and rewards rise: the legend stands where no line comes.
    let apart = (240 / lines.len().max(1)).clamp(8, 20);
    let top = if is_regret { 18 } else { 270_usize.saturating_sub(apart * lines.len()) };
    let legend = lines.iter().zip(colors()).enumerate().map(|(place, (line, color))| {
        let y = top + apart * place;
        format!(
            "<rect x=\"520\" y=\"{y}\" width=\"22\" height=\"4\" fill=\"{color}\"/>\n\
             <text x=\"550\" y=\"{}\" font-family=\"sans-serif\" font-size=\"14\">{}</text>\n",
            y + 7,
            escape(&line.name)
        )
    });
    Some(format!("{elements}{}</svg>{end}", legend.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str) -> RegretLine {
        let points = vec![(1.0, 0.5), (2.0, 0.25)];
        let band = points.iter().map(|&(x, y)| (x, y - 0.1, y + 0.1)).collect();
        RegretLine { name: name.to_owned(), points, band }
    }

    #[test]
    fn every_line_stands_in_the_legend_in_its_color() {
        let drawn = regret_svg(&[line("random"), line("a < b")], true).unwrap();
        for (name, color) in ["random", "a &lt; b"].into_iter().zip(COLORS) {
            assert!(drawn.contains(&format!(">{name}</text>")), "{drawn}");
            assert!(
                drawn.matches(&color.to_uppercase()).count() + drawn.matches(color).count() > 1
            );
        }
        assert!(drawn.trim_end().ends_with("</svg>"));
        assert_eq!(drawn.matches("<svg").count(), 1);
        assert_eq!(regret_svg(&[], true), None);
    }
}
