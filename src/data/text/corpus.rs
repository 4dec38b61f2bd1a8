//! All text of a run: training, validation and test split, with the words that they have.

use std::fmt;
use std::path::{Path, PathBuf};

use super::files::{self, Files};
use super::split::{Limits, Noted, Text};
use super::vocabulary::Vocabulary;
use super::word_batch::WordBatch;
use super::word_layout::{WordLayout, WordLayoutKeys};
use crate::data::problems::Problems;
use crate::data::source::{self, RawFile};
use crate::data::{DataConfig, DataError, DataNote, DataSource, Receipt, TextFault};

/// The test text, which nothing reads without a [`Receipt`], as nothing reads test images
/// ([`LockedTest`](crate::data::LockedTest)): the one way to it is [`Corpus::test_windows`].
pub struct LockedText(Text);

impl LockedText {
    /// Number of words, the `<eos>` of every line counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The number of words alone.
impl fmt::Debug for LockedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedText").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Rows of the validation text where the configuration does not say how many.
const VALID_ROWS: usize = 64;

/// All text of a run.
#[derive(Debug)]
pub struct Corpus {
    /// Invariant: the words of `train` and `<eos>`; all ids of the splits are its.
    vocabulary: Vocabulary,
    train: Text,
    valid: Text,
    test: Option<LockedText>,
    /// Where the texts are.
    origin: PathBuf,
    notes: Vec<DataNote>,
}

/// Name and bytes of an embedded file.
macro_rules! embedded {
    ($name:literal) => {
        RawFile::embedded(
            concat!("embedded:austen/", $name),
            include_bytes!(concat!("../embedded/austen/", $name)),
        )
    };
}

impl Corpus {
    /// The text that `config` names.
    pub fn load(config: &DataConfig) -> Result<Self, DataError> {
        match &config.path {
            Some(path) if config.source == DataSource::Austen => {
                Err(source::path_not_used(config.source, path))
            }
            None if config.source == DataSource::Austen => Self::austen(),
            _ => Self::folder(source::folder(config, "a folder with train.txt and valid.txt")?),
        }
    }

    /// The embedded novels of Jane Austen; their licence lies beside the files.
    pub fn austen() -> Result<Self, DataError> {
        let files = Files {
            train: embedded!("train.txt.gz")?,
            valid: embedded!("valid.txt.gz")?,
            test: Some(embedded!("test.txt.gz")?),
            notes: Vec::new(),
        };
        Self::read("embedded:austen".into(), files)
    }

    /// The texts in a folder: `train.txt`, `valid.txt` and maybe `test.txt`, plain or gz, or by the
    /// names that published texts have.
    pub fn folder(path: &Path) -> Result<Self, DataError> {
        Self::read(path.to_owned(), files::open(path)?)
    }

    /// Texts that are no files: `train`, `valid` and maybe `test`.
    pub fn of(train: &str, valid: &str, test: Option<&str>) -> Result<Self, DataError> {
        let file =
            |split: &str, text: &str| RawFile::in_memory(split.as_ref(), text.as_bytes().to_vec());
        let files = Files {
            train: file("train", train)?,
            valid: file("valid", valid)?,
            test: test.map(|text| file("test", text)).transpose()?,
            notes: Vec::new(),
        };
        Self::read("texts in memory".into(), files)
    }

    fn read(origin: PathBuf, files: Files) -> Result<Self, DataError> {
        let Files { train, valid, test, mut notes } = files;
        let (vocabulary, train) = Text::train(train, Limits::USUAL)?;
        let mut problems = Problems::default();
        let mut other = |file| problems.ok(Text::other(file, &vocabulary, Limits::USUAL));
        let (valid, test) = (other(valid), test.and_then(other));
        problems.finish()?;
        let valid = valid.expect("it was read, or its problem is told");
        let mut noted = |(text, of_text): Noted| {
            notes.extend(of_text);
            text
        };
        let (train, valid, test) = (noted(train), noted(valid), test.map(noted).map(LockedText));
        Ok(Self { vocabulary, train, valid, test, origin, notes })
    }

    /// The words that all splits are made of.
    pub const fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The text that ω learns on.
    pub const fn train(&self) -> &Text {
        &self.train
    }

    /// The text that θ learns on.
    pub const fn valid(&self) -> &Text {
        &self.valid
    }

    /// The text that nothing of the search reads, if there is one.
    pub const fn test(&self) -> Option<&LockedText> {
        self.test.as_ref()
    }

    /// What a person should know about the text.
    pub fn notes(&self) -> &[DataNote] {
        &self.notes
    }

    /// How the validation text is put in rows and windows: so many rows, or for 0 as many as make
    /// a short work of it.
    pub fn valid_layout(&self, rows: usize, bptt: usize) -> WordLayout {
        let keys = WordLayoutKeys { rows: "schedule.valid_batch_size", bptt: "schedule.bptt" };
        WordLayout { rows: self.valid_rows(rows), bptt, keys }
    }

    /// The rows that the validation text is put in by the setting `rows`.
    pub fn valid_rows(&self, rows: usize) -> usize {
        if rows == 0 { VALID_ROWS.min(self.valid.len() / 2).max(1) } else { rows }
    }

