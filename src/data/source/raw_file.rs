//! A data file, read forward, plain or gz, from disk or from the binary itself.
//!
//! Nothing is believed: what a header promises is read piece by piece and no byte more, so neither
//! a gz that unpacks without end nor a header of terabytes costs memory, and what is missing or too
//! much is an error with its place.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::data::DataError;

/// An open data file.
pub(super) struct RawFile {
    path: PathBuf,
    reader: Box<dyn Read>,
    is_gz: bool,
    /// Bytes read so far, unpacked.
    offset: u64,
}

impl RawFile {
    /// Opens the first of `names` that is in `folder`; `hint` says how to mend it if none is.
    pub(super) fn open(
        folder: &Path,
        names: &[String],
        hint: &'static str,
    ) -> Result<Self, DataError> {
        Self::find(folder, names)?.ok_or_else(|| DataError::MissingFile {
            folder: folder.to_owned(),
            looked_for: names.to_vec(),
            hint,
        })
    }

    /// Opens the first of `names` that is in `folder`, if any is.
    pub(super) fn find(folder: &Path, names: &[String]) -> Result<Option<Self>, DataError> {
        for name in names {
            let path = folder.join(name);
            match fs::metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                _ => return Self::at(&path).map(Some),
            }
        }
        Ok(None)
    }

    /// Opens the file at `path`.
    pub(super) fn at(path: &Path) -> Result<Self, DataError> {
        let path = path.to_owned();
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            // Opening a pipe would wait for a writer.
            Ok(_) => return Err(DataError::NotAFile { path }),
            Err(source) => return Err(DataError::Io { action: "look at", path, source }),
        }
        match File::open(&path) {
            Ok(file) => Ok(Self::new(path, BufReader::new(file))),
            Err(source) => Err(DataError::Io { action: "open", path, source }),
        }
    }

    /// Reads `bytes` that are part of the binary under the name `path`.
    pub(super) fn embedded(path: &str, bytes: &'static [u8]) -> Self {
        Self::new(PathBuf::from(path), bytes)
    }

    fn new(path: PathBuf, reader: impl Read + 'static) -> Self {
        let is_gz = path.extension().is_some_and(|extension| extension == "gz");
        let reader: Box<dyn Read> =
            if is_gz { Box::new(MultiGzDecoder::new(reader)) } else { Box::new(reader) };
        Self { path, reader, is_gz, offset: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The next `N` bytes.
    pub(super) fn header<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let expected = self.offset + N as u64;
        let bytes = self.up_to(N as u64)?;
        bytes.try_into().map_err(|_| self.truncated(expected))
    }

    /// The rest of the file, of at most `limit` bytes.
    pub(super) fn rest(&mut self, limit: u64) -> Result<Vec<u8>, DataError> {
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
        Err(DataError::TrailingBytes { path: self.path.clone(), expected })
    }

    /// The next `size` bytes, or fewer at the end of the file, in `piece`; and where they begin.
    pub(super) fn piece(&mut self, piece: &mut Vec<u8>, size: usize) -> Result<u64, DataError> {
        let start = self.offset;
        self.fill(piece, size as u64)?;
        Ok(start)
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
        let path = || self.path.clone();
        match result {
            Ok(_) => Ok(()),
            Err(source) if self.is_gz => {
                Err(DataError::Gzip { path: path(), offset: self.offset, source })
            }
            Err(source) => Err(DataError::Io { action: "read", path: path(), source }),
        }
    }

    fn truncated(&self, expected: u64) -> DataError {
        DataError::Truncated { path: self.path.clone(), expected, found: self.offset }
    }
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
    fn a_file_reads_the_same_plain_and_packed() {
        assert_eq!(read("a", b"xxbody", 4).unwrap(), b"body");
        assert_eq!(read("a.gz", &packed(b"xxbody"), 4).unwrap(), b"body");
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
        check("a.gz", &checksum, 4, "cannot unpack `/a.gz` beyond byte ");
        check("a.gz", &whole[..whole.len() - 1], 4, "cannot unpack `/a.gz` beyond byte ");
        check("a.gz", b"not gz at all", 4, "cannot unpack `/a.gz` beyond byte 0 of");
        check("a.gz", &[&whole[..], b"rubbish rubbish"].concat(), 4, "cannot unpack `/a.gz`");
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
}
