//! An architecture: the choices that answer a space's script.

use std::fmt;
use std::str::FromStr;

use crate::space::{Choice, Fact, Form, Sketch, Space, SpaceError, Write, form, id};

/// A complete description of a child, valid by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arch {
    space: Space,
    /// Invariant: answers the space's script, every choice within its options.
    choices: Vec<Choice>,
}

impl Arch {
    /// The architecture of `choices` that are known to answer the script.
    pub(super) fn checked(space: Space, choices: Vec<Choice>) -> Self {
        Self { space, choices }
    }

    /// Reads any known text form: those of `space` are tried first. What is read may be an
    /// architecture of another space, or of another size.
    pub fn parse(space: Space, source: &str) -> Result<Self, SpaceError> {
        Ok(Self::parse_named(space, source)?.0)
    }

    /// The same, with the name of the form that the text was in: `id` where it was one.
    pub fn parse_named(space: Space, source: &str) -> Result<(Self, &'static str), SpaceError> {
        form::read(space, source)
    }

    /// The space it belongs to.
    pub fn space(&self) -> Space {
        self.space
    }

    /// The answers, in the script's order.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// A name that is the same for architectures that compute the same by construction (as where
    /// the edges of a node are swapped or nodes renumbered) and different for all others: the tag
    /// of its space and base-32 digits, at most 96 characters.
    pub fn id(&self) -> String {
        id::id(self)
    }

    /// How many choices differ between the spellings that the ids of both stand for; nothing where
    /// they are of different spaces.
    pub fn difference(&self, other: &Self) -> Option<usize> {
        if self.space != other.space {
            return None;
        }
        let canonical = |arch: &Self| arch.space.rules().canonical(&arch.choices);
        let both = canonical(self).into_iter().zip(canonical(other));
        Some(both.filter(|(own, other)| own != other).count())
    }

    /// The forms that are written, by name, the native one first: its text in each, or why it has
    /// none there.
    pub fn texts(&self) -> Vec<(&'static str, Result<String, SpaceError>)> {
        let forms = self.space.rules().forms().iter();
        forms.filter_map(|form| Some((form.name, form.write.text(self)?))).collect()
    }

    /// Its text in the form of this name.
    pub fn text(&self, form: &str) -> Result<String, SpaceError> {
        let forms = self.space.rules().forms().iter();
        let mut found = forms.filter(|known| known.name == form);
        found.find_map(|form| form.write.text(self)).unwrap_or_else(|| {
            let known = self.texts().into_iter().map(|(name, _)| name).collect();
            Err(SpaceError::NotWritten { form: form.to_owned(), space: self.space.name(), known })
        })
    }

    /// The authors' string of numbers.
    pub fn to_flat(&self) -> String {
        self.text(Form::NUMBERS).unwrap_or_else(|_| self.to_string())
    }

    /// What is worth telling beside its texts.
    pub fn facts(&self) -> Vec<Fact> {
        self.space.rules().facts(&self.choices)
    }

    /// Each part as drawings see it.
    pub fn sketch(&self) -> Vec<Sketch> {
        self.space.rules().sketch(&self.choices)
    }
}

/// Writes the native text form.
impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.space.rules().forms()[0].write {
            Write::Always(write) => f.write_str(&write(self)),
            _ => unreachable!("the native form spells every architecture"),
        }
    }
}

/// Reads any known text form, the micro space's first.
impl FromStr for Arch {
    type Err = SpaceError;

    fn from_str(source: &str) -> Result<Self, SpaceError> {
        Self::parse(Space::each()[0], source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &str, b: &str) -> Option<usize> {
        let arch = |text: &str| text.parse::<Arch>().unwrap();
        arch(a).difference(&arch(b))
    }

    #[test]
    fn architectures_differ_by_the_choices_of_their_ids() {
        const CELL: &str = "[identity(0)+identity(1), identity(0)+identity(1)]";
        let with = |cell: &str| format!("normal={CELL} reduction={cell}");
        let plain = with(CELL);
        let one = with("[identity(0)+identity(1), sep_conv_3x3(0)+identity(1)]");
        let disguised = with("[identity(1)+sep_conv_3x3(0), identity(0)+identity(1)]");
        assert_eq!(difference(&plain, &plain), Some(0));
        assert_eq!(difference(&plain, &one), Some(1));
        assert_eq!(difference(&one, &disguised), Some(0));
        assert_eq!(difference(&plain, &["0 4 1 4"; 6].join(" ")), None, "another size");
    }
}