    /// The whole test text in one row and windows of `bptt` words (0 counts as 1), the last of
    /// which may be shorter, for whoever has leave to look at it: every word but the first is
    /// predicted once.
    pub fn test_windows(
        &self,
        _leave: &Receipt,
        bptt: usize,
    ) -> Result<impl Iterator<Item = WordBatch> + '_, DataError> {
        let no_test = || DataError::Text { path: self.origin.clone(), fault: TextFault::NoTest };
        let LockedText(test) = self.test.as_ref().ok_or_else(no_test)?;
        // No key is named: a text has a word and the end of a line, and so a row.
        let keys = WordLayoutKeys { rows: "rows", bptt: "bptt" };
        test.windows(WordLayout { rows: 1, bptt: bptt.max(1), keys })
    }

    /// The splits by name, `train` first, to be counted and compared; none leaves this layer.
    pub(super) fn splits(&self) -> impl Iterator<Item = (&'static str, &Text)> {
        let test = self.test.as_ref().map(|LockedText(text)| ("test", text));
        [("train", &self.train), ("valid", &self.valid)].into_iter().chain(test)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::data::{Opening, TestLedger};

    fn receipt() -> Receipt {
        let Opening::Open(receipt) = TestLedger::default().open("a") else { panic!() };
        receipt
    }

    #[test]
    fn the_embedded_text_is_what_it_was() {
        let corpus = Corpus::austen().unwrap();
        let words = corpus.vocabulary();
        assert_eq!((words.len(), words.unk(), words.eos()), (10_000, Some(57), 56));
        let lens = (corpus.train().len(), corpus.valid().len(), corpus.test().unwrap().len());
        assert_eq!(lens, (675_731, 45_956, 46_007));
        assert!(corpus.notes().is_empty());
        // `sense and sensibility`, `by jane austen` …, numbered by Python's sort.
        assert_eq!(corpus.train().ids()[..8], [7883, 449, 7885, 56, 1239, 4983, 749, 56]);
    }

    #[test]
    fn the_embedded_validation_text_has_the_perplexity_of_its_words() {
        let corpus = Corpus::austen().unwrap();
        let mut counts = vec![0.0; corpus.vocabulary().len()];
        corpus.train().ids().iter().for_each(|&id| counts[id as usize] += 1.0);
        let n_train = corpus.train().len() as f64;
        let nll = |&id: &u32| -(f64::ln(counts[id as usize]) - n_train.ln());
        let nats = corpus.valid().ids().iter().map(nll).sum::<f64>() / corpus.valid().len() as f64;
        assert_eq!(nats.exp().round() as u32, 484);
    }

    #[test]
    fn the_test_text_is_read_once_with_leave_and_not_shown() {
        let corpus = Corpus::of("a b c d e", "a b", Some("a b c d e\na")).unwrap();
        let words = ["a", "b", "c", "d", "e", "<eos>", "a", "<eos>"];
        let ids = words.map(|word| corpus.vocabulary().id(word).unwrap());
        for bptt in [0, 3, 100] {
            let windows: Vec<WordBatch> = corpus.test_windows(&receipt(), bptt).unwrap().collect();
            let next: Vec<u32> = windows.iter().flat_map(|window| window.next.clone()).collect();
            assert_eq!((next, windows[0].begins), (ids[1..].to_vec(), true));
        }
        assert_eq!(format!("{:?}", corpus.test().unwrap()), "LockedText { len: 8, .. }");
        let none = Corpus::of("a b c d e", "a b", None).unwrap();
        let text = none.test_windows(&receipt(), 1).err().unwrap().to_string();
        assert_eq!(
            text,
            "`texts in memory` holds no test text to certify on; put `test.txt` there"
        );
    }

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Loads a folder with these files.
    fn load(files: &[(&str, &[u8])]) -> Result<Corpus, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let in_folder = format!("{}/", folder.path().display());
        Corpus::folder(folder.path()).map_err(|error| error.to_string().replace(&in_folder, ""))
    }

    #[test]
    fn a_folder_is_read_plain_or_packed() {
        let (train, other) = (b"the cat sat\non <unk>\n", b"a cat sat\n");
        let plain = [("train.txt", &train[..]), ("valid.txt", other), ("test.txt", other)];
        let plain = load(&plain).unwrap();
        let (train, other) = (packed(train), packed(other));
        let packed = load(&[("train.txt.gz", &train), ("valid.txt.gz", &other)]).unwrap();
        assert_eq!(plain.vocabulary(), packed.vocabulary());
        assert_eq!(plain.train().ids(), packed.train().ids());
        assert_eq!(plain.valid().ids(), packed.valid().ids());
        assert_eq!((plain.test().unwrap().len(), packed.test().is_none()), (4, true));
        assert_eq!((plain.notes().len(), packed.notes().len()), (2, 2));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        let sound = ("train.txt", &b"the cat"[..]);
        let text = load(&[sound, ("valid.txt", b"\n"), ("test.txt", b"the\ndog")]).unwrap_err();
        assert!(
            text.starts_with("the data have 2 problems:\n  `valid.txt` holds no word"),
            "{text}"
        );
        assert!(text.contains("\n  `test.txt` has the word `dog` in line 2, which the"), "{text}");
        let text = load(&[("train.txt", b"caf\xe9"), ("valid.txt", b"the")]).unwrap_err();
        assert!(text.starts_with("`train.txt` is no UTF-8 at byte 3 of the text"), "{text}");
        let whole = packed(b"the cat");
        let text = load(&[("train.txt.gz", &whole[..whole.len() - 4]), ("valid.txt", b"the")]);
        let text = text.unwrap_err();
        assert!(text.starts_with("`train.txt.gz` cannot be unpacked beyond byte "), "{text}");
    }
}
