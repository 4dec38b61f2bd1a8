//! `enasctl convert`: an architecture in other text forms, without a daemon.

use enasd::api::wire::ConvertResult;
use enasd::space::{Arch, Space, SpaceConfig};

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
        None => table(&arch),
    })
}

/// A row for each form, the native one first.
fn table(arch: &Arch) -> String {
    let mut rows = vec![("id", arch.id())];
    for (form, text) in arch.texts() {
        rows.push((form, text.unwrap_or_else(|why| format!("none: {why}"))));
    }
    fields(&rows)
}
