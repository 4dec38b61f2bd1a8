//! Few-shot sharing: a copy of ω for each option of one choice, so that fewer children share each
//! (Zhao et al., 2021).
//!
//! ```text
//! ω         every child                               one copy
//! ω₀ … ω₄   children whose choice n is 0 … 4          five copies, `of0.stem.weight` …
//! ```
//!
//! Departure from the paper: the copies are trained from the start, each by its own children, and
//! not first as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::net::config::SPLIT_BY;
use crate::net::{Input, Net, NetError, NetFamily, ParamSpec, WordCell};
use crate::space::{Arch, Space};

/// The nets of a family with copies of ω.
#[derive(Debug)]
pub(super) struct FewShot {
    family: Arc<dyn NetFamily>,
    /// The place of the choice.
    choice: usize,
    options: usize,
}

impl FewShot {
    /// The nets of `family`, with a copy of ω for each option of the choice of `space` that is
    /// number `split_by`, counted from 1.
    pub(super) fn new(
        family: Arc<dyn NetFamily>,
        space: Space,
        split_by: usize,
    ) -> Result<Self, NetError> {
        let options: Vec<usize> = space.script().options().collect();
        let most = options.len().min(*SPLIT_BY.end());
        NetError::check_range("net.split_by", split_by, 1..=most)?;
        let choice = split_by - 1;
        Ok(Self { family, choice, options: options[choice] })
    }
}

/// How the parameters of a copy begin.
fn prefix(option: usize) -> String {
    format!("of{option}.")
}

impl NetFamily for FewShot {
    fn input(&self) -> Input {
        self.family.input()
    }

    fn shared(&self, arch: &Arch) -> Result<Net, NetError> {
        let mut net = self.family.shared(arch)?;
        let prefix = prefix(arch.choices()[self.choice] as usize);
        for layer in &mut net.layers {
            layer.path.insert_str(0, &prefix);
            layer.rows.iter_mut().for_each(|row| row.insert_str(0, &prefix));
            let nodes = layer.cell.iter_mut().flat_map(WordCell::nodes_mut);
            nodes.for_each(|node| node.path.insert_str(0, &prefix));
        }
        Ok(net)
    }

    /// One copy: nobody shares with it.
    fn standalone(&self, arch: &Arch) -> Result<Net, NetError> {
        self.family.standalone(arch)
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        let one = self.family.shared_params();
        let copies = (0..self.options).map(prefix);
        let named = |prefix: String| {
            one.iter().map(move |(name, spec)| (format!("{prefix}{name}"), spec.clone()))
        };
        copies.flat_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{NetConfig, Shape, family};
    use crate::space::SpaceConfig;

    fn input() -> Input {
        Input::Image { shape: Shape { channels: 1, height: 8, width: 8 }, classes: 3 }
    }

    fn micro() -> Space {
        Space::new(&SpaceConfig { nodes: 2, ..SpaceConfig::default() }).unwrap()
    }

    fn with(split_by: usize) -> Result<Arc<dyn NetFamily>, NetError> {
        family(micro(), &NetConfig { channels: 2, split_by, ..NetConfig::default() }, input())
    }

    #[test]
    fn children_of_different_options_share_nothing_and_others_all_that_they_share() {
        // Input, input, operation and operation of each of two nodes of each of two cells: the
        // third choice is an operation.
        let options: Vec<usize> = micro().script().options().collect();
        let (split_by, n) = (3, options[2]);
        let (one, split) = (with(0).unwrap(), with(split_by).unwrap());
        assert_eq!(split.shared_params().len(), n * one.shared_params().len());
        let child = |option: u32| {
            let mut choices = vec![0; options.len()];
            choices[split_by - 1] = option;
            micro().arch(&choices).unwrap()
        };
        for option in 0..n as u32 {
            let arch = child(option);
            let net = split.shared(&arch).unwrap();
            let bare = one.shared(&arch).unwrap().params();
            let named =
                bare.iter().map(|(name, spec)| (format!("of{option}.{name}"), spec.clone()));
            assert_eq!(net.params(), named.collect());
            assert!(
                net.params()
                    .iter()
                    .all(|(name, spec)| { split.shared_params().get(name) == Some(spec) })
            );
            assert_eq!(split.standalone(&arch).unwrap(), one.standalone(&arch).unwrap());
        }
    }

    #[test]
    fn a_choice_that_no_architecture_has_is_refused() {
        let n = micro().script().options().count();
        let error = with(n + 1).unwrap_err();
        let key = "net.split_by";
        assert_eq!(error, NetError::Range { key, found: n + 1, min: 1, max: n });
        assert!(with(n).is_ok());
    }
}
