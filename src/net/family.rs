//! A family of nets: everything of a child but its architecture.

use std::collections::BTreeMap;
use std::fmt;

use crate::net::config::CHANNELS;
use crate::net::{Net, NetError, ParamSpec, Shape};
use crate::space::{Arch, Space};

/// What the nets of a search read, and what they tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Images of one shape, each of one class.
    Image {
        /// The shape of one image.
        shape: Shape,
        /// The number of classes.
        classes: usize,
    },
    /// Words, each of which is predicted from those before it.
    Words {
        /// How many different ones there are.
        vocabulary: usize,
    },
}

impl Input {
    /// Channels, rows and columns of an image, and the number of classes; of words zeros, and how
    /// many different ones there are.
    pub fn sides(self) -> ([usize; 3], usize) {
        match self {
            Self::Image { shape: Shape { channels, height, width }, classes } => {
                ([channels, height, width], classes)
            }
            Self::Words { vocabulary } => ([0; 3], vocabulary),
        }
    }

    /// What has these [`Input::sides`].
    pub fn of_sides(image: [usize; 3], classes: usize) -> Self {
        let [channels, height, width] = image;
        match image {
            [0, 0, 0] => Self::Words { vocabulary: classes },
            _ => Self::Image { shape: Shape { channels, height, width }, classes },
        }
    }
}

/// The images and the number of classes of `input`, once the family of `space` can build nets with
/// `channels` channels for them.
pub(super) fn checked(
    space: Space,
    channels: usize,
    input: Input,
) -> Result<(Shape, usize), NetError> {
    let Input::Image { shape, classes } = input else {
        return Err(NetError::ReadsImages { space: space.name() });
    };
    for (key, found, range) in [
        ("channels", channels, CHANNELS),
        ("image channels", shape.channels, 1..=16),
        ("image height", shape.height, 4..=1024),
        ("image width", shape.width, 4..=1024),
        ("classes", classes, 2..=100_000),
    ] {
        NetError::check_range(key, found, range)?;
    }
    Ok((shape, classes))
}

/// Builds the nets of one space, size and input.
pub trait NetFamily: fmt::Debug + Send + Sync {
    /// What the nets read.
    fn input(&self) -> Input;

    /// The child `arch` with its part of the shared weights.
    fn shared(&self, arch: &Arch) -> Result<Net, NetError>;

    /// The child `arch` as it is trained from scratch and shipped.
    fn standalone(&self, arch: &Arch) -> Result<Net, NetError>;

    /// Every shared parameter ω, of all children together.
    fn shared_params(&self) -> BTreeMap<String, ParamSpec>;
}
