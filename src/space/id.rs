//! The id of an architecture: one name for all ways to write it.
//!
//! ```text
//! m5-0e4j07as3sy5zkyev              the tag of the space, then the canonical spelling
//! w24h-0123456789abcdefghjkmnpqrs   the same where that would be too long: its hash
//! ```
//!
//! The canonical spelling is a number in a mixed radix, a digit for each choice of the script, so
//! the id is exact: no two architectures share one, and it can be read back. Where it would be
//! longer than its space has them, 64 characters or 96 of NAS's nets, as with more than 22 layers,
//! the id is 130 bits of its BLAKE3: it tells architectures apart, and none is read from it. So no
//! space is searched that has such ids.

use crate::space::digits::Digits;
use crate::space::{Arch, Choice, SearchSpace, Space, SpaceError};

/// Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The base, as a number.
const BASE: u64 = DIGITS.len() as u64;

/// Of an id that is none, so many characters are told.
const TOLD_CHARS: usize = 128;

/// Digits of a hash: 130 bits, so that two architectures in 2⁶⁵ share one.
const HASH_DIGITS: usize = 26;

/// What the tag of a hash ends with.
const HASHED: char = 'h';

pub(super) fn id(arch: &Arch) -> String {
    let space = arch.space();
    let (rules, exact) = (space.rules(), exact(space.rules(), arch.choices()));
    if exact.len() <= rules.longest_id() { exact } else { hashed(rules, &exact) }
}

/// The canonical spelling of what `choices` spell.
fn exact(rules: &dyn SearchSpace, choices: &[Choice]) -> String {
    let choices = rules.canonical(choices);
    let options: Vec<usize> = rules.script().options().collect();
    let mut number = Digits::zero(BASE);
    for place in rules.id_order() {
        number.push(options[place], choices[place] as usize);
    }
    let digits = number.padded(n_digits(rules)).map(|digit| char::from(DIGITS[usize::from(digit)]));
    format!("{}-{}", rules.tag(), digits.collect::<String>())
}

fn hashed(rules: &dyn SearchSpace, exact: &str) -> String {
    let hash = blake3::hash(exact.as_bytes());
    let mut number = Digits::spelled(256, hash.as_bytes().iter().copied());
    let digits: Vec<usize> = (0..).map(|_| number.pop(DIGITS.len())).take(HASH_DIGITS).collect();
    let digits: String = digits.into_iter().map(|digit| char::from(DIGITS[digit])).collect();
    format!("{}{HASHED}-{digits}", rules.tag())
}

/// Digits that hold every number of the space.
fn n_digits(rules: &dyn SearchSpace) -> usize {
    let mut most = Digits::zero(BASE);
    rules.script().options().for_each(|options| most.push(options, options - 1));
    most.len()
}

/// Reads `text` as an id, in its canonical spelling; `None` where it does not look like one.
pub(super) fn read(text: &str) -> Option<Result<Arch, SpaceError>> {
    let id = text.to_ascii_lowercase();
    let (tag, digits) = id.split_once('-')?;
    if let Some(tag) = tag.strip_suffix(HASHED) {
        let hashed = SpaceError::HashedId { id: id.clone() };
        return Some(Space::tagged(tag)?.and(Err(hashed)));
    }
    let space = Space::tagged(tag)?;
    Some(space.and_then(|space| spelled(space, digits, text)))
}

/// The architecture of `space` whose id ends with `digits`; `text` is what was given.
fn spelled(space: Space, digits: &str, text: &str) -> Result<Arch, SpaceError> {
    let rules = space.rules();
    let n_digits = n_digits(rules);
    let malformed = || SpaceError::Id {
        id: text.chars().take(TOLD_CHARS).collect(),
        tag: rules.tag(),
        digits: n_digits,
    };
    let value = |c: u8| DIGITS.iter().position(|&digit| digit == c).map(|digit| digit as u8);
    let digits: Option<Vec<u8>> = digits.bytes().map(value).collect();
    let digits = digits.filter(|digits| digits.len() == n_digits).ok_or_else(malformed)?;
    let mut number = Digits::spelled(BASE, digits.into_iter());
    let options: Vec<usize> = rules.script().options().collect();
    let mut choices = vec![0; options.len()];
    for &place in rules.id_order().iter().rev() {
        choices[place] = number.pop(options[place]) as Choice;
    }
    let arch = space.arch(&choices)?;
    // A number above the last architecture, or a spelling that is not the canonical one.
    let is_canonical = number.len() == 0 && rules.canonical(&choices) == choices;
    if is_canonical { Ok(arch) } else { Err(malformed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_ids_are_refused_with_the_expected_length() {
        for id in ["m5-", "m5-0", "m5-iiiiiiiiiiiiiiiii", "m5-zzzzzzzzzzzzzzzzz", "m5-é"] {
            let found = read(id).unwrap();
            assert!(matches!(found, Err(SpaceError::Id { digits: 17, .. })), "{id}");
        }
        assert_eq!(read("m9-0"), Some(Err(SpaceError::NodeCount { found: 9 })));
        assert_eq!(read("x5-0"), None);
    }

    #[test]
    fn an_id_is_read_in_capitals_too() {
        let id = "m2-0XWWZ5";
        assert_eq!(read(id).unwrap().unwrap().id(), id.to_ascii_lowercase());
    }
}
