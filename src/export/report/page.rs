//! The page: its sections, in the order in which a reader asks.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::export::report::contents::{
    Report, ReportChampion, ReportVerdict, RetrainedArch, RewardUnit,
};
use crate::export::report::front::pareto_front;
use crate::export::report::plots::{agreement, curves, pareto};
use crate::export::report::table::retrained_table;
use crate::export::svg::draw_svg;
use crate::numbers::percent;

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("sort.js");

/// What the page may load: nothing but what stands in it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

/// Writes a report as one page of HTML. Every text in it is escaped.
pub fn report_page(report: &Report) -> String {
    page(
        &report.title,
        &html! {
            @for remark in &report.remarks { p.none { (remark) } }
            (verdicts(&report.verdicts))
            (champion(report.champion.as_ref()))
            h2 { "The search" }
            (curves(report))
            (retrained(report))
            h2 { "Configuration" }
            (facts(&report.config))
            h2 { "Provenance" }
            (facts(&report.provenance))
        },
    )
}

/// A page of this title.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                // Without one, a browser asks the server for it.
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (body)
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn verdicts(verdicts: &[ReportVerdict]) -> Markup {
    html! {
        h2 { "Verdicts" }
        @for ReportVerdict { heading, sentence, interval, unit, over } in verdicts {
            div.verdict {
                h3 { (heading) }
                p.sentence { (as_sentence(sentence)) }
                @if let Some(interval) = interval {
                    p.numbers { (difference(*interval, *unit)) ", over " (over) }
                }
            }
        }
    }
}

fn champion(champion: Option<&ReportChampion>) -> Markup {
    html! {
        h2 { "Champion" }
        @match champion {
            Some(ReportChampion { arch, facts: known }) => {
                (facts(known))
                figure {
                    (PreEscaped(draw_svg(arch)))
                    figcaption { "The champion, " (arch.id()) "." }
                }
            },
            None => p.none { "There is none yet: no architecture that was retrained was chosen." },
        }
    }
}

fn retrained(report: &Report) -> Markup {
    let (archs, units) = (&report.retrained, [report.rewards, report.tests]);
    // What halving trained for less cannot be compared with what it trained to the end.
    let most = archs.iter().map(|arch| arch.epochs).max();
    let is_whole = |arch: &&RetrainedArch| Some(arch.epochs) == most;
    let whole: Vec<RetrainedArch> = archs.iter().filter(is_whole).cloned().collect();
    let points: Vec<_> = whole.iter().map(|arch| (arch.mean(), [arch.params as f64])).collect();
    let of_whole = pareto_front(&points);
    let mut next = of_whole.iter().copied();
    let is_on_front = |arch| is_whole(&arch) && next.next().unwrap_or_default();
    let is_on_front: Vec<bool> = archs.iter().map(is_on_front).collect();
    html! {
        h2 { "Retrained architectures" }
        @if archs.is_empty() {
            p.none { "None was trained from scratch yet." }
        } @else {
            (agreement(&whole, &report.agreement, units))
            (pareto(&whole, &of_whole, report.tests))
            h3 { "All of them" }
            (retrained_table(archs, &is_on_front, units))
        }
    }
}

pub(super) fn facts(facts: &[(String, String)]) -> Markup {
    html! {
        @if facts.is_empty() {
            p.none { "Nothing is known." }
        } @else {
            dl { @for (name, value) in facts { dt { (name) } dd { (value) } } }
        }
    }
}

/// A sentence with a capital and a full stop.
fn as_sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// A difference with the ends of its interval.
fn difference([mean, low, high]: [f64; 3], unit: RewardUnit) -> String {
    match unit {
        RewardUnit::Accuracy => format!(
            "{} percentage points, 95 % within {} to {}",
            points(mean),
            points(low),
            points(high)
        ),
        RewardUnit::NegLogNll | RewardUnit::Perplexity => {
            format!("{mean:+.4}, 95 % within {low:+.4} to {high:+.4}")
        }
    }
}

