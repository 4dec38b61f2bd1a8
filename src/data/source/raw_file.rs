//! A data file, read forward, plain or gz, from disk or from the binary itself.
//!
//! Whether a file is gz is told by its first bytes: names lie after a browser unpacked a download.
//! Nothing is believed: what a header promises is read piece by piece and no byte more, so neither
//! a gz that unpacks without end nor a header of terabytes costs memory, and what is missing or too
//! much is an error with its place.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::kind::kind;
use crate::data::{DataError, FileFault, LayoutFault};

/// What every gz file begins with.
const GZ: &[u8] = &[0x1f, 0x8b];

/// How many bytes tell what a file is: `tar` has its mark at 257.
const N_FIRST: u64 = 512;

/// An open data file.
pub(in crate::data) struct RawFile {
    path: PathBuf,
    reader: Box<dyn Read>,
    is_gz: bool,
    /// Bytes read so far, unpacked.
    offset: u64,
}

impl RawFile {
    /// Opens the first of `names` that is in `folder`; `hint` says how to mend it if none is.
    pub(in crate::data) fn open(
        folder: &Path,
        names: &[String],
        hint: &'static str,
    ) -> Result<Self, DataError> {
        Self::find(folder, names)?.ok_or_else(|| DataError::MissingFile {
            folder: folder.to_owned(),
            looked_for: names.to_vec(),
            nearest: nearest(folder, names),
            hint,
        })
    }

    /// Opens the first of `names` that is in `folder`, if any is.
    pub(super) fn find(folder: &Path, names: &[String]) -> Result<Option<Self>, DataError> {
        for name in names {
            let path = folder.join(name);
            match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => return Self::at(&path).map(Some),
            }
        }
        Ok(None)
    }

    /// Opens the file at `path`.
    pub(in crate::data) fn at(path: &Path) -> Result<Self, DataError> {
        Self::new(path, BufReader::new(open_plain(path)?))
    }

    /// Reads `bytes` that are part of the binary under the name `path`.
    pub(in crate::data) fn embedded(path: &str, bytes: &'static [u8]) -> Result<Self, DataError> {
        Self::new(Path::new(path), bytes)
    }

    /// Reads `bytes` that are no file under the name `path`.
    pub(in crate::data) fn in_memory(path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        Self::new(path, Cursor::new(bytes))
    }

    fn new(path: &Path, mut reader: impl Read + 'static) -> Result<Self, DataError> {
        let mut first = Vec::new();
        (&mut reader)
            .take(GZ.len() as u64)
            .read_to_end(&mut first)
            .map_err(|source| DataError::Io { action: "read", path: path.to_owned(), source })?;
        let is_gz = first == GZ;
        let reader = Cursor::new(first).chain(reader);
        let reader: Box<dyn Read> =
            if is_gz { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        Ok(Self { path: path.to_owned(), reader, is_gz, offset: 0 })
    }

    /// That the file, which began with `read`, is not what was `expected`.
    pub(super) fn of_other_kind(mut self, read: &[u8], expected: &'static str) -> DataError {
        let mut first = read.to_vec();
        // What cannot be read does not tell its kind: the bytes before it do.
        let _ = (&mut self.reader).take(N_FIRST).read_to_end(&mut first);
        let found =
            if self.is_gz { format!("gz, with {} in it", kind(&first)) } else { kind(&first) };
        self.fault(FileFault::Kind { found, expected })
    }

    pub(in crate::data) fn path(&self) -> &Path {
        &self.path
    }

    /// The next `N` bytes.
    pub(super) fn header<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let expected = self.offset + N as u64;
        let bytes = self.up_to(N as u64)?;
        bytes.try_into().map_err(|_| self.truncated(expected))
    }

    /// The rest of the file, of at most `limit` bytes.
    pub(in crate::data) fn rest(&mut self, limit: u64) -> Result<Vec<u8>, DataError> {
        let bytes = self.up_to(limit + 1)?;
        let found = bytes.len() as u64;
        if found > limit {
            return Err(DataError::TooLarge { path: self.path.clone(), found, limit });
        }
        Ok(bytes)
    }

    /// The rest of the file, which must be `n` times `size` bytes long, piece by piece.
    pub(super) fn pieces(
        &mut self,
        size: usize,
        n: usize,
        mut take: impl FnMut(usize, &[u8]) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let expected = self.offset + size as u64 * n as u64;
        let mut piece = Vec::with_capacity(size);
        for idx in 0..n {
            self.fill(&mut piece, size as u64)?;
            if piece.len() < size {
                return Err(self.truncated(expected));
            }
            take(idx, &piece)?;
        }
        // One byte more shows whether the file ends, and makes gz compare its checksum.
        self.fill(&mut piece, 1)?;
        if piece.is_empty() {
            return Ok(());
        }
        Err(self.fault(FileFault::TrailingBytes { expected }))
    }

    /// The next `size` bytes, or fewer at the end of the file, in `piece`; and where they begin.
    pub(in crate::data) fn piece(
        &mut self,
        piece: &mut Vec<u8>,
        size: usize,
    ) -> Result<u64, DataError> {
        let start = self.offset;
        self.fill(piece, size as u64)?;
        Ok(start)
    }

    /// Reads on to the end; how many bytes the file has, unpacked.
    pub(super) fn end(&mut self) -> Result<u64, DataError> {
        let mut piece = Vec::new();
        while self.piece(&mut piece, 1 << 16).map(|_| !piece.is_empty())? {}
        Ok(self.offset)
    }

    /// At most `n` bytes; fewer only at the end of the file.
    fn up_to(&mut self, n: u64) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        self.fill(&mut bytes, n)?;
        Ok(bytes)
    }

    /// Puts at most `n` bytes into `bytes`; fewer only at the end of the file.
    fn fill(&mut self, bytes: &mut Vec<u8>, n: u64) -> Result<(), DataError> {
        bytes.clear();
        let result = (&mut self.reader).take(n).read_to_end(bytes);
        self.offset += bytes.len() as u64;
        match result {
            Ok(_) => Ok(()),
            Err(source) if self.is_gz => {
                Err(self.fault(FileFault::Gzip { offset: self.offset, source }))
            }
            Err(source) => Err(DataError::Io { action: "read", path: self.path.clone(), source }),
        }
    }

    fn truncated(&self, expected: u64) -> DataError {
        self.fault(FileFault::Truncated { expected, found: self.offset })
    }

    /// Why this file cannot be used.
    pub(super) fn fault(&self, fault: FileFault) -> DataError {
        DataError::File { path: self.path.clone(), fault }
    }
}

