//! `enasctl convert`: an architecture in other text forms, without a daemon.

use enasd::api::wire::ConvertResult;
use enasd::space::{Space, SpaceConfig};

use crate::arch::read_in;
use crate::arch_args::ConvertArgs;
use crate::failure::Failure;
use crate::printer::{Printer, fields};

/// Prints the text of the one form that is asked for, or of all.
pub(crate) fn run(args: &ConvertArgs, printer: &mut Printer) -> Result<(), Failure> {
    let kind = args.space.unwrap_or_default();
    let space = Space::new(&SpaceConfig { kind, ..SpaceConfig::default() })?;
    let arch = read_in(space, &args.arch)?;
    let result = ConvertResult::new(&arch, args.to.as_deref())?;
    printer.one(&result, |result| match &args.to {
        Some(form) => result.texts[form].clone(),
        None => table(result),
    })
}

/// A row for each form: those that have a text, then the others with the reason.
fn table(result: &ConvertResult) -> String {
    let mut rows = vec![("id", result.id.clone())];
    rows.extend(result.texts.iter().map(|(form, text)| (form.as_str(), text.clone())));
    let refused = result.refused.iter();
    rows.extend(refused.map(|(form, why)| (form.as_str(), format!("none: {why}"))));
    fields(&rows)
}
