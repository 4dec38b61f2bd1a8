//! Which files of a folder are the texts of its splits.
//!
//! ```text
//! train.txt          valid.txt          test.txt             first choice
//! ptb.train.txt      ptb.valid.txt      ptb.test.txt         the same: Penn Treebank
//! wiki.train.tokens  wiki.valid.tokens  wiki.test.tokens     the same: WikiText
//! a.train.b          a.valid.b  a.val.b  train-a.b           second choice, where there is none of these
//! ```
//!
//! Each may be gz, with `.gz` behind its name; where a plain and a packed one lie side by side, the
//! plain one is read. Two files that could be one split's are refused. What is no split's is passed
//! over and noted.

use std::fs;
use std::path::Path;

use crate::data::note::N_EXAMPLES;
use crate::data::problems::Problems;
use crate::data::source::{RawFile, check_folder};
use crate::data::{DataError, DataNote, TextFault, TextNote};

/// How to mend a missing file.
const HINT: &str = "put the file there, or set `data.path` to the folder with the text";

/// The open files of the splits.
pub(super) struct Files {
    pub(super) train: RawFile,
    pub(super) valid: RawFile,
    pub(super) test: Option<RawFile>,
    /// What a person should know.
    pub(super) notes: Vec<DataNote>,
}

/// Opens the texts in `folder`.
pub(super) fn open(folder: &Path) -> Result<Files, DataError> {
    check_folder(folder, "a folder with train.txt, valid.txt and maybe test.txt, plain or gz")?;
    let (mut names, mut ignored) = (Vec::new(), Vec::new());
    let failed = |source| DataError::Io { action: "list", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        match entry.map_err(failed)?.file_name().into_string() {
            Ok(name) if !name.starts_with('.') => names.push(name),
            Ok(name) => ignored.push(folder.join(name)),
            Err(name) => ignored.push(folder.join(name)),
        }
    }
    // The order in which a folder is listed is chance.
    names.sort();
    let (mut problems, mut used) = (Problems::default(), Vec::new());
    let mut file = |split: &Split| {
        let name = problems.ok(split.choose(folder, &names))?;
        used.extend(name.clone());
        match name {
            None if split.is_optional => None,
            None => problems.ok(RawFile::open(folder, &split.usual(), HINT)),
            Some(name) => problems.ok(RawFile::open(folder, &[name], HINT)),
        }
    };
    let [train, valid, test] = SPLITS.each_ref().map(&mut file);
    problems.finish()?;
    let (train, valid) = train.zip(valid).expect("both were opened, or the problem is told");
    ignored.extend(names.iter().filter(|name| !used.contains(name)).map(|name| folder.join(name)));
    ignored.sort();
    let mut notes = Vec::new();
    if !ignored.is_empty() {
        let count = ignored.len();
        ignored.truncate(N_EXAMPLES);
        notes.push(DataNote::Ignored { count, examples: ignored });
    }
    if test.is_none() {
        notes.push(DataNote::Text { path: folder.to_owned(), note: TextNote::NoTest });
    }
    Ok(Files { train, valid, test, notes })
}

/// How the files of a split are called.
struct Split {
    name: &'static str,
    /// Its own name and others that people give it.
    words: &'static [&'static str],
    is_optional: bool,
}

const SPLITS: [Split; 3] = [
    Split { name: "train", words: &["train"], is_optional: false },
    Split { name: "valid", words: &["valid", "val", "validation"], is_optional: false },
    Split { name: "test", words: &["test"], is_optional: true },
];

impl Split {
    /// The names of first choice, the plain ones first.
    fn usual(&self) -> Vec<String> {
        let name = self.name;
        let plain =
            [format!("{name}.txt"), format!("ptb.{name}.txt"), format!("wiki.{name}.tokens")];
        let packed = plain.each_ref().map(|name| format!("{name}.gz"));
        [plain, packed].concat()
    }

    /// The one of `names` that is this split's, if any is.
    fn choose(&self, folder: &Path, names: &[String]) -> Result<Option<String>, DataError> {
        let usual = self.usual();
        let first = alternatives(names, |name| usual.iter().any(|usual| usual == name));
        let second = || alternatives(names, |name| self.is_in(name));
        let found = if first.is_empty() { second() } else { first };
        if let [other, path, ..] = &found[..] {
            let fault = TextFault::SecondFile { split: self.name, other: folder.join(other) };
            return Err(DataError::Text { path: folder.join(path), fault });
        }
        Ok(found.into_iter().next().cloned())
    }

