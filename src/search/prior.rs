//! What the authors give a policy beside what it learns: biases of the options of single menus, and
//! nearness of nodes.
//!
//! Micro: the learnt bias begins at 10 for separable convolutions. It saturates the tanh, so its
//! gradient is next to nothing and the preference for separable convolutions stays. A fixed bias
//! favors them in the normal cell once more. Other menus have neither.
//!
//! Recurrent: a node d nodes back is pointed at with a logit that is less by d²/6, so that cells are
//! deep rather than wide; and its anchor counts for 1/(0.1 + d) in what the LSTM reads next.

use crate::space::Menu;

/// The biases of a menu's options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prior {
    /// At first, of the bias that θ learns; empty where the menu has no such bias.
    pub(super) bias: &'static [f64],
    /// For each part from the first on: added to the logits after the tanh, and not learnt.
    pub(super) fixed: &'static [&'static [f64]],
}

/// Of the micro space, in the order of its operations.
const MICRO: Prior =
    Prior { bias: &[10.0, 10.0, 0.0, 0.0, 0.0], fixed: &[&[0.25, 0.25, -0.25, -0.25, -0.25]] };

/// The biases that the authors gave to the options of `menu`.
pub(super) fn prior(menu: &Menu) -> Prior {
    match menu.name {
        "op" => MICRO,
        _ => Prior { bias: &[], fixed: &[] },
    }
}

/// What is added to the logits of pointing at each of `earlier` nodes where near ones are favored.
pub(super) fn nearness(earlier: usize) -> Vec<f64> {
    (1..=earlier).rev().map(|back| -((back * back) as f64) / 6.0).collect()
}

/// The factor of the anchor of a node that is so many nodes back, where near ones are favored.
pub(super) fn near_share(back: usize) -> f64 {
    1.0 / (0.1 + back as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Space;

    #[test]
    fn a_prior_has_a_bias_for_each_option_or_for_none() {
        let mut names = std::collections::BTreeSet::new();
        for menu in Space::each().into_iter().flat_map(|space| space.script().menus()) {
            assert!(names.insert(menu.name), "two spaces call a menu `{}`", menu.name);
            let Prior { bias, fixed } = prior(menu);
            for biases in fixed.iter().chain([&bias]).filter(|biases| !biases.is_empty()) {
                assert_eq!(biases.len(), menu.options.len(), "{}", menu.name);
            }
        }
    }
}
