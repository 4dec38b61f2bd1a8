//! The family of a space whose architectures become no nets: it is searched by a table of scores.

use std::collections::BTreeMap;

use crate::net::{Input, Net, NetError, NetFamily, ParamSpec};
use crate::space::Arch;

/// No nets, for any input.
#[derive(Debug)]
pub(super) struct NoNets {
    space: &'static str,
    input: Input,
}

impl NoNets {
    /// What stands for the nets of the space of this name, where `input` is what the data have.
    pub(super) fn new(space: &'static str, input: Input) -> Self {
        Self { space, input }
    }

    fn refused<T>(&self) -> Result<T, NetError> {
        Err(NetError::NoNets { space: self.space })
    }
}

impl NetFamily for NoNets {
    fn input(&self) -> Input {
        self.input
    }

    fn shared(&self, _: &Arch) -> Result<Net, NetError> {
        self.refused()
    }

    fn standalone(&self, _: &Arch) -> Result<Net, NetError> {
        self.refused()
    }

    fn shared_params(&self) -> BTreeMap<String, ParamSpec> {
        BTreeMap::new()
    }
}
