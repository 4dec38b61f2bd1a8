//! The family of nets of every space.

use std::sync::Arc;

use crate::net::micro::MicroNet;
use crate::net::whole_net::WholeNetFamily;
use crate::net::{Input, NetConfig, NetError, NetFamily};
use crate::space::Space;

/// The nets of `space` for `input`.
pub fn family(
    space: Space,
    config: &NetConfig,
    input: Input,
) -> Result<Arc<dyn NetFamily>, NetError> {
    match space {
        Space::Micro(space) => Ok(Arc::new(MicroNet::new(space, *config, input)?)),
        Space::WholeNet(space) => Ok(Arc::new(WholeNetFamily::new(space, *config, input)?)),
    }
}
