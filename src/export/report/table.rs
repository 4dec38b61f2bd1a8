//! The table of all that was retrained.

use maud::{Markup, html};

use crate::export::report::contents::{RetrainedArch, RewardUnit};
use crate::numbers::thousands;

/// A row for each architecture, the best first; `is_on_front` says of each whether it is on the
/// front of score and size. What was measured with the shared weights is a reward of the first unit,
/// what retrained nets have is told in the second.
pub(super) fn retrained_table(
    archs: &[RetrainedArch],
    is_on_front: &[bool],
    units: [RewardUnit; 2],
) -> Markup {
    let mut order: Vec<(&RetrainedArch, bool)> =
        archs.iter().zip(is_on_front.iter().copied()).collect();
    order.sort_by(|(a, _), (b, _)| b.mean().total_cmp(&a.mean()).then_with(|| a.id.cmp(&b.id)));
    html! {
        div.scroll {
            table.sorts {
                caption {
                    "All that were trained from scratch, the best first; with scripts, a column's \
                     head sorts by it. Retrained: " (units[1].plural()) " on the validation split, means \
                     over the nets."
                }
                thead { tr {
                    th scope="col" { "architecture" }
                    th.text scope="col" { "drawn by" }
                    th scope="col" { "cycle" }
                    th scope="col" { "shared" }
                    th scope="col" { "retrained" }
                    th scope="col" { "between nets" }
                    th scope="col" { "nets" }
                    th scope="col" { "epochs" }
                    th scope="col" { "test" }
                    th scope="col" { "parameters" }
                    th scope="col" { "multiply-adds" }
                    th.text scope="col" { "front" }
                } }
                tbody { @for (arch, is_on_front) in order { (row(arch, is_on_front, units)) } }
            }
        }
    }
}

fn row(arch: &RetrainedArch, is_on_front: bool, [unit, tests]: [RewardUnit; 2]) -> Markup {
    html! {
        tr class=[arch.is_champion.then_some("champion")] {
            td { (arch.id) @if arch.is_champion { " (champion)" } }
            td.text { (arch.by.name()) }
            (count(arch.cycle))
            (number(arch.shared, |reward| unit.show(reward)))
            (number(Some(arch.mean()), |mean| tests.show(mean)))
            (number(arch.spread(), |spread| tests.show(spread)))
            (count(arch.nets.len() as u64))
            (count(arch.epochs))
            (number(arch.test, |test| tests.show(test)))
            (count(arch.params))
            (count(arch.multiply_adds))
            td.text { @if is_on_front { "yes" } @else { "no" } }
        }
    }
}

fn count(number: u64) -> Markup {
    html! { td data-v=(number) { (thousands(number)) } }
}

pub(super) fn number(number: Option<f64>, text: impl Fn(f64) -> String) -> Markup {
    let number = number.filter(|number| number.is_finite());
    html! {
        @match number {
            Some(number) => td data-v=(number) { (text(number)) },
            None => td data-v="" { "–" },
        }
    }
}
