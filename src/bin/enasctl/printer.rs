//! Results on standard output: tables, JSON, or a line of JSON per item.
//!
//! There are no colours, so `NO_COLOR` is respected by nature. A closed output is an error like
//! any other here; `main` takes it for the reader's wish.

use std::fmt::Display;
use std::io::{self, IsTerminal, StdoutLock, Write};

use comfy_table::Table;
use comfy_table::presets::{NOTHING, UTF8_HORIZONTAL_ONLY};
pub(crate) use enasd::numbers::{percent, thousands};
use enasd::printable::printable;
use enasd::search::Objective;
use serde::Serialize;

use crate::args::Format;
use crate::failure::Failure;

/// A column of a table: its name, and what an item has there.
pub(crate) type Column<'a, I> = (&'a str, &'a dyn Fn(&I) -> String);

/// Standard output, held for the whole run.
#[derive(Debug)]
pub(crate) struct Printer {
    format: Format,
    out: StdoutLock<'static>,
    is_terminal: bool,
}

impl Printer {
    /// A printer in a format.
    pub(crate) fn new(format: Format) -> Self {
        let out = io::stdout().lock();
        Self { format, is_terminal: out.is_terminal(), out }
    }

    /// Prints one thing: as it is, or as text for people.
    pub(crate) fn one<T: Serialize>(
        &mut self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.text(&text(value)),
            Format::Json => self.json(value),
            Format::Ndjson => self.line(value),
        }
    }

    /// Prints a reply with many items: as it is, item by item, or as text for people.
    pub(crate) fn list<T: Serialize, I: Serialize>(
        &mut self,
        reply: &T,
        items: &[I],
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.text(&text(reply)),
            Format::Json => self.json(reply),
            Format::Ndjson => items.iter().try_for_each(|item| self.line(item)),
        }
    }

    /// Prints a reply with many items: as it is, item by item, or as a table with a row each.
    pub(crate) fn many<T: Serialize, I: Serialize>(
        &mut self,
        reply: &T,
        items: &[I],
        columns: &[Column<'_, I>],
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(reply),
            Format::Ndjson => items.iter().try_for_each(|item| self.line(item)),
            Format::Table => self.text(&self.table(items, columns)),
        }
    }

    /// A table with a row for each item.
    pub(crate) fn table<I>(&self, items: &[I], columns: &[Column<'_, I>]) -> String {
        let mut table = Table::new();
        let style = if self.is_terminal { UTF8_HORIZONTAL_ONLY } else { NOTHING };
        table.load_style(style);
        table.set_header(columns.iter().map(|(name, _)| *name));
        for item in items {
            table.add_row(columns.iter().map(|(_, text)| text(item)));
        }
        table.trim_fmt()
    }

    /// Prints one item of a stream at once.
    pub(crate) fn item<I: Serialize>(
        &mut self,
        item: &I,
        text: impl FnOnce(&I) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.text(&text(item))?,
            Format::Json | Format::Ndjson => self.line(item)?,
        }
        self.flush()
    }

    /// Whether results go to a person at a terminal.
    pub(crate) fn is_screen(&self) -> bool {
        self.is_terminal && self.format == Format::Table
    }

    /// Columns of the terminal; elsewhere as many as a drawing may need.
    pub(crate) fn width(&self) -> usize {
        let terminal = if self.is_terminal { Table::new().width() } else { None };
        terminal.map_or(100, usize::from)
    }

    /// Prints for people only.
    pub(crate) fn aside(&mut self, text: &str) -> Result<(), Failure> {
        if self.format == Format::Table { self.text(text) } else { Ok(()) }
    }

    /// Prints a text whatever the format: it is the result.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.out, "{}", printable(text.trim_end_matches('\n'))).map_err(Failure::Output)
    }

    /// Sees that all is printed.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)
    }

    fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value);
        self.text(&text.map_err(|err| Failure::Output(err.into()))?)
    }

    fn line<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(value);
        self.text(&text.map_err(|err| Failure::Output(err.into()))?)
    }
}

/// Says something on standard error that is no result.
pub(crate) fn remark(text: impl Display) {
    // Where even this cannot be written, the exit status remains.
    let _ = writeln!(io::stderr(), "enasctl: {}", printable(&text.to_string()));
}

/// Lines of a name and a value, the values below each other.
pub(crate) fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let further = format!("\n{:width$}  ", "");
    let lines = fields
        .iter()
        .map(|(name, value)| format!("{name:width$}  {}", value.replace('\n', &further)));
    lines.collect::<Vec<_>>().join("\n")
}

/// A time of a millisecond or so, with three digits that count.
pub(crate) fn milliseconds(ms: f64) -> String {
    let digits = (2.0 - ms.max(1e-3).log10().floor()).clamp(0.0, 3.0) as usize;
    format!("{ms:.digits$} ms")
}

/// The objective that a reply names; a daemon that names none has accuracies for rewards.
pub(crate) fn objective(name: &str) -> Objective {
    Objective::of_name(name).unwrap_or_default()
}

/// A value that may be missing.
pub(crate) fn or_dash<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_that_count() {
        for (ms, text) in [
            (0.0, "0.000 ms"),
            (0.0123, "0.012 ms"),
            (1.234, "1.23 ms"),
            (57.21, "57.2 ms"),
            (1234.5, "1234 ms"),
        ] {
            assert_eq!(milliseconds(ms), text);
        }
    }

    #[test]
    fn values_stand_below_each_other() {
        let text = fields(&[("a", "1\n2".to_owned()), ("long", "3".to_owned())]);
        assert_eq!(text, "a     1\n      2\nlong  3");
    }
}
