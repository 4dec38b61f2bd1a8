//! What is wrong with the place of a file or folder among images by class.

use std::path::PathBuf;

use crate::data::names::quoted;
use crate::printable::shown;

/// What is wrong with the place of a file or folder among images by class. Each text goes on after
/// its path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutFault {
    /// A link leads to nothing.
    #[error("is a link to `{}`, which is not there; mend or remove the link", shown(.target))]
    Dangling {
        /// Where it leads.
        target: PathBuf,
    },
    /// A link leads to itself or to a folder around it.
    #[error("is a link to `{}`, which leads back to it; remove the link", shown(.target))]
    Loop {
        /// Where it leads.
        target: PathBuf,
    },
    /// A class folder holds a folder.
    #[error("is a folder inside a class folder; move its images up into the class folder")]
    Folder,
    /// Something beside the class folders is no folder.
    #[error("is a file beside the class folders; move it out, or into its class folder")]
    File,
    /// The name is no text.
    #[error("has a name that is not UTF-8; rename it")]
    NotText,
    /// Two class folders have one name.
    #[error("has the name of `{}`, written with other characters; merge the two", shown(.other))]
    SameName {
        /// The other folder.
        other: PathBuf,
    },
    /// A folder beside the splits has class folders, and is not read.
    #[error(
        "looks like a split, for it has folders of the classes {}, but only `train`, `val` \
         (`valid`, `validation`) and `test` are read; rename it to one of them, or move it away",
        quoted(.classes)
    )]
    UnknownSplit {
        /// The classes, three at most.
        classes: Vec<String>,
    },
    /// There are two folders for the validation split.
    #[error("is a second validation split beside `{}`; keep one", shown(.other))]
    SecondValidation {
        /// The other.
        other: PathBuf,
    },
}
