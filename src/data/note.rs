//! What of the data a person should know although it stops nothing.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::TextNote;
use crate::data::names::listed;
use crate::printable::shown;

/// How many examples a note has.
pub(super) const N_EXAMPLES: usize = 10;

/// Something about the data that a person should know, and that stops nothing. As text it is one
/// sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DataNote {
    /// Files and folders that are no part of the data were passed over.
    Ignored {
        /// How many.
        count: usize,
        /// The first of them.
        examples: Vec<PathBuf>,
    },
    /// Images with transparency were laid on white.
    Transparent {
        /// How many.
        count: usize,
        /// The first of them.
        example: PathBuf,
    },
    /// Images were turned or mirrored as their orientation marks say.
    Turned {
        /// How many.
        count: usize,
        /// The first of them.
        example: PathBuf,
    },
    /// Images of 16 bits a value were scaled to 8.
    Deep {
        /// How many.
        count: usize,
        /// The value that became 0.
        low: u16,
        /// The value that became 255.
        high: u16,
    },
    /// No label is 0.
    LabelsFromOne {
        /// The file or set.
        path: PathBuf,
        /// Number of classes, class 0 counted.
        n_classes: usize,
    },
    /// Classes have no image in a split.
    ClassesWithout {
        /// Name of the split.
        split: String,
        /// How many classes.
        count: usize,
        /// The first of them.
        names: Vec<String>,
    },
    /// There is no test split.
    NoTest,
    /// A file of a published data set has not the number of images that was published.
    OtherCount {
        /// The file.
        path: PathBuf,
        /// Images that it has.
        found: usize,
        /// Images that it was published with.
        published: usize,
    },
    /// Something about a text.
    Text {
        /// The file or folder.
        path: PathBuf,
        /// What.
        note: TextNote,
    },
}

impl DataNote {
    /// Whether it tells of a likely slip rather than of what was done.
    pub const fn is_warning(&self) -> bool {
        match self {
            Self::Ignored { .. } | Self::Turned { .. } | Self::Deep { .. } | Self::NoTest => false,
            Self::Transparent { .. }
            | Self::LabelsFromOne { .. }
            | Self::ClassesWithout { .. }
            | Self::OtherCount { .. } => true,
            Self::Text { note, .. } => note.is_warning(),
        }
    }
}

impl fmt::Display for DataNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored { count, examples } => {
                write!(f, "passed over as no part of the data: {}", listed(examples, *count))
            }
            Self::Transparent { count, example } => {
                write!(
                    f,
                    "images with transparency, laid on white: {count}, first `{}`",
                    shown(example)
                )
            }
            Self::Turned { count, example } => write!(
                f,
                "images turned as their orientation marks say: {count}, first `{}`",
                shown(example)
            ),
            Self::Deep { count, low, high } => write!(
                f,
                "images with 16 bits a value: {count}; {low} to {high} was scaled to 0 to 255"
            ),
            Self::LabelsFromOne { path, n_classes } => write!(
                f,
                "the labels of `{}` begin at 1: class 0 of the {n_classes} classes has no image",
                shown(path)
            ),
            Self::ClassesWithout { split, count, names } => {
                write!(f, "classes without a {split} image: {}", listed(names, *count))
            }
            Self::NoTest => f.write_str(
                "there is no test split: nothing is kept for a last measurement of what is found; \
                 `data.test_share` sets a share of the training images aside",
            ),
            Self::OtherCount { path, found, published } => write!(
                f,
                "`{}` has {found} images, and was published with {published}: it may be cut",
                shown(path)
            ),
            Self::Text { path, note } => write!(f, "`{}` {note}", shown(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_escaped_and_counted() {
        let note = DataNote::Ignored { count: 3, examples: vec!["a\n".into(), "b".into()] };
        let expected = "passed over as no part of the data: 3, `a\\u000a`, `b` and 1 more";
        assert_eq!(note.to_string(), expected);
        let names = vec!["dog".to_owned()];
        let note = DataNote::ClassesWithout { split: "validation".to_owned(), count: 1, names };
        assert_eq!(note.to_string(), "classes without a validation image: 1, `dog`");
    }
}
