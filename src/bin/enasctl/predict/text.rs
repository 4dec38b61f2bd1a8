//! A text from where it is: a file, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::predict::pictures::STDIN;

/// Letters of a line that are shown beside its perplexity.
const SHOWN: usize = 60;

/// A text, and where it comes from.
pub(super) struct Text {
    /// In words.
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
}

/// How long a text may be.
#[derive(Clone, Copy)]
pub(super) struct Longest {
    pub(super) bytes: u64,
    /// Who reads no more, and what mends it.
    pub(super) reader: &'static str,
}

impl Text {
    /// The text that `files` name: one, or none for standard input.
    pub(super) fn of(files: &[PathBuf], longest: Longest) -> Result<Self, Failure> {
        match files {
            [] => Self::input(longest),
            [file] if file.as_os_str() == STDIN => Self::input(longest),
            [file] => Self::open(file, longest),
            _ => Err(Failure::ManyTexts),
        }
    }

    fn input(longest: Longest) -> Result<Self, Failure> {
        Self::read("standard input".to_owned(), io::stdin().lock(), longest)
    }

    fn open(path: &Path, longest: Longest) -> Result<Self, Failure> {
        let file = path.display().to_string();
        let opened = File::open(path);
        let opened = opened.map_err(|source| Failure::NoText { file: file.clone(), source })?;
        Self::read(file, opened, longest)
    }

    fn read(file: String, reader: impl Read, longest: Longest) -> Result<Self, Failure> {
        let Longest { bytes: limit, reader: who } = longest;
        let mut bytes = Vec::new();
        match reader.take(limit + 1).read_to_end(&mut bytes) {
            Ok(size) if limit < size as u64 => Err(Failure::LongText { file, limit, reader: who }),
            Ok(_) => Ok(Self { file, bytes }),
            Err(source) => Err(Failure::NoText { file, source }),
        }
    }

    /// How each line begins.
    pub(super) fn beginnings(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let beginning = |line: &str| {
            let line = line.trim();
            match line.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line.to_owned(),
            }
        };
        text.lines().map(beginning).collect()
    }
}
