//! The parts of a bundle: files by name, each of bounded size, and what could not be taken.

use serde::Serialize;

/// The longest part; the rest of a longer one is left out.
pub(super) const MAX_PART_BYTES: usize = 1 << 20;

/// All parts together, before compression.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// A file of the bundle.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Part {
    /// Its name in the bundle.
    pub(super) name: String,
    /// Its size.
    pub(super) bytes: usize,
    /// Whether there was more.
    pub(super) is_cut: bool,
    #[serde(skip)]
    pub(super) content: Vec<u8>,
}

/// What could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LeftOut {
    /// The name that it would have had.
    pub(super) name: String,
    /// Why.
    pub(super) why: String,
}

/// The parts as they are taken.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) taken: Vec<Part>,
    pub(super) left_out: Vec<LeftOut>,
}

impl Parts {
    /// Takes a part, or notes why it could not be.
    pub(super) fn add(&mut self, name: &str, content: Result<impl Into<Vec<u8>>, impl ToString>) {
        match content {
            Ok(content) => self.take(name, content.into()),
            Err(why) => self.leave_out(name, why.to_string()),
        }
    }

    /// Takes a value as JSON.
    pub(super) fn add_json(&mut self, name: &str, value: &impl Serialize) {
        self.add(name, serde_json::to_vec_pretty(value));
    }

    /// Takes a list as JSON, an item a line.
    pub(super) fn add_lines(&mut self, name: &str, items: &[impl Serialize]) {
        let lines: Result<Vec<String>, _> = items.iter().map(serde_json::to_string).collect();
        self.add(name, lines.map(|lines| lines.join("\n") + "\n"));
    }

    /// Puts the list of all parts before them; it has room always.
    pub(super) fn head(&mut self, name: &str, content: Vec<u8>) {
        let bytes = content.len();
        let head = Part { name: name.to_owned(), bytes, is_cut: false, content };
        self.taken.insert(0, head);
    }

    fn take(&mut self, name: &str, mut content: Vec<u8>) {
        let whole = content.len();
        content.truncate(MAX_PART_BYTES);
        let taken: usize = self.taken.iter().map(|part| part.bytes).sum();
        if MAX_BYTES < taken + content.len() {
            self.leave_out(name, format!("the bundle would have more than {MAX_BYTES} bytes"));
            return;
        }
        self.taken.push(Part {
            name: name.to_owned(),
            bytes: content.len(),
            is_cut: content.len() < whole,
            content,
        });
    }

    fn leave_out(&mut self, name: &str, why: String) {
        self.left_out.push(LeftOut { name: name.to_owned(), why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_their_sum_are_bounded() {
        let mut parts = Parts::default();
        for _ in 0..20 {
            parts.add("long", Ok::<_, String>(vec![7; MAX_PART_BYTES + 1]));
        }
        assert_eq!(parts.taken.len(), MAX_BYTES / MAX_PART_BYTES);
        assert_eq!(parts.taken[0].bytes, MAX_PART_BYTES);
        assert!(parts.taken[0].is_cut);
        assert!(parts.left_out[0].why.contains("more than"));
    }

    #[test]
    fn what_fails_is_noted_with_its_reason() {
        let mut parts = Parts::default();
        parts.add("a", Err::<Vec<u8>, _>("no such file"));
        parts.add_lines("b", &[1, 2]);
        let expected = LeftOut { name: "a".to_owned(), why: "no such file".to_owned() };
        assert_eq!(parts.left_out, [expected]);
        assert_eq!(parts.taken[0].content, b"1\n2\n");
        assert!(!parts.taken[0].is_cut);
    }
}
