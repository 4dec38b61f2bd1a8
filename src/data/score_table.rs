//! Tables of known scores, as bytes: whoever searches on one knows what stands in it.

use std::path::Path;

use crate::data::DataError;
use crate::data::source::RawFile;

/// Bytes of a table at most, unpacked: the largest that is published has half a million rows.
const MAX_BYTES: u64 = 1 << 30;

/// The text of the table at `path`, plain or gz.
pub fn read_table(path: &Path) -> Result<Vec<u8>, DataError> {
    RawFile::at(path)?.rest(MAX_BYTES)
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
}
