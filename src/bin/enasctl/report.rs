//! `enasctl report`: the whole search as one page of HTML, in a file.

use enasd::store::write_atomically;
use serde::Serialize;

use crate::args::ReportArgs;
use crate::failure::Failure;
use crate::printer::{Printer, thousands};
use crate::reserved::Reserved;
use crate::socket::Daemon;

/// What was written.
#[derive(Debug, Serialize)]
struct Written {
    file: String,
    bytes: u64,
}

/// Has the page made and writes it. No file is replaced unasked.
pub(crate) async fn report(
    daemon: &Daemon,
    printer: &mut Printer,
    args: &ReportArgs,
) -> Result<(), Failure> {
    let file = &args.file;
    let reserved = if args.force { None } else { Some(Reserved::new(file)?) };
    let page = daemon.work().get_bytes("/v1/report.html").await?;
    write_atomically(file, &page)?;
    if let Some(reserved) = reserved {
        reserved.keep();
    }
    let written = Written { file: file.display().to_string(), bytes: page.len() as u64 };
    printer.one(&written, |written| {
        format!("wrote {} bytes to {}", thousands(written.bytes), written.file)
    })
}
