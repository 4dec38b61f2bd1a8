//! The family of nets of every space.

use std::sync::Arc;

use crate::net::few_shot::FewShot;
use crate::net::micro::MicroNet;
use crate::net::whole_net::WholeNetFamily;
use crate::net::{Input, NetConfig, NetError, NetFamily};
use crate::space::Space;

/// The nets of `space` for `input`, or why that space has none that read it.
pub fn family(
    space: Space,
    config: &NetConfig,
    input: Input,
) -> Result<Arc<dyn NetFamily>, NetError> {
    let family: Arc<dyn NetFamily> = match space {
        Space::Micro(space) => Arc::new(MicroNet::new(space, *config, input)?),
        Space::WholeNet(space) => Arc::new(WholeNetFamily::new(space, *config, input)?),
        Space::Recurrent(_) => return Err(NetError::ReadsWords { space: space.name() }),
    };
    if config.split_by == 0 {
        return Ok(family);
    }
    Ok(Arc::new(FewShot::new(family, space, config.split_by)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Shape;

    #[test]
    fn no_net_of_the_recurrent_space_reads_images() {
        let input = Input::Image { shape: Shape { channels: 1, height: 8, width: 8 }, classes: 3 };
        for space in Space::each() {
            let found = family(space, &NetConfig::default(), input);
            let expected = (space.name() == "recurrent").then_some(
                "the nets of the recurrent space read words, and these are to read images; set \
                 `space.kind` to `micro` or `whole_net`, whose nets do",
            );
            assert_eq!(found.err().map(|err| err.to_string()).as_deref(), expected);
        }
    }
}
