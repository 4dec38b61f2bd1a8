//! What a file is that is not what it should be, in words.

/// What the file with these `first` bytes is.
pub(super) fn kind(first: &[u8]) -> String {
    if let &[0, 0, code, n_dimensions, ..] = first
        && let Some(values) = idx_values(code)
    {
        return format!("an IDX file of {n_dimensions} dimension(s) of {values}");
    }
    match infer::get(first).map(|kind| kind.mime_type()) {
        _ if first.is_empty() => "empty (0 bytes)".to_owned(),
        Some("text/html") => {
            "an HTML page, as a server sends it for a file that it does not give".to_owned()
        }
        Some(mime) => format!("a file of type {mime}"),
        // Protocols 2 to 5; the "python version" of CIFAR has such.
        None if matches!(first, [0x80, 2..=5, ..]) => "a Python pickle".to_owned(),
        None if first.iter().all(|&byte| byte == 0) => "zeros".to_owned(),
        None if is_text(first) => "text".to_owned(),
        None => {
            let first = &first[..first.len().min(4)];
            format!("of an unknown kind (its first bytes are {first:02x?})")
        }
    }
}

/// What an IDX file holds whose third byte is `code`.
const fn idx_values(code: u8) -> Option<&'static str> {
    Some(match code {
        0x08 => "unsigned bytes",
        0x09 => "signed bytes",
        0x0b => "16-bit integers",
        0x0c => "32-bit integers",
        0x0d => "32-bit floats",
        0x0e => "64-bit floats",
        _ => return None,
    })
}

fn is_text(first: &[u8]) -> bool {
    let text = match std::str::from_utf8(first) {
        Ok(text) => text,
        // A letter that was cut at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&first[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_put_in_place_of_data_is_named() {
        for (first, expected) in [
            (&b""[..], "empty (0 bytes)"),
            (
                b"<!DOCTYPE HTML><html>",
                "an HTML page, as a server sends it for a file that it does",
            ),
            (b"PK\x03\x04\x14\0\0\0\x08\0", "a file of type application/zip"),
            (b"GIF89a\x01\0\x01\0", "a file of type image/gif"),
            (b"\x80\x04\x95", "a Python pickle"),
            (b"label,name\n0,caf\xc3", "text"),
            (&[0; 16], "zeros"),
            (b"\x01\x02\x03\x04\x05", "of an unknown kind (its first bytes are [01, 02, 03, 04])"),
        ] {
            let found = kind(first);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
