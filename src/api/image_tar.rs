//! Tars of image files, as people pack them: folders in them are passed over.

use std::io::{self, Read};

/// Gives `take` each file of a tar, by its name, until it says that it has enough: what is in it, or
/// what is wrong with it, in words that go on after the name.
pub fn each_image(
    tar: impl Read,
    mut take: impl FnMut(String, Result<&mut dyn Read, &'static str>) -> io::Result<bool>,
) -> io::Result<()> {
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        // One with holes could unpack without end.
        let is_plain = kind.is_file() || kind.is_contiguous();
        let content: Result<&mut dyn Read, _> = if is_plain {
            Ok(&mut entry)
        } else {
            Err("is no plain file in the tar; pack the image itself")
        };
        if !take(name, content)? {
            break;
        }
    }
    Ok(())
}
