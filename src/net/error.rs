//! Why a net cannot be built.

use std::ops::RangeInclusive;

use crate::space::Space;

/// Why a net cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The architecture is of another space, or of another size, than the nets.
    #[error("the architecture is of the space {found}, but these nets are of {expected}")]
    Space {
        /// The space of the architecture.
        found: Space,
        /// The space of the nets.
        expected: Space,
    },
    /// The nets of the space read words, and those that are asked for are to read images.
    #[error(
        "the nets of the {space} space read words, and these are to read images; set `space.kind` \
         to `micro` or `whole_net`, whose nets do, or `data.source` to one that has text"
    )]
    ReadsWords {
        /// The name of the space.
        space: &'static str,
    },
    /// The nets of the space read images.
    #[error(
        "the nets of the {space} space read images, and these are to read words; set `space.kind` \
         to `recurrent` or `nas_rnn`, whose nets do, or `data.source` to one that has images"
    )]
    ReadsImages {
        /// The name of the space.
        space: &'static str,
    },
    /// The architecture has no cell for a net of words.
    #[error("the architecture is of the space {found}, which has no recurrent cell")]
    NoRecurrentCell {
        /// The space of the architecture.
        found: Space,
    },
    /// The nets of the space are trained from scratch alone.
    #[error(
        "the nets of the {space} space share no weights: each is trained from scratch, as a search does \
         with `score.estimator = \"stand-alone\"` and `schedule.shared_steps = 0`"
    )]
    NotShared {
        /// The name of the space.
        space: &'static str,
    },
    /// The space is for tables.
    #[error(
        "architectures of the {space} space become no nets: their scores are looked up \
         in a table by `enasd simulate`, and nothing of them is trained, measured or exported"
    )]
    NoNets {
        /// The name of the space.
        space: &'static str,
    },
    /// A size is outside its range.
    #[error("`{key}` is {found}; it must be {min} to {max}")]
    Range {
        /// The setting.
        key: &'static str,
        /// Its value.
        found: usize,
        /// Smallest value.
        min: usize,
        /// Largest value.
        max: usize,
    },
}

impl NetError {
    /// Refuses a size `found` of `key` out of `range`.
    pub(super) fn check_range(
        key: &'static str,
        found: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), Self> {
        if range.contains(&found) {
            return Ok(());
        }
        let (min, max) = range.into_inner();
        Err(Self::Range { key, found, min, max })
    }
}
