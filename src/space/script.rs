//! A script of decisions: what a policy is asked, in order, to spell an architecture.

use std::iter::repeat_n;

use crate::space::SpaceError;

/// One answer: the number of the chosen option.
pub type Choice = u32;

/// The options of a pick.
#[derive(Debug, PartialEq, Eq)]
pub struct Menu {
    /// Its name, as in the names of θ's parameters and in metrics; each of a space's menus has
    /// another.
    pub name: &'static str,
    /// The names of the options, in the order of the policy's logits.
    pub options: &'static [&'static str],
}

/// What is done with each node that a link asks for.
pub static LINK: Menu = Menu { name: "link", options: &["drop", "keep"] };

/// Which of the nodes that can be pointed at are favored by whoever knows nothing else of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// None.
    Even,
    /// Those placed last.
    Near,
}

/// One question to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Pick one option of a menu.
    Pick {
        /// The part of the architecture that it is for: the policy's prior depends on it.
        part: usize,
        /// What can be picked.
        menu: &'static Menu,
    },
    /// Point at one of the nodes of this part that are placed.
    Point {
        /// How many these are.
        earlier: usize,
        /// Which of them the authors' policy favors before it has learnt anything.
        locality: Locality,
    },
    /// Keep or drop each of the nodes of this part that are placed, by a choice of 2 for each; the
    /// node that asks is then placed as the next.
    Link {
        /// The part of the architecture that it is for.
        part: usize,
        /// How many these are; none for the first node.
        earlier: usize,
    },
}

impl Decision {
    /// The number of options of each choice that answers it.
    pub fn answers(&self) -> impl Iterator<Item = usize> + use<> {
        match *self {
            Self::Pick { menu, .. } => repeat_n(menu.options.len(), 1),
            Self::Point { earlier, .. } => repeat_n(earlier, 1),
            Self::Link { earlier, .. } => repeat_n(LINK.options.len(), earlier),
        }
    }

    /// What each of its choices is from, and for which part; nothing where it points at nodes.
    pub fn menu(&self) -> Option<(usize, &'static Menu)> {
        match *self {
            Self::Pick { part, menu } => Some((part, menu)),
            Self::Link { part, .. } => Some((part, &LINK)),
            Self::Point { .. } => None,
        }
    }
}

/// One line of a script. Some lines ask for choices, others only move the policy on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A part begins: forget the nodes of the one before and place the inputs.
    Begin {
        /// The part that begins.
        part: usize,
        /// Nodes that are there before the first decision.
        inputs: usize,
    },
    /// A decision.
    Ask(Decision),
    /// The node just decided on is placed: later decisions may point at it.
    Place,
}

/// Everything a policy is asked for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(pub(crate) Vec<Step>);

impl Script {
    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The decisions, in order.
    pub fn decisions(&self) -> impl Iterator<Item = Decision> + '_ {
        self.0.iter().filter_map(|step| match step {
            Step::Ask(decision) => Some(*decision),
            Step::Begin { .. } | Step::Place => None,
        })
    }

    /// The number of options of every choice, in order.
    pub fn options(&self) -> impl Iterator<Item = usize> + '_ {
        self.decisions().flat_map(|decision| decision.answers())
    }

    /// The menus that are picked from, each once, in the order in which they come first.
    pub fn menus(&self) -> Vec<&'static Menu> {
        let mut menus: Vec<&'static Menu> = Vec::new();
        for decision in self.decisions() {
            if let Decision::Pick { menu, .. } = decision
                && !menus.contains(&menu)
            {
                menus.push(menu);
            }
        }
        menus
    }

    /// What is chosen from in each part, links included, each once and in the order in which they
    /// come first.
    pub fn menus_of_parts(&self) -> Vec<(usize, &'static Menu)> {
        let mut found = Vec::new();
        for decision in self.decisions().filter(|decision| decision.answers().next().is_some()) {
            found.extend(decision.menu().filter(|menu| !found.contains(menu)));
        }
        found
    }

    /// Whether `choices` answer every decision, each with one of its options.
    pub fn check(&self, choices: &[Choice]) -> Result<(), SpaceError> {
        let expected = self.options().count();
        if choices.len() != expected {
            return Err(SpaceError::ChoiceCount { found: choices.len(), expected });
        }
        for (position, (&found, options)) in choices.iter().zip(self.options()).enumerate() {
            if options <= found as usize {
                return Err(SpaceError::ChoiceRange { position, found, options });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static OP: Menu = Menu { name: "op", options: &["a", "b", "c"] };
    static SIZE: Menu = Menu { name: "size", options: &["s", "m", "l", "xl"] };

    #[test]
    fn a_decision_asks_for_as_many_choices_as_it_has_answers() {
        let pick = |menu| Step::Ask(Decision::Pick { part: 0, menu });
        let script = Script(vec![
            Step::Begin { part: 0, inputs: 2 },
            Step::Ask(Decision::Point { earlier: 2, locality: Locality::Even }),
            pick(&OP),
            pick(&SIZE),
            Step::Place,
            pick(&OP),
            Step::Ask(Decision::Link { part: 1, earlier: 3 }),
        ]);
        assert_eq!(script.options().collect::<Vec<_>>(), [2, 3, 4, 3, 2, 2, 2]);
        assert_eq!(script.menus(), [&OP, &SIZE]);
        assert_eq!(script.menus_of_parts(), [(0, &OP), (0, &SIZE), (1, &LINK)]);
        assert_eq!(script.check(&[1, 2, 3, 0, 1, 0, 1]), Ok(()));
        let short = SpaceError::ChoiceCount { found: 6, expected: 7 };
        assert_eq!(script.check(&[1, 2, 3, 0, 1, 0]), Err(short));
        let wide = SpaceError::ChoiceRange { position: 6, found: 2, options: 2 };
        assert_eq!(script.check(&[1, 2, 3, 0, 1, 0, 2]), Err(wide));
    }
}
