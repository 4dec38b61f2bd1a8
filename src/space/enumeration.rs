//! Every architecture of a small space.

use crate::space::{Arch, Choice, Space};

/// Spellings that are looked through at most: some seconds of work.
const MAX_SPELLINGS: u128 = 20_000_000;

/// A space is too large for all of its architectures to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the space {space} has more than {MAX_SPELLINGS} spellings, which are too many to go through; \
     choose a smaller one, as micro with `space.nodes = 1`"
)]
pub struct TooManyArchs {
    /// The space.
    pub space: Space,
}

impl Space {
    /// Every architecture of the space once, each as its canonical spelling, in the order of these.
    /// An error where the space has too many to look through.
    pub fn every_arch(self) -> Result<Vec<Arch>, TooManyArchs> {
        let rules = self.rules();
        let options: Vec<usize> = rules.script().options().collect();
        let spellings = options.iter().try_fold(1_u128, |all, &n| all.checked_mul(n as u128));
        if spellings.is_none_or(|spellings| MAX_SPELLINGS < spellings) {
            return Err(TooManyArchs { space: self });
        }
        let mut found = Vec::new();
        let mut choices: Vec<Choice> = vec![0; options.len()];
        loop {
            if rules.canonical(&choices) == choices {
                found.push(Arch::checked(self, choices.clone()));
            }
            // The last choice counts up first.
            let goes_on = |&place: &usize| (choices[place] as usize) + 1 < options[place];
            let Some(place) = (0..options.len()).rev().find(goes_on) else { return Ok(found) };
            choices[place] += 1;
            choices[place + 1..].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::space::{MicroSpace, Recurrent, WholeNet};

    #[track_caller]
    fn check(space: Space, expected: usize) {
        let archs = space.every_arch().unwrap();
        let ids: BTreeSet<String> = archs.iter().map(Arch::id).collect();
        assert_eq!((archs.len(), ids.len()), (expected, expected));
    }

    /// One node reads two of two inputs by two of five operations: 10 edges, 10·11/2 pairs a cell.
    #[test]
    fn small_spaces_have_as_many_architectures_as_are_counted_by_hand() {
        check(Space::Micro(MicroSpace::new(1).unwrap()), 55 * 55);
        // 6 operations a layer; layer 1 may read the stem, layer 2 that and layer 0.
        check(Space::WholeNet(WholeNet::new(3).unwrap()), 6 * 6 * 6 * 8);
        check(Space::Recurrent(Recurrent::new(1).unwrap()), 4);
    }

    #[test]
    fn a_large_space_is_refused_with_its_name() {
        let error = Space::Micro(MicroSpace::default()).every_arch().unwrap_err().to_string();
        assert!(
            error.starts_with("the space micro with 5 nodes has more than 20000000 spellings"),
            "{error}"
        );
    }
}
