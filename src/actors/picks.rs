//! What the policy thinks of the options of every menu, as it is published.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::Probabilities;
use crate::space::Space;

/// What the policy thinks of the options of a menu in one part of an architecture, averaged over
/// the decisions of the last rollouts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PickStatus {
    /// The part, such as `normal`.
    pub part: String,
    /// The menu, such as `op`.
    pub menu: String,
    /// The options, in the order of the menu.
    pub options: Vec<OptionStatus>,
}

/// One option of a menu.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OptionStatus {
    /// Its name.
    pub name: String,
    /// The probability that the policy gives it.
    pub probability: f64,
}

impl PickStatus {
    /// Of every part and menu of `space`.
    pub(super) fn all(space: Space, probabilities: &Probabilities) -> Vec<Self> {
        let parts = space.rules().parts();
        let picks = probabilities.iter().map(|picks| {
            let options = picks.menu.options.iter().zip(&picks.options);
            Self {
                part: parts[picks.part].to_owned(),
                menu: picks.menu.name.to_owned(),
                options: options
                    .map(|(name, &probability)| OptionStatus {
                        name: (*name).to_owned(),
                        probability,
                    })
                    .collect(),
            }
        });
        picks.collect()
    }
}
