//! What a net makes of a text: printed.

use enasd::api::wire::{PredictedLine, PredictedWord, TextResult};
use serde::Serialize;

use crate::args::PredictArgs;
use crate::failure::Failure;
use crate::predict::by;
use crate::predict::judge::Judge;
use crate::predict::text::Text;
use crate::printer::{Printer, or_dash, percent};

/// What a line of JSON is of.
#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Line(&'a PredictedLine),
    Next(&'a PredictedWord),
}

/// Has a net read the text.
pub(super) async fn predict(
    printer: &mut Printer,
    judge: &Judge,
    args: &PredictArgs,
) -> Result<(), Failure> {
    let text = Text::of(&args.files, judge.longest())?;
    let result = judge.read(&text, args.words).await?;
    let lines = result.lines.iter().map(Item::Line);
    let items: Vec<Item<'_>> = lines.chain(result.next.iter().map(Item::Next)).collect();
    let people = for_people(printer, &text, &result);
    printer.list(&result, &items, |_| people)
}

/// The same as text.
fn for_people(printer: &Printer, text: &Text, result: &TextResult) -> String {
    let beginnings = text.beginnings();
    let beginning = |line: &PredictedLine| {
        let at = usize::try_from(line.line - 1).ok();
        at.and_then(|at| beginnings.get(at).cloned()).unwrap_or_default()
    };
    let mut shown = printer.table(
        &result.lines,
        &[
            ("line", &|line: &PredictedLine| line.line.to_string()),
            ("words", &|line| line.words.to_string()),
            ("perplexity", &|line| perplexity(line.perplexity)),
            ("text", &beginning),
        ],
    );
    if !result.next.is_empty() {
        let next = printer.table(
            &result.next,
            &[
                ("next", &|next: &PredictedWord| next.word.clone()),
                ("probability", &|next| percent(next.probability)),
            ],
        );
        shown = format!("{shown}\n\n{next}");
    }
    let whole = perplexity(result.perplexity);
    let by = by(&result.id, result.certified);
    let unknown = match result.unknown {
        0 => String::new(),
        n => format!("; {n} that it does not know were read as <unk>, which flatters it"),
    };
    format!("{shown}\n\nperplexity {whole} of {} words, {by}{unknown}", result.words)
}

fn perplexity(found: Option<f64>) -> String {
    or_dash(found, |found| format!("{found:.2}"))
}
