//! The page of a study: how far each way of scoring architectures agrees with retraining them.

use maud::{Markup, html};

use crate::export::report::contents::DrawnBy;
use crate::export::report::page::{facts, page};
use crate::export::report::plot::{Axis, Marks, Plot, Scale};
use crate::export::report::plots::figure;
use crate::export::report::table::number;

/// A way of scoring architectures, against what they are worth once retrained.
#[derive(Clone, Debug)]
pub struct StudyRow {
    /// What it is called.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Kendall's τ with its lower and upper end.
    pub tau: Option<[f64; 3]>,
    /// τ as a share of its ceiling.
    pub of_ceiling: Option<f64>,
    /// What those it has highest are worth, less what all are.
    pub top: f64,
    /// Each architecture: its score, and what it is worth.
    pub points: Vec<(f64, f64)>,
}

/// What the page of a study says.
#[derive(Clone, Debug)]
pub struct StudyReport {
    /// The title.
    pub title: String,
    /// What was studied, and how much of it is noise.
    pub facts: Vec<(String, String)>,
    /// Every way of scoring.
    pub rows: Vec<StudyRow>,
}

/// Writes a study as one page of HTML. Every text in it is escaped.
pub fn study_page(report: &StudyReport) -> String {
    page(
        &report.title,
        &html! {
            (facts(&report.facts))
            h2 { "What agrees with retraining" }
            (table(&report.rows))
            h2 { "Every architecture" }
            @for (number, row) in report.rows.iter().enumerate() { (scatter(number, row)) }
        },
    )
}

fn table(rows: &[StudyRow]) -> Markup {
    html! {
        div.scroll {
            table.sorts {
                caption {
                    "Kendall's τ between each score and the mean −ln nll of the retrained nets, with its \
                     95 % interval, and what the fifth that it has highest is worth more than all."
                }
                thead { tr {
                    th.text scope="col" { "score" }
                    th scope="col" { "τ" }
                    th scope="col" { "from" }
                    th scope="col" { "to" }
                    th scope="col" { "of the ceiling" }
                    th scope="col" { "best fifth" }
                    th.text scope="col" { "what it is" }
                } }
                tbody { @for row in rows { tr {
                    td.text { (row.name) }
                    @for place in 0..3 { (number(row.tau.map(|tau| tau[place]), signed)) }
                    (number(row.of_ceiling, |share| format!("{:.0} %", 100.0 * share)))
                    (number(Some(row.top), signed))
                    td.text { (row.about) }
                } } }
            }
        }
    }
}

fn signed(number: f64) -> String {
    format!("{number:+.3}")
}

fn scatter(number: usize, row: &StudyRow) -> Markup {
    let tau = row.tau.map_or("not measured".to_owned(), |[mean, low, high]| {
        format!("{mean:+.2} (95 % {low:+.2} to {high:+.2})")
    });
    let words = format!("{}: Kendall's τ with retraining is {tau}.", row.name);
    let plot = Plot {
        id: format!("estimate{number}").into(),
        title: row.name.clone(),
        description: words.clone(),
        axes: [
            Axis { label: "score", scale: Scale::Plain },
            Axis { label: "−ln nll once retrained", scale: Scale::Plain },
        ],
        lines: Vec::new(),
        marks: vec![Marks { by: DrawnBy::Random, points: row.points.clone() }],
    };
    figure(plot, html! { (words) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_has_a_row_and_a_picture_and_texts_are_escaped() {
        let row = |name: &str, tau| StudyRow {
            name: name.to_owned(),
            about: "a <b>".to_owned(),
            tau,
            of_ceiling: tau.map(|[mean, ..]| mean / 0.8),
            top: 0.05,
            points: vec![(0.1, 0.5), (0.2, 0.7)],
        };
        let report = StudyReport {
            title: "A study".to_owned(),
            facts: vec![("space".to_owned(), "micro".to_owned())],
            rows: vec![row("1 epoch", Some([0.4, 0.2, 0.6])), row("constant", None)],
        };
        let page = study_page(&report);
        for part in ["+0.400", "50 %", "a &lt;b&gt;", "id=\"estimate1-title\"", "not measured"] {
            assert!(page.contains(part), "no {part} in {page}");
        }
        assert!(!page.contains("a <b>"));
        assert_eq!(page.matches("<svg").count(), 2);
    }
}
