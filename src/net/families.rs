//! The family of nets of every space.

use std::sync::Arc;

use crate::net::few_shot::FewShot;
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
    let family: Arc<dyn NetFamily> = match space {
        Space::Micro(space) => Arc::new(MicroNet::new(space, *config, input)?),
        Space::WholeNet(space) => Arc::new(WholeNetFamily::new(space, *config, input)?),
    };
    if config.split_by == 0 {
        return Ok(family);
    }
    Ok(Arc::new(FewShot::new(family, space, config.split_by)?))
}