    /// Whether `name` has this split's between dots, or begins with it.
    fn is_in(&self, name: &str) -> bool {
        let begins = name.split(|c: char| !c.is_alphanumeric()).next();
        name.split('.').chain(begins).any(|part| self.words.contains(&part))
    }
}

/// Those of `names` that fit, without the packed form of another.
fn alternatives(names: &[String], fits: impl Fn(&str) -> bool) -> Vec<&String> {
    let found: Vec<&String> = names.iter().filter(|name| fits(name)).collect();
    let is_packed = |name: &str| {
        let plain = name.strip_suffix(".gz");
        plain.is_some_and(|plain| found.iter().any(|name| *name == plain))
    };
    found.iter().copied().filter(|name| !is_packed(name)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Opens files of these names; which ones were taken, and the notes.
    fn opened(names: &[&str]) -> Result<(Vec<PathBuf>, Vec<DataNote>), String> {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "a text").unwrap();
        }
        let in_folder = folder.path().display().to_string();
        let name = |file: &RawFile| file.path().strip_prefix(folder.path()).unwrap().to_owned();
        open(folder.path())
            .map(|files| {
                let all = [&files.train, &files.valid].into_iter().chain(&files.test);
                (all.map(name).collect(), files.notes)
            })
            .map_err(|error| error.to_string().replace(&in_folder, "F"))
    }

    #[track_caller]
    fn check(names: &[&str], taken: &[&str]) {
        let (found, _) = opened(names).unwrap();
        assert_eq!(found, taken.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[track_caller]
    fn check_fault(names: &[&str], text: &str) {
        let found = opened(names).unwrap_err();
        assert!(found.contains(text), "{found}");
    }

    #[test]
    fn the_names_of_published_texts_are_known() {
        let plain = ["train.txt", "valid.txt", "test.txt"];
        check(&plain, &plain);
        let treebank = ["ptb.train.txt", "ptb.valid.txt.gz", "ptb.test.txt"];
        check(&treebank, &treebank);
        // As they lie in the archive of the Penn Treebank.
        let letters = ["ptb.char.train.txt", "ptb.char.valid.txt", "ptb.char.test.txt", "README"];
        check(&[treebank, letters[..3].try_into().unwrap()].concat(), &treebank);
        let wiki = ["wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"];
        check(&wiki, &wiki);
        let other = ["de.train.raw", "val-2.txt", "test"];
        check(&[&other[..], &["testimony.txt", "trainer.py"]].concat(), &other);
    }

    #[test]
    fn a_plain_file_goes_before_its_packed_form() {
        check(
            &["train.txt.gz", "train.txt", "valid.txt.gz", "test.txt"],
            &["train.txt", "valid.txt.gz", "test.txt"],
        );
    }

    #[test]
    fn what_is_passed_over_or_missing_is_noted() {
        let (_, notes) = opened(&["train.txt", "valid.txt", "README", ".train.txt.swp"]).unwrap();
        let [DataNote::Ignored { count: 2, .. }, DataNote::Text { note: TextNote::NoTest, .. }] =
            &notes[..]
        else {
            panic!("{notes:?}")
        };
    }

    #[test]
    fn a_missing_file_is_told_with_what_was_looked_for() {
        let text = "`F` holds none of `valid.txt`, `ptb.valid.txt`, `wiki.valid.tokens`, \
                    `valid.txt.gz`, `ptb.valid.txt.gz`, `wiki.valid.tokens.gz` (but `valids.txt`); \
                    put the file there, or set `data.path` to";
        check_fault(&["train.txt", "valids.txt"], text);
        check_fault(&[], "the data have 2 problems:\n  `F` holds none of `train.txt`, ");
    }

    #[test]
    fn two_files_for_one_split_are_refused_by_name() {
        let text = "`F/train.txt` could be the train text as well as `F/ptb.train.txt`; move";
        check_fault(&["train.txt", "ptb.train.txt", "valid.txt"], text);
        let text = "`F/b.test.txt` could be the test text as well as `F/a.test.txt`; move";
        check_fault(&["train.txt", "valid.txt", "b.test.txt", "a.test.txt"], text);
    }

    #[test]
    fn a_folder_is_a_folder_and_a_file_a_file() {
        let text = open("/no/such".as_ref()).err().unwrap().to_string();
        assert!(text.starts_with("`/no/such` is not a folder; expected a folder with "), "{text}");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("train")).unwrap();
        fs::write(folder.path().join("valid.txt"), "a text").unwrap();
        let text = open(folder.path()).err().unwrap().to_string();
        assert!(text.contains("/train` is not a plain file"), "{text}");
    }
}
