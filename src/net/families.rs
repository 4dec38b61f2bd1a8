//! The family of nets of every space.

use std::sync::Arc;

use crate::net::few_shot::FewShot;
use crate::net::micro::MicroNet;
use crate::net::nas_cnn::NasCnnFamily;
use crate::net::nas_rnn::TreeFamily;
use crate::net::nasnet::NasnetFamily;
use crate::net::no_nets::NoNets;
use crate::net::recurrent::WordFamily;
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
        Space::Recurrent(space) => Arc::new(WordFamily::new(space, *config, input)?),
        Space::NasCnn(space) => Arc::new(NasCnnFamily::new(space, *config, input)?),
        Space::NasRnn(space) => Arc::new(TreeFamily::new(space, *config, input)?),
        Space::Nasnet(space) => Arc::new(NasnetFamily::new(space, *config, input)?),
        Space::Nasbench201(_) => Arc::new(NoNets::new(space.name(), input)),
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

    #[track_caller]
    fn check(input: Input, reads: &[&str], refusal: &str) {
        for space in Space::each() {
            let found = family(space, &NetConfig::default(), input);
            let expected = (!reads.contains(&space.name())).then_some(());
            assert_eq!(found.as_ref().err().map(|_| ()), expected);
            if let Err(error) = found {
                let text = error.to_string();
                assert!(text.starts_with(&format!("the nets of the {} space", space.name())));
                assert!(text.contains(refusal), "{text}");
            }
        }
    }

    #[test]
    fn nets_of_words_read_no_images_and_those_of_images_no_words() {
        let shape = Shape { channels: 1, height: 8, width: 8 };
        let input = Input::Image { shape, classes: 3 };
        check(
            input,
            &["micro", "whole_net", "nas_cnn", "nasnet", "nasbench201"],
            "read words, and these are to read images",
        );
        let input = Input::Words { vocabulary: 30 };
        check(
            input,
            &["recurrent", "nas_rnn", "nasbench201"],
            "read images, and these are to read words",
        );
    }

    #[test]
    fn a_space_for_tables_has_no_nets_and_no_weights() {
        let shape = Shape { channels: 3, height: 32, width: 32 };
        let input = Input::Image { shape, classes: 10 };
        let space = Space::each().into_iter().find(|space| space.name() == "nasbench201").unwrap();
        let family = family(space, &NetConfig::default(), input).unwrap();
        let arch = space.rules().published().unwrap();
        let refused = Err(NetError::NoNets { space: "nasbench201" });
        assert_eq!([family.shared(&arch), family.standalone(&arch)], [refused.clone(), refused]);
        assert_eq!((family.input(), family.shared_params().len()), (input, 0));
    }

    #[test]
    fn a_vocabulary_has_two_words_at_least() {
        let space = Space::each().into_iter().find(|space| space.name() == "recurrent").unwrap();
        let found = family(space, &NetConfig::default(), Input::Words { vocabulary: 1 });
        assert_eq!(found.unwrap_err().to_string(), "`vocabulary` is 1; it must be 2 to 1000000");
    }
}
