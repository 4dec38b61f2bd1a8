//! The version of a JSON file's form, its field `format`. It is looked at before all else, so that a
//! file of a later program is never taken for a damaged one.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::store::{Defect, StoreError};

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was changed, or never was one.
    Damaged(Defect),
    /// It is whole, and of a later form.
    Later {
        /// Its form.
        found: u32,
        /// The latest that this program reads.
        expected: u32,
    },
}

impl Refusal {
    /// The same as an error that says what is refused.
    pub(super) fn of(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Damaged(why) => StoreError::Corrupt { path, why },
            Self::Later { found, expected } => StoreError::Format { path, found, expected },
        }
    }
}

/// Reads the file `name`, whose latest form is `latest`.
pub(super) fn read_form<T: DeserializeOwned>(
    name: &str,
    bytes: &[u8],
    latest: u32,
) -> Result<T, Refusal> {
    #[derive(Deserialize)]
    struct AnyForm {
        format: u32,
    }
    let syntax = |err: serde_json::Error| {
        let (line, column) = (err.line(), err.column());
        Refusal::Damaged(Defect::Syntax { name: name.to_owned(), line, column })
    };
    let AnyForm { format: found } = serde_json::from_slice(bytes).map_err(syntax)?;
    if latest < found {
        return Err(Refusal::Later { found, expected: latest });
    }
    serde_json::from_slice(bytes).map_err(syntax)
}
