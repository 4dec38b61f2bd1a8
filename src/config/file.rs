//! The TOML file: a regular one, read whole, parsed with the place of every value.

use std::fs::FileType;
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::entry::{self, Entry};
use crate::config::{ConfigError, ConfigProblem, Source, keys};

/// What stands for no file.
const NO_FILE: &str = "/dev/null";

/// The most bytes of a file: a hundred times the longest that is shipped.
const MAX_BYTES: u64 = 1 << 20;

/// What one line of a file comes to.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// It sets a key, known or not.
    Setting(Entry),
    /// It has not the shape of a setting.
    Misshapen(ConfigProblem),
}

/// A file's path and text.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path, as messages name it.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) text: String,
}

impl File {
    /// Reads the file called `path`; what cannot be read again, as a pipe, is refused.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let refuse = |source| ConfigError::Read { path: path.to_owned(), source };
        // A pipe is opened without a wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|err| refuse(err.into()))?;
        let file = std::fs::File::from(file);
        let kind = file.metadata().map_err(refuse)?.file_type();
        if !kind.is_file() && path != Path::new(NO_FILE) {
            return Err(ConfigError::NotAFile { path: path.to_owned(), kind: named(kind) });
        }
        let mut text = String::new();
        // One byte more than permitted shows that there is more.
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(refuse)?;
        if MAX_BYTES < text.len() as u64 {
            return Err(ConfigError::Size { path: path.to_owned(), limit: MAX_BYTES });
        }
        Ok(Self { path: path.to_owned(), text })
    }

    /// What the file sets, in its order, or what is wrong with its shape at that place.
    pub(super) fn lines(&self) -> Result<Vec<Line>, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|err| {
            let (line, column) = self.position(err.span().map_or(0, |span| span.start));
            let message = err.message().replace('\n', ", ");
            ConfigError::Syntax { path: self.path.clone(), line, column, message }
        })?;
        let mut found = Vec::new();
        for (name, value) in table.get_ref() {
            let start = name.span().start;
            let section = keys::sections().find(|section| section == name.get_ref());
            match (section, value.get_ref()) {
                (Some(_), DeValue::Table(inner)) => {
                    for (key, value) in inner {
                        let path = format!("{}.{}", name.get_ref(), key.get_ref());
                        found.push((key.span().start, Line::Setting(self.entry(path, key, value))));
                    }
                }
                (Some(section), _) => {
                    let place = self.source(start);
                    found.push((
                        start,
                        Line::Misshapen(ConfigProblem::NotASection { place, section }),
                    ));
                }
                (None, DeValue::Table(_)) => {
                    let problem = entry::unknown_section(name.get_ref(), self.source(start));
                    found.push((start, Line::Misshapen(problem)));
                }
                (None, _) => {
                    found.push((
                        start,
                        Line::Setting(self.entry(name.get_ref().to_string(), name, value)),
                    ));
                }
            }
        }
        found.sort_by_key(|&(start, _)| start);
        Ok(found.into_iter().map(|(_, line)| line).collect())
    }

    fn entry<K>(&self, path: String, key: &Spanned<K>, value: &Spanned<DeValue>) -> Entry {
        // A table has no place of its own where its keys are dotted.
        let text = match value.get_ref() {
            DeValue::Table(_) => "{…}".to_owned(),
            _ => self.text.get(value.span()).unwrap_or_default().to_owned(),
        };
        let typed = Some(to_json(value.get_ref()));
        Entry { path, source: self.source(key.span().start), text, typed }
    }

    fn source(&self, offset: usize) -> Source {
        Source::File { path: self.path.clone(), line: self.position(offset).0 }
    }

    /// The line and the character in it, counted from 1, of the byte at `offset`.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// What is there instead of a file.
fn named(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// The value in JSON's types; an object, which no rule permits, where JSON has none.
fn to_json(value: &DeValue) -> Value {
    let refused = || Value::Object(serde_json::Map::new());
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            let whole = u64::from_str_radix(digits, radix).map(Value::from);
            whole
                .or_else(|_| i64::from_str_radix(digits, radix).map(Value::from))
                .unwrap_or_else(|_| refused())
        }
        DeValue::Float(number) => {
            let finite = number.as_str().parse().ok().and_then(Number::from_f64);
            finite.map_or_else(refused, Value::Number)
        }
        DeValue::Boolean(switch) => Value::from(*switch),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Datetime(_) | DeValue::Table(_) => refused(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_read_again_is_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for (path, kind) in [
            (pipe.as_path(), "is a pipe, and it must be a regular file"),
            (folder.path(), "is a folder"),
            (Path::new("/dev/zero"), "is a device"),
        ] {
            let error = File::read(path).unwrap_err().to_string();
            assert!(error.contains(kind) && error.contains("--set"), "{error}");
        }
        assert_eq!(File::read(Path::new(NO_FILE)).unwrap().text, "");
    }
}
