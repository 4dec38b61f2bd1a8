//! Problems that are collected, so that all of them are told at once.

use crate::data::DataError;

/// How many are told one by one: more fill a screen and help nobody.
const N_TOLD: usize = 10;

/// Problems, the first of them in full.
#[derive(Debug, Default)]
pub(super) struct Problems {
    first: Vec<DataError>,
    /// How many came after those.
    more: usize,
}

impl Problems {
    /// Adds one.
    pub(super) fn add(&mut self, problem: DataError) {
        match problem {
            DataError::Several { first, more } => {
                for problem in first {
                    self.add(problem);
                }
                self.more += more;
            }
            problem if self.first.len() < N_TOLD => self.first.push(problem),
            _ => self.more += 1,
        }
    }

    /// The value of `result`, where it is no problem to be added.
    pub(super) fn ok<T>(&mut self, result: Result<T, DataError>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// Whether there is none.
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// All of them as one error, or none.
    pub(super) fn finish(mut self) -> Result<(), DataError> {
        match (self.first.pop(), self.first.is_empty()) {
            (None, _) => Ok(()),
            (Some(only), true) if self.more == 0 => Err(only),
            (Some(last), _) => {
                self.first.push(last);
                Err(DataError::Several { first: self.first, more: self.more })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(n: usize) -> Option<String> {
        let mut problems = Problems::default();
        for n in 0..n {
            problems.add(DataError::Empty { path: format!("{n}").into() });
        }
        assert_eq!(problems.is_empty(), n == 0);
        problems.finish().err().map(|error| error.to_string())
    }

    #[test]
    fn ten_are_told_and_the_rest_counted() {
        assert_eq!(text(0), None);
        assert_eq!(text(1).unwrap(), "`0` holds no image; give at least one");
        assert_eq!(
            text(2).unwrap(),
            "the data have 2 problems:\n  `0` holds no image; give at least one\n  `1` holds no \
             image; give at least one"
        );
        let many = text(14).unwrap();
        assert_eq!(many.lines().count(), 12);
        assert!(many.starts_with("the data have 14 problems:\n  `0` holds"), "{many}");
        assert!(many.ends_with("\n  and 4 more"), "{many}");
    }

    #[test]
    fn problems_within_problems_are_counted_one_by_one() {
        let mut problems = Problems::default();
        problems.add(DataError::Empty { path: "a".into() });
        let first = vec![DataError::Empty { path: "b".into() }];
        problems.add(DataError::Several { first, more: 3 });
        let text = problems.finish().unwrap_err().to_string();
        assert!(text.starts_with("the data have 5 problems:\n") && text.ends_with("and 3 more"));
    }
}
