//! Tables of known scores, as bytes: whoever searches on one knows what stands in it.
//!
//! One is embedded: all architectures of the smallest micro space, each trained from scratch
//! (`src/data/embedded/tables/README.md` says how, and when).

use std::path::Path;

use crate::data::DataError;
use crate::data::source::RawFile;

/// Bytes of a table at most, unpacked: the largest that is published has half a million rows.
const MAX_BYTES: u64 = 1 << 30;

/// What the names of embedded tables begin with. A file that is called so is `./embedded:…`.
const EMBEDDED: &str = "embedded:";

/// The embedded table of micro cells with one node.
const MICRO_1: &str = "embedded:micro-1";

/// The text of the table at `path`, plain or gz, or of the embedded one that `path` names.
pub fn read_table(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut file = match path.to_str() {
        Some(MICRO_1) => {
            RawFile::embedded(MICRO_1, include_bytes!("embedded/tables/micro-1.csv.gz"))?
        }
        Some(name) if name.starts_with(EMBEDDED) => {
            return Err(DataError::NoSuchTable { name: name.to_owned(), known: MICRO_1 });
        }
        _ => RawFile::at(path)?,
    };
    file.rest(MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn a_table_is_read_plain_or_compressed_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, packed] = ["a.csv", "b.csv.gz"].map(|name| folder.path().join(name));
        std::fs::write(&plain, "arch,score\n").unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(b"arch,score\n").unwrap();
        let mut bytes = encoder.finish().unwrap();
        std::fs::write(&packed, &bytes).unwrap();
        for path in [&plain, &packed] {
            assert_eq!(read_table(path).unwrap(), b"arch,score\n");
        }
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&packed, &bytes).unwrap();
        let error = read_table(&packed).unwrap_err().to_string();
        assert!(error.contains("b.csv.gz"), "{error}");
        let error = read_table(&folder.path().join("none.csv")).unwrap_err().to_string();
        assert!(error.contains("none.csv"), "{error}");
    }

    #[test]
    fn an_embedded_table_goes_by_its_name_and_another_name_says_which_there_are() {
        let table = read_table(Path::new("embedded:micro-1")).unwrap();
        let rows = table.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"normal="));
        assert_eq!(rows.count(), 3025);
        let error = read_table(Path::new("embedded:micro-2")).unwrap_err().to_string();
        assert_eq!(
            error,
            "no table `embedded:micro-2` is embedded; there is `embedded:micro-1`, and a file is \
             given by its path"
        );
    }
}
