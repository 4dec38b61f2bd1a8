//! Images from where they are: files, or standard input, which is a tar of images, a list of their
//! names, or one image.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use enasd::api::each_image;
use enasd::api::wire::MAX_IMAGES_BYTES;

/// What stands for standard input.
pub(super) const STDIN: &str = "-";

/// The largest image: with its place in a tar it fits into a request.
const MAX_IMAGE_BYTES: u64 = (MAX_IMAGES_BYTES - (64 << 10)) as u64;

/// The longest list of names.
const MAX_LIST_BYTES: u64 = 256 << 20;

/// How many bytes tell what standard input is: a tar has its mark at 257.
const FIRST_BYTES: u64 = 512;

/// An image file, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Its name.
    pub(super) file: String,
    /// Its bytes; or what is wrong, in words that go on after the name.
    pub(super) content: Result<Vec<u8>, String>,
}

impl Picture {
    /// Bytes of the image.
    pub(super) fn size(&self) -> usize {
        self.content.as_ref().map_or(0, Vec::len)
    }

    fn read(file: String, reader: impl Read) -> Self {
        let mut bytes = Vec::new();
        let content = match reader.take(MAX_IMAGE_BYTES + 1).read_to_end(&mut bytes) {
            Ok(size) if MAX_IMAGE_BYTES < size as u64 => {
                Err(format!("has more than {MAX_IMAGE_BYTES} bytes; shrink it"))
            }
            Ok(_) => Ok(bytes),
            Err(error) => Err(unreadable(&error)),
        };
        Self { file, content }
    }
}

/// Hands the images that `files` name to `send`, one after the other, until it gives up. An error is
/// one of standard input; that of a file goes with its name.
pub(super) fn send_all(files: &[PathBuf], mut send: impl FnMut(Picture) -> bool) -> io::Result<()> {
    for file in files {
        if file.as_os_str() == STDIN {
            send_input(io::stdin().lock(), &mut send)?;
        } else if !send(open(file)) {
            break;
        }
    }
    Ok(())
}

fn open(path: &Path) -> Picture {
    let name = path.display().to_string();
    match File::open(path).and_then(|file| file.metadata().map(|about| (file, about.is_dir()))) {
        Ok((_, true)) => {
            Picture { file: name, content: Err("is a folder; give the images in it".to_owned()) }
        }
        Ok((file, false)) => Picture::read(name, file),
        Err(error) => Picture { file: name, content: Err(unreadable(&error)) },
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}

/// The same for what comes in.
fn send_input(mut input: impl Read, send: &mut impl FnMut(Picture) -> bool) -> io::Result<()> {
    let mut first = Vec::new();
    (&mut input).take(FIRST_BYTES).read_to_end(&mut first)?;
    let is_tar = first.get(257..262) == Some(b"ustar");
    let is_text = is_list(&first);
    let mut input = Cursor::new(first).chain(input);
    if is_tar {
        return send_tar(input, send);
    }
    if !is_text {
        send(Picture::read("standard input".to_owned(), input));
        return Ok(());
    }
    let mut list = Vec::new();
    (&mut input).take(MAX_LIST_BYTES).read_to_end(&mut list)?;
    // As `find -print0` ends names, or as everything else does.
    let end = if list.contains(&0) { 0 } else { b'\n' };
    let names =
        list.split(|&byte| byte == end).map(|name| name.strip_suffix(b"\r").unwrap_or(name));
    for name in names.filter(|name| !name.is_empty()) {
        if !send(open(Path::new(OsStr::from_bytes(name)))) {
            break;
        }
    }
    Ok(())
}

fn send_tar(tar: impl Read, send: &mut impl FnMut(Picture) -> bool) -> io::Result<()> {
    each_image(tar, |file, content| {
        Ok(send(match content {
            Ok(content) => Picture::read(file, content),
            Err(fault) => Picture { file, content: Err(fault.to_owned()) },
        }))
    })
}

/// Whether this is how a list of names begins, and no image.
fn is_list(first: &[u8]) -> bool {
    let is_name = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || 0x80 <= byte;
    let is_end = |byte: u8| matches!(byte, b'\n' | b'\r' | 0);
    first.first().is_none_or(|&byte| byte < 0x80)
        && first.iter().all(|&byte| is_name(byte) || is_end(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(input: &[u8]) -> Vec<Picture> {
        let mut sent = Vec::new();
        let send = &mut |picture| {
            sent.push(picture);
            true
        };
        send_input(input, send).unwrap();
        sent
    }

    fn picture(file: &str, content: &[u8]) -> Picture {
        Picture { file: file.to_owned(), content: Ok(content.to_vec()) }
    }

    #[test]
    fn standard_input_is_a_tar_a_list_or_one_image() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = ["one.png", "zw\u{f6}lf 2.png"].map(|name| folder.path().join(name));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "2").unwrap();
        let [one, two] = [one, two].map(|path| path.display().to_string());
        let both = [picture(&one, b"1"), picture(&two, b"2")];
        for list in [format!("{one}\n{two}"), format!("{one}\r\n\r\n{two}\r\n")] {
            assert_eq!(sent(list.as_bytes()), both);
        }
        assert_eq!(sent(format!("{one}\0{two}\0").as_bytes()), both);

        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("a/1.png", "1"), ("a/2.png", "2")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        let tar = tar.into_inner().unwrap();
        assert_eq!(sent(&tar), [picture("a/1.png", b"1"), picture("a/2.png", b"2")]);

        let image = b"\x89PNG\r\n\x1a\nand so on";
        assert_eq!(sent(image), [picture("standard input", image)]);
        assert!(sent(b"").is_empty());
    }

    #[test]
    fn what_cannot_be_read_goes_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let found = sent(format!("{path}\n{path}/nothing.png\n").as_bytes());
        let words = ["is a folder", "cannot be read: No such file"];
        assert_eq!(found.len(), words.len());
        for (picture, words) in found.iter().zip(words) {
            let content = picture.content.as_ref().unwrap_err();
            assert!(content.starts_with(words), "{content}");
        }
    }
}