/// A difference of shares in percentage points.
fn points(difference: f64) -> String {
    format!("{}{}", if difference < 0.0 { "" } else { "+" }, percent(difference).replace(" %", ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::color::tests::{LAYERS, PUBLISHED};
    use crate::export::report::contents::{Agreement, DrawnBy, RetrainedArch};
    use crate::export::report::curves::{CurvePoint, Curves};

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    fn retrained(id: &str, by: DrawnBy, mean: f64, params: u64) -> RetrainedArch {
        RetrainedArch {
            id: id.to_owned(),
            by,
            cycle: 1,
            epochs: 15,
            shared: Some(mean - 0.2),
            nets: vec![mean - 0.01, mean + 0.01],
            test: Some(0.905),
            params,
            multiply_adds: 2 * params,
            is_champion: false,
        }
    }

    fn whole(arch: &str) -> Report {
        let mut curves = Curves::default();
        for step in 0..30_u8 {
            let step = u64::from(step);
            let mut point = CurvePoint { first_step: step, last_step: step, ..Default::default() };
            for (policy, random) in [(0.5, 0.4), (0.6, 0.5)] {
                point.policy.add(policy);
                point.random.add(random);
            }
            point.entropy.add(20.0);
            point.loss.add(1.5);
            point.raise(0.6);
            curves.add(&point);
        }
        let champion = ReportChampion {
            arch: arch.parse().unwrap(),
            facts: vec![pair("parameters", "12,345")],
        };
        let verdict = ReportVerdict {
            heading: "With the shared weights".to_owned(),
            sentence: "one scores higher than the other".to_owned(),
            interval: Some([0.126, 0.117, 0.134]),
            unit: RewardUnit::Accuracy,
            over: "100 steps".to_owned(),
        };
        Report {
            title: "micro on fashion-mnist".to_owned(),
            rewards: RewardUnit::Accuracy,
            tests: RewardUnit::Accuracy,
            verdicts: vec![verdict],
            curves,
            champion: Some(champion),
            retrained: vec![
                retrained("m5-a", DrawnBy::Policy, 0.88, 1_234_567),
                RetrainedArch {
                    is_champion: true,
                    ..retrained("m5-b", DrawnBy::Random, 0.9, 2_000_000)
                },
                retrained("m5-c", DrawnBy::Request, 0.87, 3_000_000),
            ],
            agreement: Agreement { archs: 12, tau: Some([0.5, 0.25, 0.75]), ceiling: None },
            config: vec![pair("net.layers", "6")],
            provenance: vec![pair("data", "blake3 0123")],
            remarks: Vec::new(),
        }
    }

    /// The innermost open element that is closed wrongly, if any.
    fn misnested(page: &str) -> Option<String> {
        const EMPTY: [&str; 3] = ["!DOCTYPE", "meta", "link"];
        let (head, rest) = page.split_once("<style>")?;
        let (_, rest) = rest.split_once("</style>")?;
        let (body, end) = rest.split_once("<script>")?;
        let (_, end) = end.split_once("</script>")?;
        let mut open: Vec<String> = Vec::new();
        for piece in [head, body, end].concat().split('<').skip(1) {
            let (tag, _) = piece.split_once('>')?;
            let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next()?;
            if tag.starts_with('/') {
                if open.pop().as_deref() != Some(name) {
                    return Some(tag.to_owned());
                }
            } else if !tag.ends_with('/') && !EMPTY.contains(&name) {
                open.push(name.to_owned());
            }
        }
        open.pop()
    }

    #[test]
    fn a_page_has_all_that_was_measured() {
        for arch in [PUBLISHED, LAYERS] {
            let page = report_page(&whole(arch));
            assert_eq!(misnested(&page), None);
            for expected in [
                "<!DOCTYPE html>",
                "name=\"viewport\"",
                "<h1>micro on fashion-mnist</h1>",
                "<p class=\"sentence\">One scores higher than the other.</p>",
                "+12.60 percentage points, 95 % within +11.70 to +13.40, over 100 steps",
                "<dt>parameters</dt><dd>12,345</dd>",
                "0.50 (95 % 0.25 to 0.75)",
                "not measured yet; over 12 architectures",
                "Of 3 retrained architectures 2 are on the front",
                "<dt>net.layers</dt><dd>6</dd>",
                "<dt>data</dt><dd>blake3 0123</dd>",
                "class=\"part ",
            ] {
                assert!(page.contains(expected), "{expected} is not in\n{page}");
            }
            let plots = page.matches("<svg").count();
            assert_eq!(plots, 7, "four curves, two scatters and the champion");
            assert_eq!(page.matches("role=\"img\"").count(), plots);
        }
    }

    #[test]
    fn rewards_that_are_no_accuracies_are_numbers_and_accuracies_stay_shares() {
        let mut report = whole(PUBLISHED);
        let page = |report: &Report| report_page(report);
        let texts = [
            (
                "Mean rewards, which are accuracies of",
                "Mean rewards, which are negative logarithms",
            ),
            ("the policy is 55.00 %, that of random", "the policy is 0.5500, that of random"),
            ("It ends at 60.00 %.", "It ends at 0.6000."),
            ("+12.60 percentage points, 95 %", "+0.1260, 95 % within +0.1170 to +0.1340, over"),
            (">70.00 %</td>", ">0.7000</td>"),
        ];
        let shares = page(&report);
        report.rewards = RewardUnit::NegLogNll;
        report.verdicts[0].unit = RewardUnit::NegLogNll;
        let numbers = page(&report);
        for (share, number) in texts {
            assert!(shares.contains(share) && !shares.contains(number), "{share}");
            assert!(numbers.contains(number) && !numbers.contains(share), "{number}");
        }
        for accuracy in [">90.00 %</td>", ">90.50 %</td>"] {
            assert!(shares.contains(accuracy) && numbers.contains(accuracy), "{accuracy}");
        }
        // Of text nothing is a share of images.
        (report.rewards, report.tests) = (RewardUnit::Perplexity, RewardUnit::Perplexity);
        let text = page(&report);
        for told in [">0.9000</td>", ">0.9050</td>", "80 / perplexity once retrained", "80 divided"]
        {
            assert!(text.contains(told), "{told}");
        }
        assert!(!text.contains("accuracy") && !text.contains(" %</td>"), "{text}");
    }

    #[test]
    fn a_row_tells_an_architecture_and_the_best_comes_first() {
        let page = report_page(&whole(PUBLISHED));
        let (_, body) = page.split_once("<tbody>").unwrap();
        let rows: Vec<&str> = body.split("<tr").skip(1).collect();
        assert_eq!(rows.len(), 3);
        assert!(rows[0].starts_with(" class=\"champion\"><td>m5-b (champion)</td>"), "{}", rows[0]);
        for (value, text) in [
            ("1234567", "1,234,567"),
            ("0.905", "90.50 %"),
            ("0.88", "88.00 %"),
            ("15", "15"),
            ("2", "2"),
        ] {
            let cell = format!("<td data-v=\"{value}\">{text}</td>");
            assert!(rows[1].contains(&cell), "{cell} is not in\n{}", rows[1]);
        }
        assert!(rows[1].contains("<td class=\"text\">policy</td>"));
        assert!(rows[1].ends_with("<td class=\"text\">yes</td></tr>"), "{}", rows[1]);
    }

    #[test]
    fn what_was_trained_for_less_is_in_the_table_alone() {
        let mut report = whole(PUBLISHED);
        let short =
            RetrainedArch { epochs: 1, ..retrained("m5-short", DrawnBy::Policy, 0.5, 1000) };
        report.retrained.insert(1, short);
        let page = report_page(&report);
        assert!(page.contains("Of 3 retrained architectures 2 are on the front"));
        let (plots, table) = page.split_once("<tbody>").unwrap();
        assert!(!plots.contains("m5-short"));
        let row = table.split("<tr").find(|row| row.contains("m5-short")).unwrap();
        assert!(!row.contains(">yes<"), "{row}");
    }

    #[test]
    fn every_text_is_escaped() {
        const FOREIGN: &str = "</style><script>alert(\"1\")</script>&<img src='x'>";
        let mut report = whole(PUBLISHED);
        report.title = FOREIGN.to_owned();
        report.remarks = vec![FOREIGN.to_owned()];
        report.verdicts[0] = ReportVerdict {
            heading: FOREIGN.to_owned(),
            sentence: FOREIGN.to_owned(),
            interval: Some([0.0; 3]),
            unit: RewardUnit::Accuracy,
            over: FOREIGN.to_owned(),
        };
        report.retrained[0].id = FOREIGN.to_owned();
        let known = vec![pair(FOREIGN, FOREIGN)];
        (report.config, report.provenance) = (known.clone(), known.clone());
        report.champion.as_mut().unwrap().facts = known;
        let page = report_page(&report);
        assert_eq!(page.matches("<script").count(), 1, "the page's own");
        assert_eq!(page.matches("<img").count(), 0);
        assert_eq!(page.matches("alert(").count(), 13);
        assert_eq!(misnested(&page), None);
    }

    #[test]
    fn a_search_without_history_gives_a_page_that_says_so() {
        let page = report_page(&Report { title: "nothing".to_owned(), ..Report::default() });
        assert_eq!(misnested(&page), None);
        assert_eq!(page.matches("Nothing to show yet.").count(), 4);
        for expected in ["There is none yet", "None was trained from scratch yet."] {
            assert!(page.contains(expected), "{expected} is not in\n{page}");
        }
        assert!(!page.contains("<svg"));
    }

    /// Nothing is fetched: what looks like an address is a name of a vocabulary.
    #[test]
    fn a_page_asks_for_nothing_from_elsewhere() {
        let page = report_page(&whole(PUBLISHED));
        let foreign = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for refused in ["http:", "https:", "//www", "url(", "@import", "src="] {
            assert!(!foreign.contains(refused), "{refused} is in\n{foreign}");
        }
        assert!(page.contains("default-src 'none'") || page.contains("default-src &#39;none&#39;"));
        assert_eq!(report_page(&whole(PUBLISHED)), page);
    }
}