/// Opens the file at `path`. Opening a pipe would wait for a writer.
pub(super) fn open_plain(path: &Path) -> Result<File, DataError> {
    let failed = |action| {
        move |source: io::Error| match fs::read_link(path) {
            Ok(target) if source.kind() == io::ErrorKind::NotFound => {
                let fault = LayoutFault::Dangling { target };
                DataError::Layout { path: path.to_owned(), fault }
            }
            _ => DataError::Io { action, path: path.to_owned(), source },
        }
    };
    if !fs::metadata(path).map_err(failed("look at"))?.is_file() {
        let path = path.to_owned();
        return Err(DataError::File { path, fault: FileFault::NotPlain });
    }
    File::open(path).map_err(failed("open"))
}

/// The file in `folder` whose name is most like one of `names`, if one is near. Other digits are
/// another file.
fn nearest(folder: &Path, names: &[String]) -> Option<String> {
    let there =
        fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let likeness = |there: &str| {
        let digits = |name: &str| name.chars().filter(char::is_ascii_digit).collect::<String>();
        let names = names.iter().filter(|name| digits(name) == digits(there));
        let alike = names.map(|name| strsim::jaro_winkler(name, there));
        alike.max_by(f64::total_cmp).unwrap_or_default()
    };
    let best = there.map(|name| (likeness(&name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    // Below this, suggestions look like guesses.
    best.filter(|&(likeness, _)| 0.9 <= likeness).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Reads a header of 2 and a body of `n` bytes of a file with this name and contents.
    fn read(name: &str, bytes: &[u8], n: usize) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        let mut file = RawFile::open(folder.path(), &[name.to_owned()], "hint").unwrap();
        let mut body = Vec::new();
        let read = file.header::<2>().and_then(|_| {
            file.pieces(1, n, |_, byte| {
                body.extend_from_slice(byte);
                Ok(())
            })
        });
        read.map(|()| body)
            .map_err(|error| error.to_string().replace(&folder.path().display().to_string(), ""))
    }

    #[track_caller]
    fn check(name: &str, bytes: &[u8], n: usize, text: &str) {
        let found = read(name, bytes, n).unwrap_err();
        assert!(found.contains(text), "{found}");
    }

    #[test]
    fn a_file_reads_the_same_plain_and_packed_whatever_its_name() {
        for name in ["a", "a.gz"] {
            assert_eq!(read(name, b"xxbody", 4).unwrap(), b"body");
            assert_eq!(read(name, &packed(b"xxbody"), 4).unwrap(), b"body");
        }
        let two_members = [packed(b"xxbo"), packed(b"dy")].concat();
        assert_eq!(read("a.gz", &two_members, 4).unwrap(), b"body");
    }

    #[test]
    fn a_file_has_exactly_the_bytes_it_promises() {
        check("a", b"x", 4, "`/a` ends at byte 1, expected 2 bytes");
        check("a", b"xxbod", 4, "`/a` ends at byte 5, expected 6 bytes");
        check("a", b"xxbodyguard", 4, "`/a` goes on after byte 6");
        check("a.gz", &packed(b"xxbod"), 4, "`/a.gz` ends at byte 5, expected 6 bytes");
        check("a.gz", &packed(b"xxbodyguard"), 4, "`/a.gz` goes on after byte 6");
    }

    #[test]
    fn a_promise_of_terabytes_costs_nothing() {
        check("a", b"xxbody", 1 << 40, "`/a` ends at byte 6, expected 1099511627778 bytes");
    }

    #[test]
    fn a_bomb_is_unpacked_to_one_byte_beyond_the_promise() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.gz"), packed(&vec![0; 1 << 24])).unwrap();
        let mut file = RawFile::open(folder.path(), &["a.gz".to_owned()], "hint").unwrap();
        let text = file.pieces(5, 2, |_, _| Ok(())).unwrap_err().to_string();
        assert!(text.contains("goes on after byte 10") && file.offset == 11, "{text}");
    }

    #[test]
    fn damage_to_a_gz_is_found() {
        let whole = packed(b"xxbody");
        let mut checksum = whole.clone();
        let end = checksum.len() - 8;
        checksum[end] ^= 1;
        check("a.gz", &checksum, 4, "`/a.gz` cannot be unpacked beyond byte ");
        check("a.gz", &whole[..whole.len() - 1], 4, "`/a.gz` cannot be unpacked beyond byte ");
        check("a.gz", &whole[..9], 4, "`/a.gz` cannot be unpacked beyond byte 0 of");
        check("a.gz", &[&whole[..], b"rubbish rubbish"].concat(), 4, "`/a.gz` cannot be unpacked");
    }

    #[test]
    fn the_first_name_that_is_there_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a", "b"].map(str::to_owned);
        let text = RawFile::open(folder.path(), &names, "mend it").err().unwrap().to_string();
        assert!(text.ends_with("holds none of `a`, `b`; mend it"), "{text}");
        fs::write(folder.path().join("b"), "second").unwrap();
        let mut file = RawFile::open(folder.path(), &names, "hint").unwrap();
        assert_eq!(file.rest(6).unwrap(), b"second");
        fs::create_dir(folder.path().join("a")).unwrap();
        let text = RawFile::open(folder.path(), &names, "hint").err().unwrap().to_string();
        assert!(text.contains("is not a plain file"), "{text}");
    }

    #[test]
    fn what_a_file_is_is_said_of_its_contents() {
        let folder = tempfile::tempdir().unwrap();
        let kind_of = |bytes: &[u8]| {
            fs::write(folder.path().join("a"), bytes).unwrap();
            let mut file = RawFile::open(folder.path(), &["a".to_owned()], "hint").unwrap();
            let first = file.header::<4>().unwrap();
            file.of_other_kind(&first, "images").to_string()
        };
        let text = kind_of(b"<!DOCTYPE html><title>403 Forbidden</title>");
        assert!(text.contains("a` is an HTML page") && text.ends_with("expected images"), "{text}");
        let text = kind_of(&packed(b"label,image\n"));
        assert!(text.contains("a` is gz, with text in it; "), "{text}");
    }

    #[test]
    fn a_link_to_nothing_is_told_with_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/no/such", folder.path().join("a")).unwrap();
        let text = RawFile::open(folder.path(), &["a".to_owned()], "hint").err().unwrap();
        assert!(text.to_string().contains("is a link to `/no/such`, which is not there"), "{text}");
    }
}
