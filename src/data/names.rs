//! Names of classes and files in a sentence.

use std::ffi::OsStr;

use crate::printable::shown;

/// The names in backquotes with commas between, or `none`.
pub(super) fn quoted<T: AsRef<OsStr>>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ")
}

/// The `count` of some names, of which these are the `first`, and these.
pub(super) fn listed<T: AsRef<OsStr>>(first: &[T], count: usize) -> String {
    let more = count - first.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{count}, {}{more}", quoted(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_escaped_and_counted() {
        assert_eq!(quoted(&["a", "b\r"]), "`a`, `b\\u000d`");
        assert_eq!(quoted::<&str>(&[]), "none");
        assert_eq!(listed(&["a"], 3), "3, `a` and 2 more");
    }
}
