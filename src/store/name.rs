//! Names that become paths: of ids, of trials and of the files in a folder.
//!
//! All alphabets leave out `/` and a leading point, so no name can leave its folder, be hidden,
//! or be taken for a leftover (`.tmp-…`, `.old-…`).

use crate::store::StoreError;

/// The longest name; the longest id, of a net of 22 layers with strides, has 91 characters.
const MAX_CHARS: usize = 96;

/// Refuses what is not an id: 1 to 96 lower-case letters, digits and hyphens.
pub(super) fn check_id(name: &str) -> Result<(), StoreError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    if (1..=MAX_CHARS).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    let allowed = "1 to 96 lower-case letters, digits and hyphens";
    Err(StoreError::Name { name: name.to_owned(), of: "an architecture", allowed })
}

/// Hexadecimal digits of the key of a trial.
const KEY_DIGITS: usize = 32;

/// Refuses what is not the key of a trial: 32 hexadecimal digits, in lower case.
pub(super) fn check_key(name: &str) -> Result<(), StoreError> {
    let allowed = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if name.len() == KEY_DIGITS && name.bytes().all(allowed) {
        return Ok(());
    }
    let allowed = "32 hexadecimal digits in lower case";
    Err(StoreError::Name { name: name.to_owned(), of: "a trial", allowed })
}

/// Refuses what is not a plain file name: 1 to 96 letters, digits, `_`, `-` and `.`, the first
/// no point. `own` is the file that the store itself adds to the folder.
pub(super) fn check_file_name(name: &str, own: &str) -> Result<(), StoreError> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"_-.".contains(&c);
    let well_formed = (1..=MAX_CHARS).contains(&name.len()) && name.bytes().all(allowed);
    if well_formed && !name.starts_with('.') && name != own {
        return Ok(());
    }
    let allowed = "1 to 96 letters, digits, `_`, `-` and `.`, not starting with a point, and \
                   not the store's own list";
    Err(StoreError::Name { name: name.to_owned(), of: "a file", allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leaves_its_folder() {
        for id in ["a", "m5-0g2", &"a".repeat(96)] {
            assert!(check_id(id).is_ok(), "{id}");
        }
        for id in ["", ".", "..", "../x", "a/b", "A", "a.b", "a\0", "ä", " a", &"a".repeat(97)] {
            assert!(check_id(id).is_err(), "{id}");
        }
    }

    #[test]
    fn keys_of_trials_are_hashes() {
        let key = "0123456789abcdef0123456789abcdef";
        assert!(check_key(key).is_ok());
        for key in ["", "..", &key[1..], &key.to_uppercase(), &key.replace('f', "g"), "../x"] {
            assert!(check_key(key).is_err(), "{key}");
        }
    }

    #[test]
    fn no_file_name_leaves_its_folder_or_hides_a_list() {
        for name in ["a", "search.json", "B3SUM", "x_y-Z.9"] {
            assert!(check_file_name(name, "B3SUMS").is_ok(), "{name}");
        }
        for name in ["", ".", "..", ".tmp-a", "a/b", "/etc/passwd", "a b", "B3SUMS", "a\n"] {
            assert!(check_file_name(name, "B3SUMS").is_err(), "{name}");
        }
    }
}
