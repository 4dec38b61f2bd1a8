//! Why an image file cannot be used.

use crate::printable::shown;

/// Why an image file cannot be used. Each text goes on after the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageFault {
    /// There is no byte.
    #[error("is empty (0 bytes); replace or remove it")]
    Empty,
    /// The contents are no image.
    #[error(
        "is {found}, and class folders hold images only; move it out, or begin its name with a \
         dot to have it ignored"
    )]
    NotAnImage {
        /// What it is.
        found: String,
    },
    /// The contents are no image, where one was to be classified.
    #[error("is {found}, and no image; give PNG, JPEG, WebP or BMP")]
    NoImage {
        /// What it is.
        found: String,
    },
    /// The net does not read what images have.
    #[error(
        "cannot be shown to a net that reads {channels} channels: images are grey, which is 1, or \
         color, which is 3"
    )]
    Channels {
        /// Channels that the net reads.
        channels: usize,
    },
    /// The contents are an image of a format that is not read.
    #[error("is {found}; convert it to PNG, JPEG, WebP or BMP")]
    Format {
        /// The format.
        found: String,
    },
    /// One side is too long.
    #[error(
        "is {width}×{height} pixels, and a side may have {limit} at most; shrink it, or remove it"
    )]
    Sides {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// The most pixels of either.
        limit: u32,
    },
    /// The pixels are too many to decode.
    #[error(
        "unpacks to {found} bytes, and the limit is {limit}; shrink it, or store it with 8 bits"
    )]
    Unpacked {
        /// Bytes of its pixels.
        found: u64,
        /// The most bytes.
        limit: u64,
    },
    /// The file ends before the image does.
    #[error(
        "ends inside the image, after {found} bytes: it was cut when it was copied or fetched; \
         replace or remove it"
    )]
    Cut {
        /// Bytes of the file.
        found: usize,
    },
    /// The decoder refused it.
    #[error("cannot be decoded: {}; replace or remove it", shown(.why))]
    Decode {
        /// What the decoder said, in one line.
        why: String,
    },
    /// 16 bits a value hold differences that 8 bits lose.
    #[error(
        "has 16 bits a value, from {low} to {high}, and the set goes from {} to {}: its 8 bits \
         would make them one value; give images of one kind, all with 16 bits or none",
        of[0], of[1]
    )]
    Depth {
        /// The smallest value.
        low: u16,
        /// The largest.
        high: u16,
        /// The smallest and the largest of the set.
        of: [u16; 2],
    },
}

impl ImageFault {
    /// What a decoder said, with its lines joined.
    pub(super) fn decode(error: impl std::fmt::Display) -> Self {
        let why = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Decode { why }
    }
}
