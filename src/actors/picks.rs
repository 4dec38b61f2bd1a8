//! What the policy thinks of the options of every menu, as it is published, and the series of
//! metrics that show it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::Probabilities;
use crate::space::Space;
use crate::telemetry::{MenuLabels, Metrics};

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
    /// The series that show them for architectures of `space`.
    pub fn series(space: Space) -> Vec<MenuLabels> {
        let parts = space.rules().parts();
        let menus = space.script().menus_of_parts().into_iter();
        let labels = menus.map(|(part, menu)| MenuLabels {
            part: parts[part].to_owned(),
            menu: menu.name.to_owned(),
            options: menu.options.iter().map(|&option| option.to_owned()).collect(),
        });
        labels.collect()
    }

    /// Shows it in the metrics.
    pub(super) fn show(&self, metrics: &Metrics) {
        let probabilities = self.options.iter().map(|option| option.probability);
        metrics.option_probabilities(&self.part, &self.menu, probabilities);
    }

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
